/* SPDX-License-Identifier: MIT */
/*
 * The command of a function: arguments and environment for an event.
 *
 * Contract: what is rendered lives in the caller's arena. Variables of ours that begin with SFX_ or
 * CE_ are never passed on; what is longer than 32 KiB (execve takes 128) is left out.
 */
#ifndef SFX_FUNCTION_COMMAND_H
#define SFX_FUNCTION_COMMAND_H

#include "base/arena.h"
#include "cli/template.h"
#include "event/event.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_command;

struct sfx_command_opts {
    const char *const *argv; /* with placeholders */
    size_t argc;
    const char *cwd;            /* with placeholders; NULL: ours */
    const char *const *environ; /* ours */
    bool own_tmp;               /* TMPDIR is set for each: ours is not passed on */
    bool clean_env;             /* of it only PATH, HOME, USER, LANG, LC_*, TZ, TMPDIR, SHELL */
    const char *const *env;     /* NAME=VALUE, or NAME: kept by clean_env */
    size_t nenv;
};

/* Errors: NULL; USAGE (a placeholder), NOMEM. The options are borrowed. */
struct sfx_command *sfx_command_new(const struct sfx_command_opts *opts, struct sfx_err *err);
void sfx_command_free(struct sfx_command *command);

/* What an invocation is beside its event. */
struct sfx_command_facts {
    const struct sfx_event *event; /* NULL: none: resident, or many */
    int64_t number;                /* {n} */
    const char *request_id;        /* NULL: no invocation */
    const char *traceparent;
    uint64_t attempt;    /* from 1 */
    size_t nevents;      /* of a batch */
    int64_t deadline_ms; /* wall clock; 0: none */
    const char *function;
    const char *instance; /* NULL: none any more */
};

struct sfx_command_words {
    const char *file; /* found by PATH */
    char **argv, **envp;
    const char *cwd; /* NULL: ours */
};

/* extra: more variables, ended by NULL; or NULL. Errors: INPUT (a value is unknown), NOMEM; IO with
 * ENOENT or EACCES: the program cannot be found or run. */
int sfx_command_render(struct sfx_command *command, const struct sfx_command_facts *facts,
                       const char *const *extra, struct sfx_arena *arena,
                       struct sfx_command_words *words, struct sfx_err *err);

/* Finds the program now when its name has no placeholder: a misspelt command should fail before the
 * first event. Errors: IO with ENOENT or EACCES, its text begins with "cannot run". */
int sfx_command_check(struct sfx_command *command, struct sfx_err *err);

/* A text made of an event: keys of lanes. Errors: as _render. */
int sfx_command_text(const struct sfx_template *t, const struct sfx_command_facts *facts,
                     struct sfx_arena *arena, struct sfx_buf *out, struct sfx_err *err);

/* What a replay needs, as JSON appended to out: {"argv":[…],"cwd":…,"env":{…},"inherits":…}. What
 * was inherited is left out, for it may hold secrets, unless clean_env chose it: `inherits` says
 * that it is. Errors: as _render; IO (the folder is gone). */
int sfx_command_record(struct sfx_command *command, const struct sfx_command_facts *facts,
                       struct sfx_arena *arena, struct sfx_buf *out, struct sfx_err *err);

#endif
