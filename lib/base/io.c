/* SPDX-License-Identifier: MIT */
/* Whole reads and writes on descriptors. */
#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* A descriptor that somebody else made non-blocking is waited for, not given up. */
static void wait_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    (void)poll(&p, 1, -1);
}

ssize_t sfx_io_read(int fd, void *ptr, size_t cap, struct sfx_err *err)
{
    for (;;) {
        ssize_t n = read(fd, ptr, cap);

        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            wait_ready(fd, POLLIN);
        else if (errno != EINTR)
            return sfx_err_errno(err, errno, "cannot read");
    }
}

int sfx_io_write(int fd, const void *ptr, size_t len, struct sfx_err *err)
{
    struct iovec iov = {.iov_base = (void *)ptr, .iov_len = len};

    return sfx_io_writev(fd, &iov, 1, err);
}

int sfx_io_writev(int fd, struct iovec *iov, size_t count, struct sfx_err *err)
{
    while (count > 0) {
        ssize_t n;

        if (iov->iov_len == 0) {
            iov++;
            count--;
            continue;
        }
        n = writev(fd, iov, count < IOV_MAX ? (int)count : IOV_MAX);
        if (n < 0 && errno == EAGAIN) {
            wait_ready(fd, POLLOUT);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sfx_err_errno(err, errno, "cannot write");
        while (count > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int sfx_io_close(int *fd, struct sfx_err *err)
{
    int old = *fd;

    *fd = -1;
    /* Linux releases the descriptor whatever close says; EINTR is not a failure there. */
    if (old >= 0 && close(old) != 0 && errno != EINTR)
        return sfx_err_errno(err, errno, "cannot close");
    return 0;
}
