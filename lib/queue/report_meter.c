/* SPDX-License-Identifier: MIT */
/* Sums of invocations: percentiles, costs, the live screen. */
#include "queue/report.h"

#include "base/clock.h"
#include "base/size.h"
#include "json/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* AWS Lambda, x86, us-east-1, 2025: USD a GB-second and a request. */
#define USD_PER_GB_SECOND 0.0000166667
#define USD_PER_REQUEST   0.0000002
#define STEPS_PER_DECADE  16

static struct sfx_queue_sums *sums_of(struct sfx_queue_digest *d, struct sfx_slice function,
                                      int64_t start_ns)
{
    char name[64], day[SFX_CLOCK_TEXT_NBYTES] = "";
    size_t i;

    (void)snprintf(name, sizeof(name), "%.*s", SFX_SLICE_ARG(function));
    if (d->by_day)
        (void)sfx_clock_format(start_ns, day);
    day[10] = '\0'; /* of "2026-11-23T…" */
    for (i = 0; i < d->count; i++) {
        if (strcmp(d->sums[i].function, name) == 0 && strcmp(d->sums[i].day, day) == 0)
            return &d->sums[i];
    }
    if (d->count == SFX_QUEUE_DIGEST_NAMES)
        return NULL;
    memcpy(d->sums[d->count].function, name, sizeof(name));
    memcpy(d->sums[d->count].day, day, sizeof(d->sums[0].day));
    return &d->sums[d->count++];
}

int sfx_queue_digest_add(struct sfx_queue_digest *digest, const struct sfx_queue_invocation *inv,
                         struct sfx_err *err)
{
    struct sfx_queue_sums *s = sums_of(digest, inv->function, inv->start_ns);
    int64_t nbytes = inv->limit_nbytes > 0 ? inv->limit_nbytes : inv->peak_nbytes;
    double us = (double)inv->duration_ns / 1e3;
    double gb_s =
        nbytes > 0 ? inv->share * (double)inv->billed_ms / 1e3 * (double)nbytes / (1 << 30) : 0;
    int step = us > 1 ? (int)(log10(us) * STEPS_PER_DECADE) : 0;

    if (s == NULL)
        return sfx_err_set(err, SFX_E_LIMIT, "more than %d functions and days: narrow it down",
                           SFX_QUEUE_DIGEST_NAMES);
    s->invocations += inv->share;
    s->failures += inv->error.len > 0 ? inv->share : 0;
    s->gb_seconds += gb_s;
    s->billed_s += inv->share * (double)inv->billed_ms / 1e3;
    s->cpu_s += inv->share * (double)(inv->user_ns + inv->system_ns) / 1e9;
    s->cost += gb_s * USD_PER_GB_SECOND + inv->share * USD_PER_REQUEST;
    s->steps[step < SFX_QUEUE_DIGEST_STEPS ? step : SFX_QUEUE_DIGEST_STEPS - 1]++;
    return 0;
}

double sfx_queue_digest_ms(const struct sfx_queue_sums *sums, double p)
{
    uint64_t total = 0, seen = 0;
    int i;

    for (i = 0; i < SFX_QUEUE_DIGEST_STEPS; i++)
        total += sums->steps[i];
    for (i = 0; i < SFX_QUEUE_DIGEST_STEPS && total > 0; i++) {
        seen += sums->steps[i];
        if ((double)seen >= p * (double)total)
            break;
    }
    return total == 0 ? 0 : pow(10, (i + 0.5) / STEPS_PER_DECADE) / 1e3;
}

static int sums_json(const struct sfx_queue_sums *s, struct sfx_json_writer *w)
{
    const struct {
        const char *name;
        double value;
    } figures[] = {
        {"invocations", s->invocations},
        {"failures", s->failures},
        {"billed_s", s->billed_s},
        {"cpu_s", s->cpu_s},
        {"gb_s", s->gb_seconds},
        {"usd", s->cost},
        {"p50_ms", sfx_queue_digest_ms(s, 0.5)},
        {"p95_ms", sfx_queue_digest_ms(s, 0.95)},
        {"p99_ms", sfx_queue_digest_ms(s, 0.99)},
    };
    size_t i;

    sfx_json_begin_object(w);
    if (s->day[0] != '\0') {
        sfx_json_key(w, "day");
        sfx_json_string(w, sfx_slice_str(s->day));
    }
    sfx_json_key(w, "function");
    sfx_json_string(w, sfx_slice_str(s->function));
    for (i = 0; i < SFX_COUNT(figures); i++) {
        sfx_json_key(w, figures[i].name);
        sfx_json_double(w, figures[i].value);
    }
    sfx_json_end_object(w);
    return 0;
}

static int put_csv_name(struct sfx_buf *out, const char *name, struct sfx_err *err)
{
    int rc = sfx_buf_putc(out, '"', err);

    for (; rc == 0 && *name != '\0'; name++) {
        rc = *name == '"' ? sfx_buf_putc(out, '"', err) : 0;
        rc = rc == 0 ? sfx_buf_putc(out, *name, err) : rc;
    }
    return rc == 0 ? sfx_buf_putc(out, '"', err) : rc;
}

int sfx_queue_report_meter(const struct sfx_queue_digest *digest, bool json, struct sfx_buf *out,
                           struct sfx_err *err)
{
    size_t i;
    int rc = json ? 0
                  : sfx_buf_puts(out, "day,function,invocations,failures,billed_s,cpu_s,gb_s,usd\n",
                                 err);

    for (i = 0; rc == 0 && i < digest->count; i++) {
        const struct sfx_queue_sums *s = &digest->sums[i];
        struct sfx_json_writer w;

        if (json) {
            sfx_json_writer_init(&w, out);
            (void)sums_json(s, &w);
            rc = sfx_json_finish(&w, err);
        } else {
            rc = sfx_buf_printf(out, err, "%s,", s->day);
            if (rc == 0)
                rc = put_csv_name(out, s->function, err);
            if (rc == 0)
                rc = sfx_buf_printf(out, err, ",%.10g,%.10g,%.3f,%.6f,%.9f,%.9f", s->invocations,
                                    s->failures, s->billed_s, s->cpu_s, s->gb_seconds, s->cost);
        }
        rc = rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
    }
    return rc;
}

/* The shape of the durations in 16 blocks, a decade in two of them, from 1 µs to 100 s. */
static void histogram(const struct sfx_queue_sums *s, char out[16 * 3 + 1])
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { BARS = 16, PER_BAR = STEPS_PER_DECADE / 2 };
    uint64_t bars[BARS] = {0}, most = 1;
    size_t i;

    for (i = 0; i < SFX_QUEUE_DIGEST_STEPS; i++)
        bars[i / PER_BAR < BARS ? i / PER_BAR : BARS - 1] += s->steps[i];
    for (i = 0; i < BARS; i++)
        most = bars[i] > most ? bars[i] : most;
    out[0] = '\0';
    for (i = 0; i < BARS; i++)
        (void)strcat(out, blocks[(bars[i] * 8 + most - 1) / most]);
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds > 0 && now >= before ? (double)(now - before) / seconds : 0;
}

static int top_json(const struct sfx_queue_stats *now, const struct sfx_queue_digest *digest,
                    double done_rate, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    size_t i;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    for (i = 0; i < SFX_QUEUE_NSTATES; i++) {
        sfx_json_key(&w, sfx_queue_state_name((enum sfx_queue_state)i));
        sfx_json_uint(&w, now->depth[i]);
    }
    sfx_json_key(&w, "oldest_ms");
    sfx_json_int(&w, now->oldest_ms);
    sfx_json_key(&w, "done_per_s");
    sfx_json_double(&w, done_rate);
    sfx_json_key(&w, "functions");
    sfx_json_begin_array(&w);
    for (i = 0; i < digest->count; i++)
        (void)sums_json(&digest->sums[i], &w);
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    i = 0;
    return sfx_json_finish(&w, err) < 0 ? SFX_E_NOMEM : sfx_buf_putc(out, '\n', err);
}

int sfx_queue_report_top(const struct sfx_queue_stats *now, const struct sfx_queue_stats *before,
                         double seconds, const struct sfx_queue_digest *digest, bool json,
                         struct sfx_buf *out, struct sfx_err *err)
{
    double put_rate = before != NULL ? rate(now->put, before->put, seconds) : 0;
    double done_rate = before != NULL ? rate(now->acked, before->acked, seconds) : 0;
    size_t i;
    int rc;

    if (json)
        return top_json(now, digest, done_rate, out, err);
    rc = sfx_buf_printf(
        out, err,
        "ready %" PRIu64 "  in flight %" PRIu64 "  delayed %" PRIu64 "  blocked %" PRIu64
        "  dead %" PRIu64 "  done %" PRIu64 "\noldest %.1f s  in %.1f/s  out %.1f/s\n",
        now->depth[SFX_QUEUE_READY], now->depth[SFX_QUEUE_LEASED], now->depth[SFX_QUEUE_DELAYED],
        now->depth[SFX_QUEUE_BLOCKED], now->depth[SFX_QUEUE_DEAD], now->depth[SFX_QUEUE_DONE],
        now->oldest_ms < 0 ? 0 : (double)now->oldest_ms / 1e3, put_rate, done_rate);
    if (rc == 0 && digest->count > 0)
        rc = sfx_buf_printf(out, err, "%-20s %9s %9s %9s %9s %9s %11s  %s\n", "function", "success",
                            "failures", "p50 ms", "p95 ms", "p99 ms", "USD", "1 µs … 100 s");
    for (i = 0; rc == 0 && i < digest->count; i++) {
        const struct sfx_queue_sums *s = &digest->sums[i];
        char bars[16 * 3 + 1];

        histogram(s, bars);
        rc = sfx_buf_printf(out, err, "%-20s %9.0f %9.0f %9.2f %9.2f %9.2f %11.6f |%s|\n",
                            s->function, s->invocations - s->failures, s->failures,
                            sfx_queue_digest_ms(s, 0.5), sfx_queue_digest_ms(s, 0.95),
                            sfx_queue_digest_ms(s, 0.99), s->cost, bars);
    }
    return rc;
}
