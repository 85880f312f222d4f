/* SPDX-License-Identifier: MIT */
/*
 * The table of a load: made for the input's columns, or found and checked against them. Names are
 * quoted and never changed, except that SQLite does not tell "id" from "ID": the second becomes
 * ID_2 (or _3 … when that is taken as well).
 */
#include "sink/sqlite_internal.h"

#include <stdio.h>
#include <string.h>

int sfx_sqlite_quote(struct sfx_buf *sql, const char *name, struct sfx_err *err)
{
    int rc = sfx_buf_putc(sql, '"', err);

    for (; rc == 0 && *name != '\0'; name++)
        rc = *name == '"' ? sfx_buf_puts(sql, "\"\"", err) : sfx_buf_putc(sql, *name, err);
    return rc == 0 ? sfx_buf_putc(sql, '"', err) : rc;
}

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

    if (given->type == SFX_TYPE_DECIMAL)
        /* 15 digits come back from a double; later inputs may need more of them than this one. */
        (void)snprintf(text, sizeof(text), "DECIMAL(15,%u)", given->scale);
    else
        (void)snprintf(text, sizeof(text), "%s", names[given->type]);
    s->columns[i].declared = sfx_arena_strndup(&s->arena, text, strlen(text), err);
    return s->columns[i].declared == NULL ? SFX_E_NOMEM : 0;
}

static int create_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    size_t start = ddl->len, i;
    const char *sql;
    int rc = sfx_buf_puts(ddl, "CREATE TABLE ", err);

    if (rc == 0)
        rc = sfx_sqlite_quote(ddl, s->source->table, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_puts(ddl, i > 0 ? ",\n  " : "(\n  ", err);
        if (rc == 0)
            rc = sfx_sqlite_quote(ddl, s->columns[i].name, err);
        if (rc == 0)
            rc = declare(s, i, err);
        if (rc == 0)
            rc = sfx_buf_printf(ddl, err, " %s", s->columns[i].declared);
    }
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
        if (s->columns[i].declared == NULL)
            return sfx_err_set(err, SFX_E_INPUT,
                               "column \"%s\" is not in table \"%s\": add it there (ALTER TABLE … "
                               "ADD COLUMN) or drop it from the input (sfx-transform 'drop …')",
                               s->columns[i].name, s->source->table);
    }
    return 0;
}

int sfx_sqlite_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err)
{
    sqlite3_stmt *stmt = NULL;
    size_t i;
    int rc;

    rc = name_columns(s, err);
    if (rc < 0)
        goto out;
    rc = find_table(s, &stmt, err);
    if (rc < 0)
        goto out;
    if (rc > 0) {
        rc = check_table(s, stmt, err);
    } else {
        (void)sqlite3_finalize(stmt); /* an open read would refuse the CREATE */
        stmt = NULL;
        rc = create_table(s, ddl, err);
    }
    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        sfx_sqlite_classify(&s->columns[i]);
out:
    (void)sqlite3_finalize(stmt);
    return rc;
}
