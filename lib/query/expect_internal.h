/* SPDX-License-Identifier: MIT */
/* The parts of expect: conditions (stage_expect.c), and keys that no two records have
 * (stage_unique.c). */
#ifndef SFX_QUERY_EXPECT_INTERNAL_H
#define SFX_QUERY_EXPECT_INTERNAL_H

#include "query/by_internal.h"
#include "query/key_wait_internal.h"

enum sfx_expect_action {
    SFX_EXPECT_DEFAULT,
    SFX_EXPECT_FAIL,
    SFX_EXPECT_SKIP,
    SFX_EXPECT_REJECT,
    SFX_EXPECT_WARN,
    SFX_EXPECT_FIX
};

/* What the stage's text says; its condition is the first item, the assignments of fix follow. Of
 * unique the items are the key. */
struct sfx_expect_detail {
    struct sfx_slice name;
    enum sfx_expect_action action;
    uint32_t action_at;
    const char *reason; /* "breaks the rule NAME: CONDITION" */
    /* For each assignment: if(true, COLUMN, EXPRESSION), whose condition is filled by the rule. */
    struct sfx_expr *choices;
};

struct sfx_expect {
    struct sfx_operator op;
    struct sfx_node *condition; /* of unique: the first part of the key */
    struct sfx_by by;           /* unique: the keys that were there, */
    struct sfx_key_wait wait;   /* and records that came when they filled their memory */
    bool full;
    uint32_t failed;         /* of the frame that comes back from there */
    struct sfx_node **fixes; /* the choices, bound; their first argument is a constant of each */
    struct sfx_rule *rule;   /* NULL: nobody wants to know */
    uint8_t kept[SFX_BATCH_ROWS]; /* by row: the rule holds */
};

/* What "unique" after the name of a rule makes of the stage. */
extern const struct sfx_verb sfx_verb_expect_unique;

/* To be called when either is bound. Errors: USAGE, NOMEM. */
int sfx_expect_begin_bind(struct sfx_expect *expect, const struct sfx_binder *binder,
                          struct sfx_err *err);

/* Counts, does what is to be done with the records of in that do not keep the rule (expect->kept;
 * of which there are failed), and hands the others on. */
int sfx_expect_act(struct sfx_expect *expect, struct sfx_frame *in, uint32_t failed,
                   struct sfx_err *err);

#endif
