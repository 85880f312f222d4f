/* SPDX-License-Identifier: MIT */
/*
 * What over knows of whole groups: their numbers of rows, and the states of the aggregates. Rows
 * are read by group, so a group's key is its number, and groups come back in that order: from
 * memory, or from disk when there are too many.
 */
#include "query/aggregate_work_internal.h"
#include "query/groups_internal.h"
#include "query/over_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* A state is the number of the group's rows, and then the states of the aggregates. */
struct sfx_over_groups {
    struct sfx_groups groups;
    struct sfx_agg_work work;
    bool keeps_values;
    uint64_t count; /* of groups */
    struct sfx_keys keys;
    unsigned char *states[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    unsigned char *current;
};

static struct sfx_agg_ctx aggregate_ctx(struct sfx_over_groups *g, struct sfx_err *err)
{
    return (struct sfx_agg_ctx){
        .ev = sfx_operator_eval(g->groups.op),
        .arena = sfx_groups_arena(&g->groups),
        .err = err,
        .work = g->keeps_values ? &g->work : NULL,
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
    struct sfx_over *over = to;
    struct sfx_agg_ctx ctx = aggregate_ctx(over->groups, err);

    ctx.put = put_part;
    ctx.put_to = &over->groups->groups;
    return sfx_agg_save(&ctx, over->aggs, over->op.ast->aggs.count, state, over->groups_nbytes);
}

static int merge_state(void *to, unsigned char *state, const unsigned char *part,
                       size_t part_nbytes, struct sfx_err *err)
{
    struct sfx_over *over = to;
    struct sfx_agg_ctx ctx = aggregate_ctx(over->groups, err);
    uint64_t nrows = *(uint64_t *)state, more = 0;
    uint16_t index;
    int rc;

    memcpy(&index, part, sizeof(index));
    if (index == SFX_AGG_PLAIN)
        memcpy(&more, part + sizeof(index), sizeof(more));
    over->groups->work.merging = over->groups->groups.merging;
    rc = sfx_agg_merge(&ctx, over->aggs, over->op.ast->aggs.count, state, 0, part, part_nbytes);
    *(uint64_t *)state = nrows + more;
    return rc;
}

static int settle_state(void *to, unsigned char *state, struct sfx_err *err)
{
    struct sfx_over *over = to;
    struct sfx_agg_ctx ctx = aggregate_ctx(over->groups, err);
    int rc = sfx_agg_settle(&ctx, over->aggs, over->op.ast->aggs.count, state);

    if (over->groups->keeps_values)
        sfx_agg_work_next_group(&over->groups->work);
    return rc;
}

static const struct sfx_groups_ops state_ops = {save_state, merge_state, settle_state};

int sfx_over_groups_init(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_groups *g = calloc(1, sizeof(*g));
    size_t i;

    if (g == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for groups");
    over->groups = g;
    for (i = 0; i < over->op.ast->aggs.count; i++)
        g->keeps_values = g->keeps_values || over->aggs[i].agg->keeps_values;
    sfx_groups_init(&g->groups, &over->op, over->groups_nbytes, &state_ops, over);
    return g->keeps_values ? sfx_agg_work_init(&g->work, &over->op, err) : 0;
}

void sfx_over_groups_free(struct sfx_over *over)
{
    struct sfx_over_groups *g = over->groups;

    if (g == NULL)
        return;
    sfx_groups_done(&g->groups);
    if (g->keeps_values)
        sfx_agg_work_done(&g->work);
    sfx_keys_done(&g->keys);
    free(g);
    over->groups = NULL;
}

/* --- learning --------------------------------------------------------------------------------- */

/* Makes the keys of n rows: the numbers of their groups. */
static int make_keys(struct sfx_over_groups *g, const bool *begins, uint32_t n, struct sfx_err *err)
{
    uint32_t i;

    sfx_buf_clear(&g->keys.bytes);
    for (i = 0; i < n; i++) {
        g->count += begins[i];
        if (sfx_buf_append(&g->keys.bytes, &g->count, sizeof(g->count), err) < 0)
            return SFX_E_NOMEM;
        g->keys.ends[i] = (uint32_t)g->keys.bytes.len;
        g->keys.hashes[i] = sfx_hash64(&g->count, sizeof(g->count), 0);
    }
    return 0;
}

int sfx_over_groups_learn(struct sfx_over *over, const struct sfx_frame *in, const bool *begins,
                          struct sfx_err *err)
{
    struct sfx_over_groups *g = over->groups;
    struct sfx_agg_ctx ctx = aggregate_ctx(g, err);
    uint32_t begin = 0, i;
    size_t a;
    int rc = make_keys(g, begins, in->nsel, err);

    while (rc == 0 && begin < in->nsel) {
        int64_t end =
            sfx_groups_add(&g->groups, &g->keys, begin, in->nsel, g->states, g->fresh, err);

        if (end < 0)
            return (int)end;
        for (i = begin; i < end; i++)
            ++*(uint64_t *)g->states[i];
        for (a = 0; a < over->op.ast->aggs.count && rc == 0; a++)
            rc = sfx_agg_add(&ctx, &over->aggs[a], in->sel + begin, (uint32_t)end - begin,
                             g->states + begin);
        rc = rc < 0 ? sfx_err_wrap(err, rc, "over") : sfx_groups_account(&g->groups, err);
        begin = (uint32_t)end;
    }
    return rc;
}

int sfx_over_groups_end(struct sfx_over *over, struct sfx_err *err)
{
    if (over->groups->keeps_values)
        sfx_agg_work_end_input(&over->groups->work);
    return sfx_groups_finish(&over->groups->groups, err);
}

/* --- knowing ---------------------------------------------------------------------------------- */

int sfx_over_groups_next(struct sfx_over *over, uint64_t *nrows, struct sfx_err *err)
{
    struct sfx_over_groups *g = over->groups;
    const unsigned char *key;
    int rc = sfx_groups_next(&g->groups, &key, &g->current, err);

    if (rc <= 0)
        return rc < 0 ? rc : sfx_err_set(err, SFX_E_INPUT, "over: a group is missing");
    *nrows = *(uint64_t *)g->current;
    return settle_state(over, g->current, err); /* once, not for each row */
}

int sfx_over_groups_put(struct sfx_over *over, uint32_t row, struct sfx_err *err)
{
    struct sfx_agg_ctx ctx = aggregate_ctx(over->groups, err);
    size_t a;
    int rc = 0;

    for (a = 0; a < over->op.ast->aggs.count && rc == 0; a++)
        rc = sfx_agg_result(&ctx, &over->aggs[a], over->groups->current, over->agg_vecs[a], row);
    return rc;
}

void sfx_over_groups_repeat(struct sfx_over *over, uint32_t row)
{
    size_t a;

    for (a = 0; a < over->op.ast->aggs.count; a++)
        sfx_vec_copy_row(over->agg_vecs[a], row, over->agg_vecs[a], row - 1);
}

void sfx_over_groups_release(struct sfx_over *over)
{
    sfx_groups_release(&over->groups->groups);
}

size_t sfx_over_groups_held_nbytes(const struct sfx_over *over)
{
    return over->groups->groups.rows.total_nbytes;
}
