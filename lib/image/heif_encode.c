/* SPDX-License-Identifier: MIT */
/* AVIF encoding with libheif and what AV1 encoder it has: the image is held whole. */
#include "image/encoder_internal.h"
#include "image/heif_internal.h"
#include "image/whole.h"

#include <stdlib.h>
#include <string.h>

/* libaom's, of 0 to 9: each step less doubles the time for a few percent; 6 is avifenc's. */
#define SPEED "6"

struct heif_encode {
    const struct sfx_heif_lib *lib;
    struct sfx_outstream *out;
    struct sfx_encode_params params;
    struct heif_image *image;
    uint8_t *rows; /* of image */
    size_t stride_nbytes;
    uint32_t at;
    struct sfx_err write_err;
};

static void heif_encode_close(void *state)
{
    struct heif_encode *he = state;

    if (he->image != NULL)
        he->lib->image_release(he->image);
    free(he);
}

static int make_image(struct heif_encode *he, struct sfx_err *err)
{
    const struct sfx_heif_lib *lib = he->lib;
    int width = (int)he->params.width_px, height = (int)he->params.height_px, stride = 0, rc;
    bool alpha = sfx_layout_has_alpha(he->params.layout);

    rc = sfx_heif_judge(
        lib->image_create(width, height, heif_colorspace_RGB,
                          alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                          &he->image),
        err);
    if (rc == 0)
        rc = sfx_heif_judge(
            lib->image_add_plane(he->image, heif_channel_interleaved, width, height, 8), err);
    if (rc == 0 && he->params.metadata.icc.len > 0)
        rc = sfx_heif_judge(lib->image_set_raw_color_profile(he->image, "prof",
                                                             he->params.metadata.icc.ptr,
                                                             he->params.metadata.icc.len),
                            err);
    if (rc < 0)
        return rc;
    he->rows = lib->image_get_plane(he->image, heif_channel_interleaved, &stride);
    he->stride_nbytes = (size_t)stride;
    return he->rows != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for an AVIF image");
}

static void *heif_encode_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct heif_encode *he = calloc(1, sizeof(*he));

    if (he == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for an AVIF encoder");
        return NULL;
    }
    he->out = &enc->out;
    he->params = *params;
    he->lib = sfx_heif_lib(err);
    if (he->lib == NULL || make_image(he, err) < 0) {
        heif_encode_close(he);
        return NULL;
    }
    sfx_planes_of_rows(planes, params->layout, 8, params->width_px, params->height_px);
    return he;
}

static int heif_encode_write(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct heif_encode *he = state;

    (void)err;
    sfx_rows_to_rgb(rows[0][0], he->params.layout, he->params.width_px,
                    he->rows + he->at++ * he->stride_nbytes);
    return 0;
}

static struct heif_error on_write(struct heif_context *context, const void *data, size_t size,
                                  void *ctx)
{
    struct heif_encode *he = ctx;
    struct heif_error result = {heif_error_Ok, heif_suberror_Unspecified, "ok"};

    (void)context;
    if (sfx_outstream_write(he->out, data, size, &he->write_err) < 0)
        result = (struct heif_error){heif_error_Encoding_error,
                                     heif_suberror_Cannot_write_output_data, "cannot write"};
    return result;
}

static int set_up(struct heif_encode *he, struct heif_encoder *encoder, struct sfx_err *err)
{
    const struct sfx_heif_lib *lib = he->lib;
    const struct sfx_encode_opts *opts = he->params.opts;
    bool full = opts->lossless || opts->subsample == SFX_SUBSAMPLE_444 ||
                (opts->subsample == SFX_SUBSAMPLE_AUTO && opts->quality >= 90);
    int rc =
        sfx_heif_judge(opts->lossless ? lib->encoder_set_lossless(encoder, 1)
                                      : lib->encoder_set_lossy_quality(encoder, (int)opts->quality),
                       err);

    /* What another encoder does not know it does not need. */
    (void)lib->encoder_set_parameter(encoder, "speed", SPEED);
    (void)lib->encoder_set_parameter(encoder, "threads", "1");
    (void)lib->encoder_set_parameter(encoder, "chroma", full ? "444" : "420");
    return rc;
}

static int add_metadata(struct heif_encode *he, struct heif_context *context,
                        const struct heif_image_handle *handle, struct sfx_err *err)
{
    const struct sfx_metadata *metadata = &he->params.metadata;
    int rc = 0;

    if (metadata->exif.len > 0)
        rc = sfx_heif_judge(he->lib->context_add_exif_metadata(context, handle, metadata->exif.ptr,
                                                               (int)metadata->exif.len),
                            err);
    if (rc == 0 && metadata->xmp.len > 0)
        rc = sfx_heif_judge(he->lib->context_add_XMP_metadata(context, handle, metadata->xmp.ptr,
                                                              (int)metadata->xmp.len),
                            err);
    return rc;
}

static int heif_encode_finish(void *state, struct sfx_err *err)
{
    struct heif_encode *he = state;
    const struct sfx_heif_lib *lib = he->lib;
    struct heif_writer writer = {.writer_api_version = 1, .write = on_write};
    struct heif_context *context = lib->context_alloc();
    struct heif_image_handle *handle = NULL;
    struct heif_encoder *encoder = NULL;
    int rc = SFX_E_NOMEM;

    if (context == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for an AVIF encoder");
    if (lib->context_get_encoder_for_format(context, heif_compression_AV1, &encoder).code !=
        heif_error_Ok) {
        rc = sfx_err_set(err, SFX_E_UNSUPPORTED, "libheif has no encoder for AVIF");
        goto out;
    }
    rc = set_up(he, encoder, err);
    if (rc == 0)
        rc = sfx_heif_judge(lib->context_encode_image(context, he->image, encoder, NULL, &handle),
                            err);
    if (rc == 0)
        rc = add_metadata(he, context, handle, err);
    if (rc == 0)
        rc = sfx_heif_judge(lib->context_write(context, &writer, he), err);
    if (he->write_err.code != 0) {
        rc = (int)he->write_err.code;
        if (err != NULL)
            *err = he->write_err;
    }
out:
    if (handle != NULL)
        lib->image_handle_release(handle);
    if (encoder != NULL)
        lib->encoder_release(encoder);
    lib->context_free(context);
    return rc;
}

const struct sfx_encoder_ops sfx_avif_encoder = {
    .open = heif_encode_open,
    .write = heif_encode_write,
    .finish = heif_encode_finish,
    .close = heif_encode_close,
};
