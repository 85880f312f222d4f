/* SPDX-License-Identifier: MIT */
/* Arithmetic: + - * / % on decimals, on floats when an operand is one, and on times. */
#include "query/functions_internal.h"

#include <math.h>
#include <string.h>

static void fail_result(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                        enum sfx_decimal_result result)
{
    sfx_eval_fail(ev, node, row, NULL,
                  result == SFX_DECIMAL_OVERFLOW ? "a result has more than 38 digits"
                                                 : "division by zero");
}

/* The kernel of a binary operation; it becomes a loop of its own around the inlined operation. */
static inline __attribute__((always_inline)) void
arithmetic(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel, uint32_t nsel,
           enum sfx_decimal_result (*op)(const struct sfx_decimal *, const struct sfx_decimal *,
                                         struct sfx_decimal *))
{
    const struct sfx_vec *a = node->args[0]->vec, *b = node->args[1]->vec;
    struct sfx_vec *out = node->vec;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];
        enum sfx_decimal_result result;

        out->flags[row] = a->flags[row] | b->flags[row];
        if (out->flags[row])
            continue;
        result = op(&a->nums[row], &b->nums[row], &out->nums[row]);
        if (__builtin_expect(result != SFX_DECIMAL_OK, 0))
            fail_result(ev, node, row, result);
    }
}

/* The same for floats; what is not finite makes the record bad. */
static inline __attribute__((always_inline)) void
float_arithmetic(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel, double (*op)(double, double), bool divides)
{
    const struct sfx_vec *a = node->args[0]->vec, *b = node->args[1]->vec;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];

        node->vec->flags[row] = a->flags[row] | b->flags[row];
        if (node->vec->flags[row])
            continue;
        if (divides && sfx_slot_float(&b->nums[row]) == 0)
            fail_result(ev, node, row, SFX_DECIMAL_DIV_BY_ZERO);
        else
            sfx_fn_set_float(ev, node, row,
                             op(sfx_slot_float(&a->nums[row]), sfx_slot_float(&b->nums[row])));
    }
}

void sfx_fn_set_float(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, double value)
{
    node->vec->flags[row] = 0;
    node->vec->nums[row] = sfx_float_slot(value);
    if (__builtin_expect(!isfinite(value), 0))
        sfx_eval_fail(ev, node, row, NULL,
                      isnan(value) ? "a result is not a number" : "a result is beyond a float");
}

#define DECIMAL_KERNEL(name)                                                                       \
    static void name##_decimals(struct sfx_eval *ev, const struct sfx_node *node,                  \
                                const uint16_t *sel, uint32_t nsel)                                \
    {                                                                                              \
        arithmetic(ev, node, sel, nsel, sfx_decimal_##name);                                       \
    }

#define FLOAT_KERNEL(name, expression, divides)                                                    \
    static double name##_float(double a, double b)                                                 \
    {                                                                                              \
        return expression;                                                                         \
    }                                                                                              \
    static void name##_floats(struct sfx_eval *ev, const struct sfx_node *node,                    \
                              const uint16_t *sel, uint32_t nsel)                                  \
    {                                                                                              \
        float_arithmetic(ev, node, sel, nsel, name##_float, divides);                              \
    }

DECIMAL_KERNEL(add)
DECIMAL_KERNEL(sub)
DECIMAL_KERNEL(mul)
DECIMAL_KERNEL(div)
DECIMAL_KERNEL(rem)
FLOAT_KERNEL(add, a + b, false)
FLOAT_KERNEL(sub, a - b, false)
FLOAT_KERNEL(mul, a *b, false)
FLOAT_KERNEL(div, a / b, true)
FLOAT_KERNEL(rem, fmod(a, b), true)

void sfx_fn_neg(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_decimal *x = &node->args[0]->vec->nums[row];

    (void)ev;
    node->vec->flags[row] = 0;
    node->vec->nums[row] = node->vec->type == SFX_TYPE_FLOAT
                               ? sfx_float_slot(-sfx_slot_float(x))
                               : (struct sfx_decimal){-x->mant, x->scale};
}

/* --- times -------------------------------------------------------------------------------------
 */

bool sfx_seconds_to_ns(const struct sfx_decimal *seconds, sfx_int128 *ns)
{
    struct sfx_decimal rounded;

    if (sfx_decimal_round(seconds, SFX_TIME_DIGITS, SFX_ROUND_HALF_AWAY, &rounded) !=
        SFX_DECIMAL_OK)
        return false;
    *ns = rounded.mant;
    return true;
}

struct sfx_decimal sfx_seconds_of_ns(sfx_int128 ns)
{
    struct sfx_decimal seconds = {ns, SFX_TIME_DIGITS};

    sfx_decimal_trim(&seconds, 0);
    return seconds;
}

void sfx_fn_set_time(const struct sfx_node *node, uint32_t row, struct sfx_timestamp time)
{
    node->vec->flags[row] = 0;
    node->vec->nums[row] = sfx_time_slot(time);
}

/* The time in args[0] moved by the seconds in args[1]. */
static void move(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int sign)
{
    struct sfx_timestamp time = sfx_slot_time(&node->args[0]->vec->nums[row]);
    sfx_int128 ns;

    if (!sfx_seconds_to_ns(&node->args[1]->vec->nums[row], &ns) ||
        !sfx_timestamp_move(&time, sign * ns, ev->zone, &time))
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
    else
        sfx_fn_set_time(node, row, time);
}

static void move_on(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    move(ev, node, row, 1);
}

static void move_back(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    move(ev, node, row, -1);
}

static void between(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp a = sfx_slot_time(&node->args[0]->vec->nums[row]);
    struct sfx_timestamp b = sfx_slot_time(&node->args[1]->vec->nums[row]);

    (void)ev;
    sfx_fn_set_number(node, row, sfx_seconds_of_ns(sfx_timestamp_diff(&a, &b)));
}

/* --- which of them -----------------------------------------------------------------------------
 */

static const struct sfx_fn decimals[] = {
    {"+", "a + b", 2, 2, "n", NUMBER, .kernel = add_decimals},
    {"-", "a - b", 2, 2, "n", NUMBER, .kernel = sub_decimals},
    {"*", "a * b", 2, 2, "n", NUMBER, .kernel = mul_decimals},
    {"/", "a / b", 2, 2, "n", NUMBER, .kernel = div_decimals},
    {"%", "a % b", 2, 2, "n", NUMBER, .kernel = rem_decimals},
};
static const struct sfx_fn floats[] = {
    {"+", "a + b", 2, 2, "f", FLOAT, .kernel = add_floats},
    {"-", "a - b", 2, 2, "f", FLOAT, .kernel = sub_floats},
    {"*", "a * b", 2, 2, "f", FLOAT, .kernel = mul_floats},
    {"/", "a / b", 2, 2, "f", FLOAT, .kernel = div_floats},
    {"%", "a % b", 2, 2, "f", FLOAT, .kernel = rem_floats},
};
static const struct sfx_fn on = {"+", "time + seconds", 2, 2, "dn", TIME, .row = move_on},
                           back = {"-", "time - seconds", 2, 2, "dn", TIME, .row = move_back},
                           difference = {"-", "time - time", 2, 2, "d", NUMBER, .row = between};

static const struct sfx_fn *variant(const struct sfx_fn *of, const char *mark)
{
    for (; strcmp(of->name, mark) != 0; of++)
        ;
    return of;
}

static int convert_both(struct sfx_binder *b, struct sfx_node *node, enum sfx_type first,
                        enum sfx_type second)
{
    int rc = sfx_bind_convert(b, first, &node->args[0]);

    return rc < 0 ? rc : sfx_bind_convert(b, second, &node->args[1]);
}

/* time + seconds, seconds + time, time - seconds, time - time. */
static int bind_times(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                      enum sfx_type *type)
{
    enum sfx_type left = node->args[0]->vec->type, right = node->args[1]->vec->type;
    const char *mark = expr->fn->name;

    if (strcmp(mark, "-") == 0 && (right == SFX_TYPE_NUMBER || right == SFX_TYPE_FLOAT)) {
        node->fn = &back;
        *type = SFX_TYPE_TIME;
        return convert_both(b, node, SFX_TYPE_TIME, SFX_TYPE_NUMBER);
    }
    if (strcmp(mark, "-") == 0) {
        node->fn = &difference;
        *type = SFX_TYPE_NUMBER;
        return convert_both(b, node, SFX_TYPE_TIME, SFX_TYPE_TIME);
    }
    if (strcmp(mark, "+") != 0 || left == right)
        return sfx_program_err(b->program, expr->at, b->err,
                               "times take + seconds, - seconds and - time only");
    if (right == SFX_TYPE_TIME) {
        struct sfx_node *time = node->args[1];

        node->args[1] = node->args[0];
        node->args[0] = time;
    }
    node->fn = &on;
    *type = SFX_TYPE_TIME;
    return convert_both(b, node, SFX_TYPE_TIME, SFX_TYPE_NUMBER);
}

int sfx_bind_arithmetic(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                        enum sfx_type *type)
{
    enum sfx_type left, right;
    int rc = sfx_bind_expr(b, expr->args[0], &node->args[0]);

    if (rc == 0)
        rc = sfx_bind_expr(b, expr->args[1], &node->args[1]);
    if (rc < 0)
        return rc;
    left = node->args[0]->vec->type;
    right = node->args[1]->vec->type;
    if (left == SFX_TYPE_TIME || right == SFX_TYPE_TIME)
        return bind_times(b, expr, node, type);
    *type = left == SFX_TYPE_FLOAT || right == SFX_TYPE_FLOAT ? SFX_TYPE_FLOAT : SFX_TYPE_NUMBER;
    node->fn = variant(*type == SFX_TYPE_FLOAT ? floats : decimals, expr->fn->name);
    return convert_both(b, node, *type, *type);
}

int sfx_bind_numeric(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *type)
{
    size_t i;
    int rc = 0;

    *type = SFX_TYPE_NUMBER;
    for (i = 0; i < expr->nargs && rc == 0; i++) {
        rc = sfx_bind_expr(b, expr->args[i], &node->args[i]);
        if (rc == 0 && node->args[i]->vec->type == SFX_TYPE_FLOAT)
            *type = SFX_TYPE_FLOAT;
    }
    for (i = 0; i < expr->nargs && rc == 0; i++)
        rc = sfx_bind_convert(b, *type, &node->args[i]);
    return rc;
}
