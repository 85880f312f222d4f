/* SPDX-License-Identifier: MIT */
/* Sources of bytes: the look ahead that they share, and the operand at the bottom of them. */
#include "archive/input_internal.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one read of a pipe gives at most; twice that gains nothing measurable. */
#define SFX_SOURCE_BUF_NBYTES 65536

static int source_buf(struct sfx_source *src, struct sfx_err *err)
{
    if (src->buf != NULL)
        return 0;
    src->buf = malloc(SFX_SOURCE_BUF_NBYTES);
    return src->buf != NULL ? 0 : sfx_err_errno(err, ENOMEM, "buffer of an input");
}

ssize_t sfx_source_read(struct sfx_source *src, void *ptr, size_t cap, struct sfx_err *err)
{
    size_t n = src->len - src->at;
    ssize_t got;

    if (n > 0) {
        n = n < cap ? n : cap;
        memcpy(ptr, src->buf + src->at, n);
        src->at += n;
        return (ssize_t)n;
    }
    if (src->ended || cap == 0)
        return 0;
    got = src->fill(src->ctx, ptr, cap, err);
    src->ended = got == 0;
    return got;
}

int sfx_source_block(struct sfx_source *src, struct sfx_slice *block, struct sfx_err *err)
{
    ssize_t n;
    int rc = source_buf(src, err);

    if (rc < 0)
        return rc;
    if (src->at < src->len) {
        *block = sfx_slice(src->buf + src->at, src->len - src->at);
        src->at = src->len;
        return 0;
    }
    n = sfx_source_read(src, src->buf, SFX_SOURCE_BUF_NBYTES, err);
    if (n < 0)
        return (int)n;
    *block = sfx_slice(src->buf, (size_t)n);
    return 0;
}

int sfx_source_peek(struct sfx_source *src, size_t want,
                    bool (*enough)(void *ctx, struct sfx_slice head), struct sfx_slice *head,
                    struct sfx_err *err)
{
    int rc = source_buf(src, err);

    if (rc < 0)
        return rc;
    if (src->at > 0) {
        memmove(src->buf, src->buf + src->at, src->len - src->at);
        src->len -= src->at;
        src->at = 0;
    }
    while (src->len < want && !src->ended) {
        ssize_t n;

        if (src->len > 0 && enough != NULL && enough(src->ctx, sfx_slice(src->buf, src->len)))
            break;
        n = src->fill(src->ctx, src->buf + src->len, want - src->len, err);
        if (n < 0)
            return (int)n;
        src->ended = n == 0;
        src->len += (size_t)n;
    }
    *head = sfx_slice(src->buf, src->len < want ? src->len : want);
    return 0;
}

void sfx_source_rewound(struct sfx_source *src)
{
    src->at = 0;
    src->len = 0;
    src->ended = false;
}

void sfx_source_done(struct sfx_source *src)
{
    free(src->buf);
    *src = (struct sfx_source){0};
}

int sfx_source_drain(struct sfx_source *src, struct sfx_err *err)
{
    struct sfx_slice block;
    int rc;

    do
        rc = sfx_source_block(src, &block, err);
    while (rc == 0 && block.len > 0);
    return rc;
}

int sfx_source_expect_end(struct sfx_source *src, struct sfx_err *err)
{
    for (;;) {
        struct sfx_slice block;
        int rc = sfx_source_block(src, &block, err);
        size_t i;

        if (rc < 0 || block.len == 0)
            return rc;
        for (i = 0; i < block.len; i++) {
            if (block.ptr[i] != 0)
                return sfx_err_set(err, SFX_E_INPUT, "garbage after the end of the data");
        }
    }
}

/* Another thread than this one may take the signal, so that no wait is relied on to be broken off.
 */
#define STOP_LOOK_MS 100

/* Waits until there are bytes, or an end or an error to be read. Errors: TEMPORARY. */
static int wait_for_bytes(const struct sfx_input_file *file, struct sfx_err *err)
{
    const volatile sig_atomic_t *stop = file->meter->limits.stop;
    struct pollfd p = {.fd = file->fd, .events = POLLIN};

    if (file->regular || stop == NULL)
        return 0;
    do {
        if (*stop != 0)
            return sfx_err_set(err, SFX_E_TEMPORARY, "interrupted");
    } while (poll(&p, 1, STOP_LOOK_MS) <= 0);
    return 0;
}

static ssize_t file_fill(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_input_file *file = ctx;
    int64_t started_ns = sfx_clock_mono_ns();
    ssize_t n = wait_for_bytes(file, err);

    if (n == 0)
        n = sfx_io_read(file->fd, ptr, cap, err);
    file->meter->waiting_ns += sfx_clock_mono_ns() - started_ns;
    if (n > 0)
        file->meter->stored_nbytes += (uint64_t)n;
    return n;
}

int sfx_input_file_init(struct sfx_input_file *file, int fd, bool owned,
                        struct sfx_input_meter *meter, struct sfx_err *err)
{
    struct stat st;

    *file = (struct sfx_input_file){.fd = fd, .owned = owned, .meter = meter};
    file->source = (struct sfx_source){.fill = file_fill, .ctx = file};
    meter->stored_size = UINT64_MAX;
    if (fstat(fd, &st) != 0)
        return sfx_err_errno(err, errno, "cannot be read");
    if (S_ISDIR(st.st_mode))
        return sfx_err_errno(err, EISDIR, "cannot be read");
    file->start = S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    file->regular = file->start >= 0;
    if (file->regular)
        meter->stored_size = st.st_size > file->start ? (uint64_t)(st.st_size - file->start) : 0;
    return 0;
}

int sfx_input_file_unread(struct sfx_input_file *file, struct sfx_err *err)
{
    off_t back = (off_t)(file->source.len - file->source.at);

    if (lseek(file->fd, -back, SEEK_CUR) < 0)
        return sfx_err_errno(err, errno, "cannot seek");
    file->meter->stored_nbytes -= (uint64_t)back;
    sfx_source_rewound(&file->source);
    return 0;
}

bool sfx_input_file_quiet(void *ctx, struct sfx_slice head)
{
    const struct sfx_input_file *file = ctx;
    struct pollfd p = {.fd = file->fd, .events = POLLIN};

    (void)head;
    return !file->regular && poll(&p, 1, 0) == 0;
}

void sfx_input_file_done(struct sfx_input_file *file)
{
    sfx_source_done(&file->source);
    if (file->owned)
        (void)sfx_io_close(&file->fd, NULL);
}
