/* SPDX-License-Identifier: MIT */
/* The ledger of loads in an SQLite database: what makes a repeated load harmless. */
#include "base/clock.h"
#include "sink/sqlite_internal.h"

#include <stdio.h>

/* `again` counts the loads of the same key that --force asked for; 0 is the first. */
#define LEDGER_DDL                                                                                 \
    "CREATE TABLE IF NOT EXISTS " SFX_SQLITE_LEDGER "(\n"                                          \
    "  load_id INTEGER PRIMARY KEY,\n"                                                             \
    "  target TEXT NOT NULL COLLATE NOCASE,\n"                                                     \
    "  source_key TEXT NOT NULL,\n"                                                                \
    "  again INTEGER NOT NULL DEFAULT 0,\n"                                                        \
    "  source TEXT, member TEXT, size INTEGER, sha256 TEXT, event_id TEXT,\n"                      \
    "  mode TEXT NOT NULL,\n"                                                                      \
    "  rows_in INTEGER NOT NULL, inserted INTEGER NOT NULL, duplicate INTEGER NOT NULL,\n"         \
    "  rejected INTEGER NOT NULL, skipped INTEGER NOT NULL,\n"                                     \
    "  started TEXT NOT NULL, finished TEXT NOT NULL, version TEXT NOT NULL,\n"                    \
    "  UNIQUE(target, source_key, again)\n"                                                        \
    ")"

/* A load counts as done only while its table is there. */
#define LEDGER_FIND                                                                                \
    "SELECT load_id, rows_in, inserted, duplicate, rejected, skipped, finished"                    \
    " FROM " SFX_SQLITE_LEDGER " WHERE target=?1 AND source_key=?2"                                \
    " AND EXISTS(SELECT 1 FROM sqlite_schema WHERE name=?1 COLLATE NOCASE)"                        \
    " ORDER BY load_id DESC LIMIT 1"

#define LEDGER_INSERT                                                                              \
    "INSERT INTO " SFX_SQLITE_LEDGER "(target,source_key,again,source,member,size,sha256,"         \
    "event_id,mode,rows_in,inserted,duplicate,rejected,skipped,started,finished,version)"          \
    "VALUES(?1,?2,(SELECT coalesce(max(again)+1,0) FROM " SFX_SQLITE_LEDGER                        \
    " WHERE target=?1 AND source_key=?2),?3,?4,?5,?6,?7,'append',?8,?9,?10,?11,?12,?13,?14,?15)"

int sfx_sqlite_ledger_make(struct sfx_sqlite *s, struct sfx_err *err)
{
    return sfx_sqlite_exec(s, LEDGER_DDL, err);
}

static void read_entry(sqlite3_stmt *stmt, struct sfx_sink_entry *entry)
{
    entry->load_id = sqlite3_column_int64(stmt, 0);
    entry->counts.in = (uint64_t)sqlite3_column_int64(stmt, 1);
    entry->counts.inserted = (uint64_t)sqlite3_column_int64(stmt, 2);
    entry->counts.duplicate = (uint64_t)sqlite3_column_int64(stmt, 3);
    entry->counts.rejected = (uint64_t)sqlite3_column_int64(stmt, 4);
    entry->counts.skipped = (uint64_t)sqlite3_column_int64(stmt, 5);
    (void)snprintf(entry->finished, sizeof(entry->finished), "%s",
                   (const char *)sqlite3_column_text(stmt, 6));
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
    const struct sfx_sink_counts *counts = &entry->counts;
    char started[SFX_CLOCK_TEXT_NBYTES];
    sqlite3_stmt *stmt = NULL;
    int rc = sfx_sqlite_compile(s, LEDGER_INSERT, &stmt, err);

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
    (void)sqlite3_bind_int64(stmt, 8, (int64_t)counts->in);
    (void)sqlite3_bind_int64(stmt, 9, (int64_t)counts->inserted);
    (void)sqlite3_bind_int64(stmt, 10, (int64_t)counts->duplicate);
    (void)sqlite3_bind_int64(stmt, 11, (int64_t)counts->rejected);
    (void)sqlite3_bind_int64(stmt, 12, (int64_t)counts->skipped);
    bind_optional(stmt, 13, started);
    bind_optional(stmt, 14, entry->finished);
    bind_optional(stmt, 15, PACKAGE_VERSION);
    rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}
