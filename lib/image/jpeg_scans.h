/* SPDX-License-Identifier: MIT */
/*
 * Leaves scans out of a progressive JPEG on its way to libjpeg: what refines coefficients that a
 * decode at an eighth of the size does not look at is two thirds of its bytes, and most of its
 * time.
 *
 * Contract: bytes in, fewer bytes out, in any pieces; nothing else of the file changes. Source:
 * ITU-T T.81, B.1 and B.2.
 */
#ifndef SFX_IMAGE_JPEG_SCANS_H
#define SFX_IMAGE_JPEG_SCANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SFX_JPEG_SCAN_HEAD_NBYTES 64 /* the longest SOS has 14; what says more is no SOS */

struct sfx_jpeg_scans {
    bool drops[256];  /* by component id: all scans of its AC coefficients */
    unsigned dropped; /* scans left out so far */
    bool dropping;    /* the scan that the bytes are in is left out */
    int state;        /* all zero: in a scan that is kept */
    size_t left;      /* of a segment that is passed on */
    size_t held; /* bytes of head: of an SOS that is not decided on, or of a segment's length */
    uint8_t head[SFX_JPEG_SCAN_HEAD_NBYTES];
};

/*
 * Filters n bytes of in to out, which has room for n + SFX_JPEG_SCAN_HEAD_NBYTES. Returns the bytes
 * written.
 */
size_t sfx_jpeg_scans_filter(struct sfx_jpeg_scans *s, const uint8_t *in, size_t n, uint8_t *out);

#endif
