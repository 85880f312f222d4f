/* SPDX-License-Identifier: MIT */
/* Reads CSV and TSV: batches whose cells are filled from the structural index. */
#include "record/csv_reader_internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void csv_destroy(struct sfx_reader *r)
{
    if (r == NULL)
        return;
    free(r->ix.seps);
    free(r->ix.rows);
    free(r->wanted);
    sfx_block_done(&r->block);
    sfx_schema_done(&r->schema);
    sfx_buf_done(&r->text);
    free(r);
}

static struct sfx_reader *create(const struct sfx_reader_opts *opts, bool tsv, struct sfx_err *err)
{
    struct sfx_reader *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
        return NULL;
    }
    r->opts = sfx_reader_opts_fill(opts);
    r->chars.tsv = tsv;
    r->chars.delimiter = r->opts.delimiter != 0 ? r->opts.delimiter : tsv ? '\t' : ',';
    r->chars.quote = tsv ? '\\' : r->opts.quote != 0 ? r->opts.quote : '"';
    r->chars.escape = tsv ? '\0' : r->opts.escape;
    r->chars.comment = r->opts.comment;
    if (r->opts.null_text != NULL)
        r->null = sfx_slice_str(r->opts.null_text);
    r->index = r->chars.escape != '\0' || r->chars.comment != '\0' ? sfx_csv_index_none
                                                                   : sfx_csv_index_choose();
    r->ix.seps = malloc(SFX_CSV_SEPS * sizeof(*r->ix.seps));
    r->ix.rows = malloc(SFX_CSV_SEPS * sizeof(*r->ix.rows));
    if (r->ix.seps == NULL || r->ix.rows == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
        csv_destroy(r);
        return NULL;
    }
    if (sfx_csv_chars_check(&r->chars, err) < 0) {
        csv_destroy(r);
        return NULL;
    }
    return r;
}

static struct sfx_reader *csv_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return create(opts, false, err);
}

static struct sfx_reader *tsv_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return create(opts, true, err);
}

void sfx_csv_restart(struct sfx_reader *r, const struct sfx_byte_source *src)
{
    r->begin = 0;
    r->line = 1 + src->line;
    r->scanned = 0;
    r->scanning = false;
    r->closed = false;
    r->failed = 0;
    r->next_row = 0;
    r->next_sep = 0;
    sfx_csv_index_reset(&r->ix);
}

static int csv_open(struct sfx_reader *r, const struct sfx_byte_source *src, struct sfx_err *err)
{
    r->chars.newline = '\n';
    if (r->opts.sniff && !r->chars.tsv)
        r->chars.quote = '"';
    r->dialect = SFX_DIALECT(r->chars.delimiter, r->chars.tsv ? 0 : r->chars.quote);
    r->escaped_dialect = r->dialect;
    r->eol = SFX_EOL_LF;
    r->started = false;
    r->wants_all = true;
    sfx_csv_restart(r, src);
    return sfx_block_open(&r->block, src, r->opts.max_record_nbytes, r->opts.ahead, err);
}

static int read_header(struct sfx_reader *r, struct sfx_err *err)
{
    struct sfx_csv_row row;
    int rc = sfx_csv_rows_start(r, err);

    sfx_schema_reset(&r->schema);
    /* Until there are columns, every record's line may be blank. */
    while (rc >= 0) {
        if (!sfx_csv_row_peek(r, &row)) {
            rc = sfx_csv_rows_more(r, true, NULL, err);
            if (rc == 0)
                break;
        } else if (row.end == row.begin || sfx_csv_row_is_comment(r, &row)) {
            sfx_csv_row_take(r, &row);
        } else {
            rc = sfx_csv_header(r, &row, err);
            if (rc == 0 && !r->opts.no_header)
                sfx_csv_row_take(r, &row);
            break;
        }
    }
    r->started = rc >= 0;
    return rc < 0 ? rc : 0;
}

/* A cell in three stores; how it is spelled is the same for most. */
static inline void put_cell(struct sfx_cell *cell, const char *ptr, size_t len,
                            const struct sfx_cell *like)
{
    cell->ptr = ptr;
    cell->len = (uint32_t)len;
    memcpy(&cell->kind, &like->kind, sizeof(*cell) - offsetof(struct sfx_cell, kind));
}

/* The hot loop: a cell for each separator of a row without quotes and escapes. */
static inline void fill_plain(const struct sfx_reader *r, const struct sfx_csv_row *row,
                              uint32_t at)
{
    const struct sfx_cell like = sfx_csv_cell("", 0, false, false, r->dialect);
    const struct sfx_column *col = r->schema.columns;
    const uint32_t *sep = r->ix.seps + row->sep;
    const uint32_t *const last = sep + row->nfields - 1;
    const char *const data = r->block.data;
    size_t begin = row->begin;

    for (; sep < last; sep++, col++) {
        put_cell(&col->cells[at], data + begin, *sep - begin, &like);
        begin = *sep + 1;
    }
    put_cell(&col->cells[at], data + begin, row->end - begin, &like);
}

/* The same where there may be some. */
static inline void fill_spelled(const struct sfx_reader *r, const struct sfx_csv_row *row,
                                uint32_t at)
{
    const struct sfx_column *col = r->schema.columns;
    const uint32_t *seps = r->ix.seps + row->sep;
    const char *const data = r->block.data;
    const int quote = r->chars.tsv ? -1 : (unsigned char)r->chars.quote;
    const struct sfx_cell like[] = {sfx_csv_cell("", 0, false, false, r->dialect),
                                    sfx_csv_cell("", 2, true, false, r->dialect),
                                    sfx_csv_cell("", 0, false, true, r->escaped_dialect),
                                    sfx_csv_cell("", 2, true, true, r->escaped_dialect)};
    size_t begin = row->begin;
    uint32_t i;

    for (i = 0; i < row->nfields; i++) {
        const size_t next = (seps[i] & SFX_CSV_POS) + 1;
        const size_t end = i + 1 == row->nfields ? row->end : next - 1;
        const unsigned quoted = (unsigned char)data[begin] == quote;
        const unsigned escaped = seps[i] >> 31; /* SFX_CSV_ESCAPED */

        put_cell(&col[i].cells[at], data + begin + quoted, end - begin - 2 * (size_t)quoted,
                 &like[quoted | escaped << 1]);
        begin = next;
    }
}

/* Only the cells that somebody looks at. */
static inline void fill_wanted(const struct sfx_reader *r, const struct sfx_csv_row *row,
                               uint32_t at)
{
    const int quote = r->chars.tsv ? -1 : (unsigned char)r->chars.quote;
    const uint32_t *seps = r->ix.seps + row->sep;
    const char *const data = r->block.data;
    uint32_t i;

    for (i = 0; i < r->nwanted; i++) {
        const uint32_t c = r->wanted[i];
        const size_t begin = c == 0 ? row->begin : (seps[c - 1] & SFX_CSV_POS) + 1;
        const size_t end = c + 1 == row->nfields ? row->end : seps[c] & SFX_CSV_POS;
        const bool escaped = (seps[c] & SFX_CSV_ESCAPED) != 0;

        r->schema.columns[c].cells[at] =
            sfx_csv_cell(data + begin, end - begin, (unsigned char)data[begin] == quote, escaped,
                         escaped ? r->escaped_dialect : r->dialect);
    }
}

/* Whether a long record keeps the limits after all. */
static bool within_limits(const struct sfx_reader *r, const struct sfx_csv_row *row,
                          uint32_t *longest)
{
    uint64_t most = 0;
    uint32_t i;

    for (i = 0; i < row->nfields; i++) {
        bool escaped;
        const struct sfx_slice field = sfx_csv_row_field(r, row, i, &escaped);

        if (field.len > most) {
            most = field.len;
            *longest = i;
        }
    }
    return most <= r->opts.max_field_nbytes && row->end - row->begin <= r->opts.max_record_nbytes;
}

static inline void put_origin(const struct sfx_reader *r, struct sfx_batch *batch,
                              const struct sfx_csv_row *row, uint32_t n)
{
    batch->rows[n] = (struct sfx_row_origin){
        .raw = sfx_slice(r->block.data + row->begin, row->end - row->begin),
        .line = r->line,
        .offset = r->block.offset + row->begin,
        .nfields = row->nfields,
    };
}

/* Fills rows from n on while records are as they should be. Returns how many there are then. */
static uint32_t fill_rows(struct sfx_reader *r, struct sfx_batch *batch, uint32_t n)
{
    const uint64_t harmless = r->opts.max_field_nbytes < r->opts.max_record_nbytes
                                  ? r->opts.max_field_nbytes
                                  : r->opts.max_record_nbytes;
    struct sfx_csv_row row;
    uint32_t longest;

    while (n < SFX_BATCH_ROWS && sfx_csv_row_peek(r, &row) && row.nfields == r->schema.ncols &&
           (row.end - row.begin <= harmless || within_limits(r, &row, &longest)) &&
           !sfx_csv_row_is_comment(r, &row)) {
        if (!r->wants_all)
            fill_wanted(r, &row, n);
        else if (r->ix.spelled)
            fill_spelled(r, &row, n);
        else
            fill_plain(r, &row, n);
        put_origin(r, batch, &row, n++);
        sfx_csv_row_take(r, &row);
    }
    return n;
}

/* Makes batch one of this stream, without rows; reads the header if need be. */
static int set_columns(struct sfx_reader *r, struct sfx_batch *batch, struct sfx_err *err)
{
    int rc = r->started ? 0 : read_header(r, err);

    if (rc == 0)
        rc = sfx_batch_set_columns(batch, r->schema.columns, r->schema.ncols, r->schema.id, err);
    batch->input = r->block.src.input;
    batch->member = r->block.src.member;
    batch->eol = r->eol;
    batch->dialect = r->chars.tsv ? 0 : SFX_DIALECT(r->chars.delimiter, r->chars.quote);
    batch->open_schema = r->opts.ragged == SFX_RAGGED_FILL;
    /* A record with escapes, or of another number of fields, cannot be copied as a whole. */
    batch->nraw = batch->open_schema || r->chars.escape != '\0' ? 0 : r->schema.ncols;
    batch->raw_dialect = r->dialect;
    return rc;
}

/* Takes the next record though it is ragged, if that is wanted. 1: it is row n; 0: it needs columns
 * and must be the first of a batch; -1: it is to be refused. Errors go to *rc. */
static int take_ragged(struct sfx_reader *r, struct sfx_batch *batch, uint32_t n, int *rc,
                       struct sfx_err *err)
{
    struct sfx_csv_row row;
    uint32_t longest;
    int taken;

    *rc = 0;
    (void)sfx_csv_row_peek(r, &row);
    if (r->opts.ragged != SFX_RAGGED_FILL || row.nfields == r->schema.ncols ||
        (row.nfields == 1 && row.end == row.begin) || sfx_csv_row_is_comment(r, &row) ||
        row.nfields > SFX_BATCH_MAX_COLS || !within_limits(r, &row, &longest))
        return -1;
    taken = sfx_csv_fill_ragged(r, &row, n, err);
    if (taken <= 0) {
        *rc = taken;
        return 0;
    }
    put_origin(r, batch, &row, n);
    sfx_csv_row_take(r, &row);
    if (n == 0) /* there may be more columns now */
        *rc = set_columns(r, batch, err);
    return *rc == 0;
}

/* A record that fill_rows left: blank (skipped), ragged or too long (refused). */
static int odd_row(struct sfx_reader *r, const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_csv_row row;
    struct sfx_csv_fault fault = {.field = -1, .code = SFX_E_LIMIT};
    uint32_t longest = 0;
    int rc = 0;

    (void)sfx_csv_row_peek(r, &row);
    fault.begin = row.begin;
    fault.end = row.end;
    fault.pos = row.begin;
    if ((row.nfields == 1 && row.end == row.begin) || sfx_csv_row_is_comment(r, &row))
        goto out;
    rc = sfx_block_check(&r->block, row.end - row.begin, r->line, row.begin, err);
    if (rc < 0)
        return rc;
    if (row.nfields != r->schema.ncols) {
        fault.code = SFX_E_INPUT;
        fault.reason = sfx_csv_ragged_reason(r, row.nfields, err);
    } else {
        (void)within_limits(r, &row, &longest);
        fault.field = longest;
        sfx_buf_clear(&r->text);
        if (sfx_buf_printf(&r->text, err, "field is longer than %" PRIu64 " bytes",
                           r->opts.max_field_nbytes) == 0)
            fault.reason = sfx_buf_cstr(&r->text, err);
    }
    rc = fault.reason == NULL ? SFX_E_NOMEM : sfx_csv_rows_refuse(r, &fault, rejects, err);
out:
    sfx_csv_row_take(r, &row);
    return rc;
}

/* Fills batch up to where the block would have to move: *n rows. 0, or what ended it. */
static int read_rows(struct sfx_reader *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, uint32_t *n, struct sfx_err *err)
{
    int rc = set_columns(r, batch, err);

    while (rc >= 0) {
        const uint32_t from = *n;

        *n = fill_rows(r, batch, *n);
        if (r->null.len > 0)
            sfx_csv_mark_nulls(r, from, *n);
        if (*n == SFX_BATCH_ROWS)
            return 0;
        if (r->next_row < r->ix.nrows) {
            const int taken = take_ragged(r, batch, *n, &rc, err);

            if (taken > 0 && r->null.len > 0)
                sfx_csv_mark_nulls(r, *n, *n + 1);
            *n += taken > 0;
            if (taken == 0)
                return rc;
            if (taken < 0)
                rc = odd_row(r, rejects, err);
            continue;
        }
        /* The block may move only while no cell points into it. */
        rc = sfx_csv_rows_more(r, *n == 0, rejects, err);
        if (rc == 0)
            return 0;
    }
    return rc;
}

static int csv_read(struct sfx_reader *r, struct sfx_batch *batch,
                    const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    uint32_t n = 0;

    if (r->failed == 0 && r->block.lent)
        r->failed = sfx_schema_flip(&r->schema, r->opts.ahead, &r->failure);
    if (r->failed == 0)
        r->failed = read_rows(r, batch, rejects, &n, &r->failure);
    r->block.lent = r->opts.ahead > 0 && n > 0;
    /* The records before a failure go on first, wherever the block or batch began. */
    if (r->failed < 0 && n == 0) {
        if (err != NULL)
            *err = r->failure;
        return r->failed;
    }
    sfx_batch_select_all(batch, n);
    return n > 0;
}

static int csv_begin(struct sfx_reader *r, struct sfx_batch *batch, struct sfx_err *err)
{
    if (r->failed == 0)
        r->failed = set_columns(r, batch, &r->failure);
    if (r->failed < 0 && err != NULL)
        *err = r->failure;
    sfx_batch_select_all(batch, 0);
    return r->failed;
}

int sfx_csv_want(struct sfx_reader *r, const bool *wanted, struct sfx_err *err)
{
    uint32_t i, turn;

    if (r->opts.ragged == SFX_RAGGED_FILL) /* other columns may follow */
        return 0;
    if (r->cap_wanted < r->schema.ncols) {
        free(r->wanted);
        r->cap_wanted = 0;
        r->wanted = malloc(r->schema.ncols * sizeof(*r->wanted));
        if (r->wanted == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", r->schema.ncols);
        r->cap_wanted = (uint32_t)r->schema.ncols;
    }
    for (turn = 0; turn < r->opts.ahead; turn++) { /* MISSING in all sets of cells */
        for (i = 0; i < r->schema.ncols; i++)
            memset(r->schema.columns[i].cells, 0, SFX_BATCH_ROWS * sizeof(struct sfx_cell));
        if (sfx_schema_flip(&r->schema, r->opts.ahead, err) < 0)
            return SFX_E_NOMEM;
    }
    r->nwanted = 0;
    for (i = 0; i < r->schema.ncols; i++) {
        if (wanted[i])
            r->wanted[r->nwanted++] = i;
        else
            memset(r->schema.columns[i].cells, 0, SFX_BATCH_ROWS * sizeof(struct sfx_cell));
    }
    r->wants_all = r->nwanted == r->schema.ncols;
    return 0;
}

#define SHARED_OPS                                                                                 \
    .open = csv_open, .read = csv_read, .destroy = csv_destroy, .begin = csv_begin,                \
    .want = sfx_csv_want, .ahead = true, .tell = sfx_csv_tell, .resume = sfx_csv_resume,           \
    .find_border = sfx_csv_find_border

const struct sfx_reader_ops sfx_csv_reader = {.create = csv_create, SHARED_OPS};
const struct sfx_reader_ops sfx_tsv_reader = {.create = tsv_create, SHARED_OPS};
