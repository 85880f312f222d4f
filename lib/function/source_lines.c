/* SPDX-License-Identifier: MIT */
/* Lines of a pipe as a source: what is not done when we end is told, since the pipe has forgotten
 * it. */
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { MAX_LINE = 64 * 1024 };

struct lines {
    struct sfx_function *fn;
    struct sfx_lines in;
    struct sfx_loop_watch watch;
    bool polled;  /* else it is a file: always ready */
    bool waiting; /* the watch is on */
    bool drained; /* nothing more will come */
};

static void on_ready(void *ctx, uint32_t events)
{
    struct lines *s = ctx;

    (void)events;
    /* Taking happens in the pump, when there is room; until then the watch is off. */
    sfx_loop_change(s->fn->runner->loop, &s->watch, 0);
    s->waiting = false;
}

static int open_lines(struct sfx_function *fn, struct sfx_err *err)
{
    struct lines *s = calloc(1, sizeof(*s));
    size_t most = fn->opts->max_line_nbytes > 0 ? fn->opts->max_line_nbytes : MAX_LINE;
    int fd = fn->runner->opts->in_fd, rc;

    if (s == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    fn->source_data = s;
    s->fn = fn;
    rc = sfx_lines_init(&s->in, fd, most, NULL, err);
    if (rc < 0)
        return rc;
    s->watch = (struct sfx_loop_watch){.ready = on_ready, .ctx = s};
    s->polled = sfx_loop_add(fn->runner->loop, &s->watch, fd, 0, NULL) == 0;
    if (!s->polled)
        s->watch.ready = NULL;
    return 0;
}

static bool is_blank(struct sfx_slice line)
{
    size_t i = 0;

    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t' || line.ptr[i] == '\r'))
        i++;
    return i == line.len;
}

static int take(struct sfx_function *fn, size_t n, struct sfx_err *err)
{
    struct lines *s = fn->source_data;
    struct sfx_err failure = {0};
    struct sfx_slice line;
    int rc;

    while (n > 0 && !s->drained) {
        rc = sfx_lines_take(&s->in, &line, &failure);
        if (rc == SFX_E_LIMIT) {
            const struct sfx_admission a = {.line = line};

            rc = sfx_function_refuse(fn, &a, &failure, err);
            n--;
        } else if (rc > 0 && !is_blank(line)) {
            const struct sfx_admission a = {.line = line};

            rc = sfx_function_admit(fn, &a, err);
            n--;
        } else if (rc == 0) {
            struct pollfd p = {.fd = s->in.fd, .events = POLLIN};

            s->drained = s->in.at_end;
            if (s->drained || s->waiting)
                break;
            if (s->polled && poll(&p, 1, 0) == 0) {
                sfx_loop_change(fn->runner->loop, &s->watch, EPOLLIN);
                s->waiting = true;
                break;
            }
            rc = sfx_lines_read(&s->in, err);
            if (rc < 0)
                return sfx_err_wrap(err, rc, "standard input");
        }
        if (rc < 0)
            return rc;
    }
    if (s->drained) /* else a hang-up would be told without end */
        sfx_loop_remove(fn->runner->loop, &s->watch);
    return 0;
}

static int settle(struct sfx_function *fn, struct sfx_item *item, enum sfx_verdict verdict,
                  int64_t delay_ns, const struct sfx_invocation *inv, struct sfx_err *err)
{
    (void)fn;
    (void)item;
    (void)verdict;
    (void)delay_ns;
    (void)inv;
    (void)err;
    return 0; /* a pipe keeps nothing */
}

static int give_back(struct sfx_function *fn, struct sfx_item *item, struct sfx_err *err)
{
    struct sfx_outcome outcome = {.exit_code = SFX_EXIT_TEMPORARY, .error = "stop"};

    (void)snprintf(outcome.reason, sizeof(outcome.reason), "stopped before it was done");
    if (fn->dead != NULL)
        return sfx_dead_put(fn->dead, item, &outcome, NULL, err);
    sfx_log(fn->runner->log, SFX_LOG_WARNING, "%s: event %.*s: %s", fn->name, (int)item->id_len,
            item->id, outcome.reason);
    return 0;
}

static bool ended(const struct sfx_function *fn)
{
    const struct lines *s = fn->source_data;

    return s->drained;
}

static void close_lines(struct sfx_function *fn)
{
    struct lines *s = fn->source_data;

    if (s == NULL)
        return;
    sfx_loop_remove(fn->runner->loop, &s->watch);
    sfx_lines_done(&s->in);
    free(s);
    fn->source_data = NULL;
}

const struct sfx_source sfx_source_lines = {
    .name = "lines",
    .open = open_lines,
    .take = take,
    .settle = settle,
    .give_back = give_back,
    .ended = ended,
    .close = close_lines,
};
