/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 with the x86 SHA extensions (Intel SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2).
 *
 * The instructions want the state as the two vectors {F,E,B,A} and {H,G,D,C} and do two rounds
 * each; sixteen groups of four rounds make a block.
 */
#include "base/sha256_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* The four schedule words after m3, from the sixteen in m0..m3 (FIPS 180-4 section 6.2.2). */
TARGET static inline __m128i next_words(__m128i m0, __m128i m1, __m128i m2, __m128i m3)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(m3, m2, 4));

    return _mm_sha256msg2_epu32(sum, m3);
}

/* Four rounds with the schedule words m and the constants of group. */
TARGET static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i m, int group)
{
    const __m128i *k = (const __m128i *)(const void *)sfx_sha256_k;
    __m128i wk = _mm_add_epi32(m, _mm_loadu_si128(k + group));

    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

TARGET static inline void one_block(__m128i *abef, __m128i *cdgh, const unsigned char *data)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i *in = (const __m128i *)(const void *)data;
    __m128i m[4];
    int i;

    for (i = 0; i < 4; i++) {
        m[i] = _mm_shuffle_epi8(_mm_loadu_si128(in + i), swap);
        four_rounds(abef, cdgh, m[i], i);
    }
#pragma GCC unroll 12
    for (i = 4; i < 16; i++) {
        m[i & 3] = next_words(m[i & 3], m[(i + 1) & 3], m[(i + 2) & 3], m[(i + 3) & 3]);
        four_rounds(abef, cdgh, m[i & 3], i);
    }
}

TARGET void sfx_sha256_blocks_shani(uint32_t state[8], const unsigned char *data, size_t nblocks)
{
    __m128i *io = (__m128i *)(void *)state;
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(io), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(io + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (; nblocks > 0; nblocks--, data += 64) {
        __m128i abef_before = abef;
        __m128i cdgh_before = cdgh;

        one_block(&abef, &cdgh, data);
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    hgfe = _mm_shuffle_epi32(abef, 0x1b);
    badc = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(io, _mm_blend_epi16(hgfe, badc, 0xf0));
    _mm_storeu_si128(io + 1, _mm_alignr_epi8(badc, hgfe, 8));
}
#else
/* Nothing for this machine; a translation unit must not be empty. */
typedef int sfx_sha256_shani_unused;
#endif
