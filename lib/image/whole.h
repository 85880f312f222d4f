/* SPDX-License-Identifier: MIT */
/* An image that must be held whole, interleaved, row after row. */
#ifndef SFX_IMAGE_WHOLE_H
#define SFX_IMAGE_WHOLE_H

#include "image/image.h"

struct sfx_whole {
    uint8_t *rows; /* owned */
    size_t row_nbytes;
    uint32_t height_px, at; /* at: the row that is taken or put next */
};

/* Allocates, zeroed. Errors: LIMIT for more than limit_nbytes, NOMEM. */
int sfx_whole_init(struct sfx_whole *w, size_t row_nbytes, uint32_t height_px,
                   uint64_t limit_nbytes, struct sfx_err *err);

static inline uint8_t *sfx_whole_row(const struct sfx_whole *w, uint32_t row)
{
    return w->rows + (size_t)row * w->row_nbytes;
}

/* Copies the next row out, or in. */
void sfx_whole_take(struct sfx_whole *w, uint8_t *row);
void sfx_whole_put(struct sfx_whole *w, const uint8_t *row);

/* Makes n pixels of 8 bits in layout RGB, or RGBA where it has alpha. */
void sfx_rows_to_rgb(const uint8_t *src, enum sfx_layout layout, size_t n, uint8_t *dst);

/* Frees; an all-zero w is fine. */
void sfx_whole_done(struct sfx_whole *w);

/* Fills planes with one plane of interleaved rows that come or go one by one. */
void sfx_planes_of_rows(struct sfx_planes *planes, enum sfx_layout layout, unsigned depth,
                        uint32_t width_px, uint32_t height_px);

#endif
