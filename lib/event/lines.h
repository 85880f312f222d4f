/* SPDX-License-Identifier: MIT */
/*
 * Lines of an event pipe: handed out as soon as they arrive, of bounded length, and a wait for more
 * that a signal's flag ends.
 *
 * Contract: {0} is valid for _done. Lines are borrowed until the next call. Memory is one buffer of
 * the longest line. Not safe for two threads at once.
 */
#ifndef SFX_EVENT_LINES_H
#define SFX_EVENT_LINES_H

#include "base/err.h"
#include "base/slice.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct sfx_lines {
    int fd;         /* borrowed */
    int out_fd;     /* where results go, borrowed; -1: nowhere. Set after _init */
    char delimiter; /* '\n'; names may end with '\0'. Set after _init */
    const volatile sig_atomic_t *stop; /* non-zero: no more lines; may be NULL */
    uint64_t number;                   /* of the last line, from 1 */
    uint64_t offset;                   /* of its first byte */
    /* private: */
    char *data; /* owned */
    size_t cap; /* longest line and its '\n' */
    size_t start, searched, end;
    uint64_t start_offset; /* of data[start] */
    bool skipping;         /* the rest of a line that was too long */
    bool at_end;           /* nothing more will come */
};

/* Starts. max_nbytes (>= 1): longest line without its end. Errors: NOMEM. */
int sfx_lines_init(struct sfx_lines *lines, int fd, size_t max_nbytes,
                   const volatile sig_atomic_t *stop, struct sfx_err *err);

/*
 * The next line, without its '\n' (one "\r" before it is part of the line); the last needs none.
 * Returns 1; 0 at the end or when *stop is set; LIMIT when the line is too long: *line then is its
 * beginning, its rest will be skipped, and the next call goes on behind it. A reader of out_fd that
 * went away while there was nothing to write is noticed: IO with EPIPE. Errors: LIMIT, IO.
 */
int sfx_lines_next(struct sfx_lines *lines, struct sfx_slice *line, struct sfx_err *err);

/* True when the next call of _next will not wait. */
bool sfx_lines_held(const struct sfx_lines *lines);

/*
 * The two halves of _next, for who waits himself: _take gives a line that was read already (1,
 * LIMIT as above; 0: none, lines->at_end says whether there will be one); _read reads once, when
 * _take gave none (1; 0 at the end of the input). Errors: LIMIT; IO.
 */
int sfx_lines_take(struct sfx_lines *lines, struct sfx_slice *line, struct sfx_err *err);
int sfx_lines_read(struct sfx_lines *lines, struct sfx_err *err);

/* Frees. The descriptor stays the caller's. */
void sfx_lines_done(struct sfx_lines *lines);

#endif
