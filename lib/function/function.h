/* SPDX-License-Identifier: MIT */
/*
 * Functions: any program run for each event, as a function platform does it.
 *
 * Contract: events come from a source (a pipe of lines, a queue), wait in a scheduler, and are
 * carried out by a carrier: a process for each invocation, resident processes, or runtimes of the
 * Lambda API. What becomes of an event after that is decided by the rules of function/retry.h.
 * Everything happens on the caller's thread, in one event loop. While it runs SIGPIPE is held back,
 * and processes whose parents ended become children of ours (PR_SET_CHILD_SUBREAPER): none is left
 * behind.
 */
#ifndef SFX_FUNCTION_FUNCTION_H
#define SFX_FUNCTION_FUNCTION_H

#include "cli/log.h"
#include "function/meter.h"
#include "function/retry.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sfx_carrier_kind {
    SFX_CARRIER_SPAWN,  /* a process for each invocation */
    SFX_CARRIER_WORKER, /* resident: a line in, a line out */
    SFX_CARRIER_LAMBDA, /* resident: a runtime that asks for its invocations, see lambda_api.c */
};

/* One function. Texts are borrowed while it runs. Times 0 and numbers 0 are "no limit" where not
 * said otherwise. */
struct sfx_function_opts {
    const char *name;        /* in logs and totals; NULL: the command's own */
    const char *const *argv; /* program and arguments, with placeholders */
    size_t argc;             /* at least 1 */
    enum sfx_carrier_kind carrier;
    /* where events come from and go to */
    const char *from; /* queue's URI; NULL: in_fd */
    const char *dead; /* dead letters: a queue, or a file of JSON Lines; NULL: the source's own */
    bool lines;       /* every line is text, also one that looks like an event */
    bool emit;        /* standard output is result events */
    bool once;        /* a queue ends when it is empty */
    bool durable;     /* what was done in queues survives the loss of power */
    size_t max_line_nbytes; /* of an event; 0: 64 KiB */
    /* scheduling */
    uint64_t min, max; /* instances; max >= 1 */
    int64_t idle_ns;   /* -1: 60 s */
    struct sfx_retry_policy retry;
    uint64_t batch;      /* events for an invocation; 0 and 1: one */
    int64_t window_ns;   /* to wait for a full batch */
    size_t batch_nbytes; /* 0: 256 KiB */
    bool partial, bisect;
    const char *key; /* template: events that give the same text are done one after another; NULL */
    double rate, burst;
    uint64_t breaker;
    int64_t breaker_ns;
    /* limits of an invocation */
    int64_t timeout_ns, grace_ns;
    uint64_t memory_nbytes;
    size_t output_nbytes;
    size_t stderr_nbytes;      /* kept of standard error for logs and dead letters */
    double cpus;               /* of processors; 0: no limit */
    int64_t cpu_ns;            /* CPU time of a process */
    uint64_t files, processes; /* open at once */
    /* surroundings */
    const char *user, *cwd; /* cwd is a template */
    bool clean_env;
    bool sandbox;                   /* it may write only what is allowed, and has no network */
    const char *const *allow_read;  /* paths: with any, of the rest only the system's own */
    const char *const *allow_write; /* paths */
    size_t nallow_read, nallow_write;
    bool allow_network;
    const char *const *env; /* NAME=VALUE, or NAME: taken over by clean_env */
    size_t nenv;
    /* figures */
    bool report; /* START, END, REPORT lines as Lambda writes them */
};

struct sfx_functions_opts {
    const char *program;        /* "sfx-run" */
    const char *const *environ; /* ours, ended by NULL */
    int in_fd, out_fd, err_fd;
    uint64_t max;                      /* instances of all functions; 0: their own limits only */
    int64_t drain_ns;                  /* how long what runs may go on after *stop */
    const struct sfx_log *log;         /* may be NULL */
    const volatile sig_atomic_t *stop; /* non-zero: finish what runs, then end; may be NULL */
    bool (*until)(
        void *ctx); /* asked about once a second, true ends it as *stop does; may be NULL */
    void *until_ctx;
    const struct sfx_price *price; /* NULL: no costs in the reports */
    const char *metrics;           /* file, or unix:PATH; NULL: none */
    const char *trace;             /* file of OTLP JSON lines; NULL: none */
};

/*
 * Runs functions until their sources end or *stop is set. totals has a place for each. Returns 0; 1
 * when events were given up; <0 when it could not go on. Errors: USAGE; UNSUPPORTED (a limit that
 * cannot be set here); IO with ENOENT or EACCES and a text that begins with "cannot run" when a
 * command cannot be found or run; TEMPORARY, NOMEM.
 */
int sfx_functions_run(const struct sfx_functions_opts *opts,
                      const struct sfx_function_opts *functions, size_t count,
                      struct sfx_function_totals *totals, struct sfx_err *err);

#endif
