/* SPDX-License-Identifier: MIT */
/* Writes a table for people: lines around it, numbers to the right, long texts cut. */
#include "record/bound_internal.h"
#include "record/format_internal.h"
#include "record/layout_internal.h"
#include "record/width_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WIDTH 80 /* of a column: more is not read at a glance */
#define MIN_WIDTH 6  /* to which a column may shrink for a narrow terminal */
#define AROUND    3  /* what a column takes besides its text */

struct sfx_writer {
    struct sfx_bound bound;
    struct sfx_layout layout;
    struct sfx_width widths;
    uint32_t terminal; /* columns it has; 0: any */
    struct sfx_buf scratch, shown;
};

static void box_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_bound_done(&w->bound);
    sfx_layout_done(&w->layout);
    sfx_buf_done(&w->scratch);
    sfx_buf_done(&w->shown);
    free(w);
}

static struct sfx_writer *box_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    else
        w->terminal = opts != NULL ? opts->width : 0;
    return w;
}

/* Makes w->shown the text, cut to most columns. */
static int show(struct sfx_writer *w, struct sfx_slice text, uint32_t most, uint32_t *columns,
                struct sfx_err *err)
{
    sfx_buf_clear(&w->shown);
    return sfx_width_show(&w->widths, text, most, &w->shown, columns, err);
}

static int start(struct sfx_writer *w, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i;
    int rc = sfx_layout_start(&w->layout, schema->ncols, err);

    for (i = 0; rc == 0 && i < schema->ncols; i++)
        rc = show(w, schema->columns[i].name, MAX_WIDTH, &w->layout.columns[i].width, err);
    return rc;
}

/* Makes the widest columns narrower until the table fits the terminal, or none may shrink. */
static void shrink(struct sfx_writer *w)
{
    struct sfx_layout *l = &w->layout;
    uint64_t total = 1;
    size_t i;

    for (i = 0; i < l->ncols; i++)
        total += l->columns[i].width + AROUND;
    while (w->terminal > 0 && total > w->terminal) {
        struct sfx_layout_column *widest = &l->columns[0];

        for (i = 1; i < l->ncols; i++)
            widest = l->columns[i].width > widest->width ? &l->columns[i] : widest;
        if (widest->width <= MIN_WIDTH)
            return;
        widest->width--;
        total--;
    }
}

/* Writes a line of dashes with these ends. */
static int put_rule(const struct sfx_writer *w, const char *left, const char *middle,
                    const char *right, struct sfx_buf *out, struct sfx_err *err)
{
    size_t i;
    uint32_t k;
    int rc = sfx_buf_puts(out, left, err);

    for (i = 0; rc == 0 && i < w->layout.ncols; i++) {
        for (k = 0; rc == 0 && k < w->layout.columns[i].width + 2; k++)
            rc = sfx_buf_puts(out, "─", err);
        if (rc == 0)
            rc = sfx_buf_puts(out, i + 1 < w->layout.ncols ? middle : right, err);
    }
    return rc < 0 ? rc : sfx_buf_putc(out, '\n', err);
}

/* Writes the cell of column i; text is as it is. */
static int put_cell(struct sfx_writer *w, size_t i, struct sfx_slice text, struct sfx_buf *out,
                    struct sfx_err *err)
{
    const uint32_t width = w->layout.columns[i].width;
    uint32_t columns;
    int rc = sfx_buf_puts(out, i == 0 ? "│ " : " │ ", err);

    if (rc == 0)
        rc = show(w, text, width, &columns, err);
    if (rc == 0)
        rc = sfx_layout_pad(out, sfx_buf_slice(&w->shown), columns, width,
                            sfx_layout_right(&w->layout, i), err);
    return rc < 0 || i + 1 < w->layout.ncols ? rc : sfx_buf_puts(out, " │\n", err);
}

/* Writes the head and what was kept. */
static int settle(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i, at = 0;
    uint32_t row;
    int rc;

    shrink(w);
    rc = put_rule(w, "┌", "┬", "┐", out, err);
    for (i = 0; rc == 0 && i < schema->ncols; i++)
        rc = put_cell(w, i, schema->columns[i].name, out, err);
    if (rc == 0)
        rc = put_rule(w, "├", "┼", "┤", out, err);
    for (row = 0; rc == 0 && row < w->layout.nrows; row++) {
        for (i = 0; rc == 0 && i < schema->ncols; i++)
            rc = put_cell(w, i, sfx_layout_next(&w->layout, &at), out, err);
    }
    sfx_layout_settle(&w->layout);
    return rc;
}

/* Writes or keeps a row. What is kept is cut first: a row then has a bounded size. */
static int put_row(struct sfx_writer *w, const struct sfx_batch *batch, uint32_t row,
                   struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice text;
    uint32_t columns;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < w->bound.schema.ncols; i++) {
        rc = sfx_cell_text(sfx_bound_cell(&w->bound, batch, i, row), &w->scratch, &text, err);
        if (rc == 0 && w->layout.settled) {
            rc = put_cell(w, i, text, out, err);
        } else if (rc == 0) {
            rc = show(w, text, MAX_WIDTH, &columns, err);
            if (rc == 0)
                rc = sfx_layout_keep(&w->layout, i, sfx_buf_slice(&w->shown), columns, err);
        }
    }
    if (rc < 0 || w->layout.settled)
        return rc;
    return sfx_layout_row_kept(&w->layout) ? settle(w, out, err) : 0;
}

static int box_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
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

/* The input pauses: on a terminal what there is is shown. */
static int box_pause(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    return w->terminal > 0 && w->layout.nrows > 0 ? settle(w, out, err) : 0;
}

static int box_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                      struct sfx_err *err)
{
    int rc = 0;

    if (!w->bound.started && batch != NULL) {
        rc = sfx_bound_take(&w->bound, batch, err);
        if (rc == 0)
            rc = start(w, err);
    }
    if (rc < 0 || w->bound.schema.ncols == 0)
        return rc;
    if (!w->layout.settled)
        rc = settle(w, out, err);
    return rc < 0 ? rc : put_rule(w, "└", "┴", "┘", out, err);
}

const struct sfx_writer_ops sfx_box_writer = {
    .create = box_create,
    .write = box_write,
    .finish = box_finish,
    .destroy = box_destroy,
    .pause = box_pause,
};
