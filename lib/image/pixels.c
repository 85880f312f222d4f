/* SPDX-License-Identifier: MIT */
/* Rows of samples to float and back: alpha, depth, flattening. */
#include "image/pixels.h"

#include "image/resample.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static float range_of(unsigned depth)
{
    return depth == 16 ? 65535.0f : 255.0f;
}

static void widen(const void *restrict src, unsigned depth, size_t n, float *restrict dst)
{
    const uint8_t *u8 = src;
    const uint16_t *u16 = src;
    size_t i;

    if (depth == 16)
        for (i = 0; i < n; i++)
            dst[i] = u16[i];
    else
        for (i = 0; i < n; i++)
            dst[i] = u8[i];
}

/* IEC 61966-2-1: from sRGB's curve to light, and back; 0 … 1. */
static float to_light(float v)
{
    return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
}

static float from_light(float v)
{
    return v <= 0.0031308f ? v * 12.92f : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
}

/* Light of every 16-bit sample; an 8-bit one is its 257-fold. */
static float light[65536];
static pthread_once_t light_once = PTHREAD_ONCE_INIT;

static void light_fill(void)
{
    uint32_t i;

    for (i = 0; i < 65536; i++)
        light[i] = to_light((float)i / 65535.0f);
}

/* Makes colours (not alpha) of n pixels linear. */
static void lighten(const struct sfx_pixels *px, size_t n, float *restrict dst)
{
    const size_t channels = sfx_layout_channels(px->src_layout);
    const size_t colours = channels - sfx_layout_has_alpha(px->src_layout);
    const float range = range_of(px->src_depth);
    const uint32_t step = px->src_depth == 16 ? 1 : 257;
    size_t i, c;

    (void)pthread_once(&light_once, light_fill);
    for (i = 0; i < n; i++, dst += channels)
        for (c = 0; c < colours; c++)
            dst[c] = light[(uint32_t)dst[c] * step] * range;
}

/* The usual image with alpha, which the resampler's loops know. */
static bool is_rgba8(const struct sfx_pixels *px)
{
    return px->src_layout == SFX_LAYOUT_RGBA && px->src_depth == 8 && px->premultiply &&
           !px->linear;
}

void sfx_pixels_load(const struct sfx_pixels *px, const void *restrict src, size_t n,
                     float *restrict dst)
{
    size_t channels = sfx_layout_channels(px->src_layout), i, c;
    const float inverse = 1 / range_of(px->src_depth);

    if (is_rgba8(px)) {
        sfx_resample_best()->load_rgba8(src, n, dst);
        return;
    }
    widen(src, px->src_depth, n * channels, dst);
    if (px->linear)
        lighten(px, n, dst);
    if (!px->premultiply || !sfx_layout_has_alpha(px->src_layout))
        return;
    for (i = 0; i < n; i++, dst += channels) {
        float alpha = dst[channels - 1] * inverse;

        for (c = 0; c + 1 < channels; c++)
            dst[c] *= alpha;
    }
}

static float clip(float value, float most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void put(void *dst, size_t at, unsigned depth, float value, float range)
{
    float rounded = clip(value, range) + 0.5f;

    if (depth == 16)
        ((uint16_t *)dst)[at] = (uint16_t)rounded;
    else
        ((uint8_t *)dst)[at] = (uint8_t)rounded;
}

/* The background as the colours of a float sample: of src_layout, in the output's range. */
static void background_of(const struct sfx_pixels *px, float range, float out[3])
{
    const uint8_t *b = px->background;
    float v[3];
    size_t c;

    for (c = 0; c < 3; c++)
        v[c] = px->linear ? to_light(b[c] / 255.0f) * range : b[c] / 255.0f * range;
    out[0] = v[0];
    out[1] = v[1];
    out[2] = v[2];
    /* Gray by Rec. 601's luma, as JPEG's Y. */
    if (px->src_layout == SFX_LAYOUT_GRAY || px->src_layout == SFX_LAYOUT_GRAY_ALPHA)
        out[0] = 0.299f * v[0] + 0.587f * v[1] + 0.114f * v[2];
}

static bool is_gray(enum sfx_layout layout)
{
    return layout == SFX_LAYOUT_GRAY || layout == SFX_LAYOUT_GRAY_ALPHA;
}

/* Straight colours in the output's range become the output's samples. */
static size_t put_colours(const struct sfx_pixels *px, float *colour, size_t colours, float range,
                          void *dst, size_t at)
{
    size_t c;

    if (px->linear)
        for (c = 0; c < colours; c++)
            colour[c] = from_light(clip(colour[c], range) / range) * range;
    if (colours == 3 && is_gray(px->dst_layout)) {
        colour[0] = 0.299f * colour[0] + 0.587f * colour[1] + 0.114f * colour[2];
        colours = 1;
    }
    for (c = 0; c < colours; c++)
        put(dst, at++, px->dst_depth, colour[c], range);
    return at;
}

void sfx_pixels_store(const struct sfx_pixels *px, const float *restrict src, size_t n,
                      void *restrict dst)
{
    const float in_range = range_of(px->src_depth), range = range_of(px->dst_depth);
    const float scale = range / in_range;
    const bool alpha = sfx_layout_has_alpha(px->src_layout);
    const bool flatten = alpha && !sfx_layout_has_alpha(px->dst_layout);
    size_t channels = sfx_layout_channels(px->src_layout), colours = channels - alpha, i, c, at = 0;
    float background[3], colour[3];

    if (is_rgba8(px) && px->dst_layout == SFX_LAYOUT_RGBA && px->dst_depth == 8) {
        sfx_resample_best()->store_rgba8(src, n, dst);
        return;
    }
    background_of(px, range, background);
    for (i = 0; i < n; i++, src += channels) {
        float a = alpha ? clip(src[channels - 1], in_range) / in_range : 1;
        /* What brings a sample to straight colour, or (flattened) to premultiplied colour. */
        float factor = px->premultiply && alpha && !flatten ? (a > 0 ? scale / a : 0)
                       : flatten && !px->premultiply        ? scale * a
                                                            : scale;

        for (c = 0; c < colours; c++)
            colour[c] = src[c] * factor + (flatten ? background[c] * (1 - a) : 0);
        at = put_colours(px, colour, colours, range, dst, at);
        if (alpha && !flatten)
            put(dst, at++, px->dst_depth, a * range, range);
    }
}

void sfx_pixels_fill(enum sfx_layout layout, unsigned depth, const uint8_t rgb[3], uint8_t out[8])
{
    const bool alpha = sfx_layout_has_alpha(layout);
    const struct sfx_pixels px = {
        .src_layout = SFX_LAYOUT_RGB,
        .src_depth = 8,
        .dst_layout = layout == SFX_LAYOUT_GRAY_ALPHA ? SFX_LAYOUT_GRAY
                      : alpha                         ? SFX_LAYOUT_RGB
                                                      : layout,
        .dst_depth = depth,
    };
    const float colour[3] = {rgb[0], rgb[1], rgb[2]};
    const size_t sample_nbytes = depth / 8;

    sfx_pixels_store(&px, colour, 1, out);
    if (alpha)
        memset(out + (sfx_layout_channels(layout) - 1) * sample_nbytes, 0xff, sample_nbytes);
}
