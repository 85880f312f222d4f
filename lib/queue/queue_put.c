/* SPDX-License-Identifier: MIT */
/* Putting events, and removing what has been done for long enough. */
#include "base/hash.h"
#include "queue/queue_sqlite_internal.h"

#include <assert.h>
#include <stdio.h>

#define AHEAD        4    /* events whose ids are looked for before long */
#define SWEEP_MS     1000 /* between two sweeps */
#define SWEEP_EVENTS 2000 /* removed at least in one: some 20 ms */

int sfx_queue_forget(struct sfx_queue_db *q, int64_t seq, struct sfx_err *err)
{
    struct sfx_queue_task task;
    sqlite3_stmt *stmt;
    int rc = sfx_queue_task_get(q, seq, &task, err);

    if (rc <= 0)
        return rc;
    stmt = sfx_queue_sql_bind(q, SFX_SQL_EVENT_GET, err, "i", seq);
    rc = stmt != NULL ? sfx_queue_sql_step(q, stmt, err) : SFX_E_IO;
    if (rc > 0) {
        rc = SFX_QUEUE_RUN(q, SFX_SQL_INVOCATION_DROP, err, "s", sfx_queue_sql_text(q, stmt, 0));
        sfx_queue_sql_reset(q, stmt);
    }
    if (rc >= 0)
        rc = sfx_queue_keys_forget(q, seq, err);
    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_DROP, err, "ii", seq, seq);
    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_EVENT_DROP, err, "i", seq);
    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_DROP, err, "i", seq);
    if (rc < 0)
        return rc;
    q->depth[task.state]--;
    if (task.laned && task.state < SFX_QUEUE_DONE)
        rc = sfx_queue_lane_step(q, sfx_slice(task.lane, task.lane_len), err);
    return rc < 0 ? rc : 1;
}

/*
 * Removes a part of what was done longer ago than the retention time: more than is put, so that it
 * comes to an end whatever the rate.
 */
static int sweep(struct sfx_queue_db *q, int64_t added, int64_t now_ms, struct sfx_err *err)
{
    bool due = now_ms - q->swept_ms >= SWEEP_MS || now_ms < q->swept_ms;
    int64_t most = 2 * added + (due ? SWEEP_EVENTS : 0), i, seq;
    int rc = 1;

    if (!due && !q->sweeping)
        return 0;
    if (due) {
        q->swept_ms = now_ms;
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", SFX_SLICE_LIT("retention_ms")),
            &q->retention_ms, err);
    }
    for (i = 0; rc > 0 && i < most; i++) {
        rc = sfx_queue_sql_one(
            q,
            sfx_queue_sql_bind(q, SFX_SQL_EXPIRED, err, "ii", now_ms - q->retention_ms, (int64_t)1),
            &seq, err);
        if (rc > 0)
            rc = sfx_queue_forget(q, seq, err);
    }
    q->sweeping = rc > 0;
    return rc < 0 ? rc : 0;
}

/* A key as it is kept: one that is too long is kept as its hash. */
static struct sfx_slice lane_of(struct sfx_slice key, char hashed[20])
{
    if (key.len <= sizeof(((struct sfx_queue_task *)0)->lane))
        return key;
    return sfx_slice(hashed, (size_t)snprintf(hashed, 20, "#%016llx",
                                              (unsigned long long)sfx_hash64(key.ptr, key.len, 0)));
}

static int put_one(struct sfx_queue_db *q, struct sfx_queue_put *ev, int64_t now_ms,
                   struct sfx_err *err)
{
    enum sfx_queue_state state = ev->delay_ms > 0 ? SFX_QUEUE_DELAYED : SFX_QUEUE_READY;
    int64_t due_ms = ev->delay_ms > 0 ? now_ms + ev->delay_ms : 0, known, seq;
    char hashed[20];
    struct sfx_slice lane = lane_of(ev->lane, hashed);
    int rc = sfx_queue_keys_find(q, ev->id, &known, err);

    ev->seq = 0;
    if (rc != 0) {
        q->tally[SFX_TALLY_DUPLICATES] += rc > 0;
        return rc < 0 ? rc : 0;
    }
    if (lane.len > 0) {
        rc = sfx_queue_lane_waits(q, lane, err);
        state = rc > 0 ? SFX_QUEUE_BLOCKED : state;
    }
    if (rc < 0)
        return rc;
    seq = q->keys.last_seq + 1;
    rc = SFX_QUEUE_RUN(q, SFX_SQL_EVENT_PUT, err, "iisb", seq, now_ms, ev->id, ev->line);
    if (rc >= 0)
        rc = sfx_queue_keys_add(q, ev->id, err);
    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_PUT, err, "iiiin", seq, (int64_t)state, due_ms, now_ms,
                           lane);
    if (rc < 0)
        return rc;
    q->depth[state]++;
    q->tally[SFX_TALLY_PUT]++;
    q->woke = q->woke || state != SFX_QUEUE_BLOCKED;
    ev->seq = seq;
    return 1;
}

int64_t sfx_queue_db_put(struct sfx_queue *base, struct sfx_queue_put *events, size_t count,
                         struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    struct sfx_slice name = SFX_SLICE_LIT("last_seq");
    int64_t now_ms = sfx_queue_now_ms(), added = 0;
    size_t i;
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    rc = sfx_queue_keys_sync(q, err);
    for (i = 0; rc >= 0 && i < count; i++) {
        assert(events[i].id.len > 0);
        if (count - i > AHEAD)
            sfx_queue_keys_expect(q, events[i + AHEAD].id);
        rc = put_one(q, &events[i], now_ms, err);
        added += rc > 0;
    }
    if (rc >= 0 && added > 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_TALLY_ADD, err, "si", name, added);
    if (rc >= 0)
        rc = sweep(q, added, now_ms, err);
    return sfx_queue_end(q, rc < 0 ? rc : added, err);
}
