/* SPDX-License-Identifier: MIT */
/* Chooses the decoder by signature; what all decoders share. */
#include "image/decoder.h"

#include "base/size.h"
#include "image/decoder_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct sfx_decoder_ops *const decoders[] = {
    &sfx_jpeg_decoder, &sfx_png_decoder, &sfx_webp_decoder, &sfx_avif_decoder, &sfx_heif_decoder,
};

int sfx_instream_fill(struct sfx_instream *in, struct sfx_err *err)
{
    ssize_t got;

    in->at = in->len = 0;
    if (in->ended)
        return 0;
    got = in->source->read(in->source->ctx, in->buf, sizeof(in->buf), err);
    if (got < 0)
        return (int)got;
    in->ended = got == 0;
    in->len = (size_t)got;
    in->total_nbytes += (uint64_t)got;
    return got > 0;
}

int sfx_instream_slurp(struct sfx_instream *in, uint64_t limit_nbytes, struct sfx_buf *out,
                       struct sfx_err *err)
{
    int rc = 1;

    while (rc > 0) {
        if (out->len + (in->len - in->at) > limit_nbytes)
            return sfx_err_set(err, SFX_E_LIMIT, "the file is larger than the limit");
        rc = sfx_buf_append(out, in->buf + in->at, in->len - in->at, err);
        if (rc == 0)
            rc = sfx_instream_fill(in, err);
    }
    return rc;
}

/* Reads until a signature can be compared: a pipe may give a byte at a time. */
static int fill_signature(struct sfx_instream *in, struct sfx_err *err)
{
    while (in->len < SFX_SIGNATURE_NBYTES) {
        ssize_t got =
            in->source->read(in->source->ctx, in->buf + in->len, sizeof(in->buf) - in->len, err);

        if (got < 0)
            return (int)got;
        if (got == 0)
            break;
        in->len += (size_t)got;
        in->total_nbytes += (uint64_t)got;
    }
    return 0;
}

static const struct sfx_decoder_ops *recognise(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    size_t i;

    for (i = 0; i < SFX_COUNT(decoders); i++)
        if (decoders[i]->matches(head))
            return decoders[i];
    return NULL;
}

enum sfx_image_format sfx_decoder_recognise(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    const struct sfx_decoder_ops *ops = recognise(head);

    return ops != NULL ? ops->format : SFX_IMAGE_ANY;
}

struct sfx_decoder *sfx_decoder_new(const struct sfx_image_source *source,
                                    const struct sfx_image_limits *limits, struct sfx_err *err)
{
    struct sfx_decoder *dec = malloc(sizeof(*dec));
    uint8_t head[SFX_SIGNATURE_NBYTES] = {0};

    if (dec == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a decoder");
        return NULL;
    }
    /* The stream's buffer is not cleared: it is read before it is used. */
    memset(dec, 0, offsetof(struct sfx_decoder, in.buf));
    dec->in.source = source;
    dec->limits = sfx_image_limits_resolve(limits);
    dec->info.orientation = 1;
    dec->info.frames = 1;
    if (fill_signature(&dec->in, err) < 0)
        goto failed;
    memcpy(head, dec->in.buf, dec->in.len < sizeof(head) ? dec->in.len : sizeof(head));
    dec->ops = recognise(head);
    if (dec->ops == NULL) {
        (void)sfx_err_set(err, SFX_E_INPUT,
                          dec->in.len == 0 ? "the file is empty"
                                           : "this is no JPEG, PNG, WebP, AVIF or HEIF image");
        goto failed;
    }
    if (dec->ops->open == NULL) {
        (void)sfx_err_set(err, SFX_E_UNSUPPORTED, "this sfx is built without %s",
                          dec->ops->library);
        goto failed;
    }
    dec->info.format = dec->ops->format;
    dec->state = dec->ops->open(dec, err);
    if (dec->state == NULL)
        goto failed;
    return dec;
failed:
    sfx_decoder_free(dec);
    return NULL;
}

const struct sfx_image_info *sfx_decoder_info(const struct sfx_decoder *dec)
{
    return &dec->info;
}

void sfx_decoder_note(struct sfx_decoder *dec, const struct sfx_err *damage)
{
    if (dec->damage.code == 0)
        dec->damage = *damage;
}

int sfx_decoder_tolerate(struct sfx_decoder *dec, int rc, struct sfx_err *err)
{
    if (rc != SFX_E_INPUT || !dec->partial)
        return rc;
    sfx_decoder_note(dec, err);
    return 0;
}

int sfx_decoder_start(struct sfx_decoder *dec, const struct sfx_decode_wish *wish,
                      struct sfx_planes *planes, struct sfx_err *err)
{
    struct sfx_err reason;
    int rc;

    dec->partial = wish->partial;
    rc = dec->ops->start(dec->state, wish, planes, &reason);
    if (rc < 0 && err != NULL)
        *err = reason;
    if (rc == 0)
        dec->planes = *planes;
    return rc;
}

/* What stands for rows that are lost. */
static void fill_band(const struct sfx_decoder *dec, uint8_t *const *const *rows)
{
    const struct sfx_planes *planes = &dec->planes;
    int value = sfx_layout_has_alpha(planes->layout) ? 0 : 0x80;
    unsigned p;
    uint32_t r;

    for (p = 0; p < planes->count; p++)
        for (r = 0; r < planes->plane[p].band_rows; r++)
            memset(rows[p][r], value,
                   (size_t)planes->plane[p].stride_px * sfx_layout_channels(planes->layout) *
                       (planes->depth / 8));
}

int sfx_decoder_read(struct sfx_decoder *dec, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct sfx_err reason;
    int rc = 0;

    if (!dec->broken) {
        rc = dec->ops->read(dec->state, rows, dec->partial ? &reason : err);
        if (rc < 0 && dec->partial) {
            if (err != NULL)
                *err = reason;
            dec->broken = sfx_decoder_tolerate(dec, rc, &reason) == 0;
        }
    }
    if (!dec->broken)
        return rc;
    fill_band(dec, rows);
    return 0;
}

const struct sfx_err *sfx_decoder_damage(const struct sfx_decoder *dec)
{
    return dec->damage.code != 0 ? &dec->damage : NULL;
}

void sfx_decoder_free(struct sfx_decoder *dec)
{
    if (dec != NULL && dec->state != NULL)
        dec->ops->close(dec->state);
    free(dec);
}
