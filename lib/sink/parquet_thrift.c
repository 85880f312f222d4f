/* SPDX-License-Identifier: MIT */
/* Headers of pages and the footer of Parquet files, in Thrift's compact protocol. */
#include "sink/parquet_internal.h"

#include <assert.h>

#define MAX_DEPTH 8
#define ZSTD      6 /* CompressionCodec */

enum wire {
    WIRE_TRUE = 1,
    WIRE_FALSE = 2,
    WIRE_I32 = 5,
    WIRE_I64 = 6,
    WIRE_BINARY = 8,
    WIRE_LIST = 9,
    WIRE_STRUCT = 12
};

/* Appends structures; the first failure sticks. */
struct thrift {
    struct sfx_buf *out;
    struct sfx_err *err;
    int rc;
    unsigned depth;
    int last[MAX_DEPTH]; /* field of each open structure */
};

static void put_byte(struct thrift *t, unsigned byte)
{
    if (t->rc == 0)
        t->rc = sfx_buf_putc(t->out, (char)byte, t->err);
}

static void put_varint(struct thrift *t, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        put_byte(t, (unsigned)(n & 0x7f) | 0x80);
    put_byte(t, (unsigned)n);
}

static void put_zigzag(struct thrift *t, int64_t n)
{
    put_varint(t, ((uint64_t)n << 1) ^ (uint64_t)(n >> 63));
}

/* All fields here are less than 16 behind the one before. */
static void put_field(struct thrift *t, int field, enum wire wire)
{
    assert(field > t->last[t->depth] && field - t->last[t->depth] < 16);
    put_byte(t, (unsigned)(field - t->last[t->depth]) << 4 | wire);
    t->last[t->depth] = field;
}

static void put_i32(struct thrift *t, int field, int32_t n)
{
    put_field(t, field, WIRE_I32);
    put_zigzag(t, n);
}

static void put_i64(struct thrift *t, int field, int64_t n)
{
    put_field(t, field, WIRE_I64);
    put_zigzag(t, n);
}

static void put_bytes(struct thrift *t, struct sfx_slice bytes)
{
    put_varint(t, bytes.len);
    if (t->rc == 0)
        t->rc = sfx_buf_append(t->out, bytes.ptr, bytes.len, t->err);
}

static void put_binary(struct thrift *t, int field, struct sfx_slice bytes)
{
    put_field(t, field, WIRE_BINARY);
    put_bytes(t, bytes);
}

/* A structure that is an element of a list. */
static void begin_element(struct thrift *t)
{
    assert(t->depth + 1 < MAX_DEPTH);
    t->last[++t->depth] = 0;
}

static void begin_struct(struct thrift *t, int field)
{
    put_field(t, field, WIRE_STRUCT);
    begin_element(t);
}

static void end_struct(struct thrift *t)
{
    put_byte(t, 0);
    if (t->depth > 0)
        t->depth--;
}

static void begin_list(struct thrift *t, int field, enum wire wire, size_t n)
{
    put_field(t, field, WIRE_LIST);
    put_byte(t, (n < 15 ? (unsigned)n << 4 : 0xf0) | wire);
    if (n >= 15)
        put_varint(t, n);
}

int sfx_parquet_page_header(struct sfx_buf *out, bool dictionary, size_t plain_nbytes,
                            size_t packed_nbytes, uint32_t nvalues, int encoding,
                            struct sfx_err *err)
{
    struct thrift t = {.out = out, .err = err};

    put_i32(&t, 1, dictionary ? 2 : 0);
    put_i32(&t, 2, (int32_t)plain_nbytes);
    put_i32(&t, 3, (int32_t)packed_nbytes);
    begin_struct(&t, dictionary ? 7 : 5);
    put_i32(&t, 1, (int32_t)nvalues);
    put_i32(&t, 2, encoding);
    if (!dictionary) {
        put_i32(&t, 3, SFX_PARQUET_RLE);
        put_i32(&t, 4, SFX_PARQUET_RLE);
    }
    end_struct(&t);
    end_struct(&t);
    return t.rc;
}

static void put_statistics(struct thrift *t, const struct sfx_parquet_column *col)
{
    begin_struct(t, 12);
    put_i64(t, 3, col->nnulls);
    if (col->bounded) {
        put_binary(t, 5, sfx_buf_slice(&col->greatest));
        put_binary(t, 6, sfx_buf_slice(&col->least));
    }
    end_struct(t);
}

static void put_chunk(struct thrift *t, const struct sfx_parquet_column *col,
                      const struct sfx_parquet_chunk *chunk)
{
    const bool indexed = chunk->dictionary_at > 0;

    begin_element(t);
    put_i64(t, 2, 0); /* the description stands in the footer only */
    begin_struct(t, 3);
    put_i32(t, 1, col->type);
    begin_list(t, 2, WIRE_I32, indexed ? 3 : 2);
    put_zigzag(t, SFX_PARQUET_PLAIN);
    put_zigzag(t, SFX_PARQUET_RLE);
    if (indexed)
        put_zigzag(t, SFX_PARQUET_DICTIONARY);
    begin_list(t, 3, WIRE_BINARY, 1);
    put_bytes(t, col->column->name);
    put_i32(t, 4, ZSTD);
    put_i64(t, 5, col->nrows);
    put_i64(t, 6, chunk->plain_nbytes);
    put_i64(t, 7, chunk->packed_nbytes);
    put_i64(t, 9, chunk->data_at);
    if (indexed)
        put_i64(t, 11, chunk->dictionary_at);
    put_statistics(t, col);
    end_struct(t);
    end_struct(t);
}

int sfx_parquet_row_group(struct sfx_buf *out, const struct sfx_parquet_column *columns,
                          const struct sfx_parquet_chunk *chunks, size_t ncols, uint32_t nrows,
                          struct sfx_err *err)
{
    struct thrift t = {.out = out, .err = err};
    int64_t plain = 0, packed = 0;
    size_t i;

    begin_list(&t, 1, WIRE_STRUCT, ncols);
    for (i = 0; i < ncols; i++) {
        put_chunk(&t, &columns[i], &chunks[i]);
        plain += chunks[i].plain_nbytes;
        packed += chunks[i].packed_nbytes;
    }
    put_i64(&t, 2, plain);
    put_i64(&t, 3, nrows);
    put_i64(&t, 5, chunks[0].dictionary_at > 0 ? chunks[0].dictionary_at : chunks[0].data_at);
    put_i64(&t, 6, packed);
    end_struct(&t);
    return t.rc;
}

/* A member of a union that has no members itself. */
static void put_empty(struct thrift *t, int field)
{
    begin_struct(t, field);
    end_struct(t);
}

static void put_logical(struct thrift *t, const struct sfx_sink_column *column)
{
    begin_struct(t, 10);
    switch (column->type) {
    case SFX_TYPE_TEXT: put_empty(t, 1); break;
    case SFX_TYPE_DECIMAL:
        begin_struct(t, 5);
        put_i32(t, 1, (int32_t)column->scale);
        put_i32(t, 2, (int32_t)sfx_parquet_precision(column));
        end_struct(t);
        break;
    case SFX_TYPE_DATE: put_empty(t, 6); break;
    case SFX_TYPE_TIMESTAMP:
    case SFX_TYPE_TIMESTAMPTZ:
        begin_struct(t, 8);
        put_field(t, 1, column->type == SFX_TYPE_TIMESTAMPTZ ? WIRE_TRUE : WIRE_FALSE);
        begin_struct(t, 2);
        put_empty(t, column->scale > 6 ? 3 : 2);
        end_struct(t);
        end_struct(t);
        break;
    case SFX_TYPE_JSON: put_empty(t, 12); break;
    case SFX_TYPE_INTEGER:
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL:
    case SFX_TYPE_BOOLEAN: break;
    }
    end_struct(t);
}

/* The older form of the same, which old readers know. -1: there is none. */
static int converted(const struct sfx_sink_column *column)
{
    switch (column->type) {
    case SFX_TYPE_TEXT: return 0;
    case SFX_TYPE_DECIMAL: return 5;
    case SFX_TYPE_DATE: return 6;
    case SFX_TYPE_TIMESTAMP: return -1; /* it would be one in UTC */
    case SFX_TYPE_TIMESTAMPTZ: return column->scale > 6 ? -1 : 10;
    case SFX_TYPE_JSON: return 19;
    case SFX_TYPE_INTEGER:
    case SFX_TYPE_NUMERIC:
    case SFX_TYPE_REAL:
    case SFX_TYPE_BOOLEAN: break;
    }
    return -1;
}

static bool has_logical(const struct sfx_sink_column *column)
{
    return column->type == SFX_TYPE_TIMESTAMP || column->type == SFX_TYPE_TIMESTAMPTZ ||
           converted(column) >= 0;
}

static void put_column(struct thrift *t, const struct sfx_sink_column *column)
{
    const enum sfx_parquet_type type = sfx_parquet_type_of(column);

    begin_element(t);
    put_i32(t, 1, type);
    if (type == SFX_PARQUET_FIXED)
        put_i32(t, 2, SFX_PARQUET_FIXED_NBYTES);
    put_i32(t, 3, column->not_null ? 0 : 1);
    put_binary(t, 4, column->name);
    if (converted(column) >= 0)
        put_i32(t, 6, converted(column));
    if (column->type == SFX_TYPE_DECIMAL) {
        put_i32(t, 7, (int32_t)column->scale);
        put_i32(t, 8, (int32_t)sfx_parquet_precision(column));
    }
    if (has_logical(column))
        put_logical(t, column);
    end_struct(t);
}

int sfx_parquet_footer(struct sfx_buf *out, const struct sfx_sink_schema *schema,
                       struct sfx_slice groups, uint32_t ngroups, uint64_t nrows,
                       struct sfx_err *err)
{
    struct thrift t = {.out = out, .err = err};
    const size_t start = out->len;
    uint32_t nbytes;
    size_t i;

    put_i32(&t, 1, 2);
    begin_list(&t, 2, WIRE_STRUCT, schema->ncols + 1);
    begin_element(&t);
    put_binary(&t, 4, SFX_SLICE_LIT("schema"));
    put_i32(&t, 5, (int32_t)schema->ncols);
    end_struct(&t);
    for (i = 0; i < schema->ncols; i++)
        put_column(&t, &schema->columns[i]);
    put_i64(&t, 3, (int64_t)nrows);
    begin_list(&t, 4, WIRE_STRUCT, ngroups);
    if (t.rc == 0)
        t.rc = sfx_buf_append(out, groups.ptr, groups.len, err);
    put_binary(&t, 6, SFX_SLICE_LIT("sfx version " PACKAGE_VERSION));
    begin_list(&t, 7, WIRE_STRUCT, schema->ncols);
    for (i = 0; i < schema->ncols; i++) { /* the order of the type, by which bounds are told */
        begin_element(&t);
        put_empty(&t, 1);
        end_struct(&t);
    }
    end_struct(&t);
    nbytes = (uint32_t)(out->len - start);
    for (i = 0; i < 4; i++)
        put_byte(&t, nbytes >> (8 * i) & 0xff);
    return t.rc == 0 ? sfx_buf_puts(out, "PAR1", err) : t.rc;
}
