/* SPDX-License-Identifier: MIT */
/* The inner loops for every x86-64. */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include <emmintrin.h>

static inline __m128i load(const void *ptr)
{
    return _mm_loadu_si128((const __m128i *)ptr);
}

#define STEP 16
#define ROWS 2

struct sums {
    __m128i s[4];
};

static inline struct sums sums_start(void)
{
    const __m128i half = _mm_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));

    return (struct sums){{half, half, half, half}};
}

/* Two rows are interleaved, so that one multiply-add takes a pair of samples. */
static inline void sums_add(struct sums *sums, const uint8_t *const *rows, const int16_t *w,
                            size_t at)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i a = load(rows[0] + at), b = load(rows[1] + at);
    const __m128i pair = _mm_set1_epi32(sfx_resample_pair(w));
    const __m128i lo = _mm_unpacklo_epi8(a, b), hi = _mm_unpackhi_epi8(a, b);
    __m128i *s = sums->s;

    s[0] = _mm_add_epi32(s[0], _mm_madd_epi16(_mm_unpacklo_epi8(lo, zero), pair));
    s[1] = _mm_add_epi32(s[1], _mm_madd_epi16(_mm_unpackhi_epi8(lo, zero), pair));
    s[2] = _mm_add_epi32(s[2], _mm_madd_epi16(_mm_unpacklo_epi8(hi, zero), pair));
    s[3] = _mm_add_epi32(s[3], _mm_madd_epi16(_mm_unpackhi_epi8(hi, zero), pair));
}

static inline __m128i shift_pack(__m128i lo, __m128i hi)
{
    return _mm_packs_epi32(_mm_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                           _mm_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

static inline void sums_store(const struct sums *sums, int16_t *dst)
{
    _mm_storeu_si128((__m128i *)(void *)dst, shift_pack(sums->s[0], sums->s[1]));
    _mm_storeu_si128((__m128i *)(void *)(dst + 8), shift_pack(sums->s[2], sums->s[3]));
}

#define PARTS 8
typedef __m128i parts;

static inline parts parts_start(void)
{
    return _mm_setzero_si128();
}

static inline parts parts_add(parts sum, const int16_t *samples, const int16_t *w)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(load(samples), load(w)));
}

/* The sums of a's halves and of b's. */
static inline __m128i add_halves(__m128i a, __m128i b)
{
    return _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
}

static inline uint32_t parts_join(parts a, parts b, parts c, parts d)
{
    const __m128i half = _mm_set1_epi32(1 << (SFX_RESAMPLE_H_SHIFT - 1));
    const __m128i ab = add_halves(a, b), cd = add_halves(c, d);
    __m128i sum = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));

    sum = _mm_srai_epi32(_mm_add_epi32(sum, half), SFX_RESAMPLE_H_SHIFT);
    sum = _mm_packs_epi32(sum, sum);
    return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
}

/* Without a shuffle of bytes there is no gain in it. */
static inline size_t split_three(const int16_t *src, size_t n, int16_t *const *dst)
{
    (void)src;
    (void)n;
    (void)dst;
    return 0;
}

#define LOOPS
#define REAL_LOOPS
#define REAL_LANES 4
#define NEEDS      0 /* x86-64 has it */
#define VARIANT    sfx_resample_sse2
#include "image/resample_loops.h"

#endif
