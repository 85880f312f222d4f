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

/*
 * An output only: instead of the records, a JSON Schema of them. A type is written when each value
 * comes back as its text; text with few values becomes an enum. That a column's values are unique
 * is noticed while they fit 64 MiB.
 */
extern const struct sfx_format sfx_format_table_schema;

#endif
