/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259), strict: a pull reader over bytes in memory, and a writer into a buffer.
 *
 * Contract of the reader: it borrows the text; tokens are slices of it, nothing is allocated. It
 * accepts exactly one value with white space around it (see _next); UTF-8 is validated in strings;
 * lone surrogates in \u escapes are accepted as text but decode to U+FFFD. Depth is limited.
 * Numbers are kept as their text: nothing is rounded.
 */
#ifndef SFX_JSON_JSON_H
#define SFX_JSON_JSON_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SFX_JSON_MAX_DEPTH                                                                         \
    512 /* what common readers take; a deeper text is an attack or a mistake */

enum sfx_json_type {
    SFX_JSON_NULL,
    SFX_JSON_FALSE,
    SFX_JSON_TRUE,
    SFX_JSON_NUMBER,
    SFX_JSON_STRING,
    SFX_JSON_KEY, /* a string before a ':' */
    SFX_JSON_OBJECT,
    SFX_JSON_OBJECT_END,
    SFX_JSON_ARRAY,
    SFX_JSON_ARRAY_END,
};

struct sfx_json_token {
    enum sfx_json_type type;
    struct sfx_slice
        text;     /* as it stands; STRING, KEY: what is between the quotes, still escaped */
    bool escaped; /* STRING, KEY: text has a backslash: sfx_json_unescape it */
};

struct sfx_json_reader {
    const char *start, *at, *end;
    uint32_t depth;
    uint32_t state;
    uint64_t nesting[SFX_JSON_MAX_DEPTH / 64]; /* one bit a level: 1 is an object */
};

/* Starts reading len bytes at ptr (borrowed until the last token is used). */
void sfx_json_reader_init(struct sfx_json_reader *r, const char *ptr, size_t len);

/*
 * The next token: 1; 0 when the value has ended and only white space follows. Duplicate keys are
 * passed on as they come. Errors: INPUT, LIMIT (depth), both "byte N: …", the first byte being 1;
 * after an error the reader must be initialised again.
 */
int sfx_json_next(struct sfx_json_reader *r, struct sfx_json_token *tok, struct sfx_err *err);

/*
 * Skips the rest of the value that tok (just read) began, and gives its raw text (quotes and
 * brackets included), validated. A scalar is its own rest. Errors: as _next.
 */
int sfx_json_skip(struct sfx_json_reader *r, const struct sfx_json_token *tok,
                  struct sfx_slice *raw, struct sfx_err *err);

/* Appends the bytes that an escaped string's inner text stands for. Errors: INPUT, NOMEM. */
int sfx_json_unescape(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err);

/* Checks that the bytes are one valid JSON text. Errors: INPUT, LIMIT. */
int sfx_json_validate(const char *ptr, size_t len, struct sfx_err *err);

/* Appends text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. Errors:
 * NOMEM. */
int sfx_json_quote(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err);

/*
 * The writer: appends to a buffer and keeps the commas. The first failure (NOMEM) sticks and is
 * told by _finish; calls in between need no checks. Misuse (a value where a key must stand, more
 * than SFX_JSON_MAX_DEPTH levels) asserts.
 */
struct sfx_json_writer {
    struct sfx_buf *out;
    uint32_t depth;
    bool need_comma;
    bool after_key;
    bool failed;
    uint64_t nesting[SFX_JSON_MAX_DEPTH / 64]; /* one bit a level: 1 is an object */
};

void sfx_json_writer_init(struct sfx_json_writer *w, struct sfx_buf *out);
void sfx_json_begin_object(struct sfx_json_writer *w);
void sfx_json_end_object(struct sfx_json_writer *w);
void sfx_json_begin_array(struct sfx_json_writer *w);
void sfx_json_end_array(struct sfx_json_writer *w);
void sfx_json_key(struct sfx_json_writer *w, const char *key);
void sfx_json_key_slice(struct sfx_json_writer *w, struct sfx_slice key);
void sfx_json_string(struct sfx_json_writer *w, struct sfx_slice text);
void sfx_json_int(struct sfx_json_writer *w, int64_t value);
void sfx_json_uint(struct sfx_json_writer *w, uint64_t value);
void sfx_json_double(struct sfx_json_writer *w, double value); /* shortest form; not finite: null */
void sfx_json_bool(struct sfx_json_writer *w, bool value);
void sfx_json_null(struct sfx_json_writer *w);
void sfx_json_raw(struct sfx_json_writer *w, struct sfx_slice json); /* a valid value, as it is */

/* 0, or NOMEM when any append failed. */
int sfx_json_finish(struct sfx_json_writer *w, struct sfx_err *err);

#endif
