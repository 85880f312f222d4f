/* SPDX-License-Identifier: MIT */
/*
 * Times by a format of the user: strftime and strptime, in English whatever the locale.
 *
 * Directives: %Y %y %C %m %d %e %j %H %I %k %l %M %S %p %P %a %A %b %B %h %G %g %V %u %w %z %:z %Z
 * %s %f %D %F %T %R %n %t %%; %3f is three fraction digits, %3S seconds with as many, %-d a day
 * without padding. Pure functions,
 * nothing is allocated but by the buffer.
 */
#ifndef SFX_VALUE_TIME_FORMAT_H
#define SFX_VALUE_TIME_FORMAT_H

#include "base/buf.h"
#include "value/timestamp.h"

/* NULL, or where a directive is not known (when parsing is set: not known for reading). */
const char *sfx_time_format_check(struct sfx_slice format, bool parsing);

/* Appends t by a format that was checked. abbreviation: of its zone (%Z); NULL: its offset, or UTC.
 * Errors: NOMEM. */
int sfx_time_format_write(const struct sfx_timestamp *t, struct sfx_slice format,
                          const char *abbreviation, struct sfx_buf *out, struct sfx_err *err);

/*
 * Reads text by a format that was checked. Without a time of day it is a DATE, with an offset an
 * INSTANT, else LOCAL in zone; zoned: what is local becomes an INSTANT with zone's offset. White
 * space of the format stands for any. NULL, or the reason why text is not as the format says.
 */
const char *sfx_time_format_read(struct sfx_slice text, struct sfx_slice format,
                                 const struct sfx_zone *zone, bool zoned,
                                 struct sfx_timestamp *out);

/* ISO 8601: the week (1 … 53), its year, and the day in it (1 Monday … 7) of a date. */
void sfx_iso_week(const struct sfx_civil *civil, int *year, int *week, int *weekday);

/* The day of the year, from 1. */
int sfx_year_day(const struct sfx_civil *civil);

#endif
