/* SPDX-License-Identifier: MIT */
/* Records with a value for a column that the table lacks: they are put aside, the others loaded. */
#include "sink/load_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sfx_load_quarantine(struct sfx_load *load, const struct sfx_sink_schema **schema,
                        struct sfx_err *err)
{
    const struct sfx_sink_schema *all = *schema;
    struct sfx_load_foreign *f = &load->foreign;
    void *lacks, *columns;
    size_t i;
    int rc;

    f->active = false;
    if (load->opts.how.evolve != SFX_SINK_QUARANTINE || load->sink->ops->lacks == NULL)
        return 0;
    lacks = reallocarray(f->lacks, all->ncols, sizeof(*f->lacks));
    if (lacks != NULL)
        f->lacks = lacks;
    columns = reallocarray(f->kept.columns, all->ncols, sizeof(*f->kept.columns));
    if (columns != NULL)
        f->kept.columns = columns;
    if (lacks == NULL || columns == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", all->ncols);
    rc = load->sink->ops->lacks(load->sink, all, f->lacks, err);
    if (rc < 0)
        return rc;
    f->all = all;
    f->kept.ncols = 0;
    for (i = 0; i < all->ncols; i++) {
        if (!f->lacks[i])
            f->kept.columns[f->kept.ncols++] = all->columns[i];
    }
    f->active = f->kept.ncols < all->ncols;
    if (f->kept.ncols == 0)
        return sfx_err_set(err, SFX_E_INPUT, "the table has none of the columns");
    *schema = &f->kept;
    return 0;
}

static bool has_value(const struct sfx_cell *cell)
{
    return cell->kind != SFX_CELL_MISSING && cell->kind != SFX_CELL_NULL &&
           (cell->kind != SFX_CELL_TEXT || cell->len > 0);
}

/* Refuses the rows of batch that have a value in its column at. */
static int refuse_column(struct sfx_load *load, struct sfx_batch *batch, int at,
                         const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    const struct sfx_column *col = &batch->columns[at];
    char name[256], reason[384];
    uint32_t k, n = 0;
    int rc = 0;

    (void)snprintf(name, sizeof(name), "%.*s", SFX_SLICE_ARG(col->name));
    (void)snprintf(reason, sizeof(reason), "column \"%s\" is not in table %s", name,
                   load->result.table);
    for (k = 0; rc == 0 && k < batch->nsel; k++) {
        const uint16_t row = batch->sel[k];
        const struct sfx_cell *cell = &col->cells[row];

        if (has_value(cell))
            rc = sfx_sink_refuse(batch, row, name, sfx_slice(cell->ptr, cell->len), reason, bad,
                                 err);
        else
            batch->sel[n++] = row;
    }
    batch->nsel = n;
    return rc;
}

int sfx_load_refuse_foreign(struct sfx_load *load, struct sfx_batch *batch,
                            const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    const struct sfx_load_foreign *f = &load->foreign;
    size_t i;
    int rc = 0;

    for (i = 0; f->active && rc == 0 && i < f->all->ncols; i++) {
        const int at = f->lacks[i] ? sfx_batch_find(batch, f->all->columns[i].name) : -1;

        if (at >= 0)
            rc = refuse_column(load, batch, at, bad, err);
    }
    return rc;
}

void sfx_load_free_foreign(struct sfx_load *load)
{
    free(load->foreign.lacks);
    free(load->foreign.kept.columns);
}
