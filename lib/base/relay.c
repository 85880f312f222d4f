/* SPDX-License-Identifier: MIT */
/*
 * The ring of jobs. All threads do the same: whoever finds that no job begins, and a slot free,
 * begins the next job and goes on with it while what it needs is in the cache, and another one may
 * begin.
 */
#include "base/relay.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a thread spends on looking for its turn before it sleeps. */
#define LOOK_NS INT64_C(100000)

struct sfx_relay {
    pthread_t threads[SFX_RELAY_MAX_SLOTS];
    size_t nthreads, nslots;
    pthread_mutex_t lock;
    pthread_cond_t turn;    /* for a thread: a job can begin */
    pthread_cond_t changed; /* for the caller */
    int wake;               /* an eventfd, raised while _stop waits for a _begin */
    /* Under the lock: */
    struct sfx_relay_jobs jobs;
    bool runs, ended;        /* jobs may begin; the threads are to go */
    _Atomic bool begins;     /* one does; also looked at without the lock */
    bool waits;              /* it is in _wait */
    bool looks;              /* a thread waits for its turn without sleeping */
    bool held;               /* the caller has the slot of the oldest job */
    size_t nworking;         /* jobs that have begun and are not done */
    uint64_t nbegun, ntaken; /* over all: the jobs between have slots */
    bool done[SFX_RELAY_MAX_SLOTS];
};

size_t sfx_relay_nslots(unsigned threads)
{
    const size_t n = 2 * (size_t)threads;

    return n > SFX_RELAY_MAX_SLOTS ? SFX_RELAY_MAX_SLOTS : n;
}

static bool has_room(const struct sfx_relay *r)
{
    return r->runs && r->nbegun - r->ntaken + r->begins < r->nslots;
}

static bool can_begin(const struct sfx_relay *r)
{
    return !r->begins && has_room(r);
}

/* Under the lock: wakes one thread, if a job can begin and nobody looks for that. */
static void offer_turn(struct sfx_relay *r)
{
    if (can_begin(r) && !r->looks)
        (void)pthread_cond_signal(&r->turn);
}

/* Under the lock, which is given up meanwhile: does the next job. */
static void do_job(struct sfx_relay *r)
{
    const size_t slot = (size_t)(r->nbegun % r->nslots);
    bool more;

    r->begins = true;
    r->done[slot] = false;
    (void)pthread_mutex_unlock(&r->lock);
    more = r->jobs.begin(r->jobs.ctx, slot);
    (void)pthread_mutex_lock(&r->lock);
    r->begins = false;
    r->nbegun++;
    r->nworking++;
    r->runs = r->runs && more;
    offer_turn(r);
    if (!r->runs)
        (void)pthread_cond_signal(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    r->jobs.work(r->jobs.ctx, slot);
    (void)pthread_mutex_lock(&r->lock);
    r->nworking--;
    r->done[slot] = true;
    (void)pthread_cond_signal(&r->changed);
}

/*
 * Under the lock, which is given up meanwhile: waits for a change. A job begins in less time than
 * it takes to sleep and be woken: of those that wait for their turn, one looks for it, unless jobs
 * may wait for what is quiet for long.
 */
static void wait_for_change(struct sfx_relay *r, pthread_cond_t *changed)
{
    int64_t until;

    if (!r->jobs.caller_helps || r->looks || !r->begins || !has_room(r)) {
        (void)pthread_cond_wait(changed, &r->lock);
        return;
    }
    r->looks = true;
    (void)pthread_mutex_unlock(&r->lock);
    until = sfx_clock_mono_ns() + LOOK_NS;
    while (atomic_load_explicit(&r->begins, memory_order_relaxed) && sfx_clock_mono_ns() < until)
        ;
    (void)pthread_mutex_lock(&r->lock);
    r->looks = false;
    if (r->begins)
        (void)pthread_cond_wait(changed, &r->lock);
}

static void *run(void *arg)
{
    struct sfx_relay *r = arg;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->ended) {
        if (can_begin(r))
            do_job(r);
        else
            wait_for_change(r, &r->turn);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* One thread suffices; those that cannot be had beyond it are done without. */
static int start_threads(struct sfx_relay *r, size_t n, struct sfx_err *err)
{
    sigset_t all, before;
    int code = 0;

    (void)sigfillset(&all); /* signals stay with the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (r->nthreads < n && code == 0) {
        code = pthread_create(&r->threads[r->nthreads], NULL, run, r);
        r->nthreads += code == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->nthreads > 0 ? 0 : sfx_err_errno(err, code, "cannot start a thread");
}

static void free_all(struct sfx_relay *r)
{
    if (r->wake >= 0)
        (void)close(r->wake);
    (void)pthread_cond_destroy(&r->turn);
    (void)pthread_cond_destroy(&r->changed);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

struct sfx_relay *sfx_relay_new(unsigned threads, struct sfx_err *err)
{
    struct sfx_relay *r = calloc(1, sizeof(*r));
    int rc = 0;

    if (r == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for threads");
        return NULL;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->turn, NULL);
    (void)pthread_cond_init(&r->changed, NULL);
    r->nslots = sfx_relay_nslots(threads);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake < 0)
        rc = sfx_err_errno(err, errno, "cannot start a thread");
    if (rc == 0)
        rc = start_threads(r, r->nslots / 2 - 1, err);
    if (rc == 0)
        return r;
    free_all(r);
    return NULL;
}

void sfx_relay_start(struct sfx_relay *r, const struct sfx_relay_jobs *jobs)
{
    (void)pthread_mutex_lock(&r->lock);
    if (!r->runs && !r->begins && r->nbegun == r->ntaken + r->held) {
        r->jobs = *jobs;
        r->nbegun = r->ntaken = 0;
        r->held = false;
        r->runs = true;
        offer_turn(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

size_t sfx_relay_next(struct sfx_relay *r)
{
    size_t slot;

    (void)pthread_mutex_lock(&r->lock);
    r->ntaken += r->held;
    r->held = true;
    /* Threads sleep when no slot is free, and are woken when half of them are: not for each job. */
    if (r->nbegun - r->ntaken == r->nslots / 2)
        offer_turn(r);
    slot = (size_t)(r->ntaken % r->nslots);
    while (r->nbegun == r->ntaken || !r->done[slot]) {
        if (r->jobs.caller_helps && can_begin(r))
            do_job(r);
        else
            wait_for_change(r, &r->changed);
    }
    offer_turn(r); /* which was this thread's while it looked */
    (void)pthread_mutex_unlock(&r->lock);
    return slot;
}

static void set_waits(struct sfx_relay *r, bool waits)
{
    (void)pthread_mutex_lock(&r->lock);
    r->waits = waits;
    (void)pthread_cond_signal(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
}

int sfx_relay_wait(struct sfx_relay *r, int fd, struct sfx_err *err)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = r->wake, .events = POLLIN}};
    int n;

    set_waits(r, true);
    n = poll(p, 2, -1); /* no signal comes to this thread */
    set_waits(r, false);
    if (n < 0)
        return sfx_err_errno(err, errno, "cannot wait");
    return p[1].revents != 0 ? sfx_err_set(err, SFX_E_TEMPORARY, "stopped") : 0;
}

bool sfx_relay_is_waiting(struct sfx_relay *r)
{
    bool waiting;

    (void)pthread_mutex_lock(&r->lock);
    while (r->nbegun == r->ntaken + r->held && r->runs && !r->waits)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    waiting = r->nbegun == r->ntaken + r->held && r->waits;
    (void)pthread_mutex_unlock(&r->lock);
    return waiting;
}

void sfx_relay_stop(struct sfx_relay *r)
{
    eventfd_t raised;

    (void)pthread_mutex_lock(&r->lock);
    r->runs = false;
    if (r->begins)
        (void)eventfd_write(r->wake, 1);
    while (r->begins || r->nworking > 0)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    (void)eventfd_read(r->wake, &raised);
    r->ntaken = r->nbegun;
    r->held = false;
    (void)pthread_mutex_unlock(&r->lock);
}

void sfx_relay_free(struct sfx_relay *r)
{
    if (r == NULL)
        return;
    sfx_relay_stop(r);
    (void)pthread_mutex_lock(&r->lock);
    r->ended = true;
    (void)pthread_cond_broadcast(&r->turn);
    (void)pthread_mutex_unlock(&r->lock);
    while (r->nthreads > 0)
        (void)pthread_join(r->threads[--r->nthreads], NULL);
    free_all(r);
}
