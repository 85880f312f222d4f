/* SPDX-License-Identifier: MIT */
/* Clocks and the text of a time. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S 1000000000

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = {0};

    /* These three clocks exist on every Linux, so this cannot fail. */
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t sfx_clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t sfx_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t sfx_clock_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* Writes value as count digits; returns what follows them. */
static char *put_digits(char *out, size_t count, int64_t value)
{
    size_t i;

    for (i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

/* By hand: strftime and snprintf take most of the time that an event is written in. */
size_t sfx_clock_format(int64_t wall_ns, char out[SFX_CLOCK_TEXT_NBYTES])
{
    int64_t seconds = wall_ns / NS_PER_S;
    int64_t frac_ns = wall_ns % NS_PER_S;
    size_t ndigits = frac_ns % 1000000 == 0 ? 3 : frac_ns % 1000 == 0 ? 6 : 9;
    struct tm tm = {0};
    char *end = out;
    time_t when;

    if (frac_ns < 0) { /* before 1970: round down, not towards zero */
        seconds--;
        frac_ns += NS_PER_S;
    }
    when = (time_t)seconds;
    (void)gmtime_r(&when, &tm);
    end = put_digits(end, 4, tm.tm_year + 1900); /* 64 bits of ns: 1677 to 2262 */
    *end++ = '-';
    end = put_digits(end, 2, tm.tm_mon + 1);
    *end++ = '-';
    end = put_digits(end, 2, tm.tm_mday);
    *end++ = 'T';
    end = put_digits(end, 2, tm.tm_hour);
    *end++ = ':';
    end = put_digits(end, 2, tm.tm_min);
    *end++ = ':';
    end = put_digits(end, 2, tm.tm_sec);
    if (frac_ns != 0) {
        *end++ = '.';
        end = put_digits(end, ndigits,
                         ndigits == 9   ? frac_ns
                         : ndigits == 6 ? frac_ns / 1000
                                        : frac_ns / 1000000);
    }
    *end++ = 'Z';
    *end = '\0';
    return (size_t)(end - out);
}
