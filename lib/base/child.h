/* SPDX-License-Identifier: MIT */
/*
 * A forked child that serves its parent over a channel of messages, which may carry descriptors.
 *
 * Contract: the child has the parent's memory as it stood, no descriptor but the channel and
 * standard error, no signals (all are blocked), and ends when the parent ends, however that
 * happens. It must be started while the process has one thread. Messages are kept apart and in
 * order, at most SFX_CHANNEL_MAX_NBYTES each.
 */
#ifndef SFX_BASE_CHILD_H
#define SFX_BASE_CHILD_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define SFX_CHANNEL_MAX_NBYTES 65536

struct sfx_child {
    pid_t pid; /* 0: none */
    int fd;    /* the parent's end of the channel; -1: none */
};

/*
 * Forks. The child calls serve(ctx, fd) with its end of the channel and then ends with what that
 * returns, 0 to 255. Errors: IO, NOMEM; child is then empty.
 */
int sfx_child_start(struct sfx_child *child, int (*serve)(void *ctx, int fd), void *ctx,
                    struct sfx_err *err);

/*
 * Closes the channel, which asks the child to end, and waits for it. status (may be NULL) gets what
 * waitpid(2) says. An empty child is fine.
 */
void sfx_child_end(struct sfx_child *child, int *status);

/* Kills the child at once, then as _end. */
void sfx_child_kill(struct sfx_child *child, int *status);

/* CPU time that the child has used, in nanoseconds; 0 when that is not known. */
int64_t sfx_child_cpu_ns(const struct sfx_child *child);

/* Sends the count pieces as one message, with the descriptor pass (-1: none; stays the caller's).
 * Errors: IO (EPIPE: the other end is gone). */
int sfx_channel_send(int fd, const struct iovec *iov, size_t count, int pass, struct sfx_err *err);

/*
 * Waits for a message. Returns its length; 0 when the other end is gone. *passed gets the
 * descriptor that came with it (close-on-exec, the caller's), or -1. Errors: IO; INPUT for a
 * message of more than cap bytes.
 */
ssize_t sfx_channel_receive(int fd, void *ptr, size_t cap, int *passed, struct sfx_err *err);

#endif
