/* SPDX-License-Identifier: MIT */
/* What a queue holds and did, as text for people and as JSON, for sfx-queue. All append to out. */
#ifndef SFX_QUEUE_REPORT_H
#define SFX_QUEUE_REPORT_H

#include "queue/queue.h"

/* A line of a list: number, state, attempts, age, id, subject, reason; or one JSON object. */
int sfx_queue_report_row(const struct sfx_queue_row *row, bool json, struct sfx_buf *out,
                         struct sfx_err *err);

/* An invocation as one JSON object, without a line end. */
int sfx_queue_report_invocation(const struct sfx_queue_invocation *inv, struct sfx_buf *out,
                                struct sfx_err *err);

/* All figures: a name and a number a line, or one JSON object. */
int sfx_queue_report_stats(const struct sfx_queue_stats *stats, bool json, struct sfx_buf *out,
                           struct sfx_err *err);

#define SFX_QUEUE_DIGEST_NAMES 64  /* functions, or functions times days, in one digest */
#define SFX_QUEUE_DIGEST_STEPS 160 /* of a duration: 16 a decade from 1 µs, so within 8 % */

/* Sums of invocations by function, or by function and day (UTC). {0} is empty. */
struct sfx_queue_digest {
    struct sfx_queue_sums {
        char function[64], day[11];
        double invocations, failures, gb_seconds, cpu_s, billed_s;
        double cost; /* in USD at the price of AWS Lambda on x86 */
        uint64_t steps[SFX_QUEUE_DIGEST_STEPS];
    } sums[SFX_QUEUE_DIGEST_NAMES];
    size_t count;
    bool by_day;
};

/* Adds one invocation. Errors: LIMIT when there are too many functions (and days). */
int sfx_queue_digest_add(struct sfx_queue_digest *digest, const struct sfx_queue_invocation *inv,
                         struct sfx_err *err);

/* The duration below which the part p (0..1) of the invocations stayed, in ms. */
double sfx_queue_digest_ms(const struct sfx_queue_sums *sums, double p);

/* Sums as CSV with a header, or one JSON object a line. */
int sfx_queue_report_meter(const struct sfx_queue_digest *digest, bool json, struct sfx_buf *out,
                           struct sfx_err *err);

/* A screen: depths, rates since before (NULL: none), functions with percentiles and a histogram. */
int sfx_queue_report_top(const struct sfx_queue_stats *now, const struct sfx_queue_stats *before,
                         double seconds, const struct sfx_queue_digest *digest, bool json,
                         struct sfx_buf *out, struct sfx_err *err);

#endif
