/* SPDX-License-Identifier: MIT */
/* The commands of sfx-queue, but for running a function again. */
#ifndef SFX_QUEUE_COMMANDS_H
#define SFX_QUEUE_COMMANDS_H

#include "cli/log.h"
#include "queue/queue.h"

enum sfx_queue_command {
    SFX_QUEUE_C_PUT,
    SFX_QUEUE_C_LIST,
    SFX_QUEUE_C_SHOW,
    SFX_QUEUE_C_ACK,
    SFX_QUEUE_C_RETRY,
    SFX_QUEUE_C_REPLAY,
    SFX_QUEUE_C_DEAD,
    SFX_QUEUE_C_HISTORY,
    SFX_QUEUE_C_STATS,
    SFX_QUEUE_C_TOP,
    SFX_QUEUE_C_METER,
    SFX_QUEUE_C_PUMP,
    SFX_QUEUE_C_PURGE,
};

/* What the command line says; all zero is the default. See sfx-queue(1). */
struct sfx_queue_words {
    int as; /* enum sfx_intake_kind */
    bool zero;
    const char *key;
    int64_t delay_ns, retention_ns;
    bool durable;
    int state; /* 0: any; else enum sfx_queue_state and 1 */
    const char *match;
    int64_t since_ns, older_ns;
    uint64_t limit, max_attempts;
    bool all, once, json;
    const char *function;
    int64_t every_ns, visible_ns;
};

struct sfx_queue_job {
    struct sfx_queue *q; /* borrowed, as all that is a pointer */
    const struct sfx_queue_words *o;
    char **args; /* after the queue */
    int nargs;
    int in_fd, out_fd;
    const struct sfx_log *log;
    const volatile sig_atomic_t *stop;
    uint64_t count; /* filled: of what the command is about */
    /* private: */
    struct sfx_queue_filter filter;
    struct sfx_buf out;
    bool json;
};

/*
 * Does command. Returns 0, or 1 when some of what it was given could not be done and was logged.
 * Errors: USAGE; INPUT (no such event); as the queue says; IO of the descriptors.
 */
int sfx_queue_command(struct sfx_queue_job *j, enum sfx_queue_command command, struct sfx_err *err);

#endif
