/* SPDX-License-Identifier: MIT */
/* Invocations: what a function is given, and what becomes of its events when it has ended. */
#include "base/clock.h"
#include "base/sha256.h"
#include "function/function_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_hex(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return true;
}

/*
 * Our span in the event's trace (W3C Trace Context). An event without one begins a trace whose
 * number is made of the id of the event it all began with: the steps of a chain meet in it.
 */
static void make_trace(struct sfx_invocation *inv, const struct sfx_event *ev)
{
    struct sfx_slice root = ev->root.len > 0 ? ev->root : ev->id, t = ev->traceparent;
    unsigned char digest[SFX_SHA256_NBYTES];
    char hex[65], flags[3] = "01";
    struct sfx_sha256 ctx;

    if (t.len >= 55 && t.ptr[2] == '-' && t.ptr[35] == '-' && t.ptr[52] == '-' &&
        is_hex(t.ptr + 3, 32) && is_hex(t.ptr + 36, 16) && is_hex(t.ptr + 53, 2)) {
        memcpy(hex, t.ptr + 3, 32);
        memcpy(inv->parent_span, t.ptr + 36, 16);
        memcpy(flags, t.ptr + 53, 2);
    } else if (root.len == 32 && is_hex(root.ptr, 32)) {
        memcpy(hex, root.ptr, 32);
    } else {
        sfx_sha256_init(&ctx);
        sfx_sha256_update(&ctx, root.ptr, root.len);
        sfx_sha256_final(&ctx, digest);
        sfx_sha256_hex(digest, hex);
    }
    (void)snprintf(inv->traceparent, sizeof(inv->traceparent), "00-%.32s-%016llx-%s", hex,
                   (unsigned long long)(sfx_runner_random(inv->fn->runner) | 1), flags);
}

/* The events as the carrier passes them: lines; for a worker, one line with an array. */
static int put_lines(struct sfx_invocation *inv, bool array, struct sfx_err *err)
{
    struct sfx_buf *out = &inv->input;
    size_t i;
    int rc = array ? sfx_buf_putc(out, '[', err) : 0;

    for (i = 0; rc == 0 && i < inv->nitems; i++) {
        if (array && i > 0)
            rc = sfx_buf_putc(out, ',', err);
        if (rc == 0)
            rc = sfx_buf_append(out, inv->items[i]->line, inv->items[i]->line_len, err);
        if (rc == 0 && !array)
            rc = sfx_buf_putc(out, '\n', err);
    }
    if (rc == 0 && array)
        rc = sfx_buf_puts(out, "]\n", err);
    return rc;
}

static int make_input(struct sfx_invocation *inv, struct sfx_err *err)
{
    const struct sfx_function_opts *o = inv->fn->opts;
    int rc = put_lines(inv, o->carrier != SFX_CARRIER_SPAWN && o->batch > 1, err);

    inv->meter.in_nbytes = inv->input.len;
    return rc;
}

/* Takes the items of a batch off the ready ones; the first always fits. */
static int take_items(struct sfx_invocation *inv, struct sfx_err *err)
{
    struct sfx_function *fn = inv->fn;
    size_t most = fn->opts->batch > 1 ? (size_t)fn->opts->batch : 1, nbytes = 0;
    size_t max_nbytes = fn->opts->batch_nbytes > 0 ? fn->opts->batch_nbytes : 256 * 1024;

    if (most > fn->ready.count)
        most = fn->ready.count;
    inv->items = calloc(most, sizeof(struct sfx_item *));
    if (inv->items == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    while (inv->nitems < most) {
        struct sfx_item *item = fn->ready.first;

        if (item->most > 0 && item->most < most)
            most = item->most;
        if (inv->nitems >= most || (inv->nitems > 0 && nbytes + item->line_len > max_nbytes))
            break;
        nbytes += item->line_len;
        item->attempts++;
        fn->ready_nbytes -= item->line_len;
        inv->items[inv->nitems++] = sfx_list_shift(&fn->ready);
    }
    fn->nrunning += inv->nitems;
    return 0;
}

int sfx_invocation_facts(const struct sfx_invocation *inv, struct sfx_command_facts *facts,
                         struct sfx_event *ev, struct sfx_err *err)
{
    const struct sfx_function *fn = inv->fn;
    const struct sfx_item *first = inv->items[0];
    int rc;

    facts->request_id = inv->request_id;
    facts->traceparent = inv->traceparent;
    facts->attempt = first->attempts;
    facts->nevents = inv->nitems;
    facts->number = (int64_t)first->number;
    if (fn->opts->timeout_ns > 0)
        facts->deadline_ms = (inv->meter.start_ns + fn->opts->timeout_ns) / SFX_NS_PER_MS;
    if (fn->opts->batch > 1)
        return 0;
    rc = sfx_event_parse(first->line, first->line_len, &fn->runner->arena, ev, err);
    facts->event = rc < 0 ? NULL : ev;
    return rc;
}

struct sfx_invocation *sfx_invocation_new(struct sfx_function *fn, struct sfx_err *err)
{
    struct sfx_invocation *inv = calloc(1, sizeof(*inv));
    struct sfx_runner *runner = fn->runner;
    struct sfx_event ev;

    if (inv == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    inv->fn = fn;
    if (take_items(inv, err) < 0 || make_input(inv, err) < 0) {
        sfx_invocation_free(inv);
        return NULL;
    }
    sfx_runner_uuid(runner, inv->request_id);
    sfx_arena_reset(&runner->arena);
    sfx_event_init(&ev);
    if (sfx_event_parse(inv->items[0]->line, inv->items[0]->line_len, &runner->arena, &ev, NULL) ==
        0)
        make_trace(inv, &ev);
    inv->started_ns = sfx_clock_mono_ns();
    inv->meter.start_ns = sfx_clock_wall_ns();
    inv->meter.queued_ns = inv->started_ns - inv->items[0]->ready_ns;
    inv->meter.limit_nbytes = fn->opts->memory_nbytes;
    inv->meter.peak_nbytes = -1;
    sfx_observer_begin(runner->observer, inv);
    return inv;
}

void sfx_invocation_free(struct sfx_invocation *inv)
{
    size_t i;

    if (inv == NULL)
        return;
    for (i = 0; i < inv->nitems; i++)
        sfx_item_free(inv->items[i], false);
    free(inv->items);
    free(inv->failed);
    sfx_buf_done(&inv->input);
    sfx_buf_done(&inv->output);
    sfx_buf_done(&inv->said);
    free(inv);
}

/* Counts, meters and tells of it. */
static void account(struct sfx_invocation *inv)
{
    struct sfx_function *fn = inv->fn;
    bool failed = inv->outcome.exit_code != 0;
    size_t most = fn->opts->stderr_nbytes;

    if (inv->meter.duration_ns == 0)
        inv->meter.duration_ns = sfx_clock_mono_ns() - inv->started_ns;
    inv->meter.out_nbytes = inv->output.len;
    if (inv->said.len > most) {
        memmove(inv->said.data, inv->said.data + inv->said.len - most, most);
        inv->said.len = most;
    }
    sfx_meter_add(fn->totals, &inv->meter, fn->runner->opts->price);
    fn->totals->failures += failed;
    fn->totals->timeouts += inv->outcome.exit_code == SFX_EXIT_TIMEOUT;
    if (!inv->outcome.not_begun)
        fn->service_ns = sfx_scale_smooth(fn->service_ns, inv->meter.duration_ns);
    if (sfx_breaker_tell(&fn->breaker, failed && inv->outcome.exit_code != SFX_EXIT_DATA,
                         sfx_clock_mono_ns()))
        sfx_log(fn->runner->log, SFX_LOG_WARNING,
                "%s: %llu failures in a row: no invocation for a while", fn->name,
                (unsigned long long)fn->breaker.failures);
    sfx_observer_invocation(fn->runner->observer, inv);
}

void sfx_invocation_end(struct sfx_invocation *inv)
{
    struct sfx_runner *runner = inv->fn->runner;
    struct sfx_err err = {0};
    struct sfx_buf events = {0};
    int rc = 0;

    if (inv->fn->opts->partial && inv->outcome.exit_code == 0)
        sfx_answer_partial(inv);
    account(inv);
    if (inv->outcome.exit_code != 0 || inv->fn->opts->partial) {
        /* What a failed invocation printed is no result: it will be made again. */
        sfx_invocation_settle(inv);
        return;
    }
    if (inv->fn->opts->emit) {
        rc = sfx_emit(inv, &events, &err);
        sfx_buf_done(&inv->output);
        inv->output = events;
    }
    if (rc < 0)
        sfx_runner_fail(runner, rc, &err);
    if (inv->output.len > 0)
        sfx_results_put(runner->results, inv);
    else
        sfx_invocation_settle(inv);
}

/* Halves of a batch that failed are tried at once, each by itself, to find what made it fail. */
static void bisect(struct sfx_invocation *inv)
{
    struct sfx_function *fn = inv->fn;
    size_t half = (inv->nitems + 1) / 2, i;

    fn->nrunning -= inv->nitems;
    for (i = inv->nitems; i > 0; i--) {
        struct sfx_item *item = inv->items[i - 1];

        item->most = i > half ? inv->nitems - half : half;
        item->attempts--;
        sfx_function_make_ready(fn, item, true);
    }
    inv->nitems = 0;
    sfx_invocation_free(inv);
}

void sfx_invocation_settle(struct sfx_invocation *inv)
{
    struct sfx_function *fn = inv->fn;
    size_t i;

    if (fn->opts->bisect && inv->nitems > 1 && inv->failed == NULL && inv->outcome.exit_code != 0 &&
        !inv->outcome.not_begun && fn->runner->stopping_ns == 0) {
        bisect(inv);
        return;
    }
    for (i = 0; i < inv->nitems; i++) {
        struct sfx_outcome outcome = inv->outcome;

        if (inv->failed != NULL && !inv->failed[i])
            outcome = (struct sfx_outcome){0};
        fn->nrunning--;
        sfx_function_settle(fn, inv->items[i], &outcome, inv);
        inv->items[i] = NULL;
    }
    sfx_invocation_free(inv);
}
