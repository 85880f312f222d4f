/* SPDX-License-Identifier: MIT */
/*
 * The CSV reader's parts: csv_rows.c finds records in the block, csv_header.c makes columns of the
 * first, csv_reader.c fills batches with the others, csv_resume.c goes on in the middle of a
 * stream.
 */
#ifndef SFX_RECORD_CSV_READER_INTERNAL_H
#define SFX_RECORD_CSV_READER_INTERNAL_H

#include "record/block_internal.h"
#include "record/csv_internal.h"
#include "record/format_internal.h"
#include "record/schema_internal.h"

/* Completed for CSV and TSV in this folder's csv_*.c only. */
struct sfx_reader {
    struct sfx_reader_opts opts;
    struct sfx_csv_chars chars;
    uint16_t dialect;
    uint16_t escaped_dialect; /* of fields with an escape */
    struct sfx_slice null;    /* an unquoted field of these bytes is null; empty: none is */
    sfx_csv_index_fn *index;
    struct sfx_block block;
    struct sfx_csv_index ix;
    uint32_t next_row; /* the next record: its entry of ix.rows … */
    uint32_t next_sep; /* … and its first of ix.seps */
    size_t begin;      /* where it begins in the block */
    uint64_t line;     /* … and on which line */
    size_t scanned;    /* how far the index came */
    struct sfx_csv_scan scan;
    bool scanning; /* the next record is being scanned byte by byte */
    bool started;  /* the header is known */
    bool closed;   /* the last record has got the line end that it lacked */
    enum sfx_eol eol;
    struct sfx_schema schema;
    uint32_t *wanted; /* the columns whose cells are filled, when not all are: */
    uint32_t nwanted, cap_wanted;
    bool wants_all;
    struct sfx_buf text; /* for reasons and names */
    int failed;          /* <0: the stream cannot be read further, for this reason: */
    struct sfx_err failure;
};

/* A record that is whole and next; positions in the block. */
struct sfx_csv_row {
    size_t begin, end; /* without its line end */
    size_t next;       /* behind its line end */
    uint32_t sep;      /* its first entry of ix.seps */
    uint32_t nfields;
};

/* The next record if the index holds it whole. */
static inline bool sfx_csv_row_peek(const struct sfx_reader *r, struct sfx_csv_row *row)
{
    uint32_t last;
    size_t end;

    if (r->next_row == r->ix.nrows)
        return false;
    last = r->ix.rows[r->next_row];
    end = r->ix.seps[last] & SFX_CSV_POS;
    row->begin = r->begin;
    row->next = end + 1;
    row->sep = r->next_sep;
    row->nfields = last + 1 - r->next_sep;
    row->end = end > r->begin && r->block.data[end - 1] == '\r' ? end - 1 : end;
    return true;
}

/* How many lines row takes. */
uint64_t sfx_csv_row_lines(const struct sfx_reader *r, const struct sfx_csv_row *row);

/* Goes behind row. */
static inline void sfx_csv_row_take(struct sfx_reader *r, const struct sfx_csv_row *row)
{
    r->line += r->ix.inner_newline ? sfx_csv_row_lines(r, row) : 1;
    r->begin = row->next;
    r->next_sep += row->nfields;
    r->next_row++;
}

/* The bytes of field i of row, with its quotes; *escaped is filled. */
struct sfx_slice sfx_csv_row_field(const struct sfx_reader *r, const struct sfx_csv_row *row,
                                   uint32_t i, bool *escaped);

/* Makes a cell of a field's bytes as they stand. */
static inline struct sfx_cell sfx_csv_cell(const char *ptr, size_t len, bool quoted, bool escaped,
                                           uint16_t dialect)
{
    return (struct sfx_cell){
        .ptr = quoted ? ptr + 1 : ptr, /* nothing may stand nowhere */
        .len = (uint32_t)(len - 2 * (size_t)quoted),
        .kind = SFX_CELL_TEXT,
        .flags = (uint8_t)((quoted ? SFX_CELL_QUOTED : 0) | (escaped ? SFX_CELL_ESCAPED : 0)),
        .dialect = dialect,
    };
}

/*
 * Works towards the next record. 1: call again or peek; 0: the input has ended. If the block would
 * have to move and may_move is false: 0. Bad records go to rejects (NULL: they are errors). Errors:
 * INPUT, LIMIT, NOMEM, those of the source and of rejects.
 */
int sfx_csv_rows_more(struct sfx_reader *r, bool may_move, const struct sfx_reject_sink *rejects,
                      struct sfx_err *err);

/* Skips a byte order mark and the lines that are not wanted, learns how lines end and, if the
 * options want that, delimiter and quote. Errors: as of the source. */
int sfx_csv_rows_start(struct sfx_reader *r, struct sfx_err *err);

/*
 * Finds out delimiter and quote from the first two records, of no more than 64 KiB: what is known
 * already stays unless RFC 4180 as it stands makes one column of the first record. Errors: as of
 * the source.
 */
int sfx_csv_sniff(struct sfx_reader *r, struct sfx_err *err);

/* Whether row is a comment. */
static inline bool sfx_csv_row_is_comment(const struct sfx_reader *r, const struct sfx_csv_row *row)
{
    return r->chars.comment != '\0' && row->begin < row->end &&
           r->block.data[row->begin] == r->chars.comment;
}

/* What is wrong with a record. */
struct sfx_csv_fault {
    size_t begin, end; /* the record in the block */
    uint64_t line;     /* of the message; 0: where the record begins */
    size_t pos;        /* of the message, in the block */
    int64_t field;     /* -1: the record as a whole */
    enum sfx_code code;
    const char *reason;
};

/* Why a record with nfields fields is refused: text borrowed from r. Errors: NULL, NOMEM. */
const char *sfx_csv_ragged_reason(struct sfx_reader *r, uint32_t nfields, struct sfx_err *err);

/* Gives a bad record to rejects, or (NULL) makes it an error. */
int sfx_csv_rows_refuse(const struct sfx_reader *r, const struct sfx_csv_fault *fault,
                        const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* Makes the schema from row's fields (without a header: from their number). Errors: LIMIT, NOMEM.
 */
int sfx_csv_header(struct sfx_reader *r, const struct sfx_csv_row *row, struct sfx_err *err);

/* Adds columns, named by their numbers, until there are ncols. Errors: LIMIT, NOMEM. */
int sfx_csv_header_extend(struct sfx_reader *r, uint32_t ncols, struct sfx_err *err);

/*
 * For options.ragged: the next record (peeked as row) as row n of the columns, whatever its number
 * of fields. 1: it is one; 0: it needs columns that may be added only when n is 0. Errors: LIMIT,
 * NOMEM.
 */
int sfx_csv_fill_ragged(struct sfx_reader *r, const struct sfx_csv_row *row, uint32_t n,
                        struct sfx_err *err);

/* Forgets where the records are, to read those of src, below the same header. */
void sfx_csv_restart(struct sfx_reader *r, const struct sfx_byte_source *src);

/* See sfx_reader_ops. */
int sfx_csv_want(struct sfx_reader *r, const bool *wanted, struct sfx_err *err);
bool sfx_csv_tell(const struct sfx_reader *r, uint64_t *offset, uint64_t *line);
int sfx_csv_resume(struct sfx_reader *r, const struct sfx_reader *like,
                   const struct sfx_byte_source *src, struct sfx_err *err);
size_t sfx_csv_find_border(const struct sfx_reader *like, const char *data, size_t len);

/* Makes null what is spelled so in rows from..to of the columns. */
void sfx_csv_mark_nulls(const struct sfx_reader *r, uint32_t from, uint32_t to);

#endif
