/* SPDX-License-Identifier: MIT */
/* WebP encoding with libwebp, lossy or lossless: the image is held whole, as libwebp wants it. */
#include "image/encoder_internal.h"
#include "image/webp_internal.h"
#include "image/whole.h"

#include <stdlib.h>
#include <string.h>

/* Of 0 to 6: cwebp's default. Each step more takes a third more time for a percent or two. */
#define METHOD 4

/* What lossless spends instead of a quality: cwebp's -z 6. */
#define LOSSLESS_EFFORT 75

struct webp_encoder {
    const struct sfx_webp_lib *lib;
    struct sfx_outstream *out;
    struct sfx_encode_params params;
    struct sfx_whole whole; /* RGB or RGBA */
    struct sfx_buf encoded;
};

static void webp_encoder_close(void *state)
{
    struct webp_encoder *we = state;

    sfx_whole_done(&we->whole);
    sfx_buf_done(&we->encoded);
    free(we);
}

static void *webp_encoder_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                               struct sfx_planes *planes, struct sfx_err *err)
{
    struct webp_encoder *we;
    size_t channels = sfx_layout_has_alpha(params->layout) ? 4 : 3;

    if (params->width_px > WEBP_MAX_DIMENSION || params->height_px > WEBP_MAX_DIMENSION) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "a side of a WebP image has at most %d pixels",
                          WEBP_MAX_DIMENSION);
        return NULL;
    }
    we = calloc(1, sizeof(*we));
    if (we == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a WebP encoder");
        return NULL;
    }
    we->out = &enc->out;
    we->params = *params;
    we->lib = sfx_webp_lib(err);
    if (we->lib == NULL || sfx_whole_init(&we->whole, params->width_px * channels,
                                          params->height_px, SIZE_MAX, err) < 0) {
        webp_encoder_close(we);
        return NULL;
    }
    sfx_planes_of_rows(planes, params->layout, 8, params->width_px, params->height_px);
    return we;
}

static int webp_encoder_write(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct webp_encoder *we = state;

    (void)err;
    sfx_rows_to_rgb(rows[0][0], we->params.layout, we->params.width_px,
                    sfx_whole_row(&we->whole, we->whole.at));
    we->whole.at++;
    return 0;
}

static int on_write(const uint8_t *data, size_t len, const WebPPicture *picture)
{
    return sfx_buf_append(picture->custom_ptr, data, len, NULL) == 0;
}

static int encode(struct webp_encoder *we, WebPPicture *picture, struct sfx_err *err)
{
    const struct sfx_encode_opts *opts = we->params.opts;
    const struct sfx_webp_lib *lib = we->lib;
    WebPConfig config;
    int ok;

    if (!lib->ConfigInitInternal(&config, WEBP_PRESET_DEFAULT,
                                 opts->lossless ? LOSSLESS_EFFORT : (float)opts->quality,
                                 WEBP_ENCODER_ABI_VERSION))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "libwebp is of another version");
    config.lossless = opts->lossless;
    config.exact = opts->lossless; /* what is invisible stays, too */
    config.method = METHOD;
    picture->use_argb = opts->lossless;
    picture->width = (int)we->params.width_px;
    picture->height = (int)we->params.height_px;
    picture->writer = on_write;
    picture->custom_ptr = &we->encoded;
    ok = (sfx_layout_has_alpha(we->params.layout) ? lib->PictureImportRGBA : lib->PictureImportRGB)(
        picture, we->whole.rows, (int)we->whole.row_nbytes);
    if (!ok || !lib->Encode(&config, picture))
        return picture->error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
                       picture->error_code == VP8_ENC_ERROR_BAD_WRITE
                   ? sfx_err_set(err, SFX_E_NOMEM, "no memory for a WebP image")
                   : sfx_err_set(err, SFX_E_UNSUPPORTED, "libwebp cannot encode this (error %d)",
                                 (int)picture->error_code);
    return 0;
}

static int webp_encoder_finish(void *state, struct sfx_err *err)
{
    struct webp_encoder *we = state;
    const struct sfx_encode_params *params = &we->params;
    const struct sfx_metadata *metadata = &params->metadata;
    struct sfx_buf wrapped = {0};
    WebPPicture picture;
    int rc;

    if (!we->lib->PictureInitInternal(&picture, WEBP_ENCODER_ABI_VERSION))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "libwebp is of another version");
    rc = encode(we, &picture, err);
    we->lib->PictureFree(&picture);
    if (rc < 0)
        return rc;
    if (metadata->icc.len == 0 && metadata->exif.len == 0 && metadata->xmp.len == 0)
        return sfx_outstream_write(we->out, we->encoded.data, we->encoded.len, err);
    rc = sfx_webp_wrap(sfx_buf_slice(&we->encoded), metadata, params->width_px, params->height_px,
                       sfx_layout_has_alpha(params->layout), &wrapped, err);
    if (rc == 0)
        rc = sfx_outstream_write(we->out, wrapped.data, wrapped.len, err);
    sfx_buf_done(&wrapped);
    return rc;
}

const struct sfx_encoder_ops sfx_webp_encoder = {
    .open = webp_encoder_open,
    .write = webp_encoder_write,
    .finish = webp_encoder_finish,
    .close = webp_encoder_close,
};
