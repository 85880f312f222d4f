/* SPDX-License-Identifier: MIT */
/* The pool of threads: a bounded ring of jobs under one lock. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct sfx_pool {
    pthread_mutex_t lock;
    pthread_cond_t has_job;  /* or closing */
    pthread_cond_t has_room; /* in the ring */
    pthread_cond_t idle;     /* nothing waits, nothing runs */
    struct job *ring;        /* ring_cap jobs; owned */
    size_t ring_cap;
    size_t first;   /* index of the oldest waiting job */
    size_t waiting; /* jobs in the ring */
    size_t running; /* jobs taken and not ended */
    bool closing;
    pthread_t *threads; /* owned */
    size_t nthreads;    /* started */
};

static void *work(void *arg)
{
    struct sfx_pool *pool = arg;

    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job job;

        while (pool->waiting == 0 && !pool->closing)
            (void)pthread_cond_wait(&pool->has_job, &pool->lock);
        if (pool->waiting == 0)
            break;
        job = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->ring_cap;
        pool->waiting--;
        pool->running++;
        (void)pthread_cond_signal(&pool->has_room);
        (void)pthread_mutex_unlock(&pool->lock);
        job.fn(job.arg);
        (void)pthread_mutex_lock(&pool->lock);
        pool->running--;
        if (pool->running == 0 && pool->waiting == 0)
            (void)pthread_cond_broadcast(&pool->idle);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* New threads inherit the mask: signals stay with the thread that made the pool. */
static int start_threads(struct sfx_pool *pool, size_t nthreads, struct sfx_err *err)
{
    sigset_t all;
    sigset_t before;
    int errnum = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->nthreads < nthreads && errnum == 0) {
        errnum = pthread_create(&pool->threads[pool->nthreads], NULL, work, pool);
        if (errnum == 0)
            pool->nthreads++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (errnum != 0) {
        (void)sfx_err_errno(err, errnum, "cannot start thread %zu", pool->nthreads + 1);
        return SFX_E_IO;
    }
    return 0;
}

struct sfx_pool *sfx_pool_new(size_t nthreads, size_t queue_cap, struct sfx_err *err)
{
    struct sfx_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a pool of threads");
        return NULL;
    }
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->has_job, NULL);
    (void)pthread_cond_init(&pool->has_room, NULL);
    (void)pthread_cond_init(&pool->idle, NULL);
    pool->ring_cap = queue_cap;
    pool->ring = calloc(queue_cap, sizeof(*pool->ring));
    pool->threads = calloc(nthreads, sizeof(*pool->threads));
    if (pool->ring == NULL || pool->threads == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu threads", nthreads);
        sfx_pool_free(pool);
        return NULL;
    }
    if (start_threads(pool, nthreads, err) < 0) {
        sfx_pool_free(pool);
        return NULL;
    }
    return pool;
}

void sfx_pool_submit(struct sfx_pool *pool, void (*fn)(void *arg), void *arg)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->waiting == pool->ring_cap)
        (void)pthread_cond_wait(&pool->has_room, &pool->lock);
    pool->ring[(pool->first + pool->waiting) % pool->ring_cap] = (struct job){fn, arg};
    pool->waiting++;
    (void)pthread_cond_signal(&pool->has_job);
    (void)pthread_mutex_unlock(&pool->lock);
}

void sfx_pool_wait(struct sfx_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->waiting > 0 || pool->running > 0)
        (void)pthread_cond_wait(&pool->idle, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

void sfx_pool_free(struct sfx_pool *pool)
{
    size_t i;

    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->closing = true; /* the threads end when the ring is empty */
    (void)pthread_cond_broadcast(&pool->has_job);
    (void)pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->nthreads; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->idle);
    (void)pthread_cond_destroy(&pool->has_room);
    (void)pthread_cond_destroy(&pool->has_job);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool->ring);
    free(pool);
}

size_t sfx_pool_ncpus(void)
{
    cpu_set_t set;
    long online;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return (size_t)CPU_COUNT(&set);
    online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than cpu_set_t can name */
    return online > 0 ? (size_t)online : 1;
}
