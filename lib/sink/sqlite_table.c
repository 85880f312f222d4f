/* SPDX-License-Identifier: MIT */
/*
 * The table of a load: made for the input's columns, or found and checked against them. Names are
 * quoted and never changed, except that SQLite does not tell "id" from "ID": the second becomes
 * ID_2 (or _3 … when that is taken as well).
 */
#include "base/size.h"
#include "sink/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

/* SQLite folds the ASCII letters only. */
static bool same_name(const char *a, const char *b)
{
    return sqlite3_stricmp(a, b) == 0;
}

static bool is_taken(const struct sfx_sqlite *s, size_t ncols, const char *name)
{
    size_t i;

    for (i = 0; i < ncols; i++) {
        if (same_name(s->columns[i].name, name))
            return true;
    }
    return false;
}

/* True when the input itself has a column of that name. */
static bool is_spelled(const struct sfx_sqlite *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->schema->ncols; i++) {
        struct sfx_slice other = s->schema->columns[i].name;

        if (strlen(name) == other.len && sqlite3_strnicmp(name, other.ptr, (int)other.len) == 0)
            return true;
    }
    return false;
}

/* Gives column i its name in the table. */
static int name_column(struct sfx_sqlite *s, size_t i, struct sfx_err *err)
{
    struct sfx_slice given = s->schema->columns[i].name;
    char *name = sfx_arena_strndup(&s->arena, given.ptr, given.len, err);
    unsigned n;

    if (name == NULL)
        return SFX_E_NOMEM;
    if (strlen(name) != given.len)
        return sfx_err_set(err, SFX_E_INPUT, "column %zu: its name \"%s…\" holds a NUL byte", i + 1,
                           name);
    for (n = 2; is_taken(s, i, name) || (n > 2 && is_spelled(s, name)); n++) {
        name = sfx_arena_alloc(&s->arena, given.len + 12, err);
        if (name == NULL)
            return SFX_E_NOMEM;
        (void)snprintf(name, given.len + 12, "%.*s_%u", SFX_SLICE_ARG(given), n);
    }
    s->columns[i].name = name;
    return 0;
}

static int name_columns(struct sfx_sqlite *s, struct sfx_err *err)
{
    size_t max = (size_t)sqlite3_limit(s->db, SQLITE_LIMIT_COLUMN, -1), i;
    int rc = 0;

    if (s->schema->ncols > max)
        return sfx_err_set(err, SFX_E_LIMIT, "%zu columns: SQLite takes %zu at most",
                           s->schema->ncols, max);
    s->columns = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*s->columns), err);
    if (s->columns == NULL)
        return SFX_E_NOMEM;
    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        rc = name_column(s, i, err);
    return rc;
}

static int type_name(const struct sfx_sink_column *column, const char *name, char text[64],
                     struct sfx_err *err)
{
    static const char *const names[] = {
        [SFX_TYPE_TEXT] = "TEXT",
        [SFX_TYPE_INTEGER] = "INTEGER",
        [SFX_TYPE_NUMERIC] = "NUMERIC",
        [SFX_TYPE_REAL] = "REAL",
        [SFX_TYPE_BOOLEAN] = "BOOLEAN",
        [SFX_TYPE_JSON] = "TEXT",
        [SFX_TYPE_DATE] = "DATE",
        [SFX_TYPE_TIMESTAMP] = "TIMESTAMP",
        [SFX_TYPE_TIMESTAMPTZ] = "TIMESTAMPTZ",
    };

    /* 15 digits come back from a double; later inputs may need more of them than this one. */
    if (column->type == SFX_TYPE_DECIMAL && (column->precision > 15 || column->scale > 15))
        return sfx_err_set(err, SFX_E_USAGE,
                           "column \"%s\": SQLite's numbers have 15 digits; decimal(%u,%u) is text "
                           "there",
                           name, column->precision, column->scale);
    if (column->type == SFX_TYPE_DECIMAL)
        (void)snprintf(text, 64, "DECIMAL(%u,%u)", column->precision > 0 ? column->precision : 15,
                       column->scale);
    else
        (void)snprintf(text, 64, "%s", names[column->type]);
    return 0;
}

/* The class goes by affinity; only the names that type_name gives are read back. */
static bool read_type(const struct sfx_ddl_column *col, struct sfx_sink_column *column)
{
    static const enum sfx_type types[] = {SFX_TYPE_TEXT,      SFX_TYPE_INTEGER,    SFX_TYPE_NUMERIC,
                                          SFX_TYPE_REAL,      SFX_TYPE_BOOLEAN,    SFX_TYPE_DATE,
                                          SFX_TYPE_TIMESTAMP, SFX_TYPE_TIMESTAMPTZ};
    struct sfx_ddl_column known = *col;
    char text[64];
    size_t i;

    for (i = 0; i < SFX_COUNT(types); i++) {
        column->type = types[i];
        if (type_name(column, col->name, text, NULL) == 0 && same_name(text, col->declared)) {
            column->scale = 9; /* times are text: any digits */
            return true;
        }
    }
    sfx_sqlite_classify(&known);
    column->type = SFX_TYPE_DECIMAL;
    column->precision = known.precision;
    column->scale = known.scale;
    return known.class == SFX_SQLITE_DECIMAL;
}

/* How a value of the type was is written as text. */
static int put_as_text(const char *name, const struct sfx_sink_column *was, struct sfx_buf *out,
                       struct sfx_err *err)
{
    const char *before = "CAST(", *behind = " AS TEXT)";
    char format[32];
    int rc;

    if (was->type == SFX_TYPE_BOOLEAN) {
        before = "CASE ";
        behind = " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END";
    } else if (was->type == SFX_TYPE_DECIMAL) {
        (void)snprintf(format, sizeof(format), "printf('%%.%uf',", was->scale);
        before = format;
        behind = ")";
    }
    rc = sfx_buf_puts(out, before, err);
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    return rc == 0 ? sfx_buf_puts(out, behind, err) : rc;
}

/* SQLite has no statement for it: another column takes the values, and the name. */
static int alter(const char *target, const char *name, const struct sfx_sink_column *was,
                 const char *text, struct sfx_buf *out, struct sfx_err *err)
{
    const bool as_text = strcmp(text, "TEXT") == 0;
    int rc = sfx_buf_printf(out, err,
                            "ALTER TABLE %s ADD COLUMN _sfx_wide %s;\n"
                            "UPDATE %s SET _sfx_wide=",
                            target, text, target);

    if (rc == 0)
        rc = as_text ? put_as_text(name, was, out, err) : sfx_merge_quote(out, name, err);
    if (rc == 0)
        rc = sfx_buf_puts(out, " WHERE ", err);
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, " IS NOT NULL;\nALTER TABLE %s DROP COLUMN ", target);
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    if (rc == 0)
        rc = sfx_buf_printf(out, err, ";\nALTER TABLE %s RENAME COLUMN _sfx_wide TO ", target);
    if (rc == 0)
        rc = sfx_merge_quote(out, name, err);
    return rc == 0 ? sfx_buf_puts(out, ";\n", err) : rc;
}

static const struct sfx_ddl_dialect dialect = {
    .time = "TIMESTAMPTZ", .folds = true, .type = type_name, .read = read_type, .alter = alter};

/* Looks for the table and notes its columns: 1; 0: there is none. */
static int find_table(struct sfx_sqlite *s, struct sfx_ddl *ddl, struct sfx_err *err)
{
    static const char columns[] =
        "SELECT name, coalesce(type,''), \"notnull\", pk OR \"notnull\" OR EXISTS(SELECT 1 FROM"
        " pragma_index_list(?1) AS l JOIN pragma_index_info(l.name) AS x ON x.name=t.name)"
        " FROM pragma_table_info(?1) AS t";
    sqlite3_stmt *stmt = NULL;
    bool there = false;
    int step = SQLITE_DONE;
    int rc = sfx_sqlite_keep(s, columns, &stmt, err);

    if (rc == 0)
        (void)sqlite3_bind_text(stmt, 1, s->source->table, -1, SQLITE_STATIC);
    while (rc == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        there = true;
        rc = sfx_ddl_note(ddl, (const char *)sqlite3_column_text(stmt, 0),
                          (const char *)sqlite3_column_text(stmt, 1),
                          sqlite3_column_int(stmt, 2) != 0, sqlite3_column_int(stmt, 3) != 0, err);
    }
    if (rc == 0 && step != SQLITE_DONE)
        rc = sfx_sqlite_fail(s, step, err);
    sfx_sqlite_release(stmt); /* an open read would refuse what follows */
    return rc < 0 ? rc : there;
}

/* Rows that this load replaces, if it is the first of the run into its table. */
static int clear_table(struct sfx_sqlite *s, const char *target, struct sfx_err *err)
{
    const bool drop = s->mode == SFX_SINK_REPLACE;
    const char *sql;
    int rc;

    sfx_buf_clear(&s->sql);
    rc = sfx_buf_printf(&s->sql, err, "%s %s", drop ? "DROP TABLE" : "DELETE FROM", target);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return SFX_E_NOMEM;
    rc = sfx_sqlite_exec(s, sql, err);
    if (rc == 0 && !drop)
        s->nremoved += (uint64_t)sqlite3_changes(s->db);
    return rc;
}

/* The table as it is to be, made or found. */
static int settle_table(struct sfx_sqlite *s, struct sfx_ddl *ddl, struct sfx_buf *out,
                        struct sfx_err *err)
{
    const bool replaces = s->mode == SFX_SINK_REPLACE;
    const size_t start = out->len;
    const char *sql;
    size_t i;
    int rc = find_table(s, ddl, err);
    const bool there = rc > 0;

    for (i = 0; replaces && i < s->schema->ncols; i++)
        s->columns[i].declared = NULL;
    if (there && (replaces || s->mode == SFX_SINK_TRUNCATE) && !s->opts.dry_run) {
        if (s->opts.how.children)
            rc = sfx_sqlite_each_child(s, s->source->table, "_parent_",
                                       replaces ? "DROP TABLE " : "DELETE FROM ", "", err);
        if (rc >= 0)
            rc = clear_table(s, ddl->target, err);
    }
    if (rc >= 0)
        rc = sfx_ddl_settle(ddl, there && !replaces, out, err);
    if (rc < 0 || s->opts.dry_run || out->len == start)
        return rc;
    sql = sfx_buf_cstr(out, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_exec(s, sql + start, err);
}

/* Gets ready to find the table, or to make it. */
static int begin_table(struct sfx_sqlite *s, struct sfx_ddl *table, struct sfx_err *err)
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
    sfx_buf_clear(&s->sql);
    if (rc == 0)
        rc = sfx_merge_quote(&s->sql, s->source->table, err);
    if (rc < 0)
        return rc;
    table->target = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    return table->target == NULL ? SFX_E_NOMEM : 0;
}

int sfx_sqlite_lacks(struct sfx_sink *sink, const struct sfx_sink_schema *schema, bool *lacks,
                     struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    struct sfx_ddl table;
    int rc;

    s->schema = schema;
    rc = begin_table(s, &table, err);
    if (rc == 0)
        rc = find_table(s, &table, err);
    sfx_ddl_lacks(&table, rc > 0 && s->mode != SFX_SINK_REPLACE, lacks);
    return rc < 0 ? rc : 0;
}

int sfx_sqlite_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    struct sfx_ddl table;
    size_t i;
    int rc = begin_table(s, &table, err);

    if (rc == 0)
        rc = sfx_ddl_keys(&table, err);
    if (rc == 0)
        rc = settle_table(s, &table, ddl, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        sfx_sqlite_classify(&s->columns[i]);
    return rc;
}
