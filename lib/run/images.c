/* SPDX-License-Identifier: MIT */
/* sfx-resize over files, events and headers: what is told, counted and kept of each. */
#include "run/images.h"

#include "base/io.h"
#include "image/image_batch.h"
#include "image/image_input.h"
#include "run/rejects.h"
#include "run/stage.h"

#include <inttypes.h>
#include <string.h>

struct run {
    const struct sfx_images_job *job;
    struct sfx_images_stats *stats;
    struct sfx_rejects *rejects;
    size_t npaths;
    struct sfx_buf line;
};

static int run_start(struct run *run, const struct sfx_images_job *job,
                     struct sfx_images_stats *stats, size_t npaths, struct sfx_err *err)
{
    *run = (struct run){.job = job, .stats = stats, .npaths = npaths};
    *stats = (struct sfx_images_stats){0};
    if (job->rejects == NULL)
        return 0;
    run->rejects = sfx_rejects_new(job->rejects, job->program, err);
    return run->rejects != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
}

/* Closes what was opened; rc is the run's own result, which counts first. */
static int run_end(struct run *run, int rc, struct sfx_err *err)
{
    int closed = sfx_rejects_close(run->rejects, rc < 0 ? NULL : err);

    sfx_buf_done(&run->line);
    return rc < 0 ? rc : closed;
}

/* Counts, says and keeps a failure. */
static int failed(struct run *run, const char *path, const struct sfx_err *failure,
                  struct sfx_err *err)
{
    struct sfx_reject reject = {.input = path, .code = sfx_code_name(failure->code)};
    const struct sfx_reject_sink *sink;
    size_t len = strlen(path);

    run->stats->failed++;
    run->stats->last_failure = failure->code;
    sfx_log_err(run->job->log, SFX_LOG_ERROR, failure);
    if (run->rejects == NULL)
        return 0;
    /* The message begins with the path, which has a member of its own. */
    reject.reason = failure->text + (strncmp(failure->text, path, len) == 0 ? len + 2 : 0);
    sink = sfx_rejects_sink(run->rejects);
    return sink->put(sink->ctx, &reject, err);
}

static int print_line(struct run *run, struct sfx_err *err)
{
    int rc = sfx_io_write(run->job->out_fd, run->line.data, run->line.len, err);

    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

static int tell_output(struct run *run, const char *path, const struct sfx_image_made *made,
                       struct sfx_err *err)
{
    const char *name = made->name.path.data != NULL ? made->name.path.data : "-";
    int rc;

    run->stats->outputs++;
    run->stats->out_nbytes += made->nbytes;
    sfx_log(run->job->log, SFX_LOG_INFO, "%s: %s, %" PRIu32 "x%" PRIu32 ", %" PRIu64 " bytes", path,
            name, made->width_px, made->height_px, made->nbytes);
    if (!run->job->plan->file.dry_run)
        return 0;
    sfx_buf_clear(&run->line);
    rc = sfx_buf_printf(&run->line, err, "%s\t%" PRIu32 "\t%" PRIu32 "\n", name, made->width_px,
                        made->height_px);
    return rc < 0 ? rc : print_line(run, err);
}

/* Tells of a file of the batch. */
static int on_file(void *ctx, const char *path, int rc, const struct sfx_err *failure,
                   const struct sfx_image_file *file, struct sfx_err *err)
{
    struct run *run = ctx;
    size_t i;

    run->stats->files++;
    if (rc < 0)
        return failed(run, path, failure, err);
    run->stats->in_nbytes += file->in_nbytes;
    if (run->job->progress != NULL)
        sfx_progress_update(run->job->progress, "files", run->stats->files, run->npaths,
                            run->stats->in_nbytes);
    for (i = 0; i < file->nmade && rc == 0; i++)
        rc = tell_output(run, path, &file->made[i], err);
    return rc;
}

int sfx_images_resize(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                      struct sfx_images_stats *stats, struct sfx_err *err)
{
    const struct sfx_image_batch_opts batch = {
        .file = &job->plan->file, .nthreads = job->nthreads, .stop = job->stop};
    struct run run;
    int rc = run_start(&run, job, stats, npaths, err);

    if (rc == 0)
        rc = sfx_image_batch_run(&batch, paths, npaths, on_file, &run, err);
    return run_end(&run, rc, err);
}

int sfx_images_describe(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                        struct sfx_images_stats *stats, struct sfx_err *err)
{
    struct sfx_err failure;
    struct run run;
    size_t i;
    int rc = run_start(&run, job, stats, npaths, err);

    for (i = 0; i < npaths && rc == 0 && (job->stop == NULL || *job->stop == 0); i++) {
        stats->files++;
        sfx_buf_clear(&run.line);
        if (sfx_image_input_describe(paths[i], &job->plan->resize.limits, &run.line, &failure) < 0)
            rc = failed(&run, paths[i], &failure, err);
        else
            rc = print_line(&run, err);
    }
    return run_end(&run, rc, err);
}

/* Works on the file of an event. */
static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    const struct sfx_images_job *job = ctx;
    struct sfx_image_file file;
    size_t i;
    int rc = sfx_image_file_run(&job->plan->file, item->path, item->event->id, &file, err);

    for (i = 0; rc == 0 && i < file.nmade; i++) {
        struct sfx_image_made *made = &file.made[i];
        struct sfx_outfile *out = made->file;
        const struct sfx_stage_facts facts = {
            .media_type = sfx_slice_str(sfx_image_format_media_type(made->format)),
            .width = made->width_px,
            .height = made->height_px,
            .records = -1,
        };

        made->file = NULL; /* taken */
        rc = sfx_stage_publish(stage, item, out, made->name.path.data, &facts, err);
    }
    sfx_image_file_done(&file);
    return rc;
}

int sfx_images_events(const struct sfx_images_job *job, struct sfx_images_stats *stats,
                      struct sfx_err *err)
{
    const struct sfx_stage_opts opts = {
        .program = job->program,
        .in_fd = job->in_fd,
        .out_fd = job->out_fd,
        .rejects = job->rejects,
        .log = job->log,
        .stop = job->stop,
    };
    struct sfx_stage_stats stage = {0};
    int rc = sfx_stage_run(&opts, on_event, (void *)job, &stage, err);

    *stats = (struct sfx_images_stats){
        .files = stage.events,
        .failed = stage.failed,
        .outputs = stage.outputs,
        .in_nbytes = stage.in_nbytes,
        .out_nbytes = stage.out_nbytes,
    };
    return rc < 0 ? rc : 0;
}
