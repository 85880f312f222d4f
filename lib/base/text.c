/* SPDX-License-Identifier: MIT */
/* Numbers with units, and names that were meant. */
#include "base/text.h"

#include "base/size.h"

#include <string.h>

/* Reads the digits at the start of text. Returns their count; SIZE_MAX when they overflow. */
static size_t read_digits(struct sfx_slice text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
            return SIZE_MAX;
    }
    *out = value;
    return i;
}

static struct sfx_slice skip(struct sfx_slice text, size_t n)
{
    return sfx_slice(text.ptr + n, text.len - n);
}

static int too_large(struct sfx_slice text, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_INPUT, "%.*s is too large", SFX_SLICE_ARG(text));
}

int sfx_text_u64(struct sfx_slice text, uint64_t *out, struct sfx_err *err)
{
    size_t n = read_digits(text, out);

    if (n == SIZE_MAX)
        return too_large(text, err);
    if (n == 0 || n != text.len)
        return sfx_err_set(err, SFX_E_INPUT, "'%.*s' is not a whole number", SFX_SLICE_ARG(text));
    return 0;
}

/* The power of two that a size's unit stands for, -1 when it is no unit. */
static int size_shift(struct sfx_slice unit)
{
    static const char letters[] = "KMGT";
    const char *found;
    struct sfx_slice rest;

    if (unit.len == 0)
        return 0;
    found = memchr(letters, unit.ptr[0] == 'k' ? 'K' : unit.ptr[0], sizeof(letters) - 1);
    rest = skip(unit, 1);
    if (found == NULL || !(rest.len == 0 || sfx_slice_eq(rest, SFX_SLICE_LIT("B")) ||
                           sfx_slice_eq(rest, SFX_SLICE_LIT("iB"))))
        return -1;
    return 10 * (int)(found - letters + 1);
}

int sfx_text_size(struct sfx_slice text, uint64_t *out, struct sfx_err *err)
{
    uint64_t count = 0;
    size_t n = read_digits(text, &count);
    int shift;

    if (n == SIZE_MAX)
        return too_large(text, err);
    shift = size_shift(skip(text, n));
    if (n == 0 || shift < 0)
        return sfx_err_set(err, SFX_E_INPUT, "'%.*s' is not a size: digits, then K, M, G or T",
                           SFX_SLICE_ARG(text));
    if (__builtin_mul_overflow(count, UINT64_C(1) << shift, out))
        return too_large(text, err);
    return 0;
}

/* Nanoseconds of a duration's unit, 0 when it is no unit. */
static int64_t duration_unit_ns(struct sfx_slice unit)
{
    static const struct {
        struct sfx_slice name;
        int64_t ns;
    } units[] = {
        {{"", 0}, 1000000000},
        {{"ns", 2}, 1},
        {{"us", 2}, 1000},
        {{"ms", 2}, 1000000},
        {{"s", 1}, 1000000000},
        {{"m", 1}, INT64_C(60) * 1000000000},
        {{"h", 1}, INT64_C(3600) * 1000000000},
        {{"d", 1}, INT64_C(86400) * 1000000000},
    };
    size_t i;

    for (i = 0; i < SFX_COUNT(units); i++) {
        if (sfx_slice_eq(unit, units[i].name))
            return units[i].ns;
    }
    return 0;
}

/* Cuts the fraction ".25" off the start of rest: *value / *scale. Returns false on a bare ".". */
static bool read_fraction(struct sfx_slice *rest, int64_t *value, int64_t *scale)
{
    size_t i = 1;

    *value = 0;
    *scale = 1;
    if (rest->len == 0 || rest->ptr[0] != '.')
        return true;
    for (; i < rest->len && rest->ptr[i] >= '0' && rest->ptr[i] <= '9'; i++) {
        /* 18 digits fit; what later ones add, even of a day, is less than a nanosecond. */
        if (*scale < INT64_C(1000000000000000000)) {
            *value = *value * 10 + (rest->ptr[i] - '0');
            *scale *= 10;
        }
    }
    *rest = skip(*rest, i);
    return i > 1;
}

int sfx_text_duration_ns(struct sfx_slice text, int64_t *out, struct sfx_err *err)
{
    uint64_t whole = 0;
    size_t n = read_digits(text, &whole);
    struct sfx_slice rest;
    int64_t frac;
    int64_t scale;
    int64_t unit;

    if (n == SIZE_MAX)
        return too_large(text, err);
    rest = skip(text, n);
    if (n == 0 || !read_fraction(&rest, &frac, &scale) || (unit = duration_unit_ns(rest)) == 0)
        return sfx_err_set(err, SFX_E_INPUT,
                           "'%.*s' is not a duration: a number, then ns, us, ms, s, m, h or d",
                           SFX_SLICE_ARG(text));
    frac = (int64_t)((__int128)frac * unit / scale);
    if (whole > INT64_MAX || __builtin_mul_overflow((int64_t)whole, unit, out) ||
        __builtin_add_overflow(*out, frac, out))
        return too_large(text, err);
    return 0;
}

/* Names that people type are shorter; anything longer was not a slip of the finger. */
#define NAME_MAX_NBYTES 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/*
 * Edits that make b of a: insert, delete, replace, swap of neighbours (optimal string alignment).
 * Both at most NAME_MAX_NBYTES long. Three rows of the table are enough.
 */
static size_t edit_distance(struct sfx_slice a, struct sfx_slice b)
{
    size_t rows[3][NAME_MAX_NBYTES + 1];
    size_t i;
    size_t j;

    for (j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i + 2) % 3];
        const size_t *up2 = rows[(i + 1) % 3];

        row[0] = i;
        for (j = 1; j <= b.len; j++) {
            size_t cost = a.ptr[i - 1] != b.ptr[j - 1];

            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + cost);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                up2[j - 2] + 1 < row[j])
                row[j] = up2[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

int sfx_text_nearest(struct sfx_slice word, const struct sfx_slice *candidates, size_t ncandidates)
{
    size_t best = SIZE_MAX;
    int found = -1;
    size_t i;

    if (word.len > NAME_MAX_NBYTES)
        return -1;
    for (i = 0; i < ncandidates; i++) {
        size_t longer = word.len > candidates[i].len ? word.len : candidates[i].len;
        size_t enough = longer >= 6 ? longer / 3 : 1;
        size_t distance;

        if (candidates[i].len > NAME_MAX_NBYTES)
            continue;
        distance = edit_distance(word, candidates[i]);
        if (distance <= enough && distance < best) {
            best = distance;
            found = (int)i;
        }
    }
    return found;
}
