/* SPDX-License-Identifier: MIT */
/*
 * Records by key, and tables that replace others: records are copied into a temporary table and
 * brought into theirs by the statements of their mode; a new table takes the place of the old one
 * at the end, so that readers see the one or the other.
 */
#include "base/clock.h"
#include "sink/postgres_internal.h"

#include <stdio.h>
#include <string.h>

#define STAGE "pg_temp._sfx_stage"

/* Joins and sorts of a stage of some 100,000 rows go to disk with the 4 MB that a server gives. */
#define MEMORY                                                                                     \
    "SELECT set_config('work_mem','64MB',true)"                                                    \
    " WHERE pg_size_bytes(current_setting('work_mem'))<67108864;"

/* Rows lie in a fresh table as they came. Arrays of places can be looked up in servers that cannot
 * hash them (before 14), where IN would compare all with all. */
static const struct sfx_merge_dialect dialect = {
    .distinct = "IS DISTINCT FROM",
    .row = "ctid",
    .among = {"=ANY(ARRAY(", "))"},
    .text = "::text",
    .ready = "ANALYZE ",
    .parents = "CREATE TEMP TABLE _sfx_parents ON COMMIT DROP AS "};

static int put_columns(struct sfx_postgres *s, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (i > 0)
            rc = sfx_buf_putc(&s->sql, ',', err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->sql, s->columns[i].name, err);
    }
    return rc;
}

int sfx_postgres_stage(struct sfx_postgres *s, struct sfx_err *err)
{
    const char *sql;
    int rc;

    sfx_buf_clear(&s->sql);
    rc =
        sfx_buf_puts(&s->sql, MEMORY "CREATE TEMP TABLE _sfx_stage ON COMMIT DROP AS SELECT ", err);
    if (rc == 0)
        rc = put_columns(s, err);
    if (rc == 0)
        rc = sfx_buf_printf(&s->sql, err, " FROM %s WITH NO DATA", s->target);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    s->into = STAGE;
    s->keys_rise = s->opts.how.nkeys == 1;
    s->last_key = INT64_MIN;
    return sfx_postgres_exec(s, sql, err);
}

static int make_parents(struct sfx_postgres *s, const struct sfx_merge *merge, struct sfx_err *err)
{
    int rc = sfx_merge_parents(merge, &s->sql, err);
    const char *sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;

    return sql == NULL ? SFX_E_NOMEM : sfx_postgres_exec(s, sql, err);
}

static int merge_stage(struct sfx_postgres *s, struct sfx_sink_counts *counts, struct sfx_err *err)
{
    struct sfx_merge_column *columns =
        sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*columns), err);
    struct sfx_merge_step steps[SFX_MERGE_MAX_STEPS];
    char now[SFX_CLOCK_TEXT_NBYTES];
    const struct sfx_merge merge = {.how = &s->opts.how,
                                    .dialect = &dialect,
                                    .table = s->target,
                                    .stage = STAGE,
                                    .columns = columns,
                                    .ncols = s->schema->ncols,
                                    .now = now,
                                    .parent = s->parent.source != NULL ? &s->parent.how : NULL,
                                    .distinct = s->keys_rise};
    const uint64_t nstaged = counts->inserted;
    size_t i;
    int step, nsteps, rc = 0;

    if (columns == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < s->schema->ncols; i++)
        columns[i] =
            (struct sfx_merge_column){.name = s->columns[i].name,
                                      .key = s->columns[i].key,
                                      .quiet = s->schema->columns[i].lineage,
                                      .as_text = s->columns[i].class == SFX_POSTGRES_JSON ||
                                                 s->columns[i].class == SFX_POSTGRES_OTHER};
    (void)sfx_clock_format(s->started_ns, now);
    if (s->opts.how.children)
        rc = make_parents(s, &merge, err);
    if (rc < 0)
        return rc;
    nsteps = sfx_merge_plan(&merge, &s->sql, steps, err);
    counts->inserted = 0;
    for (step = 0; rc == 0 && step < nsteps; step++) {
        uint64_t nrows = 0;

        rc = sfx_postgres_change(s, s->sql.data + steps[step].at, &nrows, err);
        sfx_merge_add(counts, steps[step].count, nrows);
    }
    if (nsteps < 0)
        return nsteps;
    if (rc == 0 && merge.parent == NULL) /* child rows are not counted */
        rc = sfx_merge_finish(counts, s->mode, nstaged, err);
    /* The next load of a group makes its own, and the next child table. */
    return rc == 0 && (s->grouped || s->opts.how.children || merge.parent != NULL)
               ? sfx_postgres_exec(s, "DROP TABLE " STAGE, err)
               : rc;
}

/* table_pkey; of a long name the server keeps the begin. */
static int put_index_name(struct sfx_postgres *s, struct sfx_err *err)
{
    const size_t len = strlen(s->table);
    char name[64];

    (void)snprintf(name, sizeof(name), "%.*s_pkey", len > 58 ? 58 : (int)len, s->table);
    return sfx_merge_quote(&s->sql, name, err);
}

/* The new table takes the old one's place, its index the name that the server would give it. */
static int swap(struct sfx_postgres *s, struct sfx_err *err)
{
    const char *sql;
    int rc;

    sfx_buf_clear(&s->sql);
    rc =
        sfx_buf_printf(&s->sql, err, "DROP TABLE %s;ALTER TABLE %s RENAME TO ", s->target, s->into);
    if (rc == 0)
        rc = sfx_merge_quote(&s->sql, s->table, err);
    if (rc == 0)
        rc = sfx_buf_printf(&s->sql, err, ";ALTER INDEX IF EXISTS %.*s_pkey\" RENAME TO ",
                            (int)strlen(s->into) - 1, s->into);
    if (rc == 0)
        rc = put_index_name(s, err);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return sfx_postgres_exec(s, sql, err);
}

int sfx_postgres_merge(struct sfx_postgres *s, struct sfx_sink_counts *counts, struct sfx_err *err)
{
    counts->removed = s->nremoved;
    if (sfx_merge_stages(s->mode))
        return merge_stage(s, counts, err);
    return strcmp(s->into, s->target) != 0 ? swap(s, err) : 0;
}

int sfx_postgres_index(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const size_t start = ddl->len;
    const char *sql;
    int rc = sfx_merge_indexes(&s->opts.how, s->schema, s->table, s->target, ddl, err);

    if (rc < 0 || ddl->len == start || s->opts.dry_run)
        return rc;
    sql = sfx_buf_cstr(ddl, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_postgres_exec(s, sql + start, err);
}
