/* SPDX-License-Identifier: MIT */
/* What is read and changed of EXIF data: how the image lies, its thumbnail. Source: TIFF 6.0,
 * EXIF 2.32. */
#ifndef SFX_IMAGE_EXIF_H
#define SFX_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/*
 * The orientation (1 to 8) that a TIFF structure of len bytes holds in its first directory, or 1
 * when there is none or the structure is damaged. Reads nothing outside of the bytes; cost at most
 * one look at each of 65535 entries.
 */
unsigned sfx_exif_orientation(const uint8_t *tiff, size_t len);

/*
 * Makes the orientation of a TIFF structure of len bytes 1, its thumbnail unlinked and blank. Where
 * the thumbnail stands last, it is cut off. Returns the length that is left; nothing else changes,
 * offsets stay. A damaged structure is left as it is.
 */
size_t sfx_exif_reset(uint8_t *tiff, size_t len);

#endif
