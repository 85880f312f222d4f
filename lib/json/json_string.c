/* SPDX-License-Identifier: MIT */
/* Strings between their escaped form and the bytes they stand for. */
#include "base/text.h"
#include "json/json.h"
#include "json/json_internal.h"

#define REPLACEMENT 0xfffd /* U+FFFD: what stands for a character that cannot be shown */

/* Value of four hex digits at ptr (at least avail bytes there), or -1. */
static int32_t hex4(const char *ptr, size_t avail)
{
    int32_t value = 0;
    int i;

    if (avail < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        char c = ptr[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (c - 'A' + 10);
        else
            return -1;
    }
    return value;
}

/*
 * Appends the character of the \u escape whose 'u' is at *at, and of the low surrogate's escape
 * behind it when the two belong together.
 */
static int unescape_u(struct sfx_buf *out, const char **at, const char *end, struct sfx_err *err)
{
    const char *p = *at + 1;
    int32_t unit = hex4(p, (size_t)(end - p));
    uint32_t cp = (uint32_t)unit;

    if (unit < 0)
        return sfx_err_set(err, SFX_E_INPUT, "\\u is not followed by four hex digits");
    p += 4;
    if (unit >= 0xd800 && unit <= 0xdfff) {
        int32_t low = -1;

        cp = REPLACEMENT;
        if (unit <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u')
            low = hex4(p + 2, 4);
        if (low >= 0xdc00 && low <= 0xdfff) {
            cp = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            p += 6;
        }
    }
    *at = p;
    return sfx_utf8_append(out, cp, err);
}

/* Appends what the escape stands for whose backslash is just before *at. */
static int unescape_one(struct sfx_buf *out, const char **at, const char *end, struct sfx_err *err)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *p = *at;
    const char *name;

    if (p < end && *p == 'u')
        return unescape_u(out, at, end, err);
    name = p < end && *p != '\0' ? strchr(names, *p) : NULL;
    if (name == NULL)
        return sfx_err_set(err, SFX_E_INPUT, "no such escape in a string");
    *at = p + 1;
    return sfx_buf_putc(out, values[name - names], err);
}

int sfx_json_unescape(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err)
{
    size_t kept_len = out->len;
    const char *p = text.ptr;
    const char *end = text.len > 0 ? p + text.len : p;
    /* No escape is shorter than what it stands for: this is all the room that is needed. */
    int rc = sfx_buf_reserve(out, text.len, err);

    while (rc == 0 && p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = slash != NULL ? slash : end;

        rc = sfx_buf_append(out, p, (size_t)(stop - p), err);
        p = stop;
        if (rc == 0 && slash != NULL) {
            p = slash + 1;
            rc = unescape_one(out, &p, end, err);
        }
    }
    if (rc < 0)
        out->len = kept_len;
    return rc;
}

/* Room for one escaped character and the closing quote: backslash, 'u', four digits, '"'. */
#define ESCAPE_ROOM 7

/* Writes the form of the byte or sequence at p, which is not plain; returns where the next begins.
 * The caller has made ESCAPE_ROOM. */
static const char *quote_special(struct sfx_buf *out, const char *p, const char *end)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    unsigned char c = (unsigned char)*p;
    char *to = out->data + out->len;
    size_t len;

    if (c >= 0x80) {
        len = sfx_json_utf8_len(p, end);
        memcpy(to, len > 0 ? p : "\xef\xbf\xbd", len > 0 ? len : 3);
        out->len += len > 0 ? len : 3;
        return p + (len > 0 ? len : 1);
    }
    *to++ = '\\';
    if (c >= 0x20) {
        *to++ = (char)c;
    } else if (short_forms[c] != '\0') {
        *to++ = short_forms[c];
    } else {
        memcpy(to, "u00", 3);
        to[3] = hex[c >> 4];
        to[4] = hex[c & 15];
        to += 5;
    }
    out->len = (size_t)(to - out->data);
    return p + 1;
}

int sfx_json_quote(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err)
{
    size_t kept_len = out->len;
    const char *p = text.len > 0 ? text.ptr : "";
    const char *end = p + text.len;
    int rc = sfx_buf_putc(out, '"', err);

    while (rc == 0) {
        const char *stop = sfx_json_scan(p, end);
        size_t run = (size_t)(stop - p);

        rc = sfx_buf_reserve(out, run + ESCAPE_ROOM, err);
        if (rc < 0)
            break;
        memcpy(out->data + out->len, p, run);
        out->len += run;
        if (stop == end) {
            out->data[out->len++] = '"';
            return 0;
        }
        p = quote_special(out, stop, end);
    }
    out->len = kept_len;
    return rc;
}
