/* SPDX-License-Identifier: MIT */
/*
 * What sfx-resize does with a plan: over files, over the files of events, over headers.
 *
 * Contract: a file that fails is logged, put into the rejects file when there is one, and counted;
 * the others go on. Results are told in the order of the files. One run in one thread, which may
 * have others work for it.
 */
#ifndef SFX_RUN_IMAGES_H
#define SFX_RUN_IMAGES_H

#include "cli/log.h"
#include "cli/progress.h"
#include "image/image_plan.h"

#include <signal.h>

struct sfx_images_job {
    const struct sfx_image_plan *plan;
    const char *program;               /* "sfx-resize" */
    const char *rejects;               /* file of rejects (JSON Lines, appended to), NULL: none */
    const struct sfx_log *log;         /* may be NULL */
    int in_fd;                         /* of events */
    int out_fd;                        /* of events, descriptions, names of a dry run */
    size_t nthreads;                   /* at least 1 */
    struct sfx_progress *progress;     /* may be NULL */
    const volatile sig_atomic_t *stop; /* when non-zero: finish what is in hand; may be NULL */
};

struct sfx_images_stats {
    uint64_t files; /* or events */
    uint64_t failed, outputs, in_nbytes, out_nbytes;
    enum sfx_code last_failure; /* of a file */
};

/*
 * Resizes the files at paths ("-": standard input). With a dry run prints a line for each output:
 * name, width, height, joined by tabs. stats is filled in any case. Errors: IO (output, rejects),
 * NOMEM.
 */
int sfx_images_resize(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                      struct sfx_images_stats *stats, struct sfx_err *err);

/* Prints a line of JSON for each file: sfx_image_input_describe. Otherwise as _resize. */
int sfx_images_describe(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                        struct sfx_images_stats *stats, struct sfx_err *err);

/* Resizes the files that events name and prints an event for each output: sfx_stage_run. The plan
 * has a template for names. Otherwise as _resize. */
int sfx_images_events(const struct sfx_images_job *job, struct sfx_images_stats *stats,
                      struct sfx_err *err);

#endif
