/* SPDX-License-Identifier: MIT */
/*
 * WebP decoding: the container is read here, the pixels by libwebp into an image that is held
 * whole. EXIF data, which says how the image lies, stands behind the pixels: so the file is read
 * whole as well, once its header has passed the limits. Of an animation the first frame is read, on
 * a transparent canvas.
 */
#include "image/decoder_internal.h"
#include "image/exif.h"
#include "image/webp_internal.h"
#include "image/whole.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_webp(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    return memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0;
}

#ifdef SFX_WITH_WEBP

struct webp_decoder {
    const struct sfx_webp_lib *lib;
    struct sfx_decoder *dec;
    struct sfx_buf bytes; /* the file */
    struct sfx_webp_file file;
    struct sfx_whole whole; /* the canvas */
};

/* Reads until the canvas is known: a pipe may give a byte at a time. */
static int read_head(struct webp_decoder *wd, struct sfx_err *err)
{
    struct sfx_instream *in = &wd->dec->in;
    int rc = 1;

    while (rc > 0 && wd->bytes.len < SFX_WEBP_HEAD_NBYTES) {
        rc = sfx_buf_append(&wd->bytes, in->buf + in->at, in->len - in->at, err);
        if (rc == 0)
            rc = sfx_instream_fill(in, err);
    }
    if (rc < 0)
        return rc;
    return sfx_webp_canvas((const uint8_t *)wd->bytes.data, wd->bytes.len, &wd->file, err);
}

static void fill_info(struct webp_decoder *wd)
{
    struct sfx_image_info *info = &wd->dec->info;
    const struct sfx_webp_file *file = &wd->file;
    bool covered =
        file->frame_width_px == file->width_px && file->frame_height_px == file->height_px;

    info->depth = 8;
    info->layout = file->alpha || !covered ? SFX_LAYOUT_RGBA : SFX_LAYOUT_RGB;
    info->colour = !file->lossless ? "ycbcr" : info->layout == SFX_LAYOUT_RGBA ? "rgba" : "rgb";
    info->frames = file->frames;
    info->metadata = file->metadata;
    info->orientation =
        sfx_exif_orientation((const uint8_t *)file->metadata.exif.ptr, file->metadata.exif.len);
}

static int read_file(struct webp_decoder *wd, struct sfx_err *err)
{
    struct sfx_image_info *info = &wd->dec->info;
    const struct sfx_image_limits *limits = &wd->dec->limits;
    int rc = read_head(wd, err);

    if (rc < 0)
        return rc;
    info->width_px = wd->file.width_px;
    info->height_px = wd->file.height_px;
    rc = sfx_image_limits_check(limits, info->width_px, info->height_px, err);
    if (rc == 0)
        rc = sfx_instream_slurp(&wd->dec->in, limits->max_decoded_nbytes, &wd->bytes, err);
    if (rc == 0)
        rc = sfx_webp_chunks(sfx_buf_slice(&wd->bytes), &wd->file, err);
    if (rc == 0)
        fill_info(wd);
    return rc;
}

static void webp_decoder_close(void *state)
{
    struct webp_decoder *wd = state;

    sfx_buf_done(&wd->bytes);
    sfx_whole_done(&wd->whole);
    free(wd);
}

static void *webp_decoder_open(struct sfx_decoder *dec, struct sfx_err *err)
{
    struct webp_decoder *wd = calloc(1, sizeof(*wd));

    if (wd == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a WebP decoder");
        return NULL;
    }
    wd->dec = dec;
    wd->lib = sfx_webp_lib(err);
    if (wd->lib == NULL || read_file(wd, err) < 0) {
        webp_decoder_close(wd);
        return NULL;
    }
    return wd;
}

/* What became of the data, with the row that was reached. */
static int judge(struct webp_decoder *wd, VP8StatusCode status, int rows, struct sfx_err *err)
{
    uint32_t height = wd->dec->info.height_px, row = wd->file.frame_y_px + (uint32_t)rows + 1;
    int rc;

    if (status == VP8_STATUS_OK)
        return 0;
    if (status == VP8_STATUS_OUT_OF_MEMORY)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a WebP image");
    rc = sfx_err_set(err, SFX_E_INPUT,
                     status == VP8_STATUS_SUSPENDED || status == VP8_STATUS_NOT_ENOUGH_DATA
                         ? "data ends early"
                         : "the data is damaged");
    wd->whole.at = 0;
    return sfx_err_wrap(err, rc, "row %" PRIu32 " of %" PRIu32, row < height ? row : height,
                        height);
}

static int decode(struct webp_decoder *wd, struct sfx_err *err)
{
    const struct sfx_webp_file *file = &wd->file;
    unsigned channels = sfx_layout_channels(wd->dec->info.layout);
    WebPDecoderConfig config;
    VP8StatusCode status;
    WebPIDecoder *idec;
    int rows = 0;

    if (!wd->lib->InitDecoderConfigInternal(&config, WEBP_DECODER_ABI_VERSION))
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "libwebp is of another version");
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba =
        sfx_whole_row(&wd->whole, file->frame_y_px) + (size_t)file->frame_x_px * channels;
    config.output.u.RGBA.stride = (int)wd->whole.row_nbytes;
    config.output.u.RGBA.size = (size_t)(file->frame_height_px - 1) * wd->whole.row_nbytes +
                                (size_t)file->frame_width_px * channels;
    idec = wd->lib->IDecode(NULL, 0, &config);
    if (idec == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a WebP decoder");
    status = wd->lib->IUpdate(idec, (const uint8_t *)file->image.ptr, file->image.len);
    if (wd->lib->IDecGetRGB(idec, &rows, NULL, NULL, NULL) == NULL)
        rows = 0;
    wd->lib->IDelete(idec);
    return sfx_decoder_tolerate(wd->dec, judge(wd, status, rows, err), err);
}

static int webp_decoder_start(void *state, const struct sfx_decode_wish *wish,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct webp_decoder *wd = state;
    const struct sfx_image_info *info = &wd->dec->info;
    int rc;

    (void)wish; /* rows come interleaved and at full size, which is always allowed */
    sfx_planes_of_rows(planes, info->layout, 8, info->width_px, info->height_px);
    rc = sfx_whole_init(&wd->whole, (size_t)info->width_px * sfx_layout_channels(info->layout),
                        info->height_px, wd->dec->limits.max_decoded_nbytes, err);
    return rc == 0 ? decode(wd, err) : rc;
}

static int webp_decoder_read(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct webp_decoder *wd = state;

    (void)err;
    sfx_whole_take(&wd->whole, rows[0][0]);
    return 0;
}
#endif

const struct sfx_decoder_ops sfx_webp_decoder = {
    .format = SFX_IMAGE_WEBP,
    .library = "libwebp",
    .matches = is_webp,
#ifdef SFX_WITH_WEBP
    .open = webp_decoder_open,
    .start = webp_decoder_start,
    .read = webp_decoder_read,
    .close = webp_decoder_close,
#endif
};
