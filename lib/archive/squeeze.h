/* SPDX-License-Identifier: MIT */
/*
 * Pieces of compressed files: bytes become one gzip member or one zstd frame, which may follow
 * others in a file, so that a file can grow without a compressor that waits for the next bytes.
 *
 * Contract: the same bytes give the same piece. libarchive is opened by the first call. Any thread.
 */
#ifndef SFX_ARCHIVE_SQUEEZE_H
#define SFX_ARCHIVE_SQUEEZE_H

#include "base/buf.h"

/* The compression that the end of name says: "gzip" (.gz), "zstd" (.zst); NULL: none. *len: bytes
 * of name without that end. Static. */
const char *sfx_squeeze_named(const char *name, size_t *len);

/* Appends the piece for bytes, compressed as filter (of _named) says. Errors: UNSUPPORTED, NOMEM,
 * IO. */
int sfx_squeeze(const char *filter, struct sfx_slice bytes, struct sfx_buf *out,
                struct sfx_err *err);

#endif
