/* SPDX-License-Identifier: MIT */
/*
 * Many inputs through worker processes (image_worker.h): one image a worker, results told in order.
 *
 * Contract: inputs are added one by one and opened here, images are decoded by the workers, which
 * own nothing but descriptors. An input that fails, or takes its worker with it, is told of and the
 * others go on. An archive or a compressed file is unpacked by a worker of its own, each member is
 * an input. Memory does not depend on the number of inputs: at most 16 a worker are in work or wait
 * to be told of. Nothing happens but during calls, on the caller's thread.
 */
#ifndef SFX_IMAGE_IMAGE_BATCH_H
#define SFX_IMAGE_IMAGE_BATCH_H

#include "archive/input.h"
#include "image/image_file.h"
#include "image/placeholder.h"

#include <signal.h>

struct sfx_image_batch;

/* What became of an input. */
struct sfx_image_result {
    const char *name;              /* for messages: the path, or "archive: member". Borrowed */
    const char *path;              /* of the operand; borrowed */
    const char *member;            /* of an archive, else NULL; borrowed */
    int rc;                        /* <0: it failed, as failure says, and there are no outputs */
    const struct sfx_err *failure; /* begins with name */
    bool passed;                   /* it is an output of this run, or no image in an archive */
    struct sfx_image_file *file;   /* the caller may take files of outputs that are held */
};

/* Is told of each input, in order. <0 with err ends the batch. */
typedef int sfx_image_batch_fn(void *ctx, struct sfx_image_result *result, struct sfx_err *err);

struct sfx_image_batch_opts {
    const struct sfx_image_file_opts *file; /* its claims may be NULL: the batch has its own */
    size_t nworkers;                        /* at least 1 */
    unsigned placeholders;                  /* enum sfx_placeholder bits */
    bool describe;                          /* only headers: the text of results is JSON */
    bool hash;                              /* SHA-256 of inputs and outputs */
    bool hold;                              /* outputs have no names when they are told of */
    bool sandbox;                           /* workers are locked down as far as possible */
    int64_t max_time_ns;                    /* of CPU time for an image; 0: no limit */
    const char *tmp_dir;                    /* where members of archives wait */
    uint64_t max_in_nbytes;                 /* of an encoded image; 0: no limit */
    struct sfx_input_limits archive;        /* of archives */
    sfx_image_batch_fn *fn;
    void *ctx;
    const volatile sig_atomic_t *stop; /* non-zero: waits end; may be NULL */
};

/* opts is borrowed until _free. Errors: NULL; NOMEM; USAGE for more than 256 sizes. */
struct sfx_image_batch *sfx_image_batch_new(const struct sfx_image_batch_opts *opts,
                                            struct sfx_err *err);

/* Notes that path, which exists, will be added: no output may replace it. Errors: NOMEM. */
int sfx_image_batch_expect(struct sfx_image_batch *batch, const char *path, struct sfx_err *err);

/*
 * Adds the input at path ("-": standard input; copied), with the id of its event (may be empty).
 * Waits while too many are in work. Errors: NOMEM, IO (processes), and what fn gives; not those of
 * the input, which are told.
 */
int sfx_image_batch_add(struct sfx_image_batch *batch, const char *path, struct sfx_slice event_id,
                        struct sfx_err *err);

/* Works until fd can be read (1) or *stop is set (0). Errors: as _add. */
int sfx_image_batch_wait(struct sfx_image_batch *batch, int fd, struct sfx_err *err);

/* Works until all that was added is told of. Errors: as _add. */
int sfx_image_batch_finish(struct sfx_image_batch *batch, struct sfx_err *err);

/* Ends the workers, frees. NULL does nothing. */
void sfx_image_batch_free(struct sfx_image_batch *batch);

/* Puts "name: " before err unless it begins so. Returns rc. */
int sfx_image_blame(struct sfx_err *err, int rc, const char *name);

#endif
