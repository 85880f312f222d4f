/* SPDX-License-Identifier: MIT */
/* Loops between descriptors and queues. */
#include "queue/feed.h"

#include "base/clock.h"
#include "base/io.h"
#include "event/lines.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP         1000 /* events put in one transaction */
#define MAX_LINE      ((size_t)1 << 20)
#define PUMP_BATCH    64
#define MAX_OUT       4096 /* given out into a pipe and not yet answered */
#define PIPE_CHECK_MS 200  /* between two looks at what is answered, when a pipe waits */

struct feed {
    struct sfx_queue *q;
    const struct sfx_feed_opts *opts;
    struct sfx_feed_counts *counts;
    struct sfx_lines lines;
    struct sfx_arena arena;
    char salt[48];
    struct sfx_queue_put group[GROUP];
    size_t count;
};

static int flush(struct feed *f, struct sfx_err *err)
{
    int64_t added = f->count > 0 ? sfx_queue_put(f->q, f->group, f->count, err) : 0;

    if (added < 0)
        return (int)added;
    f->counts->put += (uint64_t)added;
    f->counts->duplicates += f->count - (uint64_t)added;
    f->count = 0;
    sfx_arena_reset(&f->arena);
    return 0;
}

static int take(struct feed *f, struct sfx_slice line, int rc, struct sfx_err *failure,
                struct sfx_err *err)
{
    f->counts->read++;
    if (rc > 0)
        rc = sfx_queue_intake(f->opts->kind, line, f->lines.number, f->salt, f->opts->key,
                              &f->arena, &f->group[f->count], failure);
    if (rc == SFX_E_INPUT || rc == SFX_E_LIMIT) {
        f->counts->failed++;
        (void)sfx_err_wrap(failure, rc, "line %" PRIu64, f->lines.number);
        if (f->opts->log != NULL)
            sfx_log_err(f->opts->log, SFX_LOG_ERROR, failure);
        return 0;
    }
    if (rc < 0) {
        if (err != NULL)
            *err = *failure;
        return rc;
    }
    f->group[f->count++].delay_ms = f->opts->delay_ms;
    return 0;
}

static int feed(struct feed *f, struct sfx_err *err)
{
    for (;;) {
        struct sfx_err failure = {0};
        struct sfx_slice line = {0};
        int rc;

        /* What waits for more input is not held back from the consumers. */
        rc = f->count == GROUP || !sfx_lines_held(&f->lines) ? flush(f, err) : 0;
        if (rc < 0)
            return rc;
        rc = sfx_lines_next(&f->lines, &line, &failure);
        if (rc == 0)
            return flush(f, err);
        if (rc < 0 && rc != SFX_E_LIMIT) {
            if (err != NULL)
                *err = failure;
            return sfx_err_wrap(err, rc, "input");
        }
        if (rc > 0 && line.len == 0)
            continue;
        rc = take(f, line, rc, &failure, err);
        if (rc < 0)
            return rc;
    }
}

int sfx_queue_feed(struct sfx_queue *q, int fd, const struct sfx_feed_opts *opts,
                   struct sfx_feed_counts *counts, struct sfx_err *err)
{
    static struct feed f; /* 64 KiB, too much for a stack; one loop a process */
    int rc;

    *counts = (struct sfx_feed_counts){0};
    f = (struct feed){.q = q, .opts = opts, .counts = counts};
    (void)snprintf(f.salt, sizeof(f.salt), "%lld.%d", (long long)sfx_clock_wall_ns(),
                   (int)getpid());
    rc = sfx_lines_init(&f.lines, fd, MAX_LINE, opts->stop, err);
    f.lines.out_fd = -1;
    f.lines.delimiter = opts->nul ? '\0' : '\n';
    if (rc == 0)
        rc = feed(&f, err);
    sfx_lines_done(&f.lines);
    sfx_arena_done(&f.arena);
    return rc == 0 && counts->failed > 0 ? 1 : rc;
}

static bool stopped(const struct sfx_pump_opts *opts)
{
    return opts->stop != NULL && *opts->stop != 0;
}

static bool is_last(const struct sfx_pump_opts *opts)
{
    return opts->once || (opts->last != NULL && *opts->last != 0);
}

static int move(struct sfx_queue *from, struct sfx_queue *to, struct sfx_queue_batch *batch,
                struct sfx_err *err)
{
    struct sfx_queue_put puts[PUMP_BATCH] = {0};
    struct sfx_queue_result results[PUMP_BATCH] = {0};
    int64_t rc;
    size_t i;

    for (i = 0; i < batch->count; i++) {
        puts[i].id = batch->events[i].id;
        puts[i].line = batch->events[i].line;
        puts[i].lane = batch->events[i].lane;
        results[i].seq = batch->events[i].seq;
        results[i].outcome = SFX_QUEUE_ACK;
    }
    rc = sfx_queue_put(to, puts, batch->count, err);
    if (rc >= 0)
        rc = sfx_queue_settle(from, results, batch->count, err);
    return rc < 0 ? (int)rc : 0;
}

int sfx_queue_pump(struct sfx_queue *from, struct sfx_queue *to, const struct sfx_pump_opts *opts,
                   uint64_t *moved, struct sfx_err *err)
{
    const struct sfx_queue_lease how = {.max = PUMP_BATCH,
                                        .visible_ms = opts->visible_ms,
                                        .max_attempts = opts->max_attempts,
                                        .runs = true};
    struct sfx_queue_batch batch = {0};
    int64_t n;
    int rc = 0;

    while (rc >= 0 && !stopped(opts)) {
        n = sfx_queue_lease(from, &how, &batch, err);
        rc = n < 0 ? (int)n : 0;
        if (n > 0) {
            rc = move(from, to, &batch, err);
            *moved += rc == 0 ? (uint64_t)n : 0;
        } else if (n == 0 && opts->once) {
            break;
        } else if (n == 0) {
            rc = sfx_queue_wait(from, -1, err);
        }
    }
    sfx_queue_batch_done(&batch);
    return rc < 0 ? rc : 0;
}

/* What was given out into the pipe. */
struct out {
    int64_t seqs[MAX_OUT];
    size_t count;
    int64_t extended_ms;
};

/*
 * Keeps up the leases of seqs and moves those that are still held to the front. Returns their
 * number. All at once where none is answered or all are: a transaction for each end of what is.
 */
static int64_t keep_held(struct sfx_queue *q, int64_t *seqs, size_t count, int64_t visible_ms,
                         struct sfx_err *err)
{
    int64_t held = count > 0 ? sfx_queue_extend(q, seqs, count, visible_ms, err) : 0, first, rest;
    size_t half = count / 2;

    if (held <= 0 || held == (int64_t)count)
        return held;
    first = keep_held(q, seqs, half, visible_ms, err);
    rest = first < 0 ? first : keep_held(q, seqs + half, count - half, visible_ms, err);
    if (rest < 0)
        return rest;
    memmove(seqs + first, seqs + half, (size_t)rest * sizeof(*seqs));
    return first + rest;
}

/* Keeps up the leases of what is unanswered and forgets the rest. */
static int keep_up(struct sfx_queue *q, const struct sfx_pump_opts *opts, struct out *out,
                   struct sfx_err *err)
{
    int64_t held = keep_held(q, out->seqs, out->count, opts->visible_ms, err);

    if (held < 0)
        return (int)held;
    out->count = (size_t)held;
    out->extended_ms = sfx_clock_mono_ns() / 1000000;
    return 0;
}

static int write_out(struct sfx_queue_batch *batch, int fd, struct out *out, struct sfx_buf *line,
                     struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    sfx_buf_clear(line);
    for (i = 0; rc == 0 && i < batch->count; i++) {
        out->seqs[out->count++] = batch->events[i].seq;
        rc = sfx_queue_event_line(&batch->events[i], line, err);
    }
    return rc == 0 ? sfx_io_write(fd, line->data, line->len, err) : rc;
}

/* Waits for events or answers; notices a reader that has gone. 1: it has. */
static int pause_out(struct sfx_queue *q, int fd, const struct sfx_pump_opts *opts, bool unanswered,
                     struct sfx_err *err)
{
    struct pollfd pfds[3] = {{.fd = fd, .events = 0},
                             {.events = POLLIN},
                             {.fd = opts->wake_fd > 0 ? opts->wake_fd : -1, .events = POLLIN}};
    uint64_t rung;
    int64_t next_ms;
    int bell = sfx_queue_wait_fd(q, &next_ms, err);

    if (bell < -1)
        return bell;
    pfds[1].fd = bell;
    if (unanswered && next_ms > PIPE_CHECK_MS)
        next_ms = PIPE_CHECK_MS;
    if (poll(pfds, 3, (int)next_ms) <= 0)
        return 0;
    if ((pfds[2].revents & POLLIN) != 0)
        (void)sfx_io_read(opts->wake_fd, &rung, sizeof(rung), NULL);
    return (pfds[0].revents & (POLLERR | POLLNVAL)) != 0;
}

int sfx_queue_pump_out(struct sfx_queue *from, int fd, const struct sfx_pump_opts *opts,
                       uint64_t *moved, struct sfx_err *err)
{
    struct sfx_queue_lease how = {.visible_ms = opts->visible_ms,
                                  .max_attempts = opts->max_attempts};
    struct sfx_queue_batch batch = {0};
    static struct out out; /* 32 KiB; one loop a process */
    struct sfx_buf line = {0};
    int64_t n = 0;
    int rc = 0;

    out.count = 0;
    while (rc == 0 && !stopped(opts)) {
        how.max = MAX_OUT - out.count < PUMP_BATCH ? MAX_OUT - out.count : PUMP_BATCH;
        n = how.max > 0 ? sfx_queue_lease(from, &how, &batch, err) : 0;
        rc = n < 0 ? (int)n : 0;
        if (n > 0) {
            rc = write_out(&batch, fd, &out, &line, err);
            *moved += rc == 0 ? (uint64_t)n : 0;
        }
        if (rc == 0 &&
            (n == 0 || sfx_clock_mono_ns() / 1000000 - out.extended_ms > opts->visible_ms / 3))
            rc = keep_up(from, opts, &out, err);
        if (rc == 0 && n == 0 && is_last(opts) && out.count == 0)
            break;
        if (rc == 0 && n == 0)
            rc = pause_out(from, fd, opts, out.count > 0, err);
    }
    sfx_queue_batch_done(&batch);
    sfx_buf_done(&line);
    return rc < 0 ? rc : 0;
}
