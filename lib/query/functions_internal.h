/* SPDX-License-Identifier: MIT */
/* What the families of functions share: short names of types, errors in words, and who they are. */
#ifndef SFX_QUERY_FUNCTIONS_INTERNAL_H
#define SFX_QUERY_FUNCTIONS_INTERNAL_H

#include "base/size.h"
#include "query/eval_internal.h"

#define NUMBER SFX_TYPE_NUMBER
#define TEXT   SFX_TYPE_TEXT
#define BOOL   SFX_TYPE_BOOL
#define CELL   SFX_TYPE_CELL
#define TIME   SFX_TYPE_TIME
#define FLOAT  SFX_TYPE_FLOAT

#define OVERFLOWS "a result of more than 38 digits"
#define NO_NUMBER "an argument that is not a number"
#define NO_DATE   "a text that is not an ISO 8601 date"
#define NO_TIME   "a text that is not an ISO 8601 time"

/* Why a record is bad. */
#define SFX_OUT_OF_YEARS "a time is out of the years 0000 to 9999"

/* The families: each at the end of its file. */
extern const struct sfx_fn_family sfx_fn_arithmetic_family;
extern const struct sfx_fn_family sfx_fn_cast_family;
extern const struct sfx_fn_family sfx_fn_human_family;
extern const struct sfx_fn_family sfx_fn_float_family;
extern const struct sfx_fn_family sfx_fn_logic_family;
extern const struct sfx_fn_family sfx_fn_number_family;
extern const struct sfx_fn_family sfx_fn_text_family;
extern const struct sfx_fn_family sfx_fn_cut_family;
extern const struct sfx_fn_family sfx_fn_letters_family;
extern const struct sfx_fn_family sfx_fn_regex_family;
extern const struct sfx_fn_family sfx_fn_hash_family;
extern const struct sfx_fn_family sfx_fn_encode_family;
extern const struct sfx_fn_family sfx_fn_json_family;
extern const struct sfx_fn_family sfx_fn_net_family;
extern const struct sfx_fn_family sfx_fn_similar_family;
extern const struct sfx_fn_family sfx_fn_time_family;
extern const struct sfx_fn_family sfx_fn_time_text_family;
extern const struct sfx_fn_family sfx_fn_calendar_family;

/* The text of an argument of node. */
static inline struct sfx_slice sfx_fn_text_arg(struct sfx_eval *ev, const struct sfx_node *node,
                                               size_t arg, uint32_t row)
{
    return sfx_eval_cell_text(ev, &node->args[arg]->vec->cells[row]);
}

/* Sets row of a TEXT node; the bytes live in the text arena, or where an argument's do. */
static inline void sfx_fn_set_text(const struct sfx_node *node, uint32_t row, const char *ptr,
                                   size_t len)
{
    node->vec->cells[row] = sfx_cell_string(sfx_slice(ptr, len));
}

/* Sets row of a NUMBER node. */
static inline void sfx_fn_set_number(const struct sfx_node *node, uint32_t row,
                                     struct sfx_decimal number)
{
    node->vec->flags[row] = 0;
    node->vec->nums[row] = number;
}

/* Sets row of a TEXT node to a copy of ev->made; rc: what the appends to it gave, NOMEM or 0. */
void sfx_fn_set_made(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, int rc);

/* Sets row of a NUMBER node to a whole number. */
static inline void sfx_fn_set_int(const struct sfx_node *node, uint32_t row, int64_t value)
{
    sfx_fn_set_number(node, row, (struct sfx_decimal){value, 0});
}

/* True when value is a whole number between min and max: *out. */
bool sfx_decimal_to_int(const struct sfx_decimal *value, int64_t min, int64_t max, int64_t *out);

/* The same of an argument, a NUMBER. */
static inline bool sfx_fn_int_arg(const struct sfx_node *node, size_t arg, uint32_t row,
                                  int64_t min, int64_t max, int64_t *out)
{
    return sfx_decimal_to_int(&node->args[arg]->vec->nums[row], min, max, out);
}

/* Sets row of a TIME node. */
void sfx_fn_set_time(const struct sfx_node *node, uint32_t row, struct sfx_timestamp time);

/* Sets row of a FLOAT node; what is not finite makes the record bad. */
void sfx_fn_set_float(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, double value);

/* Seconds to nanoseconds, rounded to the nearest; false: more than 38 digits. And back. */
bool sfx_seconds_to_ns(const struct sfx_decimal *seconds, sfx_int128 *ns);
struct sfx_decimal sfx_seconds_of_ns(sfx_int128 ns);

/* The time in an argument of node. */
static inline struct sfx_timestamp sfx_fn_time_arg(const struct sfx_node *node, size_t arg,
                                                   uint32_t row)
{
    return sfx_slot_time(&node->args[arg]->vec->nums[row]);
}

/* Why a text is no number. */
const char *sfx_number_reason(enum sfx_decimal_result result);

/* Kernels of operators and conversions: arithmetic.c, fn_number.c, fn_logic.c, fn_text.c. */
sfx_kernel sfx_to_number, sfx_to_time, sfx_to_float, sfx_to_bool, sfx_to_cell, sfx_try, sfx_fn_or,
    sfx_fn_and, sfx_fn_not, sfx_fn_coalesce;
sfx_row_fn sfx_fn_neg, sfx_fn_match;

#endif
