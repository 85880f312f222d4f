/* SPDX-License-Identifier: MIT */
/* Forked children and the channel to them. */
#include "base/child.h"

#include "base/io.h"
#include "base/sandbox_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if SFX_SANITIZED
/* A child that ends without exit(3) would leak unseen. */
void __lsan_do_leak_check(void);
#define CHECK_LEAKS() __lsan_do_leak_check()
#else
#define CHECK_LEAKS() (void)0
#endif

#define CHANNEL_FD 3 /* of the child: what is above it is closed */

/* The child's whole life. */
_Noreturn static void live(int fd, pid_t parent, int (*serve)(void *ctx, int fd), void *ctx)
{
    int code = 1;

    /* Who was orphaned before the call would never be told. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent &&
        (fd == CHANNEL_FD || dup2(fd, CHANNEL_FD) == CHANNEL_FD)) {
        closefrom(CHANNEL_FD + 1);
        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        code = serve(ctx, CHANNEL_FD);
    }
    CHECK_LEAKS();
    _exit(code);
}

int sfx_child_start(struct sfx_child *child, int (*serve)(void *ctx, int fd), void *ctx,
                    struct sfx_err *err)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;
    int ends[2];
    int errnum;

    *child = (struct sfx_child){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return sfx_err_errno(err, errno, "cannot make a channel");
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    errnum = errno;
    if (pid == 0)
        live(ends[1], parent, serve, ctx);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)sfx_io_close(&ends[1], NULL);
    if (pid < 0) {
        (void)sfx_io_close(&ends[0], NULL);
        return sfx_err_errno(err, errnum, "cannot start a process");
    }
    *child = (struct sfx_child){.pid = pid, .fd = ends[0]};
    return 0;
}

void sfx_child_end(struct sfx_child *child, int *status)
{
    int none;

    (void)sfx_io_close(&child->fd, NULL);
    if (status == NULL)
        status = &none;
    *status = 0;
    while (child->pid > 0 && waitpid(child->pid, status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
}

void sfx_child_kill(struct sfx_child *child, int *status)
{
    if (child->pid > 0)
        (void)kill(child->pid, SIGKILL);
    sfx_child_end(child, status);
}

int64_t sfx_child_cpu_ns(const struct sfx_child *child)
{
    struct timespec ts;
    clockid_t clock;

    if (child->pid <= 0 || clock_getcpuclockid(child->pid, &clock) != 0 ||
        clock_gettime(clock, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Room for the one descriptor that a message may carry. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int sfx_channel_send(int fd, const struct iovec *iov, size_t count, int pass, struct sfx_err *err)
{
    union control control = {0};
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = count};
    ssize_t n;

    if (pass >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &pass, sizeof(pass));
    }
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? sfx_err_errno(err, errno, "channel") : 0;
}

ssize_t sfx_channel_receive(int fd, void *ptr, size_t cap, int *passed, struct sfx_err *err)
{
    union control control = {0};
    struct iovec iov = {.iov_base = ptr, .iov_len = cap};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header;
    ssize_t n;

    *passed = -1;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? 0 : sfx_err_errno(err, errno, "channel");
    header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(passed, CMSG_DATA(header), sizeof(*passed));
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        (void)sfx_io_close(passed, NULL);
        return sfx_err_set(err, SFX_E_INPUT, "channel: a message is too long");
    }
    return n;
}
