/* SPDX-License-Identifier: MIT */
/* One output of the engine: its scalers, the rows that wait for its encoder, the encoder. */
#ifndef SFX_IMAGE_RESIZE_INTERNAL_H
#define SFX_IMAGE_RESIZE_INTERNAL_H

#include "image/encoder.h"
#include "image/filter.h"
#include "image/orient.h"
#include "image/pixels.h"
#include "image/resize.h"
#include "image/scaler.h"

struct sfx_output_plane {
    struct sfx_scaler scaler;
    struct sfx_plane want; /* the encoder's */
    uint8_t *rows;         /* owned: made and not yet encoded */
    size_t row_nbytes;
    uint32_t capacity;    /* rows it has room for; row r stands at r % capacity */
    uint8_t *turned;      /* owned: a band of a transposed plane */
    struct sfx_ring made; /* the last rows, for outputs that are made of this one; or no memory */
    uint32_t planned;     /* rows that could be made so far, while the waiting is planned */
};

struct sfx_output {
    /* set by the caller */
    struct sfx_image_sink sink;
    enum sfx_image_format format;
    uint32_t width_px, height_px; /* of the canvas */
    struct sfx_frame frame;
    struct sfx_orient orient;
    struct sfx_output
        *from; /* the larger output whose samples this one is made of; NULL: the image */
    /* the rest is _init's */
    struct sfx_output *first, *next; /* of those made of this one; of the same as this one */
    struct sfx_encoder *encoder;
    struct sfx_planes want;
    const struct sfx_resize_opts *opts;
    uint32_t shown_x, shown_y; /* of the image, at the canvas's begin */
    uint8_t *line;             /* owned: a row of the upright image */
    uint8_t fill[8];           /* a pixel of the canvas */
    bool settled;              /* the whole image has been filtered and placed */
    struct sfx_output_plane plane[SFX_IMAGE_MAX_PLANES];
    struct sfx_pixels store; /* how float rows become the encoder's */
    float *real_row;         /* owned: of a real scaler */
    size_t pixel_nbytes;
    uint32_t bands; /* encoded so far */
    bool real;
};

/* True when the image does not fill the output exactly: it lies on it, or is cut by its content. */
bool sfx_output_is_framed(const struct sfx_output *out);

/* True when the finished image is blurred or sharpened. */
bool sfx_output_is_filtered(const struct sfx_output *out);

/* True when all rows must be there before the first is encoded. */
bool sfx_output_is_whole(const struct sfx_output *out);

/* True when other, at least twice as large, shows the same of the image and is no enlargement, so
 * that out may be made of it. */
bool sfx_output_may_come_from(const struct sfx_output *out, const struct sfx_output *other,
                              const struct sfx_look *look);

/*
 * Prepares out to be made of src, or of out->from, which is prepared and stays where it is; load is
 * how src's samples become float, if they do. Errors: as sfx_resize; out can then still be given to
 * _done.
 */
int sfx_output_init(struct sfx_output *out, const struct sfx_resize_opts *opts,
                    const struct sfx_image_info *info, const struct sfx_planes *src,
                    const struct sfx_pixels *load, struct sfx_err *err);

/* Makes all rows that can be made of what the rings hold, of out and of those made of it. */
void sfx_output_make(struct sfx_output *out, const struct sfx_ring *rings);

/* Encodes what is made. Errors: as sfx_resize. */
int sfx_output_encode(struct sfx_output *out, struct sfx_err *err);

/* Encodes what is left, ends the image. Errors: as sfx_resize. */
int sfx_output_finish(struct sfx_output *out, struct sfx_err *err);

/* Frees; out was all zero but for what the caller sets, or initialised. */
void sfx_output_done(struct sfx_output *out);

#endif
