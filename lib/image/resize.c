/* SPDX-License-Identifier: MIT */
/* The engine: from the header to the outputs, the loop over bands. Each output is resize_output.c.
 */
#include "image/resize.h"

#include "image/colour.h"
#include "image/decoder.h"
#include "image/held_internal.h"
#include "image/resize_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct job {
    const struct sfx_resize_opts *opts;
    struct sfx_image_limits limits; /* resolved */
    struct sfx_decoder *decoder;
    const struct sfx_image_info *info; /* the decoder's, or shown */
    struct sfx_planes src;
    struct sfx_image_found found;
    struct sfx_held held;        /* when look says so; its samples are NULL else */
    struct sfx_turn turn;        /* how its rows are made, when it is turned */
    struct sfx_image_info shown; /* what the decoder says, trimmed and turned */
    uint32_t stored_w;           /* before it is turned */
    unsigned stored_orientation;
    struct sfx_ring ring[SFX_IMAGE_MAX_PLANES];
    uint8_t *samples;           /* owned: a decoded row before it becomes float */
    struct sfx_pixels load;     /* how it does */
    bool real;                  /* the rings hold float */
    struct sfx_output *outputs; /* owned */
    size_t noutputs;            /* that are wanted */
};

/* Asks for each output's size and for its sink. */
static int plan_outputs(struct job *job, const struct sfx_resize_target *target,
                        struct sfx_err *err)
{
    const struct sfx_look *look = &job->opts->look;
    struct sfx_orient orient = sfx_look_orient(look, job->info->orientation);
    uint32_t width = orient.transpose ? job->info->height_px : job->info->width_px;
    uint32_t height = orient.transpose ? job->info->width_px : job->info->height_px;
    size_t i;

    job->outputs = calloc(job->opts->noutputs, sizeof(*job->outputs));
    if (job->outputs == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the outputs");
    for (i = 0; i < job->opts->noutputs; i++) {
        const struct sfx_resize_output *want = &job->opts->outputs[i];
        struct sfx_output *out = &job->outputs[job->noutputs];
        struct sfx_resize_facts facts = {
            .index = i, .input = job->info, .format = want->format, .found = job->found};
        struct sfx_frame frame;
        int rc = sfx_look_frame(look, &want->size, width, height, &frame, err);

        if (rc < 0)
            return rc;
        rc = sfx_image_limits_check(&job->limits, frame.canvas_w, frame.canvas_h, err);
        if (rc == 0)
            rc = sfx_image_limits_check(&job->limits, frame.image_w, frame.image_h, err);
        if (rc < 0)
            return sfx_err_wrap(err, rc, "output");
        facts.width_px = (uint32_t)frame.canvas_w;
        facts.height_px = (uint32_t)frame.canvas_h;
        if (facts.format == SFX_IMAGE_ANY)
            facts.format = job->info->format;
        facts.unchanged =
            facts.format == job->info->format && frame.canvas_w == job->info->width_px &&
            frame.canvas_h == job->info->height_px && job->info->orientation == 1 &&
            sfx_look_is_plain(look) && (!job->opts->srgb || !sfx_colour_is_other(job->info));
        rc = target->open(target->ctx, &facts, &out->sink, err);
        if (rc < 0)
            return rc;
        out->format = facts.format;
        out->width_px = facts.width_px;
        out->height_px = facts.height_px;
        out->frame = frame;
        out->orient = orient;
        job->noutputs += rc == 0;
    }
    return 0;
}

/*
 * What the decoder may leave out: it is to give at least twice the samples of the largest output in
 * both directions, then the loss against a full decode cannot be seen (51 dB and more); in haste as
 * many as it has (40 dB and more).
 */
static void plan_decode(const struct job *job, struct sfx_decode_wish *wish)
{
    const uint64_t least = job->opts->fast ? 1 : 2;
    size_t i;

    wish->planar = !sfx_look_is_real(&job->opts->look) &&
                   (!job->opts->srgb || !sfx_colour_is_other(job->info));
    wish->shrink_log2 = job->opts->look.kernel == SFX_KERNEL_NEAREST ? 0 : 3;
    for (i = 0; i < job->noutputs; i++) {
        const struct sfx_output *out = &job->outputs[i];
        const struct sfx_frame *frame = &out->frame;

        wish->planar = wish->planar && out->format == SFX_IMAGE_JPEG && !sfx_output_is_framed(out);
        while (wish->shrink_log2 > 0 &&
               ((double)((frame->image_w * least) << wish->shrink_log2) > frame->w ||
                (double)((frame->image_h * least) << wish->shrink_log2) > frame->h))
            wish->shrink_log2--;
    }
}

static bool all_identical(const struct job *job)
{
    size_t i;

    if (job->opts->look.linear)
        return false;
    for (i = 0; i < job->noutputs; i++)
        if (job->outputs[i].width_px * (uint64_t)job->outputs[i].height_px !=
                job->info->width_px * (uint64_t)job->info->height_px ||
            (job->outputs[i].width_px != job->info->width_px &&
             job->outputs[i].width_px != job->info->height_px))
            return false;
    return true;
}

static int by_size(const void *a, const void *b)
{
    const struct sfx_frame *x = &((const struct sfx_output *)a)->frame;
    const struct sfx_frame *y = &((const struct sfx_output *)b)->frame;
    const uint64_t px = x->image_w * x->image_h, py = y->image_w * y->image_h;

    return (px < py) - (px > py);
}

/* Each output is made of the smallest one that is at least twice as large. */
static void plan_cascade(struct job *job)
{
    const struct sfx_look *look = &job->opts->look;
    size_t i, k;

    qsort(job->outputs, job->noutputs, sizeof(*job->outputs), by_size);
    for (i = 1; i < job->noutputs; i++)
        for (k = 0; k < i; k++)
            if (sfx_output_may_come_from(&job->outputs[i], &job->outputs[k], look))
                job->outputs[i].from = &job->outputs[k];
}

/* The corners of a turned image are like a canvas around it. */
static void prepare_turn(struct job *job)
{
    const struct sfx_resize_opts *opts = job->opts;
    uint8_t background[8];

    sfx_pixels_fill(job->held.layout, job->held.depth, opts->background, background);
    sfx_turn_init(&job->turn, &job->held, &job->load, &opts->look, job->stored_orientation,
                  job->held.span_x / job->stored_w, job->info->width_px, job->info->height_px,
                  sfx_layout_has_alpha(job->held.layout) && !opts->opaque ? NULL : background);
}

static int prepare(struct job *job, struct sfx_err *err)
{
    uint32_t max_taps[SFX_IMAGE_MAX_PLANES] = {0};
    unsigned channels = sfx_layout_channels(job->src.layout), p;
    const struct sfx_plane *plane = job->src.plane;
    size_t i;
    int rc = 0;

    job->real = job->src.depth == 16 || sfx_layout_has_alpha(job->src.layout) ||
                sfx_look_is_real(&job->opts->look);
    /* Samples that are not mixed keep their exact value, even where they are transparent. */
    job->load = (struct sfx_pixels){.src_layout = job->src.layout,
                                    .src_depth = job->src.depth,
                                    .premultiply = job->opts->look.turn != 0 || !all_identical(job),
                                    .linear = job->opts->look.linear};
    plan_cascade(job);
    if (job->opts->look.turn != 0)
        prepare_turn(job);
    for (i = 0; i < job->noutputs && rc == 0; i++) {
        struct sfx_output *out = &job->outputs[i];

        rc = sfx_output_init(out, job->opts, job->info, &job->src, &job->load, err);
        for (p = 0; rc == 0 && out->from == NULL && p < job->src.count; p++)
            if (out->plane[p].scaler.vertical.max_taps > max_taps[p])
                max_taps[p] = out->plane[p].scaler.vertical.max_taps;
    }
    /* What the next output row needs, and the band that completes it. */
    for (p = 0; p < job->src.count && rc == 0; p++)
        rc = sfx_ring_init(&job->ring[p],
                           (size_t)plane[p].stride_px * channels *
                               (job->real ? sizeof(float) : sizeof(uint8_t)),
                           max_taps[p] + plane[p].band_rows, err);
    if (rc == 0 && job->real) {
        job->samples = malloc((size_t)plane[0].stride_px * channels * sizeof(uint16_t));
        if (job->samples == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
    }
    return rc;
}

/* The next row of an image that is held whole, into the ring. */
static void take_row(struct job *job)
{
    struct sfx_ring *ring = &job->ring[0];
    uint8_t *row = sfx_ring_row(ring, ring->rows_in);
    const uint32_t width = job->src.plane[0].width_px;

    if (job->opts->look.turn != 0)
        sfx_turn_row(&job->turn, ring->rows_in, width, (float *)(void *)row);
    else if (job->real)
        sfx_pixels_load(&job->load, sfx_held_row(&job->held, ring->rows_in), width,
                        (float *)(void *)row);
    else
        memcpy(row, sfx_held_row(&job->held, ring->rows_in), width * job->held.pixel_nbytes);
    ring->rows_in++;
}

/* Decodes one band into the rings. */
static int read_band(struct job *job, struct sfx_err *err)
{
    uint8_t *pointers[SFX_IMAGE_MAX_PLANES][SFX_DECODER_BAND_ROWS];
    uint8_t *const *rows[SFX_IMAGE_MAX_PLANES] = {pointers[0], pointers[1], pointers[2]};
    unsigned p;
    uint32_t r;
    int rc;

    if (job->held.samples != NULL) {
        take_row(job);
        return 0;
    }
    for (p = 0; p < job->src.count; p++)
        for (r = 0; r < job->src.plane[p].band_rows; r++)
            pointers[p][r] = sfx_ring_row(&job->ring[p], job->ring[p].rows_in + r);
    if (job->real)
        pointers[0][0] = job->samples;
    rc = sfx_decoder_read(job->decoder, rows, err);
    if (rc < 0)
        return rc;
    if (job->real)
        sfx_pixels_load(&job->load, job->samples, job->src.plane[0].width_px,
                        (float *)(void *)sfx_ring_row(&job->ring[0], job->ring[0].rows_in));
    for (p = 0; p < job->src.count; p++) {
        uint32_t left = job->src.plane[p].height_px - job->ring[p].rows_in;

        job->ring[p].rows_in +=
            left < job->src.plane[p].band_rows ? left : job->src.plane[p].band_rows;
    }
    return 0;
}

static bool has_rows_left(const struct job *job)
{
    unsigned p;

    for (p = 0; p < job->src.count; p++)
        if (job->ring[p].rows_in < job->src.plane[p].height_px)
            return true;
    return false;
}

static int run(struct job *job, struct sfx_err *err)
{
    size_t i;
    int rc;

    while (has_rows_left(job)) {
        rc = read_band(job, err);
        for (i = 0; i < job->noutputs && rc == 0; i++)
            if (job->outputs[i].from == NULL)
                sfx_output_make(&job->outputs[i], job->ring);
        for (i = 0; i < job->noutputs && rc == 0; i++)
            rc = sfx_output_encode(&job->outputs[i], err);
        if (rc < 0)
            return rc;
    }
    for (i = 0; i < job->noutputs; i++) {
        rc = sfx_output_finish(&job->outputs[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Reads the whole image to find what of it is more than background, before outputs are planned. */
static int trim(struct job *job, struct sfx_err *err)
{
    const struct sfx_decode_wish wish = {.partial = job->opts->partial};
    int rc;

    rc = sfx_decoder_start(job->decoder, &wish, &job->src, err);
    if (rc == 0)
        rc = sfx_held_read(&job->held, job->decoder, &job->src, &job->limits, err);
    if (rc < 0)
        return rc;
    sfx_held_trim(&job->held, job->info->orientation,
                  job->opts->opaque ? job->opts->background : NULL, job->opts->look.trim_threshold,
                  &job->found);
    job->shown = *job->info;
    job->shown.width_px = job->held.w;
    job->shown.height_px = job->held.h;
    job->info = &job->shown;
    return 0;
}

/* What the outputs are made of is the turned image. */
static int plan_turn(struct job *job, struct sfx_err *err)
{
    const struct sfx_orient orient = sfx_orient_of(job->info->orientation);
    const struct sfx_image_info *info = job->info;
    uint64_t width, height;
    int rc;

    sfx_turn_size(job->opts->look.turn, orient.transpose ? info->height_px : info->width_px,
                  orient.transpose ? info->width_px : info->height_px, &width, &height);
    rc = sfx_image_limits_check(&job->limits, width, height, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "turned");
    job->shown = *info;
    job->shown.width_px = (uint32_t)width;
    job->shown.height_px = (uint32_t)height;
    job->shown.orientation = 1;
    job->info = &job->shown;
    return 0;
}

/* The planes that a held image comes in, row by row. */
static void plan_held(struct job *job)
{
    const struct sfx_held *held = &job->held;
    struct sfx_plane *plane = &job->src.plane[0];
    double scale;

    *plane = (struct sfx_plane){.width_px = held->w,
                                .height_px = held->h,
                                .span_x = held->span_x,
                                .span_y = held->span_y,
                                .band_rows = 1};
    if (job->opts->look.turn != 0) {
        scale = held->span_x / job->stored_w;
        plane->span_x = job->info->width_px * scale;
        plane->span_y = job->info->height_px * scale;
        plane->width_px = (uint32_t)ceil(plane->span_x);
        plane->height_px = (uint32_t)ceil(plane->span_y);
    }
    plane->stride_px = plane->width_px;
}

/* Begins to decode, or decodes what is to be held whole. */
static int start(struct job *job, struct sfx_err *err)
{
    struct sfx_decode_wish wish = {.partial = job->opts->partial};
    int rc = 0;

    plan_decode(job, &wish);
    if (!job->opts->look.trim)
        rc = sfx_decoder_start(job->decoder, &wish, &job->src, err);
    if (rc == 0 && !job->opts->look.trim && job->opts->look.turn != 0)
        rc = sfx_held_read(&job->held, job->decoder, &job->src, &job->limits, err);
    if (rc == 0 && job->held.samples != NULL)
        plan_held(job);
    return rc;
}

int sfx_resize(const struct sfx_image_source *source, const struct sfx_resize_opts *opts,
               const struct sfx_resize_target *target, struct sfx_err *err)
{
    struct job job = {.opts = opts, .limits = sfx_image_limits_resolve(&opts->limits)};
    size_t i;
    int rc = 0;

    job.decoder = sfx_decoder_new(source, &opts->limits, err);
    if (job.decoder == NULL)
        return err != NULL ? (int)err->code : SFX_E_INPUT;
    job.info = sfx_decoder_info(job.decoder);
    job.found.frames = job.info->frames;
    if (opts->look.trim)
        rc = trim(&job, err);
    job.stored_w = job.info->width_px;
    job.stored_orientation = job.info->orientation;
    if (rc == 0 && opts->look.turn != 0)
        rc = plan_turn(&job, err);
    if (rc == 0)
        rc = plan_outputs(&job, target, err);
    if (rc < 0 || job.noutputs == 0)
        goto out;
    rc = start(&job, err);
    if (rc == 0)
        rc = prepare(&job, err);
    if (rc == 0)
        rc = run(&job, err);
    if (rc == 0 && sfx_decoder_damage(job.decoder) != NULL) {
        if (err != NULL)
            *err = *sfx_decoder_damage(job.decoder);
        rc = 1;
    }
out:
    for (i = 0; i < job.noutputs; i++)
        sfx_output_done(&job.outputs[i]);
    free(job.outputs);
    for (i = 0; i < SFX_IMAGE_MAX_PLANES; i++)
        sfx_ring_done(&job.ring[i]);
    free(job.samples);
    sfx_held_done(&job.held);
    sfx_decoder_free(job.decoder);
    return rc;
}
