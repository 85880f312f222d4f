/* SPDX-License-Identifier: MIT */
/* URLs (RFC 3986) taken apart, and the percent encoding. Nothing is checked against a registry. */
#ifndef SFX_VALUE_URL_H
#define SFX_VALUE_URL_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

enum sfx_url_part {
    SFX_URL_SCHEME,
    SFX_URL_USER, /* what stands before the '@' */
    SFX_URL_HOST, /* without the brackets of an IPv6 address */
    SFX_URL_PORT,
    SFX_URL_PATH,
    SFX_URL_QUERY,    /* behind the '?' */
    SFX_URL_FRAGMENT, /* behind the '#' */
    SFX_URL_NPARTS,
};

struct sfx_url {
    struct sfx_slice parts[SFX_URL_NPARTS]; /* of the text, still encoded; ptr NULL: not there */
};

/* The name of a part, "scheme" …; NULL behind the last. */
const char *sfx_url_part_name(size_t part);

/*
 * Takes a URL, or what is relative to one ("/a?b=c"), apart. False: text has white space or control
 * characters, or is empty.
 */
bool sfx_url_split(struct sfx_slice text, struct sfx_url *url);

/* The next "key=value" of a query or form (between '&' or ';'), still encoded: false at the end.
 * value.ptr NULL: there is no '='. */
bool sfx_url_next_pair(struct sfx_slice *query, struct sfx_slice *key, struct sfx_slice *value);

/* Whether an encoded name of a query stands for name. */
bool sfx_url_name_is(struct sfx_slice encoded, struct sfx_slice name);

/* Appends what encoded text stands for; form: '+' is a space. A '%' without two hex digits stands
 * for itself. Errors: NOMEM. */
int sfx_url_decode(struct sfx_buf *out, struct sfx_slice text, bool form);

/* Appends text with all bytes but letters, digits and -._~ as %XX. Errors: NOMEM. */
int sfx_url_encode(struct sfx_buf *out, struct sfx_slice text);

/* The value of a hex digit, or -1. */
int sfx_hex_value(char digit);

#endif
