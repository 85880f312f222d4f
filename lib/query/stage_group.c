/* SPDX-License-Identifier: MIT */
/* group: a record for each combination of keys, in the order of their first appearance. */
#include "query/group_internal.h"

#define FRAME_TEXT_NBYTES ((size_t)4 << 20) /* a frame that goes out has not much more text */

static struct sfx_agg_ctx aggregate_ctx(struct sfx_group *group, struct sfx_err *err)
{
    return (struct sfx_agg_ctx){
        .ev = sfx_operator_eval(&group->op),
        .arena = sfx_groups_arena(&group->groups),
        .err = err,
        .work = group->keeps_values ? &group->work : NULL,
    };
}

/* --- states to disk and back ------------------------------------------------------------------ */

static int put_part(void *to, uint16_t index, const void *part, size_t part_nbytes,
                    struct sfx_err *err)
{
    return sfx_groups_put(to, &index, sizeof(index), part, part_nbytes, err);
}

static int save_state(void *to, unsigned char *state, struct sfx_err *err)
{
    struct sfx_group *group = to;
    struct sfx_agg_ctx ctx = aggregate_ctx(group, err);

    ctx.put = put_part;
    ctx.put_to = &group->groups;
    return sfx_agg_save(&ctx, group->calls, group->op.ast->aggs.count, state, group->state_nbytes);
}

static int merge_state(void *to, unsigned char *state, const unsigned char *part,
                       size_t part_nbytes, struct sfx_err *err)
{
    struct sfx_group *group = to;
    const struct sfx_stage_ast *ast = group->op.ast;
    struct sfx_agg_ctx ctx = aggregate_ctx(group, err);

    group->work.merging = group->groups.merging;
    return sfx_agg_merge(&ctx, group->calls, ast->aggs.count, state, group->head_nbytes, part,
                         part_nbytes);
}

static int settle_state(void *to, unsigned char *state, struct sfx_err *err)
{
    struct sfx_group *group = to;
    struct sfx_agg_ctx ctx = aggregate_ctx(group, err);
    int rc = sfx_agg_settle(&ctx, group->calls, group->op.ast->aggs.count, state);

    if (group->keeps_values)
        sfx_agg_work_next_group(&group->work);
    sfx_eval_reset(ctx.ev);
    return rc;
}

static const struct sfx_groups_ops state_ops = {save_state, merge_state, settle_state};

static int start(struct sfx_group *group, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    size_t i;

    group->types =
        sfx_arena_calloc(&group->arena, ast->items.count + 1, sizeof(*group->types), err);
    group->head_nbytes = (1 + ast->items.count) * sizeof(uint32_t);
    group->state_nbytes = group->head_nbytes;
    group->calls = sfx_agg_calls_new(&ast->aggs, &group->arena, &group->state_nbytes, err);
    if (group->types == NULL || group->calls == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < ast->aggs.count; i++)
        group->keeps_values = group->keeps_values || group->calls[i].agg->keeps_values;
    sfx_groups_init(&group->groups, &group->op, group->state_nbytes, &state_ops, group);
    group->started = true;
    if (group->op.verb == &sfx_verb_frequency)
        return sfx_frequency_start(group, err);
    return group->keeps_values ? sfx_agg_work_init(&group->work, &group->op, err) : 0;
}

/* --- from run to run -------------------------------------------------------------------------- */

/* The types that keys and results had, then the groups. */
static int carry(struct sfx_group *group, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    struct sfx_buf types = {0};
    size_t i;
    int rc = 0;

    for (i = 0; i < ast->items.count && rc == 0; i++)
        rc = sfx_buf_putc(&types, (char)group->types[i], err);
    for (i = 0; i < ast->aggs.count && rc == 0; i++)
        rc = sfx_buf_putc(&types, (char)group->calls[i].type, err);
    if (rc == 0)
        rc = sfx_operator_carry(&group->op, types.data, types.len, err);
    sfx_buf_done(&types);
    return rc == 0 ? sfx_groups_carry(&group->groups, err) : rc;
}

int sfx_group_restore(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_group *group = (struct sfx_group *)op;
    const size_t nkeys = op->ast->items.count, naggs = op->ast->aggs.count;
    struct sfx_slice types;
    size_t i;
    int rc = start(group, err);

    if (rc == 0)
        rc = sfx_operator_carried(op, &types, err);
    if (rc <= 0 || types.len != nkeys + naggs)
        return rc < 0 ? rc : sfx_err_set(err, SFX_E_INPUT, "is damaged");
    for (i = 0; i < nkeys; i++)
        group->types[i] = (enum sfx_type)types.ptr[i];
    for (i = 0; i < naggs; i++)
        group->calls[i].type = (enum sfx_type)types.ptr[nkeys + i];
    return sfx_groups_restore(&group->groups, err);
}

/* --- records in ------------------------------------------------------------------------------- */

/* A key that has another type for other inputs comes out as cells. */
static void merge_type(enum sfx_type *type, enum sfx_type now)
{
    *type = *type == SFX_TYPE_NULL || *type == now ? now : SFX_TYPE_CELL;
}

int sfx_group_bind(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_group *group = (struct sfx_group *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *keys = &op->ast->items;
    size_t i;
    int rc = group->started ? 0 : start(group, err);

    if (rc < 0)
        return rc;
    group->keys = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*group->keys), err);
    group->key_vecs = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*group->key_vecs), err);
    if (group->keys == NULL || group->key_vecs == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < keys->count; i++) {
        rc = sfx_bind_key(&binder, &keys->items[i], &group->keys[i]);
        if (rc < 0)
            return rc;
        group->key_vecs[i] = group->keys[i]->vec;
        merge_type(&group->types[i], group->key_vecs[i]->type);
    }
    for (i = 0; i < op->ast->aggs.count && rc == 0; i++)
        rc = sfx_agg_bind(&binder, &group->calls[i]);
    return rc;
}

/* A fresh state notes that it is one, and how its keys were spelled first: the fraction digits of a
 * number, the style of a time. */
static void note_spelling(struct sfx_group *group, unsigned char *state, uint32_t row)
{
    uint32_t *spelling = (uint32_t *)state;
    size_t k;

    spelling[0] = 1;
    for (k = 0; k < group->op.ast->items.count; k++) {
        if (sfx_type_in_nums(group->key_vecs[k]->type))
            spelling[1 + k] = group->key_vecs[k]->nums[row].scale;
    }
}

/* Adds the rows begin … end - 1 of the selection to their groups, an aggregate at a time. */
static int accumulate(struct sfx_group *group, const struct sfx_frame *in, uint32_t begin,
                      uint32_t end, struct sfx_err *err)
{
    struct sfx_agg_ctx ctx = aggregate_ctx(group, err);
    uint32_t i;
    size_t a;
    int rc = 0;

    for (i = begin; i < end; i++) {
        if (group->fresh[i])
            note_spelling(group, group->states[i], in->sel[i]);
    }
    for (a = 0; a < group->op.ast->aggs.count && rc == 0; a++)
        rc = sfx_agg_add(&ctx, &group->calls[a], in->sel + begin, end - begin,
                         group->states + begin);
    return rc < 0 ? sfx_err_wrap(err, rc, "group") : sfx_groups_account(&group->groups, err);
}

int sfx_group_push(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_group *group = (struct sfx_group *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    const struct sfx_stage_ast *ast = op->ast;
    uint32_t begin = 0;
    size_t i;
    int rc;

    for (i = 0; i < ast->items.count; i++)
        sfx_eval_node(ev, group->keys[i], in->sel, in->nsel);
    for (i = 0; i < ast->aggs.count; i++)
        sfx_agg_eval(ev, &group->calls[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0 && in->nsel > 0)
        rc = sfx_keys_make(&group->batch_keys, ev, group->key_vecs, NULL, ast->items.count, in->sel,
                           in->nsel, err);
    while (rc == 0 && begin < in->nsel) {
        int64_t end = sfx_groups_add(&group->groups, &group->batch_keys, begin, in->nsel,
                                     group->states, group->fresh, err);

        if (end < 0)
            return (int)end;
        rc = accumulate(group, in, begin, (uint32_t)end, err);
        begin = (uint32_t)end;
    }
    return rc;
}

/* --- groups out ------------------------------------------------------------------------------- */

/* Writes one group to row of the frame that goes out. */
static int put_group(struct sfx_group *group, const unsigned char *key, const unsigned char *state,
                     uint32_t row, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = group->op.ast;
    struct sfx_agg_ctx ctx = aggregate_ctx(group, err);
    struct sfx_qcolumn *cols = group->op.out.cols;
    const uint32_t *spelling = (const uint32_t *)state;
    size_t i;
    int rc = 0;

    for (i = 0; i < ast->items.count && rc == 0; i++)
        rc = sfx_key_decode(ctx.ev, &key, spelling[1 + i], cols[i].vec, row);
    if (rc < 0)
        return sfx_err_set(err, rc, "no memory for a key");
    for (i = 0; i < ast->aggs.count && rc == 0; i++)
        rc = sfx_agg_result(&ctx, &group->calls[i], state, cols[ast->items.count + i].vec, row);
    return rc < 0 ? sfx_err_wrap(err, rc, "group") : 0;
}

static int add_column(struct sfx_group *group, struct sfx_slice name, enum sfx_type type,
                      struct sfx_err *err)
{
    struct sfx_qcolumn *col = &group->op.out.cols[group->op.out.ncols++];

    col->name = name;
    col->vec = sfx_vec_new(&group->op.arena, type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : type, err);
    return col->vec == NULL ? SFX_E_NOMEM : 0;
}

static int make_output(struct sfx_group *group, struct sfx_err *err)
{
    const struct sfx_items *keys = &group->op.ast->items, *aggs = &group->op.ast->aggs;
    struct sfx_operator *op = &group->op;
    size_t i;
    int rc = sfx_frame_make_rows(&op->out, &op->arena, err);

    op->out.cols =
        sfx_arena_calloc(&op->arena, keys->count + aggs->count + 1, sizeof(*op->out.cols), err);
    if (rc < 0 || op->out.cols == NULL)
        return SFX_E_NOMEM;
    op->out.ncols = 0;
    for (i = 0; i < keys->count && rc == 0; i++)
        rc = add_column(group, keys->items[i].name, group->types[i], err);
    for (i = 0; i < aggs->count && rc == 0; i++)
        rc = add_column(group, aggs->items[i].name, group->calls[i].type, err);
    if (rc == 0 && group->ranked)
        rc = add_column(group, SFX_SLICE_LIT("share"), SFX_TYPE_NUMBER, err);
    op->out.schema_id = sfx_operator_new_schema(op);
    return rc;
}

/* Without keys there is one group, even of nothing. */
static int add_the_only_group(struct sfx_group *group, struct sfx_err *err)
{
    static const uint16_t row = 0;
    int64_t rc = sfx_keys_make(&group->batch_keys, sfx_operator_eval(&group->op), NULL, NULL, 0,
                               &row, 1, err);

    if (rc == 0)
        rc = sfx_groups_add(&group->groups, &group->batch_keys, 0, 1, group->states, group->fresh,
                            err);
    return rc < 0 ? (int)rc : 0;
}

int sfx_group_finish(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_group *group = (struct sfx_group *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    const unsigned char *key;
    unsigned char *state;
    uint32_t n;
    int rc = make_output(group, err), more = 1;

    if (rc == 0 && sfx_operator_carries(op))
        rc = carry(group, err);
    if (rc == 0 && op->ast->items.count == 0 && group->groups.nrows == 0)
        rc = add_the_only_group(group, err);
    if (group->keeps_values)
        sfx_agg_work_end_input(&group->work);
    if (rc == 0)
        rc = sfx_groups_finish(&group->groups, err);
    if (rc == 0 && group->ranked)
        rc = sfx_frequency_rank(group, err);
    while (rc == 0 && more > 0) {
        sfx_eval_reset(ev);
        sfx_groups_release(&group->groups);
        for (n = 0; rc == 0 && n < SFX_BATCH_ROWS; n++) {
            if (n > 0 && ev->text.total_nbytes > FRAME_TEXT_NBYTES)
                break;
            more = group->ranked ? sfx_frequency_next(group, &key, &state, err)
                                 : sfx_groups_next(&group->groups, &key, &state, err);
            if (more <= 0)
                break;
            rc = put_group(group, key, state, n, err);
            if (rc == 0 && group->ranked)
                sfx_frequency_put_share(group, n);
        }
        if (rc == 0)
            rc = more < 0 ? more : sfx_operator_pass_written(&group->op, n, err);
        if (sfx_operator_is_done(op))
            break;
    }
    return rc;
}

void sfx_group_destroy(struct sfx_operator *op)
{
    struct sfx_group *group = (struct sfx_group *)op;

    sfx_groups_done(&group->groups);
    if (group->keeps_values)
        sfx_agg_work_done(&group->work);
    sfx_sorter_done(&group->ranks);
    sfx_keys_done(&group->batch_keys);
    sfx_arena_done(&group->arena);
}

enum sfx_rest sfx_group_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                             enum sfx_rest rest)
{
    (void)rest;
    sfx_uses_items(uses, &ast->items);
    sfx_uses_items(uses, &ast->aggs);
    return SFX_REST_NOTHING;
}

const struct sfx_verb sfx_verb_group = {
    .name = "group",
    .usage = "group [[by] KEY[, …]]: [NAME =] AGGREGATE [where CONDITION][, …]",
    .help = "a record for each combination of keys, in the order of their first appearance",
    .plan = "blocking; keys compare by bytes unless they are numbers or times; memory for each "
            "group; what exceeds --memory is put together on disk",
    .rules = "A condition behind an aggregate, n = count() where status = \"paid\", says which "
             "records it is of; its argument is looked at only in those. Null is a key like "
             "others. Without a name it is called after its argument: sum_price.",
    .example = {.program = "group a: n = count(), sum(b)",
                .input = "a,b\nx,1\ny,2\nx,3\n",
                .output = "a,n,sum_b\nx,2,4\ny,1,2\n"},
    .can_fail = true,
    .fixes_columns = true,
    .gives_all = true,
    .state_nbytes = sizeof(struct sfx_group),
    .uses = sfx_group_uses,
    .parse = sfx_parse_group,
    .bind = sfx_group_bind,
    .push = sfx_group_push,
    .finish = sfx_group_finish,
    .restore = sfx_group_restore,
    .destroy = sfx_group_destroy,
};
