/* SPDX-License-Identifier: MIT */
/* An SQL script as a sink: what its files share. */
#ifndef SFX_SINK_SCRIPT_INTERNAL_H
#define SFX_SINK_SCRIPT_INTERNAL_H

#include "base/arena.h"
#include "sink/ddl.h"
#include "sink/typed.h"

struct sfx_script {
    struct sfx_sink base;
    struct sfx_sink_opts opts;
    struct sfx_sink_seen seen;
    const struct sfx_sink_source *source;
    const struct sfx_sink_schema *schema;
    const char *table; /* in quotes; in arena */
    enum sfx_sink_mode mode;
    int64_t load_id, started_ns;
    struct sfx_ddl_column *columns; /* in arena */
    int32_t *map;                   /* in arena */
    uint64_t map_schema_id;
    bool mapped;
    bool begun;              /* the transaction has been written */
    size_t statement_nbytes; /* of the INSERT that is being written; 0: none is */
    struct sfx_arena arena;
    struct sfx_buf out, row, insert, conflict, scratch;
};

/* --- script_statements.c: of s->source and s->schema, in the mode of the load */
/* Names the columns, appends what makes the table to ddl, and makes s->insert and s->conflict.
 * Errors: INPUT, USAGE, NOMEM. */
int sfx_script_plan(struct sfx_script *s, struct sfx_buf *ddl, struct sfx_err *err);
/* Appends the ledger and the load's entry to s->out, with counts of 0. Errors: NOMEM. */
int sfx_script_put_ledger(struct sfx_script *s, struct sfx_err *err);
/* And what they have become. */
int sfx_script_put_counts(struct sfx_script *s, const struct sfx_sink_counts *counts,
                          struct sfx_err *err);

/* --- script_value.c */
/* The type in words that SQLite and PostgreSQL both take. Errors: USAGE for one that one of them
 * does not have. */
int sfx_script_type(const struct sfx_sink_column *column, const char *name, char text[64],
                    struct sfx_err *err);

/* Appends value, which column takes, as a literal: NULL; or why the databases cannot hold it, and
 * nothing is appended. *rc: 0, or NOMEM. */
const char *sfx_script_literal(const struct sfx_sink_column *column,
                               const struct sfx_typed_value *value, struct sfx_buf *out, int *rc,
                               struct sfx_err *err);

/* Appends text as a string literal: in single quotes, those within it doubled. Errors: NOMEM. */
int sfx_script_string(struct sfx_slice text, struct sfx_buf *out, struct sfx_err *err);

#endif
