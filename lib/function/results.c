/* SPDX-License-Identifier: MIT */
/*
 * Standard output: the results of invocations, each whole, in the order in which they ended. An
 * event is settled only when its results are out. Never waits for a slow reader: what it does not
 * take is kept, and too much of that holds back new invocations.
 */
#include "base/io.h"
#include "function/function_internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FULL_NBYTES = 1 << 20 };

struct sfx_results {
    struct sfx_runner *runner;
    int fd;
    bool polled; /* a pipe, socket or terminal: writing may have to wait */
    struct sfx_loop_watch watch;
    uint32_t events;       /* that are waited for */
    uint64_t put, written; /* bytes since the beginning */
    struct sfx_invocation *first, *last;
    size_t sent; /* bytes of the first one's output */
};

static void flush(struct sfx_results *r);

static void on_ready(void *ctx, uint32_t events)
{
    struct sfx_results *r = ctx;
    struct sfx_err err;

    if (events & EPOLLERR) { /* the reader is gone, also when there is nothing to write */
        int rc = sfx_err_errno(&err, EPIPE, "standard output");

        sfx_loop_remove(r->runner->loop, &r->watch);
        r->polled = false;
        sfx_runner_fail(r->runner, rc, &err);
    } else {
        flush(r);
    }
}

struct sfx_results *sfx_results_new(struct sfx_runner *runner, int fd, struct sfx_err *err)
{
    struct sfx_results *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    r->runner = runner;
    r->fd = fd;
    r->watch = (struct sfx_loop_watch){.ready = on_ready, .ctx = r};
    r->polled = sfx_loop_add(runner->loop, &r->watch, fd, 0, NULL) == 0; /* EPERM: a file */
    if (!r->polled)
        r->watch.ready = NULL;
    return r;
}

void sfx_results_free(struct sfx_results *r)
{
    if (r == NULL)
        return;
    sfx_loop_remove(r->runner->loop, &r->watch);
    while (r->first != NULL) {
        struct sfx_invocation *inv = r->first;

        r->first = inv->next;
        sfx_invocation_free(inv);
    }
    free(r);
}

static void wait_for(struct sfx_results *r, uint32_t events)
{
    if (r->polled && r->events != events)
        sfx_loop_change(r->runner->loop, &r->watch, events);
    r->events = events;
}

/* Writes what can be written without waiting: a pipe that can be written to takes PIPE_BUF bytes.
 */
static int write_some(struct sfx_results *r, struct sfx_invocation *inv, struct sfx_err *err)
{
    while (r->sent < inv->output.len) {
        struct pollfd p = {.fd = r->fd, .events = POLLOUT};
        size_t left = inv->output.len - r->sent;
        ssize_t n;

        if (r->polled) {
            if (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLOUT | POLLERR)))
                return 1;
            left = left < PIPE_BUF ? left : PIPE_BUF;
        }
        n = write(r->fd, inv->output.data + r->sent, left);
        if (n < 0 && errno == EAGAIN)
            return 1;
        if (n < 0 && errno != EINTR)
            return sfx_err_wrap(err, sfx_err_errno(err, errno, "cannot write"), "standard output");
        if (n > 0) {
            r->sent += (size_t)n;
            r->written += (uint64_t)n;
        }
    }
    return 0;
}

static void flush(struct sfx_results *r)
{
    struct sfx_err err = {0};

    while (r->first != NULL && r->runner->rc == 0) {
        struct sfx_invocation *inv = r->first;
        int rc = write_some(r, inv, &err);

        if (rc < 0)
            sfx_runner_fail(r->runner, rc, &err);
        if (rc != 0) {
            wait_for(r, rc > 0 ? EPOLLOUT : 0);
            return;
        }
        r->sent = 0;
        r->first = inv->next;
        if (r->first == NULL)
            r->last = NULL;
        sfx_invocation_settle(inv);
    }
    wait_for(r, 0);
}

void sfx_results_put(struct sfx_results *r, struct sfx_invocation *inv)
{
    inv->next = NULL;
    if (r->last != NULL)
        r->last->next = inv;
    else
        r->first = inv;
    r->last = inv;
    r->put += inv->output.len;
    if (r->first == inv)
        flush(r);
}

bool sfx_results_full(const struct sfx_results *r)
{
    return r->put - r->written > FULL_NBYTES;
}

bool sfx_results_empty(const struct sfx_results *r)
{
    return r->first == NULL;
}
