/* SPDX-License-Identifier: MIT */
/*
 * The resampler's inner loops: vertical first on source rows into an unclipped intermediate row,
 * then horizontal, clipped once at the end.
 *
 * Contract: pure; no allocation, no error path. Fixed-point rows are 8-bit samples, the
 * intermediate is int16_t with 6 fractional bits; real rows are float throughout. Every variant
 * gives the same bits as the portable one (fixed: integer arithmetic; real: the same order of
 * additions in eight lanes, no fused multiply-add). Rows need no alignment. Nothing is read outside
 * of what each function names.
 */
#ifndef SFX_IMAGE_RESAMPLE_H
#define SFX_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define SFX_RESAMPLE_FRACTION_BITS 6 /* 255 * 64 * 1.3 (Lanczos overshoot) still fits int16_t */

struct sfx_resample {
    uint32_t needs; /* enum sfx_cpu_feature bits */

    /* dst[i] = sum over k of rows[k][i] * w[k], to 6 fractional bits, for n samples; ntaps >= 1. */
    void (*vertical_u8)(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                        int16_t *restrict dst, size_t n);
    void (*vertical_f32)(const float *const *rows, const float *w, size_t ntaps,
                         float *restrict dst, size_t n);

    /* Takes n pixels of `channels` (2 to 4) interleaved samples apart: dst[c][i] is channel c. */
    void (*split_i16)(const int16_t *restrict src, size_t n, size_t channels, int16_t *const *dst);
    void (*split_f32)(const float *restrict src, size_t n, size_t channels, float *const *dst);

    /*
     * For each of n outputs: dst[i * step] = the sum over k < stride of src[first[i] + k] *
     * w[i * stride + k]; stride is a multiple of 16 (float: of 8). All of these samples must be
     * readable, those with weight zero may be any finite value. Fixed: rounded, clipped to 0..255.
     */
    void (*horizontal_u8)(const int16_t *restrict src, const uint32_t *first, const int16_t *w,
                          size_t stride, uint8_t *restrict dst, size_t step, size_t n);
    void (*horizontal_f32)(const float *restrict src, const uint32_t *first, const float *w,
                           size_t stride, float *restrict dst, size_t step, size_t n);

    /* n RGBA pixels of 8 bits as float, colours times alpha / 255; and back: divided by it (what is
     * transparent is black), clipped to 0..255, rounded. */
    void (*load_rgba8)(const uint8_t *restrict src, size_t n, float *restrict dst);
    void (*store_rgba8)(const float *restrict src, size_t n, uint8_t *restrict dst);
};

/* The best variant for this processor (sfx_cpu_features). Static. */
const struct sfx_resample *sfx_resample_best(void);

#endif
