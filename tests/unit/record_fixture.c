/* SPDX-License-Identifier: MIT */
/* Readers and writers over memory, for tests and fuzzers: any failure of memory ends the program.
 */
#include "record_fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            abort();                                                                               \
    } while (0)

struct memory {
    struct sfx_slice rest;
    size_t chunk;
    bool pauses;
};

static ssize_t memory_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct memory *m = ctx;
    size_t n = m->rest.len < cap ? m->rest.len : cap;

    (void)err;
    if (m->chunk > 0 && n > m->chunk)
        n = m->chunk;
    if (n == 0)
        return 0;
    memcpy(ptr, m->rest.ptr, n);
    m->rest = sfx_slice(m->rest.ptr + n, m->rest.len - n);
    return (ssize_t)n;
}

static bool memory_would_block(void *ctx)
{
    return ((struct memory *)ctx)->pauses;
}

static int note_reject(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    MUST(sfx_buf_printf(ctx, err, "!%" PRIu64 ",%" PRIu64 ",%.*s,%s: %s [", r->line, r->offset,
                        SFX_SLICE_ARG(r->column), r->code, r->reason));
    MUST(sfx_buf_append(ctx, r->raw.ptr, r->raw.len, err));
    MUST(sfx_buf_puts(ctx, "]\n", err));
    return 0;
}

static void dump_cell(const struct sfx_cell *cell, struct sfx_buf *scratch, struct sfx_buf *out)
{
    struct sfx_slice text;

    MUST(sfx_cell_text(cell, scratch, &text, NULL));
    switch (cell->kind) {
    case SFX_CELL_MISSING: MUST(sfx_buf_putc(out, '~', NULL)); break;
    case SFX_CELL_NULL: MUST(sfx_buf_puts(out, "null", NULL)); break;
    case SFX_CELL_JSON_NUMBER:
    case SFX_CELL_JSON_BOOL:
    case SFX_CELL_JSON_NESTED: MUST(sfx_buf_putc(out, 'j', NULL)); break;
    default: break;
    }
    MUST(sfx_buf_append(out, text.ptr, text.len, NULL));
}

static void dump_batch(const struct sfx_batch *batch, uint64_t *schema_id, struct sfx_buf *out)
{
    struct sfx_buf scratch = {0};
    uint32_t row;
    size_t i;

    if (batch->schema_id != *schema_id) {
        for (i = 0; i < batch->ncols; i++) {
            MUST(sfx_buf_putc(out, i == 0 ? '#' : '|', NULL));
            MUST(sfx_buf_append(out, batch->columns[i].name.ptr, batch->columns[i].name.len, NULL));
        }
        MUST(sfx_buf_putc(out, '\n', NULL));
    }
    *schema_id = batch->schema_id;
    for (row = 0; row < batch->nrows; row++) {
        MUST(sfx_buf_printf(out, NULL, "%" PRIu64 ": ", batch->rows[row].line));
        for (i = 0; i < batch->ncols; i++) {
            if (i > 0)
                MUST(sfx_buf_putc(out, '|', NULL));
            dump_cell(&batch->columns[i].cells[row], &scratch, out);
        }
        MUST(sfx_buf_putc(out, '\n', NULL));
    }
    sfx_buf_done(&scratch);
}

static const struct sfx_format *format_of(const char *name)
{
    const struct sfx_format *format = sfx_format_by_name(sfx_slice_str(name));

    if (format == NULL)
        abort();
    return format;
}

static struct sfx_byte_source source_of(struct memory *m)
{
    return (struct sfx_byte_source){.read = memory_read,
                                    .ctx = m,
                                    .would_block = m->pauses ? memory_would_block : NULL,
                                    .input = "in"};
}

int record_dump(const struct record_opts *opts, const struct record_source *source,
                struct sfx_buf *out)
{
    const struct sfx_reader_ops *ops = format_of(opts->format)->reader;
    struct memory m = {source->text, source->chunk, source->pauses};
    const struct sfx_byte_source src = source_of(&m);
    struct sfx_buf refused = {0};
    const struct sfx_reject_sink sink = {note_reject, &refused};
    struct sfx_err err;
    struct sfx_reader *reader = ops->create(opts->reader, &err);
    struct sfx_batch batch;
    uint64_t schema_id = 0;
    int rc;

    MUST(reader != NULL ? 0 : -1);
    MUST(sfx_batch_init(&batch, &err));
    MUST(ops->open(reader, &src, &err));
    while ((rc = ops->read(reader, &batch, opts->rejects ? &sink : NULL, &err)) > 0)
        dump_batch(&batch, &schema_id, out);
    if (rc == 0 && batch.schema_id != schema_id)
        dump_batch(&batch, &schema_id, out);
    MUST(sfx_buf_append(out, refused.data, refused.len, NULL));
    if (rc < 0)
        MUST(sfx_buf_printf(out, NULL, "=%s\n", err.text));
    ops->destroy(reader);
    sfx_batch_done(&batch);
    sfx_buf_done(&refused);
    return rc;
}

static int drop_reject(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    (void)ctx;
    (void)r;
    (void)err;
    return 0;
}

int record_convert(const struct record_opts *opts, const char *to,
                   const struct record_source *source, struct sfx_buf *out, struct sfx_err *err)
{
    static const struct sfx_reject_sink sink = {drop_reject, NULL};
    const struct sfx_reader_ops *in = format_of(opts->format)->reader;
    const struct sfx_writer_ops *ops = format_of(to)->writer;
    struct memory m = {source->text, source->chunk, source->pauses};
    const struct sfx_byte_source src = source_of(&m);
    struct sfx_reader *reader = in->create(opts->reader, err);
    struct sfx_writer *writer = ops->create(opts->writer, err);
    struct sfx_batch batch;
    int rc;

    MUST(reader != NULL && writer != NULL ? 0 : -1);
    MUST(sfx_batch_init(&batch, err));
    MUST(in->open(reader, &src, err));
    while ((rc = in->read(reader, &batch, opts->rejects ? &sink : NULL, err)) > 0) {
        rc = ops->write(writer, &batch, out, err);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = ops->finish(writer, &batch, out, err);
    in->destroy(reader);
    ops->destroy(writer);
    sfx_batch_done(&batch);
    return rc;
}

void record_check_pieces(const struct record_opts *opts, const struct record_source *source)
{
    const struct record_source whole = {.text = source->text};
    struct sfx_buf a = {0}, b = {0};

    (void)record_dump(opts, &whole, &a);
    (void)record_dump(opts, source, &b);
    if (!sfx_slice_eq(sfx_buf_slice(&a), sfx_buf_slice(&b)))
        abort();
    sfx_buf_done(&a);
    sfx_buf_done(&b);
}

void record_check_stable(const struct record_opts *opts, const char *to, bool settles,
                         const struct record_source *source)
{
    const struct record_opts again = {.format = to};
    struct sfx_buf bufs[3] = {{0}, {0}, {0}};
    struct record_source written = {0};
    struct sfx_err err;
    size_t i;

    if (record_convert(opts, to, source, &bufs[0], &err) == 0) {
        for (i = 1; i < 3; i++) {
            written.text = sfx_buf_slice(&bufs[i - 1]);
            MUST(record_convert(&again, to, &written, &bufs[i], &err));
        }
        if (!sfx_slice_eq(sfx_buf_slice(&bufs[1]), sfx_buf_slice(&bufs[2])) ||
            (!settles && !sfx_slice_eq(sfx_buf_slice(&bufs[0]), sfx_buf_slice(&bufs[1]))))
            abort();
    }
    for (i = 0; i < 3; i++)
        sfx_buf_done(&bufs[i]);
}
