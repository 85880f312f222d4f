/* SPDX-License-Identifier: MIT */
/* Files over a pool of threads, through a ring of slots that are told of in order. */
#include "image/image_batch.h"

#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS_PER_THREAD 16 /* so that one large file does not stop the others */

struct batch;

struct slot {
    struct batch *batch;
    const char *path;
    struct sfx_image_file file;
    struct sfx_err failure;
    int rc;
    bool finished;
};

struct batch {
    struct sfx_image_file_opts opts;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    struct slot *slots; /* owned */
    size_t nslots;
    sfx_image_batch_fn *fn;
    void *ctx;
};

static void work(void *arg)
{
    struct slot *slot = arg;
    struct batch *batch = slot->batch;

    sfx_err_clear(&slot->failure);
    slot->rc = sfx_image_file_run(&batch->opts, slot->path, sfx_slice(NULL, 0), &slot->file,
                                  &slot->failure);
    if (slot->rc == 0)
        slot->rc = sfx_image_file_commit(&slot->file, &slot->failure);
    (void)pthread_mutex_lock(&batch->lock);
    slot->finished = true;
    (void)pthread_cond_broadcast(&batch->finished);
    (void)pthread_mutex_unlock(&batch->lock);
}

/* Waits for the file in slot and tells of it; the slot is free then. */
static int tell(struct slot *slot, struct sfx_err *err)
{
    struct batch *batch = slot->batch;
    int rc;

    (void)pthread_mutex_lock(&batch->lock);
    while (!slot->finished)
        (void)pthread_cond_wait(&batch->finished, &batch->lock);
    (void)pthread_mutex_unlock(&batch->lock);
    rc = batch->fn(batch->ctx, slot->path, slot->rc, &slot->failure, &slot->file, err);
    sfx_image_file_done(&slot->file);
    slot->path = NULL;
    slot->finished = false;
    return rc;
}

static int claim_inputs(struct sfx_claims *claims, char *const *paths, size_t npaths,
                        struct sfx_err *err)
{
    struct stat st;
    size_t i;

    for (i = 0; i < npaths; i++)
        if (stat(paths[i], &st) == 0 && sfx_claims_add_input(claims, &st, err) < 0)
            return SFX_E_NOMEM;
    return 0;
}

static int run(struct batch *batch, struct sfx_pool *pool, const volatile sig_atomic_t *stop,
               char *const *paths, size_t npaths, struct sfx_err *err)
{
    size_t i, n;
    int rc = 0;

    for (i = 0; i < npaths && rc == 0 && (stop == NULL || *stop == 0); i++) {
        struct slot *slot = &batch->slots[i % batch->nslots];

        if (slot->path != NULL)
            rc = tell(slot, err);
        if (rc < 0)
            break;
        slot->path = paths[i];
        if (pool != NULL)
            sfx_pool_submit(pool, work, slot);
        else
            work(slot);
    }
    /* The oldest of those that are left is the one that would be used next. */
    for (n = 0; n < batch->nslots; n++) {
        struct slot *slot = &batch->slots[(i + n) % batch->nslots];

        if (slot->path != NULL && rc == 0)
            rc = tell(slot, err);
    }
    return rc;
}

int sfx_image_batch_run(const struct sfx_image_batch_opts *opts, char *const *paths, size_t npaths,
                        sfx_image_batch_fn *fn, void *ctx, struct sfx_err *err)
{
    struct batch batch = {.opts = *opts->file, .fn = fn, .ctx = ctx};
    struct sfx_claims *claims = NULL;
    struct sfx_pool *pool = NULL;
    size_t i;
    int rc = SFX_E_NOMEM;

    (void)pthread_mutex_init(&batch.lock, NULL);
    (void)pthread_cond_init(&batch.finished, NULL);
    /* One thread works in the caller's: each file is told of before the next begins. */
    batch.nslots = opts->nthreads > 1 ? opts->nthreads * SLOTS_PER_THREAD : 1;
    batch.slots = calloc(batch.nslots, sizeof(*batch.slots));
    if (batch.slots == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu files", batch.nslots);
        goto out;
    }
    for (i = 0; i < batch.nslots; i++)
        batch.slots[i].batch = &batch;
    if (batch.opts.claims == NULL && batch.opts.fd == NULL) {
        claims = sfx_claims_new(err);
        if (claims == NULL)
            goto out;
        batch.opts.claims = claims;
        rc = claim_inputs(claims, paths, npaths, err);
        if (rc < 0)
            goto out;
    }
    if (opts->nthreads > 1) {
        pool = sfx_pool_new(opts->nthreads, batch.nslots, err);
        if (pool == NULL) {
            rc = err != NULL ? (int)err->code : SFX_E_IO;
            goto out;
        }
    }
    rc = run(&batch, pool, opts->stop, paths, npaths, err);
out:
    sfx_pool_free(pool);
    for (i = 0; batch.slots != NULL && i < batch.nslots; i++)
        sfx_image_file_done(&batch.slots[i].file);
    free(batch.slots);
    sfx_claims_free(claims);
    (void)pthread_cond_destroy(&batch.finished);
    (void)pthread_mutex_destroy(&batch.lock);
    return rc;
}
