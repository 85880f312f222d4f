/* SPDX-License-Identifier: MIT */
/*
 * Sinks: where records are loaded to. One small table of functions a kind of target; the kind is
 * the scheme of the target's URI ("sqlite:shop.db"). A new sink is a new file and a row in sink.c.
 *
 * Contract: a load goes _open, then per input _begin, _prepare, _put …, _commit or _rollback, and
 * at the end _close. What happens between _begin and _commit becomes visible as a whole or not at
 * all, the ledger's entry with it: a process that is killed leaves nothing of the input in hand.
 * After a failed call only _rollback and _close may follow. A sink belongs to one thread.
 */
#ifndef SFX_SINK_SINK_H
#define SFX_SINK_SINK_H

#include "base/buf.h"
#include "record/batch.h"
#include "record/reject.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What a column's values are; each sink has its own name for it. See sink/infer.h. */
enum sfx_type {
    SFX_TYPE_TEXT,
    SFX_TYPE_INTEGER, /* 64 bits */
    SFX_TYPE_DECIMAL, /* all values have `scale` digits after the '.', learnt: 15 digits at most */
    SFX_TYPE_NUMERIC, /* integers of 64 bits and decimals of 15 digits, scales differ */
    SFX_TYPE_REAL,    /* doubles */
    SFX_TYPE_BOOLEAN,
    SFX_TYPE_JSON,        /* objects and arrays, as their text */
    SFX_TYPE_DATE,        /* 2026-01-05 */
    SFX_TYPE_TIMESTAMP,   /* without zone; all values are written in one style */
    SFX_TYPE_TIMESTAMPTZ, /* in UTC, the same */
};

struct sfx_sink_column {
    struct sfx_slice name; /* as the input spells it; unlike the others */
    enum sfx_type type;
    uint32_t scale;     /* DECIMAL; digits of a second's fraction: TIMESTAMP, TIMESTAMPTZ */
    uint32_t precision; /* DECIMAL: digits; 0: as many as the sink can hold */
    bool not_null;      /* a table that is made refuses records without it */
    bool empty;         /* no record has a value: the type says nothing */
    bool lineage;       /* of the load, not of the record: added to a table that lacks it, and no
                           change by itself */
};

struct sfx_sink_schema {
    struct sfx_sink_column *columns;
    size_t ncols;
};

/* What is loaded, and the key by which the ledger knows it again. Strings are borrowed. */
struct sfx_sink_source {
    const char *table;
    const char *key;    /* "sha256:…", "id:…", "file:…" */
    const char *name;   /* the operand */
    const char *member; /* NULL: the operand is no archive */
    const char *sha256; /* of the decoded content, 64 hex digits */
    uint64_t size_nbytes;
    const char *event_id; /* NULL: none */
    bool again;           /* load even what the ledger knows */
};

/*
 * Records of one load: in = inserted + updated + unchanged + deleted + duplicate + rejected +
 * skipped. deleted: found rows to delete; removed is no part of the sum: rows that a load deleted
 * or marked as deleted.
 */
struct sfx_sink_counts {
    uint64_t in, inserted, updated, unchanged, deleted, duplicate, rejected, skipped, removed;
};

/* The counts in the order in which ledgers have them: in, inserted … removed. */
#define SFX_SINK_NCOUNTS 9
void sfx_sink_counts_list(struct sfx_sink_counts *counts, uint64_t *list[SFX_SINK_NCOUNTS]);

/* Adds more to counts. */
void sfx_sink_counts_add(struct sfx_sink_counts *counts, const struct sfx_sink_counts *more);

/* How far a load that commits now and then has come: where it goes on after a crash. */
struct sfx_sink_mark {
    uint64_t nread;          /* records that its reader gave */
    uint64_t nrefused;       /* and those that it refused */
    uint64_t offset;         /* of the content: where the last of them ends; 0: not known */
    uint64_t rejects_nbytes; /* of the file of rejects */
    char tail[65];           /* hash of the content before offset, see sfx_spool_tail; or "" */
};

/*
 * A ledger entry: of an earlier load (_begin says 1) or of this one (_commit). open: _begin goes on
 * with a load of this source that was not finished; counts and mark are what it has committed.
 */
struct sfx_sink_entry {
    int64_t load_id;
    struct sfx_sink_counts counts;
    char finished[40]; /* RFC 3339 */
    bool open;
    struct sfx_sink_mark mark;
};

/* What records do to a table that has rows. All but the first three go by keys. */
enum sfx_sink_mode {
    SFX_SINK_APPEND,   /* become rows beside them */
    SFX_SINK_REPLACE,  /* become a new table instead of it */
    SFX_SINK_TRUNCATE, /* become rows instead of them */
    SFX_SINK_UPSERT,   /* become rows, or change those of their key */
    SFX_SINK_IGNORE,   /* become rows unless there is one of their key */
    SFX_SINK_NEWER,    /* UPSERT, unless the row's version is as high */
    SFX_SINK_DELETE,   /* delete the rows of their key */
    SFX_SINK_SYNC,     /* UPSERT; rows without a record are marked in _deleted_at */
    SFX_SINK_SCD2,     /* become the present version of their key: _valid_from, _valid_to */
};

/* Their names, separated by '|' for the option. */
#define SFX_SINK_MODES "append|replace|truncate|upsert|ignore|newer|delete|sync|scd2"
extern const char *const sfx_sink_mode_names[];

/* What a table that exists does about what does not go into it. */
enum sfx_sink_evolve {
    SFX_SINK_STRICT,     /* a column that it lacks is an error, a value that does not fit is bad */
    SFX_SINK_ADD,        /* a column that it lacks is added */
    SFX_SINK_WIDEN,      /* and one whose type is too narrow gets a wider one */
    SFX_SINK_QUARANTINE, /* a record with a value for a column that it lacks is bad */
};

/* How records go into tables. Strings are borrowed. */
struct sfx_sink_how {
    enum sfx_sink_mode mode;
    const char *const *keys; /* names of columns; tables are made with them as primary key */
    size_t nkeys;
    const char *version; /* NEWER: the column that tells which is newer */
    enum sfx_sink_evolve evolve;
    const char *before, *after; /* SQL, run in each load's (first, last) transaction; or NULL */
    const char *const *indexes; /* each the names of columns, joined by commas: made at the end */
    size_t nindexes;
    bool children; /* tables have child tables: what replaces a table takes theirs away */
};

struct sfx_sink_opts {
    struct sfx_sink_how how;
    int64_t timeout_ns;                /* how long to wait for others' locks; 0: not at all */
    bool group;                        /* loads are made durable together, by _flush */
    bool dry_run;                      /* write nothing: _prepare, _put and _commit only check */
    const volatile sig_atomic_t *stop; /* non-zero: stop waiting; may be NULL */
    int out_fd;                        /* what the target "-" is written to */
};

struct sfx_sink {
    const struct sfx_sink_ops *ops;
    const char *folder; /* where there is room for what waits to be loaded */
};

struct sfx_sink_ops {
    const char *scheme; /* "sqlite" */
    const char *form;   /* "sqlite:PATH" */
    const char *says;   /* what it is, one line */
    bool whole;         /* a target that is written anew each time: its loads become visible only by
                           _flush, with or without opts.group */
    bool parallel;      /* several sinks may have loads of one target under way at once */

    /*
     * Opens the target; rest is the URI after the ':' (borrowed). A target that does not exist is
     * made by the first _begin, not here. Errors: NULL; USAGE (a folder, not a target of this
     * kind), IO, TEMPORARY, UNSUPPORTED, NOMEM.
     */
    struct sfx_sink *(*open)(const char *rest, const struct sfx_sink_opts *opts,
                             struct sfx_err *err);
    /*
     * Starts the load of source (borrowed until _commit or _rollback), alone of its kind: waits for
     * other writers. 1: the ledger says it is loaded already, entry is filled and nothing was
     * begun; 0: go on, entry's load_id is what this load will have (0 in a dry run). Errors:
     * TEMPORARY (locked for too long), IO, USAGE (not a target).
     */
    int (*begin)(struct sfx_sink *sink, const struct sfx_sink_source *source,
                 struct sfx_sink_entry *entry, struct sfx_err *err);
    /* Says which of schema's columns the table lacks: lacks[i] (schema->ncols, filled); none when
     * there is no table. Errors: as prepare. NULL: a target that takes any columns. */
    int (*lacks)(struct sfx_sink *sink, const struct sfx_sink_schema *schema, bool *lacks,
                 struct sfx_err *err);
    /*
     * Makes the table with schema (borrowed until the load ends), or checks that it can take the
     * columns; a column that the input lacks becomes NULL. Appends the statements that make the
     * table to ddl (nothing for one that exists). Errors: INPUT naming a column that the table does
     * not have; USAGE for a table that cannot be made; LIMIT; IO; TEMPORARY.
     */
    int (*prepare)(struct sfx_sink *sink, const struct sfx_sink_schema *schema, struct sfx_buf *ddl,
                   struct sfx_err *err);
    /*
     * Ends what the table in hand gets and goes on, in the same load, with its child table `table`
     * (borrowed until the load ends, as keys, which are its primary key): _prepare and _put are
     * about that one now. Only with how.children. In modes by keys what is put replaces the child
     * rows of the records that _settle tells of. Errors: as commit. NULL: the target has no child
     * tables.
     */
    int (*child)(struct sfx_sink *sink, const char *table, const char *const *keys, size_t nkeys,
                 struct sfx_err *err);
    /*
     * Between _begin and the first _prepare: from on to off, _child, _prepare and _put (of child
     * tables) only check, as in a dry run; then the table of the load is in hand again. Errors, of
     * off: as begin. NULL: as child.
     */
    int (*rehearse)(struct sfx_sink *sink, bool on, struct sfx_err *err);
    /*
     * In modes by keys with how.children, but not in a dry run: ends what the table in hand gets,
     * before the first _child, or _commit. counts, with all records that were put in inserted, says
     * what they have become then, as it does to _commit. written (zeroed, so many bits): those of
     * records whose child rows are to be put become 1. What child tables have for these keys and
     * get nothing for, goes with _commit. Errors: as commit. NULL: as child.
     */
    int (*settle)(struct sfx_sink *sink, struct sfx_sink_counts *counts, unsigned char *written,
                  struct sfx_err *err);
    /*
     * Loads the selected rows of batch, whose columns are found in the schema by name. A record
     * that the table cannot take losslessly is given to bad, which decides whether to go on; bad
     * NULL: the first one is the error (INPUT). *inserted is added to. Errors: IO, TEMPORARY,
     * NOMEM, what bad returned.
     */
    int (*put)(struct sfx_sink *sink, const struct sfx_batch *batch,
               const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err);
    /* Puts r (borrowed) into the table of rejects, in the transaction of the load. May be called
     * within _put. Errors: IO, TEMPORARY, NOMEM. NULL: the target has no such table. */
    int (*reject)(struct sfx_sink *sink, const struct sfx_reject *r, struct sfx_err *err);
    /*
     * Brings staged records into the table, which says what counts->inserted of them have become,
     * writes the ledger's entry with the counts (and those of checkpoints) and makes all of it
     * durable; entry is filled.
     * Errors: IO, TEMPORARY; INPUT for what constraints of the table refuse.
     */
    int (*commit)(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                  struct sfx_sink_entry *entry, struct sfx_err *err);
    /*
     * Commits what was put since _begin or the last checkpoint, which is counts, with an open entry
     * that has mark; the load goes on in a transaction of its own. entry: filled: what the load has
     * committed so far. Errors: as _commit; TEMPORARY when another process has gone on with this
     * load. NULL: the sink commits at the end only.
     */
    int (*checkpoint)(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                      const struct sfx_sink_mark *mark, struct sfx_sink_entry *entry,
                      struct sfx_err *err);
    /* Makes the loads since the last one durable. Only with opts.group. Errors: as _commit; none of
     * those loads is there then. NULL: a sink without groups. */
    int (*flush)(struct sfx_sink *sink, struct sfx_err *err);
    /* Takes back what is not committed; does nothing when no load is under way. */
    void (*rollback)(struct sfx_sink *sink);
    /* True when the way to the target is lost: the next _begin finds a new one, or fails with
     * TEMPORARY. NULL: it cannot be. */
    bool (*lost)(const struct sfx_sink *sink);
    /*
     * Takes the load load_id back: deletes its rows, which lineage columns tell, and says so in the
     * ledger; entry is filled, its counts.removed are the rows. *table (borrowed from the sink) is
     * where. Errors: USAGE for what cannot be taken back; IO, TEMPORARY.
     */
    int (*undo)(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                const char **table, struct sfx_err *err);
    /* Rolls back what is under way, closes, frees. */
    void (*close)(struct sfx_sink *sink);
};

/*
 * Opens the target that uri names by its scheme's sink. Errors: NULL; USAGE for a scheme that this
 * build does not have (the text lists what it has); as ops->open.
 */
struct sfx_sink *sfx_sink_open(const char *uri, const struct sfx_sink_opts *opts,
                               struct sfx_err *err);

/* All sinks of this build, ended by NULL. Static. */
const struct sfx_sink_ops *const *sfx_sink_all(void);

/*
 * Finds the schema's columns in batch by name: map[i] (schema->ncols long, filled) is the batch's
 * column for schema column i, or -1.
 */
void sfx_sink_map(const struct sfx_sink_schema *schema, const struct sfx_batch *batch,
                  int32_t *map);

/*
 * Refuses a record: row of batch, for reason; column and value name the field, or are empty. Gives
 * it to bad, or, without, describes it in err. Errors: what bad returned; INPUT without bad.
 */
int sfx_sink_refuse(const struct sfx_batch *batch, uint32_t row, const char *column,
                    struct sfx_slice value, const char *reason, const struct sfx_reject_sink *bad,
                    struct sfx_err *err);

/* The same for a value that a column of this declared type cannot hold; why: NULL, or what is wrong
 * with it ("is too long"). */
int sfx_sink_refuse_value(const struct sfx_batch *batch, uint32_t row, const char *column,
                          const char *declared, struct sfx_slice value, const char *why,
                          const struct sfx_reject_sink *bad, struct sfx_err *err);

/* Names of tables that a run has loaded already; {0} is empty. */
struct sfx_sink_seen {
    char **names;
    size_t n;
};

/* True when name was noted. */
bool sfx_sink_seen_has(const struct sfx_sink_seen *seen, const char *name);

/* Notes name (copied). Errors: NOMEM. */
int sfx_sink_seen_add(struct sfx_sink_seen *seen, const char *name, struct sfx_err *err);

void sfx_sink_seen_done(struct sfx_sink_seen *seen);

/* Closes; NULL does nothing. */
void sfx_sink_close(struct sfx_sink *sink);

#endif
