/* SPDX-License-Identifier: MIT */
/*
 * The engine: one encoded image in, several encoded images out, from one decode.
 *
 * Contract: decoder -> ring of rows for each plane -> a scaler for each plane of each output ->
 * encoder. Memory is a few rows (for an output that lies on its side or upside down, is blurred,
 * sharpened, framed or cut by its content: that output; to trim or to turn by any angle, and for
 * interlaced and progressive inputs, see sfx_image_limits). When all outputs are JPEG and the input
 * is a YCbCr JPEG, planes go through as they are stored, without a colour transform. Threads: any
 * number of calls at once.
 *
 * Rules: the EXIF orientation is applied and dropped; metadata is kept as
 * `keep` says, a colour profile only where it fits the output's channels; of PNG's colour chunks
 * gAMA, cHRM and sRGB go from PNG to PNG, samples are never converted by them; every other metadata
 * is dropped. 16-bit samples stay in PNG. Alpha stays where the format has it, else it is flattened
 * on the background in JPEG. An output of the input's size has the input's exact samples.
 */
#ifndef SFX_IMAGE_RESIZE_H
#define SFX_IMAGE_RESIZE_H

#include "image/encoder.h"
#include "image/look.h"

struct sfx_resize_output {
    struct sfx_geometry size;
    enum sfx_image_format format; /* ANY: the input's */
};

struct sfx_resize_opts {
    const struct sfx_resize_output *outputs; /* borrowed */
    size_t noutputs;                         /* at least 1 */
    struct sfx_encode_opts encode;
    struct sfx_look look;
    uint8_t background[3]; /* RGB: what alpha is flattened on, what a canvas shows of itself */
    bool opaque;           /* a canvas has the background in an image with alpha, too, where it is
                              transparent else */
    bool srgb;             /* make colours that are not sRGB's so */
    unsigned keep;         /* metadata that outputs have, too: enum sfx_keep bits */
    bool partial;          /* of a damaged image make what is there */
    bool fast;             /* JPEG may be decoded to as few samples as the output has pixels */
    struct sfx_image_limits limits;
};

/* What was found in an input that whoever looks at its outputs should know. */
struct sfx_image_found {
    uint32_t frames;     /* more than 1: the outputs are of the first */
    uint32_t blank;      /* 1: to be trimmed, but it is all background and stayed whole */
    uint32_t x, y, w, h; /* what trimming left of the upright image; w 0: it was not trimmed */
};

/* What an output will be. */
struct sfx_resize_facts {
    size_t index;                       /* of the output in the options */
    const struct sfx_image_info *input; /* borrowed during the call */
    enum sfx_image_format format;
    uint32_t width_px, height_px;
    bool unchanged; /* it differs from the input in nothing but its encoding */
    struct sfx_image_found found;
};

/* Who takes the outputs. */
struct sfx_resize_target {
    /*
     * Called for each output once the input's header is known: fills sink and returns 0, or returns
     * 1 to leave this output out, or <0 with err to end it all.
     */
    int (*open)(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                struct sfx_err *err);
    void *ctx;
};

/*
 * Makes all outputs of the image that source gives. Returns 0, or 1 when opts->partial let damage
 * pass, which err then describes (as INPUT). When it fails, what the sinks got is to be
 * thrown away. Errors: INPUT (damaged, no image; says the row), LIMIT, UNSUPPORTED, NOMEM, and what
 * source, target and sinks give.
 */
int sfx_resize(const struct sfx_image_source *source, const struct sfx_resize_opts *opts,
               const struct sfx_resize_target *target, struct sfx_err *err);

#endif
