/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4), padded, strict. */
#include "base/text.h"

#include "base/size.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int sfx_base64_encode(struct sfx_buf *out, struct sfx_slice bytes, struct sfx_err *err)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    size_t need;
    char *to;
    int rc;

    if (!sfx_size_mul(bytes.len / 3 + 1, 4, &need))
        return sfx_err_set(err, SFX_E_NOMEM, "base64 of %zu bytes", bytes.len);
    rc = sfx_buf_reserve(out, need, err);
    if (rc < 0)
        return rc;
    to = out->data + out->len;
    for (; left > 0; p += 3, left -= left < 3 ? left : 3) {
        uint32_t group = (uint32_t)p[0] << 16;

        if (left > 1)
            group |= (uint32_t)p[1] << 8;
        if (left > 2)
            group |= p[2];
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[group & 63] : '=';
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

/* The six bits that c stands for, -1 for none. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Decodes one group of four characters to to. Returns its bytes (1 to 3), or -1. */
static int decode_group(const char *group, bool last, char *to)
{
    uint32_t bits = 0;
    int nbytes = 3;
    int i;

    if (last && group[3] == '=')
        nbytes = group[2] == '=' ? 1 : 2;
    for (i = 0; i <= nbytes; i++) {
        int six = sextet(group[i]);

        if (six < 0)
            return -1;
        bits |= (uint32_t)six << (18 - 6 * i);
    }
    /* Bits that no byte takes must be zero: one value has one form (section 3.5). */
    if ((bits & (0xffffffu >> (8 * nbytes))) != 0)
        return -1;
    for (i = 0; i < nbytes; i++)
        to[i] = (char)(bits >> (16 - 8 * i));
    return nbytes;
}

int sfx_base64_decode(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err)
{
    size_t before = out->len;
    size_t i;
    int rc;

    if (text.len % 4 != 0)
        return sfx_err_set(err, SFX_E_INPUT, "base64 text of %zu characters: not whole groups",
                           text.len);
    rc = sfx_buf_reserve(out, text.len / 4 * 3, err);
    if (rc < 0)
        return rc;
    for (i = 0; i < text.len; i += 4) {
        int n = decode_group(text.ptr + i, i + 4 == text.len, out->data + out->len);

        if (n < 0) {
            out->len = before;
            return sfx_err_set(err, SFX_E_INPUT, "bad base64 text at byte %zu", i);
        }
        out->len += (size_t)n;
    }
    return 0;
}
