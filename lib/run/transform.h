/* SPDX-License-Identifier: MIT */
/*
 * Record transformation: inputs -> format -> program -> format -> output, as one job.
 *
 * Contract: inputs are read one after the other, each stream of each (compressed files, members of
 * archives) in its own format; records go through one query. Output is written when a buffer is
 * full and when the input has nothing to read at the moment. What was read before a failure is
 * written; publishing a file or not is the caller's decision. One job runs in one thread.
 */
#ifndef SFX_RUN_TRANSFORM_H
#define SFX_RUN_TRANSFORM_H

#include "archive/input.h"
#include "cli/log.h"
#include "cli/progress.h"
#include "cli/template.h"
#include "query/query.h"
#include "record/format.h"
#include "record/outputs.h"
#include "run/stage.h"
#include "run/state.h"

#include <signal.h>

struct sfx_transform_job {
    const struct sfx_program *program;
    const struct sfx_format *from; /* NULL: by name and content of each stream */
    const struct sfx_format *to;   /* NULL: that of the first stream */
    bool on_terminal;              /* NULL then is box, where the first stream has a header */
    const char *encoding;          /* of the inputs, see sfx_records_opts; NULL: as bytes say */
    struct sfx_reader_opts reader;
    struct sfx_writer_opts writer;
    struct sfx_query_opts query; /* union_columns and errors are the job's; rejects may be NULL */
    uint64_t fatal_error;        /* the number, from 1, of the error that ends the run; 0: none */
    double max_error_percent;    /* of the records in, looked at when all are read; <0: any */
    struct sfx_input_limits limits;
    unsigned threads;         /* > 1: files of some size are read ahead in a thread */
    const char *const *paths; /* "-": standard input */
    size_t npaths;
    /* Where the query's side outputs go, too; their format is that of the job. May be NULL. */
    struct sfx_outputs *outputs;
    const char *split;       /* template of the outputs, to be had from outputs; NULL: out_fd */
    bool split_ends_bare;    /* it lacks the format's extension */
    bool follow;             /* the last of paths is read on as it grows, until stop */
    struct sfx_state *state; /* of the inputs: where to begin, and where the run came to; or NULL.
                                Saved now and then if the output is not a file to be published */
    int out_fd;
    const char *out_name; /* for messages; NULL: standard output */
    /* When it becomes non-zero, the input ends, at a pause or at the next record that is not
     * complete: what is open is closed as at any end. NULL: it never does. */
    const volatile sig_atomic_t *stop;
    struct sfx_progress *progress; /* may be NULL */
    const struct sfx_log *log;     /* may be NULL */
};

struct sfx_transform_result {
    struct sfx_query_counts counts; /* records that readers refused are in in, rejected, skipped */
    uint64_t in_nbytes, out_nbytes; /* as stored; as written */
    const struct sfx_format *to;    /* the format that was written */
};

/*
 * Runs the job. Records that are refused go where job->query says: with REJECT to its sink, with
 * SKIP they are counted, with FAIL the first one ends the run; with NULL a cell that is bad becomes
 * null, a record that its reader refuses is as with REJECT if there is a sink, else as with FAIL.
 * result is filled in any case.
 * Errors: INPUT, USAGE (the program names a column that is not there), LIMIT, IO, NOMEM.
 */
int sfx_transform_run(const struct sfx_transform_job *job, struct sfx_transform_result *result,
                      struct sfx_err *err);

/*
 * Appends the plan of job bound to the columns of its first input, of which nothing but what names
 * the columns is read; from standard input nothing is, the plan is then that of the program alone.
 * Errors: as of _run.
 */
int sfx_transform_explain(const struct sfx_transform_job *job, struct sfx_buf *out,
                          struct sfx_err *err);

/* Where the outputs of events go. */
struct sfx_transform_target {
    const struct sfx_template *name;        /* NULL: the job's split */
    const struct sfx_outputs_opts *outputs; /* of side outputs and split ones; values are set */
    bool durable;
};

/*
 * Event mode: runs job for the file of each event (job's paths, out_fd and reject sink are set for
 * it) and publishes the output under target's name, {stem} and the others being those of the file
 * without a suffix of compression; side outputs before it. With columns in the name (job's split)
 * target has none. See sfx_stage_run. counts: filled, the sum over all files.
 */
int sfx_transform_events(const struct sfx_transform_job *job,
                         const struct sfx_transform_target *target,
                         const struct sfx_stage_opts *opts, struct sfx_stage_stats *stats,
                         struct sfx_query_counts *counts, struct sfx_err *err);

#endif
