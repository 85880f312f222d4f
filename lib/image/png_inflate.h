/* SPDX-License-Identifier: MIT */
/*
 * The pixel data of a PNG that is not interlaced, read with ISA-L two to three times as fast as
 * libpng with zlib does it: from the first IDAT chunk to IEND, checksums and all.
 *
 * Contract: as a decoder's read (decoder.h). Rows come as the file has them, unfiltered; libpng's
 * transformations are not made. Not safe for two threads at once.
 */
#ifndef SFX_IMAGE_PNG_INFLATE_H
#define SFX_IMAGE_PNG_INFLATE_H

#include "image/decoder_internal.h"

/* For tests: libpng shall do it all. */
extern bool sfx_png_plain;

struct sfx_png_inflate;

/*
 * Begins to read height_px rows of row_nbytes bytes, bpp bytes a pixel, from in, which stands
 * behind the name of the first IDAT chunk, of chunk_nbytes. in is borrowed until _free. Errors:
 * NULL with err: UNSUPPORTED (no ISA-L: libpng must do it), NOMEM.
 */
struct sfx_png_inflate *sfx_png_inflate_new(struct sfx_instream *in, uint32_t chunk_nbytes,
                                            size_t row_nbytes, uint32_t height_px, size_t bpp,
                                            struct sfx_err *err);

/*
 * The next row, borrowed until the next call. NULL with err: INPUT, IO.
 */
const uint8_t *sfx_png_inflate_row(struct sfx_png_inflate *z, struct sfx_err *err);

/* After the last row: reads on to the end of the file, which must be whole. Errors: INPUT, IO. */
int sfx_png_inflate_end(struct sfx_png_inflate *z, struct sfx_err *err);

/* Frees; NULL does nothing. */
void sfx_png_inflate_free(struct sfx_png_inflate *z);

#ifdef SFX_WITH_ISAL
/* Opens ISA-L. Errors: UNSUPPORTED. */
int sfx_isal_need(struct sfx_err *err);
#endif

#endif
