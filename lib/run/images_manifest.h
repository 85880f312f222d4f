/* SPDX-License-Identifier: MIT */
/*
 * The manifest of sfx-resize: a line of JSON for each input with what was made of it, or why
 * nothing was.
 *
 * Contract: a file appears whole when the run ends, like every output; a descriptor gets each line
 * at once. Not safe for two threads at once.
 */
#ifndef SFX_RUN_IMAGES_MANIFEST_H
#define SFX_RUN_IMAGES_MANIFEST_H

#include "image/image_batch.h"

struct sfx_images_manifest;

/* Opens path, or takes fd when it is "-". Errors: NULL; IO, NOMEM, USAGE. */
struct sfx_images_manifest *sfx_images_manifest_new(const char *path, int fd, struct sfx_err *err);

/* Adds a line for result. Errors: IO, NOMEM. */
int sfx_images_manifest_add(struct sfx_images_manifest *manifest,
                            const struct sfx_image_result *result, struct sfx_err *err);

/* Publishes the file. Errors: IO. */
int sfx_images_manifest_commit(struct sfx_images_manifest *manifest, struct sfx_err *err);

void sfx_images_manifest_free(struct sfx_images_manifest *manifest);

#endif
