/* SPDX-License-Identifier: MIT */
/*
 * Control groups, v2 or v1, below the one that we are in: a folder for each function's instance.
 *
 * Contract: a folder is made when it is needed and reused; all are removed by _free, after what is
 * left in them was killed.
 */
#ifndef SFX_FUNCTION_CGROUP_H
#define SFX_FUNCTION_CGROUP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfx_cgroups;

struct sfx_cgroup_limits {
    uint64_t memory_nbytes; /* 0: no limit, as all here */
    double cpus;
    uint64_t processes;
};

/* Which of limits can be kept by groups. Returns NULL when none can (no right to make groups, no
 * controllers): *kept says which can. Errors: none but NOMEM. */
struct sfx_cgroups *sfx_cgroups_new(const struct sfx_cgroup_limits *limits,
                                    struct sfx_cgroup_limits *kept);
void sfx_cgroups_free(struct sfx_cgroups *groups);

/* Takes a group; procs are filled with descriptors of its cgroup.procs, borrowed, -1 beyond them.
 * Returns its place. Errors: IO, NOMEM. */
int sfx_cgroups_take(struct sfx_cgroups *groups, int procs[3], struct sfx_err *err);

/* Kills all in it. */
void sfx_cgroups_kill(struct sfx_cgroups *groups, int place);

/* Kills all in it and gives it back. */
void sfx_cgroups_give(struct sfx_cgroups *groups, int place);

/* Peak memory since it was taken, -1 unknown; *oom: its limit killed since then. */
int64_t sfx_cgroups_peak(struct sfx_cgroups *groups, int place, bool *oom);

#endif
