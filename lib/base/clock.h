/* SPDX-License-Identifier: MIT */
/* Clocks: monotonic for durations, wall for timestamps; RFC 3339 text of a time. */
#ifndef SFX_BASE_CLOCK_H
#define SFX_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of a clock that never steps back; only differences mean something. */
int64_t sfx_clock_mono_ns(void);

/* Nanoseconds since 1970-01-01T00:00:00Z. */
int64_t sfx_clock_wall_ns(void);

/* CPU time of this process, all threads, user + system, in nanoseconds. */
int64_t sfx_clock_cpu_ns(void);

#define SFX_CLOCK_TEXT_NBYTES 40

/*
 * Writes wall_ns as RFC 3339 in UTC with as many fraction digits as it needs (0, 3, 6 or 9):
 * "2026-11-23T14:05:09.25Z" is written "2026-11-23T14:05:09.250Z". Filled, terminated; returns the
 * length.
 */
size_t sfx_clock_format(int64_t wall_ns, char out[SFX_CLOCK_TEXT_NBYTES]);

#endif
