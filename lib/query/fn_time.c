/* SPDX-License-Identifier: MIT */
/* Times: ISO 8601 text cut to the year, the month or the day, after a check that it is a date. */
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

void sfx_fn_year(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 4);
}

void sfx_fn_month(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 7);
}

void sfx_fn_day(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    cut_date(ev, node, row, 10);
}
