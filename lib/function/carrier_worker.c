/* SPDX-License-Identifier: MIT */
/* Resident processes: a line in, a line out, one event at a time, until standard input ends. */
#include "base/clock.h"
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* CPU time of a process so far. */
static int64_t cpu_of(const struct sfx_instance *in)
{
    struct timespec ts = {0};
    clockid_t clock;

    if (clock_getcpuclockid(in->process.pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * SFX_NS_PER_S + ts.tv_nsec;
}

/* Peak memory of a process so far; read anew ten times a second at most, it costs more than a call.
 */
static int64_t peak_of(struct sfx_instance *in)
{
    int64_t now = sfx_clock_mono_ns();
    bool oom;
    char path[48], text[4096];
    const char *at;
    ssize_t n;
    int fd;

    if (in->peak_at_ns != 0 && now - in->peak_at_ns < SFX_NS_PER_S / 10)
        return in->peak_nbytes;
    in->peak_at_ns = now;
    in->peak_nbytes = sfx_limits_peak(in->fn->limits, in->cgroup, &oom);
    if (in->peak_nbytes >= 0)
        return in->peak_nbytes;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)in->process.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? sfx_io_read(fd, text, sizeof(text) - 1, NULL) : 0;
    (void)sfx_io_close(&fd, NULL);
    text[n > 0 ? n : 0] = '\0';
    at = strstr(text, "VmHWM:");
    if (at != NULL) {
        unsigned long long kib = 0;

        for (at += 6; *at == ' ' || *at == '\t'; at++)
            ;
        for (; *at >= '0' && *at <= '9'; at++)
            kib = kib * 10 + (unsigned)(*at - '0');
        in->peak_nbytes = (int64_t)kib * 1024;
    }
    return in->peak_nbytes;
}

void sfx_resident_begin(struct sfx_instance *in)
{
    struct sfx_invocation *inv = in->inv;

    inv->started_ns = sfx_clock_mono_ns();
    inv->cpu_before_ns = in->cold ? 0 : cpu_of(in);
    in->in_sent = 0;
    sfx_instance_arm(in);
}

void sfx_resident_meter(struct sfx_instance *in)
{
    struct sfx_invocation *inv = in->inv;

    inv->meter.duration_ns = sfx_clock_mono_ns() - inv->started_ns;
    if (in->process.pid > 0) {
        inv->meter.user_ns = cpu_of(in) - inv->cpu_before_ns;
        inv->meter.peak_nbytes = peak_of(in);
    }
    if (in->cold)
        inv->meter.init_ns = in->init_ns;
    in->cold = false;
    in->fn->start_failures = 0;
}

static void send(struct sfx_instance *in);

static void on_in(void *ctx, uint32_t events)
{
    (void)events;
    send(ctx);
}

/* Writes what the pipe takes of the line; the rest when there is room. */
static void send(struct sfx_instance *in)
{
    struct sfx_loop *loop = in->fn->runner->loop;
    struct sfx_invocation *inv = in->inv;

    while (inv != NULL && in->in_sent < inv->input.len) {
        ssize_t n = write(in->in_fd, inv->input.data + in->in_sent, inv->input.len - in->in_sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            struct sfx_err err = {0};

            if (in->in_watch.ready != NULL)
                return;
            in->in_watch = (struct sfx_loop_watch){.ready = on_in, .ctx = in};
            if (sfx_loop_add(loop, &in->in_watch, in->in_fd, EPOLLOUT, &err) < 0)
                sfx_runner_fail(in->fn->runner, err.code, &err);
            return;
        }
        if (n < 0)
            break; /* it has gone, which its end will tell */
        in->in_sent += (size_t)n;
    }
    sfx_loop_remove(loop, &in->in_watch);
}

static int start(struct sfx_instance *in, struct sfx_err *err)
{
    int fds[2], rc;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return sfx_err_errno(err, errno, "pipe");
    (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
    in->in_fd = fds[1];
    rc = sfx_instance_exec(in, fds[0], NULL, err);
    (void)sfx_io_close(&fds[0], NULL);
    if (rc == 0) /* it says nothing when it is ready: its first event waits in the pipe */
        sfx_instance_set(in, SFX_INSTANCE_IDLE);
    return rc;
}

static int give(struct sfx_instance *in, struct sfx_err *err)
{
    (void)err;
    sfx_resident_begin(in);
    send(in);
    return 0;
}

/* The first answer of a process took its start as well: what is beyond an invocation's usual time.
 */
static void note_start(struct sfx_instance *in)
{
    struct sfx_function *fn = in->fn;
    int64_t took = sfx_clock_mono_ns() - in->inv->started_ns;

    if (in->cold && fn->service_ns > 0 && took > fn->service_ns)
        fn->init_ns = sfx_scale_smooth(fn->init_ns, took - fn->service_ns);
}

static void output(struct sfx_instance *in)
{
    struct sfx_invocation *inv = in->inv;
    const char *nl = memchr(in->out.data, '\n', in->out.len);
    size_t len, rest;

    if (nl == NULL)
        return;
    len = (size_t)(nl - in->out.data);
    rest = in->out.len - len - 1;
    if (inv == NULL || rest > 0 || in->in_sent < inv->input.len) {
        /* An answer to nothing: from now on nobody could tell whose an answer is. */
        sfx_instance_kill(in, "answer", SIGKILL);
        return;
    }
    note_start(in);
    sfx_resident_meter(in);
    sfx_answer_read(sfx_slice(in->out.data, len), &inv->outcome);
    inv->output = in->out;
    inv->output.len = len > 0 ? len + 1 : 0;
    in->out = (struct sfx_buf){0};
    sfx_instance_finish(in);
}

static void gone(struct sfx_instance *in, int status)
{
    struct sfx_function *fn = in->fn;
    struct sfx_invocation *inv = in->inv;
    struct sfx_outcome outcome = {0};

    sfx_instance_outcome(in, status, &outcome);
    if (inv == NULL) {
        /* One that ends before it was of use will do so again. */
        if (in->cold && in->state != SFX_INSTANCE_ENDING)
            sfx_function_hold_starts(fn);
        if (outcome.exit_code != 0 && in->state != SFX_INSTANCE_ENDING)
            sfx_log(fn->runner->log, SFX_LOG_WARNING, "%s: idle worker: %s", fn->name,
                    outcome.reason);
        return;
    }
    /* One that ended between two events has not seen this one. */
    if (outcome.exit_code == 0 || (!in->cold && in->in_sent == 0)) {
        outcome.not_begun = !in->cold && in->in_sent == 0;
        outcome.exit_code = outcome.not_begun ? SFX_EXIT_TEMPORARY : 1;
        outcome.error = "exit";
        (void)snprintf(outcome.reason, sizeof(outcome.reason), "ended without an answer");
    }
    inv->outcome = outcome;
    inv->meter.duration_ns = sfx_clock_mono_ns() - inv->started_ns;
    in->inv = NULL;
    sfx_invocation_end(inv);
}

static void end(struct sfx_instance *in)
{
    sfx_loop_remove(in->fn->runner->loop, &in->in_watch);
    (void)sfx_io_close(&in->in_fd, NULL); /* the end of its input is the sign to end */
    sfx_instance_expire(in);
}

const struct sfx_carrier sfx_carrier_worker = {
    .name = "worker",
    .resident = true,
    .start = start,
    .give = give,
    .output = output,
    .gone = gone,
    .end = end,
};
