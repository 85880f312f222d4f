/* SPDX-License-Identifier: MIT */
/*
 * The inner loops for AVX-512: the vertical one takes 64 samples a step. The others gain nothing
 * from longer registers (few taps, or memory is what they wait for) and are AVX2's.
 */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include "base/cpu.h"

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

AVX512 static inline __m512i shift_pack(__m512i lo, __m512i hi)
{
    return _mm512_packs_epi32(_mm512_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                              _mm512_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

/* 64 samples at column i. The unpacks work within 128-bit quarters, p0 holds the first and p1 the
 * second half of each; the last permutes put the quarters in order. */
AVX512 static void vertical_u8_step(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                                    size_t i, int16_t *restrict dst)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i half = _mm512_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i s0 = half, s1 = half, s2 = half, s3 = half, p0, p1;
    size_t k;

    for (k = 0; k < ntaps; k += 2) {
        __m512i a = _mm512_loadu_si512(rows[k] + i);
        __m512i b = k + 1 < ntaps ? _mm512_loadu_si512(rows[k + 1] + i) : zero;
        uint32_t upper = k + 1 < ntaps ? (uint16_t)w[k + 1] : 0;
        __m512i pair = _mm512_set1_epi32((int32_t)((uint16_t)w[k] | upper << 16));
        __m512i lo = _mm512_unpacklo_epi8(a, b), hi = _mm512_unpackhi_epi8(a, b);

        s0 = _mm512_add_epi32(s0, _mm512_madd_epi16(_mm512_unpacklo_epi8(lo, zero), pair));
        s1 = _mm512_add_epi32(s1, _mm512_madd_epi16(_mm512_unpackhi_epi8(lo, zero), pair));
        s2 = _mm512_add_epi32(s2, _mm512_madd_epi16(_mm512_unpacklo_epi8(hi, zero), pair));
        s3 = _mm512_add_epi32(s3, _mm512_madd_epi16(_mm512_unpackhi_epi8(hi, zero), pair));
    }
    p0 = shift_pack(s0, s1);
    p1 = shift_pack(s2, s3);
    _mm512_storeu_si512(dst + i, _mm512_permutex2var_epi64(p0, first, p1));
    _mm512_storeu_si512(dst + i + 32, _mm512_permutex2var_epi64(p0, second, p1));
}

AVX512 static void vertical_u8(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                               int16_t *restrict dst, size_t n)
{
    size_t i;

    if (n < 64) {
        sfx_resample_avx2.vertical_u8(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + 64 <= n; i += 64)
        vertical_u8_step(rows, w, ntaps, i, dst);
    /* The rest, by a step that overlaps what is done. */
    if (i < n)
        vertical_u8_step(rows, w, ntaps, n - 64, dst);
}

static void vertical_f32(const float *const *rows, const float *w, size_t ntaps,
                         float *restrict dst, size_t n)
{
    sfx_resample_avx2.vertical_f32(rows, w, ntaps, dst, n);
}

static void split_i16(const int16_t *restrict src, size_t n, size_t channels, int16_t *const *dst)
{
    sfx_resample_avx2.split_i16(src, n, channels, dst);
}

static void split_f32(const float *restrict src, size_t n, size_t channels, float *const *dst)
{
    sfx_resample_avx2.split_f32(src, n, channels, dst);
}

static void horizontal_u8(const int16_t *restrict src, const uint32_t *first, const int16_t *w,
                          size_t stride, uint8_t *restrict dst, size_t step, size_t n)
{
    sfx_resample_avx2.horizontal_u8(src, first, w, stride, dst, step, n);
}

static void horizontal_f32(const float *restrict src, const uint32_t *first, const float *w,
                           size_t stride, float *restrict dst, size_t step, size_t n)
{
    sfx_resample_avx2.horizontal_f32(src, first, w, stride, dst, step, n);
}

const struct sfx_resample sfx_resample_avx512 = {
    .needs = SFX_CPU_AVX2 | SFX_CPU_AVX512,
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
};

#endif
