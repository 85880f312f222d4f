/* SPDX-License-Identifier: MIT */
/*
 * Values that aggregates keep: in pieces, as they came; sorted when the result is asked for, on
 * disk when there are many.
 */
#ifndef SFX_QUERY_AGGREGATE_WORK_INTERNAL_H
#define SFX_QUERY_AGGREGATE_WORK_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"
#include "query/sorter_internal.h"

/* What the aggregates of a stage share for sorting. */
struct sfx_agg_work {
    struct sfx_operator *op; /* NULL: nothing is accounted for, nothing goes to disk */
    struct sfx_sorter sorter;
    /*
     * Merging: the parts of a group come from disk, and their values go straight to the sorter,
     * those of all its aggregates; else to the pieces, to be sorted one state at a time.
     */
    bool merging, sorted;
    uint64_t nvalues;            /* that went to the sorter: their order of time */
    const unsigned char *record; /* the next one in order; NULL: there is none */
    struct sfx_buf key;
    struct sfx_vec *scratch; /* of each type: NUMBER, CELL; one row */
    /* Values that states have already: makes what count_distinct keeps small. */
    struct sfx_keyset seen;
    struct sfx_keys seen_keys;
    bool has_seen, forgot; /* forgot: the pieces may hold values twice */
    bool stale;            /* states were written to disk: seen knows those of before */
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
};

/* What the state of an aggregate that keeps values is. */
struct sfx_agg_values {
    struct sfx_agg_piece *first, *last;
    uint64_t count;               /* of values kept */
    const unsigned char *settled; /* the result as a value, made when parts came from disk */
};

/* op: whose memory is used, a quarter of it; NULL: nobody's. Errors: LIMIT. */
int sfx_agg_work_init(struct sfx_agg_work *work, struct sfx_operator *op, struct sfx_err *err);
void sfx_agg_work_done(struct sfx_agg_work *work);

/* Gives the memory back that is needed only while records come. */
void sfx_agg_work_end_input(struct sfx_agg_work *work);

/* Forgets the values of the group before. */
void sfx_agg_work_next_group(struct sfx_agg_work *work);

/* Adds row's value to the pieces. Errors: NOMEM. */
int sfx_agg_values_add(struct sfx_agg_ctx *ctx, struct sfx_agg_values *values,
                       const struct sfx_vec *arg, uint32_t row);

/* The same for the rows whose states do not have that value yet, as far as is known. */
int sfx_agg_values_add_new(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                           uint32_t nsel, unsigned char *const *states, size_t offset);

/* save and merge of aggregates whose state is sfx_agg_values; by_value: see _sort. */
int sfx_agg_values_save(struct sfx_agg_ctx *ctx, const unsigned char *state);
int sfx_agg_values_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         size_t from_nbytes, bool by_value);

/* The same for a part with values (a state that was never settled), without those that the state
 * has already, as far as is known. */
int sfx_agg_values_merge_new(struct sfx_agg_ctx *ctx, unsigned char *state,
                             const unsigned char *from, size_t from_nbytes);

/* Brings the values of a state in order, of value or else of time. Errors: IO, NOMEM. */
int sfx_agg_values_sort(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                        const struct sfx_agg_values *values, bool by_value);

/* A value in order. */
struct sfx_agg_value {
    const unsigned char *value; /* until the next call */
    uint64_t number;            /* in the order of time */
    struct sfx_slice key;       /* equal values have equal ones */
};

/* The next one: 1; 0 at the end. Errors: IO, NOMEM. */
int sfx_agg_values_next(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                        struct sfx_agg_value *out);

#endif
