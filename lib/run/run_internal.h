/* SPDX-License-Identifier: MIT */
/* The inside of a stage, shared by its loop (stage.c) and its outputs (stage_output.c). */
#ifndef SFX_RUN_INTERNAL_H
#define SFX_RUN_INTERNAL_H

#include "base/claims.h"
#include "event/lines.h"
#include "queue/queue.h"
#include "run/rejects.h"
#include "run/stage.h"

struct sfx_stage {
    const struct sfx_stage_opts *opts;
    struct sfx_stage_stats *stats;
    struct sfx_lines lines;
    struct sfx_rejects *rejects; /* NULL: none */
    struct sfx_reject_sink record_sink;
    const struct sfx_stage_item *item; /* in hand; NULL between events */
    struct sfx_arena arena;            /* of the event in hand */
    struct sfx_buf line;               /* an output event, reused */
    struct sfx_claims *outputs;        /* who made which; NULL until the first */
    struct sfx_queue *queue;           /* to acknowledge in; NULL: none */
    struct sfx_buf held;               /* an output event that may be the last of its item */
    uint64_t nparts;                   /* output events of the item in hand, with the held one */
    bool broken;                       /* the machine failed: the loop must end */

    /* Of opts.later: what waits for it. */
    void *ctx;              /* of the program's function */
    bool settle;            /* it was asked for */
    int64_t since_ns;       /* since when the first of it waits; 0: nothing does */
    struct sfx_buf waiting; /* output lines */
    struct sfx_buf done;    /* lines of the events that are done, for the queue */
};

/* --- stage_later.c --- */

/* Notes that ev is done when what waits is settled. Errors: NOMEM. */
int sfx_stage_wait(struct sfx_stage *stage, const struct sfx_event *ev, struct sfx_err *err);

/* Keeps an output line until then. Errors: NOMEM. */
int sfx_stage_keep_line(struct sfx_stage *stage, struct sfx_slice line, struct sfx_err *err);

/* Settles what waits, if it is due; force: in any case. Errors: of later.fn; IO, NOMEM. */
int sfx_stage_settle_due(struct sfx_stage *stage, bool force, struct sfx_err *err);

/* Waits for the next line, but not longer than what waits may; then settles it. Errors: as above.
 */
int sfx_stage_wait_line(struct sfx_stage *stage, struct sfx_err *err);

/* Writes one line (its '\n' included) to the stage's output. Errors: IO; the stage is broken then.
 */
int sfx_stage_write(struct sfx_stage *stage, struct sfx_slice line, struct sfx_err *err);

/* --- stage_queue.c --- */

/* Opens the queue that is to be told. Errors: as sfx_queue_open. */
int sfx_stage_queue_open(struct sfx_stage *stage, struct sfx_err *err);

/* True when outputs of ev are numbered for a queue further down the pipe. */
bool sfx_stage_counts_parts(const struct sfx_stage *stage, const struct sfx_event *ev);

/* Keeps an output's line until it is known whether it is the last that is made of from. */
int sfx_stage_hold(struct sfx_stage *stage, const struct sfx_event *from, struct sfx_slice line,
                   struct sfx_err *err);

/* Says what came of an item: to the queue, or down the pipe. failure: NULL when it is done. */
int sfx_stage_answer(struct sfx_stage *stage, const struct sfx_stage_item *item,
                     const struct sfx_err *failure, struct sfx_err *err);

/* The same for an event that passed through. */
int sfx_stage_answer_passed(struct sfx_stage *stage, const struct sfx_event *ev,
                            struct sfx_err *err);

#endif
