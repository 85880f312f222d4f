/* SPDX-License-Identifier: MIT */
/* A stream that can be read twice: inference needs all values before the first row is loaded. */
#include "sink/spool.h"

#include "base/io.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK_NBYTES SFX_SPOOL_TAIL_NBYTES
/* Hashing takes 1 ms for 1 MiB, decoding it more; a thread costs a tenth of that. */
#define THREAD_MIN_NBYTES (1 << 20)

static ssize_t read_at(const struct sfx_spool *spool, void *ptr, size_t cap, uint64_t at)
{
    ssize_t n;

    do
        n = pread(spool->fd, ptr, cap, (off_t)(spool->start + (int64_t)at));
    while (n < 0 && errno == EINTR);
    return n;
}

/* The thread's work. What it cannot read, the first pass cannot either, or will see has changed. */
static void hash_file(void *arg)
{
    struct sfx_spool *spool = arg;
    char block[BLOCK_NBYTES];
    ssize_t n;

    while (!atomic_load(&spool->stop) &&
           (n = read_at(spool, block, sizeof(block), spool->hashed_nbytes)) > 0) {
        sfx_sha256_update(&spool->sha, block, (size_t)n);
        spool->hashed_nbytes += (uint64_t)n;
    }
}

int sfx_spool_init(struct sfx_spool *spool, struct sfx_input *in, const char *dir,
                   struct sfx_err *err)
{
    *spool = (struct sfx_spool){.in = in, .dir = dir, .fd = sfx_input_fd(in)};
    sfx_sha256_init(&spool->sha);
    if (spool->fd < 0) {
        spool->fd = sfx_io_unnamed(dir, err);
        spool->owned = spool->fd >= 0;
        return spool->owned ? 0 : spool->fd;
    }
    spool->start = lseek(spool->fd, 0, SEEK_CUR);
    if (spool->start < 0 || fstat(spool->fd, &spool->before) != 0)
        return sfx_err_errno(err, errno, "%s", sfx_input_name(in));
    if (spool->before.st_size - spool->start >= THREAD_MIN_NBYTES && sfx_pool_ncpus() > 1)
        spool->hasher = sfx_pool_new(1, 1, NULL);
    if (spool->hasher != NULL)
        sfx_pool_submit(spool->hasher, hash_file, spool);
    return 0;
}

/* Keeps n bytes for the second pass. */
static int keep(struct sfx_spool *spool, const void *ptr, size_t n, struct sfx_err *err)
{
    int rc = spool->owned ? sfx_io_write(spool->fd, ptr, n, err) : 0;

    return rc < 0 ? sfx_err_wrap(err, rc, "%s: temporary file", spool->dir) : rc;
}

/* The other thread's work: what the input still holds, into the unnamed file. */
static void decode_ahead(void *arg)
{
    struct sfx_spool *spool = arg;
    char block[BLOCK_NBYTES];
    struct sfx_err err;
    ssize_t n = 1;

    while (n > 0) {
        n = atomic_load(&spool->stop) ? 0 : sfx_input_read(spool->in, block, sizeof(block), &err);
        if (n > 0 && keep(spool, block, (size_t)n, &err) < 0)
            n = err.code;
        (void)pthread_mutex_lock(&spool->lock);
        if (n > 0) {
            spool->decoded_nbytes += (uint64_t)n;
        } else {
            spool->decoded = true;
            spool->decoded_rc = (int)n;
            if (n < 0)
                spool->decoded_err = err;
        }
        (void)pthread_cond_signal(&spool->came);
        (void)pthread_mutex_unlock(&spool->lock);
    }
}

static void end_hand_over(struct sfx_spool *spool)
{
    (void)pthread_cond_destroy(&spool->came);
    (void)pthread_mutex_destroy(&spool->lock);
}

/* Without a thread the first pass goes on by itself. Reading a file does not wait for anybody. */
static void start_decoder(struct sfx_spool *spool)
{
    if (!spool->owned || spool->decoder != NULL || spool->at < THREAD_MIN_NBYTES ||
        sfx_input_size(spool->in) == 0 || sfx_pool_ncpus() == 1)
        return;
    spool->decoded_nbytes = spool->at;
    (void)pthread_mutex_init(&spool->lock, NULL);
    (void)pthread_cond_init(&spool->came, NULL);
    spool->decoder = sfx_pool_new(1, 1, NULL);
    if (spool->decoder != NULL)
        sfx_pool_submit(spool->decoder, decode_ahead, spool);
    else
        end_hand_over(spool);
}

/* Waits for what the thread has decoded behind this pass. 0 at the end. */
static ssize_t read_decoded(struct sfx_spool *spool, void *ptr, size_t cap, struct sfx_err *err)
{
    uint64_t ready;
    ssize_t n;
    int rc;

    (void)pthread_mutex_lock(&spool->lock);
    while (spool->decoded_nbytes == spool->at && !spool->decoded)
        (void)pthread_cond_wait(&spool->came, &spool->lock);
    ready = spool->decoded_nbytes - spool->at;
    rc = spool->decoded_rc;
    (void)pthread_mutex_unlock(&spool->lock);
    if (ready == 0) {
        if (rc < 0 && err != NULL)
            *err = spool->decoded_err;
        return rc;
    }
    n = read_at(spool, ptr, cap < ready ? cap : (size_t)ready, spool->at);
    return n < 0 ? sfx_err_errno(err, errno, "%s: temporary file", spool->dir) : n;
}

static ssize_t read_first(struct sfx_spool *spool, void *ptr, size_t cap, struct sfx_err *err)
{
    ssize_t n;
    int rc;

    start_decoder(spool);
    n = spool->decoder != NULL ? read_decoded(spool, ptr, cap, err)
                               : sfx_input_read(spool->in, ptr, cap, err);
    if (n <= 0)
        return n;
    if (spool->hasher == NULL)
        sfx_sha256_update(&spool->sha, ptr, (size_t)n);
    rc = spool->decoder == NULL ? keep(spool, ptr, (size_t)n, err) : 0;
    if (rc < 0)
        return rc;
    spool->at += (uint64_t)n;
    return n;
}

static ssize_t read_second(struct sfx_spool *spool, void *ptr, size_t cap, struct sfx_err *err)
{
    uint64_t left = spool->size_nbytes - spool->at;
    ssize_t n;

    if (cap > left)
        cap = (size_t)left;
    n = read_at(spool, ptr, cap, spool->at);
    if (n < 0)
        return sfx_err_errno(err, errno, "%s: reading it again", sfx_input_name(spool->in));
    spool->at += (uint64_t)n;
    return n;
}

ssize_t sfx_spool_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_spool *spool = ctx;

    return spool->second ? read_second(spool, ptr, cap, err) : read_first(spool, ptr, cap, err);
}

static int has_changed(const struct sfx_spool *spool, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_TEMPORARY, "%s: is being written: it changed while it was read",
                       sfx_input_name(spool->in));
}

int sfx_spool_check(const struct sfx_spool *spool, struct sfx_err *err)
{
    struct stat now;

    if (spool->owned)
        return 0;
    if (fstat(spool->fd, &now) != 0)
        return sfx_err_errno(err, errno, "%s", sfx_input_name(spool->in));
    if (now.st_size != spool->before.st_size ||
        now.st_mtim.tv_sec != spool->before.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != spool->before.st_mtim.tv_nsec)
        return has_changed(spool, err);
    return 0;
}

int sfx_spool_rewind(struct sfx_spool *spool, struct sfx_err *err)
{
    unsigned char digest[SFX_SHA256_NBYTES];
    char rest[BLOCK_NBYTES];
    ssize_t n;

    do
        n = read_first(spool, rest, sizeof(rest), err);
    while (n > 0);
    if (n < 0)
        return (int)n;
    if (spool->hasher != NULL) {
        sfx_pool_wait(spool->hasher);
        if (spool->hashed_nbytes != spool->at)
            return has_changed(spool, err);
    }
    sfx_sha256_final(&spool->sha, digest);
    sfx_sha256_hex(digest, spool->sha256);
    spool->size_nbytes = spool->at;
    spool->at = 0;
    spool->second = true;
    return sfx_spool_check(spool, err);
}

int sfx_spool_tail(const struct sfx_spool *spool, uint64_t offset, char hex[65],
                   struct sfx_err *err)
{
    unsigned char digest[SFX_SHA256_NBYTES];
    char block[SFX_SPOOL_TAIL_NBYTES];
    struct sfx_sha256 sha;
    uint64_t at = offset > sizeof(block) ? offset - sizeof(block) : 0;
    ssize_t n = 1;

    sfx_sha256_init(&sha);
    for (; at < offset && n > 0; at += (uint64_t)n) {
        n = read_at(spool, block, (size_t)(offset - at), at);
        if (n < 0)
            return sfx_err_errno(err, errno, "%s: reading it again", sfx_input_name(spool->in));
        sfx_sha256_update(&sha, block, (size_t)n);
    }
    sfx_sha256_final(&sha, digest);
    sfx_sha256_hex(digest, hex);
    return 0;
}

void sfx_spool_repeat(struct sfx_spool *spool)
{
    spool->at = 0;
}

void sfx_spool_done(struct sfx_spool *spool)
{
    atomic_store(&spool->stop, true);
    sfx_pool_free(spool->hasher);
    spool->hasher = NULL;
    if (spool->decoder != NULL) {
        sfx_pool_free(spool->decoder);
        end_hand_over(spool);
    }
    spool->decoder = NULL;
    if (spool->owned)
        (void)sfx_io_close(&spool->fd, NULL);
    spool->fd = -1;
}
