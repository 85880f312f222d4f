/* SPDX-License-Identifier: MIT */
/* Loops between descriptors and queues: lines into a queue, a queue into another or into a pipe. */
#ifndef SFX_QUEUE_FEED_H
#define SFX_QUEUE_FEED_H

#include "cli/log.h"
#include "queue/intake.h"

struct sfx_feed_opts {
    enum sfx_intake_kind kind;
    bool nul;        /* paths end with a NUL byte */
    const char *key; /* attribute that is the lane, NULL: none */
    int64_t delay_ms;
    const struct sfx_log *log;         /* told of lines that are refused; may be NULL */
    const volatile sig_atomic_t *stop; /* may be NULL */
};

struct sfx_feed_counts {
    uint64_t read, put, duplicates, failed;
};

/*
 * Puts what fd gives, in groups of what is there at once, at most 1000. Returns 0, or 1 when some
 * lines were refused. counts is filled in any case. Errors: as _put; reading.
 */
int sfx_queue_feed(struct sfx_queue *q, int fd, const struct sfx_feed_opts *opts,
                   struct sfx_feed_counts *counts, struct sfx_err *err);

struct sfx_pump_opts {
    bool once;             /* end when nothing is ready */
    int64_t visible_ms;    /* of leases */
    uint32_t max_attempts; /* as in a lease */
    const volatile sig_atomic_t *stop;
    /* For a pump in a thread, _out only: */
    const volatile sig_atomic_t
        *last;   /* becomes non-zero: from now on as with `once`; may be NULL */
    int wake_fd; /* an eventfd(2) that says that one of the two has become; 0: none */
};

/*
 * Moves events from one queue into another: put there, then acknowledged here; a repetition is
 * known there by its id. *moved counts them.
 */
int sfx_queue_pump(struct sfx_queue *from, struct sfx_queue *to, const struct sfx_pump_opts *opts,
                   uint64_t *moved, struct sfx_err *err);

/*
 * Writes events as lines to fd (see sfx_queue_event_line) under leases that it keeps up while they
 * are unanswered, for programs behind the pipe to acknowledge. With once it ends when everything
 * that it gave out is answered, or the reader has gone.
 */
int sfx_queue_pump_out(struct sfx_queue *from, int fd, const struct sfx_pump_opts *opts,
                       uint64_t *moved, struct sfx_err *err);

#endif
