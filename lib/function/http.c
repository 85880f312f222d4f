/* SPDX-License-Identifier: MIT */
/* HTTP/1.1: requests and responses. */
#include "function/http.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

static int bad(struct sfx_err *err, const char *what)
{
    return sfx_err_set(err, SFX_E_INPUT, "HTTP: %s", what);
}

static int too_large(struct sfx_err *err, const char *what)
{
    return sfx_err_set(err, SFX_E_LIMIT, "HTTP: %s is too large", what);
}

/* RFC 9110, 5.6.2: what names of methods and fields are made of. */
static bool is_token(struct sfx_slice s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c <= 0x20 || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
            return false;
    }
    return s.len > 0;
}

/* Takes a line off *rest; false: there is no whole one. Ends are CR LF. */
static bool take_line(struct sfx_slice *rest, struct sfx_slice *line)
{
    const char *end = rest->len >= 2 ? memmem(rest->ptr, rest->len, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = sfx_slice(rest->ptr, (size_t)(end - rest->ptr));
    *rest = sfx_slice(end + 2, rest->len - line->len - 2);
    return true;
}

static int check_field(struct sfx_slice line, struct sfx_err *err)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t i;

    if (colon == NULL || !is_token(sfx_slice(line.ptr, (size_t)(colon - line.ptr))))
        return bad(err, "a header field is malformed");
    for (i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\0' || line.ptr[i] == '\r' || line.ptr[i] == '\n')
            return bad(err, "a header field has control characters");
    }
    return 0;
}

/*
 * Takes fields up to the empty line off *rest. Returns 1; 0 when that has not come yet.
 */
static int take_fields(struct sfx_slice *rest, struct sfx_slice *fields, struct sfx_err *err)
{
    struct sfx_slice at = *rest, line;

    while (take_line(&at, &line)) {
        if (line.len == 0) {
            *fields = sfx_slice(rest->ptr, (size_t)(line.ptr - rest->ptr));
            *rest = at;
            return fields->len > SFX_HTTP_HEAD_NBYTES ? too_large(err, "the head") : 1;
        }
        if (check_field(line, err) < 0)
            return SFX_E_INPUT;
    }
    return rest->len > SFX_HTTP_HEAD_NBYTES ? too_large(err, "the head") : 0;
}

struct sfx_slice sfx_http_field(struct sfx_slice fields, const char *name)
{
    struct sfx_slice line;
    size_t len = strlen(name);

    while (take_line(&fields, &line)) {
        if (line.len > len && line.ptr[len] == ':' && strncasecmp(line.ptr, name, len) == 0)
            return sfx_slice_trim(sfx_slice(line.ptr + len + 1, line.len - len - 1), " \t");
    }
    return sfx_slice(NULL, 0);
}

static size_t count_fields(struct sfx_slice fields, const char *name)
{
    struct sfx_slice found = sfx_http_field(fields, name);
    size_t n = 0;

    while (found.ptr != NULL) {
        const char *next = found.ptr + found.len;

        n++;
        next = memmem(next, (size_t)(fields.ptr + fields.len - next), "\r\n", 2);
        fields = sfx_slice(next + 2, (size_t)(fields.ptr + fields.len - next - 2));
        found = sfx_http_field(fields, name);
    }
    return n;
}

static bool says(struct sfx_slice value, const char *word)
{
    return value.len == strlen(word) && strncasecmp(value.ptr, word, value.len) == 0;
}

static int read_request_line(struct sfx_slice line, struct sfx_http_request *req,
                             struct sfx_err *err)
{
    const char *first = memchr(line.ptr, ' ', line.len), *second, *query;
    size_t left;

    if (first == NULL)
        return bad(err, "no request");
    req->method = sfx_slice(line.ptr, (size_t)(first - line.ptr));
    left = line.len - req->method.len - 1;
    second = memchr(first + 1, ' ', left);
    if (!is_token(req->method) || second == NULL || first[1] != '/')
        return bad(err, "no request");
    req->path = sfx_slice(first + 1, (size_t)(second - first - 1));
    line = sfx_slice(second + 1, left - req->path.len - 1);
    query = memchr(req->path.ptr, '?', req->path.len);
    if (query != NULL)
        req->path.len = (size_t)(query - req->path.ptr);
    if (line.len != 8 || memcmp(line.ptr, "HTTP/1.", 7) != 0 ||
        (line.ptr[7] != '0' && line.ptr[7] != '1'))
        return bad(err, "not HTTP/1.1");
    req->keep_alive = line.ptr[7] == '1';
    return 0;
}

/* A number in this base; -1: it is none, or does not fit. */
static long long number(struct sfx_slice text, int base)
{
    long long n = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        static const char digits[] = "0123456789abcdef";
        char c = text.ptr[i];
        const char *digit = memchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c, (size_t)base);

        if (digit == NULL || n > (LLONG_MAX - 16) / base)
            return -1;
        n = n * base + (digit - digits);
    }
    return text.len > 0 ? n : -1;
}

static int read_sized(struct sfx_slice rest, struct sfx_slice length, size_t max_body,
                      struct sfx_http_request *req, struct sfx_err *err)
{
    long long n = length.ptr != NULL ? number(length, 10) : 0;

    if (n < 0)
        return bad(err, "Content-Length is no number");
    if ((unsigned long long)n > max_body)
        return too_large(err, "the body");
    req->body = sfx_slice(rest.ptr, (size_t)n);
    return rest.len >= (size_t)n;
}

/* The size of the chunk that the line announces; what follows a ';' is of no concern. */
static long long chunk_size(struct sfx_slice line)
{
    const char *more = memchr(line.ptr, ';', line.len);

    return number(
        sfx_slice_trim(more != NULL ? sfx_slice(line.ptr, (size_t)(more - line.ptr)) : line, " \t"),
        16);
}

/*
 * Walks over chunks; when they are whole and join is set, moves them together in front of rest.
 * *end: where the request ends. Returns 1, or 0 when there is more to come.
 */
static int walk_chunks(struct sfx_slice rest, size_t max_body, bool join,
                       struct sfx_http_request *req, const char **end, struct sfx_err *err)
{
    char *to = (char *)rest.ptr;
    size_t total = 0;
    struct sfx_slice line;
    int rc;

    req->body = sfx_slice(rest.ptr, 0);
    while (take_line(&rest, &line)) {
        long long n = chunk_size(line);

        if (n < 0)
            return bad(err, "a chunk has no size");
        if (n == 0) {
            rc = take_fields(&rest, &req->trailers, err);
            req->body.len = total;
            *end = rest.ptr;
            return rc;
        }
        if ((unsigned long long)n > max_body - total)
            return too_large(err, "the body");
        if (rest.len < (size_t)n + 2)
            return 0;
        if (memcmp(rest.ptr + n, "\r\n", 2) != 0)
            return bad(err, "a chunk is not as long as it says");
        if (join)
            memmove(to + total, rest.ptr, (size_t)n);
        total += (size_t)n;
        rest = sfx_slice(rest.ptr + n + 2, rest.len - (size_t)n - 2);
    }
    return rest.len > SFX_HTTP_HEAD_NBYTES ? bad(err, "a chunk has no size") : 0;
}

static int read_chunked(struct sfx_slice rest, size_t max_body, struct sfx_http_request *req,
                        struct sfx_err *err)
{
    const char *begin = rest.ptr, *end = NULL;
    int rc = walk_chunks(rest, max_body, false, req, &end, err);

    if (rc <= 0)
        return rc;
    (void)walk_chunks(rest, max_body, true, req, &end, err);
    req->nbytes += (size_t)(end - begin);
    return 1;
}

int sfx_http_read(struct sfx_buf *in, size_t max_body, struct sfx_http_request *req,
                  struct sfx_err *err)
{
    struct sfx_slice rest = sfx_buf_slice(in), line, length, coding;
    int rc;

    *req = (struct sfx_http_request){0};
    if (rest.len == 0)
        return 0;
    if (!take_line(&rest, &line))
        return rest.len > SFX_HTTP_HEAD_NBYTES ? too_large(err, "the head") : 0;
    if (read_request_line(line, req, err) < 0)
        return SFX_E_INPUT;
    rc = take_fields(&rest, &req->fields, err);
    if (rc <= 0) {
        req->method = req->path = sfx_slice(NULL, 0);
        return rc;
    }
    req->nbytes = (size_t)(rest.ptr - in->data);
    length = sfx_http_field(req->fields, "Content-Length");
    coding = sfx_http_field(req->fields, "Transfer-Encoding");
    if (count_fields(req->fields, "Content-Length") > 1 ||
        count_fields(req->fields, "Transfer-Encoding") > 1 ||
        (length.ptr != NULL && coding.ptr != NULL))
        return bad(err, "the body has two lengths");
    if (coding.ptr != NULL && !says(coding, "chunked"))
        return bad(err, "this Transfer-Encoding is not known");
    if (says(sfx_http_field(req->fields, "Connection"), "close"))
        req->keep_alive = false;
    rc = coding.ptr != NULL ? read_chunked(rest, max_body, req, err)
                            : read_sized(rest, length, max_body, req, err);
    if (rc > 0 && coding.ptr == NULL)
        req->nbytes += req->body.len;
    req->expects_continue = rc == 0 && says(sfx_http_field(req->fields, "Expect"), "100-continue");
    return rc;
}

static const char *phrase(int status)
{
    switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Request Entity Too Large";
    default: return "Internal Server Error";
    }
}

int sfx_http_respond(struct sfx_buf *out, int status, const char *fields, const char *type,
                     struct sfx_slice body, bool keep_alive, struct sfx_err *err)
{
    int rc = sfx_buf_printf(
        out, err, "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
        phrase(status), fields, type, body.len, keep_alive ? "" : "Connection: close\r\n");

    return rc == 0 ? sfx_buf_append(out, body.ptr, body.len, err) : rc;
}
