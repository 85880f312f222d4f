/* SPDX-License-Identifier: MIT */
/* Encodings: any pieces in, any room for what comes out, and where a text is wrong. */
#include "record/encoding.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct memory {
    struct sfx_slice rest;
    size_t chunk;
};

static ssize_t memory_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct memory *m = ctx;
    size_t n = m->rest.len < cap ? m->rest.len : cap;

    (void)err;
    n = n < m->chunk ? n : m->chunk;
    if (n > 0)
        memcpy(ptr, m->rest.ptr, n);
    m->rest = sfx_slice(m->rest.ptr + n, m->rest.len - n);
    return (ssize_t)n;
}

/* Decodes text in pieces of chunk bytes into pieces of room bytes. 0 or the error. */
static int decode(struct sfx_transcoder *d, const char *encoding, struct sfx_slice text,
                  size_t chunk, size_t room, struct sfx_buf *out, struct sfx_err *err)
{
    struct memory m = {text, chunk};
    struct sfx_byte_source source = {.read = memory_read, .ctx = &m, .input = "in"};
    ssize_t n = 1;
    int rc = sfx_transcoder_open(d, encoding, &source, err);

    sfx_buf_clear(out);
    while (rc == 0 && n > 0) {
        char piece[64];

        n = source.read(source.ctx, piece, room, err);
        rc = n < 0 ? (int)n : sfx_buf_append(out, piece, (size_t)n, err);
    }
    return rc;
}

static void check(const char *encoding, struct sfx_slice text, const char *expected)
{
    struct sfx_err err;
    struct sfx_transcoder *d = sfx_transcoder_new(&err);
    struct sfx_buf out = {0};
    size_t chunk, room;

    for (chunk = 1; chunk < 10; chunk++) {
        for (room = 1; room < 10; room++) {
            assert_int_equal(decode(d, encoding, text, chunk, room, &out, &err), 0);
            assert_string_equal(sfx_buf_cstr(&out, NULL), expected);
        }
    }
    sfx_buf_done(&out);
    sfx_transcoder_free(d);
}

static void check_wrong(const char *encoding, struct sfx_slice text, const char *expected)
{
    struct sfx_err err;
    struct sfx_transcoder *d = sfx_transcoder_new(&err);
    struct sfx_buf out = {0};
    size_t chunk;

    for (chunk = 1; chunk < 10; chunk++) {
        assert_int_equal(decode(d, encoding, text, chunk, 5, &out, &err), SFX_E_INPUT);
        assert_string_equal(err.text, expected);
    }
    sfx_buf_done(&out);
    sfx_transcoder_free(d);
}

static void texts_become_utf8(void **state)
{
    (void)state;
    check("latin1", SFX_SLICE_LIT("\xe9t\xe9;1\n"), "\u00e9t\u00e9;1\n");
    check("windows-1252", SFX_SLICE_LIT("\x80"), "\u20ac");
    check("UTF-16LE", SFX_SLICE_LIT("a\0\x3d\xd8\0\xde\n\0"), "a\U0001F600\n");
    check("UTF-16BE", SFX_SLICE_LIT("\0a\xd8\x3d\xde\0\0\n"), "a\U0001F600\n");
    check("utf-8", SFX_SLICE_LIT("\u00e9\U0001F600"), "\u00e9\U0001F600");
    check("utf-8", SFX_SLICE_LIT(""), "");
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    check_wrong("utf-8", SFX_SLICE_LIT("ab\xff\xff"), "in: byte 2: this is not utf-8");
    check_wrong("UTF-16LE", SFX_SLICE_LIT("a\0b\0c"),
                "in: byte 4: the input ends within a character of UTF-16LE");
    check_wrong("ascii", SFX_SLICE_LIT("0123456789\xe9"), "in: byte 10: this is not ascii");
}

static void marks_tell_encodings(void **state)
{
    (void)state;
    assert_string_equal(sfx_encoding_of_mark(SFX_SLICE_LIT("\xff\xfe"
                                                           "a\0")),
                        "UTF-16LE");
    assert_string_equal(sfx_encoding_of_mark(SFX_SLICE_LIT("\xfe\xff\0a")), "UTF-16BE");
    assert_string_equal(sfx_encoding_of_mark(SFX_SLICE_LIT("\xff\xfe\0\0")), "UTF-32LE");
    assert_string_equal(sfx_encoding_of_mark(SFX_SLICE_LIT("\0\0\xfe\xff")), "UTF-32BE");
    assert_null(sfx_encoding_of_mark(SFX_SLICE_LIT("\xef\xbb\xbf")));
    assert_null(sfx_encoding_of_mark(SFX_SLICE_LIT("\xff")));
    assert_null(sfx_encoding_of_mark(SFX_SLICE_LIT("")));
}

static void unknown_encodings_are_refused(void **state)
{
    struct sfx_err err;

    (void)state;
    assert_int_equal(sfx_encoding_check("no-such-thing", &err), SFX_E_USAGE);
    assert_int_equal(sfx_encoding_check("ascii//IGNORE", &err), SFX_E_USAGE);
    assert_int_equal(sfx_encoding_check("", &err), SFX_E_USAGE);
    assert_int_equal(sfx_encoding_check("utf-16", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_utf8),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(marks_tell_encodings),
        cmocka_unit_test(unknown_encodings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
