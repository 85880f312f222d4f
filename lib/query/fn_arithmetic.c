/* SPDX-License-Identifier: MIT */
/* Functions of several numbers: quotients, powers, the least and the greatest, bases. */
#include "query/functions_internal.h"

#include <math.h>
#include <string.h>

static void set_result(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                       enum sfx_decimal_result result, const struct sfx_decimal *value)
{
    if (result == SFX_DECIMAL_OK)
        sfx_fn_set_number(node, row, *value);
    else
        sfx_eval_fail(ev, node, row, NULL,
                      result == SFX_DECIMAL_DIV_BY_ZERO ? "division by zero"
                                                        : "a result has more than 38 digits");
}

static double float_arg(const struct sfx_node *node, size_t arg, uint32_t row)
{
    return sfx_slot_float(&node->args[arg]->vec->nums[row]);
}

/* --- div, mod: a = b * div(a, b) + mod(a, b) ---------------------------------------------------
 */

/* What is left of a when b is taken away as often as it goes below: has the sign of b. */
static enum sfx_decimal_result floor_mod(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                         struct sfx_decimal *out)
{
    enum sfx_decimal_result result = sfx_decimal_rem(a, b, out);

    if (result == SFX_DECIMAL_OK && out->mant != 0 && (out->mant < 0) != (b->mant < 0))
        result = sfx_decimal_add(out, b, out);
    return result;
}

static void fn_mod(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_decimal *a = &node->args[0]->vec->nums[row],
                             *b = &node->args[1]->vec->nums[row];
    struct sfx_decimal left = {0};

    if (node->vec->type == SFX_TYPE_FLOAT) {
        double x = float_arg(node, 0, row), y = float_arg(node, 1, row), rest = fmod(x, y);

        sfx_fn_set_float(ev, node, row, rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
        return;
    }
    set_result(ev, node, row, floor_mod(a, b, &left), &left);
}

static void fn_div(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_decimal *a = &node->args[0]->vec->nums[row],
                             *b = &node->args[1]->vec->nums[row];
    struct sfx_decimal left = {0};
    enum sfx_decimal_result result;

    if (node->vec->type == SFX_TYPE_FLOAT) {
        sfx_fn_set_float(ev, node, row, floor(float_arg(node, 0, row) / float_arg(node, 1, row)));
        return;
    }
    result = floor_mod(a, b, &left);
    if (result == SFX_DECIMAL_OK)
        result = sfx_decimal_sub(a, &left, &left);
    if (result == SFX_DECIMAL_OK)
        result = sfx_decimal_div(&left, b, &left);
    if (result == SFX_DECIMAL_OK)
        result = sfx_decimal_round(&left, 0, SFX_ROUND_ZERO, &left);
    set_result(ev, node, row, result, &left);
}

/* --- pow ---------------------------------------------------------------------------------------
 */

/* x^n by squaring. */
static enum sfx_decimal_result power(struct sfx_decimal x, uint64_t n, struct sfx_decimal *out)
{
    struct sfx_decimal total = {1, 0};
    enum sfx_decimal_result result = SFX_DECIMAL_OK;

    sfx_decimal_trim(&x, 0);
    for (; n > 0 && result == SFX_DECIMAL_OK; n >>= 1) {
        if (n & 1)
            result = sfx_decimal_mul(&total, &x, &total);
        if (n > 1 && result == SFX_DECIMAL_OK)
            result = sfx_decimal_mul(&x, &x, &x);
    }
    *out = total;
    return result;
}

static void fn_pow(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_decimal x = node->args[0]->vec->nums[row], one = {1, 0};
    enum sfx_decimal_result result;
    int64_t n;

    if (node->vec->type == SFX_TYPE_FLOAT) {
        sfx_fn_set_float(ev, node, row, pow(float_arg(node, 0, row), float_arg(node, 1, row)));
        return;
    }
    if (!sfx_fn_int_arg(node, 1, row, -INT32_MAX, INT32_MAX, &n)) {
        sfx_eval_fail(ev, node, row, NULL, "an exponent with a fraction asks for pow(float(x), y)");
        return;
    }
    result = power(x, (uint64_t)(n < 0 ? -n : n), &x);
    if (result == SFX_DECIMAL_OK && n < 0)
        result = sfx_decimal_div(&one, &x, &x);
    set_result(ev, node, row, result, &x);
}

/* A constant exponent with a fraction makes it a matter of floats. */
static int bind_pow(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                    enum sfx_type *type)
{
    struct sfx_decimal whole = expr->args[1]->number;
    int rc = sfx_bind_numeric(b, expr, node, type);
    size_t i;

    if (rc < 0 || expr->args[1]->kind != SFX_EXPR_NUMBER)
        return rc;
    sfx_decimal_trim(&whole, 0);
    if (whole.scale == 0)
        return 0;
    *type = SFX_TYPE_FLOAT;
    for (i = 0; i < 2 && rc == 0; i++)
        rc = sfx_bind_convert(b, SFX_TYPE_FLOAT, &node->args[i]);
    return rc;
}

/* --- least, greatest, clamp --------------------------------------------------------------------
 */

/* All of one type: times, floats, texts when one is known to be it; numbers else. */
static int bind_ordered(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type)
{
    static const enum sfx_type strong[] = {SFX_TYPE_TIME, SFX_TYPE_FLOAT, SFX_TYPE_NUMBER,
                                           SFX_TYPE_TEXT};
    size_t i, s, found = SFX_COUNT(strong);
    int rc = 0;

    for (i = 0; i < expr->nargs && rc == 0; i++) {
        rc = sfx_bind_expr(b, expr->args[i], &node->args[i]);
        for (s = 0; rc == 0 && s < found; s++) {
            if (node->args[i]->vec->type == strong[s])
                found = s;
        }
    }
    *type = found < SFX_COUNT(strong) ? strong[found] : SFX_TYPE_NUMBER;
    for (i = 0; i < expr->nargs && rc == 0; i++)
        rc = sfx_bind_convert(b, *type, &node->args[i]);
    return rc;
}

static int order(struct sfx_eval *ev, const struct sfx_vec *a, const struct sfx_vec *b,
                 uint32_t row)
{
    if (sfx_type_in_nums(a->type))
        return sfx_slot_cmp(a->type, &a->nums[row], &b->nums[row]);
    return sfx_slice_cmp(sfx_eval_cell_text(ev, &a->cells[row]),
                         sfx_eval_cell_text(ev, &b->cells[row]));
}

static void set_value(const struct sfx_node *node, uint32_t row, const struct sfx_vec *from)
{
    if (from == NULL)
        sfx_vec_set_null(node->vec, row);
    else if (sfx_type_in_nums(from->type))
        sfx_fn_set_number(node, row, from->nums[row]);
    else
        node->vec->cells[row] = from->cells[row];
}

/* The furthest in the direction of sign among those that are no blanks. */
static void extreme(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel, int sign)
{
    uint32_t i;
    size_t a;

    for (i = 0; i < nsel; i++) {
        const struct sfx_vec *best = NULL;

        for (a = 0; a < node->nargs; a++) {
            const struct sfx_vec *arg = node->args[a]->vec;

            if (!sfx_vec_is_blank(arg, sel[i]) &&
                (best == NULL || sign * order(ev, arg, best, sel[i]) > 0))
                best = arg;
        }
        set_value(node, sel[i], best);
    }
}

static void fn_least(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                     uint32_t nsel)
{
    extreme(ev, node, sel, nsel, -1);
}

static void fn_greatest(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                        uint32_t nsel)
{
    extreme(ev, node, sel, nsel, 1);
}

static void fn_clamp(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_vec *x = node->args[0]->vec, *low = node->args[1]->vec;
    const struct sfx_vec *high = node->args[2]->vec;

    set_value(node, row, order(ev, x, low, row) < 0 ? low : order(ev, x, high, row) > 0 ? high : x);
}

/* --- bases -------------------------------------------------------------------------------------
 */

static bool base_arg(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int64_t *base)
{
    if (sfx_fn_int_arg(node, 1, row, 2, 36, base))
        return true;
    sfx_eval_fail(ev, node, row, NULL, "a base is 2 to 36");
    return false;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
}

/* 0x, 0o and 0b in front of their bases' digits. */
static size_t prefix_length(struct sfx_slice text, size_t at, int64_t base)
{
    char mark = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : '\0';

    return mark != '\0' && text.len > at + 2 && text.ptr[at] == '0' &&
                   (text.ptr[at + 1] | 0x20) == mark
               ? 2
               : 0;
}

static void fn_from_base(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    struct sfx_decimal value = {0}, digit, scale;
    enum sfx_decimal_result result = SFX_DECIMAL_OK;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative, begin;
    int64_t base;

    if (text.len == 0) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    if (!base_arg(ev, node, row, &base))
        return;
    scale = (struct sfx_decimal){base, 0};
    at += prefix_length(text, at, base);
    for (begin = at; at < text.len && result == SFX_DECIMAL_OK; at++) {
        digit = (struct sfx_decimal){digit_of(text.ptr[at]), 0};
        result =
            digit.mant >= base ? SFX_DECIMAL_NOT_A_NUMBER : sfx_decimal_mul(&value, &scale, &value);
        if (result == SFX_DECIMAL_OK)
            result = sfx_decimal_add(&value, &digit, &value);
    }
    if (at == begin || result == SFX_DECIMAL_NOT_A_NUMBER)
        sfx_eval_fail(ev, node, row, &text, "is not a number of that base");
    else if (result != SFX_DECIMAL_OK)
        sfx_eval_fail(ev, node, row, &text, "has more than 38 digits");
    else
        sfx_fn_set_number(node, row, (struct sfx_decimal){negative ? -value.mant : value.mant, 0});
}

#define BASE_TEXT_NBYTES 130 /* a sign and 127 bits */

static void fn_to_base(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_decimal whole = node->args[0]->vec->nums[row];
    unsigned __int128 left;
    char digits[BASE_TEXT_NBYTES], *end = digits + sizeof(digits), *at = end, *copy;
    int64_t base;

    sfx_decimal_trim(&whole, 0);
    if (whole.scale != 0) {
        sfx_eval_fail(ev, node, row, NULL, "to_base() takes a whole number");
        return;
    }
    if (!base_arg(ev, node, row, &base))
        return;
    left = (unsigned __int128)(whole.mant < 0 ? -whole.mant : whole.mant);
    do {
        *--at = "0123456789abcdefghijklmnopqrstuvwxyz"[(unsigned)(left % (unsigned)base)];
        left /= (unsigned)base;
    } while (left > 0);
    if (whole.mant < 0)
        *--at = '-';
    copy = sfx_eval_text(ev, (size_t)(end - at));
    if (copy == NULL)
        return;
    memcpy(copy, at, (size_t)(end - at));
    sfx_fn_set_text(node, row, copy, (size_t)(end - at));
}

static const struct sfx_fn functions[] = {
    {"clamp", "clamp(x, low, high)", 3, 3, "n", CELL, .bind = bind_ordered, .row = fn_clamp,
     .errors = NO_NUMBER, .help = "x, but not below low and not above high",
     .example = "clamp(120, 0, 100)", .gives = "100"},
    {"div", "div(a, b)", 2, 2, "n", CELL, .bind = sfx_bind_numeric, .row = fn_div,
     .errors = NO_NUMBER ", division by zero", .help = "the largest whole number not above a / b",
     .example = "div(-7, 2)", .gives = "-4"},
    {"from_base", "from_base(text, base)", 2, 2, "tn", NUMBER, .row = fn_from_base,
     .errors = "a text that is not a number of that base, " OVERFLOWS,
     .help = "the number that text spells in a base of 2 to 36; 0x, 0o and 0b may stand in front",
     .example = "from_base(\"0xFF\", 16)", .gives = "255"},
    {"greatest", "greatest(a, b, …)", 1, SFX_FN_ANY_ARGS, "n", CELL, .bind = bind_ordered,
     .kernel = fn_greatest, .errors = NO_NUMBER,
     .help =
         "the largest, without those that are null or empty: times, floats or texts when one is "
         "known to be that, else numbers",
     .example = "greatest(1, null, 2.5)", .gives = "2.5"},
    {"least", "least(a, b, …)", 1, SFX_FN_ANY_ARGS, "n", CELL, .bind = bind_ordered,
     .kernel = fn_least, .errors = NO_NUMBER, .help = "the smallest, likewise",
     .example = "least(@2026-02-01, \"2026-01-31\")", .gives = "2026-01-31"},
    {"mod", "mod(a, b)", 2, 2, "n", CELL, .bind = sfx_bind_numeric, .row = fn_mod,
     .errors = NO_NUMBER ", division by zero",
     .help = "a - b * div(a, b): has the sign of b, where a % b has that of a",
     .example = "mod(-7, 2)", .gives = "1"},
    {"pow", "pow(x, y)", 2, 2, "n", CELL, .bind = bind_pow, .row = fn_pow,
     .errors = NO_NUMBER ", " OVERFLOWS ", an exponent with a fraction that is no constant",
     .help = "x to the power of y: exact for a whole y, a float for a constant with a fraction or "
             "when x or y is one",
     .example = "pow(1.1, 10)", .gives = "2.5937424601"},
    {"to_base", "to_base(n, base)", 2, 2, "n", TEXT, .row = fn_to_base,
     .errors = "an argument that is not a whole number", .help = "n in a base of 2 to 36",
     .example = "to_base(255, 16)", .gives = "ff"},
};

const struct sfx_fn_family sfx_fn_arithmetic_family = {"Arithmetic", functions,
                                                       SFX_COUNT(functions)};
