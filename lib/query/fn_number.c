/* SPDX-License-Identifier: MIT */
/* Numbers: reading cells, rounding. Exact, see decimal.h; null makes null. */
#include "query/functions_internal.h"

#include <math.h>
#include <string.h>

const char *sfx_number_reason(enum sfx_decimal_result result)
{
    switch (result) {
    case SFX_DECIMAL_OVERFLOW: return "has more than 38 digits";
    case SFX_DECIMAL_DIV_BY_ZERO: return "division by zero";
    default: return "is not a number";
    }
}

static void parse_cell(struct sfx_eval *ev, const struct sfx_node *node,
                       const struct sfx_cell *cell, uint32_t row)
{
    struct sfx_slice text = sfx_eval_cell_text(ev, cell);
    enum sfx_decimal_result result;

    if (sfx_cell_is_null(cell) || text.len == 0) {
        node->vec->flags[row] = 1;
        return;
    }
    node->vec->flags[row] = 0;
    result = sfx_decimal_parse(text, &node->vec->nums[row]);
    if (__builtin_expect(result != SFX_DECIMAL_OK, 0))
        sfx_eval_fail(ev, node, row, &text, sfx_number_reason(result));
}

static void number_of_float(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_vec *arg = node->args[0]->vec;
    double value = sfx_slot_float(&arg->nums[row]);

    node->vec->flags[row] = arg->flags[row];
    if (arg->flags[row] || sfx_float_to_decimal(value, &node->vec->nums[row]) == SFX_DECIMAL_OK)
        return;
    sfx_eval_fail(ev, node, row, NULL, "a float has more than 38 digits as a number");
}

void sfx_to_number(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel)
{
    const struct sfx_vec *arg = node->args[0]->vec;
    uint32_t i;

    if (arg->type == SFX_TYPE_FLOAT) {
        for (i = 0; i < nsel; i++)
            number_of_float(ev, node, sel[i]);
        return;
    }
    if (arg->type == SFX_TYPE_BOOL) {
        for (i = 0; i < nsel; i++) {
            struct sfx_slice text = sfx_slice_str(arg->flags[sel[i]] ? "true" : "false");

            sfx_eval_fail(ev, node, sel[i], &text, "is not a number");
        }
        return;
    }
    for (i = 0; i < nsel; i++)
        parse_cell(ev, node, &arg->cells[sel[i]], sel[i]);
}

/* num(x): the conversion has made it one already. */
static void fn_num(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel)
{
    const struct sfx_vec *arg = node->args[0]->vec;
    uint32_t i;

    (void)ev;
    for (i = 0; i < nsel; i++) {
        node->vec->nums[sel[i]] = arg->nums[sel[i]];
        node->vec->flags[sel[i]] = arg->flags[sel[i]];
    }
}

static void fail_result(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                        enum sfx_decimal_result result)
{
    sfx_eval_fail(ev, node, row, NULL,
                  result == SFX_DECIMAL_OVERFLOW ? "a result has more than 38 digits"
                                                 : sfx_number_reason(result));
}

static bool is_float(const struct sfx_node *node)
{
    return node->vec->type == SFX_TYPE_FLOAT;
}

static double float_arg(const struct sfx_node *node, size_t arg, uint32_t row)
{
    return sfx_slot_float(&node->args[arg]->vec->nums[row]);
}

static void fn_abs(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_decimal *x = &node->args[0]->vec->nums[row];

    if (is_float(node))
        sfx_fn_set_float(ev, node, row, fabs(sfx_slot_float(x)));
    else
        sfx_fn_set_number(node, row,
                          (struct sfx_decimal){x->mant < 0 ? -x->mant : x->mant, x->scale});
}

static void fn_sign(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_decimal *x = &node->args[0]->vec->nums[row];

    (void)ev;
    sfx_fn_set_int(node, row, (x->mant > 0) - (x->mant < 0));
}

/* --- rounding ----------------------------------------------------------------------------------
 */

static void round_float(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int digits,
                        enum sfx_decimal_rounding rounding)
{
    double x = float_arg(node, 0, row);
    struct sfx_decimal exact;

    /* What has no place for a fraction is whole already. */
    if (sfx_float_to_decimal(x, &exact) != SFX_DECIMAL_OK ||
        sfx_decimal_round(&exact, digits, rounding, &exact) != SFX_DECIMAL_OK)
        sfx_fn_set_float(ev, node, row, fabs(x) < 1 ? 0 : x);
    else
        sfx_fn_set_float(ev, node, row, sfx_float_from_decimal(&exact));
}

static void round_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int digits,
                      enum sfx_decimal_rounding rounding)
{
    enum sfx_decimal_result result;

    if (is_float(node)) {
        round_float(ev, node, row, digits, rounding);
        return;
    }
    node->vec->flags[row] = 0;
    result =
        sfx_decimal_round(&node->args[0]->vec->nums[row], digits, rounding, &node->vec->nums[row]);
    if (result != SFX_DECIMAL_OK)
        fail_result(ev, node, row, result);
}

static void fn_floor(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    round_row(ev, node, row, 0, SFX_ROUND_FLOOR);
}

static void fn_ceil(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    round_row(ev, node, row, 0, SFX_ROUND_CEIL);
}

bool sfx_decimal_to_int(const struct sfx_decimal *value, int64_t min, int64_t max, int64_t *out)
{
    struct sfx_decimal whole = *value;

    sfx_decimal_trim(&whole, 0);
    if (whole.scale != 0 || whole.mant < min || whole.mant > max)
        return false;
    *out = (int64_t)whole.mant;
    return true;
}

static void round_digits(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                         enum sfx_decimal_rounding rounding)
{
    int64_t digits = 0;

    if (node->nargs > 1 &&
        !sfx_fn_int_arg(node, 1, row, -SFX_DECIMAL_MAX_DIGITS, SFX_DECIMAL_MAX_DIGITS, &digits))
        sfx_eval_fail(ev, node, row, NULL, "rounding takes a whole number of digits");
    else
        round_row(ev, node, row, (int)digits, rounding);
}

static void fn_round(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    round_digits(ev, node, row, SFX_ROUND_HALF_AWAY);
}

static void fn_round_half_even(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    round_digits(ev, node, row, SFX_ROUND_HALF_EVEN);
}

static void fn_trunc(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    round_digits(ev, node, row, SFX_ROUND_ZERO);
}

/* The first argument may be a float, which the result then is; the digits are a number. */
static int bind_round(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                      enum sfx_type *type)
{
    int rc = sfx_bind_expr(b, expr->args[0], &node->args[0]);

    if (rc < 0)
        return rc;
    *type = node->args[0]->vec->type == SFX_TYPE_FLOAT ? SFX_TYPE_FLOAT : SFX_TYPE_NUMBER;
    rc = sfx_bind_convert(b, *type, &node->args[0]);
    if (rc == 0 && expr->nargs > 1)
        rc = sfx_bind_as(b, expr->args[1], SFX_TYPE_NUMBER, &node->args[1]);
    return rc;
}

static void fn_decimal(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_eval_cell_text(ev, &node->args[0]->vec->cells[row]);
    struct sfx_slice strip = node->expr->strip, left = {0};
    enum sfx_decimal_result result;
    char *copy = sfx_eval_text(ev, text.len);
    size_t i;

    if (copy == NULL)
        return;
    left.ptr = copy;
    for (i = 0; i < text.len; i++) {
        if (strip.len == 0 || memchr(strip.ptr, text.ptr[i], strip.len) == NULL)
            copy[left.len++] = text.ptr[i];
    }
    node->vec->flags[row] = left.len == 0;
    if (left.len == 0)
        return;
    result = sfx_decimal_parse(left, &node->vec->nums[row]);
    if (result != SFX_DECIMAL_OK)
        sfx_eval_fail(ev, node, row, &text, sfx_number_reason(result));
}

static const struct sfx_fn functions[] = {
    {"abs", "abs(x)", 1, 1, "n", CELL, .bind = sfx_bind_numeric, .row = fn_abs, .errors = NO_NUMBER,
     .help = "x without its sign", .example = "abs(-2.50)", .gives = "2.50"},
    {"ceil", "ceil(x)", 1, 1, "n", CELL, .bind = sfx_bind_numeric, .row = fn_ceil,
     .errors = NO_NUMBER, .help = "the smallest whole number not below x", .example = "ceil(1.2)",
     .gives = "2"},
    {"decimal", "decimal(x[, strip \"chars\"])", 1, 1, "t", NUMBER, .strips = true,
     .row = fn_decimal, .errors = NO_NUMBER,
     .help = "x as a number, after the characters to strip were dropped",
     .example = "decimal(\"$1,299.00\", strip \"$,\")", .gives = "1299.00"},
    {"floor", "floor(x)", 1, 1, "n", CELL, .bind = sfx_bind_numeric, .row = fn_floor,
     .errors = NO_NUMBER, .help = "the largest whole number not above x", .example = "floor(-1.2)",
     .gives = "-2"},
    {"num", "num(x)", 1, 1, "n", NUMBER, .kernel = fn_num, .errors = NO_NUMBER,
     .help = "x as a number", .example = "num(\"1e3\")", .gives = "1000"},
    {"round", "round(x[, n])", 1, 2, "n", CELL, .bind = bind_round, .row = fn_round,
     .errors = NO_NUMBER ", " OVERFLOWS,
     .help = "x with exactly n fraction digits (0), halves away from zero; of a float, the nearest",
     .example = "round(2.345, 2)", .gives = "2.35"},
    {"round_half_even", "round_half_even(x[, n])", 1, 2, "n", CELL, .bind = bind_round,
     .row = fn_round_half_even, .errors = NO_NUMBER ", " OVERFLOWS,
     .help = "the same, halves to the even digit", .example = "round_half_even(2.345, 2)",
     .gives = "2.34"},
    {"sign", "sign(x)", 1, 1, "n", NUMBER, .row = fn_sign, .errors = NO_NUMBER,
     .help = "-1, 0 or 1", .example = "sign(-2.50)", .gives = "-1"},
    {"trunc", "trunc(x[, n])", 1, 2, "n", CELL, .bind = bind_round, .row = fn_trunc,
     .errors = NO_NUMBER ", " OVERFLOWS,
     .help = "x with exactly n fraction digits (0), the others dropped",
     .example = "trunc(-2.789, 1)", .gives = "-2.7"},
};

const struct sfx_fn_family sfx_fn_number_family = {"Numbers", functions, SFX_COUNT(functions)};
