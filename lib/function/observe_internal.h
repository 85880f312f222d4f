/* SPDX-License-Identifier: MIT */
/* The inside of an observer: observe.c (log, reports, traces), metrics.c. */
#ifndef SFX_FUNCTION_OBSERVE_INTERNAL_H
#define SFX_FUNCTION_OBSERVE_INTERNAL_H

#include "function/function_internal.h"

struct sfx_observer {
    struct sfx_runner *runner;
    struct sfx_buf line;
    int trace_fd;  /* -1: none */
    int listen_fd; /* of metrics on a socket; -1: none */
    struct sfx_loop_watch listen_watch;
    struct sfx_loop_timer write_timer; /* of metrics in a file */
};

/* Where --metrics says: a file, written anew every few seconds and at the end, or a local socket.
 * Errors: IO, NOMEM. */
int sfx_metrics_open(struct sfx_observer *o, struct sfx_err *err);
int sfx_metrics_close(struct sfx_observer *o, struct sfx_err *err);

#endif
