/* SPDX-License-Identifier: MIT */
/* What is declared of each column, whichever form it was written in. */
#ifndef SFX_QUERY_TABLE_SCHEMA_INTERNAL_H
#define SFX_QUERY_TABLE_SCHEMA_INTERNAL_H

#include "base/arena.h"
#include "query/table_schema.h"
#include "query/text_formats.h"
#include "value/decimal.h"
#include "value/regex.h"
#include "json/json_tree.h"

/* Types a value may have: bits; none: any. */
enum sfx_field_type {
    SFX_FIELD_STRING = 1,
    SFX_FIELD_INTEGER = 2,
    SFX_FIELD_NUMBER = 4,
    SFX_FIELD_BOOLEAN = 8,
    SFX_FIELD_NULL = 16,
    SFX_FIELD_OBJECT = 32,
    SFX_FIELD_ARRAY = 64,
};

/* What a value can break; the name of the rule is the column's and the keyword. */
enum sfx_field_rule {
    SFX_RULE_REQUIRED,
    SFX_RULE_TYPE,
    SFX_RULE_ENUM,
    SFX_RULE_PATTERN,
    SFX_RULE_FORMAT,
    SFX_RULE_MINIMUM,
    SFX_RULE_MAXIMUM,
    SFX_RULE_MIN_LENGTH,
    SFX_RULE_MAX_LENGTH,
    SFX_RULE_UNIQUE,
    SFX_RULE_FOREIGN_KEY,
    SFX_RULE_ADDITIONAL,
    SFX_NRULES,
};

/* One of the values of an enum. */
struct sfx_choice {
    enum sfx_json_type type;
    struct sfx_slice text;
    bool is_number;
    struct sfx_decimal number;
};

/* A bound; of a date as text, which sorts as its day does. */
struct sfx_bound {
    bool set, exclusive;
    struct sfx_decimal number;
    struct sfx_slice text; /* empty: a number */
};

struct sfx_field {
    struct sfx_slice name;
    struct sfx_slice *titles; /* other names in a header */
    size_t ntitles;
    unsigned types;
    bool required;
    const struct sfx_text_format *format;
    struct sfx_bound min, max;
    uint64_t min_length, max_length; /* characters */
    struct sfx_regex *pattern;
    struct sfx_choice *choices; /* NULL: any */
    size_t nchoices;
    struct sfx_slice *nulls; /* texts that stand for null */
    size_t nnulls;
    struct sfx_slice yes, no;        /* how truth is spelled */
    const char *reasons[SFX_NRULES]; /* "is below the minimum 5"; NULL: the keyword is not there */
};

/* True when all that the field may hold is numbers. */
static inline bool sfx_field_is_numeric(const struct sfx_field *field)
{
    unsigned numbers = SFX_FIELD_INTEGER | SFX_FIELD_NUMBER;

    return (field->types & numbers) != 0 && (field->types & ~(numbers | SFX_FIELD_NULL)) == 0;
}

/* True when all that the field may hold is text. */
static inline bool sfx_field_is_text(const struct sfx_field *field)
{
    return (field->types & SFX_FIELD_STRING) != 0 &&
           (field->types & ~(unsigned)(SFX_FIELD_STRING | SFX_FIELD_NULL)) == 0;
}

/* True when all that the field may hold is points in time. */
static inline bool sfx_field_is_time(const struct sfx_field *field)
{
    return sfx_field_is_text(field) && field->format != NULL && field->format->is_time;
}

/* Columns whose values are no two records' alike (file is empty), or a file's. */
struct sfx_field_key {
    size_t *fields;
    size_t nfields;
    const char *file;          /* NULL: a unique key */
    struct sfx_slice *columns; /* of the file, one for each field */
};

struct sfx_table_schema {
    struct sfx_arena arena;
    const char *name; /* of the file */
    struct sfx_field *fields;
    size_t nfields, cap_fields;
    bool closed; /* there are no other columns */
    struct sfx_field_key *keys;
    size_t nkeys, cap_keys;
};

/* While a schema is read: where in the text a message is about. */
struct sfx_table_schema_reader {
    struct sfx_table_schema *schema;
    struct sfx_err *err;
};

/* The two forms. Errors: USAGE, UNSUPPORTED, NOMEM. */
int sfx_table_schema_read_json(struct sfx_table_schema_reader *r, const struct sfx_json_node *root);
int sfx_table_schema_read_csvw(struct sfx_table_schema_reader *r, const struct sfx_json_node *root);

/* Describes an error at node (its key is named); returns USAGE. */
int sfx_table_schema_err(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                         const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds a field called name; the pointer is good until the next one. Errors: NULL; USAGE (twice),
 * NOMEM. */
struct sfx_field *sfx_table_schema_add_field(struct sfx_table_schema_reader *r,
                                             struct sfx_slice name);

/* The index of the field called name, or USAGE. node: for the message. */
int sfx_table_schema_find(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                          struct sfx_slice name, size_t *index);

/* Adds a key of nfields columns, all to be filled. Errors: NULL, NOMEM. */
struct sfx_field_key *sfx_table_schema_add_key(struct sfx_table_schema_reader *r, size_t nfields);

/* Sets what is declared. node: the value of the keyword. */
int sfx_table_schema_set_bound(struct sfx_table_schema_reader *r, struct sfx_field *field,
                               bool is_min, bool exclusive, const struct sfx_json_node *node);
int sfx_table_schema_set_length(struct sfx_table_schema_reader *r, uint64_t *length,
                                const struct sfx_json_node *node);
int sfx_table_schema_set_pattern(struct sfx_table_schema_reader *r, struct sfx_field *field,
                                 const struct sfx_json_node *node);

/* Array of the strings of node, a string or an array of them. Errors: USAGE, NOMEM. */
int sfx_table_schema_strings(struct sfx_table_schema_reader *r, const struct sfx_json_node *node,
                             struct sfx_slice **out, size_t *count);

/* The number of characters; each byte that is not UTF-8 is one. */
uint64_t sfx_table_schema_length(struct sfx_slice text);

#endif
