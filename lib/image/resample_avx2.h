/* SPDX-License-Identifier: MIT */
/* The operations on taps and channels with AVX2, which are AVX-512's as well: with few taps, or
 * where memory is waited for, longer registers gain nothing. */
#ifndef SFX_IMAGE_RESAMPLE_AVX2_H
#define SFX_IMAGE_RESAMPLE_AVX2_H

#include "image/resample_internal.h"

#include "base/cpu.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

#define PARTS 16
typedef __m256i parts;

AVX2 static inline parts parts_start(void)
{
    return _mm256_setzero_si256();
}

AVX2 static inline parts parts_add(parts sum, const int16_t *samples, const int16_t *w)
{
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)samples);
    const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)w);

    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

AVX2 static inline uint32_t parts_join(parts a, parts b, parts c, parts d)
{
    const __m128i half = _mm_set1_epi32(1 << (SFX_RESAMPLE_H_SHIFT - 1));
    __m256i abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));

    sum = _mm_srai_epi32(_mm_add_epi32(sum, half), SFX_RESAMPLE_H_SHIFT);
    sum = _mm_packs_epi32(sum, sum);
    return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
}

/* Three channels, 8 pixels a step: each output register gathers its words from three inputs. */
AVX2 static inline size_t split_three(const int16_t *restrict src, size_t n, int16_t *const *dst)
{
    /* Word w of input register j holds channel (8 * j + w) % 3 of pixel (8 * j + w) / 3. */
    static const int8_t x = -1;
    const __m128i r0 = _mm_setr_epi8(0, 1, 6, 7, 12, 13, x, x, x, x, x, x, x, x, x, x);
    const __m128i r1 = _mm_setr_epi8(x, x, x, x, x, x, 2, 3, 8, 9, 14, 15, x, x, x, x);
    const __m128i r2 = _mm_setr_epi8(x, x, x, x, x, x, x, x, x, x, x, x, 4, 5, 10, 11);
    const __m128i g0 = _mm_setr_epi8(2, 3, 8, 9, 14, 15, x, x, x, x, x, x, x, x, x, x);
    const __m128i g1 = _mm_setr_epi8(x, x, x, x, x, x, 4, 5, 10, 11, x, x, x, x, x, x);
    const __m128i g2 = _mm_setr_epi8(x, x, x, x, x, x, x, x, x, x, 0, 1, 6, 7, 12, 13);
    const __m128i b0 = _mm_setr_epi8(4, 5, 10, 11, x, x, x, x, x, x, x, x, x, x, x, x);
    const __m128i b1 = _mm_setr_epi8(x, x, x, x, 0, 1, 6, 7, 12, 13, x, x, x, x, x, x);
    const __m128i b2 = _mm_setr_epi8(x, x, x, x, x, x, x, x, x, x, 2, 3, 8, 9, 14, 15);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8) {
        const __m128i *in = (const __m128i *)(const void *)(src + i * 3);
        __m128i p = _mm_loadu_si128(in), q = _mm_loadu_si128(in + 1), s = _mm_loadu_si128(in + 2);
        __m128i r = _mm_or_si128(_mm_shuffle_epi8(p, r0), _mm_shuffle_epi8(q, r1));
        __m128i g = _mm_or_si128(_mm_shuffle_epi8(p, g0), _mm_shuffle_epi8(q, g1));
        __m128i b = _mm_or_si128(_mm_shuffle_epi8(p, b0), _mm_shuffle_epi8(q, b1));

        _mm_storeu_si128((__m128i *)(void *)(dst[0] + i), _mm_or_si128(r, _mm_shuffle_epi8(s, r2)));
        _mm_storeu_si128((__m128i *)(void *)(dst[1] + i), _mm_or_si128(g, _mm_shuffle_epi8(s, g2)));
        _mm_storeu_si128((__m128i *)(void *)(dst[2] + i), _mm_or_si128(b, _mm_shuffle_epi8(s, b2)));
    }
    return i;
}

#endif
