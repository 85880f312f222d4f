/* SPDX-License-Identifier: MIT */
/*
 * Outputs that are never larger than an input of which nothing had to change: then the input's own
 * pixels are passed on as they are encoded, without the metadata that is not to be kept.
 */
#ifndef SFX_IMAGE_VERBATIM_H
#define SFX_IMAGE_VERBATIM_H

#include "base/buf.h"
#include "image/resize.h"

/*
 * As sfx_resize; but an output that differs from the input in nothing (sfx_resize_facts.unchanged),
 * and for which opts ask for no form of encoding, is the input's image data where that is smaller
 * (JPEG and PNG of up to 64 MiB). The image is decoded all the same, so that damage is found.
 */
int sfx_resize_smallest(const struct sfx_image_source *source, const struct sfx_resize_opts *opts,
                        const struct sfx_resize_target *target, struct sfx_err *err);

/*
 * Appends a whole JPEG or PNG with only the metadata of keep (enum sfx_keep bits; EXIF data says
 * upright). Errors: UNSUPPORTED when it is laid out as these formats rarely are; NOMEM.
 */
int sfx_verbatim_copy(struct sfx_slice file, enum sfx_image_format format, unsigned keep,
                      struct sfx_buf *out, struct sfx_err *err);

#endif
