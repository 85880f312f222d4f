/* SPDX-License-Identifier: MIT */
/* XXH64, after the xxHash specification 0.1.1; the names of the steps are the specification's. */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

static const uint64_t PRIME1 = UINT64_C(0x9E3779B185EBCA87);
static const uint64_t PRIME2 = UINT64_C(0xC2B2AE3D27D4EB4F);
static const uint64_t PRIME3 = UINT64_C(0x165667B19E3779F9);
static const uint64_t PRIME4 = UINT64_C(0x85EBCA77C2B2AE63);
static const uint64_t PRIME5 = UINT64_C(0x27D4EB2F165667C5);

#define STRIPE_NBYTES 32 /* four lanes of eight bytes */

static inline uint64_t rotl(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

static inline uint32_t load32(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

/* "round" of the specification. */
static inline uint64_t mix_lane(uint64_t acc, uint64_t lane)
{
    return rotl(acc + lane * PRIME2, 31) * PRIME1;
}

static inline uint64_t merge(uint64_t acc, uint64_t lane_acc)
{
    return (acc ^ mix_lane(0, lane_acc)) * PRIME1 + PRIME4;
}

/* Steps 1 to 3: the whole stripes. Advances *p past them. */
static uint64_t hash_stripes(const unsigned char **p, size_t nstripes, uint64_t seed)
{
    uint64_t acc1 = seed + PRIME1 + PRIME2;
    uint64_t acc2 = seed + PRIME2;
    uint64_t acc3 = seed;
    uint64_t acc4 = seed - PRIME1;
    const unsigned char *at = *p;
    uint64_t acc;

    for (; nstripes > 0; nstripes--, at += STRIPE_NBYTES) {
        acc1 = mix_lane(acc1, load64(at));
        acc2 = mix_lane(acc2, load64(at + 8));
        acc3 = mix_lane(acc3, load64(at + 16));
        acc4 = mix_lane(acc4, load64(at + 24));
    }
    *p = at;
    acc = rotl(acc1, 1) + rotl(acc2, 7) + rotl(acc3, 12) + rotl(acc4, 18);
    acc = merge(acc, acc1);
    acc = merge(acc, acc2);
    acc = merge(acc, acc3);
    return merge(acc, acc4);
}

/* Steps 5 and 6: what is left of less than a stripe, then the avalanche. */
static uint64_t hash_rest(uint64_t acc, const unsigned char *p, size_t len)
{
    for (; len >= 8; len -= 8, p += 8)
        acc = rotl(acc ^ mix_lane(0, load64(p)), 27) * PRIME1 + PRIME4;
    if (len >= 4) {
        acc = rotl(acc ^ (load32(p) * PRIME1), 23) * PRIME2 + PRIME3;
        len -= 4;
        p += 4;
    }
    for (; len > 0; len--, p++)
        acc = rotl(acc ^ (*p * PRIME5), 11) * PRIME1;
    acc = (acc ^ (acc >> 33)) * PRIME2;
    acc = (acc ^ (acc >> 29)) * PRIME3;
    return acc ^ (acc >> 32);
}

uint64_t sfx_hash64(const void *ptr, size_t len, uint64_t seed)
{
    const unsigned char *p = ptr;
    uint64_t acc = seed + PRIME5;

    if (len >= STRIPE_NBYTES)
        acc = hash_stripes(&p, len / STRIPE_NBYTES, seed);
    return hash_rest(acc + len, p, len % STRIPE_NBYTES);
}
