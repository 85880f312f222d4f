/* SPDX-License-Identifier: MIT */
/*
 * What an output is made of before its first row: which part of the image, or which larger output,
 * how many rows wait at once, the encoder.
 */
#include "image/resize_internal.h"

#include "base/size.h"
#include "image/metadata.h"

#include <stdlib.h>
#include <string.h>

bool sfx_output_is_framed(const struct sfx_output *out)
{
    return out->frame.chosen || out->frame.canvas_w != out->frame.image_w ||
           out->frame.canvas_h != out->frame.image_h;
}

bool sfx_output_is_filtered(const struct sfx_output *out)
{
    return out->opts->look.blur > 0 || out->opts->look.sharpen > 0;
}

bool sfx_output_is_whole(const struct sfx_output *out)
{
    return out->orient.transpose || out->orient.flip_y || sfx_output_is_framed(out) ||
           sfx_output_is_filtered(out);
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

/* How many rows of a plane could be made of rows_in rows of the image, by way of the larger outputs
 * in between. */
static uint32_t plan_reach(struct sfx_output *out, unsigned p, uint32_t rows_in)
{
    struct sfx_output_plane *plane = &out->plane[p];

    if (out->from != NULL)
        rows_in = plan_reach(out->from, p, rows_in);
    plane->planned = sfx_scaler_reach(&plane->scaler, plane->planned, rows_in);
    return plane->planned;
}

/*
 * How many rows of each plane can wait at once: the image's bands are gone through with the weight
 * tables, without samples. (Y is ahead of Cb and Cr, whose kernels reach further.)
 */
static void plan_waiting(struct sfx_output *out, const struct sfx_planes *src)
{
    uint32_t made[SFX_IMAGE_MAX_PLANES] = {0}, band, nbands = 0;
    struct sfx_output *by;
    unsigned p;

    for (by = out; by != NULL; by = by->from)
        for (p = 0; p < src->count; p++)
            by->plane[p].planned = 0;

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
            made[p] = plan_reach(out, p, (uint32_t)rows_in);
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

    if (sfx_output_is_whole(out)) {
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

bool sfx_output_may_come_from(const struct sfx_output *out, const struct sfx_output *other,
                              const struct sfx_look *look)
{
    const struct sfx_frame *a = &out->frame, *b = &other->frame;

    /* Nearest and box pick samples, of which an output has others. */
    return look->kernel != SFX_KERNEL_NEAREST && look->kernel != SFX_KERNEL_BOX && !a->chosen &&
           !b->chosen && a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h &&
           (double)b->image_w <= b->w && (double)b->image_h <= b->h &&
           2 * a->image_w <= b->image_w && 2 * a->image_h <= b->image_h;
}

/* Plane p of an output as the source of another one: in the order in which its rows are made. */
static struct sfx_plane made_plane(const struct sfx_output *out, unsigned p)
{
    const struct sfx_output_plane *plane = &out->plane[p];
    const bool turn = out->orient.transpose;
    const struct sfx_plane image = image_plane(out, p);

    return (struct sfx_plane){.width_px = plane->scaler.horizontal.count,
                              .height_px = plane->scaler.vertical.count,
                              .span_x = turn ? image.span_y : image.span_x,
                              .span_y = turn ? image.span_x : image.span_y};
}

/* Keeps rows of a plane for an output that is made of it, by scaler s. */
static int keep_made(struct sfx_output *out, unsigned p, const struct sfx_scaler *s,
                     struct sfx_err *err)
{
    const struct sfx_scaler *own = &out->plane[p].scaler;
    struct sfx_ring *made = &out->plane[p].made;
    const size_t sample_nbytes = out->real ? sizeof(float) : sizeof(uint8_t);

    if (made->memory != NULL && made->capacity >= s->vertical.max_taps)
        return 0;
    sfx_ring_done(made);
    return sfx_ring_init(made, (size_t)own->horizontal.count * own->channels * sample_nbytes,
                         s->vertical.max_taps, err);
}

/* A pixel of the canvas in the encoder's layout. */
static void fill_canvas(struct sfx_output *out)
{
    memset(out->fill, 0, sizeof(out->fill));
    if (!sfx_layout_has_alpha(out->want.layout) || out->opts->opaque)
        sfx_pixels_fill(out->want.layout, out->want.depth, out->opts->background, out->fill);
}

/* The scalers of out, of the image's planes or of those of the output it is made of. */
static int init_scalers(struct sfx_output *out, const struct sfx_planes *src,
                        const struct sfx_scaler_part *part, struct sfx_err *err)
{
    static const struct sfx_scaler_rect all = {0, 0, 1, 1};
    const struct sfx_scaler_part whole = {.shown = all, .seen = all, .kernel = part->kernel};
    const unsigned channels = sfx_layout_channels(src->layout);
    struct sfx_orient orient = out->orient;
    struct sfx_output *from = out->from;
    unsigned p;
    int rc = 0;

    if (from != NULL)
        orient.flip_x = false; /* its rows are mirrored */
    for (p = 0; p < src->count && rc == 0; p++) {
        const struct sfx_plane made = image_plane(out, p);
        const struct sfx_plane in = from != NULL ? made_plane(from, p) : src->plane[p];

        out->plane[p].want = out->want.plane[p];
        rc = sfx_scaler_init(&out->plane[p].scaler, &in, &made, from != NULL ? &whole : part,
                             channels, out->real, orient, err);
        if (rc == 0 && from != NULL)
            rc = keep_made(from, p, &out->plane[p].scaler, err);
    }
    if (rc == 0 && from != NULL) {
        out->next = from->first;
        from->first = out;
    }
    return rc;
}

int sfx_output_init(struct sfx_output *out, const struct sfx_resize_opts *opts,
                    const struct sfx_image_info *info, const struct sfx_planes *src,
                    const struct sfx_pixels *load, struct sfx_err *err)
{
    struct sfx_scaler_part part;
    unsigned p;
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
    if (rc == 0)
        rc = init_scalers(out, src, &part, err);
    if (rc < 0)
        return rc;
    out->pixel_nbytes = (size_t)sfx_layout_channels(out->want.layout) * (out->want.depth / 8);
    fill_canvas(out);
    if (!sfx_output_is_whole(out))
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
            calloc((size_t)out->plane[0].scaler.horizontal.count * sfx_layout_channels(src->layout),
                   sizeof(float));
        if (out->real_row == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    }
    return rc;
}
