/* SPDX-License-Identifier: MIT */
/*
 * Readers of formats in which a record is a line: what they share is line_reader.c, what a line
 * means is a row of functions in the file of its format.
 *
 * Contract: a format's `start` makes the columns (or none, with an open schema), `take` turns one
 * line into row `at` of the columns' cells. A line ends with LF or CRLF; the last may lack it.
 */
#ifndef SFX_RECORD_LINE_INTERNAL_H
#define SFX_RECORD_LINE_INTERNAL_H

#include "record/block_internal.h"
#include "record/format_internal.h"
#include "record/schema_internal.h"

enum sfx_line_verdict {
    SFX_LINE_TAKEN = 0,
    SFX_LINE_SKIPPED, /* no record: a blank line, or text around a table */
    SFX_LINE_WAIT,    /* it has a column that may not be added now */
    SFX_LINE_BAD,     /* r->reason says why, r->field where (-1: the whole) */
    SFX_LINE_END,     /* what the stream holds from here on is no record */
    SFX_LINE_FAILED,  /* *err: NOMEM, LIMIT */
};

struct sfx_line_format {
    bool open_schema;    /* lines bring their own columns */
    bool blank_counts;   /* a blank line is a record */
    size_t state_nbytes; /* of the format's own state, zeroed by _create */
    /* Checks the options. Errors: USAGE, NOMEM. NULL: there are none. */
    int (*create)(struct sfx_reader *r, struct sfx_err *err);
    /* At the start of a stream, r->pos at its first line. May call sfx_line_window. */
    int (*start)(struct sfx_reader *r, struct sfx_err *err);
    /* may_add: columns may be added. Sets r->nfields. */
    enum sfx_line_verdict (*take)(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err);
    void (*destroy)(struct sfx_reader *r); /* what state owns; NULL: nothing */
};

/* Completed for readers of lines only. */
struct sfx_reader {
    const struct sfx_line_format *format;
    struct sfx_reader_opts opts;
    struct sfx_block block;
    struct sfx_schema schema;
    size_t pos;            /* the next line begins here … */
    size_t searched;       /* … and has no end before here */
    uint64_t line;         /* its number */
    struct sfx_slice text; /* the line in hand, without its end */
    size_t next;           /* behind it */
    enum sfx_eol eol;      /* of the first line */
    bool started;
    bool ended;         /* what follows is no record */
    uint32_t nfields;   /* of the record in hand */
    const char *reason; /* of a bad one; static, or in buf */
    int64_t field;
    struct sfx_buf buf;
    void *state;
    int failed; /* <0: the stream cannot be read further, for this reason: */
    struct sfx_err failure;
};

/* Makes a reader; for the create of a format's ops. Errors: NULL, NOMEM, USAGE. */
struct sfx_reader *sfx_line_create(const struct sfx_line_format *format,
                                   const struct sfx_reader_opts *opts, struct sfx_err *err);

/* What such formats have in common, for sfx_reader_ops. */
int sfx_line_open(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err);
int sfx_line_read(struct sfx_reader *r, struct sfx_batch *batch,
                  const struct sfx_reject_sink *rejects, struct sfx_err *err);
void sfx_line_destroy(struct sfx_reader *r);

/*
 * For _start: reads on until the block has nlines whole lines from r->pos, nbytes, or all of the
 * stream. Errors: those of the source, NOMEM, LIMIT.
 */
int sfx_line_window(struct sfx_reader *r, size_t nlines, size_t nbytes, struct sfx_err *err);

/* The line at pos of the block, without its end; *next is behind it. False: none is whole. */
bool sfx_line_at(const struct sfx_reader *r, size_t pos, struct sfx_slice *line, size_t *next);

/* Adds a column for each of the names, NULL-terminated. Errors: NOMEM. */
int sfx_line_add_columns(struct sfx_reader *r, const char *const *names, struct sfx_err *err);

/* Adds a column; a name that is there already, or empty, is changed as a CSV header's. Errors:
 * NOMEM, LIMIT. */
int sfx_line_add_unique(struct sfx_reader *r, struct sfx_slice name, struct sfx_err *err);

/* A field of the block as a cell. */
static inline struct sfx_cell sfx_line_cell(const char *begin, const char *end)
{
    return (struct sfx_cell){.ptr = begin, .len = (uint32_t)(end - begin), .kind = SFX_CELL_TEXT};
}

/* The same where "-" is null. */
static inline struct sfx_cell sfx_line_cell_or_dash(const char *begin, const char *end)
{
    struct sfx_cell cell = sfx_line_cell(begin, end);

    if (cell.len == 1 && *begin == '-')
        cell.kind = SFX_CELL_NULL;
    return cell;
}

static inline enum sfx_line_verdict sfx_line_bad(struct sfx_reader *r, int64_t field,
                                                 const char *reason)
{
    r->field = field;
    r->reason = reason;
    return SFX_LINE_BAD;
}

#endif
