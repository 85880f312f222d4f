/* SPDX-License-Identifier: MIT */
/*
 * Colours of other spaces made sRGB's, by lcms2, which is opened when there is something to do.
 *
 * Contract: what says what samples mean is, in this order: PNG's cICP, a profile, PNG's sRGB, its
 * gAMA and cHRM; what says nothing is sRGB. Not safe for two threads at once. Sources: W3C PNG
 * (third edition), 4.3; ITU-T H.273; ICC.1:2010.
 */
#ifndef SFX_IMAGE_COLOUR_H
#define SFX_IMAGE_COLOUR_H

#include "image/image.h"

struct sfx_colour;

/* True when samples of an image with this header may not be sRGB's. */
bool sfx_colour_is_other(const struct sfx_image_info *info);

/*
 * What makes rows in layout (interleaved) of depth 8 or 16 those of sRGB, in *colour; NULL when
 * they are already. profile and png (may be NULL) are borrowed during the call. Errors: UNSUPPORTED
 * (no lcms2; a high dynamic range; a profile that is damaged or of another model), NOMEM.
 */
int sfx_colour_new(struct sfx_slice profile, const struct sfx_png_colour *png,
                   enum sfx_layout layout, unsigned depth, struct sfx_colour **colour,
                   struct sfx_err *err);

/* The same from CMYK of 8 bits to RGB; inverted: 255 is no ink. Errors: as _new. */
int sfx_colour_new_cmyk(struct sfx_slice profile, bool inverted, struct sfx_colour **colour,
                        struct sfx_err *err);

/* Makes n pixels of src those of dst. */
void sfx_colour_row(const struct sfx_colour *colour, const void *src, void *dst, size_t n);

/* Frees; NULL does nothing. */
void sfx_colour_free(struct sfx_colour *colour);

#ifdef SFX_WITH_LCMS2
/* Opens lcms2. Errors: UNSUPPORTED. */
int sfx_lcms2_need(struct sfx_err *err);
#endif

#endif
