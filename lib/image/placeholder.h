/* SPDX-License-Identifier: MIT */
/*
 * Placeholders: what a page shows of an image until that is there. A blurhash is a short text that
 * stands for a few waves of colour (https://blurha.sh, algorithm of the reference encoder); an LQIP
 * is a data URI (RFC 2397) of a tiny JPEG.
 *
 * Contract: both are made of a small encoded version of the image, which is an output like others
 * (sfx_placeholder_output). Threads: any number of calls at once.
 */
#ifndef SFX_IMAGE_PLACEHOLDER_H
#define SFX_IMAGE_PLACEHOLDER_H

#include "base/buf.h"
#include "image/resize.h"

enum sfx_placeholder { SFX_PLACEHOLDER_BLURHASH = 1, SFX_PLACEHOLDER_LQIP = 2 };

/* Most bytes of a text of each. */
#define SFX_PLACEHOLDER_MAX 4096

/* The output that placeholders are made of: framed as `like` is (SFX_FIT_NONE as COVER), at most 32
 * pixels a side. */
struct sfx_resize_output sfx_placeholder_output(const struct sfx_resize_output *like);

/* Appends the blurhash of an encoded image: 4 by 3 components, or 3 by 4 for one that is higher
 * than wide. Errors: as sfx_decoder_new. */
int sfx_placeholder_blurhash(struct sfx_slice image, struct sfx_buf *out, struct sfx_err *err);

/* Appends the data URI of an encoded image at 16 pixels a side. Errors: as sfx_resize. */
int sfx_placeholder_lqip(struct sfx_slice image, struct sfx_buf *out, struct sfx_err *err);

#endif
