/* SPDX-License-Identifier: MIT */
/*
 * JPEG decoding with libjpeg's own interface: raw planes on their own grids where that is wanted
 * and possible, else interleaved gray or RGB; CMYK and YCCK become RGB by formula.
 */
#include "image/colour.h"
#include "image/decoder_internal.h"
#include "image/exif.h"
#include "image/jpeg_errors.h"
#include "image/jpeg_planes.h"
#include "image/jpeg_scans.h"
#include "image/jpeg_segments.h"

#include <inttypes.h>
#include <jerror.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_EXIF (JPEG_APP0 + 1)
#define MARKER_ICC  (JPEG_APP0 + 2)
#define MARKER_IPTC (JPEG_APP0 + 13)

struct jpeg_decoder {
    struct jpeg_decompress_struct cinfo;
    struct sfx_jpeg_errors errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct sfx_decoder *dec;
    JOCTET *icc;                  /* owned (malloc by libjpeg) */
    struct sfx_colour *colour;    /* owned: CMYK by its profile; NULL: by formula */
    uint8_t *cmyk;                /* owned: a row before it becomes RGB */
    struct sfx_jpeg_scans *scans; /* owned: leaves scans out; NULL: all are read */
    uint8_t *filtered;            /* owned: what it leaves */
    bool created;                 /* cinfo is to be destroyed */
    bool header_done;
    bool end_faked; /* an EOI that the data does not have was handed to libjpeg */
};

/* The arguments of what runs under the guard. */
struct start_call {
    struct jpeg_decoder *jd;
    const struct sfx_decode_wish *wish;
    struct sfx_planes *planes;
};

struct read_call {
    struct jpeg_decoder *jd;
    uint8_t *const *const *rows;
};

static struct jpeg_decoder *decoder_of(j_common_ptr cinfo)
{
    /* client_data is the errors member. */
    return (struct jpeg_decoder *)((char *)cinfo->client_data -
                                   offsetof(struct jpeg_decoder, errors));
}

/* Says the row of the image that libjpeg is reading. */
static void locate(j_common_ptr common, struct sfx_err *err, int rc)
{
    j_decompress_ptr cinfo = (j_decompress_ptr)common;
    uint32_t mcu_rows = (uint32_t)cinfo->max_v_samp_factor * DCTSIZE;
    uint32_t row = cinfo->input_iMCU_row * mcu_rows + 1;

    if (!decoder_of(common)->header_done)
        return;
    if (row > cinfo->image_height)
        row = cinfo->image_height;
    (void)sfx_err_wrap(err, rc, "row %u of %u", row, cinfo->image_height);
    if (cinfo->input_scan_number > 1 || cinfo->progressive_mode)
        (void)sfx_err_wrap(err, rc, "scan %d", cinfo->input_scan_number);
}

static void source_nothing(j_decompress_ptr cinfo)
{
    (void)cinfo;
}

/* Filters what the source holds. */
static void leave_scans_out(struct jpeg_decoder *jd)
{
    struct jpeg_source_mgr *src = &jd->source;

    src->bytes_in_buffer =
        sfx_jpeg_scans_filter(jd->scans, src->next_input_byte, src->bytes_in_buffer, jd->filtered);
    src->next_input_byte = jd->filtered;
    if (jd->scans->dropped + (uint32_t)jd->cinfo.input_scan_number > jd->dec->limits.max_scans)
        sfx_jpeg_throw((j_common_ptr)&jd->cinfo, SFX_E_LIMIT, "more scans than the limit");
}

/* Ends the call with what is wrong with the data, or only notes it where a part is welcome. */
static void say_damage(struct jpeg_decoder *jd, const char *text)
{
    struct sfx_err reason;
    j_common_ptr common = (j_common_ptr)&jd->cinfo;

    if (!jd->dec->partial)
        sfx_jpeg_throw(common, SFX_E_INPUT, text);
    (void)sfx_err_set(&reason, SFX_E_INPUT, "%s", text);
    locate(common, &reason, SFX_E_INPUT);
    sfx_decoder_note(jd->dec, &reason);
}

static bool tolerate(j_common_ptr cinfo, const char *text)
{
    struct jpeg_decoder *jd = decoder_of(cinfo);

    if (!jd->dec->partial)
        return false;
    say_damage(jd, text);
    return true;
}

/*
 * At the end of the data libjpeg gets an EOI once: an image that lacks only that is whole. If it
 * wanted anything else it says so (JWRN_HIT_MARKER) or asks again.
 */
static boolean source_fill(j_decompress_ptr cinfo)
{
    static const JOCTET end_of_image[] = {0xff, JPEG_EOI};
    struct jpeg_decoder *jd = decoder_of((j_common_ptr)cinfo);
    struct sfx_instream *in = &jd->dec->in;
    int rc;

    if (!jd->header_done && in->total_nbytes > jd->dec->limits.max_header_nbytes)
        sfx_jpeg_throw((j_common_ptr)cinfo, SFX_E_LIMIT, "the header is larger than the limit");
    rc = sfx_instream_fill(in, jd->errors.guard.err);
    if (rc < 0)
        sfx_guard_throw(&jd->errors.guard, rc);
    if (rc > 0) {
        cinfo->src->next_input_byte = in->buf;
        cinfo->src->bytes_in_buffer = in->len;
        if (jd->scans != NULL)
            leave_scans_out(jd);
        /* There may be nothing left of it. */
        return cinfo->src->bytes_in_buffer > 0 ? TRUE : source_fill(cinfo);
    }
    /* What is left out may lack something, too. */
    if (jd->scans != NULL && jd->scans->dropping)
        say_damage(jd, "data ends early");
    if (!jd->header_done || (jd->end_faked && !jd->dec->partial))
        sfx_jpeg_throw((j_common_ptr)cinfo, SFX_E_INPUT,
                       jd->header_done ? "data ends early" : "the header ends early");
    jd->end_faked = true;
    cinfo->src->next_input_byte = end_of_image;
    cinfo->src->bytes_in_buffer = sizeof(end_of_image);
    return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long nbytes)
{
    struct jpeg_source_mgr *src = cinfo->src;

    while (nbytes > 0 && (unsigned long)nbytes > src->bytes_in_buffer) {
        nbytes -= (long)src->bytes_in_buffer;
        (void)source_fill(cinfo);
    }
    if (nbytes > 0) {
        src->next_input_byte += nbytes;
        src->bytes_in_buffer -= (size_t)nbytes;
    }
}

/* Called for every row of MCUs of every scan. */
static void count_scans(j_common_ptr common)
{
    j_decompress_ptr cinfo = (j_decompress_ptr)common;

    if (!common->is_decompressor ||
        (uint32_t)cinfo->input_scan_number <= decoder_of(common)->dec->limits.max_scans)
        return;
    sfx_jpeg_throw(common, SFX_E_LIMIT, "more scans than the limit");
}

static const char *colour_name(J_COLOR_SPACE space)
{
    switch (space) {
    case JCS_GRAYSCALE: return "gray";
    case JCS_RGB: return "rgb";
    case JCS_YCbCr: return "ycbcr";
    case JCS_CMYK: return "cmyk";
    case JCS_YCCK: return "ycck";
    default: return NULL;
    }
}

/* The first segment of a marker whose data begins with head, without it. */
static struct sfx_slice find_segment(const struct jpeg_decompress_struct *cinfo, int marker,
                                     struct sfx_slice head)
{
    jpeg_saved_marker_ptr m;

    for (m = cinfo->marker_list; m != NULL; m = m->next)
        if (m->marker == marker && m->data_length >= head.len &&
            memcmp(m->data, head.ptr, head.len) == 0)
            return sfx_slice((const char *)m->data + head.len, m->data_length - head.len);
    return sfx_slice(NULL, 0);
}

static void fill_metadata(struct jpeg_decoder *jd)
{
    struct sfx_metadata *metadata = &jd->dec->info.metadata;
    unsigned icc_nbytes = 0;

    metadata->exif = find_segment(&jd->cinfo, MARKER_EXIF, sfx_jpeg_exif_head);
    metadata->xmp = find_segment(&jd->cinfo, MARKER_EXIF, sfx_jpeg_xmp_head);
    metadata->iptc = find_segment(&jd->cinfo, MARKER_IPTC, sfx_jpeg_iptc_head);
    jd->dec->info.orientation =
        sfx_exif_orientation((const uint8_t *)metadata->exif.ptr, metadata->exif.len);
    if (jpeg_read_icc_profile(&jd->cinfo, &jd->icc, &icc_nbytes))
        metadata->icc = sfx_slice((const char *)jd->icc, icc_nbytes);
}

static void fill_info(struct jpeg_decoder *jd)
{
    struct sfx_image_info *info = &jd->dec->info;

    info->width_px = jd->cinfo.image_width;
    info->height_px = jd->cinfo.image_height;
    info->depth = (unsigned)jd->cinfo.data_precision;
    info->colour = colour_name(jd->cinfo.jpeg_color_space);
    info->layout = jd->cinfo.jpeg_color_space == JCS_GRAYSCALE ? SFX_LAYOUT_GRAY : SFX_LAYOUT_RGB;
    info->interlaced = jd->cinfo.progressive_mode;
    fill_metadata(jd);
}

/* What libjpeg keeps when the coefficients of all scans must be gathered first. */
static uint64_t coefficients_nbytes(const struct jpeg_decompress_struct *cinfo)
{
    uint64_t blocks = 0;
    int c;

    for (c = 0; c < cinfo->num_components; c++)
        blocks +=
            (uint64_t)cinfo->comp_info[c].width_in_blocks * cinfo->comp_info[c].height_in_blocks;
    return blocks * sizeof(JBLOCK);
}

static void work_open(void *arg)
{
    struct jpeg_decoder *jd = arg;
    j_common_ptr common = (j_common_ptr)&jd->cinfo;
    const struct sfx_image_limits *limits = &jd->dec->limits;
    int rc;

    jpeg_create_decompress(&jd->cinfo);
    jd->created = true;
    jd->cinfo.src = &jd->source;
    jd->cinfo.progress = &jd->progress;
    jd->source.init_source = source_nothing;
    jd->source.fill_input_buffer = source_fill;
    jd->source.skip_input_data = source_skip;
    jd->source.resync_to_restart = jpeg_resync_to_restart;
    jd->source.term_source = source_nothing;
    jd->source.next_input_byte = jd->dec->in.buf;
    jd->source.bytes_in_buffer = jd->dec->in.len;
    jd->progress.progress_monitor = count_scans;
    jpeg_save_markers(&jd->cinfo, MARKER_EXIF, 0xffff);
    jpeg_save_markers(&jd->cinfo, MARKER_ICC, 0xffff);
    jpeg_save_markers(&jd->cinfo, MARKER_IPTC, 0xffff);
    (void)jpeg_read_header(&jd->cinfo, TRUE);
    rc = sfx_image_limits_check(limits, jd->cinfo.image_width, jd->cinfo.image_height,
                                jd->errors.guard.err);
    if (rc < 0)
        sfx_guard_throw(&jd->errors.guard, rc);
    if (colour_name(jd->cinfo.jpeg_color_space) == NULL)
        sfx_jpeg_throw(common, SFX_E_UNSUPPORTED, "a JPEG image of unknown colour model");
    if (jpeg_has_multiple_scans(&jd->cinfo) &&
        coefficients_nbytes(&jd->cinfo) > limits->max_decoded_nbytes)
        sfx_jpeg_throw(common, SFX_E_LIMIT,
                       "a progressive image of this size takes more memory than the limit");
    fill_info(jd);
    jd->header_done = true;
}

static void jpeg_decoder_close(void *state)
{
    struct jpeg_decoder *jd = state;

    if (jd->created)
        jpeg_destroy_decompress(&jd->cinfo);
    free(jd->icc);
    free(jd->scans);
    free(jd->filtered);
    free(jd->cmyk);
    sfx_colour_free(jd->colour);
    free(jd);
}

static void *jpeg_decoder_open(struct sfx_decoder *dec, struct sfx_err *err)
{
    struct jpeg_decoder *jd = calloc(1, sizeof(*jd));

    if (jd == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a JPEG decoder");
        return NULL;
    }
    jd->dec = dec;
    jd->cinfo.err = sfx_jpeg_errors_init(&jd->errors);
    jd->cinfo.client_data = &jd->errors;
    jd->errors.locate = locate;
    jd->errors.tolerate = tolerate;
    if (sfx_guard_call(&jd->errors.guard, work_open, jd, err) < 0) {
        jpeg_decoder_close(jd);
        return NULL;
    }
    return jd;
}

/* A progressive image whose end is missing is whole only if every coefficient is exact. */
static bool is_complete(const struct jpeg_decoder *jd)
{
    const struct jpeg_decompress_struct *cinfo = &jd->cinfo;
    int c, k;

    if (cinfo->coef_bits == NULL)
        return false;
    for (c = 0; c < cinfo->num_components; c++)
        for (k = 0; k < DCTSIZE2; k++)
            if (cinfo->coef_bits[c][k] != 0 &&
                (k == 0 || jd->scans == NULL ||
                 !jd->scans->drops[cinfo->comp_info[c].component_id & 0xff]))
                return false;
    return true;
}

/* Components of which only the mean of a block is looked at need no scan of AC coefficients. */
static void plan_scans(struct jpeg_decoder *jd)
{
    struct jpeg_decompress_struct *cinfo = &jd->cinfo;
    bool any = false;
    int c;

    if (!cinfo->progressive_mode || cinfo->scale_num > 1)
        return;
    jpeg_calc_output_dimensions(cinfo);
    jd->scans = calloc(1, sizeof(*jd->scans));
    jd->filtered = malloc(SFX_INSTREAM_NBYTES + SFX_JPEG_SCAN_HEAD_NBYTES);
    if (jd->scans == NULL || jd->filtered == NULL)
        sfx_jpeg_throw((j_common_ptr)cinfo, SFX_E_NOMEM, "no memory for a JPEG image");
    for (c = 0; c < cinfo->num_components; c++) {
        const jpeg_component_info *comp = &cinfo->comp_info[c];

        jd->scans->drops[comp->component_id & 0xff] = comp->DCT_scaled_size == 1;
        any = any || comp->DCT_scaled_size == 1;
    }
    if (any) {
        leave_scans_out(jd);
        return;
    }
    free(jd->scans);
    jd->scans = NULL;
}

static void work_start(void *arg)
{
    const struct start_call *call = arg;
    struct jpeg_decoder *jd = call->jd;
    struct jpeg_decompress_struct *cinfo = &jd->cinfo;

    cinfo->scale_num = 8u >> sfx_jpeg_shrink(cinfo, call->wish->shrink_log2);
    cinfo->scale_denom = 8;
    cinfo->do_block_smoothing = FALSE;
    cinfo->raw_data_out = call->wish->planar && cinfo->jpeg_color_space == JCS_YCbCr;
    switch (cinfo->jpeg_color_space) {
    case JCS_GRAYSCALE: cinfo->out_color_space = JCS_GRAYSCALE; break;
    case JCS_CMYK:
    case JCS_YCCK: cinfo->out_color_space = JCS_CMYK; break;
    default: cinfo->out_color_space = cinfo->raw_data_out ? JCS_YCbCr : JCS_RGB; break;
    }
    plan_scans(jd);
    (void)jpeg_start_decompress(cinfo);
    if (jd->end_faked && jpeg_has_multiple_scans(cinfo) && !is_complete(jd))
        say_damage(jd, "data ends early");
    sfx_jpeg_describe(cinfo, call->planes);
}

static int jpeg_decoder_start(void *state, const struct sfx_decode_wish *wish,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct jpeg_decoder *jd = state;
    struct start_call call = {jd, wish, planes};
    int rc = sfx_guard_call(&jd->errors.guard, work_start, &call, err);

    if (rc == 0 && jd->cinfo.out_color_space == JCS_CMYK) {
        jd->cmyk = malloc((size_t)jd->cinfo.output_width * 4);
        if (jd->cmyk == NULL)
            rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        /* Without the library, or with a profile that it does not like, the formula does. */
        if (jd->dec->info.metadata.icc.len > 0)
            (void)sfx_colour_new_cmyk(jd->dec->info.metadata.icc, jd->cinfo.saw_Adobe_marker != 0,
                                      &jd->colour, NULL);
    }
    return rc;
}

/*
 * Ink to light: R = (1 - C)(1 - K). Adobe's writers, whose marker tells them, store 1 - ink
 * already.
 */
static void cmyk_to_rgb(const uint8_t *cmyk, size_t n, bool inverted, uint8_t *rgb)
{
    const unsigned flip = inverted ? 0 : 0xff;
    size_t i, c;

    for (i = 0; i < n; i++)
        for (c = 0; c < 3; c++)
            rgb[3 * i + c] =
                (uint8_t)(((cmyk[4 * i + c] ^ flip) * (cmyk[4 * i + 3] ^ flip) + 127) / 255);
}

static void work_read(void *arg)
{
    const struct read_call *call = arg;
    struct jpeg_decoder *jd = call->jd;
    struct jpeg_decompress_struct *cinfo = &jd->cinfo;
    JSAMPARRAY planes[SFX_IMAGE_MAX_PLANES];
    JSAMPROW row;
    int c;

    if (cinfo->raw_data_out) {
        for (c = 0; c < SFX_IMAGE_MAX_PLANES; c++)
            planes[c] = (JSAMPARRAY)call->rows[c];
        (void)jpeg_read_raw_data(
            cinfo, planes, (JDIMENSION)(cinfo->max_v_samp_factor * cinfo->min_DCT_scaled_size));
        return;
    }
    row = jd->cmyk != NULL ? jd->cmyk : call->rows[0][0];
    (void)jpeg_read_scanlines(cinfo, &row, 1);
    if (jd->colour != NULL)
        sfx_colour_row(jd->colour, jd->cmyk, call->rows[0][0], cinfo->output_width);
    else if (jd->cmyk != NULL)
        cmyk_to_rgb(jd->cmyk, cinfo->output_width, cinfo->saw_Adobe_marker, call->rows[0][0]);
}

static int jpeg_decoder_read(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct jpeg_decoder *jd = state;
    struct read_call call = {jd, rows};

    return sfx_guard_call(&jd->errors.guard, work_read, &call, err);
}

static bool is_jpeg(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    return memcmp(head, "\xff\xd8\xff", 3) == 0;
}

const struct sfx_decoder_ops sfx_jpeg_decoder = {
    .format = SFX_IMAGE_JPEG,
    .matches = is_jpeg,
    .open = jpeg_decoder_open,
    .start = jpeg_decoder_start,
    .read = jpeg_decoder_read,
    .close = jpeg_decoder_close,
};
