/* SPDX-License-Identifier: MIT */
/* The table of the families of aggregates, and the calls of aggregates in a stage. */
#include "query/aggregate_internal.h"

#include "base/size.h"

#include <string.h>

/* A new family is a new file and a row here. */
static const struct sfx_aggregate_family *const families[] = {
    &sfx_aggregate_basic_family, &sfx_aggregate_kept_family,   &sfx_aggregate_moment_family,
    &sfx_aggregate_value_family, &sfx_aggregate_sketch_family,
};

const struct sfx_aggregate *sfx_aggregate_at(size_t index)
{
    size_t f;

    for (f = 0; f < SFX_COUNT(families); f++) {
        if (index < families[f]->count)
            return &families[f]->aggs[index];
        index -= families[f]->count;
    }
    return NULL;
}

const struct sfx_aggregate *sfx_aggregate_find(struct sfx_slice name)
{
    const struct sfx_aggregate *agg;
    size_t i;

    for (i = 0; (agg = sfx_aggregate_at(i)) != NULL; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(agg->name)))
            return agg;
    }
    return NULL;
}

/* --- binding ---------------------------------------------------------------------------------- */

#define STATE_ALIGN ((size_t)8)

struct sfx_agg_call *sfx_agg_calls_new(const struct sfx_items *items, struct sfx_arena *arena,
                                       size_t *nbytes, struct sfx_err *err)
{
    struct sfx_agg_call *calls = sfx_arena_calloc(arena, items->count + 1, sizeof(*calls), err);
    size_t i;

    for (i = 0; calls != NULL && i < items->count; i++) {
        *nbytes = (*nbytes + STATE_ALIGN - 1) & ~(STATE_ALIGN - 1);
        calls[i].item = &items->items[i];
        calls[i].agg = items->items[i].agg;
        calls[i].index = i;
        calls[i].offset = *nbytes;
        *nbytes += calls[i].agg->state_nbytes;
    }
    *nbytes = (*nbytes + STATE_ALIGN - 1) & ~(STATE_ALIGN - 1);
    return calls;
}

/* The first argument; min and max ask for numbers unless it is known to be text. */
static int bind_first(struct sfx_binder *b, struct sfx_agg_call *call)
{
    const struct sfx_aggregate *agg = call->agg;
    enum sfx_type type;
    int rc;

    call->arg = NULL;
    if (call->item->expr == NULL)
        return 0;
    rc = sfx_bind_expr(b, call->item->expr, &call->arg);
    if (rc < 0)
        return rc;
    type = call->arg->vec->type;
    if ((type == SFX_TYPE_FLOAT && agg->takes_float) ||
        ((type == SFX_TYPE_TEXT || type == SFX_TYPE_TIME) && agg->takes_text))
        return 0;
    if (agg->wants == SFX_TYPE_NUMBER)
        return sfx_bind_convert(b, SFX_TYPE_NUMBER, &call->arg);
    return type == SFX_TYPE_BOOL ? sfx_bind_convert(b, SFX_TYPE_CELL, &call->arg) : 0;
}

static int bind_more(struct sfx_binder *b, struct sfx_agg_call *call, size_t i)
{
    char letter = call->agg->more[i];
    int rc = sfx_bind_expr(b, call->item->more[i], &call->more[i]);

    if (rc < 0 || letter == 'q' || letter == 's')
        return rc;
    if (letter == 'n')
        return sfx_bind_convert(b, SFX_TYPE_NUMBER, &call->more[i]);
    return call->more[i]->vec->type == SFX_TYPE_BOOL
               ? sfx_bind_convert(b, SFX_TYPE_CELL, &call->more[i])
               : 0;
}

/* What a call gives for the frames it is bound to. */
static enum sfx_type result_type(const struct sfx_agg_call *call)
{
    if (call->agg->result == SFX_TYPE_CELL ||
        (call->agg->takes_float && call->arg != NULL && call->arg->vec->type == SFX_TYPE_FLOAT))
        return call->arg->vec->type;
    return call->agg->result;
}

/* Results that are numbers for some inputs and floats for others are floats. */
static enum sfx_type merge_types(enum sfx_type before, enum sfx_type now)
{
    if ((before == SFX_TYPE_NUMBER && now == SFX_TYPE_FLOAT) ||
        (before == SFX_TYPE_FLOAT && now == SFX_TYPE_NUMBER))
        return SFX_TYPE_FLOAT;
    return before == SFX_TYPE_NULL || before == now ? now : SFX_TYPE_CELL;
}

int sfx_agg_bind(struct sfx_binder *b, struct sfx_agg_call *call)
{
    size_t i;
    int rc = bind_first(b, call);

    for (i = 0; i < call->item->nmore && rc == 0; i++)
        rc = bind_more(b, call, i);
    call->filter = NULL;
    if (rc == 0 && call->item->filter != NULL)
        rc = sfx_bind_as(b, call->item->filter, SFX_TYPE_BOOL, &call->filter);
    if (rc < 0)
        return rc;
    call->type = merge_types(call->type, result_type(call));
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Those of the selection for which the filter holds, and their states. */
static uint32_t filter_rows(const struct sfx_vec *filter, const uint16_t *sel, uint32_t nsel,
                            unsigned char *const *states, uint16_t *its, unsigned char **its_states)
{
    uint32_t i, n = 0;

    for (i = 0; i < nsel; i++) {
        its[n] = sel[i];
        if (states != NULL)
            its_states[n] = states[i];
        n += filter->flags[sel[i]] != 0;
    }
    return n;
}

void sfx_agg_eval(struct sfx_eval *ev, const struct sfx_agg_call *call, const uint16_t *sel,
                  uint32_t nsel)
{
    uint16_t *its = NULL;
    size_t i;

    if (call->filter != NULL) {
        sfx_eval_node(ev, call->filter, sel, nsel);
        its = sfx_eval_push_sel(ev);
        if (its == NULL)
            return;
        nsel = filter_rows(call->filter->vec, sel, nsel, NULL, its, NULL);
        sel = its;
    }
    if (call->arg != NULL)
        sfx_eval_node(ev, call->arg, sel, nsel);
    for (i = 0; i < call->item->nmore; i++)
        sfx_eval_node(ev, call->more[i], sel, nsel);
    if (its != NULL)
        sfx_eval_pop_sel(ev);
}

int sfx_agg_add(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *call, const uint16_t *sel,
                uint32_t nsel, unsigned char *const *states)
{
    const struct sfx_vec *arg = call->arg != NULL ? call->arg->vec : NULL;
    uint16_t its[SFX_BATCH_ROWS];
    unsigned char *its_states[SFX_BATCH_ROWS];
    int rc;

    ctx->call = call;
    if (call->filter != NULL) {
        nsel = filter_rows(call->filter->vec, sel, nsel, states, its, its_states);
        sel = its;
        states = its_states;
    }
    rc = call->agg->add(ctx, arg, sel, nsel, states, call->offset);
    return rc < 0 ? sfx_err_wrap(ctx->err, rc, "%.*s", SFX_SLICE_ARG(call->item->name)) : 0;
}

int sfx_agg_result(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *call,
                   const unsigned char *states, struct sfx_vec *out, uint32_t row)
{
    int rc;

    ctx->call = call;
    rc = call->agg->result_at(ctx, states + call->offset, out, row);
    return rc < 0 ? sfx_err_wrap(ctx->err, rc, "%.*s", SFX_SLICE_ARG(call->item->name)) : 0;
}

/* --- states as bytes -------------------------------------------------------------------------- */

int sfx_agg_put(struct sfx_agg_ctx *ctx, const void *part, size_t part_nbytes)
{
    return ctx->put(ctx->put_to, (uint16_t)ctx->call->index, part, part_nbytes, ctx->err);
}

int sfx_agg_save(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                 const unsigned char *states, size_t states_nbytes)
{
    size_t i;
    int rc = ctx->put(ctx->put_to, SFX_AGG_PLAIN, states, states_nbytes, ctx->err);

    for (i = 0; i < ncalls && rc == 0; i++) {
        ctx->call = &calls[i];
        if (calls[i].agg->save != NULL)
            rc = calls[i].agg->save(ctx, states + calls[i].offset);
    }
    return rc;
}

int sfx_agg_merge(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                  unsigned char *states, size_t head_nbytes, const unsigned char *part,
                  size_t part_nbytes)
{
    uint64_t aligned[64]; /* no plain state is larger */
    uint16_t index;
    size_t i;
    int rc = 0;

    memcpy(&index, part, sizeof(index));
    part += sizeof(index);
    part_nbytes -= sizeof(index);
    if (index != SFX_AGG_PLAIN) {
        ctx->call = &calls[index];
        return ctx->call->agg->merge(ctx, states + ctx->call->offset, part, part_nbytes);
    }
    for (i = 0; i < head_nbytes && states[i] == 0; i++)
        states[i] = part[i];
    for (i = 0; i < ncalls && rc == 0; i++) {
        const struct sfx_aggregate *agg = calls[i].agg;

        if (agg->save != NULL)
            continue;
        ctx->call = &calls[i];
        memcpy(aligned, part + calls[i].offset, agg->state_nbytes);
        rc = agg->merge(ctx, states + calls[i].offset, (unsigned char *)aligned, agg->state_nbytes);
    }
    return rc;
}

int sfx_agg_settle(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                   unsigned char *states)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < ncalls && rc == 0; i++) {
        ctx->call = &calls[i];
        if (calls[i].agg->settle != NULL)
            rc = calls[i].agg->settle(ctx, states + calls[i].offset);
    }
    return rc;
}
