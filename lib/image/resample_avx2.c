/* SPDX-License-Identifier: MIT */
/*
 * The inner loops for AVX2. Vertical: two source rows are interleaved, so that one multiply-add
 * takes a pair of rows (pmaddwd); 32 samples a step. Horizontal: 16 taps a step, four outputs
 * added up together.
 */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include "base/cpu.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

/* Two weights as the pair that pmaddwd multiplies interleaved samples with. */
AVX2 static inline __m256i weight_pair(int16_t a, int16_t b)
{
    return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16));
}

AVX2 static inline __m256i load_u8(const uint8_t *ptr)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)ptr);
}

AVX2 static inline __m256i shift_pack(__m256i lo, __m256i hi)
{
    return _mm256_packs_epi32(_mm256_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                              _mm256_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

/* 32 samples at column i. The unpacks work within 128-bit halves; the last permutes undo that. */
AVX2 static void vertical_u8_step(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                                  size_t i, int16_t *restrict dst)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i half = _mm256_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));
    __m256i s0 = half, s1 = half, s2 = half, s3 = half, p0, p1;
    size_t k;

    for (k = 0; k < ntaps; k += 2) {
        __m256i a = load_u8(rows[k] + i);
        __m256i b = k + 1 < ntaps ? load_u8(rows[k + 1] + i) : zero;
        __m256i pair = weight_pair(w[k], k + 1 < ntaps ? w[k + 1] : 0);
        __m256i lo = _mm256_unpacklo_epi8(a, b), hi = _mm256_unpackhi_epi8(a, b);

        s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(_mm256_unpacklo_epi8(lo, zero), pair));
        s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(_mm256_unpackhi_epi8(lo, zero), pair));
        s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(_mm256_unpacklo_epi8(hi, zero), pair));
        s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(_mm256_unpackhi_epi8(hi, zero), pair));
    }
    p0 = shift_pack(s0, s1);
    p1 = shift_pack(s2, s3);
    _mm256_storeu_si256((__m256i *)(void *)(dst + i), _mm256_permute2x128_si256(p0, p1, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(dst + i + 16), _mm256_permute2x128_si256(p0, p1, 0x31));
}

AVX2 static void vertical_u8(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                             int16_t *restrict dst, size_t n)
{
    size_t i;

    if (n < 32) {
        sfx_resample_portable.vertical_u8(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + 32 <= n; i += 32)
        vertical_u8_step(rows, w, ntaps, i, dst);
    /* The rest, by a step that overlaps what is done. */
    if (i < n)
        vertical_u8_step(rows, w, ntaps, n - 32, dst);
}

AVX2 static void vertical_f32_step(const float *const *rows, const float *w, size_t ntaps, size_t i,
                                   float *restrict dst)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t k;

    for (k = 0; k < ntaps; k++) {
        __m256 weight = _mm256_set1_ps(w[k]);

        s0 = _mm256_add_ps(s0, _mm256_mul_ps(_mm256_loadu_ps(rows[k] + i), weight));
        s1 = _mm256_add_ps(s1, _mm256_mul_ps(_mm256_loadu_ps(rows[k] + i + 8), weight));
    }
    _mm256_storeu_ps(dst + i, s0);
    _mm256_storeu_ps(dst + i + 8, s1);
}

AVX2 static void vertical_f32(const float *const *rows, const float *w, size_t ntaps,
                              float *restrict dst, size_t n)
{
    size_t i;

    if (n < 16) {
        sfx_resample_portable.vertical_f32(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + 16 <= n; i += 16)
        vertical_f32_step(rows, w, ntaps, i, dst);
    if (i < n)
        vertical_f32_step(rows, w, ntaps, n - 16, dst);
}

/* The sum over all taps of one output in eight 32-bit parts. */
AVX2 static inline __m256i horizontal_parts(const int16_t *at, const int16_t *w, size_t stride)
{
    __m256i sum = _mm256_setzero_si256();
    size_t k;

    for (k = 0; k < stride; k += 16) {
        __m256i samples = _mm256_loadu_si256((const __m256i *)(const void *)(at + k));
        __m256i weights = _mm256_loadu_si256((const __m256i *)(const void *)(w + k));

        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights));
    }
    return sum;
}

AVX2 static inline void store_steps(uint32_t four, uint8_t *dst, size_t step)
{
    dst[0] = (uint8_t)four;
    dst[step] = (uint8_t)(four >> 8);
    dst[2 * step] = (uint8_t)(four >> 16);
    dst[3 * step] = (uint8_t)(four >> 24);
}

AVX2 static void horizontal_u8(const int16_t *restrict src, const uint32_t *first, const int16_t *w,
                               size_t stride, uint8_t *restrict dst, size_t step, size_t n)
{
    const __m128i half = _mm_set1_epi32(1 << (SFX_RESAMPLE_H_SHIFT - 1));
    size_t i;

    for (i = 0; i + 4 <= n; i += 4, w += 4 * stride) {
        __m256i a = horizontal_parts(src + first[i], w, stride);
        __m256i b = horizontal_parts(src + first[i + 1], w + stride, stride);
        __m256i c = horizontal_parts(src + first[i + 2], w + 2 * stride, stride);
        __m256i d = horizontal_parts(src + first[i + 3], w + 3 * stride, stride);
        __m256i abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        __m128i sum =
            _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));

        sum = _mm_srai_epi32(_mm_add_epi32(sum, half), SFX_RESAMPLE_H_SHIFT);
        sum = _mm_packs_epi32(sum, sum);
        sum = _mm_packus_epi16(sum, sum);
        store_steps((uint32_t)_mm_cvtsi128_si32(sum), dst + i * step, step);
    }
    if (i < n)
        sfx_resample_portable.horizontal_u8(src, first + i, w, stride, dst + i * step, step, n - i);
}

AVX2 static void horizontal_f32(const float *restrict src, const uint32_t *first, const float *w,
                                size_t stride, float *restrict dst, size_t step, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++, w += stride) {
        const float *at = src + first[i];
        __m256 sum = _mm256_setzero_ps();
        __m128 four;

        for (k = 0; k < stride; k += 8)
            sum =
                _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(at + k), _mm256_loadu_ps(w + k)));
        four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
        four = _mm_add_ps(four, _mm_movehl_ps(four, four));
        dst[i * step] = _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
    }
}

/* Three channels, 8 pixels a step: each output register gathers its words from three inputs. */
AVX2 static size_t split_i16_rgb(const int16_t *restrict src, size_t n, int16_t *const *dst)
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

AVX2 static void split_i16(const int16_t *restrict src, size_t n, size_t channels,
                           int16_t *const *dst)
{
    size_t done = channels == 3 ? split_i16_rgb(src, n, dst) : 0;
    int16_t *rest[4] = {0};
    size_t c;

    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + done;
    sfx_resample_portable.split_i16(src + done * channels, n - done, channels, rest);
}

/* Four channels, 4 pixels a step: a transposition. */
AVX2 static size_t split_f32_rgba(const float *restrict src, size_t n, float *const *dst)
{
    size_t i, c;

    for (i = 0; i + 4 <= n; i += 4) {
        __m128 row[4];

        for (c = 0; c < 4; c++)
            row[c] = _mm_loadu_ps(src + (i + c) * 4);
        _MM_TRANSPOSE4_PS(row[0], row[1], row[2], row[3]);
        for (c = 0; c < 4; c++)
            _mm_storeu_ps(dst[c] + i, row[c]);
    }
    return i;
}

AVX2 static void split_f32(const float *restrict src, size_t n, size_t channels, float *const *dst)
{
    size_t done = channels == 4 ? split_f32_rgba(src, n, dst) : 0;
    float *rest[4] = {0};
    size_t c;

    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + done;
    sfx_resample_portable.split_f32(src + done * channels, n - done, channels, rest);
}

const struct sfx_resample sfx_resample_avx2 = {
    .needs = SFX_CPU_AVX2,
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
};

#endif
