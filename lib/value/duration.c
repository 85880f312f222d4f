/* SPDX-License-Identifier: MIT */
/* Durations to seconds and back. */
#include "value/duration.h"

#include "base/size.h"

#include <string.h>

struct unit {
    const char *name;
    struct sfx_decimal seconds;
};

static const struct unit units[] = {
    {"w", {604800, 0}}, {"d", {86400, 0}}, {"h", {3600, 0}},      {"m", {60, 0}}, {"s", {1, 0}},
    {"ms", {1, 3}},     {"us", {1, 6}},    {"\xC2\xB5s", {1, 6}}, {"ns", {1, 9}},
};

static const struct unit date_units[] = {{"W", {604800, 0}}, {"D", {86400, 0}}};
static const struct unit clock_units[] = {{"H", {3600, 0}}, {"M", {60, 0}}, {"S", {1, 0}}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool in_number(char c, bool comma)
{
    return is_digit(c) || c == '.' || (comma && c == ',');
}

/* Adds "number unit" at the front of text and goes past it. */
static enum sfx_decimal_result add_part(struct sfx_slice *text, const struct unit *of, size_t count,
                                        struct sfx_decimal *total)
{
    struct sfx_decimal number;
    enum sfx_decimal_result rc;
    size_t digits = 0, unit_len, i;

    while (digits < text->len && in_number(text->ptr[digits], false))
        digits++;
    for (unit_len = 0;
         digits + unit_len < text->len && !in_number(text->ptr[digits + unit_len], false);)
        unit_len++;
    rc = sfx_decimal_parse(sfx_slice(text->ptr, digits), &number);
    if (rc != SFX_DECIMAL_OK)
        return rc;
    for (i = 0; i < count; i++) {
        if (sfx_slice_eq(sfx_slice(text->ptr + digits, unit_len), sfx_slice_str(of[i].name)))
            break;
    }
    if (i == count)
        return SFX_DECIMAL_NOT_A_NUMBER;
    rc = sfx_decimal_mul(&number, &of[i].seconds, &number);
    if (rc == SFX_DECIMAL_OK)
        rc = sfx_decimal_add(total, &number, total);
    text->ptr += digits + unit_len;
    text->len -= digits + unit_len;
    return rc;
}

static struct sfx_slice skip_sign(struct sfx_slice text, bool *negative)
{
    *negative = text.len > 0 && text.ptr[0] == '-';
    return *negative ? sfx_slice(text.ptr + 1, text.len - 1) : text;
}

enum sfx_decimal_result sfx_duration_parse(struct sfx_slice text, struct sfx_decimal *seconds)
{
    struct sfx_decimal total = {0};
    enum sfx_decimal_result rc;
    bool negative;

    text = skip_sign(text, &negative);
    do
        rc = add_part(&text, units, SFX_COUNT(units), &total);
    while (rc == SFX_DECIMAL_OK && text.len > 0);
    if (rc != SFX_DECIMAL_OK)
        return rc;
    *seconds = (struct sfx_decimal){negative ? -total.mant : total.mant, total.scale};
    return rc;
}

enum sfx_decimal_result sfx_duration_parse_iso(struct sfx_slice text, struct sfx_decimal *seconds)
{
    struct sfx_decimal total = {0};
    enum sfx_decimal_result rc = SFX_DECIMAL_OK;
    bool negative, clock = false;
    size_t parts = 0;

    text = skip_sign(text, &negative);
    if (text.len < 3 || text.ptr[0] != 'P')
        return SFX_DECIMAL_NOT_A_NUMBER;
    text = sfx_slice(text.ptr + 1, text.len - 1);
    for (; rc == SFX_DECIMAL_OK && text.len > 0; parts++) {
        struct sfx_slice part = text;

        if (text.ptr[0] == 'T' && !clock) {
            clock = true;
            text = part = sfx_slice(text.ptr + 1, text.len - 1);
        }
        /* A unit ends before the T. */
        if (!clock && memchr(text.ptr, 'T', text.len) != NULL)
            part.len = (size_t)((const char *)memchr(text.ptr, 'T', text.len) - text.ptr);
        rc = add_part(&part, clock ? clock_units : date_units, clock ? 3 : 2, &total);
        text.len -= (size_t)(part.ptr - text.ptr);
        text.ptr = part.ptr;
    }
    if (rc == SFX_DECIMAL_OK)
        *seconds = (struct sfx_decimal){negative ? -total.mant : total.mant, total.scale};
    return rc;
}

size_t sfx_duration_format(const struct sfx_decimal *seconds, bool iso,
                           char out[SFX_DURATION_TEXT_NBYTES])
{
    static const struct {
        const char *plain, *iso;
        int64_t seconds;
    } parts[] = {{"d", "D", 86400}, {"h", "H", 3600}, {"m", "M", 60}};
    struct sfx_decimal left = {seconds->mant < 0 ? -seconds->mant : seconds->mant, seconds->scale};
    struct sfx_decimal rest, whole;
    char *at = out, *begin;
    bool clock = false;
    size_t i;

    if (seconds->mant < 0)
        *at++ = '-';
    if (iso)
        *at++ = 'P';
    begin = at;
    for (i = 0; i < SFX_COUNT(parts); i++) {
        struct sfx_decimal unit = {parts[i].seconds, 0};

        if (sfx_decimal_rem(&left, &unit, &rest) != SFX_DECIMAL_OK ||
            sfx_decimal_sub(&left, &rest, &whole) != SFX_DECIMAL_OK ||
            sfx_decimal_round(&whole, 0, SFX_ROUND_FLOOR, &whole) != SFX_DECIMAL_OK)
            continue; /* it has too many digits for it: all goes to the seconds */
        whole.mant /= parts[i].seconds;
        left = rest;
        if (whole.mant == 0)
            continue;
        if (iso && i > 0 && !clock) {
            *at++ = 'T';
            clock = true;
        }
        at += sfx_decimal_format(&whole, at);
        *at++ = iso ? *parts[i].iso : *parts[i].plain;
    }
    sfx_decimal_trim(&left, 0);
    if (left.mant == 0 && at > begin)
        return (size_t)(at - out);
    if (iso && !clock)
        *at++ = 'T';
    at += sfx_decimal_format(&left, at);
    *at++ = iso ? 'S' : 's';
    return (size_t)(at - out);
}
