/* SPDX-License-Identifier: MIT */
/*
 * A reader's columns: names, cells, and a table to find a name in.
 *
 * Contract: {0} is an empty schema. Names live until _reset or _done, cells until _done: columns
 * of the next stream take them up again.
 */
#ifndef SFX_RECORD_SCHEMA_INTERNAL_H
#define SFX_RECORD_SCHEMA_INTERNAL_H

#include "record/format.h"

struct sfx_schema {
    bool names_only; /* set by the owner: columns have no cells */
    struct sfx_arena names;
    struct sfx_column *columns;
    size_t ncols;
    size_t nmade, cap; /* columns[0..nmade) have cells */
    /* Other cells of columns[0..nspare), that take turns with theirs: turn by turn, see _flip. */
    struct sfx_cell **spare[SFX_READER_MAX_AHEAD];
    size_t nspare[SFX_READER_MAX_AHEAD];
    unsigned turn;
    uint32_t *table;  /* column + 1, or 0; open addressing */
    size_t table_cap; /* a power of two, more than twice ncols */
    uint64_t id;      /* sfx_batch_schema_id of the columns, set by _seal */
};

void sfx_schema_reset(struct sfx_schema *s);

/* Index of the column named name, or -1. */
int sfx_schema_find(const struct sfx_schema *s, struct sfx_slice name);

/* Adds a column (name copied, not yet there; no head): its index. Errors: LIMIT, NOMEM. */
int sfx_schema_add(struct sfx_schema *s, struct sfx_slice name, struct sfx_err *err);

/* Puts the oldest of `ahead` other cells in the place of those that were handed out. Errors: NOMEM.
 */
int sfx_schema_flip(struct sfx_schema *s, unsigned ahead, struct sfx_err *err);

/* Computes the id. */
void sfx_schema_seal(struct sfx_schema *s);

void sfx_schema_done(struct sfx_schema *s);

#endif
