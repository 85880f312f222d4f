/* SPDX-License-Identifier: MIT */
/*
 * A growable byte buffer in the caller's storage.
 *
 * Contract: {0} is an empty buffer; _done frees and makes it empty again. After a failed call the
 * buffer holds what it held before. Capacity doubles, so appends are amortised O(1); a buffer that
 * is cleared keeps its memory for the next job. Not safe for two threads at once.
 */
#ifndef SFX_BASE_BUF_H
#define SFX_BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>
#include <string.h>

struct sfx_buf {
    char *data; /* owned; NULL until the first append */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
};

/* Frees the memory; buf is empty and usable again. */
void sfx_buf_done(struct sfx_buf *buf);

/* Forgets the content, keeps the memory. */
static inline void sfx_buf_clear(struct sfx_buf *buf)
{
    buf->len = 0;
}

/* What _reserve does when there is no room: allocates. Errors: NOMEM. */
int sfx_buf_grow(struct sfx_buf *buf, size_t extra, struct sfx_err *err);

/* Makes room for extra more bytes at data + len. Errors: NOMEM. Inline, as the appends are, because
 * writers of records do it for every field. */
static inline int sfx_buf_reserve(struct sfx_buf *buf, size_t extra, struct sfx_err *err)
{
    if (buf->cap - buf->len >= extra && buf->data != NULL)
        return 0;
    return sfx_buf_grow(buf, extra, err);
}

/* Appends len bytes at ptr (borrowed; must not point into buf). Errors: NOMEM. */
static inline int sfx_buf_append(struct sfx_buf *buf, const void *ptr, size_t len,
                                 struct sfx_err *err)
{
    int rc = sfx_buf_reserve(buf, len, err);

    if (rc < 0)
        return rc;
    if (len > 0)
        memcpy(buf->data + buf->len, ptr, len);
    buf->len += len;
    return 0;
}

/* Appends one byte. Errors: NOMEM. */
static inline int sfx_buf_putc(struct sfx_buf *buf, char byte, struct sfx_err *err)
{
    int rc = sfx_buf_reserve(buf, 1, err);

    if (rc < 0)
        return rc;
    buf->data[buf->len++] = byte;
    return 0;
}

/* Appends a terminated string without its terminator. Errors: NOMEM. */
int sfx_buf_puts(struct sfx_buf *buf, const char *str, struct sfx_err *err);

/* Appends printf-formatted text. Errors: NOMEM. */
int sfx_buf_printf(struct sfx_buf *buf, struct sfx_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The content as a terminated string, borrowed until the next change. Errors: NULL, NOMEM in err.
 */
const char *sfx_buf_cstr(struct sfx_buf *buf, struct sfx_err *err);

/* The content as a slice, borrowed until the next change. */
static inline struct sfx_slice sfx_buf_slice(const struct sfx_buf *buf)
{
    return sfx_slice(buf->data, buf->len);
}

#endif
