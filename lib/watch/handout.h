/* SPDX-License-Identifier: MIT */
/*
 * Printing what is in a queue, beside putting more into it.
 *
 * Contract: a thread with a connection of its own gives events out into a pipe under leases that it
 * keeps up (see sfx_queue_pump_out), so that a slow reader holds nothing back from the queue. What
 * was not acknowledged when it ends is ready again for whoever comes next. One of them a process.
 */
#ifndef SFX_WATCH_HANDOUT_H
#define SFX_WATCH_HANDOUT_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>

struct sfx_handout;

/* Begins to print the queue uri (borrowed), which is there, to fd; *stop (may be NULL) ends it.
 * Errors: NULL; as sfx_queue_open; TEMPORARY (no thread). */
struct sfx_handout *sfx_handout_new(const char *uri, int fd, const volatile sig_atomic_t *stop,
                                    struct sfx_err *err);

/* Errors: when it has failed, why. */
int sfx_handout_check(struct sfx_handout *h, struct sfx_err *err);

/*
 * Ends it and frees h: with drain when all was given out and answered, or the reader is gone.
 * Errors: why it failed; err is filled in any case, its errnum is EPIPE when the reader was gone.
 */
int sfx_handout_end(struct sfx_handout *h, bool drain, struct sfx_err *err);

#endif
