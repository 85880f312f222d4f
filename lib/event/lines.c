/* SPDX-License-Identifier: MIT */
/* Lines of an event pipe. */
#include "event/lines.h"

#include "base/io.h"
#include "base/size.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

int sfx_lines_init(struct sfx_lines *lines, int fd, size_t max_nbytes,
                   const volatile sig_atomic_t *stop, struct sfx_err *err)
{
    *lines = (struct sfx_lines){.fd = fd, .out_fd = -1, .delimiter = '\n', .stop = stop};
    if (!sfx_size_add(max_nbytes, 1, &lines->cap))
        return sfx_err_set(err, SFX_E_NOMEM, "lines of %zu bytes", max_nbytes);
    lines->data = malloc(lines->cap);
    if (lines->data == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for lines of %zu bytes", max_nbytes);
    return 0;
}

void sfx_lines_done(struct sfx_lines *lines)
{
    free(lines->data);
    *lines = (struct sfx_lines){.fd = -1, .out_fd = -1};
}

static bool stopped(const struct sfx_lines *lines)
{
    return lines->stop != NULL && *lines->stop != 0;
}

/*
 * Waits until the descriptor can be read. Returns 1; 0 when *stop was set; IO with EPIPE when
 * nobody reads from out_fd any more. Signals are held back between the look at *stop and the wait,
 * or one that comes just then would be slept through.
 */
static int wait_readable(const struct sfx_lines *lines, struct sfx_err *err)
{
    struct pollfd fds[2] = {{.fd = lines->fd, .events = POLLIN}, {.fd = lines->out_fd}};
    sigset_t all;
    sigset_t before;
    bool interrupted;

    (void)sigfillset(&all);
    do {
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        interrupted = !stopped(lines) && ppoll(fds, 2, NULL, &before) < 0 && errno == EINTR;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    } while (interrupted && !stopped(lines));
    if (stopped(lines))
        return 0;
    return fds[1].revents & POLLERR ? sfx_err_errno(err, EPIPE, "output") : 1;
}

int sfx_lines_read(struct sfx_lines *lines, struct sfx_err *err)
{
    ssize_t n;

    if (lines->start > 0) {
        lines->end -= lines->start;
        lines->searched -= lines->start;
        memmove(lines->data, lines->data + lines->start, lines->end);
        lines->start = 0;
    }
    n = sfx_io_read(lines->fd, lines->data + lines->end, lines->cap - lines->end, err);
    if (n < 0)
        return (int)n;
    lines->end += (size_t)n;
    lines->at_end = n == 0;
    return n > 0 ? 1 : 0;
}

/* Takes n bytes from the front; a line of them ends there when ends is set. */
static void take(struct sfx_lines *lines, size_t n, bool ends)
{
    if (!lines->skipping) {
        lines->number++;
        lines->offset = lines->start_offset;
    }
    lines->start += n;
    lines->searched = lines->start;
    lines->start_offset += n;
    lines->skipping = !ends;
}

int sfx_lines_take(struct sfx_lines *lines, struct sfx_slice *line, struct sfx_err *err)
{
    for (;;) {
        char *at = lines->data + lines->start;
        size_t held = lines->end - lines->start;
        char *nl =
            memchr(lines->data + lines->searched, lines->delimiter, lines->end - lines->searched);
        bool skipped = lines->skipping;

        lines->searched = lines->end;
        if (nl != NULL) {
            *line = sfx_slice(at, (size_t)(nl - at));
            take(lines, line->len + 1, true);
            if (!skipped)
                return 1;
        } else if (lines->at_end) {
            *line = sfx_slice(at, held);
            take(lines, held, true);
            return held > 0 && !skipped ? 1 : 0;
        } else if (held == lines->cap || (skipped && held > 0)) {
            *line = sfx_slice(at, held);
            take(lines, held, false);
            if (!skipped)
                return sfx_err_set(err, SFX_E_LIMIT, "line of more than %zu bytes", lines->cap - 1);
        } else {
            return 0;
        }
    }
}

int sfx_lines_next(struct sfx_lines *lines, struct sfx_slice *line, struct sfx_err *err)
{
    while (!stopped(lines)) {
        int rc = sfx_lines_take(lines, line, err);

        if (rc != 0 || lines->at_end)
            return rc;
        rc = wait_readable(lines, err);
        if (rc > 0)
            rc = sfx_lines_read(lines, err);
        if (rc < 0 || (rc == 0 && !lines->at_end))
            return rc;
    }
    return 0;
}

bool sfx_lines_held(const struct sfx_lines *lines)
{
    return lines->at_end || memchr(lines->data + lines->searched, lines->delimiter,
                                   lines->end - lines->searched) != NULL;
}
