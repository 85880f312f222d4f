/* SPDX-License-Identifier: MIT */
/* Text functions. Characters are those of UTF-8; a byte that is none counts as one. */
#include "query/functions_internal.h"

#include "base/text.h"
#include "value/unicode.h"

#include <string.h>

static void fn_length(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    int64_t count = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        count += sfx_begins_character(text.ptr[i]);
    sfx_fn_set_int(node, row, count);
}

static void fn_reverse(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    char *copy = sfx_eval_text(ev, text.len), *at;
    size_t i, len;

    if (copy == NULL)
        return;
    at = copy + text.len;
    for (i = 0; i < text.len; i += len) {
        for (len = 1; i + len < text.len && !sfx_begins_character(text.ptr[i + len]); len++)
            ;
        at -= len;
        memcpy(at, text.ptr + i, len);
    }
    sfx_fn_set_text(node, row, copy, text.len);
}

static const char *find(struct sfx_slice text, size_t from, struct sfx_slice part)
{
    return sfx_text_find(sfx_slice(text.ptr + from, text.len - from), part);
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

static void fn_index_of(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     part = sfx_fn_text_arg(ev, node, 1, row);
    const char *hit = part.len == 0 ? text.ptr : text.len > 0 ? find(text, 0, part) : NULL, *at;
    int64_t index = part.len == 0 || hit != NULL;

    for (at = text.ptr; at < hit; at++)
        index += sfx_begins_character(*at);
    sfx_fn_set_int(node, row, index);
}

static void fn_count_of(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row),
                     part = sfx_fn_text_arg(ev, node, 1, row);
    const char *hit;
    int64_t count = 0;
    size_t at = 0;

    while (part.len > 0 && at < text.len && (hit = find(text, at, part)) != NULL) {
        at = (size_t)(hit - text.ptr) + part.len;
        count++;
    }
    sfx_fn_set_int(node, row, count);
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

static void concat_ws_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice sep = sfx_fn_text_arg(ev, node, 0, row);
    bool any = false;
    int rc = 0;
    size_t a;

    sfx_buf_clear(&ev->made);
    for (a = 1; a < node->nargs && rc == 0; a++) {
        const struct sfx_cell *cell = &node->args[a]->vec->cells[row];
        struct sfx_slice text = sfx_eval_cell_text(ev, cell);

        if (sfx_cell_is_blank(cell))
            continue;
        if (any)
            rc = sfx_buf_append(&ev->made, sep.ptr, sep.len, NULL);
        any = true;
        if (rc == 0)
            rc = sfx_buf_append(&ev->made, text.ptr, text.len, NULL);
    }
    sfx_fn_set_made(ev, node, row, rc);
}

static void fn_concat_ws(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                         uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        concat_ws_row(ev, node, sel[i]);
}

/* --- format --------------------------------------------------------------------------------- */

/* What a template says next: literal bytes, then the place of an argument, unless it is -1. */
struct format_piece {
    struct sfx_slice literal;
    int64_t argument;
};

/* Reads a place, "{}" or "{2}", off *text: 1; 0: there is none here, or no such argument. */
static int read_place(struct sfx_slice *text, size_t *next, size_t nargs, int64_t *argument)
{
    const char *end = memchr(text->ptr, '}', text->len);
    struct sfx_slice digits;
    uint64_t n;

    if (end == NULL)
        return 0;
    digits = sfx_slice(text->ptr + 1, (size_t)(end - text->ptr) - 1);
    n = digits.len == 0 ? ++*next : 0;
    if ((digits.len > 0 && sfx_text_u64(digits, &n, NULL) < 0) || n == 0 || n > nargs)
        return 0;
    *argument = (int64_t)n;
    text->len -= digits.len + 2;
    text->ptr = end + 1;
    return 1;
}

/* The next piece of a template: 1; 0 at its end; -1 for a brace that is no place. */
static int next_piece(struct sfx_slice *text, size_t *next, size_t nargs,
                      struct format_piece *piece)
{
    size_t i = 0;

    *piece = (struct format_piece){.argument = -1};
    while (i < text->len && text->ptr[i] != '{' && text->ptr[i] != '}')
        i++;
    piece->literal = sfx_slice(text->ptr, i);
    if (i == text->len) {
        *text = sfx_slice(NULL, 0);
        return i > 0;
    }
    text->ptr += i;
    text->len -= i;
    if (text->len > 1 && text->ptr[1] == text->ptr[0]) { /* {{ and }} are a brace */
        piece->literal.len++;
        text->ptr += 2;
        text->len -= 2;
        return 1;
    }
    return *text->ptr == '{' && read_place(text, next, nargs, &piece->argument) > 0 ? 1 : -1;
}

#define NO_PLACE                                                                                   \
    "has a brace that is no place of an argument: {} or {1}; a brace itself is {{ or }}"

static void format_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct sfx_cell *template = &node->args[0]->vec->cells[row];
    struct sfx_slice text = sfx_eval_cell_text(ev, template), whole = text;
    struct format_piece piece;
    size_t next = 0;
    int rc = 0, more;

    if (sfx_cell_is_null(template)) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    sfx_buf_clear(&ev->made);
    while ((more = next_piece(&text, &next, node->nargs - 1, &piece)) > 0 && rc == 0) {
        struct sfx_slice value = {0};

        if (piece.argument > 0)
            value = sfx_fn_text_arg(ev, node, (size_t)piece.argument, row);
        rc = sfx_buf_append(&ev->made, piece.literal.ptr, piece.literal.len, NULL);
        if (rc == 0)
            rc = sfx_buf_append(&ev->made, value.ptr, value.len, NULL);
    }
    if (more < 0)
        sfx_eval_fail(ev, node, row, &whole, NO_PLACE);
    else
        sfx_fn_set_made(ev, node, row, rc);
}

static void fn_format(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                      uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        format_row(ev, node, sel[i]);
}

static int bind_format(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    struct sfx_slice text = expr->args[0]->text;
    struct format_piece piece;
    size_t next = 0;
    int more = 0;

    (void)type;
    while (sfx_expr_is_text(expr->args[0]) &&
           (more = next_piece(&text, &next, expr->nargs - 1, &piece)) > 0)
        ;
    if (more < 0)
        return sfx_program_err(b->program, expr->args[0]->at, b->err, "the template " NO_PLACE);
    return sfx_bind_args(b, expr, node);
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
    {"concat_ws", "concat_ws(separator, a, b, …)", 2, SFX_FN_ANY_ARGS, "t", TEXT,
     .kernel = fn_concat_ws,
     .help = "the texts with the separator between them; null and empty ones are left out",
     .example = "concat_ws(\", \", \"a\", null, \"b\")", .gives = "a, b"},
    {"contains", "contains(s, part)", 2, 2, "t", BOOL, .row = fn_contains,
     .help = "true when part stands somewhere in s", .example = "contains(\"shipped\", \"ship\")",
     .gives = "true"},
    {"count_of", "count_of(s, part)", 2, 2, "t", NUMBER, .row = fn_count_of,
     .help = "how often part stands in s, without overlap",
     .example = "count_of(\"banana\", \"an\")", .gives = "2"},
    {"ends_with", "ends_with(s, end)", 2, 2, "t", BOOL, .row = fn_ends_with,
     .help = "true when s ends with end", .example = "ends_with(\"a.csv\", \".csv\")",
     .gives = "true"},
    {"format", "format(template, a, …)", 1, SFX_FN_ANY_ARGS, "t", TEXT, .bind = bind_format,
     .kernel = fn_format, .errors = "a brace in the template that is no place of an argument",
     .help =
         "the template with the arguments in place of {} in turn, or of {1}, {2}; {{ and }} are "
         "braces; null counts as empty",
     .example = "format(\"{} of {}\", 2, \"many\")", .gives = "2 of many"},
    {"index_of", "index_of(s, part)", 2, 2, "t", NUMBER, .row = fn_index_of,
     .help = "the character of s, from 1, at which part first begins; 0 when it is not there",
     .example = "index_of(\"héllo\", \"l\")", .gives = "3"},
    {"length", "length(s)", 1, 1, "t", NUMBER, .row = fn_length,
     .help = "the number of characters (UTF-8) of s", .example = "length(\"héllo\")", .gives = "5"},
    {"replace", "replace(s, from, to)", 3, 3, "t", TEXT, .row = fn_replace,
     .help = "s with each from replaced by to", .example = "replace(\"a-b-c\", \"-\", \"+\")",
     .gives = "a+b+c"},
    {"reverse", "reverse(s)", 1, 1, "t", TEXT, .row = fn_reverse,
     .help = "the characters of s from the last to the first", .example = "reverse(\"né\")",
     .gives = "én"},
    {"starts_with", "starts_with(s, start)", 2, 2, "t", BOOL, .row = fn_starts_with,
     .help = "true when s begins with start", .example = "starts_with(\"abc\", \"ab\")",
     .gives = "true"},
    {"text", "text(x)", 1, 1, "t", TEXT, .kernel = fn_text,
     .help = "x as text: compared, sorted, counted by its bytes", .example = "text(1.50)",
     .gives = "1.50"},
};

const struct sfx_fn_family sfx_fn_text_family = {"Text", functions, SFX_COUNT(functions)};
