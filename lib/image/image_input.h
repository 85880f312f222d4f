/* SPDX-License-Identifier: MIT */
/*
 * An image file (or pipe, or compressed file) as a source for a decoder, and what --info says of
 * it.
 *
 * Contract: an archive is refused: its members are not images of one name. Not safe for two threads
 * at once.
 */
#ifndef SFX_IMAGE_IMAGE_INPUT_H
#define SFX_IMAGE_IMAGE_INPUT_H

#include "archive/input.h"
#include "base/buf.h"
#include "image/image.h"

#include <sys/stat.h>

struct sfx_image_input {
    struct sfx_input *input; /* owned */
    struct sfx_image_source source;
    struct stat st; /* of the file, when is_file */
    bool is_file;   /* a regular file: st is known */
};

/* Opens path ("-": standard input; borrowed until _done) into in (uninitialised). Errors: as
 * sfx_input_new and _next; UNSUPPORTED for an archive; in can then still be given to _done. */
int sfx_image_input_init(struct sfx_image_input *in, const char *path, struct sfx_err *err);

void sfx_image_input_done(struct sfx_image_input *in);

/* Puts "path: " before err unless it begins so (as what sfx_input says does). Returns rc. */
int sfx_image_input_blame(struct sfx_err *err, int rc, const char *path);

/*
 * Appends what the header of the image at path says, as one line of JSON: path, format, type, width
 * and height (as stored), depth, colour, alpha, orientation, interlaced, frames, profile (its
 * bytes, 0: none) and bytes (of a file). Errors: as _init and sfx_decoder_new; NOMEM.
 */
int sfx_image_input_describe(const char *path, const struct sfx_image_limits *limits,
                             struct sfx_buf *out, struct sfx_err *err);

#endif
