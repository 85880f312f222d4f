/* SPDX-License-Identifier: MIT */
/* The parts of the stage that checks records against a table schema. */
#ifndef SFX_QUERY_STAGE_SCHEMA_INTERNAL_H
#define SFX_QUERY_STAGE_SCHEMA_INTERNAL_H

#include "query/key_wait_internal.h"
#include "query/table_schema_internal.h"
#include "query/textset_internal.h"

/* --- values: schema_value.c ------------------------------------------------------------------ */

/* What is known of a value once it was looked at. */
struct sfx_table_schema_value {
    struct sfx_slice text;
    bool is_number;
    struct sfx_decimal number;
};

/*
 * Looks at a cell that is not blank: the rule of the field that it breaks, or -1. Errors: NOMEM and
 * LIMIT (of a pattern, which is then said to be broken) in m.
 */
int sfx_table_schema_check_value(const struct sfx_field *field, const struct sfx_cell *cell,
                                 struct sfx_matcher *m, struct sfx_table_schema_value *value);

/* --- keys over records: stage_schema_keys.c ------------------------------------------------- */

/* The keys of a schema at work. */
struct sfx_table_schema_keys {
    const struct sfx_table_schema *schema;
    struct sfx_textset *sets; /* one for each key of the schema */
    struct sfx_buf text;      /* of the key in hand */
    uint64_t charged;
    bool loaded; /* the files of foreign keys are read */
    bool full;   /* the sets have the memory that is for them: records wait */
    struct sfx_key_wait wait;
};

/* To be called for op's first frame: reads the files of foreign keys. Errors: IO, INPUT, USAGE (no
 * such column), LIMIT, NOMEM. */
int sfx_table_schema_keys_load(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                               struct sfx_err *err);

/* Whether key k is looked up in another file; keys is a struct sfx_table_schema_keys. */
bool sfx_table_schema_key_is_foreign(const void *keys, size_t k);

/*
 * Looks up and notes the keys of frame's selected rows; fields: the vector of each field, NULL
 * where there is none. broken(ctx, row, key index) is called for each row that breaks one. A key
 * with a null in it is not looked at. When the memory is full, all rows go to keys->wait instead,
 * and none stays selected. Errors: IO, LIMIT, NOMEM.
 */
int sfx_table_schema_keys_check(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                                struct sfx_frame *frame, struct sfx_vec *const *fields,
                                sfx_key_broken *broken, void *ctx, struct sfx_err *err);

/* Makes op's out the frame of what waits, which is then to be taken by sfx_key_wait_next. Errors:
 * IO, LIMIT, NOMEM. */
int sfx_table_schema_keys_resolve(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                                  struct sfx_err *err);

void sfx_table_schema_keys_done(struct sfx_table_schema_keys *keys, struct sfx_operator *op);

#endif
