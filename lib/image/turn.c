/* SPDX-License-Identifier: MIT */
/*
 * Images turned by any angle: each pixel is looked up where it comes from, with a kernel of up to
 * four by four samples; the edges are as smooth as the share of the pixel that the image covers.
 */
#include "image/held_internal.h"

#include <math.h>
#include <string.h>

#define RADIANS 0.017453292519943295

void sfx_turn_size(double degrees, uint32_t width_px, uint32_t height_px, uint64_t *turned_w,
                   uint64_t *turned_h)
{
    const double c = fabs(cos(degrees * RADIANS)), s = fabs(sin(degrees * RADIANS));

    /* What is less than a thousandth of a pixel is not there. */
    *turned_w = (uint64_t)ceil(width_px * c + height_px * s - 0.001);
    *turned_h = (uint64_t)ceil(width_px * s + height_px * c - 0.001);
}

/* The place (x, y) of the upright image of w by h as one of the stored image. */
static void to_stored(struct sfx_orient o, double w, double h, double *x, double *y)
{
    if (o.transpose) {
        const double t = *x;

        *x = *y;
        *y = t;
    }
    *x = o.flip_x ? (o.transpose ? h : w) - *x : *x;
    *y = o.flip_y ? (o.transpose ? w : h) - *y : *y;
}

void sfx_turn_init(struct sfx_turn *turn, const struct sfx_held *held,
                   const struct sfx_pixels *load, const struct sfx_look *look, unsigned orientation,
                   double scale, uint32_t width_px, uint32_t height_px, const void *background)
{
    const struct sfx_orient o = sfx_orient_of(orientation);
    const double w = o.transpose ? held->span_y : held->span_x;
    const double h = o.transpose ? held->span_x : held->span_y;
    const double c = cos(look->turn * RADIANS), s = sin(look->turn * RADIANS);
    double at[3][2]; /* where the first pixel, the next and the one below it come from */
    unsigned i;

    *turn = (struct sfx_turn){.held = held, .load = load, .kernel = look->kernel};
    for (i = 0; i < 3; i++) {
        const double x = (i == 1 ? 1.5 : 0.5) - width_px * scale / 2;
        const double y = (i == 2 ? 1.5 : 0.5) - height_px * scale / 2;

        at[i][0] = c * x + s * y + w / 2;
        at[i][1] = c * y - s * x + h / 2;
        to_stored(o, w, h, &at[i][0], &at[i][1]);
    }
    turn->origin_x = at[0][0];
    turn->origin_y = at[0][1];
    turn->x_by_x = at[1][0] - at[0][0];
    turn->y_by_x = at[1][1] - at[0][1];
    turn->x_by_y = at[2][0] - at[0][0];
    turn->y_by_y = at[2][1] - at[0][1];
    if (background != NULL)
        sfx_pixels_load(load, background, 1, turn->background);
}

/* What of a pixel at `at` lies within 0 … span: its share along one axis. */
static float coverage(double at, double span)
{
    const double low = at + 0.5, high = span - at + 0.5;
    const double share = low < high ? low : high;

    return share <= 0 ? 0 : share >= 1 ? 1 : (float)share;
}

static float cubic(float x)
{
    x = fabsf(x);
    if (x < 1)
        return (1.5f * x - 2.5f) * x * x + 1;
    return x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

/* Weights of the samples first … first + 3, for a place between samples' centres. */
static int32_t weigh(enum sfx_kernel kernel, double at, float weights[4])
{
    const double centre = at - 0.5, below = floor(centre);
    const float part = (float)(centre - below);
    int k;

    switch (kernel) {
    case SFX_KERNEL_NEAREST:
        weights[0] = weights[3] = 0;
        weights[1] = part < 0.5f;
        weights[2] = part >= 0.5f;
        break;
    case SFX_KERNEL_BOX:
    case SFX_KERNEL_LINEAR:
        weights[0] = weights[3] = 0;
        weights[1] = 1 - part;
        weights[2] = part;
        break;
    default:
        for (k = 0; k < 4; k++)
            weights[k] = cubic(part + 1 - (float)k);
    }
    return (int32_t)below - 1;
}

static uint32_t within(int32_t at, uint32_t count)
{
    return at < 0 ? 0 : (uint32_t)at < count ? (uint32_t)at : count - 1;
}

/* The image at a place that is in it, or not a pixel away. */
static void mix(const struct sfx_turn *turn, double x, double y, float out[4])
{
    const struct sfx_held *held = turn->held;
    const unsigned channels = sfx_layout_channels(held->layout);
    float wx[4], wy[4], loaded[16];
    uint8_t four[4 * 8];
    const int32_t left = weigh(turn->kernel, x, wx), top = weigh(turn->kernel, y, wy);
    const bool inside = left >= 0 && (uint32_t)left + 4 <= held->w;
    unsigned r, k, c;

    memset(out, 0, 4 * sizeof(*out));
    for (r = 0; r < 4; r++) {
        const uint8_t *row = sfx_held_row(held, within(top + (int32_t)r, held->h));
        const uint8_t *from = row + (size_t)(uint32_t)left * held->pixel_nbytes;

        if (!inside) {
            for (k = 0; k < 4; k++)
                memcpy(four + k * held->pixel_nbytes,
                       row + within(left + (int32_t)k, held->w) * held->pixel_nbytes,
                       held->pixel_nbytes);
            from = four;
        }
        sfx_pixels_load(turn->load, from, 4, loaded);
        for (k = 0; k < 4; k++)
            for (c = 0; c < channels; c++)
                out[c] += wy[r] * wx[k] * loaded[k * channels + c];
    }
}

void sfx_turn_row(const struct sfx_turn *turn, uint32_t y, uint32_t n, float *row)
{
    const unsigned channels = sfx_layout_channels(turn->held->layout);
    uint32_t i;
    unsigned c;

    for (i = 0; i < n; i++, row += channels) {
        const double at_x = turn->origin_x + i * turn->x_by_x + y * turn->x_by_y;
        const double at_y = turn->origin_y + i * turn->y_by_x + y * turn->y_by_y;
        const float share = coverage(at_x, turn->held->span_x) * coverage(at_y, turn->held->span_y);
        float pixel[4] = {0};

        if (share > 0)
            mix(turn, at_x, at_y, pixel);
        for (c = 0; c < channels; c++)
            row[c] = share * pixel[c] + (1 - share) * turn->background[c];
    }
}
