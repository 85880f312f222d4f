/* SPDX-License-Identifier: MIT */
/* Whole reads and writes on descriptors. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* tee(2) copies from pipe to pipe without using up. */
static ssize_t peek_pipe(int fd, void *ptr, size_t cap)
{
    int ends[2];
    ssize_t n;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    n = tee(fd, ends[1], cap, 0);
    if (n > 0)
        n = read(ends[0], ptr, cap);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return n;
}

ssize_t sfx_io_peek(int fd, void *ptr, size_t cap, struct sfx_err *err)
{
    struct stat st;
    ssize_t n = -1;

    if (fstat(fd, &st) != 0)
        return sfx_err_errno(err, errno, "cannot read");
    errno = EOPNOTSUPP;
    if (S_ISREG(st.st_mode))
        n = pread(fd, ptr, cap, lseek(fd, 0, SEEK_CUR));
    else if (S_ISFIFO(st.st_mode))
        n = peek_pipe(fd, ptr, cap);
    else if (S_ISSOCK(st.st_mode))
        n = recv(fd, ptr, cap, MSG_PEEK);
    return n >= 0 ? n : sfx_err_errno(err, errno, "cannot look ahead");
}

/* O_TMPFILE where the file system has it; else a name that goes at once. */
int sfx_io_unnamed(const char *dir, struct sfx_err *err)
{
    char path[PATH_MAX];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return sfx_err_errno(err, errno, "%s: cannot make a temporary file", dir);
    if (snprintf(path, sizeof(path), "%s/.sfx-XXXXXX", dir) >= (int)sizeof(path))
        return sfx_err_errno(err, ENAMETOOLONG, "%s", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return sfx_err_errno(err, errno, "%s: cannot make a temporary file", dir);
    (void)unlink(path);
    return fd;
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
