/* SPDX-License-Identifier: MIT */
/* sfx-resize: decode, turn upright, resize and convert images. */
#include "cmd.h"

#include "base/pool.h"
#include "base/sandbox.h"
#include "base/size.h"
#include "run/images.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    struct sfx_opt_list sizes;
    const char *output, *format, *background, *rejects, *manifest, *list, *members, *keep;
    struct sfx_encode_opts encode;
    uint64_t jobs, max_pixels, max_side, max_decoded, max_metadata, max_scans;
    int64_t max_time_ns;
    int overwrite, sandbox;
    bool strip, enlarge, info, events, durable, dry_run, in_place, newer, null;
};

enum { SANDBOX_AUTO, SANDBOX_ON, SANDBOX_OFF };

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct sfx_opt opts[] = {
    {'s', "size", "SIZE", SFX_OPT_LIST, AT(sizes),
     "Fit into SIZE: W, WxH, Wx, xH or N%; with '!' exactly that, with '<' only enlarge. One decode "
     "makes all sizes. Default: the image's own size.", NULL, 0, 0},
    {'o', "output", "TEMPLATE", SFX_OPT_STR, AT(output),
     "Name of the outputs, see sfx(7) for {stem}, {width} and the others; - is standard output, "
     "a name that ends with .tar, .tar.gz, .tar.xz, .tar.zst or .zip an archive of all outputs. "
     "Default: {stem}-{width}x{height}.{ext} beside the input.", NULL, 0, 0},
    {'f', "format", "FORMAT", SFX_OPT_STR, AT(format),
     "Format of the outputs. Default: by TEMPLATE's extension, else the input's.", "jpeg|png", 0, 0},
    {0, "enlarge", NULL, SFX_OPT_FLAG, AT(enlarge),
     "Enlarge images that are smaller than SIZE; otherwise they keep their size.", NULL, 0, 0},
    {0, "quality", "N", SFX_OPT_UINT, AT(encode.quality),
     "JPEG quality; from 90 on colour keeps its full resolution. Default 80.", NULL, 1, 100},
    {0, "progressive", NULL, SFX_OPT_FLAG, AT(encode.progressive), "Write progressive JPEG.", NULL, 0, 0},
    {0, "optimize", NULL, SFX_OPT_FLAG, AT(encode.optimize),
     "Make JPEG's Huffman tables for the image: slower, a few percent smaller.", NULL, 0, 0},
    {0, "subsample", "HOW", SFX_OPT_ENUM, AT(encode.subsample),
     "Whether JPEG stores colour at half resolution (420) or whole (444); auto, the default, is by "
     "the quality.", "auto|420|444", 0, 0},
    {0, "compression", "N", SFX_OPT_UINT, AT(encode.compression), "PNG compression. Default 6.", NULL, 0, 9},
    {0, "background", "COLOUR", SFX_OPT_STR, AT(background),
     "What transparent images are laid on for JPEG: #rrggbb, white or black. Default white.",
     NULL, 0, 0},
    {0, "keep", "KINDS", SFX_OPT_STR, AT(keep),
     "Metadata that outputs have, too: icc, exif, xmp and iptc, joined by commas, all or none. "
     "Default icc, the colour profile.", NULL, 0, 0},
    {0, "strip", NULL, SFX_OPT_FLAG, AT(strip), "Keep no metadata: --keep none.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Inputs and outputs", NULL, 0, 0},
    {0, "files-from", "FILE", SFX_OPT_STR, AT(list),
     "Take the names of inputs from FILE, one a line, as they come; - is standard input.", NULL, 0, 0},
    {'0', "null", NULL, SFX_OPT_FLAG, AT(null),
     "Names in the list end with a null byte, as find -print0 makes them; without --files-from it is "
     "standard input.", NULL, 0, 0},
    {'E', "events", NULL, SFX_OPT_FLAG, AT(events),
     "Read event lines, resize the files that they name, print an event for each output.",
     NULL, 0, 0},
    {0, "info", NULL, SFX_OPT_FLAG, AT(info), "Print what the headers say, as JSON Lines.", NULL, 0, 0},
    {0, "members", "TEMPLATE", SFX_OPT_STR, AT(members),
     "Names of the outputs in an archive. Default: the input's, or {stem}-{width}x{height}.{ext} in "
     "its folder when there are several sizes.", NULL, 0, 0},
    {0, "in-place", NULL, SFX_OPT_FLAG, AT(in_place),
     "Replace each input by its output, in one step; mode and format stay.", NULL, 0, 0},
    {0, "overwrite", "WHEN", SFX_OPT_ENUM, AT(overwrite),
     "What to do where an output's name is taken: replace it (default), replace it if it is older than "
     "the input, or keep it. An input of the run is never replaced.", "always|older|never", 0, 0},
    {0, "skip-if-newer", NULL, SFX_OPT_FLAG, AT(newer), "The same as --overwrite=older.", NULL, 0, 0},
    {0, "manifest", "FILE", SFX_OPT_STR, AT(manifest),
     "Write what became of each input to FILE, as JSON Lines; - is standard output.", NULL, 0, 0},
    {0, "rejects", "FILE", SFX_OPT_STR, AT(rejects),
     "Append what failed, with the reason, to FILE as JSON Lines.", NULL, 0, 0},
    {0, "durable", NULL, SFX_OPT_FLAG, AT(durable),
     "Sync outputs to the disk before they are told of.", NULL, 0, 0},
    {'n', "dry-run", NULL, SFX_OPT_FLAG, AT(dry_run),
     "Only print the names and sizes of the outputs.", NULL, 0, 0},
    {0, NULL, NULL, SFX_OPT_SECTION, 0, "Running", NULL, 0, 0},
    {'j', "jobs", "N", SFX_OPT_UINT, AT(jobs),
     "Work on N files at once; 0 is one for each processor. Default 1.", NULL, 0, 256},
    {0, "sandbox", "WHEN", SFX_OPT_ENUM, AT(sandbox),
     "Lock the processes that decode down, with what the kernel has (auto, the default), not at all, or "
     "refuse to run where it cannot.", "auto|on|off", 0, 0},
    {0, "max-pixels", "N", SFX_OPT_UINT, AT(max_pixels),
     "Refuse images of more pixels, in or out. Default 100000000.", NULL, 1, 0},
    {0, "max-side", "N", SFX_OPT_UINT, AT(max_side),
     "Refuse images that are wider or higher. Default 65500.", NULL, 1, 65500},
    {0, "max-decoded", "SIZE", SFX_OPT_SIZE, AT(max_decoded),
     "Refuse interlaced and progressive images that need more memory at once. Default 1G.", NULL, 1, 0},
    {0, "max-metadata", "SIZE", SFX_OPT_SIZE, AT(max_metadata),
     "Refuse images with more before the first pixel. Default 32M.", NULL, 1, 0},
    {0, "max-scans", "N", SFX_OPT_UINT, AT(max_scans),
     "Refuse progressive JPEG of more scans. Default 100.", NULL, 1, 100000},
    {0, "max-time", "DURATION", SFX_OPT_DURATION, AT(max_time_ns),
     "Give an image up that takes more CPU time. Default 60s.", NULL, 0, 0},
    SFX_OPT_COMMON_PROGRESS_ROWS(struct options, common),
    SFX_OPT_END,
};

static const struct sfx_opt_example examples[] = {
    {"sfx-resize -s 320x320 photo.jpg", "photo-320x240.jpg, upright, beside the photo"},
    {"sfx-resize -s 1600 -s 800 -o 'out/{stem}-{width}w.{ext}' *.jpg", "two sizes of one decode"},
    {"sfx-resize -s 50% -f png <photo.jpg >half.png", "half the size, as PNG, in a pipe"},
    {"find . -name '*.jpg' -print0 | sfx-resize -0 -j2 -s 50% -o 'small/{path}'",
     "a tree of half the size, two files at once"},
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

static const char *tmp_dir(void)
{
    const char *dir = getenv("TMPDIR");

    return dir != NULL && *dir != '\0' ? dir : "/tmp";
}

/* What cannot be asked for together. */
static int check(const struct app *app, size_t npaths, struct sfx_err *err)
{
    const struct options *o = &app->o;

    if (o->events && (npaths > 0 || app->plan.name == NULL || app->plan.archive != NULL ||
                      o->info || o->dry_run || o->jobs != 1 || o->list != NULL))
        return sfx_err_set(
            err, SFX_E_USAGE,
            "-E reads events: it needs a TEMPLATE (-o, no archive) and goes with neither FILE, "
            "a list of files, --info, -n nor -j");
    if (app->plan.file.fd != NULL && (npaths > 1 || o->list != NULL) && !o->info)
        return sfx_err_set(err, SFX_E_USAGE, "standard output takes one image");
    if (app->plan.file.fd != NULL && o->manifest != NULL && strcmp(o->manifest, "-") == 0)
        return sfx_err_set(err, SFX_E_USAGE,
                           "standard output takes the image or the manifest, not both");
    if (o->in_place && (o->output != NULL || app->plan.file.fd != NULL || o->format != NULL ||
                        o->sizes.count > 1 || o->events || o->info ||
                        o->overwrite != SFX_IMAGE_ALWAYS || o->newer))
        return sfx_err_set(err, SFX_E_USAGE,
                           "--in-place takes files and one size, and goes with neither -o, -f, -E, "
                           "--info nor --overwrite");
    if (o->strip && o->keep != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--strip keeps nothing: leave --keep out");
    if (o->manifest != NULL && (o->info || o->dry_run))
        return sfx_err_set(err, SFX_E_USAGE, "--manifest goes with neither --info nor -n");
    if (o->sandbox == SANDBOX_ON && sfx_sandbox_supported() == 0)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "--sandbox=on: this kernel has no sandbox");
    return 0;
}

/* What the plan makes of the options. */
static int prepare(struct app *app, char *const *paths, size_t npaths, struct sfx_err *err)
{
    const struct options *o = &app->o;
    bool pipe = npaths == 1 && strcmp(paths[0], "-") == 0;
    const struct sfx_image_words words = {
        .sizes = o->sizes.items,
        .nsizes = o->sizes.count,
        .enlarge = o->enlarge,
        .output = o->output == NULL && pipe ? "-" : o->output,
        .members = o->members,
        .fd = STDOUT_FILENO,
        .format = o->format,
        .background = o->background,
        .keep = o->strip ? "none" : o->keep,
    };
    int rc = sfx_image_plan_init(&app->plan, &words, err);

    if (rc < 0)
        return rc;
    app->plan.resize.encode = o->encode;
    app->plan.resize.limits = (struct sfx_image_limits){
        .max_pixels = o->max_pixels,
        .max_side_px = (uint32_t)o->max_side,
        .max_decoded_nbytes = o->max_decoded,
        .max_header_nbytes = o->max_metadata,
        .max_scans = (uint32_t)o->max_scans,
    };
    app->plan.file.overwrite = o->newer ? SFX_IMAGE_OLDER : (enum sfx_image_overwrite)o->overwrite;
    app->plan.file.in_place = o->in_place;
    app->plan.file.unclaimed = o->events;
    app->plan.file.tmp_dir = app->plan.archive != NULL ? tmp_dir() : NULL;
    app->plan.file.durable = o->durable;
    app->plan.file.dry_run = o->dry_run;
    return check(app, npaths, err);
}

static int run(struct app *app, char *const *paths, size_t npaths,
               const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    struct sfx_progress progress;
    const struct sfx_images_job job = {
        .plan = &app->plan,
        .program = prog.name,
        .rejects = app->o.rejects,
        .manifest = app->o.manifest,
        .log = &app->cmd.log,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .list = app->o.list,
        .list_end = app->o.null ? '\0' : '\n',
        .nworkers = app->o.jobs > 0 ? app->o.jobs : sfx_pool_ncpus(),
        .sandbox = app->o.sandbox != SANDBOX_OFF,
        .max_time_ns = app->o.max_time_ns,
        .tmp_dir = tmp_dir(),
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
        {"kept", app->stats.kept},
        {"passed", app->stats.passed},
        {"in_bytes", app->stats.in_nbytes},
        {"out_bytes", app->stats.out_nbytes},
    };

    return sfx_cmd_stats(&app->cmd, figures, SFX_COUNT(figures), err);
}

int main(int argc, char **argv)
{
    static char dash[] = "-", *standard_input[] = {dash};
    static const volatile sig_atomic_t never = 0;
    struct app app = {
        .o = {.encode = {.quality = 80, .compression = 6}, .jobs = 1, .max_time_ns = 60000000000}};
    const volatile sig_atomic_t *stop;
    struct sfx_err err;
    char **paths;
    size_t npaths;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    npaths = (size_t)(argc - first);
    if (app.o.null && app.o.list == NULL)
        app.o.list = "-";
    paths = npaths > 0 || app.o.events || app.o.list != NULL ? argv + first : standard_input;
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
    else if (app.stats.failed > 0 && app.stats.files == 1 && !app.o.events)
        code = sfx_exit_code(app.stats.last_failure); /* there is no rest that was done */
    else
        code = app.stats.failed > 0 ? SFX_EXIT_PARTIAL : SFX_EXIT_OK;
    sfx_image_plan_done(&app.plan);
    return sfx_cmd_end(&app.cmd, &app.o, code, *stop);
}
