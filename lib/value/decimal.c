/* SPDX-License-Identifier: MIT */
/* Exact decimals: arithmetic on 128-bit mantissas with a short path for 64-bit ones. */
#include "value/decimal.h"

#include <limits.h>
#include <string.h>

typedef unsigned __int128 u128;

#define TEN_9     ((u128)1000000000u)
#define TEN_18    (TEN_9 * TEN_9)
#define POW_UP(k) ((u128)(k)), ((u128)(k)*10), ((u128)(k)*100)

/* 10^0 … 10^38: three a row. */
static const u128 pow10_table[SFX_DECIMAL_MAX_DIGITS + 1] = {
    POW_UP(1),
    POW_UP(1000),
    POW_UP(1000000),
    POW_UP(TEN_9),
    POW_UP(TEN_9 * 1000),
    POW_UP(TEN_9 * 1000000),
    POW_UP(TEN_18),
    POW_UP(TEN_18 * 1000),
    POW_UP(TEN_18 * 1000000),
    POW_UP(TEN_18 *TEN_9),
    POW_UP(TEN_18 *TEN_9 * 1000),
    POW_UP(TEN_18 *TEN_9 * 1000000),
    POW_UP(TEN_18 *TEN_18),
};

#define LIMIT (pow10_table[SFX_DECIMAL_MAX_DIGITS]) /* mantissas stay below */

static inline u128 magnitude(__int128 m)
{
    return m < 0 ? -(u128)m : (u128)m;
}

static inline bool fits64(__int128 m)
{
    return m == (int64_t)m;
}

/* Decimal digits of m, 1 for 0. */
static unsigned count_digits(u128 m)
{
    unsigned bits = (uint64_t)(m >> 64) != 0 ? 128 - (unsigned)__builtin_clzll((uint64_t)(m >> 64))
                                             : 64 - (unsigned)__builtin_clzll((uint64_t)m | 1);
    unsigned digits = bits * 1233 >> 12; /* floor(bits * log10(2)) for bits <= 128 */

    return digits >= SFX_DECIMAL_MAX_DIGITS || m < pow10_table[digits] ? digits + (digits == 0)
                                                                       : digits + 1;
}

static enum sfx_decimal_result store(__int128 mant, uint32_t scale, struct sfx_decimal *out)
{
    if (magnitude(mant) >= LIMIT || scale > SFX_DECIMAL_MAX_DIGITS)
        return SFX_DECIMAL_OVERFLOW;
    out->mant = mant;
    out->scale = scale;
    return SFX_DECIMAL_OK;
}

/* m * 10^digits into *out; false when it has more than 38 digits. */
static inline bool scale_up(__int128 m, uint32_t digits, __int128 *out)
{
    if (digits == 0) {
        *out = m;
        return true;
    }
    if (m == 0) {
        *out = 0;
        return true;
    }
    if (digits >= SFX_DECIMAL_MAX_DIGITS ||
        magnitude(m) >= pow10_table[SFX_DECIMAL_MAX_DIGITS - digits])
        return false;
    *out = m * (__int128)pow10_table[digits];
    return true;
}

void sfx_decimal_trim(struct sfx_decimal *value, uint32_t min_scale)
{
    __int128 mant = value->mant;

    while (value->scale > min_scale) {
        if (fits64(mant)) {
            if ((int64_t)mant % 10 != 0)
                break;
            mant = (int64_t)mant / 10;
        } else {
            if (mant % 10 != 0)
                break;
            mant /= 10;
        }
        value->scale--;
    }
    value->mant = mant;
}

/* Applies the exponent of "1.5e3": 15 with 1 - 3 fraction digits. */
static enum sfx_decimal_result apply_exponent(__int128 mant, long scale, struct sfx_decimal *out)
{
    struct sfx_decimal value;

    if (mant == 0)
        return store(0, scale < 0 ? 0 : (scale > 38 ? 38 : (uint32_t)scale), out);
    if (scale < 0) {
        if (-scale >= SFX_DECIMAL_MAX_DIGITS || !scale_up(mant, (uint32_t)-scale, &mant))
            return SFX_DECIMAL_OVERFLOW;
        return store(mant, 0, out);
    }
    if (scale > INT_MAX)
        return SFX_DECIMAL_OVERFLOW;
    value = (struct sfx_decimal){mant, (uint32_t)scale};
    if (value.scale > SFX_DECIMAL_MAX_DIGITS)
        sfx_decimal_trim(&value, SFX_DECIMAL_MAX_DIGITS);
    return store(value.mant, value.scale, out);
}

/* Reads "e-12" at p: the exponent, clamped to what surely overflows. False when it is broken. */
static bool parse_exponent(const char *p, const char *end, long *out)
{
    bool negative = false;
    long value = 0;

    p++;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (value < 1000000)
            value = value * 10 + (*p - '0');
    }
    *out = negative ? -value : value;
    return true;
}

/* Any length, with exponents; leading zeros do not count as digits. */
static enum sfx_decimal_result parse_long(const char *p, const char *end, bool negative,
                                          struct sfx_decimal *out)
{
    __int128 mant = 0;
    bool any = false, point = false, overflow = false;
    long scale = 0, exponent = 0;

    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
        } else if (*p >= '0' && *p <= '9') {
            any = true;
            overflow = overflow || magnitude(mant) >= LIMIT / 10;
            if (!overflow)
                mant = mant * 10 + (*p - '0');
            scale += point;
        } else if ((*p == 'e' || *p == 'E') && any) {
            if (!parse_exponent(p, end, &exponent))
                return SFX_DECIMAL_NOT_A_NUMBER;
            break;
        } else {
            return SFX_DECIMAL_NOT_A_NUMBER;
        }
    }
    if (!any)
        return SFX_DECIMAL_NOT_A_NUMBER;
    if (overflow)
        return SFX_DECIMAL_OVERFLOW;
    return apply_exponent(negative ? -mant : mant, scale - exponent, out);
}

enum sfx_decimal_result sfx_decimal_parse(struct sfx_slice text, struct sfx_decimal *out)
{
    const char *p = text.ptr, *end, *start, *point = NULL;
    bool negative = false;
    uint64_t mant = 0;

    if (text.len == 0)
        return SFX_DECIMAL_NOT_A_NUMBER;
    end = p + text.len;
    if (*p == '-' || *p == '+')
        negative = *p++ == '-';
    if (end - p > 19) /* 10^19 - 1 is the largest all-digit value below 2^64 */
        return parse_long(p, end, negative, out);
    for (start = p; p < end; p++) {
        unsigned digit = (unsigned)((unsigned char)*p - '0');

        if (digit <= 9) {
            mant = mant * 10 + digit;
        } else if (*p == '.' && point == NULL) {
            point = p;
        } else {
            return parse_long(start, end, negative, out);
        }
    }
    if (end - start == (point != NULL))
        return SFX_DECIMAL_NOT_A_NUMBER;
    out->mant = negative ? -(__int128)mant : (__int128)mant;
    out->scale = point != NULL ? (uint32_t)(end - point - 1) : 0;
    return SFX_DECIMAL_OK;
}

/* Writes the digits of m so that they end at end; returns where they begin. */
static char *write_digits(u128 m, char *end)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    uint64_t low;

    while ((uint64_t)(m >> 64) != 0) {
        *--end = (char)('0' + (unsigned)(m % 10));
        m /= 10;
    }
    for (low = (uint64_t)m; low >= 100; low /= 100) {
        end -= 2;
        memcpy(end, pairs + low % 100 * 2, 2);
    }
    if (low >= 10) {
        end -= 2;
        memcpy(end, pairs + low * 2, 2);
    } else {
        *--end = (char)('0' + low);
    }
    return end;
}

size_t sfx_decimal_format(const struct sfx_decimal *value, char out[SFX_DECIMAL_TEXT_NBYTES])
{
    char digits[SFX_DECIMAL_MAX_DIGITS + 4], *end = digits + sizeof(digits);
    char *at = write_digits(magnitude(value->mant), end), *p = out;
    size_t ndigits = (size_t)(end - at), nint;

    if (value->mant < 0)
        *p++ = '-';
    if (value->scale == 0) {
        memcpy(p, at, ndigits);
        return (size_t)(p - out) + ndigits;
    }
    if (ndigits > value->scale) {
        nint = ndigits - value->scale;
        memcpy(p, at, nint);
        p += nint;
        *p++ = '.';
        memcpy(p, at + nint, value->scale);
        return (size_t)(p - out) + value->scale;
    }
    *p++ = '0';
    *p++ = '.';
    memset(p, '0', value->scale - ndigits);
    memcpy(p + (value->scale - ndigits), at, ndigits);
    return (size_t)(p - out) + value->scale;
}

/* Brings both mantissas to the larger scale. */
static inline bool align_scales(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                __int128 *am, __int128 *bm, uint32_t *scale)
{
    *am = a->mant;
    *bm = b->mant;
    *scale = a->scale;
    if (a->scale < b->scale) {
        *scale = b->scale;
        return scale_up(a->mant, b->scale - a->scale, am);
    }
    return scale_up(b->mant, a->scale - b->scale, bm);
}

enum sfx_decimal_result sfx_decimal_add(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out)
{
    __int128 am, bm, sum;
    uint32_t scale;

    if (!align_scales(a, b, &am, &bm, &scale) || __builtin_add_overflow(am, bm, &sum))
        return SFX_DECIMAL_OVERFLOW;
    return store(sum, scale, out);
}

enum sfx_decimal_result sfx_decimal_sub(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out)
{
    struct sfx_decimal minus = {-b->mant, b->scale};

    return sfx_decimal_add(a, &minus, out);
}

enum sfx_decimal_result sfx_decimal_mul(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out)
{
    uint32_t keep = a->scale > b->scale ? a->scale : b->scale;
    struct sfx_decimal product = {0, a->scale + b->scale};

    if (fits64(a->mant) && fits64(b->mant))
        product.mant = (__int128)(int64_t)a->mant * (int64_t)b->mant;
    else if (b->mant != 0 && magnitude(a->mant) > (LIMIT - 1) / magnitude(b->mant))
        return SFX_DECIMAL_OVERFLOW;
    else
        product.mant = a->mant * b->mant;
    if (product.scale > keep)
        sfx_decimal_trim(&product, keep);
    return store(product.mant, product.scale, out);
}

/* The fraction digits of rest / divisor, one after the other; leaves what is left in *rest. */
static bool divide_fraction(u128 divisor, unsigned digits, u128 *rest, u128 *fraction)
{
    unsigned i;

    if ((uint64_t)(divisor >> 64) == 0) { /* rest < 2^64, 10^18 < 2^60: the product fits */
        u128 wide = *rest * pow10_table[digits];

        *fraction = wide / divisor;
        *rest = wide % divisor;
        return true;
    }
    if (divisor > LIMIT / 10)
        return false;
    *fraction = 0;
    for (i = 0; i < digits; i++) {
        *rest *= 10;
        *fraction = *fraction * 10 + *rest / divisor;
        *rest %= divisor;
    }
    return true;
}

enum sfx_decimal_result sfx_decimal_div(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out)
{
    uint32_t keep = a->scale > b->scale ? a->scale : b->scale, scale, digits;
    bool negative = (a->mant < 0) != (b->mant < 0);
    u128 dividend, divisor, quotient, rest, fraction = 0;
    struct sfx_decimal result;
    __int128 am, bm;

    if (b->mant == 0)
        return SFX_DECIMAL_DIV_BY_ZERO;
    if (!align_scales(a, b, &am, &bm, &scale))
        return SFX_DECIMAL_OVERFLOW;
    dividend = magnitude(am);
    divisor = magnitude(bm);
    quotient = dividend / divisor;
    rest = dividend % divisor;
    digits = SFX_DECIMAL_MAX_DIGITS - (quotient == 0 ? 0 : count_digits(quotient));
    if (digits > SFX_DECIMAL_DIV_SCALE)
        digits = SFX_DECIMAL_DIV_SCALE;
    if (!divide_fraction(divisor, digits, &rest, &fraction))
        return SFX_DECIMAL_OVERFLOW;
    quotient = quotient * pow10_table[digits] + fraction;
    if (rest > divisor - rest || (rest == divisor - rest && (quotient & 1) != 0))
        quotient++;
    result.mant = negative ? -(__int128)quotient : (__int128)quotient;
    result.scale = digits;
    if (keep < digits)
        sfx_decimal_trim(&result, keep);
    return store(result.mant, result.scale, out);
}

enum sfx_decimal_result sfx_decimal_rem(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                        struct sfx_decimal *out)
{
    __int128 am, bm;
    uint32_t scale;

    if (b->mant == 0)
        return SFX_DECIMAL_DIV_BY_ZERO;
    if (!align_scales(a, b, &am, &bm, &scale))
        return SFX_DECIMAL_OVERFLOW;
    return store(am % bm, scale, out);
}

/* The order when one side does not fit the common scale: by sign, then by place of the first digit.
 */
static int cmp_far_apart(const struct sfx_decimal *a, const struct sfx_decimal *b)
{
    unsigned char ak[SFX_DECIMAL_KEY_NBYTES], bk[SFX_DECIMAL_KEY_NBYTES];
    size_t an = sfx_decimal_key(a, ak), bn = sfx_decimal_key(b, bk);
    int order = memcmp(ak, bk, an < bn ? an : bn);

    return order != 0 ? order : (an > bn) - (an < bn);
}

int sfx_decimal_cmp(const struct sfx_decimal *a, const struct sfx_decimal *b)
{
    __int128 am, bm;
    uint32_t scale;

    if (a->scale == b->scale)
        return (a->mant > b->mant) - (a->mant < b->mant);
    if (!align_scales(a, b, &am, &bm, &scale))
        return cmp_far_apart(a, b);
    return (am > bm) - (am < bm);
}

enum sfx_decimal_result sfx_decimal_round(const struct sfx_decimal *value, int digits,
                                          enum sfx_decimal_rounding rounding,
                                          struct sfx_decimal *out)
{
    __int128 unit, quotient, rest, mant;
    long drop = (long)value->scale - digits;

    if (drop <= 0) {
        if (-drop > SFX_DECIMAL_MAX_DIGITS || !scale_up(value->mant, (uint32_t)-drop, &mant))
            return SFX_DECIMAL_OVERFLOW;
        return store(mant, (uint32_t)digits, out);
    }
    if (drop > SFX_DECIMAL_MAX_DIGITS) { /* the unit is above every value */
        quotient = 0;
        rest = value->mant;
        mant = rounding == SFX_ROUND_FLOOR && rest < 0  ? -1
               : rounding == SFX_ROUND_CEIL && rest > 0 ? 1
                                                        : 0;
    } else {
        unit = (__int128)pow10_table[drop];
        quotient = value->mant / unit;
        rest = value->mant % unit;
        mant = quotient;
        if (rounding == SFX_ROUND_HALF_AWAY && magnitude(rest) >= (u128)unit - magnitude(rest))
            mant += value->mant < 0 ? -1 : 1;
        else if (rounding == SFX_ROUND_HALF_EVEN &&
                 (magnitude(rest) > (u128)unit - magnitude(rest) ||
                  (magnitude(rest) == (u128)unit - magnitude(rest) && quotient % 2 != 0)))
            mant += value->mant < 0 ? -1 : 1;
        else if (rounding == SFX_ROUND_FLOOR && rest < 0)
            mant--;
        else if (rounding == SFX_ROUND_CEIL && rest > 0)
            mant++;
    }
    if (digits >= 0)
        return store(mant, (uint32_t)digits, out);
    if (-digits > SFX_DECIMAL_MAX_DIGITS && mant != 0)
        return SFX_DECIMAL_OVERFLOW;
    if (!scale_up(mant, mant == 0 ? 0 : (uint32_t)-digits, &mant))
        return SFX_DECIMAL_OVERFLOW;
    return store(mant, 0, out);
}

/* How a key splits the 38 digits: 10^16 < 2^54, which leaves a bit of 7 bytes; 10^22 < 2^74. */
#define KEY_HIGH_DIGITS 16
#define KEY_LOW_DIGITS  (SFX_DECIMAL_MAX_DIGITS - KEY_HIGH_DIGITS)
#define KEY_HIGH_NBYTES 7
#define KEY_LOW_NBYTES  10

/*
 * The key: a byte for sign and place of the first digit; the first 16 digits and a bit that tells
 * whether more follow; those 22 digits. Negative numbers: all inverted.
 */
size_t sfx_decimal_key(const struct sfx_decimal *value, unsigned char out[SFX_DECIMAL_KEY_NBYTES])
{
    u128 m = magnitude(value->mant), low = 0;
    unsigned ndigits, i;
    uint64_t high;
    size_t len = 1 + KEY_HIGH_NBYTES;

    if (m == 0) {
        out[0] = 0x80;
        return 1;
    }
    ndigits = count_digits(m);
    if (ndigits <= KEY_HIGH_DIGITS) {
        high = (uint64_t)m * (uint64_t)pow10_table[KEY_HIGH_DIGITS - ndigits];
    } else {
        m *= pow10_table[SFX_DECIMAL_MAX_DIGITS - ndigits];
        high = (uint64_t)(m / pow10_table[KEY_LOW_DIGITS]);
        low = m % pow10_table[KEY_LOW_DIGITS];
    }
    high = high << 1 | (low != 0);
    /* The first digit's place is -37 … 38, so the byte is 0x82 … 0xCD. */
    out[0] = (unsigned char)(0x81 + (int)(ndigits + 38) - (int)value->scale);
    for (i = 0; i < KEY_HIGH_NBYTES; i++)
        out[1 + i] = (unsigned char)(high >> (8 * (KEY_HIGH_NBYTES - 1 - i)));
    if (low != 0) {
        for (i = 0; i < KEY_LOW_NBYTES; i++)
            out[len + i] = (unsigned char)(low >> (8 * (KEY_LOW_NBYTES - 1 - i)));
        len += KEY_LOW_NBYTES;
    }
    if (value->mant < 0) {
        for (i = 0; i < len; i++)
            out[i] = (unsigned char)~out[i];
    }
    return len;
}
