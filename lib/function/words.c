/* SPDX-License-Identifier: MIT */
/* From words to functions. */
#include "function/words.h"

#include "queue/queue.h"

#include "base/pool.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

enum { MAX_JOBS = 10000, OUTPUT_NBYTES = 64 << 20, STDERR_NBYTES = 16 << 10 };

void sfx_function_defaults(struct sfx_function_opts *o)
{
    *o = (struct sfx_function_opts){
        .max = sfx_pool_ncpus(),
        .idle_ns = -1,
        .retry = {.retries = 2, .backoff_ns = NS_PER_S, .backoff_max_ns = 300 * NS_PER_S},
        .grace_ns = 5 * NS_PER_S,
        .timeout_ns = 900 * NS_PER_S,
        .output_nbytes = OUTPUT_NBYTES,
        .stderr_nbytes = STDERR_NBYTES,
        .breaker_ns = 30 * NS_PER_S,
    };
}

/* Splits "A..B" or "B"; *first is empty for the second form. */
static void split_range(const char *text, struct sfx_slice *first, struct sfx_slice *second)
{
    const char *dots = strstr(text, "..");

    *first = dots != NULL ? sfx_slice(text, (size_t)(dots - text)) : sfx_slice(NULL, 0);
    *second = sfx_slice_str(dots != NULL ? dots + 2 : text);
}

int sfx_function_read_jobs(const char *text, struct sfx_function_opts *o, struct sfx_err *err)
{
    struct sfx_slice first, second;
    uint64_t min = 0, max = 0;
    bool ok;

    split_range(text, &first, &second);
    ok = sfx_text_u64(second, &max, NULL) == 0 &&
         (first.ptr == NULL || sfx_text_u64(first, &min, NULL) == 0);
    if (!ok || max < 1 || max > MAX_JOBS || min > max)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--jobs: \"%s\" is not accepted: N or MIN..MAX, from 1 to %d", text,
                           MAX_JOBS);
    o->min = min;
    o->max = max;
    return 0;
}

static int read_backoff(const char *text, struct sfx_function_opts *o, struct sfx_err *err)
{
    struct sfx_slice first, second;
    int64_t low = 0, high = 0;
    bool ok;

    split_range(text, &first, &second);
    ok = sfx_text_duration_ns(second, &high, NULL) == 0 &&
         (first.ptr == NULL || sfx_text_duration_ns(first, &low, NULL) == 0);
    if (first.ptr == NULL) {
        low = high;
        high = high > o->retry.backoff_max_ns ? high : o->retry.backoff_max_ns;
    }
    if (!ok || low > high)
        return sfx_err_set(
            err, SFX_E_USAGE,
            "--backoff: \"%s\" is not accepted: a time, or FIRST..MOST such as 1s..5m", text);
    o->retry.backoff_ns = low;
    o->retry.backoff_max_ns = high;
    return 0;
}

static int read_rate(const char *text, struct sfx_function_opts *o, struct sfx_err *err)
{
    char *end;
    double number = strtod(text, &end), per = 1;

    if (strcmp(end, "/m") == 0 || strcmp(end, "/min") == 0)
        per = 60;
    else if (strcmp(end, "/h") == 0)
        per = 3600;
    else if (*end != '\0' && strcmp(end, "/s") != 0)
        per = -1;
    if (end == text || per < 0 || !(number > 0) || !isfinite(number))
        return sfx_err_set(
            err, SFX_E_USAGE,
            "--rate: \"%s\" is not accepted: a number with /s, /m or /h, such as 10/s", text);
    o->rate = number / per;
    return 0;
}

static int read_cpus(const char *text, struct sfx_function_opts *o, struct sfx_err *err)
{
    char *end;

    o->cpus = strtod(text, &end);
    if (end == text || *end != '\0' || !(o->cpus >= 0.01) || !(o->cpus <= 10000))
        return sfx_err_set(err, SFX_E_USAGE, "--cpus: \"%s\" is no number of processors", text);
    return 0;
}

static int check(const struct sfx_function_opts *o, struct sfx_err *err)
{
    const char *wrong = NULL;
    size_t i;

    if (o->min > 0 && o->carrier == SFX_CARRIER_SPAWN)
        wrong = "--jobs with a minimum keeps resident processes: it goes with --worker or --lambda";
    else if (!o->sandbox && (o->nallow_read + o->nallow_write > 0 || o->allow_network))
        wrong = "--allow-read, --allow-write and --allow-network go with --sandbox";
    else if (o->carrier == SFX_CARRIER_LAMBDA && o->sandbox && !o->allow_network)
        wrong = "--lambda is spoken over the network: --sandbox needs --allow-network with it";
    else if (o->partial && o->batch <= 1)
        wrong = "--partial goes with --batch";
    else if (o->bisect && o->batch <= 1)
        wrong = "--bisect goes with --batch";
    else if (o->window_ns > 0 && o->batch <= 1)
        wrong = "--window goes with --batch";
    else if (o->partial && o->emit)
        wrong = "--partial and --emit both want the output";
    else if (o->durable && o->from == NULL && (o->dead == NULL || !sfx_queue_is_uri(o->dead)))
        wrong = "--durable goes with a queue: --from, --dead";
    else if (o->from != NULL && o->lines)
        wrong = "--lines goes with standard input: a queue holds events";
    else if (o->from != NULL && !sfx_queue_is_uri(o->from))
        wrong = "--from: that is no queue; write sqlite:PATH";
    else if (o->dead != NULL && o->from != NULL && strcmp(o->dead, o->from) == 0)
        wrong = "--dead names the queue of --from: what is given up stays there by itself";
    else if (o->once && o->from == NULL)
        wrong = "--once goes with --from: standard input ends by itself";
    for (i = 0; i < o->nenv && wrong == NULL; i++) {
        if (o->env[i][0] == '=' || o->env[i][0] == '\0')
            wrong = "--env: NAME or NAME=VALUE";
    }
    return wrong != NULL ? sfx_err_set(err, SFX_E_USAGE, "%s", wrong) : 0;
}

static int copy_list(const struct sfx_opt_list *list, struct sfx_arena *arena,
                     const char *const **items, size_t *count, struct sfx_err *err)
{
    const char **copy = sfx_arena_calloc(arena, list->count + 1, sizeof(*copy), err);

    if (copy == NULL)
        return SFX_E_NOMEM;
    if (list->count > 0)
        memcpy(copy, list->items, list->count * sizeof(*copy));
    *items = copy;
    *count = list->count;
    return 0;
}

int sfx_function_read_words(const struct sfx_function_words *w, struct sfx_arena *arena,
                            struct sfx_function_opts *o, struct sfx_err *err)
{
    int rc = copy_list(&w->env, arena, &o->env, &o->nenv, err);

    if (rc == 0)
        rc = copy_list(&w->allow_read, arena, &o->allow_read, &o->nallow_read, err);
    if (rc == 0)
        rc = copy_list(&w->allow_write, arena, &o->allow_write, &o->nallow_write, err);

    o->carrier = w->lambda   ? SFX_CARRIER_LAMBDA
                 : w->worker ? SFX_CARRIER_WORKER
                             : SFX_CARRIER_SPAWN;
    if (rc == 0 && w->lambda && w->worker)
        rc = sfx_err_set(err, SFX_E_USAGE, "--lambda and --worker are two kinds of processes");
    if (rc == 0 && w->jobs != NULL)
        rc = sfx_function_read_jobs(w->jobs, o, err);
    if (rc == 0 && w->backoff != NULL)
        rc = read_backoff(w->backoff, o, err);
    if (rc == 0 && w->rate != NULL)
        rc = read_rate(w->rate, o, err);
    if (rc == 0 && w->cpus != NULL)
        rc = read_cpus(w->cpus, o, err);
    if (rc == 0 && w->burst > 0 && w->rate == NULL)
        rc = sfx_err_set(err, SFX_E_USAGE, "--burst goes with --rate");
    o->burst = w->burst > 0 ? (double)w->burst : 1;
    return rc == 0 ? check(o, err) : rc;
}
