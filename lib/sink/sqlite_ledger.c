/* SPDX-License-Identifier: MIT */
/* The ledger of loads in an SQLite database: what makes a repeated load harmless. */
#include "base/clock.h"
#include "sink/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

/* `again` counts the loads of the same key that --force asked for; 0 is the first. */
#define LEDGER_DDL                                                                                 \
    "CREATE TABLE IF NOT EXISTS " SFX_SQLITE_LEDGER "(\n"                                          \
    "  load_id INTEGER PRIMARY KEY,\n"                                                             \
    "  target TEXT NOT NULL COLLATE NOCASE,\n"                                                     \
    "  source_key TEXT NOT NULL,\n"                                                                \
    "  again INTEGER NOT NULL DEFAULT 0,\n"                                                        \
    "  source TEXT, member TEXT, size INTEGER, sha256 TEXT, event_id TEXT,\n"                      \
    "  mode TEXT NOT NULL,\n"                                                                      \
    "  rows_in INTEGER NOT NULL, inserted INTEGER NOT NULL, updated INTEGER NOT NULL,\n"           \
    "  unchanged INTEGER NOT NULL, deleted INTEGER NOT NULL, duplicate INTEGER NOT NULL,\n"        \
    "  rejected INTEGER NOT NULL, skipped INTEGER NOT NULL, removed INTEGER NOT NULL,\n"           \
    "  started TEXT NOT NULL, finished TEXT NOT NULL, version TEXT NOT NULL,\n"                    \
    "  undone TEXT,\n"                                                                             \
    "  UNIQUE(target, source_key, again)\n"                                                        \
    ")"

/*
 * A load counts as done only while its table is there and nothing has replaced its rows since. One
 * that is to replace what is there (?3) was done only if it did so and was the last.
 */
#define LEDGER_FIND                                                                                \
    "SELECT load_id, rows_in, inserted, updated, unchanged, deleted, duplicate, rejected,"         \
    " skipped, removed, finished"                                                                  \
    " FROM " SFX_SQLITE_LEDGER " AS l WHERE target=?1 AND source_key=?2 AND undone IS NULL"        \
    " AND EXISTS(SELECT 1 FROM sqlite_schema WHERE name=?1 COLLATE NOCASE)"                        \
    " AND (NOT ?3 OR mode=?4) AND NOT EXISTS(SELECT 1 FROM " SFX_SQLITE_LEDGER                     \
    " WHERE target=?1 AND load_id>l.load_id AND (?3 OR mode IN('replace','truncate')))"            \
    " ORDER BY load_id DESC LIMIT 1"

#define LEDGER_INSERT                                                                              \
    "INSERT INTO " SFX_SQLITE_LEDGER "(target,source_key,again,source,member,size,sha256,"         \
    "event_id,mode,rows_in,inserted,updated,unchanged,deleted,duplicate,rejected,skipped,"         \
    "removed,started,finished,version)"                                                            \
    "VALUES(?1,?2,(SELECT coalesce(max(again)+1,0) FROM " SFX_SQLITE_LEDGER                        \
    " WHERE target=?1 AND source_key=?2),?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"    \
    "?18,?19,?20)"

int sfx_sqlite_ledger_make(struct sfx_sqlite *s, struct sfx_err *err)
{
    return sfx_sqlite_exec(s, LEDGER_DDL, err);
}

static void read_entry(sqlite3_stmt *stmt, struct sfx_sink_entry *entry)
{
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    int i;

    sfx_sink_counts_list(&entry->counts, numbers);
    entry->load_id = sqlite3_column_int64(stmt, 0);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        *numbers[i] = (uint64_t)sqlite3_column_int64(stmt, 1 + i);
    (void)snprintf(entry->finished, sizeof(entry->finished), "%s",
                   (const char *)sqlite3_column_text(stmt, 1 + SFX_SINK_NCOUNTS));
}

int sfx_sqlite_ledger_find(struct sfx_sqlite *s, const struct sfx_sink_source *source,
                           struct sfx_sink_entry *entry, struct sfx_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc;

    rc = sqlite3_table_column_metadata(s->db, NULL, SFX_SQLITE_LEDGER, NULL, NULL, NULL, NULL, NULL,
                                       NULL);
    if (rc != SQLITE_OK && s->opts.dry_run)
        return 0;
    rc = sfx_sqlite_compile(s, LEDGER_FIND, &stmt, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "table " SFX_SQLITE_LEDGER);
    (void)sqlite3_bind_text(stmt, 1, source->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, source->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 3, sfx_merge_replaces(s->mode));
    (void)sqlite3_bind_text(stmt, 4, sfx_sink_mode_names[s->mode], -1, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        read_entry(stmt, entry);
    rc = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

static void bind_optional(sqlite3_stmt *stmt, int at, const char *text)
{
    if (text != NULL)
        (void)sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

int sfx_sqlite_ledger_insert(struct sfx_sqlite *s, const struct sfx_sink_entry *entry,
                             struct sfx_err *err)
{
    const struct sfx_sink_source *source = s->source;
    struct sfx_sink_counts counts = entry->counts;
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    char started[SFX_CLOCK_TEXT_NBYTES];
    sqlite3_stmt *stmt = NULL;
    int i, rc = sfx_sqlite_compile(s, LEDGER_INSERT, &stmt, err);

    if (rc < 0)
        return sfx_err_wrap(err, rc, "table " SFX_SQLITE_LEDGER);
    (void)sfx_clock_format(s->started_ns, started);
    bind_optional(stmt, 1, source->table);
    bind_optional(stmt, 2, source->key);
    bind_optional(stmt, 3, source->name);
    bind_optional(stmt, 4, source->member);
    (void)sqlite3_bind_int64(stmt, 5, (int64_t)source->size_nbytes);
    bind_optional(stmt, 6, source->sha256);
    bind_optional(stmt, 7, source->event_id);
    bind_optional(stmt, 8, sfx_sink_mode_names[s->mode]);
    sfx_sink_counts_list(&counts, numbers);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        (void)sqlite3_bind_int64(stmt, 9 + i, (int64_t)*numbers[i]);
    bind_optional(stmt, 18, started);
    bind_optional(stmt, 19, entry->finished);
    bind_optional(stmt, 20, PACKAGE_VERSION);
    rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* The one number that sql gives. */
static int ask_number(struct sfx_sqlite *s, const char *sql, uint64_t *number, struct sfx_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sfx_sqlite_compile(s, sql, &stmt, err);

    if (rc < 0)
        return rc;
    rc = sqlite3_step(stmt);
    *number = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    rc = rc == SQLITE_ROW ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

int sfx_sqlite_ledger_next(struct sfx_sqlite *s, int64_t *load_id, struct sfx_err *err)
{
    uint64_t next;
    int rc = ask_number(s, "SELECT coalesce(max(load_id),0)+1 FROM " SFX_SQLITE_LEDGER, &next, err);

    *load_id = (int64_t)next;
    return rc;
}

#define UNDO_FIND "SELECT target, mode, undone, inserted FROM " SFX_SQLITE_LEDGER " WHERE load_id=?"
#define UNDO_NOTE "UPDATE " SFX_SQLITE_LEDGER " SET undone=?, removed=? WHERE load_id=?"

/* What the ledger has against taking the load back; *table is a copy in the arena. */
static int find_undo(struct sfx_sqlite *s, int64_t load_id, struct sfx_sink_entry *entry,
                     const char **table, struct sfx_err *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *text;
    int rc = sfx_sqlite_compile(s, UNDO_FIND, &stmt, err);

    if (rc < 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, load_id);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        rc = sfx_err_set(err, SFX_E_USAGE, "there is no load %lld", (long long)load_id);
    } else if (rc != SQLITE_ROW) {
        rc = sfx_sqlite_fail(s, rc, err);
    } else {
        text = (const char *)sqlite3_column_text(stmt, 0);
        *table = sfx_arena_strndup(&s->arena, text, strlen(text), err);
        entry->counts.inserted = (uint64_t)sqlite3_column_int64(stmt, 3);
        rc = *table == NULL
                 ? SFX_E_NOMEM
                 : sfx_merge_undoable(load_id, (const char *)sqlite3_column_text(stmt, 1),
                                      (const char *)sqlite3_column_text(stmt, 2), err);
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int delete_load(struct sfx_sqlite *s, int64_t load_id, const char *table, uint64_t *nrows,
                       struct sfx_err *err)
{
    const char *sql;
    int rc;

    if (sqlite3_table_column_metadata(s->db, NULL, table, "_load_id", NULL, NULL, NULL, NULL,
                                      NULL) != SQLITE_OK)
        return sfx_err_set(err, SFX_E_USAGE,
                           "load %lld cannot be taken back: its rows are not known without "
                           "--lineage",
                           (long long)load_id);
    sfx_buf_clear(&s->sql);
    rc = sfx_buf_puts(&s->sql, s->opts.dry_run ? "SELECT count(*) FROM " : "DELETE FROM ", err);
    if (rc == 0)
        rc = sfx_merge_quote(&s->sql, table, err);
    if (rc == 0)
        rc = sfx_buf_printf(&s->sql, err, " WHERE _load_id=%lld", (long long)load_id);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    if (s->opts.dry_run)
        return ask_number(s, sql, nrows, err);
    rc = sfx_sqlite_exec(s, sql, err);
    *nrows = (uint64_t)sqlite3_changes(s->db);
    return rc;
}

int sfx_sqlite_ledger_undo(struct sfx_sqlite *s, int64_t load_id, struct sfx_sink_entry *entry,
                           const char **table, struct sfx_err *err)
{
    char now[SFX_CLOCK_TEXT_NBYTES];
    sqlite3_stmt *stmt = NULL;
    int rc = find_undo(s, load_id, entry, table, err);

    if (rc == 0)
        rc = delete_load(s, load_id, *table, &entry->counts.removed, err);
    if (rc < 0 || s->opts.dry_run)
        return rc;
    rc = sfx_sqlite_compile(s, UNDO_NOTE, &stmt, err);
    if (rc < 0)
        return rc;
    (void)sfx_clock_format(sfx_clock_wall_ns(), now);
    bind_optional(stmt, 1, now);
    (void)sqlite3_bind_int64(stmt, 2, (int64_t)entry->counts.removed);
    (void)sqlite3_bind_int64(stmt, 3, load_id);
    rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}
