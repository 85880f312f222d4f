/* SPDX-License-Identifier: MIT */
/* Batches: the memory of columns and rows, and what a schema is known by. */
#include "record/batch.h"

#include "base/hash.h"
#include "base/size.h"

#include <stdlib.h>
#include <string.h>

/*
 * One line more than the cells need: arrays that are a multiple of 4 KiB apart would all fall into
 * the same cache sets when a row is filled across its columns.
 */
#define CELLS_NBYTES (SFX_BATCH_ROWS * sizeof(struct sfx_cell) + 64)

int sfx_batch_init(struct sfx_batch *batch, struct sfx_err *err)
{
    *batch = (struct sfx_batch){0};
    batch->rows = malloc(SFX_BATCH_ROWS * sizeof(*batch->rows));
    batch->sel = malloc(SFX_BATCH_ROWS * sizeof(*batch->sel));
    if (batch->rows == NULL || batch->sel == NULL) {
        sfx_batch_done(batch);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a batch");
    }
    return 0;
}

void sfx_batch_clear(struct sfx_batch *batch)
{
    batch->nrows = 0;
    batch->nsel = 0;
    sfx_arena_reset(&batch->arena);
}

uint64_t sfx_batch_schema_id(const struct sfx_column *columns, size_t ncols)
{
    uint64_t hash = ncols;
    size_t i;

    if (ncols == 0)
        return 0;
    for (i = 0; i < ncols; i++)
        hash = sfx_hash64(columns[i].name.ptr, columns[i].name.len, hash);
    /* The count stands in the id itself: no accident of hashing makes an index go too far. */
    return (hash & ~UINT64_C(0xffff)) | ncols;
}

void sfx_batch_update_schema_id(struct sfx_batch *batch)
{
    batch->schema_id = sfx_batch_schema_id(batch->columns, batch->ncols);
}

/* Makes room for ncols column heads. */
static int reserve_columns(struct sfx_column **columns, size_t *cap, size_t ncols,
                           struct sfx_err *err)
{
    size_t want = *cap > 0 ? *cap : 16;
    struct sfx_column *grown;

    if (ncols > SFX_BATCH_MAX_COLS)
        return sfx_err_set(err, SFX_E_LIMIT, "more than %d columns", SFX_BATCH_MAX_COLS);
    if (ncols <= *cap)
        return 0;
    while (want < ncols)
        want *= 2; /* bounded by SFX_BATCH_MAX_COLS above */
    grown = realloc(*columns, want * sizeof(*grown));
    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", want);
    *columns = grown;
    *cap = want;
    return 0;
}

/* The next column of the batch's own, made or taken up again; its name is set. */
static struct sfx_column *own_column(struct sfx_batch *batch, struct sfx_slice name,
                                     struct sfx_err *err)
{
    struct sfx_column *col;

    if (batch->own_used == batch->nown) {
        if (reserve_columns(&batch->own, &batch->cap_own, batch->nown + 1, err) < 0)
            return NULL;
        col = &batch->own[batch->nown];
        *col = (struct sfx_column){0};
        col->cells = sfx_arena_alloc(&batch->schema, CELLS_NBYTES, err);
        if (col->cells == NULL)
            return NULL;
        batch->nown++;
    }
    col = &batch->own[batch->own_used];
    if (col->name.ptr == NULL || !sfx_slice_eq(col->name, name)) {
        char *copy = sfx_arena_strndup(&batch->schema, name.ptr, name.len, err);

        if (copy == NULL)
            return NULL;
        col->name = sfx_slice(copy, name.len);
    }
    batch->own_used++;
    return col;
}

int sfx_batch_add_column(struct sfx_batch *batch, struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_column *col;
    int rc = reserve_columns(&batch->columns, &batch->cap_cols, batch->ncols + 1, err);

    if (rc < 0)
        return rc;
    col = own_column(batch, name, err);
    if (col == NULL)
        return SFX_E_NOMEM;
    memset(col->cells, 0, batch->nrows * sizeof(*col->cells)); /* MISSING is all zero */
    batch->columns[batch->ncols++] = *col;
    sfx_batch_update_schema_id(batch);
    return (int)batch->ncols - 1;
}

void sfx_batch_reset_schema(struct sfx_batch *batch)
{
    sfx_batch_clear(batch);
    batch->ncols = 0;
    batch->own_used = 0;
    batch->nraw = 0;
    batch->schema_id = 0;
}

int sfx_batch_set_columns(struct sfx_batch *batch, const struct sfx_column *columns, size_t ncols,
                          uint64_t id, struct sfx_err *err)
{
    int rc = reserve_columns(&batch->columns, &batch->cap_cols, ncols, err);

    if (rc < 0)
        return rc;
    sfx_batch_reset_schema(batch);
    if (ncols > 0)
        memcpy(batch->columns, columns, ncols * sizeof(*columns));
    batch->ncols = ncols;
    batch->schema_id = id;
    return 0;
}

void sfx_batch_inherit(struct sfx_batch *batch, const struct sfx_batch *src)
{
    batch->input = src->input;
    batch->member = src->member;
    batch->eol = src->eol;
    batch->dialect = src->dialect;
    batch->open_schema = src->open_schema;
}

void sfx_batch_select_all(struct sfx_batch *batch, uint32_t nrows)
{
    uint32_t i;

    for (i = 0; i < nrows; i++)
        batch->sel[i] = (uint16_t)i;
    batch->nrows = nrows;
    batch->nsel = nrows;
}

int sfx_batch_find(const struct sfx_batch *batch, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < batch->ncols; i++) {
        if (sfx_slice_eq(batch->columns[i].name, name))
            return (int)i;
    }
    return -1;
}

void sfx_batch_done(struct sfx_batch *batch)
{
    free(batch->columns);
    free(batch->own);
    free(batch->rows);
    free(batch->sel);
    sfx_arena_done(&batch->arena);
    sfx_arena_done(&batch->schema);
    *batch = (struct sfx_batch){0};
}
