/* SPDX-License-Identifier: MIT */
/*
 * The smallest form in which a PNG holds given pixels exactly: fewer bits, gray, a palette, no
 * alpha.
 */
#ifndef SFX_IMAGE_PNG_REDUCE_H
#define SFX_IMAGE_PNG_REDUCE_H

#include "image/whole.h"

struct sfx_palette {
    unsigned count; /* 0: there is none */
    uint8_t rgba[256][4];
};

/* How rows lie in a PNG. */
struct sfx_png_form {
    enum sfx_layout layout; /* of rows without a palette */
    unsigned depth;         /* bits of a sample or an index: 1, 2, 4, 8, 16 */
    struct sfx_palette palette;
    size_t row_nbytes;
};

/*
 * Makes the rows of w (width_px pixels in form->layout and form->depth, 8 or 16 in the machine's
 * byte order) smaller in place, as far as no pixel changes, and says in form what they are.
 * has_icc: a profile goes along, so gray stays gray and colour stays colour.
 */
void sfx_png_reduce(struct sfx_whole *w, uint32_t width_px, bool has_icc,
                    struct sfx_png_form *form);

/* True when 8-bit rows in layout have more than `most` (up to 256) colours. True without memory. */
bool sfx_png_has_more_colours(const struct sfx_whole *w, uint32_t width_px, enum sfx_layout layout,
                              unsigned most);

/* Bytes of a row of width_px pixels in form. */
size_t sfx_png_row_nbytes(const struct sfx_png_form *form, uint32_t width_px);

/* Makes the rows of w, width_px indexes of a byte each, those of form's depth. */
void sfx_png_pack(struct sfx_whole *w, uint32_t width_px, const struct sfx_png_form *form);

#endif
