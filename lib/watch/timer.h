/* SPDX-License-Identifier: MIT */
/*
 * Times at which an event is due: every so often, or as crontab(5) has it.
 *
 * Contract: a timer is a value without memory of its own; when it is due next depends on the time
 * alone, so that two watches, or one that was started again, mean the same moments. Intervals count
 * from 1970, crontab fields are of local time: a minute that a change of clocks leaves out is not
 * due, one that comes twice is due twice.
 */
#ifndef SFX_WATCH_TIMER_H
#define SFX_WATCH_TIMER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_timer {
    const char *text;          /* as it was given, borrowed */
    int64_t every_ns;          /* >0: an interval; 0: the fields hold */
    uint64_t minutes;          /* bits 0-59 */
    uint32_t hours;            /* bits 0-23 */
    uint32_t days;             /* bits 1-31 */
    uint16_t months;           /* bits 1-12 */
    uint8_t weekdays;          /* bits 0-6, Sunday is 0 */
    bool any_day, any_weekday; /* given as "*": else a day counts when either field says so */
};

/* An interval such as "5m", of at least a second. Errors: USAGE. */
int sfx_timer_every(const char *text, struct sfx_timer *timer, struct sfx_err *err);

/* Five fields (minute, hour, day, month, weekday) with *, lists, ranges, steps and names, or
 * @hourly,
 * @daily, @midnight, @weekly, @monthly, @yearly, @annually. Errors: USAGE. */
int sfx_timer_cron(const char *text, struct sfx_timer *timer, struct sfx_err *err);

/* The first moment after after_ns (both wall clock) at which it is due; -1: never, within 28 years.
 */
int64_t sfx_timer_next_ns(const struct sfx_timer *timer, int64_t after_ns);

#endif
