/* SPDX-License-Identifier: MIT */
/*
 * The parts of over: over_parse.c, over_bind.c (calls and columns), stage_over.c (the stage, and
 * what runs as records come), over_sort.c (what needs an order, or whole groups), over_groups.c
 * (what is known of these), over_ahead.c (what lead needs).
 */
#ifndef SFX_QUERY_OVER_INTERNAL_H
#define SFX_QUERY_OVER_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"
#include "query/running_internal.h"
#include "query/sorter_internal.h"

/* A column that the stage adds. */
struct sfx_over_column {
    struct sfx_slice name;
    bool aggregate;
    size_t index; /* among the running calls, or the aggregates */
};

/* An over stage as it was parsed; its keys are the stage's items, its aggregates the stage's. */
struct sfx_over_plan {
    struct sfx_items sort;
    struct sfx_running_call *calls;
    size_t ncalls, cap_calls;
    struct sfx_over_column *columns;
    size_t ncolumns, cap_columns;
    bool blocks, needs_groups, leads;
};

int sfx_over_parse(struct sfx_parser *p, struct sfx_stage_ast *stage);

struct sfx_over {
    struct sfx_operator op;
    const struct sfx_over_plan *plan;
    struct sfx_arena arena; /* of what is kept over all frames */
    size_t *offsets;        /* of the calls' states */
    size_t states_nbytes;
    struct sfx_agg_call *aggs;
    size_t groups_nbytes;           /* of the state of a group: its rows, the aggregates */
    struct sfx_over_groups *groups; /* NULL: nothing needs whole groups */
    /* Bound to the frames that come in. */
    struct sfx_node **keys, **sort;
    struct sfx_vec **key_vecs;
    struct sfx_running_bound *calls;
    struct sfx_vec **agg_vecs;
    struct sfx_keys batch;
    /* As records come: */
    struct sfx_keyset set;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    /* When it blocks, or groups were too many: */
    struct sfx_over_sort *sorted;
};

/* Binds the arguments of the calls to in. Errors: USAGE, NOMEM. */
int sfx_over_bind_calls(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err);

/* Makes over->op.out a frame of in's columns and the stage's. Errors: NOMEM. */
int sfx_over_bind_columns(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err);

/* Evaluates the arguments of all calls. */
void sfx_over_eval(struct sfx_over *over, const uint16_t *sel, uint32_t nsel);

/* Forgets the results of the frame before. */
void sfx_over_begin(struct sfx_over *over);

/* Lets the running functions see a row. Errors: INPUT, NOMEM. */
int sfx_over_step(struct sfx_over *over, struct sfx_arena *arena, unsigned char *states,
                  const struct sfx_running_row *row, struct sfx_err *err);

/* --- over_ahead.c: values of rows further on -------------------------------------------------- */

#define SFX_OVER_NUMBER_NBYTES 8

static inline unsigned char *sfx_over_put_number(unsigned char *at, uint64_t number)
{
    number = __builtin_bswap64(number);
    __builtin_memcpy(at, &number, SFX_OVER_NUMBER_NBYTES);
    return at + SFX_OVER_NUMBER_NBYTES;
}

static inline uint64_t sfx_over_get_number(const unsigned char *at)
{
    uint64_t number;

    __builtin_memcpy(&number, at, SFX_OVER_NUMBER_NBYTES);
    return __builtin_bswap64(number);
}

/* Keeps the call's argument in row `from` in ahead: it is lead's value for the row called number.
 * Errors: LIMIT, IO, NOMEM. */
int sfx_over_put_ahead(struct sfx_over *over, struct sfx_sorter *ahead, size_t call,
                       uint64_t number, uint32_t from, struct sfx_err *err);

/* Writes the value of a record of ahead to row of out. Errors: NOMEM. */
int sfx_over_give_ahead(struct sfx_over *over, struct sfx_frame *out, const unsigned char *record,
                        uint32_t row, struct sfx_err *err);

/* --- over_groups.c: whole groups, by number --------------------------------------------------- */

/* Errors: LIMIT (aggregates that keep values), NOMEM. */
int sfx_over_groups_init(struct sfx_over *over, struct sfx_err *err);
void sfx_over_groups_free(struct sfx_over *over);

/* Adds the rows of in, of which begins[i] is the first of a group; arguments were evaluated.
 * Errors: INPUT, LIMIT, IO, NOMEM. */
int sfx_over_groups_learn(struct sfx_over *over, const struct sfx_frame *in, const bool *begins,
                          struct sfx_err *err);

/* To be called behind the last row. Errors: INPUT, IO, NOMEM. */
int sfx_over_groups_end(struct sfx_over *over, struct sfx_err *err);

/* Goes to the next group. Errors: INPUT, LIMIT, IO, NOMEM. */
int sfx_over_groups_next(struct sfx_over *over, uint64_t *nrows, struct sfx_err *err);

/* Writes the group's results to row; or those of the row before. */
int sfx_over_groups_put(struct sfx_over *over, uint32_t row, struct sfx_err *err);
void sfx_over_groups_repeat(struct sfx_over *over, uint32_t row);

/* What results of the groups so far are in; and forgets all of them, also the one at hand. */
size_t sfx_over_groups_held_nbytes(const struct sfx_over *over);
void sfx_over_groups_release(struct sfx_over *over);

/* --- over_sort.c: sorted is made by the first _bind ------------------------------------------- */

int sfx_over_sort_bind(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err);

/* Keeps in's rows, whose group's keys are in over->batch. Errors: LIMIT, IO, NOMEM. */
int sfx_over_sort_keep(struct sfx_over *over, struct sfx_frame *in, struct sfx_err *err);

/*
 * For groups that are too many: rows of groups that are in memory are kept as they come out
 * (over->op.out), by number, and those of others (over->entries is NULL) as they came in. _go_on
 * begins with that, and binds to the frames that come in then. Errors: LIMIT, IO, NOMEM.
 */
int sfx_over_sort_go_on(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err);
int sfx_over_sort_keep_some(struct sfx_over *over, struct sfx_frame *in, struct sfx_err *err);

/* Runs over the groups and hands the rows on. */
int sfx_over_sort_finish(struct sfx_over *over, struct sfx_err *err);

void sfx_over_sort_free(struct sfx_over *over);

#endif
