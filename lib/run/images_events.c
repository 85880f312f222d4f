/* SPDX-License-Identifier: MIT */
/* sfx-resize over events: what is published of the files that they name. */
#include "run/images_internal.h"

static int publish(struct sfx_images_run *run, struct sfx_image_file *file, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < file->nmade; i++) {
        struct sfx_image_made *made = &file->made[i];
        struct sfx_outfile *out = made->file;
        const struct sfx_stage_facts facts = {
            .media_type = sfx_slice_str(sfx_image_format_media_type(made->format)),
            .width = made->width_px,
            .height = made->height_px,
            .records = -1,
        };

        run->stats->kept += made->kept;
        if (out == NULL)
            continue;
        made->file = NULL; /* taken */
        rc = sfx_stage_publish(run->stage, run->item, out, made->name.path.data, &facts, err);
    }
    return rc;
}

/* Publishes what was made of the file of an event: several results if that is an archive. */
static int on_event_file(void *ctx, struct sfx_image_result *result, struct sfx_err *err)
{
    struct sfx_images_run *run = ctx;
    struct sfx_err failure = *result->failure;
    int rc = result->rc;

    if (sfx_images_is_passed(run, result))
        return 0;
    sfx_images_warn(run, result);
    if (rc == 0)
        rc = publish(run, result->file, &failure);
    if (rc < 0 && run->item_rc == 0) {
        run->item_rc = rc;
        run->item_err = failure;
    } else if (rc < 0) {
        sfx_log_err(run->job->log, SFX_LOG_ERROR, &failure);
    }
    return run->manifest != NULL ? sfx_images_manifest_add(run->manifest, result, err) : 0;
}

/* Works on the file of an event. */
static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct sfx_images_run *run = ctx;
    int rc = 0;

    run->stage = stage;
    run->item = item;
    run->item_rc = 0;
    if (run->batch == NULL) {
        run->batch = sfx_image_batch_new(&run->opts, err);
        if (run->batch == NULL)
            return err->code;
    }
    rc = sfx_image_batch_add(run->batch, item->path, item->event->id, err);
    if (rc == 0)
        rc = sfx_image_batch_finish(run->batch, err);
    if (rc < 0)
        sfx_stage_break(stage);
    else if (run->item_rc < 0)
        *err = run->item_err;
    return rc < 0 ? rc : run->item_rc;
}

int sfx_images_events(const struct sfx_images_job *job, struct sfx_images_stats *stats,
                      struct sfx_err *err)
{
    const struct sfx_stage_opts opts = {
        .program = job->program,
        .in_fd = job->in_fd,
        .out_fd = job->out_fd,
        .rejects = job->rejects,
        .ack = job->ack,
        .log = job->log,
        .stop = job->stop,
    };
    struct sfx_stage_stats stage = {0};
    struct sfx_images_run run;
    int rc = sfx_images_run_start(&run, job, stats, false, err);

    run.opts.fn = on_event_file;
    run.opts.hold = true;
    if (rc == 0)
        rc = sfx_stage_run(&opts, on_event, &run, &stage, err);
    stats->files = stage.events;
    stats->failed = stage.failed;
    stats->outputs = stage.outputs;
    stats->in_nbytes = stage.in_nbytes;
    stats->out_nbytes = stage.out_nbytes;
    rc = sfx_images_run_end(&run, rc, err);
    return rc < 0 ? rc : 0;
}
