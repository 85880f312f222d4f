/* SPDX-License-Identifier: MIT */
/*
 * Rows that are kept: what blocking stages write to memory or to a file, and read back.
 *
 * Rows are kept by column name: the store's columns are the union of those of all frames, in the
 * order of their first appearance; a row does not name columns that came after it.
 */
#ifndef SFX_QUERY_ROWSTORE_INTERNAL_H
#define SFX_QUERY_ROWSTORE_INTERNAL_H

#include "query/stage_internal.h"

/* An input that rows came from. */
struct sfx_row_source {
    const char *input, *member;
};

struct sfx_rowstore {
    bool keep_origin; /* rows say where they came from, with their raw bytes */
    bool keep_raw;    /* rows of the frame in hand keep the record's bytes: their cells are in it */
    bool no_cells;    /* rows are their records, and have no cells beside them */
    struct sfx_arena arena;
    /* The union of columns. */
    struct sfx_qcolumn *cols; /* vec is NULL */
    enum sfx_type *types;     /* NULL: not seen yet; CELL: differs between frames */
    size_t ncols, cap_cols;
    bool open, ordered;
    enum sfx_eol eol;
    /* All rows so far keep their record, whose nraw fields are the union's columns, spelled in
     * raw_dialect: as of sfx_batch. none_raw: some row does not. */
    size_t nraw;
    uint16_t raw_dialect;
    bool none_raw;
    /* For the frames that come in: which of their columns is that of the union; -1: none. */
    int32_t *from;
    /* Inputs. */
    struct sfx_row_source *sources;
    uint32_t nsources, cap_sources, source;
};

/* Adds frame's columns to the union and binds to them. Errors: NOMEM, LIMIT (columns). */
int sfx_rowstore_bind(struct sfx_rowstore *store, const struct sfx_frame *frame,
                      struct sfx_err *err);

/*
 * To be called for each frame before its rows: makes cells of numbers, notes the input, and decides
 * whether its rows keep their record as it stood: they do when most of it is still in their cells,
 * so that a writer finds cells side by side as they were. Errors: NOMEM.
 */
int sfx_rowstore_begin(struct sfx_rowstore *store, struct sfx_eval *ev,
                       const struct sfx_frame *frame, struct sfx_err *err);

/* An upper bound of what the row takes. */
size_t sfx_row_max_nbytes(const struct sfx_rowstore *store, const struct sfx_frame *frame,
                          uint32_t row);

/* Writes the row at out; returns the bytes used. */
size_t sfx_row_encode(const struct sfx_rowstore *store, const struct sfx_frame *frame, uint32_t row,
                      unsigned char *out);

/* Makes out a frame of the union's columns in arena. Errors: NOMEM. */
int sfx_rowstore_make_frame(const struct sfx_rowstore *store, struct sfx_frame *out,
                            struct sfx_arena *arena, struct sfx_err *err);

/* The number of the input that the row at `at` came from. */
uint32_t sfx_row_source(const struct sfx_rowstore *store, const unsigned char *at);

/* Reads the row at `at` into row of out; its cells point into what is read. */
void sfx_row_decode(const unsigned char *at, struct sfx_frame *out, uint32_t row);

/* The same without its cells. */
void sfx_row_decode_origin(const unsigned char *at, struct sfx_frame *out, uint32_t row);

/* Where the cell's spelling begins in raw, or -1. */
static inline int64_t sfx_row_place_in(struct sfx_slice raw, struct sfx_slice bytes)
{
    uintptr_t begin = (uintptr_t)raw.ptr, at = (uintptr_t)bytes.ptr;

    return raw.len > 0 && at >= begin && at + bytes.len <= begin + raw.len ? (int64_t)(at - begin)
                                                                           : -1;
}

void sfx_rowstore_done(struct sfx_rowstore *store);

#endif
