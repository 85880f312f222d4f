/* SPDX-License-Identifier: MIT */
/* The progress line: "12340 of 50000 rows, 25 %, 1.5 MiB, 0.7 MiB/s". */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_PER_S     1000000000
#define REWRITE_NS   (NS_PER_S / 10)
#define SHOW_FROM_NS NS_PER_S /* what ends within a second needs no progress */

void sfx_progress_init(struct sfx_progress *p, int fd, bool on)
{
    p->fd = on ? fd : -1;
    p->started_ns = sfx_clock_mono_ns();
    p->shown_ns = p->started_ns + SHOW_FROM_NS - REWRITE_NS;
    p->visible = false;
}

void sfx_progress_update(struct sfx_progress *p, const char *what, uint64_t done, uint64_t total,
                         uint64_t nbytes)
{
    const double mib = 1024 * 1024;
    char part[64] = "", line[256];
    int64_t now;
    double seconds;
    int n;

    if (p->fd < 0)
        return;
    now = sfx_clock_mono_ns();
    if (now - p->shown_ns < REWRITE_NS)
        return;
    p->shown_ns = now;
    seconds = (double)(now - p->started_ns) / NS_PER_S;
    if (total > 0)
        (void)snprintf(part, sizeof(part), " of %" PRIu64, total);
    n = snprintf(line, sizeof(line), SFX_PROGRESS_CLEAR "%" PRIu64 "%s %.32s", done, part, what);
    if (total > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, ", %.0f %%",
                      100 * (double)done / (double)total);
    if (nbytes > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, ", %.1f MiB, %.1f MiB/s",
                      (double)nbytes / mib, (double)nbytes / mib / seconds);
    (void)sfx_io_write(p->fd, line, (size_t)n, NULL);
    p->visible = true;
}

void sfx_progress_done(struct sfx_progress *p)
{
    if (p->visible)
        (void)sfx_io_write(p->fd, SFX_PROGRESS_CLEAR, sizeof(SFX_PROGRESS_CLEAR) - 1, NULL);
    p->visible = false;
}
