/* SPDX-License-Identifier: MIT */
/*
 * Starting and ending processes.
 *
 * Contract: a process is started by clone(2) with CLONE_VM and CLONE_VFORK (what posix_spawn does),
 * so that the cost does not grow with ours; it leads a process group of its own, holds no
 * descriptor but its 0, 1 and 2, has every signal at its default that was not ignored, dies with
 * us, and is awaited through a pidfd: no SIGCHLD is involved.
 */
#ifndef SFX_FUNCTION_PROCESS_H
#define SFX_FUNCTION_PROCESS_H

#include "base/err.h"
#include "base/sandbox.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct sfx_process_rlimit {
    int resource; /* RLIMIT_… */
    rlim_t value;
};

#define SFX_PROCESS_MAX_RLIMITS 8
#define SFX_PROCESS_NCGROUPS    3 /* hierarchies of v1: memory, cpu, pids */

/* What holds for every process of a function; {0} but uid and gid -1 is "as we are". */
struct sfx_process_rules {
    struct sfx_process_rlimit rlimits[SFX_PROCESS_MAX_RLIMITS];
    size_t nrlimits;
    uid_t uid; /* (uid_t)-1: ours */
    gid_t gid;
    const gid_t *groups; /* supplementary ones, when uid is set */
    size_t ngroups;
};

struct sfx_process_start {
    const char *file;  /* as execve wants it: no search */
    char *const *argv; /* ended by NULL */
    char *const *envp;
    const char *cwd;                      /* NULL: ours */
    int fds[3];                           /* become 0, 1 and 2; borrowed */
    int cgroup_fds[SFX_PROCESS_NCGROUPS]; /* cgroup.procs files to enter, open for writing; -1: none
                                           */
    const struct sfx_process_rules *rules;
    const struct sfx_sandbox *sandbox; /* to be entered; NULL: none */
};

struct sfx_process {
    pid_t pid;
    int pidfd;
};

/*
 * Starts a process. *step names what failed in the new process ("exec", "chdir", …). Errors: IO
 * with the errno of it.
 */
int sfx_process_start(const struct sfx_process_start *start, struct sfx_process *process,
                      const char **step, struct sfx_err *err);

/* Signals the process and its group. */
void sfx_process_kill(const struct sfx_process *process, int signum);

/*
 * Reaps a process whose pidfd is readable (or waits for it): first kills what is left of its group,
 * which no other can have taken by then. Closes the pidfd. *status as of wait(2).
 */
void sfx_process_reap(struct sfx_process *process, int *status, struct rusage *usage);

/*
 * Finds the file of a command as execvp(3) does: by path (":"-separated, borrowed) when name has no
 * slash. Appends it, terminated, to found. Returns 0, or the errno to tell: ENOENT or EACCES.
 */
int sfx_process_find(const char *name, const char *path, char *found, size_t found_cap);

#endif
