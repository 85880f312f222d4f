/* SPDX-License-Identifier: MIT */
/*
 * A queue as a source: events are leased, their leases kept up while they are in hand, and what
 * became of them is said in one transaction a round of the loop, with the invocations that it took.
 * Retries wait in the queue, where another runner may take them; those of a key stay here, so that
 * nothing of their key overtakes them. An event that is given up becomes a dead letter of the
 * queue.
 */
#include "base/clock.h"
#include "function/function_internal.h"
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define LEASE_MS 60000
#define RENEW_NS (SFX_NS_PER_S * 20) /* a third of it: two may fail */
#define AT_ONCE  64                  /* leases of a transaction */

struct queue_source {
    struct sfx_function *fn;
    struct sfx_queue *q;
    struct sfx_queue_batch batch;
    struct sfx_loop_watch watch;       /* something was made ready */
    struct sfx_loop_timer look, renew; /* a look is due in any case; leases are to be kept up */
    bool quiet;                        /* nothing is ready, as far as is known */
    bool drained;                      /* once: nothing will come */
    uint64_t nretries;                 /* given to the queue and not yet seen again */
    int64_t *held;                     /* owned: seqs in hand */
    size_t nheld, cap_held;
    struct sfx_queue_result *results;   /* owned: to be settled */
    struct sfx_queue_invocation *taken; /* owned: the invocation of each, if any */
    size_t nresults, cap_results;
    struct sfx_arena texts; /* of the results */
};

static void wake(struct queue_source *s)
{
    s->quiet = false;
    if (s->watch.ready != NULL)
        sfx_loop_change(s->fn->runner->loop, &s->watch, 0);
}

static void on_ready(void *ctx, uint32_t events)
{
    (void)events;
    wake(ctx);
}

static void on_look(void *ctx)
{
    wake(ctx);
}

static void on_renew(void *ctx)
{
    struct queue_source *s = ctx;
    struct sfx_loop *loop = s->fn->runner->loop;
    struct sfx_err err;

    /* One that is lost meanwhile is settled by whoever has it. */
    if (s->nheld > 0 && sfx_queue_extend(s->q, s->held, s->nheld, LEASE_MS, &err) < 0)
        sfx_log_err(s->fn->runner->log, SFX_LOG_WARNING, &err);
    if (sfx_loop_set(loop, &s->renew, sfx_clock_mono_ns() + RENEW_NS, &err) < 0)
        sfx_runner_fail(s->fn->runner, err.code, &err);
}

static int open_queue(struct sfx_function *fn, struct sfx_err *err)
{
    const struct sfx_queue_opts opts = {.create = !fn->opts->once,
                                        .durable = fn->opts->durable,
                                        .stop = fn->runner->opts->stop,
                                        .name = "sfx-run"};
    struct queue_source *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    fn->source_data = s;
    s->fn = fn;
    s->look = (struct sfx_loop_timer){.due = on_look, .ctx = s};
    s->renew = (struct sfx_loop_timer){.due = on_renew, .ctx = s};
    s->q = sfx_queue_open(fn->opts->from, &opts, err);
    if (s->q == NULL)
        return err->code;
    return sfx_loop_set(fn->runner->loop, &s->renew, sfx_clock_mono_ns() + RENEW_NS, err);
}

static int hold(struct queue_source *s, int64_t seq, struct sfx_err *err)
{
    const size_t cap = s->cap_held > 0 ? 2 * s->cap_held : AT_ONCE;
    int64_t *grown;

    if (s->nheld == s->cap_held) {
        grown = reallocarray(s->held, cap, sizeof(*grown));
        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        s->held = grown;
        s->cap_held = cap;
    }
    s->held[s->nheld++] = seq;
    return 0;
}

static void let_go(struct queue_source *s, int64_t seq)
{
    size_t i;

    for (i = 0; i < s->nheld; i++) {
        if (s->held[i] == seq) {
            s->held[i] = s->held[--s->nheld];
            return;
        }
    }
}

/* Waits for the queue's word, or for the time of the next look. */
static int be_quiet(struct queue_source *s, int fd, int64_t next_ms, struct sfx_err *err)
{
    struct sfx_loop *loop = s->fn->runner->loop;
    int rc = 0;

    s->quiet = true;
    if (fd >= 0 && s->watch.ready == NULL) {
        s->watch = (struct sfx_loop_watch){.ready = on_ready, .ctx = s};
        rc = sfx_loop_add(loop, &s->watch, fd, EPOLLIN, err);
    } else if (fd >= 0) {
        sfx_loop_change(loop, &s->watch, EPOLLIN);
    }
    if (rc == 0 && next_ms >= 0)
        rc = sfx_loop_set(loop, &s->look, sfx_clock_mono_ns() + next_ms * 1000000, err);
    return rc;
}

/* With --once: whether all is done but what others have in hand. */
static int look_whether_drained(struct queue_source *s, struct sfx_err *err)
{
    struct sfx_queue_stats stats;
    int rc;

    if (!s->fn->opts->once || s->nheld > 0 || s->nresults > 0)
        return 0;
    rc = s->nretries > 0 ? sfx_queue_stats(s->q, &stats, err) : 0;
    if (rc == 0)
        s->drained = s->nretries == 0 || stats.depth[SFX_QUEUE_DELAYED] == 0;
    return rc;
}

static int admit(struct queue_source *s, const struct sfx_queue_event *event, struct sfx_err *err)
{
    const struct sfx_admission a = {.line = event->line,
                                    .handle = event->seq,
                                    .born_ns = event->put_ms * 1000000,
                                    .attempts = event->attempt - 1};
    int rc = hold(s, event->seq, err);

    if (event->attempt > 1 && s->nretries > 0)
        s->nretries--;
    return rc == 0 ? sfx_function_admit(s->fn, &a, err) : rc;
}

static int take(struct sfx_function *fn, size_t n, struct sfx_err *err)
{
    struct queue_source *s = fn->source_data;
    int64_t next_ms = -1, got = 1, i;
    int fd, rc = 0;

    while (n > 0 && !s->quiet && !s->drained) {
        const struct sfx_queue_lease how = {.max = n < AT_ONCE ? n : AT_ONCE,
                                            .visible_ms = LEASE_MS};

        /* In this order nothing that is put meanwhile is missed. */
        fd = sfx_queue_wait_fd(s->q, &next_ms, err);
        got = fd < -1 ? fd : sfx_queue_lease(s->q, &how, &s->batch, err);
        if (got < 0)
            return sfx_err_wrap(err, (int)got, "%s", fn->opts->from);
        for (i = 0; rc == 0 && i < got; i++)
            rc = admit(s, &s->batch.events[i], err);
        if (rc == 0 && got == 0)
            rc = look_whether_drained(s, err);
        if (rc == 0 && got == 0 && !s->drained)
            rc = be_quiet(s, fd, next_ms, err);
        if (rc < 0)
            return rc;
        n -= (size_t)got;
    }
    return 0;
}

static struct sfx_slice keep(struct queue_source *s, const char *text, size_t len)
{
    char *copy = text != NULL ? sfx_arena_strndup(&s->texts, text, len, NULL) : NULL;

    return sfx_slice(copy, copy != NULL ? len : 0);
}

/* How the function was called, for replays. Of a resident process only what all its events share.
 */
static struct sfx_slice context(struct queue_source *s, const struct sfx_invocation *inv)
{
    struct sfx_function *fn = s->fn;
    struct sfx_command_facts facts = {.function = fn->name};
    struct sfx_buf json = {0};
    struct sfx_slice kept = {0};
    struct sfx_event ev;
    struct sfx_err err;
    int rc = 0;

    sfx_arena_reset(&fn->runner->arena);
    if (fn->opts->carrier == SFX_CARRIER_LAMBDA)
        return kept; /* it can be run by nobody else */
    if (!fn->carrier->resident)
        rc = sfx_invocation_facts(inv, &facts, &ev, &err);
    if (rc == 0)
        rc = sfx_command_record(fn->command, &facts, &fn->runner->arena, &json, &err);
    if (rc == 0)
        kept = keep(s, json.data, json.len);
    sfx_buf_done(&json);
    return kept;
}

/* What the queue remembers of an invocation; texts that do not fit into memory are left out. */
static struct sfx_queue_invocation record(struct queue_source *s, const struct sfx_item *item,
                                          const struct sfx_invocation *inv, bool failed)
{
    const struct sfx_outcome *o = &inv->outcome;
    const struct sfx_meter *m = &inv->meter;

    return (struct sfx_queue_invocation){
        .event_id = keep(s, item->id, item->id_len),
        .function = sfx_slice_str(s->fn->name),
        .invocation_id = keep(s, inv->request_id, strlen(inv->request_id)),
        .attempt = (uint32_t)item->attempts,
        .start_ns = m->start_ns,
        .duration_ns = m->duration_ns,
        .billed_ms = (m->duration_ns + m->init_ns + 999999) / 1000000,
        .init_ns = m->init_ns,
        .queued_ns = m->queued_ns,
        .user_ns = m->user_ns,
        .system_ns = m->system_ns,
        .peak_nbytes = m->peak_nbytes,
        .limit_nbytes = (int64_t)m->limit_nbytes,
        .in_nbytes = m->in_nbytes,
        .out_nbytes = m->out_nbytes,
        .share = 1.0 / (double)inv->nitems,
        .exit_code = o->exit_code,
        .error = o->error != NULL ? sfx_slice_str(o->error) : sfx_slice(NULL, 0),
        .reason = keep(s, o->reason, strlen(o->reason)),
        .stderr_text = keep(s, inv->said.data, inv->said.len),
        .trace = keep(s, inv->traceparent, strlen(inv->traceparent)),
        .context = failed ? context(s, inv) : sfx_slice(NULL, 0),
    };
}

static int add_result(struct queue_source *s, const struct sfx_queue_result *result,
                      const struct sfx_queue_invocation *taken, struct sfx_err *err)
{
    const size_t cap = s->cap_results > 0 ? 2 * s->cap_results : AT_ONCE;
    void *results, *invocations;

    if (s->nresults == s->cap_results) {
        results = reallocarray(s->results, cap, sizeof(*s->results));
        if (results != NULL)
            s->results = results;
        invocations = reallocarray(s->taken, cap, sizeof(*s->taken));
        if (invocations != NULL)
            s->taken = invocations;
        if (results == NULL || invocations == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        s->cap_results = cap;
    }
    s->results[s->nresults] = *result;
    if (taken != NULL)
        s->taken[s->nresults] = *taken;
    s->nresults++;
    return 0;
}

static int settle(struct sfx_function *fn, struct sfx_item *item, enum sfx_verdict verdict,
                  int64_t delay_ns, const struct sfx_invocation *inv, struct sfx_err *err)
{
    static const struct sfx_queue_invocation present;
    struct queue_source *s = fn->source_data;
    struct sfx_queue_invocation taken = {0};
    struct sfx_queue_result result = {.seq = item->handle, .delay_ms = delay_ns / 1000000};
    int rc;

    if (verdict == SFX_VERDICT_RETRY && item->lane != NULL)
        return 0; /* it stays in hand */
    if (inv != NULL) {
        taken = record(s, item, inv, verdict != SFX_VERDICT_ACK || inv->outcome.error != NULL);
        result.invocation = &present; /* which one is known when all are there */
        result.reason = taken.reason;
    }
    if (verdict == SFX_VERDICT_RETRY) {
        result.outcome = SFX_QUEUE_RETRY;
        s->nretries++;
    } else {
        result.outcome = verdict == SFX_VERDICT_ACK ? SFX_QUEUE_ACK : SFX_QUEUE_BURY;
    }
    rc = add_result(s, &result, &taken, err);
    if (rc < 0)
        return rc;
    let_go(s, item->handle);
    return verdict == SFX_VERDICT_RETRY;
}

static int give_back(struct sfx_function *fn, struct sfx_item *item, struct sfx_err *err)
{
    struct queue_source *s = fn->source_data;
    const struct sfx_queue_result result = {.seq = item->handle, .outcome = SFX_QUEUE_GIVE_BACK};

    let_go(s, item->handle);
    return add_result(s, &result, NULL, err);
}

static int flush(struct sfx_function *fn, struct sfx_err *err)
{
    struct queue_source *s = fn->source_data;
    int64_t applied;
    size_t i;

    if (s->nresults == 0)
        return 0;
    for (i = 0; i < s->nresults; i++) {
        if (s->results[i].invocation != NULL)
            s->results[i].invocation = &s->taken[i];
    }
    applied = sfx_queue_settle(s->q, s->results, s->nresults, err);
    if (applied < 0)
        return sfx_err_wrap(err, (int)applied, "%s", fn->opts->from);
    if ((size_t)applied < s->nresults)
        sfx_log(fn->runner->log, SFX_LOG_WARNING,
                "%s: %zu events were done when others had them already", fn->name,
                s->nresults - (size_t)applied);
    s->nresults = 0;
    sfx_arena_reset(&s->texts);
    wake(s); /* what waited behind these may be ready */
    return 1;
}

static bool ended(const struct sfx_function *fn)
{
    const struct queue_source *s = fn->source_data;

    return s->drained;
}

static void close_queue(struct sfx_function *fn)
{
    struct queue_source *s = fn->source_data;

    if (s == NULL)
        return;
    sfx_loop_remove(fn->runner->loop, &s->watch);
    sfx_loop_unset(fn->runner->loop, &s->look);
    sfx_loop_unset(fn->runner->loop, &s->renew);
    sfx_queue_close(s->q);
    sfx_queue_batch_done(&s->batch);
    sfx_arena_done(&s->texts);
    free(s->held);
    free(s->results);
    free(s->taken);
    free(s);
    fn->source_data = NULL;
}

const struct sfx_source sfx_source_queue = {
    .name = "queue",
    .open = open_queue,
    .take = take,
    .settle = settle,
    .give_back = give_back,
    .flush = flush,
    .ended = ended,
    .close = close_queue,
};
