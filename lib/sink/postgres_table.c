/* SPDX-License-Identifier: MIT */
/*
 * The table of a load in PostgreSQL: made for the input's columns, or found and checked against
 * them. Names are quoted and never changed; the server would cut one of more than 63 bytes, so that
 * is refused. "sales.orders" is the table orders of the schema sales, if there is such a schema.
 */
#include "base/size.h"
#include "sink/ledger.h"
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

/* A copy of the value in s->names. */
static const char *keep(struct sfx_postgres *s, const PGresult *result, int row, int column,
                        struct sfx_err *err)
{
    const char *text = s->pq.getvalue(result, row, column);

    return sfx_arena_strndup(&s->names, text, strlen(text), err);
}

/* $1 is the table's name, $2 the load's key. The last column says whether the ledger is in the
 * table's schema. */
#define LOCK "pg_advisory_xact_lock(hashtextextended($1::text || chr(10) || $2::text, 0))"
#define RESOLVE(more)                                                                              \
    "SELECT n, t, n=(SELECT s.nspname::text FROM pg_class c JOIN pg_namespace s ON"                \
    " s.oid=c.relnamespace WHERE c.oid=to_regclass('" SFX_LEDGER "'))" more                        \
    " FROM (SELECT CASE WHEN q THEN split_part($1,'.',1) ELSE current_schema()::text END AS n,"    \
    " CASE WHEN q THEN substr($1, strpos($1,'.')+1) ELSE $1 END AS t"                              \
    " FROM (SELECT strpos($1,'.')>1 AND EXISTS("                                                   \
    "SELECT 1 FROM pg_namespace WHERE nspname=split_part($1,'.',1)) AS q) AS split) AS named"

static int ask_names(struct sfx_postgres *s, const char *params[2], struct sfx_err *err)
{
    static const char look[] = RESOLVE(""), lock[] = RESOLVE("," LOCK);
    PGresult *result;
    bool beside;

    s->held = false;
    sfx_arena_reset(&s->names);
    result =
        sfx_postgres_query(s, s->opts.dry_run ? look : lock, s->opts.dry_run ? 1 : 2, params, err);
    if (result == NULL)
        return err->code;
    if (s->pq.getisnull(result, 0, 0)) {
        s->pq.clear(result);
        return sfx_err_set(err, SFX_E_USAGE, "no schema of the search_path exists");
    }
    s->asked = sfx_arena_strndup(&s->names, params[0], strlen(params[0]), err);
    s->namespace = keep(s, result, 0, 0, err);
    s->table = keep(s, result, 0, 1, err);
    beside = s->pq.getvalue(result, 0, 2)[0] == 't';
    s->pq.clear(result);
    if (s->asked == NULL || s->namespace == NULL || s->table == NULL)
        return SFX_E_NOMEM;
    if (strlen(s->table) > NAME_NBYTES)
        return sfx_err_set(err, SFX_E_USAGE, "the table's name has more than %d bytes",
                           NAME_NBYTES);
    sfx_buf_clear(&s->sql);
    if (put_table(s, &s->sql, s->table, err) < 0)
        return SFX_E_NOMEM;
    s->target = sfx_arena_strndup(&s->names, s->sql.data, s->sql.len, err);
    s->noted = beside ? s->table : s->target;
    return s->target == NULL ? SFX_E_NOMEM : 0;
}

int sfx_postgres_resolve(struct sfx_postgres *s, struct sfx_err *err)
{
    static const char lock[] = "SELECT " LOCK;
    const char *params[] = {s->source->table, s->source->key};

    if (s->held && strcmp(s->asked, s->source->table) == 0)
        return sfx_postgres_queue(s, lock, SFX_COUNT(params), params, err);
    return ask_names(s, params, err);
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
static int type_name(const struct sfx_sink_column *column, const char *name, char text[64],
                     struct sfx_err *err)
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
    const bool zoned = column->type == SFX_TYPE_TIMESTAMPTZ;

    (void)name;
    (void)err;
    if (column->type == SFX_TYPE_DECIMAL)
        (void)snprintf(text, 64, "numeric(%u,%u)", column->precision > 0 ? column->precision : 38,
                       column->scale);
    else if ((zoned || column->type == SFX_TYPE_TIMESTAMP) && column->scale > 6)
        (void)snprintf(text, 64, "text"); /* microseconds are what the server has */
    else if (zoned || column->type == SFX_TYPE_TIMESTAMP)
        (void)snprintf(text, 64, "timestamp(%u) %s time zone", column->scale,
                       zoned ? "with" : "without");
    else
        (void)snprintf(text, 64, "%s", names[column->type]);
    return 0;
}

static bool read_type(const struct sfx_ddl_column *col, struct sfx_sink_column *column)
{
    static const struct {
        int class;
        enum sfx_type type;
    } types[] = {
        {SFX_POSTGRES_TEXT, SFX_TYPE_TEXT},
        {SFX_POSTGRES_BOOL, SFX_TYPE_BOOLEAN},
        {SFX_POSTGRES_INT2, SFX_TYPE_INTEGER},
        {SFX_POSTGRES_INT4, SFX_TYPE_INTEGER},
        {SFX_POSTGRES_FLOAT4, SFX_TYPE_REAL},
        {SFX_POSTGRES_INT8, SFX_TYPE_INTEGER},
        {SFX_POSTGRES_FLOAT8, SFX_TYPE_REAL},
        {SFX_POSTGRES_NUMERIC, SFX_TYPE_NUMERIC},
        {SFX_POSTGRES_DATE, SFX_TYPE_DATE},
        {SFX_POSTGRES_TIMESTAMP, SFX_TYPE_TIMESTAMP},
        {SFX_POSTGRES_TIMESTAMPTZ, SFX_TYPE_TIMESTAMPTZ},
        {SFX_POSTGRES_JSON, SFX_TYPE_JSON},
        {SFX_POSTGRES_JSONB, SFX_TYPE_JSON},
    };
    struct sfx_ddl_column known = *col;
    size_t i;

    sfx_postgres_classify(&known);
    for (i = 0; i < SFX_COUNT(types) && types[i].class != known.class;)
        i++;
    if (i == SFX_COUNT(types) || known.max_chars > 0)
        return false;
    column->type = known.bounded ? SFX_TYPE_DECIMAL : types[i].type;
    column->precision = known.precision;
    column->scale = known.scale;
    return true;
}

static int alter(const char *target, const char *name, const struct sfx_sink_column *was,
                 const char *text, struct sfx_buf *out, struct sfx_err *err)
{
    int rc = sfx_buf_printf(out, err, "ALTER TABLE %s ALTER COLUMN ", target);

    (void)was;
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, " TYPE %s USING ", text);
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    return rc == 0 ? sfx_buf_printf(out, err, "::%s;\n", text) : rc;
}

static const struct sfx_ddl_dialect dialect = {
    .time = "timestamp with time zone", .type = type_name, .read = read_type, .alter = alter};

/* Sets s->found to the table's columns: name, type, NOT NULL without anything that would fill it;
 * none: no table. The last column says whether rows that fit may be refused: keys, checks,
 * triggers, domains. */
static int find_table(struct sfx_postgres *s, struct sfx_err *err)
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

    if (s->held)
        return 0;
    s->pq.clear(s->found);
    s->found = sfx_postgres_query(s, sql, SFX_COUNT(params), params, err);
    return s->found == NULL ? (int)err->code : 0;
}

/* The table will be another one than was found. */
static void forget_table(struct sfx_postgres *s)
{
    s->pq.clear(s->found);
    s->found = NULL;
    s->held = false;
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

static int note_columns(struct sfx_postgres *s, struct sfx_ddl *ddl, struct sfx_err *err)
{
    const PGresult *result = s->found;
    const int nrows = s->pq.ntuples(result);
    int row, rc = 0;

    for (row = 0; rc == 0 && row < nrows; row++) {
        s->guarded = s->guarded || s->pq.getvalue(result, row, 3)[0] == 't';
        rc = sfx_ddl_note(ddl, s->pq.getvalue(result, row, 0), s->pq.getvalue(result, row, 1),
                          s->pq.getvalue(result, row, 2)[0] == 't', false, err);
    }
    return rc;
}

/* A key that is there costs each row a search; one that is made of all rows, a sort. */
static int note_key(struct sfx_postgres *s, const struct sfx_ddl *ddl, struct sfx_err *err)
{
    sfx_buf_clear(&s->sql);
    if (sfx_ddl_key(ddl, &s->sql, err) < 0)
        return SFX_E_NOMEM;
    if (s->sql.len == 0)
        return 0;
    s->key = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    return s->key == NULL ? SFX_E_NOMEM : 0;
}

int sfx_postgres_key(struct sfx_postgres *s, struct sfx_err *err)
{
    const char *key = s->key;

    s->key = NULL;
    return key != NULL ? sfx_postgres_exec(s, key, err) : 0;
}

/* Two sessions that make a table at once would meet in the catalogue: the second one waits for the
 * first one's end, and looks again. */
static int lock_new(struct sfx_postgres *s, struct sfx_err *err)
{
    static const char lock[] = "SELECT pg_advisory_xact_lock(hashtextextended($1,1))";
    PGresult *result = sfx_postgres_query(s, lock, 1, &s->target, err);

    if (result == NULL)
        return err->code;
    s->pq.clear(result);
    return 0;
}

static int find_or_lock(struct sfx_postgres *s, struct sfx_err *err)
{
    int rc = find_table(s, err);

    if (rc < 0 || s->pq.ntuples(s->found) > 0 || s->opts.dry_run)
        return rc;
    rc = lock_new(s, err);
    return rc == 0 ? find_table(s, err) : rc;
}

/* The table as it is to be, made or found. */
static int settle_table(struct sfx_postgres *s, struct sfx_ddl *ddl, struct sfx_buf *out,
                        struct sfx_err *err)
{
    const bool replaces = s->mode == SFX_SINK_REPLACE;
    const size_t start = out->len;
    const char *sql;
    bool there;
    int rc = find_or_lock(s, err);

    if (rc < 0)
        return rc;
    there = s->pq.ntuples(s->found) > 0;
    rc = replaces ? 0 : note_columns(s, ddl, err);
    if (rc == 0 && there && s->opts.how.children && !s->opts.dry_run &&
        (replaces || s->mode == SFX_SINK_TRUNCATE))
        rc = sfx_postgres_each_child(s, s->target, "_parent_",
                                     replaces ? "DROP TABLE " : "DELETE FROM ", "", err);
    if (rc == 0 && there && s->mode == SFX_SINK_TRUNCATE && !s->opts.dry_run)
        rc = clear_table(s, err);
    if (rc == 0 && there && replaces && !s->opts.dry_run)
        rc = name_new(s, err);
    if (!there || replaces)
        s->guarded = s->opts.how.nkeys > 0;
    ddl->target = s->into;
    ddl->key_later = !s->opts.dry_run && !sfx_merge_stages(s->mode);
    if (rc == 0)
        rc = sfx_ddl_settle(ddl, there && !replaces, out, err);
    if (rc < 0 || s->opts.dry_run || out->len == start)
        return rc;
    forget_table(s);
    sql = sfx_buf_cstr(out, err);
    rc = sql == NULL ? SFX_E_NOMEM : sfx_postgres_exec(s, sql + start, err);
    return rc == 0 && ddl->key_later && (!there || replaces) ? note_key(s, ddl, err) : rc;
}

/* Gets ready to find the table, or to make it. */
static int begin_table(struct sfx_postgres *s, struct sfx_ddl *table, struct sfx_err *err)
{
    int rc = name_columns(s, err);

    *table = (struct sfx_ddl){
        .dialect = &dialect,
        .how = &s->opts.how,
        .schema = s->schema,
        .mode = s->mode,
        .columns = s->columns,
        .arena = &s->arena,
    };
    return rc;
}

int sfx_postgres_lacks(struct sfx_sink *sink, const struct sfx_sink_schema *schema, bool *lacks,
                       struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    struct sfx_ddl table;
    int rc;

    s->schema = schema;
    rc = begin_table(s, &table, err);
    if (rc == 0)
        rc = find_table(s, err);
    if (rc < 0)
        return rc;
    rc = note_columns(s, &table, err);
    sfx_ddl_lacks(&table, s->pq.ntuples(s->found) > 0 && s->mode != SFX_SINK_REPLACE, lacks);
    return rc;
}

int sfx_postgres_table(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_ddl table;
    size_t i;
    int rc;

    s->guarded = false;
    s->text_copy = false;
    s->key = NULL;
    s->into = s->target;
    rc = begin_table(s, &table, err);
    if (rc == 0)
        rc = sfx_ddl_keys(&table, err);
    if (rc == 0)
        rc = settle_table(s, &table, ddl, err);
    s->guarded = s->guarded && !sfx_merge_stages(s->mode);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        sfx_postgres_classify(&s->columns[i]);
        if (s->columns[i].class == SFX_POSTGRES_OTHER)
            s->text_copy = s->guarded = true;
    }
    return rc;
}
