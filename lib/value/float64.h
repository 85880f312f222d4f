/* SPDX-License-Identifier: MIT */
/*
 * Floats: IEEE 754 binary64 numbers, which a program asks for with float(x).
 *
 * Contract: pure functions; what is not finite is refused and no value of the language, and there
 * is one zero. The text of a float is the shortest that reads back as the same one.
 */
#ifndef SFX_VALUE_FLOAT64_H
#define SFX_VALUE_FLOAT64_H

#include "value/decimal.h"

#define SFX_FLOAT_TEXT_NBYTES SFX_DECIMAL_TEXT_NBYTES

/* Reads the whole text, spelled as sfx_decimal_parse takes it, to the nearest float. Results: OK,
 * NOT_A_NUMBER, OVERFLOW (beyond 1.8e308; what is below 5e-324 is 0). */
enum sfx_decimal_result sfx_float_parse(struct sfx_slice text, double *out);

/* Writes a finite value: without exponent between 1e-6 and 1e21; returns the length. */
size_t sfx_float_format(double value, char out[SFX_FLOAT_TEXT_NBYTES]);

/* The nearest float. */
double sfx_float_from_decimal(const struct sfx_decimal *value);

/* The decimal that value's text spells. Results: OK, OVERFLOW. */
enum sfx_decimal_result sfx_float_to_decimal(double value, struct sfx_decimal *out);

#define SFX_FLOAT_KEY_NBYTES 9

/* Bytes whose memcmp order is the order of the values; the first is 0x80. Returns 9. */
size_t sfx_float_key(double value, unsigned char out[SFX_FLOAT_KEY_NBYTES]);

/*
 * A sum whose error does not grow with the number of its terms (Neumaier, 1974). Zeroed memory is a
 * sum of nothing.
 */
struct sfx_float_sum {
    double sum, rest;
};

static inline void sfx_float_sum_add(struct sfx_float_sum *sum, double x)
{
    double total = sum->sum + x;

    if (__builtin_fabs(sum->sum) >= __builtin_fabs(x))
        sum->rest += (sum->sum - total) + x;
    else
        sum->rest += (x - total) + sum->sum;
    sum->sum = total;
}

static inline double sfx_float_sum_total(const struct sfx_float_sum *sum)
{
    return sum->sum + sum->rest;
}

#endif
