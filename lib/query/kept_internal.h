/* SPDX-License-Identifier: MIT */
/*
 * Rows that a blocking stage keeps, in the order of a key or in that of their coming, and hands on
 * as frames.
 *
 * Use, in order: sfx_kept_bind in the stage's bind, sfx_kept_begin for each frame, for each row
 * sfx_kept_reserve, the key, sfx_kept_commit (or sfx_kept_row, without a key); in its finish
 * sfx_kept_pass_all. What does not fit into the memory waits on disk. A stage that keeps rows in
 * ways of its own (encoded with store) hands them on by sfx_kept_start, _put, _end.
 */
#ifndef SFX_QUERY_KEPT_INTERNAL_H
#define SFX_QUERY_KEPT_INTERNAL_H

#include "query/rowstore_internal.h"
#include "query/sorter_internal.h"

struct sfx_kept {
    struct sfx_operator *op;
    struct sfx_rowstore store;
    struct sfx_sorter sorter;
    /* Handing on. */
    uint32_t nrows, source; /* of the frame that is being filled */
    bool passed_one;
    bool no_cells; /* of the frame: its records are copied */
};

/* Binds to the frames that come in; the first time it starts, within budget_nbytes of memory (0:
 * what the query's limit leaves). Errors: NOMEM, LIMIT (columns). */
int sfx_kept_bind(struct sfx_kept *kept, struct sfx_operator *op, const struct sfx_frame *in,
                  uint64_t budget_nbytes, struct sfx_err *err);

/* To be called for each frame before its rows. Errors: NOMEM. */
int sfx_kept_begin(struct sfx_kept *kept, const struct sfx_frame *in, struct sfx_err *err);

/* Makes room for row with a key of at most nkey_max bytes, which is to be written at *key. Errors:
 * LIMIT (the row alone is too large), IO, NOMEM. */
int sfx_kept_reserve(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                     size_t nkey_max, unsigned char **key, struct sfx_err *err);

/* Keeps row, whose key of nkey bytes was written. */
void sfx_kept_commit(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                     unsigned char *key, size_t nkey);

/* Keeps row behind those before it. Errors: LIMIT, IO, NOMEM. */
int sfx_kept_row(struct sfx_kept *kept, const struct sfx_frame *in, uint32_t row,
                 struct sfx_err *err);

/* Hands all rows on, in order of their keys; at least one frame. Errors: IO, NOMEM, those of the
 * stages behind. */
int sfx_kept_pass_all(struct sfx_kept *kept, struct sfx_err *err);

/* Starts handing on rows one by one. Errors: NOMEM. */
int sfx_kept_start(struct sfx_kept *kept, struct sfx_err *err);

/*
 * Hands on an encoded row of len bytes; copied unless it stays where it is until sfx_kept_end. 1; 0
 * when no more rows are wanted. Errors: NOMEM, those of the stages behind.
 */
int sfx_kept_put(struct sfx_kept *kept, const unsigned char *row, size_t len, bool stays,
                 struct sfx_err *err);

/* Hands on what was put since the last full frame; when there was none, a frame without rows. */
int sfx_kept_end(struct sfx_kept *kept, struct sfx_err *err);

/* The frame that is being filled, and the row of it that the next _put writes. */
static inline struct sfx_frame *sfx_kept_frame(const struct sfx_kept *kept)
{
    return &kept->op->out;
}

/* Frees all; {0} is taken, too. */
void sfx_kept_done(struct sfx_kept *kept);

#endif
