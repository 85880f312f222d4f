/* SPDX-License-Identifier: MIT */
/* Looking at a queue's events, and changing them by hand. */
#include "base/text.h"
#include "queue/queue_sqlite_internal.h"

#include <stdio.h>
#include <string.h>

#define PAGE     256 /* rows of the statements LIST: between two pages no lock is held */
#define SORT_MAX 10000

/* What the statements cannot tell. */
static bool lets_through(const struct sfx_queue_filter *f, const struct sfx_queue_row *row)
{
    struct sfx_arena arena = {0};
    struct sfx_event ev = {0};
    bool ok;

    if (f->id.len > 0 && !sfx_slice_eq(f->id, row->id))
        return false;
    if (f->match.len == 0)
        return true;
    ok = sfx_text_glob(f->match, row->id);
    if (!ok && sfx_event_parse(row->line.ptr, row->line.len, &arena, &ev, NULL) == 0)
        ok = sfx_text_glob(f->match, ev.subject);
    sfx_arena_done(&arena);
    return ok;
}

/* Reads a row; texts are copied to arena, because fn may change the queue. */
static int read_row(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_arena *arena,
                    struct sfx_queue_row *row, struct sfx_err *err)
{
    struct sfx_slice *texts[] = {&row->id, &row->line, &row->lane, &row->reason, &row->holder};
    static const int columns[] = {2, 3, 4, 10, 11};
    size_t i;

    *row = (struct sfx_queue_row){
        .seq = sfx_queue_sql_int(q, stmt, 0),
        .state = (enum sfx_queue_state)sfx_queue_sql_int(q, stmt, 1),
        .attempts = (uint32_t)sfx_queue_sql_int(q, stmt, 5),
        .put_ms = sfx_queue_sql_int(q, stmt, 6),
        .first_ms = sfx_queue_sql_int(q, stmt, 7),
        .last_ms = sfx_queue_sql_int(q, stmt, 8),
        .due_ms = sfx_queue_sql_int(q, stmt, 9),
    };
    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        *texts[i] = sfx_queue_sql_text(q, stmt, columns[i]);
        texts[i]->ptr = sfx_arena_strndup(arena, texts[i]->ptr, texts[i]->len, err);
        if (texts[i]->ptr == NULL)
            return SFX_E_NOMEM;
    }
    if (row->holder.len > 0) {
        char holder[128];
        int n = snprintf(holder, sizeof(holder), "%.*s (pid %lld)", SFX_SLICE_ARG(row->holder),
                         (long long)sfx_queue_sql_int(q, stmt, 12));

        row->holder.len = (size_t)n < sizeof(holder) ? (size_t)n : sizeof(holder) - 1;
        row->holder.ptr = sfx_arena_strndup(arena, holder, row->holder.len, err);
    }
    return row->holder.ptr != NULL ? 0 : SFX_E_NOMEM;
}

/*
 * How the tasks are found that filter wants: by their number, or by the index of a state. Those of
 * delayed and done events are in the order of time, so that each page of rows costs a sort: where
 * there are too many for that, going through all tasks is less than showing them.
 */
static int choose_list(struct sfx_queue_db *q, const struct sfx_queue_filter *filter,
                       enum sfx_queue_sql *list, struct sfx_err *err)
{
    int state = __builtin_ctz(filter->states | 1u << SFX_QUEUE_NSTATES), rc = 1;
    int64_t depth = 0;

    *list = filter->newest_first && filter->id.len == 0 ? SFX_SQL_LIST_NEWEST : SFX_SQL_LIST;
    if (filter->newest_first || filter->id.len > 0 || filter->states != 1u << state)
        return 1;
    if (state == SFX_QUEUE_DELAYED || state == SFX_QUEUE_DONE) {
        char name[32];

        (void)snprintf(name, sizeof(name), "depth.%s", sfx_queue_state_name(state));
        rc = sfx_queue_sql_one(
            q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", sfx_slice_str(name)), &depth,
            err);
    }
    if (rc >= 0 && depth <= SORT_MAX)
        *list = SFX_SQL_LIST_READY + (unsigned)state;
    return rc < 0 ? rc : 1;
}

/* Reads the page that follows at. Returns its number of rows. */
static int read_page(struct sfx_queue_db *q, const struct sfx_queue_filter *filter,
                     enum sfx_queue_sql list, int64_t at, struct sfx_arena *arena,
                     struct sfx_queue_row rows[PAGE], struct sfx_err *err)
{
    sqlite3_stmt *stmt = sfx_queue_sql_bind(
        q, list, err, "iiiii", at, filter->states != 0 ? (int64_t)filter->states : (int64_t)-1,
        filter->since_ms, filter->until_ms > 0 ? filter->until_ms : INT64_MAX,
        (int64_t)filter->min_attempts);
    int n = 0, rc = stmt != NULL ? 1 : SFX_E_IO;

    sfx_arena_reset(arena);
    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        rc = read_row(q, stmt, arena, &rows[n], err);
        if (rc < 0)
            sfx_queue_sql_reset(q, stmt);
        n++;
        rc = rc == 0 ? 1 : rc;
    }
    return rc < 0 ? rc : n;
}

static int list_one(struct sfx_queue_db *q, struct sfx_slice id, int64_t *at, struct sfx_err *err)
{
    int rc = sfx_queue_begin_reading(q, err);

    if (rc < 0)
        return rc;
    rc = sfx_queue_end_reading(q, sfx_queue_keys_find(q, id, at, err), err);
    *at -= 1;
    return rc;
}

int sfx_queue_db_list(struct sfx_queue *base, const struct sfx_queue_filter *filter,
                      sfx_queue_row_fn *fn, void *ctx, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    struct sfx_queue_row rows[PAGE];
    struct sfx_arena arena = {0};
    int64_t at = filter->newest_first && filter->id.len == 0 ? INT64_MAX : 0;
    enum sfx_queue_sql list;
    uint64_t given = 0;
    int n = PAGE, rc, i;

    rc = choose_list(q, filter, &list, err);
    if (rc > 0 && filter->id.len > 0)
        rc = list_one(q, filter->id, &at, err);
    while (rc > 0 && n == PAGE) {
        n = rc = read_page(q, filter, list, at, &arena, rows, err);
        for (i = 0; rc > 0 && i < n; i++) {
            at = rows[i].seq;
            if (!lets_through(filter, &rows[i]))
                continue;
            rc = fn(ctx, &rows[i], err);
            rc = rc < 0 ? rc : rc == 0;
            if (rc > 0 && ++given == filter->limit)
                rc = 0;
        }
        if (filter->id.len > 0)
            n = 0;
    }
    sfx_arena_done(&arena);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", q->base.uri) : 0;
}

struct changing {
    struct sfx_queue_db *q;
    enum sfx_queue_change change;
    struct sfx_slice reason;
    int64_t changed, pending;
};

static int change_task(struct changing *c, struct sfx_queue_task *task, struct sfx_err *err)
{
    bool open = task->state < SFX_QUEUE_DONE;
    enum sfx_queue_state to = SFX_QUEUE_READY;
    int64_t attempts = task->attempts;
    int rc;

    switch (c->change) {
    case SFX_QUEUE_FORGET:
        return task->state != SFX_QUEUE_LEASED ? sfx_queue_forget(c->q, task->seq, err) : 0;
    case SFX_QUEUE_FINISH:
        if (task->state == SFX_QUEUE_DONE)
            return 0;
        to = SFX_QUEUE_DONE;
        c->q->tally[SFX_TALLY_ACKED]++;
        break;
    case SFX_QUEUE_KILL:
        if (!open)
            return 0;
        to = SFX_QUEUE_DEAD;
        c->q->tally[SFX_TALLY_DEAD]++;
        break;
    case SFX_QUEUE_REVIVE:
        if (open && task->state != SFX_QUEUE_DELAYED)
            return 0;
        attempts = 0;
        c->q->tally[SFX_TALLY_RETRIED]++;
        break;
    }
    rc = sfx_queue_task_move(c->q, task, to, 0, attempts, c->reason, err);
    return rc < 0 ? rc : 1;
}

static int change_row(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err)
{
    struct changing *c = ctx;
    struct sfx_queue_task task;
    int rc = c->pending == 0 ? sfx_queue_begin(c->q, err) : 0;

    if (rc < 0)
        return rc;
    rc = sfx_queue_task_get(c->q, row->seq, &task, err);
    if (rc > 0)
        rc = change_task(c, &task, err);
    c->changed += rc > 0;
    /* A group of a page: others get their turn in between. */
    if (++c->pending == PAGE || rc < 0) {
        c->pending = 0;
        return (int)sfx_queue_end(c->q, rc < 0 ? rc : 0, err);
    }
    return 0;
}

int64_t sfx_queue_db_change(struct sfx_queue *base, const struct sfx_queue_filter *filter,
                            enum sfx_queue_change change, struct sfx_slice reason,
                            struct sfx_err *err)
{
    struct changing c = {(struct sfx_queue_db *)base, change, reason, 0, 0};
    int rc = sfx_queue_db_list(base, filter, change_row, &c, err);

    if (c.pending > 0)
        rc = (int)sfx_queue_end(c.q, rc, err);
    return rc < 0 ? rc : c.changed;
}

static void note_tally(struct sfx_queue_stats *s, struct sfx_slice name, int64_t value)
{
    uint64_t *const known[SFX_TALLY_N] = {&s->put,     &s->duplicates, &s->leased,  &s->acked,
                                          &s->retried, &s->dead,       &s->returned};
    size_t i;

    for (i = 0; i < SFX_TALLY_N; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(sfx_queue_tally_names[i])))
            *known[i] = (uint64_t)value;
    }
    for (i = 0; name.len > 6 && i < SFX_QUEUE_NSTATES; i++) {
        struct sfx_slice state = sfx_slice_str(sfx_queue_state_name(i));

        if (memcmp(name.ptr, "depth.", 6) == 0 &&
            sfx_slice_eq(sfx_slice(name.ptr + 6, name.len - 6), state))
            s->depth[i] = (uint64_t)value;
    }
    if (sfx_slice_eq(name, SFX_SLICE_LIT("retention_ms")))
        s->retention_ms = value;
    if (name.len > 7 && memcmp(name.ptr, "source.", 7) == 0 &&
        s->ncounters < sizeof(s->counters) / sizeof(*s->counters)) {
        struct sfx_queue_counter *c = &s->counters[s->ncounters++];

        (void)snprintf(c->name, sizeof(c->name), "%.*s", (int)(name.len - 7), name.ptr + 7);
        c->value = (uint64_t)value;
    }
}

int sfx_queue_db_stats(struct sfx_queue *base, struct sfx_queue_stats *stats, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_TALLY_ALL, err, "");
    int64_t put_ms = 0;
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    *stats = (struct sfx_queue_stats){.oldest_ms = -1};
    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0)
        note_tally(stats, sfx_queue_sql_text(q, stmt, 0), sfx_queue_sql_int(q, stmt, 1));
    if (rc == 0)
        rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_OLDEST, err, ""), &put_ms, err);
    if (rc > 0)
        stats->oldest_ms = sfx_queue_now_ms() - put_ms;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", q->base.uri) : 0;
}
