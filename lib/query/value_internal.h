/* SPDX-License-Identifier: MIT */
/* Single values as bytes, for what aggregates keep: of a vector's row, and back to one. */
#ifndef SFX_QUERY_VALUE_INTERNAL_H
#define SFX_QUERY_VALUE_INTERNAL_H

#include "query/sort_key_internal.h"

/* An upper bound of what row's value takes. */
size_t sfx_value_max_nbytes(const struct sfx_vec *vec, uint32_t row);

/* Writes row's value; returns the bytes used. */
size_t sfx_value_put(const struct sfx_vec *vec, uint32_t row, unsigned char *out);

/*
 * Reads the value at `at` into row of out, whose type is the value's or CELL; returns its end.
 * Cells point into the value. NULL: no memory for the text of a number.
 */
const unsigned char *sfx_value_get(struct sfx_eval *ev, const unsigned char *at,
                                   struct sfx_vec *out, uint32_t row);

/* The end of the value at `at`. */
const unsigned char *sfx_value_end(const unsigned char *at);

/* NUMBER, TIME, FLOAT, or CELL for all others. */
enum sfx_type sfx_value_type(const unsigned char *at);

/* The number that the value at `at` is; false: it is none. */
bool sfx_value_number(const unsigned char *at, struct sfx_decimal *out);

/*
 * Appends the bytes by which values compare, those of sfx_sort_key_put, to out. Needs no memory
 * that stays. Errors: NOMEM.
 */
int sfx_value_sort_key(struct sfx_eval *ev, const unsigned char *at, struct sfx_buf *out,
                       struct sfx_err *err);

#endif
