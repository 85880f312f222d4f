/* SPDX-License-Identifier: MIT */
/* What the commands of sfx-queue do with the queue that was opened for them. */
#include "queue/commands.h"

#include "base/clock.h"
#include "base/io.h"
#include "queue/feed.h"
#include "queue/report.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static int write_out(struct sfx_queue_job *j, struct sfx_err *err)
{
    int rc = sfx_io_write(j->out_fd, j->out.data, j->out.len, err);

    sfx_buf_clear(&j->out);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

static int put(struct sfx_queue_job *j, struct sfx_err *err)
{
    const struct sfx_feed_opts opts = {.kind = (enum sfx_intake_kind)j->o->as,
                                       .nul = j->o->zero,
                                       .key = j->o->key,
                                       .delay_ms = j->o->delay_ns / 1000000,
                                       .log = j->log,
                                       .stop = j->stop};
    struct sfx_feed_counts counts;
    int rc = sfx_queue_feed(j->q, j->in_fd, &opts, &counts, err);

    j->count = counts.put;
    sfx_log(j->log, SFX_LOG_INFO, "%llu put, %llu known already", (unsigned long long)counts.put,
            (unsigned long long)counts.duplicates);
    return rc;
}

static int print_row(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err)
{
    struct sfx_queue_job *j = ctx;
    int rc = sfx_queue_report_row(row, j->json, &j->out, err);

    j->count++;
    return rc == 0 ? write_out(j, err) : rc;
}

static int print_invocation(void *ctx, int64_t number, const struct sfx_queue_invocation *inv,
                            struct sfx_err *err)
{
    struct sfx_queue_job *j = ctx;
    int rc = sfx_queue_report_invocation(inv, &j->out, err);

    (void)number;
    j->count++;
    if (rc == 0)
        rc = sfx_buf_putc(&j->out, '\n', err);
    return rc == 0 ? write_out(j, err) : rc;
}

static struct sfx_queue_invocation_filter invocation_filter(const struct sfx_queue_job *j)
{
    return (struct sfx_queue_invocation_filter){
        .function = sfx_slice_str(j->o->function != NULL ? j->o->function : ""),
        .since_ns = j->filter.since_ms * 1000000,
        .until_ns = j->filter.until_ms * 1000000,
        .limit = j->o->limit,
    };
}

static int show(struct sfx_queue_job *j, struct sfx_err *err)
{
    struct sfx_queue_invocation_filter runs = {.event_id = sfx_slice_str(j->args[0])};
    int rc;

    j->filter.id = runs.event_id;
    j->json = true;
    rc = sfx_queue_list(j->q, &j->filter, print_row, j, err);
    if (rc == 0 && j->count == 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s: no such event", j->args[0]);
    return rc == 0 ? sfx_queue_invocations(j->q, &runs, print_invocation, j, err) : rc;
}

/* Changes the events that are named, or those of the filter. 1 when one of them did not change. */
static int change(struct sfx_queue_job *j, enum sfx_queue_change what, struct sfx_err *err)
{
    struct sfx_slice reason = {0};
    int64_t n;
    int i, missed = 0;

    if (j->nargs == 0) {
        n = sfx_queue_change(j->q, &j->filter, what, reason, err);
        j->count = n > 0 ? (uint64_t)n : 0;
        return n < 0 ? (int)n : 0;
    }
    for (i = 0; i < j->nargs; i++) {
        j->filter.id = sfx_slice_str(j->args[i]);
        n = sfx_queue_change(j->q, &j->filter, what, reason, err);
        if (n < 0)
            return (int)n;
        j->count += (uint64_t)n;
        if (n == 0) {
            sfx_log(j->log, SFX_LOG_ERROR, "%s: no such event that could be changed", j->args[i]);
            missed = 1;
        }
    }
    return missed;
}

static int retry(struct sfx_queue_job *j, struct sfx_err *err)
{
    if ((j->nargs > 0) == (j->o->all || j->o->match != NULL))
        return sfx_err_set(err, SFX_E_USAGE, "retry needs either ids or --all or --match");
    if (j->nargs == 0)
        j->filter.states = 1u << SFX_QUEUE_DEAD;
    return change(j, SFX_QUEUE_REVIVE, err);
}

static int purge(struct sfx_queue_job *j, struct sfx_err *err)
{
    const struct sfx_queue_words *o = j->o;
    bool chosen = o->all || o->state != 0 || o->match != NULL || o->since_ns > 0 || o->older_ns > 0;

    if (!chosen && o->retention_ns == 0)
        return sfx_err_set(err, SFX_E_USAGE, "purge needs --state, --match, --older or --all");
    return chosen ? change(j, SFX_QUEUE_FORGET, err) : 0;
}

static int add_to_digest(void *ctx, int64_t number, const struct sfx_queue_invocation *inv,
                         struct sfx_err *err)
{
    (void)number;
    return sfx_queue_digest_add(ctx, inv, err);
}

static struct sfx_queue_digest digest; /* 80 KiB, too much for a stack */

static int meter(struct sfx_queue_job *j, struct sfx_err *err)
{
    struct sfx_queue_invocation_filter filter = invocation_filter(j);
    int rc;

    digest.by_day = true;
    rc = sfx_queue_invocations(j->q, &filter, add_to_digest, &digest, err);
    if (rc == 0)
        rc = sfx_queue_report_meter(&digest, j->o->json, &j->out, err);
    j->count = digest.count;
    return rc == 0 ? write_out(j, err) : rc;
}

static int stats(struct sfx_queue_job *j, struct sfx_err *err)
{
    struct sfx_queue_stats s;
    int rc = sfx_queue_stats(j->q, &s, err);

    if (rc == 0)
        rc = sfx_queue_report_stats(&s, j->o->json, &j->out, err);
    return rc == 0 ? write_out(j, err) : rc;
}

/* Figures of the last hour, or of --since, again and again. */
static int top(struct sfx_queue_job *j, struct sfx_err *err)
{
    int64_t every_ns = j->o->every_ns > 0 ? j->o->every_ns : 1000000000;
    int64_t span_ns = j->o->since_ns > 0 ? j->o->since_ns : INT64_C(3600) * 1000000000;
    struct sfx_queue_stats now, before;
    bool again = false;
    int rc;

    do {
        struct sfx_queue_invocation_filter filter = {.since_ns = sfx_clock_wall_ns() - span_ns};

        memset(&digest, 0, sizeof(digest));
        rc = sfx_queue_stats(j->q, &now, err);
        if (rc == 0)
            rc = sfx_queue_invocations(j->q, &filter, add_to_digest, &digest, err);
        if (rc == 0 && !j->o->json && !j->o->once && isatty(j->out_fd))
            rc = sfx_buf_puts(&j->out, "\033[H\033[J", err);
        if (rc == 0)
            rc = sfx_queue_report_top(&now, again ? &before : NULL, (double)every_ns / 1e9, &digest,
                                      j->o->json, &j->out, err);
        if (rc == 0)
            rc = write_out(j, err);
        before = now;
        again = true;
        if (rc == 0 && !j->o->once && *j->stop == 0)
            (void)poll(NULL, 0, (int)(every_ns / 1000000));
    } while (rc == 0 && !j->o->once && *j->stop == 0);
    return rc;
}

static int pump(struct sfx_queue_job *j, struct sfx_err *err)
{
    const struct sfx_pump_opts opts = {
        .once = j->o->once,
        .visible_ms = j->o->visible_ns > 0 ? j->o->visible_ns / 1000000 : 30000,
        .max_attempts = (uint32_t)j->o->max_attempts,
        .stop = j->stop};
    const struct sfx_queue_opts to_opts = {
        .create = true, .durable = j->o->durable, .stop = j->stop, .name = "sfx-queue"};
    struct sfx_queue *to;
    int rc;

    if (strcmp(j->args[0], "-") == 0)
        return sfx_queue_pump_out(j->q, j->out_fd, &opts, &j->count, err);
    to = sfx_queue_open(j->args[0], &to_opts, err);
    if (to == NULL)
        return (int)err->code;
    rc = sfx_queue_pump(j->q, to, &opts, &j->count, err);
    sfx_queue_close(to);
    return rc;
}

static int history(struct sfx_queue_job *j, struct sfx_err *err)
{
    struct sfx_queue_invocation_filter filter = invocation_filter(j);

    filter.newest_first = true;
    return sfx_queue_invocations(j->q, &filter, print_invocation, j, err);
}

static int run(struct sfx_queue_job *j, enum sfx_queue_command command, struct sfx_err *err)
{
    switch (command) {
    case SFX_QUEUE_C_PUT: return put(j, err);
    case SFX_QUEUE_C_DEAD:
        j->filter.states = 1u << SFX_QUEUE_DEAD;
        return sfx_queue_list(j->q, &j->filter, print_row, j, err);
    case SFX_QUEUE_C_LIST: return sfx_queue_list(j->q, &j->filter, print_row, j, err);
    case SFX_QUEUE_C_SHOW: return show(j, err);
    case SFX_QUEUE_C_ACK: return change(j, SFX_QUEUE_FINISH, err);
    case SFX_QUEUE_C_RETRY: return retry(j, err);
    case SFX_QUEUE_C_REPLAY: break; /* replaces the process: the program's own affair */
    case SFX_QUEUE_C_HISTORY: return history(j, err);
    case SFX_QUEUE_C_STATS: return stats(j, err);
    case SFX_QUEUE_C_TOP: return top(j, err);
    case SFX_QUEUE_C_METER: return meter(j, err);
    case SFX_QUEUE_C_PUMP: return pump(j, err);
    case SFX_QUEUE_C_PURGE: return purge(j, err);
    }
    return 0;
}

int sfx_queue_command(struct sfx_queue_job *j, enum sfx_queue_command command, struct sfx_err *err)
{
    const struct sfx_queue_words *o = j->o;
    int64_t now_ms = sfx_clock_wall_ns() / 1000000;
    int rc = 0;

    j->json = o->json;
    j->filter = (struct sfx_queue_filter){
        .states = o->state > 0 ? 1u << (o->state - 1) : 0,
        .match = sfx_slice_str(o->match != NULL ? o->match : ""),
        .since_ms = o->since_ns > 0 ? now_ms - o->since_ns / 1000000 : 0,
        .until_ms = o->older_ns > 0 ? now_ms - o->older_ns / 1000000 : 0,
        .limit = o->limit,
    };
    if (o->retention_ns > 0)
        rc = sfx_queue_set_retention(j->q, o->retention_ns / 1000000, err);
    if (rc == 0)
        rc = run(j, command, err);
    sfx_buf_done(&j->out);
    return rc;
}
