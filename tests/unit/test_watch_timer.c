/* SPDX-License-Identifier: MIT */
/* Timers: when they are due next, in a zone whose clocks change. */
#include "base/size.h"
#include "watch/timer.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

/* "2026-03-29 01:59:30 UTC" as seconds. */
static int64_t utc(const char *text)
{
    struct tm tm = {0};

    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (int64_t)timegm(&tm);
}

static void schedules_are_due(void **state)
{
    static const struct {
        const char *cron, *after, *due; /* UTC */
    } cases[] = {
        {"* * * * *", "2026-11-26 10:00:00", "2026-11-26 10:01:00"},
        {"* * * * *", "2026-11-26 10:00:59", "2026-11-26 10:01:00"},
        {"0 2 * * *", "2026-11-26 10:00:00", "2026-11-27 01:00:00"}, /* an hour ahead in winter */
        {"0 2 * * *", "2026-07-01 10:00:00", "2026-07-02 00:00:00"}, /* two in summer */
        {"*/15 9-17 * * mon-fri", "2026-11-27 16:45:00", "2026-11-30 08:00:00"},
        {"5,35 0 1 jan *", "2026-11-26 10:00:00", "2026-12-31 23:05:00"},
        {"0 0 29 2 *", "2026-01-01 00:00:00", "2028-02-28 23:00:00"},
        {"0 0 13 * 5", "2026-11-01 00:00:00", "2026-11-05 23:00:00"}, /* the 13th, or a Friday */
        {"0 0 * * 7", "2026-11-26 10:00:00", "2026-11-28 23:00:00"},  /* Sunday */
        {"10/20 0 * * *", "2026-11-26 23:15:00", "2026-11-26 23:30:00"},
        {"@weekly", "2026-11-26 10:00:00", "2026-11-28 23:00:00"},
        {"@hourly", "2026-11-26 10:00:00", "2026-11-26 11:00:00"},
        /* 02:30 is left out on the 29th of March, and comes twice on the 25th of October. */
        {"30 2 * * *", "2026-03-28 23:30:00", "2026-03-30 00:30:00"},
        {"30 2 * * *", "2026-10-24 22:30:00", "2026-10-25 00:30:00"},
        {"30 2 * * *", "2026-10-25 00:30:00", "2026-10-25 01:30:00"},
    };
    struct sfx_timer timer;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        assert_int_equal(sfx_timer_cron(cases[i].cron, &timer, NULL), 0);
        assert_int_equal(sfx_timer_next_ns(&timer, utc(cases[i].after) * NS_PER_S) / NS_PER_S,
                         utc(cases[i].due));
    }
    assert_int_equal(sfx_timer_cron("0 0 30 2 *", &timer, NULL), 0);
    assert_int_equal(sfx_timer_next_ns(&timer, 0), -1);
}

static void intervals_count_from_1970(void **state)
{
    struct sfx_timer timer;

    (void)state;
    assert_int_equal(sfx_timer_every("5m", &timer, NULL), 0);
    assert_int_equal(sfx_timer_next_ns(&timer, 0), 300 * NS_PER_S);
    assert_int_equal(sfx_timer_next_ns(&timer, 300 * NS_PER_S - 1), 300 * NS_PER_S);
    assert_int_equal(sfx_timer_next_ns(&timer, 300 * NS_PER_S), 600 * NS_PER_S);
    assert_int_equal(sfx_timer_every("10ms", &timer, NULL), SFX_E_USAGE);
    assert_int_equal(sfx_timer_every("often", &timer, NULL), SFX_E_USAGE);
}

static void what_is_no_schedule_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * foo *",
        "1,, * * * *",
        "1- * * * *",
        "@often",
        "*/61 * * * *",
    };
    struct sfx_timer timer;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_int_equal(sfx_timer_cron(cases[i], &timer, NULL), SFX_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_are_due),
        cmocka_unit_test(intervals_count_from_1970),
        cmocka_unit_test(what_is_no_schedule_is_refused),
    };

    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
