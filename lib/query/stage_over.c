/* SPDX-License-Identifier: MIT */
/* over: functions that run over the records of a group in an order; each record stays. */
#include "query/over_internal.h"

#define STATE_ALIGN 16

static size_t align_up(size_t n)
{
    return (n + STATE_ALIGN - 1) & ~(size_t)(STATE_ALIGN - 1);
}

static int start(struct sfx_over *over, struct sfx_err *err)
{
    const struct sfx_over_plan *plan = over->op.ast->detail;
    size_t i;

    over->offsets = sfx_arena_calloc(&over->arena, plan->ncalls + 1, sizeof(*over->offsets), err);
    if (over->offsets == NULL)
        return SFX_E_NOMEM;
    over->states_nbytes = align_up(sizeof(uint64_t)); /* rows of the group so far, in front */
    for (i = 0; i < plan->ncalls; i++) {
        over->offsets[i] = over->states_nbytes;
        over->states_nbytes = align_up(over->states_nbytes + plan->calls[i].fn->state_nbytes);
    }
    over->groups_nbytes = sizeof(uint64_t); /* rows of the group */
    over->aggs = sfx_agg_calls_new(&over->op.ast->aggs, &over->arena, &over->groups_nbytes, err);
    if (over->aggs == NULL)
        return SFX_E_NOMEM;
    over->plan = plan;
    if (!plan->blocks) {
        sfx_keyset_init(&over->set, &over->op, over->states_nbytes);
        over->set.budget_nbytes = sfx_operator_available(&over->op) / 2;
    }
    return 0;
}

static int bind_keys(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &over->op;
    struct sfx_binder b = sfx_operator_binder(op, in, err);
    const struct sfx_items *keys = &op->ast->items, *sort = &over->plan->sort;
    size_t i;
    int rc = 0;

    over->keys = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(struct sfx_node *), err);
    over->key_vecs = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(struct sfx_vec *), err);
    over->sort = sfx_arena_calloc(&op->arena, sort->count + 1, sizeof(struct sfx_node *), err);
    if (over->keys == NULL || over->key_vecs == NULL || over->sort == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < keys->count && rc == 0; i++) {
        rc = sfx_bind_key(&b, &keys->items[i], &over->keys[i]);
        if (rc == 0)
            over->key_vecs[i] = over->keys[i]->vec;
    }
    for (i = 0; i < sort->count && rc == 0; i++)
        rc = sfx_bind_key(&b, &sort->items[i], &over->sort[i]);
    sfx_plan_note(b.plan, over->plan->blocks ? "blocking: groups are put together, on disk if need "
                                               "be, and rows back in the order of the input"
                                             : "streaming: memory for each group; when half of "
                                               "--memory is full, records wait on disk until the "
                                               "input ends");
    if (over->plan->needs_groups)
        sfx_plan_note(b.plan, "whole groups: memory for each; what exceeds --memory waits on disk");
    return rc;
}

static int bind_over(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_over *over = (struct sfx_over *)op;
    int rc = over->plan == NULL ? start(over, err) : 0;

    if (rc == 0)
        rc = bind_keys(over, in, err);
    if (rc == 0)
        rc = sfx_over_bind_calls(over, in, err);
    if (rc == 0 && !over->plan->blocks)
        rc = sfx_over_bind_columns(over, in, err);
    if (rc < 0)
        return rc;
    if (over->plan->blocks)
        return sfx_over_sort_bind(over, in, err);
    return over->sorted != NULL ? sfx_over_sort_go_on(over, in, err) : 0;
}

/* Lets the functions see the rows begin … end - 1 as they come, those whose group is in memory. */
static int run(struct sfx_over *over, const struct sfx_frame *in, uint32_t begin, uint32_t end,
               struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    for (i = begin; i < end && rc == 0; i++) {
        unsigned char *states = over->entries[i] != NULL ? over->entries[i]->payload : NULL;
        struct sfx_running_row row = {.row = in->sel[i]};

        if (states == NULL)
            continue;
        row.index = (*(uint64_t *)states)++;
        rc = sfx_over_step(over, &over->set.arena, states, &row, err);
    }
    return rc;
}

/*
 * Rows in, rows out, as long as there is memory for groups. Then all rows wait: those of groups in
 * memory with their results, the others until the input ends.
 */
static int stream(struct sfx_over *over, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &over->op;
    struct sfx_frame *out = &op->out;
    int64_t end = 0;
    int rc;

    sfx_over_begin(over);
    if (over->sorted == NULL) {
        end = sfx_keyset_add_some(&over->set, &over->batch, 0, in->nsel, over->entries, over->fresh,
                                  err);
        if (end < 0)
            return (int)end;
        rc = run(over, in, 0, (uint32_t)end, err);
        if (rc < 0)
            return rc;
    }
    sfx_frame_take_rows(out, in);
    if (over->sorted == NULL && (end < in->nsel || !sfx_keyset_charge(&over->set))) {
        rc = sfx_over_sort_go_on(over, in, err);
        if (rc < 0)
            return rc;
    }
    if (over->sorted == NULL)
        return sfx_operator_pass(op, out, err);
    sfx_keyset_find(&over->set, &over->batch, (uint32_t)end, in->nsel, over->entries);
    rc = run(over, in, (uint32_t)end, in->nsel, err);
    if (rc == 0 && !sfx_keyset_charge(&over->set))
        rc = sfx_operator_over_limit(op, err);
    return rc == 0 ? sfx_over_sort_keep_some(over, in, err) : rc;
}

static int push_over(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_over *over = (struct sfx_over *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t i;
    int rc;

    for (i = 0; i < op->ast->items.count; i++)
        sfx_eval_node(ev, over->keys[i], in->sel, in->nsel);
    for (i = 0; i < over->plan->sort.count; i++)
        sfx_eval_node(ev, over->sort[i], in->sel, in->nsel);
    sfx_over_eval(over, in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0 && in->nsel > 0)
        rc = sfx_keys_make(&over->batch, ev, over->key_vecs, NULL, op->ast->items.count, in->sel,
                           in->nsel, err);
    if (rc < 0)
        return rc;
    if (over->plan->blocks)
        return sfx_over_sort_keep(over, in, err);
    return stream(over, in, err);
}

static int finish_over(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_over *over = (struct sfx_over *)op;

    return over->sorted != NULL ? sfx_over_sort_finish(over, err) : 0;
}

static bool over_blocks(const struct sfx_operator *op)
{
    return ((const struct sfx_over_plan *)op->ast->detail)->blocks;
}

static enum sfx_rest over_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                               enum sfx_rest rest)
{
    const struct sfx_over_plan *plan = ast->detail;
    size_t i, k;

    if (plan->blocks || ast->items.count > 0) /* rows are kept, at least of many groups */
        return SFX_REST_CELLS;
    sfx_uses_items(uses, &ast->items);
    for (i = 0; i < plan->ncalls; i++) {
        for (k = 0; k < plan->calls[i].nargs; k++)
            sfx_uses_expr(uses, plan->calls[i].args[k]);
    }
    for (i = 0; i < plan->ncolumns; i++) {
        for (k = 0; k < uses->ncols; k++) {
            if (sfx_slice_eq(uses->cols[k].name, plan->columns[i].name))
                rest = rest == SFX_REST_RECORD ? SFX_REST_CELLS : rest;
        }
    }
    return rest;
}

static void destroy_over(struct sfx_operator *op)
{
    struct sfx_over *over = (struct sfx_over *)op;

    sfx_over_sort_free(over);
    sfx_over_groups_free(over);
    sfx_keyset_done(&over->set);
    sfx_keys_done(&over->batch);
    sfx_arena_done(&over->arena);
}

const struct sfx_verb sfx_verb_over = {
    .name = "over",
    .usage = "over [KEY[, …]] [sort [-]KEY[, …]]: [NAME =] FUNCTION[, …]",
    .help = "adds columns of functions that run over the records of each group",
    .plan = "streaming, memory for each group, unless it sorts, or a function needs records "
            "further on: then blocking, rows that exceed --memory wait on disk; they do, too, when "
            "half of --memory is full of groups",
    .rules = "The functions are the running functions, and the aggregates, which give each record "
             "the value of its whole group. They see the records in the order of sort, else in "
             "that of the input; records come out in the order of the input. Records that are at "
             "one place in the order are seen in that of the input; nulls come last. Sums and "
             "extremes skip nulls, lag and lead count them.",
    .example = {.program = "over k: s = cumsum(n), share = sum(n)",
                .input = "k,n\na,1\nb,5\na,2\n",
                .output = "k,n,s,share\na,1,1,3\nb,5,5,5\na,2,3,3\n"},
    .can_fail = true,
    .uses = over_uses,
    .state_nbytes = sizeof(struct sfx_over),
    .parse = sfx_over_parse,
    .bind = bind_over,
    .push = push_over,
    .finish = finish_over,
    .blocks = over_blocks,
    .destroy = destroy_over,
};
