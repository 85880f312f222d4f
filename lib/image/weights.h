/* SPDX-License-Identifier: MIT */
/*
 * Which source samples make an output sample, and how much each counts: one table an axis. The
 * kernel is widened by the ratio when there are fewer output samples.
 *
 * Contract: computed once for an image; read-only afterwards. Weights of one output sample add up
 * to one exactly (16384 in fixed point, by carrying the rounding error from tap to tap), so a
 * constant image stays constant. Taps that fall outside the source are left out and the rest
 * normalised. Each sample has the same number of weights in the table (stride), the unused ones at
 * its end are zero.
 */
#ifndef SFX_IMAGE_WEIGHTS_H
#define SFX_IMAGE_WEIGHTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SFX_WEIGHTS_BITS 14 /* of fixed-point weights: 16384 is one; a peak of 1.2 fits int16_t */

enum sfx_kernel {
    SFX_KERNEL_LANCZOS3 = 0,
    SFX_KERNEL_LANCZOS2,
    SFX_KERNEL_MITCHELL, /* cubic, B = C = 1/3 (Mitchell, Netravali 1988) */
    SFX_KERNEL_CATROM,   /* cubic, B = 0, C = 1/2 */
    SFX_KERNEL_LINEAR,
    SFX_KERNEL_BOX,
    SFX_KERNEL_NEAREST, /* one sample, whatever the ratio */
};

/*
 * How output samples lie over source samples. Sample i of the output is centred at
 * src_start + (i + 0.5) * src_span / dst_span, in units of source samples from the first one's
 * edge.
 */
struct sfx_axis {
    uint32_t src_count; /* samples there are */
    double src_start;   /* where the part to resample begins (a crop) */
    double src_span;    /* its true extent, may be a fraction */
    uint32_t dst_count; /* samples to make */
    double dst_span;    /* the output's true extent; dst_count reaches beyond it by at most 0.5 */
    uint32_t src_first, src_end; /* the samples that may count; src_end 0: all behind src_first */
    bool mirror;                 /* output sample 0 lies at the source's end */
    enum sfx_kernel kernel;
};

struct sfx_weights {
    uint32_t count;    /* output samples */
    uint32_t stride;   /* weights of one output sample: a multiple of 16, of 8 in a float table */
    uint32_t max_taps; /* the most that are in use for one output sample */
    uint32_t *first;   /* owned: the first source sample of each */
    uint32_t *ntaps;   /* owned: how many are in use, at least 1 */
    int16_t *fixed;    /* owned, 32-byte aligned: count * stride; NULL for a float table */
    float *real;       /* owned, 32-byte aligned: count * stride; NULL for a fixed-point table */
};

/*
 * Fills w (uninitialised) for axis. real: weights as float instead of fixed point. Costs
 * O(dst_count * taps). Errors: NOMEM; w is then empty.
 */
int sfx_weights_init(struct sfx_weights *w, const struct sfx_axis *axis, bool real,
                     struct sfx_err *err);

/* Frees; w is empty. An all-zero w is fine. */
void sfx_weights_done(struct sfx_weights *w);

#endif
