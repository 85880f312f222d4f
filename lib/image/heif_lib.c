/* SPDX-License-Identifier: MIT */
/* libheif, opened when it is needed. */
#include "image/heif_internal.h"

#include "base/dl.h"
#include "base/size.h"

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "heif_" #name, offsetof(struct sfx_heif_lib, name)                                         \
    }

static struct sfx_heif_lib functions;

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(context_alloc),
    SYMBOL(context_free),
    SYMBOL(context_set_max_decoding_threads),
    SYMBOL(context_read_from_memory_without_copy),
    SYMBOL(context_get_number_of_top_level_images),
    SYMBOL(context_get_primary_image_handle),
    SYMBOL(image_handle_release),
    SYMBOL(image_handle_get_width),
    SYMBOL(image_handle_get_height),
    SYMBOL(image_handle_has_alpha_channel),
    SYMBOL(image_handle_get_luma_bits_per_pixel),
    SYMBOL(image_handle_get_raw_color_profile_size),
    SYMBOL(image_handle_get_raw_color_profile),
    SYMBOL(image_handle_get_list_of_metadata_block_IDs),
    SYMBOL(image_handle_get_metadata_content_type),
    SYMBOL(image_handle_get_metadata_size),
    SYMBOL(image_handle_get_metadata),
    SYMBOL(decoding_options_alloc),
    SYMBOL(decoding_options_free),
    SYMBOL(decode_image),
    SYMBOL(image_get_plane_readonly),
    SYMBOL(image_get_width),
    SYMBOL(image_get_height),
    SYMBOL(image_get_plane),
    SYMBOL(image_release),
    SYMBOL(image_create),
    SYMBOL(image_add_plane),
    SYMBOL(image_set_raw_color_profile),
    SYMBOL(context_get_encoder_for_format),
    SYMBOL(encoder_release),
    SYMBOL(encoder_set_lossy_quality),
    SYMBOL(encoder_set_lossless),
    SYMBOL(encoder_set_parameter),
    SYMBOL(context_encode_image),
    SYMBOL(context_add_exif_metadata),
    SYMBOL(context_add_XMP_metadata),
    SYMBOL(context_write),
};

const struct sfx_heif_lib *sfx_heif_lib(struct sfx_err *err)
{
    static struct sfx_dl_lib lib = SFX_DL_LIB(SFX_LIBHEIF_SONAME, symbols, &functions);

    return sfx_dl_need(&lib, err) == 0 ? &functions : NULL;
}

int sfx_heif_judge(struct heif_error result, struct sfx_err *err)
{
    switch (result.code) {
    case heif_error_Ok: return 0;
    case heif_error_Memory_allocation_error:
        return result.subcode == heif_suberror_Security_limit_exceeded
                   ? sfx_err_set(err, SFX_E_LIMIT, "it asks for more than libheif allows")
                   : sfx_err_set(err, SFX_E_NOMEM, "no memory for a HEIF image");
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature:
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "HEIF: %s", result.message);
    default: break;
    }
    if (result.subcode == heif_suberror_End_of_data)
        return sfx_err_set(err, SFX_E_INPUT, "data ends early");
    return sfx_err_set(err, SFX_E_INPUT, "HEIF: %s", result.message);
}
