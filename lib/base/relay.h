/* SPDX-License-Identifier: MIT */
/*
 * Jobs of several threads that begin one after the other, go on at the same time, and are taken in
 * the order in which they began.
 *
 * Contract: a job has a slot, and begins when nobody else's does: what it does then sees all that
 * the jobs before it began with. The rest of it is done by the same thread, beside the others'. The
 * caller takes the jobs in their order, so that nothing depends on who was faster. One thread
 * calls; it works, too, when the job that it wants is not done and caller_helps says that it may.
 */
#ifndef SFX_BASE_RELAY_H
#define SFX_BASE_RELAY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sfx_relay_jobs {
    bool (*begin)(void *ctx, size_t slot); /* false: none comes behind this job */
    void (*work)(void *ctx, size_t slot);
    void *ctx;
    bool caller_helps; /* no _begin waits for long */
};

#define SFX_RELAY_MAX_SLOTS 32

struct sfx_relay;

/* Slots with so many threads, the caller's included: each thread has one in hand, and one behind
 * it. */
size_t sfx_relay_nslots(unsigned threads);

/* Starts threads - 1 threads, at most as many as there are slots for. Errors: NULL, NOMEM, IO (no
 * more threads, no descriptor). */
struct sfx_relay *sfx_relay_new(unsigned threads, struct sfx_err *err);

/* Lets jobs begin, in slots from 0 on, unless some are on their way. jobs is copied. */
void sfx_relay_start(struct sfx_relay *relay, const struct sfx_relay_jobs *jobs);

/* The slot of the next job, once it is done: the caller's until the next _next, _start or _stop. To
 * be called only while there is one. */
size_t sfx_relay_next(struct sfx_relay *relay);

/* Within a _begin: waits until fd can be read. Errors: TEMPORARY when _stop ends the wait; IO. */
int sfx_relay_wait(struct sfx_relay *relay, int fd, struct sfx_err *err);

/* True when all jobs were taken and the next one is in _wait. Returns when that is known. */
bool sfx_relay_is_waiting(struct sfx_relay *relay);

/* Lets no more jobs begin, waits for those at work, and forgets what was not taken. */
void sfx_relay_stop(struct sfx_relay *relay);

/* Stops, and ends the threads. NULL does nothing. */
void sfx_relay_free(struct sfx_relay *relay);

#endif
