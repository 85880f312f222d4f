/* SPDX-License-Identifier: MIT */
/* What invocations cost: measured here, priced as a cloud would. */
#ifndef SFX_FUNCTION_METER_H
#define SFX_FUNCTION_METER_H

#include "base/buf.h"
#include "cli/figure.h"

#include <stdbool.h>
#include <stdint.h>

/* One invocation. */
struct sfx_meter {
    int64_t start_ns;    /* wall clock */
    int64_t duration_ns; /* without init */
    int64_t init_ns;   /* start of a resident process until it could take events; 0: it was warm */
    int64_t queued_ns; /* from ready to start */
    int64_t user_ns, system_ns;
    int64_t peak_nbytes;   /* -1 unknown */
    uint64_t limit_nbytes; /* memory that it was given; 0: no limit */
    uint64_t in_nbytes, out_nbytes;
};

/* Upper bounds of the buckets of durations in ms, in steps of about 2.5; the last has none. */
#define SFX_METER_NBUCKETS 16
extern const double sfx_meter_bounds_ms[SFX_METER_NBUCKETS - 1];

struct sfx_function_totals {
    uint64_t events; /* taken from the source */
    uint64_t invocations, failures, timeouts;
    uint64_t acked, retried, dead, returned; /* of events; returned: given back to the source */
    uint64_t rejected;                       /* lines that were no events; they are among dead */
    uint64_t results;                        /* result events, with --emit */
    uint64_t cold_starts;
    uint64_t throttled; /* times that a rate or a breaker made events wait */
    uint64_t billed_ms;
    int64_t duration_ns, init_ns, user_ns, system_ns;
    int64_t max_peak_nbytes;
    uint64_t in_nbytes, out_nbytes;
    double gb_seconds;
    double cost;                                 /* in the price's currency */
    uint64_t buckets[SFX_METER_NBUCKETS];        /* invocations by duration */
    uint64_t ready, waiting, running, instances; /* now: what gauges show */
};

/* Adds what was counted in from; gauges are taken over. */
void sfx_function_totals_add(struct sfx_function_totals *to,
                             const struct sfx_function_totals *from);

/* The totals as --stats tells them. */
#define SFX_FUNCTION_NFIGURES 22
void sfx_function_figures(const struct sfx_function_totals *totals,
                          struct sfx_figure out[SFX_FUNCTION_NFIGURES]);

/* What a cloud asks for. */
struct sfx_price {
    char currency[8];
    double per_request;
    double per_gb_second;
    uint64_t min_memory_mb, step_ms; /* memory and time are rounded up to these */
};

/*
 * Reads a price: "lambda-x86" or "lambda-arm" (us-east-1, without the free tier, 2025), or a file
 * of JSON with members currency, request, gb_second, min_memory_mb, step_ms. Errors: USAGE, INPUT,
 * IO.
 */
int sfx_price_read(const char *name, struct sfx_price *price, struct sfx_err *err);

/* Duration and init rounded up to whole ms. */
uint64_t sfx_meter_billed_ms(const struct sfx_meter *m);

/* Memory that is billed: the limit, or else the peak, in whole MB (2^20). */
uint64_t sfx_meter_memory_mb(const struct sfx_meter *m);

/* Billed time in seconds times memory in GB (2^30). */
double sfx_meter_gb_seconds(const struct sfx_meter *m);
double sfx_meter_cost(const struct sfx_meter *m, const struct sfx_price *price);

/* Adds an invocation to totals; price may be NULL. */
void sfx_meter_add(struct sfx_function_totals *totals, const struct sfx_meter *m,
                   const struct sfx_price *price);

/* Appends the line that Lambda logs: "REPORT RequestId: … Duration: … ms …", without line end.
 * Errors: NOMEM. */
int sfx_meter_report(const struct sfx_meter *m, const char *request_id, struct sfx_buf *out,
                     struct sfx_err *err);

#endif
