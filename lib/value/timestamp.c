/* SPDX-License-Identifier: MIT */
/* Points in time: the calendar, ISO 8601 in and out, moves that keep how a time is written. */
#include "value/timestamp.h"

#include <string.h>

/* 0000-01-01 and 9999-12-31; and with a day to spare for offsets. */
#define FIRST_DAY (-719528)
#define LAST_DAY  2932896
#define MIN_DAYS  (FIRST_DAY - 1)
#define MAX_DAYS  (LAST_DAY + 2)

#define STYLE_DIGITS  15u
#define STYLE_FORM    4 /* bits to shift by */
#define STYLE_SPACE   (1u << 6)
#define STYLE_ZULU    (1u << 7)
#define STYLE_MINUTES (1u << 8)
#define STYLE_OFFSET  14 /* 18 bits: ±86399 with a bias */
#define OFFSET_BIAS   (1 << 17)

uint32_t sfx_time_style_pack(const struct sfx_time_style *style)
{
    return (uint32_t)style->digits | (uint32_t)style->form << STYLE_FORM |
           (style->space ? STYLE_SPACE : 0) | (style->zulu ? STYLE_ZULU : 0) |
           (style->minutes ? STYLE_MINUTES : 0) |
           (uint32_t)(style->offset_s + OFFSET_BIAS) << STYLE_OFFSET;
}

struct sfx_time_style sfx_time_style_unpack(uint32_t packed)
{
    return (struct sfx_time_style){
        .form = (enum sfx_time_form)(packed >> STYLE_FORM & 3),
        .digits = packed & STYLE_DIGITS,
        .space = (packed & STYLE_SPACE) != 0,
        .zulu = (packed & STYLE_ZULU) != 0,
        .minutes = (packed & STYLE_MINUTES) != 0,
        .offset_s = (int32_t)(packed >> STYLE_OFFSET) - OFFSET_BIAS,
    };
}

/* --- the calendar ----------------------------------------------------------------------------- */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int sfx_days_in_month(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

/*
 * Years begin in March, so that the leap day is the last of its year; 400 of them have 146097 days.
 * (153 * m + 2) / 5 counts the days before month m of such a year.
 */
#define DAYS_400Y   146097
#define DAYS_0_1970 719468 /* from 0000-03-01 to 1970-01-01 */

int64_t sfx_civil_to_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * DAYS_400Y + in_era * 365 + in_era / 4 - in_era / 100 + in_year - DAYS_0_1970;
}

void sfx_civil_from_days(int64_t days, struct sfx_civil *out)
{
    int64_t z = days + DAYS_0_1970, era = (z >= 0 ? z : z - DAYS_400Y + 1) / DAYS_400Y;
    int64_t in_era = z - era * DAYS_400Y;
    /* Leap days before it are taken out: every 4 years (1461 days), not 100 (36524), but 400. */
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / (DAYS_400Y - 1)) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

    out->day = (int)(in_year - (153 * m + 2) / 5 + 1);
    out->month = (int)(m < 10 ? m + 3 : m - 9);
    out->year = (int)(y + era * 400 + (out->month <= 2));
}

/* Splits ns into whole seconds, towards minus infinity, and the rest. */
static int64_t floor_seconds(sfx_int128 ns, uint32_t *rest)
{
    int64_t s = (int64_t)(ns / SFX_NS_PER_S), r = (int64_t)(ns % SFX_NS_PER_S);

    if (r < 0) {
        r += SFX_NS_PER_S;
        s--;
    }
    *rest = (uint32_t)r;
    return s;
}

static int64_t floor_days(int64_t s)
{
    return (s >= 0 ? s : s - SFX_S_PER_DAY + 1) / SFX_S_PER_DAY;
}

struct sfx_civil sfx_timestamp_civil(const struct sfx_timestamp *t)
{
    struct sfx_civil civil;
    int64_t s = floor_seconds(t->ns, &civil.ns) + sfx_time_style_unpack(t->style).offset_s;
    int64_t days = floor_days(s), in_day = s - days * SFX_S_PER_DAY;

    sfx_civil_from_days(days, &civil);
    civil.hour = (int)(in_day / 3600);
    civil.minute = (int)(in_day / 60 % 60);
    civil.second = (int)(in_day % 60);
    return civil;
}

/* --- making times ------------------------------------------------------------------------------
 */

static unsigned digits_needed(uint32_t ns)
{
    unsigned digits = SFX_TIME_DIGITS;

    if (ns == 0)
        return 0;
    for (; ns % 10 == 0; ns /= 10)
        digits--;
    return digits;
}

/* Stores local seconds with style's offset; digits and seconds are written when there are some. */
static bool store(int64_t local_s, uint32_t ns, struct sfx_time_style style,
                  struct sfx_timestamp *out)
{
    unsigned digits = digits_needed(ns);
    const int64_t days = floor_days(local_s);

    if (days < FIRST_DAY || days > LAST_DAY)
        return false;
    if (style.form == SFX_TIME_DATE && (ns != 0 || local_s % SFX_S_PER_DAY != 0))
        style.form = SFX_TIME_LOCAL;
    if (digits > style.digits)
        style.digits = (uint8_t)digits;
    style.minutes = style.minutes && style.digits == 0 && local_s % 60 == 0;
    style.zulu = style.zulu && style.offset_s == 0;
    out->ns = (sfx_int128)(local_s - style.offset_s) * SFX_NS_PER_S + ns;
    out->style = sfx_time_style_pack(&style);
    return true;
}

/* The time that is local_s in style's form; zone decides the offset of what has none. */
static bool store_local(int64_t local_s, uint32_t ns, struct sfx_time_style style,
                        const struct sfx_zone *zone, struct sfx_timestamp *out)
{
    if (style.form != SFX_TIME_INSTANT) {
        int64_t utc_s = sfx_zone_to_utc(zone, local_s);

        style.offset_s = sfx_zone_offset(zone, utc_s, NULL);
        if (style.form == SFX_TIME_DATE) /* a day that begins at 01:00 is written all the same */
            style.offset_s = (int32_t)(local_s - utc_s);
        local_s = utc_s + style.offset_s;
    }
    return store(local_s, ns, style, out);
}

bool sfx_timestamp_from_civil(const struct sfx_civil *civil, struct sfx_time_style style,
                              const struct sfx_zone *zone, struct sfx_timestamp *out)
{
    int64_t days = sfx_civil_to_days(civil->year, civil->month, 1) + civil->day - 1;

    if (days < MIN_DAYS || days > MAX_DAYS)
        return false;
    return store_local(days * SFX_S_PER_DAY + civil->hour * 3600 + civil->minute * 60 +
                           civil->second,
                       civil->ns, style, zone, out);
}

bool sfx_timestamp_set(sfx_int128 ns, struct sfx_time_style style, const struct sfx_zone *zone,
                       struct sfx_timestamp *t)
{
    uint32_t rest;
    int64_t s;

    if (ns / SFX_NS_PER_DAY < MIN_DAYS || ns / SFX_NS_PER_DAY > MAX_DAYS)
        return false;
    s = floor_seconds(ns, &rest);
    if (style.form != SFX_TIME_INSTANT)
        style.offset_s = sfx_zone_offset(zone, s, NULL);
    return store(s + style.offset_s, rest, style, t);
}

bool sfx_timestamp_move(const struct sfx_timestamp *t, sfx_int128 ns, const struct sfx_zone *zone,
                        struct sfx_timestamp *out)
{
    struct sfx_time_style style = sfx_time_style_unpack(t->style);
    sfx_int128 moved;

    if (__builtin_add_overflow(t->ns, ns, &moved))
        return false;
    if (style.form == SFX_TIME_DATE && ns % SFX_NS_PER_DAY == 0) {
        moved += (sfx_int128)style.offset_s * SFX_NS_PER_S;
        if (moved / SFX_NS_PER_DAY < MIN_DAYS || moved / SFX_NS_PER_DAY > MAX_DAYS)
            return false;
        return store_local((int64_t)(moved / SFX_NS_PER_S), 0, style, zone, out);
    }
    return sfx_timestamp_set(moved, style, zone, out);
}

sfx_int128 sfx_timestamp_diff(const struct sfx_timestamp *a, const struct sfx_timestamp *b)
{
    struct sfx_time_style as = sfx_time_style_unpack(a->style),
                          bs = sfx_time_style_unpack(b->style);
    sfx_int128 diff = a->ns - b->ns;

    if (as.form == SFX_TIME_DATE && bs.form == SFX_TIME_DATE)
        diff += (sfx_int128)(as.offset_s - bs.offset_s) * SFX_NS_PER_S;
    return diff;
}

/* --- ISO 8601 ----------------------------------------------------------------------------------
 */

#define NO_TIME "is not an ISO 8601 time"

int sfx_time_digits(struct sfx_slice text, size_t at, size_t n)
{
    int value = 0;

    if (at + n > text.len)
        return -1;
    for (; n > 0; n--, at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9')
            return -1;
        value = value * 10 + (text.ptr[at] - '0');
    }
    return value;
}

static char char_at(struct sfx_slice text, size_t at)
{
    return at < text.len ? text.ptr[at] : '\0';
}

bool sfx_time_offset(struct sfx_slice text, size_t *at, int32_t *offset_s)
{
    char sign = char_at(text, *at);
    int part[3] = {0}, i;
    size_t p = *at + 1;
    bool colon;

    if (sign == 'Z' || sign == 'z') {
        *at = p;
        *offset_s = 0;
        return true;
    }
    part[0] = sign == '+' || sign == '-' ? sfx_time_digits(text, p, 2) : -1;
    if (part[0] < 0 || part[0] > 23)
        return false;
    p += 2;
    colon = char_at(text, p) == ':';
    for (i = 1; i < 3 && sfx_time_digits(text, p + colon, 2) >= 0; i++) {
        if (colon && char_at(text, p) != ':')
            break;
        part[i] = sfx_time_digits(text, p + colon, 2);
        if (part[i] > 59)
            return false;
        p += 2 + colon;
    }
    *at = p;
    *offset_s = (part[0] * 3600 + part[1] * 60 + part[2]) * (sign == '-' ? -1 : 1);
    return true;
}

/* The fraction behind a second: at most 9 digits, zeros beyond. */
static const char *parse_fraction(struct sfx_slice text, size_t *at, struct sfx_civil *civil,
                                  struct sfx_time_style *style)
{
    uint32_t unit = SFX_NS_PER_S;
    size_t from;

    if (char_at(text, *at) != '.' && char_at(text, *at) != ',')
        return NULL;
    for (from = ++*at; sfx_time_digits(text, *at, 1) >= 0; ++*at) {
        int digit = sfx_time_digits(text, *at, 1);

        if (unit == 1 && digit != 0)
            return "has more than 9 fraction digits";
        if (unit > 1) {
            unit /= 10;
            civil->ns += (uint32_t)digit * unit;
            style->digits++;
        }
    }
    return *at > from ? NULL : NO_TIME;
}

static const char *parse_clock(struct sfx_slice text, size_t *at, struct sfx_civil *civil,
                               struct sfx_time_style *style)
{
    civil->hour = sfx_time_digits(text, *at, 2);
    civil->minute = char_at(text, *at + 2) == ':' ? sfx_time_digits(text, *at + 3, 2) : -1;
    if (civil->hour < 0 || civil->hour > 23 || civil->minute < 0 || civil->minute > 59)
        return NO_TIME;
    *at += 5;
    style->minutes = char_at(text, *at) != ':';
    if (style->minutes)
        return NULL;
    civil->second = sfx_time_digits(text, *at + 1, 2);
    if (civil->second < 0 || civil->second > 60)
        return NO_TIME;
    *at += 3;
    return parse_fraction(text, at, civil, style);
}

/* A second 60 is the last one of a day in UTC. */
static bool leap_second_can_be(const struct sfx_timestamp *t)
{
    uint32_t rest;

    return floor_seconds(t->ns, &rest) % SFX_S_PER_DAY == 0;
}

const char *sfx_timestamp_parse(struct sfx_slice text, const struct sfx_zone *zone,
                                struct sfx_timestamp *out)
{
    struct sfx_civil civil = {0};
    struct sfx_time_style style = {.form = SFX_TIME_DATE};
    const char *reason;
    size_t at = 10;

    civil.year = sfx_time_digits(text, 0, 4);
    civil.month = char_at(text, 4) == '-' ? sfx_time_digits(text, 5, 2) : -1;
    civil.day = char_at(text, 7) == '-' ? sfx_time_digits(text, 8, 2) : -1;
    if (civil.year < 0 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
        civil.day > sfx_days_in_month(civil.year, civil.month))
        return NO_TIME;
    if (text.len > at) {
        char mark = text.ptr[at++];

        style.form = SFX_TIME_LOCAL;
        style.space = mark == ' ';
        if (mark != 'T' && mark != 't' && mark != ' ')
            return NO_TIME;
        reason = parse_clock(text, &at, &civil, &style);
        if (reason != NULL)
            return reason;
    }
    if (at < text.len) {
        style.zulu = text.ptr[at] == 'Z' || text.ptr[at] == 'z';
        style.form = SFX_TIME_INSTANT;
        if (!sfx_time_offset(text, &at, &style.offset_s) || at != text.len)
            return NO_TIME;
    }
    if (!sfx_timestamp_from_civil(&civil, style, zone, out) ||
        (civil.second == 60 && !leap_second_can_be(out)))
        return NO_TIME;
    return NULL;
}

/* Two digits at ptr; more than 99 when they are not there. */
static inline unsigned two_digits(const char *ptr)
{
    const unsigned tens = (unsigned)(unsigned char)ptr[0] - '0';
    const unsigned ones = (unsigned)(unsigned char)ptr[1] - '0';

    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* YYYY-MM-DD at ptr, 10 bytes. */
static bool is_plain_date(const char *ptr)
{
    const unsigned century = two_digits(ptr), year = two_digits(ptr + 2);
    const unsigned month = two_digits(ptr + 5), day = two_digits(ptr + 8);

    return ptr[4] == '-' && ptr[7] == '-' && century < 100 && year < 100 && month - 1 < 12 &&
           day - 1 < 31 &&
           (day <= 28 ||
            day <= (unsigned)sfx_days_in_month((int)(century * 100 + year), (int)month));
}

/* T or a space and HH:MM:SS at ptr, 9 bytes. */
static bool is_plain_clock(const char *ptr)
{
    return (ptr[0] == 'T' || ptr[0] == ' ') && ptr[3] == ':' && ptr[6] == ':' &&
           two_digits(ptr + 1) < 24 && two_digits(ptr + 4) < 60 && two_digits(ptr + 7) < 60;
}

bool sfx_timestamp_is_plain(struct sfx_slice text, uint32_t *style)
{
    const char *end = text.ptr + text.len, *at, *first;
    struct sfx_time_style s = {.form = SFX_TIME_DATE};

    if (text.len < 10 || !is_plain_date(text.ptr))
        return false;
    if (text.len > 10) {
        if (text.len < 19 || !is_plain_clock(text.ptr + 10))
            return false;
        at = text.ptr + 19;
        if (at < end && *at == '.') {
            for (first = ++at; at < end && (unsigned char)(*at - '0') <= 9; at++)
                ;
            if (at == first || at - first > SFX_TIME_DIGITS)
                return false;
            s.digits = (uint8_t)(at - first);
        }
        s.space = text.ptr[10] == ' ';
        s.zulu = at < end && *at == 'Z';
        s.form = s.zulu ? SFX_TIME_INSTANT : SFX_TIME_LOCAL;
        if (at + s.zulu != end)
            return false;
    }
    *style = sfx_time_style_pack(&s);
    return true;
}

static char *put_digits(char *at, int value, int n)
{
    int i;

    for (i = n; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + n;
}

size_t sfx_time_put_offset(int32_t offset_s, bool colon, char *out)
{
    int32_t s = offset_s < 0 ? -offset_s : offset_s;
    char *at = out;

    *at++ = offset_s < 0 ? '-' : '+';
    at = put_digits(at, s / 3600, 2);
    if (colon)
        *at++ = ':';
    at = put_digits(at, s / 60 % 60, 2);
    if (s % 60 != 0) {
        if (colon)
            *at++ = ':';
        at = put_digits(at, s % 60, 2);
    }
    return (size_t)(at - out);
}

static char *put_clock(char *at, const struct sfx_civil *civil, const struct sfx_time_style *style)
{
    int i;

    *at++ = style->space ? ' ' : 'T';
    at = put_digits(at, civil->hour, 2);
    *at++ = ':';
    at = put_digits(at, civil->minute, 2);
    if (style->minutes)
        return at;
    *at++ = ':';
    at = put_digits(at, civil->second, 2);
    if (style->digits > 0) {
        uint32_t fraction = civil->ns;

        for (i = style->digits; i < SFX_TIME_DIGITS; i++)
            fraction /= 10;
        *at++ = '.';
        at = put_digits(at, (int)fraction, style->digits);
    }
    return at;
}

size_t sfx_timestamp_format(const struct sfx_timestamp *t, char out[SFX_TIMESTAMP_TEXT_NBYTES])
{
    struct sfx_time_style style = sfx_time_style_unpack(t->style);
    struct sfx_civil civil = sfx_timestamp_civil(t);
    char *at = put_digits(out, civil.year, 4);

    *at++ = '-';
    at = put_digits(at, civil.month, 2);
    *at++ = '-';
    at = put_digits(at, civil.day, 2);
    if (style.form == SFX_TIME_DATE)
        return (size_t)(at - out);
    at = put_clock(at, &civil, &style);
    if (style.form == SFX_TIME_INSTANT) {
        if (style.zulu)
            *at++ = 'Z';
        else
            at += sfx_time_put_offset(style.offset_s, true, at);
    }
    return (size_t)(at - out);
}
