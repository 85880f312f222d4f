/* SPDX-License-Identifier: MIT */
/* The block kernels of SHA-256, for sha256.c and its tests. */
#ifndef SFX_BASE_SHA256_INTERNAL_H
#define SFX_BASE_SHA256_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* A kernel: folds nblocks blocks of 64 bytes at data into state (FIPS 180-4 section 6.2.2). */
typedef void sfx_sha256_blocks_fn(uint32_t state[8], const unsigned char *data, size_t nblocks);

/* FIPS 180-4 section 4.2.2. */
extern const uint32_t sfx_sha256_k[64];

#if defined(__x86_64__)
/* Needs SFX_CPU_SHA and SFX_CPU_SSE42. */
sfx_sha256_blocks_fn sfx_sha256_blocks_shani;
#endif

#endif
