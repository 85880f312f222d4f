/* SPDX-License-Identifier: MIT */
/*
 * Attention adds up edges, saturation and the hue of skin; entropy the bits that a row's or
 * column's histogram of luma needs. The best window of an axis is the one with the largest sum, and
 * of equal ones the most central.
 */
#include "image/content.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS                                                                                       \
    32 /* of luma: fewer than samples of a thumbnail's row, so that a histogram means something */

struct rgb {
    float r, g, b;
};

static struct rgb pixel(const struct sfx_raster *raster, uint32_t x, uint32_t y)
{
    const unsigned channels = sfx_layout_channels(raster->layout);
    const uint8_t *row = raster->rows + (size_t)y * raster->stride_nbytes;
    const bool colour = raster->layout == SFX_LAYOUT_RGB || raster->layout == SFX_LAYOUT_RGBA;
    float v[3];
    unsigned c;

    for (c = 0; c < 3; c++) {
        const size_t at = (size_t)x * channels + (colour ? c : 0);

        v[c] = raster->depth == 16 ? ((const uint16_t *)(const void *)row)[at] / 257.0f : row[at];
    }
    return (struct rgb){v[0], v[1], v[2]};
}

static float luma(struct rgb p)
{
    return 0.299f * p.r + 0.587f * p.g + 0.114f * p.b;
}

static float most(struct rgb p)
{
    return fmaxf(p.r, fmaxf(p.g, p.b));
}

/* How near the hue is to skin's: the angle between the colours, as smartcrop and libvips take it.
 */
static float skin(struct rgb p)
{
    static const struct rgb tone = {0.78f, 0.57f, 0.44f};
    const float norm = sqrtf(p.r * p.r + p.g * p.g + p.b * p.b);
    float dr, dg, db, far;

    if (norm < 16 || luma(p) < 20 || luma(p) > 240)
        return 0;
    dr = p.r / norm - tone.r / 1.062f;
    dg = p.g / norm - tone.g / 1.062f;
    db = p.b / norm - tone.b / 1.062f;
    far = sqrtf(dr * dr + dg * dg + db * db);
    return far < 0.2f ? (0.2f - far) * 5 : 0;
}

/* Adds each pixel's worth to its row and column. */
static void attend(const struct sfx_raster *raster, double *columns, double *rows)
{
    uint32_t x, y;

    for (y = 1; y + 1 < raster->height_px; y++) {
        for (x = 1; x + 1 < raster->width_px; x++) {
            const struct rgb p = pixel(raster, x, y);
            const float high = most(p), low = fminf(p.r, fminf(p.g, p.b));
            const float edge =
                fabsf(4 * luma(p) - luma(pixel(raster, x - 1, y)) - luma(pixel(raster, x + 1, y)) -
                      luma(pixel(raster, x, y - 1)) - luma(pixel(raster, x, y + 1)));
            const float saturation = high > 64 ? (high - low) / high : 0;
            const float worth = edge / 64 + (saturation > 0.4f ? saturation * 0.6f : 0) + skin(p);

            columns[x] += worth;
            rows[y] += worth;
        }
    }
}

static double entropy_of(const uint32_t *bins, uint32_t n)
{
    double bits = 0;
    unsigned i;

    for (i = 0; i < BINS; i++) {
        const double p = (double)bins[i] / n;

        bits -= bins[i] > 0 ? p * log2(p) : 0;
    }
    return bits;
}

static void measure(const struct sfx_raster *raster, double *columns, double *rows)
{
    uint32_t bins[BINS], x, y;

    for (y = 0; y < raster->height_px; y++) {
        memset(bins, 0, sizeof(bins));
        for (x = 0; x < raster->width_px; x++)
            bins[(unsigned)luma(pixel(raster, x, y)) * BINS / 256]++;
        rows[y] = entropy_of(bins, raster->width_px);
    }
    for (x = 0; x < raster->width_px; x++) {
        memset(bins, 0, sizeof(bins));
        for (y = 0; y < raster->height_px; y++)
            bins[(unsigned)luma(pixel(raster, x, y)) * BINS / 256]++;
        columns[x] = entropy_of(bins, raster->height_px);
    }
}

/* Where `window` of n values in a row have the largest sum. */
static uint32_t best(const double *values, uint32_t n, uint32_t window)
{
    const uint32_t slack = n - window;
    double sum = 0, largest;
    uint32_t at, found = 0, i;

    for (i = 0; i < window; i++)
        sum += values[i];
    largest = sum;
    for (at = 1; at <= slack; at++) {
        const bool nearer = labs(2 * (long)at - (long)slack) < labs(2 * (long)found - (long)slack);

        sum += values[at + window - 1] - values[at - 1];
        if (sum > largest * (1 + 1e-9) || (sum > largest * (1 - 1e-9) && nearer)) {
            largest = sum > largest ? sum : largest;
            found = at;
        }
    }
    return found;
}

int sfx_content_window(const struct sfx_raster *raster, enum sfx_gravity gravity, uint32_t width_px,
                       uint32_t height_px, uint32_t *x, uint32_t *y, struct sfx_err *err)
{
    double *columns = calloc(raster->width_px, sizeof(*columns));
    double *rows = calloc(raster->height_px, sizeof(*rows));
    int rc = 0;

    if (columns == NULL || rows == NULL) {
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory to look at an image");
        goto out;
    }
    if (gravity == SFX_GRAVITY_ENTROPY)
        measure(raster, columns, rows);
    else
        attend(raster, columns, rows);
    *x = best(columns, raster->width_px, width_px);
    *y = best(rows, raster->height_px, height_px);
out:
    free(columns);
    free(rows);
    return rc;
}
