/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead: threads fill the next batches, and work on them, while the caller works on the
 * ones before.
 *
 * Contract: the reader was made with sfx_reader_opts.ahead of sfx_ahead_batches. One batch is with
 * the caller, the others wait in a ring of as many slots; _read swaps the caller's with the oldest.
 * What the reader refuses is handed on in the caller's thread, before the batch behind it, and
 * batches come in their order, so that nothing depends on who was faster. The reader is the
 * threads' from the first _read to the end of the stream or _stop.
 */
#ifndef SFX_QUERY_RECORDS_AHEAD_H
#define SFX_QUERY_RECORDS_AHEAD_H

#include "record/format.h"

/* Batches in hand with so many threads, the caller's included: deep enough to even out that every
 * other batch waits for a block, while those of two threads fit L2. */
size_t sfx_ahead_batches(unsigned threads);

/* A thread costs some 50 µs: this many bytes take ten times that. */
#define SFX_AHEAD_MIN_NBYTES ((uint64_t)1 << 20)

struct sfx_ahead;

/* Starts threads - 1 threads, 15 at most. Errors: NULL, NOMEM, IO (no more threads, no descriptor).
 */
struct sfx_ahead *sfx_ahead_new(unsigned threads, struct sfx_err *err);

/*
 * What is done with each batch before _read hands it over, by any of the threads or the caller, for
 * several batches at the same time: slot, below sfx_ahead_batches, is the batch's until the next
 * _read. To be set while nothing is read; NULL: nothing is done. caller_reads: the source does not
 * wait, so that the caller may read, too.
 */
void sfx_ahead_set_work(struct sfx_ahead *ahead,
                        void (*work)(void *ctx, size_t slot, struct sfx_batch *batch), void *ctx,
                        bool caller_reads);

/* As sfx_reader_ops.read of reader, whose next batches are read at once; batch is swapped with the
 * one that a thread has filled. *slot is set to the batch's; NULL: nobody asks. */
int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch, size_t *slot,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* For the reader's source, in the thread that reads: waits until fd can be read. Errors: TEMPORARY
 * when _stop ends the wait. */
int sfx_ahead_wait(struct sfx_ahead *ahead, int fd, struct sfx_err *err);

/* After a _read: true when all that was read has been taken and the reader is in _wait. Returns
 * when that is known. */
bool sfx_ahead_is_waiting(struct sfx_ahead *ahead);

/* Waits for batches in work, unless the reader is in _wait, and forgets all that were filled: the
 * reader is the caller's. */
void sfx_ahead_stop(struct sfx_ahead *ahead);

/* Ends the threads. NULL does nothing. */
void sfx_ahead_free(struct sfx_ahead *ahead);

#endif
