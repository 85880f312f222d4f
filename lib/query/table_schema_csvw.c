/* SPDX-License-Identifier: MIT */
/* Table schemas in the form of CSV on the Web (W3C tabular metadata, 2015): tableSchema. */
#include "query/table_schema_internal.h"

#include "base/size.h"
#include "query/text_formats.h"

#include <string.h>

/* What the words of a datatype stand for; bounds are those of XML Schema's derived types. */
static const struct datatype {
    const char *name;
    unsigned types;
    const char *min, *max;
    const char *format; /* of the text */
} datatypes[] = {
    {"any", 0, NULL, NULL, NULL},
    {"anyAtomicType", 0, NULL, NULL, NULL},
    {"string", SFX_FIELD_STRING, NULL, NULL, NULL},
    {"normalizedString", SFX_FIELD_STRING, NULL, NULL, NULL},
    {"token", SFX_FIELD_STRING, NULL, NULL, NULL},
    {"anyURI", SFX_FIELD_STRING, NULL, NULL, NULL},
    {"boolean", SFX_FIELD_BOOLEAN, NULL, NULL, NULL},
    {"integer", SFX_FIELD_INTEGER, NULL, NULL, NULL},
    {"nonNegativeInteger", SFX_FIELD_INTEGER, "0", NULL, NULL},
    {"positiveInteger", SFX_FIELD_INTEGER, "1", NULL, NULL},
    {"nonPositiveInteger", SFX_FIELD_INTEGER, NULL, "0", NULL},
    {"negativeInteger", SFX_FIELD_INTEGER, NULL, "-1", NULL},
    {"long", SFX_FIELD_INTEGER, "-9223372036854775808", "9223372036854775807", NULL},
    {"int", SFX_FIELD_INTEGER, "-2147483648", "2147483647", NULL},
    {"short", SFX_FIELD_INTEGER, "-32768", "32767", NULL},
    {"byte", SFX_FIELD_INTEGER, "-128", "127", NULL},
    {"unsignedLong", SFX_FIELD_INTEGER, "0", "18446744073709551615", NULL},
    {"unsignedInt", SFX_FIELD_INTEGER, "0", "4294967295", NULL},
    {"unsignedShort", SFX_FIELD_INTEGER, "0", "65535", NULL},
    {"unsignedByte", SFX_FIELD_INTEGER, "0", "255", NULL},
    {"number", SFX_FIELD_NUMBER, NULL, NULL, NULL},
    {"decimal", SFX_FIELD_NUMBER, NULL, NULL, NULL},
    {"double", SFX_FIELD_NUMBER, NULL, NULL, NULL},
    {"float", SFX_FIELD_NUMBER, NULL, NULL, NULL},
    {"date", SFX_FIELD_STRING, NULL, NULL, "date"},
    {"time", SFX_FIELD_STRING, NULL, NULL, "xsd:time"},
    {"dateTime", SFX_FIELD_STRING, NULL, NULL, "xsd:dateTime"},
    {"datetime", SFX_FIELD_STRING, NULL, NULL, "xsd:dateTime"},
};

/* What says nothing of values: about the table, or how it becomes RDF. */
static bool is_annotation(struct sfx_slice key)
{
    static const char *const words[] = {"url",       "notes",         "lang",
                                        "aboutUrl",  "propertyUrl",   "valueUrl",
                                        "rowTitles", "textDirection", "suppressOutput"};
    size_t i;

    if (key.len > 0 && (key.ptr[0] == '@' || memchr(key.ptr, ':', key.len) != NULL))
        return true;
    for (i = 0; i < SFX_COUNT(words); i++) {
        if (sfx_slice_eq(key, sfx_slice_str(words[i])))
            return true;
    }
    return false;
}

static bool is(const struct sfx_json_node *node, const char *key)
{
    return sfx_slice_eq(node->key, sfx_slice_str(key));
}

static int set_base(struct sfx_table_schema_reader *r, struct sfx_field *field,
                    const struct sfx_json_node *node)
{
    const struct datatype *type = NULL;
    size_t i;

    for (i = 0; i < SFX_COUNT(datatypes) && node->type == SFX_JSON_STRING; i++) {
        if (sfx_slice_eq(node->text, sfx_slice_str(datatypes[i].name)))
            type = &datatypes[i];
    }
    if (type == NULL)
        return sfx_table_schema_err(r, node, "datatype %.*s is not supported",
                                    SFX_SLICE_ARG(node->text));
    field->types = type->types;
    if (type->format != NULL)
        field->format = sfx_text_format_find(sfx_slice_str(type->format));
    field->min.set = type->min != NULL;
    field->max.set = type->max != NULL;
    if (type->min != NULL)
        (void)sfx_decimal_parse(sfx_slice_str(type->min), &field->min.number);
    if (type->max != NULL)
        (void)sfx_decimal_parse(sfx_slice_str(type->max), &field->max.number);
    return 0;
}

/* "Y|N" */
static int set_words(struct sfx_table_schema_reader *r, struct sfx_field *field,
                     const struct sfx_json_node *node)
{
    const char *bar = node->type == SFX_JSON_STRING && node->text.len > 0
                          ? memchr(node->text.ptr, '|', node->text.len)
                          : NULL;

    if (bar == NULL)
        return sfx_table_schema_err(r, node, "of a boolean it is two words: \"Y|N\"");
    field->yes = sfx_slice(node->text.ptr, (size_t)(bar - node->text.ptr));
    field->no = sfx_slice(bar + 1, node->text.len - field->yes.len - 1);
    return 0;
}

/* format: of text a regular expression, of a boolean its words, of times the ISO form only. */
static int set_format(struct sfx_table_schema_reader *r, struct sfx_field *field,
                      const struct sfx_json_node *node)
{
    static const char *const iso[] = {"yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ss", "HH:mm:ss"};
    size_t i;

    if ((field->types & SFX_FIELD_BOOLEAN) != 0)
        return set_words(r, field, node);
    for (i = 0; field->format != NULL && i < SFX_COUNT(iso); i++) {
        if (sfx_slice_eq(node->text, sfx_slice_str(iso[i])))
            return 0;
    }
    if (field->format != NULL || (field->types & (SFX_FIELD_INTEGER | SFX_FIELD_NUMBER)) != 0)
        return sfx_table_schema_err(r, node, "%.*s is not supported", SFX_SLICE_ARG(node->text));
    return sfx_table_schema_set_pattern(r, field, node);
}

static int set_length(struct sfx_table_schema_reader *r, struct sfx_field *field,
                      const struct sfx_json_node *node)
{
    int rc = sfx_table_schema_set_length(r, &field->min_length, node);

    field->max_length = field->min_length;
    return rc;
}

/* A bound that is said replaces that of the datatype. */
static int set_bound(struct sfx_table_schema_reader *r, struct sfx_field *field,
                     const struct sfx_json_node *node)
{
    bool is_min = memcmp(node->key.ptr, "min", 3) == 0;
    bool exclusive = is(node, "minExclusive") || is(node, "maxExclusive");

    (is_min ? &field->min : &field->max)->set = false;
    return sfx_table_schema_set_bound(r, field, is_min, exclusive, node);
}

static int read_datatype_part(struct sfx_table_schema_reader *r, struct sfx_field *field,
                              const struct sfx_json_node *node)
{
    if (is(node, "base") || is_annotation(node->key))
        return 0;
    if (is(node, "format"))
        return set_format(r, field, node);
    if (is(node, "pattern"))
        return sfx_table_schema_set_pattern(r, field, node);
    if (is(node, "minimum") || is(node, "maximum") || is(node, "minInclusive") ||
        is(node, "maxInclusive") || is(node, "minExclusive") || is(node, "maxExclusive"))
        return set_bound(r, field, node);
    if (is(node, "length"))
        return set_length(r, field, node);
    if (is(node, "minLength"))
        return sfx_table_schema_set_length(r, &field->min_length, node);
    if (is(node, "maxLength"))
        return sfx_table_schema_set_length(r, &field->max_length, node);
    return sfx_table_schema_err(r, NULL, "column %.*s: %.*s is not supported",
                                SFX_SLICE_ARG(field->name), SFX_SLICE_ARG(node->key));
}

static int read_datatype(struct sfx_table_schema_reader *r, struct sfx_field *field,
                         const struct sfx_json_node *node)
{
    const struct sfx_json_node *member, *base = sfx_json_member(node, "base");
    int rc = 0;

    if (node->type != SFX_JSON_OBJECT)
        return set_base(r, field, node);
    field->types = SFX_FIELD_STRING; /* the default base */
    if (base != NULL)
        rc = set_base(r, field, base);
    for (member = node->first; member != NULL && rc == 0; member = member->next)
        rc = read_datatype_part(r, field, member);
    return rc;
}

/* titles: a string, an array of them, or either of these by language. */
static int read_titles(struct sfx_table_schema_reader *r, struct sfx_field *field,
                       const struct sfx_json_node *node)
{
    if (node->type != SFX_JSON_OBJECT)
        return sfx_table_schema_strings(r, node, &field->titles, &field->ntitles);
    if (node->count != 1)
        return sfx_table_schema_err(r, node, "titles in one language are expected");
    return sfx_table_schema_strings(r, node->first, &field->titles, &field->ntitles);
}

static int read_column_part(struct sfx_table_schema_reader *r, struct sfx_field *field,
                            const struct sfx_json_node *node)
{
    if (is(node, "name") || is_annotation(node->key))
        return 0;
    if (is(node, "titles"))
        return read_titles(r, field, node);
    if (is(node, "datatype"))
        return read_datatype(r, field, node);
    if (is(node, "null"))
        return sfx_table_schema_strings(r, node, &field->nulls, &field->nnulls);
    if (!is(node, "required"))
        return sfx_table_schema_err(r, NULL, "column %.*s: %.*s is not supported",
                                    SFX_SLICE_ARG(field->name), SFX_SLICE_ARG(node->key));
    if (node->type != SFX_JSON_TRUE && node->type != SFX_JSON_FALSE)
        return sfx_table_schema_err(r, node, "true or false is expected");
    field->required = node->type == SFX_JSON_TRUE;
    return 0;
}

/* A column without a name is called by its first title. */
static int read_column(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    const struct sfx_json_node *name = sfx_json_member(node, "name"), *member;
    struct sfx_field *field, unnamed = {0};
    int rc = 0;

    if (node->type != SFX_JSON_OBJECT)
        return sfx_table_schema_err(r, NULL, "a column is an object");
    if (name == NULL && (member = sfx_json_member(node, "titles")) != NULL)
        rc = read_titles(r, &unnamed, member);
    if (rc < 0)
        return rc;
    if (name != NULL ? name->type != SFX_JSON_STRING : unnamed.ntitles == 0)
        return sfx_table_schema_err(r, name, "a column has a name or a title");
    field = sfx_table_schema_add_field(r, name != NULL ? name->text : unnamed.titles[0]);
    if (field == NULL)
        return r->err != NULL ? (int)r->err->code : SFX_E_USAGE;
    for (member = node->first; member != NULL && rc == 0; member = member->next)
        rc = read_column_part(r, field, member);
    return rc;
}

/* A key of the columns that node names. */
static int read_key(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                    struct sfx_field_key **out)
{
    struct sfx_slice *names;
    size_t i, count;
    int rc = sfx_table_schema_strings(r, node, &names, &count);

    if (rc < 0)
        return rc;
    *out = sfx_table_schema_add_key(r, count);
    if (*out == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < count && rc == 0; i++)
        rc = sfx_table_schema_find(r, node, names[i], &(*out)->fields[i]);
    return rc;
}

static int read_foreign_key(struct sfx_table_schema_reader *r, const struct sfx_json_node *node)
{
    const struct sfx_json_node *own = sfx_json_member(node, "columnReference");
    const struct sfx_json_node *reference = sfx_json_member(node, "reference");
    const struct sfx_json_node *file = sfx_json_member(reference, "resource");
    const struct sfx_json_node *theirs = sfx_json_member(reference, "columnReference");
    struct sfx_field_key *key;
    struct sfx_slice *names;
    size_t i, count;
    int rc;

    if (own == NULL || theirs == NULL || file == NULL || file->type != SFX_JSON_STRING)
        return sfx_table_schema_err(
            r, NULL,
            "a foreign key has columnReference and reference, which has resource "
            "and columnReference");
    rc = read_key(r, own, &key);
    if (rc == 0)
        rc = sfx_table_schema_strings(r, theirs, &names, &count);
    if (rc < 0)
        return rc;
    if (count != key->nfields)
        return sfx_table_schema_err(r, theirs, "as many columns as refer to them are expected");
    key->file = file->text.ptr;
    for (i = 0; i < count; i++)
        key->columns[i] = names[i];
    return 0;
}

static int read_table(struct sfx_table_schema_reader *r, const struct sfx_json_node *table)
{
    const struct sfx_json_node *node, *item;
    struct sfx_field_key *key;
    int rc = 0;

    node = sfx_json_member(table, "columns");
    for (item = node != NULL ? node->first : NULL; item != NULL && rc == 0; item = item->next)
        rc = read_column(r, item);
    for (node = table->first; node != NULL && rc == 0; node = node->next) {
        if (is(node, "columns") || is_annotation(node->key))
            continue;
        if (is(node, "primaryKey")) {
            rc = read_key(r, node, &key);
        } else if (is(node, "foreignKeys")) {
            for (item = node->first; item != NULL && rc == 0; item = item->next)
                rc = read_foreign_key(r, item);
        } else {
            return sfx_table_schema_err(r, NULL, "%.*s is not supported", SFX_SLICE_ARG(node->key));
        }
    }
    return rc;
}

int sfx_table_schema_read_csvw(struct sfx_table_schema_reader *r, const struct sfx_json_node *root)
{
    const struct sfx_json_node *node, *table = sfx_json_member(root, "tableSchema");

    for (node = root->first; node != NULL; node = node->next) {
        if (node != table && !is_annotation(node->key))
            return sfx_table_schema_err(r, NULL, "%.*s is not supported", SFX_SLICE_ARG(node->key));
    }
    if (table == NULL || table->type != SFX_JSON_OBJECT)
        return sfx_table_schema_err(r, NULL, "tableSchema is missing");
    return read_table(r, table);
}
