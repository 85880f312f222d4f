/* SPDX-License-Identifier: MIT */
/*
 * Child tables in PostgreSQL: the load goes on with another table, and finds those that belong to
 * one. A child table is known by its name, PARENT__COLUMN in the parent's schema, and by columns
 * that begin with _parent_.
 */
#include "base/size.h"
#include "sink/postgres_internal.h"

#include <string.h>

int sfx_postgres_child(struct sfx_sink *sink, const char *table, const char *const *keys,
                       size_t nkeys, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_sink_counts none = {0};
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    rc = sfx_postgres_finish_table(s, &none, err);
    sfx_buf_clear(&s->sql);
    if (rc == 0 && !s->opts.dry_run)
        rc = sfx_postgres_index(s, &s->sql, err);
    if (rc < 0)
        return rc;
    if (s->parent.source == NULL) {
        s->parent.source = s->source;
        s->parent.how = s->opts.how;
        /* The names of the child's table take their place. */
        s->parent.noted = sfx_arena_strndup(&s->arena, s->noted, strlen(s->noted), err);
        s->parent.target = sfx_arena_strndup(&s->arena, s->target, strlen(s->target), err);
        if (s->parent.noted == NULL || s->parent.target == NULL)
            return SFX_E_NOMEM;
    }
    s->child = *s->parent.source;
    s->child.table = table;
    s->source = &s->child;
    s->opts.how = (struct sfx_sink_how){
        .mode = s->parent.how.mode, .keys = keys, .nkeys = nkeys, .evolve = s->parent.how.evolve};
    return sfx_postgres_resolve(s, err);
}

void sfx_postgres_leave_child(struct sfx_postgres *s)
{
    if (s->parent.source == NULL)
        return;
    s->source = s->parent.source;
    s->opts.how = s->parent.how;
    s->noted = s->parent.noted;
    s->target = s->parent.target;
    s->parent.source = NULL;
}

/* $1 is the parent, $2 what a column's name begins with, $3 and $4 what is to be done. What belongs
 * to a table whose name begins so, too, is not the parent's. */
#define HAS(t, begin)                                                                              \
    "EXISTS(SELECT 1 FROM pg_attribute a WHERE a.attrelid=" t ".oid AND a.attnum>0"                \
    " AND NOT a.attisdropped AND starts_with(a.attname::text, " begin "))"
#define FIND                                                                                       \
    "SELECT string_agg($3::text || t.oid::regclass::text || $4::text, ';') FROM pg_class p, "      \
    "pg_class t"                                                                                   \
    " WHERE p.oid=to_regclass($1) AND t.relnamespace=p.relnamespace AND t.relkind='r'"             \
    " AND starts_with(t.relname::text, p.relname || '__') AND " HAS(                               \
        "t", "'_parent_'") " AND " HAS("t", "$2") " AND NOT EXISTS(SELECT 1 FROM pg_class o "      \
                                                  "WHERE o.relkind='r'"                            \
                                                  " AND o.relnamespace=p.relnamespace AND "        \
                                                  "length(o.relname)>length(p.relname)"            \
                                                  " AND starts_with(t.relname::text, o.relname "   \
                                                  "|| '__') AND NOT " HAS("o", "'_parent_'") ")"

int sfx_postgres_each_child(struct sfx_postgres *s, const char *table, const char *column,
                            const char *before, const char *behind, struct sfx_err *err)
{
    static const char find[] = FIND;
    const char *const params[] = {table, column, before, behind};
    PGresult *result = sfx_postgres_query(s, find, SFX_COUNT(params), params, err);
    int rc = 0;

    if (result == NULL)
        return err->code;
    if (!s->pq.getisnull(result, 0, 0))
        rc = sfx_postgres_exec(s, s->pq.getvalue(result, 0, 0), err);
    s->pq.clear(result);
    return rc;
}
