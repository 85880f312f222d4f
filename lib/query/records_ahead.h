/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead: threads fill the next batches, and work on them, while the caller works on the
 * ones before.
 *
 * Contract: the reader was made with sfx_reader_opts.ahead of sfx_relay_nslots. A batch is filled
 * by one thread at a time; whoever has filled it works on it. What the reader refuses is handed on
 * in the caller's thread, before the batch behind it, and batches come in their order, so that
 * nothing depends on who was faster. The reader is the threads' from the first _read to the end of
 * the stream or _stop.
 */
#ifndef SFX_QUERY_RECORDS_AHEAD_H
#define SFX_QUERY_RECORDS_AHEAD_H

#include "base/relay.h"
#include "record/format.h"

/* A thread costs some 50 µs: this many bytes take ten times that. */
#define SFX_AHEAD_MIN_NBYTES ((uint64_t)1 << 20)

/* What any of the threads or the caller may do with a batch before it is handed over, for several
 * batches at the same time; lane tells them apart. */
struct sfx_batch_work {
    void (*run)(void *ctx, size_t lane, struct sfx_batch *batch); /* NULL: nothing is done */
    void *ctx;
};

struct sfx_ahead;

/* On relay's threads (borrowed), which has nslots. Errors: NULL, NOMEM. */
struct sfx_ahead *sfx_ahead_new(struct sfx_relay *relay, size_t nslots, struct sfx_err *err);

/* Sets what is done with batches, in lanes below sfx_relay_nslots: to be called while nothing is
 * read. caller_reads: the source does not wait, so that the caller may read, too. */
void sfx_ahead_set_work(struct sfx_ahead *ahead, const struct sfx_batch_work *work,
                        bool caller_reads);

/* As sfx_reader_ops.read of reader, whose next batches are read at once; batch is swapped with the
 * one that was filled, and stays as it is until the next _read. *lane is its lane's; NULL: nobody
 * asks. */
int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch, size_t *lane,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* Ends the reading: what was filled and not taken is forgotten, the reader is the caller's. */
void sfx_ahead_stop(struct sfx_ahead *ahead);

/* NULL does nothing. */
void sfx_ahead_free(struct sfx_ahead *ahead);

#endif
