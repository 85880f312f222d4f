/* SPDX-License-Identifier: MIT */
/*
 * Event mode (-E): the loop that every processing program shares. Reads event lines, hands each to
 * the program's function, publishes what it made, prints an event for each output, keeps what
 * failed with its reason, and meters it all.
 *
 * Contract: an event whose processing fails is a reject: it is logged, written to the rejects file
 * when there is one, and counted; the loop goes on unless the failure is of the machine (NOMEM, IO
 * on the output). Output events are printed only after the output has its name. Events that name no
 * file, and deletions, pass through untouched.
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

struct sfx_stage_opts {
    const char *program;       /* "sfx-resize": source of output events */
    int in_fd, out_fd;         /* event lines in and out */
    const char *rejects;       /* file of rejects (JSON Lines, appended to), NULL: none */
    const struct sfx_log *log; /* may be NULL */
    bool durable;              /* outputs are synced before their events are printed */
    const volatile sig_atomic_t
        *stop; /* when it becomes non-zero: finish what is in hand, then end; may be NULL */
};

struct sfx_stage_stats {
    uint64_t events, outputs, passed, failed;
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
 * Processes one item: writes outputs with sfx_stage_output/_publish, bad records with
 * sfx_stage_reject. <0 with err: the input failed.
 */
typedef int sfx_stage_fn(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                         struct sfx_err *err);

/* Runs until the events end. Returns 0, 1 when some inputs failed, <0 when it could not go on.
 * stats is filled. */
int sfx_stage_run(const struct sfx_stage_opts *opts, sfx_stage_fn *fn, void *ctx,
                  struct sfx_stage_stats *stats, struct sfx_err *err);

/* What an output's event says beside its path. */
struct sfx_stage_facts {
    struct sfx_slice media_type;
    int64_t width, height; /* -1 unknown */
    int64_t records;       /* -1 unknown */
};

/*
 * Commits out (made by the caller under the name `path`), frees it in every case, and prints its
 * event: type dev.sfx.output.created, sfxcause, sfxroot and traceparent from item, a stable id.
 * Errors: IO, USAGE.
 */
int sfx_stage_publish(struct sfx_stage *stage, const struct sfx_stage_item *item,
                      struct sfx_outfile *out, const char *path,
                      const struct sfx_stage_facts *facts, struct sfx_err *err);

/* Prints an event made by the caller (cause, root, traceparent and time are filled from item and
 * the clock). Errors: IO. */
int sfx_stage_emit(struct sfx_stage *stage, const struct sfx_stage_item *item, struct sfx_event *ev,
                   struct sfx_err *err);

/* A reject sink that writes to the stage's rejects file and counts. Valid while the stage runs. */
const struct sfx_reject_sink *sfx_stage_rejects(struct sfx_stage *stage);

/* The stage's figures so far, for the program's function to add records to. */
struct sfx_stage_stats *sfx_stage_stats(struct sfx_stage *stage);

/* Opens an output by a rendered template name: sfx_outfile_new beneath the template's root, folders
 * made. Errors: as there. */
struct sfx_outfile *sfx_stage_open_output(const struct sfx_template_name *name, bool durable,
                                          struct sfx_err *err);

#endif
