/* SPDX-License-Identifier: MIT */
/* derive: computes columns, new ones at the end, existing ones in their place. */
#include "query/stage_internal.h"

#include <string.h>

/* Puts the column of an assignment where the ones behind it see it. */
static void assign(struct sfx_frame *out, struct sfx_slice name, struct sfx_vec *vec)
{
    size_t i;

    for (i = 0; i < out->ncols && !sfx_slice_eq(out->cols[i].name, name); i++)
        ;
    out->cols[i] = (struct sfx_qcolumn){.name = name, .vec = vec};
    out->ncols += i == out->ncols;
}

/* True when an assignment replaces the column called name. */
static bool replaces(const struct sfx_items *items, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < items->count; i++) {
        if (sfx_slice_eq(items->items[i].name, name))
            return true;
    }
    return false;
}

int sfx_derive_bind(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_derive *derive = (struct sfx_derive *)op;
    const struct sfx_items *items = &op->ast->items;
    struct sfx_frame *out = &op->out;
    size_t i;

    derive->nodes = sfx_arena_calloc(&op->arena, items->count, sizeof(struct sfx_node *), err);
    if (derive->nodes == NULL || sfx_operator_keep_columns(op, in, items->count, err) < 0)
        return SFX_E_NOMEM;
    out->nraw = in->nraw;
    for (i = 0; i < in->nraw; i++) {
        if (replaces(items, in->cols[i].name))
            out->nraw = 0;
    }
    for (i = 0; i < items->count; i++) {
        struct sfx_binder binder = sfx_operator_binder(op, out, err);
        int rc = sfx_bind_expr(&binder, items->items[i].expr, &derive->nodes[i]);

        if (rc < 0)
            return rc;
        assign(out, items->items[i].name, derive->nodes[i]->vec);
    }
    return 0;
}

int sfx_derive_push(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_derive *derive = (struct sfx_derive *)op;
    size_t i;
    int rc;

    for (i = 0; i < op->ast->items.count; i++)
        sfx_eval_node(sfx_operator_eval(op), derive->nodes[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0)
        return rc;
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

enum sfx_rest sfx_derive_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                              enum sfx_rest rest)
{
    size_t i;

    sfx_uses_items(uses, &ast->items);
    for (i = 0; i < uses->ncols && rest == SFX_REST_RECORD; i++) {
        if (replaces(&ast->items, uses->cols[i].name))
            rest = SFX_REST_CELLS;
    }
    return rest;
}

const struct sfx_verb sfx_verb_derive = {
    .name = "derive",
    .usage = "[derive] NAME = EXPRESSION[, …]",
    .help = "computes columns; each sees the ones before it",
    .plan = "streaming",
    .rules = "New columns come last, existing ones keep their place. What cannot be computed makes "
             "the record bad.",
    .example = {.program = "total = price * qty",
                .input = "price,qty\n2.50,3\n",
                .output = "price,qty,total\n2.50,3,7.50\n"},
    .can_fail = true,
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct sfx_derive),
    .parse = sfx_parse_assignments,
    .uses = sfx_derive_uses,
    .bind = sfx_derive_bind,
    .push = sfx_derive_push,
};
