/* SPDX-License-Identifier: MIT */
/* The inner loops for AArch64, whose base has NEON. */
#include "image/resample_internal.h"

#if defined(__aarch64__)
#include "base/cpu.h"

#include <arm_neon.h>

/* 16 samples at column i. */
static void vertical_u8_step(const uint8_t *const *rows, const int16_t *w, size_t ntaps, size_t i,
                             int16_t *restrict dst)
{
    const int32x4_t half = vdupq_n_s32(1 << (SFX_RESAMPLE_V_SHIFT - 1));
    int32x4_t s0 = half, s1 = half, s2 = half, s3 = half;
    size_t k;

    for (k = 0; k < ntaps; k++) {
        uint8x16_t row = vld1q_u8(rows[k] + i);
        int16x8_t lo = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(row)));
        int16x8_t hi = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(row)));

        s0 = vmlal_n_s16(s0, vget_low_s16(lo), w[k]);
        s1 = vmlal_n_s16(s1, vget_high_s16(lo), w[k]);
        s2 = vmlal_n_s16(s2, vget_low_s16(hi), w[k]);
        s3 = vmlal_n_s16(s3, vget_high_s16(hi), w[k]);
    }
    vst1q_s16(dst + i, vcombine_s16(vshrn_n_s32(s0, SFX_RESAMPLE_V_SHIFT),
                                    vshrn_n_s32(s1, SFX_RESAMPLE_V_SHIFT)));
    vst1q_s16(dst + i + 8, vcombine_s16(vshrn_n_s32(s2, SFX_RESAMPLE_V_SHIFT),
                                        vshrn_n_s32(s3, SFX_RESAMPLE_V_SHIFT)));
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
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0;
    size_t k;

    for (k = 0; k < ntaps; k++) {
        float32x4_t weight = vdupq_n_f32(w[k]);

        s0 = vaddq_f32(s0, vmulq_f32(vld1q_f32(rows[k] + i), weight));
        s1 = vaddq_f32(s1, vmulq_f32(vld1q_f32(rows[k] + i + 4), weight));
    }
    vst1q_f32(dst + i, s0);
    vst1q_f32(dst + i + 4, s1);
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
        int32x4_t lo = vdupq_n_s32(0), hi = lo;
        int32_t sum;

        for (k = 0; k < stride; k += 8) {
            int16x8_t samples = vld1q_s16(at + k), weights = vld1q_s16(w + k);

            lo = vmlal_s16(lo, vget_low_s16(samples), vget_low_s16(weights));
            hi = vmlal_high_s16(hi, samples, weights);
        }
        sum = vaddvq_s32(vaddq_s32(lo, hi)) + (1 << (SFX_RESAMPLE_H_SHIFT - 1));
        sum >>= SFX_RESAMPLE_H_SHIFT;
        dst[i * step] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void horizontal_f32(const float *restrict src, const uint32_t *first, const float *w,
                           size_t stride, float *restrict dst, size_t step, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++, w += stride) {
        const float *at = src + first[i];
        float32x4_t lo = vdupq_n_f32(0), hi = lo, four;
        float32x2_t two;

        for (k = 0; k < stride; k += 8) {
            lo = vaddq_f32(lo, vmulq_f32(vld1q_f32(at + k), vld1q_f32(w + k)));
            hi = vaddq_f32(hi, vmulq_f32(vld1q_f32(at + k + 4), vld1q_f32(w + k + 4)));
        }
        four = vaddq_f32(lo, hi);
        two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
        dst[i * step] = vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
    }
}

static void split_i16(const int16_t *restrict src, size_t n, size_t channels, int16_t *const *dst)
{
    size_t i = 0, c;
    int16_t *rest[4] = {0};

    for (; channels == 3 && i + 8 <= n; i += 8) {
        int16x8x3_t rgb = vld3q_s16(src + 3 * i);

        for (c = 0; c < 3; c++)
            vst1q_s16(dst[c] + i, rgb.val[c]);
    }
    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + i;
    sfx_resample_portable.split_i16(src + i * channels, n - i, channels, rest);
}

static void split_f32(const float *restrict src, size_t n, size_t channels, float *const *dst)
{
    size_t i = 0, c;
    float *rest[4] = {0};

    for (; channels == 4 && i + 4 <= n; i += 4) {
        float32x4x4_t rgba = vld4q_f32(src + 4 * i);

        for (c = 0; c < 4; c++)
            vst1q_f32(dst[c] + i, rgba.val[c]);
    }
    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + i;
    sfx_resample_portable.split_f32(src + i * channels, n - i, channels, rest);
}

const struct sfx_resample sfx_resample_neon = {
    .needs = SFX_CPU_NEON,
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
};

#endif
