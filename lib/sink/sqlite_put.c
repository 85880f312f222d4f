/* SPDX-License-Identifier: MIT */
/*
 * Rows into SQLite: INSERTs of many rows at a time, values bound without copies. When a constraint
 * refuses a statement, SQLite has undone all of it, and its rows go again one by one, so that only
 * the bad ones are refused.
 */
#include "sink/sqlite_internal.h"

#include <string.h>

/* With 11 columns one row a statement takes a third more CPU, and 256 gain nothing. Divides a
 * batch. */
#define ROWS_PER_STATEMENT 64

static int put_row_sql(struct sfx_sqlite *s, struct sfx_err *err)
{
    size_t i;
    int rc = sfx_buf_putc(&s->sql, '(', err);

    for (i = 0; rc == 0 && i < s->schema->ncols; i++)
        rc = sfx_buf_puts(&s->sql, i > 0 ? ",?" : "?", err);
    return rc == 0 ? sfx_buf_putc(&s->sql, ')', err) : rc;
}

int sfx_sqlite_compile_insert(struct sfx_sqlite *s, uint32_t nrows, sqlite3_stmt **stmt,
                              struct sfx_err *err)
{
    const char *sql;
    uint32_t row;
    size_t i;
    int rc;

    sfx_buf_clear(&s->sql);
    rc = sfx_buf_puts(&s->sql, "INSERT INTO ", err);
    if (rc == 0)
        rc = sfx_sqlite_put_target(s, &s->sql, err);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_putc(&s->sql, i > 0 ? ',' : '(', err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->sql, s->columns[i].name, err);
    }
    if (rc == 0)
        rc = sfx_buf_puts(&s->sql, ")VALUES", err);
    for (row = 0; rc == 0 && row < nrows; row++) {
        if (row > 0)
            rc = sfx_buf_putc(&s->sql, ',', err);
        if (rc == 0)
            rc = put_row_sql(s, err);
    }
    if (rc == 0)
        rc = sfx_sqlite_put_conflict(s, &s->sql, err);
    if (rc < 0)
        return rc;
    sql = sfx_buf_cstr(&s->sql, err);
    return sql == NULL ? SFX_E_NOMEM : sfx_sqlite_compile(s, sql, stmt, err);
}

int sfx_sqlite_put_begin(struct sfx_sqlite *s, struct sfx_err *err)
{
    uint32_t vars = (uint32_t)sqlite3_limit(s->db, SQLITE_LIMIT_VARIABLE_NUMBER, -1);
    uint32_t fit = vars / (uint32_t)s->schema->ncols;

    s->rows_per_many = fit < ROWS_PER_STATEMENT ? fit : ROWS_PER_STATEMENT;
    if (s->rows_per_many == 0)
        return sfx_err_set(err, SFX_E_LIMIT, "%zu columns: SQLite binds %u values at most",
                           s->schema->ncols, vars);
    s->mapped = false;
    s->npending = 0;
    s->pending = sfx_arena_calloc(&s->arena, s->rows_per_many, sizeof(*s->pending), err);
    s->map = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*s->map), err);
    if (s->pending == NULL || s->map == NULL)
        return SFX_E_NOMEM;
    if (s->opts.dry_run)
        return 0;
    return sfx_sqlite_compile_insert(s, 1, &s->one, err);
}

void sfx_sqlite_put_end(struct sfx_sqlite *s)
{
    (void)sqlite3_finalize(s->many);
    (void)sqlite3_finalize(s->one);
    (void)sqlite3_finalize(s->reject);
    s->many = s->one = s->reject = NULL;
}

/* A put in progress: what its steps share. */
struct put {
    struct sfx_sqlite *s;
    const struct sfx_batch *batch;
    const struct sfx_reject_sink *bad;
    uint64_t *inserted;
};

static int bind(sqlite3_stmt *stmt, int at, enum sfx_sqlite_class class,
                const struct sfx_sqlite_value *v)
{
    switch (v->kind) {
    case SFX_SQLITE_V_NULL: return sqlite3_bind_null(stmt, at);
    case SFX_SQLITE_V_INT: return sqlite3_bind_int64(stmt, at, v->integer);
    case SFX_SQLITE_V_REAL: return sqlite3_bind_double(stmt, at, v->real);
    case SFX_SQLITE_V_TEXT: break;
    }
    if (class == SFX_SQLITE_BLOB)
        return sqlite3_bind_blob64(stmt, at, v->text.len > 0 ? v->text.ptr : "", v->text.len,
                                   SQLITE_STATIC);
    return sqlite3_bind_text64(stmt, at, v->text.len > 0 ? v->text.ptr : "", v->text.len,
                               SQLITE_STATIC, SQLITE_UTF8);
}

/* Binds row as the slot-th of stmt (NULL: only checks). 0; 1: the record was refused; <0. */
static int bind_row(const struct put *p, sqlite3_stmt *stmt, uint32_t slot, uint32_t row,
                    struct sfx_err *err)
{
    static const struct sfx_cell missing = {.kind = SFX_CELL_MISSING};
    struct sfx_sqlite *s = p->s;
    size_t ncols = s->schema->ncols, i;
    int at = (int)(slot * ncols), rc;

    for (i = 0; i < ncols; i++) {
        const struct sfx_cell *cell =
            s->map[i] < 0 ? &missing : &p->batch->columns[s->map[i]].cells[row];
        struct sfx_sqlite_value v;

        rc = sfx_sqlite_convert(s, &s->columns[i], cell, &v, err);
        if (rc < 0)
            return rc;
        if (rc > 0) {
            rc = sfx_sink_refuse_value(p->batch, row, s->columns[i].name, s->columns[i].declared,
                                       v.text, NULL, p->bad, err);
            return rc < 0 ? rc : 1;
        }
        if (s->columns[i].key && v.kind == SFX_SQLITE_V_NULL) {
            rc = sfx_sink_refuse_value(p->batch, row, s->columns[i].name, s->columns[i].declared,
                                       sfx_slice("", 0), "is missing, and part of the key", p->bad,
                                       err);
            return rc < 0 ? rc : 1;
        }
        if (stmt == NULL)
            continue;
        rc = bind(stmt, at + (int)i + 1, s->columns[i].class, &v);
        if (rc != SQLITE_OK)
            return sfx_sqlite_fail(s, rc, err);
    }
    return 0;
}

/* Steps stmt: 0; 1: a constraint refused it and the transaction stands; <0. */
static int step(struct sfx_sqlite *s, sqlite3_stmt *stmt, struct sfx_err *err)
{
    const uint64_t before[2] = {s->nhooked[0], s->nhooked[1]};
    int result = sqlite3_step(stmt), rc = 0;

    if (result != SQLITE_DONE) {
        memcpy(s->nhooked, before, sizeof(before)); /* it has done nothing */
        rc = sfx_sqlite_fail(s, result, err);
        if ((result & 0xff) == SQLITE_CONSTRAINT && !sqlite3_get_autocommit(s->db))
            rc = 1;
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

static int put_single(const struct put *p, uint32_t row, struct sfx_err *err)
{
    struct sfx_err why;
    int rc = bind_row(p, p->s->one, 0, row, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = step(p->s, p->s->one, &why);
    if (rc == 0)
        (*p->inserted)++;
    else if (rc > 0)
        return sfx_sink_refuse(p->batch, row, NULL, sfx_slice(NULL, 0), why.text, p->bad, err);
    else if (err != NULL)
        *err = why;
    return rc;
}

static int put_singly(const struct put *p, struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < p->s->npending; i++)
        rc = put_single(p, p->s->pending[i], err);
    return rc;
}

/* All of a small batch, one by one. */
static int put_selected(const struct put *p, struct sfx_err *err)
{
    uint32_t k;
    int rc = 0;

    for (k = 0; rc == 0 && k < p->batch->nsel; k++)
        rc = put_single(p, p->batch->sel[k], err);
    sfx_arena_reset(&p->s->unescaped);
    return rc;
}

/* Inserts the pending rows. */
static int flush(const struct put *p, struct sfx_err *err)
{
    struct sfx_sqlite *s = p->s;
    int rc;

    if (s->opts.dry_run) {
        *p->inserted += s->npending;
        rc = 0;
    } else if (s->npending < s->rows_per_many) {
        rc = put_singly(p, err);
    } else {
        rc = step(s, s->many, err);
        if (rc == 0)
            *p->inserted += s->npending;
        else if (rc > 0)
            rc = put_singly(p, err);
    }
    s->npending = 0;
    sfx_arena_reset(&s->unescaped);
    return rc;
}

int sfx_sqlite_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                   const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err)
{
    struct sfx_sqlite *s = (struct sfx_sqlite *)sink;
    struct put p = {s, batch, bad, inserted};
    uint32_t k;
    int rc;

    if (!s->mapped || s->map_schema_id != batch->schema_id) {
        sfx_sink_map(s->schema, batch, s->map);
        s->map_schema_id = batch->schema_id;
        s->mapped = true;
    }
    /* Preparing the long statement costs more than a few rows do. */
    if (s->many == NULL && !s->opts.dry_run) {
        if (batch->nsel < s->rows_per_many)
            return put_selected(&p, err);
        rc = sfx_sqlite_compile_insert(s, s->rows_per_many, &s->many, err);
        if (rc < 0)
            return rc;
    }
    for (k = 0; k < batch->nsel; k++) {
        rc = bind_row(&p, s->many, s->npending, batch->sel[k], err);
        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        s->pending[s->npending++] = batch->sel[k];
        if (s->npending == s->rows_per_many) {
            rc = flush(&p, err);
            if (rc < 0)
                return rc;
        }
    }
    return s->npending > 0 ? flush(&p, err) : 0;
}
