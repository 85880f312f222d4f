/* SPDX-License-Identifier: MIT */
/* From the words of a command line (or of a flow file) to functions: what goes with what, and
 * defaults. */
#ifndef SFX_FUNCTION_WORDS_H
#define SFX_FUNCTION_WORDS_H

#include "base/arena.h"
#include "cli/opt.h"
#include "function/function.h"

/* As they were written; NULL: not given. */
struct sfx_function_words {
    const char *jobs;    /* "8", "2..8" */
    const char *rate;    /* "10/s", "100/m" */
    const char *backoff; /* "1s", "1s..5m" */
    const char *cpus;    /* "0.5" */
    bool worker, lambda;
    uint64_t burst; /* 0: not given */
    struct sfx_opt_list env, allow_read, allow_write;
};

/* A function with its defaults: to be set before options are read into it. */
void sfx_function_defaults(struct sfx_function_opts *o);

/* Reads "MAX" or "MIN..MAX" into o. Errors: USAGE. */
int sfx_function_read_jobs(const char *text, struct sfx_function_opts *o, struct sfx_err *err);

/* Reads words into o, lists into the arena, and checks what is in it. Errors: USAGE, NOMEM. */
int sfx_function_read_words(const struct sfx_function_words *words, struct sfx_arena *arena,
                            struct sfx_function_opts *o, struct sfx_err *err);

#endif
