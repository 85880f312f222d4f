/* SPDX-License-Identifier: MIT */
/*
 * Few colours for many: a palette by median cut and k-means, pixels by error diffusion.
 *
 * Contract: colours are weighed multiplied by their alpha, so that what is invisible takes no
 * entry. Memory is a few MiB whatever the image. Source: Heckbert, Color image quantization (1982);
 * Floyd and Steinberg (1976).
 */
#ifndef SFX_IMAGE_QUANTIZE_H
#define SFX_IMAGE_QUANTIZE_H

#include "image/png_reduce.h"

struct sfx_quantize_opts {
    unsigned ncolours; /* 2 to 256 */
    bool dither;       /* diffuse the error */
    double least_db;   /* PSNR below which the pixels stay as they are; 0: whatever it costs */
};

/*
 * Makes the rows of w (width_px pixels in form->layout, 8 or 16 bits) indexes of a palette, which
 * form then has, with its depth (the rows are not packed). Returns 1; 0 when they have no more
 * colours than that already, or would be less like than least_db: w is then as it was. Errors:
 * NOMEM.
 */
int sfx_quantize(struct sfx_whole *w, uint32_t width_px, const struct sfx_quantize_opts *opts,
                 struct sfx_png_form *form, struct sfx_err *err);

#endif
