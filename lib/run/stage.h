/* SPDX-License-Identifier: MIT */
/*
 * Event mode (-E): the loop that every processing program shares. Reads event lines, hands each to
 * the program's function, publishes what it made, prints an event for each output, keeps what
 * failed with its reason, and meters it all.
 *
 * Contract: an event whose processing fails is a reject, as is a line that is no event: it is
 * logged as "path: reason", written to the rejects file when there is one, and counted. The loop
 * goes on unless the failure is of the machine: no memory, no room or no right to write on a file
 * system, a failing disk, no descriptors, an output that cannot be named, an event or a reject that
 * cannot be written. Output events are printed only after the output has its name, each in one
 * write. Events that name no file, and deletions, pass through byte for byte; blank lines are
 * passed over. Not safe for two threads at once: everything happens on the caller's.
 */
#ifndef SFX_RUN_STAGE_H
#define SFX_RUN_STAGE_H

#include "base/outfile.h"
#include "cli/log.h"
#include "cli/template.h"
#include "event/event.h"
#include "record/reject.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct sfx_stage;

/*
 * Work whose results count only later, together: what was made of events since the last time is
 * made durable by fn, and told of then, not before. It is done when the first of it is wait_ns old,
 * when sfx_stage_settle asks for it, and at the end. When fn fails the loop ends with it, and those
 * events are not told of.
 */
struct sfx_stage_later {
    int (*fn)(void *ctx, struct sfx_err *err); /* NULL: results count at once */
    int64_t wait_ns;
};

struct sfx_stage_opts {
    const char *program;       /* "sfx-resize": source of output events */
    int in_fd, out_fd;         /* event lines in and out */
    const char *rejects;       /* file of rejects (JSON Lines, appended to), NULL: none */
    const char *ack;           /* queue in which what becomes of events is said, NULL: none */
    const struct sfx_log *log; /* may be NULL */
    struct sfx_stage_later later;
    size_t max_line_nbytes; /* of an event line; 0: 64 KiB; longer ones are rejects */
    const volatile sig_atomic_t
        *stop; /* when it becomes non-zero: finish what is in hand, then end; may be NULL */
};

struct sfx_stage_stats {
    uint64_t events; /* lines read; passed and failed are among them */
    uint64_t outputs, passed, failed;
    uint64_t in_nbytes, out_nbytes;                     /* of the files */
    uint64_t records_in, records_out, records_rejected; /* added to by record programs */
    int64_t wall_ns, cpu_ns;                            /* inside the program's function */
};

/* An input file and the event that named it. */
struct sfx_stage_item {
    const struct sfx_event *event;
    const char *path; /* terminated copy of event->path */
    const char *id;   /* terminated copy of event->id */
};

/*
 * Processes one item: opens outputs with sfx_template_open, publishes them with
 * sfx_stage_publish, hands bad records to sfx_stage_rejects. <0 with err (which may leave out the
 * item's path): the input failed.
 */
typedef int sfx_stage_fn(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                         struct sfx_err *err);

/*
 * Runs until the events end or opts->stop is set (checked before each event). Returns 0; 1 when
 * some inputs failed or records were rejected; <0 when it could not go on. stats is filled in any
 * case.
 */
int sfx_stage_run(const struct sfx_stage_opts *opts, sfx_stage_fn *fn, void *ctx,
                  struct sfx_stage_stats *stats, struct sfx_err *err);

/* What an output's event says beside its path. */
struct sfx_stage_facts {
    struct sfx_slice media_type;
    int64_t width, height; /* -1 unknown */
    int64_t records;       /* -1 unknown */
};

/*
 * Commits out (made by the caller under the name `path`; taken, freed in every case) and prints its
 * event: type dev.sfx.output.created, source and id of the program and the path, and what _emit
 * fills in. Errors: IO, NOMEM, USAGE (the name is taken), INPUT (another input of this run made
 * an output of that name: it is not replaced).
 */
int sfx_stage_publish(struct sfx_stage *stage, const struct sfx_stage_item *item,
                      struct sfx_outfile *out, const char *path,
                      const struct sfx_stage_facts *facts, struct sfx_err *err);

/*
 * Prints an event made by the caller. Filled in: source (the program) and time (now) when empty;
 * sfxcause, sfxroot, traceparent and the attributes that sfx does not know from the item's event;
 * dataschema is left out, since it describes the data of that event alone. Errors: IO, NOMEM, USAGE
 * (no id or type).
 */
int sfx_stage_emit(struct sfx_stage *stage, const struct sfx_stage_item *item, struct sfx_event *ev,
                   struct sfx_err *err);

/*
 * A reject sink for records of the item in hand: writes them to the stage's rejects file (without
 * one, logs them) and counts. program, input and event are filled in. Valid while the stage runs.
 */
const struct sfx_reject_sink *sfx_stage_rejects(struct sfx_stage *stage);

/* Asks for opts.later before the next event. */
void sfx_stage_settle(struct sfx_stage *stage);

/* Says that the failure which the program's function is about to return is one that the next event
 * would meet too: the loop ends with it. */
void sfx_stage_break(struct sfx_stage *stage);

/* The stage's figures so far, for the program's function to add records to. */
struct sfx_stage_stats *sfx_stage_stats(struct sfx_stage *stage);

#endif
