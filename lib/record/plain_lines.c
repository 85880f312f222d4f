/* SPDX-License-Identifier: MIT */
/* Plain lines: read as records of one column, written as the values of a record in one line. */
#include "record/line_internal.h"

#include <stdlib.h>
#include <string.h>

static int start(struct sfx_reader *r, struct sfx_err *err)
{
    static const char *const names[] = {"line", NULL};

    return sfx_line_add_columns(r, names, err);
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    (void)may_add;
    (void)err;
    r->schema.columns[0].cells[at] = sfx_line_cell(line.ptr, line.ptr + line.len);
    r->nfields = 1;
    return SFX_LINE_TAKEN;
}

static const struct sfx_line_format format = {.blank_counts = true, .start = start, .take = take};

static struct sfx_reader *lines_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

const struct sfx_reader_ops sfx_lines_reader = {
    .create = lines_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};

struct sfx_writer {
    struct sfx_buf scratch;
    enum sfx_eol eol;
    bool started;
};

static void lines_destroy(struct sfx_writer *w)
{
    if (w == NULL)
        return;
    sfx_buf_done(&w->scratch);
    free(w);
}

static struct sfx_writer *lines_new(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    (void)opts;
    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a writer");
    return w;
}

static int lines_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                       struct sfx_err *err)
{
    struct sfx_slice text;
    uint32_t i;
    size_t c;
    int rc = 0;

    w->eol = w->started ? w->eol : batch->eol;
    w->started = true;
    for (i = 0; rc == 0 && i < batch->nsel; i++) {
        for (c = 0; rc == 0 && c < batch->ncols; c++) {
            rc = sfx_cell_text(&batch->columns[c].cells[batch->sel[i]], &w->scratch, &text, err);
            if (rc == 0 && c > 0)
                rc = sfx_buf_putc(out, '\t', err);
            if (rc == 0)
                rc = sfx_buf_append(out, text.ptr, text.len, err);
        }
        if (rc == 0)
            rc = sfx_buf_puts(out, w->eol == SFX_EOL_CRLF ? "\r\n" : "\n", err);
    }
    return rc;
}

static int lines_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                        struct sfx_err *err)
{
    (void)w;
    (void)batch;
    (void)out;
    (void)err;
    return 0;
}

const struct sfx_writer_ops sfx_lines_writer = {
    .create = lines_new,
    .write = lines_write,
    .finish = lines_finish,
    .destroy = lines_destroy,
};
