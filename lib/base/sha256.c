/* SPDX-License-Identifier: MIT */
/* SHA-256 after FIPS 180-4: the portable kernel, the choice of the kernel, and the padding. */
#include "base/sha256.h"

#include "base/cpu.h"
#include "base/sha256_internal.h"

#include <endian.h>
#include <string.h>

#define BLOCK_NBYTES 64

const uint32_t sfx_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, int bits)
{
    return (x >> bits) | (x << (32 - bits));
}

/* Section 6.2.2 step 1: the message schedule of one block. */
static void expand(uint32_t w[64], const unsigned char *block)
{
    int t;

    for (t = 0; t < 16; t++) {
        uint32_t word;

        memcpy(&word, block + (size_t)t * 4, sizeof(word));
        w[t] = be32toh(word);
    }
    for (; t < 64; t++) {
        uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
        uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);

        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
}

static void blocks_portable(uint32_t state[8], const unsigned char *data, size_t nblocks)
{
    for (; nblocks > 0; nblocks--, data += BLOCK_NBYTES) {
        uint32_t v[8];
        uint32_t w[64];
        int t;

        expand(w, data);
        memcpy(v, state, sizeof(v));
        for (t = 0; t < 64; t++) {
            uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
            uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
            uint32_t t1 = v[7] + s1 + choice + sfx_sha256_k[t] + w[t];
            uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
            uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

            memmove(v + 1, v, 7 * sizeof(v[0]));
            v[4] += t1;
            v[0] = t1 + s0 + majority;
        }
        for (t = 0; t < 8; t++)
            state[t] += v[t];
    }
}

/* Best first; the last needs nothing. */
static const struct {
    uint32_t needs; /* set of enum sfx_cpu_feature */
    sfx_sha256_blocks_fn *blocks;
} kernels[] = {
#if defined(__x86_64__)
    {SFX_CPU_SHA | SFX_CPU_SSE42, sfx_sha256_blocks_shani},
#endif
    {0, blocks_portable},
};

static void fold(struct sfx_sha256 *ctx, const unsigned char *data, size_t nblocks)
{
    uint32_t have = sfx_cpu_features();
    size_t i = 0;

    while ((kernels[i].needs & ~have) != 0)
        i++;
    kernels[i].blocks(ctx->state, data, nblocks);
}

void sfx_sha256_init(struct sfx_sha256 *ctx)
{
    /* FIPS 180-4 section 5.3.3 */
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(ctx->state, initial, sizeof(initial));
    ctx->total_nbytes = 0;
}

void sfx_sha256_update(struct sfx_sha256 *ctx, const void *ptr, size_t len)
{
    const unsigned char *p = ptr;
    size_t held = (size_t)(ctx->total_nbytes % BLOCK_NBYTES);

    if (len == 0)
        return;
    ctx->total_nbytes += len;
    if (held > 0) {
        size_t room = BLOCK_NBYTES - held;
        size_t take = len < room ? len : room;

        memcpy(ctx->block + held, p, take);
        if (held + take < BLOCK_NBYTES)
            return;
        fold(ctx, ctx->block, 1);
        p += take;
        len -= take;
    }
    if (len >= BLOCK_NBYTES)
        fold(ctx, p, len / BLOCK_NBYTES);
    memcpy(ctx->block, p + len / BLOCK_NBYTES * BLOCK_NBYTES, len % BLOCK_NBYTES);
}

void sfx_sha256_final(struct sfx_sha256 *ctx, unsigned char out[SFX_SHA256_NBYTES])
{
    /* Section 5.1.1: a one bit, zeros, and the length in bits as the last eight bytes. */
    static const unsigned char padding[BLOCK_NBYTES] = {0x80};
    uint64_t length_be = htobe64(ctx->total_nbytes * 8);
    size_t held = (size_t)(ctx->total_nbytes % BLOCK_NBYTES);
    size_t npadding = (held < 56 ? 56 : 120) - held;
    int i;

    sfx_sha256_update(ctx, padding, npadding);
    sfx_sha256_update(ctx, &length_be, sizeof(length_be));
    for (i = 0; i < 8; i++) {
        uint32_t word = htobe32(ctx->state[i]);

        memcpy(out + (size_t)i * 4, &word, sizeof(word));
    }
}

void sfx_sha256_hex(const unsigned char digest[SFX_SHA256_NBYTES], char out[65])
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < SFX_SHA256_NBYTES; i++) {
        out[i * 2] = digits[digest[i] >> 4];
        out[i * 2 + 1] = digits[digest[i] & 15];
    }
    out[64] = '\0';
}
