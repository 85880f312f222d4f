/* SPDX-License-Identifier: MIT */
/* Times: ISO 8601 text to times; and cut to the year, the month or the day, after a check that it
 * is a date. */
#include "query/functions_internal.h"

/* Reads n digits at text[at]; -1 when they are not there. */
static int digits(struct sfx_slice text, size_t at, size_t n)
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

static int days_in_month(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Bytes of the date in front: 4 YYYY, 7 YYYY-MM, 10 YYYY-MM-DD; 0 when it is none. */
static size_t date_length(struct sfx_slice text)
{
    int year = digits(text, 0, 4), month, day;

    if (year < 0)
        return 0;
    if (text.len == 4)
        return 4;
    month = text.ptr[4] == '-' ? digits(text, 5, 2) : -1;
    if (month < 1 || month > 12)
        return 0;
    if (text.len == 7)
        return 7;
    day = text.ptr[7] == '-' ? digits(text, 8, 2) : -1;
    if (day < 1 || day > days_in_month(year, month))
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

static void fn_time(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    sfx_fn_set_time(node, row, sfx_fn_time_arg(node, 0, row));
}

static const struct sfx_fn functions[] = {
    {"day", "day(ts)", 1, 1, "t", TEXT, .row = fn_day, .errors = NO_DATE,
     .help = "the day of an ISO 8601 time: 2026-03-05", .example = "day(\"2026-03-05T10:00:00Z\")",
     .gives = "2026-03-05"},
    {"month", "month(ts)", 1, 1, "t", TEXT, .row = fn_month, .errors = NO_DATE,
     .help = "the month of an ISO 8601 time: 2026-03", .example = "month(\"2026-03-05\")",
     .gives = "2026-03"},
    {"time", "time(x)", 1, 1, "d", TIME, .row = fn_time, .errors = NO_TIME,
     .help = "x as a time: ISO 8601, a date alone or with a time of day",
     .example = "time(\"2026-03-05 10:00\") + 90m", .gives = "2026-03-05 11:30"},
    {"year", "year(ts)", 1, 1, "t", TEXT, .row = fn_year, .errors = NO_DATE,
     .help = "the year of an ISO 8601 time: 2026", .example = "year(\"2026-03-05\")",
     .gives = "2026"},
};

const struct sfx_fn_family sfx_fn_time_family = {"Times", functions, SFX_COUNT(functions)};
