/* SPDX-License-Identifier: MIT */
/* Table schemas in the form of JSON Schema (2020-12): the part that describes one flat record. */
#include "query/table_schema_internal.h"

#include "base/size.h"

#include <string.h>

typedef int set_fn(struct sfx_table_schema_reader *r, struct sfx_field *field,
                   const struct sfx_json_node *node);

/* What says nothing of values. */
static const char *const annotations[] = {"$schema",     "$id",      "$comment", "title",
                                          "description", "examples", "default",  "deprecated",
                                          "readOnly",    "writeOnly"};

static bool is_annotation(struct sfx_slice key)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(annotations); i++) {
        if (sfx_slice_eq(key, sfx_slice_str(annotations[i])))
            return true;
    }
    return false;
}

static int set_types(struct sfx_table_schema_reader *r, struct sfx_field *field,
                     const struct sfx_json_node *node)
{
    static const char *const words[] = {"string", "integer", "number", "boolean",
                                        "null",   "object",  "array"};
    struct sfx_slice *names;
    size_t i, w, count;
    int rc = sfx_table_schema_strings(r, node, &names, &count);

    for (i = 0; rc == 0 && i < count; i++) {
        for (w = 0; w < SFX_COUNT(words) && !sfx_slice_eq(names[i], sfx_slice_str(words[w])); w++)
            ;
        if (w == SFX_COUNT(words))
            return sfx_table_schema_err(r, node, "there is no type %.*s", SFX_SLICE_ARG(names[i]));
        field->types |= 1U << w;
    }
    return rc;
}

static int add_choice(struct sfx_table_schema_reader *r, struct sfx_choice *choice,
                      const struct sfx_json_node *node)
{
    if (node->type == SFX_JSON_OBJECT || node->type == SFX_JSON_ARRAY)
        return sfx_table_schema_err(r, node, "objects and arrays are not compared");
    *choice = (struct sfx_choice){.type = node->type, .text = node->text};
    if (node->type == SFX_JSON_TRUE || node->type == SFX_JSON_FALSE)
        choice->text = node->type == SFX_JSON_TRUE ? SFX_SLICE_LIT("true") : SFX_SLICE_LIT("false");
    if (node->type == SFX_JSON_NULL)
        choice->text = SFX_SLICE_LIT("null");
    choice->is_number = node->type == SFX_JSON_NUMBER &&
                        sfx_decimal_parse(node->text, &choice->number) == SFX_DECIMAL_OK;
    return 0;
}

static int set_choices(struct sfx_table_schema_reader *r, struct sfx_field *field,
                       const struct sfx_json_node *node)
{
    bool is_enum = sfx_slice_eq(node->key, SFX_SLICE_LIT("enum"));
    const struct sfx_json_node *item = is_enum ? node->first : node;
    int rc = 0;

    if (is_enum && (node->type != SFX_JSON_ARRAY || node->count == 0))
        return sfx_table_schema_err(r, node, "an array of values is expected");
    if (field->choices != NULL)
        return sfx_table_schema_err(r, node, "enum and const do not go together");
    field->choices = sfx_arena_calloc(&r->schema->arena, is_enum ? node->count : 1,
                                      sizeof(*field->choices), r->err);
    if (field->choices == NULL)
        return SFX_E_NOMEM;
    for (; item != NULL && rc == 0; item = is_enum ? item->next : NULL)
        rc = add_choice(r, &field->choices[field->nchoices++], item);
    return rc;
}

static int set_format(struct sfx_table_schema_reader *r, struct sfx_field *field,
                      const struct sfx_json_node *node)
{
    if (node->type != SFX_JSON_STRING || (field->format = sfx_text_format_find(node->text)) == NULL)
        return sfx_table_schema_err(r, node, "there is no format %.*s", SFX_SLICE_ARG(node->text));
    return 0;
}

static int set_minimum(struct sfx_table_schema_reader *r, struct sfx_field *field,
                       const struct sfx_json_node *node)
{
    return sfx_table_schema_set_bound(r, field, true, false, node);
}

static int set_maximum(struct sfx_table_schema_reader *r, struct sfx_field *field,
                       const struct sfx_json_node *node)
{
    return sfx_table_schema_set_bound(r, field, false, false, node);
}

static int set_exclusive_minimum(struct sfx_table_schema_reader *r, struct sfx_field *field,
                                 const struct sfx_json_node *node)
{
    return sfx_table_schema_set_bound(r, field, true, true, node);
}

static int set_exclusive_maximum(struct sfx_table_schema_reader *r, struct sfx_field *field,
                                 const struct sfx_json_node *node)
{
    return sfx_table_schema_set_bound(r, field, false, true, node);
}

static int set_min_length(struct sfx_table_schema_reader *r, struct sfx_field *field,
                          const struct sfx_json_node *node)
{
    return sfx_table_schema_set_length(r, &field->min_length, node);
}

static int set_max_length(struct sfx_table_schema_reader *r, struct sfx_field *field,
                          const struct sfx_json_node *node)
{
    return sfx_table_schema_set_length(r, &field->max_length, node);
}

static int set_unique(struct sfx_table_schema_reader *r, struct sfx_field *field,
                      const struct sfx_json_node *node)
{
    struct sfx_field_key *key;

    if (node->type == SFX_JSON_FALSE)
        return 0;
    if (node->type != SFX_JSON_TRUE)
        return sfx_table_schema_err(r, node, "true or false is expected");
    key = sfx_table_schema_add_key(r, 1);
    if (key == NULL)
        return SFX_E_NOMEM;
    key->fields[0] = (size_t)(field - r->schema->fields);
    return 0;
}

static int set_foreign_key(struct sfx_table_schema_reader *r, struct sfx_field *field,
                           const struct sfx_json_node *node)
{
    const struct sfx_json_node *file = sfx_json_member(node, "file");
    const struct sfx_json_node *column = sfx_json_member(node, "column");
    struct sfx_field_key *key;

    if (file == NULL || file->type != SFX_JSON_STRING || column == NULL ||
        column->type != SFX_JSON_STRING || node->count != 2)
        return sfx_table_schema_err(r, node, "{\"file\": …, \"column\": …} is expected");
    key = sfx_table_schema_add_key(r, 1);
    if (key == NULL)
        return SFX_E_NOMEM;
    key->fields[0] = (size_t)(field - r->schema->fields);
    key->file = file->text.ptr;
    key->columns[0] = column->text;
    return 0;
}

static const struct {
    const char *name;
    set_fn *set;
} keywords[] = {
    {"type", set_types},
    {"enum", set_choices},
    {"const", set_choices},
    {"format", set_format},
    {"pattern", sfx_table_schema_set_pattern},
    {"minimum", set_minimum},
    {"maximum", set_maximum},
    {"exclusiveMinimum", set_exclusive_minimum},
    {"exclusiveMaximum", set_exclusive_maximum},
    {"minLength", set_min_length},
    {"maxLength", set_max_length},
    {"x-unique", set_unique},
    {"x-foreignKey", set_foreign_key},
};

static int read_field(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    struct sfx_field *field = sfx_table_schema_add_field(r, node->key);
    const struct sfx_json_node *member;
    size_t i;
    int rc = 0;

    if (field == NULL)
        return SFX_E_USAGE;
    if (node->type == SFX_JSON_TRUE)
        return 0;
    if (node->type != SFX_JSON_OBJECT)
        return sfx_table_schema_err(r, node, "an object or true is expected");
    for (member = node->first; member != NULL && rc == 0; member = member->next) {
        for (i = 0;
             i < SFX_COUNT(keywords) && !sfx_slice_eq(member->key, sfx_slice_str(keywords[i].name));
             i++)
            ;
        if (i < SFX_COUNT(keywords))
            rc = keywords[i].set(r, field, member);
        else if (!is_annotation(member->key))
            return sfx_table_schema_err(r, node, "keyword %.*s is not supported",
                                        SFX_SLICE_ARG(member->key));
    }
    return rc;
}

static int read_properties(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    const struct sfx_json_node *member;
    int rc = 0;

    if (node->type != SFX_JSON_OBJECT)
        return sfx_table_schema_err(r, node, "an object is expected");
    for (member = node->first; member != NULL && rc == 0; member = member->next)
        rc = read_field(r, member);
    return rc;
}

/* A required column without a description is one that may be anything. */
static int read_required(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    struct sfx_slice *names;
    size_t i, f, count;
    int rc;

    if (node->type == SFX_JSON_ARRAY && node->count == 0)
        return 0;
    rc = sfx_table_schema_strings(r, node, &names, &count);
    if (rc < 0)
        return rc;
    for (i = 0; i < count; i++) {
        for (f = 0; f < r->schema->nfields; f++) {
            if (sfx_slice_eq(r->schema->fields[f].name, names[i]))
                break;
        }
        if (f == r->schema->nfields && sfx_table_schema_add_field(r, names[i]) == NULL)
            return SFX_E_NOMEM;
        r->schema->fields[f].required = true;
    }
    return 0;
}

/* x-unique of the whole: lists of columns. */
static int read_unique(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    const struct sfx_json_node *list;
    struct sfx_field_key *key;
    struct sfx_slice *names;
    size_t i, count;
    int rc = 0;

    if (node->type != SFX_JSON_ARRAY)
        return sfx_table_schema_err(r, node, "an array of lists of columns is expected");
    for (list = node->first; list != NULL && rc == 0; list = list->next) {
        rc = sfx_table_schema_strings(r, list, &names, &count);
        if (rc < 0)
            return rc;
        key = sfx_table_schema_add_key(r, count);
        if (key == NULL)
            return SFX_E_NOMEM;
        for (i = 0; i < count && rc == 0; i++)
            rc = sfx_table_schema_find(r, node, names[i], &key->fields[i]);
    }
    return rc;
}

static int read_additional(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    if (node->type != SFX_JSON_TRUE && node->type != SFX_JSON_FALSE)
        return sfx_table_schema_err(r, node, "true or false is expected");
    r->schema->closed = node->type == SFX_JSON_FALSE;
    return 0;
}

static int read_root_type(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    if (node->type != SFX_JSON_STRING || !sfx_slice_eq(node->text, SFX_SLICE_LIT("object")))
        return sfx_table_schema_err(r, node, "a record is an object");
    return 0;
}

int sfx_table_schema_read_json(struct sfx_table_schema_reader *r, const struct sfx_json_node *root)
{
    /* In this order, whatever theirs is: lists name columns that properties describe. */
    static const struct {
        const char *name;
        int (*read)(struct sfx_table_schema_reader *r, const struct sfx_json_node *node);
    } parts[] = {
        {"type", read_root_type},    {"properties", read_properties},
        {"required", read_required}, {"additionalProperties", read_additional},
        {"x-unique", read_unique},
    };
    const struct sfx_json_node *member;
    size_t i;
    int rc = 0;

    for (member = root->first; member != NULL; member = member->next) {
        for (i = 0;
             i < SFX_COUNT(parts) && !sfx_slice_eq(member->key, sfx_slice_str(parts[i].name)); i++)
            ;
        if (i == SFX_COUNT(parts) && !is_annotation(member->key))
            return sfx_table_schema_err(r, NULL, "keyword %.*s is not supported",
                                        SFX_SLICE_ARG(member->key));
    }
    for (i = 0; i < SFX_COUNT(parts) && rc == 0; i++) {
        member = sfx_json_member(root, parts[i].name);
        if (member != NULL)
            rc = parts[i].read(r, member);
    }
    return rc;
}
