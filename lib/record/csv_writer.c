/* SPDX-License-Identifier: MIT */
/*
 * Writes CSV and TSV. What the input spelled the same way is copied as it stands: neighbours that
 * still stand side by side in the input's block, separator between them, go out in one piece, so
 * that a filter is a copy of rows whatever became of the columns.
 */
#include "record/copy_internal.h"
#include "record/csv_internal.h"
#include "record/format_internal.h"
#include "record/schema_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sfx_writer {
    struct sfx_csv_chars chars;
    uint16_t dialect;
    bool no_header;
    bool follows;          /* delimiter and quote are those of the first input */
    bool picky;            /* is_odd_text is to be asked */
    struct sfx_slice null; /* what null is written as */
    bool started;          /* the columns are fixed, the header is written */
    char eol[2];           /* how lines end: as in the first input */
    size_t eol_len;
    struct sfx_schema schema; /* the columns as written first */
    int32_t *map;             /* for each of them the batch's column, -1: it has none */
    uint64_t bound_id;        /* schema of the batch that map is for */
    size_t nraw;              /* of the batch in hand: columns that are copied as a record */
    uint64_t nrows;           /* records written */
    uint64_t special[4];      /* bytes that need quotes (CSV) or an escape (TSV), each repeated */
    struct sfx_buf scratch;
};

/* A piece of the input that is to be copied as it stands; empty: begin is NULL. */
struct run {
    const char *begin, *end;
};

static void csv_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_schema_done(&w->schema);
    sfx_buf_done(&w->scratch);
    free(w->map);
    free(w);
}

/* Sets delimiter and quote, and what follows from them. */
static void set_chars(struct sfx_writer *w, char delimiter, char quote)
{
    w->chars.delimiter = delimiter;
    w->chars.quote = quote;
    w->dialect = SFX_DIALECT(delimiter, w->chars.tsv ? 0 : quote);
    w->special[0] = SFX_EACH_BYTE((uint64_t)(unsigned char)delimiter);
    w->special[1] = SFX_EACH_BYTE((uint64_t)(unsigned char)quote);
    w->special[2] = SFX_EACH_BYTE((uint64_t)'\r');
    w->special[3] = SFX_EACH_BYTE((uint64_t)'\n');
}

static struct sfx_writer *create(const struct sfx_writer_opts *opts, bool tsv, struct sfx_err *err)
{
    static const struct sfx_writer_opts none = {0};
    struct sfx_writer *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
        return NULL;
    }
    opts = opts != NULL ? opts : &none;
    w->schema.names_only = true;
    w->chars.tsv = tsv;
    w->chars.escape = tsv ? '\0' : opts->escape;
    w->follows = !tsv && opts->delimiter == '\0' && opts->quote == '\0';
    set_chars(w,
              opts->delimiter != 0 ? opts->delimiter
              : tsv                ? '\t'
                                   : ',',
              tsv                ? '\\'
              : opts->quote != 0 ? opts->quote
                                 : '"');
    w->no_header = opts->no_header;
    w->null = opts->null_text != NULL ? sfx_slice_str(opts->null_text) : sfx_slice("", 0);
    w->picky = w->chars.escape != '\0' || w->null.len > 0;
    if (sfx_csv_chars_check(&w->chars, err) < 0) {
        csv_destroy(w);
        return NULL;
    }
    return w;
}

static struct sfx_writer *csv_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    return create(opts, false, err);
}

static struct sfx_writer *tsv_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    return create(opts, true, err);
}

static inline uint64_t has_special(uint64_t word, const void *ctx)
{
    const uint64_t *special = ctx;

    return sfx_has_zero(word ^ special[0]) | sfx_has_zero(word ^ special[1]) |
           sfx_has_zero(word ^ special[2]) | sfx_has_zero(word ^ special[3]);
}

static int put_quoted(const struct sfx_writer *w, struct sfx_slice text, struct sfx_buf *out,
                      struct sfx_err *err)
{
    char *at;
    size_t i;
    const char escape = w->chars.escape != '\0' ? w->chars.escape : w->chars.quote;
    int rc = sfx_buf_reserve(out, 2 * text.len + 2, err);

    if (rc < 0)
        return rc;
    at = out->data + out->len;
    *at++ = w->chars.quote;
    for (i = 0; i < text.len; i++) {
        if (text.ptr[i] == w->chars.quote || text.ptr[i] == escape)
            *at++ = escape;
        *at++ = text.ptr[i];
    }
    *at++ = w->chars.quote;
    out->len = (size_t)(at - out->data);
    return 0;
}

static int put_tsv_escaped(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    static const char from[] = "\t\n\r\\";
    static const char to[] = "tnr\\";
    char *at;
    size_t i;
    int rc = sfx_buf_reserve(out, 2 * text.len, err);

    if (rc < 0)
        return rc;
    at = out->data + out->len;
    for (i = 0; i < text.len; i++) {
        const char *known = memchr(from, text.ptr[i], sizeof(from) - 1);

        if (known != NULL)
            *at++ = '\\';
        *at++ = known != NULL ? to[known - from] : text.ptr[i];
    }
    out->len = (size_t)(at - out->data);
    return 0;
}

/* What options make special: an escape character, a text that would be read as null. */
static bool is_odd_text(const struct sfx_writer *w, struct sfx_slice text)
{
    if (w->chars.escape != '\0' && text.len > 0 && memchr(text.ptr, w->chars.escape, text.len))
        return true;
    return w->null.len > 0 && !w->chars.tsv && sfx_slice_eq(text, w->null);
}

/* A text that is not of this dialect. */
static inline int put_text(const struct sfx_writer *w, struct sfx_slice text, struct sfx_buf *out,
                           struct sfx_err *err)
{
    int rc = sfx_buf_reserve(out, text.len, err);

    if (rc < 0)
        return rc;
    if (w->picky && is_odd_text(w, text))
        return put_quoted(w, text, out, err);
    if (sfx_copy_plain(out->data + out->len, text.ptr, text.len, has_special, w->special)) {
        out->len += text.len;
        return 0;
    }
    return w->chars.tsv ? put_tsv_escaped(text, out, err) : put_quoted(w, text, out, err);
}

static int flush_run(struct run *run, struct sfx_buf *out, struct sfx_err *err)
{
    const char *begin = run->begin;

    run->begin = NULL;
    return begin != NULL ? sfx_buf_append(out, begin, (size_t)(run->end - begin), err) : 0;
}

/* Whether sep (1 or 2 bytes) joins the run's end to begin. */
static inline bool joins(const struct run *run, const char *begin, const char *sep, size_t sep_len)
{
    return run->begin != NULL && begin == run->end + sep_len && run->end[0] == sep[0] &&
           (sep_len == 1 || run->end[1] == sep[1]);
}

/* A piece of the input of this dialect, with what stands before it. */
static inline int put_piece(struct run *run, const char *begin, const char *end, const char *sep,
                            size_t sep_len, struct sfx_buf *out, struct sfx_err *err)
{
    int rc;

    if (joins(run, begin, sep, sep_len)) {
        run->end = end;
        return 0;
    }
    rc = flush_run(run, out, err);
    if (rc == 0)
        rc = sfx_buf_append(out, sep, sep_len, err);
    *run = (struct run){begin, end};
    return rc;
}

static inline bool is_null(const struct sfx_cell *cell)
{
    return cell->kind == SFX_CELL_NULL || cell->kind == SFX_CELL_MISSING;
}

/* Writes what stands before a field (nothing for the very first) and the field. */
static inline int put_field(struct sfx_writer *w, const struct sfx_cell *cell, const char *sep,
                            size_t sep_len, struct run *run, struct sfx_buf *out,
                            struct sfx_err *err)
{
    struct sfx_slice text;
    int rc;

    if (cell->kind == SFX_CELL_TEXT && cell->dialect == w->dialect) {
        const size_t quoted = (cell->flags & SFX_CELL_QUOTED) != 0;
        const char *begin = cell->ptr - quoted;
        const char *end = cell->ptr + cell->len + quoted;

        return put_piece(run, begin, end, sep, sep_len, out, err);
    }
    rc = flush_run(run, out, err);
    if (rc == 0)
        rc = sfx_buf_append(out, sep, sep_len, err);
    if (rc == 0 && w->null.len > 0 && is_null(cell))
        return sfx_buf_append(out, w->null.ptr, w->null.len, err);
    if (rc == 0)
        rc = sfx_cell_text(cell, &w->scratch, &text, err);
    return rc < 0 ? rc : put_text(w, text, out, err);
}

/*
 * A last field that needs care: a CR at its end would be taken for the line's, and the only field
 * of a line, if empty, must not leave a blank line unless it was one.
 */
static bool is_odd_last(const struct sfx_writer *w, const struct sfx_cell *cell,
                        const struct sfx_row_origin *origin)
{
    const bool copied = cell->kind == SFX_CELL_TEXT && cell->dialect == w->dialect;

    if (w->chars.tsv || (copied && (cell->flags & SFX_CELL_QUOTED) != 0) ||
        (w->null.len > 0 && is_null(cell)))
        return false;
    if (cell->len == 0) {
        const bool blank = copied && origin->line > 0 && origin->raw.len == 0;

        return w->schema.ncols == 1 && !blank;
    }
    return cell->kind == SFX_CELL_TEXT && cell->ptr[cell->len - 1] == '\r';
}

static int put_odd_last(struct sfx_writer *w, const struct sfx_cell *cell, const char *sep,
                        size_t sep_len, struct run *run, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice text;
    int rc = flush_run(run, out, err);

    if (rc == 0)
        rc = sfx_buf_append(out, sep, sep_len, err);
    if (rc == 0)
        rc = sfx_cell_text(cell, &w->scratch, &text, err);
    return rc < 0 ? rc : put_quoted(w, text, out, err);
}

/* The whole record as it stood; a CR at its end, in a field without quotes, would be taken for the
 * line's. */
static inline int put_raw(struct sfx_writer *w, struct sfx_slice raw, bool ends_line,
                          size_t sep_len, struct run *run, struct sfx_buf *out, struct sfx_err *err)
{
    const char *end = raw.ptr + raw.len, *last = end;
    int rc;

    if (!ends_line || raw.len == 0 || end[-1] != '\r' || w->chars.tsv)
        return put_piece(run, raw.ptr, end, w->eol, sep_len, out, err);
    while (last > raw.ptr && last[-1] != w->chars.delimiter)
        last--;
    rc = put_piece(run, raw.ptr, last, w->eol, sep_len, out, err);
    if (rc == 0)
        rc = flush_run(run, out, err);
    return rc < 0 ? rc : put_quoted(w, sfx_slice(last, (size_t)(end - last)), out, err);
}

static int put_row(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row, bool first,
                   struct run *run, struct sfx_buf *out, struct sfx_err *err)
{
    static const struct sfx_cell missing = {0};
    const char *sep = w->eol;
    size_t sep_len = first ? 0 : w->eol_len;
    size_t i = w->nraw;
    int rc = 0;

    if (i > 0) {
        rc = put_raw(w, batch->rows[row].raw, i == w->schema.ncols, sep_len, run, out, err);
        sep = &w->chars.delimiter;
        sep_len = 1;
    }
    for (; rc == 0 && i < w->schema.ncols; i++) {
        const int32_t at = w->map[i];
        const struct sfx_cell *cell = at >= 0 ? &batch->columns[at].cells[row] : &missing;

        if (i + 1 == w->schema.ncols && is_odd_last(w, cell, &batch->rows[row]))
            rc = put_odd_last(w, cell, sep, sep_len, run, out, err);
        else
            rc = put_field(w, cell, sep, sep_len, run, out, err);
        sep = &w->chars.delimiter;
        sep_len = 1;
    }
    return rc;
}

/* A name that would mislead a reader where it stands: a byte order mark at the start, an empty
 * line, a CR that might be how lines end. */
static bool is_odd_head(const struct sfx_writer *w, const struct sfx_batch *batch, size_t i)
{
    const struct sfx_slice name = batch->columns[i].name;

    if (w->chars.tsv)
        return false;
    if (i == 0 && name.len >= 3 && memcmp(name.ptr, "\xef\xbb\xbf", 3) == 0)
        return true;
    if (name.len == 0)
        return batch->ncols == 1;
    return memchr(name.ptr, '\r', name.len) != NULL;
}

/* Writes a name, as the input spelled it where that is still the name. */
static int put_head(struct sfx_writer *w, const struct sfx_batch *batch, size_t i,
                    struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_column *col = &batch->columns[i];
    struct sfx_slice text;
    int rc = i > 0 ? sfx_buf_putc(out, w->chars.delimiter, err) : 0;

    if (rc == 0 && is_odd_head(w, batch, i))
        return put_quoted(w, col->name, out, err);
    if (rc == 0 && col->head.kind == SFX_CELL_TEXT && col->head.dialect == w->dialect) {
        const size_t quoted = (col->head.flags & SFX_CELL_QUOTED) != 0;

        rc = sfx_cell_text(&col->head, &w->scratch, &text, err);
        if (rc == 0 && sfx_slice_eq(text, col->name))
            return sfx_buf_append(out, col->head.ptr - quoted, col->head.len + 2 * quoted, err);
    }
    return rc < 0 ? rc : put_text(w, col->name, out, err);
}

/* Fixes the columns to batch's and writes the header. */
static int start(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                 struct sfx_err *err)
{
    static const char *const eols[] = {"\n", "\r\n", "\r"};
    size_t i;
    int rc = 0;

    if (w->follows && batch->dialect != 0)
        set_chars(w, (char)(batch->dialect & 0xff), (char)(batch->dialect >> 8));
    w->eol_len = strlen(eols[batch->eol]);
    memcpy(w->eol, eols[batch->eol], w->eol_len);
    w->map = malloc((batch->ncols + 1) * sizeof(*w->map));
    if (w->map == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    for (i = 0; rc >= 0 && i < batch->ncols; i++) {
        rc = sfx_schema_add(&w->schema, batch->columns[i].name, err);
        w->map[i] = (int32_t)i;
        if (rc >= 0 && !w->no_header)
            rc = put_head(w, batch, i, out, err);
    }
    w->bound_id = batch->schema_id;
    w->started = true;
    if (rc >= 0 && !w->no_header && batch->ncols > 0)
        rc = sfx_buf_append(out, w->eol, w->eol_len, err);
    return rc < 0 ? rc : 0;
}

/* Binds the columns to a batch whose schema differs: by name. */
static int bind(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;

    w->bound_id = 0;
    for (i = 0; i < w->schema.ncols; i++)
        w->map[i] = -1;
    for (i = 0; i < batch->ncols; i++) {
        const struct sfx_slice name = batch->columns[i].name;
        const int at = sfx_schema_find(&w->schema, name);

        if (at < 0)
            return sfx_err_set(err, SFX_E_INPUT,
                               "column %.*s appears first in record %" PRIu64
                               "; select the columns first or write jsonl",
                               SFX_SLICE_ARG(name), w->nrows + 1);
        w->map[at] = (int32_t)i;
    }
    w->bound_id = batch->schema_id;
    return 0;
}

/* Records are copied where they begin lines, in the columns that were fixed before. */
static bool csv_copies(const struct sfx_writer *w, const struct sfx_batch *batch)
{
    const bool adopts = w->follows && !w->started && batch->dialect != 0;
    size_t i;

    if (batch->nraw == 0 || batch->raw_dialect == 0 ||
        batch->raw_dialect != (adopts ? batch->dialect : w->dialect))
        return false;
    if (!w->started)
        return true;
    if (w->schema.ncols < batch->nraw)
        return false;
    for (i = 0; i < batch->nraw; i++) {
        if (!sfx_slice_eq(w->schema.columns[i].name, batch->columns[i].name))
            return false;
    }
    return true;
}

static int csv_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                     struct sfx_err *err)
{
    struct run run = {0};
    uint32_t i;
    int rc = 0;

    if (!w->started)
        rc = start(w, batch, out, err);
    else if (batch->schema_id != w->bound_id && batch->nsel > 0)
        rc = bind(w, batch, err);
    if (w->schema.ncols == 0)
        return rc;
    w->nraw = csv_copies(w, batch) ? batch->nraw : 0;
    for (i = 0; rc == 0 && i < batch->nsel; i++)
        rc = put_row(w, batch, batch->sel[i], i == 0, &run, out, err);
    if (rc == 0)
        rc = flush_run(&run, out, err);
    if (rc == 0 && batch->nsel > 0)
        rc = sfx_buf_append(out, w->eol, w->eol_len, err);
    w->nrows += batch->nsel;
    return rc;
}

static int csv_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                      struct sfx_err *err)
{
    return w->started || batch == NULL ? 0 : start(w, batch, out, err);
}

static int csv_fork(const struct sfx_writer *w, struct sfx_writer **fork, struct sfx_err *err)
{
    struct sfx_writer *made = w->started ? malloc(sizeof(*made)) : NULL;
    size_t i;
    int rc = 0;

    if (made == NULL)
        return w->started ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer") : 0;
    *made = *w;
    made->schema = (struct sfx_schema){.names_only = true};
    made->scratch = (struct sfx_buf){0};
    made->bound_id = 0;
    made->map = calloc(w->schema.ncols + 1, sizeof(*made->map));
    if (made->map == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    for (i = 0; rc >= 0 && i < w->schema.ncols; i++)
        rc = sfx_schema_add(&made->schema, w->schema.columns[i].name, err);
    if (rc >= 0)
        *fork = made;
    else
        csv_destroy(made);
    return rc < 0 ? rc : 0;
}

static void csv_forked(struct sfx_writer *w, uint64_t nrecords)
{
    w->nrows += nrecords;
}

#define SHARED_OPS                                                                                 \
    .write = csv_write, .finish = csv_finish, .destroy = csv_destroy, .copies = csv_copies,        \
    .fork = csv_fork, .forked = csv_forked

const struct sfx_writer_ops sfx_csv_writer = {.create = csv_create, SHARED_OPS};
const struct sfx_writer_ops sfx_tsv_writer = {.create = tsv_create, SHARED_OPS};
