/* SPDX-License-Identifier: MIT */
/* group: a record for each combination of keys, in the order of their first appearance. */
#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"

struct group {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_node **keys; /* and what they are evaluated to */
    struct sfx_vec **key_vecs;
    struct sfx_node **args; /* of the aggregates; NULL for count() */
    /* Kept over the whole input. */
    struct sfx_keyset set;
    bool started;
    enum sfx_type *types; /* of the columns that come out: keys, then aggregates */
    size_t *offsets; /* of each aggregate's state in a key's payload; scales of keys in front */
    struct sfx_arena arena;
    struct sfx_keys batch_keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    unsigned char *states[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
};

#define STATE_ALIGN 16

static size_t align_up(size_t n)
{
    return (n + STATE_ALIGN - 1) & ~(size_t)(STATE_ALIGN - 1);
}

static int start(struct group *group, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    size_t i, payload = align_up(ast->items.count * sizeof(uint32_t));

    group->types = sfx_arena_calloc(&group->arena, ast->items.count + ast->aggs.count + 1,
                                    sizeof(*group->types), err);
    group->offsets =
        sfx_arena_calloc(&group->arena, ast->aggs.count + 1, sizeof(*group->offsets), err);
    if (group->types == NULL || group->offsets == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < ast->aggs.count; i++) {
        group->offsets[i] = payload;
        payload = align_up(payload + ast->aggs.items[i].agg->state_nbytes);
    }
    sfx_keyset_init(&group->set, &group->op, payload);
    group->started = true;
    return 0;
}

/* What an aggregate of an argument of a type gives. */
static enum sfx_type result_type(const struct sfx_aggregate *agg, const struct sfx_node *arg)
{
    if (agg->result == SFX_TYPE_CELL ||
        (agg->takes_float && arg != NULL && arg->vec->type == SFX_TYPE_FLOAT))
        return arg->vec->type;
    return agg->result;
}

/* Results that are numbers for some inputs and floats for others are floats. */
static void merge_result(enum sfx_type *type, enum sfx_type now)
{
    bool mixed = (*type == SFX_TYPE_NUMBER && now == SFX_TYPE_FLOAT) ||
                 (*type == SFX_TYPE_FLOAT && now == SFX_TYPE_NUMBER);

    *type = mixed ? SFX_TYPE_FLOAT : *type == SFX_TYPE_NULL || *type == now ? now : SFX_TYPE_CELL;
}

/* A column that has another type for other inputs comes out as cells. */
static void merge_type(enum sfx_type *type, enum sfx_type now)
{
    *type = *type == SFX_TYPE_NULL || *type == now ? now : SFX_TYPE_CELL;
}

/* An aggregate's argument; min and max ask for numbers unless it is known to be text. */
static int bind_argument(struct sfx_binder *binder, const struct sfx_item *item,
                         struct sfx_node **out)
{
    enum sfx_type type;
    int rc;

    if (item->expr == NULL)
        return 0;
    rc = sfx_bind_expr(binder, item->expr, out);
    if (rc < 0)
        return rc;
    type = (*out)->vec->type;
    if ((type == SFX_TYPE_FLOAT && item->agg->takes_float) ||
        ((type == SFX_TYPE_TEXT || type == SFX_TYPE_TIME) && item->agg->takes_text))
        return 0;
    if (item->agg->wants == SFX_TYPE_NUMBER)
        return sfx_bind_convert(binder, SFX_TYPE_NUMBER, out);
    return type == SFX_TYPE_BOOL ? sfx_bind_convert(binder, SFX_TYPE_CELL, out) : 0;
}

static int bind_group(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct group *group = (struct group *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *keys = &op->ast->items, *aggs = &op->ast->aggs;
    size_t i;
    int rc = group->started ? 0 : start(group, err);

    if (rc < 0)
        return rc;
    group->keys = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*group->keys), err);
    group->key_vecs = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*group->key_vecs), err);
    group->args = sfx_arena_calloc(&op->arena, aggs->count + 1, sizeof(*group->args), err);
    if (group->keys == NULL || group->key_vecs == NULL || group->args == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < keys->count; i++) {
        rc = sfx_bind_key(&binder, &keys->items[i], &group->keys[i]);
        if (rc < 0)
            return rc;
        group->key_vecs[i] = group->keys[i]->vec;
        merge_type(&group->types[i], group->key_vecs[i]->type);
    }
    for (i = 0; i < aggs->count; i++) {
        rc = bind_argument(&binder, &aggs->items[i], &group->args[i]);
        if (rc < 0)
            return rc;
        merge_result(&group->types[keys->count + i],
                     result_type(aggs->items[i].agg, group->args[i]));
    }
    return 0;
}

/* Adds the rows to their groups, an aggregate at a time. */
static int accumulate(struct group *group, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    struct sfx_agg_ctx ctx = {sfx_operator_eval(&group->op), &group->set.arena, err};
    uint32_t i;
    size_t k, a;
    int rc = 0;

    for (i = 0; i < in->nsel; i++) {
        group->states[i] = group->entries[i]->payload;
        for (k = 0; group->fresh[i] && k < ast->items.count; k++) {
            if (sfx_type_in_nums(group->key_vecs[k]->type))
                ((uint32_t *)group->states[i])[k] = group->key_vecs[k]->nums[in->sel[i]].scale;
        }
    }
    for (a = 0; a < ast->aggs.count && rc == 0; a++) {
        const struct sfx_vec *arg = group->args[a] != NULL ? group->args[a]->vec : NULL;

        rc = ast->aggs.items[a].agg->add(&ctx, arg, in->sel, in->nsel, group->states,
                                         group->offsets[a]);
        if (rc < 0)
            rc = sfx_err_wrap(err, rc, "group: %.*s", SFX_SLICE_ARG(ast->aggs.items[a].name));
    }
    return rc;
}

static int push_group(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct group *group = (struct group *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    const struct sfx_stage_ast *ast = op->ast;
    size_t i;
    int rc;

    for (i = 0; i < ast->items.count; i++)
        sfx_eval_node(ev, group->keys[i], in->sel, in->nsel);
    for (i = 0; i < ast->aggs.count; i++) {
        if (group->args[i] != NULL)
            sfx_eval_node(ev, group->args[i], in->sel, in->nsel);
    }
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0 && in->nsel > 0)
        rc = sfx_keys_make(&group->batch_keys, ev, group->key_vecs, NULL, ast->items.count, in->sel,
                           in->nsel, err);
    if (rc == 0 && in->nsel > 0)
        rc = sfx_keyset_add(&group->set, &group->batch_keys, in->nsel, group->entries, group->fresh,
                            err);
    return rc < 0 ? rc : accumulate(group, in, err);
}

/* Writes one group to row of the frame that goes out. */
static int put_group(struct group *group, const struct sfx_key *key, uint32_t row,
                     struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    struct sfx_agg_ctx ctx = {sfx_operator_eval(&group->op), &group->set.arena, err};
    struct sfx_qcolumn *cols = group->op.out.cols;
    const unsigned char *at = key->data;
    size_t i;
    int rc = 0;

    for (i = 0; i < ast->items.count && rc == 0; i++)
        rc = sfx_key_decode(ctx.ev, &at, ((const uint32_t *)key->payload)[i], cols[i].vec, row);
    if (rc < 0)
        return sfx_err_set(err, rc, "no memory for a key");
    for (i = 0; i < ast->aggs.count && rc == 0; i++)
        rc = ast->aggs.items[i].agg->result_at(&ctx, key->payload + group->offsets[i],
                                               cols[ast->items.count + i].vec, row);
    return rc;
}

static int make_output(struct group *group, struct sfx_err *err)
{
    const struct sfx_items *keys = &group->op.ast->items, *aggs = &group->op.ast->aggs;
    struct sfx_operator *op = &group->op;
    size_t i;

    if (sfx_frame_make_rows(&op->out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    op->out.cols =
        sfx_arena_calloc(&op->arena, keys->count + aggs->count + 1, sizeof(*op->out.cols), err);
    if (op->out.cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < keys->count + aggs->count; i++) {
        enum sfx_type type = group->types[i] == SFX_TYPE_BOOL ? SFX_TYPE_CELL : group->types[i];

        op->out.cols[i].name =
            i < keys->count ? keys->items[i].name : aggs->items[i - keys->count].name;
        op->out.cols[i].vec = sfx_vec_new(&op->arena, type, err);
        if (op->out.cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    op->out.ncols = keys->count + aggs->count;
    op->out.schema_id = sfx_operator_new_schema(op);
    return 0;
}

/* Without keys there is one group, even of nothing. */
static int add_the_only_group(struct group *group, struct sfx_err *err)
{
    static const uint16_t row = 0;
    int rc = sfx_keys_make(&group->batch_keys, sfx_operator_eval(&group->op), NULL, NULL, 0, &row,
                           1, err);

    return rc < 0 ? rc
                  : sfx_keyset_add(&group->set, &group->batch_keys, 1, group->entries, group->fresh,
                                   err);
}

static int finish_group(struct sfx_operator *op, struct sfx_err *err)
{
    struct group *group = (struct group *)op;
    const struct sfx_key *key;
    uint32_t i, n;
    size_t c;
    int rc = make_output(group, err);

    if (rc == 0 && op->ast->items.count == 0 && group->set.count == 0)
        rc = add_the_only_group(group, err);
    key = group->set.first;
    do {
        sfx_eval_reset(sfx_operator_eval(op));
        for (n = 0; rc == 0 && key != NULL && n < SFX_BATCH_ROWS; n++, key = key->next)
            rc = put_group(group, key, n, err);
        if (rc < 0)
            return rc;
        for (i = 0; i < n; i++)
            op->out.sel[i] = (uint16_t)i;
        for (c = 0; c < op->out.ncols; c++)
            op->out.cols[c].vec->has_cells = false;
        op->out.nrows = op->out.nsel = n;
        rc = sfx_operator_pass(op, &op->out, err);
    } while (rc == 0 && key != NULL && !sfx_operator_is_done(op));
    return rc;
}

static void destroy_group(struct sfx_operator *op)
{
    struct group *group = (struct group *)op;

    sfx_keyset_done(&group->set);
    sfx_keys_done(&group->batch_keys);
    sfx_arena_done(&group->arena);
}

static enum sfx_rest group_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                enum sfx_rest rest)
{
    (void)rest;
    sfx_uses_items(uses, &ast->items);
    sfx_uses_items(uses, &ast->aggs);
    return SFX_REST_NOTHING;
}

const struct sfx_verb sfx_verb_group = {
    .name = "group",
    .usage = "group [KEY[, …]]: [NAME =] AGGREGATE[, …]",
    .help = "a record for each combination of keys, in the order of their first appearance",
    .plan = "blocking; keys compare as text unless they are numbers; memory for each group, within "
            "--memory",
    .example = {"group a: n = count(), sum(b)", "a,b\nx,1\ny,2\nx,3\n",
                "a,n,sum_b\nx,2,4\ny,1,2\n"},
    .can_fail = true,
    .fixes_columns = true,
    .state_nbytes = sizeof(struct group),
    .uses = group_uses,
    .parse = sfx_parse_group,
    .bind = bind_group,
    .push = push_group,
    .finish = finish_group,
    .destroy = destroy_group,
};
