/* SPDX-License-Identifier: MIT */
/*
 * PNG decoding with libpng. Palettes and fewer than 8 bits become 8-bit samples, tRNS becomes
 * alpha, 16 bits stay. Rows stream, except from interlaced images, which are held whole.
 *
 * libpng knows nothing of animation: an APNG's first frame is its default image. Ancillary chunks
 * with a wrong checksum are errors like critical ones: a damaged file is said to be damaged.
 */
#include "image/decoder_internal.h"
#include "image/exif.h"
#include "image/guard.h"
#include "image/png_inflate.h"
#include "image/png_memory.h"
#include "image/whole.h"

#include "base/buf.h"

#include <inttypes.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

bool sfx_png_plain;

#define MAX_CHUNK_NBYTES (8u << 20) /* of one chunk that must be held (iCCP, eXIf) */

struct png_decoder {
    png_structp png;
    png_infop pinfo;
    struct sfx_guard guard;
    struct sfx_decoder *dec;
    struct sfx_buf xmp;
    struct sfx_whole whole;       /* an interlaced image */
    struct sfx_png_inflate *fast; /* owned: what reads the pixels instead of libpng, or NULL */
    uint8_t palette[256][4];      /* RGBA, for fast */
    uint8_t last[8];              /* the last 8 bytes that libpng read at once: a chunk's head */
    size_t row_nbytes;
    int passes;
    uint32_t row;   /* rows handed out (or decoded, while `whole` is filled) */
    bool in_rows;   /* pixel data has begun: errors have a row */
    bool no_memory; /* an allocation of libpng's failed */
};

struct start_call {
    struct png_decoder *pd;
    struct sfx_planes *planes;
};

struct read_call {
    struct png_decoder *pd;
    uint8_t *row;
};

_Noreturn static void throw_text(struct png_decoder *pd, enum sfx_code code, const char *text)
{
    struct sfx_err *err = pd->guard.err;
    uint32_t height = pd->dec->info.height_px;

    (void)sfx_err_set(err, code, "%s", text);
    if (pd->in_rows)
        (void)sfx_err_wrap(err, code, "row %" PRIu32 " of %" PRIu32,
                           pd->row < height ? pd->row + 1 : height, height);
    sfx_guard_throw(&pd->guard, code);
}

static void on_error(png_structp png, png_const_charp text)
{
    struct png_decoder *pd = png_get_error_ptr(png);

    throw_text(pd, pd->no_memory ? SFX_E_NOMEM : SFX_E_INPUT, text);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t len)
{
    struct png_decoder *pd = png_get_io_ptr(png);
    struct sfx_instream *in = &pd->dec->in;

    uint8_t *begin = out;
    size_t nbytes = len;

    if (!pd->in_rows && in->total_nbytes > pd->dec->limits.max_header_nbytes)
        throw_text(pd, SFX_E_LIMIT, "the header is larger than the limit");
    while (len > 0) {
        size_t n = in->len - in->at;

        if (n == 0) {
            int rc = sfx_instream_fill(in, pd->guard.err);

            if (rc < 0)
                sfx_guard_throw(&pd->guard, rc);
            if (rc == 0)
                throw_text(pd, SFX_E_INPUT,
                           pd->in_rows ? "data ends early" : "the header ends early");
            continue;
        }
        n = n < len ? n : len;
        memcpy(out, in->buf + in->at, n);
        in->at += n;
        out += n;
        len -= n;
    }
    if (nbytes == sizeof(pd->last))
        memcpy(pd->last, begin, sizeof(pd->last));
}

/*
 * An XMP packet: the keyword, two bytes of compression, a language and the keyword in that, each
 * with its NUL, then the text. A compressed one is against XMP part 3, 1.1.5, and left out.
 */
static void keep_xmp(struct png_decoder *pd, const uint8_t *data, size_t len)
{
    static const char keyword[] = "XML:com.adobe.xmp\0";
    const uint8_t *end = data + len;
    int i;

    if (len < sizeof(keyword) + 1 || memcmp(data, keyword, sizeof(keyword)) != 0)
        return;
    data += sizeof(keyword) + 1; /* past the flag, which is 0, and the method */
    for (i = 0; i < 2 && data != NULL; i++) {
        data = memchr(data, '\0', (size_t)(end - data));
        data += data != NULL;
    }
    if (data == NULL)
        return;
    sfx_buf_clear(&pd->xmp);
    if (sfx_buf_append(&pd->xmp, data, (size_t)(end - data), pd->guard.err) < 0)
        sfx_guard_throw(&pd->guard, SFX_E_NOMEM);
}

/* What goes before every other description of colour; libpng does not know it yet. */
static void keep_cicp(struct sfx_png_colour *colour, const uint8_t codes[4])
{
    colour->has_cicp = true;
    memcpy(colour->cicp, codes, sizeof(colour->cicp));
}

/* Chunks that libpng does not read, or not as they are wanted here. */
static int on_unknown_chunk(png_structp png, png_unknown_chunkp chunk)
{
    struct png_decoder *pd = png_get_user_chunk_ptr(png);

    /* acTL of an APNG: number of frames, then of plays. */
    if (memcmp(chunk->name, "acTL", 4) == 0 && chunk->size >= 4)
        pd->dec->info.frames = png_get_uint_32(chunk->data);
    else if (memcmp(chunk->name, "cICP", 4) == 0 && chunk->size == 4)
        keep_cicp(&pd->dec->info.png, chunk->data);
    else if (memcmp(chunk->name, "iTXt", 4) == 0 && !pd->in_rows)
        keep_xmp(pd, chunk->data, chunk->size);
    return 1;
}

static const char *colour_name(int type)
{
    switch (type) {
    case PNG_COLOR_TYPE_GRAY: return "gray";
    case PNG_COLOR_TYPE_GRAY_ALPHA: return "gray+alpha";
    case PNG_COLOR_TYPE_PALETTE: return "palette";
    case PNG_COLOR_TYPE_RGB: return "rgb";
    default: return "rgba";
    }
}

/* gAMA, sRGB and cHRM say how to show the samples, which stay as they are. */
static void read_colour_chunks(struct png_decoder *pd, struct sfx_png_colour *colour)
{
    int32_t *c = colour->chrm;

    colour->has_gamma = png_get_gAMA_fixed(pd->png, pd->pinfo, &colour->gamma) != 0;
    colour->has_srgb = png_get_sRGB(pd->png, pd->pinfo, &colour->srgb_intent) != 0;
    colour->has_chrm = png_get_cHRM_fixed(pd->png, pd->pinfo, &c[0], &c[1], &c[2], &c[3], &c[4],
                                          &c[5], &c[6], &c[7]) != 0;
}

static void fill_info(struct png_decoder *pd)
{
    struct sfx_image_info *info = &pd->dec->info;
    int type = png_get_color_type(pd->png, pd->pinfo);
    bool alpha =
        (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(pd->png, pd->pinfo, PNG_INFO_tRNS) != 0;
    bool colour = (type & PNG_COLOR_MASK_COLOR) != 0;
    png_charp name;
    png_bytep profile = NULL, exif = NULL;
    png_uint_32 profile_nbytes = 0, exif_nbytes = 0;
    int method;

    info->depth = png_get_bit_depth(pd->png, pd->pinfo);
    info->colour = colour_name(type);
    info->layout = colour ? (alpha ? SFX_LAYOUT_RGBA : SFX_LAYOUT_RGB)
                          : (alpha ? SFX_LAYOUT_GRAY_ALPHA : SFX_LAYOUT_GRAY);
    info->interlaced = png_get_interlace_type(pd->png, pd->pinfo) != PNG_INTERLACE_NONE;
    if (png_get_iCCP(pd->png, pd->pinfo, &name, &method, &profile, &profile_nbytes) != 0)
        info->metadata.icc = sfx_slice((const char *)profile, profile_nbytes);
    if (png_get_eXIf_1(pd->png, pd->pinfo, &exif_nbytes, &exif) != 0)
        info->metadata.exif = sfx_slice((const char *)exif, exif_nbytes);
    info->metadata.xmp = sfx_buf_slice(&pd->xmp);
    info->orientation = sfx_exif_orientation(exif, exif_nbytes);
    read_colour_chunks(pd, &info->png);
}

static void work_open(void *arg)
{
    static const png_byte text_chunks[] = "tEXt\0zTXt", xmp_chunk[] = "iTXt";
    struct png_decoder *pd = arg;
    struct sfx_image_info *info = &pd->dec->info;
    int rc;

    png_set_read_fn(pd->png, pd, on_read);
    png_set_crc_action(pd->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* The sides are judged below, with our own words. */
    png_set_user_limits(pd->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(pd->png, MAX_CHUNK_NBYTES);
    png_set_read_user_chunk_fn(pd->png, pd, on_unknown_chunk);
    /* Text is passed over, not inflated. */
    png_set_keep_unknown_chunks(pd->png, PNG_HANDLE_CHUNK_NEVER, text_chunks, 2);
    png_set_keep_unknown_chunks(pd->png, PNG_HANDLE_CHUNK_ALWAYS, xmp_chunk, 1);
    png_read_info(pd->png, pd->pinfo);
    info->width_px = png_get_image_width(pd->png, pd->pinfo);
    info->height_px = png_get_image_height(pd->png, pd->pinfo);
    rc = sfx_image_limits_check(&pd->dec->limits, info->width_px, info->height_px, pd->guard.err);
    if (rc < 0)
        sfx_guard_throw(&pd->guard, rc);
    fill_info(pd);
}

static void png_decoder_close(void *state)
{
    struct png_decoder *pd = state;

    png_destroy_read_struct(&pd->png, &pd->pinfo, NULL);
    sfx_buf_done(&pd->xmp);
    sfx_whole_done(&pd->whole);
    sfx_png_inflate_free(pd->fast);
    free(pd);
}

static void *png_decoder_open(struct sfx_decoder *dec, struct sfx_err *err)
{
    struct png_decoder *pd = calloc(1, sizeof(*pd));

    if (pd != NULL) {
        pd->dec = dec;
        pd->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, pd, on_error, on_warning,
                                           &pd->no_memory, sfx_png_malloc, NULL);
        pd->pinfo = pd->png != NULL ? png_create_info_struct(pd->png) : NULL;
    }
    if (pd == NULL || pd->pinfo == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a PNG decoder");
        if (pd != NULL)
            png_decoder_close(pd);
        return NULL;
    }
    if (sfx_guard_call(&pd->guard, work_open, pd, err) < 0) {
        png_decoder_close(pd);
        return NULL;
    }
    return pd;
}

/* The palette as samples; indexes beyond it are opaque black, as libpng has them. */
static void load_palette(struct png_decoder *pd)
{
    png_colorp colours = NULL;
    png_bytep alphas = NULL;
    int n = 0, nalphas = 0, i;

    (void)png_get_PLTE(pd->png, pd->pinfo, &colours, &n);
    (void)png_get_tRNS(pd->png, pd->pinfo, &alphas, &nalphas, NULL);
    for (i = 0; i < 256; i++) {
        uint8_t *c = pd->palette[i];

        memset(c, 0, 3);
        c[3] = i < nalphas ? alphas[i] : 255;
        if (i < n) {
            c[0] = colours[i].red;
            c[1] = colours[i].green;
            c[2] = colours[i].blue;
        }
    }
}

/* Lets ISA-L read the pixels where it is there and the rows need little more than a copy. */
static void try_fast(struct png_decoder *pd)
{
    const struct sfx_image_info *info = &pd->dec->info;
    bool palette = png_get_color_type(pd->png, pd->pinfo) == PNG_COLOR_TYPE_PALETTE;
    size_t bpp = sfx_layout_channels(info->layout) * (info->depth / 8);

    if (sfx_png_plain || info->interlaced || memcmp(pd->last + 4, "IDAT", 4) != 0 ||
        (!palette && (info->depth < 8 || png_get_valid(pd->png, pd->pinfo, PNG_INFO_tRNS) != 0)))
        return;
    pd->fast = sfx_png_inflate_new(&pd->dec->in, png_get_uint_32(pd->last),
                                   png_get_rowbytes(pd->png, pd->pinfo), info->height_px,
                                   palette ? 1 : bpp, NULL);
    if (pd->fast != NULL && palette)
        load_palette(pd);
}

/* Makes the file's samples those that are handed out. */
static void put_fast_row(const struct png_decoder *pd, const uint8_t *src, uint8_t *dst)
{
    const struct sfx_image_info *info = &pd->dec->info;
    unsigned channels = sfx_layout_channels(info->layout), depth = info->depth;
    size_t n = (size_t)info->width_px * channels, i;

    if (strcmp(info->colour, "palette") == 0) {
        for (i = 0; i < info->width_px; i++, dst += channels) {
            size_t bit = i * depth;
            unsigned index = src[bit / 8] >> (8 - depth - bit % 8) & ((1u << depth) - 1);

            memcpy(dst, pd->palette[index], channels);
        }
    } else if (depth == 8) {
        memcpy(dst, src, n);
    } else {
        for (i = 0; i < n; i++)
            ((uint16_t *)(void *)dst)[i] = (uint16_t)(src[2 * i] << 8 | src[2 * i + 1]);
    }
}

static void work_start(void *arg)
{
    const struct start_call *call = arg;
    struct png_decoder *pd = call->pd;
    struct sfx_image_info *info = &pd->dec->info;

    try_fast(pd);
    png_set_expand(pd->png); /* palette, bits, tRNS */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    png_set_swap(pd->png); /* 16 bits in our order */
#endif
    pd->passes = png_set_interlace_handling(pd->png);
    png_read_update_info(pd->png, pd->pinfo);
    pd->row_nbytes = png_get_rowbytes(pd->png, pd->pinfo);
    pd->in_rows = true;
    sfx_planes_of_rows(call->planes, info->layout, png_get_bit_depth(pd->png, pd->pinfo),
                       info->width_px, info->height_px);
}

static void work_read_whole(void *arg)
{
    struct png_decoder *pd = arg;
    uint32_t height = pd->dec->info.height_px;
    int pass;

    for (pass = 0; pass < pd->passes; pass++)
        for (pd->row = 0; pd->row < height; pd->row++)
            png_read_row(pd->png, sfx_whole_row(&pd->whole, pd->row), NULL);
    png_read_end(pd->png, NULL);
}

/* Holds an interlaced image: its rows are only complete at its end. */
static int read_whole(struct png_decoder *pd, struct sfx_err *err)
{
    int rc = sfx_whole_init(&pd->whole, pd->row_nbytes, pd->dec->info.height_px,
                            pd->dec->limits.max_decoded_nbytes, err);

    if (rc < 0)
        return rc;
    rc = sfx_guard_call(&pd->guard, work_read_whole, pd, err);
    pd->row = 0;
    return sfx_decoder_tolerate(pd->dec, rc, err);
}

static int png_decoder_start(void *state, const struct sfx_decode_wish *wish,
                             struct sfx_planes *planes, struct sfx_err *err)
{
    struct png_decoder *pd = state;
    struct start_call call = {pd, planes};
    int rc;

    (void)wish; /* rows come interleaved and at full size, which is always allowed */
    rc = sfx_guard_call(&pd->guard, work_start, &call, err);
    if (rc == 0 && pd->passes > 1)
        rc = read_whole(pd, err);
    return rc;
}

static void work_read(void *arg)
{
    const struct read_call *call = arg;
    struct png_decoder *pd = call->pd;

    png_read_row(pd->png, call->row, NULL);
    pd->row++;
}

/* Says where rc, described in err, was found by what is not libpng. */
static int locate(const struct png_decoder *pd, int rc, struct sfx_err *err)
{
    uint32_t height = pd->dec->info.height_px;

    return rc < 0 ? sfx_err_wrap(err, rc, "row %" PRIu32 " of %" PRIu32,
                                 pd->row < height ? pd->row + 1 : height, height)
                  : 0;
}

static int read_fast(struct png_decoder *pd, uint8_t *dst, struct sfx_err *err)
{
    struct sfx_err reason;
    const uint8_t *row = sfx_png_inflate_row(pd->fast, &reason);

    if (row == NULL) {
        if (err != NULL)
            *err = reason;
        return locate(pd, (int)reason.code, err);
    }
    put_fast_row(pd, row, dst);
    pd->row++;
    return 0;
}

static void work_end(void *arg)
{
    struct png_decoder *pd = arg;

    png_read_end(pd->png, NULL);
}

/* The end is read as well: its checksum, and that nothing is missing. */
static int read_end(struct png_decoder *pd, struct sfx_err *err)
{
    struct sfx_err reason;
    int rc = pd->fast != NULL ? locate(pd, sfx_png_inflate_end(pd->fast, &reason), &reason)
                              : sfx_guard_call(&pd->guard, work_end, pd, &reason);

    rc = sfx_decoder_tolerate(pd->dec, rc, &reason);
    if (rc < 0 && err != NULL)
        *err = reason;
    return rc;
}

static int png_decoder_read(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct png_decoder *pd = state;
    struct read_call call = {pd, rows[0][0]};
    int rc;

    if (pd->whole.rows != NULL) {
        sfx_whole_take(&pd->whole, rows[0][0]);
        return 0;
    }
    rc = pd->fast != NULL ? read_fast(pd, rows[0][0], err)
                          : sfx_guard_call(&pd->guard, work_read, &call, err);
    return rc == 0 && pd->row == pd->dec->info.height_px ? read_end(pd, err) : rc;
}

static bool is_png(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    return memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0;
}

const struct sfx_decoder_ops sfx_png_decoder = {
    .format = SFX_IMAGE_PNG,
    .matches = is_png,
    .open = png_decoder_open,
    .start = png_decoder_start,
    .read = png_decoder_read,
    .close = png_decoder_close,
};
