/* SPDX-License-Identifier: MIT */
/* Reckoning with times by the calendar: cut to a unit, move by units, count them, change zones. */
#include "query/fn_time_internal.h"

#include <string.h>

static const struct unit_name {
    const char *name;
    enum sfx_time_unit unit;
} unit_names[] = {
    {"year", SFX_UNIT_YEAR},
    {"quarter", SFX_UNIT_QUARTER},
    {"month", SFX_UNIT_MONTH},
    {"week", SFX_UNIT_WEEK},
    {"day", SFX_UNIT_DAY},
    {"hour", SFX_UNIT_HOUR},
    {"minute", SFX_UNIT_MINUTE},
    {"second", SFX_UNIT_SECOND},
    {"millisecond", SFX_UNIT_MILLISECOND},
    {"microsecond", SFX_UNIT_MICROSECOND},
    {"nanosecond", SFX_UNIT_NANOSECOND},
    {"ms", SFX_UNIT_MILLISECOND},
    {"us", SFX_UNIT_MICROSECOND},
    {"ns", SFX_UNIT_NANOSECOND},
};

enum sfx_time_unit sfx_time_unit_find(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(unit_names); i++) {
        size_t len = strlen(unit_names[i].name);
        bool plural = name.len == len + 1 && name.ptr[len] == 's' && len > 2;

        if ((name.len == len || plural) && memcmp(name.ptr, unit_names[i].name, len) == 0)
            return unit_names[i].unit;
    }
    return SFX_UNIT_NONE;
}

sfx_int128 sfx_time_unit_ns(enum sfx_time_unit unit)
{
    switch (unit) {
    case SFX_UNIT_WEEK: return 7 * SFX_NS_PER_DAY;
    case SFX_UNIT_DAY: return SFX_NS_PER_DAY;
    case SFX_UNIT_HOUR: return (sfx_int128)3600 * SFX_NS_PER_S;
    case SFX_UNIT_MINUTE: return (sfx_int128)60 * SFX_NS_PER_S;
    case SFX_UNIT_SECOND: return SFX_NS_PER_S;
    case SFX_UNIT_MILLISECOND: return 1000000;
    case SFX_UNIT_MICROSECOND: return 1000;
    case SFX_UNIT_NANOSECOND: return 1;
    default: return 0;
    }
}

static int check_constant(struct sfx_binder *b, const struct sfx_expr *expr, int arg,
                          bool (*good)(struct sfx_slice text), const char *why)
{
    const struct sfx_expr *constant;

    if (arg < 0 || (size_t)arg >= expr->nargs || !sfx_expr_is_text(expr->args[arg]))
        return 0;
    constant = expr->args[arg];
    if (good(constant->text))
        return 0;
    return sfx_program_err(b->program, constant->at, b->err, "%.*s %s",
                           SFX_SLICE_ARG(constant->text), why);
}

static bool is_unit(struct sfx_slice text)
{
    return sfx_time_unit_find(text) != SFX_UNIT_NONE;
}

static bool is_zone(struct sfx_slice text)
{
    struct sfx_zone *zone = sfx_zone_new(text, NULL);

    sfx_zone_free(zone);
    return zone != NULL;
}

static int check_format(struct sfx_binder *b, const struct sfx_expr *expr, int arg, bool parsing)
{
    const struct sfx_expr *format;
    const char *bad;

    if (arg < 0 || (size_t)arg >= expr->nargs)
        return 0;
    format = expr->args[arg];
    if (!sfx_expr_is_text(format))
        return sfx_program_err(b->program, format->at, b->err, "a format is a string");
    bad = sfx_time_format_check(format->text, parsing);
    if (bad == NULL)
        return 0;
    return sfx_program_err(b->program, format->at, b->err,
                           "the format holds a directive that is not known: %.*s",
                           (int)(format->text.ptr + format->text.len - bad < 3
                                     ? format->text.ptr + format->text.len - bad
                                     : 3),
                           bad);
}

int sfx_bind_time_args(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       int unit_arg, int zone_arg, int format_arg, bool parsing)
{
    int rc = check_constant(b, expr, unit_arg, is_unit, SFX_NO_UNIT);

    if (rc == 0)
        rc = check_constant(b, expr, zone_arg, is_zone, SFX_NO_ZONE);
    if (rc == 0)
        rc = check_format(b, expr, format_arg, parsing);
    return rc < 0 ? rc : sfx_bind_args(b, expr, node);
}

enum sfx_time_unit sfx_fn_unit_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg,
                                   uint32_t row)
{
    struct sfx_slice name = sfx_fn_text_arg(ev, node, arg, row);
    enum sfx_time_unit unit = sfx_time_unit_find(name);

    if (unit == SFX_UNIT_NONE)
        sfx_eval_fail(ev, node, row, &name, SFX_NO_UNIT);
    return unit;
}

bool sfx_fn_zone_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg, uint32_t row,
                     const struct sfx_zone **zone)
{
    struct sfx_slice name;

    *zone = ev->zone;
    if (arg >= node->nargs)
        return true;
    name = sfx_fn_text_arg(ev, node, arg, row);
    *zone = sfx_zones_find(&ev->zones, name, NULL);
    if (*zone == NULL)
        sfx_eval_fail(ev, node, row, &name, SFX_NO_ZONE);
    return *zone != NULL;
}

bool sfx_time_to_zone(const struct sfx_timestamp *t, const struct sfx_zone *zone,
                      struct sfx_timestamp *out)
{
    struct sfx_time_style style = sfx_time_style_unpack(t->style);
    int64_t s = (int64_t)(t->ns / SFX_NS_PER_S) - (t->ns % SFX_NS_PER_S < 0);
    const char *abbreviation;

    style.form = SFX_TIME_INSTANT;
    style.offset_s = sfx_zone_offset(zone, s, &abbreviation);
    style.zulu = strcmp(abbreviation, "UTC") == 0;
    return sfx_timestamp_set(t->ns, style, zone, out);
}

/* --- what the functions begin and end with -----------------------------------------------------
 */

/* The first argument, as it shows in the zone of argument `arg` when there is one. */
static bool time_in_zone(struct sfx_eval *ev, const struct sfx_node *node, size_t arg, uint32_t row,
                         const struct sfx_zone **zone, struct sfx_timestamp *t)
{
    *t = sfx_fn_time_arg(node, 0, row);
    if (!sfx_fn_zone_arg(ev, node, arg, row, zone))
        return false;
    if (arg < node->nargs && !sfx_time_to_zone(t, *zone, t)) {
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return false;
    }
    return true;
}

/* Stores the time with these fields; with a zone of its own it takes that zone's offset then. */
static void set_civil(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                      const struct sfx_civil *civil, struct sfx_time_style style,
                      const struct sfx_zone *zone, bool zoned)
{
    struct sfx_timestamp t;
    bool ok;

    if (zoned)
        style.form = SFX_TIME_LOCAL;
    ok = sfx_timestamp_from_civil(civil, style, zone, &t) &&
         (!zoned || sfx_time_to_zone(&t, zone, &t));
    if (ok)
        sfx_fn_set_time(node, row, t);
    else
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
}

/* --- date_trunc, time_bucket -------------------------------------------------------------------
 */

/* Sets what is below unit to its first value. */
static void cut(struct sfx_civil *c, enum sfx_time_unit unit)
{
    int year, week, weekday;

    if (unit < SFX_UNIT_MICROSECOND)
        c->ns = unit == SFX_UNIT_MILLISECOND ? c->ns - c->ns % 1000000 : 0;
    else if (unit == SFX_UNIT_MICROSECOND)
        c->ns -= c->ns % 1000;
    c->second = unit < SFX_UNIT_SECOND ? 0 : c->second;
    c->minute = unit < SFX_UNIT_MINUTE ? 0 : c->minute;
    c->hour = unit < SFX_UNIT_HOUR ? 0 : c->hour;
    switch (unit) {
    case SFX_UNIT_YEAR: c->month = c->day = 1; break;
    case SFX_UNIT_QUARTER:
        c->month -= (c->month - 1) % 3;
        c->day = 1;
        break;
    case SFX_UNIT_MONTH: c->day = 1; break;
    case SFX_UNIT_WEEK:
        sfx_iso_week(c, &year, &week, &weekday);
        sfx_civil_from_days(sfx_civil_to_days(c->year, c->month, c->day) - weekday + 1, c);
        break;
    default: break;
    }
}

/* Digits that are zero now are not written; a unit below the day leaves a DATE one. */
static struct sfx_time_style cut_style(uint32_t packed, enum sfx_time_unit unit)
{
    struct sfx_time_style style = sfx_time_style_unpack(packed);
    uint8_t digits = unit <= SFX_UNIT_SECOND        ? 0
                     : unit == SFX_UNIT_MILLISECOND ? 3
                     : unit == SFX_UNIT_MICROSECOND ? 6
                                                    : 9;

    style.digits = style.digits < digits ? style.digits : digits;
    return style;
}

static void fn_date_trunc(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    enum sfx_time_unit unit = sfx_fn_unit_arg(ev, node, 1, row);
    const struct sfx_zone *zone;
    struct sfx_timestamp t;
    struct sfx_civil civil;
    struct sfx_time_style style;

    if (unit == SFX_UNIT_NONE || !time_in_zone(ev, node, 2, row, &zone, &t))
        return;
    civil = sfx_timestamp_civil(&t);
    style = cut_style(t.style, unit);
    if (unit >= SFX_UNIT_HOUR) { /* an hour that clocks show twice is cut where it is */
        sfx_int128 local = t.ns + (sfx_int128)style.offset_s * SFX_NS_PER_S;
        sfx_int128 rest = local % sfx_time_unit_ns(unit);

        rest += rest < 0 ? sfx_time_unit_ns(unit) : 0;
        if (sfx_timestamp_set(t.ns - rest, style, zone, &t))
            sfx_fn_set_time(node, row, t);
        else
            sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return;
    }
    cut(&civil, unit);
    set_civil(ev, node, row, &civil, style, zone, node->nargs > 2);
}

#define MAX_UNITS ((int64_t)4000000) /* more than the days of 10,000 years */

/* Buckets begin at midnight of a Monday, 1970-01-05, as clocks show it. */
#define BUCKET_ORIGIN (4 * SFX_NS_PER_DAY)

static void fn_time_bucket(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);
    struct sfx_time_style style = sfx_time_style_unpack(t.style);
    sfx_int128 width, local, rest;
    struct sfx_civil civil = {.year = 1970, .month = 1, .day = 1};

    if (!sfx_seconds_to_ns(&node->args[1]->vec->nums[row], &width) || width <= 0 ||
        width > MAX_UNITS * SFX_NS_PER_DAY) {
        sfx_eval_fail(ev, node, row, NULL,
                      "time_bucket() takes seconds above 0, below 10,000 years");
        return;
    }
    style.digits = 0;
    local = t.ns + (sfx_int128)style.offset_s * SFX_NS_PER_S - BUCKET_ORIGIN;
    rest = local % width;
    rest += rest < 0 ? width : 0;
    local += BUCKET_ORIGIN - rest;
    if (SFX_NS_PER_DAY % width == 0 && width < SFX_NS_PER_DAY / 12) {
        if (sfx_timestamp_set(t.ns - rest, style, ev->zone, &t))
            sfx_fn_set_time(node, row, t);
        else
            sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return;
    }
    civil.day += (int)(local / SFX_NS_PER_DAY) - (local % SFX_NS_PER_DAY < 0);
    local -= (sfx_int128)(civil.day - 1) * SFX_NS_PER_DAY;
    civil.second = (int)(local / SFX_NS_PER_S);
    civil.ns = (uint32_t)(local % SFX_NS_PER_S);
    set_civil(ev, node, row, &civil, style, ev->zone, false);
}

/* --- date_add, date_diff -----------------------------------------------------------------------
 */

/* Moves months on; a day that the month does not have becomes its last. */
static bool add_months(struct sfx_civil *c, int64_t months)
{
    int64_t total = (int64_t)c->year * 12 + c->month - 1 + months;

    if (total < 0 || total >= (int64_t)10000 * 12)
        return false;
    c->year = (int)(total / 12);
    c->month = (int)(total % 12) + 1;
    if (c->day > sfx_days_in_month(c->year, c->month))
        c->day = sfx_days_in_month(c->year, c->month);
    return true;
}

static int64_t months_of(enum sfx_time_unit unit)
{
    return unit == SFX_UNIT_YEAR ? 12 : unit == SFX_UNIT_QUARTER ? 3 : 1;
}

static void fn_date_add(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    enum sfx_time_unit unit = sfx_fn_unit_arg(ev, node, 2, row);
    const struct sfx_zone *zone;
    struct sfx_time_style style;
    struct sfx_timestamp t;
    struct sfx_civil civil;
    int64_t n;

    if (unit == SFX_UNIT_NONE || !time_in_zone(ev, node, 3, row, &zone, &t))
        return;
    if (!sfx_fn_int_arg(node, 1, row, INT64_MIN, INT64_MAX, &n)) {
        sfx_eval_fail(ev, node, row, NULL, "date_add() takes a whole number of units");
        return;
    }
    if (unit >= SFX_UNIT_HOUR) {
        if (sfx_timestamp_move(&t, n * sfx_time_unit_ns(unit), zone, &t) &&
            (node->nargs < 4 || sfx_time_to_zone(&t, zone, &t)))
            sfx_fn_set_time(node, row, t);
        else
            sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return;
    }
    civil = sfx_timestamp_civil(&t);
    style = sfx_time_style_unpack(t.style);
    if (n > MAX_UNITS || n < -MAX_UNITS ||
        (unit < SFX_UNIT_WEEK && !add_months(&civil, n * months_of(unit)))) {
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return;
    }
    if (unit >= SFX_UNIT_WEEK)
        civil.day += (int)n * (unit == SFX_UNIT_WEEK ? 7 : 1);
    set_civil(ev, node, row, &civil, style, zone, node->nargs > 3);
}

static sfx_int128 in_month(const struct sfx_civil *c)
{
    return (sfx_int128)((c->day * 24 + c->hour) * 60 + c->minute) * 60 * SFX_NS_PER_S +
           (sfx_int128)c->second * SFX_NS_PER_S + c->ns;
}

static int64_t whole_months(const struct sfx_timestamp *a, const struct sfx_timestamp *b)
{
    struct sfx_civil x = sfx_timestamp_civil(a), y = sfx_timestamp_civil(b);
    int64_t months = (int64_t)(x.year - y.year) * 12 + x.month - y.month;

    if (months > 0 && in_month(&x) < in_month(&y))
        months--;
    else if (months < 0 && in_month(&x) > in_month(&y))
        months++;
    return months;
}

static void fn_date_diff(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    enum sfx_time_unit unit = sfx_fn_unit_arg(ev, node, 2, row);
    struct sfx_timestamp a = sfx_fn_time_arg(node, 0, row), b = sfx_fn_time_arg(node, 1, row);
    sfx_int128 count;

    if (unit == SFX_UNIT_NONE)
        return;
    if (unit < SFX_UNIT_WEEK)
        count = whole_months(&a, &b) / months_of(unit);
    else
        count = sfx_timestamp_diff(&a, &b) / sfx_time_unit_ns(unit);
    sfx_fn_set_number(node, row, (struct sfx_decimal){count, 0});
}

/* --- zones -------------------------------------------------------------------------------------
 */

static void fn_to_zone(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_zone *zone;
    struct sfx_timestamp t;

    if (time_in_zone(ev, node, 1, row, &zone, &t))
        sfx_fn_set_time(node, row, t);
}

static void fn_set_zone(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);
    struct sfx_civil civil = sfx_timestamp_civil(&t);
    const struct sfx_zone *zone;

    if (sfx_fn_zone_arg(ev, node, 1, row, &zone))
        set_civil(ev, node, row, &civil, sfx_time_style_unpack(t.style), zone, true);
}

static int bind_unit_1(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    (void)type;
    return sfx_bind_time_args(b, expr, node, 1, 2, -1, false);
}

static int bind_unit_2(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    (void)type;
    return sfx_bind_time_args(b, expr, node, 2, 3, -1, false);
}

static int bind_zone(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *type)
{
    (void)type;
    return sfx_bind_time_args(b, expr, node, -1, 1, -1, false);
}

#define OUT_OF_YEARS ", a result out of the years 0000 to 9999"
#define NO_UNIT      ", a unit that is none"
#define NO_ZONE      ", a zone that is none"

static const struct sfx_fn functions[] = {
    {"date_add", "date_add(ts, n, unit[, zone])", 3, 4, "dnt", TIME, .bind = bind_unit_2,
     .row = fn_date_add, .errors = NO_TIME NO_UNIT OUT_OF_YEARS,
     .help =
         "ts moved by n units; months and years keep the day or take the month's last; days and "
         "above keep the time of day, of the zone when there is one",
     .example = "date_add(\"2026-01-31\", 1, \"month\")", .gives = "2026-02-28"},
    {"date_diff", "date_diff(a, b, unit)", 3, 3, "ddt", NUMBER, .bind = bind_unit_2,
     .row = fn_date_diff, .errors = NO_TIME NO_UNIT,
     .help = "the whole units from b to a; a - b gives seconds",
     .example = "date_diff(\"2026-03-30\", \"2026-01-31\", \"month\")", .gives = "1"},
    {"date_trunc", "date_trunc(ts, unit[, zone])", 2, 3, "dt", TIME, .bind = bind_unit_1,
     .row = fn_date_trunc, .errors = NO_TIME NO_UNIT NO_ZONE,
     .help = "the beginning of the year, quarter, month, week (Monday), day, hour … that ts is in, "
             "as its own clock shows it or that of the zone",
     .example = "date_trunc(\"2026-03-05T10:42:07Z\", \"hour\")", .gives = "2026-03-05T10:00:00Z"},
    {"set_zone", "set_zone(ts, zone)", 2, 2, "dt", TIME, .bind = bind_zone, .row = fn_set_zone,
     .errors = NO_TIME NO_ZONE OUT_OF_YEARS,
     .help = "the time at which clocks of the zone show what ts shows, whatever offset it had; "
             "skipped times are later by what was skipped, of two the first is meant",
     .example = "set_zone(\"2026-07-01 12:00:00\", \"Europe/Berlin\")",
     .gives = "2026-07-01 12:00:00+02:00"},
    {"time_bucket", "time_bucket(ts, seconds)", 2, 2, "dn", TIME, .row = fn_time_bucket,
     .errors = NO_TIME ", a width that is not above 0",
     .help = "the beginning of the span of time that ts is in, counted from Monday 1970-01-05",
     .example = "time_bucket(\"2026-03-05T10:42:07Z\", 15m)", .gives = "2026-03-05T10:30:00Z"},
    {"to_zone", "to_zone(ts, zone)", 2, 2, "dt", TIME, .bind = bind_zone, .row = fn_to_zone,
     .errors = NO_TIME NO_ZONE, .help = "the same instant, as clocks of the zone show it",
     .example = "to_zone(\"2026-07-01T12:00:00Z\", \"America/New_York\")",
     .gives = "2026-07-01T08:00:00-04:00"},
};

const struct sfx_fn_family sfx_fn_calendar_family = {"Calendar", functions, SFX_COUNT(functions)};
