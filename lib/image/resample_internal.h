/* SPDX-License-Identifier: MIT */
/* The variants of the resampler's inner loops. */
#ifndef SFX_IMAGE_RESAMPLE_INTERNAL_H
#define SFX_IMAGE_RESAMPLE_INTERNAL_H

#include "image/resample.h"
#include "image/weights.h"

#include <string.h>

/* From a vertical sum (8 bits * 14 bits) to 6 fractional bits; from a horizontal one to whole
 * samples. */
#define SFX_RESAMPLE_V_SHIFT (SFX_WEIGHTS_BITS - SFX_RESAMPLE_FRACTION_BITS)
#define SFX_RESAMPLE_H_SHIFT (SFX_WEIGHTS_BITS + SFX_RESAMPLE_FRACTION_BITS)

/* Where the base has fused multiply-add, compilers may not use it: every variant adds alike. */
#if defined(__aarch64__)
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
#endif

#if defined(__x86_64__)
/* Two weights as the multiply-adds of pairs take them. */
static inline int32_t sfx_resample_pair(const int16_t *w)
{
    int32_t pair;

    memcpy(&pair, w, sizeof(pair));
    return pair;
}
#endif

extern const struct sfx_resample sfx_resample_portable;
#if defined(__x86_64__)
extern const struct sfx_resample sfx_resample_sse2;
extern const struct sfx_resample sfx_resample_avx2;
extern const struct sfx_resample sfx_resample_avx512;
#elif defined(__aarch64__)
extern const struct sfx_resample sfx_resample_neon;
#endif

/* All that this was built with, best first; the last needs nothing; then NULL. */
extern const struct sfx_resample *const sfx_resample_variants[];

#endif
