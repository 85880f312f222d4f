/* SPDX-License-Identifier: MIT */
/*
 * Resamples one plane to one output plane, row by row, from a ring of source rows.
 *
 * Contract: rows are made in the order in which the source's rows come (which, for an output that
 * is upside down, is from its last to its first). Everything is allocated by _init. Not safe for
 * two threads at once; a ring may feed several scalers.
 */
#ifndef SFX_IMAGE_SCALER_H
#define SFX_IMAGE_SCALER_H

#include "image/orient.h"
#include "image/resample.h"
#include "image/weights.h"

#include "image/image.h"

/* The source rows that may still be needed: row r stands in slot r % capacity. */
struct sfx_ring {
    uint8_t *memory;   /* owned */
    size_t row_nbytes; /* a multiple of 32 */
    uint32_t capacity; /* rows */
    uint32_t rows_in;  /* rows of the source that have come */
};

struct sfx_scaler {
    struct sfx_weights vertical, horizontal;
    const struct sfx_resample *loops;
    size_t channels;
    size_t src_width_px;
    bool real;         /* rows are float, else 8-bit samples */
    bool upside_down;  /* rows are made from the last to the first */
    uint32_t made;     /* rows so far */
    const void **taps; /* owned: pointers to the rows that one output row is made of */
    void *row;         /* owned: the intermediate row, interleaved */
    void *split[4];    /* owned: its channels apart; unused for one channel */
};

/* A part of an image, as fractions of its sides: 0 … 1. */
struct sfx_scaler_rect {
    double x0, y0, x1, y1;
};

/* What of the stored image is resampled, what may count beyond its edges, and by which kernel. */
struct sfx_scaler_part {
    struct sfx_scaler_rect shown, seen;
    enum sfx_kernel kernel;
};

/* Allocates. Errors: NOMEM. */
int sfx_ring_init(struct sfx_ring *ring, size_t row_nbytes, uint32_t capacity, struct sfx_err *err);

/* The memory of row r. */
static inline uint8_t *sfx_ring_row(const struct sfx_ring *ring, uint32_t r)
{
    return ring->memory + (size_t)(r % ring->capacity) * ring->row_nbytes;
}

void sfx_ring_done(struct sfx_ring *ring);

/*
 * Prepares s (all zero) to make dst of the part of src, of `channels` interleaved samples. orient:
 * how the upright dst lies in the stored src; with a transposition the rows that are made are dst's
 * columns. Errors: NOMEM; s can then still be given to _done.
 */
int sfx_scaler_init(struct sfx_scaler *s, const struct sfx_plane *src, const struct sfx_plane *dst,
                    const struct sfx_scaler_part *part, unsigned channels, bool real,
                    struct sfx_orient orient, struct sfx_err *err);

/* How many rows could be made in all, if `made` are and rows_in source rows have come. */
uint32_t sfx_scaler_reach(const struct sfx_scaler *s, uint32_t made, uint32_t rows_in);

/* Rows there are to make. */
static inline uint32_t sfx_scaler_rows(const struct sfx_scaler *s)
{
    return s->vertical.count;
}

/* The index in the plane of the row that is made next; there is one. */
static inline uint32_t sfx_scaler_next(const struct sfx_scaler *s)
{
    return s->upside_down ? s->vertical.count - 1 - s->made : s->made;
}

/*
 * Makes the next row into dst: 8-bit samples, or float for a real scaler. The ring must hold the
 * rows it is made of.
 */
void sfx_scaler_row(struct sfx_scaler *s, const struct sfx_ring *ring, void *dst);

/* Frees; an all-zero s is fine. */
void sfx_scaler_done(struct sfx_scaler *s);

#endif
