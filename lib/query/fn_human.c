/* SPDX-License-Identifier: MIT */
/* Numbers and sizes as people write them: read with care, and written. */
#include "query/functions_internal.h"

#include <string.h>

/* --- parse_number ------------------------------------------------------------------------------
 */

/* Signs of money, and spaces of several widths. */
static const char *const currency_signs[] = {"$",
                                             "\xC2\xA3",
                                             "\xC2\xA5",
                                             "\xC2\xA2",
                                             "\xE2\x82\xAC",
                                             "\xE2\x82\xB9",
                                             "\xE2\x82\xA9",
                                             "\xE2\x82\xBD",
                                             "\xE2\x82\xBA",
                                             "\xE2\x82\xB4",
                                             "\xE2\x82\xAA",
                                             "\xE2\x82\xAB"};
static const char *const spaces[] = {
    " ", "\t", "\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89", "\xE2\x80\x88"};
/* What may stand between groups of digits besides spaces and the comma or the point. */
static const char *const group_signs[] = {"_", "'", "\xE2\x80\x99"};

/* The length of the sign among signs that text begins with at `at`; 0: none. */
static size_t sign_at(struct sfx_slice text, size_t at, const char *const *signs, size_t count)
{
    size_t i, len;

    for (i = 0; i < count; i++) {
        len = strlen(signs[i]);
        if (text.len - at >= len && memcmp(text.ptr + at, signs[i], len) == 0)
            return len;
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cuts n bytes from the front. */
static struct sfx_slice behind(struct sfx_slice text, size_t n)
{
    return sfx_slice(text.ptr + n, text.len - n);
}

static struct sfx_slice trim_spaces(struct sfx_slice text)
{
    size_t n, i;

    while (text.len > 0 && (n = sign_at(text, 0, spaces, SFX_COUNT(spaces))) > 0)
        text = behind(text, n);
    for (i = 0; i < SFX_COUNT(spaces);) {
        n = strlen(spaces[i]);
        if (text.len >= n && memcmp(text.ptr + text.len - n, spaces[i], n) == 0) {
            text.len -= n;
            i = 0;
        } else {
            i++;
        }
    }
    return text;
}

/* A code of three capitals is money, too. */
static bool is_code(const char *p)
{
    return p[0] >= 'A' && p[0] <= 'Z' && p[1] >= 'A' && p[1] <= 'Z' && p[2] >= 'A' && p[2] <= 'Z';
}

/* Drops one sign of money or code from the front or the end; true when there was one. */
static bool drop_currency(struct sfx_slice *text)
{
    size_t n = text->len > 0 ? sign_at(*text, 0, currency_signs, SFX_COUNT(currency_signs)) : 0, i;

    if (n == 0 && text->len > 3 && is_code(text->ptr))
        n = 3;
    if (n > 0) {
        *text = trim_spaces(behind(*text, n));
        return true;
    }
    for (i = 0; i < SFX_COUNT(currency_signs) && n == 0; i++) {
        size_t len = strlen(currency_signs[i]);

        if (text->len > len && memcmp(text->ptr + text->len - len, currency_signs[i], len) == 0)
            n = len;
    }
    if (n == 0 && text->len > 3 && is_code(text->ptr + text->len - 3))
        n = 3;
    text->len -= n;
    *text = trim_spaces(*text);
    return n > 0;
}

/* What the marks around the digits say. */
struct marks {
    bool negative, percent;
};

/* Takes signs, money, percent and parentheses off, each at most once. */
static void take_marks(struct sfx_slice *text, struct marks *marks)
{
    bool money = false, sign = false, before = true;

    *text = trim_spaces(*text);
    if (text->len > 2 && text->ptr[0] == '(' && text->ptr[text->len - 1] == ')') {
        marks->negative = sign = true;
        *text = trim_spaces(sfx_slice(text->ptr + 1, text->len - 2));
    }
    while (before && text->len > 0) {
        char first = text->ptr[0], last = text->ptr[text->len - 1];

        before = false;
        if (!sign && (first == '-' || first == '+')) {
            marks->negative = first == '-';
            *text = trim_spaces(behind(*text, 1));
            sign = before = true;
        } else if (!sign && last == '-') {
            marks->negative = sign = before = true;
            text->len--;
            *text = trim_spaces(*text);
        } else if (!marks->percent && last == '%') {
            marks->percent = before = true;
            text->len--;
            *text = trim_spaces(*text);
        } else if (!money && drop_currency(text)) {
            money = before = true;
        }
    }
}

/*
 * Copies the digits and the decimal mark (as '.'), without group signs: one kind of them, between
 * groups of 2 or 3 digits, 3 in the last. False: they are none.
 */
static bool copy_digits(struct sfx_slice text, char mark, char *out, size_t *len)
{
    const char *other = mark == '.' ? "," : ".";
    struct sfx_slice kind = {0};
    size_t at, n, group = 0;

    for (at = 0, *len = 0; at < text.len && text.ptr[at] != mark; at += n) {
        n = 1;
        if (is_digit(text.ptr[at])) {
            out[(*len)++] = text.ptr[at];
            group++;
            continue;
        }
        n = sign_at(text, at, spaces, SFX_COUNT(spaces));
        if (n == 0)
            n = sign_at(text, at, group_signs, SFX_COUNT(group_signs));
        if (n == 0)
            n = sign_at(text, at, &other, 1);
        if (n == 0 || group == 0 || (kind.len > 0 && (group < 2 || group > 3)) || group > 3)
            return false;
        if (kind.len > 0 && !sfx_slice_eq(kind, sfx_slice(text.ptr + at, n)))
            return false;
        kind = sfx_slice(text.ptr + at, n);
        group = 0;
    }
    if (kind.len > 0 && group != 3)
        return false;
    if (at < text.len)
        out[(*len)++] = '.';
    for (at++; at < text.len; at++) {
        if (!is_digit(text.ptr[at]))
            return false;
        out[(*len)++] = text.ptr[at];
    }
    return true;
}

static bool mark_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg, uint32_t row,
                     char *mark)
{
    struct sfx_slice text;

    if (arg >= node->nargs)
        return true;
    text = sfx_fn_text_arg(ev, node, arg, row);
    if (text.len == 1 && (text.ptr[0] == '.' || text.ptr[0] == ',')) {
        *mark = text.ptr[0];
        return true;
    }
    sfx_eval_fail(ev, node, row, &text, "is no decimal mark: . or ,");
    return false;
}

static void fn_parse_number(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    static const struct sfx_decimal hundredth = {1, 2};
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), left = text;
    struct marks marks = {0};
    struct sfx_decimal value;
    char *digits, mark = '.';
    size_t len;

    if (text.len == 0) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    if (!mark_arg(ev, node, 1, row, &mark) || (digits = sfx_eval_text(ev, text.len)) == NULL)
        return;
    take_marks(&left, &marks);
    if (!copy_digits(left, mark, digits, &len) ||
        sfx_decimal_parse(sfx_slice(digits, len), &value) != SFX_DECIMAL_OK ||
        (marks.percent && sfx_decimal_mul(&value, &hundredth, &value) != SFX_DECIMAL_OK)) {
        sfx_eval_fail(ev, node, row, &text, "is not a number");
        return;
    }
    if (marks.negative)
        value.mant = -value.mant;
    sfx_fn_set_number(node, row, value);
}

/* --- sizes -------------------------------------------------------------------------------------
 */

static const char prefixes[] = "kMGTPE"; /* powers of 1000; followed by i, of 1024 */

static void fn_parse_size(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), number, unit;
    struct sfx_decimal value, factor = {1, 0};
    const char *prefix = NULL;
    size_t n = 0, power;
    bool binary = false;

    if (text.len == 0) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    number = trim_spaces(text);
    while (n < number.len && (is_digit(number.ptr[n]) || number.ptr[n] == '.'))
        n++;
    unit = trim_spaces(behind(number, n));
    number.len = n;
    if (unit.len > 0 && unit.ptr[0] != 'B' && unit.ptr[0] != 'b') {
        prefix = unit.ptr[0] == 'K' ? prefixes : strchr(prefixes, unit.ptr[0]);
        unit = behind(unit, 1);
        binary = prefix != NULL && unit.len > 0 && unit.ptr[0] == 'i';
        unit = behind(unit, binary);
        n = prefix != NULL ? n : 0;
    }
    for (power = 0; prefix != NULL && power <= (size_t)(prefix - prefixes); power++)
        factor.mant *= binary ? 1024 : 1000;
    if (n == 0 || (unit.len > 0 && !sfx_slice_eq(unit, SFX_SLICE_LIT("B"))) ||
        sfx_decimal_parse(number, &value) != SFX_DECIMAL_OK ||
        sfx_decimal_mul(&value, &factor, &value) != SFX_DECIMAL_OK) {
        sfx_eval_fail(ev, node, row, &text, "is not a size");
        return;
    }
    sfx_decimal_trim(&value, 0);
    sfx_fn_set_number(node, row, value);
}

/* The text of value with one fraction digit, none when that is 0, and a unit. */
static void set_size(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                     struct sfx_decimal value, int power, bool decimal)
{
    char *text = sfx_eval_text(ev, SFX_DECIMAL_TEXT_NBYTES + 4), *at;

    if (text == NULL)
        return;
    sfx_decimal_trim(&value, 0);
    at = text + sfx_decimal_format(&value, text);
    if (power > 0) {
        *at++ = power == 1 && !decimal ? 'K' : prefixes[power - 1];
        if (!decimal)
            *at++ = 'i';
    }
    *at++ = 'B';
    sfx_fn_set_text(node, row, text, (size_t)(at - text));
}

static void fn_format_size(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_decimal value = node->args[0]->vec->nums[row], unit, rounded, step, limit;
    bool decimal = false;
    int power = 0;

    if (node->nargs > 1) {
        struct sfx_slice form = sfx_fn_text_arg(ev, node, 1, row);

        decimal = sfx_slice_eq(form, SFX_SLICE_LIT("si"));
        if (!decimal && !sfx_slice_eq(form, SFX_SLICE_LIT("iec"))) {
            sfx_eval_fail(ev, node, row, &form, "is no form of sizes: iec or si");
            return;
        }
    }
    step = (struct sfx_decimal){decimal ? 1000 : 1024, 0};
    unit = (struct sfx_decimal){1, 0};
    for (;; power++) {
        if (sfx_decimal_div(&value, &unit, &rounded) != SFX_DECIMAL_OK ||
            sfx_decimal_round(&rounded, power > 0, SFX_ROUND_HALF_AWAY, &rounded) !=
                SFX_DECIMAL_OK) {
            sfx_eval_fail(ev, node, row, NULL, "a result has more than 38 digits");
            return;
        }
        limit =
            (struct sfx_decimal){rounded.mant < 0 ? -rounded.mant : rounded.mant, rounded.scale};
        if (sfx_decimal_cmp(&limit, &step) < 0 || prefixes[power] == '\0')
            break;
        unit.mant *= step.mant;
    }
    set_size(ev, node, row, rounded, power, decimal);
}

/* --- format_number -----------------------------------------------------------------------------
 */

static void fn_format_number(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice group = SFX_SLICE_LIT(",");
    char digits[SFX_DECIMAL_TEXT_NBYTES], *out, *at, mark = '.';
    struct sfx_decimal value;
    size_t len, whole, i;
    int64_t places;

    if (!sfx_fn_int_arg(node, 1, row, 0, SFX_DECIMAL_MAX_DIGITS, &places) ||
        sfx_decimal_round(&node->args[0]->vec->nums[row], (int)places, SFX_ROUND_HALF_AWAY,
                          &value) != SFX_DECIMAL_OK) {
        sfx_eval_fail(ev, node, row, NULL, "format_number() takes 0 to 38 fraction digits");
        return;
    }
    if (node->nargs > 2)
        group = sfx_fn_text_arg(ev, node, 2, row);
    if (!mark_arg(ev, node, 3, row, &mark))
        return;
    len = sfx_decimal_format(&value, digits);
    whole = len - (value.scale > 0 ? value.scale + 1 : 0);
    out = at = sfx_eval_text(ev, len + group.len * (whole / 3 + 1));
    if (out == NULL)
        return;
    for (i = 0; i < len; i++) {
        if (i < whole && i > (digits[0] == '-') && (whole - i) % 3 == 0) {
            memcpy(at, group.ptr, group.len);
            at += group.len;
        }
        *at++ = digits[i] == '.' ? mark : digits[i];
    }
    sfx_fn_set_text(node, row, out, (size_t)(at - out));
}

static const struct sfx_fn functions[] = {
    {"format_number", "format_number(x, digits[, group[, mark]])", 2, 4, "nntt", TEXT,
     .row = fn_format_number, .errors = NO_NUMBER,
     .help = "x with fraction digits, halves away from zero, and a comma, or group, between "
             "thousands; mark is the decimal mark",
     .example = "format_number(1234567.891, 2)", .gives = "1,234,567.89"},
    {"format_size", "format_size(n[, \"si\"])", 1, 2, "nt", TEXT, .row = fn_format_size,
     .errors = NO_NUMBER, .help = "bytes as KiB, MiB, … of 1024, or as kB, MB, … of 1000",
     .example = "format_size(1536)", .gives = "1.5KiB"},
    {"parse_number", "parse_number(text[, mark])", 1, 2, "t", NUMBER, .row = fn_parse_number,
     .errors = "a text that is not a number, groups of other than three digits",
     .help =
         "a number with signs of money, groups of digits, percent (a hundredth), a minus behind "
         "or parentheses; mark is the decimal mark, . or ,",
     .example = "parse_number(\"(1.234,50 EUR)\", \",\")", .gives = "-1234.50"},
    {"parse_size", "parse_size(text)", 1, 1, "t", NUMBER, .row = fn_parse_size,
     .errors = "a text that is no size",
     .help = "the bytes of 10 kB (of 1000), 1.5 GiB or 1.5Gi (of 1024), 12 B, 12",
     .example = "parse_size(\"1.5 GiB\")", .gives = "1610612736"},
};

const struct sfx_fn_family sfx_fn_human_family = {"Numbers for people", functions,
                                                  SFX_COUNT(functions)};
