/* SPDX-License-Identifier: MIT */
/*
 * PNG's pixel data made with libdeflate: filters chosen row by row, then the whole compressed at
 * once, three to four times as fast as libpng with zlib and no larger.
 */
#ifndef SFX_IMAGE_PNG_DEFLATE_H
#define SFX_IMAGE_PNG_DEFLATE_H

#include "base/buf.h"
#include "image/png_reduce.h"

/*
 * Appends the zlib stream of w's rows, which lie as form says (16 bits in the machine's byte
 * order), to out. compression: as struct sfx_encode_opts. Errors: UNSUPPORTED (no libdeflate:
 * libpng must do it), NOMEM.
 */
int sfx_png_deflate(const struct sfx_whole *w, const struct sfx_png_form *form, int compression,
                    struct sfx_buf *out, struct sfx_err *err);

#ifdef SFX_WITH_LIBDEFLATE
/* Opens libdeflate. Errors: UNSUPPORTED. */
int sfx_libdeflate_need(struct sfx_err *err);
#endif

#endif
