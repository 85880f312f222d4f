/* SPDX-License-Identifier: MIT */
/*
 * The table of a load in PostgreSQL: made for the input's columns, or found and checked against
 * them. Names are quoted and never changed; the server would cut one of more than 63 bytes, so that
 * is refused. "sales.orders" is the table orders of the schema sales, if there is such a schema.
 */
#include "base/size.h"
#include "sink/postgres_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_NBYTES 63   /* NAMEDATALEN - 1 */
#define MAX_COLUMNS 1600 /* MaxHeapAttributeNumber */

static int put_table(struct sfx_postgres *s, struct sfx_buf *sql, const char *table,
                     struct sfx_err *err)
{
    int rc = sfx_merge_quote(sql, s->namespace, err);

    if (rc == 0)
        rc = sfx_buf_putc(sql, '.', err);
    return rc == 0 ? sfx_merge_quote(sql, table, err) : rc;
}

/* A copy of row 0's value in the arena. */
static const char *keep(struct sfx_postgres *s, const PGresult *result, int row, int column,
                        struct sfx_err *err)
{
    const char *text = s->pq.getvalue(result, row, column);

    return sfx_arena_strndup(&s->arena, text, strlen(text), err);
}

int sfx_postgres_resolve(struct sfx_postgres *s, struct sfx_err *err)
{
    static const char sql[] =
        "SELECT CASE WHEN q THEN split_part($1,'.',1) ELSE current_schema() END,"
        " CASE WHEN q THEN substr($1, strpos($1,'.')+1) ELSE $1 END FROM (SELECT strpos($1,'.')>1"
        " AND EXISTS(SELECT 1 FROM pg_namespace WHERE nspname=split_part($1,'.',1)) AS q) AS split";
    const char *params[] = {s->source->table};
    PGresult *result;

    result = sfx_postgres_query(s, sql, 1, params, err);
    if (result == NULL)
        return err->code;
    if (s->pq.getisnull(result, 0, 0)) {
        s->pq.clear(result);
        return sfx_err_set(err, SFX_E_USAGE, "no schema of the search_path exists");
    }
    s->namespace = keep(s, result, 0, 0, err);
    s->table = keep(s, result, 0, 1, err);
    s->pq.clear(result);
    if (s->namespace == NULL || s->table == NULL)
        return SFX_E_NOMEM;
    if (strlen(s->table) > NAME_NBYTES)
        return sfx_err_set(err, SFX_E_USAGE, "the table's name has more than %d bytes",
                           NAME_NBYTES);
    sfx_buf_clear(&s->sql);
    if (put_table(s, &s->sql, s->table, err) < 0)
        return SFX_E_NOMEM;
    s->target = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    return s->target == NULL ? SFX_E_NOMEM : 0;
}

static int name_columns(struct sfx_postgres *s, struct sfx_err *err)
{
    size_t i;

    if (s->schema->ncols > MAX_COLUMNS)
        return sfx_err_set(err, SFX_E_LIMIT, "%zu columns: PostgreSQL takes %d at most",
                           s->schema->ncols, MAX_COLUMNS);
    s->columns = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*s->columns), err);
    if (s->columns == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < s->schema->ncols; i++) {
        struct sfx_slice given = s->schema->columns[i].name;

        if (given.len == 0)
            return sfx_err_set(err, SFX_E_INPUT, "column %zu has no name; rename it first", i + 1);
        if (given.len > NAME_NBYTES)
            return sfx_err_set(err, SFX_E_INPUT,
                               "column \"%.*s…\": PostgreSQL keeps %d bytes of a name; rename it "
                               "first",
                               NAME_NBYTES, given.ptr, NAME_NBYTES);
        if (memchr(given.ptr, '\0', given.len) != NULL)
            return sfx_err_set(err, SFX_E_INPUT, "column %zu: its name holds a NUL byte", i + 1);
        s->columns[i].name = sfx_arena_strndup(&s->arena, given.ptr, given.len, err);
        if (s->columns[i].name == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

/* The type that gives every value back as its text: numeric keeps the digits, json the spelling. */
static int declare(struct sfx_postgres *s, size_t i, struct sfx_err *err)
{
    static const char *const names[] = {
        [SFX_TYPE_TEXT] = "text",
        [SFX_TYPE_INTEGER] = "bigint",
        [SFX_TYPE_NUMERIC] = "numeric",
        [SFX_TYPE_REAL] = "double precision",
        [SFX_TYPE_BOOLEAN] = "boolean",
        [SFX_TYPE_JSON] = "json",
        [SFX_TYPE_DATE] = "date",
        [SFX_TYPE_TIMESTAMP] = "timestamp without time zone",
        [SFX_TYPE_TIMESTAMPTZ] = "timestamp with time zone",
    };
    const struct sfx_sink_column *given = &s->schema->columns[i];
    const bool zoned = given->type == SFX_TYPE_TIMESTAMPTZ;
    char text[48];

    if (given->type == SFX_TYPE_DECIMAL)
        (void)snprintf(text, sizeof(text), "numeric(%u,%u)",
                       given->precision > 0 ? given->precision : 38, given->scale);
    else if ((zoned || given->type == SFX_TYPE_TIMESTAMP) && given->scale > 6)
        (void)snprintf(text, sizeof(text), "text"); /* microseconds are what the server has */
    else if (zoned || given->type == SFX_TYPE_TIMESTAMP)
        (void)snprintf(text, sizeof(text), "timestamp(%u) %s time zone", given->scale,
                       zoned ? "with" : "without");
    else
        (void)snprintf(text, sizeof(text), "%s", names[given->type]);
    s->columns[i].declared = sfx_arena_strndup(&s->arena, text, strlen(text), err);
    return s->columns[i].declared == NULL ? SFX_E_NOMEM : 0;
}

/* PRIMARY KEY(…), but for a history, in which keys come again. */
static int put_key(const struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *before = ",\n  PRIMARY KEY(";
    size_t i;
    int rc = 0;

    if (s->opts.how.nkeys == 0 || s->mode == SFX_SINK_SCD2)
        return 0;
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (!s->columns[i].key)
            continue;
        rc = sfx_buf_puts(ddl, before, err);
        if (rc == 0)
            rc = sfx_merge_quote(ddl, s->columns[i].name, err);
        before = ", ";
    }
    return rc == 0 ? sfx_buf_putc(ddl, ')', err) : rc;
}

/* The columns of the mode. */
static int put_own(const struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(s->mode);
    int rc = 0;

    for (; rc == 0 && *own != NULL; own++)
        rc = sfx_buf_printf(ddl, err, ",\n  \"%s\" timestamp with time zone", *own);
    return rc;
}

static int create_table(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    size_t start = ddl->len, i;
    const char *sql;
    int rc = sfx_buf_puts(ddl, "CREATE TABLE ", err);

    if (rc == 0)
        rc = sfx_buf_puts(ddl, s->into, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_puts(ddl, i > 0 ? ",\n  " : "(\n  ", err);
        if (rc == 0)
            rc = sfx_merge_quote(ddl, s->columns[i].name, err);
        if (rc == 0)
            rc = declare(s, i, err);
        if (rc == 0)
            rc = sfx_buf_printf(ddl, err, " %s%s", s->columns[i].declared,
                                s->columns[i].key || s->schema->columns[i].not_null ? " NOT NULL"
                                                                                    : "");
    }
    if (rc == 0)
        rc = put_own(s, ddl, err);
    if (rc == 0)
        rc = put_key(s, ddl, err);
    if (rc == 0)
        rc = sfx_buf_puts(ddl, "\n);\n", err);
    s->guarded = s->opts.how.nkeys > 0;
    for (i = 0; i < s->schema->ncols; i++)
        s->columns[i].not_null = s->schema->columns[i].not_null;
    sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return s->opts.dry_run ? 0 : sfx_postgres_exec(s, sql + start, err);
}

/* The table's columns: name, type, NOT NULL without anything that would fill it; none: no table.
 * The last column says whether rows that fit may be refused: keys, checks, triggers, domains. */
static PGresult *find_table(struct sfx_postgres *s, struct sfx_err *err)
{
    static const char sql[] =
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
        " c.relhastriggers OR t.typtype='d' OR EXISTS(SELECT 1 FROM pg_constraint k WHERE"
        " k.conrelid=c.oid) OR EXISTS(SELECT 1 FROM pg_index i WHERE i.indrelid=c.oid AND"
        " i.indisunique)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped"
        " JOIN pg_type t ON t.oid=a.atttypid"
        " WHERE n.nspname=$1 AND c.relname=$2 ORDER BY a.attnum";
    const char *params[] = {s->namespace, s->table};

    return sfx_postgres_query(s, sql, SFX_COUNT(params), params, err);
}

/* Adds the input's column i to the table. */
static int add_column(struct sfx_postgres *s, size_t i, struct sfx_buf *ddl, struct sfx_err *err)
{
    const size_t start = ddl->len;
    const char *sql;
    int rc = declare(s, i, err);

    if (rc == 0)
        rc = sfx_buf_printf(ddl, err, "ALTER TABLE %s ADD COLUMN ", s->target);
    if (rc == 0)
        rc = sfx_merge_quote(ddl, s->columns[i].name, err);
    if (rc == 0)
        rc = sfx_buf_printf(ddl, err, " %s;\n", s->columns[i].declared);
    sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return s->opts.dry_run ? 0 : sfx_postgres_exec(s, sql + start, err);
}

static int note_column(struct sfx_postgres *s, const PGresult *result, int row, struct sfx_err *err)
{
    const char *name = s->pq.getvalue(result, row, 0);
    size_t i;

    if (s->pq.getvalue(result, row, 3)[0] == 't')
        s->guarded = true;
    for (i = 0; i < s->schema->ncols; i++) {
        struct sfx_postgres_column *col = &s->columns[i];

        if (strcmp(col->name, name) != 0)
            continue;
        col->declared = keep(s, result, row, 1, err);
        col->not_null = s->pq.getvalue(result, row, 2)[0] == 't';
        return col->declared == NULL ? SFX_E_NOMEM : 0;
    }
    return 0;
}

static int check_table(struct sfx_postgres *s, const PGresult *result, struct sfx_err *err)
{
    const int nrows = s->pq.ntuples(result);
    size_t i;
    int row, rc = 0;

    for (row = 0; rc == 0 && row < nrows; row++)
        rc = note_column(s, result, row, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (s->columns[i].declared == NULL && s->opts.how.evolve == SFX_SINK_STRICT &&
            !s->schema->columns[i].lineage)
            rc = sfx_err_set(err, SFX_E_INPUT,
                             "column \"%s\" is not in table %s: add it (--evolve=add) or drop it "
                             "from the input (sfx-transform 'drop …')",
                             s->columns[i].name, s->target);
    }
    return rc;
}

/* Adds the columns of the mode that a table which exists lacks. */
static int add_own(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(s->mode);
    const size_t start = ddl->len;
    const char *sql;
    int rc = 0;

    for (; rc == 0 && *own != NULL; own++)
        rc = sfx_buf_printf(ddl, err,
                            "ALTER TABLE %s ADD COLUMN IF NOT EXISTS \"%s\" timestamp with time "
                            "zone;\n",
                            s->target, *own);
    sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return s->opts.dry_run || ddl->len == start ? 0 : sfx_postgres_exec(s, sql + start, err);
}

static int mark_keys(struct sfx_postgres *s, struct sfx_err *err)
{
    bool *is_key = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*is_key), err);
    size_t i;
    int rc = is_key == NULL ? SFX_E_NOMEM : sfx_merge_keys(&s->opts.how, s->schema, is_key, err);

    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        s->columns[i].key = is_key[i];
    return rc;
}

/* The rows that this load replaces. */
static int clear_table(struct sfx_postgres *s, struct sfx_err *err)
{
    const char *sql;

    sfx_buf_clear(&s->sql);
    if (sfx_buf_printf(&s->sql, err, "DELETE FROM %s", s->target) < 0)
        return SFX_E_NOMEM;
    sql = sfx_buf_cstr(&s->sql, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_postgres_change(s, sql, &s->nremoved, err);
}

/* A new table is made beside the one that it will replace, so that readers need not wait. */
static int name_new(struct sfx_postgres *s, struct sfx_err *err)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "_sfx_new_%d", s->pq.backend_pid(s->db));
    sfx_buf_clear(&s->sql);
    if (put_table(s, &s->sql, name, err) < 0)
        return SFX_E_NOMEM;
    s->into = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    return s->into == NULL ? SFX_E_NOMEM : 0;
}

/* The table as it is to be, made or found. */
static int settle_table(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    PGresult *result = find_table(s, err);
    bool there;
    size_t i;
    int rc;

    if (result == NULL)
        return err->code;
    there = s->pq.ntuples(result) > 0;
    rc = there && s->mode != SFX_SINK_REPLACE ? check_table(s, result, err) : 0;
    s->pq.clear(result);
    if (rc == 0 && there && s->mode == SFX_SINK_TRUNCATE && !s->opts.dry_run)
        rc = clear_table(s, err);
    if (rc == 0 && there && s->mode == SFX_SINK_REPLACE && !s->opts.dry_run)
        rc = name_new(s, err);
    if (rc < 0)
        return rc;
    if (!there || s->mode == SFX_SINK_REPLACE)
        return create_table(s, ddl, err);
    rc = add_own(s, ddl, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (s->columns[i].declared == NULL)
            rc = add_column(s, i, ddl, err);
    }
    return rc;
}

int sfx_postgres_table(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    size_t i;
    int rc;

    s->guarded = false;
    s->text_copy = false;
    s->nremoved = 0;
    s->into = s->target;
    rc = name_columns(s, err);
    if (rc == 0)
        rc = mark_keys(s, err);
    if (rc == 0)
        rc = settle_table(s, ddl, err);
    s->guarded = s->guarded && !sfx_merge_stages(s->mode);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        sfx_postgres_classify(&s->columns[i]);
        if (s->columns[i].class == SFX_POSTGRES_OTHER)
            s->text_copy = s->guarded = true;
    }
    return rc;
}
