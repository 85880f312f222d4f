/* SPDX-License-Identifier: MIT */
/* The inside of a run of sfx-resize, shared by its modes (images.c, images_events.c). */
#ifndef SFX_RUN_IMAGES_INTERNAL_H
#define SFX_RUN_IMAGES_INTERNAL_H

#include "archive/pack.h"
#include "image/image_batch.h"
#include "run/images.h"
#include "run/images_manifest.h"
#include "run/rejects.h"
#include "run/stage.h"

/* A run, whatever its inputs come from. */
struct sfx_images_run {
    const struct sfx_images_job *job;
    struct sfx_images_stats *stats;
    struct sfx_rejects *rejects;
    struct sfx_images_manifest *manifest;
    struct sfx_pack *pack; /* the archive that outputs go into */
    struct sfx_image_batch_opts opts;
    struct sfx_image_batch *batch;
    size_t npaths; /* 0: not known */
    struct sfx_buf line;
    /* in event mode: */
    struct sfx_stage *stage;
    const struct sfx_stage_item *item; /* in hand */
    int item_rc;                       /* the first failure with it */
    struct sfx_err item_err;
};

/* Opens what job names; rejects: also its file of rejects. Errors: IO, NOMEM; run is then still to
 * be given to _end. */
int sfx_images_run_start(struct sfx_images_run *run, const struct sfx_images_job *job,
                         struct sfx_images_stats *stats, bool rejects, struct sfx_err *err);

/* Publishes and closes what was opened; rc is the run's own result, which counts first. */
int sfx_images_run_end(struct sfx_images_run *run, int rc, struct sfx_err *err);

/* True for what is no input: it is counted apart. */
bool sfx_images_is_passed(struct sfx_images_run *run, const struct sfx_image_result *result);

/* Says what of an input its outputs do not show, though they were made; counts what was damaged. */
void sfx_images_warn(struct sfx_images_run *run, const struct sfx_image_result *result);

#endif
