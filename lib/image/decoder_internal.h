/* SPDX-License-Identifier: MIT */
/* What a codec fills in to be a decoder, and the buffered bytes it reads. */
#ifndef SFX_IMAGE_DECODER_INTERNAL_H
#define SFX_IMAGE_DECODER_INTERNAL_H

#include "base/buf.h"
#include "image/decoder.h"

#define SFX_SIGNATURE_NBYTES 12    /* "RIFF", a length, "WEBP" */
#define SFX_INSTREAM_NBYTES  65536 /* a pipe's worth: fewer reads cost nothing measurable less */

/* The format of an image that begins with head; ANY when it is none. */
enum sfx_image_format sfx_decoder_recognise(const uint8_t head[SFX_SIGNATURE_NBYTES]);

/* Buffered encoded bytes: at..len of buf are not used yet. */
struct sfx_instream {
    const struct sfx_image_source *source; /* borrowed */
    size_t at, len;
    uint64_t total_nbytes; /* read from source */
    bool ended;
    uint8_t buf[SFX_INSTREAM_NBYTES];
};

/*
 * Reads more once all of buf is used: 1, or 0 at the end. Errors: what source gives.
 */
int sfx_instream_fill(struct sfx_instream *in, struct sfx_err *err);

/*
 * Appends all that is not used yet to out. Errors: LIMIT for more than limit_nbytes; NOMEM; what
 * source gives.
 */
int sfx_instream_slurp(struct sfx_instream *in, uint64_t limit_nbytes, struct sfx_buf *out,
                       struct sfx_err *err);

/* A codec: its state begins where the decoder says; _start and _read as in decoder.h. */
struct sfx_decoder_ops {
    enum sfx_image_format format;
    const char *library; /* without which its images cannot be read; NULL: none */
    /* True for the first bytes of such an image. */
    bool (*matches)(const uint8_t head[SFX_SIGNATURE_NBYTES]);
    /* Reads the header into dec->info; NULL: this is built without the library. Returns the codec's
     * state, or NULL with err. */
    void *(*open)(struct sfx_decoder *dec, struct sfx_err *err);
    int (*start)(void *state, const struct sfx_decode_wish *wish, struct sfx_planes *planes,
                 struct sfx_err *err);
    int (*read)(void *state, uint8_t *const *const *rows, struct sfx_err *err);
    void (*close)(void *state);
};

struct sfx_decoder {
    const struct sfx_decoder_ops *ops;
    void *state; /* owned by the codec */
    struct sfx_image_info info;
    struct sfx_image_limits limits; /* resolved */
    struct sfx_planes planes;       /* from _start on */
    bool partial;                   /* as the wish says */
    bool broken;                    /* no more rows come from the codec */
    struct sfx_err damage;          /* what was wrong first; code 0: nothing */
    struct sfx_instream in;
};

/* Notes damage that is not to be an error; the first counts. */
void sfx_decoder_note(struct sfx_decoder *dec, const struct sfx_err *damage);

/* For what is decoded whole: 0 when rc, described in err, is damage that is not to be an error. */
int sfx_decoder_tolerate(struct sfx_decoder *dec, int rc, struct sfx_err *err);

extern const struct sfx_decoder_ops sfx_avif_decoder;
extern const struct sfx_decoder_ops sfx_heif_decoder;
extern const struct sfx_decoder_ops sfx_jpeg_decoder;
extern const struct sfx_decoder_ops sfx_png_decoder;
extern const struct sfx_decoder_ops sfx_webp_decoder;

#endif
