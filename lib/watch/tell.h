/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the events of a watch: they are printed, or handed over to a queue, and then they
 * count as told (see sfx_watch_commit).
 */
#ifndef SFX_WATCH_TELL_H
#define SFX_WATCH_TELL_H

#include "watch/watch.h"

struct sfx_tell_opts {
    const char *to;      /* queue: instead of printing; NULL: none */
    bool durable;        /* of the queue */
    bool print;          /* with `to`: print what is in the queue, under leases (see handout.h) */
    const char *format;  /* a line's text, with placeholders; NULL: events */
    char end;            /* of a line of `format` */
    uint64_t max_events; /* 0: no limit */
    int fd;              /* to print to */
};

struct sfx_tell_stats {
    struct sfx_watch_stats watch;
    uint64_t put, known; /* of a queue: events that it took, and that it had */
    bool reader_gone;
};

/*
 * Watches until the end, as sfx_watch_next has it. watch: reader_fd, idle and idle_ctx are set
 * here. stats are filled in any case. Errors: USAGE (a placeholder; no queue); as sfx_watch_new and
 * _next, sfx_queue_put; IO of fd.
 */
int sfx_tell(struct sfx_watch_opts *watch, const struct sfx_tell_opts *opts,
             struct sfx_tell_stats *stats, struct sfx_err *err);

#endif
