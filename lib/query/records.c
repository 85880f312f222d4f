/* SPDX-License-Identifier: MIT */
/* Operands to batches: one reader at work, on the current stream of the current operand. */
#include "query/records.h"

#include "media/media.h"
#include "query/records_parts.h"
#include "record/encoding.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A stream whose parts prove wrong so often is read by one thread at a time; until then, reading in
 * parts is tried again ever later. */
#define MAX_WRONG_PARTS   6
#define RETRY_PART_NBYTES ((uint64_t)512 << 10)

struct sfx_records {
    struct sfx_records_opts opts;
    struct sfx_input *in;
    const struct sfx_format *format; /* of the current stream */
    const struct sfx_format *made;   /* that reader is of */
    struct sfx_reader *reader;
    bool made_ahead;         /* it was made to be read ahead */
    bool runs_ahead;         /* the current stream is read in the thread */
    int pipe;                /* what the stream is, if it may be quiet; -1: a file */
    struct sfx_relay *relay; /* the threads; NULL: there are none yet, nor: */
    struct sfx_ahead *ahead;
    struct sfx_parts *parts;
    struct sfx_batch_work work;
    int lane;       /* of the batch read last; -1: it was not worked on */
    uint64_t lines; /* that its rows lacked then */
    /* The current stream, where it can be read in parts: */
    int fd;                    /* it is this file; -1: it is none */
    bool in_parts;             /* it is being read so */
    unsigned nwrong;           /* how often that ended */
    uint64_t retry;            /* from where on it is tried */
    uint64_t began;            /* where the first part began */
    uint64_t at;               /* the next byte that the reader gets behind parts */
    uint64_t nrows, schema_id; /* that were read, and of the last batch */
    struct sfx_byte_source source;
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
    sfx_records_pause(r);
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

    sfx_records_pause(r);
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
        rc = ahead ? sfx_relay_wait(r->relay, r->pipe, err)
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
    sfx_records_pause(r);
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

/* The file that the stream is, where it can be read in parts; -1: it cannot. */
static int file_of_parts(const struct sfx_records *r)
{
    const int fd = sfx_input_fd(r->in);

    if (fd < 0 || r->opts.same_batches || r->format->reader->resume == NULL)
        return -1;
    /* The standard input may begin anywhere in its file. */
    return lseek(fd, 0, SEEK_CUR) == (off_t)sfx_input_nbytes(r->in) ? fd : -1;
}

/* Makes the reader, unless there is one that was made so. */
static int make_reader(struct sfx_records *r, struct sfx_batch *batch, bool ahead,
                       struct sfx_err *err)
{
    struct sfx_reader_opts opts = r->opts.reader;

    if (r->reader != NULL && r->made == r->format && r->made_ahead == ahead)
        return 0;
    end_reader(r, batch);
    opts.ahead = ahead ? (unsigned)sfx_relay_nslots(r->opts.threads) : 0;
    r->made = r->format;
    r->made_ahead = ahead;
    r->reader = r->format->reader->create(&opts, err);
    return r->reader != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_NOMEM;
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
    if (rc == 0)
        rc = make_reader(r, batch, ahead, err);
    if (rc < 0)
        return rc;
    r->source = source;
    r->fd = ahead && source.read == read_input ? file_of_parts(r) : -1;
    r->nwrong = 0;
    r->retry = 0;
    r->nrows = 0;
    return r->format->reader->open(r->reader, &source, err);
}

/* --- with threads ---------------------------------------------------------------------------- */

/* Makes the threads, and what they read with. */
static int start_threads(struct sfx_records *r, struct sfx_err *err)
{
    const size_t nslots = sfx_relay_nslots(r->opts.threads);

    if (r->relay == NULL)
        r->relay = sfx_relay_new(r->opts.threads, err);
    if (r->relay != NULL && r->ahead == NULL)
        r->ahead = sfx_ahead_new(r->relay, nslots, err);
    if (r->ahead != NULL && r->parts == NULL)
        r->parts = sfx_parts_new(r->relay, nslots, err);
    if (r->parts == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    sfx_ahead_set_work(r->ahead, &r->work, r->pipe < 0);
    return 0;
}

/* Begins to read in parts where that can be: once records have shown how long they are. */
static int try_parts(struct sfx_records *r, bool keeps_refused, struct sfx_err *err)
{
    uint64_t line;
    int rc;

    if (r->fd < 0 || r->runs_ahead || r->nrows == 0 || r->nwrong > MAX_WRONG_PARTS)
        return 0;
    if (!r->made->reader->tell(r->reader, &r->began, &line) || r->began < r->retry)
        return 0;
    rc = start_threads(r, err);
    if (rc == 0)
        r->in_parts = sfx_parts_start(r->parts, r->made, &r->opts.reader, r->reader, r->fd,
                                      sfx_input_size(r->in), r->nrows, &r->source, &r->work,
                                      r->schema_id, keeps_refused);
    return rc;
}

/* What is read behind parts comes from the file itself. */
static ssize_t read_file(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_records *r = ctx;
    ssize_t n = pread(r->fd, ptr, cap, (off_t)r->at);

    if (n < 0)
        return sfx_err_errno(err, errno, "%s", r->source.input);
    r->at += (uint64_t)n;
    atomic_store_explicit(&r->nbytes, r->at, memory_order_relaxed);
    return n;
}

/* The reader goes on where parts ended. */
static int leave_parts(struct sfx_records *r, struct sfx_err *err)
{
    struct sfx_byte_source source = r->source;
    struct sfx_parts_place place;
    int rc;

    sfx_parts_stop(r->parts, &place);
    r->in_parts = false;
    if (place.offset - r->began > RETRY_PART_NBYTES << r->nwrong)
        r->nwrong = 0;
    r->retry = place.offset + (RETRY_PART_NBYTES << r->nwrong);
    r->nwrong++;
    r->at = source.offset = place.offset;
    source.line = place.line - 1;
    source.read = read_file;
    source.would_block = NULL;
    rc = r->made->reader->resume(r->reader, r->reader, &source, err);
    return rc < 0 ? rc : 0;
}

/* A batch of a part: 1; 0: the reader is to read it. */
static int read_part(struct sfx_records *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    size_t lane;
    int rc = sfx_parts_read(r->parts, batch, &lane, &r->lines, rejects, err);

    if (rc == 0)
        return leave_parts(r, err);
    if (rc < 0)
        return rc;
    r->nrows += batch->nrows;
    atomic_store_explicit(&r->nbytes, batch->rows[batch->nrows - 1].offset, memory_order_relaxed);
    if (r->work.run != NULL)
        r->lane = (int)lane;
    return rc;
}

static int read_ahead(struct sfx_records *r, struct sfx_batch *batch,
                      const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    size_t lane;
    int rc = sfx_ahead_read(r->ahead, r->made->reader, r->reader, batch, &lane, rejects, err);

    if (rc > 0 && r->work.run != NULL)
        r->lane = (int)lane;
    return rc;
}

int sfx_records_read(struct sfx_records *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    int rc = 0;

    r->lane = -1;
    r->lines = 0;
    if (!r->in_parts)
        rc = try_parts(r, rejects != NULL, err);
    if (rc == 0 && r->in_parts)
        rc = read_part(r, batch, rejects, err);
    if (rc != 0)
        return rc;
    if (r->made_ahead && !r->runs_ahead && (r->fd < 0 || r->nwrong > MAX_WRONG_PARTS) &&
        (r->pipe < 0 || sfx_records_nbytes(r) >= SFX_AHEAD_MIN_NBYTES)) {
        rc = start_threads(r, err);
        r->runs_ahead = rc == 0;
    }
    if (rc < 0)
        return rc;
    if (r->runs_ahead)
        return read_ahead(r, batch, rejects, err);
    rc = r->made->reader->read(r->reader, batch, rejects, err);
    r->nrows += rc > 0 ? batch->nrows : 0;
    r->schema_id = batch->schema_id;
    return rc;
}

void sfx_records_set_work(struct sfx_records *r,
                          void (*work)(void *ctx, size_t lane, struct sfx_batch *batch), void *ctx)
{
    r->work = (struct sfx_batch_work){work, ctx};
}

size_t sfx_records_nlanes(const struct sfx_records *r)
{
    return r->opts.threads > 1 ? sfx_relay_nslots(r->opts.threads) * SFX_PARTS_BATCHES : 0;
}

int sfx_records_lane(const struct sfx_records *r, uint64_t *lines)
{
    *lines = r->lines;
    return r->lane;
}

void sfx_records_pause(struct sfx_records *r)
{
    struct sfx_parts_place place;

    if (r->in_parts)
        sfx_parts_stop(r->parts, &place);
    r->in_parts = false;
    if (r->ahead != NULL)
        sfx_ahead_stop(r->ahead);
}

bool sfx_records_would_block(const struct sfx_records *r)
{
    if (r->other.read != NULL)
        return r->other.would_block(r->other.ctx);
    if (!r->runs_ahead)
        return sfx_input_would_block(r->in);
    return r->pipe >= 0 && sfx_relay_is_waiting(r->relay);
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
    sfx_parts_free(r->parts);
    sfx_relay_free(r->relay);
    sfx_input_free(r->in);
    sfx_transcoder_free(r->decoder);
    free(r);
}
