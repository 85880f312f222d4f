/* SPDX-License-Identifier: MIT */
/*
 * SQLite as a sink: the database, and one transaction a load.
 *
 * The settings are the safe ones that are also the fast ones: the rollback journal that a database
 * has by default (appending needs almost none of it; WAL would write everything twice), FULL
 * synchronous, pages of 16 KiB in a database that is made here. An existing database keeps its
 * journal mode. Only BEGIN IMMEDIATE waits for others, so nothing can deadlock.
 */
#include "base/clock.h"
#include "base/path.h"
#include "sink/ledger.h"
#include "sink/sink_internal.h"
#include "sink/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE_NBYTES 16384 /* an eighth less time for bulk loads than 4096; more gains nothing */
#define CACHE_KIB   16384 /* the default of 2 MiB writes pages more than once */

/* SQLite's own waiting would sleep through a signal. */
static int wait_for_lock(void *ctx, int count)
{
    struct sfx_sqlite *s = ctx;
    int64_t now_ns = sfx_clock_mono_ns();
    long ms = count < 10 ? count + 1 : 10;
    struct timespec pause = {0, ms * 1000000};

    if (count == 0)
        s->waiting_since_ns = now_ns;
    if (s->opts.stop != NULL && *s->opts.stop != 0)
        return 0;
    if (now_ns - s->waiting_since_ns >= s->opts.timeout_ns)
        return 0;
    (void)nanosleep(&pause, NULL);
    return 1;
}

static void close_db(struct sfx_sqlite *s)
{
    sfx_sqlite_put_end(s);
    sfx_sqlite_forget(s);
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

/* Opens path with flags, and reads it once: what is no database is found now. */
static int open_db(struct sfx_sqlite *s, const char *path, int flags, struct sfx_err *err)
{
    char pragmas[96];
    int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        rc = sfx_sqlite_fail(s, rc, err);
        goto out;
    }
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_handler(s->db, wait_for_lock, s);
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA page_size=%d;PRAGMA cache_size=-%d;PRAGMA schema_version", PAGE_NBYTES,
                   CACHE_KIB);
    rc = sfx_sqlite_exec(s, pragmas, err);
    if (rc == 0 && !s->opts.dry_run && sqlite3_db_readonly(s->db, "main") == 1)
        rc = sfx_err_set(err, SFX_E_IO, "the database is read-only");
out:
    if (rc < 0) {
        close_db(s);
        return sfx_err_wrap(err, rc, "%s", s->path);
    }
    return 0;
}

/* A database that does not exist is made by the first load that gets so far; its folder must be
 * there. */
static int check_folder(const struct sfx_sqlite *s, struct sfx_err *err)
{
    if (access(s->folder, X_OK) == 0)
        return 0;
    return sfx_err_errno(err, errno, "%s: no database there, and its folder %s", s->path,
                         s->folder);
}

static int open_existing(struct sfx_sqlite *s, struct sfx_err *err)
{
    struct stat st;

    if (stat(s->path, &st) != 0) {
        if (errno != ENOENT)
            return sfx_err_errno(err, errno, "%s", s->path);
        return check_folder(s, err);
    }
    if (S_ISDIR(st.st_mode))
        return sfx_err_set(err, SFX_E_USAGE, "%s: is a folder, not an SQLite database", s->path);
    return open_db(s, s->path, s->opts.dry_run ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err);
}

static struct sfx_sink *sqlite_open(const char *rest, const struct sfx_sink_opts *opts,
                                    struct sfx_err *err)
{
    struct sfx_path_parts parts;
    struct sfx_sqlite *s;

    if (rest[0] == '\0') {
        (void)sfx_err_set(err, SFX_E_USAGE, "sqlite: the path of the database is missing");
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    /* "./" keeps SQLite from reading a meaning into ":memory:". */
    if (s == NULL || asprintf(&s->path, "%s%s", rest[0] == ':' ? "./" : "", rest) < 0) {
        free(s);
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
        return NULL;
    }
    sfx_path_split(sfx_slice_str(s->path), &parts);
    s->folder = strndup(parts.dir.ptr, parts.dir.len);
    s->base.folder = s->folder;
    s->base.ops = &sfx_sink_sqlite;
    s->opts = *opts;
    if (s->folder == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a target");
    if (s->folder == NULL || open_existing(s, err) < 0) {
        sfx_sink_close(&s->base);
        return NULL;
    }
    return &s->base;
}

/* A dry run on a database that is not there looks at an empty one in memory. */
static int ensure_db(struct sfx_sqlite *s, struct sfx_err *err)
{
    int fd;

    if (s->db != NULL)
        return 0;
    if (s->opts.dry_run)
        return open_db(s, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, err);
    fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST)
        return sfx_err_errno(err, errno, "%s", s->path);
    s->created = fd >= 0;
    if (fd >= 0)
        (void)close(fd);
    return open_db(s, s->path, SQLITE_OPEN_READWRITE, err);
}

/*
 * A database that was made for a load that failed goes again, under its write lock: nobody else has
 * written to it. Who has it open and takes the lock later sees that it has moved (see start).
 */
static void unmake_db(struct sfx_sqlite *s)
{
    struct stat st;
    bool locked =
        !sqlite3_get_autocommit(s->db) || sfx_sqlite_exec(s, "BEGIN IMMEDIATE", NULL) == 0;

    if (locked && stat(s->path, &st) == 0 && st.st_size == 0)
        (void)unlink(s->path);
    close_db(s); /* rolls back */
    s->created = false;
}

static void sqlite_rollback(struct sfx_sink *sink)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;

    sfx_sqlite_put_end(s);
    sfx_sqlite_leave_child(s);
    if (s->begun && s->grouped && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK TO sfx_load;RELEASE sfx_load", NULL, NULL, NULL);
    else if (s->begun && s->created)
        unmake_db(s);
    else if (s->begun && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->begun = false;
}

static int check_table_name(const char *table, struct sfx_err *err)
{
    if (table[0] == '\0')
        return sfx_err_set(err, SFX_E_USAGE, "the table's name is empty");
    if (sqlite3_stricmp(table, SFX_REJECTS) == 0)
        return sfx_err_set(err, SFX_E_USAGE, "table %s is that of rejects", table);
    if (sqlite3_stricmp(table, SFX_LEDGER) == 0)
        return sfx_err_set(err, SFX_E_USAGE, "table %s is the ledger of loads", table);
    return 0;
}

/* True when the open database is no longer what the path names. */
static bool has_moved(struct sfx_sqlite *s)
{
    int moved = 0;

    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* Takes the write lock in a database that has a ledger. 0; 1: the database has gone meanwhile. */
static int start(struct sfx_sqlite *s, struct sfx_err *err)
{
    int rc = ensure_db(s, err);

    if (rc < 0)
        return rc;
    if (s->grouped) {
        rc = sfx_sqlite_exec(s, "SAVEPOINT sfx_load", err);
        s->begun = rc == 0;
        return rc;
    }
    rc = sfx_sqlite_exec(s, s->opts.dry_run ? "BEGIN" : "BEGIN IMMEDIATE", err);
    s->begun = rc == 0;
    if (s->opts.dry_run)
        return rc;
    if (has_moved(s)) {
        close_db(s);
        s->begun = false;
        return 1;
    }
    if (rc == 0)
        rc = sfx_sqlite_ledger_make(s, err);
    if (rc == 0 && s->opts.group)
        rc = sfx_sqlite_exec(s, "SAVEPOINT sfx_load", err);
    s->grouped = rc == 0 && s->opts.group;
    return rc;
}

static int sqlite_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                        struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc = check_table_name(source->table, err);

    if (rc < 0)
        return rc;
    sfx_arena_reset(&s->arena);
    s->source = source;
    s->started_ns = sfx_clock_wall_ns();
    rc = sfx_merge_mode(&s->opts.how, &s->seen, source->table, &s->mode, err);
    if (rc < 0)
        return rc;
    do
        rc = start(s, err);
    while (rc > 0);
    *entry = (struct sfx_sink_entry){0};
    if (rc == 0)
        rc = sfx_sqlite_ledger_find(s, source, entry, err);
    if (rc > 0 && sfx_sink_seen_add(&s->seen, source->table, err) < 0)
        rc = SFX_E_NOMEM;
    if (rc == 0 && !entry->open && !s->opts.dry_run)
        rc = sfx_sqlite_ledger_next(s, &entry->load_id, err);
    s->load_id = entry->load_id;
    s->so_far = entry->open ? entry->counts : (struct sfx_sink_counts){0};
    s->next_row = entry->mark.nread;
    s->goes_on = entry->open;
    s->nremoved = 0;
    s->settled = false;
    sfx_sink_seen_done(&s->filled);
    if (rc != 0)
        sqlite_rollback(sink);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->path) : rc;
}

static int sqlite_undo(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                       const char **table, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc;

    sfx_arena_reset(&s->arena);
    if (s->db == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "%s: no database there", s->path);
    rc = sfx_sqlite_exec(s, s->opts.dry_run ? "BEGIN" : "BEGIN IMMEDIATE", err);
    s->begun = rc == 0;
    if (rc == 0)
        rc = sfx_sqlite_ledger_undo(s, load_id, entry, table, err);
    if (rc == 0 && !s->opts.dry_run)
        rc = sfx_sqlite_exec(s, "COMMIT", err);
    if (rc == 0 && !s->opts.dry_run)
        s->begun = false;
    sqlite_rollback(sink);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->path) : 0;
}

/* Runs what the user gave with option, which must leave the transaction alone. */
static int run_own(struct sfx_sqlite *s, const char *option, const char *sql, struct sfx_err *err)
{
    int rc = sql != NULL && !s->opts.dry_run ? sfx_sqlite_exec(s, sql, err) : 0;

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", option);
    if (sql != NULL && sqlite3_get_autocommit(s->db))
        return sfx_err_set(err, SFX_E_USAGE, "%s: it has ended the load's transaction", option);
    return 0;
}

static int sqlite_prepare(struct sfx_sink *sink, const struct sfx_sink_schema *schema,
                          struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc;

    s->schema = schema;
    s->staged = sfx_merge_stages(s->mode);
    rc = !s->goes_on ? run_own(s, "--before", s->opts.how.before, err) : 0;
    if (rc == 0)
        rc = sfx_sqlite_table(s, ddl, err);
    if (rc == 0 && s->opts.dry_run)
        rc = sfx_sqlite_index(s, ddl, err);
    s->direct = false;
    (void)sqlite3_update_hook(s->db, NULL, NULL);
    if (rc == 0 && s->staged && !s->opts.dry_run)
        rc = sfx_sqlite_direct(s, err);
    if (rc == 0 && s->staged && !s->opts.dry_run)
        rc = sfx_sqlite_stage(s, err);
    if (rc == 0)
        rc = sfx_sqlite_put_begin(s, err);
    return rc;
}

/* What was put goes where it belongs, and entry says what all of the load has become. */
static int finish_rows(struct sfx_sqlite *s, const struct sfx_sink_counts *counts,
                       struct sfx_sink_entry *entry, struct sfx_err *err)
{
    int rc;

    *entry = (struct sfx_sink_entry){.load_id = s->load_id, .counts = *counts};
    (void)sfx_clock_format(sfx_clock_wall_ns(), entry->finished);
    if (s->settled)
        return sfx_sqlite_end_children(s, err);
    entry->counts.removed = s->nremoved;
    rc = s->staged && !s->opts.dry_run ? sfx_sqlite_merge(s, &entry->counts, err) : 0;
    if (s->direct)
        sfx_sqlite_count_direct(s, &entry->counts);
    sfx_sink_counts_add(&entry->counts, &s->so_far);
    return rc;
}

static int sqlite_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                         struct sfx_sink_entry *entry, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc;

    sfx_sqlite_put_end(s);
    rc = finish_rows(s, counts, entry, err);
    if (s->opts.dry_run) {
        sqlite_rollback(sink);
        return 0;
    }
    sfx_buf_clear(&s->sql);
    if (rc == 0)
        rc = sfx_sqlite_index(s, &s->sql, err);
    sfx_sqlite_leave_child(s);
    if (rc == 0)
        rc = run_own(s, "--after", s->opts.how.after, err);
    if (rc == 0)
        rc = sfx_sqlite_ledger_write(s, entry, NULL, err);
    if (rc == 0)
        rc = sfx_sink_seen_add(&s->seen, s->source->table, err);
    if (rc == 0)
        rc = sfx_sqlite_exec(s, s->grouped ? "RELEASE sfx_load" : "COMMIT", err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", s->path);
    s->begun = false;
    s->created = s->created && s->grouped;
    return 0;
}

static int sqlite_flush(struct sfx_sink *sink, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc = s->grouped ? sfx_sqlite_exec(s, "COMMIT", err) : 0;

    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", s->path);
    s->grouped = s->created = false;
    return 0;
}

static int sqlite_checkpoint(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                             const struct sfx_sink_mark *mark, struct sfx_sink_entry *entry,
                             struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc = finish_rows(s, counts, entry, err);

    if (rc == 0)
        rc = sfx_sqlite_ledger_write(s, entry, mark, err);
    if (rc == 0)
        rc = sfx_sqlite_exec(s, "COMMIT", err);
    if (rc == 0) {
        s->created = false;
        s->so_far = entry->counts;
        s->next_row = mark->nread;
        rc = sfx_sqlite_exec(s, "BEGIN IMMEDIATE", err);
    }
    if (rc == 0 && s->staged)
        rc = sfx_sqlite_stage(s, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->path) : 0;
}

static void sqlite_close(struct sfx_sink *sink)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;

    if (s->db != NULL)
        sqlite_rollback(sink);
    if (s->grouped && s->created)
        unmake_db(s);
    close_db(s);
    sfx_arena_done(&s->arena);
    sfx_arena_done(&s->unescaped);
    sfx_buf_done(&s->sql);
    sfx_buf_done(&s->scratch);
    sfx_sink_seen_done(&s->seen);
    sfx_sink_seen_done(&s->filled);
    free(s->folder);
    free(s->path);
    free(s);
}

const struct sfx_sink_ops sfx_sink_sqlite = {
    .scheme = "sqlite",
    .form = "sqlite:PATH",
    .says = "a database file of SQLite, made if missing",
    .open = sqlite_open,
    .begin = sqlite_begin,
    .lacks = sfx_sqlite_lacks,
    .prepare = sqlite_prepare,
    .child = sfx_sqlite_child,
    .rehearse = sfx_sqlite_rehearse,
    .settle = sfx_sqlite_settle,
    .put = sfx_sqlite_put,
    .reject = sfx_sqlite_reject,
    .commit = sqlite_commit,
    .checkpoint = sqlite_checkpoint,
    .flush = sqlite_flush,
    .rollback = sqlite_rollback,
    .undo = sqlite_undo,
    .close = sqlite_close,
};
