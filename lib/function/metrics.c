/* SPDX-License-Identifier: MIT */
/* The totals of functions as OpenMetrics text, in a file or on a local socket. */
#include "base/clock.h"
#include "base/io.h"
#include "base/outfile.h"
#include "base/size.h"
#include "function/observe_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PREFIX "unix:"
#define EVERY_NS      (5 * SFX_NS_PER_S)

enum kind { COUNTER, NANOSECONDS, DOUBLE, GAUGE };

static const struct {
    const char *name, *help;
    enum kind kind;
    size_t offset;
} families[] = {
#define ROW(name, help, kind, member)                                                              \
    {                                                                                              \
        name, help, kind, offsetof(struct sfx_function_totals, member)                             \
    }
    ROW("sfx_events", "Events taken from the source", COUNTER, events),
    ROW("sfx_invocations", "Invocations that ended", COUNTER, invocations),
    ROW("sfx_failures", "Invocations that failed", COUNTER, failures),
    ROW("sfx_timeouts", "Invocations that timed out", COUNTER, timeouts),
    ROW("sfx_events_acked", "Events that are done", COUNTER, acked),
    ROW("sfx_events_retried", "Times that an event was put back to be tried again", COUNTER,
        retried),
    ROW("sfx_events_dead", "Events given up", COUNTER, dead),
    ROW("sfx_results", "Result events", COUNTER, results),
    ROW("sfx_cold_starts", "Invocations that waited for their process", COUNTER, cold_starts),
    ROW("sfx_throttled", "Times that a rate or a breaker held events back", COUNTER, throttled),
    ROW("sfx_billed_milliseconds", "Duration rounded up to whole milliseconds", COUNTER, billed_ms),
    ROW("sfx_in_bytes", "Bytes given to functions", COUNTER, in_nbytes),
    ROW("sfx_out_bytes", "Bytes that functions gave", COUNTER, out_nbytes),
    ROW("sfx_cpu_user_seconds", "CPU time in user mode", NANOSECONDS, user_ns),
    ROW("sfx_cpu_system_seconds", "CPU time in the kernel", NANOSECONDS, system_ns),
    ROW("sfx_gb_seconds", "Billed time times memory", DOUBLE, gb_seconds),
    ROW("sfx_ready", "Events that could begin", GAUGE, ready),
    ROW("sfx_waiting", "Events to be tried again", GAUGE, waiting),
    ROW("sfx_running", "Events in invocations", GAUGE, running),
    ROW("sfx_instances", "Processes of the function", GAUGE, instances),
#undef ROW
};

static void put_label(struct sfx_buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            (void)sfx_buf_putc(out, '\\', NULL);
        (void)sfx_buf_putc(out, *name == '\n' ? ' ' : *name, NULL);
    }
}

static void put_sample(struct sfx_buf *out, const char *name, const char *suffix,
                       const struct sfx_function *fn)
{
    (void)sfx_buf_printf(out, NULL, "%s%s{function=\"", name, suffix);
    put_label(out, fn->name);
    (void)sfx_buf_puts(out, "\"", NULL);
}

static void put_family(struct sfx_buf *out, const struct sfx_runner *runner, size_t i)
{
    enum kind kind = families[i].kind;
    size_t f;

    (void)sfx_buf_printf(out, NULL, "# TYPE %s %s\n# HELP %s %s.\n", families[i].name,
                         kind == GAUGE ? "gauge" : "counter", families[i].name, families[i].help);
    for (f = 0; f < runner->count; f++) {
        const struct sfx_function *fn = &runner->functions[f];
        const void *at = (const char *)fn->totals + families[i].offset;

        put_sample(out, families[i].name, kind == GAUGE ? "" : "_total", fn);
        if (kind == NANOSECONDS)
            (void)sfx_buf_printf(out, NULL, "} %.9f\n", (double)*(const int64_t *)at / 1e9);
        else if (kind == DOUBLE)
            (void)sfx_buf_printf(out, NULL, "} %.9g\n", *(const double *)at);
        else
            (void)sfx_buf_printf(out, NULL, "} %llu\n", (unsigned long long)*(const uint64_t *)at);
    }
}

static void put_durations(struct sfx_buf *out, const struct sfx_runner *runner)
{
    size_t f, i;

    (void)sfx_buf_puts(out,
                       "# TYPE sfx_duration_seconds histogram\n"
                       "# HELP sfx_duration_seconds Duration of invocations.\n",
                       NULL);
    for (f = 0; f < runner->count; f++) {
        const struct sfx_function *fn = &runner->functions[f];
        uint64_t sum = 0;

        for (i = 0; i < SFX_METER_NBUCKETS; i++) {
            sum += fn->totals->buckets[i];
            put_sample(out, "sfx_duration_seconds", "_bucket", fn);
            if (i < SFX_METER_NBUCKETS - 1)
                (void)sfx_buf_printf(out, NULL, ",le=\"%g\"} %llu\n", sfx_meter_bounds_ms[i] / 1000,
                                     (unsigned long long)sum);
            else
                (void)sfx_buf_printf(out, NULL, ",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
        }
        put_sample(out, "sfx_duration_seconds", "_count", fn);
        (void)sfx_buf_printf(out, NULL, "} %llu\n", (unsigned long long)sum);
        put_sample(out, "sfx_duration_seconds", "_sum", fn);
        (void)sfx_buf_printf(out, NULL, "} %.9f\n", (double)fn->totals->duration_ns / 1e9);
    }
}

static void make_text(struct sfx_observer *o, struct sfx_buf *out)
{
    struct sfx_runner *runner = o->runner;
    size_t i;

    for (i = 0; i < runner->count; i++) {
        struct sfx_function *fn = &runner->functions[i];

        fn->totals->ready = fn->ready.count + fn->nbehind;
        fn->totals->waiting = fn->nwaiting;
        fn->totals->running = fn->nrunning;
        fn->totals->instances = fn->ninstances;
    }
    for (i = 0; i < SFX_COUNT(families); i++)
        put_family(out, runner, i);
    put_durations(out, runner);
    (void)sfx_buf_puts(out, "# EOF\n", NULL);
}

static int write_file(struct sfx_observer *o, struct sfx_err *err)
{
    struct sfx_outfile *out = sfx_outfile_new(o->runner->opts->metrics, NULL, err);
    int rc = out != NULL ? 0 : SFX_E_IO;

    if (rc == 0) {
        sfx_buf_clear(&o->line);
        make_text(o, &o->line);
        rc = sfx_outfile_write(out, o->line.data, o->line.len, err);
    }
    if (rc == 0)
        rc = sfx_outfile_commit(out, err);
    sfx_outfile_free(out);
    return rc < 0 ? sfx_err_wrap(err, rc, "--metrics") : 0;
}

static void on_write(void *ctx)
{
    struct sfx_observer *o = ctx;
    struct sfx_err err = {0};

    if (write_file(o, &err) < 0)
        sfx_log_err(o->runner->log, SFX_LOG_WARNING, &err);
    (void)sfx_loop_set(o->runner->loop, &o->write_timer, sfx_clock_mono_ns() + EVERY_NS, NULL);
}

/* Answers whoever connects at once, as HTTP, which curl --unix-socket reads. */
static void on_connect(void *ctx, uint32_t events)
{
    struct sfx_observer *o = ctx;
    struct sfx_buf text = {0};
    int fd = accept4(o->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    make_text(o, &text);
    sfx_buf_clear(&o->line);
    (void)sfx_buf_printf(&o->line, NULL,
                         "HTTP/1.0 200 OK\r\nContent-Type: application/openmetrics-text; "
                         "version=1.0.0; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
                         text.len);
    (void)sfx_buf_append(&o->line, text.data, text.len, NULL);
    sfx_buf_done(&text);
    /* A local socket takes more than all of it at once; a reader that does not read loses it. */
    (void)send(fd, o->line.data, o->line.len, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, o->line.data, o->line.cap, 0) > 0)
        ;
    (void)sfx_io_close(&fd, NULL);
}

static int listen_on(struct sfx_observer *o, const char *path, struct sfx_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof(address.sun_path))
        return sfx_err_errno(err, ENAMETOOLONG, "%s", path);
    (void)strcpy(address.sun_path, path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path); /* of a run that is gone */
    o->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (o->listen_fd < 0 ||
        bind(o->listen_fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(o->listen_fd, 16) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    o->listen_watch = (struct sfx_loop_watch){.ready = on_connect, .ctx = o};
    return sfx_loop_add(o->runner->loop, &o->listen_watch, o->listen_fd, EPOLLIN, err);
}

int sfx_metrics_open(struct sfx_observer *o, struct sfx_err *err)
{
    const char *where = o->runner->opts->metrics;

    if (where == NULL)
        return 0;
    if (strncmp(where, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0)
        return listen_on(o, where + strlen(SOCKET_PREFIX), err);
    o->write_timer = (struct sfx_loop_timer){.due = on_write, .ctx = o};
    if (write_file(o, err) < 0)
        return err != NULL ? (int)err->code : SFX_E_IO;
    return sfx_loop_set(o->runner->loop, &o->write_timer, sfx_clock_mono_ns() + EVERY_NS, err);
}

int sfx_metrics_close(struct sfx_observer *o, struct sfx_err *err)
{
    const char *where = o->runner->opts->metrics;

    if (where == NULL)
        return 0;
    sfx_loop_remove(o->runner->loop, &o->listen_watch);
    sfx_loop_unset(o->runner->loop, &o->write_timer);
    if (o->listen_fd >= 0)
        (void)unlink(where + strlen(SOCKET_PREFIX));
    (void)sfx_io_close(&o->listen_fd, NULL);
    return o->write_timer.due != NULL ? write_file(o, err) : 0;
}
