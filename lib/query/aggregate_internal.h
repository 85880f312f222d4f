/* SPDX-License-Identifier: MIT */
/*
 * Aggregates: one const row each. A state of fixed size lives in each group; a column of values is
 * added to the states of a batch's groups at once.
 */
#ifndef SFX_QUERY_AGGREGATE_INTERNAL_H
#define SFX_QUERY_AGGREGATE_INTERNAL_H

#include "query/eval_internal.h"

/* Where an aggregate keeps bytes (of texts), and why it failed. */
struct sfx_agg_ctx {
    struct sfx_eval *ev;
    struct sfx_arena *arena; /* lives as long as the groups */
    struct sfx_err *err;
};

struct sfx_aggregate {
    const char *name;
    const char *usage;
    const char *help;
    bool bare; /* may stand without an argument */
    /* The type its argument is asked to be: NUMBER, or CELL for what it is by itself. */
    enum sfx_type wants;
    bool takes_text;     /* wants NUMBER, but takes what is known to be text or a time as it is */
    size_t state_nbytes; /* zeroed memory is a fresh state */
    /*
     * Adds the values of the selected rows: states[i] belongs to sel[i]. arg: NULL without
     * argument. Errors: INPUT (a sum of more than 38 digits), NOMEM.
     */
    int (*add)(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
               uint32_t nsel, unsigned char *const *states, size_t offset);
    enum sfx_type result; /* CELL: the argument's */
    /* Writes the result of a state to row of out. Errors: INPUT, NOMEM. */
    int (*result_at)(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                     uint32_t row);
    const char *example; /* "sum(x)", which the tests run over x = 3, 1, an empty field, 2, 2 … */
    const char *gives;   /* … and what it gives */
    bool takes_float;    /* wants NUMBER, but takes floats as they are and then gives one */
};

/* The aggregates of one file. */
struct sfx_aggregate_family {
    const struct sfx_aggregate *aggs;
    size_t count;
};

extern const struct sfx_aggregate_family sfx_aggregate_basic_family;

const struct sfx_aggregate *sfx_aggregate_find(struct sfx_slice name);

/* The aggregates of all families in their order, NULL behind the last. */
const struct sfx_aggregate *sfx_aggregate_at(size_t index);

#endif
