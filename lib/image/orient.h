/* SPDX-License-Identifier: MIT */
/*
 * The eight EXIF orientations (TIFF 6.0, tag Orientation): what turns a stored image upright.
 *
 * Contract: upright = transpose(flip(stored)). Flips cost nothing, the resampler makes its output
 * samples in the other order; a transposition is done on the small side, a few rows at a time.
 */
#ifndef SFX_IMAGE_ORIENT_H
#define SFX_IMAGE_ORIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfx_orient {
    bool flip_x, flip_y; /* first, in stored coordinates: columns, rows in the other order */
    bool transpose;      /* then columns become rows */
};

/* What orientation 1 to 8 asks for; any other is 1. */
struct sfx_orient sfx_orient_of(unsigned orientation);

/* orient, and then a quarter turn clockwise. */
struct sfx_orient sfx_orient_turn(struct sfx_orient orient);

/* orient, and then mirrored: left and right, or top and bottom, change places. */
struct sfx_orient sfx_orient_mirror(struct sfx_orient orient, bool horizontal);

/*
 * Copies columns first_column, first_column + 1, … of a plane into ncolumns rows: dst[r][y] is
 * column first_column + r of row y. src: nrows rows, stride_nbytes apart, of pixels of pixel_nbytes
 * (1 to 8). dst rows have room for nrows pixels.
 */
void sfx_orient_columns(const uint8_t *src, size_t stride_nbytes, size_t nrows, size_t pixel_nbytes,
                        size_t first_column, size_t ncolumns, uint8_t *const *dst);

#endif
