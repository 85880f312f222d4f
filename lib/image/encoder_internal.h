/* SPDX-License-Identifier: MIT */
/* What a codec fills in to be an encoder, and the buffered bytes it writes. */
#ifndef SFX_IMAGE_ENCODER_INTERNAL_H
#define SFX_IMAGE_ENCODER_INTERNAL_H

#include "image/encoder.h"

#define SFX_OUTSTREAM_NBYTES 65536

#define SFX_ENCODER_BAND_ROWS 16 /* most of an encoder: an MCU row */

struct sfx_outstream {
    const struct sfx_image_sink *sink; /* borrowed */
    size_t len;                        /* bytes of buf that wait */
    uint64_t max_nbytes;               /* of the options */
    uint8_t buf[SFX_OUTSTREAM_NBYTES];
};

/* Gives what waits to the sink. Errors: what the sink gives. */
int sfx_outstream_flush(struct sfx_outstream *out, struct sfx_err *err);

/* Puts len bytes into out, which goes to the sink when it is full. Errors: what the sink gives. */
int sfx_outstream_write(struct sfx_outstream *out, const void *ptr, size_t len,
                        struct sfx_err *err);

struct sfx_encoder_ops {
    void *(*open)(struct sfx_encoder *enc, const struct sfx_encode_params *params,
                  struct sfx_planes *planes, struct sfx_err *err);
    int (*write)(void *state, uint8_t *const *const *rows, struct sfx_err *err);
    int (*finish)(void *state, struct sfx_err *err);
    void (*close)(void *state);
};

struct sfx_encoder {
    const struct sfx_encoder_ops *ops;
    void *state;               /* owned by the codec */
    uint8_t *exif;             /* owned: what is kept of it, upright */
    struct sfx_colour *colour; /* owned: what rows go through, or NULL */
    uint8_t *converted;        /* owned: a band of them */
    struct sfx_planes planes;
    struct sfx_outstream out;
};

extern const struct sfx_encoder_ops sfx_avif_encoder;
extern const struct sfx_encoder_ops sfx_fit_encoder; /* another one, tried until it fits */
extern const struct sfx_encoder_ops sfx_jpeg_encoder;
extern const struct sfx_encoder_ops sfx_png_encoder;
extern const struct sfx_encoder_ops sfx_webp_encoder;

#endif
