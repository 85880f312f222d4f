/* SPDX-License-Identifier: MIT */
/*
 * Reads a file of rejects as the records that were refused: each is read again in its own format,
 * under its own header, as a stream of its own, so that what broke it breaks no other. Places are
 * those of the input from which it came.
 */
#include "record/format_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sfx_reader { /* completed for rejects in this file only */
    struct sfx_reader_opts opts;
    struct sfx_byte_source src;
    struct sfx_reader *lines;
    struct sfx_batch batch; /* of lines */
    uint32_t next;          /* the next of them */
    /* The reject in hand. */
    struct sfx_reject_text text;
    struct sfx_reject reject;
    struct sfx_buf stream; /* its header and record */
    size_t nread;
    /* The reader of its format. */
    const struct sfx_format *format;
    char delimiter, quote;
    struct sfx_reader *inner;
    /* Where its refusals go. */
    const struct sfx_reject_sink *rejects;
    bool told; /* what went wrong was said there: it ends the run */
};

static void rejects_destroy(struct sfx_reader *r)
{
    if (r == NULL)
        return;
    if (r->lines != NULL)
        sfx_lines_reader.destroy(r->lines);
    if (r->inner != NULL)
        r->format->reader->destroy(r->inner);
    sfx_batch_done(&r->batch);
    sfx_reject_text_done(&r->text);
    sfx_buf_done(&r->stream);
    free(r);
}

static struct sfx_reader *rejects_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    struct sfx_reader *r = calloc(1, sizeof(*r));
    struct sfx_reader_opts lines = {0};

    if (r == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
        return NULL;
    }
    r->opts = sfx_reader_opts_fill(opts);
    lines.max_record_nbytes =
        r->opts.max_record_nbytes * 8; /* a byte may be \u00XX, and the rest */
    lines.max_field_nbytes = lines.max_record_nbytes;
    r->opts.no_header = false; /* a header was made of the columns' numbers */
    r->opts.skip_lines = 0;
    r->opts.sniff = false;
    r->lines = sfx_lines_reader.create(&lines, err);
    if (r->lines == NULL || sfx_batch_init(&r->batch, err) < 0) {
        rejects_destroy(r);
        return NULL;
    }
    return r;
}

static int rejects_open(struct sfx_reader *r, const struct sfx_byte_source *src,
                        struct sfx_err *err)
{
    r->src = *src;
    sfx_batch_reset_schema(&r->batch);
    r->next = 0;
    return sfx_lines_reader.open(r->lines, src, err);
}

static ssize_t read_stream(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_reader *r = ctx;
    size_t n = r->stream.len - r->nread;

    (void)err;
    n = n > cap ? cap : n;
    if (n > 0)
        memcpy(ptr, r->stream.data + r->nread, n);
    r->nread += n;
    return (ssize_t)n;
}

/* Refuses the record in hand again, for another reason. */
static int refuse_again(struct sfx_reader *r, const char *code, const char *reason,
                        struct sfx_slice column, struct sfx_err *err)
{
    struct sfx_reject again = r->reject;
    int rc;

    again.code = code;
    again.reason = reason;
    again.column = column;
    if (r->rejects != NULL)
        return r->rejects->put(r->rejects->ctx, &again, err);
    rc = sfx_err_set(err, SFX_E_INPUT, "%s", reason);
    if (column.len > 0)
        rc = sfx_err_wrap(err, rc, "column %.*s", SFX_SLICE_ARG(column));
    return sfx_err_wrap(err, rc, "%s: line %" PRIu64 ", offset %" PRIu64,
                        again.input != NULL ? again.input : "-", again.line, again.offset);
}

static int put_inner(void *ctx, const struct sfx_reject *inner, struct sfx_err *err)
{
    struct sfx_reader *r = ctx;
    int rc = refuse_again(r, inner->code, inner->reason, inner->column, err);

    r->told = rc < 0;
    return rc;
}

/* Refuses a line that is no reject to replay. */
static int refuse_line(struct sfx_reader *r, const struct sfx_row_origin *origin,
                       const char *reason, struct sfx_err *err)
{
    const struct sfx_reject bad = {
        .input = r->src.input,
        .member = r->src.member,
        .line = origin->line,
        .offset = origin->offset,
        .code = sfx_code_name(SFX_E_INPUT),
        .reason = reason,
        .raw = origin->raw,
        .format = "rejects",
    };

    if (r->rejects != NULL)
        return r->rejects->put(r->rejects->ctx, &bad, err);
    return sfx_err_set(err, SFX_E_INPUT, "%s: line %" PRIu64 ", offset %" PRIu64 ": %s",
                       r->src.input != NULL ? r->src.input : "-", origin->line, origin->offset,
                       reason);
}

/* Makes the reader that the record in hand needs, if it is not there. batch borrows from it. */
static int set_reader(struct sfx_reader *r, struct sfx_batch *batch, struct sfx_err *err)
{
    const struct sfx_format *format = sfx_format_by_name(sfx_slice_str(r->reject.format));
    struct sfx_reader_opts opts = r->opts;

    if (format == NULL || format->reader == NULL || format->reader == &sfx_rejects_reader)
        return sfx_err_set(err, SFX_E_INPUT, "there is no format %s to read", r->reject.format);
    if (r->inner != NULL && r->format == format && r->delimiter == r->reject.delimiter &&
        r->quote == r->reject.quote)
        return 0;
    sfx_batch_reset_schema(batch);
    if (r->inner != NULL)
        r->format->reader->destroy(r->inner);
    r->format = format;
    r->delimiter = r->reject.delimiter;
    r->quote = r->reject.quote;
    opts.delimiter = r->delimiter != 0 ? r->delimiter : opts.delimiter;
    opts.quote = r->quote != 0 ? r->quote : opts.quote;
    r->inner = format->reader->create(&opts, err);
    return r->inner != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_NOMEM;
}

/* The header and the record as one stream; an element of a JSON array gets one around it. */
static int make_stream(struct sfx_reader *r, struct sfx_err *err)
{
    const bool array = r->format->reader == &sfx_json_reader;
    int rc = 0;

    sfx_buf_clear(&r->stream);
    r->nread = 0;
    if (r->reject.header.len > 0) {
        rc = sfx_buf_append(&r->stream, r->reject.header.ptr, r->reject.header.len, err);
        if (rc == 0)
            rc = sfx_buf_putc(&r->stream, '\n', err);
    }
    if (rc == 0 && array)
        rc = sfx_buf_putc(&r->stream, '[', err);
    if (rc == 0)
        rc = sfx_buf_append(&r->stream, r->reject.raw.ptr, r->reject.raw.len, err);
    return rc == 0 && array ? sfx_buf_putc(&r->stream, ']', err) : rc;
}

/* Reads the record in hand: 1; 0 when it was refused again. */
static int read_record(struct sfx_reader *r, struct sfx_batch *batch, struct sfx_err *err)
{
    const struct sfx_byte_source src = {
        .read = read_stream, .ctx = r, .input = r->reject.input, .member = r->reject.member};
    const struct sfx_reject_sink sink = {put_inner, r};
    uint32_t i;
    int rc = make_stream(r, err);

    if (rc == 0)
        rc = r->format->reader->open(r->inner, &src, err);
    if (rc == 0)
        rc = r->format->reader->read(r->inner, batch, &sink, err);
    if (rc <= 0)
        return rc;
    for (i = 0; i < batch->nrows; i++) {
        batch->rows[i].line = r->reject.line;
        batch->rows[i].offset = r->reject.offset;
    }
    batch->format = r->format->name;
    return 1;
}

/* Takes up the next reject: 1; 0 at the end. */
static int next_line(struct sfx_reader *r, struct sfx_err *err)
{
    while (r->next == r->batch.nrows) {
        int rc = sfx_lines_reader.read(r->lines, &r->batch, NULL, err);

        if (rc <= 0)
            return rc;
        r->next = 0;
    }
    return 1;
}

static int rejects_read(struct sfx_reader *r, struct sfx_batch *batch,
                        const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_err why;
    int rc;

    r->rejects = rejects;
    r->told = false;
    while ((rc = next_line(r, err)) > 0) {
        const struct sfx_row_origin *origin = &r->batch.rows[r->next++];

        if (origin->raw.len == 0)
            continue;
        rc = sfx_reject_read(origin->raw, &r->text, &r->reject, &why);
        if (rc == 0)
            rc = set_reader(r, batch, &why);
        if (rc == SFX_E_INPUT) {
            rc = refuse_line(r, origin, why.text, err);
        } else if (rc < 0) {
            if (err != NULL)
                *err = why;
        } else {
            rc = read_record(r, batch, &why);
            if (rc > 0)
                return 1;
            if (rc == SFX_E_INPUT && !r->told)
                rc = refuse_again(r, sfx_code_name(SFX_E_INPUT), why.text, sfx_slice(NULL, 0), err);
            else if (rc < 0 && err != NULL)
                *err = why;
        }
        if (rc < 0)
            return rc;
    }
    sfx_batch_clear(batch);
    return rc;
}

const struct sfx_reader_ops sfx_rejects_reader = {
    .create = rejects_create,
    .open = rejects_open,
    .read = rejects_read,
    .destroy = rejects_destroy,
};
