/* SPDX-License-Identifier: MIT */
/* Operands to batches: one reader at work, on the current stream of the current operand. */
#include "query/records.h"

#include "media/media.h"

#include <stdlib.h>
#include <string.h>

struct sfx_records {
    struct sfx_records_opts opts;
    struct sfx_input *in;
    const struct sfx_format *format; /* of the current stream */
    const struct sfx_format *made;   /* that reader is of */
    struct sfx_reader *reader;
};

struct sfx_records *sfx_records_new(const struct sfx_records_opts *opts, struct sfx_err *err)
{
    struct sfx_records *r = calloc(1, sizeof(*r));

    if (r == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
    else if (opts != NULL)
        r->opts = *opts;
    return r;
}

void sfx_records_take(struct sfx_records *r, struct sfx_input *in)
{
    sfx_input_free(r->in);
    r->in = in;
}

/* Text of two bytes a character says so in its first two. */
static bool is_utf16(struct sfx_slice head)
{
    return head.len >= 2 &&
           (memcmp(head.ptr, "\xff\xfe", 2) == 0 || memcmp(head.ptr, "\xfe\xff", 2) == 0);
}

int sfx_records_guess(struct sfx_input *in, const struct sfx_format **format, struct sfx_err *err)
{
    const char *name = sfx_input_data_name(in);
    struct sfx_slice head, type;
    int rc = sfx_input_peek(in, &head, err);

    if (rc < 0)
        return rc;
    type = sfx_media_signature(head);
    if (type.len == 0 && head.len > 0 && !is_utf16(head) &&
        memchr(head.ptr, '\0', head.len) != NULL)
        type = SFX_SLICE_LIT("application/octet-stream");
    *format = sfx_format_by_media_type(type);
    if (*format != NULL)
        return 0;
    if (type.len > 0 && sfx_format_by_extension(name) == NULL)
        return sfx_err_set(err, SFX_E_INPUT,
                           "%s: holds no records: it is %.*s; --from reads it all the same", name,
                           SFX_SLICE_ARG(type));
    *format = sfx_format_detect(name, head);
    return 0;
}

int sfx_records_next_stream(struct sfx_records *r, struct sfx_err *err)
{
    int rc = r->in != NULL ? sfx_input_next(r->in, err) : 0;

    if (rc <= 0)
        return rc;
    r->format = r->opts.from;
    rc = r->format == NULL ? sfx_records_guess(r->in, &r->format, err) : 0;
    if (rc < 0)
        return rc;
    if (r->format->reader == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "%s cannot be read", r->format->name);
    return 1;
}

static ssize_t read_input(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    return sfx_input_read(ctx, ptr, cap, err);
}

static bool input_would_block(void *ctx)
{
    return sfx_input_would_block(ctx);
}

/* Ends the reader; batch borrows from it. */
static void end_reader(struct sfx_records *r, struct sfx_batch *batch)
{
    if (batch != NULL)
        sfx_batch_reset_schema(batch);
    if (r->reader != NULL)
        r->made->reader->destroy(r->reader);
    r->reader = NULL;
}

int sfx_records_open(struct sfx_records *r, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_byte_source source = {
        .read = read_input,
        .ctx = r->in,
        .would_block = input_would_block,
        .input = sfx_input_name(r->in),
        .member = sfx_input_member(r->in),
    };

    if (r->reader == NULL || r->made != r->format) {
        end_reader(r, batch);
        r->made = r->format;
        r->reader = r->format->reader->create(&r->opts.reader, err);
        if (r->reader == NULL)
            return err != NULL ? (int)err->code : SFX_E_NOMEM;
    }
    return r->format->reader->open(r->reader, &source, err);
}

int sfx_records_read(struct sfx_records *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    return r->made->reader->read(r->reader, batch, rejects, err);
}

int sfx_records_begin(struct sfx_records *r, struct sfx_batch *batch, struct sfx_err *err)
{
    int rc;

    if (r->made->reader->begin == NULL)
        return 0;
    rc = r->made->reader->begin(r->reader, batch, err);
    return rc < 0 ? rc : 1;
}

int sfx_records_want(struct sfx_records *r, const bool *wanted, struct sfx_err *err)
{
    return r->made->reader->want(r->reader, wanted, err);
}

const struct sfx_format *sfx_records_format(const struct sfx_records *r)
{
    return r->format;
}

struct sfx_input *sfx_records_input(const struct sfx_records *r)
{
    return r->in;
}

void sfx_records_free(struct sfx_records *r, struct sfx_batch *batch)
{
    if (r == NULL)
        return;
    end_reader(r, batch);
    sfx_input_free(r->in);
    free(r);
}
