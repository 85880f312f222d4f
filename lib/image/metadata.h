/* SPDX-License-Identifier: MIT */
/* Which metadata of an input goes along to an output. */
#ifndef SFX_IMAGE_METADATA_H
#define SFX_IMAGE_METADATA_H

#include "image/image.h"

/*
 * What info's file has of the kinds in keep (enum sfx_keep bits), borrowed from info. The profile
 * only when it is one of layout's colour model: that of a CMYK image says nothing about RGB.
 */
struct sfx_metadata sfx_metadata_keep(const struct sfx_image_info *info, unsigned keep,
                                      enum sfx_layout layout);

/* Parses a list of kinds, "exif,icc", "all" or "none", to enum sfx_keep bits. Errors: USAGE. */
int sfx_keep_parse(struct sfx_slice text, unsigned *keep, struct sfx_err *err);

#endif
