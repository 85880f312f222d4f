/* SPDX-License-Identifier: MIT */
/* Floats: text in and out, to decimals and back, keys for sorting. */
#include "value/float64.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 10^0 … 10^22 are floats without error: a mantissa below 2^53 times or by one is rounded once. */
static const double exact_tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define MAX_EXACT_SCALE 22
#define MAX_EXACT_MANT  ((int64_t)1 << 53)

/* Longer numbers than this differ from their beginning by less than any float can tell … but ties
 * can be broken by what follows, so they are refused rather than cut. */
#define MAX_TEXT_NBYTES 1000

/* Digits with at most one '.', an exponent: what strtod would take beyond that is no number. */
static bool is_number(struct sfx_slice text)
{
    size_t i = 0, digits = 0;

    if (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+'))
        i++;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        digits++;
    if (i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            digits++;
    if (digits == 0)
        return false;
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        if (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+'))
            i++;
        if (i == text.len)
            return false;
        for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
            ;
    }
    return i == text.len;
}

enum sfx_decimal_result sfx_float_parse(struct sfx_slice text, double *out)
{
    char copy[MAX_TEXT_NBYTES + 1];
    struct sfx_decimal exact;

    if (text.len <= 17 && sfx_decimal_parse(text, &exact) == SFX_DECIMAL_OK) {
        *out = sfx_float_from_decimal(&exact);
        return SFX_DECIMAL_OK;
    }
    if (!is_number(text))
        return SFX_DECIMAL_NOT_A_NUMBER;
    if (text.len > MAX_TEXT_NBYTES)
        return SFX_DECIMAL_OVERFLOW;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, NULL) + 0.0; /* -0 becomes 0 */
    return isfinite(*out) ? SFX_DECIMAL_OK : SFX_DECIMAL_OVERFLOW;
}

/* The shortest digits that read back: "d.ddde±x"; 15 digits are always kept, 17 always enough. */
static void shortest(double value, char *out, size_t out_nbytes)
{
    int digits = fabs(value) < 2.3e-308 ? 1 : 15; /* below, floats have fewer digits */

    for (; digits <= 17; digits++) {
        (void)snprintf(out, out_nbytes, "%.*e", digits - 1, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

/*
 * The decimal of at most 15 digits that reads back as value, if there is one: the usual case,
 * without printf and strtod. value * 10^k is off by less than 10^15 * 2^-52 < 1/2, so that the
 * nearest whole number is the only candidate; its quotient is rounded once, as reading its text
 * would be.
 */
static bool short_decimal(double value, struct sfx_decimal *out)
{
    double x = fabs(value);
    uint32_t k;

    if (x < 1e-5 && x != 0)
        return false;
    for (k = 0; k <= MAX_EXACT_SCALE; k++) {
        double whole = nearbyint(x * exact_tens[k]);

        if (whole >= 1e15)
            return false;
        if (whole / exact_tens[k] == x) {
            *out = (struct sfx_decimal){(int64_t)(value < 0 ? -whole : whole), k};
            return true;
        }
    }
    return false;
}

size_t sfx_float_format(double value, char out[SFX_FLOAT_TEXT_NBYTES])
{
    char text[32], digits[20], *at = out, *e;
    int exponent, n = 0, i;
    struct sfx_decimal exact;

    if (short_decimal(value, &exact))
        return sfx_decimal_format(&exact, out);
    shortest(value, text, sizeof(text));
    e = strchr(text, 'e');
    exponent = atoi(e + 1);
    for (i = 0; text + i < e; i++) {
        if (text[i] >= '0' && text[i] <= '9')
            digits[n++] = text[i];
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (value < 0)
        *at++ = '-';
    if (exponent >= 21 || exponent < -6) {
        *at++ = digits[0];
        if (n > 1)
            *at++ = '.';
        memcpy(at, digits + 1, (size_t)n - 1);
        at += n - 1;
        return (size_t)(at - out) + (size_t)sprintf(at, "e%d", exponent);
    }
    if (exponent < 0) {
        *at++ = '0';
        *at++ = '.';
        for (i = exponent + 1; i < 0; i++)
            *at++ = '0';
    }
    for (i = 0; i < n || i <= exponent; i++) {
        if (i == exponent + 1 && exponent >= 0)
            *at++ = '.';
        *at++ = i < n ? digits[i] : '0';
    }
    return (size_t)(at - out);
}

double sfx_float_from_decimal(const struct sfx_decimal *value)
{
    char text[SFX_DECIMAL_TEXT_NBYTES + 1];

    if (value->scale <= MAX_EXACT_SCALE && value->mant <= MAX_EXACT_MANT &&
        value->mant >= -MAX_EXACT_MANT)
        return (double)(int64_t)value->mant / exact_tens[value->scale];
    text[sfx_decimal_format(value, text)] = '\0';
    return strtod(text, NULL);
}

enum sfx_decimal_result sfx_float_to_decimal(double value, struct sfx_decimal *out)
{
    char text[SFX_FLOAT_TEXT_NBYTES];

    return sfx_decimal_parse(sfx_slice(text, sfx_float_format(value, text)), out);
}

size_t sfx_float_key(double value, unsigned char out[SFX_FLOAT_KEY_NBYTES])
{
    uint64_t bits;
    int i;

    memcpy(&bits, &value, sizeof(bits));
    /* Positive floats order as their bits do; negative ones the other way round. */
    bits ^= (bits >> 63) != 0 ? UINT64_MAX : (uint64_t)1 << 63;
    out[0] = 0x80;
    for (i = 0; i < 8; i++)
        out[1 + i] = (unsigned char)(bits >> (56 - 8 * i));
    return SFX_FLOAT_KEY_NBYTES;
}
