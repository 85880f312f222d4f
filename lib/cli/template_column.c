/* SPDX-License-Identifier: MIT */
/* Values of columns as pieces of file names: no two values share one, none leads elsewhere. */
#include "cli/template.h"

#include "base/hash.h"

#include <inttypes.h>

/* A name is 255 bytes at most: room for what else the template says. */
#define MAX_NBYTES  200
#define TAIL_NBYTES 17 /* '~' and a hash of 16 digits */

static bool needs_code(unsigned char byte, bool first)
{
    return byte < 0x20 || byte == 0x7f || byte == '/' || byte == '%' || (first && byte == '.');
}

/* Cuts out, whose value began at start, before a character or %XX, and puts a hash in its place. */
static int shorten(struct sfx_buf *out, size_t start, struct sfx_slice value, struct sfx_err *err)
{
    size_t len = start + MAX_NBYTES - TAIL_NBYTES;
    const size_t least = len - 3; /* of a character of four bytes */

    while (len > least && ((unsigned char)out->data[len] & 0xc0) == 0x80)
        len--;
    if (out->data[len - 1] == '%')
        len--;
    else if (out->data[len - 2] == '%')
        len -= 2;
    out->len = len;
    return sfx_buf_printf(out, err, "~%016" PRIx64, sfx_hash64(value.ptr, value.len, 0));
}

int sfx_template_put_column(struct sfx_buf *out, struct sfx_slice value, struct sfx_err *err)
{
    const size_t start = out->len;
    size_t i;
    int rc;

    if (value.len == 0)
        return sfx_buf_putc(out, '_', err);
    if (value.len == 1 && value.ptr[0] == '_')
        return sfx_buf_puts(out, "%5F", err);
    rc = sfx_buf_reserve(out, value.len, err);
    /* The rest of a long value is in the hash. */
    for (i = 0; rc == 0 && i < value.len && out->len - start <= MAX_NBYTES; i++) {
        const unsigned char byte = (unsigned char)value.ptr[i];

        rc = needs_code(byte, i == 0) ? sfx_buf_printf(out, err, "%%%02X", byte)
                                      : sfx_buf_putc(out, (char)byte, err);
    }
    return rc == 0 && out->len - start > MAX_NBYTES ? shorten(out, start, value, err) : rc;
}
