/* SPDX-License-Identifier: MIT */
/*
 * Columns side by side: the first records of an output are kept until there are enough to tell how
 * wide each column is; from then on widths stay as they are.
 *
 * Contract: memory is bounded by SFX_LAYOUT_NBYTES and one record.
 */
#ifndef SFX_RECORD_LAYOUT_INTERNAL_H
#define SFX_RECORD_LAYOUT_INTERNAL_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Most tables that are written so are kept whole; what is longer shows its widths by then. */
#define SFX_LAYOUT_NBYTES ((size_t)16 << 20)

struct sfx_layout_column {
    uint32_t width; /* of its widest text so far */
    bool text;      /* it holds something that is no number: to the left */
    bool number;    /* it holds a number */
};

struct sfx_layout { /* {0}: empty */
    struct sfx_layout_column *columns;
    size_t ncols;
    bool settled;         /* widths are fixed */
    struct sfx_buf texts; /* kept cells, row by row: length, text */
    uint32_t nrows;       /* kept */
};

/* Starts with so many columns. Errors: NOMEM. */
int sfx_layout_start(struct sfx_layout *l, size_t ncols, struct sfx_err *err);

/* Keeps the text of column i, so wide, as the next cell. Errors: NOMEM. */
int sfx_layout_keep(struct sfx_layout *l, size_t i, struct sfx_slice text, uint32_t width,
                    struct sfx_err *err);

/* Ends a kept row. True: there is no room for another one. */
bool sfx_layout_row_kept(struct sfx_layout *l);

/* Whether column i goes to the right: numbers and nothing else. */
static inline bool sfx_layout_right(const struct sfx_layout *l, size_t i)
{
    return l->columns[i].number && !l->columns[i].text;
}

/* The next kept cell: *at is 0 at first, and moves on. */
struct sfx_slice sfx_layout_next(const struct sfx_layout *l, size_t *at);

/* Forgets the kept cells; widths stay. */
void sfx_layout_settle(struct sfx_layout *l);

/* Appends text (so wide) and spaces to a width, to the left or right. Errors: NOMEM. */
int sfx_layout_pad(struct sfx_buf *out, struct sfx_slice text, uint32_t text_width, uint32_t width,
                   bool right, struct sfx_err *err);

void sfx_layout_done(struct sfx_layout *l);

#endif
