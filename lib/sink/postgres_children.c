/* SPDX-License-Identifier: MIT */
/*
 * Child tables in PostgreSQL: the load goes on with another table, and finds those that belong to
 * one. A child table is known by its name, PARENT__COLUMN in the parent's schema, and by columns
 * that begin with _parent_.
 */
#include "base/size.h"
#include "sink/postgres_internal.h"

#include <stdlib.h>
#include <string.h>

int sfx_postgres_child(struct sfx_sink *sink, const char *table, const char *const *keys,
                       size_t nkeys, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_sink_counts none = {0};
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    rc = s->settled && s->parent.source == NULL ? 0 : sfx_postgres_finish_table(s, &none, err);
    sfx_buf_clear(&s->sql);
    if (rc == 0 && !s->opts.dry_run)
        rc = sfx_postgres_index(s, &s->sql, err);
    if (rc < 0)
        return rc;
    if (s->parent.source == NULL) {
        s->parent.source = s->source;
        s->parent.how = s->opts.how;
        s->parent.mode = s->mode;
        /* The names of the child's table take their place. */
        s->parent.noted = sfx_arena_strndup(&s->arena, s->noted, strlen(s->noted), err);
        s->parent.target = sfx_arena_strndup(&s->arena, s->target, strlen(s->target), err);
        if (s->parent.noted == NULL || s->parent.target == NULL)
            return SFX_E_NOMEM;
    }
    s->child = *s->parent.source;
    s->child.table = table;
    s->source = &s->child;
    if (sfx_merge_stages(s->mode))
        s->mode = SFX_SINK_UPSERT;
    s->opts.how = (struct sfx_sink_how){
        .mode = s->mode, .keys = keys, .nkeys = nkeys, .evolve = s->parent.how.evolve};
    rc = sfx_postgres_resolve(s, err);
    return rc == 0 && s->settled ? sfx_sink_seen_add(&s->filled, s->table, err) : rc;
}

void sfx_postgres_leave_child(struct sfx_postgres *s)
{
    if (s->parent.source == NULL)
        return;
    s->source = s->parent.source;
    s->opts.how = s->parent.how;
    s->mode = s->parent.mode;
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
    "SELECT $3::text || t.oid::regclass::text || $4::text, t.relname FROM pg_class p, "            \
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
    int row, rc = 0;

    if (result == NULL)
        return err->code;
    for (row = 0; rc == 0 && row < s->pq.ntuples(result); row++) {
        if (!sfx_sink_seen_has(&s->filled, s->pq.getvalue(result, row, 1)))
            rc = sfx_postgres_exec(s, s->pq.getvalue(result, row, 0), err);
    }
    s->pq.clear(result);
    return rc;
}

int sfx_postgres_rehearse(struct sfx_sink *sink, bool on, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    bool child = s->parent.source != NULL;

    err = err != NULL ? err : &own;
    if (on) {
        s->parent.dry_run = s->opts.dry_run;
        s->opts.dry_run = true;
        s->key = NULL; /* of a load before, that failed */
        return 0;
    }
    sfx_postgres_leave_child(s);
    s->opts.dry_run = s->parent.dry_run;
    return child ? sfx_postgres_resolve(s, err) : 0;
}

/* In pieces, as a result is in memory as a whole. */
static int read_written(struct sfx_postgres *s, unsigned char *written, struct sfx_err *err)
{
    static const char fetch[] = "FETCH 10000 FROM _sfx_written";
    int row, nrows = 1;
    int rc = sfx_postgres_exec(
        s, "DECLARE _sfx_written CURSOR FOR SELECT _sfx_n FROM pg_temp._sfx_parents", err);

    while (rc == 0 && nrows > 0) {
        PGresult *result = sfx_postgres_query(s, fetch, 0, NULL, err);

        if (result == NULL)
            return err->code;
        nrows = s->pq.ntuples(result);
        for (row = 0; row < nrows; row++) {
            const uint64_t n = strtoull(s->pq.getvalue(result, row, 0), NULL, 10);

            written[n / 8] |= (unsigned char)(1U << n % 8);
        }
        s->pq.clear(result);
    }
    return rc == 0 ? sfx_postgres_exec(s, "CLOSE _sfx_written", err) : rc;
}

int sfx_postgres_settle(struct sfx_sink *sink, struct sfx_sink_counts *counts,
                        unsigned char *written, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    rc = sfx_postgres_finish_table(s, counts, err);
    if (rc == 0)
        rc = read_written(s, written, err);
    s->settled = rc == 0;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->shown) : 0;
}

int sfx_postgres_end_children(struct sfx_postgres *s, struct sfx_err *err)
{
    const bool child = s->parent.source != NULL;
    const struct sfx_sink_how *how = child ? &s->parent.how : &s->opts.how;
    struct sfx_sink_counts none = {0};
    struct sfx_buf column = {0}, where = {0};
    int rc = child ? sfx_postgres_finish_table(s, &none, err) : 0;

    if (rc == 0)
        rc = sfx_buf_printf(&column, err, "%s%s", sfx_merge_parent_prefix(how->keys[0]),
                            how->keys[0]);
    if (rc == 0)
        rc = sfx_merge_of_parents(how, &where, err);
    if (rc == 0 && (sfx_buf_cstr(&column, err) == NULL || sfx_buf_cstr(&where, err) == NULL))
        rc = SFX_E_NOMEM;
    if (rc == 0)
        rc = sfx_postgres_each_child(s, child ? s->parent.target : s->target, column.data,
                                     "DELETE FROM ", where.data, err);
    if (rc == 0)
        rc = sfx_postgres_exec(s, "DROP TABLE pg_temp._sfx_parents", err);
    sfx_buf_done(&column);
    sfx_buf_done(&where);
    return rc;
}
