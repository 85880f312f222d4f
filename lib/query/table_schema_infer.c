/* SPDX-License-Identifier: MIT */
/* The writer behind --infer-schema: looks at all records, writes a JSON Schema that they keep. */
#include "query/eval_internal.h"
#include "query/table_schema_internal.h"
#include "query/textset_internal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CHOICES       16 /* values of an enum … */
#define CHOICE_REPEATS    4  /* … that come at least this often, on average */
#define MAX_UNIQUE_NBYTES ((uint64_t)64 << 20)

/* What every value so far was, when it was no JSON of its own kind. */
enum text_form { TEXT_INTEGER = 1, TEXT_NUMBER = 2, TEXT_BOOLEAN = 4, TEXT_ALL = 7 };

struct column {
    struct sfx_slice name;
    uint64_t present, nulls; /* records */
    unsigned types;          /* enum sfx_field_type of JSON values and computed ones */
    bool has_text;
    unsigned text_forms; /* enum text_form */
    bool has_range;
    struct sfx_decimal min, max;
    uint64_t max_length;
    bool looked_at_format;
    const struct sfx_text_format *format;
    struct sfx_slice choices[MAX_CHOICES];
    size_t nchoices;
    bool many; /* too many for an enum */
    struct sfx_textset seen;
    bool repeats; /* or too many to know */
};

struct sfx_writer {
    struct sfx_arena arena;
    struct column **columns;
    size_t ncolumns, cap;
    uint64_t nrecords, seen_nbytes;
    /* For batches of one schema: which column each of theirs is. */
    uint64_t schema_id;
    size_t *map;
    struct sfx_buf scratch;
};

static struct sfx_writer *infer_create(const struct sfx_writer_opts *opts, struct sfx_err *err)
{
    struct sfx_writer *w = calloc(1, sizeof(*w));

    (void)opts;
    if (w == NULL)
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a schema");
    return w;
}

static void infer_destroy(struct sfx_writer *w)
{
    size_t i;

    for (i = 0; i < w->ncolumns; i++)
        sfx_textset_done(&w->columns[i]->seen);
    free(w->columns);
    free(w->map);
    sfx_buf_done(&w->scratch);
    sfx_arena_done(&w->arena);
    free(w);
}

static int add_column(struct sfx_writer *w, struct sfx_slice name, struct sfx_err *err)
{
    struct column *column, **grown;
    char *copy;

    if (w->ncolumns == w->cap) {
        size_t cap = w->cap == 0 ? 32 : w->cap * 2;

        grown = reallocarray(w->columns, cap, sizeof(*grown));
        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
        w->columns = grown;
        w->cap = cap;
    }
    column = sfx_arena_calloc(&w->arena, 1, sizeof(*column), err);
    copy = sfx_arena_strndup(&w->arena, name.ptr, name.len, err);
    if (column == NULL || copy == NULL)
        return SFX_E_NOMEM;
    column->name = sfx_slice(copy, name.len);
    column->text_forms = TEXT_ALL;
    w->columns[w->ncolumns++] = column;
    return 0;
}

/* Finds the columns of batches like batch. */
static int map_columns(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t *map = reallocarray(w->map, batch->ncols + 1, sizeof(*map)), i, c;
    int rc = 0;

    if (map == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", batch->ncols);
    w->map = map;
    for (i = 0; i < batch->ncols && rc == 0; i++) {
        for (c = i; c < w->ncolumns && !sfx_slice_eq(w->columns[c]->name, batch->columns[i].name);
             c++)
            ;
        for (c = c < w->ncolumns ? c : 0;
             c < w->ncolumns && !sfx_slice_eq(w->columns[c]->name, batch->columns[i].name); c++)
            ;
        if (c == w->ncolumns)
            rc = add_column(w, batch->columns[i].name, err);
        map[i] = c;
    }
    w->schema_id = batch->schema_id;
    return rc;
}

static void widen(struct column *column, const struct sfx_decimal *number)
{
    if (!column->has_range || sfx_decimal_cmp(number, &column->min) < 0)
        column->min = *number;
    if (!column->has_range || sfx_decimal_cmp(number, &column->max) > 0)
        column->max = *number;
    column->has_range = true;
}

/* True when number, written as numbers are, is text again. */
static bool comes_back(const struct sfx_decimal *number, struct sfx_slice text)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];

    return sfx_slice_eq(sfx_slice(digits, sfx_decimal_format(number, digits)), text);
}

static void look_at_number(struct column *column, struct sfx_slice text)
{
    struct sfx_decimal number, whole;

    if (sfx_decimal_parse(text, &number) != SFX_DECIMAL_OK) { /* 1e300 */
        column->types |= SFX_FIELD_NUMBER;
        return;
    }
    whole = number;
    sfx_decimal_trim(&whole, 0);
    column->types |= whole.scale == 0 ? SFX_FIELD_INTEGER : SFX_FIELD_NUMBER;
    widen(column, &number);
}

/* Text that no format gave a type: what all of it can be. */
static void look_at_text(struct column *column, struct sfx_slice text)
{
    struct sfx_decimal number;

    column->has_text = true;
    if (!sfx_slice_eq(text, SFX_SLICE_LIT("true")) && !sfx_slice_eq(text, SFX_SLICE_LIT("false")))
        column->text_forms &= ~(unsigned)TEXT_BOOLEAN;
    if ((column->text_forms & TEXT_NUMBER) == 0)
        return;
    if (sfx_decimal_parse(text, &number) != SFX_DECIMAL_OK || !comes_back(&number, text)) {
        column->text_forms &= ~(unsigned)(TEXT_INTEGER | TEXT_NUMBER);
        return;
    }
    if (number.scale > 0)
        column->text_forms &= ~(unsigned)TEXT_INTEGER;
    widen(column, &number);
}

static void look_at_format(struct column *column, struct sfx_slice text)
{
    if (!column->looked_at_format)
        column->format = sfx_text_format_of(text);
    else if (column->format != NULL && !column->format->is(text))
        column->format = NULL;
    column->looked_at_format = true;
}

/* Keeps the value for an enum, and to know whether it comes again. */
static int remember(struct sfx_writer *w, struct column *column, struct sfx_slice text,
                    struct sfx_err *err)
{
    uint64_t before = sfx_textset_nbytes(&column->seen);
    size_t i;
    int rc;

    for (i = 0; i < column->nchoices && !sfx_slice_eq(column->choices[i], text); i++)
        ;
    column->many = column->many || !sfx_utf8_valid(text); /* JSON cannot say it */
    if (!column->many && i == column->nchoices) {
        column->many = column->nchoices == MAX_CHOICES;
        if (!column->many) {
            char *copy = sfx_arena_strndup(&w->arena, text.ptr, text.len, err);

            if (copy == NULL)
                return SFX_E_NOMEM;
            column->choices[column->nchoices++] = sfx_slice(copy, text.len);
        }
    }
    if (column->repeats)
        return 0;
    rc = sfx_textset_add(&column->seen, text, err);
    if (rc < 0)
        return rc;
    w->seen_nbytes += sfx_textset_nbytes(&column->seen) - before;
    if (rc == 0 || w->seen_nbytes > MAX_UNIQUE_NBYTES) {
        column->repeats = true;
        w->seen_nbytes -= sfx_textset_nbytes(&column->seen);
        sfx_textset_done(&column->seen);
    }
    return 0;
}

static int look(struct sfx_writer *w, struct column *column, const struct sfx_cell *cell,
                struct sfx_err *err)
{
    struct sfx_slice text;
    int rc;

    if (cell->kind == SFX_CELL_NULL)
        column->nulls++;
    if (sfx_cell_is_blank(cell))
        return 0;
    rc = sfx_cell_text(cell, &w->scratch, &text, err);
    if (rc < 0)
        return rc;
    column->present++;
    switch (cell->kind) {
    case SFX_CELL_TEXT: look_at_text(column, text); break;
    case SFX_CELL_JSON_NUMBER:
    case SFX_CELL_NUMBER: look_at_number(column, text); return remember(w, column, text, err);
    case SFX_CELL_JSON_BOOL:
    case SFX_CELL_BOOL: column->types |= SFX_FIELD_BOOLEAN; return 0;
    case SFX_CELL_JSON_NESTED:
        column->types |= text.ptr[0] == '{' ? SFX_FIELD_OBJECT : SFX_FIELD_ARRAY;
        return 0;
    default: column->types |= SFX_FIELD_STRING; break;
    }
    if (sfx_table_schema_length(text) > column->max_length)
        column->max_length = sfx_table_schema_length(text);
    look_at_format(column, text);
    return remember(w, column, text, err);
}

static int infer_write(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                       struct sfx_err *err)
{
    size_t c;
    uint32_t i;
    int rc = 0;

    (void)out;
    if (w->map == NULL || w->schema_id != batch->schema_id)
        rc = map_columns(w, batch, err);
    for (c = 0; c < batch->ncols && rc == 0; c++) {
        for (i = 0; i < batch->nsel && rc == 0; i++)
            rc = look(w, w->columns[w->map[c]], &batch->columns[c].cells[batch->sel[i]], err);
    }
    w->nrecords += batch->nsel;
    return rc;
}

/* --- the schema --------------------------------------------------------------------------------
 */

static unsigned types_of(const struct column *column)
{
    unsigned types = column->types;

    if (column->has_text) {
        if ((column->text_forms & TEXT_INTEGER) != 0)
            types |= SFX_FIELD_INTEGER;
        else if ((column->text_forms & TEXT_NUMBER) != 0)
            types |= SFX_FIELD_NUMBER;
        else
            types |=
                (column->text_forms & TEXT_BOOLEAN) != 0 ? SFX_FIELD_BOOLEAN : SFX_FIELD_STRING;
    }
    if ((types & SFX_FIELD_NUMBER) != 0)
        types &= ~(unsigned)SFX_FIELD_INTEGER; /* which is one */
    return types;
}

static void put_types(struct sfx_json_writer *w, unsigned types)
{
    static const char *const words[] = {"string", "integer", "number", "boolean",
                                        "null",   "object",  "array"};
    bool several = (types & (types - 1)) != 0;
    size_t i;

    sfx_json_key(w, "type");
    if (several)
        sfx_json_begin_array(w);
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if ((types >> i & 1) != 0)
            sfx_json_string(w, sfx_slice_str(words[i]));
    }
    if (several)
        sfx_json_end_array(w);
}

static void put_number(struct sfx_json_writer *w, const char *key, const struct sfx_decimal *number)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];

    sfx_json_key(w, key);
    sfx_json_raw(w, sfx_slice(digits, sfx_decimal_format(number, digits)));
}

static void put_text_rules(struct sfx_json_writer *w, const struct column *column)
{
    size_t i;

    if (column->format != NULL) {
        sfx_json_key(w, "format");
        sfx_json_string(w, sfx_slice_str(column->format->name));
        return;
    }
    if (!column->many && column->present >= column->nchoices * CHOICE_REPEATS) {
        sfx_json_key(w, "enum");
        sfx_json_begin_array(w);
        for (i = 0; i < column->nchoices; i++)
            sfx_json_string(w, column->choices[i]);
        sfx_json_end_array(w);
        return;
    }
    sfx_json_key(w, "maxLength");
    sfx_json_uint(w, column->max_length);
}

static int put_column(const struct column *column, uint64_t nrecords, struct sfx_buf *out,
                      struct sfx_err *err)
{
    unsigned types = types_of(column), known = types;
    bool id = types == SFX_FIELD_INTEGER || types == SFX_FIELD_STRING;
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    if (column->nulls > 0 && types != 0)
        types |= SFX_FIELD_NULL;
    if (types != 0)
        put_types(&w, types);
    if (known == SFX_FIELD_STRING && column->nulls == 0)
        put_text_rules(&w, column);
    if ((known == SFX_FIELD_INTEGER || known == SFX_FIELD_NUMBER) && column->has_range) {
        put_number(&w, "minimum", &column->min);
        put_number(&w, "maximum", &column->max);
    }
    if (id && !column->repeats && column->present == nrecords && nrecords > 1 &&
        (column->format == NULL || strcmp(column->format->name, "uuid") == 0)) {
        sfx_json_key(&w, "x-unique");
        sfx_json_bool(&w, true);
    }
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}

static int put_required(const struct sfx_writer *w, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer json;
    size_t i;

    sfx_json_writer_init(&json, out);
    sfx_json_begin_array(&json);
    for (i = 0; i < w->ncolumns; i++) {
        if (w->nrecords > 0 && w->columns[i]->present == w->nrecords)
            sfx_json_string(&json, w->columns[i]->name);
    }
    sfx_json_end_array(&json);
    return sfx_json_finish(&json, err);
}

static int infer_finish(struct sfx_writer *w, const struct sfx_batch *batch, struct sfx_buf *out,
                        struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    if (w->ncolumns == 0 && batch != NULL)
        rc = map_columns(w, batch, err);
    if (rc == 0)
        rc = sfx_buf_puts(out,
                          "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                          "  \"type\": \"object\",\n  \"properties\": {",
                          err);
    for (i = 0; i < w->ncolumns && rc == 0; i++) {
        rc = sfx_buf_puts(out, i > 0 ? ",\n    " : "\n    ", err);
        if (rc == 0)
            rc = sfx_json_quote(out, w->columns[i]->name, err);
        if (rc == 0)
            rc = sfx_buf_puts(out, ": ", err);
        if (rc == 0)
            rc = put_column(w->columns[i], w->nrecords, out, err);
    }
    if (rc == 0)
        rc = sfx_buf_puts(out, "\n  },\n  \"required\": ", err);
    if (rc == 0)
        rc = put_required(w, out, err);
    return rc < 0 ? rc : sfx_buf_puts(out, "\n}\n", err);
}

static const struct sfx_writer_ops infer_writer = {
    .create = infer_create,
    .write = infer_write,
    .finish = infer_finish,
    .destroy = infer_destroy,
};

static const char *const extensions[] = {"json", NULL};

const struct sfx_format sfx_format_table_schema = {
    .name = "table schema",
    .media_type = "application/schema+json",
    .extensions = extensions,
    .writer = &infer_writer,
};
