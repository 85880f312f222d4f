/* SPDX-License-Identifier: MIT */
/* Times: of ISO 8601 text, now, and their parts; year, month and day are cut from the text. */
#include "query/fn_time_internal.h"

#include <stdio.h>

/* Bytes of the date in front: 4 YYYY, 7 YYYY-MM, 10 YYYY-MM-DD; 0 when it is none. */
static size_t date_length(struct sfx_slice text)
{
    int year = sfx_time_digits(text, 0, 4), month, day;

    if (year < 0)
        return 0;
    if (text.len == 4)
        return 4;
    month = text.ptr[4] == '-' ? sfx_time_digits(text, 5, 2) : -1;
    if (month < 1 || month > 12)
        return 0;
    if (text.len == 7)
        return 7;
    day = text.ptr[7] == '-' ? sfx_time_digits(text, 8, 2) : -1;
    if (day < 1 || day > sfx_days_in_month(year, month))
        return 0;
    return text.len == 10 || text.ptr[10] == 'T' || text.ptr[10] == 't' || text.ptr[10] == ' ' ? 10
                                                                                               : 0;
}

static void cut_date(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, size_t len)
{
    struct sfx_slice text = sfx_eval_cell_text(ev, &node->args[0]->vec->cells[row]);

    if (text.len == 0)
        sfx_vec_set_null(node->vec, row);
    else if (date_length(text) < len)
        sfx_eval_fail(ev, node, row, &text, "is not an ISO 8601 date");
    else
        node->vec->cells[row] = sfx_cell_string(sfx_slice(text.ptr, len));
}

static void fn_year(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 4);
}

static void fn_month(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 7);
}

static void fn_day(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 10);
}

void sfx_to_time(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel)
{
    const struct sfx_cell *cells = node->args[0]->vec->cells;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];
        struct sfx_slice text = sfx_eval_cell_text(ev, &cells[row]);
        struct sfx_timestamp time;
        const char *reason;

        node->vec->flags[row] = sfx_cell_is_null(&cells[row]) || text.len == 0;
        if (node->vec->flags[row])
            continue;
        reason = sfx_timestamp_parse(text, ev->zone, &time);
        if (reason != NULL)
            sfx_eval_fail(ev, node, row, &text, reason);
        else
            node->vec->nums[row] = sfx_time_slot(time);
    }
}

/* A time without another argument is itself; with a format it was read by it, see bind_time. */
static void fn_time(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    sfx_fn_set_time(node, row, sfx_fn_time_arg(node, 0, row));
}

/* The date as it is written, whatever the offset. */
static void fn_date(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);
    struct sfx_civil civil = sfx_timestamp_civil(&t);

    civil.hour = civil.minute = civil.second = 0;
    civil.ns = 0;
    if (!sfx_timestamp_from_civil(&civil, (struct sfx_time_style){.form = SFX_TIME_DATE}, ev->zone,
                                  &t))
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
    else
        sfx_fn_set_time(node, row, t);
}

/* time(x, format), date(x, format): x is read by strptime's rules. */
static int bind_time(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *type)
{
    struct sfx_expr *read;

    (void)type;
    if (expr->nargs == 1)
        return sfx_bind_args(b, expr, node);
    read = sfx_arena_calloc(b->arena, 1, sizeof(*read), b->err);
    if (read == NULL)
        return SFX_E_NOMEM;
    *read = *expr;
    read->fn = sfx_fn_find(SFX_SLICE_LIT("strptime"));
    node->nargs = 1;
    return sfx_bind_expr(b, read, &node->args[0]);
}

static void fn_now(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_time_style style = {.form = SFX_TIME_INSTANT, .zulu = true, .digits = 6};
    struct sfx_timestamp t;

    (void)sfx_timestamp_set((sfx_int128)ev->now_ns / 1000 * 1000, style, NULL, &t);
    sfx_fn_set_time(node, row, t);
}

/* --- parts -------------------------------------------------------------------------------------
 */

static struct sfx_civil civil_arg(const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);

    return sfx_timestamp_civil(&t);
}

static void fn_hour(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    sfx_fn_set_int(node, row, civil_arg(node, row).hour);
}

static void fn_minute(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    sfx_fn_set_int(node, row, civil_arg(node, row).minute);
}

static void fn_second(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);
    struct sfx_civil civil = sfx_timestamp_civil(&t);
    struct sfx_decimal seconds = {(sfx_int128)civil.second * SFX_NS_PER_S + civil.ns,
                                  SFX_TIME_DIGITS};

    (void)ev;
    sfx_decimal_trim(&seconds, sfx_time_style_unpack(t.style).digits);
    sfx_fn_set_number(node, row, seconds);
}

static void fn_yearday(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_civil civil = civil_arg(node, row);

    (void)ev;
    sfx_fn_set_int(node, row, sfx_year_day(&civil));
}

static void fn_weekday(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_civil civil = civil_arg(node, row);
    int year, week, weekday;

    (void)ev;
    sfx_iso_week(&civil, &year, &week, &weekday);
    sfx_fn_set_int(node, row, weekday);
}

#define SHORT_NBYTES 24 /* of the texts below, with room for any int */

static void fn_week(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_civil civil = civil_arg(node, row);
    char *text = sfx_eval_text(ev, SHORT_NBYTES);
    int year, week, weekday;

    sfx_iso_week(&civil, &year, &week, &weekday);
    if (text != NULL)
        sfx_fn_set_text(node, row, text,
                        (size_t)snprintf(text, SHORT_NBYTES, "%04d-W%02d", year, week));
}

static void fn_quarter(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_civil civil = civil_arg(node, row);
    char *text = sfx_eval_text(ev, SHORT_NBYTES);

    if (text != NULL)
        sfx_fn_set_text(
            node, row, text,
            (size_t)snprintf(text, SHORT_NBYTES, "%04d-Q%d", civil.year, (civil.month + 2) / 3));
}

static const struct sfx_fn functions[] = {
    {"date", "date(x[, format])", 1, 2, "d", TIME, .bind = bind_time, .row = fn_date,
     .errors = NO_TIME,
     .help = "the date of a time, as it is written; with a format of strptime x "
             "is read by it",
     .example = "date(\"2026-03-05T23:30:00-08:00\")", .gives = "2026-03-05"},
    {"day", "day(ts)", 1, 1, "t", TEXT, .row = fn_day, .errors = NO_DATE,
     .help = "the day of an ISO 8601 time: 2026-03-05", .example = "day(\"2026-03-05T10:00:00Z\")",
     .gives = "2026-03-05"},
    {"hour", "hour(ts)", 1, 1, "d", NUMBER, .row = fn_hour, .errors = NO_TIME,
     .help = "the hour of a time, 0 to 23", .example = "hour(\"2026-03-05T10:42:07Z\")",
     .gives = "10"},
    {"minute", "minute(ts)", 1, 1, "d", NUMBER, .row = fn_minute, .errors = NO_TIME,
     .help = "the minute of a time, 0 to 59", .example = "minute(\"2026-03-05T10:42:07Z\")",
     .gives = "42"},
    {"month", "month(ts)", 1, 1, "t", TEXT, .row = fn_month, .errors = NO_DATE,
     .help = "the month of an ISO 8601 time: 2026-03", .example = "month(\"2026-03-05\")",
     .gives = "2026-03"},
    {"now", "now()", 0, 0, "c", TIME, .row = fn_now,
     .help = "the time at which the run began, in UTC", .example = "now() - now()", .gives = "0"},
    {"quarter", "quarter(ts)", 1, 1, "d", TEXT, .row = fn_quarter, .errors = NO_TIME,
     .help = "the quarter of a time: 2026-Q1", .example = "quarter(\"2026-03-05\")",
     .gives = "2026-Q1"},
    {"second", "second(ts)", 1, 1, "d", NUMBER, .row = fn_second, .errors = NO_TIME,
     .help = "the second of a time with its fraction",
     .example = "second(\"2026-03-05T10:42:07.50Z\")", .gives = "7.50"},
    {"time", "time(x[, format])", 1, 2, "d", TIME, .bind = bind_time, .row = fn_time,
     .errors = NO_TIME,
     .help = "x as a time: ISO 8601, a date alone or with a time of day; with a format of strptime "
             "it is read by that",
     .example = "time(\"2026-03-05 10:00\") + 90m", .gives = "2026-03-05 11:30"},
    {"week", "week(ts)", 1, 1, "d", TEXT, .row = fn_week, .errors = NO_TIME,
     .help = "the ISO 8601 week of a time: 2026-W10", .example = "week(\"2027-01-01\")",
     .gives = "2026-W53"},
    {"weekday", "weekday(ts)", 1, 1, "d", NUMBER, .row = fn_weekday, .errors = NO_TIME,
     .help = "the day of the week, 1 for Monday to 7", .example = "weekday(\"2026-03-05\")",
     .gives = "4"},
    {"year", "year(ts)", 1, 1, "t", TEXT, .row = fn_year, .errors = NO_DATE,
     .help = "the year of an ISO 8601 time: 2026", .example = "year(\"2026-03-05\")",
     .gives = "2026"},
    {"yearday", "yearday(ts)", 1, 1, "d", NUMBER, .row = fn_yearday, .errors = NO_TIME,
     .help = "the day of the year from 1", .example = "yearday(\"2026-12-31\")", .gives = "365"},
};

const struct sfx_fn_family sfx_fn_time_family = {"Times", functions, SFX_COUNT(functions)};
