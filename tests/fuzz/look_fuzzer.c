/* SPDX-License-Identifier: MIT */
/*
 * Any content as an image that becomes up to three others, the first bytes choosing their sizes,
 * formats and looks: what is written is an image that can be read, what fails says why.
 */
#include "fuzz_image.h"

#include "base/buf.h"
#include "base/size.h"
#include "image/resize.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_OUTPUTS   3
#define CHOICE_NBYTES 64

struct choices {
    const uint8_t *left;
    size_t nbytes;
};

/* A number below n, of the next byte; 0 when there are none left. */
static uint32_t choose(struct choices *c, uint32_t n)
{
    if (c->nbytes == 0)
        return 0;
    c->nbytes--;
    return *c->left++ % n;
}

static bool one_in(struct choices *c, uint32_t n)
{
    return choose(c, n) == n - 1;
}

static struct sfx_resize_output choose_output(struct choices *c)
{
    static const enum sfx_image_format formats[] = {SFX_IMAGE_ANY, SFX_IMAGE_JPEG, SFX_IMAGE_PNG,
                                                    SFX_IMAGE_WEBP};
    struct sfx_resize_output output = {
        .size = {.width_px = choose(c, 48),
                 .height_px = choose(c, 48),
                 .mark = (enum sfx_geometry_mark)choose(c, SFX_GEOMETRY_BOTH + 1)},
        .format = formats[choose(c, SFX_COUNT(formats))],
    };

    if (one_in(c, 8))
        output.size.percent = 1 + choose(c, 250);
    if (one_in(c, 32)) /* its encoder takes its time */
        output.format = SFX_IMAGE_AVIF;
    return output;
}

static struct sfx_look choose_look(struct choices *c)
{
    struct sfx_look look = {
        .fit = (enum sfx_fit)choose(c, SFX_FIT_NONE + 1),
        .gravity = (enum sfx_gravity)choose(c, SFX_GRAVITY_ATTENTION + 1),
        .kernel = (enum sfx_kernel)choose(c, SFX_KERNEL_NEAREST + 1),
        .quarter_turns = choose(c, 4),
        .flip = (enum sfx_flip)choose(c, SFX_FLIP_VERTICAL + 1),
        .linear = one_in(c, 4),
        .grayscale = one_in(c, 4),
        .flatten = one_in(c, 4),
    };
    unsigned side;

    if (one_in(c, 3)) {
        look.crop_w = 1 + choose(c, 24);
        look.crop_h = 1 + choose(c, 24);
        look.crop_placed = one_in(c, 2);
        look.crop_x = look.crop_placed ? choose(c, 16) : 0;
        look.crop_y = look.crop_placed ? choose(c, 16) : 0;
    }
    if (one_in(c, 4)) {
        look.quarter_turns = 0;
        look.turn = 1 + choose(c, 250) * 1.4375;
    }
    look.trim = one_in(c, 4);
    look.trim_threshold = look.trim ? choose(c, 64) : 0;
    for (side = 0; side < 4; side++)
        look.pad[side] = one_in(c, 4) ? choose(c, 20) : 0;
    look.blur = one_in(c, 3) ? choose(c, 32) / 4.0 : 0;
    look.sharpen = one_in(c, 3) ? choose(c, 12) / 4.0 : 0;
    look.dpr = one_in(c, 6) ? (1 + choose(c, 8)) / 2.0 : 0;
    return look;
}

static struct sfx_encode_opts choose_encoding(struct choices *c)
{
    return (struct sfx_encode_opts){
        .quality = 1 + choose(c, 100),
        .subsample = (enum sfx_subsample)choose(c, SFX_SUBSAMPLE_444 + 1),
        .progressive = one_in(c, 4),
        .lossless = one_in(c, 4),
        .optimize = one_in(c, 4),
        .compression = (int)choose(c, SFX_COMPRESSION_BEST + 1),
        .colours = one_in(c, 3) ? 2 + choose(c, 255) : 0,
        .max_nbytes = one_in(c, 8) ? 64 * (1 + choose(c, 64)) : 0,
    };
}

static int keep_bytes(void *ctx, const void *ptr, size_t nbytes, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, nbytes, err);
}

static int open_output(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    struct sfx_buf *outputs = ctx;

    (void)err;
    *sink = (struct sfx_image_sink){keep_bytes, &outputs[facts->index]};
    return 0;
}

/* Small limits: the fuzzer shall find faults, not patience. */
static const struct sfx_image_limits limits = {
    .max_pixels = 1 << 15, .max_decoded_nbytes = 1 << 20, .max_scans = 10};

/* What was written is an image. */
static void read_again(const struct sfx_buf *written)
{
    static const struct sfx_resize_output small = {.size = {.width_px = 5, .height_px = 5},
                                                   .format = SFX_IMAGE_PNG};
    const struct sfx_resize_opts opts = {.outputs = &small,
                                         .noutputs = 1,
                                         .encode = {.compression = 1},
                                         .limits = {.max_pixels = limits.max_pixels}};
    struct sfx_buf out = {0};
    const struct sfx_resize_target target = {open_output, &out};
    struct sfx_slice left = sfx_buf_slice(written);
    const struct sfx_image_source source = {fuzz_read, &left};
    struct sfx_err err;

    if (sfx_resize(&source, &opts, &target, &err) != 0) {
        (void)fprintf(stderr, "an output cannot be read: %s\n", err.text);
        abort();
    }
    sfx_buf_done(&out);
}

/* The image that the bytes behind the choices are becomes what they choose. */
static void make_outputs(struct choices *c, const struct sfx_image_source *source)
{
    struct sfx_resize_output outputs[MAX_OUTPUTS];
    struct sfx_buf written[MAX_OUTPUTS] = {{0}, {0}, {0}};
    const struct sfx_resize_target target = {open_output, written};
    struct sfx_resize_opts opts = {.outputs = outputs, .limits = limits};
    struct sfx_err err;
    size_t i;
    int rc;

    opts.noutputs = 1 + choose(c, MAX_OUTPUTS);
    opts.look = choose_look(c);
    opts.encode = choose_encoding(c);
    opts.keep = one_in(c, 2) ? SFX_KEEP_ALL : SFX_KEEP_ICC;
    opts.srgb = one_in(c, 4);
    opts.partial = one_in(c, 2);
    opts.opaque = one_in(c, 4);
    opts.background[0] = (uint8_t)choose(c, 256);
    for (i = 0; i < opts.noutputs; i++)
        outputs[i] = choose_output(c);
    rc = sfx_resize(source, &opts, &target, &err);
    if (rc < 0 && err.text[0] == '\0')
        abort();
    for (i = 0; i < opts.noutputs; i++) {
        if (rc >= 0)
            read_again(&written[i]);
        sfx_buf_done(&written[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 1), *copy;
    struct sfx_slice image;
    const struct sfx_image_source source = {fuzz_read, &image};
    struct choices c = {.left = bytes};
    size_t n;

    if (bytes == NULL)
        abort();
    n = fuzz_unhex(data, size, bytes);
    c.nbytes = n < CHOICE_NBYTES ? n : CHOICE_NBYTES;
    copy = fuzz_image(bytes + c.nbytes, n - c.nbytes, &image);
    make_outputs(&c, &source);
    free(copy);
    free(bytes);
    return 0;
}
