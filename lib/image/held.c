/* SPDX-License-Identifier: MIT */
/* Images that are held whole, and what of them is more than background. */
#include "image/held_internal.h"

#include "base/size.h"
#include "image/orient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int sfx_held_read(struct sfx_held *held, struct sfx_decoder *dec, const struct sfx_planes *planes,
                  const struct sfx_image_limits *limits, struct sfx_err *err)
{
    const struct sfx_plane *plane = &planes->plane[0];
    uint32_t y, r, nbands = (plane->height_px + plane->band_rows - 1) / plane->band_rows;
    uint8_t *rows[SFX_DECODER_BAND_ROWS];
    uint8_t *const *bands[SFX_IMAGE_MAX_PLANES] = {rows};
    size_t nbytes;
    int rc = 0;

    held->layout = planes->layout;
    held->depth = planes->depth;
    held->pixel_nbytes = sfx_layout_channels(planes->layout) * (planes->depth / 8);
    held->row_nbytes = plane->stride_px * held->pixel_nbytes;
    held->w = plane->width_px;
    held->h = plane->height_px;
    held->span_x = plane->span_x;
    held->span_y = plane->span_y;
    if (!sfx_size_mul(held->row_nbytes, (size_t)nbands * plane->band_rows, &nbytes) ||
        nbytes > limits->max_decoded_nbytes)
        return sfx_err_set(err, SFX_E_LIMIT,
                           "an image of this size, held whole to be trimmed or turned, takes more "
                           "memory than the limit");
    held->samples = malloc(nbytes);
    if (held->samples == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the image");
    for (y = 0; y < plane->height_px && rc == 0; y += plane->band_rows) {
        for (r = 0; r < plane->band_rows; r++)
            rows[r] = held->samples + (size_t)(y + r) * held->row_nbytes;
        rc = sfx_decoder_read(dec, bands, err);
    }
    return rc;
}

void sfx_held_done(struct sfx_held *held)
{
    free(held->samples);
    held->samples = NULL;
}

const uint8_t *sfx_held_row(const struct sfx_held *held, uint32_t y)
{
    return held->samples + (size_t)(held->y + y) * held->row_nbytes + held->x * held->pixel_nbytes;
}

/* --- what is background ----------------------------------------------------------------------- */

struct background {
    const struct sfx_held *held;
    struct sfx_pixels load;
    float pixel[4];
    float most; /* that a sample may differ */
};

/* Pixels that are looked at together. */
#define LOOK_PIXELS 64

/* Bit i is set when pixel i of the n ones (at most LOOK_PIXELS) differs. */
static uint64_t differing(const struct background *b, const uint8_t *at, uint32_t n)
{
    const unsigned channels = sfx_layout_channels(b->held->layout);
    float pixels[LOOK_PIXELS * 4];
    uint64_t bits = 0;
    uint32_t i;
    unsigned c;

    sfx_pixels_load(&b->load, at, n, pixels);
    for (i = 0; i < n; i++) {
        bool is_other = false;

        for (c = 0; c < channels; c++)
            is_other |= fabsf(pixels[i * channels + c] - b->pixel[c]) > b->most;
        bits |= (uint64_t)is_other << i;
    }
    return bits;
}

/* The first of the pixels from..to of a row that differs, or to. */
static uint32_t first_in(const struct background *b, uint32_t y, uint32_t from, uint32_t to)
{
    const uint8_t *row = sfx_held_row(b->held, y);

    while (from < to) {
        const uint32_t n = to - from < LOOK_PIXELS ? to - from : LOOK_PIXELS;
        const uint64_t bits = differing(b, row + from * b->held->pixel_nbytes, n);

        if (bits != 0)
            return from + (uint32_t)__builtin_ctzll(bits);
        from += n;
    }
    return to;
}

/* One behind the last of them, or from. */
static uint32_t end_in(const struct background *b, uint32_t y, uint32_t from, uint32_t to)
{
    const uint8_t *row = sfx_held_row(b->held, y);

    while (to > from) {
        const uint32_t n = to - from < LOOK_PIXELS ? to - from : LOOK_PIXELS;
        const uint64_t bits = differing(b, row + (to - n) * b->held->pixel_nbytes, n);

        if (bits != 0)
            return to - n + 64 - (uint32_t)__builtin_clzll(bits);
        to -= n;
    }
    return from;
}

static void cut_to(struct sfx_held *held, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1)
{
    held->x += x0;
    held->y += y0;
    held->w = x1 - x0;
    held->h = y1 - y0;
    held->span_x = held->w;
    held->span_y = held->h;
}

/* What is left of whole, as a part of the upright image. */
static void describe_part(const struct sfx_held *held, const struct sfx_held *whole,
                          struct sfx_orient o, struct sfx_image_found *found)
{
    const uint32_t x = o.flip_x ? whole->w - held->w - held->x : held->x;
    const uint32_t y = o.flip_y ? whole->h - held->h - held->y : held->y;

    found->x = o.transpose ? y : x;
    found->y = o.transpose ? x : y;
    found->w = o.transpose ? held->h : held->w;
    found->h = o.transpose ? held->w : held->h;
}

static void set_background(struct background *b, struct sfx_orient o, const uint8_t *rgb)
{
    const struct sfx_held *held = b->held;
    const uint8_t *corner = sfx_held_row(held, o.flip_y ? held->h - 1 : 0) +
                            (o.flip_x ? held->w - 1 : 0) * held->pixel_nbytes;
    uint8_t pixel[8];

    if (rgb != NULL) {
        sfx_pixels_fill(held->layout, held->depth, rgb, pixel);
        corner = pixel;
    }
    sfx_pixels_load(&b->load, corner, 1, b->pixel);
}

void sfx_held_trim(struct sfx_held *held, unsigned orientation, const uint8_t *rgb,
                   double threshold, struct sfx_image_found *found)
{
    const struct sfx_orient o = sfx_orient_of(orientation);
    const struct sfx_held whole = *held;
    struct background b = {
        .held = held,
        .load = {.src_layout = held->layout, .src_depth = held->depth, .premultiply = true},
        .most = (float)threshold * (held->depth == 16 ? 257 : 1)};
    uint32_t top = 0, bottom = held->h, left, right = 0, y;

    set_background(&b, o, rgb);
    while (top < held->h && first_in(&b, top, 0, held->w) == held->w)
        top++;
    found->blank = top == held->h;
    if (found->blank)
        return;
    while (first_in(&b, bottom - 1, 0, held->w) == held->w)
        bottom--;
    for (left = held->w, y = top; y < bottom; y++) {
        left = first_in(&b, y, 0, left);
        right = end_in(&b, y, right, held->w);
    }
    cut_to(held, left, top, right, bottom);
    describe_part(held, &whole, o, found);
}
