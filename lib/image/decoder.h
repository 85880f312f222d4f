/* SPDX-License-Identifier: MIT */
/*
 * Decoders: encoded bytes in, bands of rows out, top to bottom, memory bounded by the row (and, for
 * interlaced and progressive images, by sfx_image_limits).
 *
 * Contract: _new recognises the format by its signature and reads the header, nothing more; limits
 * are checked there. _start chooses how rows come; then _read is called until all rows of every
 * plane have come. Damaged or truncated data is an error that names the row. After a failure only
 * _info and _free may be called. Not safe for two threads at once.
 */
#ifndef SFX_IMAGE_DECODER_H
#define SFX_IMAGE_DECODER_H

#include "image/image.h"

struct sfx_decoder;

/* Most rows of a band: an MCU row of the largest sampling factor. */
#define SFX_DECODER_BAND_ROWS 32

/* How the rows are wanted; all zero: interleaved, at full size. */
struct sfx_decode_wish {
    bool planar;          /* three planes if the image is stored so (JPEG YCbCr) */
    bool partial;         /* damage is no error: what is there comes, the rest is gray, or
                             transparent where there is alpha */
    unsigned shrink_log2; /* 0 to 3: the image may come at 1/2, 1/4, 1/8 of its size if that is
                             cheaper (JPEG) */
};

/*
 * Recognises the image that source gives, reads its header and checks it against limits (NULL: the
 * defaults). source is borrowed until _free. Returns NULL with err filled. Errors: INPUT (no image
 * of a known format, damaged), LIMIT, UNSUPPORTED (12-bit JPEG), NOMEM, and what source gives.
 */
struct sfx_decoder *sfx_decoder_new(const struct sfx_image_source *source,
                                    const struct sfx_image_limits *limits, struct sfx_err *err);

/* What the header says. Borrowed from the decoder. */
const struct sfx_image_info *sfx_decoder_info(const struct sfx_decoder *dec);

/*
 * Begins to decode and fills planes with how rows will come. For a progressive JPEG all of the data
 * is read here. Errors: as _new.
 */
int sfx_decoder_start(struct sfx_decoder *dec, const struct sfx_decode_wish *wish,
                      struct sfx_planes *planes, struct sfx_err *err);

/*
 * Decodes one band: rows[p] has band_rows pointers for plane p, each to stride_px pixels. Rows of
 * the last band that lie below the image, and samples right of it, are written with anything.
 * Errors: as _new.
 */
int sfx_decoder_read(struct sfx_decoder *dec, uint8_t *const *const *rows, struct sfx_err *err);

/* What was damaged and where, of an image decoded with `partial`; NULL while it is whole. */
const struct sfx_err *sfx_decoder_damage(const struct sfx_decoder *dec);

/* Frees; NULL does nothing. */
void sfx_decoder_free(struct sfx_decoder *dec);

#endif
