/* SPDX-License-Identifier: MIT */
/*
 * The scanner behind lossless typing. Plain decimals, nearly all there is, are decided in one pass
 * over their digits; what has an exponent or more than 15 digits goes through the C library.
 */
#include "sink/exact.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every decimal of DBL_DIG significant digits survives decimal -> double -> decimal
 * (C17 5.2.4.2.2).
 */
#define EXACT_DIGITS DBL_DIG
/* "%.15g" writes a plain decimal while the first digit stands between these powers of ten. */
#define PLAIN_MIN_EXP (-4)
#define PLAIN_MAX_EXP (EXACT_DIGITS - 1)
/* 19 digits are less than 2^64: the mantissa cannot overflow. */
#define MANTISSA_DIGITS 19
/* Longest spelling of a double worth a look: "-d.dddddddddddddddde-ddd" with room. */
#define DOUBLE_NBYTES 40

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* What a pass over -?digits[.digits] found. */
struct scan {
    uint32_t sig; /* digits from the first that is not 0 */
    bool plain;   /* the whole text is one canonical decimal */
};

/* Goes over digits; what more than MANTISSA_DIGITS of them do to value is the caller's to notice.
 */
static const char *pass_digits(const char *at, const char *end, uint64_t *value)
{
    for (; at < end && is_digit(*at); at++)
        *value = *value * 10 + (uint64_t)(*at - '0');
    return at;
}

static struct scan scan_digits(struct sfx_slice text, struct sfx_exact *num)
{
    const char *at = text.ptr, *end = text.ptr + text.len, *start;
    struct scan s = {0, false};
    bool zero;

    if (at < end && *at == '-') {
        num->negative = true;
        at++;
    }
    start = at;
    at = pass_digits(at, end, &num->mantissa);
    zero = at > start && *start == '0';
    if (at == start || (zero && at - start > 1))
        return s;
    num->int_len = (uint32_t)(at - start) - zero;
    s.sig = num->int_len;
    if (at < end && *at == '.') {
        start = ++at;
        at = pass_digits(at, end, &num->mantissa);
        num->scale = (uint32_t)(at - start);
        if (num->scale == 0)
            return s;
        while (zero && start < at && *start == '0')
            start++;
        s.sig += (uint32_t)(at - start);
    }
    s.plain = at == end && s.sig <= MANTISSA_DIGITS;
    return s;
}

static unsigned integer_forms(const struct sfx_exact *num)
{
    if (num->mantissa > (uint64_t)INT64_MAX + num->negative)
        return 0;
    if (num->negative && num->mantissa == 0)
        return 0;
    return SFX_EXACT_INTEGER | SFX_EXACT_NUMERIC;
}

/* A plain decimal with a fraction. Trailing zeros do not come back from a double, except ".0". */
static unsigned fraction_forms(const struct sfx_exact *num, uint32_t sig, char last)
{
    bool whole = num->scale == 1 && last == '0';
    int first_exp = num->int_len > 0 ? (int)num->int_len - 1 : (int)sig - (int)num->scale - 1;
    unsigned forms = 0;

    if (num->negative && num->mantissa == 0)
        return 0;
    if (num->int_len + num->scale <= EXACT_DIGITS)
        forms |= SFX_EXACT_DECIMAL;
    if (whole && num->int_len <= EXACT_DIGITS)
        forms |= SFX_EXACT_REAL;
    if (last != '0' && sig <= EXACT_DIGITS && first_exp >= PLAIN_MIN_EXP &&
        first_exp <= PLAIN_MAX_EXP)
        forms |= SFX_EXACT_REAL | SFX_EXACT_NUMERIC;
    return forms;
}

/* Grammar of RFC 8259 section 6. */
static bool is_json_number(struct sfx_slice text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;

    at += at < end && *at == '-';
    if (at == end || !is_digit(*at))
        return false;
    if (*at == '0' && at + 1 < end && is_digit(at[1]))
        return false;
    while (at < end && is_digit(*at))
        at++;
    if (at < end && *at == '.') {
        if (++at == end || !is_digit(*at))
            return false;
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        if (at == end || !is_digit(*at))
            return false;
        while (at < end && is_digit(*at))
            at++;
    }
    return at == end;
}

/* strtod over a slice that is_json_number; false when it is too long to be a double's spelling. */
static bool parse_double(struct sfx_slice text, double *value)
{
    char copy[DOUBLE_NBYTES];

    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *value = strtod(copy, NULL);
    return isfinite(*value);
}

/* "%!.15g" of SQLite: "%.15g" whose mantissa always has a '.'. Only exponent forms come here. */
static bool exponent_prints_back(struct sfx_slice text)
{
    char printed[DOUBLE_NBYTES], *exponent;
    size_t head;
    double value;

    if (!is_json_number(text) || !parse_double(text, &value))
        return false;
    (void)snprintf(printed, sizeof(printed) - 2, "%.*g", EXACT_DIGITS, value);
    exponent = strchr(printed, 'e');
    if (exponent == NULL)
        return false;
    if (strchr(printed, '.') == NULL) {
        head = (size_t)(exponent - printed);
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(printed + head, ".0", 2);
    }
    return sfx_slice_eq(text, sfx_slice_str(printed));
}

void sfx_exact_scan(struct sfx_slice text, struct sfx_exact *out)
{
    struct scan s;

    *out = (struct sfx_exact){0};
    if (text.len == 0 || !(is_digit(text.ptr[0]) || text.ptr[0] == '-'))
        return;
    s = scan_digits(text, out);
    if (s.plain)
        out->forms = out->scale == 0 ? integer_forms(out)
                                     : fraction_forms(out, s.sig, text.ptr[text.len - 1]);
    else if (text.len < DOUBLE_NBYTES && memchr(text.ptr, 'e', text.len) != NULL)
        *out = (struct sfx_exact){.forms = exponent_prints_back(text) ? SFX_EXACT_REAL : 0,
                                  .exponent = true};
}

double sfx_exact_double(const struct sfx_exact *num, struct sfx_slice text)
{
    /* Powers of ten that a double holds exactly: with a mantissa below 2^53 one division is
     * correctly rounded (Clinger 1990). */
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = 0.0;

    if (!num->exponent && num->int_len + num->scale <= EXACT_DIGITS) {
        value = (double)num->mantissa / powers[num->scale];
        return num->negative ? -value : value;
    }
    (void)parse_double(text, &value);
    return value;
}

/* The significant digits of a number's text, without leading and trailing zeros. */
static size_t significant(const char *ptr, size_t len, char out[DOUBLE_NBYTES])
{
    size_t n = 0, i;

    for (i = 0; i < len && ptr[i] != 'e' && ptr[i] != 'E'; i++) {
        if (is_digit(ptr[i]) && (n > 0 || ptr[i] != '0'))
            out[n++] = ptr[i];
    }
    while (n > 0 && out[n - 1] == '0')
        n--;
    return n;
}

bool sfx_exact_fits_double(struct sfx_slice text, double *value)
{
    char mine[DOUBLE_NBYTES], theirs[DOUBLE_NBYTES], printed[DOUBLE_NBYTES];
    struct sfx_exact num = {0};
    size_t nmine;
    int len;

    if (text.len == 0)
        return false;
    if (scan_digits(text, &num).plain && num.int_len + num.scale <= EXACT_DIGITS) {
        *value = sfx_exact_double(&num, text);
        return true;
    }
    if (!is_json_number(text) || !parse_double(text, value))
        return false;
    nmine = significant(text.ptr, text.len, mine);
    if (nmine == 0 || nmine > DBL_DECIMAL_DIG)
        return nmine == 0;
    /* The double's own digits, to the same length: what it carries is what was said. */
    len = snprintf(printed, sizeof(printed), "%.*e", (int)nmine - 1, *value);
    return significant(printed, (size_t)len, theirs) == nmine && memcmp(mine, theirs, nmine) == 0;
}

bool sfx_exact_looks_numeric(struct sfx_slice text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    bool digits = false;

    while (at < end && strchr(" \t\n\v\f\r", *at) != NULL && *at != '\0')
        at++;
    at += at < end && (*at == '-' || *at == '+');
    for (; at < end && (is_digit(*at) || *at == '.'); at++)
        digits = digits || is_digit(*at);
    if (!digits)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        while (at < end && is_digit(*at))
            at++;
    }
    while (at < end && strchr(" \t\n\v\f\r", *at) != NULL && *at != '\0')
        at++;
    return at == end;
}
