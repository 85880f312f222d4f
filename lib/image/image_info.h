/* SPDX-License-Identifier: MIT */
/* What --info says of an image: its header, as a line of JSON. */
#ifndef SFX_IMAGE_IMAGE_INFO_H
#define SFX_IMAGE_IMAGE_INFO_H

#include "base/buf.h"
#include "image/image.h"

/* What the image is called. */
struct sfx_image_name {
    const char *path;
    bool is_file; /* with a size of … */
    uint64_t nbytes;
};

/*
 * Appends what the header of the image that source gives says, as one line of JSON: path, format,
 * type, width and height (as stored), depth, colour, alpha, orientation, interlaced, frames,
 * profile (its bytes, 0: none) and bytes (of a file). Errors: as sfx_decoder_new; NOMEM.
 */
int sfx_image_info_describe(const struct sfx_image_source *source,
                            const struct sfx_image_name *name,
                            const struct sfx_image_limits *limits, struct sfx_buf *out,
                            struct sfx_err *err);

#endif
