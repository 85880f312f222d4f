/* SPDX-License-Identifier: MIT */
/*
 * Record programs: text -> stages -> a plan bound to columns -> batches in, batches out.
 *
 * Contract: a program is parsed once and is read-only; a query runs it over one sequence of
 * batches. Batches are pushed in; what comes out is handed to the emit callback, at once by
 * streaming stages and at _finish by blocking ones. Columns are bound when the schema arrives and
 * again when it changes. Nothing is allocated per record by streaming stages.
 */
#ifndef SFX_QUERY_QUERY_H
#define SFX_QUERY_QUERY_H

#include "archive/input.h"
#include "query/rules.h"
#include "query/table_schema.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_program;
struct sfx_query;

/* What a program is given beside its text; all-zero: nothing. Borrowed during the call. */
struct sfx_program_opts {
    const struct sfx_program_arg { /* :name in the program */
        struct sfx_slice name, value;
    } * args;
    size_t nargs;
    const char *zone; /* of times that have no offset: "Europe/Berlin"; NULL: UTC */
};

/*
 * Parses len bytes of program text (borrowed during the call). Errors: NULL; USAGE whose text holds
 * the message, and the program's line with a caret under the place in err's note (sfx_err_note);
 * LIMIT (16 MiB of text), NOMEM.
 */
struct sfx_program *sfx_program_new(const char *text, size_t len,
                                    const struct sfx_program_opts *opts, struct sfx_err *err);
void sfx_program_free(struct sfx_program *program);

/* NULL: the cell becomes null, the record stays; what breaks a rule is a reject then, or, without
 * rejects, ends the run. */
enum sfx_on_error { SFX_ON_ERROR_FAIL, SFX_ON_ERROR_SKIP, SFX_ON_ERROR_REJECT, SFX_ON_ERROR_NULL };

/* How many errors a run has met; shared by all that meet some. {0}: any number is allowed. */
struct sfx_error_count {
    uint64_t fatal; /* the number, from 1, of the error that ends the run; 0: none does */
    uint64_t seen;  /* records rejected or skipped, cells made null */
};

/* Counts one more error; false: the run must end with it. */
static inline bool sfx_error_count_allows(struct sfx_error_count *errors)
{
    errors->seen++;
    return errors->fatal == 0 || errors->seen < errors->fatal;
}

/* "fail", "skip", "reject", "null". Static. */
const char *sfx_on_error_word(enum sfx_on_error on_error);

/*
 * Where records go that leave the main way (tee, late records): name is a template as -o takes it,
 * whose {column}s are those of the batch. Whoever runs the query publishes the outputs. 0, or <0:
 * ends the run.
 */
struct sfx_side_outputs {
    int (*put)(void *ctx, struct sfx_slice name, struct sfx_batch *batch, struct sfx_err *err);
    void *ctx;
};

/* The files that a program names (join, union), read as inputs are. */
struct sfx_query_files {
    /* Opens the file called name; returned: taken by the query. Errors: NULL, any. */
    struct sfx_input *(*open)(void *ctx, const char *name, struct sfx_err *err);
    void *ctx;
    struct sfx_reader_opts reader; /* how they are spelled */
};

/* What stages carry from one run to the next (see sfx_query_restore), as bytes. */
struct sfx_query_carry {
    /* Reads at most cap of the bytes that the run before wrote: how many; 0 at their end, or <0.
     * NULL: there was no such run. */
    ssize_t (*read)(void *ctx, void *ptr, size_t cap, struct sfx_err *err);
    /* Takes the next of the bytes for the run to come. 0, or <0. */
    int (*write)(void *ctx, const void *ptr, size_t nbytes, struct sfx_err *err);
    void *ctx;
};

struct sfx_query_opts {         /* all-zero: the defaults */
    enum sfx_on_error on_error; /* what a cell that cannot be what is asked does to its record */
    const struct sfx_reject_sink *rejects; /* for REJECT */
    uint64_t memory_nbytes;                /* of all blocking stages together; default 256 MiB */
    const char *tmp_dir;                   /* where stages spill; default "/tmp" */
    int64_t now_ns; /* what now() is, since 1970; 0: the clock when the query is made */
    struct sfx_error_count *errors;        /* NULL: any number of errors is allowed */
    const struct sfx_table_schema *schema; /* what the input is checked against; NULL: nothing */
    const struct sfx_log *log;             /* for what is not an error but ought to be known */
    bool provenance;         /* records get what they lack of _file, _line and _offset */
    struct sfx_rules *rules; /* where the rules of expect are counted; NULL: nowhere */
    const struct sfx_side_outputs *side; /* NULL: programs that need them are refused */
    const struct sfx_query_files *files; /* NULL: programs that name files are refused */
    const struct sfx_query_carry *carry; /* NULL: nothing is carried from run to run */
    /*
     * All records come out at the end, each with the columns of all: for outputs whose columns are
     * fixed by the first record, of inputs that differ. Spills like sort.
     */
    bool union_columns;
    bool one_stream; /* all batches are of one stream: none comes that is spelled otherwise */
};

struct sfx_query_counts {
    /* Records; of a run that went well in + made is out + rejected + skipped + filtered. */
    uint64_t in, out;           /* consumed by stages, emitted */
    uint64_t rejected, skipped; /* refused */
    uint64_t filtered;          /* that stages took and did not hand on */
    uint64_t made;              /* that stages handed on beyond those that they took */
    uint64_t nulled;            /* cells, with SFX_ON_ERROR_NULL */
};

/* Where output batches go; the batch may be changed by the callee and is the query's again
 * afterwards. <0 ends the run. */
typedef int sfx_query_emit(void *ctx, struct sfx_batch *batch, struct sfx_err *err);

/* Makes a query of program (borrowed while the query lives). Errors: NULL, NOMEM. */
struct sfx_query *sfx_query_new(const struct sfx_program *program,
                                const struct sfx_query_opts *opts, sfx_query_emit *emit, void *ctx,
                                struct sfx_err *err);

/*
 * Gives the stages what the run before has carried on: to be called before anything else, when
 * opts.carry is set. What is carried on by this run is written by _finish; it counts when that went
 * well. Errors: INPUT (it is another program's, or damaged), LIMIT, IO, NOMEM.
 */
int sfx_query_restore(struct sfx_query *q, struct sfx_err *err);

/*
 * Runs batch through the stages; batch is changed. Errors: INPUT (a record is bad and on_error is
 * FAIL), USAGE (no such column, with the nearest), LIMIT (memory), what emit returned.
 */
int sfx_query_push(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err);

/*
 * Binds the stages to the columns of batch, which has no rows, where that decides what they look
 * at. To be called before _wants when columns are known before records. Errors: as _push.
 */
int sfx_query_prepare(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err);

/*
 * Lanes: the first stages of the query many times over, so that threads may work on several batches
 * at the same time, each in a lane of its own. What they come to is taken in the order of the input
 * by the thread that has the query, so that it is as if all had been done there.
 *
 * render may write in the lane what the query would hand to emit: true, then emit_rendered gets
 * those bytes when it is their turn; false: emit gets the batch. NULL: it always does. render is
 * called by several threads, by one at a time for each lane.
 */
struct sfx_query_lanes {
    size_t count;
    bool (*render)(void *ctx, size_t lane, const struct sfx_batch *batch, struct sfx_buf *out);
    int (*emit_rendered)(void *ctx, struct sfx_slice bytes, uint64_t nrecords, struct sfx_err *err);
    void *ctx;
};

/*
 * Makes lanes, before the first batch. 1, or 0 when the program has nothing to do in them, or is to
 * end with some number of errors (sfx_query_opts.errors), or wants lines (provenance). Errors:
 * NOMEM.
 */
int sfx_query_make_lanes(struct sfx_query *q, const struct sfx_query_lanes *lanes,
                         struct sfx_err *err);

/* In any thread: runs batch through a lane, whose last batch was taken. batch stays as it is until
 * it is taken, too. */
void sfx_query_work(struct sfx_query *q, size_t lane, struct sfx_batch *batch);

/* As _push, of the batch that was run through lane, whose rows then had lines that were less by
 * lines than they are now. */
int sfx_query_take(struct sfx_query *q, size_t lane, uint64_t lines, struct sfx_batch *batch,
                   struct sfx_err *err);

/*
 * Which columns the query looks at of batches with the columns of batch: wanted[i] (filled) is
 * false where the cells of column i need not be there. copies: the output copies records of such
 * batches (sfx_writer_ops.copies), so that their cells are not needed for it. The answer holds for
 * batches of one stream; what a query hands on as a record has all of its columns.
 */
void sfx_query_wants(struct sfx_query *q, const struct sfx_batch *batch, bool copies, bool *wanted);

/*
 * What stages do by the clock: in how many nanoseconds the query wants _tick if no input comes
 * until then; -1: it does not. _tick hands on what is due. Errors: as _push.
 */
int64_t sfx_query_wait_ns(const struct sfx_query *q);
int sfx_query_tick(struct sfx_query *q, struct sfx_err *err);

/* True when the query wants no more input (head has enough): the reader may stop. */
bool sfx_query_satisfied(const struct sfx_query *q);

/* Ends the input: blocking stages emit. batch: an empty batch with the last schema, so that
 * programs bind even without a row. */
int sfx_query_finish(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err);

/* True when a stage closes what is over while input still comes (window): to stop such a program is
 * to end its input. */
bool sfx_program_goes_by_time(const struct sfx_program *program);

/* The name of the first verb whose work on a record depends on other records and which cannot carry
 * on what it needs of them, so that a run cannot go on where another one ended; NULL: none. */
const char *sfx_program_stateful_verb(const struct sfx_program *program);

/* True when stages carry something from run to run: such a program wants opts.carry. */
bool sfx_program_carries(const struct sfx_program *program);

/* True when the program itself says which columns come out (select, group), whatever the input has.
 */
bool sfx_program_fixes_columns(const struct sfx_program *program);

/* Appends the plan in words: per stage streaming or blocking, memory bound, what it compares.
 * Errors: NOMEM. */
int sfx_program_explain(const struct sfx_program *program, struct sfx_buf *out,
                        struct sfx_err *err);

/*
 * Binds q, which was given no batch, to the columns of batch (its rows are forgotten) and appends
 * what was bound, stage by stage: the columns that come out with their types, how keys and
 * comparisons go, what makes a record bad. copies: see sfx_query_wants. q is then at its end; its
 * emit is called without a row. Errors: as of _push.
 */
int sfx_query_explain(struct sfx_query *q, struct sfx_batch *batch, bool copies,
                      struct sfx_buf *out, struct sfx_err *err);

/*
 * Appends the language in words: verbs, functions and aggregates with what they do. form: "" text,
 * "man" the generated sections of the manual (mdoc). Errors: USAGE for another form; NOMEM.
 */
int sfx_query_reference(const char *form, struct sfx_buf *out, struct sfx_err *err);

struct sfx_query_counts sfx_query_counts(const struct sfx_query *q);
void sfx_query_free(struct sfx_query *q);

#endif
