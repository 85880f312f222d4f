/* SPDX-License-Identifier: MIT */
/* Columns of an output, fixed by its first batch. */
#include "record/bound_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static int start(struct sfx_bound *b, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    b->schema.names_only = true;
    b->map = malloc((batch->ncols + 1) * sizeof(*b->map));
    if (b->map == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    for (i = 0; rc >= 0 && i < batch->ncols; i++) {
        rc = sfx_schema_add(&b->schema, batch->columns[i].name, err);
        b->map[i] = (int32_t)i;
    }
    b->id = batch->schema_id;
    b->started = true;
    return rc < 0 ? rc : 0;
}

static int bind(struct sfx_bound *b, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < b->schema.ncols; i++)
        b->map[i] = -1;
    for (i = 0; i < batch->ncols; i++) {
        const struct sfx_slice name = batch->columns[i].name;
        const int at = sfx_schema_find(&b->schema, name);

        if (at < 0)
            return sfx_err_set(err, SFX_E_INPUT,
                               "column %.*s appears first in record %" PRIu64
                               "; select the columns first or write jsonl",
                               SFX_SLICE_ARG(name), b->nrows + 1);
        b->map[at] = (int32_t)i;
    }
    b->id = batch->schema_id;
    return 0;
}

int sfx_bound_take(struct sfx_bound *b, const struct sfx_batch *batch, struct sfx_err *err)
{
    int rc = 0;

    if (!b->started)
        rc = start(b, batch, err);
    else if (batch->schema_id != b->id && batch->nsel > 0)
        rc = bind(b, batch, err);
    b->nrows += rc == 0 ? batch->nsel : 0;
    return rc;
}

void sfx_bound_done(struct sfx_bound *b)
{
    sfx_schema_done(&b->schema);
    free(b->map);
    *b = (struct sfx_bound){0};
}
