/* SPDX-License-Identifier: MIT */
/*
 * Blur and sharpening: the kernel is separable, rows are blurred along as they come into a ring,
 * and then across the rows of the ring.
 */
#include "image/filter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SHARPEN_SIGMA 1.0

struct filter {
    const struct sfx_filter_plane *plane;
    size_t n;       /* samples of a row */
    size_t radius;  /* of the kernel */
    double amount;  /* 0: blur; else of sharpening */
    float *weights; /* owned: radius + 1, from the middle on */
    float *ring;    /* owned: 2 * radius + 1 rows, blurred along */
    float *line;    /* owned: a row with its borders, before */
    float *across;  /* owned: a row blurred across */
};

static float get(const struct sfx_filter_plane *p, size_t y, size_t i)
{
    const uint8_t *row = p->rows + y * p->stride_nbytes;

    return p->depth == 16 ? ((const uint16_t *)(const void *)row)[i] : row[i];
}

static void put(const struct sfx_filter_plane *p, size_t y, size_t i, float value)
{
    uint8_t *row = p->rows + y * p->stride_nbytes;
    const float top = p->depth == 16 ? 65535.0f : 255.0f;

    value = value < 0 ? 0 : value > top ? top : value;
    if (p->depth == 16)
        ((uint16_t *)(void *)row)[i] = (uint16_t)(value + 0.5f);
    else
        row[i] = (uint8_t)(value + 0.5f);
}

static void make_weights(struct filter *f, double sigma)
{
    double sum = 0;
    size_t k;

    for (k = 0; k <= f->radius; k++) {
        const double w = exp(-(double)(k * k) / (2 * sigma * sigma));

        f->weights[k] = (float)w;
        sum += k == 0 ? w : 2 * w;
    }
    for (k = 0; k <= f->radius; k++)
        f->weights[k] = (float)(f->weights[k] / sum);
}

/* Row y blurred along, into its place in the ring. */
static void blur_along(struct filter *f, size_t y)
{
    const struct sfx_filter_plane *p = f->plane;
    const size_t channels = p->channels, border = f->radius * channels;
    float *out = f->ring + y % (2 * f->radius + 1) * f->n;
    size_t i, k;

    for (i = 0; i < f->n; i++)
        f->line[border + i] = get(p, y, i);
    for (i = 0; i < border; i++) {
        f->line[i] = f->line[border + i % channels];
        f->line[border + f->n + i] = f->line[border + f->n - channels + i % channels];
    }
    for (i = 0; i < f->n; i++) {
        const float *at = f->line + border + i;
        float sum = at[0] * f->weights[0];

        for (k = 1; k <= f->radius; k++)
            sum += (at[-(ptrdiff_t)(k * channels)] + at[k * channels]) * f->weights[k];
        out[i] = sum;
    }
}

static const float *ring_row(const struct filter *f, size_t y)
{
    return f->ring + y % (2 * f->radius + 1) * f->n;
}

/* Row y from the rows around it, which are in the ring. */
static void finish_row(struct filter *f, size_t y)
{
    const size_t last = f->plane->height_px - 1;
    size_t i, k;

    for (i = 0; i < f->n; i++)
        f->across[i] = ring_row(f, y)[i] * f->weights[0];
    for (k = 1; k <= f->radius; k++) {
        const float *above = ring_row(f, y > k ? y - k : 0);
        const float *below = ring_row(f, y + k < last ? y + k : last);

        for (i = 0; i < f->n; i++)
            f->across[i] += (above[i] + below[i]) * f->weights[k];
    }
    for (i = 0; i < f->n; i++) {
        const float was = get(f->plane, y, i);

        put(f->plane, y, i,
            f->amount > 0 ? was + (float)f->amount * (was - f->across[i]) : f->across[i]);
    }
}

static int run(const struct sfx_filter_plane *plane, double sigma, double amount,
               struct sfx_err *err)
{
    struct filter f = {
        .plane = plane,
        .n = plane->width_px * plane->channels,
        .radius = (size_t)ceil(3 * sigma),
        .amount = amount,
    };
    size_t y, next = 0;
    int rc = 0;

    f.weights = calloc(f.radius + 1, sizeof(*f.weights));
    f.ring = calloc((2 * f.radius + 1) * f.n, sizeof(*f.ring));
    f.line = calloc(f.n + 2 * f.radius * plane->channels, sizeof(*f.line));
    f.across = calloc(f.n, sizeof(*f.across));
    if (f.weights == NULL || f.ring == NULL || f.line == NULL || f.across == NULL) {
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory to filter an image");
        goto out;
    }
    make_weights(&f, sigma);
    for (y = 0; y < plane->height_px; y++) {
        for (; next < plane->height_px && next <= y + f.radius; next++)
            blur_along(&f, next);
        finish_row(&f, y);
    }
out:
    free(f.weights);
    free(f.ring);
    free(f.line);
    free(f.across);
    return rc;
}

int sfx_filter_blur(const struct sfx_filter_plane *plane, double sigma, struct sfx_err *err)
{
    return run(plane, sigma, 0, err);
}

int sfx_filter_sharpen(const struct sfx_filter_plane *plane, double amount, struct sfx_err *err)
{
    return run(plane, SHARPEN_SIGMA, amount, err);
}
