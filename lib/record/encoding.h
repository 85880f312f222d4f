/* SPDX-License-Identifier: MIT */
/*
 * Text of other encodings as UTF-8, by iconv(3).
 *
 * Contract: a decoder is a byte source over another one. Offsets that readers tell are then those
 * of the decoded bytes; what cannot be decoded is told with its offset in the bytes as they came.
 */
#ifndef SFX_RECORD_ENCODING_H
#define SFX_RECORD_ENCODING_H

#include "base/buf.h"
#include "record/format.h"

struct sfx_transcoder;

/* The encoding that the byte order mark at the start of head tells, NULL: none, or UTF-8's. */
const char *sfx_encoding_of_mark(struct sfx_slice head);

/* Whether there is such an encoding here. Errors: USAGE. */
int sfx_encoding_check(const char *encoding, struct sfx_err *err);

/* Appends what of head can be decoded, for a look at it. Errors: USAGE, NOMEM. */
int sfx_encoding_decode_head(const char *encoding, struct sfx_slice head, struct sfx_buf *out,
                             struct sfx_err *err);

/* Errors: NULL, NOMEM. */
struct sfx_transcoder *sfx_transcoder_new(struct sfx_err *err);

/*
 * Makes *source, a stream of that encoding (what it points to borrowed), the decoder's own, which
 * gives UTF-8. Errors: USAGE, no such encoding; its reads: INPUT, what the source says.
 */
int sfx_transcoder_open(struct sfx_transcoder *d, const char *encoding,
                        struct sfx_byte_source *source, struct sfx_err *err);

void sfx_transcoder_free(struct sfx_transcoder *d);

#endif
