/* SPDX-License-Identifier: MIT */
/* URLs taken apart. Source: RFC 3986, appendix B for the order of the cuts. */
#include "value/url.h"

#include <string.h>

static const char *const names[] = {
    [SFX_URL_SCHEME] = "scheme",     [SFX_URL_USER] = "user", [SFX_URL_HOST] = "host",
    [SFX_URL_PORT] = "port",         [SFX_URL_PATH] = "path", [SFX_URL_QUERY] = "query",
    [SFX_URL_FRAGMENT] = "fragment",
};

const char *sfx_url_part_name(size_t part)
{
    return part < SFX_URL_NPARTS ? names[part] : NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cuts text at byte len: what stands before it; the bytes at it are dropped from the rest. */
static struct sfx_slice cut(struct sfx_slice *text, size_t len, size_t drop)
{
    struct sfx_slice front = sfx_slice(text->ptr, len);

    text->ptr += len + drop;
    text->len -= len + drop;
    return front;
}

/* The first byte of text that is one of three, or its length. */
static inline size_t find_any(struct sfx_slice text, char a, char b, char c)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        char byte = text.ptr[i];

        if (byte == a || byte == b || byte == c)
            break;
    }
    return i;
}

static void split_authority(struct sfx_slice authority, struct sfx_url *url)
{
    const char *at = memrchr(authority.ptr, '@', authority.len), *colon, *bracket;

    if (at != NULL)
        url->parts[SFX_URL_USER] = cut(&authority, (size_t)(at - authority.ptr), 1);
    colon = memrchr(authority.ptr, ':', authority.len);
    bracket = memrchr(authority.ptr, ']', authority.len);
    if (colon != NULL && (bracket == NULL || bracket < colon)) {
        size_t len = (size_t)(colon - authority.ptr);

        url->parts[SFX_URL_PORT] = sfx_slice(colon + 1, authority.len - len - 1);
        authority.len = len;
    }
    if (authority.len >= 2 && *authority.ptr == '[' && authority.ptr[authority.len - 1] == ']')
        authority = sfx_slice(authority.ptr + 1, authority.len - 2);
    url->parts[SFX_URL_HOST] = authority;
}

/* The length of a scheme at the front of text; 0: it has none. */
static size_t scheme_length(struct sfx_slice text)
{
    size_t i = 0;

    if (text.len == 0 || !is_letter(*text.ptr))
        return 0;
    while (i < text.len && (is_letter(text.ptr[i]) || is_digit(text.ptr[i]) || text.ptr[i] == '+' ||
                            text.ptr[i] == '-' || text.ptr[i] == '.'))
        i++;
    return i < text.len && text.ptr[i] == ':' ? i : 0;
}

bool sfx_url_split(struct sfx_slice text, struct sfx_url *url)
{
    bool bad = false;
    size_t i, len;

    *url = (struct sfx_url){0};
    for (i = 0; i < text.len; i++)
        bad |= (unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F;
    if (text.len == 0 || bad)
        return false;
    len = scheme_length(text);
    if (len > 0)
        url->parts[SFX_URL_SCHEME] = cut(&text, len, 1);
    if (text.len >= 2 && memcmp(text.ptr, "//", 2) == 0) {
        (void)cut(&text, 2, 0);
        split_authority(cut(&text, find_any(text, '/', '?', '#'), 0), url);
    }
    len = find_any(text, '?', '#', '#');
    url->parts[SFX_URL_PATH] = cut(&text, len, 0);
    if (text.len > 0 && *text.ptr == '?') {
        (void)cut(&text, 1, 0);
        url->parts[SFX_URL_QUERY] = cut(&text, find_any(text, '#', '#', '#'), 0);
    }
    if (text.len > 0)
        url->parts[SFX_URL_FRAGMENT] = sfx_slice(text.ptr + 1, text.len - 1);
    return true;
}

bool sfx_url_next_pair(struct sfx_slice *query, struct sfx_slice *key, struct sfx_slice *value)
{
    const char *equals;
    size_t len;

    if (query->len == 0)
        return false;
    len = find_any(*query, '&', ';', ';');
    *key = cut(query, len, len < query->len);
    *value = sfx_slice(NULL, 0);
    equals = key->len > 0 ? memchr(key->ptr, '=', key->len) : NULL;
    if (equals != NULL) {
        *value = sfx_slice(equals + 1, key->len - (size_t)(equals - key->ptr) - 1);
        key->len = (size_t)(equals - key->ptr);
    }
    return true;
}

int sfx_hex_value(char digit)
{
    if (is_digit(digit))
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte that text begins with, decoded; *len: of its spelling. */
static char decode_byte(struct sfx_slice text, bool form, size_t *len)
{
    int high = text.len >= 3 && *text.ptr == '%' ? sfx_hex_value(text.ptr[1]) : -1;
    int low = high >= 0 ? sfx_hex_value(text.ptr[2]) : -1;

    *len = low >= 0 ? 3 : 1;
    if (low >= 0)
        return (char)(high << 4 | low);
    return *text.ptr == '+' && form ? ' ' : *text.ptr;
}

bool sfx_url_name_is(struct sfx_slice encoded, struct sfx_slice name)
{
    size_t len;

    while (encoded.len > 0 && name.len > 0 && decode_byte(encoded, true, &len) == *name.ptr) {
        (void)cut(&encoded, len, 0);
        (void)cut(&name, 1, 0);
    }
    return encoded.len == 0 && name.len == 0;
}

int sfx_url_decode(struct sfx_buf *out, struct sfx_slice text, bool form)
{
    int rc = sfx_buf_reserve(out, text.len, NULL);
    size_t len;

    while (text.len > 0 && rc == 0) {
        out->data[out->len++] = decode_byte(text, form, &len);
        (void)cut(&text, len, 0);
    }
    return rc;
}

int sfx_url_encode(struct sfx_buf *out, struct sfx_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = 0;
    size_t i;

    for (i = 0; i < text.len && rc == 0; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (is_letter((char)c) || is_digit((char)c) || c == '-' || c == '.' || c == '_' || c == '~')
            rc = sfx_buf_putc(out, (char)c, NULL);
        else
            rc = sfx_buf_append(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3, NULL);
    }
    return rc;
}
