/* SPDX-License-Identifier: MIT */
/* libheif, opened when an AVIF or HEIF image comes or goes. */
#ifndef SFX_IMAGE_HEIF_INTERNAL_H
#define SFX_IMAGE_HEIF_INTERNAL_H

#ifdef SFX_WITH_HEIF

#include "base/err.h"

#include <libheif/heif.h>

/* libheif's functions, under its names without "heif_". */
struct sfx_heif_lib {
    struct heif_context *(*context_alloc)(void);
    void (*context_free)(struct heif_context *);
    void (*context_set_max_decoding_threads)(struct heif_context *, int);
    struct heif_error (*context_read_from_memory_without_copy)(struct heif_context *, const void *,
                                                               size_t,
                                                               const struct heif_reading_options *);
    int (*context_get_number_of_top_level_images)(struct heif_context *);
    struct heif_error (*context_get_primary_image_handle)(struct heif_context *,
                                                          struct heif_image_handle **);
    void (*image_handle_release)(const struct heif_image_handle *);
    int (*image_handle_get_width)(const struct heif_image_handle *);
    int (*image_handle_get_height)(const struct heif_image_handle *);
    int (*image_handle_has_alpha_channel)(const struct heif_image_handle *);
    int (*image_handle_get_luma_bits_per_pixel)(const struct heif_image_handle *);
    size_t (*image_handle_get_raw_color_profile_size)(const struct heif_image_handle *);
    struct heif_error (*image_handle_get_raw_color_profile)(const struct heif_image_handle *,
                                                            void *);
    int (*image_handle_get_list_of_metadata_block_IDs)(const struct heif_image_handle *,
                                                       const char *, heif_item_id *, int);
    const char *(*image_handle_get_metadata_content_type)(const struct heif_image_handle *,
                                                          heif_item_id);
    size_t (*image_handle_get_metadata_size)(const struct heif_image_handle *, heif_item_id);
    struct heif_error (*image_handle_get_metadata)(const struct heif_image_handle *, heif_item_id,
                                                   void *);
    struct heif_decoding_options *(*decoding_options_alloc)(void);
    void (*decoding_options_free)(struct heif_decoding_options *);
    struct heif_error (*decode_image)(const struct heif_image_handle *, struct heif_image **,
                                      enum heif_colorspace, enum heif_chroma,
                                      const struct heif_decoding_options *);
    const uint8_t *(*image_get_plane_readonly)(const struct heif_image *, enum heif_channel, int *);
    int (*image_get_width)(const struct heif_image *, enum heif_channel);
    int (*image_get_height)(const struct heif_image *, enum heif_channel);
    uint8_t *(*image_get_plane)(struct heif_image *, enum heif_channel, int *);
    void (*image_release)(const struct heif_image *);
    struct heif_error (*image_create)(int, int, enum heif_colorspace, enum heif_chroma,
                                      struct heif_image **);
    struct heif_error (*image_add_plane)(struct heif_image *, enum heif_channel, int, int, int);
    struct heif_error (*image_set_raw_color_profile)(struct heif_image *, const char *,
                                                     const void *, size_t);
    struct heif_error (*context_get_encoder_for_format)(struct heif_context *,
                                                        enum heif_compression_format,
                                                        struct heif_encoder **);
    void (*encoder_release)(struct heif_encoder *);
    struct heif_error (*encoder_set_lossy_quality)(struct heif_encoder *, int);
    struct heif_error (*encoder_set_lossless)(struct heif_encoder *, int);
    struct heif_error (*encoder_set_parameter)(struct heif_encoder *, const char *, const char *);
    struct heif_error (*context_encode_image)(struct heif_context *, const struct heif_image *,
                                              struct heif_encoder *,
                                              const struct heif_encoding_options *,
                                              struct heif_image_handle **);
    struct heif_error (*context_add_exif_metadata)(struct heif_context *,
                                                   const struct heif_image_handle *, const void *,
                                                   int);
    struct heif_error (*context_add_XMP_metadata)(struct heif_context *,
                                                  const struct heif_image_handle *, const void *,
                                                  int);
    struct heif_error (*context_write)(struct heif_context *, struct heif_writer *, void *);
};

/* The library, opened. NULL with err: UNSUPPORTED. */
const struct sfx_heif_lib *sfx_heif_lib(struct sfx_err *err);

/* Describes what libheif says; rc 0 when it is no error. */
int sfx_heif_judge(struct heif_error result, struct sfx_err *err);

#endif
#endif
