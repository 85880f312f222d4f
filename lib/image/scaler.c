/* SPDX-License-Identifier: MIT */
/* One plane to one output plane: the ring's rows through the vertical and the horizontal loop. */
#include "image/scaler.h"

#include "base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int sfx_ring_init(struct sfx_ring *ring, size_t row_nbytes, uint32_t capacity, struct sfx_err *err)
{
    size_t nbytes;
    void *memory = NULL;

    ring->row_nbytes = (row_nbytes + 31) / 32 * 32;
    ring->capacity = capacity;
    ring->rows_in = 0;
    if (!sfx_size_mul(ring->row_nbytes, capacity, &nbytes) ||
        posix_memalign(&memory, 32, nbytes) != 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %u rows", capacity);
    ring->memory = memory;
    return 0;
}

void sfx_ring_done(struct sfx_ring *ring)
{
    free(ring->memory);
    ring->memory = NULL;
}

/* The samples that lie within an edge, which a rounding error must not move. */
static uint32_t first_sample(double edge, uint32_t count)
{
    const double first = floor(edge + 1e-6);

    return first < count ? (uint32_t)first : count - 1;
}

static uint32_t end_sample(double edge, uint32_t count)
{
    const double end = ceil(edge - 1e-6);

    return end < 1 ? 1 : end < count ? (uint32_t)end : count;
}

int sfx_scaler_init(struct sfx_scaler *s, const struct sfx_plane *src, const struct sfx_plane *dst,
                    const struct sfx_scaler_part *part, unsigned channels, bool real,
                    struct sfx_orient orient, struct sfx_err *err)
{
    const bool turn = orient.transpose;
    const struct sfx_axis x = {
        .src_count = src->width_px,
        .src_start = part->shown.x0 * src->span_x,
        .src_span = (part->shown.x1 - part->shown.x0) * src->span_x,
        .src_first = first_sample(part->seen.x0 * src->span_x, src->width_px),
        .src_end = end_sample(part->seen.x1 * src->span_x, src->width_px),
        .kernel = part->kernel,
        .dst_count = turn ? dst->height_px : dst->width_px,
        .dst_span = turn ? dst->span_y : dst->span_x,
        .mirror = orient.flip_x,
    };
    const struct sfx_axis y = {
        .src_count = src->height_px,
        .src_start = part->shown.y0 * src->span_y,
        .src_span = (part->shown.y1 - part->shown.y0) * src->span_y,
        .src_first = first_sample(part->seen.y0 * src->span_y, src->height_px),
        .src_end = end_sample(part->seen.y1 * src->span_y, src->height_px),
        .kernel = part->kernel,
        .dst_count = turn ? dst->width_px : dst->height_px,
        .dst_span = turn ? dst->span_x : dst->span_y,
        .mirror = orient.flip_y,
    };
    size_t sample = real ? sizeof(float) : sizeof(int16_t), padded, c;
    int rc;

    s->loops = sfx_resample_best();
    s->channels = channels;
    s->src_width_px = src->width_px;
    s->real = real;
    s->upside_down = orient.flip_y;
    rc = sfx_weights_init(&s->horizontal, &x, real, err);
    if (rc == 0)
        rc = sfx_weights_init(&s->vertical, &y, real, err);
    if (rc < 0)
        return rc;
    /* The last samples' unused weights lie beyond the row: on zeros. */
    padded = (size_t)src->width_px + s->horizontal.stride;
    s->taps = calloc(s->vertical.max_taps, sizeof(*s->taps));
    s->row = calloc(padded * channels, sample);
    if (s->taps == NULL || s->row == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    for (c = 0; channels > 1 && c < channels; c++) {
        s->split[c] = calloc(padded, sample);
        if (s->split[c] == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    }
    return 0;
}

uint32_t sfx_scaler_reach(const struct sfx_scaler *s, uint32_t made, uint32_t rows_in)
{
    while (made < s->vertical.count) {
        uint32_t row = s->upside_down ? s->vertical.count - 1 - made : made;

        if (s->vertical.first[row] + s->vertical.ntaps[row] > rows_in)
            break;
        made++;
    }
    return made;
}

static void row_fixed(struct sfx_scaler *s, uint32_t row, uint8_t *dst)
{
    const struct sfx_weights *v = &s->vertical, *h = &s->horizontal;
    int16_t *split[4] = {s->row, NULL, NULL, NULL};
    size_t c;

    s->loops->vertical_u8((const uint8_t *const *)s->taps, v->fixed + (size_t)row * v->stride,
                          v->ntaps[row], s->row, s->src_width_px * s->channels);
    if (s->channels > 1) {
        for (c = 0; c < s->channels; c++)
            split[c] = s->split[c];
        s->loops->split_i16(s->row, s->src_width_px, s->channels, split);
    }
    for (c = 0; c < s->channels; c++)
        s->loops->horizontal_u8(split[c], h->first, h->fixed, h->stride, dst + c, s->channels,
                                h->count);
}

static void row_real(struct sfx_scaler *s, uint32_t row, float *dst)
{
    const struct sfx_weights *v = &s->vertical, *h = &s->horizontal;
    float *split[4] = {s->row, NULL, NULL, NULL};
    size_t c;

    s->loops->vertical_f32((const float *const *)s->taps, v->real + (size_t)row * v->stride,
                           v->ntaps[row], s->row, s->src_width_px * s->channels);
    if (s->channels > 1) {
        for (c = 0; c < s->channels; c++)
            split[c] = s->split[c];
        s->loops->split_f32(s->row, s->src_width_px, s->channels, split);
    }
    for (c = 0; c < s->channels; c++)
        s->loops->horizontal_f32(split[c], h->first, h->real, h->stride, dst + c, s->channels,
                                 h->count);
}

void sfx_scaler_row(struct sfx_scaler *s, const struct sfx_ring *ring, void *dst)
{
    uint32_t row = sfx_scaler_next(s), k;

    for (k = 0; k < s->vertical.ntaps[row]; k++)
        s->taps[k] = sfx_ring_row(ring, s->vertical.first[row] + k);
    if (s->real)
        row_real(s, row, dst);
    else
        row_fixed(s, row, dst);
    s->made++;
}

void sfx_scaler_done(struct sfx_scaler *s)
{
    size_t c;

    sfx_weights_done(&s->vertical);
    sfx_weights_done(&s->horizontal);
    free(s->taps);
    free(s->row);
    for (c = 0; c < SFX_COUNT(s->split); c++)
        free(s->split[c]);
    memset(s, 0, sizeof(*s));
}
