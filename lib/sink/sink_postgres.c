/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL as a sink: the connection, and one transaction a load. One load of a key at a time: an
 * advisory lock of the transaction keeps the others waiting, and the ledger tells them then.
 */
#include "base/clock.h"
#include "base/size.h"
#include "sink/ledger.h"
#include "sink/postgres_internal.h"
#include "sink/sink_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void postgres_close(struct sfx_sink *sink);

/* Checks the URI, and finds out how messages may call the target: without its password. */
static int name_target(struct sfx_postgres *s, struct sfx_err *err)
{
    const char *values[3] = {NULL, NULL, NULL}; /* host, port, dbname */
    static const char *const keywords[3] = {"host", "port", "dbname"};
    PQconninfoOption *options, *option;
    char *why = NULL;
    size_t i;
    int rc;

    options = s->pq.conninfo_parse(s->uri, &why);
    if (options == NULL) {
        /* libpq's words may repeat the URI. */
        s->pq.freemem(why);
        return sfx_err_set(err, SFX_E_USAGE,
                           "this is no PostgreSQL target; one is postgresql://host/database");
    }
    for (option = options; option->keyword != NULL; option++) {
        for (i = 0; i < SFX_COUNT(keywords); i++) {
            if (strcmp(option->keyword, keywords[i]) == 0)
                values[i] = option->val;
        }
    }
    rc = asprintf(&s->shown, "postgresql://%s%s%s/%s", values[0] != NULL ? values[0] : "",
                  values[1] != NULL ? ":" : "", values[1] != NULL ? values[1] : "",
                  values[2] != NULL ? values[2] : "");
    if (rc < 0)
        s->shown = NULL;
    s->pq.conninfo_free(options);
    return rc < 0 ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a target") : 0;
}

static struct sfx_sink *postgres_open(const char *rest, const struct sfx_sink_opts *opts,
                                      struct sfx_err *err)
{
    struct sfx_postgres *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL || asprintf(&s->uri, "postgresql:%s", rest) < 0) {
        free(s);
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        return NULL;
    }
    s->base.ops = &sfx_sink_postgres;
    s->base.folder = "/var/tmp";
    s->opts = *opts;
    rc = sfx_postgres_lib(&s->pq, err);
    if (rc == 0)
        rc = name_target(s, err);
    if (rc == 0) {
        rc = sfx_postgres_connect(s, err);
        if (rc < 0)
            (void)sfx_err_wrap(err, rc, "%s", s->shown);
    }
    if (rc == 0)
        return &s->base;
    postgres_close(&s->base);
    return NULL;
}

static bool is_lost(const struct sfx_postgres *s)
{
    return s->db == NULL || s->pq.status(s->db) != CONNECTION_OK;
}

/* What a group had loaded before is lost with the connection or transaction, and cannot be loaded
 * again from here. */
static bool postgres_lost(const struct sfx_sink *sink)
{
    const struct sfx_postgres *s = (const struct sfx_postgres *)sink;

    return s->nwaiting == 0 && (is_lost(s) || s->given_up);
}

static void postgres_rollback(struct sfx_sink *sink)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    PGresult *result;
    bool done;

    if (s->copying && !is_lost(s)) {
        (void)s->pq.put_copy_end(s->db, "the load is taken back");
        while ((result = sfx_postgres_result(s, &done, NULL)) != NULL)
            s->pq.clear(result);
    }
    s->copying = false;
    sfx_postgres_leave_child(s);
    sfx_buf_clear(&s->rejects);
    if (s->begun && !is_lost(s))
        (void)sfx_postgres_exec(s, s->grouped ? "ROLLBACK TO sfx_load" : "ROLLBACK", NULL);
    s->begun = false;
}

/* A connection in place of one that is lost. */
static int connect_again(struct sfx_postgres *s, struct sfx_err *err)
{
    if (!is_lost(s))
        return 0;
    if (s->nwaiting > 0)
        return sfx_err_set(err, SFX_E_TEMPORARY, "the connection was lost within a group of loads");
    if (s->db != NULL)
        s->pq.finish(s->db);
    s->db = NULL;
    s->grouped = s->held = false;
    return sfx_postgres_connect(s, err);
}

/* A transaction, with the time to wait for locks, and the ledger in it. */
static int open_transaction(struct sfx_postgres *s, struct sfx_err *err)
{
    char begin[96];
    int rc;

    (void)snprintf(begin, sizeof(begin), "BEGIN%s;SET LOCAL lock_timeout=%lld",
                   s->opts.dry_run ? " READ ONLY" : "",
                   (long long)(s->opts.timeout_ns / 1000000 + (s->opts.timeout_ns <= 0)));
    rc = sfx_postgres_exec(s, begin, err);
    s->begun = rc == 0;
    if (rc == 0 && !s->opts.dry_run)
        rc = sfx_postgres_ledger_make(s, err);
    if (rc == 0 && s->opts.group)
        rc = sfx_postgres_exec(s, "SAVEPOINT sfx_load", err);
    s->grouped = rc == 0 && s->opts.group;
    return rc;
}

/* The transaction, or the load's part of that of a group; the lock of its key, the names of its
 * table. */
static int start(struct sfx_postgres *s, struct sfx_err *err)
{
    int rc;

    if (!s->grouped) {
        rc = open_transaction(s, err);
    } else {
        rc = sfx_postgres_queue(s, "RELEASE sfx_load", 0, NULL, err);
        if (rc == 0)
            rc = sfx_postgres_queue(s, "SAVEPOINT sfx_load", 0, NULL, err);
        s->begun = rc == 0;
    }
    return rc == 0 ? sfx_postgres_resolve(s, err) : rc;
}

static int postgres_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                          struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    if (source->table[0] == '\0')
        return sfx_err_set(err, SFX_E_USAGE, "the table's name is empty");
    sfx_arena_reset(&s->arena);
    s->source = source;
    s->given_up = false;
    s->settled = false;
    sfx_sink_seen_done(&s->filled);
    s->started_ns = sfx_clock_wall_ns();
    rc = connect_again(s, err);
    if (rc == 0)
        rc = start(s, err);
    if (rc == 0 && strcmp(s->table, SFX_REJECTS) == 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "table %s is that of rejects", s->table);
    if (rc == 0 && strcmp(s->table, SFX_LEDGER) == 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "table %s is the ledger of loads", s->table);
    if (rc == 0)
        rc = sfx_merge_mode(&s->opts.how, &s->seen, s->target, &s->mode, err);
    *entry = (struct sfx_sink_entry){0};
    if (rc == 0)
        rc = sfx_postgres_ledger_find(s, entry, err);
    if (rc > 0 && sfx_sink_seen_add(&s->seen, s->target, err) < 0)
        rc = SFX_E_NOMEM;
    s->load_id = entry->load_id;
    s->so_far = entry->open ? entry->counts : (struct sfx_sink_counts){0};
    s->next_row = entry->mark.nread;
    s->goes_on = entry->open;
    s->nremoved = 0;
    if (rc > 0 && s->grouped && sfx_postgres_queue(s, "ROLLBACK TO sfx_load", 0, NULL, err) == 0)
        s->begun = false;
    if (rc != 0)
        postgres_rollback(sink);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->shown) : rc;
}

static int postgres_undo(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                         const char **table, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    sfx_arena_reset(&s->arena);
    rc = sfx_postgres_exec(s, s->opts.dry_run ? "BEGIN READ ONLY" : "BEGIN", err);
    s->begun = rc == 0;
    if (rc == 0)
        rc = sfx_postgres_ledger_undo(s, load_id, entry, table, err);
    if (rc == 0 && !s->opts.dry_run) {
        rc = sfx_postgres_exec(s, "COMMIT", err);
        s->begun = rc < 0;
    }
    postgres_rollback(sink);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->shown) : 0;
}

/* Runs what the user gave with option, which must leave the transaction alone. */
static int run_own(struct sfx_postgres *s, const char *option, const char *sql, struct sfx_err *err)
{
    int rc;

    if (sql == NULL || s->opts.dry_run)
        return 0;
    rc = sfx_postgres_exec(s, sql, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", option);
    if (s->pq.transaction_status(s->db) == PQTRANS_IDLE)
        return sfx_err_set(err, SFX_E_USAGE, "%s: it has ended the load's transaction", option);
    return 0;
}

static int postgres_prepare(struct sfx_sink *sink, const struct sfx_sink_schema *schema,
                            struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    s->schema = schema;
    rc = !s->goes_on ? run_own(s, "--before", s->opts.how.before, err) : 0;
    if (rc == 0)
        rc = sfx_postgres_table(s, ddl, err);
    if (rc == 0 && s->opts.dry_run)
        rc = sfx_postgres_index(s, ddl, err);
    if (rc == 0 && sfx_merge_stages(s->mode) && !s->opts.dry_run)
        rc = sfx_postgres_stage(s, err);
    return rc == 0 ? sfx_postgres_put_begin(s, err) : rc;
}

int sfx_postgres_finish_table(struct sfx_postgres *s, struct sfx_sink_counts *counts,
                              struct sfx_err *err)
{
    int rc = 0;

    if (!s->opts.dry_run)
        rc = sfx_postgres_put_end(s, err);
    if (rc == 0)
        rc = sfx_postgres_put_rejects(s, err);
    if (rc == 0)
        rc = sfx_postgres_key(s, err);
    return rc == 0 && !s->opts.dry_run ? sfx_postgres_merge(s, counts, err) : rc;
}

/* What was put goes where it belongs, and entry says what all of the load has become. */
static int finish_rows(struct sfx_postgres *s, const struct sfx_sink_counts *counts,
                       struct sfx_sink_entry *entry, struct sfx_err *err)
{
    int rc;

    *entry = (struct sfx_sink_entry){.load_id = s->load_id, .counts = *counts};
    (void)sfx_clock_format(sfx_clock_wall_ns(), entry->finished);
    if (s->settled)
        return sfx_postgres_end_children(s, err);
    rc = sfx_postgres_finish_table(s, &entry->counts, err);
    sfx_sink_counts_add(&entry->counts, &s->so_far);
    return rc;
}

/* Whether the load has put rows into the table as find_table has it: until the group ends, nobody
 * but the user's own statements can change the table then. */
static bool keeps_table(const struct sfx_postgres *s, const struct sfx_sink_counts *counts)
{
    return s->grouped && s->found != NULL && s->mode == SFX_SINK_APPEND && counts->inserted > 0 &&
           s->opts.how.before == NULL && s->opts.how.after == NULL && !s->opts.how.children;
}

static int postgres_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                           struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    rc = finish_rows(s, counts, entry, err);
    if (s->opts.dry_run) {
        postgres_rollback(sink);
        return 0;
    }
    sfx_buf_clear(&s->sql);
    if (rc == 0)
        rc = sfx_postgres_index(s, &s->sql, err);
    sfx_postgres_leave_child(s);
    if (rc == 0)
        rc = run_own(s, "--after", s->opts.how.after, err);
    if (rc == 0)
        rc = sfx_sink_seen_add(&s->seen, s->target, err);
    if (rc == 0)
        rc = sfx_postgres_ledger_write(s, entry, NULL, err);
    /* In a group the next load, or the group's end, releases the savepoint. */
    if (rc == 0 && !s->grouped)
        rc = sfx_postgres_exec(s, "COMMIT", err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", s->shown);
    s->begun = false;
    s->held = keeps_table(s, counts);
    s->nwaiting += s->grouped;
    return 0;
}

static int postgres_flush(struct sfx_sink *sink, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    int rc = s->grouped ? sfx_postgres_exec(s, "COMMIT", err) : 0;

    s->grouped = s->held = false;
    s->nwaiting = 0;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->shown) : 0;
}

static int postgres_checkpoint(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                               const struct sfx_sink_mark *mark, struct sfx_sink_entry *entry,
                               struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    rc = finish_rows(s, counts, entry, err);
    if (rc == 0)
        rc = sfx_postgres_ledger_write(s, entry, mark, err);
    if (rc == 0)
        rc = sfx_postgres_exec(s, "COMMIT", err);
    if (rc == 0) {
        s->so_far = entry->counts;
        s->next_row = mark->nread;
        rc = start(s, err);
    }
    if (rc == 0 && sfx_merge_stages(s->mode))
        rc = sfx_postgres_stage(s, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->shown) : 0;
}

static void postgres_close(struct sfx_sink *sink)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;

    if (s->db != NULL) {
        postgres_rollback(sink);
        s->pq.clear(s->found);
        s->pq.finish(s->db);
    }
    sfx_arena_done(&s->arena);
    sfx_arena_done(&s->names);
    sfx_buf_done(&s->ahead);
    sfx_buf_done(&s->rejects);
    sfx_buf_done(&s->rows);
    sfx_buf_done(&s->sql);
    sfx_buf_done(&s->scratch);
    sfx_sink_seen_done(&s->seen);
    sfx_sink_seen_done(&s->filled);
    free(s->shown);
    free(s->uri);
    free(s);
}

const struct sfx_sink_ops sfx_sink_postgres = {
    .scheme = "postgresql",
    .form = "postgresql://HOST/DB",
    .says = "a database of a PostgreSQL server, as libpq reads it",
    .parallel = true,
    .open = postgres_open,
    .begin = postgres_begin,
    .lacks = sfx_postgres_lacks,
    .prepare = postgres_prepare,
    .child = sfx_postgres_child,
    .rehearse = sfx_postgres_rehearse,
    .settle = sfx_postgres_settle,
    .put = sfx_postgres_put,
    .reject = sfx_postgres_reject,
    .commit = postgres_commit,
    .checkpoint = postgres_checkpoint,
    .flush = postgres_flush,
    .rollback = postgres_rollback,
    .lost = postgres_lost,
    .undo = postgres_undo,
    .close = postgres_close,
};
