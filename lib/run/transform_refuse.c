/* SPDX-License-Identifier: MIT */
/* What becomes of records that are refused: counted, and handed on in the order of the input. */
#include "run/transform_internal.h"

#include <inttypes.h>

/* What is held back of one batch; more goes on as it comes. */
#define MAX_HELD_NBYTES ((size_t)16 << 20)

bool sfx_transform_keeps_refused(const struct sfx_transform_job *job)
{
    return job->query.on_error == SFX_ON_ERROR_REJECT || job->query.on_error == SFX_ON_ERROR_NULL;
}

/* Hands r on, or holds it. */
static int keep(struct sfx_transform_run *run, const struct sfx_reject *r, struct sfx_err *err)
{
    const struct sfx_reject_sink *sink = run->job->query.rejects;
    struct sfx_reject known = *r;
    int rc = 0;

    sfx_stream_notes_fill(&run->notes, &known);
    if (run->holds && sfx_held_rejects_nbytes(&run->held) < MAX_HELD_NBYTES)
        return sfx_held_rejects_put(&run->held, &known, err);
    if (run->held.first != NULL)
        rc = sfx_held_rejects_hand_on(&run->held, 0, sink, err);
    return rc == 0 ? sink->put(sink->ctx, &known, err) : rc;
}

int sfx_transform_refuse(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_transform_run *run = ctx;
    int rc = 0;

    if (run->reading)
        sfx_growing_refused(&run->growing, r);
    if (run->job->query.rejects != NULL && (!run->reading || sfx_transform_keeps_refused(run->job)))
        rc = keep(run, r, err);
    if (rc < 0 || !run->reading)
        return rc;
    run->unread++;
    if (sfx_error_count_allows(&run->errors))
        return 0;
    return sfx_err_set(err, SFX_E_INPUT,
                       "more than %" PRIu64 " errors: %s: line %" PRIu64 ", offset %" PRIu64 ": %s",
                       run->errors.fatal - 1, r->input, r->line, r->offset, r->reason);
}

int sfx_transform_refuse_unwritten(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_transform_run *run = ctx;
    int rc;

    run->unwritten++;
    run->reading = true;
    rc = sfx_transform_refuse(run, r, err);
    run->reading = false;
    return rc;
}

int sfx_transform_hand_on_refused(struct sfx_transform_run *run, int rc, struct sfx_err *err)
{
    int handed = 0;

    run->holds = false;
    sfx_held_rejects_sort(&run->held);
    if (run->held.first != NULL)
        handed =
            sfx_held_rejects_hand_on(&run->held, 0, run->job->query.rejects, rc < 0 ? NULL : err);
    return rc < 0 ? rc : handed;
}
