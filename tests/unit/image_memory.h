/* SPDX-License-Identifier: MIT */
/* Encoded images in memory for tests: drawn, encoded, resized, decoded. */
#ifndef SFX_TESTS_IMAGE_MEMORY_H
#define SFX_TESTS_IMAGE_MEMORY_H

#include "base/buf.h"
#include "image/decoder.h"
#include "image/resize.h"

/* Decoded rows without gaps. */
struct raster {
    uint32_t width_px, height_px;
    enum sfx_layout layout; /* interleaved */
    unsigned depth;
    size_t row_nbytes;
    uint8_t *data; /* owned */
};

/* Draws w x h pixels of a layout: slopes, edges, grain; also in the alpha. */
struct raster raster_draw(uint32_t w, uint32_t h, enum sfx_layout layout, unsigned depth);
void raster_done(struct raster *r);

/* PSNR in dB over all samples of two rasters of one shape (999 when equal). */
double raster_psnr(const struct raster *a, const struct raster *b);

/* Encodes r by the library's encoder (JPEG: quality 95). out is appended to. */
void raster_encode(const struct raster *r, enum sfx_image_format format, struct sfx_buf *out);

/* The same with a colour profile. */
void raster_encode_profile(const struct raster *r, enum sfx_image_format format,
                           struct sfx_slice profile, struct sfx_buf *out);

/* The same with any metadata. */
void raster_encode_metadata(const struct raster *r, enum sfx_image_format format,
                            const struct sfx_metadata *metadata, struct sfx_buf *out);

/* The same as opts say, with any metadata (may be NULL). */
void raster_encode_with(const struct raster *r, enum sfx_image_format format,
                        const struct sfx_encode_opts *opts, const struct sfx_metadata *metadata,
                        struct sfx_buf *out);

/* A header that was read; must stay where it is until _done. */
struct image_header {
    struct sfx_slice left;
    struct sfx_image_source source;
    struct sfx_decoder *decoder;
    const struct sfx_image_info *info;
};

/* <0 when the header cannot be read. */
int image_header_init(struct image_header *h, struct sfx_slice encoded);
void image_header_done(struct image_header *h);

/* Appends the colour profile of an image, if it has one. <0 when it cannot be read. */
int image_profile(struct sfx_slice encoded, struct sfx_buf *out);

/* Decodes interleaved, at full size, as stored. Fails the test when it cannot. */
struct raster raster_decode(struct sfx_slice encoded);

/* sfx_resize from memory to memory: outputs[i] gets the i-th. at_once: bytes a read gives, 0: all.
 */
int resize_memory(struct sfx_slice in, size_t at_once, const struct sfx_resize_opts *opts,
                  struct sfx_buf *outputs, struct sfx_err *err);

/* Options with defaults for n outputs of sizes ("320x240"; NULL: as it is) in format. */
struct sfx_resize_opts resize_opts(struct sfx_resize_output *outputs, const char *const *sizes,
                                   size_t n, enum sfx_image_format format);

#endif
