/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629): validation, decoding, encoding. */
#include "base/text.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Length of the run of ASCII bytes at the start of len bytes at p, rounded down to whole words. */
static size_t ascii_words(const char *p, size_t len)
{
    size_t i = 0;
    uint64_t w[4];

    for (; i + sizeof(w) <= len; i += sizeof(w)) {
        memcpy(w, p + i, sizeof(w));
        if (((w[0] | w[1] | w[2] | w[3]) & HIGH_BITS) != 0)
            break;
    }
    for (; i + sizeof(w[0]) <= len; i += sizeof(w[0])) {
        memcpy(w, p + i, sizeof(w[0]));
        if ((w[0] & HIGH_BITS) != 0)
            break;
    }
    return i;
}

static inline bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/*
 * Length of the well-formed sequence of two to four bytes at p, 0 when there is none; len >= 1.
 * The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF (Unicode
 * table 3-7).
 */
static inline size_t sequence_len(const unsigned char *p, size_t len)
{
    unsigned char lead = p[0];
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t need;

    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (len < need)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    if (need > 2 && !is_tail(p[2]))
        return 0;
    if (need > 3 && !is_tail(p[3]))
        return 0;
    return need;
}

size_t sfx_utf8_valid_prefix(struct sfx_slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t i = 0;

    while (i < text.len) {
        size_t n;

        if (p[i] < 0x80) {
            n = ascii_words(text.ptr + i, text.len - i);
            i += n > 0 ? n : 1;
            continue;
        }
        n = sequence_len(p + i, text.len - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

size_t sfx_utf8_decode(struct sfx_slice text, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t n;
    size_t i;

    if (text.len == 0)
        return 0;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    n = sequence_len(p, text.len);
    if (n == 0)
        return 0;
    *cp = p[0] & (0x7fu >> n); /* the lead byte of n holds 7 - n bits */
    for (i = 1; i < n; i++)
        *cp = *cp << 6 | (p[i] & 0x3f);
    return n;
}

int sfx_utf8_append(struct sfx_buf *out, uint32_t cp, struct sfx_err *err)
{
    unsigned char bytes[4];
    size_t n = 0;

    if (cp < 0x80) {
        bytes[n++] = (unsigned char)cp;
    } else if (cp < 0x800) {
        bytes[n++] = (unsigned char)(0xc0 | cp >> 6);
        bytes[n++] = (unsigned char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        bytes[n++] = (unsigned char)(0xe0 | cp >> 12);
        bytes[n++] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        bytes[n++] = (unsigned char)(0x80 | (cp & 0x3f));
    } else {
        bytes[n++] = (unsigned char)(0xf0 | cp >> 18);
        bytes[n++] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
        bytes[n++] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        bytes[n++] = (unsigned char)(0x80 | (cp & 0x3f));
    }
    return sfx_buf_append(out, bytes, n, err);
}
