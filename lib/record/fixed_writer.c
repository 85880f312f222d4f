/* SPDX-License-Identifier: MIT */
/*
 * Writes columns of fixed width: as an option says, without a line of names; else as wide as the
 * names and the first records ask for, two spaces between.
 */
#include "record/bound_internal.h"
#include "record/fixed_internal.h"
#include "record/format_internal.h"
#include "record/layout_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BETWEEN 2 /* spaces between two columns */

struct sfx_writer {
    struct sfx_bound bound;
    struct sfx_layout layout;
    struct sfx_fixed_field *fields; /* owned; NULL: widths from the layout */
    size_t nfields;
    int *column; /* of the output, by field */
    bool no_header;
    const struct sfx_reject_sink *rejects;
    struct sfx_buf scratch, reason;
};

static void fixed_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_bound_done(&w->bound);
    sfx_layout_done(&w->layout);
    free(w->fields);
    free(w->column);
    sfx_buf_done(&w->scratch);
    sfx_buf_done(&w->reason);
    free(w);
}

static struct sfx_writer *fixed_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
        return NULL;
    }
    if (opts == NULL)
        return w;
    w->rejects = opts->rejects;
    w->no_header = opts->no_header;
    if (opts->fields != NULL && sfx_fixed_parse(opts->fields, &w->fields, &w->nfields, err) < 0) {
        fixed_destroy(w);
        return NULL;
    }
    return w;
}

/* Finds the column of each field; each column must have one. Errors: USAGE, NOMEM. */
static int bind_fields(struct sfx_writer *w, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i, k;

    w->column = malloc(w->nfields * sizeof(*w->column));
    if (w->column == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    for (i = 0; i < w->nfields; i++) {
        w->column[i] = sfx_schema_find(schema, w->fields[i].name);
        if (w->column[i] < 0)
            return sfx_err_set(err, SFX_E_USAGE, "--fields: the output has no column %.*s",
                               SFX_SLICE_ARG(w->fields[i].name));
    }
    for (k = 0; k < schema->ncols; k++) {
        for (i = 0; i < w->nfields && w->column[i] != (int)k; i++)
            ;
        if (i == w->nfields)
            return sfx_err_set(err, SFX_E_USAGE, "--fields: there is no place for column %.*s",
                               SFX_SLICE_ARG(schema->columns[k].name));
    }
    return 0;
}

static int start(struct sfx_writer *w, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i;
    int rc;

    if (w->fields != NULL)
        return bind_fields(w, err);
    rc = sfx_layout_start(&w->layout, schema->ncols, err);
    for (i = 0; rc == 0 && i < schema->ncols && !w->no_header; i++)
        w->layout.columns[i].width = (uint32_t)sfx_fixed_count(schema->columns[i].name);
    return rc;
}

/* A cell's text. 1: this format cannot hold it. */
static int text_of(struct sfx_writer *w, const struct sfx_cell *cell, struct sfx_slice *text,
                   struct sfx_err *err)
{
    const int rc = sfx_cell_text(cell, &w->scratch, text, err);

    if (rc < 0 || text->len == 0)
        return rc;
    return memchr(text->ptr, '\n', text->len) != NULL || memchr(text->ptr, '\r', text->len) != NULL;
}

/* Appends a column of a line; the last one has no spaces behind. */
static int put(const struct sfx_writer *w, size_t i, struct sfx_slice text, bool right,
               struct sfx_buf *out, struct sfx_err *err)
{
    const bool last = i + 1 == w->layout.ncols;
    const uint32_t have = (uint32_t)sfx_fixed_count(text);
    int rc = sfx_layout_pad(out, text, have, last && !right ? have : w->layout.columns[i].width,
                            right, err);

    return rc < 0 || last ? rc : sfx_buf_append(out, "  ", BETWEEN, err);
}

/* Writes the names and what was kept. */
static int settle(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i, at = 0;
    uint32_t row;
    int rc = 0;

    for (i = 0; rc == 0 && i < schema->ncols && !w->no_header; i++)
        rc = put(w, i, schema->columns[i].name, sfx_layout_right(&w->layout, i), out, err);
    if (rc == 0 && schema->ncols > 0 && !w->no_header)
        rc = sfx_buf_putc(out, '\n', err);
    for (row = 0; rc == 0 && row < w->layout.nrows; row++) {
        for (i = 0; rc == 0 && i < schema->ncols; i++)
            rc = put(w, i, sfx_layout_next(&w->layout, &at), sfx_layout_right(&w->layout, i), out,
                     err);
        if (rc == 0)
            rc = sfx_buf_putc(out, '\n', err);
    }
    sfx_layout_settle(&w->layout);
    return rc;
}

/* Why a text is refused. */
static int refuse(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row, size_t column,
                  uint32_t width, struct sfx_err *err)
{
    const char *reason = "a line end, which columns of fixed width cannot hold";

    sfx_buf_clear(&w->reason);
    if (width > 0) {
        if (sfx_buf_printf(&w->reason, err,
                           "longer than the %" PRIu32 " characters of its column; --fields gives "
                           "widths",
                           width) < 0 ||
            (reason = sfx_buf_cstr(&w->reason, err)) == NULL)
            return SFX_E_NOMEM;
    }
    return sfx_writer_refuse(w->rejects, batch, row, (size_t)w->bound.map[column], reason, err);
}

/* Whether the texts of a row can be written; if not, it is refused and *rc says what became of it.
 */
static bool fits(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row, int *rc,
                 struct sfx_err *err)
{
    const size_t n = w->fields != NULL ? w->nfields : w->bound.schema.ncols;
    struct sfx_slice text;
    size_t i;

    for (i = 0; i < n; i++) {
        const size_t c = w->fields != NULL ? (size_t)w->column[i] : i;
        const uint32_t width = w->fields != NULL   ? w->fields[i].width
                               : w->layout.settled ? w->layout.columns[i].width
                                                   : 0;
        const bool bounded = w->fields != NULL ? width > 0 : w->layout.settled && i + 1 < n;

        *rc = text_of(w, sfx_bound_cell(&w->bound, batch, c, row), &text, err);
        if (*rc == 0 && !(bounded && sfx_fixed_count(text) > width))
            continue;
        if (*rc >= 0)
            *rc = refuse(w, batch, row, c, *rc == 0 ? width : 0, err);
        return false;
    }
    return true;
}

/* Writes a row at the places that the option gives. */
static int put_told(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row,
                    struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice text;
    uint32_t place = 0;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < w->nfields; i++) {
        const struct sfx_fixed_field *f = &w->fields[i];

        rc = sfx_layout_pad(out, sfx_slice(NULL, 0), 0, f->begin - place, false, err);
        if (rc == 0)
            rc = sfx_cell_text(sfx_bound_cell(&w->bound, batch, (size_t)w->column[i], row),
                               &w->scratch, &text, err);
        if (rc == 0)
            rc = sfx_layout_pad(out, text, (uint32_t)sfx_fixed_count(text), f->width, false, err);
        place = f->begin + f->width;
    }
    return rc < 0 ? rc : sfx_buf_putc(out, '\n', err);
}

/* Writes or keeps a row. */
static int put_row(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row,
                   struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice text;
    size_t i;
    int rc = 0;

    if (!fits(w, batch, row, &rc, err))
        return rc;
    if (w->fields != NULL)
        return put_told(w, batch, row, out, err);
    for (i = 0; rc == 0 && i < w->bound.schema.ncols; i++) {
        rc = sfx_cell_text(sfx_bound_cell(&w->bound, batch, i, row), &w->scratch, &text, err);
        if (rc < 0)
            break;
        rc = w->layout.settled
                 ? put(w, i, text, sfx_layout_right(&w->layout, i), out, err)
                 : sfx_layout_keep(&w->layout, i, text, (uint32_t)sfx_fixed_count(text), err);
    }
    if (rc == 0 && w->layout.settled)
        return sfx_buf_putc(out, '\n', err);
    return rc == 0 && sfx_layout_row_kept(&w->layout) ? settle(w, out, err) : rc;
}

static int fixed_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                       struct sfx_err *err)
{
    const bool first = !w->bound.started;
    uint32_t i;
    int rc = sfx_bound_take(&w->bound, batch, err);

    if (rc == 0 && first)
        rc = start(w, err);
    for (i = 0; rc == 0 && i < batch->nsel && w->bound.schema.ncols > 0; i++)
        rc = put_row(w, batch, batch->sel[i], out, err);
    return rc;
}

static int fixed_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                        struct sfx_err *err)
{
    int rc = 0;

    if (!w->bound.started && batch != NULL) {
        rc = sfx_bound_take(&w->bound, batch, err);
        if (rc == 0)
            rc = start(w, err);
    }
    if (rc < 0 || !w->bound.started || w->fields != NULL || w->layout.settled)
        return rc;
    return settle(w, out, err);
}

const struct sfx_writer_ops sfx_fixed_writer = {
    .create = fixed_create,
    .write = fixed_write,
    .finish = fixed_finish,
    .destroy = fixed_destroy,
};
