/* SPDX-License-Identifier: MIT */
/* Images that are held whole, and what of them is more than background. */
#include "image/held_internal.h"

#include "base/size.h"
#include "image/orient.h"

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

static bool differs(const struct background *b, const uint8_t *at)
{
    const unsigned channels = sfx_layout_channels(b->held->layout);
    float pixel[4];
    unsigned c;

    sfx_pixels_load(&b->load, at, 1, pixel);
    for (c = 0; c < channels; c++) {
        const float by = pixel[c] - b->pixel[c];

        if (by > b->most || by < -b->most)
            return true;
    }
    return false;
}

/* The first of the pixels from..to of a row that differs, or to. */
static uint32_t first_in(const struct background *b, uint32_t y, uint32_t from, uint32_t to)
{
    const uint8_t *row = sfx_held_row(b->held, y);

    while (from < to && !differs(b, row + from * b->held->pixel_nbytes))
        from++;
    return from;
}

/* One behind the last of them, or from. */
static uint32_t end_in(const struct background *b, uint32_t y, uint32_t from, uint32_t to)
{
    const uint8_t *row = sfx_held_row(b->held, y);

    while (to > from && !differs(b, row + (to - 1) * b->held->pixel_nbytes))
        to--;
    return to;
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

static void set_background(struct background *b, unsigned orientation, const uint8_t *rgb)
{
    const struct sfx_held *held = b->held;
    const struct sfx_orient o = sfx_orient_of(orientation);
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
                   double threshold)
{
    struct background b = {
        .held = held,
        .load = {.src_layout = held->layout, .src_depth = held->depth, .premultiply = true},
        .most = (float)threshold * (held->depth == 16 ? 257 : 1)};
    uint32_t top = 0, bottom = held->h, left, right = 0, y;

    set_background(&b, orientation, rgb);
    while (top < held->h && first_in(&b, top, 0, held->w) == held->w)
        top++;
    if (top == held->h)
        return;
    while (first_in(&b, bottom - 1, 0, held->w) == held->w)
        bottom--;
    for (left = held->w, y = top; y < bottom; y++) {
        left = first_in(&b, y, 0, left);
        right = end_in(&b, y, right, held->w);
    }
    cut_to(held, left, top, right, bottom);
}
