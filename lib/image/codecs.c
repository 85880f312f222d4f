/* SPDX-License-Identifier: MIT */
/* Which libraries an image and what is made of it need. */
#include "image/codecs.h"

#include "image/colour.h"
#include "image/decoder_internal.h"
#include "image/heif_internal.h"
#include "image/png_deflate.h"
#include "image/png_inflate.h"
#include "image/webp_internal.h"

#include <unistd.h>

/* ANY: of every image, but libheif, which is slow to open: its are known by _of_head. */
static unsigned input_libs(enum sfx_image_format format)
{
    switch (format) {
    case SFX_IMAGE_PNG: return SFX_CODEC_ISAL;
    case SFX_IMAGE_WEBP: return SFX_CODEC_WEBP;
    case SFX_IMAGE_AVIF:
    case SFX_IMAGE_HEIF: return SFX_CODEC_HEIF;
    case SFX_IMAGE_ANY: return SFX_CODEC_ISAL | SFX_CODEC_WEBP;
    default: return 0;
    }
}

static unsigned output_libs(enum sfx_image_format format)
{
    switch (format) {
    case SFX_IMAGE_PNG: return SFX_CODEC_LIBDEFLATE;
    case SFX_IMAGE_WEBP: return SFX_CODEC_WEBP;
    case SFX_IMAGE_AVIF:
    case SFX_IMAGE_HEIF: return SFX_CODEC_HEIF;
    default: return 0;
    }
}

/* True for a JPEG in fd of four components, or one that does not say so soon. */
static bool is_cmyk(int fd)
{
    enum { SOF0 = 0xc0, SOF15 = 0xcf, DHT = 0xc4, DAC = 0xcc, MAX_SEGMENTS = 500 };
    uint8_t head[10];
    off_t at = 2;
    int i;

    for (i = 0; i < MAX_SEGMENTS; i++) {
        if (pread(fd, head, sizeof(head), at) != (ssize_t)sizeof(head) || head[0] != 0xff)
            return true;
        if (head[1] >= SOF0 && head[1] <= SOF15 && head[1] != DHT && head[1] != DAC)
            return head[9] == 4;
        at += 2 + (head[2] << 8 | head[3]);
    }
    return true;
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
    if (opts->srgb || input == SFX_IMAGE_ANY || (input == SFX_IMAGE_JPEG && is_cmyk(fd)))
        libs |= SFX_CODEC_LCMS2;
    for (i = 0; i < opts->noutputs; i++)
        libs |=
            output_libs(opts->outputs[i].format != SFX_IMAGE_ANY ? opts->outputs[i].format : input);
    return libs;
}

unsigned sfx_codecs_of_head(const uint8_t head[SFX_CODECS_HEAD_NBYTES])
{
    return input_libs(sfx_decoder_recognise(head));
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
#ifdef SFX_WITH_LCMS2
    if ((libs & SFX_CODEC_LCMS2) != 0)
        (void)sfx_lcms2_need(NULL);
#endif
#ifdef SFX_WITH_HEIF
    if ((libs & SFX_CODEC_HEIF) != 0)
        (void)sfx_heif_lib(NULL);
#endif
    (void)libs;
}
