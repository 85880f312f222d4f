/* SPDX-License-Identifier: MIT */
/*
 * Record formats: one row each in a table; what a reader and a writer of records must do.
 *
 * Contract: a reader turns one byte stream (one stream of a sfx_input) after the other into
 * batches; a writer turns batches into bytes. Both are one-thread objects. The table is in
 * format.c; a new format is a new file and one row. What a reader says of bad data begins with the
 * input's name (and "member: "), the line and the offset of the byte; failures of its source pass
 * unchanged.
 */
#ifndef SFX_RECORD_FORMAT_H
#define SFX_RECORD_FORMAT_H

#include "record/batch.h"
#include "record/reject.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where a reader gets bytes: sfx_input_read fits, so does memory. 0 at the end, <0 an error. */
struct sfx_byte_source {
    ssize_t (*read)(void *ctx, void *ptr, size_t cap, struct sfx_err *err);
    void *ctx;
    bool (*would_block)(void *ctx); /* may be NULL: never */
    const char *input;              /* for messages and rejects; borrowed */
    const char *member;             /* NULL: none */
};

struct sfx_reader_opts {        /* all-zero: the defaults */
    char delimiter;             /* CSV: 0 means ',' (csv) or tab (tsv) */
    char quote;                 /* CSV: 0 means '"' */
    bool no_header;             /* CSV: columns are named 1, 2, 3 … */
    uint64_t max_record_nbytes; /* default 64 MiB */
    uint64_t max_field_nbytes;  /* default 16 MiB */
    uint32_t max_depth;         /* JSON; default 512 */
};

struct sfx_reader;
struct sfx_writer;

struct sfx_reader_ops {
    struct sfx_reader *(*create)(const struct sfx_reader_opts *opts, struct sfx_err *err);
    /* Starts on another stream; the batch's schema may change with its first batch. */
    int (*open)(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err);
    /*
     * Fills batch: 1 with at least one row (fewer than SFX_BATCH_ROWS when the source paused: what
     * is complete goes on at once); 0 at the end, the schema is then set even if there was no row.
     * The batch has the reader's columns again, whatever became of them; sel is all rows.
     * A bad record is given to rejects and skipped if rejects is not NULL and the place after it is
     * certain; else INPUT with line and offset in the text.
     */
    int (*read)(struct sfx_reader *r, struct sfx_batch *batch,
                const struct sfx_reject_sink *rejects, struct sfx_err *err);
    void (*destroy)(struct sfx_reader *r);
    /* What follows may be NULL. Sets batch's columns before a record is read. Errors: as _read. */
    int (*begin)(struct sfx_reader *r, struct sfx_batch *batch, struct sfx_err *err);
    /* After _begin: cells of column i need not be filled in this stream where wanted[i] is false;
     * they are then MISSING. Errors: NOMEM. */
    int (*want)(struct sfx_reader *r, const bool *wanted, struct sfx_err *err);
};

struct sfx_writer_opts { /* all-zero: the defaults */
    char delimiter;      /* CSV */
    char quote;          /* CSV */
    bool no_header;
};

struct sfx_writer_ops {
    struct sfx_writer *(*create)(const struct sfx_writer_opts *opts, struct sfx_err *err);
    /* Appends the batch's selected rows to out (the header too when it is the first). */
    int (*write)(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                 struct sfx_err *err);
    /* Appends what ends the output; batch gives the schema if nothing was written yet (may be
     * NULL). */
    int (*finish)(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                  struct sfx_err *err);
    void (*destroy)(struct sfx_writer *w);
    /* True when records of batches as this one (their columns may be followed by others) are
     * written from rows[].raw: their cells are not looked at. NULL: never. */
    bool (*copies)(const struct sfx_writer *w, const struct sfx_batch *batch);
};

struct sfx_format {
    const char *name; /* "csv", "tsv", "jsonl", "json" */
    const char *media_type;
    const char *const *extensions; /* without dots, NULL-terminated; the first is the usual one */
    const struct sfx_reader_ops *reader; /* NULL: output only */
    const struct sfx_writer_ops *writer; /* NULL: input only */
    bool fixed_columns; /* an output's columns are those of its first record (a header) */
};

/* The format of that name, or NULL. */
const struct sfx_format *sfx_format_by_name(struct sfx_slice name);

/*
 * What the user said of a format: its name (*format; NULL for NULL), and the delimiter and quote of
 * CSV, one byte or "\\t" each (NULL leaves opts as it is). Errors: USAGE, saying what there is.
 */
int sfx_format_parse(const char *name, const char *delimiter, const char *quote,
                     const struct sfx_format **format, struct sfx_reader_opts *opts,
                     struct sfx_err *err);

/* The format that name's extension stands for, or NULL. */
const struct sfx_format *sfx_format_by_extension(const char *name);

/* The format for a stream: by the extension of name, else by what head looks like, else csv. Never
 * NULL. */
const struct sfx_format *sfx_format_detect(const char *name, struct sfx_slice head);

/* All formats; *count is filled. */
const struct sfx_format *sfx_format_all(size_t *count);

#endif
