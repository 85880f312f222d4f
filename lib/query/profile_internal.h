/* SPDX-License-Identifier: MIT */
/* What profile knows of columns, between the stage that collects it and the records it becomes. */
#ifndef SFX_QUERY_PROFILE_INTERNAL_H
#define SFX_QUERY_PROFILE_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"
#include "query/selector_internal.h"

enum profile_kind {
    PROFILE_INTEGER,
    PROFILE_DECIMAL, /* numbers up to here */
    PROFILE_BOOL,
    PROFILE_DATE,
    PROFILE_TIME,
    PROFILE_JSON,
    PROFILE_TEXT,
    PROFILE_NKINDS
};

enum { PROFILE_MEAN, PROFILE_STDDEV, PROFILE_DISTINCT, PROFILE_QUANTILE, PROFILE_NCALLS };

struct profile_column {
    struct profile_column *next; /* in order of appearance */
    struct sfx_slice name;
    uint64_t known, kinds[PROFILE_NKINDS];
    uint64_t min_length, max_length; /* in characters */
    struct sfx_buf min_text, max_text;
    uint64_t nnumbers;
    struct sfx_decimal min, max;
    unsigned char *states;    /* of the aggregates */
    unsigned lacks;           /* a bit for each that failed */
    struct sfx_keyset values; /* and how often they are there */
    bool full;                /* not all values are in it */
};

struct profile {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_vec **vecs;
    struct profile_column **of; /* of each vector */
    size_t ncols;
    /* Kept over the whole input. */
    struct sfx_arena arena;
    struct profile_column *columns;
    uint64_t nrecords;
    struct sfx_item items[PROFILE_NCALLS];
    struct sfx_expr q; /* which quantile is asked for */
    struct sfx_agg_call *calls;
    size_t state_nbytes;
    /* Of the batch and column in hand: the rows that are known, and the numbers among them. */
    uint16_t sel[SFX_BATCH_ROWS];
    uint32_t nsel;
    struct sfx_vec *numbers;
    struct sfx_keys keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    unsigned char *states[SFX_BATCH_ROWS];
};

/* The finish of the verb. */
int sfx_profile_finish(struct sfx_operator *op, struct sfx_err *err);

#endif
