/* SPDX-License-Identifier: MIT */
/* sfx-resize: decode, turn upright, resize and convert images. */
#include "cmd.h"

#include "base/size.h"
#include "run/images_words.h"

#include <stdlib.h>
#include <unistd.h>

struct options {
    struct sfx_opt_common common;
    struct sfx_images_words words;
};

#define AT(member) offsetof(struct options, words.member)

/* clang-format off */
static const struct sfx_opt opts[] = {
    {'s', "size", "SIZE", SFX_OPT_LIST, AT(sizes),
     "Fit into SIZE: W, WxH, Wx, xH or N%; with '!' exactly that, with '^' so that it is covered, with "
     "'<' only enlarge. One decode makes all sizes. Default: the image's own size.", NULL, 0, 0},
    {'o', "output", "TEMPLATE", SFX_OPT_STR, AT(output),
     "Name of the outputs, see sfx(7) for {stem}, {width} and the others; - is standard output, "
     "a name that ends with / a folder for default names, with .tar, .tar.gz, .tar.xz, .tar.zst or .zip an archive of all outputs. "
     "Default: {stem}-{width}x{height}.{ext} beside the input.", NULL, 0, 0},
    {'f', "format", "FORMAT", SFX_OPT_STR, AT(format),
     "Format of the outputs. Default: by TEMPLATE's extension, else the input's.", "jpeg|png|webp|avif", 0, 0},
    {0, "enlarge", NULL, SFX_OPT_FLAG, AT(enlarge),
     "Enlarge images that are smaller than SIZE; otherwise they keep their size.", NULL, 0, 0},
    {0, "fit", "HOW", SFX_OPT_ENUM, AT(look.fit),
     "How image and SIZE come together: whole inside (the default) or outside, cover and cut off what "
     "is outside, contain on a canvas of SIZE, fill it whatever the proportions, or none: only cut.",
     SFX_FIT_NAMES, 0, 0},
    {0, "gravity", "WHERE", SFX_OPT_ENUM, AT(look.gravity),
     "Which part stays when something is cut off, where the image lies on a canvas; entropy and "
     "attention look for what is worth showing. Default: center.", SFX_GRAVITY_NAMES, 0, 0},
    {0, "crop", "WxH+X+Y", SFX_OPT_STR, AT(look.crop),
     "Take this part of the upright image, before it is resampled; WxH alone is placed by --gravity.",
     NULL, 0, 0},
    {0, "trim", "N", SFX_OPT_OPTSTR, AT(look.trim),
     "Cut off the edges that are of one colour: of --background, or of the first corner. N, 0 to 255, is "
     "how much that may differ. Default 10.", NULL, 0, 0},
    {0, "rotate", "DEGREES", SFX_OPT_STR, AT(look.rotate),
     "Rotate clockwise: 90, 180 and 270 without any loss; other angles on the background, as large as "
     "the turned image is.", NULL, 0, 0},
    {0, "flip", "HOW", SFX_OPT_ENUM, AT(look.flip), "Mirror left and right, or top and bottom.",
     SFX_FLIP_NAMES, 0, 0},
    {0, "pad", "PIXELS", SFX_OPT_STR, AT(look.pad),
     "Lay so many pixels of the background around the image: N, VERTICAL,HORIZONTAL or "
     "TOP,RIGHT,BOTTOM,LEFT.", NULL, 0, 0},
    {0, "dpr", "N", SFX_OPT_STR, AT(look.dpr), "SIZE is of N device pixels a pixel.", NULL, 0, 0},
    {0, "kernel", "NAME", SFX_OPT_ENUM, AT(look.kernel), "How samples are mixed. Default: lanczos3.",
     SFX_KERNEL_NAMES, 0, 0},
    {0, "fast", NULL, SFX_OPT_FLAG, AT(fast),
     "Decode JPEG to as few samples as an output has, not to twice as many each way: faster, a trace "
     "softer.", NULL, 0, 0},
    {0, "linear", NULL, SFX_OPT_FLAG, AT(look.linear),
     "Mix light, not sRGB's values: slower, right for fine contrasts.", NULL, 0, 0},
    {0, "blur", "SIGMA", SFX_OPT_STR, AT(look.blur),
     "Blur the output by a Gaussian of SIGMA pixels.", NULL, 0, 0},
    {0, "sharpen", "AMOUNT", SFX_OPT_STR, AT(look.sharpen),
     "Sharpen the output by an unsharp mask; 0.5 is moderate, 1 strong.", NULL, 0, 0},
    {0, "grayscale", NULL, SFX_OPT_FLAG, AT(look.grayscale), "Take the colour away.", NULL, 0, 0},
    {0, "flatten", NULL, SFX_OPT_FLAG, AT(look.flatten),
     "Lay transparent images on the background in every format.", NULL, 0, 0},
    {0, "quality", "N", SFX_OPT_UINT, AT(encode.quality),
     "Quality of JPEG, AVIF and lossy WebP; from 90 on JPEG's colour keeps its full resolution. Default "
     "80.", NULL, 1, 100},
    {0, "lossless", NULL, SFX_OPT_FLAG, AT(encode.lossless), "Write lossless WebP or AVIF.", NULL, 0, 0},
    {0, "progressive", NULL, SFX_OPT_FLAG, AT(encode.progressive), "Write progressive JPEG.", NULL, 0, 0},
    {0, "optimize", NULL, SFX_OPT_FLAG, AT(encode.optimize),
     "Make JPEG's Huffman tables for the image: slower, a few percent smaller.", NULL, 0, 0},
    {0, "subsample", "HOW", SFX_OPT_ENUM, AT(encode.subsample),
     "Whether JPEG stores colour at half resolution (420) or whole (444); auto, the default, is by "
     "the quality.", "auto|420|444", 0, 0},
    {0, "compression", "N", SFX_OPT_ENUM, AT(encode.compression),
     "Effort of PNG compression; auto, the default, is 2 for photos and 6 for drawings.",
     "auto|0|1|2|3|4|5|6|7|8|9|best", 0, 0},
    {0, "colors", "N", SFX_OPT_UINT, AT(encode.colours),
     "Write PNG with a palette of at most N colours, which are dithered.", NULL, 2, 256},
    {0, "max-bytes", "SIZE", SFX_OPT_SIZE, AT(encode.max_nbytes),
     "Lower the quality until an output has at most SIZE; fail where that cannot be.", NULL, 1, 0},
    {0, "background", "COLOUR", SFX_OPT_STR, AT(background),
     "What transparent images are laid on for JPEG, and what a canvas shows around an image: #rgb, #rrggbb, "
     "or a basic colour of CSS by its name. Default white, and transparent around an image that may be.",
     NULL, 0, 0},
    {0, "keep", "KINDS", SFX_OPT_STR, AT(keep),
     "Metadata that outputs have, too: icc, exif, xmp and iptc, joined by commas, all or none. "
     "Default icc, the colour profile.", NULL, 0, 0},
    {0, "srgb", NULL, SFX_OPT_FLAG, AT(srgb),
     "Convert colours of other profiles to sRGB, which needs no profile.", NULL, 0, 0},
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
    {0, "blurhash", NULL, SFX_OPT_FLAG, AT(blurhash),
     "Tell the blurhash of each image: in the manifest or with --info, else on standard output. "
     "Without SIZE and TEMPLATE nothing else is made.", NULL, 0, 0},
    {0, "lqip", NULL, SFX_OPT_FLAG, AT(lqip),
     "The same with a placeholder image of at most 16 pixels a side, as a data URI.", NULL, 0, 0},
    {0, "in-place", NULL, SFX_OPT_FLAG, AT(in_place),
     "Replace each input by its output, in one step; mode and format stay.", NULL, 0, 0},
    {0, "overwrite", "WHEN", SFX_OPT_ENUM, AT(overwrite),
     "What to do where an output's name is taken: replace it (default), replace it if it is older than "
     "the input, or keep it. An input of the run is never replaced.", "always|older|never", 0, 0},
    {0, "skip-if-newer", NULL, SFX_OPT_FLAG, AT(newer), "The same as --overwrite=older.", NULL, 0, 0},
    {0, "manifest", "FILE", SFX_OPT_STR, AT(manifest),
     "Write what became of each input to FILE, as JSON Lines; - is standard output.", NULL, 0, 0},
    {0, "on-error", "HOW", SFX_OPT_ENUM, AT(on_error),
     "What becomes of a damaged image: it fails (the default), or what is there is made, with a warning "
     "that names the row.", "fail|partial", 0, 0},
    {0, "ack", "QUEUE", SFX_OPT_STR, AT(ack),
     "With -E, as the last program of a pipe: say in QUEUE, such as sqlite:in.queue, what became of "
     "each event that it gave out.", NULL, 0, 0},
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
    {0, "max-pixels", "N", SFX_OPT_UINT, AT(limits.max_pixels),
     "Refuse images of more pixels, in or out. Default 100000000.", NULL, 1, 0},
    {0, "max-side", "N", SFX_OPT_UINT, AT(limits.max_side_px),
     "Refuse images that are wider or higher. Default 65500.", NULL, 1, 65500},
    {0, "max-input", "SIZE", SFX_OPT_SIZE, AT(max_in_nbytes),
     "Refuse images of more bytes, in a file or in an archive. Default 1G.", NULL, 1, 0},
    {0, "max-decoded", "SIZE", SFX_OPT_SIZE, AT(limits.max_decoded_nbytes),
     "Refuse images that must be held whole (interlaced, progressive, trimmed, turned by any angle) and "
     "need more memory. Default 1G.", NULL, 1, 0},
    {0, "max-metadata", "SIZE", SFX_OPT_SIZE, AT(limits.max_header_nbytes),
     "Refuse images with more before the first pixel. Default 32M.", NULL, 1, 0},
    {0, "max-scans", "N", SFX_OPT_UINT, AT(limits.max_scans),
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
    .about = "Makes JPEG, PNG, WebP and AVIF images of such images and HEIF: turned upright by "
             "their EXIF "
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

/* The operands, or what stands for them: standard input, or nothing where names come otherwise. */
static char **find_paths(struct app *app, char **operands, size_t *npaths)
{
    static char dash[] = "-", *standard_input[] = {dash};
    struct sfx_images_words *words = &app->o.words;

    if (words->null && words->list == NULL)
        words->list = "-";
    if (*npaths > 0 || words->events || words->list != NULL)
        return operands;
    *npaths = 1;
    return standard_input;
}

static int run(struct app *app, char *const *paths, size_t npaths,
               const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    struct sfx_progress progress;
    struct sfx_images_job job = {
        .program = prog.name,
        .log = &app->cmd.log,
        .ack = app->o.words.ack,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .progress = &progress,
        .stop = stop,
    };
    int rc;

    if (app->o.words.ack != NULL && !app->o.words.events)
        return sfx_err_set(err, SFX_E_USAGE, "--ack goes with -E");
    rc = sfx_images_words_plan(&app->o.words, paths, npaths, &app->plan, &job, err);

    if (rc < 0)
        return rc;
    if (app->o.words.events)
        return sfx_images_events(&job, &app->stats, err);
    sfx_cmd_progress_init(&app->cmd, &progress);
    rc = app->o.words.info ? sfx_images_describe(&job, paths, npaths, &app->stats, err)
                           : sfx_images_resize(&job, paths, npaths, &app->stats, err);
    sfx_progress_done(&progress);
    return rc;
}

static int write_stats(const struct app *app, struct sfx_err *err)
{
    const struct sfx_figure figures[] = {
        {app->o.words.events ? "events" : "files", app->stats.files},
        {"failed", app->stats.failed},
        {"outputs", app->stats.outputs},
        {"kept", app->stats.kept},
        {"partial", app->stats.partial},
        {"passed", app->stats.passed},
        {"in_bytes", app->stats.in_nbytes},
        {"out_bytes", app->stats.out_nbytes},
    };

    return sfx_cmd_stats(&app->cmd, figures, SFX_COUNT(figures), err);
}

static int exit_code_of(const struct app *app)
{
    if (app->stats.failed == 0)
        return SFX_EXIT_OK;
    if (app->stats.files > 1 || app->o.words.events)
        return SFX_EXIT_PARTIAL;
    return sfx_exit_code(app->stats.last_failure); /* there is no rest that was done */
}

int main(int argc, char **argv)
{
    static const volatile sig_atomic_t never = 0;
    const char *tmp_dir = getenv("TMPDIR");
    struct app app = {.o.words = {.encode = {.quality = 80},
                                  .jobs = 1,
                                  .max_time_ns = 60000000000,
                                  .max_in_nbytes = (uint64_t)1 << 30,
                                  .tmp_dir = tmp_dir != NULL && *tmp_dir != '\0' ? tmp_dir : "/tmp",
                                  .fd = STDOUT_FILENO}};
    const volatile sig_atomic_t *stop;
    struct sfx_err err;
    char **paths;
    size_t npaths;
    int first, rc, code = sfx_cmd_start(&app.cmd, &prog, argc, argv, &app.o, &app.o.common, &first);

    if (code != SFX_CMD_GO_ON)
        return code;
    npaths = (size_t)(argc - first);
    paths = find_paths(&app, argv + first, &npaths);
    /* A pipe may be quiet for ever: there a signal ends the program at once. */
    stop = paths != argv + first ? &never : sfx_cmd_catch_stop();
    rc = run(&app, paths, npaths, stop, &err);
    if (rc == 0)
        rc = write_stats(&app, &err);
    code = rc < 0 ? sfx_cmd_fail(&app.cmd, rc, &err) : exit_code_of(&app);
    sfx_image_plan_done(&app.plan);
    return sfx_cmd_end(&app.cmd, &app.o, code, *stop);
}
