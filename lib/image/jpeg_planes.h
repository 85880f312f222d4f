/* SPDX-License-Identifier: MIT */
/* The grids of samples that libjpeg gives of an image: of each plane, at each scale. */
#ifndef SFX_IMAGE_JPEG_PLANES_H
#define SFX_IMAGE_JPEG_PLANES_H

#include "image/image.h"

#include <stdio.h>

#include <jpeglib.h>

/*
 * How far the image is to be shrunk, when shrink_log2 (1/2, 1/4, 1/8 for 1 to 3) is wanted and
 * cinfo has its header. Colour that is stored for four pixels of a row but for each of a column
 * (4:1:1, or the other way round) cannot be decoded larger in one direction alone, as that of 4:2:0
 * is in both: such an image is shrunk less, so that colour keeps a sample for two of brightness.
 */
unsigned sfx_jpeg_shrink(const struct jpeg_decompress_struct *cinfo, unsigned shrink_log2);

/*
 * Fills planes with what will be decoded, once decompression has started: raw planes on their own
 * grids, or interleaved rows.
 */
void sfx_jpeg_describe(const struct jpeg_decompress_struct *cinfo, struct sfx_planes *planes);

#endif
