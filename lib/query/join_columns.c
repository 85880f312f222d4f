/* SPDX-License-Identifier: MIT */
/* The columns that come out of a join, and what they are called. */
#include "query/join_internal.h"

#include <string.h>

size_t sfx_join_find(const struct sfx_qcolumn *cols, size_t ncols, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < ncols && !sfx_slice_eq(cols[i].name, name); i++)
        ;
    return i;
}

int sfx_join_pair_of(const struct sfx_join *join, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < join->plan->npairs; i++) {
        if (sfx_expr_column(join->plan->pairs[i].left).len > 0 &&
            sfx_slice_eq(sfx_expr_column(join->plan->pairs[i].right), name))
            return (int)i;
    }
    return -1;
}

/* The frame's columns; the key columns that records of JSON need not have are there at least. */
static int bind_left(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &join->op;
    struct sfx_frame *out = &op->out;
    enum sfx_type type;
    size_t i;

    join->copies = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(struct sfx_vec *), err);
    if (join->copies == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < in->ncols; i++) {
        out->cols[i] = in->cols[i];
        if (!join->wide)
            continue;
        type = in->cols[i].vec->type;
        if (type == SFX_TYPE_BOOL && sfx_join_keeps_file(join))
            type = SFX_TYPE_CELL;
        join->copies[i] = sfx_vec_new(&op->arena, type, err);
        if (join->copies[i] == NULL)
            return SFX_E_NOMEM;
        out->cols[i].vec = join->copies[i];
    }
    out->ncols = in->ncols;
    for (i = 0; i < join->plan->npairs; i++) {
        struct sfx_slice name = sfx_expr_column(join->plan->pairs[i].left);

        if (name.len == 0 || sfx_join_find(out->cols, out->ncols, name) < out->ncols)
            continue;
        out->cols[out->ncols].name = name;
        out->cols[out->ncols].vec = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);
        if (out->cols[out->ncols++].vec == NULL)
            return SFX_E_NOMEM;
    }
    join->left = in->cols;
    join->nleft = in->ncols;
    join->left_open = in->open;
    return 0;
}

/* Appends "_right" to a name until no column has it. */
static int free_name(struct sfx_join *join, struct sfx_slice *name, struct sfx_err *err)
{
    static const char suffix[] = "_right";
    const struct sfx_frame *out = &join->op.out;

    while (sfx_join_find(out->cols, out->ncols, *name) < out->ncols) {
        char *longer = sfx_arena_alloc(&join->op.arena, name->len + sizeof(suffix), err);

        if (longer == NULL)
            return SFX_E_NOMEM;
        if (name->len > 0)
            memcpy(longer, name->ptr, name->len);
        memcpy(longer + name->len, suffix, sizeof(suffix));
        *name = sfx_slice(longer, name->len + sizeof(suffix) - 1);
    }
    return 0;
}

static int add_prefix(struct sfx_join *join, struct sfx_slice *name, struct sfx_err *err)
{
    struct sfx_slice prefix = join->plan->prefix;
    char *longer;

    if (prefix.len == 0)
        return 0;
    longer = sfx_arena_alloc(&join->op.arena, prefix.len + name->len, err);
    if (longer == NULL)
        return SFX_E_NOMEM;
    memcpy(longer, prefix.ptr, prefix.len);
    if (name->len > 0)
        memcpy(longer + prefix.len, name->ptr, name->len);
    *name = sfx_slice(longer, prefix.len + name->len);
    return 0;
}

static struct sfx_vec *add_column(struct sfx_join *join, const struct sfx_qcolumn *like,
                                  struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_frame *out = &join->op.out;
    struct sfx_qcolumn *col = &out->cols[out->ncols];

    *col = *like;
    if (!sfx_slice_eq(like->name, name))
        col->head = (struct sfx_cell){0};
    col->name = name;
    col->vec = sfx_vec_new(&join->op.arena, SFX_TYPE_CELL, err);
    out->ncols += col->vec != NULL;
    return col->vec;
}

/*
 * A column of the file. Where records need not have a column, the rule for names that meet holds
 * record by record, whatever others have: the column they share then stands with the file's.
 */
static int bind_right_column(struct sfx_join *join, size_t cell, bool open, struct sfx_err *err)
{
    const struct sfx_qcolumn *like = &join->names.cols[cell];
    struct sfx_join_column *col = &join->cols[join->ncols];
    struct sfx_frame *out = &join->op.out;
    struct sfx_slice name = like->name;
    size_t theirs;

    *col = (struct sfx_join_column){.cell = cell};
    if (add_prefix(join, &name, err) < 0)
        return SFX_E_NOMEM;
    theirs = sfx_join_find(out->cols, join->nleft, name);
    if (open && theirs < join->nleft && join->left[theirs].vec->type == SFX_TYPE_CELL) {
        col->theirs = join->left[theirs].vec;
        out->cols[theirs].vec = NULL; /* it moves */
        col->merged = add_column(join, like, name, err);
        if (col->merged == NULL)
            return SFX_E_NOMEM;
    }
    if (free_name(join, &name, err) < 0)
        return SFX_E_NOMEM;
    col->vec = add_column(join, like, name, err);
    join->ncols++;
    return col->vec == NULL ? SFX_E_NOMEM : 0;
}

/* Takes out the columns that moved. */
static void close_gaps(struct sfx_join *join)
{
    struct sfx_frame *out = &join->op.out;
    size_t i, n = 0;

    for (i = 0; i < out->ncols; i++) {
        if (out->cols[i].vec != NULL)
            out->cols[n++] = out->cols[i];
    }
    out->ncols = n;
}

int sfx_join_bind_columns(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &join->op;
    struct sfx_frame *out = &op->out;
    size_t c, most = in->ncols + join->plan->npairs + 2 * join->names.ncols + 1;
    int rc;

    out->cols = sfx_arena_calloc(&op->arena, most, sizeof(*out->cols), err);
    join->cols = sfx_arena_calloc(&op->arena, join->names.ncols + 1, sizeof(*join->cols), err);
    if (out->cols == NULL || join->cols == NULL)
        return SFX_E_NOMEM;
    if (join->wide && sfx_frame_make_rows(out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    out->ncols = join->ncols = 0;
    out->open = in->open || join->open;
    out->ordered = in->ordered;
    out->nraw = in->open ? 0 : in->nraw;
    out->raw_dialect = in->raw_dialect;
    out->schema_id = sfx_operator_new_schema(op);
    rc = bind_left(join, in, err);
    for (c = 0; c < join->names.ncols && rc == 0; c++) {
        if (sfx_join_pair_of(join, join->names.cols[c].name) < 0)
            rc = bind_right_column(join, c, in->open, err);
    }
    close_gaps(join);
    return rc;
}
