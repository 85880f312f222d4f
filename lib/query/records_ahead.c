/* SPDX-License-Identifier: MIT */
/*
 * The threads that read ahead and work on what was read, and the ring in which batches change
 * hands.
 *
 * All threads do the same: whoever finds that nobody reads, and room in the ring, fills the next
 * batch and works on it while its cells are in the cache, and the next one reads. The caller does
 * so while the batch that it wants is not ready, unless the source may keep it waiting.
 */
#include "query/records_ahead.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a thread spends on looking for its turn before it sleeps. */
#define LOOK_NS INT64_C(100000)

/* A batch, what the reader said of it, and what it refused before. */
struct slot {
    struct sfx_batch batch;
    int rc;
    bool ready; /* under the lock: it may be taken */
    struct sfx_err failure;
    struct sfx_held_rejects refused;
};

struct sfx_ahead {
    pthread_t *threads;
    size_t nthreads;
    pthread_mutex_t lock;
    pthread_cond_t turn;    /* for a thread: one can fill */
    pthread_cond_t changed; /* for the caller */
    int wake;               /* an eventfd, raised while _stop waits for the reader */
    void (*work)(void *ctx, size_t slot, struct sfx_batch *batch);
    void *work_ctx;
    /* Under the lock: */
    bool reads, ended;        /* threads are to read; they are to go */
    _Atomic bool fills;       /* one reads; also looked at without the lock */
    bool looks;               /* one waits for it without sleeping */
    bool caller_reads;        /* when it has nothing else to do */
    bool waits;               /* who reads has come to a source that has nothing yet */
    size_t nworking;          /* batches that are worked on */
    uint64_t nfilled, ntaken; /* slots, over all: those between are worked on, or wait */
    const struct sfx_reader_ops *ops;
    struct sfx_reader *reader;
    bool keeps_refused; /* the caller takes rejects; else a bad record is an error */
    struct slot *slots;
    size_t nslots;
};

size_t sfx_ahead_batches(unsigned threads)
{
    const size_t n = 2 * (size_t)threads;

    return n > SFX_READER_MAX_AHEAD ? SFX_READER_MAX_AHEAD : n;
}

/* Fills the slot; nobody else looks at it. */
static void fill(const struct sfx_ahead *a, struct slot *slot)
{
    const struct sfx_reject_sink sink = {sfx_held_rejects_put, &slot->refused};

    sfx_held_rejects_clear(&slot->refused);
    slot->rc =
        a->ops->read(a->reader, &slot->batch, a->keeps_refused ? &sink : NULL, &slot->failure);
}

/*
 * The caller works on the batch that it took last; the reader keeps that one and those in the ring:
 * one of the ring is left free.
 */
static bool has_room(const struct sfx_ahead *a)
{
    return a->reads && a->nfilled - a->ntaken + a->fills < a->nslots - 1;
}

static bool can_fill(const struct sfx_ahead *a)
{
    return !a->fills && has_room(a);
}

/* Under the lock: wakes one thread to read, if one can and nobody looks for that. */
static void offer_turn(struct sfx_ahead *a)
{
    if (can_fill(a) && !a->looks)
        (void)pthread_cond_signal(&a->turn);
}

/* Under the lock, which is given up meanwhile: fills the next slot and works on it. */
static void fill_next(struct sfx_ahead *a)
{
    const size_t at = (size_t)(a->nfilled % a->nslots);
    struct slot *slot = &a->slots[at];

    a->fills = true;
    (void)pthread_mutex_unlock(&a->lock);
    fill(a, slot);
    (void)pthread_mutex_lock(&a->lock);
    a->fills = false;
    a->nfilled++;
    a->reads = a->reads && slot->rc > 0; /* the end, or an error, is the last that is told */
    slot->ready = a->work == NULL || slot->rc <= 0;
    (void)pthread_cond_signal(&a->changed);
    offer_turn(a);
    if (slot->ready)
        return;
    a->nworking++;
    (void)pthread_mutex_unlock(&a->lock);
    a->work(a->work_ctx, at, &slot->batch);
    (void)pthread_mutex_lock(&a->lock);
    a->nworking--;
    slot->ready = true;
    if (at == a->ntaken % a->nslots || !a->reads)
        (void)pthread_cond_signal(&a->changed);
}

/*
 * Under the lock, which is given up meanwhile: waits for a change. A batch is read in less time
 * than it takes to sleep and be woken: of those that wait for their turn to read a file, one looks
 * for it. A pipe may be quiet for long.
 */
static void wait_for_change(struct sfx_ahead *a, pthread_cond_t *changed)
{
    int64_t until;

    if (!a->caller_reads || a->looks || !a->fills || !has_room(a)) {
        (void)pthread_cond_wait(changed, &a->lock);
        return;
    }
    a->looks = true;
    (void)pthread_mutex_unlock(&a->lock);
    until = sfx_clock_mono_ns() + LOOK_NS;
    while (atomic_load_explicit(&a->fills, memory_order_relaxed) && sfx_clock_mono_ns() < until)
        ;
    (void)pthread_mutex_lock(&a->lock);
    a->looks = false;
    if (a->fills)
        (void)pthread_cond_wait(changed, &a->lock);
}

static void *run(void *arg)
{
    struct sfx_ahead *a = arg;

    (void)pthread_mutex_lock(&a->lock);
    while (!a->ended) {
        if (can_fill(a))
            fill_next(a);
        else
            wait_for_change(a, &a->turn);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void end_threads(struct sfx_ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    a->ended = true;
    (void)pthread_cond_broadcast(&a->turn);
    (void)pthread_mutex_unlock(&a->lock);
    while (a->nthreads > 0)
        (void)pthread_join(a->threads[--a->nthreads], NULL);
}

static void free_all(struct sfx_ahead *a)
{
    size_t i;

    for (i = 0; a->slots != NULL && i < a->nslots; i++) {
        sfx_batch_done(&a->slots[i].batch);
        sfx_held_rejects_done(&a->slots[i].refused);
    }
    if (a->wake >= 0)
        (void)close(a->wake);
    (void)pthread_cond_destroy(&a->turn);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a->slots);
    free(a->threads);
    free(a);
}

/* One thread suffices; those that cannot be had beyond it are done without. */
static int start_threads(struct sfx_ahead *a, size_t n, struct sfx_err *err)
{
    sigset_t all, before;
    int code = 0;

    (void)sigfillset(&all); /* signals stay with the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (a->nthreads < n && code == 0) {
        code = pthread_create(&a->threads[a->nthreads], NULL, run, a);
        a->nthreads += code == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return a->nthreads > 0 ? 0 : sfx_err_errno(err, code, "cannot start a thread");
}

struct sfx_ahead *sfx_ahead_new(unsigned threads, struct sfx_err *err)
{
    struct sfx_ahead *a = calloc(1, sizeof(*a));
    size_t i;
    int rc = 0;

    if (a == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory to read ahead");
        return NULL;
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->turn, NULL);
    (void)pthread_cond_init(&a->changed, NULL);
    a->nslots = sfx_ahead_batches(threads);
    a->slots = calloc(a->nslots, sizeof(*a->slots));
    a->threads = calloc(a->nslots, sizeof(*a->threads));
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->slots == NULL || a->threads == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory to read ahead");
    else if (a->wake < 0)
        rc = sfx_err_errno(err, errno, "cannot read ahead");
    for (i = 0; i < a->nslots && rc == 0; i++)
        rc = sfx_batch_init(&a->slots[i].batch, err);
    if (rc == 0)
        rc = start_threads(a, a->nslots / 2 - 1, err); /* each has one in hand, and one behind it */
    if (rc == 0)
        return a;
    free_all(a);
    return NULL;
}

void sfx_ahead_set_work(struct sfx_ahead *ahead,
                        void (*work)(void *ctx, size_t slot, struct sfx_batch *batch), void *ctx,
                        bool caller_reads)
{
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->work = work;
    ahead->work_ctx = ctx;
    ahead->caller_reads = caller_reads && work != NULL;
    (void)pthread_mutex_unlock(&ahead->lock);
}

static void start(struct sfx_ahead *a, const struct sfx_reader_ops *ops, struct sfx_reader *reader,
                  bool keeps_refused)
{
    if (a->reads || a->fills || a->nfilled != a->ntaken)
        return;
    a->ops = ops;
    a->reader = reader;
    a->keeps_refused = keeps_refused;
    a->reads = true;
    offer_turn(a);
}

/* Under the lock: the oldest slot, once it is ready. */
static struct slot *wait_for_slot(struct sfx_ahead *a)
{
    struct slot *slot = &a->slots[a->ntaken % a->nslots];

    while (a->nfilled == a->ntaken || !slot->ready) {
        if (a->caller_reads && can_fill(a))
            fill_next(a);
        else
            wait_for_change(a, &a->changed);
    }
    offer_turn(a); /* which was this thread's while it looked */
    return slot;
}

/* Under the lock: gives the slot back. */
static void give_back(struct sfx_ahead *a)
{
    a->ntaken++;
    /* Threads sleep when the ring is full, and are woken when half of it is free: not for each
     * batch. */
    if (a->nfilled - a->ntaken == (a->nslots - 1) / 2)
        offer_turn(a);
}

int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch, size_t *index,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_batch filled;
    struct slot *slot;
    int rc, read;

    (void)pthread_mutex_lock(&ahead->lock);
    start(ahead, ops, reader, rejects != NULL);
    slot = wait_for_slot(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
    if (index != NULL)
        *index = (size_t)(slot - ahead->slots);
    rc = rejects != NULL ? sfx_held_rejects_hand_on(&slot->refused, rejects, err) : 0;
    read = slot->rc;
    if (rc == 0 && read < 0 && err != NULL)
        *err = slot->failure;
    filled = slot->batch;
    slot->batch = *batch;
    *batch = filled;
    (void)pthread_mutex_lock(&ahead->lock);
    give_back(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
    return rc < 0 ? rc : read;
}

static void set_waits(struct sfx_ahead *a, bool waits)
{
    (void)pthread_mutex_lock(&a->lock);
    a->waits = waits;
    (void)pthread_cond_signal(&a->changed);
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
    if (ahead->fills)
        (void)eventfd_write(ahead->wake, 1);
    while (ahead->fills || ahead->nworking > 0)
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
    end_threads(ahead);
    free_all(ahead);
}
