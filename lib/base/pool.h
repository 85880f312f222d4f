/* SPDX-License-Identifier: MIT */
/*
 * A pool of threads for independent jobs.
 *
 * Contract: _submit blocks while `queue_cap` jobs wait, so memory is bounded by the caller's
 * choice. Jobs start in the order they were submitted and end in any order. Jobs must not submit
 * jobs. All signals are blocked in the pool's threads: they stay with the program's main thread.
 */
#ifndef SFX_BASE_POOL_H
#define SFX_BASE_POOL_H

#include "base/err.h"

#include <stddef.h>

struct sfx_pool;

/* Starts nthreads (>= 1) threads; at most queue_cap (>= 1) jobs wait. Returns NULL on NOMEM or IO.
 */
struct sfx_pool *sfx_pool_new(size_t nthreads, size_t queue_cap, struct sfx_err *err);

/* Queues fn(arg); blocks while the queue is full. arg stays the caller's. */
void sfx_pool_submit(struct sfx_pool *pool, void (*fn)(void *arg), void *arg);

/* Waits until every submitted job has ended. */
void sfx_pool_wait(struct sfx_pool *pool);

/* Waits, ends the threads, frees. NULL does nothing. */
void sfx_pool_free(struct sfx_pool *pool);

/* Processors this process may run on, at least 1. */
size_t sfx_pool_ncpus(void);

#endif
