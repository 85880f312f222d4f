/* SPDX-License-Identifier: MIT */
/*
 * How staged records get into a table: the statements of each mode but append, for any database
 * that speaks this much SQL. Records are put into a stage first, a table of the transaction; then
 * the steps are run in order, and say by how many rows they touch what became of the records.
 *
 * Contract: texts only; nothing is run here. Of records with one key the last one counts (ignore:
 * the first one; newer: the one of the highest version), whatever the order of evaluation.
 */
#ifndef SFX_SINK_MERGE_H
#define SFX_SINK_MERGE_H

#include "base/buf.h"
#include "sink/sink.h"

/* Where a database differs. All texts are static. */
struct sfx_merge_dialect {
    const char *distinct; /* null-safe inequality: "IS NOT" */
    const char *row;      /* the stage's column that tells its rows apart, in their order */
    const char *among[2]; /* around the statement that gives those of a set: "IN (", ")" */
    const char *text;     /* what makes a value without an order comparable: "::text" */
    const char *ready;    /* before "stage(key)": makes a filled stage quick to search; or NULL */
    bool index;           /* an index on the stage's keys pays */
    const char *parents;  /* makes the table _sfx_parents of the SELECT that follows */
};

struct sfx_merge_column {
    const char *name; /* without quotes */
    bool key;
    bool as_text; /* compared as text: its type has no equality */
    bool quiet;   /* no change by itself: of the load, not of the record */
};

struct sfx_merge {
    const struct sfx_sink_how *how;
    const struct sfx_merge_dialect *dialect;
    const char *table, *stage; /* in quotes, as they stand in statements */
    const struct sfx_merge_column *columns;
    size_t ncols;
    const char *now; /* RFC 3339: when rows came to be, or ended */
    const struct sfx_sink_how
        *parent;   /* table is a child table of one that was loaded so; or NULL */
    bool distinct; /* no two records have one key: nobody need look for them */
};

/* What the rows that a step touches count as. */
enum sfx_merge_count {
    SFX_MERGE_NOTHING,
    SFX_MERGE_DUPLICATE,
    SFX_MERGE_UPDATED,
    SFX_MERGE_INSERTED,
    SFX_MERGE_UNCHANGED,
    SFX_MERGE_REMOVED, /* rows of the table, not records */
};

struct sfx_merge_step {
    enum sfx_merge_count count;
    size_t at; /* of the terminated statement, in the buffer */
};

#define SFX_MERGE_MAX_STEPS 8

/* The columns that the table of a mode has beside the records', ended by NULL: times of events in
 * the life of a row, NULL as long as they have not happened. */
const char *const *sfx_merge_own_columns(enum sfx_sink_mode mode);

/*
 * What a load into table does in a run that has seen those tables: the first one of a run replaces,
 * the others append to it. Errors: USAGE for a second sync, which would remove what the first one
 * brought.
 */
int sfx_merge_mode(const struct sfx_sink_how *how, const struct sfx_sink_seen *seen,
                   const char *table, enum sfx_sink_mode *mode, struct sfx_err *err);

/* True for modes after which only the records of the load are there. */
bool sfx_merge_replaces(enum sfx_sink_mode mode);

/* True for modes that stage their records. */
bool sfx_merge_stages(enum sfx_sink_mode mode);

/*
 * Writes the statements into sql (cleared), one after the other, each with a terminator, and says
 * which they are; returns their number. Errors: NOMEM.
 */
int sfx_merge_plan(const struct sfx_merge *merge, struct sfx_buf *sql,
                   struct sfx_merge_step steps[SFX_MERGE_MAX_STEPS], struct sfx_err *err);

/*
 * For child tables of a table whose mode stages: writes into sql (cleared) the statement that makes
 * the table _sfx_parents of those staged records whose child rows are to replace those of their
 * key: their numbers, in the order of the stage, in _sfx_n, from 0 on, and their keys. It is run
 * before the plan, which changes the stage. Errors: NOMEM.
 */
int sfx_merge_parents(const struct sfx_merge *merge, struct sfx_buf *sql, struct sfx_err *err);

/* Appends to sql the WHERE that rows of a child table fulfil whose parent, loaded as how has it, is
 * in _sfx_parents. Errors: NOMEM. */
int sfx_merge_of_parents(const struct sfx_sink_how *how, struct sfx_buf *sql, struct sfx_err *err);

/* What stands before the name of a parent's key in the child's: "_parent_" of "id". Static. */
const char *sfx_merge_parent_prefix(const char *key);

/* Adds the rows that a step has touched to counts. */
void sfx_merge_add(struct sfx_sink_counts *counts, enum sfx_merge_count count, uint64_t nrows);

/* Ends the count: says what the rest of nstaged records has become. Errors: INPUT when more rows
 * were changed than there are records, since their key is not unique. */
int sfx_merge_finish(struct sfx_sink_counts *counts, enum sfx_sink_mode mode, uint64_t nstaged,
                     struct sfx_err *err);

/* Marks which columns of schema are how's keys: is_key (schema->ncols long) is filled. Errors:
 * INPUT naming a key or the version column that the input lacks. */
int sfx_merge_keys(const struct sfx_sink_how *how, const struct sfx_sink_schema *schema,
                   bool *is_key, struct sfx_err *err);

/* Appends to sql (not cleared) the statements that make how's indexes on table (its bare name, and
 * as statements call it), where they are missing. Errors: NOMEM; INPUT for a column that schema
 * lacks. */
int sfx_merge_indexes(const struct sfx_sink_how *how, const struct sfx_sink_schema *schema,
                      const char *table, const char *quoted, struct sfx_buf *sql,
                      struct sfx_err *err);

/* Appends name in double quotes, those inside doubled. Errors: NOMEM. */
int sfx_merge_quote(struct sfx_buf *sql, const char *name, struct sfx_err *err);

#endif
