/* SPDX-License-Identifier: MIT */
/*
 * What an invocation may use: resource limits of its processes and, where the machine lets us,
 * control groups (v2 or v1), which hold for all of them together.
 *
 * Contract: every instance that needs one has a group of its own from a pool; groups are made below
 * the one we are in, and removed at the end.
 */
#ifndef SFX_FUNCTION_LIMITS_H
#define SFX_FUNCTION_LIMITS_H

#include "cli/log.h"
#include "function/function.h"
#include "function/process.h"

struct sfx_limits;

/* Reads what opts limits. Says in the log when a limit can only be kept by rlimits. Errors: NULL;
 * USAGE (no such user), UNSUPPORTED (a limit that cannot be kept here), IO, NOMEM. */
struct sfx_limits *sfx_limits_new(const struct sfx_function_opts *opts, const struct sfx_log *log,
                                  struct sfx_err *err);
void sfx_limits_free(struct sfx_limits *limits);

/* What holds for every process. Borrowed. */
const struct sfx_process_rules *sfx_limits_rules(const struct sfx_limits *limits);

/* Takes a group: its place, -1 when groups are not used. fds are filled for struct
 * sfx_process_start. Errors: IO, NOMEM. */
int sfx_limits_acquire(struct sfx_limits *limits, int *place, int fds[SFX_PROCESS_NCGROUPS],
                       struct sfx_err *err);

/* Kills what is left in a group and gives it back; place -1 does nothing. */
void sfx_limits_release(struct sfx_limits *limits, int place);

/* Kills all in a group. */
void sfx_limits_kill(struct sfx_limits *limits, int place);

/* The group's peak memory in bytes since it was taken, -1 unknown; *oom: its limit killed. */
int64_t sfx_limits_peak(struct sfx_limits *limits, int place, bool *oom);

#endif
