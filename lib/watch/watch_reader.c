/* SPDX-License-Identifier: MIT */
/*
 * Reading what a kernel queue holds before it runs over. The watch reads by itself as long as it
 * comes to it; while it does not, because what takes its events is slow, a thread reads ahead into
 * memory of bounded size. When that is full its content is dropped, which counts as a queue that
 * ran over.
 */
#include "base/io.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* One read: a thousand events of usual names. */
#define READ_NBYTES ((size_t)65536)

/* Some 200,000 events of usual names: what a fast disk makes in a second. */
#define AHEAD_MAX_NBYTES ((size_t)8 << 20)

/* So often the thread looks whether the watch still reads. The kernel's queue holds 16,384 events
 * by default, which takes 50 ms to fill at a rate that no file system reaches. */
#define LOOK_NS ((long)5 * 1000000)

/* After so many changes in one go the thread is woken: a few are gone through before a queue of
 * thousands could fill, and waking it costs more than they do. */
#define ALONE_MAX 16

/* The thread calls nothing deep. */
#define STACK_NBYTES ((size_t)65536)

struct bytes {
    char *data; /* owned */
    size_t at, len, cap;
};

struct sfx_watch_reader {
    int fd;
    struct bytes now; /* the watch's own */
    unsigned alone;   /* changes asked for since the watch rested; its own */

    /* of both, under the lock */
    struct bytes ahead; /* by the thread */
    bool lost;          /* what was read ahead had to be dropped */
    bool closed;        /* nothing more is read */
    bool resting;       /* the watch waits for the descriptor itself */
    bool asleep;        /* so the thread waits for it */
    bool quit;
    uint64_t nreads; /* by the watch */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool has_thread;
    pthread_t thread;
};

static int make_room(struct bytes *b, struct sfx_err *err)
{
    size_t cap = b->cap > 0 ? b->cap * 2 : READ_NBYTES;
    char *data;

    if (b->cap - b->len >= READ_NBYTES)
        return 0;
    data = realloc(b->data, cap);
    if (data == NULL)
        return sfx_err_errno(err, ENOMEM, "changes");
    b->data = data;
    b->cap = cap;
    return 0;
}

/* 1: some bytes came; 0: there are none. */
static int read_some(int fd, struct bytes *b, struct sfx_err *err)
{
    ssize_t n;

    do
        n = read(fd, b->data + b->len, b->cap - b->len);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN)
        return sfx_err_errno(err, errno, "changes");
    b->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Reads all that is queued. Under the lock. */
static void read_ahead(struct sfx_watch_reader *r)
{
    bool more = true;

    while (more) {
        if (r->ahead.len >= AHEAD_MAX_NBYTES || make_room(&r->ahead, NULL) < 0) {
            r->ahead.len = 0;
            r->lost = true;
        }
        /* An error is found by the watch's own read. */
        more = r->ahead.cap > 0 && read_some(r->fd, &r->ahead, NULL) > 0;
    }
}

static void *guard(void *arg)
{
    struct sfx_watch_reader *r = arg;
    uint64_t seen;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->quit) {
        struct timespec t;

        if (r->resting || r->closed) {
            r->asleep = true;
            while (r->asleep && !r->quit)
                (void)pthread_cond_wait(&r->wake, &r->lock);
            continue;
        }
        seen = r->nreads;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += LOOK_NS;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&r->wake, &r->lock, &t);
        if (!r->quit && !r->resting && !r->closed && r->nreads == seen)
            read_ahead(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Without the thread it works as well, only with more scans. */
static void start_thread(struct sfx_watch_reader *r)
{
    pthread_attr_t attr;
    sigset_t all, before;

    if (pthread_attr_init(&attr) != 0)
        return;
    (void)pthread_attr_setstacksize(&attr, STACK_NBYTES);
    /* Signals are for the thread that looks at what they set. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r->has_thread = pthread_create(&r->thread, &attr, guard, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
}

struct sfx_watch_reader *sfx_watch_reader_new(int fd, struct sfx_err *err)
{
    struct sfx_watch_reader *r = calloc(1, sizeof(*r));
    pthread_condattr_t attr;

    if (r == NULL) {
        (void)sfx_io_close(&fd, NULL);
        (void)sfx_err_errno(err, ENOMEM, "changes");
        return NULL;
    }
    r->fd = fd;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&r->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    start_thread(r);
    return r;
}

int sfx_watch_reader_fd(const struct sfx_watch_reader *r)
{
    return r->fd;
}

/* Under the lock, with nothing left in r->now. */
static int refill(struct sfx_watch_reader *r, struct sfx_err *err)
{
    struct bytes empty = r->now;
    int rc;

    r->nreads++;
    empty.at = empty.len = 0;
    if (empty.cap > READ_NBYTES && r->ahead.len == 0) {
        free(empty.data);
        empty = (struct bytes){0};
    }
    r->now = empty;
    if (r->lost) {
        r->lost = false;
        return SFX_READER_LOST;
    }
    if (r->ahead.len > 0) {
        r->now = r->ahead;
        r->ahead = empty;
        return SFX_READER_SOME;
    }
    rc = r->closed ? 0 : make_room(&r->now, err);
    if (rc == 0 && !r->closed)
        rc = read_some(r->fd, &r->now, err);
    return rc < 0 ? rc : rc > 0 ? SFX_READER_SOME : SFX_READER_NONE;
}

int sfx_watch_reader_next(struct sfx_watch_reader *r, bool ask, struct sfx_slice *bytes,
                          struct sfx_err *err)
{
    int rc = SFX_READER_SOME;

    if (++r->alone == ALONE_MAX)
        sfx_watch_reader_guard(r);
    if (r->now.at == r->now.len) {
        if (!ask)
            return SFX_READER_NONE;
        (void)pthread_mutex_lock(&r->lock);
        rc = refill(r, err);
        (void)pthread_mutex_unlock(&r->lock);
    }
    *bytes = sfx_slice(r->now.data, r->now.len);
    if (r->now.at > 0) /* there may be no bytes, and no place for them */
        *bytes = sfx_slice(bytes->ptr + r->now.at, bytes->len - r->now.at);
    return rc;
}

void sfx_watch_reader_take(struct sfx_watch_reader *r, size_t nbytes)
{
    r->now.at += nbytes;
}

bool sfx_watch_reader_rest(struct sfx_watch_reader *r)
{
    bool nothing;

    (void)pthread_mutex_lock(&r->lock);
    nothing = r->ahead.len == 0 && !r->lost;
    r->resting = nothing;
    (void)pthread_mutex_unlock(&r->lock);
    return nothing;
}

void sfx_watch_reader_wake(struct sfx_watch_reader *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->resting = false;
    (void)pthread_mutex_unlock(&r->lock);
    r->alone = 0;
}

void sfx_watch_reader_guard(struct sfx_watch_reader *r)
{
    bool asleep;

    (void)pthread_mutex_lock(&r->lock);
    asleep = r->asleep;
    r->asleep = false;
    (void)pthread_mutex_unlock(&r->lock);
    if (asleep)
        (void)pthread_cond_signal(&r->wake);
}

void sfx_watch_reader_finish(struct sfx_watch_reader *r)
{
    (void)pthread_mutex_lock(&r->lock);
    if (!r->closed)
        read_ahead(r);
    r->closed = true;
    (void)pthread_mutex_unlock(&r->lock);
}

void sfx_watch_reader_free(struct sfx_watch_reader *r)
{
    if (r == NULL)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->quit = true;
    (void)pthread_cond_signal(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    if (r->has_thread)
        (void)pthread_join(r->thread, NULL);
    (void)pthread_cond_destroy(&r->wake);
    (void)pthread_mutex_destroy(&r->lock);
    (void)sfx_io_close(&r->fd, NULL);
    free(r->now.data);
    free(r->ahead.data);
    free(r);
}
