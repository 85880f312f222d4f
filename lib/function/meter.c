/* SPDX-License-Identifier: MIT */
/* What invocations cost. */
#include "function/meter.h"

#include "base/io.h"
#include "base/size.h"
#include "json/json_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)
#define MB        (1024.0 * 1024.0)

const double sfx_meter_bounds_ms[SFX_METER_NBUCKETS - 1] = {
    1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000, 900000,
};

/* Per request and GB-second in us-east-1, first tier: aws.amazon.com/lambda/pricing. */
static const struct {
    const char *name;
    struct sfx_price price;
} known[] = {
    {"lambda-x86", {"USD", 0.20e-6, 0.0000166667, 128, 1}},
    {"lambda-arm", {"USD", 0.20e-6, 0.0000133334, 128, 1}},
};

static double number_of(const struct sfx_json_node *tree, const char *key, double otherwise)
{
    const struct sfx_json_node *node = sfx_json_member(tree, key);
    char text[64];

    if (node == NULL || node->type != SFX_JSON_NUMBER || node->text.len >= sizeof(text))
        return otherwise;
    memcpy(text, node->text.ptr, node->text.len);
    text[node->text.len] = '\0';
    return strtod(text, NULL);
}

static int parse_price(struct sfx_slice text, struct sfx_price *price, struct sfx_err *err)
{
    struct sfx_arena arena = {0};
    const struct sfx_json_node *tree = sfx_json_tree(&arena, text.ptr, text.len, err);
    const struct sfx_json_node *currency;
    double memory_mb, step_ms;
    int rc = 0;

    if (tree == NULL) {
        sfx_arena_done(&arena);
        return err != NULL ? (int)err->code : SFX_E_INPUT;
    }
    *price = (struct sfx_price){.currency = "USD"};
    currency = sfx_json_member(tree, "currency");
    if (currency != NULL && currency->type == SFX_JSON_STRING &&
        currency->text.len < sizeof(price->currency)) {
        memcpy(price->currency, currency->text.ptr, currency->text.len);
        price->currency[currency->text.len] = '\0';
    }
    price->per_request = number_of(tree, "request", 0);
    price->per_gb_second = number_of(tree, "gb_second", -1);
    memory_mb = number_of(tree, "min_memory_mb", 0);
    step_ms = number_of(tree, "step_ms", 1);
    if (!(price->per_gb_second >= 0) || !(price->per_request >= 0) || !(memory_mb >= 0) ||
        !(step_ms >= 1) || memory_mb > 1e9 || step_ms > 1e9)
        rc = sfx_err_set(err, SFX_E_INPUT,
                         "a price is an object with gb_second, and perhaps request, currency, "
                         "min_memory_mb and step_ms");
    else {
        price->min_memory_mb = (uint64_t)memory_mb;
        price->step_ms = (uint64_t)step_ms;
    }
    sfx_arena_done(&arena);
    return rc;
}

int sfx_price_read(const char *name, struct sfx_price *price, struct sfx_err *err)
{
    char text[4096]; /* a price is a few numbers */
    ssize_t n;
    size_t i;
    int fd, rc;

    for (i = 0; i < SFX_COUNT(known); i++) {
        if (strcmp(known[i].name, name) == 0) {
            *price = known[i].price;
            return 0;
        }
    }
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return sfx_err_set(err, SFX_E_USAGE, "%s is neither lambda-x86, lambda-arm nor a file",
                           name);
    if (fd < 0)
        return sfx_err_errno(err, errno, "%s", name);
    n = sfx_io_read(fd, text, sizeof(text), err);
    (void)sfx_io_close(&fd, NULL);
    if (n < 0)
        return sfx_err_wrap(err, (int)n, "%s", name);
    rc = parse_price(sfx_slice(text, (size_t)n), price, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", name) : 0;
}

uint64_t sfx_meter_billed_ms(const struct sfx_meter *m)
{
    return (uint64_t)((m->duration_ns + m->init_ns + NS_PER_MS - 1) / NS_PER_MS);
}

uint64_t sfx_meter_memory_mb(const struct sfx_meter *m)
{
    double nbytes = m->limit_nbytes > 0 ? (double)m->limit_nbytes : (double)m->peak_nbytes;

    return nbytes > 0 ? (uint64_t)ceil(nbytes / MB) : 0;
}

double sfx_meter_gb_seconds(const struct sfx_meter *m)
{
    return (double)sfx_meter_billed_ms(m) / 1000 * (double)sfx_meter_memory_mb(m) / 1024;
}

double sfx_meter_cost(const struct sfx_meter *m, const struct sfx_price *price)
{
    uint64_t ms = sfx_meter_billed_ms(m), mb = sfx_meter_memory_mb(m);

    ms = (ms + price->step_ms - 1) / price->step_ms * price->step_ms;
    if (mb < price->min_memory_mb)
        mb = price->min_memory_mb;
    return price->per_request + (double)ms / 1000 * (double)mb / 1024 * price->per_gb_second;
}

void sfx_meter_add(struct sfx_function_totals *totals, const struct sfx_meter *m,
                   const struct sfx_price *price)
{
    double ms = (double)m->duration_ns / (double)NS_PER_MS;
    size_t i = 0;

    totals->invocations++;
    totals->cold_starts += m->init_ns > 0;
    totals->billed_ms += sfx_meter_billed_ms(m);
    totals->duration_ns += m->duration_ns;
    totals->init_ns += m->init_ns;
    totals->user_ns += m->user_ns;
    totals->system_ns += m->system_ns;
    totals->in_nbytes += m->in_nbytes;
    totals->out_nbytes += m->out_nbytes;
    totals->gb_seconds += sfx_meter_gb_seconds(m);
    if (price != NULL)
        totals->cost += sfx_meter_cost(m, price);
    if (m->peak_nbytes > totals->max_peak_nbytes)
        totals->max_peak_nbytes = m->peak_nbytes;
    while (i < SFX_METER_NBUCKETS - 1 && ms > sfx_meter_bounds_ms[i])
        i++;
    totals->buckets[i]++;
}

void sfx_function_totals_add(struct sfx_function_totals *to, const struct sfx_function_totals *from)
{
    size_t i;

    to->events += from->events;
    to->invocations += from->invocations;
    to->failures += from->failures;
    to->timeouts += from->timeouts;
    to->acked += from->acked;
    to->retried += from->retried;
    to->dead += from->dead;
    to->returned += from->returned;
    to->rejected += from->rejected;
    to->results += from->results;
    to->cold_starts += from->cold_starts;
    to->throttled += from->throttled;
    to->billed_ms += from->billed_ms;
    to->duration_ns += from->duration_ns;
    to->init_ns += from->init_ns;
    to->user_ns += from->user_ns;
    to->system_ns += from->system_ns;
    if (to->max_peak_nbytes < from->max_peak_nbytes)
        to->max_peak_nbytes = from->max_peak_nbytes;
    to->in_nbytes += from->in_nbytes;
    to->out_nbytes += from->out_nbytes;
    to->gb_seconds += from->gb_seconds;
    to->cost += from->cost;
    for (i = 0; i < SFX_METER_NBUCKETS; i++)
        to->buckets[i] += from->buckets[i];
    to->ready = from->ready;
    to->waiting = from->waiting;
    to->running = from->running;
    to->instances = from->instances;
}

void sfx_function_figures(const struct sfx_function_totals *t,
                          struct sfx_figure out[SFX_FUNCTION_NFIGURES])
{
    const struct sfx_figure figures[SFX_FUNCTION_NFIGURES] = {
        {"events", t->events},
        {"invocations", t->invocations},
        {"failures", t->failures},
        {"timeouts", t->timeouts},
        {"acked", t->acked},
        {"retried", t->retried},
        {"dead", t->dead},
        {"returned", t->returned},
        {"rejected", t->rejected},
        {"results", t->results},
        {"cold_starts", t->cold_starts},
        {"throttled", t->throttled},
        {"billed_ms", t->billed_ms},
        {"duration_us", (uint64_t)t->duration_ns / 1000},
        {"init_us", (uint64_t)t->init_ns / 1000},
        {"user_us", (uint64_t)t->user_ns / 1000},
        {"system_us", (uint64_t)t->system_ns / 1000},
        {"peak_bytes", (uint64_t)t->max_peak_nbytes},
        {"in_bytes", t->in_nbytes},
        {"out_bytes", t->out_nbytes},
        {"gb_ms", (uint64_t)(t->gb_seconds * 1000)},
        {"cost_nano", (uint64_t)(t->cost * 1e9)},
    };

    memcpy(out, figures, sizeof(figures));
}

int sfx_meter_report(const struct sfx_meter *m, const char *request_id, struct sfx_buf *out,
                     struct sfx_err *err)
{
    int rc = sfx_buf_printf(out, err,
                            "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %llu ms\t"
                            "Memory Size: %llu MB\tMax Memory Used: %.0f MB\t",
                            request_id, (double)m->duration_ns / (double)NS_PER_MS,
                            (unsigned long long)sfx_meter_billed_ms(m),
                            (unsigned long long)sfx_meter_memory_mb(m),
                            m->peak_nbytes > 0 ? ceil((double)m->peak_nbytes / MB) : 0.0);

    if (rc == 0 && m->init_ns > 0)
        rc = sfx_buf_printf(out, err, "Init Duration: %.2f ms\t",
                            (double)m->init_ns / (double)NS_PER_MS);
    return rc;
}
