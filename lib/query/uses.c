/* SPDX-License-Identifier: MIT */
/* Which columns of the input a program looks at, so that a reader need not fill the others. */
#include "query/query_internal.h"

void sfx_uses_name(struct sfx_uses *uses, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < uses->ncols; i++) {
        if (sfx_slice_eq(uses->cols[i].name, name))
            uses->wanted[i] = true;
    }
}

void sfx_uses_expr(struct sfx_uses *uses, const struct sfx_expr *expr)
{
    size_t i;

    if (expr == NULL)
        return;
    if (expr->kind == SFX_EXPR_COLUMN)
        sfx_uses_name(uses, expr->text);
    for (i = 0; i < expr->nargs; i++)
        sfx_uses_expr(uses, expr->args[i]);
}

void sfx_uses_items(struct sfx_uses *uses, const struct sfx_items *items)
{
    size_t i, k;

    for (i = 0; i < items->count; i++) {
        sfx_uses_expr(uses, items->items[i].expr);
        for (k = 0; k < items->items[i].nmore; k++)
            sfx_uses_expr(uses, items->items[i].more[k]);
        sfx_uses_expr(uses, items->items[i].filter);
    }
}

enum sfx_rest sfx_uses_filter(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                              enum sfx_rest rest)
{
    sfx_uses_items(uses, &ast->items);
    return rest;
}

enum sfx_rest sfx_uses_keep(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                            enum sfx_rest rest)
{
    sfx_uses_items(uses, &ast->items);
    return rest == SFX_REST_NOTHING ? rest : SFX_REST_CELLS;
}

void sfx_query_wants(struct sfx_query *q, const struct sfx_batch *batch, bool copies, bool *wanted)
{
    struct sfx_uses uses = {batch->columns, batch->ncols, wanted};
    enum sfx_rest rest = copies ? SFX_REST_RECORD : SFX_REST_CELLS;
    size_t i;

    q->copies = copies && (q->copies || !q->asked);
    q->asked = true;
    for (i = 0; i < batch->ncols; i++)
        wanted[i] = false;
    for (i = q->noperators; i-- > 0;) {
        const struct sfx_operator *op = q->operators[i];

        if (op->verb->wants_cells != NULL && op->verb->wants_cells(op))
            rest = SFX_REST_CELLS;
        if (rest == SFX_REST_RECORD && op->verb->takes_records != NULL &&
            !op->verb->takes_records(op))
            rest = SFX_REST_CELLS;
        rest = op->verb->uses != NULL ? op->verb->uses(op->ast, &uses, rest) : SFX_REST_CELLS;
    }
    q->records_only = rest == SFX_REST_RECORD;
    for (i = 0; rest == SFX_REST_CELLS && i < batch->ncols; i++)
        wanted[i] = true;
}
