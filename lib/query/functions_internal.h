/* SPDX-License-Identifier: MIT */
/* The kernels and row functions that the table of functions names. */
#ifndef SFX_QUERY_FUNCTIONS_INTERNAL_H
#define SFX_QUERY_FUNCTIONS_INTERNAL_H

#include "query/eval_internal.h"

/* fn_number.c */
sfx_kernel sfx_to_number, sfx_fn_num, sfx_fn_add, sfx_fn_sub, sfx_fn_mul, sfx_fn_div, sfx_fn_rem;
sfx_row_fn sfx_fn_neg, sfx_fn_abs, sfx_fn_floor, sfx_fn_ceil, sfx_fn_round, sfx_fn_decimal;

/* True when value is a whole number between min and max: *out. */
bool sfx_decimal_to_int(const struct sfx_decimal *value, int64_t min, int64_t max, int64_t *out);

/* fn_logic.c */
sfx_kernel sfx_to_bool, sfx_to_cell, sfx_try, sfx_fn_or, sfx_fn_and, sfx_fn_not, sfx_fn_if,
    sfx_fn_coalesce;

/* fn_text.c */
sfx_kernel sfx_fn_concat, sfx_fn_text;
sfx_row_fn sfx_fn_lower, sfx_fn_upper, sfx_fn_trim, sfx_fn_length, sfx_fn_substr, sfx_fn_replace,
    sfx_fn_contains, sfx_fn_starts_with, sfx_fn_ends_with, sfx_fn_match;

/* fn_time.c */
sfx_row_fn sfx_fn_year, sfx_fn_month, sfx_fn_day;

#endif
