/* SPDX-License-Identifier: MIT */
/* PNG encoding with libpng: gray, gray and alpha, RGB, RGBA of 8 or 16 bits; adaptive filters. */
#include "image/encoder_internal.h"
#include "image/guard.h"
#include "image/png_memory.h"
#include "image/whole.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

struct png_encoder {
    png_structp png;
    png_infop pinfo;
    struct sfx_guard guard;
    struct sfx_outstream *out;
    bool no_memory; /* an allocation of libpng's failed */
};

struct open_call {
    struct png_encoder *pe;
    const struct sfx_encode_params *params;
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

static void work_open(void *arg)
{
    const struct open_call *call = arg;
    const struct sfx_encode_params *params = call->params;
    struct png_encoder *pe = call->pe;

    png_set_write_fn(pe->png, pe, on_write, on_flush);
    png_set_benign_errors(pe->png, 1); /* a profile that libpng does not like is left out */
    png_set_compression_level(pe->png, (int)params->opts->compression);
    png_set_compression_buffer_size(pe->png, SFX_OUTSTREAM_NBYTES);
    png_set_IHDR(pe->png, pe->pinfo, params->width_px, params->height_px, (int)params->depth,
                 colour_type(params->layout), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    set_metadata(pe, &params->metadata);
    if (params->png != NULL)
        set_colour_chunks(pe, params->png);
    png_write_info(pe->png, pe->pinfo);
    write_xmp(pe, params->metadata.xmp);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (params->depth == 16)
        png_set_swap(pe->png);
#endif
}

static void png_encoder_close(void *state)
{
    struct png_encoder *pe = state;

    png_destroy_write_struct(&pe->png, &pe->pinfo);
    free(pe);
}

static void *png_encoder_open(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct png_encoder *pe = calloc(1, sizeof(*pe));
    struct open_call call = {pe, params};

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
    if (sfx_guard_call(&pe->guard, work_open, &call, err) < 0) {
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

    return sfx_guard_call(&pe->guard, work_write, &call, err);
}

static void work_finish(void *arg)
{
    struct png_encoder *pe = arg;

    png_write_end(pe->png, NULL);
}

static int png_encoder_finish(void *state, struct sfx_err *err)
{
    struct png_encoder *pe = state;

    return sfx_guard_call(&pe->guard, work_finish, pe, err);
}

const struct sfx_encoder_ops sfx_png_encoder = {
    .open = png_encoder_open,
    .write = png_encoder_write,
    .finish = png_encoder_finish,
    .close = png_encoder_close,
};
