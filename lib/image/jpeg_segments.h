/* SPDX-License-Identifier: MIT */
/*
 * How the segments of a JPEG that hold metadata begin. Source: EXIF 2.32, 4.7.2; XMP part 3, 1.1.3;
 * IPTC IIM in Photoshop's image resources.
 */
#ifndef SFX_IMAGE_JPEG_SEGMENTS_H
#define SFX_IMAGE_JPEG_SEGMENTS_H

#include "base/slice.h"

#define SFX_JPEG_SEGMENT_NBYTES                                                                    \
    65533 /* the most that one holds: 16 bits less the length itself                               \
           */

static const struct sfx_slice sfx_jpeg_exif_head = {"Exif\0\0", sizeof("Exif\0\0") - 1};
static const struct sfx_slice sfx_jpeg_xmp_head = {"http://ns.adobe.com/xap/1.0/\0",
                                                   sizeof("http://ns.adobe.com/xap/1.0/\0") - 1};
static const struct sfx_slice sfx_jpeg_iptc_head = {"Photoshop 3.0\0",
                                                    sizeof("Photoshop 3.0\0") - 1};

#endif
