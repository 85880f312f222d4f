/* SPDX-License-Identifier: MIT */
/*
 * The table of a load in an SQL database: its columns, and the statements that make it or change
 * it. What databases differ in is a dialect; what they have is asked by the sinks.
 *
 * Contract: texts only; nothing is run here. A sink fills columns' names, calls _keys, then _note
 * for each column of a table that exists, then _settle, and runs what that has appended.
 */
#ifndef SFX_SINK_DDL_H
#define SFX_SINK_DDL_H

#include "base/arena.h"
#include "base/buf.h"
#include "sink/sink.h"

/* A column of the load in the table. */
struct sfx_ddl_column {
    const char *name;          /* in the table; unlike every other */
    const char *declared;      /* its type, as the database writes it; NULL: not known yet */
    int class;                 /* what it takes: the sink's own enumeration */
    uint32_t precision, scale; /* digits, and those behind the point; of a second, in times */
    int32_t max_chars;         /* 0: no limit */
    bool bounded;              /* precision and scale count */
    bool not_null;
    bool key;   /* of the load: never NULL */
    bool fixed; /* the type of the table's column cannot be changed */
};

struct sfx_ddl_dialect {
    const char *time; /* the type of the columns that a mode adds, see sfx_merge_own_columns */
    bool folds;       /* names that differ in the case of ASCII letters are one */
    /* Writes the type for column; name is how messages call it. Errors: USAGE for a type that the
     * database does not have. */
    int (*type)(const struct sfx_sink_column *column, const char *name, char text[64],
                struct sfx_err *err);
    /* Reads col's declared type into type, scale and precision of column; false: it is none that
     * _type writes. */
    bool (*read)(const struct sfx_ddl_column *col, struct sfx_sink_column *column);
    /* Appends what gives the table's column name the type text; was: the one that it has. Errors:
     * NOMEM. */
    int (*alter)(const char *target, const char *name, const struct sfx_sink_column *was,
                 const char *text, struct sfx_buf *out, struct sfx_err *err);
};

#define SFX_DDL_MAX_OWN 2

struct sfx_ddl {
    const struct sfx_ddl_dialect *dialect;
    const struct sfx_sink_how *how;
    const struct sfx_sink_schema *schema;
    enum sfx_sink_mode mode;        /* of this load */
    const char *target;             /* quoted, as it stands in statements */
    struct sfx_ddl_column *columns; /* schema->ncols */
    bool own[SFX_DDL_MAX_OWN];      /* the table has that column of the mode */
    bool key_later;                 /* _settle makes tables without their key, see _key */
    struct sfx_arena *arena;        /* texts */
};

/* Marks the keys among the columns. Errors: INPUT for one that the input lacks; NOMEM. */
int sfx_ddl_keys(struct sfx_ddl *ddl, struct sfx_err *err);

/* Notes a column of the table that exists: where the input has it, type becomes its declared one
 * (copied). Errors: NOMEM. */
int sfx_ddl_note(struct sfx_ddl *ddl, const char *name, const char *type, bool not_null, bool fixed,
                 struct sfx_err *err);

/* Says which columns were not noted and are no lineage: lacks is filled. there: the table is. */
void sfx_ddl_lacks(const struct sfx_ddl *ddl, bool there, bool *lacks);

/*
 * Appends what makes the table, or, where it is there (its columns noted), what adds the columns
 * that it lacks and widens what how->evolve says; every column has a declared type then. Errors:
 * INPUT for a column that the table lacks and that may not be added; USAGE; NOMEM.
 */
int sfx_ddl_settle(struct sfx_ddl *ddl, bool there, struct sfx_buf *out, struct sfx_err *err);

/* Appends what gives the table its key once it has rows; nothing when it is to have none. Errors:
 * NOMEM. */
int sfx_ddl_key(const struct sfx_ddl *ddl, struct sfx_buf *out, struct sfx_err *err);

#endif
