/* SPDX-License-Identifier: MIT */
/*
 * Reading ahead: a thread fills the next batches while the caller works on the ones before.
 *
 * Contract: the reader was made with sfx_reader_opts.ahead of SFX_AHEAD_BATCHES. One batch is with
 * the caller, the others wait in a ring; _read swaps the caller's with the oldest. What the reader
 * refuses is handed on in the caller's thread, before the batch behind it, so that nothing depends
 * on who was faster. The reader is the thread's from the first _read to the end of the stream or
 * _stop.
 */
#ifndef SFX_QUERY_RECORDS_AHEAD_H
#define SFX_QUERY_RECORDS_AHEAD_H

#include "record/format.h"

/* Deep enough to even out that every other batch waits for a block, while all of it fits L2. */
#define SFX_AHEAD_BATCHES 4

/* A thread costs some 50 µs: this many bytes take ten times that. */
#define SFX_AHEAD_MIN_NBYTES ((uint64_t)1 << 20)

struct sfx_ahead;

/* Starts the thread. Errors: NULL, NOMEM, IO (no more threads, no descriptor). */
struct sfx_ahead *sfx_ahead_new(struct sfx_err *err);

/* As sfx_reader_ops.read of reader, whose next batches are read at once; batch is swapped with the
 * one that the thread has filled. */
int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* For the reader's source, in the thread: waits until fd can be read. Errors: TEMPORARY when _stop
 * ends the wait. */
int sfx_ahead_wait(struct sfx_ahead *ahead, int fd, struct sfx_err *err);

/* After a _read: true when all that was read has been taken and the thread is in _wait. Returns
 * when that is known. */
bool sfx_ahead_is_waiting(struct sfx_ahead *ahead);

/* Waits for the batch in work, unless it is in _wait, and forgets all that were filled: the reader
 * is the caller's. */
void sfx_ahead_stop(struct sfx_ahead *ahead);

/* Ends the thread. NULL does nothing. */
void sfx_ahead_free(struct sfx_ahead *ahead);

#endif
