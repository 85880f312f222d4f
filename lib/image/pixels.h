/* SPDX-License-Identifier: MIT */
/*
 * Rows of samples to rows of float and back: what images with alpha or 16 bits, or in linear light,
 * are resampled in.
 *
 * Contract: float samples have the source's range (0 to 255 or 65535). With alpha the colour is
 * multiplied by it before resampling and divided again after, so that what is invisible does not
 * bleed. Pure; no allocation, no error path.
 */
#ifndef SFX_IMAGE_PIXELS_H
#define SFX_IMAGE_PIXELS_H

#include "image/image.h"

struct sfx_pixels {
    enum sfx_layout src_layout; /* interleaved */
    unsigned src_depth;         /* 8 or 16 */
    bool premultiply;           /* where there is alpha */
    bool linear; /* light adds up: float samples are linear, rows have sRGB's curve */
    enum sfx_layout dst_layout; /* src_layout, or that without alpha (flattened on background), or
                                   without colour */
    unsigned dst_depth;
    uint8_t background[3]; /* RGB; for gray their luma counts */
};

/* Makes n pixels at src (8 or 16 bits) float. */
void sfx_pixels_load(const struct sfx_pixels *px, const void *restrict src, size_t n,
                     float *restrict dst);

/* Fills out with a pixel of that colour, opaque, of up to 8 bytes. */
void sfx_pixels_fill(enum sfx_layout layout, unsigned depth, const uint8_t rgb[3], uint8_t out[8]);

/* Makes n float pixels samples of dst_depth bits in dst_layout: rounded, clipped. */
void sfx_pixels_store(const struct sfx_pixels *px, const float *restrict src, size_t n,
                      void *restrict dst);

#endif
