/* SPDX-License-Identifier: MIT */
/* One input of records: the first pass learns types and hash, the second one loads. */
#include "base/size.h"
#include "record/encoding.h"
#include "sink/load_internal.h"
#include "sink/spool.h"

/* What both passes read. */
struct stream {
    const struct sfx_format *format;
    struct sfx_reader *reader;
    const char *encoding; /* by its byte order mark; NULL: bytes as they are */
    bool ahead;           /* load->ahead reads */
    struct sfx_spool spool;
};

static int open_reader(struct sfx_load *load, struct stream *stream, struct sfx_err *err)
{
    struct sfx_byte_source src = {
        .read = sfx_spool_read,
        .ctx = &stream->spool,
        .input = load->result.name,
        .member = load->result.member,
        .path = sfx_input_fd(stream->spool.in) >= 0 ? load->result.name : NULL,
    };
    struct sfx_reader_opts opts = load->opts.reader;
    const struct sfx_format *formats;
    size_t n, at;

    opts.ahead = stream->format->reader->ahead ? (unsigned)sfx_relay_nslots(2) : 0;
    formats = sfx_format_all(&n);
    at = (size_t)(stream->format - formats);
    if (at >= SFX_COUNT(load->readers))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "format %s has no place", stream->format->name);
    if (load->readers[at] == NULL)
        load->readers[at] = stream->format->reader->create(&opts, err);
    if (load->readers[at] == NULL)
        return SFX_E_NOMEM;
    stream->reader = load->readers[at];
    if (stream->encoding != NULL && load->decoder == NULL)
        load->decoder = sfx_transcoder_new(err);
    if (stream->encoding != NULL &&
        (load->decoder == NULL ||
         sfx_transcoder_open(load->decoder, stream->encoding, &src, err) < 0))
        return SFX_E_NOMEM;
    return stream->format->reader->open(stream->reader, &src, err);
}

/* A thread reads what is long and never waits; without one the load goes on by itself. */
static void read_ahead(struct sfx_load *load, struct stream *stream)
{
    stream->ahead = stream->format->reader->ahead && sfx_pool_ncpus() > 1 &&
                    sfx_input_size(stream->spool.in) >= SFX_AHEAD_MIN_NBYTES;
    if (stream->ahead && load->relay == NULL)
        load->relay = sfx_relay_new(2, NULL);
    if (load->relay != NULL && load->ahead == NULL)
        load->ahead = sfx_ahead_new(load->relay, sfx_relay_nslots(2), NULL);
    stream->ahead = stream->ahead && load->ahead != NULL;
}

/* Ends a pass: reader and spool are this thread's again. */
static void stop_reading(struct sfx_load *load, const struct stream *stream)
{
    if (stream->ahead)
        sfx_ahead_stop(load->ahead);
}

static int pass_over(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    (void)ctx;
    (void)r;
    (void)err;
    return 0;
}

/* Hands what the reader gave to take, through the stages if there are some. */
static int hand_on(struct sfx_load *load, sfx_query_emit *take, void *ctx, struct sfx_err *err)
{
    return load->query != NULL ? sfx_query_push(load->query, &load->batch, err)
                               : take(ctx, &load->batch, err);
}

/* The next batch of the stream, handed on: 1; 0 at its end. */
static int step(struct sfx_load *load, struct stream *stream, const struct sfx_reject_sink *bad,
                sfx_query_emit *take, void *ctx, struct sfx_err *err)
{
    int more = sfx_load_check_stop(load, err), rc = 0;

    if (more < 0)
        return more;
    load->reading = true;
    more = stream->ahead ? sfx_ahead_read(load->ahead, stream->format->reader, stream->reader,
                                          &load->batch, NULL, bad, err)
                         : stream->format->reader->read(stream->reader, &load->batch, bad, err);
    /* At its end a stream without a record still has columns. */
    if (more > 0 || (more == 0 && load->batch.ncols > 0))
        rc = hand_on(load, take, ctx, err);
    if (rc == 0 && more > 0 && load->query != NULL && sfx_query_satisfied(load->query))
        more = 0;
    if (rc == 0 && more == 0 && load->query != NULL)
        rc = sfx_query_finish(load->query, &load->batch, err);
    load->reading = false;
    return rc < 0 ? rc : more;
}

static int look_at(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_load *load = ctx;
    int rc = load->children != NULL ? sfx_load_children_take(load, batch, err) : 0;

    return rc < 0 ? rc : sfx_infer_batch(&load->infer, batch, err);
}

/* The first pass. Records that are refused on the way are the second pass's business. */
static int learn(struct sfx_load *load, struct stream *stream, struct sfx_err *err)
{
    const struct sfx_reject_sink quiet = {pass_over, NULL};
    const struct sfx_reject_sink *bad = load->opts.on_error == SFX_LOAD_FAIL ? NULL : &quiet;
    int rc = open_reader(load, stream, err);

    sfx_infer_reset(&load->infer);
    if (rc == 0 && load->children != NULL)
        rc = sfx_load_children_begin(load, err);
    if (rc == 0)
        rc = sfx_load_begin_stages(load, bad, load->opts.log, look_at, load, err);
    for (rc = rc == 0 ? 1 : rc; rc > 0;)
        rc = step(load, stream, bad, look_at, load, err);
    stop_reading(load, stream);
    sfx_infer_finish(&load->infer);
    if (rc == 0 && load->infer.schema.ncols > 0)
        rc = sfx_load_set_types(load, err);
    if (rc == 0 && load->infer.schema.ncols > 0 && load->children != NULL)
        rc = sfx_load_children_learnt(load, err);
    if (rc == 0 && load->infer.schema.ncols > 0 && load->opts.lineage)
        rc = sfx_load_lineage_schema(&load->infer, err);
    if (rc == SFX_E_INPUT || rc == SFX_E_LIMIT)
        return sfx_load_name_input(load, rc, err);
    return rc < 0 ? rc : sfx_spool_rewind(&stream->spool, err);
}

static int put_batch(struct sfx_load *load, struct sfx_batch *batch, struct sfx_err *err)
{
    const struct sfx_reject_sink *bad = load->opts.on_error == SFX_LOAD_FAIL ? NULL : &load->bad;
    struct sfx_sink_counts *counts = &load->result.entry.counts;
    int rc;

    counts->in += batch->nsel;
    rc = sfx_load_refuse_foreign(load, batch, bad, err);
    if (rc == 0 && load->children != NULL)
        rc = sfx_load_children_refuse(load, batch, bad, err);
    if (rc == 0 && load->opts.lineage)
        rc = sfx_load_lineage_fill(load, batch, err);
    if (rc == 0)
        rc = load->sink->ops->put(load->sink, batch, bad, &counts->inserted, err);
    if (rc < 0 && !(rc == SFX_E_INPUT && bad == NULL))
        load->broken = true;
    return rc;
}

/* What the second pass shares with its batches. */
struct second {
    struct sfx_load *load;
    struct stream *stream;
};

static int take_batch(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    const struct second *second = ctx;
    struct sfx_load *load = second->load;
    const struct sfx_spool *spool = &second->stream->spool;
    int rc = 0;

    load->reading = false;
    sfx_load_advance(load, batch);
    if (load->children != NULL)
        rc = sfx_load_children_take(load, batch, err);
    if (rc == 0 && batch->nsel > 0)
        rc = put_batch(load, batch, err);
    if (rc == 0)
        rc = sfx_load_checkpoint(load, spool, false, err);
    if (rc == 0 && load->opts.progress != NULL)
        sfx_progress_update(load->opts.progress, "records", load->mark.nread, load->infer.nrecords,
                            load->mark.offset);
    load->reading = true;
    return rc;
}

static int take_children(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    return sfx_load_children_take(ctx, batch, err);
}

/* A pass for each child table. */
static int pass_children(struct sfx_load *load, struct stream *stream, struct sfx_err *err)
{
    const struct sfx_reject_sink quiet = {pass_over, NULL};
    const struct sfx_reject_sink *bad = load->opts.on_error == SFX_LOAD_FAIL ? NULL : &quiet;
    size_t at = 0;
    int more, rc;

    while ((rc = sfx_load_children_next(load, &at, err)) > 0) {
        sfx_spool_repeat(&stream->spool);
        rc = open_reader(load, stream, err);
        if (rc == 0)
            rc = sfx_load_begin_stages(load, bad, NULL, take_children, load, err);
        for (more = rc == 0 ? 1 : rc; more > 0;)
            more = step(load, stream, bad, take_children, load, err);
        stop_reading(load, stream);
        rc = more == 0 ? sfx_spool_check(&stream->spool, err) : more;
        if (rc < 0)
            break;
    }
    return rc;
}

/* The passes behind the second one. */
static int put_children(struct sfx_load *load, struct stream *stream, struct sfx_err *err)
{
    int rc = sfx_load_children_settle(load, err);

    return rc == 0 ? pass_children(load, stream, err) : rc;
}

/* The passes before the second one, unless a bad record ends the load anyway. */
static int check_children(struct sfx_load *load, void *ctx, struct sfx_err *err)
{
    struct sfx_err own = {0};
    int rc, left;

    sfx_load_children_start(load, sfx_buf_cstr(&load->key, NULL));
    rc = sfx_load_children_rehearse(load, true, err);
    if (rc == 0)
        rc = pass_children(load, ctx, err);
    left = sfx_load_children_rehearse(load, false, rc == 0 ? err : &own);
    return rc == 0 ? left : rc;
}

/* The second pass. */
static int put_stream(struct sfx_load *load, void *ctx, struct sfx_err *err)
{
    const struct sfx_reject_sink *bad = load->opts.on_error == SFX_LOAD_FAIL ? NULL : &load->bad;
    struct stream *stream = ctx;
    struct second second = {load, stream};
    int rc = load->opts.lineage ? sfx_load_lineage_begin(load, err) : 0;

    if (rc == 0 && load->children != NULL)
        sfx_load_children_start(load, sfx_buf_cstr(&load->key, NULL));
    if (rc == 0)
        rc = sfx_load_check_tail(load, &stream->spool, err);
    sfx_spool_repeat(&stream->spool);
    if (rc == 0)
        rc = open_reader(load, stream, err);
    if (rc == 0)
        rc = sfx_load_begin_stages(load, bad, NULL, take_batch, &second, err);
    for (rc = rc == 0 ? 1 : rc; rc > 0;)
        rc = step(load, stream, bad, take_batch, &second, err);
    stop_reading(load, stream);
    if (rc == 0)
        rc = sfx_spool_check(&stream->spool, err);
    if (rc == 0 && load->children != NULL)
        rc = put_children(load, stream, err);
    if (rc == SFX_E_INPUT && !load->broken)
        return sfx_load_name_input(load, rc, err);
    return rc < 0 ? rc : sfx_load_checkpoint(load, &stream->spool, true, err);
}

static const char *make_key(struct sfx_load *load, const struct sfx_spool *spool,
                            struct sfx_err *err)
{
    const char *member = load->result.member;
    int rc;

    sfx_buf_clear(&load->key);
    if (load->opts.load_id == NULL)
        rc = sfx_buf_printf(&load->key, err, "sha256:%s", spool->sha256);
    else
        rc = sfx_buf_printf(&load->key, err, "id:%s%s%s", load->opts.load_id,
                            member != NULL ? "/" : "", member != NULL ? member : "");
    return rc < 0 ? NULL : sfx_buf_cstr(&load->key, err);
}

/* The second pass, in a transaction. */
static int load_learnt(struct sfx_load *load, struct stream *stream, struct sfx_err *err)
{
    struct sfx_sink_source source = {
        .table = load->result.table,
        .key = make_key(load, &stream->spool, err),
        .name = load->result.name,
        .member = load->result.member,
        .sha256 = stream->spool.sha256,
        .size_nbytes = stream->spool.size_nbytes,
        .again = load->opts.force,
    };
    int rc;

    if (source.key == NULL)
        return SFX_E_NOMEM;
    if (load->event != NULL) {
        sfx_buf_clear(&load->event_id);
        if (sfx_buf_append(&load->event_id, load->event->id.ptr, load->event->id.len, err) < 0)
            return SFX_E_NOMEM;
        source.event_id = sfx_buf_cstr(&load->event_id, err);
    }
    if (load->children != NULL && load->opts.on_error != SFX_LOAD_FAIL)
        load->check = check_children;
    rc = sfx_load_transact(load, &source, &load->infer.schema, put_stream, stream, err);
    load->check = NULL;
    return rc;
}

int sfx_load_stream(struct sfx_load *load, struct sfx_input *in, const struct sfx_format *format,
                    struct sfx_err *err)
{
    const char *dir = load->opts.tmp_dir != NULL ? load->opts.tmp_dir : load->sink->folder;
    struct stream stream = {.format = format};
    struct sfx_slice head;
    int rc = sfx_input_peek(in, &head, err);

    if (rc == 0)
        stream.encoding = sfx_encoding_of_mark(head);
    if (rc == 0)
        rc = sfx_spool_init(&stream.spool, in, dir, err);
    if (rc < 0)
        return rc;
    read_ahead(load, &stream);
    rc = learn(load, &stream, err);
    if (rc < 0)
        goto out;
    load->stats.nbytes += stream.spool.size_nbytes;
    if (load->infer.schema.ncols == 0)
        load->result.outcome = SFX_LOAD_EMPTY;
    else
        rc = load_learnt(load, &stream, err);
out:
    sfx_spool_done(&stream.spool);
    return rc;
}
