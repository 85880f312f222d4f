/* SPDX-License-Identifier: MIT */
/*
 * The event loop: descriptors and timers, on one thread.
 *
 * Contract: watches and timers are the caller's storage and must be removed before it goes away;
 * both may be removed, also others than itself, while one of them is being called. Callbacks report
 * failures by their own means. Not safe for two threads at once.
 */
#ifndef SFX_FUNCTION_LOOP_H
#define SFX_FUNCTION_LOOP_H

#include "base/err.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct sfx_loop;

struct sfx_loop_watch {
    int fd; /* borrowed; set by _add */
    void (*ready)(void *ctx, uint32_t events);
    void *ctx;
};

struct sfx_loop_timer {
    void (*due)(void *ctx);
    void *ctx;
    int64_t at_ns; /* monotonic; read-only */
    size_t place;  /* private; 0: not set */
};

/* Errors: NULL; IO, NOMEM. */
struct sfx_loop *sfx_loop_new(struct sfx_err *err);
void sfx_loop_free(struct sfx_loop *loop);

/* Watches fd for events (EPOLLIN, …). Errors: IO (EPERM: a file that is always ready), NOMEM. */
int sfx_loop_add(struct sfx_loop *loop, struct sfx_loop_watch *watch, int fd, uint32_t events,
                 struct sfx_err *err);

/* Changes what a watch waits for. */
void sfx_loop_change(struct sfx_loop *loop, struct sfx_loop_watch *watch, uint32_t events);

/* Ends a watch; one that is not watched (ready NULL) is left alone. Call it before closing fd. */
void sfx_loop_remove(struct sfx_loop *loop, struct sfx_loop_watch *watch);

/* Sets a timer to a monotonic time, also one that is set already. Errors: NOMEM. */
int sfx_loop_set(struct sfx_loop *loop, struct sfx_loop_timer *timer, int64_t at_ns,
                 struct sfx_err *err);
void sfx_loop_unset(struct sfx_loop *loop, struct sfx_loop_timer *timer);

/*
 * Waits for what comes first, at most until at_ns (-1: no limit), and calls what is ready. Returns
 * early when *stop (may be NULL) has another value than seen: no signal is slept through. Errors:
 * IO.
 */
int sfx_loop_step(struct sfx_loop *loop, int64_t at_ns, const volatile sig_atomic_t *stop,
                  sig_atomic_t seen, struct sfx_err *err);

#endif
