/* SPDX-License-Identifier: MIT */
/*
 * The plan of a query in words: while a query is explained, what its stages are bound to is written
 * down instead of run.
 *
 * Contract: failures stick in rc, so that binders read straight on.
 */
#ifndef SFX_QUERY_EXPLAIN_INTERNAL_H
#define SFX_QUERY_EXPLAIN_INTERNAL_H

#include "base/buf.h"

struct sfx_frame;
struct sfx_operator;

struct sfx_plan {
    struct sfx_buf *out;
    struct sfx_buf refused; /* what makes a record bad in the stage that is being bound */
    struct sfx_buf notes;   /* how it compares, one line each */
    struct sfx_buf columns; /* of the frame that was described last */
    int rc;
    struct sfx_err *err;
};

/* Notes a reason for which records are refused, once a stage. plan NULL: nothing is done. */
void sfx_plan_refuses(struct sfx_plan *plan, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes a sentence about the stage, once. plan NULL: nothing is done. */
void sfx_plan_note(struct sfx_plan *plan, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Describes the columns of a frame where they differ from those described before. */
void sfx_plan_columns(struct sfx_plan *plan, const struct sfx_frame *frame);

/* Describes a stage that was just bound. */
void sfx_plan_stage(struct sfx_plan *plan, const struct sfx_operator *op);

void sfx_plan_done(struct sfx_plan *plan);

#endif
