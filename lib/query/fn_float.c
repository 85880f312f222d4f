/* SPDX-License-Identifier: MIT */
/* Floats: reading them, and the functions whose results no decimal holds exactly. */
#include "query/functions_internal.h"

#include <math.h>

static void float_of_text(struct sfx_eval *ev, const struct sfx_node *node,
                          const struct sfx_cell *cell, uint32_t row)
{
    struct sfx_slice text = sfx_eval_cell_text(ev, cell);
    enum sfx_decimal_result result;
    double value;

    node->vec->flags[row] = sfx_cell_is_null(cell) || text.len == 0;
    if (node->vec->flags[row])
        return;
    result = sfx_float_parse(text, &value);
    if (result != SFX_DECIMAL_OK)
        sfx_eval_fail(ev, node, row, &text,
                      result == SFX_DECIMAL_OVERFLOW ? "is beyond a float" : "is not a number");
    else
        node->vec->nums[row] = sfx_float_slot(value);
}

void sfx_to_float(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                  uint32_t nsel)
{
    const struct sfx_vec *arg = node->args[0]->vec;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];

        if (arg->type == SFX_TYPE_NUMBER) {
            node->vec->flags[row] = arg->flags[row];
            if (!arg->flags[row])
                node->vec->nums[row] = sfx_float_slot(sfx_float_from_decimal(&arg->nums[row]));
        } else if (arg->type == SFX_TYPE_BOOL) {
            struct sfx_slice text = sfx_slice_str(arg->flags[row] ? "true" : "false");

            sfx_eval_fail(ev, node, row, &text, "is not a number");
        } else {
            float_of_text(ev, node, &arg->cells[row], row);
        }
    }
}

/* float(x): the conversion has made it one already. */
static void fn_float(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    node->vec->flags[row] = 0;
    node->vec->nums[row] = node->args[0]->vec->nums[row];
}

#define FLOAT_FN(name)                                                                             \
    static void fn_##name(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)          \
    {                                                                                              \
        sfx_fn_set_float(ev, node, row, name(sfx_slot_float(&node->args[0]->vec->nums[row])));     \
    }

FLOAT_FN(acos)
FLOAT_FN(asin)
FLOAT_FN(atan)
FLOAT_FN(cos)
FLOAT_FN(exp)
FLOAT_FN(log10)
FLOAT_FN(log2)
FLOAT_FN(sin)
FLOAT_FN(sqrt)
FLOAT_FN(tan)

static void fn_ln(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_fn_set_float(ev, node, row, log(sfx_slot_float(&node->args[0]->vec->nums[row])));
}

static void fn_atan2(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_fn_set_float(ev, node, row,
                     atan2(sfx_slot_float(&node->args[0]->vec->nums[row]),
                           sfx_slot_float(&node->args[1]->vec->nums[row])));
}

static void fn_pi(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_fn_set_float(ev, node, row, 3.14159265358979323846);
}

#define NO_REAL NO_NUMBER ", one without a result"

static const struct sfx_fn functions[] = {
    {"acos", "acos(x)", 1, 1, "f", FLOAT, .row = fn_acos, .errors = NO_REAL,
     .help = "the angle in radians whose cosine is x", .example = "acos(1)", .gives = "0"},
    {"asin", "asin(x)", 1, 1, "f", FLOAT, .row = fn_asin, .errors = NO_REAL,
     .help = "the angle in radians whose sine is x", .example = "asin(0)", .gives = "0"},
    {"atan", "atan(x)", 1, 1, "f", FLOAT, .row = fn_atan, .errors = NO_NUMBER,
     .help = "the angle in radians whose tangent is x", .example = "atan(0)", .gives = "0"},
    {"atan2", "atan2(y, x)", 2, 2, "f", FLOAT, .row = fn_atan2, .errors = NO_NUMBER,
     .help = "the angle in radians of the point x, y", .example = "atan2(0, 1)", .gives = "0"},
    {"cos", "cos(x)", 1, 1, "f", FLOAT, .row = fn_cos, .errors = NO_NUMBER,
     .help = "the cosine of x in radians", .example = "cos(0)", .gives = "1"},
    {"exp", "exp(x)", 1, 1, "f", FLOAT, .row = fn_exp, .errors = NO_REAL,
     .help = "e to the power of x", .example = "exp(1)", .gives = "2.718281828459045"},
    {"float", "float(x)", 1, 1, "f", FLOAT, .row = fn_float, .errors = NO_NUMBER,
     .help = "x as an IEEE 754 float of 64 bits; what is computed with it is a float, too",
     .example = "float(0.1) + 0.2", .gives = "0.30000000000000004"},
    {"ln", "ln(x)", 1, 1, "f", FLOAT, .row = fn_ln, .errors = NO_REAL,
     .help = "the natural logarithm", .example = "ln(10)", .gives = "2.302585092994046"},
    {"log10", "log10(x)", 1, 1, "f", FLOAT, .row = fn_log10, .errors = NO_REAL,
     .help = "the logarithm to base 10", .example = "log10(1000)", .gives = "3"},
    {"log2", "log2(x)", 1, 1, "f", FLOAT, .row = fn_log2, .errors = NO_REAL,
     .help = "the logarithm to base 2", .example = "log2(8)", .gives = "3"},
    {"pi", "pi()", 0, 0, "f", FLOAT, .row = fn_pi, .help = "the number pi as a float",
     .example = "pi()", .gives = "3.141592653589793"},
    {"sin", "sin(x)", 1, 1, "f", FLOAT, .row = fn_sin, .errors = NO_NUMBER,
     .help = "the sine of x in radians", .example = "sin(0)", .gives = "0"},
    {"sqrt", "sqrt(x)", 1, 1, "f", FLOAT, .row = fn_sqrt, .errors = NO_REAL,
     .help = "the square root", .example = "sqrt(2)", .gives = "1.4142135623730951"},
    {"tan", "tan(x)", 1, 1, "f", FLOAT, .row = fn_tan, .errors = NO_NUMBER,
     .help = "the tangent of x in radians", .example = "tan(0)", .gives = "0"},
};

const struct sfx_fn_family sfx_fn_float_family = {"Floats", functions, SFX_COUNT(functions)};
