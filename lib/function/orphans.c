/* SPDX-License-Identifier: MIT */
/*
 * Processes that functions left behind: they detached from their group and became our children when
 * their parents ended. They are known by the SFX_INSTANCE of their environment: nobody else's
 * child is touched.
 */
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_instance(const struct sfx_runner *runner, pid_t pid)
{
    size_t i;

    for (i = 0; i < runner->count; i++) {
        const struct sfx_instance *in;

        for (in = runner->functions[i].instances; in != NULL; in = in->next) {
            if (in->process.pid == pid)
                return true;
        }
    }
    return false;
}

/* Whether an instance of that name is still there. */
static bool is_running(const struct sfx_runner *runner, const char *name)
{
    size_t i;

    for (i = 0; i < runner->count; i++) {
        const struct sfx_instance *in;

        for (in = runner->functions[i].instances; in != NULL; in = in->next) {
            if (strcmp(in->name, name) == 0)
                return true;
        }
    }
    return false;
}

/* Whether pid, whose environment is empty, has given up its memory: it is about to be reaped. */
static bool is_ending(pid_t pid)
{
    char path[48], target[1];

    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

/* Whether pid came from one of our instances that has ended, or is any child that is ending. */
static bool is_left_behind(const struct sfx_runner *runner, pid_t pid)
{
    static char text[128 * 1024];
    char path[48], ours[24];
    const char *at;
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    (void)snprintf(ours, sizeof(ours), "%d-", (int)getpid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? sfx_io_read(fd, text, sizeof(text) - 1, NULL) : 0;
    (void)sfx_io_close(&fd, NULL);
    if (n <= 0)
        return is_ending(pid);
    text[n] = '\0';
    for (at = text; at < text + n; at += strlen(at) + 1) {
        if (strncmp(at, "SFX_INSTANCE=", 13) == 0)
            return strncmp(at + 13, ours, strlen(ours)) == 0 && !is_running(runner, at + 13);
    }
    return false;
}

/* Signals those that are left behind (0: only looks). Returns how many there are. */
static size_t signal_children(const struct sfx_runner *runner, int signum)
{
    size_t count = 0;
    static char text[64 * 1024];
    char path[64], *at = text, *end;
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? sfx_io_read(fd, text, sizeof(text) - 1, NULL) : 0;
    (void)sfx_io_close(&fd, NULL);
    text[n > 0 ? n : 0] = '\0';
    for (;;) {
        long pid = strtol(at, &end, 10);

        if (end == at)
            return count;
        if (pid > 1 && !is_instance(runner, (pid_t)pid) && is_left_behind(runner, (pid_t)pid))
            count += kill((pid_t)pid, signum) == 0;
        at = end;
    }
}

void sfx_orphans_end(struct sfx_runner *runner)
{
    siginfo_t info;

    (void)signal_children(runner, SIGKILL);
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
            is_instance(runner, info.si_pid))
            return;
        (void)waitpid(info.si_pid, NULL, WNOHANG);
    }
}

bool sfx_orphans_are_left(struct sfx_runner *runner)
{
    return signal_children(runner, 0) > 0;
}
