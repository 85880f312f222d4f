/* SPDX-License-Identifier: MIT */
/* Times at which an event is due. */
#include "watch/timer.h"

#include "base/size.h"
#include "base/slice.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

enum { MAX_YEARS = 28 }; /* after which days of months and of weeks repeat */

struct field {
    const char *name;
    unsigned low, high;
    const char *words; /* three letters each, for low, low + 1, …; NULL: numbers only */
};

static const struct field fields[] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day", 1, 31, NULL},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"weekday", 0, 7, "sunmontuewedthufrisat"}, /* 7 is Sunday, too */
};

static const struct {
    const char *name, *fields;
} names[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

int sfx_timer_every(const char *text, struct sfx_timer *timer, struct sfx_err *err)
{
    *timer = (struct sfx_timer){.text = text};
    if (sfx_text_duration_ns(sfx_slice_str(text), &timer->every_ns, NULL) < 0 ||
        timer->every_ns < NS_PER_S)
        return sfx_err_set(err, SFX_E_USAGE,
                           "\"%s\" is not accepted: a time of at least a second, such as 5m", text);
    return 0;
}

/* A number, or a word of the field. */
static bool read_value(const struct field *f, struct sfx_slice text, unsigned *value)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; text.len == 3 && f->words != NULL && i < strlen(f->words); i += 3) {
        if (strncasecmp(f->words + i, text.ptr, 3) == 0) {
            *value = f->low + (unsigned)i / 3;
            return true;
        }
    }
    if (sfx_text_u64(text, &n, NULL) < 0 || n < f->low || n > f->high)
        return false;
    *value = (unsigned)n;
    return true;
}

/* "*", "A", "A-B", each with "/STEP". */
static bool read_part(const struct field *f, struct sfx_slice part, uint64_t *bits)
{
    const char *slash = memchr(part.ptr, '/', part.len), *dash;
    unsigned low = f->low, high = f->high;
    uint64_t step = 1;

    if (slash != NULL) {
        if (sfx_text_u64(sfx_slice(slash + 1, part.len - (size_t)(slash + 1 - part.ptr)), &step,
                         NULL) < 0 ||
            step == 0 || step > f->high)
            return false;
        part.len = (size_t)(slash - part.ptr);
    }
    dash = memchr(part.ptr, '-', part.len);
    if (dash != NULL) {
        if (!read_value(f, sfx_slice(part.ptr, (size_t)(dash - part.ptr)), &low) ||
            !read_value(f, sfx_slice(dash + 1, part.len - (size_t)(dash + 1 - part.ptr)), &high) ||
            high < low)
            return false;
    } else if (!sfx_slice_eq(part, SFX_SLICE_LIT("*"))) {
        if (!read_value(f, part, &low))
            return false;
        high = slash != NULL ? f->high : low;
    }
    for (; low <= high; low += (unsigned)step)
        *bits |= UINT64_C(1) << low;
    return true;
}

static int read_field(const struct field *f, struct sfx_slice text, uint64_t *bits,
                      struct sfx_err *err)
{
    struct sfx_slice rest = text;

    *bits = 0;
    for (;;) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;

        if (!read_part(f, sfx_slice(rest.ptr, len), bits))
            return sfx_err_set(err, SFX_E_USAGE, "\"%.*s\" is no %s of a crontab",
                               SFX_SLICE_ARG(text), f->name);
        if (comma == NULL)
            return 0;
        rest = sfx_slice(comma + 1, rest.len - len - 1);
    }
}

int sfx_timer_cron(const char *text, struct sfx_timer *timer, struct sfx_err *err)
{
    const char *at = text;
    uint64_t bits[SFX_COUNT(fields)];
    struct sfx_slice words[SFX_COUNT(fields)];
    size_t i;

    *timer = (struct sfx_timer){.text = text};
    for (i = 0; i < SFX_COUNT(names); i++) {
        if (strcmp(text, names[i].name) == 0)
            at = names[i].fields;
    }
    for (i = 0; i < SFX_COUNT(fields); i++) {
        at += strspn(at, " \t");
        words[i] = sfx_slice(at, strcspn(at, " \t"));
        at += words[i].len;
        if (words[i].len == 0)
            break;
    }
    if (i < SFX_COUNT(fields) || at[strspn(at, " \t")] != '\0')
        return sfx_err_set(err, SFX_E_USAGE,
                           "\"%s\" is not accepted: minute, hour, day, month and weekday, such as "
                           "\"0 2 * * *\", or @daily",
                           text);
    for (i = 0; i < SFX_COUNT(fields); i++) {
        if (read_field(&fields[i], words[i], &bits[i], err) < 0)
            return SFX_E_USAGE;
    }
    timer->minutes = bits[0];
    timer->hours = (uint32_t)bits[1];
    timer->days = (uint32_t)bits[2];
    timer->months = (uint16_t)bits[3];
    timer->weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f);
    timer->any_day = words[2].ptr[0] == '*';
    timer->any_weekday = words[4].ptr[0] == '*';
    return 0;
}

static bool is_day(const struct sfx_timer *t, const struct tm *tm)
{
    bool day = (t->days >> tm->tm_mday & 1) != 0, weekday = (t->weekdays >> tm->tm_wday & 1) != 0;

    if ((t->months >> (tm->tm_mon + 1) & 1) == 0)
        return false;
    /* As cron has it since ever: two fields that are both given are alternatives. */
    return t->any_day || t->any_weekday ? day && weekday : day || weekday;
}

/* The first second of the next local day. */
static time_t next_day(const struct tm *tm)
{
    struct tm day = {
        .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday + 1, .tm_isdst = -1};

    return mktime(&day);
}

int64_t sfx_timer_next_ns(const struct sfx_timer *t, int64_t after_ns)
{
    time_t now = (time_t)(after_ns / NS_PER_S), last = now + (time_t)MAX_YEARS * 366 * 86400;

    if (t->every_ns > 0)
        return (after_ns / t->every_ns + 1) * t->every_ns;
    now = now - now % 60 + 60; /* zones are off by whole minutes since long ago */
    while (now < last) {
        struct tm tm;
        time_t midnight;

        if (localtime_r(&now, &tm) == NULL)
            return -1;
        if (!is_day(t, &tm)) {
            midnight = next_day(&tm);
            now = midnight > now ? midnight : now + 3600;
        } else if ((t->hours >> tm.tm_hour & 1) == 0) {
            now += 60 * (60 - tm.tm_min);
        } else if ((t->minutes >> tm.tm_min & 1) == 0) {
            now += 60;
        } else {
            return (int64_t)now * NS_PER_S;
        }
    }
    return -1;
}
