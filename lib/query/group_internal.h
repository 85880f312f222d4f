/* SPDX-License-Identifier: MIT */
/* What group is made of, and frequency, which is a group that counts, with the most frequent first.
 */
#ifndef SFX_QUERY_GROUP_INTERNAL_H
#define SFX_QUERY_GROUP_INTERNAL_H

#include "query/aggregate_work_internal.h"
#include "query/groups_internal.h"

/* A state is how its keys were spelled, see note_spelling, and then those of the aggregates. */
struct sfx_group {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_node **keys; /* and what they are evaluated to */
    struct sfx_vec **key_vecs;
    /* Kept over the whole input. */
    struct sfx_groups groups;
    bool started;
    enum sfx_type *types; /* of the keys that come out */
    struct sfx_agg_call *calls;
    size_t head_nbytes, state_nbytes;
    struct sfx_agg_work work; /* for aggregates that keep values */
    bool keeps_values;
    bool ranked;             /* frequency: */
    struct sfx_sorter ranks; /* the groups by number of records */
    struct sfx_arena arena;
    struct sfx_keys batch_keys;
    unsigned char *states[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
};

/* The verbs' functions. */
int sfx_group_bind(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err);
int sfx_group_push(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err);
int sfx_group_finish(struct sfx_operator *op, struct sfx_err *err);
int sfx_group_restore(struct sfx_operator *op, struct sfx_err *err);
void sfx_group_destroy(struct sfx_operator *op);
enum sfx_rest sfx_group_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                             enum sfx_rest rest);

/* What frequency does otherwise. Sets memory aside for ranking. Errors: LIMIT. */
int sfx_frequency_start(struct sfx_group *group, struct sfx_err *err);

/* Brings the groups in order of their counts. Errors: IO, NOMEM. */
int sfx_frequency_rank(struct sfx_group *group, struct sfx_err *err);

/* As sfx_groups_next. */
int sfx_frequency_next(struct sfx_group *group, const unsigned char **key, unsigned char **state,
                       struct sfx_err *err);

/* Writes the part of all records that the group in row of the output has, to six digits. */
void sfx_frequency_put_share(struct sfx_group *group, uint32_t row);

#endif
