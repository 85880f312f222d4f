/* SPDX-License-Identifier: MIT */
/* One event's way from state to state, and the lanes: of one key, the first alone may go. */
#include "queue/queue_sqlite_internal.h"

#include <string.h>

int sfx_queue_task_get(struct sfx_queue_db *q, int64_t seq, struct sfx_queue_task *task,
                       struct sfx_err *err)
{
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_TASK_GET, err, "i", seq);
    struct sfx_slice lane;
    int rc = stmt != NULL ? sfx_queue_sql_step(q, stmt, err) : SFX_E_IO;

    if (rc <= 0)
        return rc;
    task->seq = seq;
    task->state = (enum sfx_queue_state)sfx_queue_sql_int(q, stmt, 0);
    task->due_ms = sfx_queue_sql_int(q, stmt, 1);
    task->attempts = sfx_queue_sql_int(q, stmt, 2);
    task->holder = sfx_queue_sql_int(q, stmt, 3);
    lane = sfx_queue_sql_text(q, stmt, 4);
    task->laned = lane.len > 0;
    task->lane_len = lane.len < sizeof(task->lane) ? lane.len : sizeof(task->lane);
    if (task->lane_len > 0)
        memcpy(task->lane, lane.ptr, task->lane_len);
    sfx_queue_sql_reset(q, stmt);
    return 1;
}

static int set_state(struct sfx_queue_db *q, const struct sfx_queue_task *task,
                     enum sfx_queue_state to, int64_t due_ms, int64_t attempts,
                     struct sfx_slice reason, struct sfx_err *err)
{
    int rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_STATE, err, "iiiiin", task->seq, (int64_t)to, due_ms,
                           attempts, sfx_queue_now_ms(), reason);

    if (rc < 0)
        return rc;
    q->depth[task->state]--;
    q->depth[to]++;
    /* A new time of something that waits is news, too: to those that sleep until another. */
    q->woke = q->woke || to == SFX_QUEUE_READY || to == SFX_QUEUE_DELAYED;
    return 0;
}

/* The first two of a lane that are not done. Returns their number. */
static int lane_heads(struct sfx_queue_db *q, struct sfx_slice lane, struct sfx_queue_task heads[2],
                      struct sfx_err *err)
{
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_LANE_HEADS, err, "s", lane);
    int rc = stmt != NULL ? 1 : SFX_E_IO, n = 0;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        heads[n++] = (struct sfx_queue_task){
            .seq = sfx_queue_sql_int(q, stmt, 0),
            .state = (enum sfx_queue_state)sfx_queue_sql_int(q, stmt, 1),
            .due_ms = sfx_queue_sql_int(q, stmt, 2),
            .attempts = sfx_queue_sql_int(q, stmt, 3),
        };
    }
    return rc < 0 ? rc : n;
}

int sfx_queue_lane_waits(struct sfx_queue_db *q, struct sfx_slice lane, struct sfx_err *err)
{
    struct sfx_queue_task heads[2];
    int rc = lane_heads(q, lane, heads, err);

    return rc > 0 ? 1 : rc;
}

int sfx_queue_lane_step(struct sfx_queue_db *q, struct sfx_slice lane, struct sfx_err *err)
{
    const struct sfx_slice no_reason = {0};
    struct sfx_queue_task heads[2];
    int64_t value;
    int n = lane_heads(q, lane, heads, err), rc;

    if (n <= 0 || heads[0].state != SFX_QUEUE_BLOCKED)
        return n < 0 ? n : 0;
    rc =
        sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_LANE_HELD, err, "s", lane), &value, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (n > 1 && heads[1].state != SFX_QUEUE_BLOCKED)
        rc = set_state(q, &heads[1], SFX_QUEUE_BLOCKED, heads[1].due_ms, heads[1].attempts,
                       no_reason, err);
    if (rc < 0)
        return rc;
    return set_state(q, &heads[0],
                     heads[0].due_ms > sfx_queue_now_ms() ? SFX_QUEUE_DELAYED : SFX_QUEUE_READY,
                     heads[0].due_ms, heads[0].attempts, no_reason, err);
}

int sfx_queue_task_move(struct sfx_queue_db *q, struct sfx_queue_task *task,
                        enum sfx_queue_state to, int64_t due_ms, int64_t attempts,
                        struct sfx_slice reason, struct sfx_err *err)
{
    int rc;

    if (to == SFX_QUEUE_READY && task->laned)
        to = SFX_QUEUE_BLOCKED; /* until its lane says that it is the first */
    else if (to == SFX_QUEUE_READY && due_ms > sfx_queue_now_ms())
        to = SFX_QUEUE_DELAYED;
    rc = set_state(q, task, to, due_ms, attempts > 0 ? attempts : 0, reason, err);
    if (rc == 0 && task->laned)
        rc = sfx_queue_lane_step(q, sfx_slice(task->lane, task->lane_len), err);
    if (rc == 0 && to == SFX_QUEUE_DONE)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_DROP, err, "ii", task->seq, task->seq);
    return rc < 0 ? rc : 0;
}
