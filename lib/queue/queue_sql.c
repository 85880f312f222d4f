/* SPDX-License-Identifier: MIT */
/* The library of a queue in SQLite, its statements, and what their failures mean. */
#include "base/dl.h"
#include "base/size.h"
#include "queue/queue_sqlite_internal.h"

#include <stdarg.h>
#include <string.h>

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "sqlite3_" #name, offsetof(struct sfx_queue_lib, name)                                     \
    }

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(open_v2),        SYMBOL(close_v2),     SYMBOL(extended_result_codes),
    SYMBOL(busy_handler),   SYMBOL(exec),         SYMBOL(prepare_v3),
    SYMBOL(step),           SYMBOL(reset),        SYMBOL(finalize),
    SYMBOL(errmsg),         SYMBOL(errstr),       SYMBOL(changes),
    SYMBOL(get_autocommit), SYMBOL(system_errno), SYMBOL(bind_int64),
    SYMBOL(bind_double),    SYMBOL(bind_text),    SYMBOL(bind_blob),
    SYMBOL(bind_null),      SYMBOL(column_int64), SYMBOL(column_double),
    SYMBOL(column_blob),    SYMBOL(column_bytes), SYMBOL(db_config),
};

#define TASK_COLUMNS "state, due_ms, attempts, holder, lane"
/*
 * A page of the tasks that `which` finds: their events are read when they are known to be wanted.
 * ?2 is a set of states, ?3 and ?4 bound the last change, ?5 the attempts.
 */
#define LIST(which, order)                                                                         \
    "SELECT t.seq, t.state, e.id, e.line, t.lane, t.attempts, e.put_ms, t.first_ms, t.last_ms, "   \
    "t.due_ms, t.reason, h.name, h.pid FROM (SELECT seq FROM task " which                          \
    " AND (?2 >> state) & 1 AND last_ms >= ?3 AND last_ms < ?4 AND attempts >= ?5 "                \
    "ORDER BY seq" order " LIMIT 256) w CROSS JOIN task t ON t.seq = w.seq "                       \
    "CROSS JOIN event e ON e.seq = t.seq "                                                         \
    "LEFT JOIN holder h ON h.id = t.holder AND t.state = 1 ORDER BY w.seq" order
#define INVOCATIONS(which)                                                                         \
    "SELECT i.id, event_id, function, invocation_id, attempt, start_ns, duration_ns, billed_ms, "  \
    "init_ns, queued_ns, user_ns, system_ns, peak_nbytes, limit_nbytes, in_nbytes, out_nbytes, "   \
    "exit_code, error, reason, stderr, trace, c.text, share FROM invocation i INDEXED BY " which   \
    " LEFT JOIN context c ON c.id = i.context WHERE start_ns >= ?1 AND start_ns < ?2 "             \
    "AND (?4 IS NULL OR function = ?4) AND (?5 = 0 OR error <> '') AND "

static const char *const texts[SFX_SQL_N] = {
    [SFX_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SFX_SQL_COMMIT] = "COMMIT",
    [SFX_SQL_TALLY_GET] = "SELECT value FROM tally WHERE name = ?",
    [SFX_SQL_TALLY_ADD] =
        "INSERT INTO tally VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = "
        "value + ?2",
    [SFX_SQL_TALLY_ALL] = "SELECT name, value FROM tally",
    [SFX_SQL_KNOWN_ALL] = "SELECT hash, seq FROM known WHERE hash BETWEEN ? AND ? ORDER BY hash, "
                          "seq",
    [SFX_SQL_KNOWN_COUNT] = "SELECT count(*) FROM known",
    [SFX_SQL_RECENT] = "SELECT first, keys FROM key_recent WHERE first >= ? ORDER BY first",
    [SFX_SQL_RECENT_PUT] = "INSERT OR REPLACE INTO key_recent VALUES(?, ?)",
    [SFX_SQL_RECENT_CLEAR] = "DELETE FROM key_recent",
    [SFX_SQL_RUNS] = "SELECT id, first_seq, last_seq, nkeys, nstale, page, npages, filter_nlines, "
                     "filter_nprobes FROM key_run ORDER BY first_seq DESC",
    [SFX_SQL_RUN_PUT] = "INSERT INTO key_run VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SFX_SQL_RUN_DROP] = "DELETE FROM key_run WHERE id = ?",
    [SFX_SQL_RUN_STALE] = "UPDATE key_run SET nstale = ? WHERE id = ?",
    [SFX_SQL_KEY_PAGE] = "SELECT bytes FROM key_page WHERE id = ?",
    [SFX_SQL_KEY_PAGE_NEXT] = "SELECT coalesce(max(id), 0) + 1 FROM key_page",
    [SFX_SQL_KEY_PAGE_PUT] = "INSERT INTO key_page VALUES(?, ?)",
    [SFX_SQL_KEY_PAGES_DROP] = "DELETE FROM key_page WHERE id >= ? AND id < ?",
    [SFX_SQL_EVENT_IS] = "SELECT seq FROM event WHERE seq = ? AND id = ?",
    [SFX_SQL_EVENT_FIRST] = "SELECT min(seq) FROM event",
    [SFX_SQL_EVENT_IDS] = "SELECT seq, id FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq",
    [SFX_SQL_EVENT_PUT] = "INSERT INTO event VALUES(?, ?, ?, ?)",
    [SFX_SQL_EVENT_DROP] = "DELETE FROM event WHERE seq = ?",
    [SFX_SQL_TASK_PUT] = "INSERT INTO task VALUES(?1, ?2, ?3, 0, 0, 0, ?4, ?5, NULL)",
    [SFX_SQL_TASK_GET] = "SELECT " TASK_COLUMNS " FROM task WHERE seq = ?",
    [SFX_SQL_TASK_DROP] = "DELETE FROM task WHERE seq = ?",
    [SFX_SQL_TASK_STATE] = "UPDATE task SET state = ?2, due_ms = ?3, attempts = ?4, holder = 0, "
                           "last_ms = ?5, reason = coalesce(?6, reason) WHERE seq = ?1",
    /* OR FAIL: they cannot fail, but SQLite would keep a journal of many rows to undo them. */
    [SFX_SQL_TASK_LEASE] =
        "UPDATE OR FAIL task SET state = 1, due_ms = ?2, attempts = attempts + 1, holder "
        "= ?3, last_ms = ?4, first_ms = iif(first_ms = 0, ?4, first_ms) WHERE "
        "seq BETWEEN ?1 AND ?5",
    [SFX_SQL_TASK_HELD] = "SELECT lane FROM task WHERE seq BETWEEN ? AND ? AND state = 1 AND "
                          "holder = ?",
    [SFX_SQL_TASK_DONE] =
        "UPDATE OR FAIL task SET state = 4, due_ms = 0, holder = 0, last_ms = ?3 WHERE "
        "seq BETWEEN ?1 AND ?2",
    [SFX_SQL_TASK_EXTEND] = "UPDATE task SET due_ms = ?2 WHERE seq = ?1 AND state = 1 AND holder = "
                            "?3",
    [SFX_SQL_READY] =
        "SELECT t.seq, t.attempts, t.lane, e.id, e.line, e.put_ms FROM task t INDEXED "
        "BY task_ready JOIN event e ON e.seq = t.seq WHERE t.state = 0 ORDER BY t.seq "
        "LIMIT ?",
    [SFX_SQL_READY_ANY] = "SELECT 1 FROM task INDEXED BY task_ready WHERE state = 0 LIMIT 1",
    [SFX_SQL_OLDEST] = "SELECT e.put_ms FROM task t INDEXED BY task_ready JOIN event e ON e.seq = "
                       "t.seq WHERE t.state = 0 ORDER BY t.seq LIMIT 1",
    [SFX_SQL_EVENT_GET] = "SELECT id, line, put_ms FROM event WHERE seq = ?",
    [SFX_SQL_DUE] =
        "SELECT seq, state FROM (SELECT t.due_ms, t.seq, t.state FROM holder h CROSS JOIN task t "
        "INDEXED BY task_leased ON t.state = 1 AND t.holder = h.id AND t.due_ms <= ?1 UNION ALL "
        "SELECT * FROM (SELECT due_ms, seq, state FROM task INDEXED BY task_delayed WHERE state = "
        "2 AND due_ms <= ?1 ORDER BY due_ms LIMIT 1000)) ORDER BY due_ms, seq LIMIT 1000",
    [SFX_SQL_NEXT_DUE] =
        "SELECT due FROM (SELECT (SELECT due_ms FROM task INDEXED BY task_leased WHERE state = 1 "
        "AND holder = h.id ORDER BY due_ms LIMIT 1) AS due FROM holder h UNION ALL SELECT (SELECT "
        "due_ms FROM task INDEXED BY task_delayed WHERE state = 2 AND due_ms > 0 ORDER BY due_ms "
        "LIMIT 1)) WHERE due IS NOT NULL ORDER BY due LIMIT 1",
    [SFX_SQL_HELD] = "SELECT seq FROM task INDEXED BY task_leased WHERE state = 1 AND holder = ? "
                     "LIMIT 1",
    [SFX_SQL_LANE_HELD] =
        "SELECT 1 FROM task INDEXED BY task_held WHERE lane IS NOT NULL AND state "
        "= 1 AND lane = ? LIMIT 1",
    [SFX_SQL_LANE_HEADS] =
        "SELECT seq, state, due_ms, attempts FROM task INDEXED BY task_lane WHERE lane IS NOT NULL "
        "AND state < 4 AND lane = ? ORDER BY seq LIMIT 2",
    [SFX_SQL_LANE_AFTER] =
        "SELECT t.seq, t.attempts, t.lane, e.id, e.line, e.put_ms FROM task t "
        "INDEXED BY task_lane JOIN event e ON e.seq = t.seq WHERE t.lane IS NOT "
        "NULL AND t.state < 4 AND t.state = 3 AND t.due_ms <= ?4 AND t.lane = ?1 "
        "AND t.seq > ?2 ORDER BY t.seq LIMIT ?3",
    [SFX_SQL_EXPIRED] = "SELECT seq FROM task INDEXED BY task_done WHERE state = 4 AND last_ms < ? "
                        "ORDER BY last_ms LIMIT ?",
    [SFX_SQL_HOLDERS] = "SELECT id FROM holder",
    [SFX_SQL_HOLDER_PUT] = "INSERT INTO holder VALUES(?, ?, ?, ?)",
    [SFX_SQL_HOLDER_DROP] = "DELETE FROM holder WHERE id = ?",
    [SFX_SQL_PART_PUT] = "INSERT OR IGNORE INTO part VALUES(?, ?, ?, 0, 0, 0)",
    [SFX_SQL_PART_DONE] =
        "UPDATE part SET complete = 1 WHERE root = ? AND attempt = ? AND path = ? "
        "AND complete = 0",
    [SFX_SQL_PART_COUNT] =
        "UPDATE part SET done = done + 1, total = max(total, ?4) WHERE root = ?1 "
        "AND attempt = ?2 AND path = ?3 RETURNING total > 0 AND done >= total",
    [SFX_SQL_PART_DROP] = "DELETE FROM part WHERE root BETWEEN ? AND ?",
    [SFX_SQL_LIST] = LIST("WHERE seq > ?1", ""),
    [SFX_SQL_LIST_NEWEST] = LIST("WHERE seq < ?1", " DESC"),
    [SFX_SQL_LIST_READY] = LIST("INDEXED BY task_ready WHERE state = 0 AND seq > ?1", ""),
    [SFX_SQL_LIST_LEASED] = LIST("INDEXED BY task_leased WHERE state = 1 AND seq > ?1", ""),
    [SFX_SQL_LIST_DELAYED] = LIST("INDEXED BY task_delayed WHERE state = 2 AND seq > ?1", ""),
    [SFX_SQL_LIST_BLOCKED] = LIST("INDEXED BY task_aside WHERE state = 3 AND seq > ?1", ""),
    [SFX_SQL_LIST_DONE] = LIST("INDEXED BY task_done WHERE state = 4 AND seq > ?1", ""),
    [SFX_SQL_LIST_DEAD] = LIST("INDEXED BY task_aside WHERE state = 5 AND seq > ?1", ""),
    [SFX_SQL_CONTEXT_FIND] = "SELECT id FROM context WHERE hash = ? AND text = ?",
    [SFX_SQL_CONTEXT_PUT] = "INSERT INTO context(hash, text) VALUES(?, ?) RETURNING id",
    [SFX_SQL_INVOCATION_PUT] =
        "INSERT INTO invocation VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)",
    [SFX_SQL_INVOCATION_DROP] = "DELETE FROM invocation WHERE event_id = ?",
    [SFX_SQL_INVOCATIONS] = INVOCATIONS("invocation_start") "?3 IS NULL ORDER BY start_ns",
    [SFX_SQL_INVOCATIONS_NEWEST] =
        INVOCATIONS("invocation_start") "?3 IS NULL ORDER BY start_ns DESC",
    [SFX_SQL_INVOCATIONS_OF] = INVOCATIONS("invocation_event") "event_id = ?3 ORDER BY start_ns",
    [SFX_SQL_INVOCATIONS_OF_NEWEST] =
        INVOCATIONS("invocation_event") "event_id = ?3 ORDER BY start_ns DESC",
};

const char *sfx_queue_sql_text_of(enum sfx_queue_sql id)
{
    return texts[id];
}

int sfx_queue_lib_open(struct sfx_queue_lib *lib, struct sfx_err *err)
{
    return sfx_dl_open("libsqlite3.so.0", symbols, SFX_COUNT(symbols), lib, err);
}

static enum sfx_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT: return SFX_E_TEMPORARY;
    case SQLITE_NOMEM: return SFX_E_NOMEM;
    case SQLITE_TOOBIG: return SFX_E_LIMIT;
    case SQLITE_NOTADB: return SFX_E_USAGE;
    default: return SFX_E_IO;
    }
}

int sfx_queue_sql_fail(struct sfx_queue_db *q, int result, struct sfx_err *err)
{
    enum sfx_code code = code_of(result);
    const char *text = q->db != NULL ? q->lib.errmsg(q->db) : q->lib.errstr(result);

    if (code == SFX_E_TEMPORARY && q->base.stop != NULL && *q->base.stop != 0)
        text = "interrupted while waiting for a lock";
    (void)sfx_err_set(err, code, "%s", text);
    if (err != NULL && code == SFX_E_IO && q->db != NULL)
        err->errnum = q->lib.system_errno(q->db);
    return code;
}

static int bind_one(struct sfx_queue_db *q, sqlite3_stmt *stmt, int at, char kind, va_list *args)
{
    struct sfx_slice s;

    switch (kind) {
    case 'i': return q->lib.bind_int64(stmt, at, va_arg(*args, int64_t));
    case 'd': return q->lib.bind_double(stmt, at, va_arg(*args, double));
    default: s = va_arg(*args, struct sfx_slice); break;
    }
    if (s.len > INT32_MAX)
        return SQLITE_TOOBIG;
    if (kind == 'n' && s.len == 0)
        return q->lib.bind_null(stmt, at);
    if (kind == 'b')
        return q->lib.bind_blob(stmt, at, s.len > 0 ? s.ptr : "", (int)s.len, SQLITE_STATIC);
    return q->lib.bind_text(stmt, at, s.len > 0 ? s.ptr : "", (int)s.len, SQLITE_STATIC);
}

sqlite3_stmt *sfx_queue_sql_bind(struct sfx_queue_db *q, enum sfx_queue_sql id, struct sfx_err *err,
                                 const char *fmt, ...)
{
    sqlite3_stmt *stmt = q->stmts[id];
    int result = SQLITE_OK, at;
    va_list args;

    if (stmt == NULL)
        result = q->lib.prepare_v3(q->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    q->stmts[id] = stmt;
    va_start(args, fmt);
    for (at = 1; result == SQLITE_OK && fmt[at - 1] != '\0'; at++)
        result = bind_one(q, stmt, at, fmt[at - 1], &args);
    va_end(args);
    if (result == SQLITE_OK)
        return stmt;
    (void)sfx_queue_sql_fail(q, result, err);
    return NULL;
}

int sfx_queue_sql_step(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_err *err)
{
    int result = q->lib.step(stmt);

    if (result == SQLITE_ROW)
        return 1;
    if (result == SQLITE_DONE) {
        (void)q->lib.reset(stmt);
        return 0;
    }
    result = sfx_queue_sql_fail(q, result, err);
    (void)q->lib.reset(stmt);
    return result;
}

void sfx_queue_sql_reset(struct sfx_queue_db *q, sqlite3_stmt *stmt)
{
    (void)q->lib.reset(stmt);
}

int sfx_queue_sql_finish(struct sfx_queue_db *q, sqlite3_stmt *stmt, struct sfx_err *err)
{
    int rc;

    if (stmt == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    do
        rc = sfx_queue_sql_step(q, stmt, err);
    while (rc > 0);
    return rc < 0 ? rc : q->lib.changes(q->db);
}

int64_t sfx_queue_sql_int(struct sfx_queue_db *q, sqlite3_stmt *stmt, int column)
{
    return q->lib.column_int64(stmt, column);
}

struct sfx_slice sfx_queue_sql_text(struct sfx_queue_db *q, sqlite3_stmt *stmt, int column)
{
    const char *ptr = q->lib.column_blob(stmt, column);

    return sfx_slice(ptr, (size_t)q->lib.column_bytes(stmt, column));
}

int sfx_queue_sql_one(struct sfx_queue_db *q, sqlite3_stmt *stmt, int64_t *value,
                      struct sfx_err *err)
{
    int rc;

    if (stmt == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    rc = sfx_queue_sql_step(q, stmt, err);
    if (rc > 0) {
        *value = sfx_queue_sql_int(q, stmt, 0);
        sfx_queue_sql_reset(q, stmt);
    }
    return rc;
}
