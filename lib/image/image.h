/* SPDX-License-Identifier: MIT */
/*
 * What lib/image speaks of: file formats, sample layouts, what a header says, limits, byte streams.
 *
 * Contract: sample rows are 8 bits, or 16 bits in the machine's byte order. An image is handed on
 * as planes: one plane of interleaved channels, or three planes (Y, Cb, Cr) that each have a grid
 * of their own. A plane's span is its true extent in its own samples: a side of 2725 at half scale
 * has 1363 samples but a span of 1362.5, and geometry is computed with the span.
 */
#ifndef SFX_IMAGE_IMAGE_H
#define SFX_IMAGE_IMAGE_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sfx_image_format {
    SFX_IMAGE_ANY = 0, /* not said: the input's */
    SFX_IMAGE_JPEG,
    SFX_IMAGE_PNG,
    SFX_IMAGE_WEBP,
    SFX_IMAGE_AVIF,
    SFX_IMAGE_HEIF,    /* only read */
    SFX_IMAGE_FORMATS, /* one more than the last */
};

/* Kinds of metadata: bits of what an output keeps. */
enum sfx_keep {
    SFX_KEEP_ICC = 1,
    SFX_KEEP_EXIF = 2,
    SFX_KEEP_XMP = 4,
    SFX_KEEP_IPTC = 8,
    SFX_KEEP_ALL = 15,
};

/* What a file says beside its pixels. Slices are borrowed, empty when there is none. */
struct sfx_metadata {
    struct sfx_slice icc;  /* colour profile */
    struct sfx_slice exif; /* TIFF structure, from its byte order on */
    struct sfx_slice xmp;  /* packet, XML */
    struct sfx_slice iptc; /* image resources of Photoshop ("8BIM…"), which hold the IPTC record */
};

/* How samples lie in rows. */
enum sfx_layout {
    SFX_LAYOUT_GRAY,
    SFX_LAYOUT_GRAY_ALPHA,
    SFX_LAYOUT_RGB,
    SFX_LAYOUT_RGBA,
    SFX_LAYOUT_YCBCR, /* three planes of one channel */
};

#define SFX_IMAGE_MAX_PLANES 3
#define SFX_IMAGE_MAX_SIDE   65500 /* what a JPEG can hold */

/* Samples of a pixel in a plane of that layout: 1 to 4. */
static inline unsigned sfx_layout_channels(enum sfx_layout layout)
{
    static const unsigned char channels[] = {1, 2, 3, 4, 1};

    return channels[layout];
}

static inline bool sfx_layout_has_alpha(enum sfx_layout layout)
{
    return layout == SFX_LAYOUT_GRAY_ALPHA || layout == SFX_LAYOUT_RGBA;
}

/* A plane as a decoder gives it or an encoder takes it. */
struct sfx_plane {
    uint32_t width_px, height_px; /* samples in a row, rows */
    double span_x, span_y;        /* the true extent, in the same unit */
    uint32_t stride_px;           /* samples a row must have room for; >= width_px */
    uint32_t band_rows;           /* rows of one read or write */
};

struct sfx_planes {
    enum sfx_layout layout;
    unsigned depth; /* bits of a sample: 8 or 16 */
    unsigned count; /* planes: 1, or 3 for YCBCR */
    struct sfx_plane plane[SFX_IMAGE_MAX_PLANES];
};

/* Colour information of a PNG that travels to a PNG unchanged. */
struct sfx_png_colour {
    bool has_gamma, has_srgb, has_chrm, has_cicp;
    uint8_t cicp[4]; /* cICP: primaries, transfer, matrix, range; H.273's codes */
    int32_t gamma;   /* gAMA, as in the file: times 100000 */
    int srgb_intent; /* sRGB */
    int32_t chrm[8]; /* cHRM: white, red, green, blue; x, y; times 100000 */
};

/* What a header says. Slices are borrowed from the decoder. */
struct sfx_image_info {
    enum sfx_image_format format;
    uint32_t width_px, height_px; /* as stored, before the orientation is applied */
    unsigned depth;               /* bits of a sample in the file: 1 to 16 */
    const char *colour;           /* the file's model: "gray", "palette", "ycbcr", …; static */
    enum sfx_layout layout;       /* what its rows are decoded to when they are interleaved */
    unsigned orientation;         /* EXIF, 1 to 8; 1 when none is given */
    bool interlaced;              /* PNG: Adam7; JPEG: progressive */
    uint32_t frames;              /* of an animated PNG; 1 for a still image */
    struct sfx_metadata metadata;
    struct sfx_png_colour png;
};

/* What an image may cost; 0 is the default. Checked from the header before anything is allocated.
 */
struct sfx_image_limits {
    uint64_t max_pixels;         /* width times height, in and out; default 100,000,000 */
    uint64_t max_side_px;        /* width, height; default and most SFX_IMAGE_MAX_SIDE */
    uint64_t max_decoded_nbytes; /* of what must be held whole: interlaced, progressive, to be
                                    trimmed or turned by any angle; default 1 GiB */
    uint64_t max_header_nbytes;  /* everything before the first pixel; default 32 MiB */
    uint64_t max_scans;          /* of a progressive JPEG; default 100 */
};

/* limits (may be NULL) with the defaults in place of zeros. */
struct sfx_image_limits sfx_image_limits_resolve(const struct sfx_image_limits *limits);

/* Checks width and height, in pixels, against resolved limits. Errors: LIMIT; INPUT when one is 0.
 */
int sfx_image_limits_check(const struct sfx_image_limits *limits, uint64_t width_px,
                           uint64_t height_px, struct sfx_err *err);

/* Where encoded bytes come from: read gives up to cap bytes, 0 at the end, <0 with err filled. */
struct sfx_image_source {
    ssize_t (*read)(void *ctx, void *ptr, size_t cap, struct sfx_err *err);
    void *ctx;
};

/* Where encoded bytes go: write takes all len bytes, or gives <0 with err filled. */
struct sfx_image_sink {
    int (*write)(void *ctx, const void *ptr, size_t len, struct sfx_err *err);
    void *ctx;
};

/* The format of a name's extension ("jpg", any case) or of an option's word; ANY when unknown. */
enum sfx_image_format sfx_image_format_named(struct sfx_slice name);

/* Parses a colour, "#rgb", "#rrggbb" or the name of a basic colour of CSS, to RGB. Errors: USAGE.
 */
int sfx_image_colour_parse(struct sfx_slice text, uint8_t out[3], struct sfx_err *err);

/* True for a format that has a name: not ANY, nor what is no format at all. */
bool sfx_image_format_is_known(unsigned format);

/* "jpeg", "png", "webp". Static. */
const char *sfx_image_format_name(enum sfx_image_format format);

/* "jpg", "png", "webp": the extension that outputs get. Static. */
const char *sfx_image_format_extension(enum sfx_image_format format);

/* "image/jpeg", "image/png", "image/webp". Static. */
const char *sfx_image_format_media_type(enum sfx_image_format format);

#endif
