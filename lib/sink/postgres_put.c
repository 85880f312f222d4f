/* SPDX-License-Identifier: MIT */
/*
 * Rows into PostgreSQL: one COPY a load. A table that may refuse rows which fit (keys, checks,
 * triggers, types that only the server knows) takes a COPY a batch instead, each behind a
 * savepoint, when bad records are to be put aside: a batch that is refused is halved until the rows
 * are found that must be left out.
 */
#include "base/size.h"
#include "sink/postgres_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What is sent at a time: with 1 MiB the server waits for the client, and a quarter is lost. */
#define CHUNK_NBYTES ((size_t)64 * 1024)

/* Rejects that wait until the COPY of rows is ended for them. */
#define MAX_REJECTS_NBYTES ((size_t)1024 * 1024)

/* The begin of a binary COPY: signature, flags, length of an extension; and its end. */
static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const char tail[] = "\377\377";

int sfx_postgres_put_begin(struct sfx_postgres *s, struct sfx_err *err)
{
    size_t i;
    int rc;

    s->mapped = false;
    s->copying = false;
    s->sent = 0;
    sfx_buf_clear(&s->rows);
    sfx_buf_clear(&s->sql);
    rc = sfx_buf_printf(&s->sql, err, "COPY %s", s->into);
    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        rc = sfx_buf_putc(&s->sql, i > 0 ? ',' : '(', err);
        if (rc == 0)
            rc = sfx_merge_quote(&s->sql, s->columns[i].name, err);
    }
    if (rc == 0)
        rc = sfx_buf_printf(&s->sql, err, ") FROM STDIN (FORMAT %s)",
                            s->text_copy ? "text" : "binary");
    if (rc < 0)
        return rc;
    s->copy = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    if (sfx_buf_puts(&s->sql, ";RELEASE sfx", err) < 0)
        return SFX_E_NOMEM;
    s->guarded_copy = sfx_arena_strndup(&s->arena, s->sql.data, s->sql.len, err);
    s->map = sfx_arena_calloc(&s->arena, s->schema->ncols, sizeof(*s->map), err);
    s->ends = sfx_arena_calloc(&s->arena, SFX_BATCH_ROWS, sizeof(*s->ends), err);
    s->whence = sfx_arena_calloc(&s->arena, SFX_BATCH_ROWS, sizeof(*s->whence), err);
    return s->copy == NULL || s->guarded_copy == NULL || s->map == NULL || s->ends == NULL ||
                   s->whence == NULL
               ? SFX_E_NOMEM
               : 0;
}

/* --- the COPY --------------------------------------------------------------------------------- */

/* Sends bytes. What the server has against them is known when the COPY ends. */
static int send_bytes(struct sfx_postgres *s, const char *ptr, size_t len, struct sfx_err *err)
{
    size_t at, n;

    for (at = 0; at < len; at += n) {
        n = len - at < CHUNK_NBYTES ? len - at : CHUNK_NBYTES;
        if (s->pq.put_copy_data(s->db, ptr + at, (int)n) != 1)
            return sfx_postgres_fail(s, NULL, err);
    }
    return 0;
}

static int open_copy(struct sfx_postgres *s, const char *copy, struct sfx_err *err)
{
    PGresult *result = sfx_postgres_query(s, copy, 0, NULL, err);

    if (result == NULL)
        return err->code;
    s->pq.clear(result);
    s->copying = true;
    return 0;
}

static int begin_copy(struct sfx_postgres *s, const char *copy, struct sfx_err *err)
{
    int rc = open_copy(s, copy, err);

    return rc < 0 || s->text_copy ? rc : send_bytes(s, head, sizeof(head) - 1, err);
}

/* Closes the COPY and reads what comes behind it; *taken: the rows that it has brought. */
static int close_copy(struct sfx_postgres *s, uint64_t *taken, struct sfx_err *err)
{
    PGresult *result;
    bool done;
    int rc = 0;

    *taken = 0;
    if (s->pq.put_copy_end(s->db, NULL) != 1)
        rc = sfx_postgres_fail(s, NULL, err);
    while ((result = sfx_postgres_result(s, &done, rc == 0 ? err : NULL)) != NULL) {
        if (rc == 0 && s->pq.result_status(result) != PGRES_COMMAND_OK)
            rc = sfx_postgres_fail(s, result, err);
        *taken += strtoull(s->pq.cmd_tuples(result), NULL, 10);
        s->pq.clear(result);
    }
    s->copying = false;
    return rc == 0 && !done ? (int)err->code : rc;
}

/* Ends the COPY of rows and says what became of it. */
static int end_copy(struct sfx_postgres *s, struct sfx_err *err)
{
    uint64_t taken;
    int rc = s->text_copy ? 0 : send_bytes(s, tail, sizeof(tail) - 1, err);

    if (rc == 0)
        rc = close_copy(s, &taken, err);
    if (rc == 0 && taken > s->sent)
        rc = sfx_err_set(err, SFX_E_IO, "the server took %llu rows of %llu",
                         (unsigned long long)taken, (unsigned long long)s->sent);
    s->sent = 0;
    return rc;
}

int sfx_postgres_copy(struct sfx_postgres *s, const char *copy, struct sfx_slice rows,
                      struct sfx_err *err)
{
    uint64_t taken;
    int rc = open_copy(s, copy, err);

    if (rc == 0)
        rc = send_bytes(s, rows.ptr, rows.len, err);
    return rc == 0 ? close_copy(s, &taken, err) : rc;
}

/* Sends the rows that wait, in a COPY that may have to begin. */
static int send_rows(struct sfx_postgres *s, struct sfx_err *err)
{
    int rc = s->copying ? 0 : begin_copy(s, s->copy, err);

    return rc == 0 ? send_bytes(s, s->rows.data, s->rows.len, err) : rc;
}

int sfx_postgres_put_end(struct sfx_postgres *s, struct sfx_err *err)
{
    int rc;

    if (s->sent == 0)
        return 0;
    rc = send_rows(s, err);
    sfx_buf_clear(&s->rows);
    return rc == 0 ? end_copy(s, err) : rc;
}

/* --- rows ------------------------------------------------------------------------------------- */

struct put {
    struct sfx_postgres *s;
    const struct sfx_batch *batch;
    const struct sfx_reject_sink *bad;
    uint64_t *inserted;
};

/* Keys that only grow are all different, which is cheap to see here. */
static void look_at_key(struct sfx_postgres *s, const struct sfx_ddl_column *col,
                        const struct sfx_postgres_value *v)
{
    const bool is_integer = col->class == SFX_POSTGRES_INT2 || col->class == SFX_POSTGRES_INT4 ||
                            col->class == SFX_POSTGRES_INT8;

    s->keys_rise = is_integer && v->integer > s->last_key;
    if (s->keys_rise)
        s->last_key = v->integer;
}

/* Appends a row. 0; 1: the record was refused; <0. */
static int encode_row(const struct put *p, uint32_t row, struct sfx_err *err)
{
    static const struct sfx_cell missing = {.kind = SFX_CELL_MISSING};
    struct sfx_postgres *s = p->s;
    const size_t start = s->rows.len;
    const char *why;
    size_t i;
    int rc = sfx_postgres_put_row(s, err);

    for (i = 0; rc == 0 && i < s->schema->ncols; i++) {
        const struct sfx_ddl_column *col = &s->columns[i];
        const struct sfx_cell *cell =
            s->map[i] < 0 ? &missing : &p->batch->columns[s->map[i]].cells[row];
        struct sfx_postgres_value v;

        rc = sfx_postgres_convert(s, col, cell, &v, &why, err);
        if (rc > 0) {
            s->rows.len = start;
            rc = sfx_sink_refuse_value(p->batch, row, col->name, col->declared, v.text, why, p->bad,
                                       err);
            return rc < 0 ? rc : 1;
        }
        if (rc == 0 && col->key && s->keys_rise)
            look_at_key(s, col, &v);
        if (rc == 0)
            rc = sfx_postgres_put_value(s, col, &v, i == 0, err);
    }
    return rc == 0 ? sfx_postgres_end_row(s, err) : rc;
}

/* Rows of a table that takes what fits, or of a load that its first bad record ends. The COPY waits
 * for a chunk of them: that of a small input is begun when it can be ended. */
static int put_stream(const struct put *p, struct sfx_err *err)
{
    struct sfx_postgres *s = p->s;
    uint32_t k;
    int rc = 0;

    for (k = 0; rc >= 0 && k < p->batch->nsel; k++) {
        rc = encode_row(p, p->batch->sel[k], err);
        if (rc == 0) {
            (*p->inserted)++;
            s->sent++;
        }
        if (s->rows.len < CHUNK_NBYTES || rc < 0)
            continue;
        rc = s->opts.dry_run ? 0 : send_rows(s, err);
        sfx_buf_clear(&s->rows);
    }
    return rc < 0 ? rc : 0;
}

/* Copies rows first … last-1 of the encoded batch. 0; 1: the server refused them, in why; <0. */
static int copy_some(struct sfx_postgres *s, uint32_t first, uint32_t last, struct sfx_err *why,
                     struct sfx_err *err)
{
    const size_t begin = first > 0 ? s->ends[first - 1] : 0;
    int rc = sfx_postgres_queue(s, "SAVEPOINT sfx", 0, NULL, err);

    if (rc == 0)
        rc = begin_copy(s, s->guarded_copy, err);
    s->sent = last - first;
    if (rc == 0)
        rc = send_bytes(s, s->rows.data + begin, s->ends[last - 1] - begin, err);
    if (rc < 0)
        return rc;
    rc = end_copy(s, why);
    if (rc == 0)
        return 0;
    if (rc != SFX_E_INPUT) {
        *err = *why;
        return rc;
    }
    rc = sfx_postgres_exec(s, "ROLLBACK TO sfx;RELEASE sfx", err);
    return rc < 0 ? rc : 1;
}

/* Halves what is refused until the single rows are found. */
static int copy_rows(const struct put *p, uint32_t first, uint32_t last, struct sfx_err *err)
{
    struct sfx_err why;
    const uint32_t middle = first + (last - first) / 2;
    int rc = copy_some(p->s, first, last, &why, err);

    if (rc == 0)
        *p->inserted += last - first;
    if (rc <= 0)
        return rc;
    if (last - first == 1)
        return sfx_sink_refuse(p->batch, p->s->whence[first], NULL, sfx_slice(NULL, 0), why.text,
                               p->bad, err);
    rc = copy_rows(p, first, middle, err);
    return rc == 0 ? copy_rows(p, middle, last, err) : rc;
}

static int put_guarded(const struct put *p, struct sfx_err *err)
{
    struct sfx_postgres *s = p->s;
    uint32_t k, n = 0;
    int rc = 0;

    sfx_buf_clear(&s->rows);
    for (k = 0; rc >= 0 && k < p->batch->nsel; k++) {
        rc = encode_row(p, p->batch->sel[k], err);
        if (rc != 0)
            continue;
        s->ends[n] = s->rows.len;
        s->whence[n++] = p->batch->sel[k];
    }
    if (rc < 0 || n == 0)
        return rc < 0 ? rc : 0;
    rc = copy_rows(p, 0, n, err);
    sfx_buf_clear(&s->rows);
    return rc;
}

int sfx_postgres_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                     const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err)
{
    struct sfx_postgres *s = (struct sfx_postgres *)sink;
    const struct put p = {s, batch, bad, inserted};
    struct sfx_err own;

    err = err != NULL ? err : &own;
    if (s->rejects.len > MAX_REJECTS_NBYTES && sfx_postgres_put_rejects(s, err) < 0)
        return err->code;
    /* What repeats a key is found only while there is one. */
    if (bad != NULL && sfx_postgres_key(s, err) < 0)
        return err->code;
    if (!s->mapped || s->map_schema_id != batch->schema_id) {
        sfx_sink_map(s->schema, batch, s->map);
        s->map_schema_id = batch->schema_id;
        s->mapped = true;
    }
    return bad != NULL && s->guarded && !s->opts.dry_run ? put_guarded(&p, err)
                                                         : put_stream(&p, err);
}
