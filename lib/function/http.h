/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 as a server on this machine needs it: requests out of a buffer, responses into one.
 *
 * Contract: nothing is kept between calls; a request borrows from the buffer that it was read from.
 * What is ambiguous is refused: two lengths, a length beside chunks, folded lines, bare line feeds.
 * Source: RFC 9110, RFC 9112.
 */
#ifndef SFX_FUNCTION_HTTP_H
#define SFX_FUNCTION_HTTP_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define SFX_HTTP_HEAD_NBYTES                                                                       \
    65536 /* most of a request's line and header fields, and of trailers                           \
           */

struct sfx_http_request {
    struct sfx_slice method, path; /* path without the query */
    struct sfx_slice fields;       /* header fields as they came */
    struct sfx_slice body;
    struct sfx_slice trailers; /* fields after a chunked body */
    bool keep_alive;
    bool expects_continue; /* the client waits for 100 before it sends the body */
    size_t nbytes;         /* of all of it in the buffer */
};

/*
 * Reads the request at the beginning of in. Returns 1; 0 when there is more to come: then
 * expects_continue, and method and path once the head is whole, are filled all the same. Chunks are
 * joined within in. Errors: INPUT (no HTTP/1.x, or ambiguous), LIMIT (the body has more than
 * max_body bytes, the head more than SFX_HTTP_HEAD_NBYTES).
 */
int sfx_http_read(struct sfx_buf *in, size_t max_body, struct sfx_http_request *req,
                  struct sfx_err *err);

/* The value of the first field of this name (case does not matter) among fields; ptr NULL: none. */
struct sfx_slice sfx_http_field(struct sfx_slice fields, const char *name);

/* Appends a response. fields: more of them, each with its line end; or "". Errors: NOMEM. */
int sfx_http_respond(struct sfx_buf *out, int status, const char *fields, const char *type,
                     struct sfx_slice body, bool keep_alive, struct sfx_err *err);

#endif
