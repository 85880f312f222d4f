/* SPDX-License-Identifier: MIT */
/*
 * The inner loops for every x86-64: as resample_avx2.c with registers of half the size.
 */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include <emmintrin.h>

static inline __m128i load(const void *ptr)
{
    return _mm_loadu_si128((const __m128i *)ptr);
}

static inline __m128i shift_pack(__m128i lo, __m128i hi)
{
    return _mm_packs_epi32(_mm_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                           _mm_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

/* 16 samples at column i; two rows are interleaved, so that pmaddwd takes a pair of them. */
static void vertical_u8_step(const uint8_t *const *rows, const int16_t *w, size_t ntaps, size_t i,
                             int16_t *restrict dst)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i half = _mm_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));
    __m128i s0 = half, s1 = half, s2 = half, s3 = half;
    size_t k;

    for (k = 0; k < ntaps; k += 2) {
        __m128i a = load(rows[k] + i), b = k + 1 < ntaps ? load(rows[k + 1] + i) : zero;
        uint32_t second = k + 1 < ntaps ? (uint16_t)w[k + 1] : 0;
        __m128i pair = _mm_set1_epi32((int32_t)((uint16_t)w[k] | second << 16));
        __m128i lo = _mm_unpacklo_epi8(a, b), hi = _mm_unpackhi_epi8(a, b);

        s0 = _mm_add_epi32(s0, _mm_madd_epi16(_mm_unpacklo_epi8(lo, zero), pair));
        s1 = _mm_add_epi32(s1, _mm_madd_epi16(_mm_unpackhi_epi8(lo, zero), pair));
        s2 = _mm_add_epi32(s2, _mm_madd_epi16(_mm_unpacklo_epi8(hi, zero), pair));
        s3 = _mm_add_epi32(s3, _mm_madd_epi16(_mm_unpackhi_epi8(hi, zero), pair));
    }
    _mm_storeu_si128((__m128i *)(void *)(dst + i), shift_pack(s0, s1));
    _mm_storeu_si128((__m128i *)(void *)(dst + i + 8), shift_pack(s2, s3));
}

static void vertical_u8(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                        int16_t *restrict dst, size_t n)
{
    size_t i;

    if (n < 16) {
        sfx_resample_portable.vertical_u8(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + 16 <= n; i += 16)
        vertical_u8_step(rows, w, ntaps, i, dst);
    /* The rest, by a step that overlaps what is done. */
    if (i < n)
        vertical_u8_step(rows, w, ntaps, n - 16, dst);
}

static void vertical_f32_step(const float *const *rows, const float *w, size_t ntaps, size_t i,
                              float *restrict dst)
{
    __m128 s0 = _mm_setzero_ps(), s1 = s0;
    size_t k;

    for (k = 0; k < ntaps; k++) {
        __m128 weight = _mm_set1_ps(w[k]);

        s0 = _mm_add_ps(s0, _mm_mul_ps(_mm_loadu_ps(rows[k] + i), weight));
        s1 = _mm_add_ps(s1, _mm_mul_ps(_mm_loadu_ps(rows[k] + i + 4), weight));
    }
    _mm_storeu_ps(dst + i, s0);
    _mm_storeu_ps(dst + i + 4, s1);
}

static void vertical_f32(const float *const *rows, const float *w, size_t ntaps,
                         float *restrict dst, size_t n)
{
    size_t i;

    if (n < 8) {
        sfx_resample_portable.vertical_f32(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + 8 <= n; i += 8)
        vertical_f32_step(rows, w, ntaps, i, dst);
    if (i < n)
        vertical_f32_step(rows, w, ntaps, n - 8, dst);
}

static void horizontal_u8(const int16_t *restrict src, const uint32_t *first, const int16_t *w,
                          size_t stride, uint8_t *restrict dst, size_t step, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++, w += stride) {
        const int16_t *at = src + first[i];
        __m128i sum = _mm_setzero_si128();
        int32_t total;

        for (k = 0; k < stride; k += 8)
            sum = _mm_add_epi32(sum, _mm_madd_epi16(load(at + k), load(w + k)));
        sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
        sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
        total =
            (_mm_cvtsi128_si32(sum) + (1 << (SFX_RESAMPLE_H_SHIFT - 1))) >> SFX_RESAMPLE_H_SHIFT;
        dst[i * step] = (uint8_t)(total < 0 ? 0 : total > 255 ? 255 : total);
    }
}

static void horizontal_f32(const float *restrict src, const uint32_t *first, const float *w,
                           size_t stride, float *restrict dst, size_t step, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++, w += stride) {
        const float *at = src + first[i];
        __m128 lo = _mm_setzero_ps(), hi = lo, four;

        for (k = 0; k < stride; k += 8) {
            lo = _mm_add_ps(lo, _mm_mul_ps(_mm_loadu_ps(at + k), _mm_loadu_ps(w + k)));
            hi = _mm_add_ps(hi, _mm_mul_ps(_mm_loadu_ps(at + k + 4), _mm_loadu_ps(w + k + 4)));
        }
        four = _mm_add_ps(lo, hi);
        four = _mm_add_ps(four, _mm_movehl_ps(four, four));
        dst[i * step] = _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
    }
}

static void split_i16(const int16_t *restrict src, size_t n, size_t channels, int16_t *const *dst)
{
    sfx_resample_portable.split_i16(src, n, channels, dst);
}

static void split_f32(const float *restrict src, size_t n, size_t channels, float *const *dst)
{
    sfx_resample_portable.split_f32(src, n, channels, dst);
}

const struct sfx_resample sfx_resample_sse2 = {
    .needs = 0, /* x86-64 has it */
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
};

#endif
