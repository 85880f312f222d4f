/* SPDX-License-Identifier: MIT */
/* Whole reads and writes on descriptors: EINTR, short transfers and non-blocking pipes handled. */
#ifndef SFX_BASE_IO_H
#define SFX_BASE_IO_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Reads up to cap bytes. Returns the bytes read, 0 at the end, <0 on failure. Errors: IO. */
ssize_t sfx_io_read(int fd, void *ptr, size_t cap, struct sfx_err *err);

/*
 * Copies the first bytes that a read would give, up to cap, and leaves them to be read: of a
 * regular file, a pipe (waiting for its first bytes) or a socket. Returns how many; <0 where that
 * cannot be done. Errors: IO.
 */
ssize_t sfx_io_peek(int fd, void *ptr, size_t cap, struct sfx_err *err);

/* A file without a name in the folder dir, read-write, close-on-exec: for what must wait on disk.
 * Returns the descriptor. Errors: IO. */
int sfx_io_unnamed(const char *dir, struct sfx_err *err);

/* Writes all len bytes. Errors: IO (EPIPE included: a program that leaves SIGPIPE alone never sees
 * it). */
int sfx_io_write(int fd, const void *ptr, size_t len, struct sfx_err *err);

/* Writes all of count pieces, in order; the array is used up. Errors: IO. */
int sfx_io_writev(int fd, struct iovec *iov, size_t count, struct sfx_err *err);

/* Closes *fd when it is not -1 and makes it -1. A failed close is a failed write. Errors: IO. */
int sfx_io_close(int *fd, struct sfx_err *err);

#endif
