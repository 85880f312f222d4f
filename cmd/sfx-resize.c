/* SPDX-License-Identifier: MIT */
/* sfx-resize: decode, turn upright, resize and convert images. */
#include "cmd.h"

#include "base/io.h"
#include "base/pool.h"
#include "image/image_batch.h"
#include "image/image_input.h"
#include "image/image_plan.h"
#include "run/rejects.h"
#include "run/stage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    struct sfx_opt_list sizes;
    const char *output, *format, *background, *rejects;
    uint64_t quality, compression, jobs, max_pixels;
    bool progressive, strip, enlarge, info, events, durable, dry_run;
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct sfx_opt opts[] = {
    {'s', "size", "SIZE", SFX_OPT_LIST, AT(sizes),
     "Fit into SIZE: W, WxH, Wx, xH or N%; with '!' exactly that, with '<' only enlarge. One decode "
     "makes all sizes. Default: the image's own size.", NULL, 0, 0},
    {'o', "output", "TEMPLATE", SFX_OPT_STR, AT(output),
     "Name of the outputs, see sfx(7) for {stem}, {width} and the others; - is standard output. "
     "Default: {stem}-{width}x{height}.{ext} beside the input.", NULL, 0, 0},
    {'f', "format", "FORMAT", SFX_OPT_STR, AT(format),
     "Format of the outputs. Default: by TEMPLATE's extension, else the input's.", "jpeg|png", 0, 0},
    {0, "enlarge", NULL, SFX_OPT_FLAG, AT(enlarge),
     "Enlarge images that are smaller than SIZE; otherwise they keep their size.", NULL, 0, 0},
    {0, "quality", "N", SFX_OPT_UINT, AT(quality),
     "JPEG quality; from 90 on colour keeps its full resolution. Default 80.", NULL, 1, 100},
    {0, "progressive", NULL, SFX_OPT_FLAG, AT(progressive), "Write progressive JPEG.", NULL, 0, 0},
    {0, "compression", "N", SFX_OPT_UINT, AT(compression), "PNG compression. Default 6.",
     NULL, 0, 9},
    {0, "background", "COLOUR", SFX_OPT_STR, AT(background),
     "What transparent images are laid on for JPEG: #rrggbb, white or black. Default white.",
     NULL, 0, 0},
    {0, "strip", NULL, SFX_OPT_FLAG, AT(strip), "Leave the colour profile out, too.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Running", NULL, 0, 0},
    {0, "info", NULL, SFX_OPT_FLAG, AT(info), "Print what the headers say, as JSON Lines.",
     NULL, 0, 0},
    {'j', "jobs", "N", SFX_OPT_UINT, AT(jobs),
     "Work on N files at once; 0 is one for each processor. Default 1.", NULL, 0, 1024},
    {'E', "events", NULL, SFX_OPT_FLAG, AT(events),
     "Read event lines, resize the files that they name, print an event for each output.",
     NULL, 0, 0},
    {0, "rejects", "FILE", SFX_OPT_STR, AT(rejects),
     "Append what failed, with the reason, to FILE as JSON Lines.", NULL, 0, 0},
    {0, "max-pixels", "N", SFX_OPT_UINT, AT(max_pixels),
     "Refuse images of more pixels, in or out. Default 100000000.", NULL, 1, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, AT(durable),
     "Sync outputs to the disk before they are told of.", NULL, 0, 0},
    {'n', "dry-run", NULL, SFX_OPT_FLAG, AT(dry_run),
     "Only print the names and sizes of the outputs.", NULL, 0, 0},
    SFX_OPT_COMMON_ROWS(struct options, common),
    SFX_OPT_END,
};

static const struct sfx_opt_example examples[] = {
    {"sfx-resize -s 320x320 photo.jpg", "photo-320x240.jpg, upright, beside the photo"},
    {"sfx-resize -s 1600 -s 800 -o 'out/{stem}-{width}w.{ext}' *.jpg", "two sizes of one decode"},
    {"sfx-resize -s 50% -f png <photo.jpg >half.png", "half the size, as PNG, in a pipe"},
    {"sfx-watch in | sfx-resize -E -s 320 -o 'thumbs/{stem}.jpg'", "a thumbnail of every new file"},
    {NULL, NULL},
};
/* clang-format on */

static const struct sfx_prog prog = {
    .name = "sfx-resize",
    .summary = "decode, turn upright, resize and convert images",
    .operands = "[FILE…]",
    .about = "Makes JPEG and PNG images of JPEG and PNG images: turned upright by their EXIF "
             "orientation, resampled with Lanczos on exact geometry, several sizes from one "
             "decode. Without FILE reads standard input and writes standard output.",
    .opts = opts,
    .examples = examples,
    .see_also = "sfx(7), sfx-events(5), sfx-watch(1)",
};

struct app {
    struct sfx_cmd cmd;
    struct options o;
    struct sfx_image_plan plan;
    struct sfx_rejects *rejects;
    uint64_t files, failed, outputs, in_nbytes, out_nbytes;
    int last_failure; /* its code */
};

/* What cannot be asked for together, and what the plan makes of the rest. */
static int prepare(struct app *app, char *const *paths, size_t npaths, struct sfx_err *err)
{
    const struct options *o = &app->o;
    bool pipe = !o->events && npaths == 1 && strcmp(paths[0], "-") == 0;
    struct sfx_image_words words = {
        .sizes = o->sizes.items,
        .nsizes = o->sizes.count,
        .enlarge = o->enlarge,
        .output = o->output != NULL ? o->output
                  : pipe            ? "-"
                                    : NULL,
        .fd = STDOUT_FILENO,
        .format = o->format,
        .background = o->background,
    };
    int rc = sfx_image_plan_init(&app->plan, &words, err);

    if (rc < 0)
        return rc;
    app->plan.resize.quality = (unsigned)o->quality;
    app->plan.resize.progressive = o->progressive;
    app->plan.resize.compression = (unsigned)o->compression;
    app->plan.resize.strip = o->strip;
    app->plan.resize.limits.max_pixels = o->max_pixels;
    app->plan.file.durable = o->durable;
    app->plan.file.dry_run = o->dry_run;
    if (o->events &&
        (npaths > 0 || app->plan.name == NULL || o->info || o->dry_run || o->jobs != 1))
        return sfx_err_set(err, SFX_E_USAGE,
                           "-E reads events: it needs a TEMPLATE (-o) and goes with neither FILE, "
                           "--info, -n nor -j");
    if (app->plan.file.fd != NULL && npaths > 1)
        return sfx_err_set(err, SFX_E_USAGE, "standard output takes one image");
    return 0;
}

/* Counts, says and keeps a failure. */
static int failed(struct app *app, const char *path, const struct sfx_err *failure,
                  struct sfx_err *err)
{
    struct sfx_reject reject = {.input = path, .code = sfx_code_name(failure->code)};
    const struct sfx_reject_sink *sink;
    size_t len = strlen(path);

    app->failed++;
    app->last_failure = failure->code;
    sfx_log_err(&app->cmd.log, SFX_LOG_ERROR, failure);
    if (app->rejects == NULL)
        return 0;
    /* The message begins with the path, which has a member of its own. */
    reject.reason = failure->text + (strncmp(failure->text, path, len) == 0 ? len + 2 : 0);
    sink = sfx_rejects_sink(app->rejects);
    return sink->put(sink->ctx, &reject, err);
}

/* Tells of a file of the batch. */
static int on_file(void *ctx, const char *path, int rc, const struct sfx_err *failure,
                   const struct sfx_image_file *file, struct sfx_err *err)
{
    struct app *app = ctx;
    char line[128];
    size_t i;

    app->files++;
    if (rc < 0)
        return failed(app, path, failure, err);
    app->in_nbytes += file->in_nbytes;
    app->outputs += file->nmade;
    for (i = 0; i < file->nmade; i++) {
        const struct sfx_image_made *made = &file->made[i];
        const char *name = made->name.path.data != NULL ? made->name.path.data : "-";

        app->out_nbytes += made->nbytes;
        sfx_log(&app->cmd.log, SFX_LOG_INFO, "%s -> %s, %ux%u, %llu bytes", path, name,
                made->width_px, made->height_px, (unsigned long long)made->nbytes);
        if (!app->o.dry_run)
            continue;
        (void)snprintf(line, sizeof(line), "\t%u\t%u\n", made->width_px, made->height_px);
        rc = sfx_io_write(STDOUT_FILENO, name, strlen(name), err);
        if (rc == 0)
            rc = sfx_io_write(STDOUT_FILENO, line, strlen(line), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Works on the file of an event. */
static int on_event(void *ctx, struct sfx_stage *stage, const struct sfx_stage_item *item,
                    struct sfx_err *err)
{
    struct app *app = ctx;
    struct sfx_image_file file;
    size_t i;
    int rc = sfx_image_file_run(&app->plan.file, item->path, item->event->id, &file, err);

    for (i = 0; rc == 0 && i < file.nmade; i++) {
        struct sfx_image_made *made = &file.made[i];
        struct sfx_outfile *out = made->file;
        struct sfx_stage_facts facts = {
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

static int run_info(struct app *app, char *const *paths, size_t npaths, struct sfx_err *err)
{
    struct sfx_buf line = {0};
    struct sfx_err failure;
    size_t i;
    int rc = 0;

    for (i = 0; i < npaths && rc == 0; i++) {
        app->files++;
        sfx_buf_clear(&line);
        if (sfx_image_input_describe(paths[i], &app->plan.resize.limits, &line, &failure) < 0)
            rc = failed(app, paths[i], &failure, err);
        else
            rc = sfx_io_write(STDOUT_FILENO, line.data, line.len, err);
    }
    sfx_buf_done(&line);
    return rc;
}

static int run_events(struct app *app, const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    struct sfx_stage_opts stage = {
        .program = prog.name,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .rejects = app->o.rejects,
        .log = &app->cmd.log,
        .stop = stop,
    };
    struct sfx_stage_stats stats;
    int rc = sfx_stage_run(&stage, on_event, app, &stats, err);

    app->files = stats.events;
    app->failed = stats.failed;
    app->outputs = stats.outputs;
    app->in_nbytes = stats.in_nbytes;
    app->out_nbytes = stats.out_nbytes;
    return rc < 0 ? rc : 0;
}

static int run_files(struct app *app, char *const *paths, size_t npaths,
                     const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    struct sfx_image_batch_opts batch = {
        .file = &app->plan.file,
        .nthreads = app->o.jobs > 0 ? app->o.jobs : sfx_pool_ncpus(),
        .stop = stop,
    };
    int rc = 0;

    if (app->o.rejects != NULL) {
        app->rejects = sfx_rejects_new(app->o.rejects, prog.name, err);
        if (app->rejects == NULL)
            return (int)err->code;
    }
    rc = app->o.info ? run_info(app, paths, npaths, err)
                     : sfx_image_batch_run(&batch, paths, npaths, on_file, app, err);
    if (sfx_rejects_close(app->rejects, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = SFX_E_IO;
    return rc;
}

static int write_stats(struct app *app, struct sfx_err *err)
{
    struct sfx_buf buf = {0};
    struct sfx_json_writer w;

    if (!sfx_cmd_stats_begin(&app->cmd, &w, &buf))
        return 0;
    sfx_json_key(&w, app->o.events ? "events" : "files");
    sfx_json_uint(&w, app->files);
    sfx_json_key(&w, "failed");
    sfx_json_uint(&w, app->failed);
    sfx_json_key(&w, "outputs");
    sfx_json_uint(&w, app->outputs);
    sfx_json_key(&w, "in_bytes");
    sfx_json_uint(&w, app->in_nbytes);
    sfx_json_key(&w, "out_bytes");
    sfx_json_uint(&w, app->out_nbytes);
    return sfx_cmd_stats_end(&app->cmd, &w, &buf, err);
}

int main(int argc, char **argv)
{
    static char dash[] = "-", *standard_input[] = {dash};
    struct app app = {.o = {.quality = 80, .compression = 6, .jobs = 1}};
    const volatile sig_atomic_t *stop;
    struct sfx_err err;
    char **paths;
    size_t npaths;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    paths = argv + first;
    npaths = (size_t)(argc - first);
    if (npaths == 0 && !app.o.events) {
        paths = standard_input;
        npaths = 1;
    }
    stop = sfx_cmd_catch_stop();
    rc = prepare(&app, paths, npaths, &err);
    if (rc == 0)
        rc = app.o.events ? run_events(&app, stop, &err)
                          : run_files(&app, paths, npaths, stop, &err);
    if (rc == 0)
        rc = write_stats(&app, &err);
    if (rc < 0)
        code = sfx_cmd_fail(&app.cmd, rc, &err);
    else if (app.failed > 0 && npaths == 1)
        code = sfx_exit_code(app.last_failure); /* there is no rest that was done */
    else
        code = app.failed > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
    sfx_image_plan_done(&app.plan);
    return sfx_cmd_end(&app.cmd, &app.o, code, *stop);
}
