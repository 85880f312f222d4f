/* SPDX-License-Identifier: MIT */
/*
 * What is done to a whole plane of samples after it is resampled: a Gaussian blur, and sharpening
 * by an unsharp mask.
 *
 * Contract: in place; memory is some rows of float. Borders repeat their samples.
 */
#ifndef SFX_IMAGE_FILTER_H
#define SFX_IMAGE_FILTER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sfx_filter_plane {
    uint8_t *rows;
    size_t stride_nbytes, width_px, height_px;
    unsigned channels, depth; /* 1 to 4; 8 or 16 */
};

/* Blurs by a Gaussian of sigma > 0 samples, to three sigma. Errors: NOMEM. */
int sfx_filter_blur(const struct sfx_filter_plane *plane, double sigma, struct sfx_err *err);

/* Adds amount times the difference to a blurred plane of sigma 1. Errors: NOMEM. */
int sfx_filter_sharpen(const struct sfx_filter_plane *plane, double amount, struct sfx_err *err);

#endif
