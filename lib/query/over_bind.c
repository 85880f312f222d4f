/* SPDX-License-Identifier: MIT */
/* Binds the running functions of over, and the columns that it adds. */
#include "query/over_internal.h"

#include <string.h>

/* Binds a constant argument, and evaluates it into row 0. */
static int bind_constant(struct sfx_over *over, struct sfx_binder *b, const struct sfx_expr *expr,
                         enum sfx_type type, struct sfx_node **node)
{
    static const uint16_t first = 0;
    struct sfx_eval *ev = sfx_operator_eval(&over->op);
    struct sfx_binder constants = *b;
    int rc;

    constants.ncols = 0;
    constants.open = false;
    rc = sfx_bind_as(&constants, expr, type, node);
    if (rc < 0)
        return rc;
    ev->soft++;
    sfx_eval_node(ev, *node, &first, 1);
    ev->soft--;
    if (!sfx_type_in_nums((*node)->vec->type) && !sfx_vec_is_null((*node)->vec, 0)) {
        struct sfx_cell *cell = &(*node)->vec->cells[0]; /* computed text does not stay */
        char *copy = sfx_arena_strndup(b->arena, cell->ptr, cell->len, b->err);

        if (copy == NULL)
            return SFX_E_NOMEM;
        cell->ptr = copy;
    }
    return 0;
}

static int bind_count(struct sfx_over *over, struct sfx_binder *b, const struct sfx_expr *expr,
                      struct sfx_running_bound *bound)
{
    struct sfx_node *node;
    struct sfx_decimal n;
    int rc = bind_constant(over, b, expr, SFX_TYPE_NUMBER, &node);

    if (rc < 0)
        return rc;
    n = node->vec->nums[0];
    sfx_decimal_trim(&n, 0);
    if (node->vec->flags[0] || n.scale != 0 || n.mant < 1 || n.mant > SFX_RUNNING_MAX_ROWS)
        return sfx_program_err(b->program, expr->at, b->err,
                               "%s takes a whole number from 1 to %d here", bound->call->fn->name,
                               SFX_RUNNING_MAX_ROWS);
    bound->n = (uint64_t)n.mant;
    return 0;
}

/* ewma's part: more than 0, at most 1. */
static int bind_factor(struct sfx_over *over, struct sfx_binder *b, const struct sfx_expr *expr,
                       struct sfx_running_bound *bound)
{
    struct sfx_node *node;
    int rc = bind_constant(over, b, expr, SFX_TYPE_FLOAT, &node);

    if (rc < 0)
        return rc;
    bound->factor = node->vec->flags[0] ? 0 : sfx_slot_float(&node->vec->nums[0]);
    if (!(bound->factor > 0 && bound->factor <= 1))
        return sfx_program_err(b->program, expr->at, b->err,
                               "%s takes a number above 0 and not above 1 here",
                               bound->call->fn->name);
    return 0;
}

static int bind_argument(struct sfx_binder *b, struct sfx_running_bound *bound)
{
    int rc = sfx_bind_expr(b, bound->call->args[0], &bound->arg);

    if (rc < 0)
        return rc;
    if (bound->call->fn->arg == 'n')
        return sfx_bind_convert(b, SFX_TYPE_NUMBER, &bound->arg);
    if (bound->call->fn->arg == 'f')
        return sfx_bind_convert(b, SFX_TYPE_FLOAT, &bound->arg);
    return bound->arg->vec->type == SFX_TYPE_BOOL ? sfx_bind_convert(b, SFX_TYPE_CELL, &bound->arg)
                                                  : 0;
}

static int bind_call(struct sfx_over *over, struct sfx_binder *b, struct sfx_running_bound *bound)
{
    const struct sfx_running_call *call = bound->call;
    size_t next = call->fn->arg != 0;
    int rc = call->nargs > 0 && next > 0 ? bind_argument(b, bound) : 0;

    if (rc < 0)
        return rc;
    bound->n = 1;
    bound->type = call->fn->result == SFX_TYPE_CELL ? bound->arg->vec->type : call->fn->result;
    if (bound->type == SFX_TYPE_NULL)
        bound->type = SFX_TYPE_CELL;
    if (next < call->nargs)
        rc = call->fn->counts ? bind_count(over, b, call->args[next], bound)
                              : bind_factor(over, b, call->args[next], bound);
    if (rc == 0 && next + 1 < call->nargs)
        rc = bind_constant(over, b, call->args[next + 1], bound->type, &bound->other);
    return rc;
}

int sfx_over_bind_calls(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_over_plan *plan = over->plan;
    struct sfx_binder b = sfx_operator_binder(&over->op, in, err);
    size_t i;
    int rc = 0;

    over->calls = sfx_arena_calloc(&over->op.arena, plan->ncalls + 1, sizeof(*over->calls), err);
    if (over->calls == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < plan->ncalls && rc == 0; i++) {
        over->calls[i].call = &plan->calls[i];
        over->calls[i].offset = over->offsets[i];
        rc = bind_call(over, &b, &over->calls[i]);
    }
    for (i = 0; i < over->op.ast->aggs.count && rc == 0; i++)
        rc = sfx_agg_bind(&b, &over->aggs[i]);
    return rc;
}

int sfx_over_bind_columns(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_over_plan *plan = over->plan;
    struct sfx_operator *op = &over->op;
    struct sfx_frame *out = &op->out;
    size_t i, c;

    over->agg_vecs =
        sfx_arena_calloc(&op->arena, op->ast->aggs.count + 1, sizeof(struct sfx_vec *), err);
    if (over->agg_vecs == NULL || sfx_operator_keep_columns(op, in, plan->ncolumns, err) < 0)
        return SFX_E_NOMEM;
    out->ordered = in->ordered;
    out->nraw = in->nraw;
    out->raw_dialect = in->raw_dialect;
    for (i = 0; i < plan->ncolumns; i++) {
        const struct sfx_over_column *column = &plan->columns[i];
        enum sfx_type type =
            column->aggregate ? over->aggs[column->index].type : over->calls[column->index].type;
        struct sfx_vec *vec =
            sfx_vec_new(&op->arena, type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : type, err);

        if (vec == NULL)
            return SFX_E_NOMEM;
        for (c = 0; c < out->ncols && !sfx_slice_eq(out->cols[c].name, column->name); c++)
            ;
        if (c < out->nraw)
            out->nraw = 0;
        out->cols[c] = (struct sfx_qcolumn){.name = column->name, .vec = vec};
        out->ncols += c == out->ncols;
        if (column->aggregate)
            over->agg_vecs[column->index] = vec;
        else
            over->calls[column->index].out = vec;
    }
    return 0;
}

void sfx_over_eval(struct sfx_over *over, const uint16_t *sel, uint32_t nsel)
{
    struct sfx_eval *ev = sfx_operator_eval(&over->op);
    size_t i;

    for (i = 0; i < over->plan->ncalls; i++) {
        if (over->calls[i].arg != NULL)
            sfx_eval_node(ev, over->calls[i].arg, sel, nsel);
    }
    for (i = 0; i < over->op.ast->aggs.count; i++)
        sfx_agg_eval(ev, &over->aggs[i], sel, nsel);
}

void sfx_over_begin(struct sfx_over *over)
{
    size_t i;

    for (i = 0; i < over->plan->ncalls; i++)
        over->calls[i].out->has_cells = false;
    for (i = 0; i < over->op.ast->aggs.count; i++)
        over->agg_vecs[i]->has_cells = false;
}

int sfx_over_step(struct sfx_over *over, struct sfx_arena *arena, unsigned char *states,
                  const struct sfx_running_row *row, struct sfx_err *err)
{
    struct sfx_running_ctx ctx = {sfx_operator_eval(&over->op), arena, err};
    size_t i;
    int rc = 0;

    for (i = 0; i < over->plan->ncalls && rc == 0; i++) {
        const struct sfx_running_bound *bound = &over->calls[i];

        rc = bound->call->fn->step(&ctx, bound, states + bound->offset, row);
        if (rc < 0)
            rc = sfx_err_wrap(err, rc, "over: %.*s", SFX_SLICE_ARG(bound->call->name));
    }
    return rc;
}
