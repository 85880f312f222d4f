/* SPDX-License-Identifier: MIT */
/*
 * One output: its planes are made row by row as the source comes; rows wait until a band of every
 * plane is there, then the encoder gets them. An output that is turned or upside down waits whole.
 */
#include "image/resize_internal.h"

#include "image/content.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BAND_ROWS 16 /* of an encoder: an MCU row */

/* Repeats the last pixel of a row to the width that the encoder reads. */
static void pad_row(uint8_t *row, const struct sfx_plane *want, size_t pixel_nbytes)
{
    uint32_t x;

    for (x = want->width_px; x < want->stride_px; x++)
        memcpy(row + x * pixel_nbytes, row + (x - 1) * pixel_nbytes, pixel_nbytes);
}

static void make_row(struct sfx_output *out, struct sfx_output_plane *plane,
                     const struct sfx_ring *ring)
{
    struct sfx_scaler *s = &plane->scaler;
    uint8_t *row = plane->rows + sfx_scaler_next(s) % plane->capacity * plane->row_nbytes;
    const void *made = row;

    if (out->real) {
        sfx_scaler_row(s, ring, out->real_row);
        sfx_pixels_store(&out->store, out->real_row, s->horizontal.count, row);
        made = out->real_row;
    } else {
        sfx_scaler_row(s, ring, row);
    }
    if (plane->made.memory != NULL) {
        memcpy(sfx_ring_row(&plane->made, plane->made.rows_in), made,
               s->horizontal.count * s->channels * (out->real ? sizeof(float) : sizeof(uint8_t)));
        plane->made.rows_in++;
    }
    if (!out->orient.transpose && !sfx_output_is_framed(out))
        pad_row(row, &plane->want, out->pixel_nbytes);
}

/* The rows of plane p that the ring is enough for, and after each of them those that the outputs
 * made of it can make. */
static void make_rows(struct sfx_output *out, unsigned p, const struct sfx_ring *ring)
{
    struct sfx_output_plane *plane = &out->plane[p];
    const uint32_t reach = sfx_scaler_reach(&plane->scaler, plane->scaler.made, ring->rows_in);
    struct sfx_output *smaller;

    while (plane->scaler.made < reach) {
        make_row(out, plane, ring);
        for (smaller = out->first; smaller != NULL; smaller = smaller->next)
            make_rows(smaller, p, &plane->made);
    }
}

static int filter_plane(const struct sfx_output *out, unsigned p, struct sfx_err *err)
{
    const struct sfx_look *look = &out->opts->look;
    const struct sfx_output_plane *plane = &out->plane[p];
    const struct sfx_filter_plane whole = {
        .rows = plane->rows,
        .stride_nbytes = plane->row_nbytes,
        .width_px = plane->scaler.horizontal.count,
        .height_px = plane->scaler.vertical.count,
        .channels = sfx_layout_channels(out->want.layout),
        .depth = out->want.depth,
    };
    /* Planes of colour may have fewer samples. */
    const double scale =
        (double)plane->scaler.horizontal.count / out->plane[0].scaler.horizontal.count;
    uint32_t y;
    int rc = 0;

    if (look->blur > 0)
        rc = sfx_filter_blur(&whole, look->blur * scale, err);
    if (rc == 0 && look->sharpen > 0 && p == 0) /* of YCbCr the luma */
        rc = sfx_filter_sharpen(&whole, look->sharpen, err);
    for (y = 0;
         rc == 0 && !out->orient.transpose && !sfx_output_is_framed(out) && y < whole.height_px;
         y++)
        pad_row(plane->rows + y * plane->row_nbytes, &plane->want, out->pixel_nbytes);
    return rc;
}

/* Decides which part of the image the canvas shows. */
static int choose_part(struct sfx_output *out, struct sfx_err *err)
{
    const struct sfx_output_plane *plane = &out->plane[0];
    const bool turn = out->orient.transpose;
    const struct sfx_raster raster = {
        .rows = plane->rows,
        .stride_nbytes = plane->row_nbytes,
        .width_px = plane->scaler.horizontal.count,
        .height_px = plane->scaler.vertical.count,
        .layout = out->want.layout,
        .depth = out->want.depth,
    };
    const uint32_t pad_w = out->opts->look.pad[1] + out->opts->look.pad[3];
    const uint32_t pad_h = out->opts->look.pad[0] + out->opts->look.pad[2];
    const uint32_t shown_w = out->width_px - pad_w, shown_h = out->height_px - pad_h;
    uint32_t x = 0, y = 0;
    int rc = sfx_content_window(&raster, out->opts->look.gravity, turn ? shown_h : shown_w,
                                turn ? shown_w : shown_h, &x, &y, err);

    if (rc == 0) {
        out->shown_x = turn ? y : x;
        out->shown_y = turn ? x : y;
    }
    return rc;
}

/* What an output that is held whole needs before its first band. */
static int settle(struct sfx_output *out, struct sfx_err *err)
{
    unsigned p;
    int rc = 0;

    for (p = 0; rc == 0 && p < out->want.count && sfx_output_is_filtered(out); p++)
        rc = filter_plane(out, p, err);
    if (rc == 0 && out->frame.chosen)
        rc = choose_part(out, err);
    out->settled = true;
    return rc;
}

/* Row y of the canvas: the image's row between what lies around it. */
static void compose_row(struct sfx_output *out, uint32_t y, uint8_t *row)
{
    struct sfx_output_plane *plane = &out->plane[0];
    const struct sfx_frame *f = &out->frame;
    const size_t px = out->pixel_nbytes;
    const uint64_t shown_w =
        f->chosen ? out->width_px - out->opts->look.pad[1] - f->left : f->image_w;
    const uint64_t shown_h =
        f->chosen ? out->height_px - out->opts->look.pad[2] - f->top : f->image_h;
    const uint8_t *line;
    uint32_t x;

    for (x = 0; x < plane->want.width_px; x++)
        memcpy(row + x * px, out->fill, px);
    if (y >= f->top && y - f->top < shown_h) {
        const uint32_t from = (uint32_t)(y - f->top) + out->shown_y;

        line = plane->rows + from * plane->row_nbytes;
        if (out->orient.transpose) {
            uint8_t *const lines[1] = {out->line};

            sfx_orient_columns(plane->rows, plane->row_nbytes, plane->capacity, px, from, 1, lines);
            line = out->line;
        }
        memcpy(row + f->left * px, line + out->shown_x * px, shown_w * px);
    }
    pad_row(row, &plane->want, px);
}

/* The next band of an output whose image does not fill it. */
static int encode_framed(struct sfx_output *out, struct sfx_err *err)
{
    uint8_t *pointers[MAX_BAND_ROWS];
    uint8_t *const *rows[SFX_IMAGE_MAX_PLANES] = {pointers};
    struct sfx_output_plane *plane = &out->plane[0];
    const struct sfx_plane *want = &plane->want;
    const uint32_t first = out->bands * want->band_rows, last = want->height_px - 1;
    uint32_t r;

    for (r = 0; r < want->band_rows; r++) {
        const uint32_t y = first + r < last ? first + r : last;

        pointers[r] = plane->turned + (size_t)(y - first) * want->stride_px * out->pixel_nbytes;
        if (first + r <= last)
            compose_row(out, y, pointers[r]);
    }
    out->bands++;
    return sfx_encoder_write(out->encoder, rows, err);
}

/* Gives the encoder the next band, all of whose rows are there. */
static int encode_band(struct sfx_output *out, struct sfx_err *err)
{
    uint8_t *pointers[SFX_IMAGE_MAX_PLANES][MAX_BAND_ROWS];
    uint8_t *const *rows[SFX_IMAGE_MAX_PLANES] = {pointers[0], pointers[1], pointers[2]};
    unsigned p;

    for (p = 0; p < out->want.count; p++) {
        struct sfx_output_plane *plane = &out->plane[p];
        const struct sfx_plane *want = &plane->want;
        uint32_t first = out->bands * want->band_rows, last = want->height_px - 1, r;
        size_t turned_nbytes = want->stride_px * out->pixel_nbytes;

        for (r = 0; r < want->band_rows; r++) {
            uint32_t row = first + r < last ? first + r : last;

            pointers[p][r] = out->orient.transpose
                                 ? plane->turned + (row - first) * turned_nbytes
                                 : plane->rows + (row % plane->capacity) * plane->row_nbytes;
        }
        if (!out->orient.transpose)
            continue;
        sfx_orient_columns(
            plane->rows, plane->row_nbytes, plane->capacity, out->pixel_nbytes, first,
            last - first + 1 < want->band_rows ? last - first + 1 : want->band_rows, pointers[p]);
        for (r = 0; r < want->band_rows && first + r <= last; r++)
            pad_row(pointers[p][r], want, out->pixel_nbytes);
    }
    out->bands++;
    return sfx_encoder_write(out->encoder, rows, err);
}

/* True when the next band of every plane can be encoded. */
static bool band_is_ready(const struct sfx_output *out)
{
    unsigned p;

    for (p = 0; p < out->want.count; p++) {
        const struct sfx_output_plane *plane = &out->plane[p];
        uint64_t end = ((uint64_t)out->bands + 1) * plane->want.band_rows;

        if (end >= (uint64_t)plane->want.height_px + plane->want.band_rows)
            return false;
        if (sfx_output_is_whole(out)
                ? plane->scaler.made < sfx_scaler_rows(&plane->scaler)
                : plane->scaler.made < end && plane->scaler.made < plane->want.height_px)
            return false;
    }
    return true;
}

void sfx_output_make(struct sfx_output *out, const struct sfx_ring *rings)
{
    unsigned p;

    for (p = 0; p < out->want.count; p++)
        make_rows(out, p, &rings[p]);
}

int sfx_output_encode(struct sfx_output *out, struct sfx_err *err)
{
    int rc;

    while (band_is_ready(out)) {
        rc = out->settled || !sfx_output_is_whole(out) ? 0 : settle(out, err);
        if (rc == 0)
            rc = sfx_output_is_framed(out) ? encode_framed(out, err) : encode_band(out, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sfx_output_finish(struct sfx_output *out, struct sfx_err *err)
{
    return sfx_encoder_finish(out->encoder, err);
}

void sfx_output_done(struct sfx_output *out)
{
    unsigned p;

    for (p = 0; p < SFX_IMAGE_MAX_PLANES; p++) {
        sfx_scaler_done(&out->plane[p].scaler);
        sfx_ring_done(&out->plane[p].made);
        free(out->plane[p].rows);
        free(out->plane[p].turned);
    }
    free(out->line);
    free(out->real_row);
    sfx_encoder_free(out->encoder);
    out->encoder = NULL;
}
