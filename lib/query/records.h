/* SPDX-License-Identifier: MIT */
/*
 * Records of operands: the streams of an input, each through a reader of its format, as batches.
 *
 * Contract: operands are taken one after the other, their streams in order; a stream's format is
 * that of the options, else by its name and content. Readers live on from stream to stream of one
 * format. A batch's cells are valid until the next _read, _next_stream or _take. Not safe for two
 * threads at once; with opts.threads threads of its own read ahead.
 */
#ifndef SFX_QUERY_RECORDS_H
#define SFX_QUERY_RECORDS_H

#include "archive/input.h"
#include "record/format.h"

struct sfx_records_opts {          /* all-zero: the defaults */
    const struct sfx_format *from; /* NULL: by name and content of each stream */
    struct sfx_reader_opts reader;
    /* > 1: what is of some size is read in threads, one fewer than these, where the reader can: a
     * file, and where idle is NULL a pipe whose bytes are as they are. */
    unsigned threads;
    bool same_batches;    /* batches end where they do with one thread */
    const char *encoding; /* of the streams, a name of iconv's; NULL: UTF-16 and UTF-32 where a
                             byte order mark says so, else bytes as they are. Borrowed */
    /*
     * Called before a read that would wait, to wait itself or do what is due meanwhile; NULL:
     * nothing is. In the caller's thread. <0 with err ends the reading with that.
     */
    int (*idle)(void *ctx, struct sfx_input *in, struct sfx_err *err);
    void *idle_ctx;
};

struct sfx_records;

/* Errors: NULL, NOMEM. */
struct sfx_records *sfx_records_new(const struct sfx_records_opts *opts, struct sfx_err *err);

/* Goes on with the streams of in (taken); the input before it is closed. in: NULL: of none. */
void sfx_records_take(struct sfx_records *r, struct sfx_input *in);

/*
 * Goes to the next stream and finds its format: 1; 0 when the operand has no more. Errors: INPUT
 * (damaged, or clearly no records), USAGE (a format that cannot be read), LIMIT, IO.
 */
int sfx_records_next_stream(struct sfx_records *r, struct sfx_err *err);

/* The next _open reads from source (copied; its ctx borrowed) instead of the operand's stream,
 * whose names it keeps; NULL: it does not. */
void sfx_records_read_from(struct sfx_records *r, const struct sfx_byte_source *source);

/* Puts a reader on the stream. Errors: NOMEM, what the reader says. */
int sfx_records_open(struct sfx_records *r, struct sfx_batch *batch, struct sfx_err *err);

/*
 * Between _open and the first _read: sets batch's columns (1), or 0 when they are known only with
 * the records. Errors: as of _read.
 */
int sfx_records_begin(struct sfx_records *r, struct sfx_batch *batch, struct sfx_err *err);

/* After a _begin that gave 1: which columns are looked at, see sfx_reader_ops.want. */
int sfx_records_want(struct sfx_records *r, const bool *wanted, struct sfx_err *err);

/* Fills batch as sfx_reader_ops.read does: 1; 0 at the end of the stream. */
int sfx_records_read(struct sfx_records *r, struct sfx_batch *batch,
                     const struct sfx_reject_sink *rejects, struct sfx_err *err);

/*
 * What threads do with each batch that they have read, several at the same time: lane, below
 * sfx_records_nlanes, is the batch's until the next _read. To be called before the first _read.
 */
void sfx_records_set_work(struct sfx_records *r,
                          void (*work)(void *ctx, size_t lane, struct sfx_batch *batch), void *ctx);

/* The most batches that are in hand at the same time; 0: nothing is read ahead. */
size_t sfx_records_nlanes(const struct sfx_records *r);

/* After a _read that gave 1: the lane in which the batch was worked on, when the lines of its rows
 * were less by *lines; -1: it was not. */
int sfx_records_lane(const struct sfx_records *r, uint64_t *lines);

/* True when a _read now would wait: the moment to flush output. May wait itself for a thread that
 * reads ahead to know. */
bool sfx_records_would_block(const struct sfx_records *r);

/* Bytes that were read from the operand (stored, not decoded). */
uint64_t sfx_records_nbytes(const struct sfx_records *r);

/* The format of the current stream; NULL: there was none yet. */
const struct sfx_format *sfx_records_format(const struct sfx_records *r);

/* Ends the reading of a stream, of which no more is wanted. */
void sfx_records_pause(struct sfx_records *r);

/* The operand in hand, for its names; for its figures where no stream is being read. Borrowed;
 * NULL: none. */
struct sfx_input *sfx_records_input(const struct sfx_records *r);

/* batch: what was read into, as it borrows from the readers; may be NULL. */
void sfx_records_free(struct sfx_records *r, struct sfx_batch *batch);

/*
 * The format of in's current stream by its name and content (in that encoding; NULL: as above).
 * Errors: INPUT for what has no format's extension and is clearly no records: a known type of file,
 * or zero bytes in what is no UTF-16.
 */
int sfx_records_guess(struct sfx_input *in, const char *encoding, const struct sfx_format **format,
                      struct sfx_err *err);

#endif
