/* SPDX-License-Identifier: MIT */
/*
 * The parts of the SQLite sink: sink_sqlite.c (database, transaction), sqlite_stmt.c,
 * sqlite_ledger.c, sqlite_table.c (the table and its columns), sqlite_merge.c (what is staged),
 * sqlite_value.c (what fits a column), sqlite_put.c (rows), sqlite_children.c (child tables).
 */
#ifndef SFX_SINK_SQLITE_INTERNAL_H
#define SFX_SINK_SQLITE_INTERNAL_H

#include "base/arena.h"
#include "sink/ddl.h"
#include "sink/merge.h"
#include "sink/sink.h"

#include <sqlite3.h>

/* What a column takes, by its declared type: sfx_ddl_column.class. */
enum sfx_sqlite_class {
    SFX_SQLITE_TEXT,    /* anything, as text; columns without a type as well */
    SFX_SQLITE_INTEGER, /* canonical integers of 64 bits */
    SFX_SQLITE_DECIMAL, /* DECIMAL(p,s), NUMERIC(p,s): at most p digits, s of them a fraction */
    SFX_SQLITE_NUMERIC, /* integers of 64 bits and doubles */
    SFX_SQLITE_REAL,    /* doubles */
    SFX_SQLITE_BOOLEAN, /* 0, 1, true, false */
    SFX_SQLITE_BLOB,    /* anything, as bytes */
    SFX_SQLITE_OTHER, /* numeric affinity by default (DATE, JSON, …): what SQLite leaves alone */
};

/* A cell made ready to bind. */
struct sfx_sqlite_value {
    enum { SFX_SQLITE_V_NULL, SFX_SQLITE_V_INT, SFX_SQLITE_V_REAL, SFX_SQLITE_V_TEXT } kind;
    int64_t integer;
    double real;
    struct sfx_slice text;
};

#define SFX_SQLITE_NKEPT 4

struct sfx_sqlite {
    struct sfx_sink base;
    struct sfx_sink_opts opts;
    char *path, *folder;
    sqlite3 *db; /* NULL until the database exists */
    int64_t waiting_since_ns;
    struct {
        const char *sql; /* static */
        sqlite3_stmt *stmt;
    } kept[SFX_SQLITE_NKEPT]; /* statements that each load runs: preparing is most of a small one */

    /* The load under way. */
    bool begun;
    bool grouped; /* a transaction of several loads is open */
    bool goes_on; /* with a load that another run has begun */
    bool created; /* the database, for a load that is not committed yet */
    const struct sfx_sink_source *source;
    struct sfx_sink_source child; /* it, with a child table in hand; then the parent's are here: */
    struct {
        const struct sfx_sink_source *source; /* NULL: the parent's table is in hand */
        struct sfx_sink_how how;
        enum sfx_sink_mode mode;
        bool dry_run; /* behind a rehearsal */
    } parent;
    bool settled;                /* the parent's table has got all, in a mode by keys, */
    struct sfx_sink_seen filled; /* and then these child tables */
    const struct sfx_sink_schema *schema;
    int64_t started_ns, load_id;
    struct sfx_sink_counts so_far;  /* by checkpoints of this load */
    uint64_t next_row;              /* as the last one has it */
    struct sfx_ddl_column *columns; /* schema->ncols; in the arena */
    int32_t *map;                   /* schema column -> batch column; in the arena */
    uint64_t map_schema_id;
    bool mapped;
    enum sfx_sink_mode mode;  /* of this load */
    bool staged;              /* rows go to the stage first */
    bool direct;              /* rows of a mode by keys go into the table, see sfx_sqlite_direct */
    uint64_t nhooked[2];      /* rows that statements have inserted, updated, for direct */
    uint64_t nremoved;        /* by a load that replaces them */
    sqlite3_stmt *many, *one; /* INSERT of rows_per_many rows, and of one */
    uint32_t rows_per_many;
    sqlite3_stmt *reject;   /* INSERT into the table of rejects; NULL until needed */
    struct sfx_arena arena; /* names, reset by _begin */

    /* Of the rows that are bound and not yet stepped. */
    uint16_t *pending;
    uint32_t npending;
    struct sfx_arena unescaped;

    struct sfx_buf sql, scratch;
    struct sfx_sink_seen seen; /* tables that were replaced in this run */
};

/* Describes a failed SQLite call. Returns the code that fits the result rc. */
int sfx_sqlite_fail(struct sfx_sqlite *s, int rc, struct sfx_err *err);

/* Runs one or more statements without results. Errors: as SQLite's result says. */
int sfx_sqlite_exec(struct sfx_sqlite *s, const char *sql, struct sfx_err *err);

/* Prepares sql (terminated) into *stmt. Errors: as above. */
int sfx_sqlite_compile(struct sfx_sqlite *s, const char *sql, sqlite3_stmt **stmt,
                       struct sfx_err *err);

/* The same for sql that is static and comes with each load: it is prepared once. *stmt is given
 * back by _release, not finalized. */
int sfx_sqlite_keep(struct sfx_sqlite *s, const char *sql, sqlite3_stmt **stmt,
                    struct sfx_err *err);
void sfx_sqlite_release(sqlite3_stmt *stmt); /* NULL does nothing */
void sfx_sqlite_forget(struct sfx_sqlite *s);

/* Makes the ledger where it is missing. Errors: as SQLite says. */
int sfx_sqlite_ledger_make(struct sfx_sqlite *s, struct sfx_err *err);

/* 1 and entry filled when the ledger has source as done; else 0, and entry->open for a load to go
 * on with (a dry run may find no ledger). Errors: as SQLite says; USAGE for an open one of another
 * mode. */
int sfx_sqlite_ledger_find(struct sfx_sqlite *s, const struct sfx_sink_source *source,
                           struct sfx_sink_entry *entry, struct sfx_err *err);

/* The id that the load under way will have. Errors: as SQLite says. */
int sfx_sqlite_ledger_next(struct sfx_sqlite *s, int64_t *load_id, struct sfx_err *err);

/* Within a transaction, as ops->undo. */
int sfx_sqlite_ledger_undo(struct sfx_sqlite *s, int64_t load_id, struct sfx_sink_entry *entry,
                           const char **table, struct sfx_err *err);

/* Writes entry for s->source: open with mark, or done (NULL). Errors: as SQLite says; TEMPORARY
 * when another process has gone on with the open load. */
int sfx_sqlite_ledger_write(struct sfx_sqlite *s, const struct sfx_sink_entry *entry,
                            const struct sfx_sink_mark *mark, struct sfx_err *err);

/* Makes or checks the source's table for s->schema and fills s->columns. As ops->prepare. */
int sfx_sqlite_table(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err);

/* As ops->lacks. */
int sfx_sqlite_lacks(struct sfx_sink *sink, const struct sfx_sink_schema *schema, bool *lacks,
                     struct sfx_err *err);

/* Makes the stage for s->columns. Errors: as SQLite says. */
int sfx_sqlite_stage(struct sfx_sqlite *s, struct sfx_err *err);

/*
 * Sees whether rows of s->mode may go into the table without a stage, and sets s->direct: upserts
 * and ignores, by keys that the table has an index for. Errors: as SQLite says; NOMEM.
 */
int sfx_sqlite_direct(struct sfx_sqlite *s, struct sfx_err *err);

/* Appends what makes an INSERT one of s->mode; nothing unless direct. Errors: NOMEM. */
int sfx_sqlite_put_conflict(struct sfx_sqlite *s, struct sfx_buf *sql, struct sfx_err *err);

/* Says in counts what has become of the rows that went directly. */
void sfx_sqlite_count_direct(struct sfx_sqlite *s, struct sfx_sink_counts *counts);

/* Prepares an INSERT of nrows rows. Errors: as SQLite says. */
int sfx_sqlite_compile_insert(struct sfx_sqlite *s, uint32_t nrows, sqlite3_stmt **stmt,
                              struct sfx_err *err);

/* Brings what is staged into the table and says in counts what it has become. Errors: as SQLite
 * says; INPUT for a key that is not unique. */
int sfx_sqlite_merge(struct sfx_sqlite *s, struct sfx_sink_counts *counts, struct sfx_err *err);

/* Makes the indexes that were asked for; in a dry run only says how. Errors: as SQLite says. */
int sfx_sqlite_index(struct sfx_sqlite *s, struct sfx_buf *ddl, struct sfx_err *err);

/* Where rows are put: the table in quotes, or the stage. Errors: NOMEM. */
int sfx_sqlite_put_target(struct sfx_sqlite *s, struct sfx_buf *sql, struct sfx_err *err);

/* Fills class, precision and scale of col from col->declared. */
void sfx_sqlite_classify(struct sfx_ddl_column *col);

/*
 * Makes cell ready for col. Text is borrowed from the cell or from unescaped. Returns 0; 1 when the
 * column cannot hold it losslessly. Errors: NOMEM; INPUT for a broken escape.
 */
int sfx_sqlite_convert(struct sfx_sqlite *s, const struct sfx_ddl_column *col,
                       const struct sfx_cell *cell, struct sfx_sqlite_value *out,
                       struct sfx_err *err);

/* Prepares the INSERTs for s->columns. Errors: as SQLite says. */
int sfx_sqlite_put_begin(struct sfx_sqlite *s, struct sfx_err *err);

/* As ops->put. */
int sfx_sqlite_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                   const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err);

/* As ops->reject. */
int sfx_sqlite_reject(struct sfx_sink *sink, const struct sfx_reject *r, struct sfx_err *err);

/* As ops->child. */
int sfx_sqlite_child(struct sfx_sink *sink, const char *table, const char *const *keys,
                     size_t nkeys, struct sfx_err *err);

/* As ops->rehearse. */
int sfx_sqlite_rehearse(struct sfx_sink *sink, bool on, struct sfx_err *err);

/* As ops->settle. */
int sfx_sqlite_settle(struct sfx_sink *sink, struct sfx_sink_counts *counts, unsigned char *written,
                      struct sfx_err *err);

/* After that, brings the rows of the child table in hand into it, and deletes what is left in
 * others. Errors: as SQLite says. */
int sfx_sqlite_end_children(struct sfx_sqlite *s, struct sfx_err *err);

/* Ends what a child table in hand means for the load. */
void sfx_sqlite_leave_child(struct sfx_sqlite *s);

/* Runs a statement, before and behind the quoted name, for each child table of table that has a
 * column which begins with column, but for those in s->filled. Uses s->sql. Errors: as SQLite says;
 * NOMEM. */
int sfx_sqlite_each_child(struct sfx_sqlite *s, const char *table, const char *column,
                          const char *before, const char *behind, struct sfx_err *err);

/* Frees the INSERTs. */
void sfx_sqlite_put_end(struct sfx_sqlite *s);

#endif
