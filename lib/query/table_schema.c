/* SPDX-License-Identifier: MIT */
/* Table schemas: what both forms share, and what is said of values that break them. */
#include "query/table_schema_internal.h"

#include "base/size.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_CHOICES 8 /* of an enum in a message */

int sfx_table_schema_err(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                         const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (node == NULL || node->key.len == 0)
        return sfx_err_set(r->err, SFX_E_USAGE, "%s: %s", r->schema->name, text);
    return sfx_err_set(r->err, SFX_E_USAGE, "%s: %.*s: %s", r->schema->name,
                       SFX_SLICE_ARG(node->key), text);
}

/* Room for one more of count things of size bytes: the array, grown in the arena, or NULL. */
static void *room_for_one(struct sfx_table_schema_reader *r, void *items, size_t count, size_t *cap,
                          size_t size)
{
    size_t more = *cap == 0 ? 16 : *cap * 2;
    void *grown;

    if (count < *cap)
        return items;
    grown = sfx_arena_calloc(&r->schema->arena, more, size, r->err);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * size);
    *cap = more;
    return grown;
}

struct sfx_field *sfx_table_schema_add_field(struct sfx_table_schema_reader *r,
                                             struct sfx_slice name)
{
    struct sfx_table_schema *schema = r->schema;
    struct sfx_field *fields, *field;
    size_t i;

    for (i = 0; i < schema->nfields; i++) {
        if (sfx_slice_eq(schema->fields[i].name, name)) {
            (void)sfx_table_schema_err(r, NULL, "column %.*s is described twice",
                                       SFX_SLICE_ARG(name));
            return NULL;
        }
    }
    fields = room_for_one(r, schema->fields, schema->nfields, &schema->cap_fields, sizeof(*fields));
    if (fields == NULL)
        return NULL;
    schema->fields = fields;
    field = &fields[schema->nfields++];
    *field = (struct sfx_field){
        .name = name,
        .max_length = UINT64_MAX,
        .yes = SFX_SLICE_LIT("true"),
        .no = SFX_SLICE_LIT("false"),
    };
    return field;
}

int sfx_table_schema_find(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                          struct sfx_slice name, size_t *index)
{
    for (*index = 0; *index < r->schema->nfields; ++*index) {
        if (sfx_slice_eq(r->schema->fields[*index].name, name))
            return 0;
    }
    return sfx_table_schema_err(r, node, "there is no column %.*s", SFX_SLICE_ARG(name));
}

struct sfx_field_key *sfx_table_schema_add_key(struct sfx_table_schema_reader *r, size_t nfields)
{
    struct sfx_table_schema *schema = r->schema;
    struct sfx_field_key *keys, *key;

    keys = room_for_one(r, schema->keys, schema->nkeys, &schema->cap_keys, sizeof(*keys));
    if (keys == NULL)
        return NULL;
    schema->keys = keys;
    key = &keys[schema->nkeys++];
    *key = (struct sfx_field_key){.nfields = nfields};
    key->fields = sfx_arena_calloc(&schema->arena, nfields, sizeof(*key->fields), r->err);
    key->columns = sfx_arena_calloc(&schema->arena, nfields, sizeof(*key->columns), r->err);
    return key->fields == NULL || key->columns == NULL ? NULL : key;
}

int sfx_table_schema_set_bound(struct sfx_table_schema_reader *r, struct sfx_field *field,
                               bool is_min, bool exclusive, const struct sfx_json_node *node)
{
    struct sfx_bound *bound = is_min ? &field->min : &field->max;

    if (bound->set)
        return sfx_table_schema_err(r, node, "column %.*s has another bound at this side",
                                    SFX_SLICE_ARG(field->name));
    *bound = (struct sfx_bound){.set = true, .exclusive = exclusive};
    if (field->format != NULL && node->type == SFX_JSON_STRING) {
        if (strcmp(field->format->name, "date") != 0) /* zones would have to be compared */
            return sfx_table_schema_err(r, node, "bounds of times are not supported");
        bound->text = node->text;
        if (!field->format->is(node->text))
            return sfx_table_schema_err(r, node, "%.*s is no %s", SFX_SLICE_ARG(node->text),
                                        field->format->name);
        return 0;
    }
    if ((node->type != SFX_JSON_NUMBER && node->type != SFX_JSON_STRING) ||
        sfx_decimal_parse(node->text, &bound->number) != SFX_DECIMAL_OK)
        return sfx_table_schema_err(r, node, "a number is expected");
    return 0;
}

int sfx_table_schema_set_length(struct sfx_table_schema_reader *r, uint64_t *length,
                                const struct sfx_json_node *node)
{
    if (node->type != SFX_JSON_NUMBER || sfx_text_u64(node->text, length, NULL) < 0)
        return sfx_table_schema_err(r, node, "a whole number is expected");
    return 0;
}

int sfx_table_schema_set_pattern(struct sfx_table_schema_reader *r, struct sfx_field *field,
                                 const struct sfx_json_node *node)
{
    size_t at;

    if (node->type != SFX_JSON_STRING || field->pattern != NULL)
        return sfx_table_schema_err(r, node, "one regular expression is expected");
    field->pattern = sfx_regex_new(node->text, &at, r->err);
    if (field->pattern == NULL)
        return sfx_err_wrap(r->err, r->err != NULL ? (int)r->err->code : SFX_E_USAGE,
                            "%s: column %.*s: %.*s", r->schema->name, SFX_SLICE_ARG(field->name),
                            SFX_SLICE_ARG(node->key));
    return 0;
}

int sfx_table_schema_strings(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                             struct sfx_slice **out, size_t *count)
{
    bool is_array = node->type == SFX_JSON_ARRAY;
    const struct sfx_json_node *item = is_array ? node->first : node;

    *count = 0;
    *out = sfx_arena_calloc(&r->schema->arena, is_array ? node->count : 1, sizeof(**out), r->err);
    if (*out == NULL)
        return SFX_E_NOMEM;
    for (; item != NULL; item = is_array ? item->next : NULL) {
        if (item->type != SFX_JSON_STRING)
            return sfx_table_schema_err(r, node, "strings are expected");
        (*out)[(*count)++] = item->text;
    }
    return *count > 0 ? 0 : sfx_table_schema_err(r, node, "strings are expected");
}

uint64_t sfx_table_schema_length(struct sfx_slice text)
{
    uint64_t n = 0;
    uint32_t cp;

    for (; text.len > 0; n++) {
        size_t len = (unsigned char)text.ptr[0] < 0x80 ? 1 : sfx_utf8_decode(text, &cp);

        len = len == 0 ? 1 : len;
        text.ptr += len;
        text.len -= len;
    }
    return n;
}

/* --- what is said of values ------------------------------------------------------------------ */

/* "is neither a number nor null": the types in words. */
static int describe_types(unsigned types, struct sfx_buf *out, struct sfx_err *err)
{
    static const char *const words[] = {"a string", "an integer", "a number", "true or false",
                                        "null",     "an object",  "an array"};
    const char *joint = "is not ";
    size_t i;
    int rc = 0;

    for (i = 0; i < SFX_COUNT(words) && rc == 0; i++) {
        if ((types >> i & 1) == 0)
            continue;
        rc = sfx_buf_printf(out, err, "%s%s", joint, words[i]);
        joint = " or ";
    }
    return rc;
}

static int describe_choices(const struct sfx_field *field, struct sfx_buf *out, struct sfx_err *err)
{
    size_t i;
    int rc = sfx_buf_puts(out, "is not one of", err);

    for (i = 0; i < field->nchoices && i < SHOWN_CHOICES && rc == 0; i++)
        rc = sfx_buf_printf(out, err, "%s %.*s", i > 0 ? "," : "",
                            SFX_SLICE_ARG(field->choices[i].text));
    return rc == 0 && i < field->nchoices ? sfx_buf_puts(out, ", …", err) : rc;
}

static int describe_bound(const struct sfx_bound *bound, const char *side, struct sfx_buf *out,
                          struct sfx_err *err)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];
    struct sfx_slice text = bound->text;

    if (text.len == 0)
        text = sfx_slice(digits, sfx_decimal_format(&bound->number, digits));
    return sfx_buf_printf(out, err, "is %s%s %.*s", bound->exclusive ? "not " : "", side,
                          SFX_SLICE_ARG(text));
}

/* Writes what is wrong with a value that breaks rule; nothing: the field does not have the rule. */
static int describe(const struct sfx_field *field, enum sfx_field_rule rule, struct sfx_buf *out,
                    struct sfx_err *err)
{
    switch (rule) {
    case SFX_RULE_REQUIRED: return field->required ? sfx_buf_puts(out, "is required", err) : 0;
    case SFX_RULE_TYPE: return field->types != 0 ? describe_types(field->types, out, err) : 0;
    case SFX_RULE_ENUM: return field->choices != NULL ? describe_choices(field, out, err) : 0;
    case SFX_RULE_PATTERN:
        return field->pattern != NULL ? sfx_buf_puts(out, "does not match the pattern", err) : 0;
    case SFX_RULE_FORMAT:
        return field->format != NULL ? sfx_buf_printf(out, err, "is no %s", field->format->name)
                                     : 0;
    case SFX_RULE_MINIMUM:
        return !field->min.set ? 0
                               : describe_bound(&field->min,
                                                field->min.exclusive ? "above" : "below", out, err);
    case SFX_RULE_MAXIMUM:
        return !field->max.set ? 0
                               : describe_bound(&field->max,
                                                field->max.exclusive ? "below" : "above", out, err);
    case SFX_RULE_MIN_LENGTH:
        return field->min_length == 0
                   ? 0
                   : sfx_buf_printf(out, err, "has fewer than %" PRIu64 " characters",
                                    field->min_length);
    case SFX_RULE_MAX_LENGTH:
        return field->max_length == UINT64_MAX
                   ? 0
                   : sfx_buf_printf(out, err, "has more than %" PRIu64 " characters",
                                    field->max_length);
    default: return 0;
    }
}

static int make_reasons(struct sfx_table_schema *schema, struct sfx_err *err)
{
    struct sfx_buf text = {0};
    size_t i, rule;
    int rc = 0;

    for (i = 0; i < schema->nfields && rc == 0; i++) {
        for (rule = 0; rule < SFX_NRULES && rc == 0; rule++) {
            sfx_buf_clear(&text);
            rc = describe(&schema->fields[i], (enum sfx_field_rule)rule, &text, err);
            if (rc < 0 || text.len == 0)
                continue;
            schema->fields[i].reasons[rule] =
                sfx_arena_strndup(&schema->arena, text.data, text.len, err);
            rc = schema->fields[i].reasons[rule] == NULL ? SFX_E_NOMEM : 0;
        }
    }
    sfx_buf_done(&text);
    return rc;
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_schema(struct sfx_table_schema_reader *r, const char *text, size_t len)
{
    const struct sfx_json_node *root = sfx_json_tree(&r->schema->arena, text, len, r->err);
    bool csvw;
    int rc;

    if (root == NULL) {
        rc = r->err != NULL ? (int)r->err->code : SFX_E_INPUT;
        if (rc == SFX_E_INPUT && r->err != NULL)
            r->err->code = SFX_E_USAGE; /* the command names the wrong file */
        return sfx_err_wrap(r->err, rc == SFX_E_INPUT ? SFX_E_USAGE : rc, "%s", r->schema->name);
    }
    if (root->type != SFX_JSON_OBJECT)
        return sfx_table_schema_err(r, NULL, "a schema is a JSON object");
    csvw =
        sfx_json_member(root, "tableSchema") != NULL || sfx_json_member(root, "@context") != NULL;
    rc = csvw ? sfx_table_schema_read_csvw(r, root) : sfx_table_schema_read_json(r, root);
    return rc < 0 ? rc : make_reasons(r->schema, r->err);
}

struct sfx_table_schema *sfx_table_schema_new(const char *text, size_t len, const char *name,
                                              struct sfx_err *err)
{
    struct sfx_table_schema *schema = calloc(1, sizeof(*schema));
    struct sfx_table_schema_reader r = {schema, err};

    if (schema == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a schema");
        return NULL;
    }
    schema->name = sfx_arena_strndup(&schema->arena, name, strlen(name), err);
    if (schema->name == NULL || read_schema(&r, text, len) < 0) {
        sfx_table_schema_free(schema);
        return NULL;
    }
    return schema;
}

void sfx_table_schema_free(struct sfx_table_schema *schema)
{
    size_t i;

    if (schema == NULL)
        return;
    for (i = 0; i < schema->nfields; i++)
        sfx_regex_free(schema->fields[i].pattern);
    sfx_arena_done(&schema->arena);
    free(schema);
}

size_t sfx_table_schema_ncolumns(const struct sfx_table_schema *schema)
{
    return schema->nfields;
}

static enum sfx_declared declared_type(const struct sfx_field *field)
{
    const unsigned types = field->types & ~(unsigned)SFX_FIELD_NULL;

    if (sfx_field_is_text(field) && field->format != NULL) {
        if (strcmp(field->format->name, "date") == 0)
            return SFX_DECLARED_DATE;
        if (strcmp(field->format->name, "date-time") == 0)
            return SFX_DECLARED_TIME;
        /* In XML Schema the offset may be missing. */
        return field->format->is_time ? SFX_DECLARED_ANY : SFX_DECLARED_TEXT;
    }
    switch (types) {
    case SFX_FIELD_STRING: return SFX_DECLARED_TEXT;
    case SFX_FIELD_INTEGER: return SFX_DECLARED_INTEGER;
    case SFX_FIELD_NUMBER:
    case SFX_FIELD_NUMBER | SFX_FIELD_INTEGER: return SFX_DECLARED_NUMBER;
    case SFX_FIELD_BOOLEAN: return SFX_DECLARED_BOOLEAN;
    case SFX_FIELD_OBJECT:
    case SFX_FIELD_ARRAY:
    case SFX_FIELD_OBJECT | SFX_FIELD_ARRAY: return SFX_DECLARED_JSON;
    default: return SFX_DECLARED_ANY;
    }
}

struct sfx_declared_column sfx_table_schema_column(const struct sfx_table_schema *schema, size_t i)
{
    const struct sfx_field *field = &schema->fields[i];

    return (struct sfx_declared_column){
        .name = field->name,
        .type = declared_type(field),
        .not_null = field->required && (field->types & SFX_FIELD_NULL) == 0,
    };
}
