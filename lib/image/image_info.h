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
 * Appends what a header says, as one line of JSON: path, format, type, width and height (as
 * stored), depth, colour, alpha, orientation, interlaced, frames, profile (its bytes, 0: none) and
 * bytes (of a file). Errors: NOMEM.
 */
int sfx_image_info_write(const struct sfx_image_info *info, const struct sfx_image_name *name,
                         struct sfx_buf *out, struct sfx_err *err);

/* The same for the header of the image that source gives. Errors: as sfx_decoder_new; NOMEM. */
int sfx_image_info_describe(const struct sfx_image_source *source,
                            const struct sfx_image_name *name,
                            const struct sfx_image_limits *limits, struct sfx_buf *out,
                            struct sfx_err *err);

/* Adds a member to the line that _write ended. Errors: NOMEM. */
int sfx_image_info_add(struct sfx_buf *line, const char *key, struct sfx_slice text,
                       struct sfx_err *err);

#endif
