/* SPDX-License-Identifier: MIT */
/*
 * A queue in an SQLite file: the file and its transactions.
 *
 * WAL, so that who looks never waits for who works; one transaction a call. Writers queue up at a
 * lock of their own before they ask SQLite for its, because SQLite can only be asked again and
 * again while a lock of a file wakes the next in line at once. What does not change (the event)
 * stands apart from what does (the task), so that a lease and its answer write few pages. No table
 * is written in random order (ids: see queue_keys.h).
 */
#include "base/clock.h"
#include "base/io.h"
#include "queue/queue_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x53465851 /* "SFXQ" */
#define SCHEMA_VERSION 2          /* 1: had all keys in one table, known */
#define BUSY_MS        10000
#define RETENTION_MS   (7 * 24 * 3600 * INT64_C(1000))

/* A checkpoint costs two syncs: 4000 pages (16 MiB) of log make it rare, and the log stays small.
 */
static const char settings[] = "PRAGMA journal_mode=WAL;PRAGMA wal_autocheckpoint=4000;"
                               "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-8192;";

/* What version 2 added. Leases stand by holder, so that those of one are found at once. */
#define SCHEMA_2                                                                                   \
    "CREATE TABLE key_recent(first INTEGER PRIMARY KEY, keys BLOB NOT NULL);"                      \
    "CREATE TABLE key_run(id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER "   \
    "NOT NULL, nkeys INTEGER NOT NULL, nstale INTEGER NOT NULL, page INTEGER NOT NULL, npages "    \
    "INTEGER NOT NULL, filter_nlines INTEGER NOT NULL, filter_nprobes INTEGER NOT NULL);"          \
    "CREATE TABLE key_page(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"                          \
    "CREATE INDEX task_leased ON task(holder, due_ms) WHERE state = 1;"                            \
    "CREATE INDEX task_delayed ON task(due_ms) WHERE state = 2;"                                   \
    "CREATE INDEX task_aside ON task(state) WHERE state = 3 OR state = 5;"

static const char schema[] =
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, put_ms INTEGER NOT NULL, id TEXT NOT NULL, line "
    "BLOB NOT NULL);"
    "CREATE TABLE task(seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, due_ms INTEGER NOT NULL, "
    "attempts INTEGER NOT NULL, holder INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms "
    "INTEGER "
    "NOT NULL, lane TEXT, reason TEXT);"
    "CREATE INDEX task_ready ON task(state) WHERE state = 0;"
    "CREATE INDEX task_done ON task(last_ms) WHERE state = 4;"
    "CREATE INDEX task_lane ON task(lane, seq) WHERE lane IS NOT NULL AND state < 4;"
    "CREATE INDEX task_held ON task(lane) WHERE lane IS NOT NULL AND state = 1;"
    "CREATE TABLE holder(id INTEGER PRIMARY KEY, pid INTEGER, name TEXT, since_ms INTEGER);"
    "CREATE TABLE part(root INTEGER, attempt INTEGER, path TEXT, total INTEGER, done INTEGER, "
    "complete INTEGER, PRIMARY KEY(root, attempt, path)) WITHOUT ROWID;"
    "CREATE TABLE tally(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE context(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX context_hash ON context(hash);"
    "CREATE TABLE invocation(id INTEGER PRIMARY KEY, event_id TEXT, function TEXT, invocation_id "
    "TEXT, attempt INTEGER, start_ns INTEGER, duration_ns INTEGER, billed_ms INTEGER, init_ns "
    "INTEGER, queued_ns INTEGER, user_ns INTEGER, system_ns INTEGER, peak_nbytes INTEGER, "
    "limit_nbytes INTEGER, in_nbytes INTEGER, out_nbytes INTEGER, exit_code INTEGER, error TEXT, "
    "reason TEXT, stderr TEXT, trace TEXT, context INTEGER, share REAL);"
    "CREATE INDEX invocation_start ON invocation(start_ns);"
    "CREATE INDEX invocation_event ON invocation(event_id);" SCHEMA_2;

const char *const sfx_queue_tally_names[SFX_TALLY_N] = {
    "put", "duplicates", "leased", "acked", "retried", "dead", "returned",
};

int64_t sfx_queue_now_ms(void)
{
    return sfx_clock_wall_ns() / 1000000;
}

/* SQLite's own waiting would sleep through a signal. */
static int wait_for_lock(void *ctx, int count)
{
    struct sfx_queue_db *q = ctx;
    struct timespec pause = {0, (count < 10 ? count + 1 : 10) * 1000000L};
    int64_t now_ns = sfx_clock_mono_ns();

    if (count == 0)
        q->waiting_since_ns = now_ns;
    if (q->base.stop != NULL && *q->base.stop != 0)
        return 0;
    if (now_ns - q->waiting_since_ns >= q->opts.busy_ms * 1000000)
        return 0;
    (void)nanosleep(&pause, NULL);
    return 1;
}

static int exec(struct sfx_queue_db *q, const char *sql, struct sfx_err *err)
{
    int result = q->lib.exec(q->db, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? 0 : sfx_queue_sql_fail(q, result, err);
}

static int take_number(void *ctx, int ncolumns, char **values, char **names)
{
    (void)names;
    if (ncolumns == 1 && values[0] != NULL)
        *(int64_t *)ctx = strtoll(values[0], NULL, 10);
    return 0;
}

static int number(struct sfx_queue_db *q, const char *sql, int64_t *value, struct sfx_err *err)
{
    int result = q->lib.exec(q->db, sql, take_number, value, NULL);

    return result == SQLITE_OK ? 0 : sfx_queue_sql_fail(q, result, err);
}

/* Takes or gives back the writers' lock. */
static int lock_writer(struct sfx_queue_db *q, short type, struct sfx_err *err)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    while (fcntl(q->lock_fd, F_OFD_SETLKW, &lock) != 0) {
        if (errno != EINTR)
            return sfx_err_errno(err, errno, "cannot lock");
        if (q->base.stop != NULL && *q->base.stop != 0)
            return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted while waiting for a lock");
    }
    return 0;
}

int sfx_queue_begin(struct sfx_queue_db *q, struct sfx_err *err)
{
    int rc = lock_writer(q, F_WRLCK, err);

    if (rc < 0)
        return rc;
    memset(q->depth, 0, sizeof(q->depth));
    memset(q->tally, 0, sizeof(q->tally));
    q->woke = q->keys.synced = false;
    rc = SFX_QUEUE_RUN(q, SFX_SQL_BEGIN, err, "");
    if (rc < 0)
        (void)lock_writer(q, F_UNLCK, NULL);
    return rc < 0 ? rc : 0;
}

int sfx_queue_begin_reading(struct sfx_queue_db *q, struct sfx_err *err)
{
    q->keys.synced = false;
    return exec(q, "BEGIN", err);
}

int sfx_queue_end_reading(struct sfx_queue_db *q, int rc, struct sfx_err *err)
{
    int ended = exec(q, "COMMIT", rc < 0 ? NULL : err);

    return rc < 0 || ended == 0 ? rc : ended;
}

static int add_to(struct sfx_queue_db *q, const char *name, int64_t n, struct sfx_err *err)
{
    int rc = n == 0 ? 0 : SFX_QUEUE_RUN(q, SFX_SQL_TALLY_ADD, err, "si", sfx_slice_str(name), n);

    return rc < 0 ? rc : 0;
}

/* Writes what the transaction has counted. */
static int write_tally(struct sfx_queue_db *q, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < SFX_QUEUE_NSTATES; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "depth.%s", sfx_queue_state_name(i));
        rc = add_to(q, name, q->depth[i], err);
    }
    for (i = 0; rc == 0 && i < SFX_TALLY_N; i++)
        rc = add_to(q, sfx_queue_tally_names[i], q->tally[i], err);
    for (i = 0; rc == 0 && i < q->ncounters; i++) {
        char name[48];

        (void)snprintf(name, sizeof(name), "source.%s", q->counters[i].name);
        rc = add_to(q, name, (int64_t)q->counters[i].value, err);
    }
    return rc;
}

int64_t sfx_queue_end(struct sfx_queue_db *q, int64_t rc, struct sfx_err *err)
{
    int failed = rc < 0 ? (int)rc : sfx_queue_keys_save(q, err);

    if (failed == 0)
        failed = write_tally(q, err);
    if (failed == 0)
        failed = SFX_QUEUE_RUN(q, SFX_SQL_COMMIT, err, "");
    if (failed < 0)
        sfx_queue_keys_drop(q);
    if (failed < 0 && q->lib.get_autocommit(q->db) == 0)
        (void)exec(q, "ROLLBACK", NULL);
    (void)lock_writer(q, F_UNLCK, NULL);
    if (failed < 0)
        return q->base.uri != NULL ? sfx_err_wrap(err, failed, "%s", q->base.uri) : failed;
    q->ncounters = 0;
    if (q->woke)
        sfx_queue_ring(q);
    return rc;
}

/* Refuses a file that is somebody else's, before anything in it is changed. *id: 0 when it is
 * empty.
 */
static int check_owner(struct sfx_queue_db *q, int64_t *id, int64_t *made_by, struct sfx_err *err)
{
    int64_t version = 0, tables = 0;
    /* In this order: somebody may be making it, and its id and its tables come at once. */
    int rc = number(q, "SELECT count(*) FROM sqlite_master", &tables, err);

    if (rc == 0)
        rc = number(q, "PRAGMA application_id", id, err);
    if (rc == 0)
        rc = number(q, "PRAGMA user_version", &version, err);
    if (rc < 0)
        return rc;
    if (*id == APPLICATION_ID && version > SCHEMA_VERSION)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "was made by a newer sfx (version %lld)",
                           (long long)version);
    if (*id != APPLICATION_ID && (tables > 0 || *id != 0))
        return sfx_err_set(err, SFX_E_USAGE, "is an SQLite database, but no queue");
    *made_by = version;
    q->unmade = *id == 0 && !q->opts.create;
    if (q->unmade)
        return sfx_err_set(err, SFX_E_USAGE, "is an empty file, no queue");
    return 0;
}

/* Makes the tables, unless somebody else just did. */
static int make_schema(struct sfx_queue_db *q, struct sfx_err *err)
{
    char sql[128];
    int64_t id = 0, version;
    int rc = check_owner(q, &id, &version, err);

    if (rc < 0 || id != 0)
        return rc;
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d;PRAGMA user_version=%d",
                   APPLICATION_ID, SCHEMA_VERSION);
    rc = exec(q, schema, err);
    if (rc == 0)
        rc = add_to(q, "retention_ms", RETENTION_MS, err);
    if (rc == 0)
        rc = add_to(q, "key.version", 1, err);
    return rc == 0 ? exec(q, sql, err) : rc;
}

/* Brings a file of version 1 to this one, unless somebody else just did. */
static int upgrade(struct sfx_queue_db *q, struct sfx_err *err)
{
    int64_t version = 0;
    char sql[96];
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    rc = number(q, "PRAGMA user_version", &version, err);
    if (rc == 0 && version < SCHEMA_VERSION) {
        (void)snprintf(sql, sizeof(sql),
                       "DROP TABLE known;DROP INDEX task_timed;PRAGMA user_version=%d",
                       SCHEMA_VERSION);
        rc = exec(q, SCHEMA_2, err);
        if (rc == 0)
            rc = sfx_queue_keys_upgrade(q, err);
        if (rc == 0)
            rc = exec(q, sql, err);
    }
    return (int)sfx_queue_end(q, rc, rc < 0 ? NULL : err);
}

static int open_file(struct sfx_queue_db *q, const char *path, struct sfx_err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int64_t id = 0, version = 0;
    int rc;

    rc = q->lib.open_v2(path, &q->db, flags | (q->opts.create ? SQLITE_OPEN_CREATE : 0), NULL);
    if (rc != SQLITE_OK)
        return sfx_queue_sql_fail(q, rc, err);
    (void)q->lib.extended_result_codes(q->db, 1);
    (void)q->lib.busy_handler(q->db, wait_for_lock, q);
    rc = check_owner(q, &id, &version, err);
    if (rc == 0) {
        /* Two that make the queue at once must not both change its journal. */
        rc = lock_writer(q, F_WRLCK, err);
        rc = rc == 0 ? exec(q, settings, err) : rc;
        (void)lock_writer(q, F_UNLCK, NULL);
    }
    if (rc == 0)
        rc =
            exec(q, q->opts.durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
    if (rc == 0 && id == 0)
        rc = sfx_queue_begin(q, err);
    if (rc == 0 && id == 0) {
        rc = make_schema(q, err);
        rc = (int)sfx_queue_end(q, rc, rc < 0 ? NULL : err);
    }
    return rc == 0 && id != 0 && version < SCHEMA_VERSION ? upgrade(q, err) : rc;
}

/* Opens PATH-lock, which is there whenever the queue is. */
static int open_lock(struct sfx_queue_db *q, const char *path, struct sfx_err *err)
{
    struct stat st;
    char *name = NULL;

    q->unmade = false;
    if (stat(path, &st) == 0)
        errno = 0;
    q->unmade = errno == ENOENT && !q->opts.create;
    if (errno != 0 && (errno != ENOENT || !q->opts.create))
        return errno == ENOENT ? sfx_err_set(err, SFX_E_USAGE, "there is no such queue")
                               : sfx_err_errno(err, errno, "cannot open");
    if (asprintf(&name, "%s-lock", path) < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
    q->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(name);
    return q->lock_fd >= 0 ? 0 : sfx_err_errno(err, errno, "cannot open its lock file");
}

/* Opens what is there. */
static int open_files(struct sfx_queue_db *q, const char *path, struct sfx_err *err)
{
    int rc = open_lock(q, path, err);

    return rc == 0 ? open_file(q, path, err) : rc;
}

/* The same when it was made meanwhile: of two programs of a pipe the one that makes the queue may
 * be the later one. */
static int open_again(struct sfx_queue_db *q, const char *path, struct sfx_err *err)
{
    const struct timespec moment = {.tv_nsec = 20000000};

    (void)nanosleep(&moment, NULL);
    if (q->db != NULL)
        (void)q->lib.close_v2(q->db);
    q->db = NULL;
    (void)sfx_io_close(&q->lock_fd, NULL);
    return open_files(q, path, err);
}

static void db_close(struct sfx_queue *base)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    size_t i;

    if (q->db != NULL && (q->holder != 0 || q->ncounters > 0) && sfx_queue_begin(q, NULL) == 0)
        (void)sfx_queue_end(
            q, q->holder != 0 ? sfx_queue_holder_drop(q, q->holder, false, NULL) : 0, NULL);
    for (i = 0; i < SFX_SQL_N; i++) {
        if (q->stmts[i] != NULL)
            (void)q->lib.finalize(q->stmts[i]);
    }
    if (q->db != NULL)
        (void)q->lib.close_v2(q->db);
    if (q->bell_fd >= 0)
        (void)close(q->bell_fd);
    if (q->lock_fd >= 0)
        (void)close(q->lock_fd);
    sfx_queue_keys_drop(q);
    sfx_buf_done(&q->text);
    free(q->base.uri);
    free(q);
}

static struct sfx_queue *db_open(const char *rest, const struct sfx_queue_opts *opts,
                                 struct sfx_err *err)
{
    struct sfx_queue_db *q = calloc(1, sizeof(*q));
    char *path = NULL;
    int64_t until_ms;
    int rc = 0;

    /* "./" keeps SQLite from reading a meaning into ":memory:". */
    if (q == NULL || asprintf(&path, "%s%s", rest[0] == ':' ? "./" : "", rest) < 0) {
        free(q);
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
        return NULL;
    }
    q->base.ops = &sfx_queue_sqlite;
    q->base.stop = opts->stop;
    q->opts = *opts;
    q->opts.busy_ms = opts->busy_ms > 0 ? opts->busy_ms : BUSY_MS;
    q->lock_fd = q->bell_fd = -1;
    q->retention_ms = -1;
    rc = sfx_queue_lib_open(&q->lib, err);
    until_ms = sfx_clock_mono_ns() / 1000000 + opts->wait_ms;
    if (rc == 0)
        rc = open_files(q, path, err);
    while (q->unmade && sfx_clock_mono_ns() / 1000000 < until_ms &&
           (opts->stop == NULL || *opts->stop == 0))
        rc = open_again(q, path, err);
    free(path);
    if (rc == 0)
        return &q->base;
    db_close(&q->base);
    return NULL;
}

static int db_count(struct sfx_queue *base, const char *name, uint64_t n, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    struct sfx_queue_counter *c = q->counters;
    size_t i = 0;

    while (i < q->ncounters && strcmp(c[i].name, name) != 0)
        i++;
    if (i == sizeof(q->counters) / sizeof(*c) || strlen(name) >= sizeof(c->name))
        return sfx_err_set(err, SFX_E_LIMIT, "no room for the counter %s", name);
    if (i == q->ncounters) {
        (void)snprintf(c[i].name, sizeof(c[i].name), "%s", name);
        c[i].value = 0;
        q->ncounters++;
    }
    c[i].value += n;
    return 0;
}

static int db_set_retention(struct sfx_queue *base, int64_t retention_ms, struct sfx_err *err)
{
    struct sfx_queue_db *q = (struct sfx_queue_db *)base;
    struct sfx_slice name = SFX_SLICE_LIT("retention_ms");
    int64_t before = 0;
    int rc = sfx_queue_begin(q, err);

    if (rc < 0)
        return rc;
    rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", name), &before,
                           err);
    if (rc >= 0)
        rc = add_to(q, "retention_ms", retention_ms - before, err);
    rc = (int)sfx_queue_end(q, rc, err);
    q->retention_ms = -1;
    return rc < 0 ? rc : 0;
}

const struct sfx_queue_ops sfx_queue_sqlite = {
    .scheme = "sqlite",
    .open = db_open,
    .close = db_close,
    .put = sfx_queue_db_put,
    .count = db_count,
    .lease = sfx_queue_db_lease,
    .wait_fd = sfx_queue_db_wait_fd,
    .extend = sfx_queue_db_extend,
    .settle = sfx_queue_db_settle,
    .record = sfx_queue_db_record,
    .ack_event = sfx_queue_db_ack_event,
    .fail_event = sfx_queue_db_fail_event,
    .list = sfx_queue_db_list,
    .change = sfx_queue_db_change,
    .stats = sfx_queue_db_stats,
    .set_retention = db_set_retention,
    .invocations = sfx_queue_db_invocations,
};
