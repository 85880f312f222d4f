/* SPDX-License-Identifier: MIT */
/*
 * Digests of texts: SHA-256 is ours, MD5, SHA-1 and SHA-512 are nettle's, XXH3 is xxHash's; both
 * libraries are opened when a program that names such a digest is bound.
 */
#ifndef SFX_VALUE_DIGEST_H
#define SFX_VALUE_DIGEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct sfx_digest;

#define SFX_DIGEST_MAX_NBYTES 64

/* The names of digests; NULL behind the last. */
const char *sfx_digest_name_at(size_t index);

/*
 * Makes ready the digest called name, with the memory of arena. key: with ptr not NULL, digests are
 * keyed (HMAC, RFC 2104). Errors: NULL; USAGE (there is no such digest, or it takes no key),
 * UNSUPPORTED (its library is missing), NOMEM.
 */
struct sfx_digest *sfx_digest_new(struct sfx_arena *arena, struct sfx_slice name,
                                  struct sfx_slice key, struct sfx_err *err);

/* Writes the digest of text; returns its number of bytes. */
size_t sfx_digest_bytes(const struct sfx_digest *digest, struct sfx_slice text,
                        unsigned char out[SFX_DIGEST_MAX_NBYTES]);

/* Writes bytes as two small hex digits each. */
void sfx_hex_digits(const unsigned char *bytes, size_t nbytes, char *out);

#endif
