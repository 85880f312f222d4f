/* SPDX-License-Identifier: MIT */
/*
 * Exact decimal numbers: an integer of at most 38 digits and a number of fraction digits.
 *
 * Contract: pure functions on values, no allocation, no state. A result that would need more than
 * SFX_DECIMAL_MAX_DIGITS digits is refused, never rounded, except where rounding is the operation
 * (division, round) and stated. Equal numbers may be spelled differently (1.5, 1.50): the scale is
 * kept, comparison goes by value. 64-bit operands take a short path, larger ones 128-bit.
 *
 * Scales of results: + - and % have the larger of the operands' scales. * has their sum without the
 * trailing zeros beyond the larger one: 75.24 * 12 is 902.88, 1.50 * 2.00 is 3.00. / has up to
 * SFX_DECIMAL_DIV_SCALE fraction digits, rounded half to even, without the trailing zeros beyond
 * the larger of the operands' scales: 10.00 / 4 is 2.50, 1 / 3 is 0.333333333333333333.
 */
#ifndef SFX_VALUE_DECIMAL_H
#define SFX_VALUE_DECIMAL_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SFX_DECIMAL_MAX_DIGITS 38 /* the most whose every value fits 127 bits */
#define SFX_DECIMAL_DIV_SCALE  18

/* Aligned like int64_t, so that a decimal takes 24 bytes and not 32. */
typedef __int128 sfx_int128 __attribute__((aligned(8)));

struct sfx_decimal {
    sfx_int128 mant; /* the value times 10^scale */
    uint32_t scale;  /* fraction digits, 0 … SFX_DECIMAL_MAX_DIGITS */
};

enum sfx_decimal_result {
    SFX_DECIMAL_OK = 0,
    SFX_DECIMAL_NOT_A_NUMBER, /* the text is no number */
    SFX_DECIMAL_OVERFLOW,     /* more than SFX_DECIMAL_MAX_DIGITS digits would be needed */
    SFX_DECIMAL_DIV_BY_ZERO,
};

/*
 * Parses the whole text: sign, digits with at most one '.', and an exponent ("-1.50", "+7", ".5",
 * "12e3"); no white space, no group separators. *out is filled only when the result is OK.
 */
enum sfx_decimal_result sfx_decimal_parse(struct sfx_slice text, struct sfx_decimal *out);

#define SFX_DECIMAL_TEXT_NBYTES 48 /* sign, "0.", 38 digits, and some room */

/* Writes the canonical text (no '+', no exponent, a digit before the '.'); returns its length. */
size_t sfx_decimal_format(const struct sfx_decimal *value, char out[SFX_DECIMAL_TEXT_NBYTES]);

/* Arithmetic; out may be an operand. Results: OK, OVERFLOW, and DIV_BY_ZERO for _div and _rem. */
enum sfx_decimal_result sfx_decimal_add(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out);
enum sfx_decimal_result sfx_decimal_sub(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out);
enum sfx_decimal_result sfx_decimal_mul(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out);
enum sfx_decimal_result sfx_decimal_div(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out);

/* What is left of a when b is taken away as often as it goes: has the sign of a. */
enum sfx_decimal_result sfx_decimal_rem(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out);

/* By value: <0, 0, >0. */
int sfx_decimal_cmp(const struct sfx_decimal *a, const struct sfx_decimal *b);

/* How a number between two candidates is rounded. */
enum sfx_decimal_rounding {
    SFX_ROUND_HALF_AWAY, /* 2.5 -> 3, -2.5 -> -3 */
    SFX_ROUND_HALF_EVEN, /* 2.5 -> 2, 3.5 -> 4 */
    SFX_ROUND_ZERO,      /* towards zero */
    SFX_ROUND_FLOOR,     /* towards minus infinity */
    SFX_ROUND_CEIL,      /* towards plus infinity */
};

/*
 * Rounds to exactly digits fraction digits (5 to 2 digits is 5.00); a negative number of digits
 * rounds to tens, hundreds … and leaves scale 0. Results: OK, OVERFLOW.
 */
enum sfx_decimal_result sfx_decimal_round(const struct sfx_decimal *value, int digits,
                                          enum sfx_decimal_rounding rounding,
                                          struct sfx_decimal *out);

/* Drops trailing zeros of the fraction down to min_scale fraction digits. */
void sfx_decimal_trim(struct sfx_decimal *value, uint32_t min_scale);

#define SFX_DECIMAL_KEY_NBYTES 18

/*
 * Writes bytes whose memcmp order is the order of the values (equal values give equal bytes, no
 * key is a prefix of another); returns how many: at most 8 for numbers of 16 digits or fewer. The
 * first byte is never below 0x32 or above 0xCD.
 */
size_t sfx_decimal_key(const struct sfx_decimal *value, unsigned char out[SFX_DECIMAL_KEY_NBYTES]);

#endif
