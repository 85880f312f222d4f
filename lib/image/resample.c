/* SPDX-License-Identifier: MIT */
/* The portable inner loops, the reference of every variant, and the choice between them. */
#include "image/resample.h"

#include "base/cpu.h"
#include "image/resample_internal.h"

#define LANES 8 /* of the real sums: what an AVX2 register holds */

static void vertical_u8(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                        int16_t *restrict dst, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        int32_t sum = 1 << (SFX_RESAMPLE_V_SHIFT - 1);

        for (k = 0; k < ntaps; k++)
            sum += rows[k][i] * w[k];
        dst[i] = (int16_t)(sum >> SFX_RESAMPLE_V_SHIFT);
    }
}

static void vertical_f32(const float *const *rows, const float *w, size_t ntaps,
                         float *restrict dst, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        float sum = 0;

        for (k = 0; k < ntaps; k++)
            sum += rows[k][i] * w[k];
        dst[i] = sum;
    }
}

static void split_i16(const int16_t *restrict src, size_t n, size_t channels, int16_t *const *dst)
{
    size_t i, c;

    for (c = 0; c < channels; c++)
        for (i = 0; i < n; i++)
            dst[c][i] = src[i * channels + c];
}

static void split_f32(const float *restrict src, size_t n, size_t channels, float *const *dst)
{
    size_t i, c;

    for (c = 0; c < channels; c++)
        for (i = 0; i < n; i++)
            dst[c][i] = src[i * channels + c];
}

static void horizontal_u8(const int16_t *restrict src, const uint32_t *first, const int16_t *w,
                          size_t stride, uint8_t *restrict dst, size_t step, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++, w += stride) {
        const int16_t *at = src + first[i];
        int32_t sum = 1 << (SFX_RESAMPLE_H_SHIFT - 1);

        for (k = 0; k < stride; k++)
            sum += at[k] * w[k];
        sum >>= SFX_RESAMPLE_H_SHIFT;
        dst[i * step] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void horizontal_f32(const float *restrict src, const uint32_t *first, const float *w,
                           size_t stride, float *restrict dst, size_t step, size_t n)
{
    size_t i, k, lane;

    for (i = 0; i < n; i++, w += stride) {
        const float *at = src + first[i];
        float sum[LANES] = {0};

        for (k = 0; k < stride; k += LANES)
            for (lane = 0; lane < LANES; lane++)
                sum[lane] += at[k + lane] * w[k + lane];
        /* The order in which AVX2 adds the halves of a register up. */
        for (lane = 0; lane < 4; lane++)
            sum[lane] += sum[lane + 4];
        dst[i * step] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
}

static void load_rgba8(const uint8_t *restrict src, size_t n, float *restrict dst)
{
    size_t i, c;

    for (i = 0; i < n; i++, src += 4, dst += 4) {
        const float alpha = src[3] * (1 / 255.0f);

        for (c = 0; c < 3; c++)
            dst[c] = src[c] * alpha;
        dst[3] = src[3];
    }
}

static float clip(float value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static void store_rgba8(const float *restrict src, size_t n, uint8_t *restrict dst)
{
    size_t i, c;

    for (i = 0; i < n; i++, src += 4, dst += 4) {
        const float alpha = clip(src[3]) / 255, factor = alpha > 0 ? 1 / alpha : 0;

        for (c = 0; c < 3; c++)
            dst[c] = (uint8_t)(clip(src[c] * factor) + 0.5f);
        dst[3] = (uint8_t)(clip(alpha * 255) + 0.5f);
    }
}

const struct sfx_resample sfx_resample_portable = {
    .needs = 0,
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
    .load_rgba8 = load_rgba8,
    .store_rgba8 = store_rgba8,
};

const struct sfx_resample *const sfx_resample_variants[] = {
#if defined(__x86_64__)
    &sfx_resample_avx512,   &sfx_resample_avx2,
    &sfx_resample_sse2,
#elif defined(__aarch64__)
    &sfx_resample_neon,
#endif
    &sfx_resample_portable, NULL,
};

const struct sfx_resample *sfx_resample_best(void)
{
    uint32_t have = sfx_cpu_features();
    size_t i = 0;

    while ((sfx_resample_variants[i]->needs & have) != sfx_resample_variants[i]->needs)
        i++;
    return sfx_resample_variants[i];
}
