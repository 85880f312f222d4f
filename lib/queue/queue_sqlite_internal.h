/* SPDX-License-Identifier: MIT */
/*
 * The parts of a queue in an SQLite file: queue_sqlite.c (file, transactions), queue_sql.c (the
 * library, statements), queue_holder.c (who is alive, waking), queue_task.c (changes of state),
 * queue_keys.c, queue_runs.c and queue_run.c (ids), queue_put.c, queue_lease.c, queue_settle.c,
 * queue_list.c, queue_invocation.c.
 */
#ifndef SFX_QUEUE_SQLITE_INTERNAL_H
#define SFX_QUEUE_SQLITE_INTERNAL_H

#include "queue/queue_internal.h"
#include "queue/queue_keys.h"

#include <sqlite3.h>

#define SFX_QUEUE_CACHE_KIB ((size_t)8192) /* of pages, and of filters (see queue_keys.h) */

/* The functions of libsqlite3, which is opened with the first queue. */
struct sfx_queue_lib {
    __typeof__(&sqlite3_open_v2) open_v2;
    __typeof__(&sqlite3_close_v2) close_v2;
    __typeof__(&sqlite3_extended_result_codes) extended_result_codes;
    __typeof__(&sqlite3_busy_handler) busy_handler;
    __typeof__(&sqlite3_exec) exec;
    __typeof__(&sqlite3_prepare_v3) prepare_v3;
    __typeof__(&sqlite3_step) step;
    __typeof__(&sqlite3_reset) reset;
    __typeof__(&sqlite3_finalize) finalize;
    __typeof__(&sqlite3_errmsg) errmsg;
    __typeof__(&sqlite3_errstr) errstr;
    __typeof__(&sqlite3_changes) changes;
    __typeof__(&sqlite3_get_autocommit) get_autocommit;
    __typeof__(&sqlite3_system_errno) system_errno;
    __typeof__(&sqlite3_bind_int64) bind_int64;
    __typeof__(&sqlite3_bind_double) bind_double;
    __typeof__(&sqlite3_bind_text) bind_text;
    __typeof__(&sqlite3_bind_blob) bind_blob;
    __typeof__(&sqlite3_bind_null) bind_null;
    __typeof__(&sqlite3_column_int64) column_int64;
    __typeof__(&sqlite3_column_double) column_double;
    __typeof__(&sqlite3_column_blob) column_blob;
    __typeof__(&sqlite3_column_bytes) column_bytes;
    __typeof__(&sqlite3_db_config) db_config;
};

/* Statements, prepared when first used; their texts are in queue_sql.c. */
enum sfx_queue_sql {
    SFX_SQL_BEGIN,
    SFX_SQL_COMMIT,
    SFX_SQL_TALLY_GET,
    SFX_SQL_TALLY_ADD,
    SFX_SQL_TALLY_ALL,
    SFX_SQL_KNOWN_ALL,
    SFX_SQL_KNOWN_COUNT,
    SFX_SQL_RECENT,
    SFX_SQL_RECENT_PUT,
    SFX_SQL_RECENT_CLEAR,
    SFX_SQL_RUNS,
    SFX_SQL_RUN_PUT,
    SFX_SQL_RUN_DROP,
    SFX_SQL_RUN_STALE,
    SFX_SQL_KEY_PAGE,
    SFX_SQL_KEY_PAGE_NEXT,
    SFX_SQL_KEY_PAGE_PUT,
    SFX_SQL_KEY_PAGES_DROP,
    SFX_SQL_EVENT_IS,
    SFX_SQL_EVENT_FIRST,
    SFX_SQL_EVENT_IDS,
    SFX_SQL_EVENT_PUT,
    SFX_SQL_EVENT_DROP,
    SFX_SQL_TASK_PUT,
    SFX_SQL_TASK_GET,
    SFX_SQL_TASK_DROP,
    SFX_SQL_TASK_STATE,
    SFX_SQL_TASK_LEASE,
    SFX_SQL_TASK_HELD,
    SFX_SQL_TASK_DONE,
    SFX_SQL_TASK_EXTEND,
    SFX_SQL_READY,
    SFX_SQL_READY_ANY,
    SFX_SQL_OLDEST,
    SFX_SQL_EVENT_GET,
    SFX_SQL_DUE,
    SFX_SQL_NEXT_DUE,
    SFX_SQL_HELD,
    SFX_SQL_LANE_HELD,
    SFX_SQL_LANE_HEADS,
    SFX_SQL_LANE_AFTER,
    SFX_SQL_EXPIRED,
    SFX_SQL_HOLDERS,
    SFX_SQL_HOLDER_PUT,
    SFX_SQL_HOLDER_DROP,
    SFX_SQL_PART_PUT,
    SFX_SQL_PART_DONE,
    SFX_SQL_PART_COUNT,
    SFX_SQL_PART_DROP,
    SFX_SQL_LIST,
    SFX_SQL_LIST_NEWEST,
    SFX_SQL_LIST_READY, /* and the others in the order of the states */
    SFX_SQL_LIST_LEASED,
    SFX_SQL_LIST_DELAYED,
    SFX_SQL_LIST_BLOCKED,
    SFX_SQL_LIST_DONE,
    SFX_SQL_LIST_DEAD,
    SFX_SQL_CONTEXT_FIND,
    SFX_SQL_CONTEXT_PUT,
    SFX_SQL_INVOCATION_PUT,
    SFX_SQL_INVOCATION_DROP,
    SFX_SQL_INVOCATIONS,
    SFX_SQL_INVOCATIONS_NEWEST,
    SFX_SQL_INVOCATIONS_OF,
    SFX_SQL_INVOCATIONS_OF_NEWEST,
    SFX_SQL_N,
};

/* What the transaction in hand adds to the table tally, beside the depth of each state. */
enum sfx_queue_tally {
    SFX_TALLY_PUT,
    SFX_TALLY_DUPLICATES,
    SFX_TALLY_LEASED,
    SFX_TALLY_ACKED,
    SFX_TALLY_RETRIED,
    SFX_TALLY_DEAD,
    SFX_TALLY_RETURNED,
    SFX_TALLY_N,
};

extern const char *const sfx_queue_tally_names[SFX_TALLY_N];

struct sfx_queue_db {
    struct sfx_queue base;
    struct sfx_queue_opts opts;
    struct sfx_queue_lib lib;
    sqlite3 *db;
    sqlite3_stmt *stmts[SFX_SQL_N];
    int lock_fd;              /* PATH-lock: byte 0 is the writer's, 1 + n that of holder n */
    int bell_fd;              /* inotify of that file; -1 until somebody waits */
    int64_t holder;           /* number of this handle; 0 until it leases */
    int64_t waiting_since_ns; /* for a lock */
    int64_t checked_ms;       /* when gone holders were last looked for */
    int64_t swept_ms;         /* when what is too old was last removed */
    bool sweeping;            /* then it was not all */
    int64_t retention_ms;     /* -1: not read yet */
    bool woke;                /* something became ready in the transaction in hand */
    int64_t depth[SFX_QUEUE_NSTATES], tally[SFX_TALLY_N]; /* changes of the transaction in hand */
    bool unmade; /* opening found nothing, or what somebody is just making */
    struct sfx_queue_counter counters[16];
    size_t ncounters;
    struct sfx_queue_keys keys;
    struct sfx_buf text; /* reused */
};

/* The wall clock in milliseconds. */
int64_t sfx_queue_now_ms(void);

/* Opens the library. Errors: UNSUPPORTED. */
int sfx_queue_lib_open(struct sfx_queue_lib *lib, struct sfx_err *err);

/* The statement's text. Borrowed, static. */
const char *sfx_queue_sql_text_of(enum sfx_queue_sql id);

/* Describes a failed SQLite call by its result. Returns the code that fits. */
int sfx_queue_sql_fail(struct sfx_queue_db *q, int result, struct sfx_err *err);

/*
 * Binds fmt's values (i int64_t, d double, s struct sfx_slice as text, b as blob, n: NULL when the
 * slice is empty, else text) to the statement id and gives it, ready to step. Errors: NULL.
 */
sqlite3_stmt *sfx_queue_sql_bind(struct sfx_queue_db *q, enum sfx_queue_sql id, struct sfx_err *err,
                                 const char *fmt, ...);

/* 1 with a row, 0 at the end (the statement is reset then). Errors: as SQLite says. */
int sfx_queue_sql_step(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_err *err);

/* Ends a statement that was not stepped to its end. */
void sfx_queue_sql_reset(struct sfx_queue_db *q, sqlite3_stmt *stmt);

/* Binds and steps to the end. Returns the number of rows changed. */
#define SFX_QUEUE_RUN(q, id, err, ...)                                                             \
    sfx_queue_sql_finish((q), sfx_queue_sql_bind((q), (id), (err), __VA_ARGS__), (err))
int sfx_queue_sql_finish(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_err *err);

int64_t sfx_queue_sql_int(struct sfx_queue_db *q, sqlite3_stmt *stmt, int column);
struct sfx_slice sfx_queue_sql_text(struct sfx_queue_db *q, sqlite3_stmt *stmt, int column);

/* Reads one integer: 1 and *value, or 0 when there is no row. */
int sfx_queue_sql_one(struct sfx_queue_db *q, sqlite3_stmt *stmt, int64_t *value,
                      struct sfx_err *err);

/* Begins the transaction that changes the queue; waits for other writers. */
int sfx_queue_begin(struct sfx_queue_db *q, struct sfx_err *err);

/* Reads what belongs together: nothing changes until _end_reading. Not inside of a transaction. */
int sfx_queue_begin_reading(struct sfx_queue_db *q, struct sfx_err *err);
int sfx_queue_end_reading(struct sfx_queue_db *q, int rc, struct sfx_err *err);

/* Commits when rc >= 0, else rolls back; wakes the waiting. Returns rc or the commit's failure. */
int64_t sfx_queue_end(struct sfx_queue_db *q, int64_t rc, struct sfx_err *err);

/* --- queue_holder.c --- */

/* Takes a number for this handle and the lock that shows that it lives. */
int sfx_queue_holder_take(struct sfx_queue_db *q, struct sfx_err *err);

/* Gives back what is held by those that are gone (looks once a second) and what is over. */
int sfx_queue_reclaim(struct sfx_queue_db *q, int64_t now_ms, struct sfx_err *err);

/* Gives back all leases of a holder and forgets it. counted: as leases without an answer. */
int sfx_queue_holder_drop(struct sfx_queue_db *q, int64_t holder, bool counted,
                          struct sfx_err *err);

void sfx_queue_ring(struct sfx_queue_db *q);
int sfx_queue_bell(struct sfx_queue_db *q);
void sfx_queue_bell_drain(struct sfx_queue_db *q);

/* --- queue_task.c: one event's way from state to state --- */

struct sfx_queue_task {
    int64_t seq;
    enum sfx_queue_state state;
    int64_t due_ms;
    int64_t attempts;
    int64_t holder;
    bool laned;
    char lane[256]; /* of at most SFX_QUEUE_LANE_NBYTES: longer keys are hashed */
    size_t lane_len;
};

/* 1 and *task filled, or 0. */
int sfx_queue_task_get(struct sfx_queue_db *q, int64_t seq, struct sfx_queue_task *task,
                       struct sfx_err *err);

/*
 * Brings a task to READY (not before due_ms: DELAYED), DONE or DEAD, and lets the next of its lane
 * go on. attempts: its new number. reason: kept when not empty.
 */
int sfx_queue_task_move(struct sfx_queue_db *q, struct sfx_queue_task *task,
                        enum sfx_queue_state to, int64_t due_ms, int64_t attempts,
                        struct sfx_slice reason, struct sfx_err *err);

/*
 * Lets the head of a lane go when nobody holds one of it; what stood first before and follows it
 * now (a dead letter came back) waits again.
 */
int sfx_queue_lane_step(struct sfx_queue_db *q, struct sfx_slice lane, struct sfx_err *err);

/* 1 when something of the lane is not done, so that what comes later waits; or 0. */
int sfx_queue_lane_waits(struct sfx_queue_db *q, struct sfx_slice lane, struct sfx_err *err);

/* --- the rest of the row in queue_sqlite.c --- */
int64_t sfx_queue_db_put(struct sfx_queue *q, struct sfx_queue_put *events, size_t count,
                         struct sfx_err *err);
int64_t sfx_queue_db_lease(struct sfx_queue *q, const struct sfx_queue_lease *opts,
                           struct sfx_queue_batch *batch, struct sfx_err *err);
int sfx_queue_db_wait_fd(struct sfx_queue *q, int64_t *next_ms, struct sfx_err *err);
int64_t sfx_queue_db_extend(struct sfx_queue *q, const int64_t *seqs, size_t count,
                            int64_t visible_ms, struct sfx_err *err);
int64_t sfx_queue_db_settle(struct sfx_queue *q, struct sfx_queue_result *results, size_t count,
                            struct sfx_err *err);
int sfx_queue_db_record(struct sfx_queue *q, const struct sfx_queue_invocation *invocations,
                        size_t count, struct sfx_err *err);
int sfx_queue_db_ack_event(struct sfx_queue *q, const struct sfx_event *ev, struct sfx_err *err);
int sfx_queue_db_fail_event(struct sfx_queue *q, const struct sfx_event *ev,
                            const struct sfx_queue_retry *how, bool permanent,
                            struct sfx_slice reason, struct sfx_err *err);
int sfx_queue_db_list(struct sfx_queue *q, const struct sfx_queue_filter *filter,
                      sfx_queue_row_fn *fn, void *ctx, struct sfx_err *err);
int64_t sfx_queue_db_change(struct sfx_queue *q, const struct sfx_queue_filter *filter,
                            enum sfx_queue_change change, struct sfx_slice reason,
                            struct sfx_err *err);
int sfx_queue_db_stats(struct sfx_queue *q, struct sfx_queue_stats *stats, struct sfx_err *err);
int sfx_queue_db_invocations(struct sfx_queue *q, const struct sfx_queue_invocation_filter *filter,
                             sfx_queue_invocation_fn *fn, void *ctx, struct sfx_err *err);

/* Records one invocation in the transaction in hand. event_id: instead of its own when not empty.
 */
int sfx_queue_record_one(struct sfx_queue_db *q, const struct sfx_queue_invocation *inv,
                         struct sfx_slice event_id, struct sfx_err *err);

/* Removes an event with its id and invocations; it is not leased. */
int sfx_queue_forget(struct sfx_queue_db *q, int64_t seq, struct sfx_err *err);

#endif
