/* SPDX-License-Identifier: MIT */
/*
 * Loads: operands and files that events name, each input once, into one sink.
 *
 * Contract: an input is a plain or compressed operand or one member of an archive. It is read
 * twice: once to know its types, its hash and that it is sound, once to load it. One transaction
 * an input, or with commit_every several, of which the last finishes the load: until then loading
 * the input again goes on behind the last one, in any process. What an input contains is known by
 * the ledger afterwards and not loaded again. Whatever
 * becomes of an input is told to `report`, before the next one begins; the first failure of an
 * operand is returned instead. Not safe for two threads.
 *
 * The event of a load is dev.sfx.load.committed: its subject is the input, data.records what this
 * load or the earlier one inserted, data.loaded what was inserted now; data.path is not set, since
 * there is no file to go on with. The same load has the same id.
 */
#ifndef SFX_SINK_LOAD_H
#define SFX_SINK_LOAD_H

#include "cli/figure.h"
#include "cli/log.h"
#include "cli/progress.h"
#include "event/event.h"
#include "record/format.h"
#include "sink/sink.h"

enum sfx_load_on_error { SFX_LOAD_FAIL, SFX_LOAD_SKIP, SFX_LOAD_REJECT };

/* What becomes of objects and arrays: JSON text in their column; members of objects columns; that,
 * and elements of arrays rows of child tables. */
enum sfx_load_nested { SFX_LOAD_JSON, SFX_LOAD_FLATTEN, SFX_LOAD_TABLES };

enum sfx_load_outcome {
    SFX_LOAD_DONE,    /* loaded */
    SFX_LOAD_KNOWN,   /* the ledger has it: entry is the earlier load's */
    SFX_LOAD_PLANNED, /* dry run: what a load would do */
    SFX_LOAD_EMPTY,   /* neither columns nor records: nothing was done */
    SFX_LOAD_IGNORED, /* a member of an archive that holds no records */
    SFX_LOAD_FAILED,  /* failure says why; nothing of it was loaded. Only after the operand's first
                         failure, which is returned */
};

/* What became of one input. Everything is borrowed during the report. */
struct sfx_load_result {
    enum sfx_load_outcome outcome;
    const char *name, *member; /* member: NULL for none */
    const char *table;         /* NULL when it failed before its name was known */
    struct sfx_sink_entry entry;
    struct sfx_slice plan;   /* of a dry run: the sentence as a line of SQL comment, then the
                                statements that would make the table; else empty */
    struct sfx_event *event; /* DONE, KNOWN, when an event named the file: what tells of the load
                                (see above); else NULL */
    const struct sfx_err *failure;
    size_t nchild_tables; /* that this load filled, and its rows there */
    uint64_t nchild_rows;
};

typedef int sfx_load_report(void *ctx, const struct sfx_load_result *result, struct sfx_err *err);

/* A file of rejects that keeps step with checkpoints. */
struct sfx_load_rejects {
    /* Makes what was written durable; *nbytes: the length of the file. */
    int (*sync)(void *ctx, uint64_t *nbytes, struct sfx_err *err);
    /* Cuts off what is behind nbytes; a file that is shorter stays as it is. */
    int (*cut)(void *ctx, uint64_t nbytes, struct sfx_err *err);
    void *ctx;
    bool left; /* by a run that was killed: what is behind its last checkpoint is cut off */
};

#define SFX_LOAD_MAX_JOBS 64

struct sfx_load_opts {                    /* all-zero: the defaults */
    struct sfx_sink_how how;              /* into tables that have rows; its keys come from: */
    const char *keys;                     /* columns, joined by commas; NULL: none */
    const char *types;                    /* "column=type,…" instead of what is learnt; or NULL */
    const char *schema;                   /* file of a table schema: checked, and types; or NULL */
    const char *program;                  /* of sfx-transform, that records pass; or NULL */
    int nested;                           /* enum sfx_load_nested */
    const char *not_null;                 /* columns, joined by commas; or NULL */
    bool lineage;                         /* rows say where they came from */
    bool no_inference;                    /* columns are text, but for types */
    const char *table;                    /* template; default "{stem}" of the input's name */
    const char *from, *delimiter, *quote; /* as sfx_format_parse; default by name and content */
    struct sfx_reader_opts reader;        /* delimiter and quote are set by those above */
    uint64_t jobs;                        /* operands at once, 64 at most; 0: by processors */
    bool group;                           /* inputs are made durable together, by _flush */
    uint64_t commit_every;                /* records; 0: an input is one transaction */
    bool rejects_table;                   /* rejected records go into a table of the target, too */
    int on_error;                         /* enum sfx_load_on_error */
    const char *load_id;                  /* key instead of the content's hash */
    bool force;                           /* load what the ledger knows again */
    bool dry_run;                         /* write nothing */
    const char *tmp_dir;                  /* default: the sink's folder */
    int64_t timeout_ns;                   /* for locks; 0: not at all */
    int out_fd;                           /* what the target "-" is written to */
    const volatile sig_atomic_t *stop;    /* non-zero: take the input in hand back; may be NULL */
    const struct sfx_log *log;            /* says what there is nobody else to tell; may be NULL */
    struct sfx_progress *progress;        /* may be NULL */
    sfx_load_report *report;              /* <0 ends the run */
    void *report_ctx;
};

struct sfx_load_stats {
    uint64_t loaded, known, ignored, failed; /* inputs; empty ones count as ignored */
    int first_failure;                       /* its code; 0: none */
    uint64_t nbytes;                         /* of decoded content */
    struct sfx_sink_counts records;          /* of the loads of this run */
};

struct sfx_load;

/* Opens target (a sink's URI) for loading. What opts points to is borrowed while the load lives.
 * Errors: NULL; as sfx_sink_open; USAGE for a bad template, format, delimiter or quote, and for a
 * mode without the key that it needs. */
struct sfx_load *sfx_load_new(const char *target, const struct sfx_load_opts *opts,
                              struct sfx_err *err);

/* Where rejected records go from now on (borrowed); NULL: they are said. */
void sfx_load_set_rejects(struct sfx_load *load, const struct sfx_reject_sink *rejects);

/* With opts.commit_every: keeps the rejects in step with what is committed (borrowed, with its ctx,
 * while the load lives). */
void sfx_load_set_durable(struct sfx_load *load, const struct sfx_load_rejects *durable);

/*
 * Loads the inputs of path ("-": standard input). event: what named the file, or NULL. Returns 0,
 * or the first failure; others were reported. After the failure of an input the next operand may
 * be loaded, but not when sfx_load_is_broken. Errors: of inputs and of the target (INPUT, LIMIT,
 * IO, TEMPORARY, USAGE, UNSUPPORTED), TEMPORARY when interrupted, NOMEM, what report returned.
 */
int sfx_load_operand(struct sfx_load *load, const char *path, const struct sfx_event *event,
                     struct sfx_err *err);

/*
 * Loads the inputs of all paths (ended by NULL; none: standard input) and logs the failures of
 * inputs; opts.jobs at once, where the sink can and their order makes no difference: each of them
 * then has a thread and a sink of its own, and report and rejects are called from any of these, one
 * at a time. Returns 0; 1 when an input failed or a record was rejected; <0 when the run cannot go
 * on. Errors: as _operand; USAGE for several paths with one load_id.
 */
int sfx_load_operands(struct sfx_load *load, const char *const *paths, struct sfx_err *err);

/*
 * Loads the file path that event names: its records, if it is of a format of records, perhaps
 * compressed or in an archive; else one row of what is known of the file (path, type, size, width,
 * height, sha256, mtime, event_id), by default into a table "files". Returns as _operand.
 */
int sfx_load_file(struct sfx_load *load, const char *path, const struct sfx_event *event,
                  struct sfx_err *err);

/* With opts.group: makes the inputs since the last one durable, which were reported before. Errors:
 * of the sink; none of them is there then. */
int sfx_load_flush(struct sfx_load *load, struct sfx_err *err);

/* With opts.group: true when commit_every records or a thousand inputs have come since the last
 * one. */
bool sfx_load_is_due(const struct sfx_load *load);

/* Takes a load back, and reports it in a sentence at out (appended, without a line end). Errors: of
 * the sink. */
int sfx_load_undo(struct sfx_load *load, int64_t load_id, struct sfx_buf *out, struct sfx_err *err);

/* True when the failure was not one of the input: the run cannot go on. */
bool sfx_load_is_broken(const struct sfx_load *load);

struct sfx_load_stats sfx_load_stats(const struct sfx_load *load);

/* The figures for --stats; filled. */
#define SFX_LOAD_NFIGURES 14
void sfx_load_figures(const struct sfx_load_stats *stats,
                      struct sfx_figure figures[SFX_LOAD_NFIGURES]);

/* Says in a sentence (to opts.log) what became of the input: a failure as an error, a loss of
 * records as a notice, success as information, when it is durable. */
void sfx_load_say(struct sfx_load *load, const struct sfx_load_result *result);

void sfx_load_free(struct sfx_load *load);

#endif
