/* SPDX-License-Identifier: MIT */
/* The event loop: epoll(7), and timers in a binary heap. */
#include "function/loop.h"

#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 64 }; /* events taken at once: more only delays what becomes due meanwhile */

struct sfx_loop {
    int fd;
    struct sfx_loop_timer **heap; /* heap[1] is due first; heap[0] is unused */
    size_t count, cap;
    struct epoll_event batch[BATCH];
    int nbatch;
};

struct sfx_loop *sfx_loop_new(struct sfx_err *err)
{
    struct sfx_loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
        return NULL;
    }
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->fd < 0) {
        (void)sfx_err_errno(err, errno, "epoll");
        free(loop);
        return NULL;
    }
    return loop;
}

void sfx_loop_free(struct sfx_loop *loop)
{
    if (loop == NULL)
        return;
    (void)sfx_io_close(&loop->fd, NULL);
    free(loop->heap);
    free(loop);
}

int sfx_loop_add(struct sfx_loop *loop, struct sfx_loop_watch *watch, int fd, uint32_t events,
                 struct sfx_err *err)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};

    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &ev) != 0)
        return sfx_err_errno(err, errno, "epoll");
    watch->fd = fd;
    return 0;
}

void sfx_loop_change(struct sfx_loop *loop, struct sfx_loop_watch *watch, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};

    (void)epoll_ctl(loop->fd, EPOLL_CTL_MOD, watch->fd, &ev);
}

void sfx_loop_remove(struct sfx_loop *loop, struct sfx_loop_watch *watch)
{
    int i;

    if (watch->ready == NULL)
        return;
    (void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->ready = NULL;
    /* What was told in the batch that is being worked on is not for it any more. */
    for (i = 0; i < loop->nbatch; i++) {
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
    }
}

static void put(struct sfx_loop *loop, size_t place, struct sfx_loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static void sift(struct sfx_loop *loop, size_t place, struct sfx_loop_timer *timer)
{
    size_t child;

    while (place > 1 && loop->heap[place / 2]->at_ns > timer->at_ns) {
        put(loop, place, loop->heap[place / 2]);
        place /= 2;
    }
    while ((child = 2 * place) <= loop->count) {
        if (child < loop->count && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
            child++;
        if (loop->heap[child]->at_ns >= timer->at_ns)
            break;
        put(loop, place, loop->heap[child]);
        place = child;
    }
    put(loop, place, timer);
}

int sfx_loop_set(struct sfx_loop *loop, struct sfx_loop_timer *timer, int64_t at_ns,
                 struct sfx_err *err)
{
    timer->at_ns = at_ns;
    if (timer->place == 0) {
        if (loop->count + 2 > loop->cap) {
            size_t cap = loop->cap > 0 ? loop->cap * 2 : 32;
            struct sfx_loop_timer **grown = reallocarray(loop->heap, cap, sizeof(*grown));

            if (grown == NULL)
                return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
            loop->heap = grown;
            loop->cap = cap;
        }
        timer->place = ++loop->count;
    }
    sift(loop, timer->place, timer);
    return 0;
}

void sfx_loop_unset(struct sfx_loop *loop, struct sfx_loop_timer *timer)
{
    size_t place = timer->place;
    struct sfx_loop_timer *last;

    if (place == 0)
        return;
    timer->place = 0;
    last = loop->heap[loop->count--];
    if (last != timer)
        sift(loop, place, last);
}

static void call_due(struct sfx_loop *loop)
{
    int64_t now = sfx_clock_mono_ns();

    while (loop->count > 0 && loop->heap[1]->at_ns <= now) {
        struct sfx_loop_timer *timer = loop->heap[1];

        sfx_loop_unset(loop, timer);
        timer->due(timer->ctx);
    }
}

static int wait_ms(const struct sfx_loop *loop, int64_t at_ns)
{
    int64_t left;

    if (loop->count > 0 && (at_ns < 0 || loop->heap[1]->at_ns < at_ns))
        at_ns = loop->heap[1]->at_ns;
    if (at_ns < 0)
        return -1;
    left = (at_ns - sfx_clock_mono_ns() + 999999) / 1000000; /* up: not to wake before it is due */
    return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

int sfx_loop_step(struct sfx_loop *loop, int64_t at_ns, const volatile sig_atomic_t *stop,
                  sig_atomic_t seen, struct sfx_err *err)
{
    int ms = wait_ms(loop, at_ns), i;
    sigset_t all;
    sigset_t before;

    if (ms == 0 || stop == NULL) {
        loop->nbatch = epoll_wait(loop->fd, loop->batch, BATCH, ms);
    } else {
        /* Signals are held back between the look at *stop and the wait. */
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        loop->nbatch = epoll_pwait(loop->fd, loop->batch, BATCH, *stop != seen ? 0 : ms, &before);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (loop->nbatch < 0) {
        loop->nbatch = 0;
        if (errno != EINTR)
            return sfx_err_errno(err, errno, "epoll");
    }
    for (i = 0; i < loop->nbatch; i++) {
        struct sfx_loop_watch *watch = loop->batch[i].data.ptr;

        if (watch != NULL)
            watch->ready(watch->ctx, loop->batch[i].events);
    }
    loop->nbatch = 0;
    call_due(loop);
    return 0;
}
