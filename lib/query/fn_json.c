/* SPDX-License-Identifier: MIT */
/* JSON inside cells: nested values of JSON inputs, and texts that are JSON. */
#include "query/functions_internal.h"

#include "query/json_path_internal.h"

#include <string.h>

#define NO_JSON "is not JSON"
#define NO_PATH "is not a path as a.b[0].c"

/* --- paths ----------------------------------------------------------------------------------- */

/* A path that is a string is read once, and a mistake in it found before a record is. */
static int bind_path(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                     enum sfx_type *type)
{
    const struct sfx_expr *path = expr->nargs > 1 ? expr->args[1] : NULL;
    struct sfx_json_path *read = sfx_arena_calloc(b->arena, 1, sizeof(*read), b->err);

    (void)type;
    if (read == NULL)
        return SFX_E_NOMEM;
    if (path == NULL || sfx_expr_is_text(path)) {
        if (path != NULL && !sfx_json_path_parse(path->text, read))
            return sfx_program_err(b->program, path->at, b->err, "\"%.*s\" " NO_PATH,
                                   SFX_SLICE_ARG(path->text));
        node->detail = read;
    }
    return sfx_bind_args(b, expr, node);
}

/* The value that the call is about: 1; 0: there is none; -1: row is bad. Without a path: all. */
static int find_value(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                      struct sfx_cell *value)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    struct sfx_json_path computed, *path = node->detail;
    int rc;

    if (text.len == 0)
        return 0;
    if (path == NULL) {
        struct sfx_slice spelled = sfx_fn_text_arg(ev, node, 1, row);

        path = &computed;
        if (!sfx_json_path_parse(spelled, path)) {
            sfx_eval_fail(ev, node, row, &spelled, NO_PATH);
            return -1;
        }
    }
    rc = sfx_json_path_find(path, 0, text, &ev->made, value);
    if (rc == SFX_E_NOMEM)
        ev->rc = rc;
    else if (rc < 0)
        sfx_eval_fail(ev, node, row, &text, NO_JSON);
    return rc < 0 ? -1 : rc;
}

static void fn_get(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_cell value;
    int found = find_value(ev, node, row, &value);

    if (found > 0)
        node->vec->cells[row] = value;
    else if (found == 0)
        sfx_vec_set_null(node->vec, row);
}

/* json(s): all of the text must be one value. */
static void fn_json(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    if (text.len > 0 && sfx_json_validate(text.ptr, text.len, NULL) < 0)
        sfx_eval_fail(ev, node, row, &text, NO_JSON);
    else
        fn_get(ev, node, row);
}

static const char *type_name(const struct sfx_cell *value)
{
    switch (value->kind) {
    case SFX_CELL_JSON_STRING: return "string";
    case SFX_CELL_JSON_NUMBER: return "number";
    case SFX_CELL_JSON_BOOL: return "boolean";
    case SFX_CELL_JSON_NESTED: return *value->ptr == '{' ? "object" : "array";
    default: return "null";
    }
}

static void fn_type(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_cell value;
    int found = find_value(ev, node, row, &value);

    if (found > 0)
        sfx_fn_set_text(node, row, type_name(&value), strlen(type_name(&value)));
    else if (found == 0)
        sfx_vec_set_null(node->vec, row);
}

/* Walks an array or object: its number of elements or members; keys: appended as a JSON array. */
static int walk(const struct sfx_cell *value, struct sfx_buf *keys, int64_t *count)
{
    struct sfx_json_reader r;
    struct sfx_json_token token;
    struct sfx_slice skipped;
    int rc;

    *count = 0;
    sfx_json_reader_init(&r, value->ptr, value->len);
    rc = sfx_json_next(&r, &token, NULL);
    while (rc >= 0 && (rc = sfx_json_next(&r, &token, NULL)) > 0) {
        if (token.type == SFX_JSON_OBJECT_END || token.type == SFX_JSON_ARRAY_END)
            return 0;
        if (token.type != SFX_JSON_KEY) {
            rc = sfx_json_skip(&r, &token, &skipped, NULL);
            ++*count;
        } else if (keys != NULL && sfx_buf_printf(keys, NULL, "%s\"%.*s\"", *count > 0 ? "," : "",
                                                  SFX_SLICE_ARG(token.text)) < 0) {
            return SFX_E_NOMEM;
        }
    }
    return rc;
}

static void fn_length(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_cell value;
    int found = find_value(ev, node, row, &value);
    int64_t count;

    if (found > 0 && value.kind == SFX_CELL_JSON_NESTED && walk(&value, NULL, &count) == 0)
        sfx_fn_set_int(node, row, count);
    else if (found >= 0)
        sfx_vec_set_null(node->vec, row);
}

static void fn_keys(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_cell value;
    int found = find_value(ev, node, row, &value), rc;
    int64_t count;

    if (found < 0)
        return;
    if (found == 0 || value.kind != SFX_CELL_JSON_NESTED || *value.ptr != '{') {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    sfx_buf_clear(&ev->made);
    rc = sfx_buf_putc(&ev->made, '[', NULL);
    if (rc == 0)
        rc = walk(&value, &ev->made, &count);
    if (rc == 0)
        rc = sfx_buf_putc(&ev->made, ']', NULL);
    sfx_fn_set_made(ev, node, row, rc);
    node->vec->cells[row].kind = SFX_CELL_JSON_NESTED;
}

static void fn_valid(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    node->vec->flags[row] = text.len > 0 && sfx_json_validate(text.ptr, text.len, NULL) == 0;
}

/* --- making JSON -------------------------------------------------------------------------------
 */

static void to_json_row(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row,
                    sfx_json_append_cell(&ev->made, &node->args[0]->vec->cells[row], &ev->scratch));
}

static void fn_to_json(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                       uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        to_json_row(ev, node, sel[i]);
}

static void make_nested(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row, bool object)
{
    struct sfx_buf *out = &ev->made;
    size_t a;
    int rc;

    sfx_buf_clear(out);
    rc = sfx_buf_putc(out, object ? '{' : '[', NULL);
    for (a = 0; a < node->nargs && rc == 0; a++) {
        const struct sfx_cell *cell = &node->args[a]->vec->cells[row];
        bool key = object && a % 2 == 0;

        if (a > 0)
            rc = sfx_buf_putc(out, object && !key ? ':' : ',', NULL);
        if (rc == 0 && key)
            rc = sfx_json_quote(out, sfx_eval_cell_text(ev, cell), NULL);
        else if (rc == 0)
            rc = sfx_json_append_cell(out, cell, &ev->scratch);
    }
    if (rc == 0)
        rc = sfx_buf_putc(out, object ? '}' : ']', NULL);
    sfx_fn_set_made(ev, node, row, rc);
    node->vec->cells[row].kind = SFX_CELL_JSON_NESTED;
}

static void fn_object(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                      uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        make_nested(ev, node, sel[i], true);
}

static void fn_array(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                     uint32_t nsel)
{
    uint32_t i;

    for (i = 0; i < nsel && ev->rc == 0; i++)
        make_nested(ev, node, sel[i], false);
}

static int bind_object(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       enum sfx_type *type)
{
    (void)type;
    if (expr->nargs % 2 != 0)
        return sfx_program_err(b->program, expr->at, b->err,
                               "json_object() takes a value behind each name");
    return sfx_bind_args(b, expr, node);
}

#define BAD_JSON "a text that is not JSON; a path that is none"

static const struct sfx_fn functions[] = {
    {"json", "json(s)", 1, 1, "t", CELL, .bind = bind_path, .row = fn_json,
     .errors = "a text that is not JSON",
     .help = "the value that a JSON text stands for; null when it is empty",
     .example = "json(\"[1,{}]\")", .gives = "[1,{}]"},
    {"json_array", "json_array(a, …)", 0, SFX_FN_ANY_ARGS, "c", CELL, .kernel = fn_array,
     .help = "an array of the values", .example = "json_array(1, \"a\", null)",
     .gives = "[1,\"a\",null]"},
    {"json_get", "json_get(x, path)", 2, 2, "t", CELL, .bind = bind_path, .row = fn_get,
     .errors = BAD_JSON,
     .help = "the value at a path in a nested value or a JSON text, as a.b[0].c, [-1] or /a/b/0; "
             "null when there is none",
     .example = "json_get('{\"a\":[{\"b\":1.50}]}', \"a[0].b\")", .gives = "1.50"},
    {"json_keys", "json_keys(x[, path])", 1, 2, "t", CELL, .bind = bind_path, .row = fn_keys,
     .errors = BAD_JSON, .help = "the names of an object's members, an array; else null",
     .example = "json_keys('{\"a\":1,\"b\":2}')", .gives = "[\"a\",\"b\"]"},
    {"json_length", "json_length(x[, path])", 1, 2, "t", NUMBER, .bind = bind_path,
     .row = fn_length, .errors = BAD_JSON,
     .help = "the number of elements of an array, or members of an object; else null",
     .example = "json_length('[1,2,3]')", .gives = "3"},
    {"json_object", "json_object(name, value, …)", 0, SFX_FN_ANY_ARGS, "c", CELL,
     .bind = bind_object, .kernel = fn_object, .help = "an object of the values",
     .example = "json_object(\"a\", 1, \"b\", json_array())", .gives = "{\"a\":1,\"b\":[]}"},
    {"json_type", "json_type(x[, path])", 1, 2, "t", TEXT, .bind = bind_path, .row = fn_type,
     .errors = BAD_JSON,
     .help = "object, array, string, number, boolean or null; null when there is no value",
     .example = "json_type('{\"a\":[]}', \"a\")", .gives = "array"},
    {"json_valid", "json_valid(s)", 1, 1, "t", BOOL, .row = fn_valid,
     .help = "true when all of s is one JSON value (RFC 8259)",
     .example = "json_valid('{\"a\":1}')", .gives = "true"},
    {"to_json", "to_json(x)", 1, 1, "c", TEXT, .kernel = fn_to_json,
     .help = "x as JSON text: numbers and conditions that are computed, nested values and null as "
             "they are, else a string",
     .example = "to_json(\"say \"\"hi\"\"\")", .gives = "\"say \\\"hi\\\"\""},
};

const struct sfx_fn_family sfx_fn_json_family = {"JSON", functions, SFX_COUNT(functions)};
