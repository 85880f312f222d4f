/* SPDX-License-Identifier: MIT */
/*
 * Weight tables. The kernel is sampled once a process at 1024 points a unit and interpolated: the
 * error (second derivative / 8 / 1024^2, about 1e-6) is far below a fixed-point weight's step
 * (6e-5), and a lookup costs a tenth of two sines.
 */
#include "image/weights.h"

#include "base/size.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LANCZOS_LOBES  3
#define TABLE_PER_UNIT 1024
#define TABLE_SIZE     (LANCZOS_LOBES * TABLE_PER_UNIT)
#define STRIDE_STEP    16 /* int16_t of an AVX2 register; 16 floats are two */

static float lanczos_table[TABLE_SIZE + 2]; /* [TABLE_SIZE] is 0, one more to interpolate to */
static pthread_once_t lanczos_once = PTHREAD_ONCE_INIT;

/* sinc(x) sinc(x/3) = 3 sin(pi x) sin(pi x / 3) / (pi x)^2, with sin 3a = 3 sin a - 4 sin^3 a. */
static void lanczos_fill(void)
{
    int i;

    lanczos_table[0] = 1;
    for (i = 1; i < TABLE_SIZE; i++) {
        double x = (double)i / TABLE_PER_UNIT;
        double s = sin(M_PI * x / LANCZOS_LOBES);
        double s3 = i % TABLE_PER_UNIT == 0 ? 0 : s * (3 - 4 * s * s);

        lanczos_table[i] = (float)(LANCZOS_LOBES * s3 * s / (M_PI * M_PI * x * x));
    }
}

static double lanczos(double x)
{
    double at = fabs(x) * TABLE_PER_UNIT;
    int i;

    if (at >= TABLE_SIZE)
        return 0;
    i = (int)at;
    return lanczos_table[i] + (at - i) * (lanczos_table[i + 1] - lanczos_table[i]);
}

/* The source samples of one output sample, their weights, in the caller's scratch. */
struct taps {
    uint32_t first, count;
    double *weight; /* normalised */
};

static void taps_compute(const struct sfx_axis *axis, uint32_t i, struct taps *t)
{
    double ratio = axis->src_span / axis->dst_span;
    double scale = ratio > 1 ? ratio : 1;
    double support = LANCZOS_LOBES * scale;
    double at = (i + 0.5) * ratio;
    double centre = axis->src_start + (axis->mirror ? axis->src_span - at : at) - 0.5;
    double lowest = ceil(centre - support), highest = floor(centre + support), sum = 0;
    double last = axis->src_count - 1.0;
    uint32_t k;

    lowest = lowest < 0 ? 0 : lowest > last ? last : lowest;
    highest = highest > last ? last : highest < lowest ? lowest : highest;
    t->first = (uint32_t)lowest;
    t->count = (uint32_t)(highest - lowest) + 1;
    for (k = 0; k < t->count; k++) {
        t->weight[k] = lanczos((t->first + k - centre) / scale);
        sum += t->weight[k];
    }
    for (k = 0; k < t->count; k++)
        t->weight[k] /= sum;
    /* What counts for nothing is dropped at both ends: an identity has one tap. */
    while (t->count > 1 && fabs(t->weight[t->count - 1]) < 1e-7)
        t->count--;
    while (t->count > 1 && fabs(t->weight[0]) < 1e-7) {
        memmove(t->weight, t->weight + 1, --t->count * sizeof(*t->weight));
        t->first++;
    }
}

static void taps_store_fixed(const struct taps *t, int16_t *out)
{
    double carry = 0;
    uint32_t k, peak = 0;
    int sum = 0;

    for (k = 0; k < t->count; k++) {
        double want = t->weight[k] * (1 << SFX_WEIGHTS_BITS) + carry;

        out[k] = (int16_t)lrint(want);
        carry = want - out[k];
        sum += out[k];
        if (t->weight[k] > t->weight[peak])
            peak = k;
    }
    out[peak] = (int16_t)(out[peak] + (1 << SFX_WEIGHTS_BITS) - sum);
}

static void taps_store_real(const struct taps *t, float *out)
{
    uint32_t k;

    for (k = 0; k < t->count; k++)
        out[k] = (float)t->weight[k];
}

/* Zeroed, 32-byte aligned: count * stride elements of size bytes. NULL when that cannot be had. */
static void *table_new(size_t count, size_t stride, size_t size)
{
    size_t nbytes;
    void *table = NULL;

    if (sfx_size_mul(count, stride, &nbytes) && sfx_size_mul(nbytes, size, &nbytes) &&
        posix_memalign(&table, 32, nbytes) == 0)
        memset(table, 0, nbytes);
    return table;
}

int sfx_weights_init(struct sfx_weights *w, const struct sfx_axis *axis, bool real,
                     struct sfx_err *err)
{
    double ratio = axis->src_span / axis->dst_span;
    size_t most = 2 * (size_t)ceil(LANCZOS_LOBES * (ratio > 1 ? ratio : 1)) + 1;
    struct taps taps = {0};
    uint32_t i;
    int rc = 0;

    pthread_once(&lanczos_once, lanczos_fill);
    memset(w, 0, sizeof(*w));
    w->count = axis->dst_count;
    w->stride = (uint32_t)(((most < axis->src_count ? most : axis->src_count) + STRIDE_STEP - 1) /
                           STRIDE_STEP * STRIDE_STEP);
    w->first = calloc(w->count, sizeof(*w->first));
    w->ntaps = calloc(w->count, sizeof(*w->ntaps));
    taps.weight = calloc(most, sizeof(*taps.weight));
    if (real)
        w->real = table_new(w->count, w->stride, sizeof(*w->real));
    else
        w->fixed = table_new(w->count, w->stride, sizeof(*w->fixed));
    if (w->first == NULL || w->ntaps == NULL || taps.weight == NULL ||
        (w->real == NULL && w->fixed == NULL)) {
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for the weights of %u samples", w->count);
        goto out;
    }
    for (i = 0; i < w->count; i++) {
        taps_compute(axis, i, &taps);
        if (real)
            taps_store_real(&taps, w->real + (size_t)i * w->stride);
        else
            taps_store_fixed(&taps, w->fixed + (size_t)i * w->stride);
        w->first[i] = taps.first;
        w->ntaps[i] = taps.count;
        if (taps.count > w->max_taps)
            w->max_taps = taps.count;
    }
out:
    free(taps.weight);
    if (rc < 0)
        sfx_weights_done(w);
    return rc;
}

void sfx_weights_done(struct sfx_weights *w)
{
    free(w->first);
    free(w->ntaps);
    free(w->fixed);
    free(w->real);
    memset(w, 0, sizeof(*w));
}
