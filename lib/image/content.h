/* SPDX-License-Identifier: MIT */
/*
 * Which part of an image is worth showing.
 *
 * Contract: pure, but for two arrays of a number a row and a column. Each axis is decided by
 * itself: by what its rows and columns hold in all.
 */
#ifndef SFX_IMAGE_CONTENT_H
#define SFX_IMAGE_CONTENT_H

#include "image/geometry.h"
#include "image/image.h"

/* Rows in memory. */
struct sfx_raster {
    const uint8_t *rows;
    size_t stride_nbytes;
    uint32_t width_px, height_px;
    enum sfx_layout layout; /* interleaved */
    unsigned depth;         /* 8 or 16 */
};

/*
 * Places a window of width_px by height_px (at most the raster's) where gravity (ENTROPY or
 * ATTENTION) finds most; *x and *y are filled. Costs O(pixels). Errors: NOMEM.
 */
int sfx_content_window(const struct sfx_raster *raster, enum sfx_gravity gravity, uint32_t width_px,
                       uint32_t height_px, uint32_t *x, uint32_t *y, struct sfx_err *err);

#endif
