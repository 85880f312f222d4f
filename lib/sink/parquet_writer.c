/* SPDX-License-Identifier: MIT */
/* Records into Parquet: values of the columns' types, row groups of bounded memory, the footer. */
#include "base/size.h"
#include "base/text.h"
#include "sink/parquet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_ROWS      122880u /* what DuckDB reads at a time in one thread */
#define GROUP_NBYTES    ((size_t)16 << 20)
#define SHARED_NBYTES   ((size_t)48 << 20) /* of all files' row groups */
#define INFERRED_DIGITS 15                 /* of decimals whose precision nobody said */
#define INT64_DIGITS    18

struct sfx_writer {
    struct sfx_parquet_shared *shared;
    const struct sfx_reject_sink *rejects;
    struct sfx_parquet_column *columns;
    struct sfx_parquet_value *row; /* ncols values */
    struct sfx_typed_value *typed; /* the same */
    struct sfx_buf *texts;         /* of values that are escaped: one a column */
    struct sfx_parquet_chunk *chunks;
    size_t ncols, nbytes; /* nbytes: of the row group in hand */
    uint32_t nrows, ngroups;
    uint64_t total_rows, at; /* at: bytes of the file so far */
    struct sfx_buf groups, body, work;
};

/* --- values ---------------------------------------------------------------------------------- */

uint32_t sfx_parquet_precision(const struct sfx_sink_column *column)
{
    if (column->precision > 0)
        return column->precision;
    return column->scale > INFERRED_DIGITS ? column->scale : INFERRED_DIGITS;
}

enum sfx_parquet_type sfx_parquet_type_of(const struct sfx_sink_column *column)
{
    switch (column->type) {
    case SFX_TYPE_TEXT:
    case SFX_TYPE_JSON: return SFX_PARQUET_BYTES;
    case SFX_TYPE_INTEGER:
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ: return SFX_PARQUET_INT64;
    case SFX_TYPE_DECIMAL:
        return sfx_parquet_precision(column) <= INT64_DIGITS ? SFX_PARQUET_INT64
                                                             : SFX_PARQUET_FIXED;
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL: return SFX_PARQUET_DOUBLE;
    case SFX_TYPE_BOOLEAN: return SFX_PARQUET_BOOLEAN;
    case SFX_TYPE_DATE: return SFX_PARQUET_INT32;
    }
    return SFX_PARQUET_BYTES;
}

static void set_int64(struct sfx_parquet_value *value, int64_t n)
{
    memcpy(value->bytes, &n, sizeof(n));
    value->len = sizeof(n);
}

static void set_decimal(struct sfx_parquet_value *value, sfx_int128 n,
                        const struct sfx_sink_column *column)
{
    size_t i;

    if (sfx_parquet_type_of(column) == SFX_PARQUET_INT64) {
        set_int64(value, (int64_t)n);
        return;
    }
    for (i = SFX_PARQUET_FIXED_NBYTES; i > 0; i--) {
        value->bytes[i - 1] = (unsigned char)n;
        n >>= 8;
    }
    value->len = SFX_PARQUET_FIXED_NBYTES;
}

static const char *set_time(struct sfx_parquet_value *value, const struct sfx_timestamp *time,
                            const struct sfx_sink_column *column)
{
    const sfx_int128 unit = column->scale > 6 ? 1 : 1000;

    if (time->ns / unit > INT64_MAX || time->ns / unit < INT64_MIN)
        return "is out of the years that nanoseconds reach";
    set_int64(value, (int64_t)(time->ns / unit));
    return NULL;
}

static const char *set_value(struct sfx_parquet_value *value, const struct sfx_typed_value *v,
                             const struct sfx_sink_column *column)
{
    sfx_int128 days;
    int32_t day;

    value->ptr = value->bytes;
    switch (column->type) {
    case SFX_TYPE_TEXT:
    case SFX_TYPE_JSON:
        value->ptr = v->text.ptr;
        value->len = v->text.len;
        return sfx_utf8_valid(v->text) ? NULL : "is not UTF-8";
    case SFX_TYPE_INTEGER: set_int64(value, v->integer); return NULL;
    case SFX_TYPE_DECIMAL: set_decimal(value, v->unscaled, column); return NULL;
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL:
        memcpy(value->bytes, &v->real, sizeof(v->real));
        value->len = sizeof(v->real);
        return NULL;
    case SFX_TYPE_BOOLEAN:
        value->bytes[0] = v->boolean;
        value->len = 1;
        return NULL;
    case SFX_TYPE_DATE:
        days = v->time.ns / SFX_NS_PER_DAY - (v->time.ns % SFX_NS_PER_DAY < 0);
        day = (int32_t)days;
        memcpy(value->bytes, &day, sizeof(day));
        value->len = sizeof(day);
        return NULL;
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ: return set_time(value, &v->time, column);
    }
    return NULL;
}

int sfx_parquet_value(const struct sfx_sink_column *column, const struct sfx_cell *cell,
                      struct sfx_buf *scratch, struct sfx_typed_value *v,
                      struct sfx_parquet_value *value, const char **why, struct sfx_err *err)
{
    /* Integers that a double does not carry cannot stand beside decimals. */
    struct sfx_sink_column as = *column;
    int rc;

    if (as.type == SFX_TYPE_NUMERIC)
        as.type = SFX_TYPE_REAL;
    rc = sfx_typed_value(&as, cell, scratch, v, why, err);
    value->null = v->null;
    if (rc == 0 && !v->null) {
        *why = set_value(value, v, column);
        rc = *why != NULL;
    }
    return rc;
}

/* --- the writer ------------------------------------------------------------------------------ */

static void parquet_destroy(struct sfx_writer *w)
{
    size_t i;

    for (i = 0; i < w->ncols; i++) {
        if (w->columns != NULL)
            sfx_parquet_column_done(&w->columns[i]);
        if (w->texts != NULL)
            sfx_buf_done(&w->texts[i]);
    }
    w->shared->nbytes -= w->nbytes;
    sfx_buf_done(&w->groups);
    sfx_buf_done(&w->body);
    sfx_buf_done(&w->work);
    free(w->columns);
    free(w->row);
    free(w->typed);
    free(w->texts);
    free(w->chunks);
    free(w);
}

static struct sfx_writer *parquet_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));
    size_t i;

    if (w == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a Parquet file");
        return NULL;
    }
    w->shared = opts->shared;
    w->rejects = opts->rejects;
    w->ncols = w->shared->schema->ncols;
    w->columns = calloc(w->ncols, sizeof(*w->columns));
    w->row = calloc(w->ncols, sizeof(*w->row));
    w->typed = calloc(w->ncols, sizeof(*w->typed));
    w->texts = calloc(w->ncols, sizeof(*w->texts));
    w->chunks = calloc(w->ncols, sizeof(*w->chunks));
    if (w->columns == NULL || w->row == NULL || w->typed == NULL || w->texts == NULL ||
        w->chunks == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a Parquet file");
        parquet_destroy(w);
        return NULL;
    }
    for (i = 0; i < w->ncols; i++) {
        w->columns[i].column = &w->shared->schema->columns[i];
        w->columns[i].type = sfx_parquet_type_of(w->columns[i].column);
        sfx_parquet_column_reset(&w->columns[i]);
    }
    return w;
}

/* Appends what begins a file. */
static int begin(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    if (w->at > 0)
        return 0;
    w->at = 4;
    return sfx_buf_puts(out, "PAR1", err);
}

/* Writes the row group in hand. */
static int end_group(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    size_t i, before;
    int rc = begin(w, out, err);

    if (w->nrows == 0)
        return rc;
    for (i = 0; rc == 0 && i < w->ncols; i++) {
        before = out->len;
        rc = sfx_parquet_pages(&w->columns[i], (int64_t)w->at, &w->body, &w->work, out,
                               &w->chunks[i], err);
        w->at += out->len - before;
    }
    if (rc == 0)
        rc = sfx_parquet_row_group(&w->groups, w->columns, w->chunks, w->ncols, w->nrows, err);
    for (i = 0; i < w->ncols; i++)
        sfx_parquet_column_reset(&w->columns[i]);
    w->ngroups++;
    w->total_rows += w->nrows;
    w->nrows = 0;
    w->shared->nbytes -= w->nbytes;
    w->nbytes = 0;
    return rc;
}

static int refuse(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row, size_t column,
                  const char *why, struct sfx_err *err)
{
    const struct sfx_sink_column *col = w->columns[column].column;
    char name[64];

    (void)snprintf(name, sizeof(name), "%.*s", SFX_SLICE_ARG(col->name));
    return sfx_sink_refuse_value(batch, row, name, sfx_typed_name(col->type), w->typed[column].text,
                                 why, w->rejects, err);
}

/* A row goes in with all of its values or not at all. */
static int put_row(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row,
                   struct sfx_err *err)
{
    const char *why;
    size_t i;
    int rc = 0;

    for (i = 0; i < w->ncols; i++) {
        rc = sfx_parquet_value(w->columns[i].column, &batch->columns[i].cells[row], &w->texts[i],
                               &w->typed[i], &w->row[i], &why, err);
        if (rc > 0 || rc == SFX_E_INPUT)
            return refuse(w, batch, row, i, rc > 0 ? why : "has a broken escape", err);
        if (rc < 0)
            return rc;
    }
    for (i = 0; rc == 0 && i < w->ncols; i++) {
        const size_t before = sfx_parquet_nbytes(&w->columns[i]);

        rc = sfx_parquet_add(&w->columns[i], &w->row[i], err);
        w->nbytes += sfx_parquet_nbytes(&w->columns[i]) - before;
        w->shared->nbytes += sfx_parquet_nbytes(&w->columns[i]) - before;
    }
    w->nrows++;
    return rc;
}

static int parquet_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                         struct sfx_err *err)
{
    uint32_t k;
    int rc = begin(w, out, err);

    for (k = 0; rc == 0 && k < batch->nsel; k++) {
        rc = put_row(w, batch, batch->sel[k], err);
        if (rc == 0 && (w->nrows >= GROUP_ROWS || w->nbytes >= GROUP_NBYTES))
            rc = end_group(w, out, err);
    }
    return rc == 0 && w->shared->nbytes >= SHARED_NBYTES ? end_group(w, out, err) : rc;
}

static int parquet_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                          struct sfx_err *err)
{
    int rc = end_group(w, out, err);

    (void)batch;
    if (rc < 0)
        return rc;
    return sfx_parquet_footer(out, w->shared->schema, sfx_buf_slice(&w->groups), w->ngroups,
                              w->total_rows, err);
}

static const struct sfx_writer_ops ops = {
    .create = parquet_create,
    .write = parquet_write,
    .finish = parquet_finish,
    .destroy = parquet_destroy,
};

static const char *const extensions[] = {"parquet", NULL};

const struct sfx_format sfx_parquet_format = {
    .name = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .extensions = extensions,
    .writer = &ops,
    .fixed_columns = true,
};
