/* SPDX-License-Identifier: MIT */
/*
 * Child tables in SQLite: the load goes on with another table, and finds those that belong to one.
 * A child table is known by its name, PARENT__COLUMN, and by columns that begin with _parent_.
 */
#include "sink/sqlite_internal.h"

#include <string.h>

int sfx_sqlite_child(struct sfx_sink *sink, const char *table, const char *const *keys,
                     size_t nkeys, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    struct sfx_sink_counts none = {0};
    int rc = 0;

    sfx_sqlite_put_end(s);
    if (s->settled && s->parent.source != NULL)
        rc = sfx_sqlite_merge(s, &none, err);
    sfx_buf_clear(&s->sql);
    if (rc == 0 && !s->opts.dry_run)
        rc = sfx_sqlite_index(s, &s->sql, err);
    if (rc == 0 && s->settled)
        rc = sfx_sink_seen_add(&s->filled, table, err);
    if (s->parent.source == NULL) {
        s->parent.source = s->source;
        s->parent.how = s->opts.how;
        s->parent.mode = s->mode;
    }
    s->child = *s->parent.source;
    s->child.table = table;
    s->source = &s->child;
    if (sfx_merge_stages(s->mode))
        s->mode = SFX_SINK_UPSERT;
    s->opts.how = (struct sfx_sink_how){
        .mode = s->mode, .keys = keys, .nkeys = nkeys, .evolve = s->parent.how.evolve};
    return rc;
}

void sfx_sqlite_leave_child(struct sfx_sqlite *s)
{
    if (s->parent.source == NULL)
        return;
    s->source = s->parent.source;
    s->opts.how = s->parent.how;
    s->mode = s->parent.mode;
    s->parent.source = NULL;
}

int sfx_sqlite_rehearse(struct sfx_sink *sink, bool on, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;

    (void)err;
    if (on) {
        s->parent.dry_run = s->opts.dry_run;
        s->opts.dry_run = true;
        return 0;
    }
    sfx_sqlite_put_end(s);
    sfx_sqlite_leave_child(s);
    s->opts.dry_run = s->parent.dry_run;
    return 0;
}

static int read_written(struct sfx_sqlite *s, unsigned char *written, struct sfx_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int step = SQLITE_DONE, rc;

    rc = sfx_sqlite_compile(s, "SELECT _sfx_n FROM temp._sfx_parents", &stmt, err);
    while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const uint64_t n = (uint64_t)sqlite3_column_int64(stmt, 0);

        written[n / 8] |= (unsigned char)(1U << n % 8);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = sfx_sqlite_fail(s, step, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

int sfx_sqlite_settle(struct sfx_sink *sink, struct sfx_sink_counts *counts, unsigned char *written,
                      struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    int rc = sfx_sqlite_exec(s, "DROP TABLE IF EXISTS temp._sfx_parents", err);

    sfx_sqlite_put_end(s);
    if (rc == 0)
        rc = sfx_sqlite_merge(s, counts, err);
    if (rc == 0)
        rc = read_written(s, written, err);
    s->settled = rc == 0;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->path) : 0;
}

int sfx_sqlite_end_children(struct sfx_sqlite *s, struct sfx_err *err)
{
    const bool child = s->parent.source != NULL;
    const struct sfx_sink_how *how = child ? &s->parent.how : &s->opts.how;
    const char *table = child ? s->parent.source->table : s->source->table;
    struct sfx_sink_counts none = {0};
    struct sfx_buf column = {0}, where = {0};
    int rc = child ? sfx_sqlite_merge(s, &none, err) : 0;

    if (rc == 0)
        rc = sfx_buf_printf(&column, err, "%s%s", sfx_merge_parent_prefix(how->keys[0]),
                            how->keys[0]);
    if (rc == 0)
        rc = sfx_merge_of_parents(how, &where, err);
    if (rc == 0 && (sfx_buf_cstr(&column, err) == NULL || sfx_buf_cstr(&where, err) == NULL))
        rc = SFX_E_NOMEM;
    if (rc == 0)
        rc = sfx_sqlite_each_child(s, table, column.data, "DELETE FROM ", where.data, err);
    if (rc == 0)
        rc = sfx_sqlite_exec(s, "DROP TABLE temp._sfx_parents", err);
    sfx_buf_done(&column);
    sfx_buf_done(&where);
    return rc;
}

/* ?1 is the parent, ?2 what a column's name begins with, ?3 and ?4 what is to be done. What belongs
 * to a table whose name begins so, too, is not the parent's. */
#define BELONGS(t, p)                                                                              \
    "lower(substr(" t ".name,1,length(" p ")+2))=lower(" p ")||'__'"                               \
    " AND EXISTS(SELECT 1 FROM pragma_table_info(" t ".name) WHERE substr(name,1,8)='_parent_')"
#define FIND                                                                                       \
    "SELECT printf('%s\"%w\"%s', ?3, t.name, ?4), t.name FROM sqlite_schema t WHERE "              \
    "t.type='table'"                                                                               \
    " AND " BELONGS(                                                                               \
        "t",                                                                                       \
        "?1") " AND EXISTS(SELECT 1 FROM pragma_table_info(t.name) WHERE"                          \
              " substr(name,1,length(?2))=?2) AND NOT EXISTS(SELECT 1 FROM sqlite_schema o WHERE"  \
              " o.type='table' AND length(o.name)>length(?1) AND " BELONGS(                        \
                  "t", "o.name") " AND NOT EXISTS(SELECT 1 FROM pragma_table_info(o.name) WHERE "  \
                                 "substr(name,1,8)='_parent_'))"

int sfx_sqlite_each_child(struct sfx_sqlite *s, const char *table, const char *column,
                          const char *before, const char *behind, struct sfx_err *err)
{
    const char *const params[] = {table, column, before, behind};
    sqlite3_stmt *stmt = NULL;
    const char *sql;
    int i, step = SQLITE_DONE, rc = sfx_sqlite_compile(s, FIND, &stmt, err);

    for (i = 0; rc == 0 && i < 4; i++)
        (void)sqlite3_bind_text(stmt, i + 1, params[i], -1, SQLITE_STATIC);
    sfx_buf_clear(&s->sql);
    while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!sfx_sink_seen_has(&s->filled, (const char *)sqlite3_column_text(stmt, 1)))
            rc = sfx_buf_printf(&s->sql, err, "%s;", (const char *)sqlite3_column_text(stmt, 0));
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = sfx_sqlite_fail(s, step, err);
    (void)sqlite3_finalize(stmt); /* an open read would refuse what follows */
    if (rc < 0 || s->sql.len == 0)
        return rc;
    sql = sfx_buf_cstr(&s->sql, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_exec(s, sql, err);
}
