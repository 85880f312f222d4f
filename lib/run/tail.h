/* SPDX-License-Identifier: MIT */
/*
 * The end of an input that grows: bytes as they are appended, until the run is told to stop, and
 * from where the last run came to.
 *
 * Contract: what has no line end yet when the reading stops is not a record yet: the reader is then
 * told TEMPORARY instead of an end, after it has handed on what is complete. A file that is
 * replaced under its name (rotated) is read to its end; one that is cut is read anew. One thread.
 */
#ifndef SFX_RUN_TAIL_H
#define SFX_RUN_TAIL_H

#include "archive/input.h"
#include "record/format.h"

#include <signal.h>
#include <sys/stat.h>

enum sfx_tail_end {
    SFX_TAIL_OPEN,    /* it may have more */
    SFX_TAIL_STOPPED, /* the run is to end; or the file's end, when it is not followed */
    SFX_TAIL_ROTATED, /* another file has its name, or it was cut: it can be opened again */
};

struct sfx_tail {
    struct sfx_input *in;                        /* borrowed */
    const volatile sig_atomic_t *stop;           /* may be NULL */
    bool follow;                                 /* wait for more at the end of a file */
    int (*tick)(void *ctx, struct sfx_err *err); /* called before each wait; may be NULL */
    void *tick_ctx;
    enum sfx_tail_end end;
    /* A plain file: */
    int fd; /* borrowed; -1: it is none, and must not be read */
    struct stat st;
    uint64_t pos;     /* of the next byte */
    uint64_t head;    /* after this many bytes … */
    uint64_t skip_to; /* … it goes on here; 0: it does not skip */
    int inotify_fd;   /* -1: polls */
};

/*
 * Begins with in's current stream. head, skip_to: see above. {0} must not be used before. Errors:
 * IO.
 */
int sfx_tail_init(struct sfx_tail *tail, struct sfx_input *in, struct sfx_err *err);

/* For sfx_byte_source. */
ssize_t sfx_tail_read(void *tail, void *ptr, size_t cap, struct sfx_err *err);
bool sfx_tail_would_block(void *tail);

/* Waits until path can be opened (1) or stop is set (0). */
int sfx_tail_wait_for(const char *path, const volatile sig_atomic_t *stop);

void sfx_tail_done(struct sfx_tail *tail);

#endif
