/* SPDX-License-Identifier: MIT */
/*
 * Points in time: nanoseconds since 1970 in UTC, with how they are written: as a date, a local date
 * and time, or an instant with its offset, to how many fraction digits.
 *
 * Contract: pure functions on values of the proleptic Gregorian calendar, years 0000 to 9999; leap
 * seconds are read (23:59:60 UTC is the next second) and never written. Times compare by their
 * instant alone. Local times are those of the zone that is given; NULL is UTC.
 */
#ifndef SFX_VALUE_TIMESTAMP_H
#define SFX_VALUE_TIMESTAMP_H

#include "base/slice.h"
#include "value/decimal.h"
#include "value/zone.h"

#define SFX_NS_PER_S    1000000000
#define SFX_S_PER_DAY   86400
#define SFX_NS_PER_DAY  ((sfx_int128)SFX_NS_PER_S * SFX_S_PER_DAY)
#define SFX_TIME_DIGITS 9 /* the most fraction digits of a second */

/* The same room as a decimal, so that vectors hold either. */
struct sfx_timestamp {
    sfx_int128 ns;
    uint32_t style; /* sfx_time_style, packed */
};

enum sfx_time_form {
    SFX_TIME_DATE,    /* 2026-01-05 */
    SFX_TIME_LOCAL,   /* 2026-01-05T10:00:00 */
    SFX_TIME_INSTANT, /* 2026-01-05T10:00:00Z, …+01:00 */
};

/* How a time is written. */
struct sfx_time_style {
    enum sfx_time_form form;
    uint8_t digits;   /* of the fraction */
    bool space;       /* between date and time, not T */
    bool zulu;        /* an offset of 0 is written Z */
    bool minutes;     /* no seconds are written */
    int32_t offset_s; /* east of UTC: what was added to UTC to get the local time */
};

uint32_t sfx_time_style_pack(const struct sfx_time_style *style);
struct sfx_time_style sfx_time_style_unpack(uint32_t packed);

/* Fields of a local time. */
struct sfx_civil {
    int year, month, day, hour, minute, second;
    uint32_t ns;
};

/* Days from 1970-01-01 to a date, and back; months are 1 to 12. */
int64_t sfx_civil_to_days(int year, int month, int day);
void sfx_civil_from_days(int64_t days, struct sfx_civil *out);

int sfx_days_in_month(int year, int month);

/* The fields of a time as it is written: in its own offset. */
struct sfx_civil sfx_timestamp_civil(const struct sfx_timestamp *t);

/*
 * The time whose local fields are civil, in style: an INSTANT has style's offset, the others that
 * of zone then. The day may be beyond its month, hours beyond the day. False: out of the years.
 */
bool sfx_timestamp_from_civil(const struct sfx_civil *civil, struct sfx_time_style style,
                              const struct sfx_zone *zone, struct sfx_timestamp *out);

/*
 * Makes t one of ns, written in style with as many digits as it needs more: a DATE that is no
 * midnight becomes LOCAL; the offset of DATE and LOCAL is zone's then. False: out of the years.
 */
bool sfx_timestamp_set(sfx_int128 ns, struct sfx_time_style style, const struct sfx_zone *zone,
                       struct sfx_timestamp *t);

/* Moves a time by ns: a DATE by whole days stays one, whatever its zone. False: out of the years.
 */
bool sfx_timestamp_move(const struct sfx_timestamp *t, sfx_int128 ns, const struct sfx_zone *zone,
                        struct sfx_timestamp *out);

/* From b to a in nanoseconds; between two DATEs the days of the calendar. */
sfx_int128 sfx_timestamp_diff(const struct sfx_timestamp *a, const struct sfx_timestamp *b);

/*
 * Reads the whole text as ISO 8601: YYYY-MM-DD, alone or with T or a space and HH:MM[:SS[.fff]] and
 * Z or ±HH[[:]MM]. NULL, or the reason why it is none.
 */
const char *sfx_timestamp_parse(struct sfx_slice text, const struct sfx_zone *zone,
                                struct sfx_timestamp *out);

/*
 * True, and *style filled (as in sfx_timestamp), when text is YYYY-MM-DD, alone or with T or a
 * space and HH:MM:SS[.f] (up to 9 digits) and perhaps Z: what _parse takes and _format gives back
 * as it is. Without the calendar, so much cheaper than to do both. False says nothing.
 */
bool sfx_timestamp_is_plain(struct sfx_slice text, uint32_t *style);

#define SFX_TIMESTAMP_TEXT_NBYTES 48

/* Writes t as ISO 8601 in its style; returns the length. */
size_t sfx_timestamp_format(const struct sfx_timestamp *t, char out[SFX_TIMESTAMP_TEXT_NBYTES]);

/* Reads n digits at text[at]; -1 when they are not there. */
int sfx_time_digits(struct sfx_slice text, size_t at, size_t n);

/* Reads an offset at text[*at]: Z, ±HH, ±HHMM, ±HH:MM[:SS]; goes past it. False: there is none. */
bool sfx_time_offset(struct sfx_slice text, size_t *at, int32_t *offset_s);

/* Writes ±HH:MM, and :SS when there are some; returns the length, at most 9. */
size_t sfx_time_put_offset(int32_t offset_s, bool colon, char *out);

#endif
