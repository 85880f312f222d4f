/* SPDX-License-Identifier: MIT */
/* Runs of functions: recorded with the answers they led to, read by meter, top and replay. */
#include "base/hash.h"
#include "queue/queue_sqlite_internal.h"

static int context_id(struct sfx_queue_db *q, struct sfx_slice context, int64_t *id,
                      struct sfx_err *err)
{
    int64_t hash = (int64_t)sfx_hash64(context.ptr, context.len, 0);
    int rc;

    *id = 0;
    if (context.len == 0)
        return 0;
    rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_CONTEXT_FIND, err, "is", hash, context),
                           id, err);
    if (rc == 0)
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_CONTEXT_PUT, err, "is", hash, context), id, err);
    return rc < 0 ? rc : 0;
}

int sfx_queue_record_one(struct sfx_queue_db *q, const struct sfx_queue_invocation *inv,
                         struct sfx_slice event_id, struct sfx_err *err)
{
    struct sfx_slice text = inv->stderr_text;
    int64_t context;
    int rc = context_id(q, inv->context, &context, err);

    if (rc < 0)
        return rc;
    if (text.len > SFX_QUEUE_STDERR_NBYTES)
        text = sfx_slice(text.ptr + text.len - SFX_QUEUE_STDERR_NBYTES, SFX_QUEUE_STDERR_NBYTES);
    rc = SFX_QUEUE_RUN(q, SFX_SQL_INVOCATION_PUT, err, "sssiiiiiiiiiiiiissssid",
                       event_id.len > 0 ? event_id : inv->event_id, inv->function,
                       inv->invocation_id, (int64_t)inv->attempt, inv->start_ns, inv->duration_ns,
                       inv->billed_ms, inv->init_ns, inv->queued_ns, inv->user_ns, inv->system_ns,
                       inv->peak_nbytes, inv->limit_nbytes, (int64_t)inv->in_nbytes,
                       (int64_t)inv->out_nbytes, (int64_t)inv->exit_code, inv->error, inv->reason,
                       text, inv->trace, context, inv->share > 0 ? inv->share : 1.0);
    return rc < 0 ? rc : 0;
}

int sfx_queue_db_record(struct sfx_queue *base, const struct sfx_queue_invocation *invocations,
                        size_t count, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    size_t i;
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    for (i = 0; rc == 0 && i < count; i++)
        rc = sfx_queue_record_one(q, &invocations[i], sfx_slice(NULL, 0), err);
    return (int)sfx_queue_end(q, rc, err);
}

static void read_invocation(struct sfx_queue_db *q, sqlite3_stmt *stmt,
                            struct sfx_queue_invocation *inv)
{
    struct sfx_slice *const texts[] = {&inv->event_id, &inv->function, &inv->invocation_id};
    int64_t *const numbers[] = {&inv->start_ns,  &inv->duration_ns, &inv->billed_ms,
                                &inv->init_ns,   &inv->queued_ns,   &inv->user_ns,
                                &inv->system_ns, &inv->peak_nbytes, &inv->limit_nbytes};
    struct sfx_slice *const ends[] = {&inv->error, &inv->reason, &inv->stderr_text, &inv->trace,
                                      &inv->context};
    int i;

    for (i = 0; i < 3; i++)
        *texts[i] = sfx_queue_sql_text(q, stmt, 1 + i);
    inv->attempt = (uint32_t)sfx_queue_sql_int(q, stmt, 4);
    for (i = 0; i < 9; i++)
        *numbers[i] = sfx_queue_sql_int(q, stmt, 5 + i);
    inv->in_nbytes = (uint64_t)sfx_queue_sql_int(q, stmt, 14);
    inv->out_nbytes = (uint64_t)sfx_queue_sql_int(q, stmt, 15);
    inv->exit_code = (int)sfx_queue_sql_int(q, stmt, 16);
    for (i = 0; i < 5; i++)
        *ends[i] = sfx_queue_sql_text(q, stmt, 17 + i);
    inv->share = q->lib.column_double(stmt, 22);
}

int sfx_queue_db_invocations(struct sfx_queue *base,
                             const struct sfx_queue_invocation_filter *filter,
                             sfx_queue_invocation_fn *fn, void *ctx, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    const enum sfx_queue_sql all[] = {SFX_SQL_INVOCATIONS, SFX_SQL_INVOCATIONS_NEWEST};
    const enum sfx_queue_sql of[] = {SFX_SQL_INVOCATIONS_OF, SFX_SQL_INVOCATIONS_OF_NEWEST};
    sqlite3_stmt *stmt = sfx_queue_sql_bind(
        q, (filter->event_id.len > 0 ? of : all)[filter->newest_first], err, "iinni",
        filter->since_ns, filter->until_ns > 0 ? filter->until_ns : INT64_MAX, filter->event_id,
        filter->function, (int64_t)filter->failed_only);
    uint64_t given = 0;
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        struct sfx_queue_invocation inv = {0};

        read_invocation(q, stmt, &inv);
        rc = fn(ctx, sfx_queue_sql_int(q, stmt, 0), &inv, err);
        rc = rc < 0 ? rc : rc == 0;
        if (rc > 0 && ++given == filter->limit)
            rc = 0;
        if (rc <= 0)
            sfx_queue_sql_reset(q, stmt);
    }
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", q->base.uri) : 0;
}
