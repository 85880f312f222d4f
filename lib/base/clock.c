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

size_t sfx_clock_format(int64_t wall_ns, char out[SFX_CLOCK_TEXT_NBYTES])
{
    int64_t seconds = wall_ns / NS_PER_S;
    int64_t frac_ns = wall_ns % NS_PER_S;
    struct tm tm = {0};
    size_t len;
    time_t when;
    int n;

    if (frac_ns < 0) { /* before 1970: round down, not towards zero */
        seconds--;
        frac_ns += NS_PER_S;
    }
    when = (time_t)seconds;
    (void)gmtime_r(&when, &tm);
    len = strftime(out, SFX_CLOCK_TEXT_NBYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (frac_ns == 0)
        n = snprintf(out + len, SFX_CLOCK_TEXT_NBYTES - len, "Z");
    else if (frac_ns % 1000000 == 0)
        n = snprintf(out + len, SFX_CLOCK_TEXT_NBYTES - len, ".%03dZ", (int)(frac_ns / 1000000));
    else if (frac_ns % 1000 == 0)
        n = snprintf(out + len, SFX_CLOCK_TEXT_NBYTES - len, ".%06dZ", (int)(frac_ns / 1000));
    else
        n = snprintf(out + len, SFX_CLOCK_TEXT_NBYTES - len, ".%09dZ", (int)frac_ns);
    return len + (size_t)n;
}
