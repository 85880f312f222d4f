/* SPDX-License-Identifier: MIT */
/* Stages that choose and name columns: select, drop, rename. All is decided when they are bound. */
#include "query/stage_internal.h"

#include <string.h>

static int copy_columns(struct sfx_operator *op, const struct sfx_frame *in, size_t room,
                        struct sfx_err *err)
{
    struct sfx_frame *out = &op->out;

    out->cols = sfx_arena_calloc(&op->arena, room + 1, sizeof(*out->cols), err);
    if (out->cols == NULL)
        return SFX_E_NOMEM;
    out->ncols = 0;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    return 0;
}

static bool is_excluded(const struct sfx_stage_ast *ast, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < ast->items.count; i++) {
        if (sfx_slice_eq(ast->items.items[i].name, name))
            return true;
    }
    return false;
}

/* All columns but those that the stage names. */
static int bind_exclusion(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    size_t i, index;
    int rc = copy_columns(op, in, in->ncols, err);

    for (i = 0; i < op->ast->items.count && rc >= 0; i++) {
        const struct sfx_item *item = &op->ast->items.items[i];

        rc = sfx_bind_column(&binder, item->name, item->at, &index);
    }
    for (i = 0; i < in->ncols && rc >= 0; i++) {
        if (!is_excluded(op->ast, in->cols[i].name))
            out->cols[out->ncols++] = in->cols[i];
    }
    return rc < 0 ? rc : 0;
}

/* The named columns in the named order; one that is not there (JSON) is a column of nothing. */
static int bind_select(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    struct sfx_frame *out = &op->out;
    size_t i, index;
    int rc;

    if (items->items[0].minus)
        return bind_exclusion(op, in, err);
    rc = copy_columns(op, in, items->count, err);
    out->open = false;
    for (i = 0; i < items->count && rc >= 0; i++) {
        rc = sfx_bind_column(&binder, items->items[i].name, items->items[i].at, &index);
        if (rc > 0) {
            out->cols[out->ncols++] = in->cols[index];
        } else if (rc == 0) {
            struct sfx_vec *nothing = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);

            if (nothing == NULL)
                return SFX_E_NOMEM;
            out->cols[out->ncols++] =
                (struct sfx_qcolumn){.name = items->items[i].name, .vec = nothing};
        }
    }
    return rc < 0 ? rc : 0;
}

static int bind_rename(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    struct sfx_frame *out = &op->out;
    size_t i, index;
    int rc = copy_columns(op, in, in->ncols, err);

    if (rc < 0)
        return rc;
    if (in->ncols > 0)
        memcpy(out->cols, in->cols, in->ncols * sizeof(*out->cols));
    out->ncols = in->ncols;
    for (i = 0; i < items->count; i++) { /* all at once: a = b, b = a swaps */
        rc = sfx_bind_column(&binder, items->items[i].expr->text, items->items[i].expr->at, &index);
        if (rc < 0)
            return rc;
        if (rc > 0)
            out->cols[index].name = items->items[i].name;
    }
    return 0;
}

static int push_columns(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

/* select a, -b would mean two things at once. */
static int parse_select(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    size_t i;
    int rc = sfx_parse_names(p, stage);

    for (i = 1; i < stage->items.count && rc == 0; i++) {
        if (stage->items.items[i].minus != stage->items.items[0].minus)
            rc = sfx_program_err(p->program, stage->items.items[i].at, p->err,
                                 "select takes the columns to keep, or those to leave out with -");
    }
    return rc;
}

static enum sfx_rest select_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                 enum sfx_rest rest)
{
    size_t i;

    (void)rest;
    if (ast->items.items[0].minus)
        return SFX_REST_CELLS;
    for (i = 0; i < ast->items.count; i++)
        sfx_uses_name(uses, ast->items.items[i].name);
    return SFX_REST_NOTHING;
}

const struct sfx_verb sfx_verb_select = {
    .name = "select",
    .usage = "select COLUMN[, …] or select -COLUMN[, …]",
    .help = "keeps the named columns in this order, or all but those with -",
    .plan = "streaming",
    .example = {"select b, a", "a,b,c\n1,2,3\n", "b,a\n2,1\n"},
    .fixes_columns = true,
    .state_nbytes = sizeof(struct sfx_operator),
    .uses = select_uses,
    .parse = parse_select,
    .bind = bind_select,
    .push = push_columns,
};

const struct sfx_verb sfx_verb_drop = {
    .name = "drop",
    .usage = "drop COLUMN[, …]",
    .help = "leaves the named columns out",
    .plan = "streaming",
    .example = {"drop b", "a,b,c\n1,2,3\n", "a,c\n1,3\n"},
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = sfx_parse_names,
    .bind = bind_exclusion,
    .push = push_columns,
};

const struct sfx_verb sfx_verb_rename = {
    .name = "rename",
    .usage = "rename NEW = OLD[, …]",
    .help = "gives columns other names",
    .plan = "streaming",
    .example = {"rename x = a", "a,b\n1,2\n", "x,b\n1,2\n"},
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = sfx_parse_renames,
    .bind = bind_rename,
    .push = push_columns,
};
