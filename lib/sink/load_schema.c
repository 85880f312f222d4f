/* SPDX-License-Identifier: MIT */
/*
 * What the user says of the columns: types instead of those that were learnt, NOT NULL. The text is
 * a list such as "zip=text,price=decimal(10,2)"; what stands in parentheses may hold commas.
 */
#include "base/size.h"
#include "sink/load_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum sfx_type type;
    int max_numbers; /* that may stand in parentheses behind it */
} types[] = {
    {"text", SFX_TYPE_TEXT, 0},           {"integer", SFX_TYPE_INTEGER, 0},
    {"decimal", SFX_TYPE_DECIMAL, 2},     {"numeric", SFX_TYPE_NUMERIC, 0},
    {"real", SFX_TYPE_REAL, 0},           {"boolean", SFX_TYPE_BOOLEAN, 0},
    {"json", SFX_TYPE_JSON, 0},           {"date", SFX_TYPE_DATE, 0},
    {"timestamp", SFX_TYPE_TIMESTAMP, 1}, {"timestamptz", SFX_TYPE_TIMESTAMPTZ, 1},
};

#define MAX_SCALE 38 /* what numeric(38,s) has room for; a time is cut to the sink's digits */

/* Reads "name(p,s)" into col. False when it is none. */
static bool read_type(struct sfx_slice text, struct sfx_sink_column *col)
{
    const char *paren = memchr(text.ptr, '(', text.len);
    const size_t len = paren != NULL ? (size_t)(paren - text.ptr) : text.len;
    unsigned numbers[2] = {0, 0};
    int n = 0, end = 0;
    char tail[32];
    size_t i;

    for (i = 0; i < SFX_COUNT(types); i++) {
        if (sfx_slice_eq(sfx_slice(text.ptr, len), sfx_slice_str(types[i].name)))
            break;
    }
    if (i == SFX_COUNT(types))
        return false;
    if (paren != NULL) {
        (void)snprintf(tail, sizeof(tail), "%.*s", (int)(text.len - len), paren);
        n = sscanf(tail, "(%3u)%n", &numbers[0], &end) == 1 && end > 0 ? 1 : 0;
        if (n == 0)
            n = sscanf(tail, "(%3u,%3u)%n", &numbers[0], &numbers[1], &end) == 2 && end > 0 ? 2 : 0;
        if (n == 0 || (size_t)end != text.len - len || n > types[i].max_numbers)
            return false;
    }
    col->type = types[i].type;
    col->precision = n == 2 ? numbers[0] : 0;
    col->scale = n == 2 ? numbers[1] : numbers[0];
    return col->scale <= MAX_SCALE && col->precision <= MAX_SCALE &&
           (n < 2 || (col->scale <= col->precision && col->precision > 0));
}

/* The length of the list's first part: up to a comma outside parentheses. */
static size_t part_len(const char *list)
{
    size_t at, depth = 0;

    for (at = 0; list[at] != '\0' && (list[at] != ',' || depth > 0); at++)
        depth += list[at] == '(' ? 1 : list[at] == ')' && depth > 0 ? (size_t)-1 : 0;
    return at;
}

int sfx_load_take_types(struct sfx_load *load, struct sfx_err *err)
{
    const char *list = load->opts.types;
    size_t n = 1, at;

    for (at = 0; list != NULL && list[at] != '\0'; at++)
        n += list[at] == ',';
    load->types = calloc(n, sizeof(*load->types));
    if (load->types == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for types");
    while (list != NULL && *list != '\0') {
        const size_t len = part_len(list);
        const char *equals = memrchr(list, '=', len);
        struct sfx_sink_column *col = &load->types[load->ntypes++];

        if (equals == NULL ||
            !read_type(sfx_slice(equals + 1, (size_t)(list + len - equals - 1)), col))
            return sfx_err_set(err, SFX_E_USAGE,
                               "--types: \"%.*s\" is not COLUMN=TYPE, with text, integer, "
                               "decimal(P,S), numeric, real, boolean, json, date, timestamp(S) or "
                               "timestamptz(S)",
                               (int)len, list);
        col->name = sfx_slice(list, (size_t)(equals - list));
        list += len + (list[len] == ',');
    }
    return 0;
}

struct sfx_sink_column *sfx_load_find_column(struct sfx_load *load, struct sfx_slice name)
{
    struct sfx_sink_schema *schema = &load->infer.schema;
    size_t i;

    for (i = 0; i < schema->ncols; i++) {
        if (sfx_slice_eq(schema->columns[i].name, name))
            return &schema->columns[i];
    }
    return NULL;
}

int sfx_load_set_types(struct sfx_load *load, struct sfx_err *err)
{
    const char *list = load->opts.not_null;
    size_t i;
    int rc = sfx_load_declare(load, err);

    if (rc < 0)
        return rc;
    for (i = 0; i < load->ntypes; i++) {
        struct sfx_sink_column *col = sfx_load_find_column(load, load->types[i].name);

        if (col == NULL)
            return sfx_err_set(err, SFX_E_INPUT, "--types: the input has no column \"%.*s\"",
                               SFX_SLICE_ARG(load->types[i].name));
        col->type = load->types[i].type;
        col->scale = load->types[i].scale;
        col->precision = load->types[i].precision;
    }
    while (list != NULL && *list != '\0') {
        const size_t len = strcspn(list, ",");
        struct sfx_sink_column *col = sfx_load_find_column(load, sfx_slice(list, len));

        if (col == NULL)
            return sfx_err_set(err, SFX_E_INPUT, "--not-null: the input has no column \"%.*s\"",
                               (int)len, list);
        col->not_null = true;
        list += len + (list[len] == ',');
    }
    return 0;
}
