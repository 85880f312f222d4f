/* SPDX-License-Identifier: MIT */
/*
 * The parts of the PostgreSQL sink: sink_postgres.c (connection, transaction), postgres_lib.c
 * (libpq, opened late; one statement at a time), postgres_ledger.c, postgres_table.c (the table and
 * its columns), postgres_merge.c (what is staged), postgres_value.c (what fits a column),
 * postgres_binary.c (how COPY spells it), postgres_put.c (rows), postgres_children.c (child
 * tables).
 */
#ifndef SFX_SINK_POSTGRES_INTERNAL_H
#define SFX_SINK_POSTGRES_INTERNAL_H

#include "base/arena.h"
#include "sink/ddl.h"
#include "sink/merge.h"
#include "sink/sink.h"
#include "value/timestamp.h"

#include <libpq-fe.h>

/* What is used of libpq. */
struct sfx_pq {
    __typeof__(&PQconnectStart) connect_start;
    __typeof__(&PQconnectPoll) connect_poll;
    __typeof__(&PQping) ping;
    __typeof__(&PQstatus) status;
    __typeof__(&PQsocket) socket;
    __typeof__(&PQfinish) finish;
    __typeof__(&PQerrorMessage) error_message;
    __typeof__(&PQsetNoticeReceiver) set_notice_receiver;
    __typeof__(&PQtransactionStatus) transaction_status;
    __typeof__(&PQsendQuery) send_query;
    __typeof__(&PQsendQueryParams) send_query_params;
    __typeof__(&PQsendPrepare) send_prepare;
    __typeof__(&PQconsumeInput) consume_input;
    __typeof__(&PQisBusy) is_busy;
    __typeof__(&PQgetResult) get_result;
    __typeof__(&PQresultStatus) result_status;
    __typeof__(&PQresultErrorField) error_field;
    __typeof__(&PQclear) clear;
    __typeof__(&PQntuples) ntuples;
    __typeof__(&PQgetvalue) getvalue;
    __typeof__(&PQgetisnull) getisnull;
    __typeof__(&PQcmdTuples) cmd_tuples;
    __typeof__(&PQputCopyData) put_copy_data;
    __typeof__(&PQputCopyEnd) put_copy_end;
    __typeof__(&PQgetCancel) get_cancel;
    __typeof__(&PQcancel) cancel;
    __typeof__(&PQfreeCancel) free_cancel;
    __typeof__(&PQconninfoParse) conninfo_parse;
    __typeof__(&PQconninfoFree) conninfo_free;
    __typeof__(&PQfreemem) freemem;
    __typeof__(&PQbackendPID) backend_pid;
};

/* How a column's values are sent: sfx_ddl_column.class. */
enum sfx_postgres_class {
    SFX_POSTGRES_TEXT, /* text, varchar, char, name: UTF-8 without NUL */
    SFX_POSTGRES_BOOL,
    SFX_POSTGRES_INT2,
    SFX_POSTGRES_INT4,
    SFX_POSTGRES_INT8,
    SFX_POSTGRES_FLOAT4,
    SFX_POSTGRES_FLOAT8,
    SFX_POSTGRES_NUMERIC,
    SFX_POSTGRES_DATE,
    SFX_POSTGRES_TIMESTAMP,
    SFX_POSTGRES_TIMESTAMPTZ,
    SFX_POSTGRES_JSON,
    SFX_POSTGRES_JSONB,
    SFX_POSTGRES_BYTEA,
    SFX_POSTGRES_OTHER, /* as text: only the server knows what fits */
};

/* A cell made ready to send. */
struct sfx_postgres_value {
    bool null;
    struct sfx_slice text; /* what it says; JSON: the JSON text */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct sfx_timestamp time;
    };
};

#define SFX_POSTGRES_NKEPT 10

struct sfx_postgres {
    struct sfx_sink base;
    struct sfx_sink_opts opts;
    struct sfx_pq pq;
    char *uri;
    char *shown; /* how messages call it: never with a password */
    PGconn *db;
    const char *kept[SFX_POSTGRES_NKEPT]; /* statements that this connection has prepared */
    struct sfx_buf ahead;                 /* statements that the next one takes along, */
    unsigned nahead;                      /* so many, */
    unsigned noted_at;                    /* of which that one is an entry of the ledger; 0: none */

    /* The load under way. */
    bool grouped;    /* a transaction of several loads is open, */
    size_t nwaiting; /* of which so many are done */
    bool goes_on;    /* with a load that another run has begun */
    bool begun, copying;
    bool given_up; /* the server has rolled it back for the sake of others: a deadlock */
    const struct sfx_sink_source *source;
    struct sfx_sink_source child; /* it, with a child table in hand; then the parent's are here: */
    struct {
        const struct sfx_sink_source *source; /* NULL: the parent's table is in hand */
        struct sfx_sink_how how;
        enum sfx_sink_mode mode;
        const char *noted, *target;
        bool dry_run; /* behind a rehearsal */
    } parent;
    bool settled;                /* the parent's table has got all, in a mode by keys, */
    struct sfx_sink_seen filled; /* and then these child tables */
    const struct sfx_sink_schema *schema;
    int64_t started_ns, load_id;
    struct sfx_sink_counts so_far;          /* by checkpoints of this load */
    uint64_t next_row;                      /* as the last one has it */
    enum sfx_sink_mode mode;                /* of this load */
    const char *asked;                      /* the table as the source has it, and */
    const char *namespace, *table, *target; /* target: both, quoted */
    const char *noted;      /* the ledger's name for it: the table, of another schema the target */
    struct sfx_arena names; /* what holds them */
    PGresult *found;        /* of the table's columns, see held; may be NULL */
    bool held;         /* found stays true: the open group has rows in the table, and so its lock */
    const char *into;  /* where rows are put: the target, a stage, a table that will be it */
    uint64_t nremoved; /* by a load that replaces rows */
    struct sfx_ddl_column *columns; /* schema->ncols */
    int32_t *map;                   /* schema column -> batch column */
    uint64_t map_schema_id;
    bool mapped;
    bool keys_rise;   /* what is staged has one key, an integer, and larger ones in each record: */
    int64_t last_key; /* this one, or none */
    bool text_copy;   /* a column is OTHER: COPY in text */
    bool guarded;     /* the table may refuse rows that fit: batches are copied one at a time */
    const char *copy, *guarded_copy; /* the statement; and behind a savepoint, which it releases */
    const char *key;        /* the statement that gives a new table its key; NULL: none, or done */
    uint64_t sent;          /* rows of the COPY under way, or of that which they wait for */
    struct sfx_buf rejects; /* of the table of rejects, not sent yet */
    struct sfx_buf rows;    /* encoded rows that were not sent yet */
    size_t *ends;           /* of a guarded batch: where each row ends in rows */
    uint32_t *whence;       /* and its row in the batch */
    struct sfx_arena arena; /* reset by _begin */
    struct sfx_buf sql, scratch;
    struct sfx_sink_seen seen; /* tables that were loaded in this run */
};

/* Opens libpq. Errors: UNSUPPORTED, NOMEM. */
int sfx_postgres_lib(struct sfx_pq *pq, struct sfx_err *err);

/* Connects, trying again while the server does not answer, for opts.timeout_ns at most. Errors:
 * TEMPORARY; USAGE for what the server refuses for good; NOMEM. */
int sfx_postgres_connect(struct sfx_postgres *s, struct sfx_err *err);

/* Describes what the server or the connection says of a failed result (may be NULL). Returns the
 * code that its SQLSTATE asks for. */
int sfx_postgres_fail(struct sfx_postgres *s, const PGresult *result, struct sfx_err *err);

/*
 * Runs one statement with nparams text parameters (then sql is static: in a group it is prepared)
 * (NULL: an SQL null) and waits for its result, which the caller clears, or a signal's flag, which
 * cancels it. A COPY's result comes as it begins. Errors: NULL, as _fail; of those that it takes
 * along, see _queue, as well.
 */
PGresult *sfx_postgres_query(struct sfx_postgres *s, const char *sql, int nparams,
                             const char *const *params, struct sfx_err *err);

/*
 * Lets the next statement take this one along, in one message: a round trip for both. It gives one
 * result, in which only a failure is looked for. With parameters, as _query: only in a group.
 * Errors: NOMEM; as _query.
 */
int sfx_postgres_queue(struct sfx_postgres *s, const char *sql, int nparams,
                       const char *const *params, struct sfx_err *err);

/* Waits for the next result of what was sent; NULL and *done: there is none. Errors: NULL. */
PGresult *sfx_postgres_result(struct sfx_postgres *s, bool *done, struct sfx_err *err);

/* The same for statements without rows. */
int sfx_postgres_exec(struct sfx_postgres *s, const char *sql, struct sfx_err *err);

/* The same, and adds the rows that it touched to *nrows. */
int sfx_postgres_change(struct sfx_postgres *s, const char *sql, uint64_t *nrows,
                        struct sfx_err *err);

/* Makes the ledger where it is missing. Errors: as _query. */
int sfx_postgres_ledger_make(struct sfx_postgres *s, struct sfx_err *err);

/* 1 and entry filled when the ledger has source as done; else 0, and entry->open for a load to go
 * on with, or, but for a dry run, entry->load_id for a new one. Errors: as _query; USAGE for an
 * open one of another mode. */
int sfx_postgres_ledger_find(struct sfx_postgres *s, struct sfx_sink_entry *entry,
                             struct sfx_err *err);

/* Writes entry for s->source: open with mark, or done (NULL); in a group together with the next
 * statement, which then has its errors. Errors: as _query; TEMPORARY when another process has gone
 * on with the open load. */
int sfx_postgres_ledger_write(struct sfx_postgres *s, const struct sfx_sink_entry *entry,
                              const struct sfx_sink_mark *mark, struct sfx_err *err);

/* Within a transaction, as ops->undo. */
int sfx_postgres_ledger_undo(struct sfx_postgres *s, int64_t load_id, struct sfx_sink_entry *entry,
                             const char **table, struct sfx_err *err);

/* Finds out schema, table and target from the source's table, unless a group has them from the load
 * before, and, but for a dry run, waits for the lock of the load's key, then with the next
 * statement. Errors: as _query; NOMEM. */
int sfx_postgres_resolve(struct sfx_postgres *s, struct sfx_err *err);

/* Makes or checks the table for s->schema and fills s->columns. As ops->prepare. */
int sfx_postgres_table(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err);

/* As ops->lacks. */
int sfx_postgres_lacks(struct sfx_sink *sink, const struct sfx_sink_schema *schema, bool *lacks,
                       struct sfx_err *err);

/* Gives a new table its key, unless that is done. Errors: as _query; INPUT for rows that share one.
 */
int sfx_postgres_key(struct sfx_postgres *s, struct sfx_err *err);

/* Makes the stage for s->columns, and puts rows there from now on. Errors: as _query. */
int sfx_postgres_stage(struct sfx_postgres *s, struct sfx_err *err);

/* Makes the indexes that were asked for; in a dry run only says how. Errors: as _query. */
int sfx_postgres_index(struct sfx_postgres *s, struct sfx_buf *ddl, struct sfx_err *err);

/* Brings what is staged, or the new table, to its place, and says in counts what records have
 * become. Errors: as _query; INPUT for a key that is not unique. */
int sfx_postgres_merge(struct sfx_postgres *s, struct sfx_sink_counts *counts, struct sfx_err *err);

/* Fills class, limits and whatever follows from col->declared. */
void sfx_postgres_classify(struct sfx_ddl_column *col);

/*
 * Makes cell ready for col. Text is borrowed from the cell or from s->scratch (until the next
 * call). Returns 0; 1 and *why (static) when the column cannot hold it losslessly. Errors: NOMEM;
 * INPUT for a broken escape.
 */
int sfx_postgres_convert(struct sfx_postgres *s, const struct sfx_ddl_column *col,
                         const struct sfx_cell *cell, struct sfx_postgres_value *out,
                         const char **why, struct sfx_err *err);

/* Appends what begins a row, a value of col, and what ends a row and a COPY. Errors: NOMEM. */
int sfx_postgres_put_row(struct sfx_postgres *s, struct sfx_err *err);
int sfx_postgres_put_value(struct sfx_postgres *s, const struct sfx_ddl_column *col,
                           const struct sfx_postgres_value *v, bool first, struct sfx_err *err);
int sfx_postgres_end_row(struct sfx_postgres *s, struct sfx_err *err);

/* Ends the COPY under way, gives a new table its key, and merges as _merge does. */
int sfx_postgres_finish_table(struct sfx_postgres *s, struct sfx_sink_counts *counts,
                              struct sfx_err *err);

/* As ops->child. */
int sfx_postgres_child(struct sfx_sink *sink, const char *table, const char *const *keys,
                       size_t nkeys, struct sfx_err *err);

/* As ops->rehearse. */
int sfx_postgres_rehearse(struct sfx_sink *sink, bool on, struct sfx_err *err);

/* As ops->settle. */
int sfx_postgres_settle(struct sfx_sink *sink, struct sfx_sink_counts *counts,
                        unsigned char *written, struct sfx_err *err);

/* After that, brings the rows of the child table in hand into it, and deletes what is left in
 * others. Errors: as _query. */
int sfx_postgres_end_children(struct sfx_postgres *s, struct sfx_err *err);

/* Ends what a child table in hand means for the load. */
void sfx_postgres_leave_child(struct sfx_postgres *s);

/* Runs a statement, before and behind the name, for each child table of table (as SQL has it) that
 * has a column which begins with column, but for those in s->filled. Errors: as _query. */
int sfx_postgres_each_child(struct sfx_postgres *s, const char *table, const char *column,
                            const char *before, const char *behind, struct sfx_err *err);

/* Prepares the COPY for s->columns. Errors: NOMEM. */
int sfx_postgres_put_begin(struct sfx_postgres *s, struct sfx_err *err);

/* As ops->put. */
int sfx_postgres_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                     const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err);

/* Runs the statement copy (in text) with those rows; no COPY is under way. Errors: as _query. */
int sfx_postgres_copy(struct sfx_postgres *s, const char *copy, struct sfx_slice rows,
                      struct sfx_err *err);

/* As ops->reject: they wait. */
int sfx_postgres_reject(struct sfx_sink *sink, const struct sfx_reject *r, struct sfx_err *err);

/* Ends the COPY under way and copies the rejects that wait, if any. Errors: as _query. */
int sfx_postgres_put_rejects(struct sfx_postgres *s, struct sfx_err *err);

/* Ends the COPY under way, if any. Errors: as _query. */
int sfx_postgres_put_end(struct sfx_postgres *s, struct sfx_err *err);

#endif
