/* SPDX-License-Identifier: MIT */
/*
 * PNG encoding. An image is held until its end, unless it is very large: then the smallest form
 * that shows the same pixels is known, and libdeflate can compress them at once. The chunks are
 * libpng's; so are the pixels where there is no libdeflate.
 */
#include "image/encoder_internal.h"
#include "image/guard.h"
#include "image/png_deflate.h"
#include "image/png_inflate.h"
#include "image/png_memory.h"
#include "image/quantize.h"
#include "image/whole.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* What is held at most; larger images stream. Compressing takes as much twice more. */
#define MAX_HELD_NBYTES (64u << 20)

#define UNSEEN_DB 40 /* PSNR from which on the colours of a palette pass for those of the image */

struct png_encoder {
    png_structp png;
    png_infop pinfo;
    struct sfx_guard guard;
    struct sfx_outstream *out;
    bool no_memory; /* an allocation of libpng's failed */
    struct sfx_encode_params params;
    struct sfx_png_form form;
    struct sfx_whole whole; /* rows that are held; none: they stream */
    struct sfx_buf deflated;
};

struct write_call {
    struct png_encoder *pe;
    const uint8_t *row;
};

static void on_error(png_structp png, png_const_charp text)
{
    struct png_encoder *pe = png_get_error_ptr(png);

    sfx_guard_throw(&pe->guard,
                    sfx_err_set(pe->guard.err, pe->no_memory ? SFX_E_NOMEM : SFX_E_UNSUPPORTED,
                                "PNG: %s", text));
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep ptr, size_t len)
{
    struct png_encoder *pe = png_get_io_ptr(png);
    int rc = sfx_outstream_write(pe->out, ptr, len, pe->guard.err);

    if (rc < 0)
        sfx_guard_throw(&pe->guard, rc);
}

static void on_flush(png_structp png)
{
    (void)png;
}

static int colour_type(enum sfx_layout layout)
{
    switch (layout) {
    case SFX_LAYOUT_GRAY: return PNG_COLOR_TYPE_GRAY;
    case SFX_LAYOUT_GRAY_ALPHA: return PNG_COLOR_TYPE_GRAY_ALPHA;
    case SFX_LAYOUT_RGBA: return PNG_COLOR_TYPE_RGB_ALPHA;
    default: return PNG_COLOR_TYPE_RGB;
    }
}

static void set_colour_chunks(struct png_encoder *pe, const struct sfx_png_colour *colour)
{
    const int32_t *c = colour->chrm;

    if (colour->has_gamma)
        png_set_gAMA_fixed(pe->png, pe->pinfo, colour->gamma);
    if (colour->has_srgb)
        png_set_sRGB(pe->png, pe->pinfo, colour->srgb_intent);
    if (colour->has_chrm)
        png_set_cHRM_fixed(pe->png, pe->pinfo, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
}

static void set_metadata(struct png_encoder *pe, const struct sfx_metadata *metadata)
{
    if (metadata->icc.len > 0)
        png_set_iCCP(pe->png, pe->pinfo, "ICC profile", PNG_COMPRESSION_TYPE_BASE,
                     (png_const_bytep)metadata->icc.ptr, (png_uint_32)metadata->icc.len);
    if (metadata->exif.len > 0)
        png_set_eXIf_1(pe->png, pe->pinfo, (png_uint_32)metadata->exif.len,
                       (png_bytep)metadata->exif.ptr);
}

/* An iTXt chunk by hand: libpng would want the packet ended by a NUL, and copy it. */
static void write_xmp(struct png_encoder *pe, struct sfx_slice xmp)
{
    static const char head[] = "XML:com.adobe.xmp\0\0\0\0"; /* plain, no language */

    if (xmp.len == 0)
        return;
    png_write_chunk_start(pe->png, (png_const_bytep) "iTXt", (png_uint_32)(sizeof(head) + xmp.len));
    png_write_chunk_data(pe->png, (png_const_bytep)head, sizeof(head));
    png_write_chunk_data(pe->png, (png_const_bytep)xmp.ptr, xmp.len);
    png_write_chunk_end(pe->png);
}

static void set_palette(struct png_encoder *pe, const struct sfx_palette *palette)
{
    png_color colours[256] = {{0, 0, 0}};
    png_byte alphas[256] = {0};
    int nalphas = 0;
    unsigned i;

    for (i = 0; i < palette->count; i++) {
        const uint8_t *c = palette->rgba[i];

        colours[i] = (png_color){c[0], c[1], c[2]};
        alphas[i] = c[3];
        if (c[3] < 255)
            nalphas = (int)i + 1;
    }
    png_set_PLTE(pe->png, pe->pinfo, colours, (int)palette->count);
    if (nalphas > 0)
        png_set_tRNS(pe->png, pe->pinfo, alphas, nalphas, NULL);
}

/* Everything before the pixels. */
static void work_header(void *arg)
{
    struct png_encoder *pe = arg;
    const struct sfx_encode_params *params = &pe->params;
    int compression = params->opts->compression;
    int level = compression == SFX_COMPRESSION_AUTO ? 6 : compression - 1;

    png_set_write_fn(pe->png, pe, on_write, on_flush);
    png_set_benign_errors(pe->png, 1); /* a profile that libpng does not like is left out */
    png_set_compression_level(pe->png, level < 9 ? level : 9);
    png_set_compression_buffer_size(pe->png, SFX_OUTSTREAM_NBYTES);
    png_set_IHDR(pe->png, pe->pinfo, params->width_px, params->height_px, (int)pe->form.depth,
                 pe->form.palette.count > 0 ? PNG_COLOR_TYPE_PALETTE : colour_type(pe->form.layout),
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (pe->form.palette.count > 0)
        set_palette(pe, &pe->form.palette);
    set_metadata(pe, &params->metadata);
    if (params->png != NULL)
        set_colour_chunks(pe, params->png);
    png_write_info_before_PLTE(pe->png, pe->pinfo);
    if (params->png != NULL && params->png->has_cicp)
        png_write_chunk(pe->png, (png_const_bytep) "cICP", params->png->cicp,
                        sizeof(params->png->cicp));
    png_write_info(pe->png, pe->pinfo);
    write_xmp(pe, params->metadata.xmp);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (pe->form.depth == 16)
        png_set_swap(pe->png);
#endif
}

static void png_encoder_close(void *state)
{
    struct png_encoder *pe = state;

    png_destroy_write_struct(&pe->png, &pe->pinfo);
    sfx_whole_done(&pe->whole);
    sfx_buf_done(&pe->deflated);
    free(pe);
}

static void *png_encoder_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct png_encoder *pe = calloc(1, sizeof(*pe));
    int rc;

    if (pe != NULL) {
        pe->out = &enc->out;
        pe->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, pe, on_error, on_warning,
                                            &pe->no_memory, sfx_png_malloc, NULL);
        pe->pinfo = pe->png != NULL ? png_create_info_struct(pe->png) : NULL;
    }
    if (pe == NULL || pe->pinfo == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a PNG encoder");
        if (pe != NULL)
            png_encoder_close(pe);
        return NULL;
    }
    pe->params = *params;
    pe->form.layout = params->layout;
    pe->form.depth = params->depth;
    pe->form.row_nbytes = sfx_png_row_nbytes(&pe->form, params->width_px);
    rc = pe->form.row_nbytes <= MAX_HELD_NBYTES / params->height_px || params->opts->colours > 0
             ? sfx_whole_init(&pe->whole, pe->form.row_nbytes, params->height_px, SIZE_MAX, err)
             : sfx_guard_call(&pe->guard, work_header, pe, err);
    if (rc < 0) {
        png_encoder_close(pe);
        return NULL;
    }
    sfx_planes_of_rows(planes, params->layout, params->depth, params->width_px, params->height_px);
    return pe;
}

static void work_write(void *arg)
{
    const struct write_call *call = arg;

    png_write_row(call->pe->png, call->row);
}

static int png_encoder_write(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct png_encoder *pe = state;
    struct write_call call = {pe, rows[0][0]};

    if (pe->whole.rows != NULL) {
        sfx_whole_put(&pe->whole, rows[0][0]);
        return 0;
    }
    return sfx_guard_call(&pe->guard, work_write, &call, err);
}

static void work_finish(void *arg)
{
    struct png_encoder *pe = arg;
    uint32_t y;

    if (pe->whole.rows != NULL)
        work_header(pe);
    if (pe->deflated.len > 0) {
        png_write_chunk(pe->png, (png_const_bytep) "IDAT", (png_const_bytep)pe->deflated.data,
                        pe->deflated.len);
        png_write_chunk(pe->png, (png_const_bytep) "IEND", NULL, 0);
        return;
    }
    for (y = 0; y < pe->whole.height_px; y++)
        png_write_row(pe->png, sfx_whole_row(&pe->whole, y));
    png_write_end(pe->png, NULL);
}

/* Makes the held rows what is written. */
static int choose_form(struct png_encoder *pe, struct sfx_err *err)
{
    const struct sfx_encode_params *params = &pe->params;
    bool asked = params->opts->colours > 0;
    const struct sfx_quantize_opts opts = {
        .ncolours = asked ? (unsigned)params->opts->colours : 256,
        .dither = asked,
        .least_db = asked ? 0 : UNSEEN_DB,
    };
    int rc = 0;

    if (asked || params->palette)
        rc = sfx_quantize(&pe->whole, params->width_px, &opts, &pe->form, err);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        sfx_png_reduce(&pe->whole, params->width_px, params->metadata.icc.len > 0, &pe->form);
        return 0;
    }
    sfx_png_pack(&pe->whole, params->width_px, &pe->form);
    pe->form.row_nbytes = sfx_png_row_nbytes(&pe->form, params->width_px);
    return 0;
}

static int png_encoder_finish(void *state, struct sfx_err *err)
{
    struct png_encoder *pe = state;
    int rc = 0;

    if (pe->whole.rows != NULL) {
        rc = choose_form(pe, err);
        if (rc < 0)
            return rc;
        rc = sfx_png_plain ? SFX_E_UNSUPPORTED
                           : sfx_png_deflate(&pe->whole, &pe->form, pe->params.opts->compression,
                                             &pe->deflated, err);
    }
    if (rc < 0 && rc != SFX_E_UNSUPPORTED)
        return rc;
    return sfx_guard_call(&pe->guard, work_finish, pe, err);
}

const struct sfx_encoder_ops sfx_png_encoder = {
    .open = png_encoder_open,
    .write = png_encoder_write,
    .finish = png_encoder_finish,
    .close = png_encoder_close,
};
