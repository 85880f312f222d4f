/* SPDX-License-Identifier: MIT */
/* HTTP requests: what is read, in whatever pieces it comes, and what is refused. */
#include "base/size.h"
#include "function/http.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct sfx_buf in;

static int read_first(const char *text, size_t len, struct sfx_http_request *req)
{
    sfx_buf_clear(&in);
    assert_int_equal(sfx_buf_append(&in, text, len, NULL), 0);
    return sfx_http_read(&in, 10, req, NULL);
}

static int read_text(const char *text, struct sfx_http_request *req)
{
    return read_first(text, strlen(text), req);
}

static bool is(struct sfx_slice slice, const char *text)
{
    return sfx_slice_eq(slice, sfx_slice_str(text));
}

static void requests_are_read_in_any_pieces(void **state)
{
    static const struct {
        const char *text, *method, *path, *body, *trailer;
    } cases[] = {
        {"GET /a/b?c=d HTTP/1.1\r\nHost: x\r\n\r\n", "GET", "/a/b", "", ""},
        {"POST / HTTP/1.1\r\ncontent-length:  5 \r\n\r\nabcde", "POST", "/", "abcde", ""},
        {"PUT /x HTTP/1.1\r\nTransfer-Encoding: "
         "Chunked\r\n\r\n3\r\nabc\r\nA;q=1\r\n0123456789\r\n0\r\n"
         "\r\n",
         NULL, NULL, NULL, NULL}, /* 13 bytes are too many */
        {"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;q=1\r\nde\r\n0\r\nT: "
         "u\r\n\r\n",
         "PUT", "/x", "abcde", "u"},
    };
    struct sfx_http_request req;
    size_t i, n;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);

        if (cases[i].method == NULL) {
            assert_int_equal(read_first(cases[i].text, len, &req), SFX_E_LIMIT);
            continue;
        }
        for (n = 0; n < len; n++)
            assert_int_equal(read_first(cases[i].text, n, &req), 0);
        assert_int_equal(read_first(cases[i].text, len, &req), 1);
        assert_int_equal(req.nbytes, len);
        assert_true(is(req.method, cases[i].method) && is(req.path, cases[i].path));
        assert_true(is(req.body, cases[i].body));
        assert_true(is(sfx_http_field(req.trailers, "T"), cases[i].trailer));
        assert_true(req.keep_alive);
    }
}

static void what_is_ambiguous_is_refused(void **state)
{
    static const char *const cases[] = {
        "GET / HTTP/2\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\nx",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT u\r\n\r\n",
    };
    struct sfx_http_request req;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_int_equal(read_text(cases[i], &req), SFX_E_INPUT);
    assert_int_equal(
        read_text("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", &req),
        SFX_E_INPUT);
    assert_int_equal(read_text("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", &req), SFX_E_LIMIT);
}

static void the_body_is_waited_for(void **state)
{
    static const char text[] =
        "POST /p HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
    struct sfx_http_request req;

    (void)state;
    assert_int_equal(read_text(text, &req), 0);
    assert_true(req.expects_continue && is(req.path, "/p") && !req.keep_alive);
    assert_int_equal(read_text("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", &req), 1);
    assert_false(req.keep_alive);
}

static void responses_are_whole(void **state)
{
    struct sfx_buf out = {0};

    (void)state;
    assert_int_equal(
        sfx_http_respond(&out, 202, "A: b\r\n", "text/plain", SFX_SLICE_LIT("hi"), true, NULL), 0);
    assert_true(is(sfx_buf_slice(&out),
                   "HTTP/1.1 202 Accepted\r\nA: b\r\nContent-Type: text/plain\r\n"
                   "Content-Length: 2\r\n\r\nhi"));
    sfx_buf_done(&out);
    sfx_buf_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read_in_any_pieces),
        cmocka_unit_test(what_is_ambiguous_is_refused),
        cmocka_unit_test(the_body_is_waited_for),
        cmocka_unit_test(responses_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
