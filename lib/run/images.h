/* SPDX-License-Identifier: MIT */
/*
 * What sfx-resize does with a plan: over files, over lists of names, over the files of events, over
 * headers.
 *
 * Contract: a file that fails is logged, put into the rejects file and the manifest when there are
 * such, and counted; the others go on. Results are told in the order of the files. One run in one
 * thread, which has processes work for it.
 */
#ifndef SFX_RUN_IMAGES_H
#define SFX_RUN_IMAGES_H

#include "cli/log.h"
#include "cli/progress.h"
#include "image/image_batch.h"
#include "image/image_plan.h"

#include <signal.h>

struct sfx_images_job {
    const struct sfx_image_plan *plan;
    const char *program;       /* "sfx-resize" */
    const char *rejects;       /* file of rejects (JSON Lines, appended to), NULL: none */
    const char *ack;           /* queue to acknowledge events in, NULL: none */
    const char *manifest;      /* file for a line of JSON for each input; "-": out_fd; NULL: none */
    const struct sfx_log *log; /* may be NULL */
    int in_fd;                 /* of events, and of names when list is "-" */
    int out_fd;                /* of events, descriptions, names of a dry run */
    const char *list;          /* file of names, NULL: none */
    char list_end;             /* of a name in it: '\n' or '\0' */
    size_t nworkers;           /* at least 1 */
    unsigned placeholders;     /* enum sfx_placeholder bits: in the manifest, else printed */
    bool name_placeholders;    /* printed ones have the input\'s name behind them */
    bool sandbox;              /* as struct sfx_image_batch_opts, like those that follow */
    int64_t max_time_ns;
    uint64_t max_in_nbytes;
    const char *tmp_dir;
    struct sfx_progress *progress;     /* may be NULL */
    const volatile sig_atomic_t *stop; /* when non-zero: finish what is in hand; may be NULL */
};

struct sfx_images_stats {
    uint64_t files; /* or events */
    uint64_t failed, outputs, in_nbytes, out_nbytes;
    uint64_t kept;              /* outputs that stood already and were left */
    uint64_t partial;           /* files that were damaged and of which a part was made */
    uint64_t passed;            /* outputs of this run among its inputs, no images in archives */
    enum sfx_code last_failure; /* of a file */
};

/*
 * Resizes the files at paths ("-": standard input), then those of the list. With a dry run prints a
 * line for each output: name, width, height, joined by tabs. Outputs go into the plan's archive
 * when it has one, which appears at the end unless the run was stopped. stats is filled in any
 * case. Errors: IO (list, output, rejects, manifest, processes), NOMEM.
 */
int sfx_images_resize(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                      struct sfx_images_stats *stats, struct sfx_err *err);

/* Prints a line of JSON for each file: sfx_image_info_describe. Otherwise as _resize. */
int sfx_images_describe(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                        struct sfx_images_stats *stats, struct sfx_err *err);

/* Resizes the files that events name and prints an event for each output: sfx_stage_run. The plan
 * has a template for names. Otherwise as _resize. */
int sfx_images_events(const struct sfx_images_job *job, struct sfx_images_stats *stats,
                      struct sfx_err *err);

#endif
