/* SPDX-License-Identifier: MIT */
/*
 * Parquet files, flat: parquet_writer.c (records and row groups), parquet_column.c (pages of a
 * column), parquet_thrift.c (headers and footer in the compact protocol). Source: parquet-format
 * 2.10, its Encodings.md and parquet.thrift.
 *
 * A column of a row group is one data page behind a dictionary, if the values repeat. Pages are
 * compressed by zstd. Columns are OPTIONAL, or REQUIRED when NOT NULL.
 */
#ifndef SFX_SINK_PARQUET_INTERNAL_H
#define SFX_SINK_PARQUET_INTERNAL_H

#include "record/format.h"
#include "sink/typed.h"

enum sfx_parquet_type { /* as the files have it */
                        SFX_PARQUET_BOOLEAN = 0,
                        SFX_PARQUET_INT32 = 1,
                        SFX_PARQUET_INT64 = 2,
                        SFX_PARQUET_DOUBLE = 5,
                        SFX_PARQUET_BYTES = 6,
                        SFX_PARQUET_FIXED = 7,
};

#define SFX_PARQUET_FIXED_NBYTES 16 /* decimals of more than 18 digits */

/* What all files of a load share: writer_opts.shared. */
struct sfx_parquet_shared {
    const struct sfx_sink_schema *schema; /* batches have its columns, in its order */
    size_t nbytes;                        /* in memory, of all row groups */
};

/* A column of the row group in hand. */
struct sfx_parquet_column {
    const struct sfx_sink_column *column;
    enum sfx_parquet_type type;
    uint32_t nrows, nnulls;
    struct sfx_buf present; /* a bit a row: it has a value */
    /* Values go into the dictionary while they repeat, then as they are. */
    bool indexed;
    struct sfx_buf plain;           /* the values, or (indexed) the dictionary's */
    struct sfx_buf starts, indexes; /* uint32_t: of the dictionary's values in plain; of rows */
    uint32_t nentries, nslots;      /* of the dictionary; nslots is a power of two */
    uint32_t *slots;                /* entry + 1; 0: empty */
    struct sfx_buf least, greatest; /* values, without lengths; */
    bool bounded;                   /* there are such, and they are short enough to be told */
};

/* A value as its bytes. */
struct sfx_parquet_value {
    bool null;
    const void *ptr; /* numbers: at bytes */
    size_t len;
    unsigned char bytes[SFX_PARQUET_FIXED_NBYTES];
};

/* How the column is stored. */
enum sfx_parquet_type sfx_parquet_type_of(const struct sfx_sink_column *column);
uint32_t sfx_parquet_precision(const struct sfx_sink_column *column);

/* Starts a row group. */
void sfx_parquet_column_reset(struct sfx_parquet_column *col);
void sfx_parquet_column_done(struct sfx_parquet_column *col);

/* Adds a row's value. Errors: NOMEM. */
int sfx_parquet_add(struct sfx_parquet_column *col, const struct sfx_parquet_value *value,
                    struct sfx_err *err);

/* Bytes of memory that the rows take. */
size_t sfx_parquet_nbytes(const struct sfx_parquet_column *col);

/* Where a column's pages stand, and what they hold. */
struct sfx_parquet_chunk {
    int64_t dictionary_at, data_at; /* in the file; dictionary_at 0: none */
    int64_t plain_nbytes, packed_nbytes;
};

/* Appends the pages of the column, the first of which begins at byte at of the file; work and body
 * are for work. Errors: NOMEM, and those of the compression. */
int sfx_parquet_pages(struct sfx_parquet_column *col, int64_t at, struct sfx_buf *body,
                      struct sfx_buf *work, struct sfx_buf *out, struct sfx_parquet_chunk *chunk,
                      struct sfx_err *err);

/* Appends a page's header. encoding: of the values. */
int sfx_parquet_page_header(struct sfx_buf *out, bool dictionary, size_t plain_nbytes,
                            size_t packed_nbytes, uint32_t nvalues, int encoding,
                            struct sfx_err *err);

/* Appends the description of a row group whose columns and chunks these are. Errors: NOMEM. */
int sfx_parquet_row_group(struct sfx_buf *out, const struct sfx_parquet_column *columns,
                          const struct sfx_parquet_chunk *chunks, size_t ncols, uint32_t nrows,
                          struct sfx_err *err);

/* Appends the footer, from groups, ngroups of those descriptions, to the end mark. Errors: NOMEM.
 */
int sfx_parquet_footer(struct sfx_buf *out, const struct sfx_sink_schema *schema,
                       struct sfx_slice groups, uint32_t ngroups, uint64_t nrows,
                       struct sfx_err *err);

#define SFX_PARQUET_PLAIN      0
#define SFX_PARQUET_RLE        3
#define SFX_PARQUET_DICTIONARY 8

#endif
