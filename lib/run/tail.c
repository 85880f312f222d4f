/* SPDX-License-Identifier: MIT */
/* Following inputs: inotify tells that a file has grown, a look now and then that it was replaced.
 */
#include "run/tail.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

/* A new file under the name sends no notice: it is looked for this often. */
#define LOOK_MS 250

static bool is_stopped(const volatile sig_atomic_t *stop)
{
    return stop != NULL && *stop != 0;
}

/*
 * Waits for fd (-1: none) or, if timeout_ms is not negative, so long. A signal that comes between
 * the look at *stop and the wait is not slept through.
 */
static void wait_for(int fd, int timeout_ms, const volatile sig_atomic_t *stop)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    const struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!is_stopped(stop))
        (void)ppoll(&poll_fd, 1, timeout_ms >= 0 ? &timeout : NULL, &before);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int sfx_tail_init(struct sfx_tail *tail, struct sfx_input *in, struct sfx_err *err)
{
    const char *path = sfx_input_name(in);

    tail->in = in;
    tail->end = SFX_TAIL_OPEN;
    tail->inotify_fd = -1;
    tail->fd = sfx_input_fd(in);
    tail->pos = 0;
    if (tail->fd < 0)
        return 0;
    if (fstat(tail->fd, &tail->st) != 0)
        return sfx_err_errno(err, errno, "%s", path);
    if (!tail->follow)
        return 0;
    tail->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (tail->inotify_fd >= 0 &&
        inotify_add_watch(tail->inotify_fd, path,
                          IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF) < 0)
        (void)sfx_io_close(&tail->inotify_fd, NULL); /* it is looked at now and then */
    return 0;
}

/* Whether another file has the name, or this one was cut. */
static bool is_replaced(const struct sfx_tail *tail, bool *cut)
{
    struct stat now;

    *cut = fstat(tail->fd, &now) == 0 && (uint64_t)now.st_size < tail->pos;
    if (*cut)
        return true;
    /* Nothing under the name: a new file will come. */
    return stat(sfx_input_name(tail->in), &now) == 0 &&
           (now.st_dev != tail->st.st_dev || now.st_ino != tail->st.st_ino);
}

static void wait_for_more(struct sfx_tail *tail)
{
    char events[4096];

    wait_for(tail->inotify_fd, LOOK_MS, tail->stop);
    if (tail->inotify_fd >= 0)
        (void)!read(tail->inotify_fd, events,
                    sizeof(events)); /* only that there were some counts */
}

/* Up to cap bytes of the file. */
static ssize_t read_file(struct sfx_tail *tail, void *ptr, size_t cap, struct sfx_err *err)
{
    ssize_t n;

    if (tail->skip_to > 0 && tail->pos == tail->head) {
        tail->pos = tail->skip_to;
        tail->skip_to = 0;
    }
    if (tail->skip_to > 0 && cap > tail->head - tail->pos)
        cap = tail->head - tail->pos;
    do
        n = pread(tail->fd, ptr, cap, (off_t)tail->pos);
    while (n < 0 && errno == EINTR && !is_stopped(tail->stop));
    if (n < 0)
        return sfx_err_errno(err, errno, "%s", sfx_input_name(tail->in));
    tail->pos += (uint64_t)n;
    return n;
}

/* The stream is not at an end that would complete its last record. */
static ssize_t stop(struct sfx_tail *tail, enum sfx_tail_end end, struct sfx_err *err)
{
    tail->end = end;
    return sfx_err_set(err, SFX_E_TEMPORARY, "%s: stopped", sfx_input_name(tail->in));
}

ssize_t sfx_tail_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_tail *tail = ctx;
    bool replaced = false, cut = false;
    ssize_t n;
    int rc;

    for (;;) {
        if (is_stopped(tail->stop))
            return stop(tail, SFX_TAIL_STOPPED, err);
        n = read_file(tail, ptr, cap, err);
        if (n != 0)
            return n;
        if (cut)
            return stop(tail, SFX_TAIL_ROTATED, err);
        if (replaced) { /* and nothing was appended before that */
            tail->end = SFX_TAIL_ROTATED;
            return 0;
        }
        if (!tail->follow)
            return stop(tail, SFX_TAIL_STOPPED, err);
        replaced = is_replaced(tail, &cut);
        if (replaced)
            continue;
        if (tail->tick != NULL && (rc = tail->tick(tail->tick_ctx, err)) < 0)
            return rc;
        wait_for_more(tail);
    }
}

bool sfx_tail_would_block(void *ctx)
{
    const struct sfx_tail *tail = ctx;
    struct stat now;

    return tail->follow && tail->end == SFX_TAIL_OPEN && tail->skip_to == 0 &&
           fstat(tail->fd, &now) == 0 && (uint64_t)now.st_size <= tail->pos;
}

int sfx_tail_wait_for(const char *path, const volatile sig_atomic_t *stop)
{
    while (!is_stopped(stop) && access(path, R_OK) != 0 && errno == ENOENT)
        wait_for(-1, LOOK_MS, stop);
    return !is_stopped(stop);
}

void sfx_tail_done(struct sfx_tail *tail)
{
    (void)sfx_io_close(&tail->inotify_fd, NULL);
    tail->fd = -1;
}
