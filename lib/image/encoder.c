/* SPDX-License-Identifier: MIT */
/* Chooses the encoder; what all encoders share. */
#include "image/encoder.h"

#include "base/size.h"
#include "image/encoder_internal.h"
#include "image/exif.h"

#include <stdlib.h>
#include <string.h>

static const struct sfx_encoder_ops *const encoders[] = {&sfx_jpeg_encoder, &sfx_png_encoder};

int sfx_outstream_flush(struct sfx_outstream *out, struct sfx_err *err)
{
    size_t len = out->len;

    out->len = 0;
    return len > 0 ? out->sink->write(out->sink->ctx, out->buf, len, err) : 0;
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

struct sfx_encoder *sfx_encoder_new(const struct sfx_encode_params *params,
                                    const struct sfx_image_sink *sink, struct sfx_planes *planes,
                                    struct sfx_err *err)
{
    struct sfx_encode_params upright = *params;
    struct sfx_encoder *enc = malloc(sizeof(*enc));
    size_t i = 0;

    if (enc == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for an encoder");
        return NULL;
    }
    enc->exif = NULL;
    if (params->metadata.exif.len > 0 && make_upright(enc, &upright.metadata.exif, err) < 0) {
        free(enc);
        return NULL;
    }
    while (i + 1 < SFX_COUNT(encoders) && encoders[i]->format != params->format)
        i++;
    enc->ops = encoders[i];
    enc->out.sink = sink;
    enc->out.len = 0;
    enc->state = enc->ops->open(enc, &upright, planes, err);
    if (enc->state == NULL) {
        free(enc->exif);
        free(enc);
        return NULL;
    }
    return enc;
}

int sfx_encoder_write(struct sfx_encoder *enc, uint8_t *const *const *rows, struct sfx_err *err)
{
    return enc->ops->write(enc->state, rows, err);
}

int sfx_encoder_finish(struct sfx_encoder *enc, struct sfx_err *err)
{
    int rc = enc->ops->finish(enc->state, err);

    return rc < 0 ? rc : sfx_outstream_flush(&enc->out, err);
}

void sfx_encoder_free(struct sfx_encoder *enc)
{
    if (enc != NULL)
        enc->ops->close(enc->state);
    if (enc != NULL)
        free(enc->exif);
    free(enc);
}
