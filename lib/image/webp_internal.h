/* SPDX-License-Identifier: MIT */
/*
 * WebP: its container, which is ours, and libwebp, which is opened when a WebP image comes or goes.
 * Source: WebP Container Specification (RFC 9649, 2).
 */
#ifndef SFX_IMAGE_WEBP_INTERNAL_H
#define SFX_IMAGE_WEBP_INTERNAL_H

#include "base/buf.h"
#include "image/image.h"

/* What a container holds. Slices are borrowed from its bytes; what is cut off is shorter. */
struct sfx_webp_file {
    uint32_t width_px, height_px; /* of the canvas */
    bool alpha, lossless;
    uint32_t frames; /* 1: a still image */
    struct sfx_slice
        image; /* what the decoder gets: all of a still image, the first frame's data */
    uint32_t frame_x_px, frame_y_px, frame_width_px, frame_height_px; /* where it lies */
    struct sfx_metadata metadata;
    bool cut_off; /* the last chunk ends early, or the container says more would come */
};

/* The most that _canvas looks at: the header, the first chunk's, what VP8X or a key frame begins
 * with. */
#define SFX_WEBP_HEAD_NBYTES 30

/* Reads the canvas of a file that begins with head: its size, alpha and whether it is lossless (of
 * a still image without metadata). Errors: INPUT. */
int sfx_webp_canvas(const uint8_t *head, size_t len, struct sfx_webp_file *file,
                    struct sfx_err *err);

/* Finds the chunks of a whole file whose _canvas was read. Errors: INPUT when it has no image. */
int sfx_webp_chunks(struct sfx_slice bytes, struct sfx_webp_file *file, struct sfx_err *err);

/*
 * Appends the container of an encoded image (what libwebp made) with metadata around it. Errors:
 * NOMEM.
 */
int sfx_webp_wrap(struct sfx_slice encoded, const struct sfx_metadata *metadata, uint32_t width_px,
                  uint32_t height_px, bool alpha, struct sfx_buf *out, struct sfx_err *err);

#ifdef SFX_WITH_WEBP
#include <webp/decode.h>
#include <webp/encode.h>

/* libwebp's functions, under its names without "WebP". */
struct sfx_webp_lib {
    int (*InitDecoderConfigInternal)(WebPDecoderConfig *, int);
    WebPIDecoder *(*IDecode)(const uint8_t *, size_t, WebPDecoderConfig *);
    VP8StatusCode (*IUpdate)(WebPIDecoder *, const uint8_t *, size_t);
    uint8_t *(*IDecGetRGB)(const WebPIDecoder *, int *, int *, int *, int *);
    void (*IDelete)(WebPIDecoder *);
    int (*ConfigInitInternal)(WebPConfig *, WebPPreset, float, int);
    int (*PictureInitInternal)(WebPPicture *, int);
    int (*PictureImportRGB)(WebPPicture *, const uint8_t *, int);
    int (*PictureImportRGBA)(WebPPicture *, const uint8_t *, int);
    int (*Encode)(const WebPConfig *, WebPPicture *);
    void (*PictureFree)(WebPPicture *);
};

/* The library, opened. NULL with err: UNSUPPORTED. */
const struct sfx_webp_lib *sfx_webp_lib(struct sfx_err *err);
#endif

#endif
