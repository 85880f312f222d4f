/* SPDX-License-Identifier: MIT */
/*
 * AVIF and HEIF decoding with libheif: the file and the image are held whole, as the format wants
 * it; the first image counts. libheif turns it upright itself, so EXIF's orientation says nothing.
 */
#include "image/decoder_internal.h"
#include "image/heif_internal.h"
#include "image/whole.h"

#include <stdlib.h>
#include <string.h>

static bool has_brand(const uint8_t head[SFX_SIGNATURE_NBYTES], const char (*brands)[5], size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (memcmp(head + 4, "ftyp", 4) == 0 && memcmp(head + 8, brands[i], 4) == 0)
            return true;
    return false;
}

static bool is_avif(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    static const char brands[][5] = {"avif", "avis"};

    return has_brand(head, brands, sizeof(brands) / sizeof(brands[0]));
}

static bool is_heif(const uint8_t head[SFX_SIGNATURE_NBYTES])
{
    static const char brands[][5] = {"heic", "heix", "mif1", "msf1", "hevc", "heim", "heis"};

    return has_brand(head, brands, sizeof(brands) / sizeof(brands[0]));
}

#ifdef SFX_WITH_HEIF

struct heif_decoder {
    const struct sfx_heif_lib *lib;
    struct sfx_decoder *dec;
    struct sfx_buf bytes, icc, exif, xmp;
    struct heif_context *context;
    struct heif_image_handle *handle;
    struct heif_image *image;
    const uint8_t *rows; /* of image */
    size_t stride_nbytes, row_nbytes;
    uint32_t at;
};

static void heif_decoder_close(void *state)
{
    struct heif_decoder *hd = state;

    if (hd->image != NULL)
        hd->lib->image_release(hd->image);
    if (hd->handle != NULL)
        hd->lib->image_handle_release(hd->handle);
    if (hd->context != NULL)
        hd->lib->context_free(hd->context);
    sfx_buf_done(&hd->bytes);
    sfx_buf_done(&hd->icc);
    sfx_buf_done(&hd->exif);
    sfx_buf_done(&hd->xmp);
    free(hd);
}

/* Reads a block of metadata; one that is too large or cannot be read is left out. */
static int read_block(struct heif_decoder *hd, heif_item_id id, struct sfx_buf *out,
                      struct sfx_err *err)
{
    size_t nbytes = hd->lib->image_handle_get_metadata_size(hd->handle, id);

    if (nbytes == 0 || nbytes > hd->dec->limits.max_header_nbytes)
        return 0;
    if (sfx_buf_reserve(out, nbytes, err) < 0)
        return SFX_E_NOMEM;
    if (hd->lib->image_handle_get_metadata(hd->handle, id, out->data).code == heif_error_Ok)
        out->len = nbytes;
    return 0;
}

/* EXIF data begins with the offset of the TIFF structure in what follows. */
static struct sfx_slice tiff_of(const struct sfx_buf *block)
{
    const uint8_t *p = (const uint8_t *)block->data;
    size_t at;

    if (block->len < 4)
        return sfx_slice(NULL, 0);
    at = 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    return at < block->len ? sfx_slice(block->data + at, block->len - at) : sfx_slice(NULL, 0);
}

static int read_metadata(struct heif_decoder *hd, struct sfx_err *err)
{
    const struct sfx_heif_lib *lib = hd->lib;
    struct sfx_metadata *metadata = &hd->dec->info.metadata;
    size_t icc_nbytes = lib->image_handle_get_raw_color_profile_size(hd->handle);
    heif_item_id ids[16];
    int n, i, rc = 0;

    if (icc_nbytes > 0 && icc_nbytes <= hd->dec->limits.max_header_nbytes) {
        if (sfx_buf_reserve(&hd->icc, icc_nbytes, err) < 0)
            return SFX_E_NOMEM;
        if (lib->image_handle_get_raw_color_profile(hd->handle, hd->icc.data).code == heif_error_Ok)
            hd->icc.len = icc_nbytes;
    }
    n = lib->image_handle_get_list_of_metadata_block_IDs(hd->handle, "Exif", ids, 16);
    if (n > 0)
        rc = read_block(hd, ids[0], &hd->exif, err);
    n = lib->image_handle_get_list_of_metadata_block_IDs(hd->handle, "mime", ids, 16);
    for (i = 0; i < n && i < 16 && rc == 0 && hd->xmp.len == 0; i++) {
        const char *type = lib->image_handle_get_metadata_content_type(hd->handle, ids[i]);

        if (type != NULL && strcmp(type, "application/rdf+xml") == 0)
            rc = read_block(hd, ids[i], &hd->xmp, err);
    }
    metadata->icc = sfx_buf_slice(&hd->icc);
    metadata->exif = tiff_of(&hd->exif);
    metadata->xmp = sfx_buf_slice(&hd->xmp);
    return rc;
}

static int read_file(struct heif_decoder *hd, struct sfx_err *err)
{
    const struct sfx_heif_lib *lib = hd->lib;
    struct sfx_image_info *info = &hd->dec->info;
    int width, height, rc;

    rc = sfx_instream_slurp(&hd->dec->in, hd->dec->limits.max_decoded_nbytes, &hd->bytes, err);
    if (rc < 0)
        return rc;
    hd->context = lib->context_alloc();
    if (hd->context == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a HEIF decoder");
    lib->context_set_max_decoding_threads(hd->context, 0);
    rc = sfx_heif_judge(lib->context_read_from_memory_without_copy(hd->context, hd->bytes.data,
                                                                   hd->bytes.len, NULL),
                        err);
    if (rc == 0)
        rc = sfx_heif_judge(lib->context_get_primary_image_handle(hd->context, &hd->handle), err);
    if (rc < 0)
        return rc;
    width = lib->image_handle_get_width(hd->handle);
    height = lib->image_handle_get_height(hd->handle);
    info->width_px = width > 0 ? (uint32_t)width : 0;
    info->height_px = height > 0 ? (uint32_t)height : 0;
    rc = sfx_image_limits_check(&hd->dec->limits, info->width_px, info->height_px, err);
    info->depth = (unsigned)lib->image_handle_get_luma_bits_per_pixel(hd->handle);
    info->layout =
        lib->image_handle_has_alpha_channel(hd->handle) ? SFX_LAYOUT_RGBA : SFX_LAYOUT_RGB;
    info->colour = "ycbcr";
    info->frames = (uint32_t)lib->context_get_number_of_top_level_images(hd->context);
    hd->row_nbytes = (size_t)info->width_px * sfx_layout_channels(info->layout);
    if (rc == 0 && hd->row_nbytes > hd->dec->limits.max_decoded_nbytes / info->height_px)
        rc = sfx_err_set(err, SFX_E_LIMIT,
                         "an image of this kind and size takes more memory than the limit");
    return rc == 0 ? read_metadata(hd, err) : rc;
}

static void *heif_decoder_open(struct sfx_decoder *dec, struct sfx_err *err)
{
    struct heif_decoder *hd = calloc(1, sizeof(*hd));

    if (hd == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a HEIF decoder");
        return NULL;
    }
    hd->dec = dec;
    hd->lib = sfx_heif_lib(err);
    if (hd->lib == NULL || read_file(hd, err) < 0) {
        heif_decoder_close(hd);
        return NULL;
    }
    return hd;
}

/* AV1 by libaom, which needs no thread of its own; else by whatever there is. */
static int decode(struct heif_decoder *hd, struct sfx_err *err)
{
    const struct sfx_heif_lib *lib = hd->lib;
    enum heif_chroma chroma = sfx_layout_has_alpha(hd->dec->info.layout)
                                  ? heif_chroma_interleaved_RGBA
                                  : heif_chroma_interleaved_RGB;
    struct heif_decoding_options *options = lib->decoding_options_alloc();
    struct heif_error result;

    if (options == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a HEIF decoder");
    options->convert_hdr_to_8bit = 1;
    options->decoder_id = "aom"; /* of those for AV1; for others it says nothing */
    result = lib->decode_image(hd->handle, &hd->image, heif_colorspace_RGB, chroma, options);
    if (result.code == heif_error_Unsupported_feature && options->decoder_id != NULL) {
        options->decoder_id = NULL;
        result = lib->decode_image(hd->handle, &hd->image, heif_colorspace_RGB, chroma, options);
    }
    lib->decoding_options_free(options);
    return sfx_heif_judge(result, err);
}

static int heif_decoder_start(void *state, const struct sfx_decode_wish *wish,
                              struct sfx_planes *planes, struct sfx_err *err)
{
    struct heif_decoder *hd = state;
    const struct sfx_image_info *info = &hd->dec->info;
    int stride = 0, rc = decode(hd, err);

    (void)wish; /* rows come interleaved and at full size, which is always allowed */
    if (rc < 0)
        return rc;
    hd->rows = hd->lib->image_get_plane_readonly(hd->image, heif_channel_interleaved, &stride);
    hd->stride_nbytes = (size_t)stride;
    if (hd->rows == NULL || stride < 0 || hd->stride_nbytes < hd->row_nbytes ||
        hd->lib->image_get_width(hd->image, heif_channel_interleaved) != (int)info->width_px ||
        hd->lib->image_get_height(hd->image, heif_channel_interleaved) != (int)info->height_px)
        return sfx_err_set(err, SFX_E_INPUT, "the image is not of the size that its header says");
    sfx_planes_of_rows(planes, info->layout, 8, info->width_px, info->height_px);
    return 0;
}

static int heif_decoder_read(void *state, uint8_t *const *const *rows, struct sfx_err *err)
{
    struct heif_decoder *hd = state;

    (void)err;
    memcpy(rows[0][0], hd->rows + hd->at++ * hd->stride_nbytes, hd->row_nbytes);
    return 0;
}

#define HEIF_OPS                                                                                   \
    .open = heif_decoder_open, .start = heif_decoder_start, .read = heif_decoder_read,             \
    .close = heif_decoder_close
#else
#define HEIF_OPS .open = NULL
#endif

const struct sfx_decoder_ops sfx_avif_decoder = {
    .format = SFX_IMAGE_AVIF, .library = "libheif", .matches = is_avif, HEIF_OPS};
const struct sfx_decoder_ops sfx_heif_decoder = {
    .format = SFX_IMAGE_HEIF, .library = "libheif", .matches = is_heif, HEIF_OPS};
