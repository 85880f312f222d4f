/* SPDX-License-Identifier: MIT */
/*
 * An encoder that keeps within a number of bytes: the rows are held, and encoded at one quality
 * after the other until the best that fits is found. The image is decoded and resampled once.
 */
#include "image/encoder_internal.h"

#include "base/buf.h"
#include "base/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* From here on JPEG stores colour whole; as jpeg_encode.c. */
#define FULL_COLOUR_QUALITY 90

struct fit {
    struct sfx_encode_params params;
    struct sfx_encode_opts opts;
    struct sfx_planes planes;
    struct sfx_outstream *out;
    uint8_t *rows[SFX_IMAGE_MAX_PLANES]; /* owned: whole bands */
    size_t row_nbytes[SFX_IMAGE_MAX_PLANES];
    uint32_t bands, nbands;
    struct sfx_buf best, trial;
};

static int write_trial(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

static void fit_close(void *state)
{
    struct fit *fit = state;
    unsigned p;

    for (p = 0; p < SFX_IMAGE_MAX_PLANES; p++)
        free(fit->rows[p]);
    sfx_buf_done(&fit->best);
    sfx_buf_done(&fit->trial);
    free(fit);
}

static int hold_rows(struct fit *fit, struct sfx_err *err)
{
    const struct sfx_planes *planes = &fit->planes;
    unsigned p;

    fit->nbands =
        (planes->plane[0].height_px + planes->plane[0].band_rows - 1) / planes->plane[0].band_rows;
    for (p = 0; p < planes->count; p++) {
        size_t nbytes;

        fit->row_nbytes[p] = (size_t)planes->plane[p].stride_px *
                             sfx_layout_channels(planes->layout) * (planes->depth / 8);
        if (!sfx_size_mul(fit->row_nbytes[p], (size_t)fit->nbands * planes->plane[p].band_rows,
                          &nbytes))
            return sfx_err_set(err, SFX_E_NOMEM, "an output this large cannot be held");
        fit->rows[p] = malloc(nbytes);
        if (fit->rows[p] == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for an output's rows");
    }
    return 0;
}

static void *fit_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                      struct sfx_planes *planes, struct sfx_err *err)
{
    struct fit *fit = calloc(1, sizeof(*fit));
    struct sfx_image_sink nowhere = {write_trial, NULL};
    struct sfx_encoder *probe;

    if (fit == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for an encoder");
        return NULL;
    }
    fit->out = &enc->out;
    fit->params = *params;
    fit->opts = *params->opts;
    fit->opts.max_nbytes = 0;
    fit->params.opts = &fit->opts;
    /* The grids of the rows must not depend on the quality that is found. */
    if (fit->opts.subsample == SFX_SUBSAMPLE_AUTO)
        fit->opts.subsample =
            fit->opts.quality >= FULL_COLOUR_QUALITY ? SFX_SUBSAMPLE_444 : SFX_SUBSAMPLE_420;
    nowhere.ctx = &fit->trial;
    probe = sfx_encoder_new(&fit->params, &nowhere, &fit->planes, err);
    sfx_encoder_free(probe);
    if (probe == NULL || hold_rows(fit, err) < 0) {
        fit_close(fit);
        return NULL;
    }
    *planes = fit->planes;
    return fit;
}

static int fit_write(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct fit *fit = state;
    unsigned p;
    uint32_t r;

    (void)err;
    for (p = 0; p < fit->planes.count; p++) {
        uint32_t n = fit->planes.plane[p].band_rows;

        for (r = 0; r < n; r++)
            memcpy(fit->rows[p] + ((size_t)fit->bands * n + r) * fit->row_nbytes[p], rows[p][r],
                   fit->row_nbytes[p]);
    }
    fit->bands++;
    return 0;
}

static int write_bands(const struct fit *fit, struct sfx_encoder *enc, struct sfx_err *err)
{
    uint8_t *pointers[SFX_IMAGE_MAX_PLANES][SFX_ENCODER_BAND_ROWS];
    uint8_t *const *rows[SFX_IMAGE_MAX_PLANES] = {pointers[0], pointers[1], pointers[2]};
    uint32_t band, r;
    unsigned p;
    int rc = 0;

    for (band = 0; band < fit->nbands && rc == 0; band++) {
        for (p = 0; p < fit->planes.count; p++) {
            uint32_t n = fit->planes.plane[p].band_rows;

            for (r = 0; r < n; r++)
                pointers[p][r] = fit->rows[p] + ((size_t)band * n + r) * fit->row_nbytes[p];
        }
        rc = sfx_encoder_write(enc, rows, err);
    }
    return rc == 0 ? sfx_encoder_finish(enc, err) : rc;
}

/* Encodes at a quality into fit->trial. */
static int try(struct fit *fit, uint64_t quality, struct sfx_err *err)
{
    const struct sfx_image_sink sink = {write_trial, &fit->trial};
    struct sfx_planes planes;
    struct sfx_encoder *enc;
    int rc;

    sfx_buf_clear(&fit->trial);
    fit->opts.quality = quality;
    enc = sfx_encoder_new(&fit->params, &sink, &planes, err);
    if (enc == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    rc = write_bands(fit, enc, err);
    sfx_encoder_free(enc);
    return rc;
}

static bool has_quality(const struct sfx_encode_params *params)
{
    return params->format != SFX_IMAGE_PNG &&
           (params->format == SFX_IMAGE_JPEG || !params->opts->lossless);
}

static int fit_finish(void *state, struct sfx_err *err)
{
    struct fit *fit = state;
    uint64_t most = fit->out->max_nbytes, low = 1, high = fit->opts.quality;
    size_t least = 0;
    int rc = 0;

    /* The wanted quality first, then halves: what fits is kept, the better. */
    while (low <= high && rc == 0) {
        uint64_t quality = least == 0 ? high : (low + high) / 2;

        rc = try(fit, quality, err);
        if (rc < 0)
            break;
        least = fit->trial.len;
        if (fit->trial.len <= most) {
            struct sfx_buf swap = fit->best;

            fit->best = fit->trial;
            fit->trial = swap;
            low = quality + 1;
        } else {
            high = has_quality(&fit->params) ? quality - 1 : 0;
        }
    }
    if (rc == 0 && fit->best.len == 0)
        rc = sfx_err_set(err, SFX_E_LIMIT, "output: %zu bytes%s are more than --max-bytes", least,
                         has_quality(&fit->params) ? " at quality 1" : "");
    return rc == 0 ? sfx_outstream_write(fit->out, fit->best.data, fit->best.len, err) : rc;
}

const struct sfx_encoder_ops sfx_fit_encoder = {
    .open = fit_open,
    .write = fit_write,
    .finish = fit_finish,
    .close = fit_close,
};
