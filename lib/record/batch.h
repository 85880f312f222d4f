/* SPDX-License-Identifier: MIT */
/*
 * Batches: records on the move, as columns of cells that point into the input's bytes.
 *
 * Contract: a reader fills a batch; its cells stay valid until the reader fills it again or is
 * destroyed. A stage that must keep cells longer copies them. Columns are an array of cells each,
 * all `nrows` long; row r's origin is rows[r]. Stages drop rows by making the selection `sel`
 * shorter, not by moving cells; computed cells live in `arena`. A stage may change, add, move or
 * remove columns in place (then sfx_batch_update_schema_id): the reader puts its own back.
 *
 * A cell is bytes with a note of how they are spelled, so that what is not touched can be written
 * out byte for byte:
 *   TEXT      field bytes (CSV, TSV) of the spelling `dialect`. QUOTED: the field stood in quotes,
 *             ptr[-1] and ptr[len] are the quotes (whoever copies the cell copies them too).
 *             ESCAPED with QUOTED: doubled quotes inside are still doubled. ESCAPED alone: the
 *             backslash escapes of TSV are still there.
 *   JSON_*    of a JSON input. JSON_STRING: ptr/len is what is between the quotes (ptr[-1] and
 *             ptr[len] are the quotes); ESCAPED: has backslashes. The others: the raw JSON text.
 *             dialect: not 0 in members just as read (a copy of a cell keeps it, a new one has 0).
 *   NUMBER    computed by an expression: canonical decimal text.
 *   BOOL      computed, "true" or "false".
 *   STRING    computed text, plain bytes.
 *   NULL      computed null, or JSON null.
 *   MISSING   the record has no such column.
 */
#ifndef SFX_RECORD_BATCH_H
#define SFX_RECORD_BATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "json/json.h"

#include <stdbool.h>
#include <stdint.h>

enum sfx_cell_kind {
    SFX_CELL_MISSING = 0,
    SFX_CELL_NULL,
    SFX_CELL_TEXT,
    SFX_CELL_JSON_STRING,
    SFX_CELL_JSON_NUMBER,
    SFX_CELL_JSON_BOOL,
    SFX_CELL_JSON_NESTED, /* object or array */
    SFX_CELL_NUMBER,
    SFX_CELL_STRING,
    SFX_CELL_BOOL,
};

enum sfx_cell_flag {
    SFX_CELL_QUOTED = 1,
    SFX_CELL_ESCAPED = 2,
};

struct sfx_cell { /* 16 bytes */
    const char *ptr;
    uint32_t len; /* bytes; a field is limited to less than 4 GiB */
    uint8_t kind; /* enum sfx_cell_kind */
    uint8_t flags;
    uint16_t dialect; /* TEXT: SFX_DIALECT of the input, 0 unknown; computed: 0 */
};

/* How TEXT is spelled: TSV's backslash escapes are the dialect of quote 0. */
#define SFX_DIALECT(delimiter, quote)                                                              \
    ((uint16_t)((unsigned char)(delimiter) | (unsigned char)(quote) << 8))

/*
 * Spellings that are no CSV's: its quote cannot be a line end. They count where ESCAPED is set.
 * LOG: C's backslash escapes. MARKDOWN: a backslash before a pipe or backslash. ESCAPE: CSV in
 * which the byte c gives the next its plain meaning.
 */
#define SFX_DIALECT_LOG       SFX_DIALECT('\\', '\r')
#define SFX_DIALECT_MARKDOWN  SFX_DIALECT('|', '\r')
#define SFX_DIALECT_ESCAPE(c) SFX_DIALECT(c, '\n')

struct sfx_column {
    struct sfx_slice name;  /* decoded; borrowed from the reader or the batch */
    struct sfx_cell *cells; /* capacity SFX_BATCH_ROWS */
    struct sfx_cell head;   /* the name as the input spelled it; MISSING: unknown. Counts only while
                               its text is the name */
};

struct sfx_row_origin {
    struct sfx_slice raw; /* the record's bytes without its line end; empty for computed rows */
    uint64_t line;        /* 1-based line of the input where it begins; 0 for computed rows */
    uint64_t offset;      /* byte of the (decoded) stream where it begins */
    uint32_t nfields;     /* fields or members that raw has */
};

/* How the records of an input end; a writer ends its lines as the first input does. */
enum sfx_eol { SFX_EOL_LF = 0, SFX_EOL_CRLF, SFX_EOL_CR };

#define SFX_BATCH_ROWS 1024 /* rows of a full batch: 11 columns of cells stay within L2 */

struct sfx_batch {
    struct sfx_column *columns;
    size_t ncols;
    struct sfx_row_origin *rows; /* capacity SFX_BATCH_ROWS */
    uint32_t nrows;              /* filled rows */
    uint16_t
        *sel; /* the rows that are alive, ascending or in output order; capacity SFX_BATCH_ROWS */
    uint32_t nsel;    /* a fresh batch has sel = 0 … nrows-1 */
    bool open_schema; /* JSON: other records may have other columns; what is not there is null */
    bool ordered;     /* the order of the columns is asked for: records are not in one of theirs */
    uint64_t schema_id; /* a hash of names and number of columns; 0: no columns */
    uint16_t dialect;   /* CSV: how the input is spelled, 0 elsewhere; a writer of CSV follows the
                           first input unless it is told */
    const char *input;  /* name of the operand, borrowed from the reader's input */
    const char *member; /* NULL when the operand is no archive */
    const char *format; /* of the records where it is not the stream's own (rejects); else NULL */
    enum sfx_eol eol;
    /* The first nraw columns are, in their order, all fields of rows[].raw, which is spelled in
     * raw_dialect (0: unknown), so that a writer may copy records; 0: not so. */
    size_t nraw;
    uint16_t raw_dialect;
    struct sfx_arena arena;  /* for computed cells; reset with each fill */
    struct sfx_arena schema; /* for the columns made by sfx_batch_add_column */
    size_t cap_cols;         /* of columns */
    struct sfx_column *own;  /* columns made so far, kept for the next sfx_batch_add_column */
    size_t nown, cap_own, own_used;
};

/* Makes an empty batch in the caller's storage. Errors: NOMEM. */
int sfx_batch_init(struct sfx_batch *batch, struct sfx_err *err);

/* Forgets the rows and what is in arena; keeps columns and memory. */
void sfx_batch_clear(struct sfx_batch *batch);

/*
 * Adds a column of MISSING cells named name (copied) at the end; its index, or NOMEM, or LIMIT
 * beyond SFX_BATCH_MAX_COLS. Pointers to columns become invalid. schema_id changes. Costs no
 * allocation when the same columns are added again after a fill or a _reset_schema.
 */
#define SFX_BATCH_MAX_COLS 16384 /* a sheet's width; the cells of one batch then cost 256 MiB */
int sfx_batch_add_column(struct sfx_batch *batch, struct sfx_slice name, struct sfx_err *err);

/* Removes all columns and rows. */
void sfx_batch_reset_schema(struct sfx_batch *batch);

/*
 * For readers: forgets the rows and makes columns (copied; names and cells borrowed) the batch's
 * only ones. id is their schema_id. Errors: NOMEM.
 */
int sfx_batch_set_columns(struct sfx_batch *batch, const struct sfx_column *columns, size_t ncols,
                          uint64_t id, struct sfx_err *err);

/* The schema_id of these columns: equal for equal names in equal order, in every run. */
uint64_t sfx_batch_schema_id(const struct sfx_column *columns, size_t ncols);

/* Sets schema_id after columns were changed in place. */
void sfx_batch_update_schema_id(struct sfx_batch *batch);

/* Takes from src what is said of the input as a whole: input, member, eol, dialect, open_schema. */
void sfx_batch_inherit(struct sfx_batch *batch, const struct sfx_batch *src);

/* For readers and whoever fills rows: nrows rows are filled and all are selected. */
void sfx_batch_select_all(struct sfx_batch *batch, uint32_t nrows);

/* Index of the column named name, or -1. */
int sfx_batch_find(const struct sfx_batch *batch, struct sfx_slice name);

/*
 * The text a cell stands for: quotes and escapes undone. Borrowed from the cell when nothing had to
 * be undone, else from scratch (cleared first). NULL and MISSING give an empty text; nested JSON
 * its raw text. Errors: NOMEM; INPUT for a broken escape.
 */
int sfx_cell_text(const struct sfx_cell *cell, struct sfx_buf *scratch, struct sfx_slice *out,
                  struct sfx_err *err);

/* Reads the value that token, just read from r, begins, as a cell that points into r's text.
 * Errors: INPUT, LIMIT. */
int sfx_cell_read_json(struct sfx_json_reader *r, const struct sfx_json_token *token,
                       struct sfx_cell *cell, struct sfx_err *err);

void sfx_batch_done(struct sfx_batch *batch);

#endif
