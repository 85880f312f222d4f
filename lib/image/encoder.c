/* SPDX-License-Identifier: MIT */
/* Chooses the encoder; what all encoders share. */
#include "image/encoder.h"

#include "image/colour.h"
#include "image/encoder_internal.h"
#include "image/exif.h"

#include <stdlib.h>
#include <string.h>

static const struct sfx_encoder_ops *const encoders[SFX_IMAGE_FORMATS] = {
    [SFX_IMAGE_JPEG] = &sfx_jpeg_encoder,
    [SFX_IMAGE_PNG] = &sfx_png_encoder,
#ifdef SFX_WITH_HEIF
    [SFX_IMAGE_AVIF] = &sfx_avif_encoder,
#endif
#ifdef SFX_WITH_WEBP
    [SFX_IMAGE_WEBP] = &sfx_webp_encoder,
#endif
};

void sfx_encoder_takes(enum sfx_image_format format, enum sfx_layout *layout, unsigned *depth)
{
    if (format != SFX_IMAGE_PNG)
        *depth = 8;
    if (format == SFX_IMAGE_JPEG)
        *layout = *layout == SFX_LAYOUT_GRAY_ALPHA ? SFX_LAYOUT_GRAY
                  : *layout == SFX_LAYOUT_RGBA     ? SFX_LAYOUT_RGB
                                                   : *layout;
}

int sfx_outstream_flush(struct sfx_outstream *out, struct sfx_err *err)
{
    size_t len = out->len;

    out->len = 0;
    return len > 0 ? out->sink->write(out->sink->ctx, out->buf, len, err) : 0;
}

int sfx_outstream_write(struct sfx_outstream *out, const void *ptr, size_t len, struct sfx_err *err)
{
    const uint8_t *bytes = ptr;

    while (len > 0) {
        size_t n = sizeof(out->buf) - out->len;

        n = n < len ? n : len;
        memcpy(out->buf + out->len, bytes, n);
        out->len += n;
        bytes += n;
        len -= n;
        if (out->len == sizeof(out->buf)) {
            int rc = sfx_outstream_flush(out, err);

            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* The rows come upright and at a size of their own: the data must not say anything else. */
static int make_upright(struct sfx_encoder *enc, struct sfx_slice *exif, struct sfx_err *err)
{
    enc->exif = malloc(exif->len);
    if (enc->exif == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for EXIF data");
    memcpy(enc->exif, exif->ptr, exif->len);
    *exif = sfx_slice((const char *)enc->exif, sfx_exif_reset(enc->exif, exif->len));
    return 0;
}

/* Prepares the way of the rows through a colour transformation, if they need one. */
static int convert_colour(struct sfx_encoder *enc, struct sfx_encode_params *params,
                          struct sfx_err *err)
{
    static const struct sfx_png_colour srgb = {.has_srgb = true};
    int rc = sfx_colour_new(params->profile, params->png, params->layout, params->depth,
                            &enc->colour, err);

    params->png = &srgb;
    params->srgb = false;
    params->metadata.icc = sfx_slice(NULL, 0);
    return rc;
}

static int open_codec(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                      struct sfx_planes *planes, struct sfx_err *err)
{
    struct sfx_encode_params changed = *params;
    int rc = 0;

    if (params->metadata.exif.len > 0)
        rc = make_upright(enc, &changed.metadata.exif, err);
    if (rc == 0 && params->srgb)
        rc = convert_colour(enc, &changed, err);
    if (rc < 0)
        return rc;
    enc->state = enc->ops->open(enc, &changed, planes, err);
    if (enc->state == NULL)
        return -1;
    enc->planes = *planes;
    if (enc->colour == NULL)
        return 0;
    enc->converted = malloc((size_t)planes->plane[0].stride_px * planes->plane[0].band_rows *
                            sfx_layout_channels(planes->layout) * (planes->depth / 8));
    return enc->converted != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for rows");
}

struct sfx_encoder *sfx_encoder_new(const struct sfx_encode_params *params,
                                    const struct sfx_image_sink *sink, struct sfx_planes *planes,
                                    struct sfx_err *err)
{
    struct sfx_encoder *enc;

    if (params->format == SFX_IMAGE_HEIF) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "HEIF images are only read: give another -f");
        return NULL;
    }
    if (encoders[params->format] == NULL) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "this sfx is built without %s images",
                          sfx_image_format_name(params->format));
        return NULL;
    }
    enc = malloc(sizeof(*enc));
    if (enc == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for an encoder");
        return NULL;
    }
    /* The stream's buffer is not cleared: it is written before it is read. */
    memset(enc, 0, offsetof(struct sfx_encoder, out));
    enc->ops = params->opts->max_nbytes > 0 ? &sfx_fit_encoder : encoders[params->format];
    enc->out.max_nbytes = params->opts->max_nbytes;
    enc->out.sink = sink;
    enc->out.len = 0;
    if (open_codec(enc, params, planes, err) < 0) {
        sfx_encoder_free(enc);
        return NULL;
    }
    return enc;
}

/* One plane of interleaved rows, made sRGB's. */
static int write_converted(struct sfx_encoder *enc, uint8_t *const *rows, struct sfx_err *err)
{
    const struct sfx_plane *plane = &enc->planes.plane[0];
    uint8_t *pointers[SFX_ENCODER_BAND_ROWS];
    uint8_t *const *bands[1] = {pointers};
    size_t row_nbytes = (size_t)plane->stride_px * sfx_layout_channels(enc->planes.layout) *
                        (enc->planes.depth / 8);
    uint32_t r;

    for (r = 0; r < plane->band_rows; r++) {
        pointers[r] = enc->converted + r * row_nbytes;
        sfx_colour_row(enc->colour, rows[r], pointers[r], plane->stride_px);
    }
    return enc->ops->write(enc->state, bands, err);
}

int sfx_encoder_write(struct sfx_encoder *enc, uint8_t *const *const *rows, struct sfx_err *err)
{
    return enc->colour != NULL ? write_converted(enc, rows[0], err)
                               : enc->ops->write(enc->state, rows, err);
}

int sfx_encoder_finish(struct sfx_encoder *enc, struct sfx_err *err)
{
    int rc = enc->ops->finish(enc->state, err);

    return rc < 0 ? rc : sfx_outstream_flush(&enc->out, err);
}

void sfx_encoder_free(struct sfx_encoder *enc)
{
    if (enc == NULL)
        return;
    if (enc->state != NULL)
        enc->ops->close(enc->state);
    sfx_colour_free(enc->colour);
    free(enc->converted);
    free(enc->exif);
    free(enc);
}
