/* SPDX-License-Identifier: MIT */
/*
 * Encoders: bands of rows in, top to bottom, encoded bytes out to a sink as they come.
 *
 * Contract: _new writes nothing yet but says how rows are wanted; then all bands of the image are
 * written in order and _finish ends it. After a failure only _free may be called. Not safe for two
 * threads at once.
 */
#ifndef SFX_IMAGE_ENCODER_H
#define SFX_IMAGE_ENCODER_H

#include "image/image.h"

struct sfx_encoder;

/* Where JPEG stores colour at half resolution: AUTO means below quality 90. */
enum sfx_subsample { SFX_SUBSAMPLE_AUTO, SFX_SUBSAMPLE_420, SFX_SUBSAMPLE_444 };

/* AUTO: more for drawings, where it pays and costs little, than for photos. */
#define SFX_COMPRESSION_AUTO 0
#define SFX_COMPRESSION_BEST 11

/* What a user chooses, in the types of the option table; formats leave alone what is not theirs. */
struct sfx_encode_opts {
    uint64_t quality;             /* 1 to 100 */
    enum sfx_subsample subsample; /* JPEG */
    bool progressive;             /* JPEG */
    bool lossless;                /* WebP, AVIF */
    bool optimize;                /* JPEG: Huffman tables made for the image */
    int compression;              /* PNG: AUTO, 1 more than the level, BEST */
    uint64_t colours;    /* PNG: at most so many, 2 to 256, in a palette; 0: as many as there are */
    uint64_t max_nbytes; /* of the file: the quality is lowered until it fits; 0: no limit */
};

struct sfx_encode_params {
    enum sfx_image_format format;
    const struct sfx_encode_opts *opts; /* borrowed until _free */
    uint32_t width_px, height_px;       /* at most SFX_IMAGE_MAX_SIDE */
    enum sfx_layout layout;       /* of the rows: what sfx_encoder_takes says; JPEG: or YCBCR */
    unsigned depth;               /* of the rows: what sfx_encoder_takes says */
    struct sfx_metadata metadata; /* what is to be kept; borrowed until _free */
    bool srgb;                    /* make colours that are not sRGB's so; of profile and png: */
    struct sfx_slice profile;     /* of the rows, empty when there is none; borrowed during _new */
    bool palette; /* PNG: the input has one; the output shall, unless that could be seen */
    const struct sfx_png_colour *png; /* PNG: may be NULL; borrowed until _free */
};

/* The layout and depth nearest to *layout and *depth that format can hold, in their place. */
void sfx_encoder_takes(enum sfx_image_format format, enum sfx_layout *layout, unsigned *depth);

/*
 * Starts an image; sink is borrowed until _free. planes is filled with how rows are wanted: the
 * last band may have fewer rows of the image, the caller repeats the last one; samples between
 * width_px and stride_px repeat the last one too. Errors: NULL with err filled: NOMEM, IO,
 * UNSUPPORTED.
 */
struct sfx_encoder *sfx_encoder_new(const struct sfx_encode_params *params,
                                    const struct sfx_image_sink *sink, struct sfx_planes *planes,
                                    struct sfx_err *err);

/* Writes one band: rows[p] has band_rows pointers to stride_px pixels. Errors: IO, NOMEM. */
int sfx_encoder_write(struct sfx_encoder *enc, uint8_t *const *const *rows, struct sfx_err *err);

/* Ends the image and gives the last bytes to the sink. Errors: IO, NOMEM; LIMIT when it cannot be
 * made to fit into max_nbytes. */
int sfx_encoder_finish(struct sfx_encoder *enc, struct sfx_err *err);

/* Frees; NULL does nothing. */
void sfx_encoder_free(struct sfx_encoder *enc);

#endif
