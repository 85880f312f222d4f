/* SPDX-License-Identifier: MIT */
/* The reading thread, and the one place where batches change hands. */
#include "query/records_ahead_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A batch takes some 100 µs: a turn of the loop is a nanosecond or two, and sleeping costs more
 * than waiting so long. */
#define SPINS 4000

enum state {
    IDLE,  /* nothing is asked for; the reader is the caller's */
    ASKED, /* the thread fills the batch */
    READY, /* rc, failure, refused and batch are the caller's to take */
    ENDED, /* the thread is to go */
};

/* A reject that was copied: its slices point into the arena. */
struct refused {
    struct sfx_reject reject;
    struct refused *next;
};

struct sfx_ahead {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic enum state state; /* changed under the lock, looked at without it */
    /* What is asked for. */
    const struct sfx_reader_ops *ops;
    struct sfx_reader *reader;
    bool keeps_refused; /* the caller takes rejects; else a bad record is an error */
    /* The answer. */
    struct sfx_batch batch;
    int rc;
    struct sfx_err failure;
    struct refused *first, **last;
    struct sfx_arena arena; /* of the refused records */
};

static void set_state(struct sfx_ahead *a, enum state state)
{
    (void)pthread_mutex_lock(&a->lock);
    atomic_store_explicit(&a->state, state, memory_order_release);
    (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
}

/* Waits until the state is another one; returns it. */
static enum state wait_while(struct sfx_ahead *a, enum state state)
{
    enum state now = state;
    unsigned i;

    for (i = 0; i < SPINS && now == state; i++)
        now = atomic_load_explicit(&a->state, memory_order_acquire);
    if (now != state)
        return now;
    (void)pthread_mutex_lock(&a->lock);
    while ((now = atomic_load_explicit(&a->state, memory_order_acquire)) == state)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    (void)pthread_mutex_unlock(&a->lock);
    return now;
}

static int copy(struct sfx_ahead *a, struct sfx_slice *slice, struct sfx_err *err)
{
    char *bytes;

    if (slice->ptr == NULL)
        return 0;
    bytes = sfx_arena_strndup(&a->arena, slice->ptr, slice->len, err);
    slice->ptr = bytes;
    return bytes == NULL ? SFX_E_NOMEM : 0;
}

/* In the thread: keeps what the reader refuses. Names of inputs, and codes, outlive the batch. */
static int keep(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_ahead *a = ctx;
    struct refused *refused = sfx_arena_calloc(&a->arena, 1, sizeof(*refused), err);

    if (refused == NULL)
        return SFX_E_NOMEM;
    refused->reject = *r;
    if (copy(a, &refused->reject.column, err) < 0 || copy(a, &refused->reject.value, err) < 0 ||
        copy(a, &refused->reject.raw, err) < 0)
        return SFX_E_NOMEM;
    if (r->reason != NULL) {
        refused->reject.reason = sfx_arena_strndup(&a->arena, r->reason, strlen(r->reason), err);
        if (refused->reject.reason == NULL)
            return SFX_E_NOMEM;
    }
    *a->last = refused;
    a->last = &refused->next;
    return 0;
}

static void *run(void *arg)
{
    struct sfx_ahead *a = arg;
    const struct sfx_reject_sink sink = {keep, a};

    while (wait_while(a, IDLE) != ENDED) {
        if (atomic_load_explicit(&a->state, memory_order_acquire) == ASKED) {
            a->rc =
                a->ops->read(a->reader, &a->batch, a->keeps_refused ? &sink : NULL, &a->failure);
            set_state(a, READY);
        }
        if (wait_while(a, READY) == ENDED)
            break;
    }
    return NULL;
}

struct sfx_ahead *sfx_ahead_new(struct sfx_err *err)
{
    struct sfx_ahead *a = calloc(1, sizeof(*a));
    sigset_t all, before;
    int code;

    if (a == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory to read ahead");
        return NULL;
    }
    if (sfx_batch_init(&a->batch, err) < 0) {
        free(a);
        return NULL;
    }
    a->last = &a->first;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->changed, NULL);
    (void)sigfillset(&all); /* signals stay with the program's main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&a->thread, NULL, run, a);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        return a;
    (void)sfx_err_errno(err, code, "cannot start a thread");
    sfx_batch_done(&a->batch);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

/* To be called while the thread is at rest. */
static void ask(struct sfx_ahead *a, const struct sfx_reader_ops *ops, struct sfx_reader *reader,
                bool keeps_refused)
{
    a->ops = ops;
    a->reader = reader;
    a->keeps_refused = keeps_refused;
    a->first = NULL;
    a->last = &a->first;
    sfx_arena_reset(&a->arena);
    set_state(a, ASKED);
}

/* Hands on what was refused, in its order. */
static int hand_on(struct sfx_ahead *a, const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    const struct refused *r;
    int rc = 0;

    for (r = a->first; r != NULL && rc == 0; r = r->next)
        rc = rejects->put(rejects->ctx, &r->reject, err);
    return rc;
}

int sfx_ahead_read(struct sfx_ahead *ahead, const struct sfx_reader_ops *ops,
                   struct sfx_reader *reader, struct sfx_batch *batch,
                   const struct sfx_reject_sink *rejects, struct sfx_err *err)
{
    struct sfx_batch filled;
    int rc, read;

    if (atomic_load_explicit(&ahead->state, memory_order_acquire) == IDLE)
        ask(ahead, ops, reader, rejects != NULL);
    (void)wait_while(ahead, ASKED);
    rc = hand_on(ahead, rejects, err);
    read = ahead->rc;
    if (rc == 0 && read < 0 && err != NULL)
        *err = ahead->failure;
    filled = ahead->batch;
    ahead->batch = *batch;
    *batch = filled;
    if (rc == 0 && read > 0)
        ask(ahead, ops, reader, rejects != NULL);
    else
        set_state(ahead, IDLE);
    return rc < 0 ? rc : read;
}

void sfx_ahead_stop(struct sfx_ahead *ahead)
{
    if (atomic_load_explicit(&ahead->state, memory_order_acquire) == IDLE)
        return;
    (void)wait_while(ahead, ASKED);
    set_state(ahead, IDLE);
}

void sfx_ahead_free(struct sfx_ahead *ahead)
{
    if (ahead == NULL)
        return;
    sfx_ahead_stop(ahead);
    set_state(ahead, ENDED);
    (void)pthread_join(ahead->thread, NULL);
    sfx_batch_done(&ahead->batch);
    sfx_arena_done(&ahead->arena);
    (void)pthread_cond_destroy(&ahead->changed);
    (void)pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}
