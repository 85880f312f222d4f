/* SPDX-License-Identifier: MIT */
/* Answers: what became of events that were given out, by their holders or at the end of a pipe. */
#include "queue/queue_sqlite_internal.h"
#include "json/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int settle_one(struct sfx_queue_db *q, struct sfx_queue_result *result, struct sfx_err *err)
{
    struct sfx_queue_task task;
    bool mine;
    int rc = sfx_queue_task_get(q, result->seq, &task, err);

    result->applied = false;
    if (rc <= 0 || task.state >= SFX_QUEUE_DONE)
        return rc < 0 ? rc : 0;
    mine = task.state == SFX_QUEUE_LEASED && task.holder == q->holder;
    if (!mine && result->outcome != SFX_QUEUE_ACK)
        return 0;
    result->applied = true;
    switch (result->outcome) {
    case SFX_QUEUE_ACK:
        q->tally[SFX_TALLY_ACKED]++;
        return sfx_queue_task_move(q, &task, SFX_QUEUE_DONE, 0, task.attempts, sfx_slice(NULL, 0),
                                   err);
    case SFX_QUEUE_RETRY:
        q->tally[SFX_TALLY_RETRIED]++;
        return sfx_queue_task_move(q, &task, SFX_QUEUE_READY,
                                   result->delay_ms > 0 ? sfx_queue_now_ms() + result->delay_ms : 0,
                                   task.attempts, result->reason, err);
    case SFX_QUEUE_BURY:
        q->tally[SFX_TALLY_DEAD]++;
        return sfx_queue_task_move(q, &task, SFX_QUEUE_DEAD, 0, task.attempts, result->reason, err);
    case SFX_QUEUE_GIVE_BACK:
        return sfx_queue_task_move(q, &task, SFX_QUEUE_READY, 0, task.attempts - 1,
                                   sfx_slice(NULL, 0), err);
    }
    return 0;
}

/* Records the result's invocation under the event's id. */
static int record(struct sfx_queue_db *q, const struct sfx_queue_result *result,
                  struct sfx_err *err)
{
    sqlite3_stmt *stmt;
    int rc;

    if (result->invocation == NULL)
        return 0;
    stmt = sfx_queue_sql_bind(q, SFX_SQL_EVENT_GET, err, "i", result->seq);
    rc = stmt != NULL ? sfx_queue_sql_step(q, stmt, err) : SFX_E_IO;
    if (rc <= 0)
        return rc < 0 ? rc : sfx_queue_record_one(q, result->invocation, sfx_slice(NULL, 0), err);
    rc = sfx_queue_record_one(q, result->invocation, sfx_queue_sql_text(q, stmt, 0), err);
    sfx_queue_sql_reset(q, stmt);
    return rc;
}

/* The number of results from the first on that acknowledge numbers without a gap. */
static size_t acks_in_row(const struct sfx_queue_result *results, size_t count)
{
    size_t n = 0;

    while (n < count && results[n].outcome == SFX_QUEUE_ACK &&
           results[n].seq == results[0].seq + (int64_t)n)
        n++;
    return n;
}

/* Appends the lanes of tasks that are held here, each with an end, to q->text. Returns how many
 * tasks of those from first to last are. */
static int64_t lanes_of_held(struct sfx_queue_db *q, int64_t first, int64_t last,
                             struct sfx_err *err)
{
    sqlite3_stmt *stmt =
        sfx_queue_sql_bind(q, SFX_SQL_TASK_HELD, err, "iii", first, last, q->holder);
    int64_t n = 0;
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    sfx_buf_clear(&q->text);
    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        struct sfx_slice lane = sfx_queue_sql_text(q, stmt, 0);

        n++;
        if (lane.len == 0)
            continue;
        if (sfx_buf_append(&q->text, &lane.len, sizeof(lane.len), err) < 0 ||
            sfx_buf_append(&q->text, lane.ptr, lane.len, err) < 0) {
            sfx_queue_sql_reset(q, stmt);
            rc = SFX_E_NOMEM;
        }
    }
    return rc < 0 ? rc : n;
}

/*
 * Acknowledges n results in a row in one statement, when all are held here: 1. Else does nothing:
 * 0.
 */
static int ack_row(struct sfx_queue_db *q, struct sfx_queue_result *results, size_t n,
                   struct sfx_err *err)
{
    int64_t first = results[0].seq, last = first + (int64_t)n - 1;
    int64_t held = q->holder != 0 ? lanes_of_held(q, first, last, err) : 0;
    size_t i, at;
    int rc;

    if (held != (int64_t)n)
        return held < 0 ? (int)held : 0;
    rc = SFX_QUEUE_RUN(q, SFX_SQL_TASK_DONE, err, "iii", first, last, sfx_queue_now_ms());
    if (rc >= 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_DROP, err, "ii", first, last);
    for (i = 0; i < n; i++)
        results[i].applied = true;
    q->depth[SFX_QUEUE_LEASED] -= held;
    q->depth[SFX_QUEUE_DONE] += held;
    q->tally[SFX_TALLY_ACKED] += held;
    for (at = 0; rc >= 0 && at < q->text.len;) {
        size_t len;

        memcpy(&len, q->text.data + at, sizeof(len));
        at += sizeof(len);
        rc = sfx_queue_lane_step(q, sfx_slice(q->text.data + at, len), err);
        at += len;
    }
    return rc < 0 ? rc : 1;
}

int64_t sfx_queue_db_settle(struct sfx_queue *base, struct sfx_queue_result *results, size_t count,
                            struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    int64_t applied = 0;
    size_t i;
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    for (i = 0; rc >= 0 && i < count;) {
        size_t nacks = acks_in_row(results + i, count - i), end = i + (nacks > 0 ? nacks : 1);
        bool done = nacks > 0 && (rc = ack_row(q, results + i, nacks, err)) > 0;

        for (; rc >= 0 && i < end; i++) {
            rc = done ? 0 : settle_one(q, &results[i], err);
            if (rc >= 0)
                rc = record(q, &results[i], err);
            applied += results[i].applied;
        }
    }
    return sfx_queue_end(q, rc < 0 ? rc : applied, err);
}

/* The text of an attribute: a string without its quotes, or a number. Empty: there is none. */
static struct sfx_slice attribute(const struct sfx_event *ev, const char *name)
{
    size_t i;

    for (i = 0; i < ev->nattrs; i++) {
        struct sfx_slice raw = ev->attrs[i].raw;

        if (!sfx_slice_eq(ev->attrs[i].name, sfx_slice_str(name)))
            continue;
        return raw.len >= 2 && raw.ptr[0] == '"' ? sfx_slice(raw.ptr + 1, raw.len - 2) : raw;
    }
    return sfx_slice(NULL, 0);
}

/* The number that text begins with; what is no number is 0. */
static int64_t leading_number(struct sfx_slice text)
{
    int64_t n = 0;
    size_t i;

    for (i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && n < INT32_MAX; i++)
        n = n * 10 + (text.ptr[i] - '0');
    return n;
}

/*
 * A part is done: it is marked, its parent counts it, and a parent that has all its parts is done
 * in turn. Returns 1 when that reached the root. A part that is told of twice counts once.
 */
static int part_done(struct sfx_queue_db *q, int64_t root, int64_t attempt, struct sfx_slice path,
                     struct sfx_err *err)
{
    for (;;) {
        const char *dot = path.len > 0 ? memrchr(path.ptr, '.', path.len) : NULL;
        struct sfx_slice last =
            dot == NULL ? path : sfx_slice(dot + 1, path.len - (size_t)(dot + 1 - path.ptr));
        struct sfx_slice parent = sfx_slice(path.ptr, dot == NULL ? 0 : (size_t)(dot - path.ptr));
        bool is_last = last.len > 0 && last.ptr[last.len - 1] == '!';
        int64_t complete = 0;
        int rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_PUT, err, "iis", root, attempt, path);

        if (rc >= 0)
            rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_DONE, err, "iis", root, attempt, path);
        if (rc <= 0)
            return rc;
        if (path.len == 0)
            return 1;
        rc = SFX_QUEUE_RUN(q, SFX_SQL_PART_PUT, err, "iis", root, attempt, parent);
        if (rc >= 0)
            rc = sfx_queue_sql_one(q,
                                   sfx_queue_sql_bind(q, SFX_SQL_PART_COUNT, err, "iisi", root,
                                                      attempt, parent,
                                                      is_last ? leading_number(last) : (int64_t)0),
                                   &complete, err);
        if (rc < 0 || complete == 0)
            return rc < 0 ? rc : 0;
        path = parent;
    }
}

int sfx_queue_db_ack_event(struct sfx_queue *base, const struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    struct sfx_slice part = attribute(ev, "sfxpart");
    struct sfx_queue_result result = {.outcome = SFX_QUEUE_ACK};
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    rc = sfx_queue_keys_find(q, ev->root.len > 0 ? ev->root : ev->id, &result.seq, err);
    if (rc > 0) {
        struct sfx_queue_task task;

        rc = sfx_queue_task_get(q, result.seq, &task, err);
        if (rc > 0 && task.state >= SFX_QUEUE_DONE)
            rc = 0;
    }
    if (rc > 0 && ev->root.len > 0 && part.len > 0)
        rc = part_done(q, result.seq, leading_number(attribute(ev, "sfxattempt")), part, err);
    if (rc > 0)
        rc = settle_one(q, &result, err);
    return (int)sfx_queue_end(q, rc < 0 ? rc : result.applied, err);
}

int sfx_queue_db_fail_event(struct sfx_queue *base, const struct sfx_event *ev,
                            const struct sfx_queue_retry *how, bool permanent,
                            struct sfx_slice reason, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    int64_t attempt = leading_number(attribute(ev, "sfxattempt"));
    struct sfx_queue_result result = {.reason = reason};
    struct sfx_queue_task task;
    struct sfx_queue_event event = {0};
    int applied = 0, rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    rc = sfx_queue_keys_find(q, ev->root.len > 0 ? ev->root : ev->id, &result.seq, err);
    if (rc > 0)
        rc = sfx_queue_task_get(q, result.seq, &task, err);
    /* What an earlier giving-out came to is no news of the one under way. */
    if (rc > 0 && task.state == SFX_QUEUE_LEASED && (attempt == 0 || attempt == task.attempts)) {
        event.attempt = (uint32_t)task.attempts;
        event.put_ms = sfx_queue_now_ms();
        sfx_queue_retry_decide(how, &event, permanent, &result);
        q->tally[result.outcome == SFX_QUEUE_BURY ? SFX_TALLY_DEAD : SFX_TALLY_RETRIED]++;
        rc = sfx_queue_task_move(
            q, &task, result.outcome == SFX_QUEUE_BURY ? SFX_QUEUE_DEAD : SFX_QUEUE_READY,
            result.outcome == SFX_QUEUE_BURY ? 0 : sfx_queue_now_ms() + result.delay_ms,
            task.attempts, reason, err);
        applied = 1;
    }
    return (int)sfx_queue_end(q, rc < 0 ? rc : applied, err);
}
