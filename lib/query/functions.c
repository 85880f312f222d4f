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
    {"abs", "abs(x)", 1, 1, false, "n", NUMBER, NULL, NULL, NULL, sfx_fn_abs, NO_NUMBER,
     "x without its sign"},
    {"ceil", "ceil(x)", 1, 1, false, "n", NUMBER, NULL, NULL, NULL, sfx_fn_ceil, NO_NUMBER,
     "the smallest whole number not below x"},
    {"coalesce", "coalesce(a, b, …)", 1, SFX_FN_ANY_ARGS, false, "c", CELL, sfx_bind_coalesce,
     sfx_fn_coalesce, NULL, NULL, "", "the first that is neither null nor an empty field"},
    {"concat", "concat(a, b, …)", 1, SFX_FN_ANY_ARGS, false, "t", TEXT, NULL, NULL, sfx_fn_concat,
     NULL, "", "the texts one after the other; null counts as empty"},
    {"contains", "contains(s, part)", 2, 2, false, "t", BOOL, NULL, NULL, NULL, sfx_fn_contains, "",
     "true when part stands somewhere in s"},
    {"day", "day(ts)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_day, NO_DATE,
     "the day of an ISO 8601 time: 2026-03-05"},
    {"decimal", "decimal(x[, strip \"chars\"])", 1, 1, true, "t", NUMBER, NULL, NULL, NULL,
     sfx_fn_decimal, NO_NUMBER, "x as a number, after the characters to strip were dropped"},
    {"ends_with", "ends_with(s, end)", 2, 2, false, "t", BOOL, NULL, NULL, NULL, sfx_fn_ends_with,
     "", "true when s ends with end"},
    {"floor", "floor(x)", 1, 1, false, "n", NUMBER, NULL, NULL, NULL, sfx_fn_floor, NO_NUMBER,
     "the largest whole number not above x"},
    {"if", "if(condition, a, b)", 3, 3, false, "bc", CELL, sfx_bind_if, sfx_fn_if, NULL, NULL, "",
     "a when the condition is true, else b; the other one is not evaluated"},
    {"length", "length(s)", 1, 1, false, "t", NUMBER, NULL, NULL, NULL, sfx_fn_length, "",
     "the number of characters (UTF-8) of s"},
    {"lower", "lower(s)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_lower, "",
     "s with the letters A to Z made small"},
    {"month", "month(ts)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_month, NO_DATE,
     "the month of an ISO 8601 time: 2026-03"},
    {"num", "num(x)", 1, 1, false, "n", NUMBER, NULL, NULL, sfx_fn_num, NULL, NO_NUMBER,
     "x as a number"},
    {"replace", "replace(s, from, to)", 3, 3, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_replace,
     "", "s with each from replaced by to"},
    {"round", "round(x[, n])", 1, 2, false, "n", NUMBER, NULL, NULL, NULL, sfx_fn_round,
     NO_NUMBER ", " OVERFLOWS, "x with exactly n fraction digits (0), halves away from zero"},
    {"starts_with", "starts_with(s, start)", 2, 2, false, "t", BOOL, NULL, NULL, NULL,
     sfx_fn_starts_with, "", "true when s begins with start"},
    {"substr", "substr(s, start[, count])", 2, 3, false, "tn", TEXT, NULL, NULL, NULL,
     sfx_fn_substr, NO_NUMBER,
     "count characters of s (to its end) from the start-th, the first is 1"},
    {"text", "text(x)", 1, 1, false, "t", TEXT, NULL, NULL, sfx_fn_text, NULL, "",
     "x as text: compared, sorted, counted by its bytes"},
    {"trim", "trim(s)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_trim, "",
     "s without white space at its ends"},
    {"upper", "upper(s)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_upper, "",
     "s with the letters a to z made capital"},
    {"year", "year(ts)", 1, 1, false, "t", TEXT, NULL, NULL, NULL, sfx_fn_year, NO_DATE,
     "the year of an ISO 8601 time: 2026"},
};

/* Comparisons are made by sfx_bind_compare, which picks the kernel for the operands' type. */
#define COMPARISON(mark)                                                                           \
    {                                                                                              \
        mark, "a " mark " b", 2, 2, false, "c", BOOL, sfx_bind_compare, NULL, NULL, NULL, "", ""   \
    }

static const struct sfx_fn operators[] = {
    {"or", "a or b", 2, 2, false, "b", BOOL, NULL, sfx_fn_or, NULL, NULL, "", ""},
    {"and", "a and b", 2, 2, false, "b", BOOL, NULL, sfx_fn_and, NULL, NULL, "", ""},
    {"not", "not a", 1, 1, false, "b", BOOL, NULL, NULL, sfx_fn_not, NULL, "", ""},
    COMPARISON("="),
    COMPARISON("=="),
    COMPARISON("!="),
    COMPARISON("<"),
    COMPARISON("<="),
    COMPARISON(">"),
    COMPARISON(">="),
    {"~", "s ~ \"regex\"", 1, 1, false, "t", BOOL, NULL, NULL, NULL, sfx_fn_match, "", ""},
    {"in", "x in (a, …)", 2, SFX_FN_ANY_ARGS, false, "c", BOOL, sfx_bind_in, NULL, NULL, NULL, "",
     ""},
    {"??", "a ?? b", 2, 2, false, "c", CELL, sfx_bind_coalesce, sfx_fn_coalesce, NULL, NULL, "",
     ""},
    {"+", "a + b", 2, 2, false, "n", NUMBER, NULL, NULL, sfx_fn_add, NULL, OVERFLOWS, ""},
    {"-", "a - b", 2, 2, false, "n", NUMBER, NULL, NULL, sfx_fn_sub, NULL, OVERFLOWS, ""},
    {"*", "a * b", 2, 2, false, "n", NUMBER, NULL, NULL, sfx_fn_mul, NULL, OVERFLOWS, ""},
    {"/", "a / b", 2, 2, false, "n", NUMBER, NULL, NULL, sfx_fn_div, NULL, "division by zero", ""},
    {"%", "a % b", 2, 2, false, "n", NUMBER, NULL, NULL, sfx_fn_rem, NULL, "division by zero", ""},
    {"neg", "-a", 1, 1, false, "n", NUMBER, NULL, NULL, NULL, sfx_fn_neg, "", ""},
};

const struct sfx_fn sfx_fn_to_number = {
    "num", "", 1, 1, false, "c", NUMBER, NULL, NULL, sfx_to_number, NULL, NO_NUMBER, ""};
const struct sfx_fn sfx_fn_to_cell = {"cell", "",   1,           1,    false, "c", CELL,
                                      NULL,   NULL, sfx_to_cell, NULL, "",    ""};
const struct sfx_fn sfx_fn_to_bool = {
    "condition", "",   1,    1,           false, "c",
    BOOL,        NULL, NULL, sfx_to_bool, NULL,  "a text other than true and false",
    ""};
const struct sfx_fn sfx_fn_try = {"?",  "",      1,    1,    false, "c", CELL,
                                  NULL, sfx_try, NULL, NULL, "",    ""};

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
