/* SPDX-License-Identifier: MIT */
/* The reading thread, and the ring in which batches change hands. */
#include "query/records_ahead.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Slots of the ring. One is being filled, so that the others and the batch with the caller are as
 * many as the reader keeps. */
#define NSLOTS SFX_AHEAD_BATCHES

/* A batch, what the reader said of it, and what it refused before. */
struct slot {
    struct sfx_batch batch;
    int rc;
    struct sfx_err failure;
    struct sfx_held_rejects refused;
};

struct sfx_ahead {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake; /* an eventfd, raised while _stop waits for the thread */
    /* Under the lock: */
    bool reads, works, ended; /* the thread is to read; it does; it is to go */
    bool waits;               /* it has come to a source that has nothing yet */
    uint64_t nfilled, ntaken; /* slots, over all: those between wait to be taken */
    const struct sfx_reader_ops *ops;
    struct sfx_reader *reader;
    bool keeps_refused; /* the caller takes rejects; else a bad record is an error */
    struct slot slots[NSLOTS];
};

/* Fills the slot; nobody else looks at it. */
static void fill(const struct sfx_ahead *a, struct slot *slot)
{
    const struct sfx_reject_sink sink = {sfx_held_rejects_put, &slot->refused};

    sfx_held_rejects_clear(&slot->refused);
    slot->rc =
        a->ops->read(a->reader, &slot->batch, a->keeps_refused ? &sink : NULL, &slot->failure);
}

static void *run(void *arg)
{
    struct sfx_ahead *a = arg;

    (void)pthread_mutex_lock(&a->lock);
    while (!a->ended) {
        struct slot *slot = &a->slots[a->nfilled % NSLOTS];

        /* The caller works on the batch that it took last; the reader keeps that one and those in
         * the ring: one of the ring is left free. */
        if (!a->reads || a->nfilled - a->ntaken >= NSLOTS - 1) {
            (void)pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        a->works = true;
        (void)pthread_mutex_unlock(&a->lock);
        fill(a, slot);
        (void)pthread_mutex_lock(&a->lock);
        a->works = false;
        a->reads = a->reads && slot->rc > 0; /* the end, or an error, is the last that is told */
        if (a->nfilled++ == a->ntaken || !a->reads)
            (void)pthread_cond_broadcast(&a->changed); /* the caller may wait */
    }
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void free_all(struct sfx_ahead *a)
{
    size_t i;

    for (i = 0; i < NSLOTS; i++) {
        sfx_batch_done(&a->slots[i].batch);
        sfx_held_rejects_done(&a->slots[i].refused);
    }
    if (a->wake >= 0)
        (void)close(a->wake);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

struct sfx_ahead *sfx_ahead_new(struct sfx_err *err)
{
    struct sfx_ahead *a = calloc(1, sizeof(*a));
    sigset_t all, before;
    size_t i;
    int code, rc = 0;

    if (a == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory to read ahead");
        return NULL;
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->changed, NULL);
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->wake < 0)
        rc = sfx_err_errno(err, errno, "cannot read ahead");
    for (i = 0; i < NSLOTS && rc == 0; i++)
        rc = sfx_batch_init(&a->slots[i].batch, err);
    if (rc < 0) {
        free_all(a);
        return NULL;
    }
    (void)sigfillset(&all); /* signals stay with the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&a->thread, NULL, run, a);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return a;
    (void)sfx_err_errno(err, code, "cannot start a thread");
    free_all(a);
    return NULL;
}

/* Waits for the oldest slot that is filled. */
static struct slot *wait_for_slot(struct sfx_ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->nfilled == a->ntaken)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    (void)pthread_mutex_unlock(&a->lock);
    return &a->slots[a->ntaken % NSLOTS];
}

/* Gives the slot back to the thread. */
static void give_back(struct sfx_ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    /* It sleeps when the ring is full, and is woken when half of it is free: not for each batch. */
    if (a->nfilled - ++a->ntaken == (NSLOTS - 1) / 2)
        (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
}

static void start(struct sfx_ahead *a, const struct sfx_reader_ops *ops, struct sfx_reader *reader,
                  bool keeps_refused)
{
    (void)pthread_mutex_lock(&a->lock);
    if (!a->reads && !a->works && a->nfilled == a->ntaken) {
        a->ops = ops;
        a->reader = reader;
        a->keeps_refused = keeps_refused;
        a->reads = true;
        (void)pthread_cond_broadcast(&a->changed);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_batch filled;
    struct slot *slot;
    int rc, read;

    start(ahead, ops, reader, rejects != NULL);
    slot = wait_for_slot(ahead);
    rc = rejects != NULL ? sfx_held_rejects_hand_on(&slot->refused, rejects, err) : 0;
    read = slot->rc;
    if (rc == 0 && read < 0 && err != NULL)
        *err = slot->failure;
    filled = slot->batch;
    slot->batch = *batch;
    *batch = filled;
    give_back(ahead);
    return rc < 0 ? rc : read;
}

static void set_waits(struct sfx_ahead *a, bool waits)
{
    (void)pthread_mutex_lock(&a->lock);
    a->waits = waits;
    (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
}

int sfx_ahead_wait(struct sfx_ahead *ahead, int fd, struct sfx_err *err)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = ahead->wake, .events = POLLIN}};
    int n;

    set_waits(ahead, true);
    n = poll(p, 2, -1); /* no signal comes to this thread */
    set_waits(ahead, false);
    if (n < 0)
        return sfx_err_errno(err, errno, "cannot wait");
    return p[1].revents != 0 ? sfx_err_set(err, SFX_E_TEMPORARY, "stopped") : 0;
}

bool sfx_ahead_is_waiting(struct sfx_ahead *ahead)
{
    bool waiting;

    (void)pthread_mutex_lock(&ahead->lock);
    while (ahead->nfilled == ahead->ntaken && ahead->reads && !ahead->waits)
        (void)pthread_cond_wait(&ahead->changed, &ahead->lock);
    waiting = ahead->nfilled == ahead->ntaken && ahead->waits;
    (void)pthread_mutex_unlock(&ahead->lock);
    return waiting;
}

void sfx_ahead_stop(struct sfx_ahead *ahead)
{
    eventfd_t raised;

    (void)pthread_mutex_lock(&ahead->lock);
    ahead->reads = false;
    if (ahead->works)
        (void)eventfd_write(ahead->wake, 1);
    while (ahead->works)
        (void)pthread_cond_wait(&ahead->changed, &ahead->lock);
    (void)eventfd_read(ahead->wake, &raised);
    ahead->ntaken = ahead->nfilled;
    (void)pthread_mutex_unlock(&ahead->lock);
}

void sfx_ahead_free(struct sfx_ahead *ahead)
{
    if (ahead == NULL)
        return;
    sfx_ahead_stop(ahead);
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->ended = true;
    (void)pthread_cond_broadcast(&ahead->changed);
    (void)pthread_mutex_unlock(&ahead->lock);
    (void)pthread_join(ahead->thread, NULL);
    free_all(ahead);
}
