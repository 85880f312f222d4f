/* SPDX-License-Identifier: MIT */
/* Turning images upright: what each EXIF orientation means, and the transposition. */
#include "image/orient.h"

#include <string.h>

struct sfx_orient sfx_orient_of(unsigned orientation)
{
    static const struct sfx_orient table[9] = {
        [2] = {.flip_x = true},
        [3] = {.flip_x = true, .flip_y = true},
        [4] = {.flip_y = true},
        [5] = {.transpose = true},
        [6] = {.flip_y = true, .transpose = true},
        [7] = {.flip_x = true, .flip_y = true, .transpose = true},
        [8] = {.flip_x = true, .transpose = true},
    };

    return table[orientation <= 8 ? orientation : 1];
}

struct sfx_orient sfx_orient_mirror(struct sfx_orient orient, bool horizontal)
{
    /* A column of what is transposed was a row. */
    if (horizontal != orient.transpose)
        orient.flip_x = !orient.flip_x;
    else
        orient.flip_y = !orient.flip_y;
    return orient;
}

struct sfx_orient sfx_orient_turn(struct sfx_orient orient)
{
    /* Rows become columns, the first one the last. */
    orient.transpose = !orient.transpose;
    return sfx_orient_mirror(orient, true);
}

void sfx_orient_columns(const uint8_t *src, size_t stride_nbytes, size_t nrows, size_t pixel_nbytes,
                        size_t first_column, size_t ncolumns, uint8_t *const *dst)
{
    size_t y, c;

    for (y = 0; y < nrows; y++) {
        const uint8_t *from = src + y * stride_nbytes + first_column * pixel_nbytes;

        if (pixel_nbytes == 1)
            for (c = 0; c < ncolumns; c++)
                dst[c][y] = from[c];
        else
            for (c = 0; c < ncolumns; c++)
                memcpy(dst[c] + y * pixel_nbytes, from + c * pixel_nbytes, pixel_nbytes);
    }
}
