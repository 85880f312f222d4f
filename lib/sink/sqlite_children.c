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
    int rc = 0;

    sfx_sqlite_put_end(s);
    sfx_buf_clear(&s->sql);
    if (!s->opts.dry_run)
        rc = sfx_sqlite_index(s, &s->sql, err);
    if (s->parent.source == NULL) {
        s->parent.source = s->source;
        s->parent.how = s->opts.how;
    }
    s->child = *s->parent.source;
    s->child.table = table;
    s->source = &s->child;
    s->opts.how = (struct sfx_sink_how){
        .mode = s->parent.how.mode, .keys = keys, .nkeys = nkeys, .evolve = s->parent.how.evolve};
    return rc;
}

void sfx_sqlite_leave_child(struct sfx_sqlite *s)
{
    if (s->parent.source == NULL)
        return;
    s->source = s->parent.source;
    s->opts.how = s->parent.how;
    s->parent.source = NULL;
}

/* ?1 is the parent, ?2 what a column's name begins with, ?3 and ?4 what is to be done. What belongs
 * to a table whose name begins so, too, is not the parent's. */
#define BELONGS(t, p)                                                                              \
    "lower(substr(" t ".name,1,length(" p ")+2))=lower(" p ")||'__'"                               \
    " AND EXISTS(SELECT 1 FROM pragma_table_info(" t ".name) WHERE substr(name,1,8)='_parent_')"
#define FIND                                                                                       \
    "SELECT printf('%s\"%w\"%s', ?3, t.name, ?4) FROM sqlite_schema t WHERE t.type='table'"        \
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
    while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = sfx_buf_printf(&s->sql, err, "%s;", (const char *)sqlite3_column_text(stmt, 0));
    if (rc == 0 && step != SQLITE_DONE)
        rc = sfx_sqlite_fail(s, step, err);
    (void)sqlite3_finalize(stmt); /* an open read would refuse what follows */
    if (rc < 0 || s->sql.len == 0)
        return rc;
    sql = sfx_buf_cstr(&s->sql, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_exec(s, sql, err);
}
