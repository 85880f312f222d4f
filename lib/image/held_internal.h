/* SPDX-License-Identifier: MIT */
/*
 * A decoded image that is held whole, for what cannot be done row by row: trimming, which knows the
 * part that stays when it has seen all, and turning by any angle, whose rows lie across the
 * image's.
 *
 * Contract: samples stay as they were decoded, 8 or 16 bits, so that memory is that of the image;
 * sfx_image_limits.max_decoded_nbytes bounds it. A turned row is made in float, as sfx_pixels_load
 * makes rows.
 */
#ifndef SFX_IMAGE_HELD_INTERNAL_H
#define SFX_IMAGE_HELD_INTERNAL_H

#include "image/decoder.h"
#include "image/look.h"
#include "image/pixels.h"
#include "image/resize.h"

struct sfx_held {
    enum sfx_layout layout;
    unsigned depth;
    size_t pixel_nbytes, row_nbytes;
    uint8_t *samples;      /* owned */
    uint32_t x, y, w, h;   /* what is left of the image */
    double span_x, span_y; /* the true extent of that, in samples */
};

/* Decodes all rows; planes are what _start gave, interleaved. Errors: as sfx_decoder_read, LIMIT.
 */
int sfx_held_read(struct sfx_held *held, struct sfx_decoder *dec, const struct sfx_planes *planes,
                  const struct sfx_image_limits *limits, struct sfx_err *err);

/*
 * Cuts off the rows and columns at the edges in which no sample differs from the background by more
 * than threshold (0 to 255): rgb, or when it is NULL the pixel in the first corner of the upright
 * image. What is transparent has no colour. An image that is all background stays whole. found gets
 * what was done.
 */
void sfx_held_trim(struct sfx_held *held, unsigned orientation, const uint8_t *rgb,
                   double threshold, struct sfx_image_found *found);

/* Row y of what is left, as it was decoded. */
const uint8_t *sfx_held_row(const struct sfx_held *held, uint32_t y);

void sfx_held_done(struct sfx_held *held);

/* A held image that is turned: where each of its pixels comes from. */
struct sfx_turn {
    const struct sfx_held *held;
    const struct sfx_pixels *load; /* how samples become float */
    enum sfx_kernel kernel;
    double origin_x, origin_y; /* of the first pixel, in samples of what is left */
    double x_by_x, y_by_x;     /* from one pixel to the next */
    double x_by_y, y_by_y;     /* from one row to the next */
    float background[4];       /* a float pixel */
};

/* The size of an image of width by height after a turn; the corners are within it. */
void sfx_turn_size(double degrees, uint32_t width_px, uint32_t height_px, uint64_t *turned_w,
                   uint64_t *turned_h);

/*
 * Prepares turns of held, which is stored in that orientation and was decoded at `scale` of its
 * size; width and height are those of the turned image at full size. background: a pixel in held's
 * layout and depth, NULL: nothing, transparent. held and load are borrowed.
 */
void sfx_turn_init(struct sfx_turn *turn, const struct sfx_held *held,
                   const struct sfx_pixels *load, const struct sfx_look *look, unsigned orientation,
                   double scale, uint32_t width_px, uint32_t height_px, const void *background);

/* n float pixels of row y. */
void sfx_turn_row(const struct sfx_turn *turn, uint32_t y, uint32_t n, float *row);

#endif
