/* SPDX-License-Identifier: MIT */
/*
 * JPEG encoding with libjpeg's own interface: raw planes on the encoder's grids, or interleaved
 * gray or RGB rows. Colour is stored at half resolution below quality 90, where the loss cannot be
 * seen beside that of the quantisation, and at full resolution from there on.
 */
#include "image/encoder_internal.h"
#include "image/jpeg_errors.h"
#include "image/jpeg_segments.h"

#include <stdlib.h>

#define FULL_COLOUR_QUALITY 90

struct jpeg_encoder {
    struct jpeg_compress_struct cinfo;
    struct sfx_jpeg_errors errors;
    struct jpeg_destination_mgr dest;
    struct sfx_outstream *out;
    bool created; /* cinfo is to be destroyed */
    uint32_t band_rows;
};

struct open_call {
    struct jpeg_encoder *je;
    const struct sfx_encode_params *params;
    struct sfx_planes *planes;
};

struct write_call {
    struct jpeg_encoder *je;
    uint8_t *const *const *rows;
};

static struct jpeg_encoder *encoder_of(j_compress_ptr cinfo)
{
    return (struct jpeg_encoder *)((char *)cinfo->client_data -
                                   offsetof(struct jpeg_encoder, errors));
}

static void dest_init(j_compress_ptr cinfo)
{
    struct sfx_outstream *out = encoder_of(cinfo)->out;

    cinfo->dest->next_output_byte = out->buf;
    cinfo->dest->free_in_buffer = sizeof(out->buf);
}

static void dest_flush(j_compress_ptr cinfo, size_t nbytes)
{
    struct jpeg_encoder *je = encoder_of(cinfo);
    int rc;

    je->out->len = nbytes;
    rc = sfx_outstream_flush(je->out, je->errors.guard.err);
    if (rc < 0)
        sfx_guard_throw(&je->errors.guard, rc);
    dest_init(cinfo);
}

static boolean dest_full(j_compress_ptr cinfo)
{
    dest_flush(cinfo, sizeof(encoder_of(cinfo)->out->buf));
    return TRUE;
}

static void dest_end(j_compress_ptr cinfo)
{
    dest_flush(cinfo, sizeof(encoder_of(cinfo)->out->buf) - cinfo->dest->free_in_buffer);
}

/* Sampling factors of the colour planes are always 1: those of Y say what is halved. */
static void describe(const struct jpeg_compress_struct *cinfo, struct sfx_planes *planes)
{
    int c, max_h = cinfo->comp_info[0].h_samp_factor, max_v = cinfo->comp_info[0].v_samp_factor;
    uint32_t mcu_w = (uint32_t)max_h * DCTSIZE;

    planes->depth = 8;
    planes->count = cinfo->raw_data_in ? 3 : 1;
    for (c = 0; c < (int)planes->count; c++) {
        struct sfx_plane *plane = &planes->plane[c];
        int h = cinfo->raw_data_in ? cinfo->comp_info[c].h_samp_factor : max_h;
        int v = cinfo->raw_data_in ? cinfo->comp_info[c].v_samp_factor : max_v;

        plane->width_px =
            (cinfo->image_width * (uint32_t)h + (uint32_t)max_h - 1) / (uint32_t)max_h;
        plane->height_px =
            (cinfo->image_height * (uint32_t)v + (uint32_t)max_v - 1) / (uint32_t)max_v;
        plane->span_x = (double)cinfo->image_width * h / max_h;
        plane->span_y = (double)cinfo->image_height * v / max_v;
        plane->stride_px = (cinfo->image_width + mcu_w - 1) / mcu_w * (uint32_t)h * DCTSIZE;
        plane->band_rows = cinfo->raw_data_in ? (uint32_t)v * DCTSIZE : DCTSIZE;
    }
    if (!cinfo->raw_data_in)
        planes->plane[0].stride_px = planes->plane[0].width_px;
}

/* A segment of metadata; what does not fit into one is left out. */
static void write_segment(struct jpeg_compress_struct *cinfo, int marker, struct sfx_slice head,
                          struct sfx_slice data)
{
    size_t i;

    if (data.len == 0 || data.len > SFX_JPEG_SEGMENT_NBYTES - head.len)
        return;
    jpeg_write_m_header(cinfo, marker, (unsigned)(head.len + data.len));
    for (i = 0; i < head.len; i++)
        jpeg_write_m_byte(cinfo, (unsigned char)head.ptr[i]);
    for (i = 0; i < data.len; i++)
        jpeg_write_m_byte(cinfo, (unsigned char)data.ptr[i]);
}

static void write_metadata(struct jpeg_compress_struct *cinfo, const struct sfx_metadata *metadata)
{
    write_segment(cinfo, JPEG_APP0 + 1, sfx_jpeg_exif_head, metadata->exif);
    write_segment(cinfo, JPEG_APP0 + 1, sfx_jpeg_xmp_head, metadata->xmp);
    write_segment(cinfo, JPEG_APP0 + 13, sfx_jpeg_iptc_head, metadata->iptc);
    if (metadata->icc.len > 0)
        jpeg_write_icc_profile(cinfo, (const JOCTET *)metadata->icc.ptr,
                               (unsigned)metadata->icc.len);
}

static bool has_full_colour(const struct sfx_encode_opts *opts)
{
    return opts->subsample == SFX_SUBSAMPLE_444 ||
           (opts->subsample == SFX_SUBSAMPLE_AUTO && opts->quality >= FULL_COLOUR_QUALITY);
}

static void work_open(void *arg)
{
    const struct open_call *call = arg;
    const struct sfx_encode_params *params = call->params;
    struct jpeg_encoder *je = call->je;
    struct jpeg_compress_struct *cinfo = &je->cinfo;

    jpeg_create_compress(cinfo);
    je->created = true;
    cinfo->dest = &je->dest;
    je->dest.init_destination = dest_init;
    je->dest.empty_output_buffer = dest_full;
    je->dest.term_destination = dest_end;
    cinfo->image_width = params->width_px;
    cinfo->image_height = params->height_px;
    cinfo->input_components = params->layout == SFX_LAYOUT_GRAY ? 1 : 3;
    cinfo->in_color_space = params->layout == SFX_LAYOUT_GRAY    ? JCS_GRAYSCALE
                            : params->layout == SFX_LAYOUT_YCBCR ? JCS_YCbCr
                                                                 : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, (int)params->opts->quality, TRUE);
    if (has_full_colour(params->opts))
        cinfo->comp_info[0].h_samp_factor = cinfo->comp_info[0].v_samp_factor = 1;
    if (params->opts->progressive)
        jpeg_simple_progression(cinfo);
    cinfo->optimize_coding = params->opts->optimize;
    cinfo->raw_data_in = params->layout == SFX_LAYOUT_YCBCR;
    call->planes->layout = params->layout;
    describe(cinfo, call->planes);
    je->band_rows = call->planes->plane[0].band_rows;
    jpeg_start_compress(cinfo, TRUE);
    write_metadata(cinfo, &params->metadata);
}

static void jpeg_encoder_close(void *state)
{
    struct jpeg_encoder *je = state;

    if (je->created)
        jpeg_destroy_compress(&je->cinfo);
    free(je);
}

static void *jpeg_encoder_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                               struct sfx_planes *planes, struct sfx_err *err)
{
    struct jpeg_encoder *je = calloc(1, sizeof(*je));
    struct open_call call = {je, params, planes};

    if (je == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a JPEG encoder");
        return NULL;
    }
    je->out = &enc->out;
    je->cinfo.err = sfx_jpeg_errors_init(&je->errors);
    je->cinfo.client_data = &je->errors;
    if (sfx_guard_call(&je->errors.guard, work_open, &call, err) < 0) {
        jpeg_encoder_close(je);
        return NULL;
    }
    return je;
}

static void work_write(void *arg)
{
    const struct write_call *call = arg;
    struct jpeg_encoder *je = call->je;
    JSAMPARRAY planes[SFX_IMAGE_MAX_PLANES];
    int c;

    for (c = 0; c < (je->cinfo.raw_data_in ? SFX_IMAGE_MAX_PLANES : 1); c++)
        planes[c] = (JSAMPARRAY)call->rows[c];
    if (je->cinfo.raw_data_in) {
        (void)jpeg_write_raw_data(&je->cinfo, planes, je->band_rows);
    } else {
        JDIMENSION left = je->cinfo.image_height - je->cinfo.next_scanline;

        (void)jpeg_write_scanlines(&je->cinfo, planes[0],
                                   left < je->band_rows ? left : je->band_rows);
    }
}

static int jpeg_encoder_write(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct jpeg_encoder *je = state;
    struct write_call call = {je, rows};

    return sfx_guard_call(&je->errors.guard, work_write, &call, err);
}

static void work_finish(void *arg)
{
    struct jpeg_encoder *je = arg;

    jpeg_finish_compress(&je->cinfo);
}

static int jpeg_encoder_finish(void *state, struct sfx_err *err)
{
    struct jpeg_encoder *je = state;

    return sfx_guard_call(&je->errors.guard, work_finish, je, err);
}

const struct sfx_encoder_ops sfx_jpeg_encoder = {
    .open = jpeg_encoder_open,
    .write = jpeg_encoder_write,
    .finish = jpeg_encoder_finish,
    .close = jpeg_encoder_close,
};
