/* SPDX-License-Identifier: MIT */
/*
 * Running functions: one const row each. They see the rows of a group one after the other, in the
 * order of the stage, and give each row a value. A state of fixed size lives in each group.
 */
#ifndef SFX_QUERY_RUNNING_INTERNAL_H
#define SFX_QUERY_RUNNING_INTERNAL_H

#include "query/stage_internal.h"

#define SFX_RUNNING_MAX_ARGS 3
#define SFX_RUNNING_MAX_ROWS 1000000 /* that lag, lead and moving functions look over */

/* A value of any type, with its bytes in memory of its own. */
struct sfx_running_value {
    bool known;
    struct sfx_decimal slot;
    struct sfx_cell cell;
    char *base;
    uint32_t cap; /* bytes at base */
};

struct sfx_running_ctx {
    struct sfx_eval *ev;
    struct sfx_arena *arena; /* lives as long as the states */
    struct sfx_err *err;
};

/* The row that a function sees. */
struct sfx_running_row {
    uint32_t row;         /* of the argument's vector, and of the result's */
    uint64_t index;       /* in its group, from 0 */
    uint64_t group_nrows; /* 0: not known */
    bool peer;            /* its place in the order is that of the row before */
};

struct sfx_running;

/* A function of a stage with its arguments. */
struct sfx_running_call {
    struct sfx_slice name;
    uint32_t at;
    const struct sfx_running *fn;
    const struct sfx_expr *args[SFX_RUNNING_MAX_ARGS];
    size_t nargs;
};

/* The same, bound. */
struct sfx_running_bound {
    const struct sfx_running_call *call;
    struct sfx_node *arg;   /* NULL: none */
    uint64_t n;             /* rows; 1 when it is not given */
    double factor;          /* ewma's */
    struct sfx_node *other; /* lag's and lead's value for rows that are not there; NULL: null */
    enum sfx_type type;     /* of the result */
    size_t offset;          /* of its state */
    struct sfx_vec *out;
};

struct sfx_running {
    const char *name;
    const char *usage;
    const char *help;
    uint8_t min_args, max_args;
    char arg;             /* the first argument: n number, c any, 0: none */
    bool counts;          /* the second (without a first: the first) argument is a number of rows */
    bool ordered;         /* makes sense only with sort */
    bool needs_group;     /* has to know how many rows the group has */
    bool leads;           /* its result is that of a row further on: the stage does it */
    enum sfx_type result; /* CELL: the argument's */
    size_t state_nbytes;  /* zeroed memory is a fresh state */
    /* Sees a row and writes its result to bound->out. Errors: INPUT (too many digits), NOMEM. */
    int (*step)(struct sfx_running_ctx *ctx, const struct sfx_running_bound *bound, void *state,
                const struct sfx_running_row *row);
    const char *example; /* a call that the tests run over k, x = a 3, a 1, a (empty), a 2, a 2 … */
    const char *gives;   /* … and its results, with commas between */
};

/* The functions of one file. */
struct sfx_running_family {
    const struct sfx_running *fns;
    size_t count;
};

extern const struct sfx_running_family sfx_running_place_family;
extern const struct sfx_running_family sfx_running_sum_family;

const struct sfx_running *sfx_running_find(struct sfx_slice name);

/* The functions of all families in their order, NULL behind the last. */
const struct sfx_running *sfx_running_at(size_t index);

/* Makes value that of row. Errors: NOMEM. */
int sfx_running_keep(struct sfx_running_ctx *ctx, struct sfx_running_value *value,
                     const struct sfx_vec *vec, uint32_t row);

/* Writes value, or null, to row of out, whose type is the kept one's. */
void sfx_running_give(const struct sfx_running_value *value, struct sfx_vec *out, uint32_t row);

/* Writes row 0 of bound->other, or null, to row of bound->out. */
void sfx_running_give_other(const struct sfx_running_bound *bound, uint32_t row);

#endif
