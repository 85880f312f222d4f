/* SPDX-License-Identifier: MIT */
/* Giving events out. */
#include "queue/queue_sqlite_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define IDLE_MS 5000 /* a ring that was never rung is found out after this */
#define HELD_MS 1000 /* the same for a holder that is gone */

/* A copy in the batch's memory. */
static int keep(struct sfx_queue_batch *batch, struct sfx_slice *text, struct sfx_err *err)
{
    char *copy = sfx_arena_strndup(&batch->arena, text->ptr, text->len, err);

    text->ptr = copy;
    return copy != NULL ? 0 : SFX_E_NOMEM;
}

/* Takes the row of READY or LANE_AFTER into the batch. */
static int take_row(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_queue_batch *batch,
                    struct sfx_err *err)
{
    struct sfx_queue_event *ev = &batch->events[batch->count];

    *ev = (struct sfx_queue_event){
        .seq = sfx_queue_sql_int(q, stmt, 0),
        .attempt = (uint32_t)sfx_queue_sql_int(q, stmt, 1) + 1,
        .lane = sfx_queue_sql_text(q, stmt, 2),
        .id = sfx_queue_sql_text(q, stmt, 3),
        .line = sfx_queue_sql_text(q, stmt, 4),
        .put_ms = sfx_queue_sql_int(q, stmt, 5),
    };
    if (keep(batch, &ev->lane, err) < 0 || keep(batch, &ev->id, err) < 0 ||
        keep(batch, &ev->line, err) < 0)
        return SFX_E_NOMEM;
    batch->count++;
    return 0;
}

static int take_rows(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_queue_batch *batch,
                     struct sfx_err *err)
{
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        rc = take_row(q, stmt, batch, err);
        if (rc < 0)
            sfx_queue_sql_reset(q, stmt);
        else
            rc = 1;
    }
    return rc;
}

/* Leases what the batch has from first on: numbers without a gap in one statement. */
static int lease_rows(struct sfx_queue_db *q, const struct sfx_queue_batch *batch, size_t first,
                      int64_t due_ms, int64_t now_ms, struct sfx_err *err)
{
    size_t end;
    int rc = 0;

    for (; rc >= 0 && first < batch->count; first = end) {
        int64_t seq = batch->events[first].seq;

        for (end = first + 1; end < batch->count; end++) {
            if (batch->events[end].seq != seq + (int64_t)(end - first))
                break;
        }
        rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_LEASE, err, "iiiii", seq, due_ms, q->holder, now_ms,
                           seq + (int64_t)(end - first) - 1);
    }
    return rc < 0 ? rc : 0;
}

/* An event that was given out too often without an answer becomes a dead letter. */
static int bury(struct sfx_queue_db *q, const struct sfx_queue_event *ev, struct sfx_err *err)
{
    struct sfx_queue_task task;
    char reason[96];
    int n = snprintf(reason, sizeof(reason), "given out %" PRIu32 " times without an answer",
                     ev->attempt - 1);
    int rc = sfx_queue_task_get(q, ev->seq, &task, err);

    q->tally[SFX_TALLY_DEAD]++;
    return rc <= 0 ? rc
                   : sfx_queue_task_move(q, &task, SFX_QUEUE_DEAD, 0, task.attempts,
                                         sfx_slice(reason, (size_t)n), err);
}

/* Leases what the batch has from first on, which was in state from. What is too often tried is
 * taken out of it. */
static int lease_from(struct sfx_queue_db *q, const struct sfx_queue_lease *opts,
                      struct sfx_queue_batch *batch, size_t first, enum sfx_queue_state from,
                      int64_t now_ms, struct sfx_err *err)
{
    size_t i, kept = first;
    int rc = 0;

    for (i = first; rc >= 0 && i < batch->count; i++) {
        struct sfx_queue_event ev = batch->events[i];

        if (opts->max_attempts > 0 && ev.attempt > opts->max_attempts) {
            rc = bury(q, &ev, err);
        } else {
            batch->events[kept++] = ev;
        }
    }
    batch->count = kept;
    q->depth[from] -= (int64_t)(kept - first);
    q->depth[SFX_QUEUE_LEASED] += (int64_t)(kept - first);
    q->tally[SFX_TALLY_LEASED] += (int64_t)(kept - first);
    return rc < 0 ? rc : lease_rows(q, batch, first, now_ms + opts->visible_ms, now_ms, err);
}

/* Adds what follows in the lanes of those that were taken. */
static int take_runs(struct sfx_queue_db *q, const struct sfx_queue_lease *opts,
                     struct sfx_queue_batch *batch, int64_t now_ms, struct sfx_err *err)
{
    size_t i, heads = batch->count;
    int rc = 0;

    for (i = 0; rc == 0 && i < heads && batch->count < opts->max; i++) {
        const struct sfx_queue_event *head = &batch->events[i];
        size_t first = batch->count;

        if (head->lane.len == 0)
            continue;
        rc = take_rows(q,
                       sfx_queue_sql_bind(q, SFX_SQL_LANE_AFTER, err, "siii", head->lane, head->seq,
                                          (int64_t)(opts->max - first), now_ms),
                       batch, err);
        if (rc == 0)
            rc = lease_from(q, opts, batch, first, SFX_QUEUE_BLOCKED, now_ms, err);
    }
    return rc;
}

int64_t sfx_queue_db_lease(struct sfx_queue *base, const struct sfx_queue_lease *opts,
                           struct sfx_queue_batch *batch, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    int64_t now_ms = sfx_queue_now_ms();
    int rc;

    sfx_arena_reset(&batch->arena);
    batch->count = 0;
    batch->events = sfx_arena_calloc(&batch->arena, opts->max, sizeof(*batch->events), err);
    if (batch->events == NULL)
        return SFX_E_NOMEM;
    sfx_queue_bell_drain(q);
    rc = sfx_queue_begin(q, err);
    if (rc < 0)
        return rc;
    rc = sfx_queue_holder_take(q, err);
    if (rc == 0)
        rc = sfx_queue_reclaim(q, now_ms, err);
    if (rc == 0)
        rc = take_rows(q, sfx_queue_sql_bind(q, SFX_SQL_READY, err, "i", (int64_t)opts->max), batch,
                       err);
    if (rc == 0)
        rc = lease_from(q, opts, batch, 0, SFX_QUEUE_READY, now_ms, err);
    if (rc == 0 && opts->runs)
        rc = take_runs(q, opts, batch, now_ms, err);
    if (rc < 0)
        q->checked_ms = 0;
    return sfx_queue_end(q, rc < 0 ? rc : (int64_t)batch->count, err);
}

int sfx_queue_db_wait_fd(struct sfx_queue *base, int64_t *next_ms, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    int fd = sfx_queue_bell(q);
    int64_t value = 0, now_ms = sfx_queue_now_ms();
    int rc;

    *next_ms = fd >= 0 ? IDLE_MS : 50;
    rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_READY_ANY, err, ""), &value, err);
    if (rc > 0) {
        *next_ms = 0;
        return fd;
    }
    if (rc == 0)
        rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_NEXT_DUE, err, ""), &value, err);
    if (rc > 0) {
        value = value > now_ms ? value - now_ms : 0;
        *next_ms = *next_ms < HELD_MS ? *next_ms : HELD_MS;
        *next_ms = value < *next_ms ? value : *next_ms;
    }
    return rc < 0 ? rc : fd;
}

int64_t sfx_queue_db_extend(struct sfx_queue *base, const int64_t *seqs, size_t count,
                            int64_t visible_ms, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    int64_t due_ms = sfx_queue_now_ms() + visible_ms, held = 0;
    size_t i;
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    for (i = 0; rc >= 0 && i < count; i++) {
        rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_EXTEND, err, "iii", seqs[i], due_ms, q->holder);
        held += rc > 0;
    }
    return sfx_queue_end(q, rc < 0 ? rc : held, err);
}
