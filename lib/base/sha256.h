/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4): what ledgers know content by. Uses the CPU's SHA instructions where it has
 * them. */
#ifndef SFX_BASE_SHA256_H
#define SFX_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SFX_SHA256_NBYTES 32

struct sfx_sha256 {
    uint32_t state[8];
    uint64_t total_nbytes;
    unsigned char block[64];
};

/* Starts a hash in the caller's storage. */
void sfx_sha256_init(struct sfx_sha256 *ctx);

/* Adds len bytes at ptr. */
void sfx_sha256_update(struct sfx_sha256 *ctx, const void *ptr, size_t len);

/* Ends the hash and fills out; ctx must be initialised again before another use. */
void sfx_sha256_final(struct sfx_sha256 *ctx, unsigned char out[SFX_SHA256_NBYTES]);

/* Writes the digest as 64 lower-case hex digits and a terminator. */
void sfx_sha256_hex(const unsigned char digest[SFX_SHA256_NBYTES], char out[65]);

#endif
