/* SPDX-License-Identifier: MIT */
/*
 * Reads a table of an SQLite database, or the result of a query, from a file that is not changed.
 * libsqlite3 is opened with the first database.
 */
#include "base/dl.h"
#include "base/size.h"
#include "record/format_internal.h"
#include "record/schema_internal.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SONAME       "libsqlite3.so.0"
#define BUSY_MS      5000              /* to wait for whoever writes to the database */
#define BATCH_NBYTES ((size_t)4 << 20) /* of texts, after which a batch is handed on */

struct lib {
    __typeof__(&sqlite3_open_v2) open_v2;
    __typeof__(&sqlite3_close_v2) close_v2;
    __typeof__(&sqlite3_busy_timeout) busy_timeout;
    __typeof__(&sqlite3_prepare_v2) prepare_v2;
    __typeof__(&sqlite3_stmt_readonly) stmt_readonly;
    __typeof__(&sqlite3_step) step;
    __typeof__(&sqlite3_finalize) finalize;
    __typeof__(&sqlite3_errmsg) errmsg;
    __typeof__(&sqlite3_column_count) column_count;
    __typeof__(&sqlite3_column_name) column_name;
    __typeof__(&sqlite3_column_type) column_type;
    __typeof__(&sqlite3_column_int64) column_int64;
    __typeof__(&sqlite3_column_double) column_double;
    __typeof__(&sqlite3_column_blob) column_blob;
    __typeof__(&sqlite3_column_text) column_text;
    __typeof__(&sqlite3_column_bytes) column_bytes;
};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "sqlite3_" #name, offsetof(struct lib, name)                                               \
    }

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(open_v2),       SYMBOL(close_v2),    SYMBOL(busy_timeout), SYMBOL(prepare_v2),
    SYMBOL(stmt_readonly), SYMBOL(step),        SYMBOL(finalize),     SYMBOL(errmsg),
    SYMBOL(column_count),  SYMBOL(column_name), SYMBOL(column_type),  SYMBOL(column_int64),
    SYMBOL(column_double), SYMBOL(column_blob), SYMBOL(column_bytes), SYMBOL(column_text),
};

struct sfx_reader {
    struct sfx_reader_opts opts;
    struct lib lib;
    bool opened; /* the library */
    struct sfx_byte_source src;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    struct sfx_schema schema;
    struct sfx_arena texts; /* of the batch in hand */
    uint64_t row;           /* of the result, from 1: the one that is read next */
    size_t nbytes;          /* of texts, in the batch in hand */
    bool ended;
    int failed; /* <0: there is no more, for this reason: */
    struct sfx_err failure;
};

static void close_database(struct sfx_reader *r)
{
    if (r->stmt != NULL)
        (void)r->lib.finalize(r->stmt);
    if (r->db != NULL)
        (void)r->lib.close_v2(r->db);
    r->stmt = NULL;
    r->db = NULL;
}

static void sqlite_destroy(struct sfx_reader *r)
{
    if (r == NULL)
        return;
    close_database(r);
    sfx_schema_done(&r->schema);
    sfx_arena_done(&r->texts);
    free(r);
}

static struct sfx_reader *sqlite_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    struct sfx_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
    else
        r->opts = sfx_reader_opts_fill(opts);
    return r;
}

/* Prepends the input's name. */
static int blame(const struct sfx_reader *r, int rc, struct sfx_err *err)
{
    if (r->src.member != NULL)
        rc = sfx_err_wrap(err, rc, "%s", r->src.member);
    return sfx_err_wrap(err, rc, "%s", r->src.input != NULL ? r->src.input : "-");
}

/* Describes what SQLite says. */
static int fail(const struct sfx_reader *r, int result, struct sfx_err *err)
{
    const int primary = result & 0xff;
    enum sfx_code code = SFX_E_IO;

    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        code = SFX_E_TEMPORARY;
    else if (primary == SQLITE_NOMEM)
        code = SFX_E_NOMEM;
    else if (primary == SQLITE_NOTADB || primary == SQLITE_CORRUPT)
        code = SFX_E_INPUT;
    else if (primary == SQLITE_ERROR)
        code = r->opts.sql != NULL || r->opts.table != NULL ? SFX_E_USAGE : SFX_E_INPUT;
    return blame(r, sfx_err_set(err, code, "%s", r->lib.errmsg(r->db)), err);
}

static int compile(struct sfx_reader *r, const char *sql, sqlite3_stmt **stmt, struct sfx_err *err)
{
    const char *rest = NULL;
    const int result = r->lib.prepare_v2(r->db, sql, -1, stmt, &rest);

    if (result != SQLITE_OK)
        return fail(r, result, err);
    while (rest != NULL && (*rest == ' ' || *rest == ';' || *rest == '\n' || *rest == '\t'))
        rest++;
    if (*stmt == NULL || (rest != NULL && *rest != '\0') || r->lib.stmt_readonly(*stmt) == 0 ||
        r->lib.column_count(*stmt) == 0)
        return blame(r,
                     sfx_err_set(err, SFX_E_USAGE,
                                 "--query takes one statement that gives rows "
                                 "and changes nothing"),
                     err);
    return 0;
}

/* Appends name as an SQL identifier. */
static int put_identifier(struct sfx_buf *sql, const char *name, struct sfx_err *err)
{
    int rc = sfx_buf_putc(sql, '"', err);

    for (; rc == 0 && *name != '\0'; name++) {
        rc = *name == '"' ? sfx_buf_putc(sql, '"', err) : 0;
        if (rc == 0)
            rc = sfx_buf_putc(sql, *name, err);
    }
    return rc < 0 ? rc : sfx_buf_putc(sql, '"', err);
}

/* Finds the only table or view: its name goes to name; more of them are listed as an error. */
static int find_table(struct sfx_reader *r, struct sfx_buf *name, struct sfx_err *err)
{
    static const char sql[] = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                              "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    sqlite3_stmt *stmt = NULL;
    size_t count = 0;
    int rc = compile(r, sql, &stmt, err), result;

    while (rc == 0 && (result = r->lib.step(stmt)) != SQLITE_DONE) {
        if (result != SQLITE_ROW) {
            rc = fail(r, result, err);
            break;
        }
        if (count++ > 0)
            rc = sfx_buf_puts(name, ", ", err);
        if (rc == 0)
            rc = sfx_buf_append(name, r->lib.column_text(stmt, 0),
                                (size_t)r->lib.column_bytes(stmt, 0), err);
    }
    (void)r->lib.finalize(stmt);
    if (rc < 0 || count == 1)
        return rc;
    return blame(r,
                 count == 0 ? sfx_err_set(err, SFX_E_INPUT, "the database has no tables")
                            : sfx_err_set(err, SFX_E_USAGE, "--table says which of them: %.*s",
                                          SFX_SLICE_ARG(sfx_buf_slice(name))),
                 err);
}

/* Makes r->stmt what the options ask for. */
static int prepare(struct sfx_reader *r, struct sfx_err *err)
{
    struct sfx_buf sql = {0}, name = {0};
    const char *text = r->opts.sql;
    int rc = 0;

    if (text == NULL) {
        if (r->opts.table != NULL)
            rc = sfx_buf_puts(&name, r->opts.table, err);
        else
            rc = find_table(r, &name, err);
        if (rc == 0)
            rc = sfx_buf_puts(&sql, "SELECT * FROM ", err);
        if (rc == 0 && (text = sfx_buf_cstr(&name, err)) == NULL)
            rc = SFX_E_NOMEM;
        if (rc == 0)
            rc = put_identifier(&sql, text, err);
        if (rc == 0 && (text = sfx_buf_cstr(&sql, err)) == NULL)
            rc = SFX_E_NOMEM;
    }
    if (rc == 0)
        rc = compile(r, text, &r->stmt, err);
    sfx_buf_done(&sql);
    sfx_buf_done(&name);
    return rc;
}

/* Names the columns; those of one name are told apart as in a CSV header. */
static int add_columns(struct sfx_reader *r, struct sfx_err *err)
{
    const int n = r->lib.column_count(r->stmt);
    struct sfx_buf name = {0};
    int i, rc = 0;

    for (i = 0; rc >= 0 && i < n; i++) {
        const char *given = r->lib.column_name(r->stmt, i);
        unsigned k = 1;

        do {
            sfx_buf_clear(&name);
            rc = sfx_buf_puts(&name, given != NULL ? given : "", err);
            if (rc == 0 && name.len == 0)
                rc = sfx_buf_printf(&name, err, "%d", i + 1);
            if (rc == 0 && k > 1)
                rc = sfx_buf_printf(&name, err, "_%u", k);
            k++;
        } while (rc == 0 && sfx_schema_find(&r->schema, sfx_buf_slice(&name)) >= 0);
        if (rc == 0)
            rc = sfx_schema_add(&r->schema, sfx_buf_slice(&name), err);
    }
    sfx_schema_seal(&r->schema);
    sfx_buf_done(&name);
    return rc < 0 ? rc : 0;
}

static int sqlite_open(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err)
{
    struct stat st;
    int rc, result;

    close_database(r);
    r->src = *src;
    r->row = 1;
    r->ended = false;
    r->failed = 0;
    sfx_schema_reset(&r->schema);
    if (src->path == NULL ||
        (strcmp(src->path, "-") != 0 && (stat(src->path, &st) < 0 || !S_ISREG(st.st_mode))))
        return blame(r,
                     sfx_err_set(err, SFX_E_UNSUPPORTED,
                                 "a database is read from a file, not from a pipe or an archive"),
                     err);
    rc = r->opened ? 0 : sfx_dl_open(SONAME, symbols, SFX_COUNT(symbols), &r->lib, err);
    if (rc < 0)
        return blame(r, rc, err);
    r->opened = true;
    result = r->lib.open_v2(strcmp(src->path, "-") == 0 ? "/dev/stdin" : src->path, &r->db,
                            SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return fail(r, result, err);
    (void)r->lib.busy_timeout(r->db, BUSY_MS);
    rc = prepare(r, err);
    return rc == 0 ? add_columns(r, err) : rc;
}

/* A number as the shortest text that reads as the same number, as JSON has it. */
static int put_real(double value, char *text, size_t cap)
{
    int digits, n = 0;

    for (digits = 15; digits <= 17; digits++) {
        n = snprintf(text, cap, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (strpbrk(text, ".e") == NULL) /* it is no integer in the database either */
        n += snprintf(text + n, cap - (size_t)n, ".0");
    return n;
}

/* Fills a cell with the value of column i. Errors: NOMEM. */
static int take_value(struct sfx_reader *r, int i, struct sfx_cell *cell, struct sfx_err *err)
{
    const int type = r->lib.column_type(r->stmt, i);
    char number[40];
    const char *bytes = number;
    size_t len = 0;

    *cell = (struct sfx_cell){.kind = SFX_CELL_JSON_NUMBER};
    if (type == SQLITE_NULL) {
        cell->kind = SFX_CELL_NULL;
        return 0;
    }
    if (type == SQLITE_INTEGER) {
        len = (size_t)snprintf(number, sizeof(number), "%" PRId64,
                               (int64_t)r->lib.column_int64(r->stmt, i));
    } else if (type == SQLITE_FLOAT) {
        const double value = r->lib.column_double(r->stmt, i);

        if (isfinite(value)) {
            len = (size_t)put_real(value, number, sizeof(number));
        } else { /* no number of JSON */
            bytes = value > 0 ? "Inf" : "-Inf";
            len = strlen(bytes);
            cell->kind = SFX_CELL_STRING;
        }
    } else {
        bytes = type == SQLITE_TEXT ? (const char *)r->lib.column_text(r->stmt, i)
                                    : r->lib.column_blob(r->stmt, i);
        len = (size_t)r->lib.column_bytes(r->stmt, i);
        cell->kind = SFX_CELL_STRING;
    }
    cell->ptr = sfx_arena_strndup(&r->texts, bytes != NULL ? bytes : "", len, err);
    cell->len = (uint32_t)len;
    r->nbytes += len;
    return cell->ptr != NULL ? 0 : SFX_E_NOMEM;
}

/* Gives the row to rejects, or makes it an error: column i is too long. */
static int refuse(const struct sfx_reader *r, size_t i, const struct sfx_reject_sink *rejects,
                  struct sfx_err *err)
{
    char reason[64];
    const struct sfx_reject reject = {
        .input = r->src.input,
        .member = r->src.member,
        .line = r->row,
        .column = r->schema.columns[i].name,
        .code = sfx_code_name(SFX_E_LIMIT),
        .reason = reason,
    };

    (void)snprintf(reason, sizeof(reason), "field is longer than %" PRIu64 " bytes",
                   r->opts.max_field_nbytes);
    if (rejects != NULL)
        return rejects->put(rejects->ctx, &reject, err);
    return blame(r,
                 sfx_err_wrap(err, sfx_err_set(err, SFX_E_LIMIT, "%s", reason),
                              "row %" PRIu64 ": column %.*s", r->row, SFX_SLICE_ARG(reject.column)),
                 err);
}

/* Takes the row that the statement stands on as row n. 1: done; 0: it was refused. */
static int take_row(struct sfx_reader *r, struct sfx_batch *batch, uint32_t n,
                    const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < r->schema.ncols; i++) {
        if (r->lib.column_type(r->stmt, (int)i) > SQLITE_FLOAT &&
            (uint64_t)r->lib.column_bytes(r->stmt, (int)i) > r->opts.max_field_nbytes)
            return refuse(r, i, rejects, err);
        rc = take_value(r, (int)i, &r->schema.columns[i].cells[n], err);
    }
    batch->rows[n] = (struct sfx_row_origin){.line = r->row, .nfields = (uint32_t)i};
    return rc < 0 ? rc : 1;
}

/* Fills batch: *n rows. 0, or what ended it. */
static int read_rows(struct sfx_reader *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, uint32_t *n, struct sfx_err *err)
{
    int rc = 0;

    r->nbytes = 0;
    sfx_arena_reset(&r->texts);
    while (rc >= 0 && !r->ended && *n < SFX_BATCH_ROWS && r->nbytes < BATCH_NBYTES) {
        const int result = r->lib.step(r->stmt);

        if (result == SQLITE_DONE) {
            r->ended = true;
        } else if (result != SQLITE_ROW) {
            rc = fail(r, result, err);
        } else {
            rc = take_row(r, batch, *n, rejects, err);
            *n += rc == 1;
            r->row++;
        }
    }
    return rc < 0 ? rc : 0;
}

static int sqlite_read(struct sfx_reader *r, struct sfx_batch *batch,
                       const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    uint32_t n = 0;
    int rc = sfx_batch_set_columns(batch, r->schema.columns, r->schema.ncols, r->schema.id, err);

    if (rc < 0)
        return rc;
    batch->input = r->src.input;
    batch->member = r->src.member;
    batch->eol = SFX_EOL_LF;
    batch->dialect = 0;
    batch->open_schema = false;
    if (r->failed == 0)
        r->failed = read_rows(r, batch, rejects, &n, &r->failure);
    if (r->failed < 0 && n == 0) {
        if (err != NULL)
            *err = r->failure;
        return r->failed;
    }
    sfx_batch_select_all(batch, n);
    return n > 0;
}

const struct sfx_reader_ops sfx_sqlite_reader = {
    .create = sqlite_create,
    .open = sqlite_open,
    .read = sqlite_read,
    .destroy = sqlite_destroy,
};
