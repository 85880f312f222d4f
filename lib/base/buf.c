/* SPDX-License-Identifier: MIT */
/* The growable byte buffer. */
#include "base/buf.h"

#include "base/size.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small enough not to waste, large enough that a line of text grows once. */
#define FIRST_CAP 256

void sfx_buf_done(struct sfx_buf *buf)
{
    free(buf->data);
    *buf = (struct sfx_buf){0};
}

int sfx_buf_grow(struct sfx_buf *buf, size_t extra, struct sfx_err *err)
{
    size_t need;
    size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;
    char *data;

    if (!sfx_size_add(buf->len, extra, &need))
        return sfx_err_set(err, SFX_E_NOMEM, "buffer of more than %zu bytes", (size_t)-1);
    while (cap < need) {
        if (!sfx_size_mul(cap, 2, &cap))
            cap = need;
    }
    data = realloc(buf->data, cap);
    if (data == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a buffer of %zu bytes", cap);
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int sfx_buf_puts(struct sfx_buf *buf, const char *str, struct sfx_err *err)
{
    return sfx_buf_append(buf, str, strlen(str), err);
}

int sfx_buf_printf(struct sfx_buf *buf, struct sfx_err *err, const char *fmt, ...)
{
    va_list ap;
    int n;
    int rc;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "text cannot be formatted");
    rc = sfx_buf_reserve(buf, (size_t)n + 1, err);
    if (rc < 0)
        return rc;
    va_start(ap, fmt);
    (void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf->len += (size_t)n;
    return 0;
}

const char *sfx_buf_cstr(struct sfx_buf *buf, struct sfx_err *err)
{
    if (sfx_buf_reserve(buf, 1, err) < 0)
        return NULL;
    buf->data[buf->len] = '\0';
    return buf->data;
}
