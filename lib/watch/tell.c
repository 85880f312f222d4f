/* SPDX-License-Identifier: MIT */
/* What becomes of the events of a watch. */
#include "watch/tell.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/size.h"
#include "cli/template.h"
#include "watch/handout.h"
#include "watch/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/uio.h>

enum { MAX_COLUMNS = 32 };

struct teller {
    const struct sfx_tell_opts *opts;
    struct sfx_watch *watch;
    struct sfx_handover *queue; /* NULL: printed */
    struct sfx_handout *out;    /* of the queue's events; NULL: not */
    struct sfx_template *format;
    struct sfx_buf line;
    uint64_t count;
    struct sfx_watch_stats counted; /* what the queue was told of */
};

/* What a placeholder "event.NAME" or "data.NAME" stands for. */
static struct sfx_slice look_up(const struct sfx_event *ev, struct sfx_slice name, char number[24])
{
    const struct {
        const char *name;
        struct sfx_slice value;
    } known[] = {
        {"event.id", ev->id},           {"event.source", ev->source}, {"event.type", ev->type},
        {"event.subject", ev->subject}, {"event.time", ev->time},     {"data.path", ev->path},
        {"data.type", ev->media_type},  {"data.etag", ev->etag},
    };
    size_t i;

    for (i = 0; i < SFX_COUNT(known); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(known[i].name)) && known[i].value.len > 0)
            return known[i].value;
    }
    if (sfx_slice_eq(name, SFX_SLICE_LIT("data.size")) && ev->size >= 0) {
        (void)snprintf(number, 24, "%" PRId64, ev->size);
        return sfx_slice_str(number);
    }
    return sfx_slice(NULL, 0);
}

static int render(struct teller *t, const struct sfx_event *ev, struct sfx_err *err)
{
    struct sfx_slice columns[MAX_COLUMNS], name;
    char numbers[MAX_COLUMNS][24];
    const struct sfx_template_values values = {.path = ev->path.len > 0 ? ev->path : ev->subject,
                                               .id = ev->id,
                                               .time_ns = sfx_clock_wall_ns(),
                                               .width = -1,
                                               .height = -1,
                                               .n = (int64_t)t->count + 1,
                                               .columns = columns};
    size_t i;
    int rc;

    for (i = 0; (name = sfx_template_column(t->format, i)).len > 0; i++) {
        if (i == MAX_COLUMNS)
            return sfx_err_set(err, SFX_E_USAGE, "--format: more than %d placeholders",
                               MAX_COLUMNS);
        columns[i] = look_up(ev, name, numbers[i]);
        if (columns[i].ptr == NULL) /* unknown of this one: a line must not be missing for it */
            columns[i] = sfx_slice("", 0);
    }
    rc = sfx_template_render_argument(t->format, &values, &t->line, err);
    return rc == 0 ? sfx_buf_putc(&t->line, t->opts->end, err) : rc;
}

/* Writes the line; when the reader does not keep up, what it is held up by waits meanwhile. */
static int write_line(struct teller *t, struct sfx_err *err)
{
    const struct iovec all = {.iov_base = t->line.data, .iov_len = t->line.len};
    ssize_t n = pwritev2(t->opts->fd, &all, 1, -1, RWF_NOWAIT);
    size_t done = n > 0 ? (size_t)n : 0;

    if (done == t->line.len)
        return 0;
    sfx_watch_will_wait(t->watch);
    return sfx_io_write(t->opts->fd, t->line.data + done, t->line.len - done, err);
}

/* In one write. */
static int print(struct teller *t, const struct sfx_event *ev, struct sfx_err *err)
{
    int rc;

    sfx_buf_clear(&t->line);
    rc = t->format != NULL ? render(t, ev, err) : sfx_event_write(ev, &t->line, err);
    if (rc < 0)
        return rc;
    rc = write_line(t, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

/* Tells the queue what was seen and lost since the last time. */
static int count_losses(struct teller *t, struct sfx_err *err)
{
    struct sfx_watch_stats now, *last = &t->counted;
    int rc;

    sfx_watch_stats(t->watch, &now);
    rc = sfx_handover_count(t->queue, "seen_kernel", now.seen_kernel - last->seen_kernel, err);
    if (rc == 0)
        rc = sfx_handover_count(t->queue, "seen_scan", now.seen_scan - last->seen_scan, err);
    if (rc == 0)
        rc = sfx_handover_count(t->queue, "seen_again", now.duplicates - last->duplicates, err);
    if (rc == 0)
        rc = sfx_handover_count(t->queue, "overflows", now.overflows - last->overflows, err);
    if (rc == 0)
        rc = sfx_handover_count(t->queue, "reconciled", now.reconciled - last->reconciled, err);
    *last = now;
    return rc;
}

/* All that was taken counts as told. */
static int settle(void *ctx, struct sfx_err *err)
{
    struct teller *t = ctx;
    int rc;

    if (t->queue != NULL && !sfx_handover_is_empty(t->queue))
        sfx_watch_will_wait(t->watch);
    rc = t->queue != NULL ? count_losses(t, err) : 0;

    if (rc == 0 && t->queue != NULL)
        rc = sfx_handover_flush(t->queue, err);
    if (rc == 0 && t->out != NULL)
        rc = sfx_handout_check(t->out, err);
    return rc == 0 ? sfx_watch_commit(t->watch, err) : rc;
}

static int tell_one(struct teller *t, const struct sfx_event *ev, struct sfx_err *err)
{
    int rc = t->queue != NULL ? sfx_handover_add(t->queue, ev, err) : print(t, ev, err);

    t->count++;
    if (rc == 0 && (t->queue == NULL || sfx_handover_is_empty(t->queue)))
        rc = sfx_watch_commit(t->watch, err);
    return rc;
}

static int tell_all(struct teller *t, struct sfx_err *err)
{
    struct sfx_event ev;
    int rc;

    while ((rc = sfx_watch_next(t->watch, &ev, err)) > 0) {
        rc = tell_one(t, &ev, err);
        if (rc < 0)
            return rc;
        if (t->count == t->opts->max_events)
            break;
    }
    return rc >= 0 ? settle(t, err) : rc;
}

static int open_outputs(struct teller *t, struct sfx_watch_opts *watch, struct sfx_err *err)
{
    const struct sfx_handover_opts to = {
        .uri = t->opts->to, .durable = t->opts->durable, .stop = watch->stop};

    watch->idle = settle;
    watch->idle_ctx = t;
    /* What is not printed nobody has to read. */
    watch->reader_fd = t->opts->to == NULL || t->opts->print ? t->opts->fd : -1;
    if (t->opts->to != NULL) {
        t->queue = sfx_handover_new(&to, err);
        if (t->queue != NULL && t->opts->print)
            t->out = sfx_handout_new(t->opts->to, t->opts->fd, watch->stop, err);
        return t->queue == NULL || (t->opts->print && t->out == NULL)
                   ? sfx_err_wrap(err, (int)err->code, "--to")
                   : 0;
    }
    if (t->opts->format != NULL) {
        t->format = sfx_template_new_argument(t->opts->format, err);
        return t->format == NULL ? sfx_err_wrap(err, (int)err->code, "--format") : 0;
    }
    return 0;
}

/* Prints the rest, unless the watch was stopped or failed: what is not printed stays in the queue.
 */
static int end_handout(struct teller *t, const struct sfx_watch_opts *watch, int rc,
                       struct sfx_tell_stats *stats, struct sfx_err *err)
{
    bool stopped = watch->stop != NULL && *watch->stop != 0;
    struct sfx_err why;
    int ended = sfx_handout_end(t->out, rc == 0 && !stopped, &why);

    t->out = NULL;
    stats->reader_gone = why.errnum == EPIPE;
    if (rc < 0 || ended >= 0 || stats->reader_gone)
        return stats->reader_gone ? 0 : rc;
    if (err != NULL)
        *err = why;
    return ended;
}

int sfx_tell(struct sfx_watch_opts *watch, const struct sfx_tell_opts *opts,
             struct sfx_tell_stats *stats, struct sfx_err *err)
{
    struct teller t = {.opts = opts};
    int rc = open_outputs(&t, watch, err);

    *stats = (struct sfx_tell_stats){0};
    if (rc == 0) {
        t.watch = sfx_watch_new(watch, err);
        rc = t.watch != NULL ? tell_all(&t, err) : (int)err->code;
    }
    if (t.out != NULL)
        rc = end_handout(&t, watch, rc, stats, err);
    if (t.watch != NULL) {
        sfx_watch_stats(t.watch, &stats->watch);
        stats->reader_gone = stats->reader_gone || sfx_watch_reader_gone(t.watch);
    }
    if (t.queue != NULL)
        sfx_handover_counts(t.queue, &stats->put, &stats->known);
    sfx_watch_free(t.watch);
    sfx_handover_free(t.queue);
    sfx_template_free(t.format);
    sfx_buf_done(&t.line);
    return rc;
}
