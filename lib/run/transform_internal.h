/* SPDX-License-Identifier: MIT */
#ifndef SFX_RUN_TRANSFORM_INTERNAL_H
#define SFX_RUN_TRANSFORM_INTERNAL_H

#include "query/records.h"
#include "run/growing.h"
#include "run/transform.h"

/*
 * True unless all paths are files whose first lines are the same bytes: then their records have the
 * same columns. Pipes and archives are not looked into.
 */
bool sfx_transform_headers_differ(const struct sfx_transform_job *job);

/* What goes on while an input is quiet. */
struct sfx_transform_wait {
    const volatile sig_atomic_t *stop;           /* see sfx_transform_job */
    bool stopped;                                /* there is no more input */
    const struct sfx_query *query;               /* NULL: there is none yet */
    int (*tick)(void *ctx, struct sfx_err *err); /* does what is due by the clock */
    void *ctx;
};

/* True when the run was told to stop. */
bool sfx_transform_is_stopped(struct sfx_transform_wait *wait);

/*
 * Waits for in, which is quiet, as long as somebody wants to be called meanwhile. wait: struct
 * sfx_transform_wait, as sfx_records_opts has it. Errors: TEMPORARY (it was stopped), IO, what tick
 * returned.
 */
int sfx_transform_wait(void *wait, struct sfx_input *in, struct sfx_err *err);

/* How the records of a stream are read again: what a reject says beside its bytes. */
struct sfx_stream_note {
    const char *input, *member;
    const char *format;
    char delimiter, quote;
    struct sfx_slice header;
    uint64_t schema; /* of the batch that header is of */
};

struct sfx_stream_notes { /* {0} is empty */
    struct sfx_arena arena;
    struct sfx_stream_note *items;
    size_t count, cap;
};

/*
 * Notes the stream that batch is of, unless it is the one noted last. format: of the stream; opts:
 * of its reader. batch's columns are the stream's if there are any. Errors: NOMEM.
 */
int sfx_stream_notes_add(struct sfx_stream_notes *notes, const struct sfx_batch *batch,
                         const struct sfx_format *format, const struct sfx_reader_opts *opts,
                         struct sfx_err *err);

/* Puts into r what is known of its stream. */
void sfx_stream_notes_fill(const struct sfx_stream_notes *notes, struct sfx_reject *r);

/* Says how the CSV that batch is of is spelled, where that was found out. log may be NULL. */
void sfx_stream_say_dialect(const struct sfx_batch *batch, const struct sfx_log *log);

void sfx_stream_notes_done(struct sfx_stream_notes *notes);

/* A transformation at work. */
struct sfx_transform_run {
    const struct sfx_transform_job *job;
    struct sfx_transform_result *result;
    /* The input side. */
    struct sfx_records *records;
    struct sfx_growing growing;
    struct sfx_batch batch;
    struct sfx_reject_sink refused; /* for what the reader and the query refuse */
    struct sfx_stream_notes notes;  /* of the streams, for what is kept of refused records */
    uint64_t unread;                /* records that the reader refused */
    bool reading;                   /* the reader is at work, not the query */
    bool holds;                     /* what is refused is of the batch in hand */
    struct sfx_held_rejects held;   /* of it */
    struct sfx_reject_sink unfit;   /* for what the writer refuses */
    uint64_t unwritten;             /* such records */
    struct sfx_transform_wait wait; /* for a quiet input */
    struct sfx_error_count errors;
    /* The output side. */
    struct sfx_query *query;
    struct sfx_query_files files; /* that the program names */
    struct sfx_query_carry carry; /* {0}: nothing is carried from run to run */
    struct sfx_writer *writer;    /* NULL: the output is split */
    struct sfx_writer **forks;    /* of writer, one for each lane of the query; NULL: none yet */
    size_t nlanes;
    struct sfx_buf out;
    struct sfx_side_outputs side;
    struct sfx_buf split; /* the template of split outputs */
    bool explains;        /* nothing is written */
    _Atomic bool forked;  /* all of forks are there */
};

/* --- transform_refuse.c ---------------------------------------------------------------------- */

/* Whether records that the reader refuses are kept rather than counted. */
bool sfx_transform_keeps_refused(const struct sfx_transform_job *job);

/* Takes what reader and query refuse, for a sink with the run: counts it, and hands on what is to
 * be kept, or holds it. Errors: INPUT (there were too many), what the sink of the job says. */
int sfx_transform_refuse(void *run, const struct sfx_reject *r, struct sfx_err *err);

/* The same for what the writer refuses, which the query counts as read and written. */
int sfx_transform_refuse_unwritten(void *run, const struct sfx_reject *r, struct sfx_err *err);

/*
 * Hands on what was held back of a batch that came to rc, in the order of the records: whoever
 * refused them, and wherever the batch ended. rc, unless that fails.
 */
int sfx_transform_hand_on_refused(struct sfx_transform_run *run, int rc, struct sfx_err *err);

/* --- transform_output.c ---------------------------------------------------------------------- */

/* Finds the format of the output, for a first stream in from, and makes what writes it. Errors:
 * USAGE (it cannot be written), IO, NOMEM. */
int sfx_transform_start_output(struct sfx_transform_run *run, const struct sfx_format *from,
                               struct sfx_err *err);

/* The same for threads that read ahead: lanes of the query, and writers for them. Errors: NOMEM. */
int sfx_transform_start_lanes(struct sfx_transform_run *run, struct sfx_err *err);

/* Makes the writers, when the output's has come so far: they go on from there. Errors: NOMEM. */
int sfx_transform_fork(struct sfx_transform_run *run, struct sfx_err *err);

/* Frees the writers of the lanes, which do no more work. */
void sfx_transform_end_lanes(struct sfx_transform_run *run);

/* True when records of several streams are to be given the columns of all, as the output needs them
 * and they may differ. */
bool sfx_transform_needs_union(const struct sfx_transform_run *run);

/* True when no stream comes beside the one in hand. */
bool sfx_transform_has_one_stream(const struct sfx_transform_run *run);

/* What the query hands out; for sfx_query_new with the run. Errors: IO, what the writer says. */
int sfx_transform_write(void *run, struct sfx_batch *batch, struct sfx_err *err);

/* Writes what has gathered. Errors: IO. */
int sfx_transform_flush(struct sfx_transform_run *run, struct sfx_err *err);

/* Writes bytes behind what has gathered, or gathers them when they are few. Errors: IO, NOMEM. */
int sfx_transform_put(struct sfx_transform_run *run, struct sfx_slice bytes, struct sfx_err *err);

#endif
