/* SPDX-License-Identifier: MIT */
/*
 * Letters beyond ASCII: case and normal forms by utf8proc, opened by the first text that needs it.
 *
 * Contract: bytes that are not UTF-8 come out unchanged. Mappings are those of Unicode without a
 * locale: i and I are each other's in Turkish text too.
 */
#ifndef SFX_VALUE_UNICODE_H
#define SFX_VALUE_UNICODE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum sfx_unicode_form {
    SFX_UNICODE_LOWER, /* full mapping, with the final sigma */
    SFX_UNICODE_UPPER, /* full mapping: one letter may become several */
    SFX_UNICODE_TITLE, /* the first letter of each word */
    SFX_UNICODE_FOLD,  /* full case folding */
    SFX_UNICODE_NFC,   /* normal forms: UAX #15 */
    SFX_UNICODE_NFD,
    SFX_UNICODE_NFKC,
    SFX_UNICODE_NFKD,
    SFX_UNICODE_BARE, /* letters without accents and strokes, else NFC */
};

struct sfx_unicode;

#define SFX_UNICODE_MISSING "has letters that need libutf8proc, which cannot be loaded"

/*
 * Appends text in that form to out. *u: NULL at first, then the open library. Errors: UNSUPPORTED
 * (it is missing), NOMEM.
 */
int sfx_unicode_map(struct sfx_unicode **u, enum sfx_unicode_form form, struct sfx_slice text,
                    struct sfx_buf *out);
void sfx_unicode_free(struct sfx_unicode *u);

/* True when all bytes are below 0x80. */
bool sfx_is_ascii(struct sfx_slice text);

/* Bytes of the white space character (of Unicode) that text begins with; 0: it does not. */
size_t sfx_space_before(struct sfx_slice text);

/* The same at text's end. */
size_t sfx_space_behind(struct sfx_slice text);

/* True for a byte that a character begins with; others continue one. */
static inline bool sfx_begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

#endif
