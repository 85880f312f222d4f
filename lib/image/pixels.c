/* SPDX-License-Identifier: MIT */
/* Rows of samples to float and back: alpha, depth, flattening. */
#include "image/pixels.h"

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

void sfx_pixels_load(const struct sfx_pixels *px, const void *restrict src, size_t n,
                     float *restrict dst)
{
    size_t channels = sfx_layout_channels(px->src_layout), i, c;
    const float inverse = 1 / range_of(px->src_depth);

    widen(src, px->src_depth, n * channels, dst);
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

/* The background in the output's channels: gray by Rec. 601's luma, as JPEG's Y. */
static void background_of(const struct sfx_pixels *px, float scale, float out[3])
{
    const uint8_t *b = px->background;
    size_t c;

    for (c = 0; c < 3; c++)
        out[c] = b[c] * scale;
    if (px->dst_layout == SFX_LAYOUT_GRAY)
        out[0] = (0.299f * b[0] + 0.587f * b[1] + 0.114f * b[2]) * scale;
}

void sfx_pixels_store(const struct sfx_pixels *px, const float *restrict src, size_t n,
                      void *restrict dst)
{
    const float in_range = range_of(px->src_depth), range = range_of(px->dst_depth);
    const float scale = range / in_range;
    const bool alpha = sfx_layout_has_alpha(px->src_layout);
    const bool flatten = alpha && !sfx_layout_has_alpha(px->dst_layout);
    size_t channels = sfx_layout_channels(px->src_layout), colours = channels - alpha, i, c, at = 0;
    float background[3];

    background_of(px, range / 255.0f, background);
    for (i = 0; i < n; i++, src += channels) {
        float a = alpha ? clip(src[channels - 1], in_range) / in_range : 1;
        /* What brings a sample to straight colour, or (flattened) to premultiplied colour. */
        float factor = px->premultiply && alpha && !flatten ? (a > 0 ? scale / a : 0)
                       : flatten && !px->premultiply        ? scale * a
                                                            : scale;

        for (c = 0; c < colours; c++)
            put(dst, at++, px->dst_depth, src[c] * factor + (flatten ? background[c] * (1 - a) : 0),
                range);
        if (alpha && !flatten)
            put(dst, at++, px->dst_depth, a * range, range);
    }
}
