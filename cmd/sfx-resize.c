/* SPDX-License-Identifier: MIT */
/* sfx-resize: decode, turn upright, resize and convert images. */
#include "cmd.h"

#include "base/pool.h"
#include "base/size.h"
#include "run/images.h"

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
    {0, "compression", "N", SFX_OPT_UINT, AT(compression), "PNG compression. Default 6.", NULL, 0, 9},
    {0, "background", "COLOUR", SFX_OPT_STR, AT(background),
     "What transparent images are laid on for JPEG: #rrggbb, white or black. Default white.",
     NULL, 0, 0},
    {0, "strip", NULL, SFX_OPT_FLAG, AT(strip), "Leave the colour profile out, too.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Running", NULL, 0, 0},
    {0, "info", NULL, SFX_OPT_FLAG, AT(info), "Print what the headers say, as JSON Lines.", NULL, 0, 0},
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
    SFX_OPT_COMMON_PROGRESS_ROWS(struct options, common),
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
    struct sfx_images_stats stats;
};

/* What cannot be asked for together, and what the plan makes of the rest. */
static int prepare(struct app *app, char *const *paths, size_t npaths, struct sfx_err *err)
{
    const struct options *o = &app->o;
    bool pipe = npaths == 1 && strcmp(paths[0], "-") == 0;
    const struct sfx_image_words words = {
        .sizes = o->sizes.items,
        .nsizes = o->sizes.count,
        .enlarge = o->enlarge,
        .output = o->output == NULL && pipe ? "-" : o->output,
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
    if (app->plan.file.fd != NULL && npaths > 1 && !o->info)
        return sfx_err_set(err, SFX_E_USAGE, "standard output takes one image");
    return 0;
}

static int run(struct app *app, char *const *paths, size_t npaths,
               const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    struct sfx_progress progress;
    const struct sfx_images_job job = {
        .plan = &app->plan,
        .program = prog.name,
        .rejects = app->o.rejects,
        .log = &app->cmd.log,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .nthreads = app->o.jobs > 0 ? app->o.jobs : sfx_pool_ncpus(),
        .progress = &progress,
        .stop = stop,
    };
    int rc;

    if (app->o.events)
        return sfx_images_events(&job, &app->stats, err);
    sfx_cmd_progress_init(&app->cmd, &progress);
    rc = app->o.info ? sfx_images_describe(&job, paths, npaths, &app->stats, err)
                     : sfx_images_resize(&job, paths, npaths, &app->stats, err);
    sfx_progress_done(&progress);
    return rc;
}

static int write_stats(const struct app *app, struct sfx_err *err)
{
    const struct sfx_figure figures[] = {
        {app->o.events ? "events" : "files", app->stats.files},
        {"failed", app->stats.failed},
        {"outputs", app->stats.outputs},
        {"in_bytes", app->stats.in_nbytes},
        {"out_bytes", app->stats.out_nbytes},
    };

    return sfx_cmd_stats(&app->cmd, figures, SFX_COUNT(figures), err);
}

int main(int argc, char **argv)
{
    static char dash[] = "-", *standard_input[] = {dash};
    static const volatile sig_atomic_t never = 0;
    struct app app = {.o = {.quality = 80, .compression = 6, .jobs = 1}};
    const volatile sig_atomic_t *stop;
    struct sfx_err err;
    char **paths;
    size_t npaths;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    npaths = (size_t)(argc - first);
    paths = npaths > 0 || app.o.events ? argv + first : standard_input;
    npaths += paths == standard_input;
    /* A pipe may be quiet for ever: there a signal ends the program at once. */
    stop = paths == standard_input ? &never : sfx_cmd_catch_stop();
    rc = prepare(&app, paths, npaths, &err);
    if (rc == 0)
        rc = run(&app, paths, npaths, stop, &err);
    if (rc == 0)
        rc = write_stats(&app, &err);
    if (rc < 0)
        code = sfx_cmd_fail(&app.cmd, rc, &err);
    else if (app.stats.failed > 0 && npaths == 1)
        code = sfx_exit_code(app.stats.last_failure); /* there is no rest that was done */
    else
        code = app.stats.failed > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
    sfx_image_plan_done(&app.plan);
    return sfx_cmd_end(&app.cmd, &app.o, code, *stop);
}
