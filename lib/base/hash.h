/* SPDX-License-Identifier: MIT */
/* A fast 64-bit hash for tables and ids; not for secrets. Source: XXH64, xxHash specification
 * 0.1.1. */
#ifndef SFX_BASE_HASH_H
#define SFX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 of len bytes at ptr with a seed. Same result on every machine. */
uint64_t sfx_hash64(const void *ptr, size_t len, uint64_t seed);

/* Mixes one 64-bit value well (for integer keys). */
static inline uint64_t sfx_hash64_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

#endif
