/* SPDX-License-Identifier: MIT */
/*
 * One output: its planes are made row by row as the source comes; rows wait until a band of every
 * plane is there, then the encoder gets them. An output that is turned or upside down waits whole.
 */
#include "image/resize_internal.h"

#include "base/size.h"
#include "image/content.h"
#include "image/metadata.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BAND_ROWS 16 /* of an encoder: an MCU row */

bool sfx_output_is_framed(const struct sfx_output *out)
{
    return out->frame.chosen || out->frame.canvas_w != out->frame.image_w ||
           out->frame.canvas_h != out->frame.image_h;
}

static bool is_filtered(const struct sfx_output *out)
{
    return out->opts->look.blur > 0 || out->opts->look.sharpen > 0;
}

static bool is_whole(const struct sfx_output *out)
{
    return out->orient.transpose || out->orient.flip_y || sfx_output_is_framed(out) ||
           is_filtered(out);
}

static int start_encoder(struct sfx_output *out, const struct sfx_resize_opts *opts,
                         const struct sfx_image_info *info, const struct sfx_planes *src,
                         struct sfx_err *err)
{
    struct sfx_encode_params params = {
        .format = out->format,
        .width_px = out->width_px,
        .height_px = out->height_px,
        .layout = src->layout,
        .depth = src->depth,
        .opts = &opts->encode,
        .palette = strcmp(info->colour, "palette") == 0,
        .png =
            (opts->keep & SFX_KEEP_ICC) == 0 || info->format != SFX_IMAGE_PNG ? NULL : &info->png,
    };

    if (opts->look.flatten && sfx_layout_has_alpha(params.layout))
        params.layout = params.layout == SFX_LAYOUT_RGBA ? SFX_LAYOUT_RGB : SFX_LAYOUT_GRAY;
    if (opts->look.grayscale)
        params.layout =
            sfx_layout_has_alpha(params.layout) ? SFX_LAYOUT_GRAY_ALPHA : SFX_LAYOUT_GRAY;
    sfx_encoder_takes(out->format, &params.layout, &params.depth);
    if (opts->srgb) {
        params.srgb = true;
        params.profile = sfx_metadata_keep(info, SFX_KEEP_ICC, params.layout).icc;
        params.png = info->format == SFX_IMAGE_PNG ? &info->png : NULL;
    }
    params.metadata = sfx_metadata_keep(info, opts->keep, params.layout);
    out->encoder = sfx_encoder_new(&params, &out->sink, &out->want, err);
    if (out->encoder == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    return 0;
}

/*
 * How many rows of each plane can wait at once: the source's bands are gone through with the weight
 * tables, without samples. (Y is ahead of Cb and Cr, whose kernels reach further.)
 */
static void plan_waiting(struct sfx_output *out, const struct sfx_planes *src)
{
    uint32_t made[SFX_IMAGE_MAX_PLANES] = {0}, band, nbands = 0;
    unsigned p;

    for (p = 0; p < src->count; p++) {
        uint32_t n =
            (src->plane[p].height_px + src->plane[p].band_rows - 1) / src->plane[p].band_rows;

        nbands = n > nbands ? n : nbands;
        out->plane[p].capacity = out->want.plane[p].band_rows;
    }
    for (band = 1; band <= nbands; band++) {
        uint32_t done = UINT32_MAX;

        for (p = 0; p < src->count; p++) {
            uint64_t rows_in = (uint64_t)band * src->plane[p].band_rows;

            if (rows_in > src->plane[p].height_px)
                rows_in = src->plane[p].height_px;
            made[p] = sfx_scaler_reach(&out->plane[p].scaler, made[p], (uint32_t)rows_in);
            if (made[p] / out->want.plane[p].band_rows < done)
                done = made[p] / out->want.plane[p].band_rows;
        }
        for (p = 0; p < src->count; p++) {
            struct sfx_output_plane *plane = &out->plane[p];

            /* Made before those of earlier bands are taken away. */
            if (made[p] - out->bands * plane->want.band_rows > plane->capacity)
                plane->capacity = made[p] - out->bands * plane->want.band_rows;
        }
        out->bands = done;
    }
    out->bands = 0;
}

static int allocate_plane(struct sfx_output *out, struct sfx_output_plane *plane,
                          struct sfx_err *err)
{
    size_t band_nbytes, nbytes;
    uint32_t row_px = plane->want.stride_px;

    if (is_whole(out)) {
        plane->capacity = sfx_scaler_rows(&plane->scaler);
        if (out->orient.transpose || sfx_output_is_framed(out))
            row_px = plane->scaler.horizontal.count;
    }
    plane->row_nbytes = row_px * out->pixel_nbytes;
    if (!sfx_size_mul(plane->row_nbytes, plane->capacity, &nbytes))
        return sfx_err_set(err, SFX_E_NOMEM, "an output this large cannot be held");
    plane->rows = malloc(nbytes);
    band_nbytes = (size_t)plane->want.band_rows * plane->want.stride_px * out->pixel_nbytes;
    if (out->orient.transpose || sfx_output_is_framed(out))
        plane->turned = malloc(band_nbytes);
    if (plane->rows == NULL ||
        (plane->turned == NULL && (out->orient.transpose || sfx_output_is_framed(out))))
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for an output's rows");
    return 0;
}

/* A part of the upright image as one of the stored one. */
static struct sfx_scaler_rect stored(struct sfx_orient o, double x0, double y0, double x1,
                                     double y1)
{
    struct sfx_scaler_rect r = {x0, y0, x1, y1};

    if (o.transpose)
        r = (struct sfx_scaler_rect){y0, x0, y1, x1};
    if (o.flip_x)
        r = (struct sfx_scaler_rect){1 - r.x1, r.y0, 1 - r.x0, r.y1};
    if (o.flip_y)
        r = (struct sfx_scaler_rect){r.x0, 1 - r.y1, r.x1, 1 - r.y0};
    return r;
}

/* The part of the stored image that the upright frame shows. */
static struct sfx_scaler_part part_of(const struct sfx_output *out,
                                      const struct sfx_image_info *info)
{
    const struct sfx_frame *f = &out->frame;
    const struct sfx_orient o = out->orient;
    const double width = o.transpose ? info->height_px : info->width_px;
    const double height = o.transpose ? info->width_px : info->height_px;

    return (struct sfx_scaler_part){
        .shown =
            stored(o, f->x / width, f->y / height, (f->x + f->w) / width, (f->y + f->h) / height),
        .seen = stored(o, f->crop_x / width, f->crop_y / height, (f->crop_x + f->crop_w) / width,
                       (f->crop_y + f->crop_h) / height),
        .kernel = out->opts->look.kernel,
    };
}

/* What the scaler of a plane makes: the encoder's plane, or the image that lies on it. */
static struct sfx_plane image_plane(const struct sfx_output *out, unsigned p)
{
    struct sfx_plane plane = out->want.plane[p];

    if (sfx_output_is_framed(out)) {
        plane.width_px = plane.stride_px = (uint32_t)out->frame.image_w;
        plane.height_px = (uint32_t)out->frame.image_h;
        plane.span_x = plane.width_px;
        plane.span_y = plane.height_px;
    }
    return plane;
}

/* A pixel of the canvas in the encoder's layout. */
static void fill_canvas(struct sfx_output *out)
{
    memset(out->fill, 0, sizeof(out->fill));
    if (!sfx_layout_has_alpha(out->want.layout) || out->opts->opaque)
        sfx_pixels_fill(out->want.layout, out->want.depth, out->opts->background, out->fill);
}

int sfx_output_init(struct sfx_output *out, const struct sfx_resize_opts *opts,
                    const struct sfx_image_info *info, const struct sfx_planes *src,
                    const struct sfx_pixels *load, struct sfx_err *err)
{
    unsigned channels = sfx_layout_channels(src->layout), p;
    struct sfx_scaler_part part;
    int rc;

    out->opts = opts;
    part = part_of(out, info);
    rc = start_encoder(out, opts, info, src, err);
    out->real =
        src->depth == 16 || sfx_layout_has_alpha(src->layout) || sfx_look_is_real(&opts->look);
    out->store = *load;
    out->store.dst_layout = out->want.layout;
    out->store.dst_depth = out->want.depth;
    memcpy(out->store.background, opts->background, sizeof(opts->background));
    for (p = 0; p < src->count && rc == 0; p++) {
        const struct sfx_plane made = image_plane(out, p);

        out->plane[p].want = out->want.plane[p];
        rc = sfx_scaler_init(&out->plane[p].scaler, &src->plane[p], &made, &part, channels,
                             out->real, out->orient, err);
    }
    if (rc < 0)
        return rc;
    out->pixel_nbytes = (size_t)sfx_layout_channels(out->want.layout) * (out->want.depth / 8);
    fill_canvas(out);
    if (!is_whole(out))
        plan_waiting(out, src);
    for (p = 0; p < src->count && rc == 0; p++)
        rc = allocate_plane(out, &out->plane[p], err);
    if (rc == 0 && sfx_output_is_framed(out)) {
        out->line = malloc((size_t)out->frame.image_w * out->pixel_nbytes);
        if (out->line == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    }
    if (rc == 0 && out->real) {
        out->real_row =
            calloc((size_t)out->plane[0].scaler.horizontal.count * channels, sizeof(float));
        if (out->real_row == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    }
    return rc;
}

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

    if (out->real) {
        sfx_scaler_row(s, ring, out->real_row);
        sfx_pixels_store(&out->store, out->real_row, s->horizontal.count, row);
    } else {
        sfx_scaler_row(s, ring, row);
    }
    if (!out->orient.transpose && !sfx_output_is_framed(out))
        pad_row(row, &plane->want, out->pixel_nbytes);
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

    for (p = 0; rc == 0 && p < out->want.count && is_filtered(out); p++)
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
        if (is_whole(out) ? plane->scaler.made < sfx_scaler_rows(&plane->scaler)
                          : plane->scaler.made < end && plane->scaler.made < plane->want.height_px)
            return false;
    }
    return true;
}

int sfx_output_feed(struct sfx_output *out, const struct sfx_ring *rings, struct sfx_err *err)
{
    unsigned p;
    int rc;

    for (p = 0; p < out->want.count; p++) {
        struct sfx_output_plane *plane = &out->plane[p];
        uint32_t reach = sfx_scaler_reach(&plane->scaler, plane->scaler.made, rings[p].rows_in);

        while (plane->scaler.made < reach)
            make_row(out, plane, &rings[p]);
    }
    while (band_is_ready(out)) {
        rc = out->settled || !is_whole(out) ? 0 : settle(out, err);
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
        free(out->plane[p].rows);
        free(out->plane[p].turned);
    }
    free(out->line);
    free(out->real_row);
    sfx_encoder_free(out->encoder);
    out->encoder = NULL;
}
