/* SPDX-License-Identifier: MIT */
/* strftime without locale and environment, with fractions and offsets; weeks of ISO 8601. */
#include "value/time_format_internal.h"

#include "base/size.h"

#include <inttypes.h>
#include <string.h>

const char *const sfx_month_names[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
const char *const sfx_weekday_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                         "Friday", "Saturday", "Sunday"};

#define WRITTEN "YyCmdejHIklMSpPaAbBhGgVuwzZsfDFTRnt%"
#define READ    "YymdejHIklMSpPaAbBhGVuzZsfDFTRnt%"

struct sfx_slice sfx_time_expansion(char directive)
{
    switch (directive) {
    case 'D': return SFX_SLICE_LIT("%m/%d/%y");
    case 'F': return SFX_SLICE_LIT("%Y-%m-%d");
    case 'T': return SFX_SLICE_LIT("%H:%M:%S");
    case 'R': return SFX_SLICE_LIT("%H:%M");
    default: return sfx_slice(NULL, 0);
    }
}

/* --- the calendar ------------------------------------------------------------------------------
 */

int sfx_year_day(const struct sfx_civil *civil)
{
    return (int)(sfx_civil_to_days(civil->year, civil->month, civil->day) -
                 sfx_civil_to_days(civil->year, 1, 1)) +
           1;
}

/* 1 Monday … 7; 1970-01-01 was a Thursday. */
static int weekday_of(int64_t days)
{
    return (int)(((days + 3) % 7 + 7) % 7) + 1;
}

int64_t sfx_iso_first_monday(int year)
{
    int64_t fourth = sfx_civil_to_days(year, 1, 4);

    return fourth - weekday_of(fourth) + 1;
}

void sfx_iso_week(const struct sfx_civil *civil, int *year, int *week, int *weekday)
{
    int64_t days = sfx_civil_to_days(civil->year, civil->month, civil->day);

    *year = civil->year;
    if (days < sfx_iso_first_monday(*year))
        --*year;
    else if (days >= sfx_iso_first_monday(*year + 1))
        ++*year;
    *week = (int)((days - sfx_iso_first_monday(*year)) / 7) + 1;
    *weekday = weekday_of(days);
}

/* --- formats -----------------------------------------------------------------------------------
 */

struct sfx_time_directive sfx_time_read_directive(struct sfx_slice format, size_t *at)
{
    struct sfx_time_directive d = {0};

    if (*at < format.len && format.ptr[*at] == '-') {
        d.plain = true;
        ++*at;
    }
    if (*at < format.len && format.ptr[*at] >= '1' && format.ptr[*at] <= '9')
        d.digits = format.ptr[(*at)++] - '0';
    if (*at < format.len && format.ptr[*at] == ':') {
        d.colon = true;
        ++*at;
    }
    if (*at < format.len)
        d.letter = format.ptr[(*at)++];
    return d;
}

const char *sfx_time_format_check(struct sfx_slice format, bool parsing)
{
    size_t at = 0, begin;

    while (at < format.len) {
        struct sfx_time_directive d;

        begin = at;
        if (format.ptr[at++] != '%')
            continue;
        d = sfx_time_read_directive(format, &at);
        if (d.letter == '\0' || strchr(parsing ? READ : WRITTEN, d.letter) == NULL ||
            (d.digits > 0 && d.letter != 'f' && d.letter != 'S') || (d.colon && d.letter != 'z') ||
            (d.plain && strchr("mdejHIklMSV", d.letter) == NULL))
            return format.ptr + begin;
    }
    return NULL;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static uint32_t fraction(uint32_t ns, int digits)
{
    for (; digits < SFX_TIME_DIGITS; digits++)
        ns /= 10;
    return ns;
}

static int write_seconds(const struct sfx_civil *c, int digits, struct sfx_buf *out,
                         struct sfx_err *err)
{
    if (digits == 0)
        return sfx_buf_printf(out, err, "%02d", c->second);
    return sfx_buf_printf(out, err, "%02d.%0*" PRIu32, c->second, digits, fraction(c->ns, digits));
}

static int write_zone(const struct sfx_timestamp *t, const char *abbreviation,
                      struct sfx_time_directive d, struct sfx_buf *out, struct sfx_err *err)
{
    int32_t offset_s = sfx_time_style_unpack(t->style).offset_s;
    char text[16];

    if (d.letter == 'Z' && abbreviation != NULL)
        return sfx_buf_puts(out, abbreviation, err);
    if (d.letter == 'Z' && offset_s == 0)
        return sfx_buf_puts(out, "UTC", err);
    return sfx_buf_append(out, text,
                          sfx_time_put_offset(offset_s, d.colon || d.letter == 'Z', text), err);
}

static int write_week(const struct sfx_civil *c, char letter, struct sfx_buf *out,
                      struct sfx_err *err)
{
    int year, week, weekday;

    sfx_iso_week(c, &year, &week, &weekday);
    switch (letter) {
    case 'G': return sfx_buf_printf(out, err, "%04d", year);
    case 'g': return sfx_buf_printf(out, err, "%02d", (year % 100 + 100) % 100);
    case 'V': return sfx_buf_printf(out, err, "%02d", week);
    case 'u': return sfx_buf_printf(out, err, "%d", weekday);
    case 'w': return sfx_buf_printf(out, err, "%d", weekday % 7);
    case 'a': return sfx_buf_printf(out, err, "%.3s", sfx_weekday_names[weekday - 1]);
    default: return sfx_buf_puts(out, sfx_weekday_names[weekday - 1], err);
    }
}

static int write_date(const struct sfx_civil *c, char letter, struct sfx_buf *out,
                      struct sfx_err *err)
{
    switch (letter) {
    case 'Y': return sfx_buf_printf(out, err, "%04d", c->year);
    case 'y': return sfx_buf_printf(out, err, "%02d", c->year % 100);
    case 'C': return sfx_buf_printf(out, err, "%02d", c->year / 100);
    case 'm': return sfx_buf_printf(out, err, "%02d", c->month);
    case 'd': return sfx_buf_printf(out, err, "%02d", c->day);
    case 'e': return sfx_buf_printf(out, err, "%2d", c->day);
    case 'j': return sfx_buf_printf(out, err, "%03d", sfx_year_day(c));
    case 'B': return sfx_buf_puts(out, sfx_month_names[c->month - 1], err);
    default: return sfx_buf_printf(out, err, "%.3s", sfx_month_names[c->month - 1]); /* b h */
    }
}

static int write_clock(const struct sfx_civil *c, char letter, struct sfx_buf *out,
                       struct sfx_err *err)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;

    switch (letter) {
    case 'H': return sfx_buf_printf(out, err, "%02d", c->hour);
    case 'k': return sfx_buf_printf(out, err, "%2d", c->hour);
    case 'I': return sfx_buf_printf(out, err, "%02d", hour12);
    case 'l': return sfx_buf_printf(out, err, "%2d", hour12);
    case 'M': return sfx_buf_printf(out, err, "%02d", c->minute);
    case 'p': return sfx_buf_puts(out, c->hour < 12 ? "AM" : "PM", err);
    default: return sfx_buf_puts(out, c->hour < 12 ? "am" : "pm", err); /* P */
    }
}

static int write_epoch(const struct sfx_timestamp *t, struct sfx_buf *out, struct sfx_err *err)
{
    sfx_int128 s = t->ns / SFX_NS_PER_S - (t->ns % SFX_NS_PER_S < 0);

    return sfx_buf_printf(out, err, "%" PRId64, (int64_t)s);
}

/* Takes a zero or a space from the front of what was appended behind begin. */
static void drop_padding(struct sfx_buf *out, size_t begin)
{
    while (out->len > begin + 1 && strchr("0 ", out->data[begin]) != NULL) {
        memmove(out->data + begin, out->data + begin + 1, out->len - begin - 1);
        out->len--;
    }
}

int sfx_time_format_write(const struct sfx_timestamp *t, struct sfx_slice format,
                          const char *abbreviation, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_civil c = sfx_timestamp_civil(t);
    size_t at = 0, begin;
    int rc = 0;

    while (at < format.len && rc == 0) {
        struct sfx_time_directive d;

        for (begin = at; at < format.len && format.ptr[at] != '%'; at++)
            ;
        if (at > begin)
            rc = sfx_buf_append(out, format.ptr + begin, at - begin, err);
        if (rc < 0 || at == format.len)
            break;
        at++;
        begin = out->len;
        d = sfx_time_read_directive(format, &at);
        if (sfx_time_expansion(d.letter).len > 0)
            rc = sfx_time_format_write(t, sfx_time_expansion(d.letter), abbreviation, out, err);
        else if (strchr("YyCmdejBbh", d.letter) != NULL)
            rc = write_date(&c, d.letter, out, err);
        else if (strchr("HkIlMpP", d.letter) != NULL)
            rc = write_clock(&c, d.letter, out, err);
        else if (strchr("GgVuwaA", d.letter) != NULL)
            rc = write_week(&c, d.letter, out, err);
        else if (d.letter == 'S')
            rc = write_seconds(&c, d.digits, out, err);
        else if (d.letter == 'f')
            rc = sfx_buf_printf(out, err, "%0*" PRIu32, d.digits > 0 ? d.digits : 6,
                                fraction(c.ns, d.digits > 0 ? d.digits : 6));
        else if (d.letter == 'z' || d.letter == 'Z')
            rc = write_zone(t, abbreviation, d, out, err);
        else if (d.letter == 's')
            rc = write_epoch(t, out, err);
        else
            rc = sfx_buf_puts(out, d.letter == 'n' ? "\n" : d.letter == 't' ? "\t" : "%", err);
        if (d.plain && rc == 0)
            drop_padding(out, begin);
    }
    return rc;
}
