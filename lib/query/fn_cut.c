/* SPDX-License-Identifier: MIT */
/* Parts of texts: cut out, trimmed, padded. Characters are those of UTF-8; a byte that is none
 * belongs to the one before it. */
#include "query/functions_internal.h"

#include "base/text.h"
#include "value/unicode.h"

#include <string.h>

/* A text that a function makes longer is at most this long: a slip of the keyboard is no reason to
 * fill the memory. */
#define MAX_MADE_NBYTES ((size_t)1 << 20)

/* The byte where the character n behind the one at from begins, or the end. */
static size_t character_at(struct sfx_slice text, size_t from, int64_t n)
{
    size_t i = from;

    while (i < text.len && n > 0) {
        i++;
        while (i < text.len && !sfx_begins_character(text.ptr[i]))
            i++;
        n--;
    }
    return i;
}

/* The byte where the last n characters begin. */
static size_t character_from_end(struct sfx_slice text, int64_t n)
{
    size_t i = text.len;

    while (i > 0 && n > 0) {
        i--;
        while (i > 0 && !sfx_begins_character(text.ptr[i]))
            i--;
        n--;
    }
    return i;
}

static void set_part(const struct sfx_node *node, uint32_t row, struct sfx_slice text, size_t from,
                     size_t to)
{
    sfx_fn_set_text(node, row, from < to ? text.ptr + from : NULL, to - from);
}

static void fn_substr(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t start, count = INT32_MAX;
    size_t from;

    if (!sfx_fn_int_arg(node, 1, row, 1, INT32_MAX, &start)) {
        sfx_eval_fail(ev, node, row, NULL, "substr() starts at a whole number from 1");
        return;
    }
    if (node->nargs > 2 && !sfx_fn_int_arg(node, 2, row, 0, INT32_MAX, &count)) {
        sfx_eval_fail(ev, node, row, NULL, "substr() takes a whole number of characters");
        return;
    }
    from = character_at(text, 0, start - 1);
    set_part(node, row, text, from, character_at(text, from, count));
}

#define NO_COUNT "takes a whole number of characters"

static void fn_left(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t n;

    if (sfx_fn_int_arg(node, 1, row, 0, INT32_MAX, &n))
        set_part(node, row, text, 0, character_at(text, 0, n));
    else
        sfx_eval_fail(ev, node, row, NULL, "left() " NO_COUNT);
}

static void fn_right(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t n;

    if (sfx_fn_int_arg(node, 1, row, 0, INT32_MAX, &n))
        set_part(node, row, text, character_from_end(text, n), text.len);
    else
        sfx_eval_fail(ev, node, row, NULL, "right() " NO_COUNT);
}

/* --- trimming ------------------------------------------------------------------------------- */

/* Bytes of the character that text begins with, when it is one of chars. */
static size_t one_of_before(struct sfx_slice text, struct sfx_slice chars)
{
    size_t len = character_at(text, 0, 1);

    return len > 0 && memmem(chars.ptr, chars.len, text.ptr, len) != NULL ? len : 0;
}

static size_t one_of_behind(struct sfx_slice text, struct sfx_slice chars)
{
    size_t from = character_from_end(text, 1), len = text.len - from;

    return len > 0 && memmem(chars.ptr, chars.len, text.ptr + from, len) != NULL ? len : 0;
}

enum { AT_START = 1, AT_END = 2 };

static void trim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, unsigned ends)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), chars = {0};
    bool given = node->nargs > 1;
    size_t len;

    if (given)
        chars = sfx_fn_text_arg(ev, node, 1, row);
    while ((ends & AT_END) != 0 &&
           (len = given ? one_of_behind(text, chars) : sfx_space_behind(text)) > 0)
        text.len -= len;
    while ((ends & AT_START) != 0 &&
           (len = given ? one_of_before(text, chars) : sfx_space_before(text)) > 0) {
        text.ptr += len;
        text.len -= len;
    }
    sfx_fn_set_text(node, row, text.ptr, text.len);
}

static void fn_trim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    trim(ev, node, row, AT_START | AT_END);
}

static void fn_ltrim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    trim(ev, node, row, AT_START);
}

static void fn_rtrim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    trim(ev, node, row, AT_END);
}

static void fn_squeeze(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *copy = sfx_eval_text(ev, text.len);
    size_t used = 0, len;
    bool space = false;

    if (copy == NULL)
        return;
    while (text.len > 0) {
        len = sfx_space_before(text);
        if (len > 0) {
            space = used > 0;
        } else {
            if (space)
                copy[used++] = ' ';
            space = false;
            copy[used++] = *text.ptr;
            len = 1;
        }
        text.ptr += len;
        text.len -= len;
    }
    sfx_fn_set_text(node, row, copy, used);
}

/* --- padding -------------------------------------------------------------------------------- */

static int64_t count_characters(struct sfx_slice text)
{
    int64_t count = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        count += sfx_begins_character(text.ptr[i]);
    return count;
}

/* pad(s, n[, fill]): fill again and again, cut at a character, on one side. */
static void pad(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, bool left)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row), fill = SFX_SLICE_LIT(" ");
    int64_t n, missing;
    size_t padding = 0;
    char *copy, *at;

    if (!sfx_fn_int_arg(node, 1, row, 0, INT32_MAX, &n)) {
        sfx_eval_fail(ev, node, row, NULL, left ? "pad_left() " NO_COUNT : "pad_right() " NO_COUNT);
        return;
    }
    if (node->nargs > 2)
        fill = sfx_fn_text_arg(ev, node, 2, row);
    missing = n - count_characters(text);
    if (missing <= 0 || fill.len == 0) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    if (n > (int64_t)MAX_MADE_NBYTES || fill.len > MAX_MADE_NBYTES / (size_t)missing) {
        sfx_eval_fail(ev, node, row, NULL, "makes a text of more than 1 MiB");
        return;
    }
    copy = sfx_eval_text(ev, text.len + fill.len * (size_t)missing);
    if (copy == NULL)
        return;
    at = left ? copy : copy + text.len;
    while (missing > 0) {
        int64_t chars = count_characters(fill);
        size_t part = chars <= missing ? fill.len : character_at(fill, 0, missing);

        memcpy(at + padding, fill.ptr, part);
        padding += part;
        missing -= chars > 0 ? chars : missing; /* bytes that are no character: once */
    }
    if (text.len > 0)
        memcpy(left ? copy + padding : copy, text.ptr, text.len);
    sfx_fn_set_text(node, row, copy, text.len + padding);
}

static void fn_pad_left(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    pad(ev, node, row, true);
}

static void fn_pad_right(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    pad(ev, node, row, false);
}

static void fn_repeat(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t n, i;
    char *copy;

    if (!sfx_fn_int_arg(node, 1, row, 0, INT32_MAX, &n)) {
        sfx_eval_fail(ev, node, row, NULL, "repeat() takes a whole number of times");
        return;
    }
    if (text.len == 0 || n == 0) {
        sfx_fn_set_text(node, row, NULL, 0);
        return;
    }
    if (text.len > MAX_MADE_NBYTES / (size_t)n) {
        sfx_eval_fail(ev, node, row, NULL, "makes a text of more than 1 MiB");
        return;
    }
    copy = sfx_eval_text(ev, text.len * (size_t)n);
    if (copy == NULL)
        return;
    for (i = 0; i < n; i++)
        memcpy(copy + (size_t)i * text.len, text.ptr, text.len);
    sfx_fn_set_text(node, row, copy, text.len * (size_t)n);
}

/* --- splitting ------------------------------------------------------------------------------ */

/* Takes the first part off *text: true when a separator followed it. */
static bool take_part(struct sfx_slice *text, struct sfx_slice sep, struct sfx_slice *part)
{
    const char *hit = text->len > 0 ? sfx_text_find(*text, sep) : NULL;

    *part = *text;
    if (hit == NULL)
        return false;
    part->len = (size_t)(hit - text->ptr);
    text->ptr = hit + sep.len;
    text->len -= part->len + sep.len;
    return true;
}

static int64_t count_parts(struct sfx_slice text, struct sfx_slice sep)
{
    struct sfx_slice part;
    int64_t count = 1;

    while (take_part(&text, sep, &part))
        count++;
    return count;
}

static void fn_split_part(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     sep = sfx_fn_text_arg(ev, node, 1, row), part = text;
    bool more = true, exists;
    int64_t n;

    if (!sfx_fn_int_arg(node, 2, row, -INT32_MAX, INT32_MAX, &n) || n == 0) {
        sfx_eval_fail(ev, node, row, NULL,
                      "split_part() takes a whole number: 1 is the first part, -1 the last");
        return;
    }
    if (sep.len == 0) {
        sfx_eval_fail(ev, node, row, NULL, "split_part() takes a separator that is not empty");
        return;
    }
    if (n < 0)
        n += count_parts(text, sep) + 1;
    exists = n > 0;
    for (; n > 0 && more; n--)
        more = take_part(&text, sep, &part);
    if (exists && n == 0)
        sfx_fn_set_text(node, row, part.ptr, part.len);
    else
        sfx_vec_set_null(node->vec, row);
}

#define NATURAL_DIGITS 20 /* what 64 bits hold */

/* The end of the run of digits at i, and where it begins without the zeros that do not count. */
static size_t digits_end(struct sfx_slice text, size_t i, size_t *begin)
{
    size_t end = i;

    while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
        end++;
    for (*begin = i; end - *begin > NATURAL_DIGITS && text.ptr[*begin] == '0'; ++*begin)
        ;
    return end;
}

static void fn_natural(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    size_t i = 0;
    int rc = 0;

    sfx_buf_clear(&ev->made);
    while (i < text.len && rc == 0) {
        size_t begin, end = digits_end(text, i, &begin), fill = NATURAL_DIGITS;

        if (end == i) {
            rc = sfx_buf_putc(&ev->made, text.ptr[i++], NULL);
            continue;
        }
        for (fill -= end - begin < fill ? end - begin : fill; fill > 0 && rc == 0; fill--)
            rc = sfx_buf_putc(&ev->made, '0', NULL);
        if (rc == 0)
            rc = sfx_buf_append(&ev->made, text.ptr + begin, end - begin, NULL);
        i = end;
    }
    sfx_fn_set_made(ev, node, row, rc);
}

#define TOO_LONG "a text of more than 1 MiB"

static const struct sfx_fn functions[] = {
    {"left", "left(s, n)", 2, 2, "tn", TEXT, .row = fn_left, .errors = NO_NUMBER,
     .help = "the first n characters of s", .example = "left(\"héllo\", 2)", .gives = "hé"},
    {"ltrim", "ltrim(s[, characters])", 1, 2, "t", TEXT, .row = fn_ltrim,
     .help = "s without white space, or those characters, at its start",
     .example = "ltrim(\"007\", \"0\")", .gives = "7"},
    {"natural", "natural(s)", 1, 1, "t", TEXT, .row = fn_natural,
     .help = "s with zeros before its numbers, up to 20 digits: in order, file9 is before file10",
     .example = "natural(\"v9\") < natural(\"v10\")", .gives = "true"},
    {"pad_left", "pad_left(s, n[, fill])", 2, 3, "tnt", TEXT, .row = fn_pad_left,
     .errors = NO_NUMBER "; " TOO_LONG,
     .help = "s with spaces, or fill, before it until it has n characters; a longer s stays",
     .example = "pad_left(7, 3, \"0\")", .gives = "007"},
    {"pad_right", "pad_right(s, n[, fill])", 2, 3, "tnt", TEXT, .row = fn_pad_right,
     .errors = NO_NUMBER "; " TOO_LONG,
     .help = "s with spaces, or fill, behind it until it has n characters; a longer s stays",
     .example = "pad_right(\"é\", 4, \".-\")", .gives = "é.-."},
    {"repeat", "repeat(s, n)", 2, 2, "tn", TEXT, .row = fn_repeat,
     .errors = NO_NUMBER "; " TOO_LONG, .help = "s n times", .example = "repeat(\"ab\", 3)",
     .gives = "ababab"},
    {"right", "right(s, n)", 2, 2, "tn", TEXT, .row = fn_right, .errors = NO_NUMBER,
     .help = "the last n characters of s", .example = "right(\"café\", 2)", .gives = "fé"},
    {"rtrim", "rtrim(s[, characters])", 1, 2, "t", TEXT, .row = fn_rtrim,
     .help = "s without white space, or those characters, at its end",
     .example = "rtrim(\"wait...\", \".\")", .gives = "wait"},
    {"split_part", "split_part(s, separator, n)", 3, 3, "ttn", TEXT, .row = fn_split_part,
     .errors = "an empty separator; n that is 0 or not whole",
     .help = "the n-th of the parts of s between separators, from the end when n is negative; null "
             "when there is none",
     .example = "split_part(\"a-b-c\", \"-\", -1)", .gives = "c"},
    {"squeeze", "squeeze(s)", 1, 1, "t", TEXT, .row = fn_squeeze,
     .help = "s with one space for each run of white space, and none at its ends",
     .example = "squeeze(\"  a   b \")", .gives = "a b"},
    {"substr", "substr(s, start[, count])", 2, 3, "tn", TEXT, .row = fn_substr, .errors = NO_NUMBER,
     .help = "count characters of s (to its end) from the start-th, the first is 1",
     .example = "substr(\"hello\", 2, 3)", .gives = "ell"},
    {"trim", "trim(s[, characters])", 1, 2, "t", TEXT, .row = fn_trim,
     .help = "s without white space, or those characters, at its ends", .example = "trim(\"  x \")",
     .gives = "x"},
};

const struct sfx_fn_family sfx_fn_cut_family = {"Parts of texts", functions, SFX_COUNT(functions)};
