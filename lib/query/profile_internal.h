/* SPDX-License-Identifier: MIT */
/* What profile knows of columns, between the stage that collects it and the records it becomes. */
#ifndef SFX_QUERY_PROFILE_INTERNAL_H
#define SFX_QUERY_PROFILE_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"
#include "query/selector_internal.h"

enum sfx_profile_kind {
    SFX_PROFILE_INTEGER,
    SFX_PROFILE_DECIMAL, /* numbers up to here */
    SFX_PROFILE_BOOL,
    SFX_PROFILE_DATE,
    SFX_PROFILE_TIME,
    SFX_PROFILE_JSON,
    SFX_PROFILE_TEXT,
    SFX_PROFILE_NKINDS
};

enum {
    SFX_PROFILE_MEAN,
    SFX_PROFILE_STDDEV,
    SFX_PROFILE_DISTINCT,
    SFX_PROFILE_QUANTILE,
    SFX_PROFILE_NCALLS
};

struct sfx_profile_column {
    struct sfx_profile_column *next; /* in order of appearance */
    struct sfx_slice name;
    uint64_t known, kinds[SFX_PROFILE_NKINDS];
    uint64_t min_length, max_length; /* in characters */
    struct sfx_buf min_text, max_text;
    uint64_t nnumbers;
    struct sfx_decimal min, max;
    unsigned char *states;    /* of the aggregates */
    unsigned lacks;           /* a bit for each that failed */
    struct sfx_keyset values; /* and how often they are there */
    bool full;                /* not all values are in it */
};

struct sfx_profile {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_vec **vecs;
    struct sfx_profile_column **of; /* of each vector */
    size_t ncols;
    /* Kept over the whole input. */
    struct sfx_arena arena;
    struct sfx_profile_column *columns;
    uint64_t nrecords;
    struct sfx_item items[SFX_PROFILE_NCALLS];
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
