/* SPDX-License-Identifier: MIT */
/* Few colours for many. */
#include "image/quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cells of the histogram: 5 bits each of red, green, blue and 3 of alpha. */
#define CELL_BITS 18
#define CELLS     (1u << CELL_BITS)
#define ROUNDS    4 /* of k-means: later ones move nothing that can be seen */

/* A cell: the sum of its pixels, multiplied by alpha. */
struct cell {
    uint64_t sum[4];
    uint32_t count;
};

/* A colour of the image: the mean of a cell. */
struct colour {
    float v[4];
    float weight;
    uint8_t entry; /* of the palette */
};

struct box {
    size_t from, to; /* colours */
    double spread;   /* weighted variance along its widest channel */
    int channel;
};

struct quantizer {
    const struct sfx_quantize_opts *opts;
    uint32_t width_px;
    enum sfx_layout layout;
    unsigned sample_nbytes;
    struct cell *cells;     /* owned */
    struct colour *colours; /* owned */
    size_t ncolours;
    uint16_t *nearest; /* owned: entry + 1 of a cell; 0: not looked for yet */
    float entry[256][4];
    unsigned nentries;
};

/* A pixel as RGBA of 8 bits, colour multiplied by alpha. */
static void load(const struct quantizer *q, const uint8_t *row, uint32_t x, uint8_t out[4])
{
    unsigned channels = sfx_layout_channels(q->layout), c;
    const uint16_t *wide = (const uint16_t *)(const void *)row;
    uint8_t v[4];

    for (c = 0; c < channels; c++) {
        size_t at = (size_t)x * channels + c;

        v[c] = q->sample_nbytes == 2 ? (uint8_t)((wide[at] * 255u + 32767) / 65535) : row[at];
    }
    out[3] = sfx_layout_has_alpha(q->layout) ? v[channels - 1] : 255;
    for (c = 0; c < 3; c++)
        out[c] = (uint8_t)((v[channels >= 3 ? c : 0] * out[3] + 127) / 255);
}

static uint32_t cell_of(const uint8_t v[4])
{
    return (uint32_t)(v[0] >> 3) << 13 | (uint32_t)(v[1] >> 3) << 8 | (uint32_t)(v[2] >> 3) << 3 |
           v[3] >> 5;
}

static void count_pixels(struct quantizer *q, const struct sfx_whole *w)
{
    uint32_t x, y;
    uint8_t v[4];
    int c;

    for (y = 0; y < w->height_px; y++)
        for (x = 0; x < q->width_px; x++) {
            struct cell *cell;

            load(q, sfx_whole_row(w, y), x, v);
            cell = &q->cells[cell_of(v)];
            cell->count++;
            for (c = 0; c < 4; c++)
                cell->sum[c] += v[c];
        }
}

static bool gather_colours(struct quantizer *q)
{
    uint32_t i;
    int c;

    for (i = 0; i < CELLS; i++)
        q->ncolours += q->cells[i].count > 0;
    q->colours = calloc(q->ncolours, sizeof(*q->colours));
    if (q->colours == NULL)
        return false;
    q->ncolours = 0;
    for (i = 0; i < CELLS; i++) {
        const struct cell *cell = &q->cells[i];
        struct colour *colour = &q->colours[q->ncolours];

        if (cell->count == 0)
            continue;
        for (c = 0; c < 4; c++)
            colour->v[c] = (float)cell->sum[c] / (float)cell->count;
        colour->weight = (float)cell->count;
        q->ncolours++;
    }
    return true;
}

/* The channel along which a box varies most, and how much. */
static void measure(const struct quantizer *q, struct box *box)
{
    int c;
    size_t i;

    box->spread = -1;
    for (c = 0; c < 4; c++) {
        double weight = 0, sum = 0, squares = 0, spread;

        for (i = box->from; i < box->to; i++) {
            double v = q->colours[i].v[c], n = q->colours[i].weight;

            weight += n;
            sum += n * v;
            squares += n * v * v;
        }
        spread = squares - sum * sum / weight;
        if (spread > box->spread) {
            box->spread = spread;
            box->channel = c;
        }
    }
    if (box->to - box->from < 2)
        box->spread = 0;
}

static int by_red(const void *a, const void *b)
{
    float x = ((const struct colour *)a)->v[0], y = ((const struct colour *)b)->v[0];

    return (x > y) - (x < y);
}

static int by_green(const void *a, const void *b)
{
    float x = ((const struct colour *)a)->v[1], y = ((const struct colour *)b)->v[1];

    return (x > y) - (x < y);
}

static int by_blue(const void *a, const void *b)
{
    float x = ((const struct colour *)a)->v[2], y = ((const struct colour *)b)->v[2];

    return (x > y) - (x < y);
}

static int by_alpha(const void *a, const void *b)
{
    float x = ((const struct colour *)a)->v[3], y = ((const struct colour *)b)->v[3];

    return (x > y) - (x < y);
}

/* Cuts a box where its weight is halved. */
static void cut(struct quantizer *q, struct box *box, struct box *rest)
{
    static int (*const orders[])(const void *, const void *) = {by_red, by_green, by_blue,
                                                                by_alpha};
    double weight = 0, half = 0;
    size_t i;

    qsort(q->colours + box->from, box->to - box->from, sizeof(*q->colours), orders[box->channel]);
    for (i = box->from; i < box->to; i++)
        weight += q->colours[i].weight;
    for (i = box->from; i + 1 < box->to && half + q->colours[i].weight <= weight / 2; i++)
        half += q->colours[i].weight;
    if (i == box->from)
        i++;
    *rest = (struct box){.from = i, .to = box->to};
    box->to = i;
    measure(q, box);
    measure(q, rest);
}

static void median_cut(struct quantizer *q)
{
    struct box boxes[256] = {{.from = 0, .to = q->ncolours}};
    unsigned n = 1, i;
    size_t k;

    measure(q, &boxes[0]);
    while (n < q->opts->ncolours) {
        unsigned widest = 0;

        for (i = 1; i < n; i++)
            if (boxes[i].spread > boxes[widest].spread)
                widest = i;
        if (boxes[widest].spread <= 0)
            break;
        cut(q, &boxes[widest], &boxes[n++]);
    }
    q->nentries = n;
    for (i = 0; i < n; i++)
        for (k = boxes[i].from; k < boxes[i].to; k++)
            q->colours[k].entry = (uint8_t)i;
}

/* Each entry becomes the mean of its colours. */
static void move_entries(struct quantizer *q)
{
    double sum[256][4] = {{0}}, weight[256] = {0};
    unsigned i;
    size_t k;
    int c;

    for (k = 0; k < q->ncolours; k++) {
        const struct colour *colour = &q->colours[k];

        weight[colour->entry] += colour->weight;
        for (c = 0; c < 4; c++)
            sum[colour->entry][c] += colour->weight * colour->v[c];
    }
    for (i = 0; i < q->nentries; i++)
        for (c = 0; c < 4 && weight[i] > 0; c++)
            q->entry[i][c] = (float)(sum[i][c] / weight[i]);
}

static uint8_t find_nearest(const struct quantizer *q, const float v[4])
{
    float least = INFINITY;
    unsigned i, best = 0;

    for (i = 0; i < q->nentries; i++) {
        float d0 = v[0] - q->entry[i][0], d1 = v[1] - q->entry[i][1], d2 = v[2] - q->entry[i][2],
              d3 = v[3] - q->entry[i][3];
        float distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3;

        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return (uint8_t)best;
}

static void make_palette(struct quantizer *q)
{
    int round;
    size_t k;

    median_cut(q);
    move_entries(q);
    for (round = 0; round < ROUNDS; round++) {
        for (k = 0; k < q->ncolours; k++)
            q->colours[k].entry = find_nearest(q, q->colours[k].v);
        move_entries(q);
    }
}

/* The entry for a value; looked for once for each cell. */
static uint8_t entry_of(struct quantizer *q, const float v[4])
{
    uint8_t bytes[4];
    uint32_t cell;
    int c;

    for (c = 0; c < 4; c++)
        bytes[c] = (uint8_t)(v[c] < 0 ? 0 : v[c] > 255 ? 255 : v[c]);
    cell = cell_of(bytes);
    if (q->nearest[cell] == 0)
        q->nearest[cell] = (uint16_t)(find_nearest(q, v) + 1);
    return (uint8_t)(q->nearest[cell] - 1);
}

/* What no palette can show is not carried on: it would pile up and break out as speckles. */
static float within(float v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Spreads the error of a pixel over its neighbours: 7, 3, 5 and 1 sixteenths. */
static void diffuse(const float error[4], float *here, float *below, uint32_t x, uint32_t width)
{
    int c;

    for (c = 0; c < 4; c++) {
        if (x + 1 < width)
            here[(x + 1) * 4 + (uint32_t)c] += error[c] * 7 / 16;
        if (x > 0)
            below[(x - 1) * 4 + (uint32_t)c] += error[c] * 3 / 16;
        below[x * 4 + (uint32_t)c] += error[c] * 5 / 16;
        if (x + 1 < width)
            below[(x + 1) * 4 + (uint32_t)c] += error[c] / 16;
    }
}

/* Makes indexes of the rows of w in out. Returns the sum of the squared errors, <0 without memory.
 */
static double map_pixels(struct quantizer *q, const struct sfx_whole *w, uint8_t *out)
{
    float *errors = calloc((size_t)q->width_px * 8, sizeof(float));
    float *here = errors, *below = errors + (size_t)q->width_px * 4;
    double sum = 0;
    uint32_t x, y;
    int c;

    if (errors == NULL)
        return -1;
    for (y = 0; y < w->height_px; y++) {
        float *swap = here;

        for (x = 0; x < q->width_px; x++) {
            float want[4], error[4];
            uint8_t v[4], entry;

            load(q, sfx_whole_row(w, y), x, v);
            for (c = 0; c < 4; c++)
                want[c] = within(here[x * 4 + (uint32_t)c] + (float)v[c]);
            entry = entry_of(q, want);
            *out++ = entry;
            for (c = 0; c < 4; c++) {
                float off = (float)v[c] - q->entry[entry][c];

                error[c] = want[c] - q->entry[entry][c];
                sum += (double)(off * off);
            }
            if (q->opts->dither)
                diffuse(error, here, below, x, q->width_px);
        }
        here = below;
        below = swap;
        memset(below, 0, (size_t)q->width_px * 4 * sizeof(float));
    }
    free(errors);
    return sum;
}

static unsigned index_bits(unsigned count)
{
    return count <= 2 ? 1 : count <= 4 ? 2 : count <= 16 ? 4 : 8;
}

/* The palette as a file has it: colour not multiplied, what has alpha in front. */
static void put_palette(const struct quantizer *q, struct sfx_png_form *form, uint8_t place[256])
{
    unsigned pass, i, n = 0;
    int c;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < q->nentries; i++) {
            float alpha = q->entry[i][3];
            uint8_t *rgba = form->palette.rgba[n];

            if ((alpha < 254.5f) != (pass == 0))
                continue;
            for (c = 0; c < 3; c++) {
                float v = alpha > 0 ? q->entry[i][c] * 255 / alpha : 0;

                rgba[c] = (uint8_t)(v > 255 ? 255 : v + 0.5f);
            }
            rgba[3] = (uint8_t)(alpha + 0.5f);
            place[i] = (uint8_t)n++;
        }
    form->palette.count = q->nentries;
    form->depth = index_bits(q->nentries);
}

static int quantize(struct quantizer *q, struct sfx_whole *w, struct sfx_png_form *form,
                    uint8_t *indexes)
{
    size_t n = (size_t)q->width_px * w->height_px, x;
    uint8_t place[256] = {0};
    double sum;
    uint32_t y;

    count_pixels(q, w);
    if (!gather_colours(q))
        return SFX_E_NOMEM;
    make_palette(q);
    sum = map_pixels(q, w, indexes);
    if (sum < 0)
        return SFX_E_NOMEM;
    if (q->opts->least_db > 0 && sum > 0 &&
        10 * log10(255.0 * 255.0 * 4 * (double)n / sum) < q->opts->least_db)
        return 0;
    put_palette(q, form, place);
    for (y = 0; y < w->height_px; y++)
        for (x = 0; x < q->width_px; x++)
            sfx_whole_row(w, y)[x] = place[indexes[(size_t)y * q->width_px + x]];
    return 1;
}

int sfx_quantize(struct sfx_whole *w, uint32_t width_px, const struct sfx_quantize_opts *opts,
                 struct sfx_png_form *form, struct sfx_err *err)
{
    struct quantizer q = {
        .opts = opts,
        .width_px = width_px,
        .layout = form->layout,
        .sample_nbytes = form->depth / 8,
    };
    uint8_t *indexes;
    int rc = SFX_E_NOMEM;

    if (form->depth == 8 && !sfx_png_has_more_colours(w, width_px, form->layout, opts->ncolours))
        return 0;
    indexes = malloc((size_t)width_px * w->height_px);
    q.cells = calloc(CELLS, sizeof(*q.cells));
    q.nearest = calloc(CELLS, sizeof(*q.nearest));
    if (indexes != NULL && q.cells != NULL && q.nearest != NULL)
        rc = quantize(&q, w, form, indexes);
    free(indexes);
    free(q.cells);
    free(q.nearest);
    free(q.colours);
    return rc < 0 ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a palette") : rc;
}
