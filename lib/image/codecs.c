/* SPDX-License-Identifier: MIT */
/* Which libraries an image and what is made of it need. */
#include "image/codecs.h"

#include "image/decoder_internal.h"
#include "image/png_deflate.h"
#include "image/png_inflate.h"
#include "image/webp_internal.h"

#include <unistd.h>

/* ANY: of every image. */
static unsigned input_libs(enum sfx_image_format format)
{
    switch (format) {
    case SFX_IMAGE_PNG: return SFX_CODEC_ISAL;
    case SFX_IMAGE_WEBP: return SFX_CODEC_WEBP;
    case SFX_IMAGE_ANY: return SFX_CODEC_ISAL | SFX_CODEC_WEBP;
    default: return 0;
    }
}

static unsigned output_libs(enum sfx_image_format format)
{
    switch (format) {
    case SFX_IMAGE_PNG: return SFX_CODEC_LIBDEFLATE;
    case SFX_IMAGE_WEBP: return SFX_CODEC_WEBP;
    default: return 0;
    }
}

unsigned sfx_codecs_needed(int fd, const struct sfx_resize_opts *opts)
{
    uint8_t head[SFX_SIGNATURE_NBYTES] = {0};
    enum sfx_image_format input = SFX_IMAGE_ANY;
    unsigned libs;
    size_t i;

    if (pread(fd, head, sizeof(head), 0) >= 0) {
        input = sfx_decoder_recognise(head);
        if (input == SFX_IMAGE_ANY)
            return 0; /* nothing will be made of it */
    }
    libs = input_libs(input);
    for (i = 0; i < opts->noutputs; i++)
        libs |=
            output_libs(opts->outputs[i].format != SFX_IMAGE_ANY ? opts->outputs[i].format : input);
    return libs;
}

void sfx_codecs_open(unsigned libs)
{
#ifdef SFX_WITH_WEBP
    if ((libs & SFX_CODEC_WEBP) != 0)
        (void)sfx_webp_lib(NULL);
#endif
#ifdef SFX_WITH_ISAL
    if ((libs & SFX_CODEC_ISAL) != 0)
        (void)sfx_isal_need(NULL);
#endif
#ifdef SFX_WITH_LIBDEFLATE
    if ((libs & SFX_CODEC_LIBDEFLATE) != 0)
        (void)sfx_libdeflate_need(NULL);
#endif
    (void)libs;
}
