/* SPDX-License-Identifier: MIT */
/* Text functions. Characters are those of UTF-8; a byte that is none counts as one. */
#include "query/functions_internal.h"

#include <string.h>

static void map_bytes(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, char from,
                      char to)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *copy = sfx_eval_text(ev, text.len);
    size_t i;

    if (copy == NULL)
        return;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        copy[i] = (char)(c >= from && c <= from + 25 ? c - from + to : c);
    }
    sfx_fn_set_text(node, row, copy, text.len);
}

static void fn_lower(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_bytes(ev, node, row, 'A', 'a');
}

static void fn_upper(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_bytes(ev, node, row, 'a', 'A');
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void fn_trim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_space(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    sfx_fn_set_text(node, row, text.ptr, text.len);
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

static void fn_length(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t count = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        count += begins_character(text.ptr[i]);
    node->vec->flags[row] = 0;
    node->vec->nums[row] = (struct sfx_decimal){count, 0};
}

/* The byte where character number n (from 0) begins, or the end. */
static size_t character_at(struct sfx_slice text, size_t from, int64_t n)
{
    size_t i = from;

    while (i < text.len && n > 0) {
        i++;
        while (i < text.len && !begins_character(text.ptr[i]))
            i++;
        n--;
    }
    return i;
}

static void fn_substr(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t start = 1, count = INT32_MAX;
    size_t from, to;

    if (!sfx_decimal_to_int(&node->args[1]->vec->nums[row], 1, INT32_MAX, &start)) {
        sfx_eval_fail(ev, node, row, NULL, "substr() starts at a whole number from 1");
        return;
    }
    if (node->nargs > 2 &&
        !sfx_decimal_to_int(&node->args[2]->vec->nums[row], 0, INT32_MAX, &count)) {
        sfx_eval_fail(ev, node, row, NULL, "substr() takes a whole number of characters");
        return;
    }
    from = character_at(text, 0, start - 1);
    to = character_at(text, from, count);
    sfx_fn_set_text(node, row, from < to ? text.ptr + from : NULL, to - from);
}

static const char *find(struct sfx_slice text, size_t from, struct sfx_slice part)
{
    return memmem(text.ptr + from, text.len - from, part.ptr, part.len);
}

/* The length that text has after the replacement. */
static size_t replaced_length(struct sfx_slice text, struct sfx_slice from, struct sfx_slice to)
{
    size_t len = text.len, at = 0;
    const char *hit;

    while ((hit = find(text, at, from)) != NULL) {
        len = len - from.len + to.len;
        at = (size_t)(hit - text.ptr) + from.len;
    }
    return len;
}

static void fn_replace(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     from = sfx_fn_text_arg(ev, node, 1, row);
    struct sfx_slice to = sfx_fn_text_arg(ev, node, 2, row);
    size_t at = 0, len, used = 0;
    const char *hit;
    char *copy;

    if (from.len == 0 || text.len == 0) {
        sfx_fn_set_text(node, row, text.ptr, text.len);
        return;
    }
    len = replaced_length(text, from, to);
    copy = sfx_eval_text(ev, len);
    if (copy == NULL)
        return;
    while ((hit = find(text, at, from)) != NULL) {
        size_t before = (size_t)(hit - text.ptr) - at;

        memcpy(copy + used, text.ptr + at, before);
        if (to.len > 0)
            memcpy(copy + used + before, to.ptr, to.len);
        used += before + to.len;
        at += before + from.len;
    }
    memcpy(copy + used, text.ptr + at, text.len - at);
    sfx_fn_set_text(node, row, copy, len);
}

static void fn_contains(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     part = sfx_fn_text_arg(ev, node, 1, row);

    node->vec->flags[row] = part.len == 0 || (text.len > 0 && find(text, 0, part) != NULL);
}

static void fn_starts_with(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     part = sfx_fn_text_arg(ev, node, 1, row);

    node->vec->flags[row] =
        part.len <= text.len && sfx_slice_eq(sfx_slice(text.ptr, part.len), part);
}

static void fn_ends_with(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     part = sfx_fn_text_arg(ev, node, 1, row);

    node->vec->flags[row] =
        part.len <= text.len &&
        (part.len == 0 || sfx_slice_eq(sfx_slice(text.ptr + text.len - part.len, part.len), part));
}

void sfx_fn_match(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    node->vec->flags[row] = sfx_eval_match(ev, node, row, text, NULL);
}

static void concat_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    size_t a, len = 0;
    char *copy, *at;

    for (a = 0; a < node->nargs; a++)
        len += sfx_fn_text_arg(ev, node, a, row).len;
    copy = at = sfx_eval_text(ev, len);
    if (copy == NULL)
        return;
    for (a = 0; a < node->nargs; a++) {
        struct sfx_slice text = sfx_fn_text_arg(ev, node, a, row);

        if (text.len > 0)
            memcpy(at, text.ptr, text.len);
        at += text.len;
    }
    sfx_fn_set_text(node, row, copy, len);
}

static void fn_concat(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                      uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        concat_row(ev, node, sel[i]);
}

/* text(x): the same bytes, from now on known to be text. */
static void fn_text(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                    uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        const struct sfx_cell *cell = &node->args[0]->vec->cells[sel[i]];

        node->vec->cells[sel[i]] =
            sfx_cell_is_null(cell) ? *cell : sfx_cell_string(sfx_eval_cell_text(ev, cell));
    }
}

static const struct sfx_fn functions[] = {
    {"concat", "concat(a, b, …)", 1, SFX_FN_ANY_ARGS, "t", TEXT, .kernel = fn_concat,
     .help = "the texts one after the other; null counts as empty",
     .example = "concat(\"a\", 1, \"b\")", .gives = "a1b"},
    {"contains", "contains(s, part)", 2, 2, "t", BOOL, .row = fn_contains,
     .help = "true when part stands somewhere in s", .example = "contains(\"shipped\", \"ship\")",
     .gives = "true"},
    {"ends_with", "ends_with(s, end)", 2, 2, "t", BOOL, .row = fn_ends_with,
     .help = "true when s ends with end", .example = "ends_with(\"a.csv\", \".csv\")",
     .gives = "true"},
    {"length", "length(s)", 1, 1, "t", NUMBER, .row = fn_length,
     .help = "the number of characters (UTF-8) of s", .example = "length(\"héllo\")", .gives = "5"},
    {"lower", "lower(s)", 1, 1, "t", TEXT, .row = fn_lower,
     .help = "s with the letters A to Z made small", .example = "lower(\"ABC\")", .gives = "abc"},
    {"replace", "replace(s, from, to)", 3, 3, "t", TEXT, .row = fn_replace,
     .help = "s with each from replaced by to", .example = "replace(\"a-b-c\", \"-\", \"+\")",
     .gives = "a+b+c"},
    {"starts_with", "starts_with(s, start)", 2, 2, "t", BOOL, .row = fn_starts_with,
     .help = "true when s begins with start", .example = "starts_with(\"abc\", \"ab\")",
     .gives = "true"},
    {"substr", "substr(s, start[, count])", 2, 3, "tn", TEXT, .row = fn_substr, .errors = NO_NUMBER,
     .help = "count characters of s (to its end) from the start-th, the first is 1",
     .example = "substr(\"hello\", 2, 3)", .gives = "ell"},
    {"text", "text(x)", 1, 1, "t", TEXT, .kernel = fn_text,
     .help = "x as text: compared, sorted, counted by its bytes", .example = "text(1.50)",
     .gives = "1.50"},
    {"trim", "trim(s)", 1, 1, "t", TEXT, .row = fn_trim,
     .help = "s without white space at its ends", .example = "trim(\"  x \")", .gives = "x"},
    {"upper", "upper(s)", 1, 1, "t", TEXT, .row = fn_upper,
     .help = "s with the letters a to z made capital", .example = "upper(\"abc\")", .gives = "ABC"},
};

const struct sfx_fn_family sfx_fn_text_family = {"Text", functions, SFX_COUNT(functions)};
