/* SPDX-License-Identifier: MIT */
/* Operands to batches: one reader at work, on the current stream of the current operand. */
#include "query/records.h"

#include "media/media.h"
#include "query/records_ahead.h"
#include "record/encoding.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sfx_records {
    struct sfx_records_opts opts;
    struct sfx_input *in;
    const struct sfx_format *format; /* of the current stream */
    const struct sfx_format *made;   /* that reader is of */
    struct sfx_reader *reader;
    bool made_ahead;         /* it was made to be read ahead */
    bool runs_ahead;         /* the current stream is read in the thread */
    int pipe;                /* what the stream is, if it may be quiet; -1: a file */
    struct sfx_ahead *ahead; /* NULL: no stream was read ahead yet */
    void (*work)(void *ctx, size_t lane, struct sfx_batch *batch); /* NULL: none is done */
    void *work_ctx;
    int lane;                       /* of the batch read last; -1: it was not worked on */
    _Atomic uint64_t nbytes;        /* read from the operand, for whoever does not read */
    struct sfx_transcoder *decoder; /* NULL until it is needed */
    struct sfx_byte_source other; /* where the next stream's bytes come from; read NULL: from in */
};

struct sfx_records *sfx_records_new(const struct sfx_records_opts *opts, struct sfx_err *err)
{
    struct sfx_records *r = calloc(1, sizeof(*r));

    if (r == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a reader");
    else if (opts != NULL)
        r->opts = *opts;
    if (r != NULL)
        r->lane = -1;
    return r;
}

void sfx_records_take(struct sfx_records *r, struct sfx_input *in)
{
    if (r->ahead != NULL)
        sfx_ahead_stop(r->ahead);
    sfx_input_free(r->in);
    r->in = in;
    atomic_store_explicit(&r->nbytes, 0, memory_order_relaxed);
}

int sfx_records_guess(struct sfx_input *in, const char *encoding, const struct sfx_format **format,
                      struct sfx_err *err)
{
    const char *name = sfx_input_data_name(in);
    struct sfx_slice head, type;
    struct sfx_buf decoded = {0};
    int rc = sfx_input_peek(in, &head, err);

    if (rc == 0 && encoding == NULL)
        encoding = sfx_encoding_of_mark(head);
    if (rc == 0 && encoding != NULL) {
        rc = sfx_encoding_decode_head(encoding, head, &decoded, err);
        head = sfx_buf_slice(&decoded);
    }
    if (rc < 0)
        goto out;
    type = sfx_media_signature(head);
    if (type.len == 0 && head.len > 0 && memchr(head.ptr, '\0', head.len) != NULL)
        type = SFX_SLICE_LIT("application/octet-stream");
    *format = sfx_format_by_media_type(type);
    if (*format == NULL && type.len > 0 && sfx_format_by_extension(name) == NULL)
        rc = sfx_err_set(err, SFX_E_INPUT,
                         "%s: holds no records: it is %.*s; --from reads it all the same", name,
                         SFX_SLICE_ARG(type));
    else if (*format == NULL)
        *format = sfx_format_detect(name, head);
out:
    sfx_buf_done(&decoded);
    return rc;
}

int sfx_records_next_stream(struct sfx_records *r, struct sfx_err *err)
{
    int rc;

    if (r->ahead != NULL)
        sfx_ahead_stop(r->ahead);
    rc = r->in != NULL ? sfx_input_next(r->in, err) : 0;
    if (rc <= 0)
        return rc;
    r->format = r->opts.from;
    rc = r->format == NULL ? sfx_records_guess(r->in, r->opts.encoding, &r->format, err) : 0;
    if (rc < 0)
        return rc;
    if (r->format->reader == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "%s cannot be read", r->format->name);
    return 1;
}

static ssize_t read_input(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_records *r = ctx;
    const bool ahead = r->runs_ahead && r->pipe >= 0;
    int rc = 0;
    ssize_t n;

    if ((ahead || r->opts.idle != NULL) && sfx_input_would_block(r->in))
        rc = ahead ? sfx_ahead_wait(r->ahead, r->pipe, err)
                   : r->opts.idle(r->opts.idle_ctx, r->in, err);
    n = rc < 0 ? rc : sfx_input_read(r->in, ptr, cap, err);
    atomic_store_explicit(&r->nbytes, sfx_input_nbytes(r->in), memory_order_relaxed);
    return n;
}

static bool input_would_block(void *ctx)
{
    return sfx_input_would_block(((struct sfx_records *)ctx)->in);
}

void sfx_records_read_from(struct sfx_records *r, const struct sfx_byte_source *source)
{
    r->other = source != NULL ? *source : (struct sfx_byte_source){0};
}

/* Ends the reader; batch borrows from it. */
static void end_reader(struct sfx_records *r, struct sfx_batch *batch)
{
    if (r->ahead != NULL)
        sfx_ahead_stop(r->ahead);
    if (batch != NULL)
        sfx_batch_reset_schema(batch);
    if (r->reader != NULL)
        r->made->reader->destroy(r->reader);
    r->reader = NULL;
}

/* Puts the decoder before the source if the stream is not to be read as it is. */
static int decode(struct sfx_records *r, struct sfx_byte_source *source, struct sfx_err *err)
{
    const char *encoding = r->opts.encoding;
    struct sfx_slice head;
    int rc = 0;

    if (encoding == NULL) {
        rc = sfx_input_peek(r->in, &head, err);
        encoding = rc == 0 ? sfx_encoding_of_mark(head) : NULL;
    }
    if (encoding == NULL)
        return rc;
    if (r->decoder == NULL)
        r->decoder = sfx_transcoder_new(err);
    return r->decoder != NULL ? sfx_transcoder_open(r->decoder, encoding, source, err)
                              : SFX_E_NOMEM;
}

/* Whether the stream can be read ahead: a large file, or a pipe that may prove to be large. */
static bool can_read_ahead(const struct sfx_records *r)
{
    if (r->opts.threads < 2 || !r->format->reader->ahead || r->other.read != NULL)
        return false;
    return r->pipe >= 0 || sfx_input_size(r->in) >= SFX_AHEAD_MIN_NBYTES;
}

int sfx_records_open(struct sfx_records *r, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_byte_source source = {
        .read = read_input,
        .ctx = r,
        .would_block = input_would_block,
        .path = sfx_input_fd(r->in) >= 0 ? sfx_input_name(r->in) : NULL,
    };
    bool ahead;
    int rc;

    r->pipe = r->opts.idle == NULL ? sfx_input_pipe(r->in) : -1;
    r->runs_ahead = false;
    ahead = can_read_ahead(r);
    if (r->other.read != NULL)
        source = r->other;
    source.input = sfx_input_name(r->in);
    source.member = sfx_input_member(r->in);
    rc = decode(r, &source, err);
    if (rc < 0)
        return rc;
    if (r->reader == NULL || r->made != r->format || r->made_ahead != ahead) {
        struct sfx_reader_opts opts = r->opts.reader;

        end_reader(r, batch);
        opts.ahead = ahead ? (unsigned)sfx_ahead_batches(r->opts.threads) : 0;
        r->made = r->format;
        r->made_ahead = ahead;
        r->reader = r->format->reader->create(&opts, err);
        if (r->reader == NULL)
            return err != NULL ? (int)err->code : SFX_E_NOMEM;
    }
    return r->format->reader->open(r->reader, &source, err);
}

/* Makes the threads that read ahead. */
static int start_ahead(struct sfx_records *r, struct sfx_err *err)
{
    if (r->ahead == NULL && (r->ahead = sfx_ahead_new(r->opts.threads, err)) == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    sfx_ahead_set_work(r->ahead, r->work, r->work_ctx, r->pipe < 0);
    r->runs_ahead = true;
    return 0;
}

int sfx_records_read(struct sfx_records *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    size_t slot;
    int rc = 0;

    r->lane = -1;
    if (r->made_ahead && !r->runs_ahead &&
        (r->pipe < 0 || sfx_records_nbytes(r) >= SFX_AHEAD_MIN_NBYTES))
        rc = start_ahead(r, err);
    if (rc < 0)
        return rc;
    if (!r->runs_ahead)
        return r->made->reader->read(r->reader, batch, rejects, err);
    rc = sfx_ahead_read(r->ahead, r->made->reader, r->reader, batch, &slot, rejects, err);
    if (rc > 0 && r->work != NULL)
        r->lane = (int)slot;
    return rc;
}

void sfx_records_set_work(struct sfx_records *r,
                          void (*work)(void *ctx, size_t lane, struct sfx_batch *batch), void *ctx)
{
    r->work = work;
    r->work_ctx = ctx;
}

size_t sfx_records_nlanes(const struct sfx_records *r)
{
    return r->opts.threads > 1 ? sfx_ahead_batches(r->opts.threads) : 0;
}

int sfx_records_lane(const struct sfx_records *r)
{
    return r->lane;
}

void sfx_records_pause(struct sfx_records *r)
{
    if (r->ahead != NULL)
        sfx_ahead_stop(r->ahead);
}

bool sfx_records_would_block(const struct sfx_records *r)
{
    if (r->other.read != NULL)
        return r->other.would_block(r->other.ctx);
    if (!r->runs_ahead)
        return sfx_input_would_block(r->in);
    return r->pipe >= 0 && sfx_ahead_is_waiting(r->ahead);
}

uint64_t sfx_records_nbytes(const struct sfx_records *r)
{
    return atomic_load_explicit(&r->nbytes, memory_order_relaxed);
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
    sfx_ahead_free(r->ahead);
    sfx_input_free(r->in);
    sfx_transcoder_free(r->decoder);
    free(r);
}
