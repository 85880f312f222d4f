/* SPDX-License-Identifier: MIT */
/*
 * Any bytes in some encoding, the first two bytes choosing it and the pieces: what is decoded is
 * UTF-8, and the same for any pieces in and out.
 */
#include "base/size.h"
#include "base/text.h"
#include "record/encoding.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    struct sfx_slice rest;
    size_t chunk;
};

static ssize_t memory_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct memory *m = ctx;
    size_t n = m->rest.len < cap ? m->rest.len : cap;

    (void)err;
    n = n < m->chunk ? n : m->chunk;
    if (n > 0)
        memcpy(ptr, m->rest.ptr, n);
    m->rest = sfx_slice(m->rest.ptr + n, m->rest.len - n);
    return (ssize_t)n;
}

static int decode(const char *encoding, struct sfx_slice text, size_t chunk, size_t room,
                  struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_transcoder *t = sfx_transcoder_new(err);
    struct memory m = {text, chunk};
    struct sfx_byte_source source = {.read = memory_read, .ctx = &m, .input = "in"};
    ssize_t n = 1;
    int rc = t != NULL ? sfx_transcoder_open(t, encoding, &source, err) : SFX_E_NOMEM;

    while (rc == 0 && n > 0) {
        char piece[4096];

        n = source.read(source.ctx, piece, room, err);
        rc = n < 0 ? (int)n : sfx_buf_append(out, piece, (size_t)n, err);
    }
    sfx_transcoder_free(t);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"UTF-8",  "UTF-16LE",     "UTF-16BE", "UTF-32LE",
                                            "LATIN1", "WINDOWS-1252", "SHIFT_JIS"};
    const char *encoding = encodings[(size > 0 ? data[0] : 0u) % SFX_COUNT(encodings)];
    const unsigned how = size > 1 ? data[1] : 0;
    const size_t skip = size < 2 ? size : 2;
    const struct sfx_slice text = sfx_slice((const char *)data + skip, size - skip);
    struct sfx_buf a = {0}, b = {0};
    struct sfx_err one, other;
    int rc;

    if (sfx_encoding_check(encoding, &one) < 0)
        return 0;
    rc = decode(encoding, text, 65536, 4096, &a, &one);
    assert(decode(encoding, text, 1 + (how & 15), 1 + (how >> 4), &b, &other) == rc);
    assert(sfx_slice_eq(sfx_buf_slice(&a), sfx_buf_slice(&b)));
    assert(sfx_utf8_valid(sfx_buf_slice(&a)));
    assert(rc == 0 || strcmp(one.text, other.text) == 0);
    sfx_buf_done(&a);
    sfx_buf_done(&b);
    return 0;
}
