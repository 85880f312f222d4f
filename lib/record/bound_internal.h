/* SPDX-License-Identifier: MIT */
/*
 * The columns of an output that has a header: those of the first batch; later ones are bound to
 * them by name.
 */
#ifndef SFX_RECORD_BOUND_INTERNAL_H
#define SFX_RECORD_BOUND_INTERNAL_H

#include "record/schema_internal.h"

struct sfx_bound { /* {0}: not started */
    struct sfx_schema schema;
    int32_t *map; /* for each column the batch's, -1: it has none */
    uint64_t id;  /* schema of the batch that map is for */
    uint64_t nrows;
    bool started;
};

/* Makes the columns those of the first batch, binds later ones, counts their rows. Errors: INPUT
 * for a column that was not there, NOMEM. */
int sfx_bound_take(struct sfx_bound *b, const struct sfx_batch *batch, struct sfx_err *err);

/* The cell of column i in that row of the batch taken last. */
static inline const struct sfx_cell *
sfx_bound_cell(const struct sfx_bound *b, const struct sfx_batch *batch, size_t i, uint32_t row)
{
    static const struct sfx_cell missing = {0};

    return b->map[i] >= 0 ? &batch->columns[b->map[i]].cells[row] : &missing;
}

void sfx_bound_done(struct sfx_bound *b);

#endif
