/* SPDX-License-Identifier: MIT */
/*
 * Table schemas: what the columns of records are declared to be, read from a file in one of two
 * forms, checked record by record, or written for records that there are.
 *
 * JSON Schema (2020-12, the part that describes one flat record) and CSV on the Web (tableSchema);
 * sfx-formats(5) lists the keywords. A keyword that is not supported is an error that names it.
 */
#ifndef SFX_QUERY_TABLE_SCHEMA_H
#define SFX_QUERY_TABLE_SCHEMA_H

#include "record/format.h"

struct sfx_table_schema;

/*
 * Reads len bytes of text. name (copied) is the file it came from: for messages, and files of
 * foreign keys are named relative to its folder. Read-only afterwards. Errors: NULL; USAGE (no
 * schema, a keyword that is not supported), UNSUPPORTED (no library for a pattern), NOMEM.
 */
struct sfx_table_schema *sfx_table_schema_new(const char *text, size_t len, const char *name,
                                              struct sfx_err *err);
void sfx_table_schema_free(struct sfx_table_schema *schema);

/* What a schema declares of a column, as far as one type of a database can say it. */
enum sfx_declared {
    SFX_DECLARED_ANY, /* nothing, or several types */
    SFX_DECLARED_TEXT,
    SFX_DECLARED_INTEGER,
    SFX_DECLARED_NUMBER,
    SFX_DECLARED_BOOLEAN,
    SFX_DECLARED_JSON, /* objects, arrays */
    SFX_DECLARED_DATE,
    SFX_DECLARED_TIME, /* with an offset from UTC */
};

struct sfx_declared_column {
    struct sfx_slice name; /* borrowed from the schema */
    enum sfx_declared type;
    bool not_null; /* required, and null is none of its types */
};

/* The columns of a schema, in its order. i: less than their number. */
size_t sfx_table_schema_ncolumns(const struct sfx_table_schema *schema);
struct sfx_declared_column sfx_table_schema_column(const struct sfx_table_schema *schema, size_t i);

/*
 * An output only: instead of the records, a JSON Schema of them. A type is written when each value
 * comes back as its text; text with few values becomes an enum. That a column's values are unique
 * is noticed while they fit 64 MiB.
 */
extern const struct sfx_format sfx_format_table_schema;

#endif
