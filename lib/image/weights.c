/* SPDX-License-Identifier: MIT */
/*
 * Weight tables. Lanczos is sampled once a process at 1024 points a unit and interpolated: the
 * error (second derivative / 8 / 1024^2, about 1e-6) is far below a fixed-point weight's step
 * (6e-5), and a lookup costs a tenth of two sines.
 */
#include "image/weights.h"

#include "base/size.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LOBES      3
#define TABLE_PER_UNIT 1024
#define TIE            1e-6 /* nearer to the middle of two samples than this is at it */
#define FIXED_STEP     16   /* int16_t of an AVX2 register */
#define REAL_STEP      8    /* the lanes that float is added up in */

/* By lobes, 2 or 3; behind the last value stand zeros to interpolate to. */
static float lanczos_tables[2][MAX_LOBES * TABLE_PER_UNIT + 2];
static pthread_once_t lanczos_once[2] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};

/* sinc(x) sinc(x/n) = n sin(pi x) sin(pi x / n) / (pi x)^2. */
static void lanczos_fill(float *table, int lobes)
{
    int i;

    table[0] = 1;
    for (i = 1; i < lobes * TABLE_PER_UNIT; i++) {
        double x = (double)i / TABLE_PER_UNIT;
        double s = sin(M_PI * x / lobes);
        /* sin 2a = 2 sin a cos a, sin 3a = 3 sin a - 4 sin^3 a: one sine instead of two. */
        double sn = i % TABLE_PER_UNIT == 0 ? 0 : lobes == 3 ? s * (3 - 4 * s * s) : sin(M_PI * x);

        table[i] = (float)(lobes * sn * s / (M_PI * M_PI * x * x));
    }
}

static void lanczos2_fill(void)
{
    lanczos_fill(lanczos_tables[0], 2);
}

static void lanczos3_fill(void)
{
    lanczos_fill(lanczos_tables[1], 3);
}

static double lanczos(double x, int lobes)
{
    const float *table = lanczos_tables[lobes - 2];
    double at = fabs(x) * TABLE_PER_UNIT;
    int i;

    if (at >= lobes * TABLE_PER_UNIT)
        return 0;
    i = (int)at;
    return table[i] + (at - i) * (table[i + 1] - table[i]);
}

/* The cubics of Mitchell and Netravali (1988), eq. 8. */
static double cubic(double x, double b, double c)
{
    x = fabs(x);
    if (x < 1)
        return ((12 - 9 * b - 6 * c) * x * x * x + (-18 + 12 * b + 6 * c) * x * x + (6 - 2 * b)) /
               6;
    if (x < 2)
        return ((-b - 6 * c) * x * x * x + (6 * b + 30 * c) * x * x + (-12 * b - 48 * c) * x +
                (8 * b + 24 * c)) /
               6;
    return 0;
}

static double kernel_at(enum sfx_kernel kernel, double x)
{
    switch (kernel) {
    case SFX_KERNEL_LANCZOS3: return lanczos(x, 3);
    case SFX_KERNEL_LANCZOS2: return lanczos(x, 2);
    case SFX_KERNEL_MITCHELL: return cubic(x, 1 / 3.0, 1 / 3.0);
    case SFX_KERNEL_CATROM: return cubic(x, 0, 0.5);
    case SFX_KERNEL_LINEAR: return fabs(x) < 1 ? 1 - fabs(x) : 0;
    case SFX_KERNEL_BOX: return fabs(x) < 0.5 - TIE ? 1 : fabs(x) <= 0.5 + TIE ? 0.5 : 0;
    case SFX_KERNEL_NEAREST: break;
    }
    return 1;
}

/* How far it reaches, in its own unit. */
static double kernel_support(enum sfx_kernel kernel)
{
    static const double support[] = {
        [SFX_KERNEL_LANCZOS3] = 3, [SFX_KERNEL_LANCZOS2] = 2, [SFX_KERNEL_MITCHELL] = 2,
        [SFX_KERNEL_CATROM] = 2,   [SFX_KERNEL_LINEAR] = 1,   [SFX_KERNEL_BOX] = 0.5,
        [SFX_KERNEL_NEAREST] = 0,
    };

    return support[kernel];
}

/* The source samples of one output sample, their weights, in the caller's scratch. */
struct taps {
    uint32_t first, count;
    double *weight; /* normalised */
};

/*
 * Of two samples that are as near the later one of the upright image: neither a crop, whose start
 * is not exact, nor a turn may change which.
 */
static double nearest_to(const struct sfx_axis *axis, double centre)
{
    return floor(centre + 0.5 + (axis->mirror ? -TIE : TIE));
}

static void taps_compute(const struct sfx_axis *axis, uint32_t i, struct taps *t)
{
    double ratio = axis->src_span / axis->dst_span;
    double scale = ratio > 1 ? ratio : 1, per_scale = 1 / scale, per_sum;
    double support = kernel_support(axis->kernel) * scale;
    double at = (i + 0.5) * ratio;
    double centre = axis->src_start + (axis->mirror ? axis->src_span - at : at) - 0.5;
    double lowest = ceil(centre - support - TIE);
    double highest = floor(centre + support + TIE), sum = 0;
    double first = axis->src_first;
    double last = (axis->src_end > 0 ? axis->src_end : axis->src_count) - 1.0;
    uint32_t k;

    if (support < 0.5 || highest < lowest) /* between two samples: the nearer one */
        lowest = highest = nearest_to(axis, centre);
    lowest = lowest < first ? first : lowest > last ? last : lowest;
    highest = highest > last ? last : highest < lowest ? lowest : highest;
    t->first = (uint32_t)lowest;
    t->count = (uint32_t)(highest - lowest) + 1;
    for (k = 0; k < t->count; k++) {
        t->weight[k] = kernel_at(axis->kernel, (t->first + k - centre) * per_scale);
        sum += t->weight[k];
    }
    if (sum == 0) { /* a box that no sample's centre lies in, at the border */
        t->weight[0] = sum = 1;
        t->count = 1;
    }
    per_sum = 1 / sum;
    for (k = 0; k < t->count; k++)
        t->weight[k] *= per_sum;
    /* What counts for nothing is dropped at both ends: an identity has one tap. */
    while (t->count > 1 && fabs(t->weight[t->count - 1]) < 1e-7)
        t->count--;
    while (t->count > 1 && fabs(t->weight[0]) < 1e-7) {
        memmove(t->weight, t->weight + 1, --t->count * sizeof(*t->weight));
        t->first++;
    }
}

/* Each weight's rounding error is carried to the next, which is why they wait for one another: a
 * sum that keeps no fraction rounds in half the time of a conversion and back. */
static void taps_store_fixed(const struct taps *t, int16_t *out)
{
    const double whole = 0x1.8p52;
    double carry = 0;
    uint32_t k, peak = 0;
    int sum = 0;

    for (k = 0; k < t->count; k++) {
        double want = t->weight[k] * (1 << SFX_WEIGHTS_BITS) + carry;
        double rounded = (want + whole) - whole;

        out[k] = (int16_t)rounded;
        carry = want - rounded;
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
    size_t most = 2 * (size_t)ceil(kernel_support(axis->kernel) * (ratio > 1 ? ratio : 1)) + 1;
    struct taps taps = {0};
    const size_t step = real ? REAL_STEP : FIXED_STEP;
    uint32_t i;
    int rc = 0;

    if (axis->kernel == SFX_KERNEL_LANCZOS3)
        pthread_once(&lanczos_once[1], lanczos3_fill);
    else if (axis->kernel == SFX_KERNEL_LANCZOS2)
        pthread_once(&lanczos_once[0], lanczos2_fill);
    memset(w, 0, sizeof(*w));
    w->count = axis->dst_count;
    w->stride =
        (uint32_t)(((most < axis->src_count ? most : axis->src_count) + step - 1) / step * step);
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
