/* SPDX-License-Identifier: MIT */
/*
 * PNG's row filters, both ways. Source: W3C PNG (third edition), 9.
 *
 * Contract: pure; no allocation, no error path. bpp is the bytes of a pixel, 1 to 8, rounded up.
 * Every variant gives the same bytes as the portable one.
 */
#ifndef SFX_IMAGE_PNG_FILTER_H
#define SFX_IMAGE_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum sfx_png_filter {
    SFX_PNG_NONE,
    SFX_PNG_SUB,
    SFX_PNG_UP,
    SFX_PNG_AVERAGE,
    SFX_PNG_PAETH,
};

/* Bytes before and behind a row that may be read, and behind it written with anything. */
#define SFX_PNG_SLACK 16

struct sfx_png_filters {
    uint32_t needs; /* enum sfx_cpu_feature bits */
    /* Undoes filter (1 to 4) on the n bytes of row; above is the row above. Reads and writes up to
     * SFX_PNG_SLACK bytes behind row, reads as many behind above. */
    void (*undo)(enum sfx_png_filter filter, uint8_t *row, const uint8_t *above, size_t n,
                 size_t bpp);
    /* Filters row into out; the SFX_PNG_SLACK bytes before row and above are zero. Returns the sum
     * of the absolute values of out as signed bytes: what is smaller deflates better. */
    uint64_t (*apply)(enum sfx_png_filter filter, const uint8_t *row, const uint8_t *above,
                      size_t n, size_t bpp, uint8_t *out);
};

/* The best variant for this processor. Static. */
const struct sfx_png_filters *sfx_png_filters_best(void);

#endif
