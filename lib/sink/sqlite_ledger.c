/* SPDX-License-Identifier: MIT */
/* The ledger of loads in an SQLite database: what makes a repeated load harmless. */
#include "base/clock.h"
#include "sink/ledger.h"
#include "sink/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

#define LEDGER_DDL  SFX_LEDGER_DDL("INTEGER", "TEXT COLLATE NOCASE", "INTEGER", "TEXT")
#define IS_THERE    "EXISTS(SELECT 1 FROM sqlite_schema WHERE name=?1 COLLATE NOCASE)"
#define LEDGER_FIND SFX_LEDGER_FIND("?", "target=?1 COLLATE NOCASE", IS_THERE, "", "finished")

/* True when the ledger is there, as this build has it. */
static bool is_there(struct sfx_sqlite *s)
{
    return sqlite3_table_column_metadata(s->db, NULL, SFX_LEDGER, SFX_LEDGER_NEW_COLUMN, NULL, NULL,
                                         NULL, NULL, NULL) == SQLITE_OK;
}

int sfx_sqlite_ledger_make(struct sfx_sqlite *s, struct sfx_err *err)
{
    int rc = is_there(s) ? 0 : sfx_sqlite_exec(s, LEDGER_DDL, err);

    return rc == 0 && !is_there(s) ? sfx_sqlite_exec(s, SFX_LEDGER_UPGRADE("", "INTEGER"), err)
                                   : rc;
}

static uint64_t number_at(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

/* "" for NULL. */
static const char *text_at(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    return text != NULL ? text : "";
}

static int read_entry(const struct sfx_sqlite *s, sqlite3_stmt *stmt, struct sfx_sink_entry *entry,
                      struct sfx_err *err)
{
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    int i;

    sfx_sink_counts_list(&entry->counts, numbers);
    entry->load_id = sqlite3_column_int64(stmt, 0);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        *numbers[i] = number_at(stmt, 1 + i);
    (void)snprintf(entry->finished, sizeof(entry->finished), "%s",
                   text_at(stmt, SFX_LEDGER_FINISHED));
    entry->open = strcmp(text_at(stmt, SFX_LEDGER_STATE), "open") == 0;
    if (!entry->open)
        return 1;
    entry->mark = (struct sfx_sink_mark){
        .nread = number_at(stmt, SFX_LEDGER_NEXT_ROW),
        .nrefused = number_at(stmt, SFX_LEDGER_NEXT_REFUSED),
        .offset = number_at(stmt, SFX_LEDGER_NEXT_OFFSET),
        .rejects_nbytes = number_at(stmt, SFX_LEDGER_REJECT_LEN),
    };
    (void)snprintf(entry->mark.tail, sizeof(entry->mark.tail), "%s",
                   text_at(stmt, SFX_LEDGER_TAIL));
    return sfx_ledger_goes_on(entry->load_id, text_at(stmt, SFX_LEDGER_MODE), s->mode, err);
}

int sfx_sqlite_ledger_find(struct sfx_sqlite *s, const struct sfx_sink_source *source,
                           struct sfx_sink_entry *entry, struct sfx_err *err)
{
    static const char find[] = LEDGER_FIND;
    sqlite3_stmt *stmt = NULL;
    int rc;

    if (s->opts.dry_run && !is_there(s))
        return 0;
    rc = sfx_sqlite_keep(s, find, &stmt, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "table " SFX_LEDGER);
    (void)sqlite3_bind_text(stmt, 1, source->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, source->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 3, sfx_merge_replaces(s->mode));
    (void)sqlite3_bind_text(stmt, 4, sfx_sink_mode_names[s->mode], -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 5, source->again);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        rc = read_entry(s, stmt, entry, err);
    else
        rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    sfx_sqlite_release(stmt);
    return rc;
}

static void bind_optional(sqlite3_stmt *stmt, int at, const char *text)
{
    if (text != NULL)
        (void)sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

int sfx_sqlite_ledger_write(struct sfx_sqlite *s, const struct sfx_sink_entry *entry,
                            const struct sfx_sink_mark *mark, struct sfx_err *err)
{
    static const char write[] = SFX_LEDGER_WRITE("?");
    const struct sfx_sink_source *source = s->source;
    struct sfx_sink_counts counts = entry->counts;
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    char started[SFX_CLOCK_TEXT_NBYTES];
    sqlite3_stmt *stmt = NULL;
    int i, rc = sfx_sqlite_keep(s, write, &stmt, err);

    if (rc < 0)
        return sfx_err_wrap(err, rc, "table " SFX_LEDGER);
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
    (void)sqlite3_bind_int64(stmt, 21, s->load_id);
    bind_optional(stmt, 22, mark != NULL ? "open" : "done");
    if (mark != NULL) {
        (void)sqlite3_bind_int64(stmt, 23, (int64_t)mark->nread);
        (void)sqlite3_bind_int64(stmt, 24, (int64_t)mark->nrefused);
        (void)sqlite3_bind_int64(stmt, 25, (int64_t)mark->offset);
        (void)sqlite3_bind_int64(stmt, 26, (int64_t)mark->rejects_nbytes);
        bind_optional(stmt, 27, mark->tail);
    }
    (void)sqlite3_bind_int64(stmt, SFX_LEDGER_NPARAMS, (int64_t)s->next_row);
    rc = sqlite3_step(stmt);
    rc = rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
    sfx_sqlite_release(stmt);
    if (rc == 0 && sqlite3_changes(s->db) == 0)
        rc = sfx_ledger_overtaken(s->load_id, err);
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
    static const char next[] = "SELECT coalesce(max(load_id),0)+1 FROM " SFX_LEDGER;
    sqlite3_stmt *stmt = NULL;
    int rc = sfx_sqlite_keep(s, next, &stmt, err);

    if (rc < 0)
        return rc;
    rc = sqlite3_step(stmt);
    *load_id = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    rc = rc == SQLITE_ROW ? 0 : sfx_sqlite_fail(s, rc, err);
    sfx_sqlite_release(stmt);
    return rc;
}

#define UNDO_FIND "SELECT target, mode, undone, inserted FROM " SFX_LEDGER " WHERE load_id=?"
#define UNDO_NOTE "UPDATE " SFX_LEDGER " SET undone=?, removed=? WHERE load_id=?"

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
                 : sfx_ledger_undoable(load_id, (const char *)sqlite3_column_text(stmt, 1),
                                       (const char *)sqlite3_column_text(stmt, 2), err);
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int delete_load(struct sfx_sqlite *s, int64_t load_id, const char *table, uint64_t *nrows,
                       struct sfx_err *err)
{
    const char *sql;
    char behind[48];
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
    (void)snprintf(behind, sizeof(behind), " WHERE _load_id=%lld", (long long)load_id);
    return rc < 0 ? rc : sfx_sqlite_each_child(s, table, "_load_id", "DELETE FROM ", behind, err);
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
