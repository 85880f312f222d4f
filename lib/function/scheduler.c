/* SPDX-License-Identifier: MIT */
/* The scheduler: which events begin when, and what becomes of them afterwards. */
#include "base/clock.h"
#include "base/size.h"
#include "function/function_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Events held beyond those that run, for each instance: enough that an instance which ends one
 * finds the next, so few that other consumers of the queue find some too.
 */
enum { AHEAD = 4, AHEAD_LINES = 256 };

/* Events that a full batch has. */
static size_t batch_size(const struct sfx_function *fn)
{
    return fn->opts->batch > 1 ? (size_t)fn->opts->batch : 1;
}

static size_t room(const struct sfx_function *fn)
{
    size_t held = fn->ready.count + fn->nbehind + fn->nwaiting;
    size_t most = (size_t)fn->opts->max * batch_size(fn) * AHEAD;

    if (fn->opts->from == NULL && most < AHEAD_LINES)
        most = AHEAD_LINES; /* nobody else reads from the pipe */
    if (most > 100000)
        most = 100000; /* bounds the memory: with events of 64 KiB it takes a batch to get there */
    return held < most ? most - held : 0;
}

/* Whether the first ready items are an invocation; else *later is when they will be. */
static bool is_batch(const struct sfx_function *fn, int64_t now, int64_t *later)
{
    const struct sfx_function_opts *o = fn->opts;
    size_t most = batch_size(fn), nbytes = o->batch_nbytes > 0 ? o->batch_nbytes : 256 * 1024;
    int64_t at;

    if (fn->ready.count == 0)
        return false;
    if (fn->ready.first->most > 0 && fn->ready.first->most < most)
        most = fn->ready.first->most;
    if (fn->ready.count >= most || fn->ready_nbytes >= nbytes || o->window_ns <= 0 ||
        fn->source->ended(fn) || fn->runner->stopping_ns > 0)
        return true;
    at = fn->ready.first->ready_ns + o->window_ns;
    if (at <= now)
        return true;
    if (*later < 0 || at < *later)
        *later = at;
    return false;
}

/* An idle instance: the one that was busy last, so that those nobody needs grow idle. */
static struct sfx_instance *idle_instance(struct sfx_function *fn)
{
    struct sfx_instance *in, *best = NULL;

    for (in = fn->nidle > 0 ? fn->instances : NULL; in != NULL; in = in->next) {
        if (in->state == SFX_INSTANCE_IDLE &&
            (best == NULL || in->idle_since_ns > best->idle_since_ns))
            best = in;
    }
    return best;
}

static struct sfx_instance *longest_idle(struct sfx_function *fn)
{
    struct sfx_instance *in, *best = NULL;

    for (in = fn->nidle > 0 ? fn->instances : NULL; in != NULL; in = in->next) {
        if (in->state == SFX_INSTANCE_IDLE &&
            (best == NULL || in->idle_since_ns < best->idle_since_ns))
            best = in;
    }
    return best;
}

/* Whether the slots that all functions share leave this one another instance: fewest served first.
 */
static bool may_grow(const struct sfx_function *fn)
{
    const struct sfx_runner *runner = fn->runner;
    size_t i;

    if (fn->ninstances >= fn->opts->max)
        return false;
    if (runner->opts->max == 0)
        return true;
    if (runner->ninstances >= runner->opts->max)
        return false;
    for (i = 0; i < runner->count; i++) {
        const struct sfx_function *other = &runner->functions[i];

        if (other != fn && other->ready.count > 0 && other->ninstances < other->opts->max &&
            other->served < fn->served)
            return false;
    }
    return true;
}

/* Whether rate and breaker let an invocation begin now; else *later is when to ask again. */
static bool is_let(struct sfx_function *fn, int64_t now, int64_t *later)
{
    int64_t wait = sfx_breaker_ask(&fn->breaker, now);

    if (wait == 0) {
        wait = sfx_tokens_take(&fn->tokens, now);
        if (wait > 0)
            fn->breaker.trying = false; /* the try was not used */
    }
    if (wait == 0)
        return true;
    fn->totals->throttled++;
    if (*later < 0 || now + wait < *later)
        *later = now + wait;
    return false;
}

/* An instance could not be started: for want of memory or processes, or of the program itself. */
void sfx_function_hold_starts(struct sfx_function *fn)
{
    int64_t pause_ns = 60 * SFX_NS_PER_S;

    if (fn->start_failures < 6)
        pause_ns = SFX_NS_PER_S << fn->start_failures;
    fn->start_failures++;
    fn->start_after_ns = sfx_clock_mono_ns() + pause_ns;
}

static void failed_to_start(struct sfx_function *fn, struct sfx_invocation *inv,
                            const struct sfx_err *err)
{
    const bool of_the_machine = err->errnum == EAGAIN || err->errnum == ENOMEM ||
                                err->errnum == EMFILE || err->errnum == ENFILE ||
                                err->code == SFX_E_NOMEM;

    sfx_function_hold_starts(fn);
    if (inv == NULL) {
        sfx_log(fn->runner->log, SFX_LOG_ERROR, "%s: %s", fn->name, err->text);
        return;
    }
    if (!of_the_machine)
        fn->start_after_ns = 0; /* the next event may name another program */
    inv->outcome = (struct sfx_outcome){.error = "start", .not_begun = of_the_machine};
    inv->outcome.exit_code = err->code == SFX_E_INPUT ? SFX_EXIT_DATA
                             : err->errnum == ENOENT  ? SFX_EXIT_NOT_FOUND
                             : of_the_machine         ? SFX_EXIT_TEMPORARY
                                                      : SFX_EXIT_CANNOT_RUN;
    (void)snprintf(inv->outcome.reason, sizeof(inv->outcome.reason), "%.399s", err->text);
    sfx_invocation_end(inv);
}

void sfx_function_fail_ready(struct sfx_function *fn, const struct sfx_outcome *outcome)
{
    struct sfx_err err = {0};
    struct sfx_invocation *inv;

    if (fn->ready.count == 0)
        return;
    inv = sfx_invocation_new(fn, &err);
    if (inv == NULL) {
        sfx_runner_fail(fn->runner, err.code, &err);
        return;
    }
    inv->outcome = *outcome;
    sfx_invocation_end(inv);
}

static void start_instance(struct sfx_function *fn, struct sfx_invocation *inv)
{
    struct sfx_err err = {0};
    struct sfx_instance *in = sfx_instance_new(fn, &err);
    int rc = in != NULL ? 0 : SFX_E_NOMEM;

    if (rc == 0) {
        in->inv = inv;
        rc = fn->carrier->start(in, &err);
        if (rc == 0) {
            if (!fn->carrier->resident)
                fn->start_failures = 0;
            return;
        }
        in->inv = NULL;
        sfx_instance_free(in);
    }
    failed_to_start(fn, inv, &err);
}

/* Gives the first batch to an instance. */
static void begin(struct sfx_function *fn, struct sfx_instance *in)
{
    struct sfx_err err = {0};
    struct sfx_invocation *inv = sfx_invocation_new(fn, &err);

    if (inv == NULL) {
        sfx_runner_fail(fn->runner, err.code, &err);
        return;
    }
    fn->served++;
    if (in == NULL) {
        start_instance(fn, inv);
        return;
    }
    in->inv = inv;
    sfx_instance_set(in, SFX_INSTANCE_BUSY);
    if (fn->carrier->give(in, &err) < 0) {
        (void)snprintf(inv->outcome.reason, sizeof(inv->outcome.reason), "%.300s", err.text);
        sfx_instance_kill(in, "answer", SIGKILL);
    }
}

/* Gives batches to whom they can be given to. */
static void begin_all(struct sfx_function *fn, int64_t now, int64_t *later)
{
    const struct sfx_runner *runner = fn->runner;

    while (runner->rc == 0 && runner->stopping_ns == 0 && !sfx_results_full(runner->results) &&
           is_batch(fn, now, later)) {
        struct sfx_instance *in = fn->carrier->resident ? idle_instance(fn) : NULL;

        if (fn->carrier->resident ? in == NULL : !may_grow(fn))
            break;
        if (in == NULL && now < fn->start_after_ns) {
            *later = *later < 0 || fn->start_after_ns < *later ? fn->start_after_ns : *later;
            break;
        }
        if (!is_let(fn, now, later))
            break;
        begin(fn, in);
    }
}

/* Resident instances: as many as the rule says. Returns whether one was started. */
static bool scale(struct sfx_function *fn, int64_t now, int64_t *later)
{
    const struct sfx_scale_rule rule = {
        .min = fn->runner->stopping_ns > 0 || sfx_function_finished(fn) ? 0 : fn->opts->min,
        .max = fn->opts->max,
        .idle_ns = fn->opts->idle_ns >= 0 ? fn->opts->idle_ns : 60 * SFX_NS_PER_S,
    };
    struct sfx_instance *oldest = longest_idle(fn);
    struct sfx_scale_facts facts = {
        .busy = fn->nbusy,
        .idle = fn->nidle,
        .starting = fn->nstarting,
        .service_ns = fn->service_ns,
        .init_ns = fn->init_ns,
        .longest_idle_ns = oldest != NULL ? now - oldest->idle_since_ns : 0,
    };
    struct sfx_scale_step step;
    bool started = false;

    if (is_batch(fn, now, later))
        facts.waiting = (fn->ready.count + batch_size(fn) - 1) / batch_size(fn);
    step = sfx_scale_decide(&rule, &facts);
    if (step.start > 0 && now < fn->start_after_ns) {
        if (*later < 0 || fn->start_after_ns < *later)
            *later = fn->start_after_ns;
        step.start = 0;
    }
    while (step.start-- > 0 && step.start != UINT64_MAX && may_grow(fn) &&
           now >= fn->start_after_ns) {
        start_instance(fn, NULL);
        started = true;
    }
    if (step.end > 0 && oldest != NULL) {
        fn->carrier->end(oldest);
        oldest = longest_idle(fn);
    }
    if (oldest != NULL && fn->ninstances > rule.min) {
        int64_t at = oldest->idle_since_ns + rule.idle_ns;

        if (*later < 0 || at < *later)
            *later = at;
    }
    return started;
}

void sfx_function_pump(struct sfx_function *fn)
{
    struct sfx_runner *runner = fn->runner;
    int64_t now = sfx_clock_mono_ns(), later = -1;
    struct sfx_err err = {0};
    int rc = 0;

    if (runner->stopping_ns == 0 && room(fn) > 0 && !sfx_results_full(runner->results))
        rc = fn->source->take(fn, room(fn), &err);
    if (rc < 0) {
        sfx_runner_fail(runner, rc, &err);
        return;
    }
    begin_all(fn, now, &later);
    /* What was started may be of use at once: nothing else would wake us for it. */
    if (fn->carrier->resident && runner->rc == 0 && scale(fn, now, &later))
        begin_all(fn, now, &later);
    if (later < 0)
        sfx_loop_unset(runner->loop, &fn->wake);
    else if (sfx_loop_set(runner->loop, &fn->wake, later, &err) < 0)
        sfx_runner_fail(runner, err.code, &err);
}

bool sfx_function_finished(const struct sfx_function *fn)
{
    if (fn->nrunning > 0)
        return false;
    if (fn->runner->stopping_ns > 0)
        return true;
    return fn->ready.count + fn->nbehind + fn->nwaiting == 0 && fn->source->ended(fn);
}

static void give_one_back(struct sfx_function *fn, struct sfx_item *item)
{
    struct sfx_err err = {0};
    int rc = fn->source->give_back(fn, item, &err);

    fn->totals->returned++;
    if (rc < 0)
        sfx_runner_fail(fn->runner, rc, &err);
    sfx_item_free(item, false);
}

void sfx_function_give_back(struct sfx_function *fn)
{
    struct sfx_item *item;
    size_t i;

    while ((item = sfx_list_shift(&fn->ready)) != NULL)
        give_one_back(fn, item);
    while ((item = sfx_list_shift(&fn->delayed)) != NULL)
        give_one_back(fn, item);
    for (i = 0; i < fn->lanes_cap; i++) {
        struct sfx_lane *lane;

        for (lane = fn->lanes[i]; lane != NULL; lane = lane->next) {
            while ((item = sfx_list_shift(&lane->behind)) != NULL)
                give_one_back(fn, item);
        }
    }
    fn->ready_nbytes = fn->nwaiting = fn->nbehind = 0;
}

/* Keeps an item until its delay is over. */
static void keep_waiting(struct sfx_function *fn, struct sfx_item *item, int64_t delay_ns)
{
    struct sfx_err err = {0};

    sfx_list_push(&fn->delayed, item);
    fn->nwaiting++;
    if (sfx_loop_set(fn->runner->loop, &item->again, sfx_clock_mono_ns() + delay_ns, &err) < 0)
        sfx_runner_fail(fn->runner, err.code, &err);
}

/* To the dead letters that were asked for; the source then only has to know that it is done. */
static int bury(struct sfx_function *fn, struct sfx_item *item, const struct sfx_outcome *outcome,
                const struct sfx_invocation *inv, enum sfx_verdict *verdict, struct sfx_err *err)
{
    int rc;

    if (fn->dead == NULL)
        return 0;
    rc = sfx_dead_put(fn->dead, item, outcome, inv, err);
    if (rc == 0)
        *verdict = SFX_VERDICT_ACK;
    return rc;
}

void sfx_function_settle(struct sfx_function *fn, struct sfx_item *item,
                         struct sfx_outcome *outcome, const struct sfx_invocation *inv)
{
    struct sfx_retry_facts facts = {
        .exit_code = outcome->exit_code,
        .attempts = item->attempts,
        .age_ns = sfx_clock_wall_ns() - item->born_ns,
    };
    struct sfx_err err = {0};
    enum sfx_verdict verdict, told;
    int64_t delay_ns;
    int rc = 0;

    if (outcome->not_begun && item->attempts > 0)
        facts.attempts = --item->attempts;
    verdict = sfx_retry_decide(&fn->opts->retry, &facts, sfx_runner_random(fn->runner), &delay_ns);
    if (outcome->not_begun && verdict == SFX_VERDICT_DEAD && outcome->exit_code != SFX_EXIT_DATA)
        verdict = SFX_VERDICT_RETRY;
    told = verdict;
    fn->totals->acked += verdict == SFX_VERDICT_ACK;
    fn->totals->retried += verdict == SFX_VERDICT_RETRY;
    fn->totals->dead += verdict == SFX_VERDICT_DEAD;
    sfx_observer_item(fn->runner->observer, item, verdict, delay_ns, outcome);
    if (verdict == SFX_VERDICT_DEAD)
        rc = bury(fn, item, outcome, inv, &told, &err);
    if (rc == 0)
        rc = fn->source->settle(fn, item, told, delay_ns, inv, &err);
    if (rc < 0)
        sfx_runner_fail(fn->runner, rc, &err);
    if (rc == 0 && verdict == SFX_VERDICT_RETRY)
        keep_waiting(fn, item, delay_ns);
    else
        sfx_item_free(item, true);
}
