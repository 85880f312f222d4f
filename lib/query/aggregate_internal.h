/* SPDX-License-Identifier: MIT */
/*
 * Aggregates: one const row each. A state of fixed size lives in each group; a column of values is
 * added to the states of a batch's groups at once. What a state leads to is in the arena of whoever
 * has the states. States can be written as bytes and put together again, in the order of time; to
 * change them is to raise the version in carry.c, as runs carry them on in files.
 *
 * A stage binds its calls (_bind), evaluates them for each frame (_eval), adds the rows (_add) and
 * reads results (_result). Sums and counts are in the state; what needs all values (median, list)
 * keeps them in pieces and sorts them at the end: see aggregate_values.c.
 */
#ifndef SFX_QUERY_AGGREGATE_INTERNAL_H
#define SFX_QUERY_AGGREGATE_INTERNAL_H

#include "query/eval_internal.h"

struct sfx_agg_work;

/* Where aggregates keep bytes, and why one failed. */
struct sfx_agg_ctx {
    struct sfx_eval *ev;
    struct sfx_arena *arena; /* lives as long as the groups */
    struct sfx_err *err;
    struct sfx_agg_work *work; /* NULL: all that is kept is in memory */
    /* Set by the functions below. */
    const struct sfx_agg_call *call;
    /* Where save writes its parts: each is the two bytes of index, then the part. */
    int (*put)(void *to, uint16_t index, const void *part, size_t part_nbytes, struct sfx_err *err);
    void *put_to;
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
    /* Writes the result of a state to row of out. Errors: INPUT, LIMIT, NOMEM. */
    int (*result_at)(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                     uint32_t row);
    /*
     * Adds a later state to one. from: bytes of a state that save wrote, a part at a time; without
     * save, the other state as it is in memory. Errors: INPUT, NOMEM.
     */
    int (*merge)(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                 size_t from_nbytes);
    /* Writes the state with sfx_agg_put, in parts. NULL: the state's memory is all there is. */
    int (*save)(struct sfx_agg_ctx *ctx, const unsigned char *state);
    /* To be called when all parts of a state are merged from disk. NULL: nothing. */
    int (*settle)(struct sfx_agg_ctx *ctx, unsigned char *state);
    const char *more;    /* a letter for each further argument: n number, c any, and constants: q
                            number, s text; NULL: none */
    bool more_optional;  /* they may be left out */
    bool keeps_values;   /* its memory grows with the values; with work it sorts on disk */
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
extern const struct sfx_aggregate_family sfx_aggregate_kept_family;
extern const struct sfx_aggregate_family sfx_aggregate_moment_family;
extern const struct sfx_aggregate_family sfx_aggregate_sketch_family;
extern const struct sfx_aggregate_family sfx_aggregate_value_family;

const struct sfx_aggregate *sfx_aggregate_find(struct sfx_slice name);

/* The aggregates of all families in their order, NULL behind the last. */
const struct sfx_aggregate *sfx_aggregate_at(size_t index);

/* --- calls of a stage ------------------------------------------------------------------------- */

/* An aggregate of a stage with its arguments, over all frames that it is bound to. */
struct sfx_agg_call {
    const struct sfx_item *item;
    const struct sfx_aggregate *agg;
    struct sfx_node *arg; /* NULL for count() */
    struct sfx_node *more[SFX_AGG_MAX_MORE];
    struct sfx_node *filter; /* NULL: all rows */
    enum sfx_type type;      /* of the result; NULL before the first _bind */
    size_t index;            /* among the calls of its stage */
    size_t offset;           /* of its state */
};

/* Makes items->count calls, whose states begin at byte *nbytes; *nbytes becomes their end. Errors:
 * NULL, NOMEM. */
struct sfx_agg_call *sfx_agg_calls_new(const struct sfx_items *items, struct sfx_arena *arena,
                                       size_t *nbytes, struct sfx_err *err);

/* Binds a call to the frames to come; its type fits those before, too. Errors: USAGE, NOMEM. */
int sfx_agg_bind(struct sfx_binder *binder, struct sfx_agg_call *call);

/* Evaluates the filter, and where it holds, the arguments. */
void sfx_agg_eval(struct sfx_eval *ev, const struct sfx_agg_call *call, const uint16_t *sel,
                  uint32_t nsel);

/* Adds the selected rows to the states: states[i] belongs to sel[i]. Errors: INPUT, NOMEM. */
int sfx_agg_add(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *call, const uint16_t *sel,
                uint32_t nsel, unsigned char *const *states);

/* Writes the result of the call in states to row of out, a vector of its type. */
int sfx_agg_result(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *call,
                   const unsigned char *states, struct sfx_vec *out, uint32_t row);

/* The index of the part that is the memory of all states; it is the first of them. */
#define SFX_AGG_PLAIN UINT16_MAX

/*
 * Writes the states of all calls with ctx->put, a part at a time; what the caller keeps in front of
 * the states is among it. Errors: what put returned.
 */
int sfx_agg_save(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                 const unsigned char *states, size_t states_nbytes);

/* For the save of a row: hands a part of a state to ctx->put. */
int sfx_agg_put(struct sfx_agg_ctx *ctx, const void *part, size_t part_nbytes);

/*
 * Adds such a part to states: index, then bytes. The head_nbytes in front are the caller's: the
 * first part's stay; of the first part they are not all zero. Errors: INPUT, NOMEM.
 */
int sfx_agg_merge(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                  unsigned char *states, size_t head_nbytes, const unsigned char *part,
                  size_t part_nbytes);

/* To be called when all parts are in. */
int sfx_agg_settle(struct sfx_agg_ctx *ctx, const struct sfx_agg_call *calls, size_t ncalls,
                   unsigned char *states);

#endif
