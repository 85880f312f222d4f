/* SPDX-License-Identifier: MIT */
/* Writes a table of Markdown, a record a line. */
#include "record/bound_internal.h"
#include "record/format_internal.h"

#include <stdlib.h>
#include <string.h>

struct sfx_writer {
    struct sfx_bound bound;
    struct sfx_buf scratch;
};

static void markdown_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_bound_done(&w->bound);
    sfx_buf_done(&w->scratch);
    free(w);
}

static struct sfx_writer *markdown_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    (void)opts;
    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    return w;
}

/* Writes "| text ": pipes and backslashes escaped, line ends as <br>. */
static int put_cell(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err)
{
    size_t i;
    int rc = sfx_buf_reserve(out, 4 * text.len + 3, err);

    if (rc < 0)
        return rc;
    memcpy(out->data + out->len, "| ", 2);
    out->len += 2;
    for (i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
            continue;
        if (c == '\n' || c == '\r') {
            memcpy(out->data + out->len, "<br>", 4);
            out->len += 4;
            continue;
        }
        if (c == '|' || c == '\\')
            out->data[out->len++] = '\\';
        out->data[out->len++] = c;
    }
    out->data[out->len++] = ' ';
    return 0;
}

static int start(struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_schema *schema = &w->bound.schema;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < schema->ncols; i++)
        rc = put_cell(schema->columns[i].name, out, err);
    for (i = 0; rc == 0 && i < schema->ncols; i++)
        rc = sfx_buf_puts(out, i == 0 ? "|\n| --- " : "| --- ", err);
    return rc < 0 || schema->ncols == 0 ? rc : sfx_buf_puts(out, "|\n", err);
}

static int markdown_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                          struct sfx_err *err)
{
    const bool first = !w->bound.started;
    struct sfx_slice text;
    uint32_t i;
    size_t c;
    int rc = sfx_bound_take(&w->bound, batch, err);

    if (rc == 0 && first)
        rc = start(w, out, err);
    for (i = 0; rc == 0 && i < batch->nsel && w->bound.schema.ncols > 0; i++) {
        for (c = 0; rc == 0 && c < w->bound.schema.ncols; c++) {
            rc = sfx_cell_text(sfx_bound_cell(&w->bound, batch, c, batch->sel[i]), &w->scratch,
                               &text, err);
            if (rc == 0)
                rc = put_cell(text, out, err);
        }
        if (rc == 0)
            rc = sfx_buf_puts(out, "|\n", err);
    }
    return rc;
}

static int markdown_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                           struct sfx_err *err)
{
    int rc = w->bound.started || batch == NULL ? 1 : sfx_bound_take(&w->bound, batch, err);

    return rc == 0 ? start(w, out, err) : rc < 0 ? rc : 0;
}

const struct sfx_writer_ops sfx_markdown_writer = {
    .create = markdown_create,
    .write = markdown_write,
    .finish = markdown_finish,
    .destroy = markdown_destroy,
};
