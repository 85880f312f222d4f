/* SPDX-License-Identifier: MIT */
/* Starting and ending processes. */
#include "function/process.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* execve's own needs are in the kernel; what runs on this stack is a row of system calls. */
enum { STACK_NBYTES = 64 * 1024, MAX_SHELL_WORDS = 4096 };

struct child {
    const struct sfx_process_start *start;
    sigset_t mask; /* of our caller: what the new process begins with */
    pid_t parent;
    int errnum;
    const char *step;
};

static int fail(struct child *c, const char *step)
{
    c->errnum = errno;
    c->step = step;
    return -1;
}

/*
 * Every signal that is not ignored back to its default: until exec the new process has our
 * handlers, which would write to our memory. By the system call, since libc keeps books of its own.
 */
static void default_signals(void)
{
    static const unsigned long fresh[8]; /* the kernel's sigaction: SIG_DFL, no flags, no mask */
    unsigned long old[8];
    int signum;

    for (signum = 1; signum < SIGRTMIN; signum++) {
        if (syscall(SYS_rt_sigaction, signum, NULL, old, _NSIG / 8) == 0 && old[0] > 1)
            (void)syscall(SYS_rt_sigaction, signum, fresh, NULL, _NSIG / 8);
    }
}

static int set_identity(const struct sfx_process_rules *rules)
{
    /* The calls of libc would look for our other threads. */
    if (rules->uid == (uid_t)-1)
        return 0;
    if (syscall(SYS_setgroups, rules->ngroups, rules->groups) != 0 ||
        syscall(SYS_setresgid, rules->gid, rules->gid, rules->gid) != 0 ||
        syscall(SYS_setresuid, rules->uid, rules->uid, rules->uid) != 0)
        return -1;
    return 0;
}

static int set_up(struct child *c)
{
    const struct sfx_process_start *s = c->start;
    const struct sfx_process_rules *rules = s->rules;
    size_t i;
    int fd;

    (void)setpgid(0, 0);
    for (i = 0; i < SFX_PROCESS_NCGROUPS; i++) {
        if (s->cgroup_fds[i] >= 0 && write(s->cgroup_fds[i], "0", 1) != 1)
            return fail(c, "cgroup");
    }
    for (fd = 0; fd < 3; fd++) {
        if (s->fds[fd] != fd ? dup2(s->fds[fd], fd) < 0 : fcntl(fd, F_SETFD, 0) != 0)
            return fail(c, "dup2");
    }
    (void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    for (i = 0; i < rules->nrlimits; i++) {
        const struct rlimit limit = {rules->rlimits[i].value, rules->rlimits[i].value};

        if (setrlimit((__rlimit_resource_t)rules->rlimits[i].resource, &limit) != 0)
            return fail(c, "setrlimit");
    }
    if (set_identity(rules) != 0)
        return fail(c, "setuid");
    if (s->cwd != NULL && chdir(s->cwd) != 0)
        return fail(c, "chdir");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != c->parent)
        return fail(c, "prctl");
    if (s->sandbox != NULL && sfx_sandbox_enter(s->sandbox, NULL) < 0)
        return fail(c, "sandbox");
    return 0;
}

/* A file without "#!" is the shell's, as execvp has it. */
static void exec_by_shell(const struct sfx_process_start *s)
{
    char *argv[MAX_SHELL_WORDS + 3];
    size_t i;

    argv[0] = (char *)"sh";
    argv[1] = (char *)s->file;
    for (i = 1; s->argv[i - 1] != NULL && s->argv[i] != NULL && i < MAX_SHELL_WORDS; i++)
        argv[i + 1] = s->argv[i];
    argv[i + 1] = NULL;
    (void)execve("/bin/sh", argv, s->envp);
}

/* In the new process, on our memory: we are stopped until it has begun its program. */
static int be_child(void *arg)
{
    struct child *c = arg;
    int rc;

    default_signals();
    rc = set_up(c);
    if (rc == 0) {
        (void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
        (void)execve(c->start->file, c->start->argv, c->start->envp);
        if (errno == ENOEXEC)
            exec_by_shell(c->start);
        (void)fail(c, "exec");
    }
    (void)syscall(SYS_exit_group, 127); /* of the new process; ours learns why from c */
    return 0;
}

int sfx_process_start(const struct sfx_process_start *start, struct sfx_process *process,
                      const char **step, struct sfx_err *err)
{
    static char stack[STACK_NBYTES] __attribute__((aligned(64)));
    struct child c = {.start = start, .parent = getpid()};
    sigset_t all, before;
    int pidfd = -1, errnum;
    pid_t pid;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    c.mask = before;
    (void)sigdelset(&c.mask, SIGPIPE); /* held back by us only */
    pid = clone(be_child, stack + STACK_NBYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &c,
                &pidfd);
    errnum = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        *step = "clone";
        return sfx_err_errno(err, errnum, "cannot start a process");
    }
    *process = (struct sfx_process){pid, pidfd};
    if (c.step != NULL) {
        int status;

        sfx_process_reap(process, &status, NULL);
        *step = c.step;
        return sfx_err_errno(err, c.errnum, "%s",
                             strcmp(c.step, "exec") == 0    ? start->file
                             : strcmp(c.step, "chdir") == 0 ? start->cwd
                                                            : c.step);
    }
    return 0;
}

void sfx_process_kill(const struct sfx_process *process, int signum)
{
    if (process->pid <= 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, process->pidfd, signum, NULL, 0);
    (void)kill(-process->pid, signum);
}

void sfx_process_reap(struct sfx_process *process, int *status, struct rusage *usage)
{
    siginfo_t info;

    /* The zombie keeps the number of its group from being given again. */
    while (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    (void)kill(-process->pid, SIGKILL);
    while (wait4(process->pid, status, 0, usage) < 0 && errno == EINTR)
        ;
    (void)sfx_io_close(&process->pidfd, NULL);
    process->pid = 0;
}

int sfx_process_find(const char *name, const char *path, char *found, size_t found_cap)
{
    int errnum = ENOENT;

    if (*name == '\0')
        return ENOENT;
    if (strchr(name, '/') != NULL) {
        if ((size_t)snprintf(found, found_cap, "%s", name) >= found_cap)
            return ENAMETOOLONG;
        return access(name, X_OK) == 0 ? 0 : errno;
    }
    while (path != NULL) {
        size_t len = strcspn(path, ":");
        struct stat st;
        int n = snprintf(found, found_cap, "%.*s%s%s", (int)len, path, len > 0 ? "/" : "", name);

        if (n > 0 && (size_t)n < found_cap && stat(found, &st) == 0 && S_ISREG(st.st_mode)) {
            if (access(found, X_OK) == 0)
                return 0;
            errnum = errno;
        }
        path = path[len] == ':' ? path + len + 1 : NULL;
    }
    return errnum;
}
