/* SPDX-License-Identifier: MIT */
/*
 * Any bytes to the reader of HTTP requests. A request that is whole must not have been so before
 * its last byte, and must not depend on what stands behind it.
 */
#include "function/http.h"

#include <stdint.h>
#include <string.h>

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>

enum { MAX_BODY = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the first n bytes. The buffer is the caller's to free. */
static int read_first(const uint8_t *data, size_t n, struct sfx_buf *in,
                      struct sfx_http_request *req)
{
    sfx_buf_clear(in);
    assert(sfx_buf_append(in, data, n, NULL) == 0);
    return sfx_http_read(in, MAX_BODY, req, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_buf whole = {0}, part = {0};
    struct sfx_http_request req, other;
    int rc = read_first(data, size, &whole, &req);
    size_t n;

    if (rc == 1) {
        assert(req.nbytes > 0 && req.nbytes <= size);
        assert(req.body.len <= MAX_BODY);
        for (n = 0; n < req.nbytes; n++)
            assert(read_first(data, n, &part, &other) == 0);
        assert(read_first(data, req.nbytes, &part, &other) == 1);
        assert(other.nbytes == req.nbytes && sfx_slice_eq(other.body, req.body) &&
               sfx_slice_eq(other.path, req.path) && sfx_slice_eq(other.fields, req.fields) &&
               sfx_slice_eq(other.trailers, req.trailers));
        (void)sfx_http_field(req.fields, "Content-Type");
        (void)sfx_http_field(req.trailers, "Lambda-Runtime-Function-Error-Type");
    }
    sfx_buf_done(&whole);
    sfx_buf_done(&part);
    return 0;
}
