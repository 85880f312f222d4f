/* SPDX-License-Identifier: MIT */
/* The table of functions and operators. */
#include "query/functions_internal.h"

#include "base/size.h"

#include <string.h>

#define NUMBER SFX_TYPE_NUMBER
#define TEXT   SFX_TYPE_TEXT
#define BOOL   SFX_TYPE_BOOL
#define CELL   SFX_TYPE_CELL

#define OVERFLOWS "a result of more than 38 digits"
#define NO_NUMBER "an argument that is not a number"
#define NO_DATE   "a text that is not an ISO 8601 date"

static const struct sfx_fn functions[] = {
    {"abs", "abs(x)", 1, 1, "n", NUMBER, .row = sfx_fn_abs, .errors = NO_NUMBER,
     .help = "x without its sign"},
    {"ceil", "ceil(x)", 1, 1, "n", NUMBER, .row = sfx_fn_ceil, .errors = NO_NUMBER,
     .help = "the smallest whole number not below x"},
    {"coalesce", "coalesce(a, b, …)", 1, SFX_FN_ANY_ARGS, "c", CELL, .bind = sfx_bind_coalesce,
     .lazy = sfx_fn_coalesce, .help = "the first that is neither null nor an empty field"},
    {"concat", "concat(a, b, …)", 1, SFX_FN_ANY_ARGS, "t", TEXT, .kernel = sfx_fn_concat,
     .help = "the texts one after the other; null counts as empty"},
    {"contains", "contains(s, part)", 2, 2, "t", BOOL, .row = sfx_fn_contains,
     .help = "true when part stands somewhere in s"},
    {"day", "day(ts)", 1, 1, "t", TEXT, .row = sfx_fn_day, .errors = NO_DATE,
     .help = "the day of an ISO 8601 time: 2026-03-05"},
    {"decimal", "decimal(x[, strip \"chars\"])", 1, 1, "t", NUMBER, .strips = true,
     .row = sfx_fn_decimal, .errors = NO_NUMBER,
     .help = "x as a number, after the characters to strip were dropped"},
    {"ends_with", "ends_with(s, end)", 2, 2, "t", BOOL, .row = sfx_fn_ends_with,
     .help = "true when s ends with end"},
    {"floor", "floor(x)", 1, 1, "n", NUMBER, .row = sfx_fn_floor, .errors = NO_NUMBER,
     .help = "the largest whole number not above x"},
    {"if", "if(condition, a, b)", 3, 3, "bc", CELL, .bind = sfx_bind_if, .lazy = sfx_fn_if,
     .help = "a when the condition is true, else b; the other one is not evaluated"},
    {"length", "length(s)", 1, 1, "t", NUMBER, .row = sfx_fn_length,
     .help = "the number of characters (UTF-8) of s"},
    {"lower", "lower(s)", 1, 1, "t", TEXT, .row = sfx_fn_lower,
     .help = "s with the letters A to Z made small"},
    {"month", "month(ts)", 1, 1, "t", TEXT, .row = sfx_fn_month, .errors = NO_DATE,
     .help = "the month of an ISO 8601 time: 2026-03"},
    {"num", "num(x)", 1, 1, "n", NUMBER, .kernel = sfx_fn_num, .errors = NO_NUMBER,
     .help = "x as a number"},
    {"replace", "replace(s, from, to)", 3, 3, "t", TEXT, .row = sfx_fn_replace,
     .help = "s with each from replaced by to"},
    {"round", "round(x[, n])", 1, 2, "n", NUMBER, .row = sfx_fn_round,
     .errors = NO_NUMBER ", " OVERFLOWS,
     .help = "x with exactly n fraction digits (0), halves away from zero"},
    {"starts_with", "starts_with(s, start)", 2, 2, "t", BOOL, .row = sfx_fn_starts_with,
     .help = "true when s begins with start"},
    {"substr", "substr(s, start[, count])", 2, 3, "tn", TEXT, .row = sfx_fn_substr,
     .errors = NO_NUMBER,
     .help = "count characters of s (to its end) from the start-th, the first is 1"},
    {"text", "text(x)", 1, 1, "t", TEXT, .kernel = sfx_fn_text,
     .help = "x as text: compared, sorted, counted by its bytes"},
    {"trim", "trim(s)", 1, 1, "t", TEXT, .row = sfx_fn_trim,
     .help = "s without white space at its ends"},
    {"upper", "upper(s)", 1, 1, "t", TEXT, .row = sfx_fn_upper,
     .help = "s with the letters a to z made capital"},
    {"year", "year(ts)", 1, 1, "t", TEXT, .row = sfx_fn_year, .errors = NO_DATE,
     .help = "the year of an ISO 8601 time: 2026"},
};

/* Comparisons are made by sfx_bind_compare, which picks the kernel for the operands' type. */
#define COMPARISON(mark)                                                                           \
    {                                                                                              \
        mark, "a " mark " b", 2, 2, "c", BOOL, .bind = sfx_bind_compare                            \
    }

static const struct sfx_fn operators[] = {
    {"or", "a or b", 2, 2, "b", BOOL, .lazy = sfx_fn_or},
    {"and", "a and b", 2, 2, "b", BOOL, .lazy = sfx_fn_and},
    {"not", "not a", 1, 1, "b", BOOL, .kernel = sfx_fn_not},
    COMPARISON("="),
    COMPARISON("=="),
    COMPARISON("!="),
    COMPARISON("<"),
    COMPARISON("<="),
    COMPARISON(">"),
    COMPARISON(">="),
    {"~", "s ~ \"regex\"", 1, 1, "t", BOOL, .row = sfx_fn_match},
    {"in", "x in (a, …)", 2, SFX_FN_ANY_ARGS, "c", BOOL, .bind = sfx_bind_in},
    {"??", "a ?? b", 2, 2, "c", CELL, .bind = sfx_bind_coalesce, .lazy = sfx_fn_coalesce},
    {"+", "a + b", 2, 2, "n", NUMBER, .kernel = sfx_fn_add, .errors = OVERFLOWS},
    {"-", "a - b", 2, 2, "n", NUMBER, .kernel = sfx_fn_sub, .errors = OVERFLOWS},
    {"*", "a * b", 2, 2, "n", NUMBER, .kernel = sfx_fn_mul, .errors = OVERFLOWS},
    {"/", "a / b", 2, 2, "n", NUMBER, .kernel = sfx_fn_div, .errors = "division by zero"},
    {"%", "a % b", 2, 2, "n", NUMBER, .kernel = sfx_fn_rem, .errors = "division by zero"},
    {"neg", "-a", 1, 1, "n", NUMBER, .row = sfx_fn_neg},
};

const struct sfx_fn sfx_fn_to_number = {"num", "", 1, 1, "c", NUMBER, .kernel = sfx_to_number};
const struct sfx_fn sfx_fn_to_cell = {"cell", "", 1, 1, "c", CELL, .kernel = sfx_to_cell};
const struct sfx_fn sfx_fn_to_bool = {"condition", "", 1, 1, "c", BOOL, .kernel = sfx_to_bool};
const struct sfx_fn sfx_fn_try = {"?", "", 1, 1, "c", CELL, .lazy = sfx_try};

const struct sfx_fn *sfx_fn_find(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(functions); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(functions[i].name)))
            return &functions[i];
    }
    return NULL;
}

const struct sfx_fn *sfx_fn_operator(const char *mark)
{
    size_t i;

    for (i = 0; strcmp(operators[i].name, mark) != 0; i++)
        ;
    return &operators[i];
}

const struct sfx_fn *sfx_fn_all(size_t *count)
{
    *count = SFX_COUNT(functions);
    return functions;
}
