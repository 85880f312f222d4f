/* SPDX-License-Identifier: MIT */
/* Queues by scheme: finds the row, and does what is the same for every scheme. */
#include "base/clock.h"
#include "base/size.h"
#include "queue/queue_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const struct sfx_queue_ops *const schemes[] = {&sfx_queue_sqlite};

static const struct sfx_queue_ops *find_scheme(const char *uri, const char **rest)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(schemes); i++) {
        size_t len = strlen(schemes[i]->scheme);

        if (strncmp(uri, schemes[i]->scheme, len) == 0 && uri[len] == ':') {
            *rest = uri + len + 1;
            return schemes[i];
        }
    }
    return NULL;
}

bool sfx_queue_is_uri(const char *uri)
{
    const char *rest;

    return find_scheme(uri, &rest) != NULL;
}

struct sfx_queue *sfx_queue_open(const char *uri, const struct sfx_queue_opts *opts,
                                 struct sfx_err *err)
{
    const char *rest = "";
    const struct sfx_queue_ops *ops = find_scheme(uri, &rest);
    struct sfx_queue *q;

    if (ops == NULL || rest[0] == '\0') {
        (void)sfx_err_set(err, SFX_E_USAGE, "%s: is no queue; such as sqlite:in.queue", uri);
        return NULL;
    }
    q = ops->open(rest, opts, err);
    if (q == NULL) {
        (void)sfx_err_wrap(err, SFX_E_IO, "%s", uri);
        return NULL;
    }
    q->uri = strdup(uri);
    if (q->uri == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a queue");
        ops->close(q);
        return NULL;
    }
    return q;
}

void sfx_queue_close(struct sfx_queue *q)
{
    if (q != NULL)
        q->ops->close(q);
}

const char *sfx_queue_state_name(enum sfx_queue_state state)
{
    static const char *const names[SFX_QUEUE_NSTATES] = {"ready",   "leased", "delayed",
                                                         "blocked", "done",   "dead"};

    return (unsigned)state < SFX_QUEUE_NSTATES ? names[state] : "unknown";
}

int64_t sfx_queue_put(struct sfx_queue *q, struct sfx_queue_put *events, size_t count,
                      struct sfx_err *err)
{
    return q->ops->put(q, events, count, err);
}

int sfx_queue_count(struct sfx_queue *q, const char *name, uint64_t n, struct sfx_err *err)
{
    return q->ops->count(q, name, n, err);
}

int64_t sfx_queue_lease(struct sfx_queue *q, const struct sfx_queue_lease *opts,
                        struct sfx_queue_batch *batch, struct sfx_err *err)
{
    return q->ops->lease(q, opts, batch, err);
}

void sfx_queue_batch_done(struct sfx_queue_batch *batch)
{
    sfx_arena_done(&batch->arena);
    *batch = (struct sfx_queue_batch){0};
}

int sfx_queue_event_line(const struct sfx_queue_event *event, struct sfx_buf *out,
                         struct sfx_err *err)
{
    struct sfx_slice line = event->line;
    int rc;

    while (line.len > 0 && line.ptr[line.len - 1] != '}')
        line.len--;
    if (line.len < 2) /* no JSON object, so no event: it has no attributes */
        rc = sfx_buf_append(out, event->line.ptr, event->line.len, err);
    else {
        rc = sfx_buf_append(out, line.ptr, line.len - 1, err);
        if (rc == 0)
            rc = sfx_buf_printf(out, err, ",\"sfxattempt\":%" PRIu32 "}", event->attempt);
    }
    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

int sfx_queue_wait_fd(struct sfx_queue *q, int64_t *next_ms, struct sfx_err *err)
{
    return q->ops->wait_fd(q, next_ms, err);
}

int sfx_queue_wait(struct sfx_queue *q, int64_t timeout_ms, struct sfx_err *err)
{
    int64_t start_ms = sfx_clock_mono_ns() / 1000000;

    for (;;) {
        int64_t next_ms, left_ms = timeout_ms - (sfx_clock_mono_ns() / 1000000 - start_ms);
        int fd = sfx_queue_wait_fd(q, &next_ms, err), n;
        struct pollfd pfd = {.fd = fd, .events = POLLIN};

        if (fd < -1)
            return fd;
        if (next_ms == 0)
            return 1;
        if ((q->stop != NULL && *q->stop != 0) || (timeout_ms >= 0 && left_ms <= 0))
            return 0;
        if (timeout_ms >= 0 && left_ms < next_ms)
            next_ms = left_ms;
        n = poll(&pfd, 1, (int)next_ms);
        if (n < 0 && errno != EINTR)
            return sfx_err_errno(err, errno, "%s: cannot wait", q->uri);
        /* Woken, or a second look is due: the lease finds what there is. */
        if (n > 0 || (n == 0 && (timeout_ms < 0 || next_ms < left_ms)))
            return 1;
    }
}

int64_t sfx_queue_extend(struct sfx_queue *q, const int64_t *seqs, size_t count, int64_t visible_ms,
                         struct sfx_err *err)
{
    return q->ops->extend(q, seqs, count, visible_ms, err);
}

int64_t sfx_queue_settle(struct sfx_queue *q, struct sfx_queue_result *results, size_t count,
                         struct sfx_err *err)
{
    return q->ops->settle(q, results, count, err);
}

void sfx_queue_retry_decide(const struct sfx_queue_retry *how, const struct sfx_queue_event *event,
                            bool permanent, struct sfx_queue_result *result)
{
    int64_t age_ms = sfx_clock_wall_ns() / 1000000 - event->put_ms;
    int64_t most_ms = how->base_ms;
    uint64_t random = 0;
    uint32_t i;

    result->outcome = SFX_QUEUE_RETRY;
    if (permanent || event->attempt > how->retries ||
        (how->max_age_ms > 0 && age_ms >= how->max_age_ms))
        result->outcome = SFX_QUEUE_BURY;
    for (i = 1; i < event->attempt && most_ms < how->cap_ms; i++)
        most_ms *= 2;
    most_ms = most_ms < how->cap_ms ? most_ms : how->cap_ms;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        random = (uint64_t)sfx_clock_mono_ns();
    result->delay_ms = most_ms > 0 ? (int64_t)(random % ((uint64_t)most_ms + 1)) : 0;
}

int sfx_queue_record(struct sfx_queue *q, const struct sfx_queue_invocation *invocations,
                     size_t count, struct sfx_err *err)
{
    return q->ops->record(q, invocations, count, err);
}

int sfx_queue_ack_event(struct sfx_queue *q, const struct sfx_event *ev, struct sfx_err *err)
{
    return q->ops->ack_event(q, ev, err);
}

int sfx_queue_fail_event(struct sfx_queue *q, const struct sfx_event *ev,
                         const struct sfx_queue_retry *how, bool permanent, struct sfx_slice reason,
                         struct sfx_err *err)
{
    return q->ops->fail_event(q, ev, how, permanent, reason, err);
}

int sfx_queue_list(struct sfx_queue *q, const struct sfx_queue_filter *filter, sfx_queue_row_fn *fn,
                   void *ctx, struct sfx_err *err)
{
    return q->ops->list(q, filter, fn, ctx, err);
}

int64_t sfx_queue_change(struct sfx_queue *q, const struct sfx_queue_filter *filter,
                         enum sfx_queue_change change, struct sfx_slice reason, struct sfx_err *err)
{
    return q->ops->change(q, filter, change, reason, err);
}

int sfx_queue_stats(struct sfx_queue *q, struct sfx_queue_stats *stats, struct sfx_err *err)
{
    return q->ops->stats(q, stats, err);
}

int sfx_queue_set_retention(struct sfx_queue *q, int64_t retention_ms, struct sfx_err *err)
{
    return q->ops->set_retention(q, retention_ms, err);
}

int sfx_queue_invocations(struct sfx_queue *q, const struct sfx_queue_invocation_filter *filter,
                          sfx_queue_invocation_fn *fn, void *ctx, struct sfx_err *err)
{
    return q->ops->invocations(q, filter, fn, ctx, err);
}
