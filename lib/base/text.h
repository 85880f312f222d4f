/* SPDX-License-Identifier: MIT */
/* Text that comes from outside: UTF-8, base64, numbers with units, and names that were meant. */
#ifndef SFX_BASE_TEXT_H
#define SFX_BASE_TEXT_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Length of the longest prefix that is valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
size_t sfx_utf8_valid_prefix(struct sfx_slice text);

/* True when all of text is valid UTF-8. */
static inline bool sfx_utf8_valid(struct sfx_slice text)
{
    return sfx_utf8_valid_prefix(text) == text.len;
}

/*
 * Decodes the character that text begins with to *cp. Returns its length in bytes; 0 when text is
 * empty or does not begin with valid UTF-8.
 */
size_t sfx_utf8_decode(struct sfx_slice text, uint32_t *cp);

/* Appends the UTF-8 form of code point cp (<= 0x10FFFF, no surrogate). Errors: NOMEM. */
int sfx_utf8_append(struct sfx_buf *out, uint32_t cp, struct sfx_err *err);

/*
 * Where part first stands in text, or NULL; an empty part stands at text.ptr. For short texts
 * faster than memmem.
 */
const char *sfx_text_find(struct sfx_slice text, struct sfx_slice part);

/* Appends the base64 form (RFC 4648 section 4, padded). Errors: NOMEM. */
int sfx_base64_encode(struct sfx_buf *out, struct sfx_slice bytes, struct sfx_err *err);

/* Appends what base64 text stands for (strict: alphabet, padding, no white space). Errors: INPUT,
 * NOMEM. */
int sfx_base64_decode(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err);

/* Parses an unsigned decimal integer, the whole text. Errors: INPUT. */
int sfx_text_u64(struct sfx_slice text, uint64_t *out, struct sfx_err *err);

/* Parses a size: digits and optionally K, M, G or T (powers of 1024; "KiB" and "KB" forms too).
 * Errors: INPUT. */
int sfx_text_size(struct sfx_slice text, uint64_t *out, struct sfx_err *err);

/* Parses a duration to nanoseconds (rounded down): a number (fraction allowed) with ns us ms s m h
 * d; no unit is s. Errors: INPUT. */
int sfx_text_duration_ns(struct sfx_slice text, int64_t *out, struct sfx_err *err);

/*
 * The candidate nearest to word by edit distance (insert, delete, replace, swap neighbours), when
 * near enough to be what was meant (distance at most a third of the longer length, at least 1),
 * else -1. Ties go to the first.
 */
int sfx_text_nearest(struct sfx_slice word, const struct sfx_slice *candidates, size_t ncandidates);

/*
 * Glob match of the whole text, by characters (a byte that is not valid UTF-8 is one).
 * '*' matches any run without '/', '**' any run, a leading or inner '**' with its '/' also nothing
 * (so that a pattern for all folders matches the top one); '?' one character but '/'; '[a-z]' and
 * '[!a-z]' one character of a set; '{a,b}' one of the alternatives; '\' takes the next byte's
 * meaning. What is not closed stands for itself. Allocates nothing.
 */
bool sfx_text_glob(struct sfx_slice pattern, struct sfx_slice text);

#endif
