/* SPDX-License-Identifier: MIT */
/* strptime without locale and environment, with fractions and offsets. */
#include "value/time_format_internal.h"

#include "base/size.h"

#include <string.h>
#include <strings.h>

#define UNLIKE "is not as the format says"

/* What was read so far; below 0: not said. */
struct reading {
    struct sfx_slice text;
    size_t at;
    struct sfx_civil c;
    int hour12, pm, year_day, weekday, iso_year, week;
    bool has_clock, has_offset, has_epoch, zulu;
    int digits;
    int32_t offset_s;
    int64_t epoch;
};

/* Up to max digits, at least one. */
static bool read_number(struct reading *r, int max, int low, int high, int *out)
{
    int value = 0, n = 0;

    for (; n < max && sfx_time_digits(r->text, r->at, 1) >= 0; n++)
        value = value * 10 + sfx_time_digits(r->text, r->at++, 1);
    *out = value;
    return n > 0 && value >= low && value <= high;
}

/* A name, whole or its first three letters, in any case: its number from 1. */
static bool read_name(struct reading *r, const char *const *names, size_t count, int *out)
{
    size_t i, left = r->text.len - r->at, len;

    for (i = 0; i < count; i++) {
        len = strlen(names[i]);
        if (left >= len && strncasecmp(r->text.ptr + r->at, names[i], len) == 0)
            break;
        len = 3;
        if (left >= len && strncasecmp(r->text.ptr + r->at, names[i], len) == 0)
            break;
    }
    if (i == count)
        return false;
    r->at += len;
    *out = (int)i + 1;
    return true;
}

static bool read_fraction(struct reading *r, int digits)
{
    uint32_t unit = SFX_NS_PER_S;
    int n = 0;

    r->c.ns = 0;
    for (; n < (digits > 0 ? digits : 9) && sfx_time_digits(r->text, r->at, 1) >= 0; n++) {
        unit /= 10;
        r->c.ns += (uint32_t)sfx_time_digits(r->text, r->at++, 1) * unit;
    }
    r->digits = n;
    return n > 0 && (digits == 0 || n == digits);
}

static bool read_meridiem(struct reading *r)
{
    if (r->text.len - r->at < 2)
        return false;
    r->pm = strncasecmp(r->text.ptr + r->at, "pm", 2) == 0;
    if (!r->pm && strncasecmp(r->text.ptr + r->at, "am", 2) != 0)
        return false;
    r->at += 2;
    return true;
}

/* An offset, or one of the names of UTC. */
static bool read_zone(struct reading *r)
{
    static const char *const names[] = {"UTC", "GMT"};
    size_t i;

    r->has_offset = true;
    for (i = 0; i < SFX_COUNT(names); i++) {
        if (r->text.len - r->at >= 3 && strncasecmp(r->text.ptr + r->at, names[i], 3) == 0) {
            r->at += 3;
            r->zulu = true;
            return true;
        }
    }
    r->zulu = r->at < r->text.len && (r->text.ptr[r->at] == 'Z' || r->text.ptr[r->at] == 'z');
    return sfx_time_offset(r->text, &r->at, &r->offset_s);
}

static bool read_epoch(struct reading *r)
{
    bool negative = r->at < r->text.len && r->text.ptr[r->at] == '-';
    int n = 0;

    r->at += negative;
    for (; n < 12 && sfx_time_digits(r->text, r->at, 1) >= 0; n++)
        r->epoch = r->epoch * 10 + sfx_time_digits(r->text, r->at++, 1);
    if (negative)
        r->epoch = -r->epoch;
    r->has_epoch = true;
    return n > 0;
}

static void skip_space(struct reading *r)
{
    while (r->at < r->text.len && r->text.ptr[r->at] != '\0' &&
           strchr(" \t\r\n", r->text.ptr[r->at]) != NULL)
        r->at++;
}

static bool read_date_part(struct reading *r, char letter)
{
    int two;

    switch (letter) {
    case 'Y': return read_number(r, 4, 0, 9999, &r->c.year);
    case 'y': /* POSIX: 69 to 99 are of the 20th century */
        if (!read_number(r, 2, 0, 99, &two))
            return false;
        r->c.year = two + (two < 69 ? 2000 : 1900);
        return true;
    case 'm': return read_number(r, 2, 1, 12, &r->c.month);
    case 'e':
    case 'd': skip_space(r); return read_number(r, 2, 1, 31, &r->c.day);
    case 'j': return read_number(r, 3, 1, 366, &r->year_day);
    case 'G': return read_number(r, 4, 0, 9999, &r->iso_year);
    case 'V': return read_number(r, 2, 1, 53, &r->week);
    case 'u': return read_number(r, 1, 1, 7, &r->weekday);
    case 'a':
    case 'A': return read_name(r, sfx_weekday_names, 7, &r->weekday);
    default: return read_name(r, sfx_month_names, 12, &r->c.month); /* b B h */
    }
}

static bool read_clock_part(struct reading *r, struct sfx_time_directive d)
{
    r->has_clock = true;
    switch (d.letter) {
    case 'k':
    case 'H': skip_space(r); return read_number(r, 2, 0, 23, &r->c.hour);
    case 'l':
    case 'I': skip_space(r); return read_number(r, 2, 1, 12, &r->hour12);
    case 'M': return read_number(r, 2, 0, 59, &r->c.minute);
    case 'S':
        if (!read_number(r, 2, 0, 60, &r->c.second))
            return false;
        if (d.digits == 0)
            return true;
        return r->at < r->text.len && r->text.ptr[r->at++] == '.' && read_fraction(r, d.digits);
    case 'f': return read_fraction(r, d.digits);
    default: return read_meridiem(r); /* p P */
    }
}

static bool read_text(struct reading *r, struct sfx_slice format);

static bool read_part(struct reading *r, struct sfx_time_directive d)
{
    if (sfx_time_expansion(d.letter).len > 0)
        return read_text(r, sfx_time_expansion(d.letter));
    if (strchr("YymdejGVuaAbBh", d.letter) != NULL)
        return read_date_part(r, d.letter);
    if (strchr("HkIlMSfpP", d.letter) != NULL)
        return read_clock_part(r, d);
    if (d.letter == 'z' || d.letter == 'Z')
        return read_zone(r);
    if (d.letter == 's')
        return read_epoch(r);
    if (d.letter == '%')
        return r->at < r->text.len && r->text.ptr[r->at++] == '%';
    skip_space(r); /* n t */
    return true;
}

static bool read_text(struct reading *r, struct sfx_slice format)
{
    size_t at = 0;

    while (at < format.len) {
        char c = format.ptr[at++];

        if (c == '%') {
            if (!read_part(r, sfx_time_read_directive(format, &at)))
                return false;
        } else if (c != '\0' && strchr(" \t\r\n", c) != NULL) {
            skip_space(r);
        } else if (r->at == r->text.len || r->text.ptr[r->at++] != c) {
            return false;
        }
    }
    return true;
}

/* The date by the day of the year, by the week, or by month and day. */
static bool settle_date(struct reading *r)
{
    struct sfx_civil *c = &r->c;
    int year, week, weekday;

    if (r->iso_year >= 0 && r->week >= 0) {
        sfx_civil_from_days(sfx_iso_first_monday(r->iso_year) + 7 * (r->week - 1) +
                                (r->weekday > 0 ? r->weekday : 1) - 1,
                            c);
    } else if (r->year_day >= 0) {
        c->month = 1;
        c->day = r->year_day;
        if (c->day > 365 + (sfx_days_in_month(c->year, 2) == 29))
            return false;
        sfx_civil_from_days(sfx_civil_to_days(c->year, 1, 1) + c->day - 1, c);
    }
    if (c->day > sfx_days_in_month(c->year, c->month))
        return false;
    sfx_iso_week(c, &year, &week, &weekday);
    return r->weekday < 0 || r->weekday == weekday;
}

static bool settle_clock(struct reading *r)
{
    if (r->hour12 >= 0)
        r->c.hour = r->hour12 % 12 + (r->pm > 0 ? 12 : 0);
    else if (r->pm >= 0 && (r->c.hour > 12) > r->pm) /* 15 am */
        return false;
    return true;
}

const char *sfx_time_format_read(struct sfx_slice text, struct sfx_slice format,
                                 const struct sfx_zone *zone, bool zoned, struct sfx_timestamp *out)
{
    struct reading r = {.text = text,
                        .c = {.year = 1970, .month = 1, .day = 1},
                        .hour12 = -1,
                        .pm = -1,
                        .year_day = -1,
                        .weekday = -1,
                        .iso_year = -1,
                        .week = -1};
    struct sfx_time_style style = {.form = SFX_TIME_DATE};

    if (!read_text(&r, format) || r.at != text.len)
        return UNLIKE;
    style.digits = (uint8_t)r.digits;
    if (r.has_epoch) {
        style.form = SFX_TIME_INSTANT;
        style.zulu = true;
        return sfx_timestamp_set((sfx_int128)r.epoch * SFX_NS_PER_S + r.c.ns, style, zone, out)
                   ? NULL
                   : UNLIKE;
    }
    if (!settle_date(&r) || !settle_clock(&r))
        return "is no date or time that there is";
    if (r.has_offset)
        style.form = SFX_TIME_INSTANT;
    else if (r.has_clock)
        style.form = SFX_TIME_LOCAL;
    style.zulu = r.zulu;
    style.offset_s = r.offset_s;
    if (!sfx_timestamp_from_civil(&r.c, style, zone, out))
        return UNLIKE;
    if (zoned && style.form == SFX_TIME_LOCAL) {
        style = sfx_time_style_unpack(out->style);
        style.form = SFX_TIME_INSTANT;
        out->style = sfx_time_style_pack(&style);
    }
    return NULL;
}
