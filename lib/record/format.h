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
    /* Of what it gives first, when that is not the beginning: added (modulo 2^64) to the places
     * that the reader tells. */
    uint64_t offset, line;
    const char *path; /* the file whose bytes these are, unchanged; NULL: none */
};

enum sfx_ragged {
    SFX_RAGGED_REFUSE = 0, /* a record of another number of fields than the header is refused */
    SFX_RAGGED_FILL,       /* what lacks is missing, what is too much gets a column, its number */
};

#define SFX_READER_MAX_AHEAD 32

struct sfx_reader_opts {        /* all-zero: the defaults */
    char delimiter;             /* CSV: 0 means ',' (csv) or tab (tsv) */
    char quote;                 /* CSV: 0 means '"' */
    bool no_header;             /* CSV: columns are named 1, 2, 3 … */
    bool sniff;                 /* CSV: delimiter and quote of 0 are found out */
    char escape;                /* CSV: gives the next byte its plain meaning; 0: none */
    char comment;               /* CSV: lines that begin with it are skipped; 0: none */
    const char *null_text;      /* CSV, TSV: the unquoted field that is null; NULL: none */
    enum sfx_ragged ragged;     /* CSV, TSV */
    const char *fields;         /* fixed: "name:10,qty:11-15"; NULL: guessed. Borrowed, as are: */
    const char *table;          /* sqlite: read it; NULL: the only one */
    const char *sql;            /* sqlite: read its result */
    uint64_t skip_lines;        /* of each stream, before anything else */
    uint64_t max_record_nbytes; /* default 64 MiB */
    uint64_t max_field_nbytes;  /* default 16 MiB */
    uint32_t max_depth;         /* JSON; default 512 */
    /* So many batches stay as they are while others are filled behind them, each into another
     * batch: whoever reads ahead looks at one while those behind it are read. Default 0. */
    unsigned ahead;
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
    bool ahead; /* the reader knows sfx_reader_opts.ahead */
    /*
     * What parts of a stream need, to be read at the same time. _tell: where the next record begins
     * (offset and line as in sfx_row_origin); false: the next _read fails. _resume starts r, which
     * may be like itself, on src, whose first byte begins a record in the middle of like's stream:
     * 1, or 0 when records cannot be read without those before them. _find_border: behind which of
     * the len bytes, taken from anywhere in the stream, a record seems to begin; 0: none is seen.
     * Errors: NOMEM.
     */
    bool (*tell)(const struct sfx_reader *r, uint64_t *offset, uint64_t *line);
    int (*resume)(struct sfx_reader *r, const struct sfx_reader *like,
                  const struct sfx_byte_source *src, struct sfx_err *err);
    size_t (*find_border)(const struct sfx_reader *like, const char *data, size_t len);
};

struct sfx_writer_opts { /* all-zero: the defaults */
    char delimiter;      /* CSV; 0: as the first input, which is CSV, else ',' */
    char quote;          /* CSV; the same, else '"' */
    bool no_header;
    char escape;           /* CSV: written before a quote in a field; 0: the quote is doubled */
    const char *null_text; /* CSV, TSV: what null is written as; NULL: nothing. Borrowed */
    const char *fields;    /* fixed: as the reader's; NULL: from the first records. Borrowed */
    uint32_t width;        /* box: columns of the terminal; 0: any */
    void *shared;          /* what the writers of a format of the caller's own share. Borrowed */
    /* Takes records that the format cannot hold; NULL: the first is an error. Borrowed. */
    const struct sfx_reject_sink *rejects;
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
    /* The input pauses: what is held back for the sake of looks may be written. NULL: nothing is.
     */
    int (*pause)(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err);
    /*
     * A writer that goes on as w would, for a thread of its own; each of its writes gives the bytes
     * that w would give then, or fails (also where w would refuse a record): then w is to write the
     * batch. *fork stays NULL while w has not come so far. Errors: NOMEM.
     */
    int (*fork)(const struct sfx_writer *w, struct sfx_writer **fork, struct sfx_err *err);
    /* Tells w of records that a fork wrote in its place. */
    void (*forked)(struct sfx_writer *w, uint64_t nrecords);
};

struct sfx_format {
    const char *name; /* "csv", "tsv", "jsonl" … */
    const char *media_type;
    /* Without dots, NULL-terminated; the first is the usual one, which every format has. */
    const char *const *extensions;
    const struct sfx_reader_ops *reader; /* NULL: output only */
    const struct sfx_writer_ops *writer; /* NULL: input only */
    bool fixed_columns; /* an output's columns are those of its first record (a header) */
};

/* The format of that name, or NULL. */
const struct sfx_format *sfx_format_by_name(struct sfx_slice name);

/*
 * What the user said of a format: its name (*format; NULL for NULL), and the delimiter and quote of
 * CSV, one byte or "\\t" each (NULL leaves opts as it is; with neither they are found out). Errors:
 * USAGE, saying what there is.
 */
int sfx_format_parse(const char *name, const char *delimiter, const char *quote,
                     const struct sfx_format **format, struct sfx_reader_opts *opts,
                     struct sfx_err *err);

/* The format that name's extension stands for, or NULL. */
const struct sfx_format *sfx_format_by_extension(const char *name);

/* The format of that media type, or NULL; text/plain may be any. */
const struct sfx_format *sfx_format_by_media_type(struct sfx_slice type);

/* The format for a stream: by the extension of name, else by what head looks like, else csv. Never
 * NULL. */
const struct sfx_format *sfx_format_detect(const char *name, struct sfx_slice head);

/* What is written of inputs of that format when nothing else is asked: the same, or csv when it
 * cannot be written. */
const struct sfx_format *sfx_format_of_output(const struct sfx_format *from);

/* All formats; *count is filled. */
const struct sfx_format *sfx_format_all(size_t *count);

#endif
