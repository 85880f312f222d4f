/* SPDX-License-Identifier: MIT */
/*
 * Many input files: one a thread, their results told in order.
 *
 * Contract: a file that fails is told of and the others go on. Results are told by the calling
 * thread, in the order of the files; outputs have their names by then. At most 16 files a thread
 * are in work or waiting to be told of.
 */
#ifndef SFX_IMAGE_IMAGE_BATCH_H
#define SFX_IMAGE_IMAGE_BATCH_H

#include "image/image_file.h"

#include <signal.h>

struct sfx_image_batch_opts {
    const struct sfx_image_file_opts *file; /* its claims may be NULL: the batch has its own */
    size_t nthreads;                        /* at least 1 */
    const volatile sig_atomic_t *stop;      /* when non-zero: finish what is in work; may be NULL */
};

/* Told of each file: rc and (when rc < 0) failure, or what was made. <0 with err ends the batch. */
typedef int sfx_image_batch_fn(void *ctx, const char *path, int rc, const struct sfx_err *failure,
                               const struct sfx_image_file *file, struct sfx_err *err);

/* Runs over npaths paths. Errors: NOMEM, IO (threads), and what fn gives. */
int sfx_image_batch_run(const struct sfx_image_batch_opts *opts, char *const *paths, size_t npaths,
                        sfx_image_batch_fn *fn, void *ctx, struct sfx_err *err);

#endif
