/* SPDX-License-Identifier: MIT */
/* sfx-resize over files, lists and headers: what is told, counted and kept of each. */
#include "run/images_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include "event/lines.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int sfx_images_run_start(struct sfx_images_run *run, const struct sfx_images_job *job,
                         struct sfx_images_stats *stats, bool rejects, struct sfx_err *err)
{
    *run = (struct sfx_images_run){.job = job,
                                   .stats = stats,
                                   .opts = {.file = &job->plan->file,
                                            .nworkers = job->nworkers,
                                            .placeholders = job->placeholders,
                                            .hash = job->manifest != NULL,
                                            .sandbox = job->sandbox,
                                            .max_time_ns = job->max_time_ns,
                                            .max_in_nbytes = job->max_in_nbytes,
                                            .archive = {.max_member_nbytes = job->max_in_nbytes},
                                            .tmp_dir = job->tmp_dir,
                                            .ctx = run,
                                            .stop = job->stop}};
    *stats = (struct sfx_images_stats){0};
    if (rejects && job->rejects != NULL) {
        run->rejects = sfx_rejects_new(job->rejects, job->program, err);
        if (run->rejects == NULL)
            return err != NULL ? (int)err->code : SFX_E_IO;
    }
    if (job->manifest != NULL) {
        run->manifest = sfx_images_manifest_new(job->manifest, job->out_fd, err);
        if (run->manifest == NULL)
            return err != NULL ? (int)err->code : SFX_E_IO;
    }
    return 0;
}

static bool is_stopped(const struct sfx_images_run *run)
{
    return run->job->stop != NULL && *run->job->stop != 0;
}

int sfx_images_run_end(struct sfx_images_run *run, int rc, struct sfx_err *err)
{
    int closed;

    /* Half of the images would look like all of them; an archive of none helps nobody. */
    if (rc >= 0 && run->pack != NULL && !is_stopped(run) && run->stats->outputs > 0)
        rc = sfx_pack_commit(run->pack, err);
    if (rc >= 0 && run->manifest != NULL)
        rc = sfx_images_manifest_commit(run->manifest, err);
    closed = sfx_rejects_close(run->rejects, rc < 0 ? NULL : err);
    sfx_image_batch_free(run->batch);
    sfx_images_manifest_free(run->manifest);
    sfx_pack_free(run->pack);
    sfx_buf_done(&run->line);
    return rc < 0 ? rc : closed;
}

/* Counts, says and keeps a failure. */
static int failed(struct sfx_images_run *run, const struct sfx_image_result *result,
                  struct sfx_err *err)
{
    struct sfx_reject reject = {.input = result->path,
                                .member = result->member,
                                .code = sfx_code_name(result->failure->code)};
    const struct sfx_reject_sink *sink;
    size_t len = strlen(result->name);

    run->stats->failed++;
    run->stats->last_failure = result->failure->code;
    /* Nobody reads the output any more: that is no failure of the image. */
    if (result->failure->errnum == EPIPE && run->job->plan->file.fd != NULL) {
        *err = *result->failure;
        return result->rc;
    }
    sfx_log_err(run->job->log, SFX_LOG_ERROR, result->failure);
    if (run->rejects == NULL)
        return 0;
    /* The message begins with the name, which has a member of its own. */
    reject.reason = result->failure->text +
                    (strncmp(result->failure->text, result->name, len) == 0 ? len + 2 : 0);
    sink = sfx_rejects_sink(run->rejects);
    return sink->put(sink->ctx, &reject, err);
}

static int print_line(struct sfx_images_run *run, struct sfx_err *err)
{
    int rc = sfx_io_write(run->job->out_fd, run->line.data, run->line.len, err);

    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

static int tell_output(struct sfx_images_run *run, const char *input,
                       const struct sfx_image_made *made, struct sfx_err *err)
{
    const char *name = made->name.path.data != NULL ? made->name.path.data : "-";
    int rc;

    run->stats->kept += made->kept;
    run->stats->outputs += !made->kept;
    run->stats->out_nbytes += made->nbytes;
    if (made->kept)
        sfx_log(run->job->log, SFX_LOG_INFO, "%s: %s is kept", input, name);
    else
        sfx_log(run->job->log, SFX_LOG_INFO, "%s: %s, %" PRIu32 "x%" PRIu32 ", %" PRIu64 " bytes",
                input, name, made->width_px, made->height_px, made->nbytes);
    if (!run->job->plan->file.dry_run || made->kept)
        return 0;
    sfx_buf_clear(&run->line);
    rc = sfx_buf_printf(&run->line, err, "%s\t%" PRIu32 "\t%" PRIu32 "\n", name, made->width_px,
                        made->height_px);
    return rc < 0 ? rc : print_line(run, err);
}

/* Puts an output into the archive. */
static int pack(struct sfx_images_run *run, const struct sfx_image_file *file,
                struct sfx_image_made *made, struct sfx_err *err)
{
    const struct timespec *mtime = &file->subject.st.st_mtim;
    int rc;

    if (run->pack == NULL || made->fd < 0)
        return 0;
    rc = sfx_pack_add(run->pack, made->name.path.data, made->fd,
                      file->subject.is_file ? (int64_t)mtime->tv_sec * 1000000000 + mtime->tv_nsec
                                            : sfx_clock_wall_ns(),
                      err);
    return rc < 0 ? sfx_image_blame(err, rc, run->job->plan->archive) : 0;
}

/* "LKO2?U%2Tw=w]~RBVZRi\tphoto.jpg": the name only where there may be several. */
static int print_placeholders(struct sfx_images_run *run, const struct sfx_image_result *result,
                              struct sfx_err *err)
{
    const struct sfx_image_file *file = result->file;
    int rc;

    if (run->job->placeholders == 0 || run->manifest != NULL || run->job->plan->file.dry_run)
        return 0;
    sfx_buf_clear(&run->line);
    rc = sfx_buf_append(&run->line, file->blurhash.data, file->blurhash.len, err);
    if (rc == 0 && file->blurhash.len > 0 && file->lqip.len > 0)
        rc = sfx_buf_putc(&run->line, '\t', err);
    if (rc == 0)
        rc = sfx_buf_append(&run->line, file->lqip.data, file->lqip.len, err);
    if (rc == 0 && run->job->name_placeholders)
        rc = sfx_buf_printf(&run->line, err, "\t%s", result->name);
    if (rc == 0)
        rc = sfx_buf_putc(&run->line, '\n', err);
    return rc < 0 ? rc : print_line(run, err);
}

static void show_progress(struct sfx_images_run *run)
{
    if (run->job->progress != NULL)
        sfx_progress_update(run->job->progress, "files", run->stats->files, run->npaths,
                            run->stats->in_nbytes);
}

bool sfx_images_is_passed(struct sfx_images_run *run, const struct sfx_image_result *result)
{
    if (!result->passed)
        return false;
    run->stats->passed++;
    sfx_log(run->job->log, SFX_LOG_INFO, "%s: passed over: %s", result->name,
            result->member != NULL ? "no image" : "an output of this run");
    return true;
}

void sfx_images_warn(struct sfx_images_run *run, const struct sfx_image_result *result)
{
    const struct sfx_image_found *found = &result->file->found;

    if (result->rc < 0)
        return;
    if (found->frames > 1)
        sfx_log(run->job->log, SFX_LOG_WARNING, "%s: the first of %" PRIu32 " frames was taken",
                result->name, found->frames);
    if (found->blank != 0)
        sfx_log(run->job->log, SFX_LOG_WARNING, "%s: it is all background: nothing was trimmed",
                result->name);
    if (result->file->damage.code == 0)
        return;
    run->stats->partial++;
    sfx_log(run->job->log, SFX_LOG_WARNING, "%s: %s; what there is was made", result->name,
            result->file->damage.text);
}

/* Tells of a file. */
static int on_file(void *ctx, struct sfx_image_result *result, struct sfx_err *err)
{
    struct sfx_images_run *run = ctx;
    size_t i;
    int rc = 0;

    if (sfx_images_is_passed(run, result))
        return 0;
    run->stats->files++;
    run->stats->in_nbytes += result->file->in_nbytes;
    if (run->manifest != NULL)
        rc = sfx_images_manifest_add(run->manifest, result, err);
    if (rc == 0 && result->rc < 0)
        return failed(run, result, err);
    sfx_images_warn(run, result);
    show_progress(run);
    if (rc == 0)
        rc = print_placeholders(run, result, err);
    for (i = 0; i < result->file->nmade && rc == 0; i++) {
        rc = pack(run, result->file, &result->file->made[i], err);
        if (rc == 0)
            rc = tell_output(run, result->name, &result->file->made[i], err);
    }
    return rc;
}

/* Adds the names of the list as they come, while the files before them are worked on. */
static int add_list(struct sfx_images_run *run, struct sfx_err *err)
{
    const char *path = run->job->list;
    int owned = -1, fd = run->job->in_fd, rc;
    struct sfx_buf name = {0};
    struct sfx_slice text;
    struct sfx_lines lines;

    if (strcmp(path, "-") != 0) {
        fd = owned = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            return sfx_err_errno(err, errno, "%s", path);
    }
    rc = sfx_lines_init(&lines, fd, PATH_MAX, run->job->stop, err);
    lines.delimiter = run->job->list_end;
    while (rc >= 0) {
        rc = sfx_lines_held(&lines) ? 1 : sfx_image_batch_wait(run->batch, fd, err);
        if (rc > 0)
            rc = sfx_lines_next(&lines, &text, err);
        if (rc <= 0)
            break;
        if (text.len == 0)
            continue;
        sfx_buf_clear(&name);
        rc = sfx_buf_append(&name, text.ptr, text.len, err);
        if (rc == 0 && sfx_buf_cstr(&name, err) == NULL)
            rc = SFX_E_NOMEM;
        if (rc == 0)
            rc = sfx_image_batch_add(run->batch, name.data, sfx_slice(NULL, 0), err);
    }
    sfx_lines_done(&lines);
    sfx_buf_done(&name);
    (void)sfx_io_close(&owned, NULL);
    return rc;
}

/* Runs the paths and the list through a batch. */
static int run_batch(struct sfx_images_run *run, char *const *paths, size_t npaths,
                     struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    run->npaths = run->job->list == NULL ? npaths : 0;
    run->batch = sfx_image_batch_new(&run->opts, err);
    if (run->batch == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    for (i = 0; i < npaths && rc == 0; i++)
        rc = sfx_image_batch_expect(run->batch, paths[i], err);
    for (i = 0; i < npaths && rc == 0 && !is_stopped(run); i++)
        rc = sfx_image_batch_add(run->batch, paths[i], sfx_slice(NULL, 0), err);
    if (rc == 0 && run->job->list != NULL)
        rc = add_list(run, err);
    return rc == 0 ? sfx_image_batch_finish(run->batch, err) : rc;
}

/* The archive may not take the place of one of those that it is made of. */
static int check_archive(const char *archive, char *const *paths, size_t npaths,
                         struct sfx_err *err)
{
    struct stat st, input;
    size_t i;

    if (stat(archive, &st) != 0)
        return 0;
    for (i = 0; i < npaths; i++)
        if (stat(paths[i], &input) == 0 && input.st_dev == st.st_dev && input.st_ino == st.st_ino)
            return sfx_err_set(err, SFX_E_USAGE, "output %s is an input of this run", archive);
    return 0;
}

static int open_archive(struct sfx_images_run *run, char *const *paths, size_t npaths,
                        struct sfx_err *err)
{
    const struct sfx_image_plan *plan = run->job->plan;
    const struct sfx_pack_opts opts = {.durable = plan->file.durable, .stored = true};
    int rc = check_archive(plan->archive, paths, npaths, err);

    if (rc < 0 || plan->file.dry_run)
        return rc;
    run->opts.hold = true;
    run->pack = sfx_pack_new(plan->archive, &opts, err);
    return run->pack != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_IO;
}

/* Of several files, in a line; one file needs no words. */
static void summarize(const struct sfx_images_run *run, int64_t wall_ns)
{
    const struct sfx_images_stats *stats = run->stats;
    double s = (double)(wall_ns > 0 ? wall_ns : 1) / 1e9;
    char kept[48] = "", failures[48] = "";

    if (stats->files < 2 || run->job->plan->file.dry_run)
        return;
    if (stats->kept > 0)
        (void)snprintf(kept, sizeof(kept), ", %" PRIu64 " kept", stats->kept);
    if (stats->failed > 0)
        (void)snprintf(failures, sizeof(failures), ", %" PRIu64 " failed", stats->failed);
    sfx_log(run->job->log, SFX_LOG_NOTICE,
            "%" PRIu64 " files: %" PRIu64 " %s%s%s; %.1f MB in, %.1f MB out, %.2f s, %.*f files/s",
            stats->files, stats->outputs, stats->outputs == 1 ? "output" : "outputs", kept,
            failures, (double)stats->in_nbytes / 1e6, (double)stats->out_nbytes / 1e6, s,
            (double)stats->files / s < 10 ? 1 : 0, (double)stats->files / s);
}

int sfx_images_resize(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                      struct sfx_images_stats *stats, struct sfx_err *err)
{
    int64_t started_ns = sfx_clock_mono_ns();
    struct sfx_images_run run;
    int rc = sfx_images_run_start(&run, job, stats, true, err);

    run.opts.fn = on_file;
    if (rc == 0 && job->plan->archive != NULL)
        rc = open_archive(&run, paths, npaths, err);
    if (rc == 0)
        rc = run_batch(&run, paths, npaths, err);
    rc = sfx_images_run_end(&run, rc, err);
    if (rc == 0)
        summarize(&run, sfx_clock_mono_ns() - started_ns);
    return rc;
}

static int on_header(void *ctx, struct sfx_image_result *result, struct sfx_err *err)
{
    struct sfx_images_run *run = ctx;
    struct sfx_buf *text = &result->file->text;
    int rc;

    if (sfx_images_is_passed(run, result))
        return 0;
    run->stats->files++;
    if (result->rc < 0)
        return failed(run, result, err);
    show_progress(run);
    /* It comes from where the image was: nothing but one object may leave by it. */
    rc = sfx_json_validate(text->data, text->len, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s: its description", result->name);
    rc = sfx_io_write(run->job->out_fd, text->data, text->len, err);
    return rc < 0 ? sfx_err_wrap(err, rc, "standard output") : 0;
}

int sfx_images_describe(const struct sfx_images_job *job, char *const *paths, size_t npaths,
                        struct sfx_images_stats *stats, struct sfx_err *err)
{
    struct sfx_images_run run;
    int rc = sfx_images_run_start(&run, job, stats, true, err);

    run.opts.fn = on_header;
    run.opts.describe = true;
    if (rc == 0)
        rc = run_batch(&run, paths, npaths, err);
    return sfx_images_run_end(&run, rc, err);
}
