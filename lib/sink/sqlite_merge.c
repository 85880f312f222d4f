/* SPDX-License-Identifier: MIT */
/*
 * Records by key. Upserts and ignores go into the table one by one, if it has an index for the key:
 * half the work of all other ways. Else they are staged in a table of the connection, which costs
 * the rows nothing that a constraint could refuse, and are brought into the table by the statements
 * of their mode.
 */
#include "base/clock.h"
#include "base/size.h"
#include "sink/sqlite_internal.h"

#define STAGE "temp._sfx_stage"

static const struct sfx_merge_dialect dialect = {.distinct = "IS NOT",
                                                 .row = "_sfx_row",
                                                 .among = {"IN (", ")"},
                                                 .text = "",
                                                 .index = true,
                                                 .parents = "CREATE TEMP TABLE _sfx_parents AS "};

int sfx_sqlite_put_target(struct sfx_sqlite *s, struct sfx_buf *sql, struct sfx_err *err)
{
    return s->staged ? sfx_buf_puts(sql, STAGE, err) : sfx_merge_quote(sql, s->source->table, err);
}

/* Makes the stage. Its columns have the types of the table's, so that values are the same. */
int sfx_sqlite_stage(struct sfx_sqlite *s, struct sfx_err *err)
{
    const char *sql;
    size_t i;
    int rc;

    rc = sfx_sqlite_exec(s, "DROP TABLE IF EXISTS " STAGE, err);
    sfx_buf_clear(&s->sql);
    if (rc == 0)
        rc = sfx_buf_puts(&s->sql, "CREATE TABLE " STAGE "(_sfx_row INTEGER PRIMARY KEY", err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_putc(&s->sql, ',', err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->sql, s->columns[i].name, err);
        if (rc == 0)
            rc = sfx_buf_printf(&s->sql, err, " %s", s->columns[i].declared);
    }
    if (rc == 0)
        rc = sfx_buf_putc(&s->sql, ')', err);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return sfx_sqlite_exec(s, sql, err);
}

/* --- without a stage -------------------------------------------------------------------------- */

/* The statements are the load's own, but its user's triggers may write to other tables. */
static void count_row(void *ctx, int op, const char *database, const char *table, sqlite3_int64 row)
{
    struct sfx_sqlite *s = ctx;

    (void)database;
    (void)row;
    if (op != SQLITE_DELETE && sqlite3_stricmp(table, s->source->table) == 0)
        s->nhooked[op == SQLITE_UPDATE]++;
}

/* Rows of a table without rowids are not told of. */
static bool has_rowids(struct sfx_sqlite *s)
{
    sqlite3_stmt *stmt = NULL;
    const char *sql;
    int rc;

    sfx_buf_clear(&s->sql);
    rc = sfx_buf_puts(&s->sql, "SELECT _rowid_ FROM ", NULL);
    if (rc == 0)
        rc = sfx_merge_quote(&s->sql, s->source->table, NULL);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, NULL) : NULL;
    if (sql != NULL)
        rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    (void)sqlite3_finalize(stmt);
    return sql != NULL && rc == SQLITE_OK;
}

int sfx_sqlite_direct(struct sfx_sqlite *s, struct sfx_err *err)
{
    struct sfx_err none;
    sqlite3_stmt *stmt = NULL;
    int rc;

    s->direct = false;
    if ((s->mode != SFX_SINK_UPSERT && s->mode != SFX_SINK_IGNORE) || s->opts.how.children ||
        s->parent.source != NULL || !has_rowids(s))
        return 0; /* child tables need to know all of a load's records, and rows, at once */
    s->staged = false;
    s->direct = true;
    rc = sfx_sqlite_compile_insert(s, 1, &stmt, &none);
    (void)sqlite3_finalize(stmt);
    if (rc == SFX_E_NOMEM)
        return sfx_err_set(err, rc, "%s", none.text);
    /* Without an index of these keys there is no conflict to speak of. */
    s->staged = rc < 0;
    s->direct = rc == 0;
    s->nhooked[0] = s->nhooked[1] = 0;
    if (s->direct)
        (void)sqlite3_update_hook(s->db, count_row, s);
    return 0;
}

/* "a","b": the keys. */
static int put_keys(struct sfx_sqlite *s, struct sfx_buf *sql, struct sfx_err *err)
{
    const char *comma = "";
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (!s->columns[i].key)
            continue;
        rc = sfx_buf_puts(sql, comma, err);
        if (rc == 0)
            rc = sfx_merge_quote(sql, s->columns[i].name, err);
        comma = ",";
    }
    return rc;
}

/* name OPERATOR excluded.name for columns that are no keys; changes: and no lineage. */
static int put_others(struct sfx_sqlite *s, bool changes, struct sfx_buf *sql, struct sfx_err *err)
{
    const char *before = changes ? " WHERE " : " DO UPDATE SET ";
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (s->columns[i].key || (changes && s->schema->columns[i].lineage))
            continue;
        rc = sfx_buf_puts(sql, before, err);
        if (rc == 0 && changes) {
            rc = sfx_merge_quote(sql, s->source->table, err);
            if (rc == 0)
                rc = sfx_buf_putc(sql, '.', err);
        }
        if (rc == 0)
            rc = sfx_merge_quote(sql, s->columns[i].name, err);
        if (rc == 0)
            rc = sfx_buf_puts(sql, changes ? " IS NOT excluded." : "=excluded.", err);
        if (rc == 0)
            rc = sfx_merge_quote(sql, s->columns[i].name, err);
        before = changes ? " OR " : ",";
    }
    return rc;
}

static bool has_changes(const struct sfx_sqlite *s)
{
    size_t i;

    for (i = 0; i < s->schema->ncols; i++) {
        if (!s->columns[i].key && !s->schema->columns[i].lineage)
            return true;
    }
    return false;
}

int sfx_sqlite_put_conflict(struct sfx_sqlite *s, struct sfx_buf *sql, struct sfx_err *err)
{
    int rc;

    if (!s->direct)
        return 0;
    rc = sfx_buf_puts(sql, "ON CONFLICT(", err);
    if (rc == 0)
        rc = put_keys(s, sql, err);
    if (rc == 0)
        rc = sfx_buf_putc(sql, ')', err);
    if (rc == 0 && (s->mode == SFX_SINK_IGNORE || !has_changes(s)))
        return sfx_buf_puts(sql, " DO NOTHING", err);
    if (rc == 0)
        rc = put_others(s, false, sql, err);
    return rc == 0 ? put_others(s, true, sql, err) : rc;
}

void sfx_sqlite_count_direct(struct sfx_sqlite *s, struct sfx_sink_counts *counts)
{
    const uint64_t nput = counts->inserted;
    const uint64_t rest = nput - s->nhooked[0] - s->nhooked[1];

    counts->inserted = s->nhooked[0];
    counts->updated = s->nhooked[1];
    if (s->mode == SFX_SINK_IGNORE)
        counts->duplicate += rest;
    else
        counts->unchanged += rest;
    s->nhooked[0] = s->nhooked[1] = 0;
}

/* --- with a stage ----------------------------------------------------------------------------- */

/* Runs the steps of the plan in s->sql. */
static int run_steps(struct sfx_sqlite *s, const struct sfx_merge_step *steps, int nsteps,
                     struct sfx_sink_counts *counts, struct sfx_err *err)
{
    int i, rc = 0;

    for (i = 0; rc == 0 && i < nsteps; i++) {
        rc = sfx_sqlite_exec(s, s->sql.data + steps[i].at, err);
        if (rc == 0)
            sfx_merge_add(counts, steps[i].count, (uint64_t)sqlite3_changes(s->db));
    }
    return rc;
}

static int make_parents(struct sfx_sqlite *s, const struct sfx_merge *merge, struct sfx_err *err)
{
    int rc = sfx_merge_parents(merge, &s->sql, err);
    const char *sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;

    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_exec(s, sql, err);
}

int sfx_sqlite_merge(struct sfx_sqlite *s, struct sfx_sink_counts *counts, struct sfx_err *err)
{
    struct sfx_merge_column *columns =
        sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*columns), err);
    struct sfx_merge_step steps[SFX_MERGE_MAX_STEPS];
    char now[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_merge merge = {.how = &s->opts.how,
                              .dialect = &dialect,
                              .stage = STAGE,
                              .columns = columns,
                              .ncols = s->schema->ncols,
                              .now = now,
                              .parent = s->parent.source != NULL ? &s->parent.how : NULL};
    const uint64_t nstaged = counts->inserted;
    struct sfx_buf table = {0};
    size_t i;
    int rc;

    if (columns == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < s->schema->ncols; i++)
        columns[i] = (struct sfx_merge_column){.name = s->columns[i].name,
                                               .key = s->columns[i].key,
                                               .quiet = s->schema->columns[i].lineage};
    (void)sfx_clock_format(s->started_ns, now);
    rc = sfx_merge_quote(&table, s->source->table, err);
    merge.table = rc == 0 ? sfx_buf_cstr(&table, err) : NULL;
    if (merge.table == NULL)
        rc = SFX_E_NOMEM;
    if (rc == 0 && s->opts.how.children)
        rc = make_parents(s, &merge, err);
    if (rc == 0)
        rc = sfx_merge_plan(&merge, &s->sql, steps, err);
    if (rc >= 0) {
        counts->inserted = 0;
        rc = run_steps(s, steps, rc, counts, err);
    }
    if (rc == 0 && merge.parent == NULL) /* child rows are not counted */
        rc = sfx_merge_finish(counts, merge.how->mode, nstaged, err);
    if (rc == 0)
        rc = sfx_sqlite_exec(s, "DROP TABLE " STAGE, err);
    sfx_buf_done(&table);
    return rc;
}

int sfx_sqlite_index(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_buf table = {0};
    const size_t start = ddl->len;
    const char *sql;
    int rc = sfx_merge_quote(&table, s->source->table, err);

    sql = rc == 0 ? sfx_buf_cstr(&table, err) : NULL;
    if (sql != NULL)
        rc = sfx_merge_indexes(&s->opts.how, s->schema, s->source->table, sql, ddl, err);
    sfx_buf_done(&table);
    if (rc < 0 || ddl->len == start || s->opts.dry_run)
        return rc;
    sql = sfx_buf_cstr(ddl, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_exec(s, sql + start, err);
}
