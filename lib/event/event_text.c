/* SPDX-License-Identifier: MIT */
/* Rules about an event's text: control characters, and times. */
#include "event/event_internal.h"

/* True when a byte of the word is a control character, or none of ASCII. */
static bool may_hold_control(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    const uint64_t del = word ^ ones * 0x7f;

    return (((word - ones * 0x20) | (del - ones) | word) & high) != 0;
}

size_t sfx_event_find_control(struct sfx_slice text)
{
    size_t i = 0;
    uint64_t word;

    for (; i + sizeof(word) <= text.len; i += sizeof(word)) {
        memcpy(&word, text.ptr + i, sizeof(word));
        if (may_hold_control(word))
            break;
    }
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f))
            return i;
    }
    return text.len;
}

/* Takes count digits off the front of *text as *value. */
static bool take_digits(struct sfx_slice *text, size_t count, int64_t *value)
{
    size_t i;

    if (text->len < count)
        return false;
    *value = 0;
    for (i = 0; i < count; i++) {
        char c = text->ptr[i];

        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    *text = sfx_slice(text->ptr + count, text->len - count);
    return true;
}

static bool take_one_of(struct sfx_slice *text, const char *set)
{
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(set, text->ptr[0]) == NULL)
        return false;
    *text = sfx_slice(text->ptr + 1, text->len - 1);
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: years are counted from March, so that
 * the leap day is a year's last; 719468 days lie between 0000-03-01 and 1970-01-01. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + (y < 0 ? -1 : 0) + day_of_year - 719468;
}

static bool take_date(struct sfx_slice *text, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year;
    int64_t month;
    int64_t day;
    bool leap;

    if (!take_digits(text, 4, &year) || !take_one_of(text, "-") || !take_digits(text, 2, &month) ||
        !take_one_of(text, "-") || !take_digits(text, 2, &day) || month < 1 || month > 12)
        return false;
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *days = days_of(year, month, day);
    return true;
}

/* Seconds of the day; 60 is a leap second. */
static bool take_clock(struct sfx_slice *text, int64_t *seconds)
{
    int64_t hour;
    int64_t minute;
    int64_t second;

    if (!take_digits(text, 2, &hour) || !take_one_of(text, ":") || !take_digits(text, 2, &minute) ||
        !take_one_of(text, ":") || !take_digits(text, 2, &second))
        return false;
    *seconds = (hour * 60 + minute) * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* The fraction of a second, if there is one: digits beyond nanoseconds are dropped. */
static bool take_fraction(struct sfx_slice *text, int64_t *nanoseconds)
{
    int64_t unit = 100000000;
    int64_t digit;

    *nanoseconds = 0;
    if (!take_one_of(text, "."))
        return true;
    if (!take_digits(text, 1, &digit))
        return false;
    do {
        *nanoseconds += digit * unit;
        unit /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

/* Seconds that local time is ahead of UTC. */
static bool take_offset(struct sfx_slice *text, int64_t *seconds)
{
    int64_t sign = text->len > 0 && text->ptr[0] == '-' ? -1 : 1;
    int64_t hour;
    int64_t minute;

    *seconds = 0;
    if (take_one_of(text, "Zz"))
        return true;
    if (!take_one_of(text, "+-") || !take_digits(text, 2, &hour) || !take_one_of(text, ":") ||
        !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *seconds = sign * (hour * 60 + minute) * 60;
    return true;
}

bool sfx_event_parse_time(struct sfx_slice text, int64_t *wall_ns)
{
    int64_t days;
    int64_t seconds;
    int64_t nanoseconds;
    int64_t offset;

    if (!take_date(&text, &days) || !take_one_of(&text, "Tt ") || !take_clock(&text, &seconds) ||
        !take_fraction(&text, &nanoseconds) || !take_offset(&text, &offset) || text.len > 0)
        return false;
    seconds += days * 86400 - offset;
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), wall_ns) ||
        __builtin_add_overflow(*wall_ns, nanoseconds, wall_ns))
        *wall_ns = seconds < 0 ? INT64_MIN : INT64_MAX;
    return true;
}
