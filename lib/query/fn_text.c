/* SPDX-License-Identifier: MIT */
/* Text functions. Characters are those of UTF-8; a byte that is none counts as one. */
#include "query/functions_internal.h"

#include <string.h>

static struct sfx_slice text_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg,
                                 uint32_t row)
{
    return sfx_eval_cell_text(ev, &node->args[arg]->vec->cells[row]);
}

static void set_text(const struct sfx_node *node, uint32_t row, const char *ptr, size_t len)
{
    node->vec->cells[row] = sfx_cell_string(sfx_slice(ptr, len));
}

static void map_bytes(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, char from,
                      char to)
{
    struct sfx_slice text = text_arg(ev, node, 0, row);
    char *copy = sfx_eval_text(ev, text.len);
    size_t i;

    if (copy == NULL)
        return;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        copy[i] = (char)(c >= from && c <= from + 25 ? c - from + to : c);
    }
    set_text(node, row, copy, text.len);
}

void sfx_fn_lower(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_bytes(ev, node, row, 'A', 'a');
}

void sfx_fn_upper(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    map_bytes(ev, node, row, 'a', 'A');
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void sfx_fn_trim(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row);

    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_space(*text.ptr)) {
        text.ptr++;
        text.len--;
    }
    set_text(node, row, text.ptr, text.len);
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

void sfx_fn_length(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row);
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

void sfx_fn_substr(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row);
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
    set_text(node, row, from < to ? text.ptr + from : NULL, to - from);
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

void sfx_fn_replace(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row), from = text_arg(ev, node, 1, row);
    struct sfx_slice to = text_arg(ev, node, 2, row);
    size_t at = 0, len, used = 0;
    const char *hit;
    char *copy;

    if (from.len == 0 || text.len == 0) {
        set_text(node, row, text.ptr, text.len);
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
    set_text(node, row, copy, len);
}

void sfx_fn_contains(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row), part = text_arg(ev, node, 1, row);

    node->vec->flags[row] = part.len == 0 || (text.len > 0 && find(text, 0, part) != NULL);
}

void sfx_fn_starts_with(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row), part = text_arg(ev, node, 1, row);

    node->vec->flags[row] =
        part.len <= text.len && sfx_slice_eq(sfx_slice(text.ptr, part.len), part);
}

void sfx_fn_ends_with(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row), part = text_arg(ev, node, 1, row);

    node->vec->flags[row] =
        part.len <= text.len &&
        (part.len == 0 || sfx_slice_eq(sfx_slice(text.ptr + text.len - part.len, part.len), part));
}

void sfx_fn_match(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = text_arg(ev, node, 0, row);
#ifdef REG_STARTEND
    regmatch_t range = {0, (regoff_t)text.len};

    node->vec->flags[row] =
        regexec(node->expr->regex, text.len > 0 ? text.ptr : "", 0, &range, REG_STARTEND) == 0;
#else /* only terminated text: what follows a NUL is not looked at */
    const char *copy;

    sfx_buf_clear(&ev->scratch);
    if (sfx_buf_append(&ev->scratch, text.ptr, text.len, NULL) < 0 ||
        (copy = sfx_buf_cstr(&ev->scratch, NULL)) == NULL)
        ev->rc = SFX_E_NOMEM;
    else
        node->vec->flags[row] = regexec(node->expr->regex, copy, 0, NULL, 0) == 0;
#endif
}

static void concat_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    size_t a, len = 0;
    char *copy, *at;

    for (a = 0; a < node->nargs; a++)
        len += text_arg(ev, node, a, row).len;
    copy = at = sfx_eval_text(ev, len);
    if (copy == NULL)
        return;
    for (a = 0; a < node->nargs; a++) {
        struct sfx_slice text = text_arg(ev, node, a, row);

        if (text.len > 0)
            memcpy(at, text.ptr, text.len);
        at += text.len;
    }
    set_text(node, row, copy, len);
}

void sfx_fn_concat(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        concat_row(ev, node, sel[i]);
}

/* text(x): the same bytes, from now on known to be text. */
void sfx_fn_text(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                 uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        const struct sfx_cell *cell = &node->args[0]->vec->cells[sel[i]];

        node->vec->cells[sel[i]] =
            sfx_cell_is_null(cell) ? *cell : sfx_cell_string(sfx_eval_cell_text(ev, cell));
    }
}
