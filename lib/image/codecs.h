/* SPDX-License-Identifier: MIT */
/*
 * Which libraries an image and what is made of it need. They are opened when first needed; who is
 * about to give up the right to open files (base/sandbox.h) opens them before.
 */
#ifndef SFX_IMAGE_CODECS_H
#define SFX_IMAGE_CODECS_H

#include "image/resize.h"

/* Bits of a set of libraries. */
enum sfx_codec_lib {
    SFX_CODEC_WEBP = 1,
    SFX_CODEC_ISAL = 2,
    SFX_CODEC_LIBDEFLATE = 4,
    SFX_CODEC_LCMS2 = 8,
    SFX_CODEC_HEIF = 16,
};

/*
 * The libraries that the image in fd and the outputs of opts need. fd is looked at without moving
 * it; when that cannot be done (a pipe), any image is reckoned with but those that _of_head tells.
 */
unsigned sfx_codecs_needed(int fd, const struct sfx_resize_opts *opts);

#define SFX_CODECS_HEAD_NBYTES 12

/* The libraries that an image which begins with head needs. */
unsigned sfx_codecs_of_head(const uint8_t head[SFX_CODECS_HEAD_NBYTES]);

/* Opens what libs names; what is not there will be told by the codec that needs it. */
void sfx_codecs_open(unsigned libs);

#endif
