/* SPDX-License-Identifier: MIT */
/* The inside of a stage, shared by its loop (stage.c) and its outputs (stage_output.c). */
#ifndef SFX_RUN_INTERNAL_H
#define SFX_RUN_INTERNAL_H

#include "base/claims.h"
#include "event/lines.h"
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
    bool broken;                       /* the machine failed: the loop must end */
};

/* Writes one line (its '\n' included) to the stage's output. Errors: IO; the stage is broken then.
 */
int sfx_stage_write(struct sfx_stage *stage, struct sfx_slice line, struct sfx_err *err);

#endif
