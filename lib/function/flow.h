/* SPDX-License-Identifier: MIT */
/*
 * Flow files: several functions, each with the options of a command line of its own.
 *
 *     # a comment
 *     [resize]
 *     from = sqlite:images.queue
 *     worker
 *     run = ./resize --to out/ {path}
 *
 * Contract: a section names a function; its lines are long options, `run` is the command. The
 * command is split into words as a shell does it with spaces, quotes and backslashes; nothing is
 * expanded.
 */
#ifndef SFX_FUNCTION_FLOW_H
#define SFX_FUNCTION_FLOW_H

#include "base/arena.h"
#include "function/function.h"

#include <stddef.h>

struct sfx_flow_function {
    const char *name;
    char **options; /* "--name=NAME" and what its lines say, as words of a command line */
    size_t noptions;
    char **command; /* at least one word */
    size_t ncommand;
};

/* All memory is of the arena that it was read into. */
struct sfx_flow {
    struct sfx_flow_function *functions;
    size_t count; /* at least 1 */
};

/* Reads text (borrowed). where names it in errors. Errors: USAGE with where and the line; NOMEM. */
int sfx_flow_parse(const char *text, size_t len, const char *where, struct sfx_arena *arena,
                   struct sfx_flow *flow, struct sfx_err *err);

/* Reads a file of at most 1 MiB. Errors: as _parse; IO, LIMIT. */
int sfx_flow_read(const char *path, struct sfx_arena *arena, struct sfx_flow *flow,
                  struct sfx_err *err);

/* Reads a section into *function (all 0), with memory of the arena. Errors: USAGE, NOMEM. */
typedef int sfx_flow_reader(void *ctx, const struct sfx_flow_function *section,
                            struct sfx_arena *arena, struct sfx_function_opts *function,
                            struct sfx_err *err);

/*
 * Runs the functions of a file, and those it has when it changes: what runs is ended as by
 * *opts->stop first. A file that cannot be read then, or has a mistake, is said in the log, and
 * nothing changes. opts: until and until_ctx are set here. totals: of all functions and files.
 * Returns and errors: as sfx_functions_run; as reading gives them.
 */
int sfx_flow_run(const char *path, struct sfx_functions_opts *opts, sfx_flow_reader *read,
                 void *read_ctx, struct sfx_function_totals *totals, struct sfx_err *err);

#endif
