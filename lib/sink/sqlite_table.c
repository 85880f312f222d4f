/* SPDX-License-Identifier: MIT */
/*
 * The table of a load: made for the input's columns, or found and checked against them. Names are
 * quoted and never changed, except that SQLite does not tell "id" from "ID": the second becomes
 * ID_2 (or _3 … when that is taken as well).
 */
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

static int declare(struct sfx_sqlite *s, size_t i, struct sfx_err *err)
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
    const struct sfx_sink_column *given = &s->schema->columns[i];
    char text[32];

    /* 15 digits come back from a double; later inputs may need more of them than this one. */
    if (given->type == SFX_TYPE_DECIMAL && (given->precision > 15 || given->scale > 15))
        return sfx_err_set(err, SFX_E_USAGE,
                           "column \"%s\": SQLite's numbers have 15 digits; decimal(%u,%u) is text "
                           "there",
                           s->columns[i].name, given->precision, given->scale);
    if (given->type == SFX_TYPE_DECIMAL)
        (void)snprintf(text, sizeof(text), "DECIMAL(%u,%u)",
                       given->precision > 0 ? given->precision : 15, given->scale);
    else
        (void)snprintf(text, sizeof(text), "%s", names[given->type]);
    s->columns[i].declared = sfx_arena_strndup(&s->arena, text, strlen(text), err);
    return s->columns[i].declared == NULL ? SFX_E_NOMEM : 0;
}

/* PRIMARY KEY(…), but for a history, in which keys come again. */
static int put_key(const struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *before = ",\n  PRIMARY KEY(";
    size_t i;
    int rc = 0;

    if (s->opts.how.nkeys == 0 || s->opts.how.mode == SFX_SINK_SCD2)
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
static int put_own(const struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(s->opts.how.mode);
    int rc = 0;

    for (; rc == 0 && *own != NULL; own++)
        rc = sfx_buf_printf(ddl, err, ",\n  \"%s\" TIMESTAMPTZ", *own);
    return rc;
}

static int create_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    size_t start = ddl->len, i;
    const char *sql;
    int rc = sfx_buf_puts(ddl, "CREATE TABLE ", err);

    if (rc == 0)
        rc = sfx_merge_quote(ddl, s->source->table, err);
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
    sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    if (s->opts.dry_run)
        return 0;
    return sfx_sqlite_exec(s, sql + start, err);
}

/* Looks for the table: 1 and *stmt stands on its first column; 0: there is none. */
static int find_table(struct sfx_sqlite *s, sqlite3_stmt **stmt, struct sfx_err *err)
{
    int rc = sfx_sqlite_compile(s, "SELECT name, type FROM pragma_table_info(?)", stmt, err);

    if (rc < 0)
        return rc;
    (void)sqlite3_bind_text(*stmt, 1, s->source->table, -1, SQLITE_STATIC);
    rc = sqlite3_step(*stmt);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : sfx_sqlite_fail(s, rc, err);
}

/* Adds the input's column i to the table. */
static int add_column(struct sfx_sqlite *s, size_t i, struct sfx_buf *ddl, struct sfx_err *err)
{
    const size_t start = ddl->len;
    const char *sql;
    int rc = declare(s, i, err);

    if (rc == 0)
        rc = sfx_buf_puts(ddl, "ALTER TABLE ", err);
    if (rc == 0)
        rc = sfx_merge_quote(ddl, s->source->table, err);
    if (rc == 0)
        rc = sfx_buf_puts(ddl, " ADD COLUMN ", err);
    if (rc == 0)
        rc = sfx_merge_quote(ddl, s->columns[i].name, err);
    if (rc == 0)
        rc = sfx_buf_printf(ddl, err, " %s;\n", s->columns[i].declared);
    sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    return s->opts.dry_run ? 0 : sfx_sqlite_exec(s, sql + start, err);
}

/* Notes the declared type of the table's column where the input has it too. */
static int note_column(struct sfx_sqlite *s, const char *name, const char *type,
                       struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < s->schema->ncols; i++) {
        if (!same_name(s->columns[i].name, name))
            continue;
        s->columns[i].declared = sfx_arena_strndup(&s->arena, type, strlen(type), err);
        return s->columns[i].declared == NULL ? SFX_E_NOMEM : 0;
    }
    return 0;
}

static int check_table(struct sfx_sqlite *s, sqlite3_stmt *stmt, struct sfx_err *err)
{
    size_t i;
    int rc, step;

    do {
        const char *type = (const char *)sqlite3_column_text(stmt, 1);

        rc = note_column(s, (const char *)sqlite3_column_text(stmt, 0), type != NULL ? type : "",
                         err);
        if (rc < 0)
            return rc;
        step = sqlite3_step(stmt);
    } while (step == SQLITE_ROW);
    if (step != SQLITE_DONE)
        return sfx_sqlite_fail(s, step, err);
    for (i = 0; i < s->schema->ncols; i++) {
        if (s->columns[i].declared == NULL && s->opts.how.evolve == SFX_SINK_STRICT &&
            !s->schema->columns[i].lineage)
            return sfx_err_set(
                err, SFX_E_INPUT,
                "column \"%s\" is not in table \"%s\": add it (--evolve=add) or drop "
                "it from the input (sfx-transform 'drop …')",
                s->columns[i].name, s->source->table);
    }
    return 0;
}

/* Adds the columns of the mode that a table which exists lacks. */
static int add_own(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const char *const *own = sfx_merge_own_columns(s->opts.how.mode);
    const char *sql;
    int rc = 0;

    for (; rc == 0 && *own != NULL; own++) {
        const size_t start = ddl->len;

        if (sqlite3_table_column_metadata(s->db, NULL, s->source->table, *own, NULL, NULL, NULL,
                                          NULL, NULL) == SQLITE_OK)
            continue;
        rc = sfx_buf_puts(ddl, "ALTER TABLE ", err);
        if (rc == 0)
            rc = sfx_merge_quote(ddl, s->source->table, err);
        if (rc == 0)
            rc = sfx_buf_printf(ddl, err, " ADD COLUMN \"%s\" TIMESTAMPTZ;\n", *own);
        sql = rc == 0 ? sfx_buf_cstr(ddl, err) : NULL;
        if (rc == 0 && sql == NULL)
            rc = SFX_E_NOMEM;
        if (rc == 0 && !s->opts.dry_run)
            rc = sfx_sqlite_exec(s, sql + start, err);
    }
    return rc;
}

/* Rows that this load replaces, if it is the first of the run into its table. */
static int clear_table(struct sfx_sqlite *s, struct sfx_err *err)
{
    const bool drop = s->mode == SFX_SINK_REPLACE;
    const char *sql;
    int rc;

    sfx_buf_clear(&s->sql);
    rc = sfx_buf_puts(&s->sql, drop ? "DROP TABLE " : "DELETE FROM ", err);
    if (rc == 0)
        rc = sfx_merge_quote(&s->sql, s->source->table, err);
    sql = rc == 0 ? sfx_buf_cstr(&s->sql, err) : NULL;
    if (sql == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    rc = sfx_sqlite_exec(s, sql, err);
    if (rc == 0 && !drop)
        s->nremoved = (uint64_t)sqlite3_changes(s->db);
    return rc;
}

static int mark_keys(struct sfx_sqlite *s, struct sfx_err *err)
{
    bool *is_key = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*is_key), err);
    size_t i;
    int rc = is_key == NULL ? SFX_E_NOMEM : sfx_merge_keys(&s->opts.how, s->schema, is_key, err);

    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        s->columns[i].key = is_key[i];
    return rc;
}

int sfx_sqlite_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    const bool replaces = s->mode == SFX_SINK_REPLACE;
    const bool clears = replaces || s->mode == SFX_SINK_TRUNCATE;
    sqlite3_stmt *stmt = NULL;
    bool there;
    size_t i;
    int rc;

    s->nremoved = 0;
    rc = name_columns(s, err);
    if (rc == 0)
        rc = mark_keys(s, err);
    if (rc < 0)
        goto out;
    rc = find_table(s, &stmt, err);
    if (rc < 0)
        goto out;
    there = rc > 0;
    rc = there && !replaces ? check_table(s, stmt, err) : 0;
    (void)sqlite3_finalize(stmt); /* an open read would refuse what follows */
    stmt = NULL;
    if (rc == 0 && there && clears && !s->opts.dry_run)
        rc = clear_table(s, err);
    if (rc == 0 && (!there || replaces))
        rc = create_table(s, ddl, err);
    else if (rc == 0)
        rc = add_own(s, ddl, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        if (s->columns[i].declared == NULL)
            rc = add_column(s, i, ddl, err);
    }
    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        sfx_sqlite_classify(&s->columns[i]);
out:
    (void)sqlite3_finalize(stmt);
    return rc;
}
