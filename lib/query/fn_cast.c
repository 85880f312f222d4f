/* SPDX-License-Identifier: MIT */
/* Casts, and tests of what a value could be. */
#include "query/functions_internal.h"

#include <string.h>
#include <strings.h>

static void fn_int(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_decimal whole = node->args[0]->vec->nums[row];
    char text[SFX_DECIMAL_TEXT_NBYTES], *copy;
    struct sfx_slice value;

    sfx_decimal_trim(&whole, 0);
    if (whole.scale == 0) {
        sfx_fn_set_number(node, row, whole);
        return;
    }
    value = sfx_slice(text, sfx_decimal_format(&node->args[0]->vec->nums[row], text));
    copy = sfx_eval_text(ev, value.len);
    if (copy == NULL)
        return;
    memcpy(copy, value.ptr, value.len);
    value.ptr = copy;
    sfx_eval_fail(ev, node, row, &value, "is not a whole number");
}

/* A word of a list, in any case. */
static bool is_word(struct sfx_slice text, const char *const *words, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strlen(words[i]) == text.len && strncasecmp(words[i], text.ptr, text.len) == 0)
            return true;
    }
    return false;
}

static void fn_bool(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", "1"};
    static const char *const no[] = {"false", "f", "no", "n", "off", "0"};
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    node->vec->flags[row] = is_word(text, yes, SFX_COUNT(yes));
    if (text.len > 0 && !node->vec->flags[row] && !is_word(text, no, SFX_COUNT(no)))
        sfx_eval_fail(ev, node, row, &text, "is neither true nor false");
}

static void fn_is_null(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                       uint32_t nsel)
{
    uint32_t i;

    (void)ev;
    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = sfx_cell_is_null(&node->args[0]->vec->cells[sel[i]]);
}

static void fn_is_blank(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                        uint32_t nsel)
{
    uint32_t i, k;

    for (i = 0; i < nsel; i++) {
        struct sfx_slice text;

        node->vec->flags[sel[i]] = true;
        if (sfx_cell_is_null(&node->args[0]->vec->cells[sel[i]]))
            continue;
        text = sfx_fn_text_arg(ev, node, 0, sel[i]);
        for (k = 0; k < text.len && node->vec->flags[sel[i]]; k++)
            node->vec->flags[sel[i]] = strchr(" \t\r\n\v\f", text.ptr[k]) != NULL && text.ptr[k];
    }
}

/* A test of the text of what is no null; null is nothing. */
static void test(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel, bool (*is)(struct sfx_slice text))
{
    uint32_t i;

    for (i = 0; i < nsel; i++)
        node->vec->flags[sel[i]] = !sfx_cell_is_null(&node->args[0]->vec->cells[sel[i]]) &&
                                   is(sfx_fn_text_arg(ev, node, 0, sel[i]));
}

static bool is_number(struct sfx_slice text)
{
    struct sfx_decimal number;

    return sfx_decimal_parse(text, &number) == SFX_DECIMAL_OK;
}

static bool is_int(struct sfx_slice text)
{
    struct sfx_decimal number;

    if (sfx_decimal_parse(text, &number) != SFX_DECIMAL_OK)
        return false;
    sfx_decimal_trim(&number, 0);
    return number.scale == 0;
}

static bool is_time(struct sfx_slice text)
{
    struct sfx_timestamp time;

    return sfx_timestamp_parse(text, NULL, &time) == NULL;
}

static bool is_bool(struct sfx_slice text)
{
    return sfx_slice_eq(text, SFX_SLICE_LIT("true")) || sfx_slice_eq(text, SFX_SLICE_LIT("false"));
}

#define TEST_FN(name)                                                                              \
    static void fn_##name(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,   \
                          uint32_t nsel)                                                           \
    {                                                                                              \
        test(ev, node, sel, nsel, name);                                                           \
    }

TEST_FN(is_number)
TEST_FN(is_int)
TEST_FN(is_time)
TEST_FN(is_bool)

static const struct sfx_fn functions[] = {
    {"bool", "bool(x)", 1, 1, "t", BOOL, .row = fn_bool,
     .errors = "a text that is none of true, false, t, f, yes, no, y, n, on, off, 1, 0",
     .help = "x as a condition; null and an empty field are false", .example = "bool(\"yes\")",
     .gives = "true"},
    {"int", "int(x)", 1, 1, "n", NUMBER, .row = fn_int,
     .errors = "an argument that is not a whole number",
     .help = "x as a whole number; trunc(x) drops a fraction", .example = "int(\"12.0\")",
     .gives = "12"},
    {"is_blank", "is_blank(x)", 1, 1, "c", BOOL, .kernel = fn_is_blank,
     .help = "whether x is null, empty or white space", .example = "is_blank(\" \")",
     .gives = "true"},
    {"is_bool", "is_bool(x)", 1, 1, "c", BOOL, .kernel = fn_is_bool,
     .help = "whether x is true or false", .example = "is_bool(\"yes\")", .gives = "false"},
    {"is_int", "is_int(x)", 1, 1, "c", BOOL, .kernel = fn_is_int,
     .help = "whether x is a whole number", .example = "is_int(\"1.5\")", .gives = "false"},
    {"is_null", "is_null(x)", 1, 1, "c", BOOL, .kernel = fn_is_null,
     .help = "whether x is null or no such column; an empty field of CSV is not, see is_blank",
     .example = "is_null(\"\")", .gives = "false"},
    {"is_number", "is_number(x)", 1, 1, "c", BOOL, .kernel = fn_is_number,
     .help = "whether x is a number", .example = "is_number(\"1,5\")", .gives = "false"},
    {"is_time", "is_time(x)", 1, 1, "c", BOOL, .kernel = fn_is_time,
     .help = "whether x is an ISO 8601 time", .example = "is_time(\"2026-02-30\")",
     .gives = "false"},
};

const struct sfx_fn_family sfx_fn_cast_family = {"Casts and tests", functions,
                                                 SFX_COUNT(functions)};
