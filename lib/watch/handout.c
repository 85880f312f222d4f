/* SPDX-License-Identifier: MIT */
/* Printing what is in a queue, beside putting more into it. */
#include "watch/handout.h"

#include "base/io.h"
#include "queue/feed.h"
#include "queue/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

/* As sfx-queue pump: kept up as long as the process lives, and given back when it ends. */
#define VISIBLE_MS 30000

/* So often the end looks whether it is to stop waiting for answers: soon for a person. */
#define STOP_LOOK_NS ((long)100 * 1000000)

struct sfx_handout {
    struct sfx_queue *queue;
    int fd, wake_fd;
    const volatile sig_atomic_t *stop;
    volatile sig_atomic_t quit, last; /* what the pump looks at */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    int rc;
    struct sfx_err err;
};

static void *pump(void *arg)
{
    struct sfx_handout *h = arg;
    const struct sfx_pump_opts opts = {
        .visible_ms = VISIBLE_MS, .stop = &h->quit, .last = &h->last, .wake_fd = h->wake_fd};
    struct sfx_err err = {0};
    uint64_t moved = 0;
    int rc = sfx_queue_pump_out(h->queue, h->fd, &opts, &moved, &err);

    (void)pthread_mutex_lock(&h->lock);
    h->rc = rc;
    h->err = err;
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

static int start(struct sfx_handout *h, struct sfx_err *err)
{
    sigset_t all, before;
    int rc;

    /* Signals are for the thread that looks at what they set. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&h->thread, NULL, pump, h);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : sfx_err_errno(err, rc, "thread");
}

static void destroy(struct sfx_handout *h)
{
    sfx_queue_close(h->queue);
    (void)sfx_io_close(&h->wake_fd, NULL);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

struct sfx_handout *sfx_handout_new(const char *uri, int fd, const volatile sig_atomic_t *stop,
                                    struct sfx_err *err)
{
    const struct sfx_queue_opts opts = {.stop = stop, .name = "sfx-watch"};
    struct sfx_handout *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "printing");
        return NULL;
    }
    (void)pthread_mutex_init(&h->lock, NULL);
    h->fd = fd;
    h->stop = stop;
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake_fd < 0)
        (void)sfx_err_errno(err, errno, "eventfd");
    else
        h->queue = sfx_queue_open(uri, &opts, err);
    if (h->queue != NULL && start(h, err) == 0)
        return h;
    destroy(h);
    return NULL;
}

int sfx_handout_check(struct sfx_handout *h, struct sfx_err *err)
{
    int rc;

    (void)pthread_mutex_lock(&h->lock);
    rc = h->rc;
    if (rc < 0 && err != NULL)
        *err = h->err;
    (void)pthread_mutex_unlock(&h->lock);
    return rc;
}

/* Waits for the thread, for a moment. */
static bool has_ended(struct sfx_handout *h)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += STOP_LOOK_NS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(h->thread, NULL, &t) != ETIMEDOUT;
}

int sfx_handout_end(struct sfx_handout *h, bool drain, struct sfx_err *err)
{
    const uint64_t one = 1;
    int rc;

    h->last = 1;
    h->quit = !drain;
    (void)sfx_io_write(h->wake_fd, &one, sizeof(one), NULL);
    while (!has_ended(h)) {
        if (h->stop == NULL || *h->stop == 0 || h->quit)
            continue;
        h->quit = 1;
        (void)sfx_io_write(h->wake_fd, &one, sizeof(one), NULL);
    }
    rc = h->rc;
    *err = h->err;
    destroy(h);
    return rc;
}
