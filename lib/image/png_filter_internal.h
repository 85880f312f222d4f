/* SPDX-License-Identifier: MIT */
/* The variants of PNG's row filters. */
#ifndef SFX_IMAGE_PNG_FILTER_INTERNAL_H
#define SFX_IMAGE_PNG_FILTER_INTERNAL_H

#include "image/png_filter.h"

extern const struct sfx_png_filters sfx_png_filters_portable;
#ifdef __x86_64__
extern const struct sfx_png_filters sfx_png_filters_sse; /* SSE4.2 stands for SSSE3 and SSE4.1 */
#endif

#endif
