/* SPDX-License-Identifier: MIT */
/* A process for each invocation: the event on its standard input, its exit status the answer. */
#include "base/clock.h"
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Standard input with the events: a pipe that holds them already, or a file in memory when they are
 * more than a pipe takes. Either way the process never waits for us, nor we for it. Returns the
 * descriptor.
 */
static int make_stdin(const struct sfx_invocation *inv, struct sfx_err *err)
{
    struct sfx_slice input = sfx_buf_slice(&inv->input);
    int fds[2], fd, rc;
    ssize_t n;

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return sfx_err_errno(err, errno, "pipe");
    n = write(fds[1], input.ptr, input.len);
    (void)sfx_io_close(&fds[1], NULL);
    if (n == (ssize_t)input.len) {
        (void)fcntl(fds[0], F_SETFL, 0);
        return fds[0];
    }
    (void)sfx_io_close(&fds[0], NULL);
    fd = memfd_create("sfx-event", MFD_CLOEXEC);
    if (fd < 0)
        return sfx_err_errno(err, errno, "memfd_create");
    rc = sfx_io_write(fd, input.ptr, input.len, err);
    if (rc < 0 || lseek(fd, 0, SEEK_SET) != 0) {
        (void)sfx_io_close(&fd, NULL);
        return rc < 0 ? rc : sfx_err_errno(err, errno, "memfd");
    }
    return fd;
}

static int start(struct sfx_instance *in, struct sfx_err *err)
{
    int fd = make_stdin(in->inv, err), rc;

    if (fd < 0)
        return fd;
    rc = sfx_instance_exec(in, fd, NULL, err);
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

static void output(struct sfx_instance *in)
{
    (void)in; /* it is all kept until the process has ended */
}

static void gone(struct sfx_instance *in, int status)
{
    struct sfx_invocation *inv = in->inv;

    inv->meter.duration_ns = sfx_clock_mono_ns() - in->started_ns;
    sfx_instance_outcome(in, status, &inv->outcome);
    inv->output = in->out;
    in->out = (struct sfx_buf){0};
    in->inv = NULL;
    sfx_invocation_end(inv);
}

const struct sfx_carrier sfx_carrier_spawn = {
    .name = "spawn", .start = start, .output = output, .gone = gone};
