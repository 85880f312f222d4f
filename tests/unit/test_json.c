/* SPDX-License-Identifier: MIT */
/* JSON: what is accepted, what is refused and where, and that what is written reads back equal. */
#include "base/size.h"
#include "json/json.h"
#include "json/json_internal.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int validate(const char *text, struct sfx_err *err)
{
    return sfx_json_validate(text, strlen(text), err);
}

static void tokens_are_slices_of_the_text(void **state)
{
    static const char text[] = " {\"a\\n\" : [1.50, \"x\", true, false, null, {}, []]}\n";
    static const struct {
        enum sfx_json_type type;
        const char *text;
    } want[] = {
        {SFX_JSON_OBJECT, "{"},     {SFX_JSON_KEY, "a\\n"},     {SFX_JSON_ARRAY, "["},
        {SFX_JSON_NUMBER, "1.50"},  {SFX_JSON_STRING, "x"},     {SFX_JSON_TRUE, "true"},
        {SFX_JSON_FALSE, "false"},  {SFX_JSON_NULL, "null"},    {SFX_JSON_OBJECT, "{"},
        {SFX_JSON_OBJECT_END, "}"}, {SFX_JSON_ARRAY, "["},      {SFX_JSON_ARRAY_END, "]"},
        {SFX_JSON_ARRAY_END, "]"},  {SFX_JSON_OBJECT_END, "}"},
    };
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    size_t i;

    (void)state;
    sfx_json_reader_init(&r, text, sizeof(text) - 1);
    for (i = 0; i < SFX_COUNT(want); i++) {
        assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
        assert_int_equal(tok.type, want[i].type);
        assert_true(sfx_slice_eq(tok.text, sfx_slice_str(want[i].text)));
        assert_int_equal(tok.escaped, tok.type == SFX_JSON_KEY);
        assert_true(tok.text.ptr > text && tok.text.ptr < text + sizeof(text));
    }
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 0);
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 0);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "byte 1: the text ends where a value is expected"},
        {"\xef\xbb\xbf{}", "byte 1: a value is expected"},
        {"NaN", "byte 1: a value is expected"},
        {"[-Infinity]", "byte 2: a '-' is not followed by a digit"},
        {"[1,]", "byte 4: a value is expected"},
        {"{\"a\":1,}", "byte 8: a key in quotes is expected"},
        {"{a:1}", "byte 2: a key in quotes is expected"},
        {"{\"a\" 1}", "byte 6: a ':' is missing after a key"},
        {"[1 2]", "byte 4: a ',' or ']' is missing in an array"},
        {"{\"a\":1 \"b\":2}", "byte 8: a ',' or '}' is missing in an object"},
        {"[1}", "byte 3: a ',' or ']' is missing in an array"},
        {"[1] // one", "byte 5: something follows the value"},
        {"/* one */ 1", "byte 1: a value is expected"},
        {"1 2", "byte 3: something follows the value"},
        {"[01]", "byte 2: a number begins with a zero"},
        {"[-00]", "byte 2: a number begins with a zero"},
        {"[1.]", "byte 2: a number has no digit after its point"},
        {"[.5]", "byte 2: a value is expected"},
        {"[+1]", "byte 2: a value is expected"},
        {"[1e+]", "byte 2: a number has no digit in its exponent"},
        {"[0x10]", "byte 3: a ',' or ']' is missing in an array"},
        {"\"ab", "byte 1: the string that begins here does not end"},
        {"\"a\tb\"", "byte 3: a control character in a string is not escaped"},
        {"\"\\x41\"", "byte 2: no such escape in a string"},
        {"\"\\u12g4\"", "byte 2: \\u is not followed by four hex digits"},
        {"\"\\u12", "byte 2: \\u is not followed by four hex digits"},
        {"\"\\", "byte 2: no such escape in a string"},
        {"'a'", "byte 1: a value is expected"},
        {"\"\xc3(\"", "byte 2: a string is not UTF-8"},
        {"\"\xc0\xaf\"", "byte 2: a string is not UTF-8"},
        {"\"\xed\xa0\x80\"", "byte 2: a string is not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "byte 2: a string is not UTF-8"},
        {"\"\xe2\x82\"", "byte 2: a string is not UTF-8"},
        {"nul", "byte 1: a value is expected"},
        {"nulls", "byte 5: something follows the value"},
    };
    struct sfx_err err;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        assert_int_equal(validate(cases[i].text, &err), SFX_E_INPUT);
        assert_string_equal(err.text, cases[i].message);
    }
    /* A NUL is a byte like others, and no escape's name. */
    assert_int_equal(sfx_json_validate("\"\\\0\"", 4, NULL), SFX_E_INPUT);
    assert_int_equal(sfx_json_validate("\0", 1, NULL), SFX_E_INPUT);
    assert_int_equal(sfx_json_validate(NULL, 0, NULL), SFX_E_INPUT);
}

static void what_is_json_is_accepted(void **state)
{
    static const char *const cases[] = {
        "0",
        "-0",
        "-0.0e-0",
        "1E400",
        "123456789012345678901234567890",
        " \t\r\n1\n",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e\x7f\"",
        "\"\\ud800\"",
        "{\"a\":1,\"a\":2}",
        "[[],{}]",
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_int_equal(validate(cases[i], NULL), 0);
}

static void depth_has_a_limit(void **state)
{
    char text[2 * (SFX_JSON_MAX_DEPTH + 1)];
    struct sfx_err err;
    size_t depth = SFX_JSON_MAX_DEPTH;

    (void)state;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_int_equal(sfx_json_validate(text, 2 * depth, NULL), 0);
    memset(text, '[', depth + 1);
    assert_int_equal(sfx_json_validate(text, depth + 1, &err), SFX_E_LIMIT);
    assert_string_equal(err.text, "byte 513: nested deeper than 512 levels");
}

/*
 * A special byte is found wherever it stands, and nothing behind the end is read: the text ends at
 * a page that cannot be read.
 */
static void strings_are_scanned_to_their_end_and_no_further(void **state)
{
    static const char specials[] = "\"\\\n\x1f\x80\xff";
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *end = map + page;
    size_t len;
    size_t at;
    size_t k;

    (void)state;
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    for (len = 0; len <= 70; len++) {
        char *text = map + page - len;

        memset(text, ' ' + (int)len % 2, len);
        assert_ptr_equal(sfx_json_scan(text, end), end);
        assert_ptr_equal(sfx_json_scan_portable(text, end), end);
        for (at = 0; at < len; at++) {
            for (k = 0; k < sizeof(specials) - 1; k++) {
                text[at] = specials[k];
                assert_ptr_equal(sfx_json_scan(text, end), text + at);
                assert_ptr_equal(sfx_json_scan_portable(text, end), text + at);
            }
            text[at] = '~';
        }
    }
    assert_int_equal(munmap(map, 2 * page), 0);
}

static void skipping_gives_the_raw_value(void **state)
{
    static const char text[] = "{\"a\": {\"b\": [1, \"]\"]} , \"c\": \"x\\n\", \"d\": -1e5 }";
    static const char *const want[] = {"{\"b\": [1, \"]\"]}", "\"x\\n\"", "-1e5"};
    struct sfx_json_reader r;
    struct sfx_json_token tok;
    struct sfx_slice raw;
    size_t i;

    (void)state;
    sfx_json_reader_init(&r, text, sizeof(text) - 1);
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
    for (i = 0; i < SFX_COUNT(want); i++) {
        assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
        assert_int_equal(tok.type, SFX_JSON_KEY);
        assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
        assert_int_equal(sfx_json_skip(&r, &tok, &raw, NULL), 0);
        assert_true(sfx_slice_eq(raw, sfx_slice_str(want[i])));
    }
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
    assert_int_equal(tok.type, SFX_JSON_OBJECT_END);
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 0);

    sfx_json_reader_init(&r, "[[1", 3);
    assert_int_equal(sfx_json_next(&r, &tok, NULL), 1);
    assert_int_equal(sfx_json_skip(&r, &tok, &raw, NULL), SFX_E_INPUT);
}

static void assert_unescapes(const char *text, const char *want, size_t want_len)
{
    struct sfx_buf out = {0};

    assert_int_equal(sfx_buf_puts(&out, ">", NULL), 0);
    assert_int_equal(sfx_json_unescape(&out, sfx_slice_str(text), NULL), 0);
    assert_int_equal(out.len, want_len + 1);
    assert_memory_equal(out.data + 1, want, want_len);
    sfx_buf_done(&out);
}

static void escapes_become_what_they_stand_for(void **state)
{
    struct sfx_buf out = {0};
    size_t i;
    static const char *const bad[] = {"a\\", "a\\q", "a\\u12", "a\\u12G4", "a\\ud800\\u12"};

    (void)state;
    assert_unescapes("", "", 0);
    assert_unescapes("plain", "plain", 5);
    assert_unescapes("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8);
    assert_unescapes("\\u0000|\\u0041|\\u00e9|\\u20AC", "\0|A|\xc3\xa9|\xe2\x82\xac", 10);
    assert_unescapes("\\ud834\\udd1e.", "\xf0\x9d\x84\x9e.", 5);
    /* Halves of pairs that are not there cannot be shown. */
    assert_unescapes("\\ud834", "\xef\xbf\xbd", 3);
    assert_unescapes("\\udd1e\\ud834", "\xef\xbf\xbd\xef\xbf\xbd", 6);
    assert_unescapes("\\ud834\\u0041",
                     "\xef\xbf\xbd"
                     "A",
                     4);
    for (i = 0; i < SFX_COUNT(bad); i++) {
        assert_int_equal(sfx_json_unescape(&out, sfx_slice_str(bad[i]), NULL), SFX_E_INPUT);
        assert_int_equal(out.len, 0);
    }
    sfx_buf_done(&out);
}

static void assert_quotes(const char *text, size_t len, const char *want)
{
    struct sfx_buf out = {0};

    assert_int_equal(sfx_json_quote(&out, sfx_slice(text, len), NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL), want);
    sfx_buf_done(&out);
}

static void any_bytes_become_a_string(void **state)
{
    (void)state;
    assert_quotes(NULL, 0, "\"\"");
    assert_quotes("say \"\\\" /", 9, "\"say \\\"\\\\\\\" /\"");
    assert_quotes("\0\b\t\n\f\r\x1f\x7f", 8, "\"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\"");
    assert_quotes("\xc3\xa9\xf0\x9d\x84\x9e", 6, "\"\xc3\xa9\xf0\x9d\x84\x9e\"");
    assert_quotes("a\xff\xe2\x82z\xc3", 6,
                  "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"");
}

static void every_byte_pair_survives_quoting(void **state)
{
    struct sfx_buf json = {0};
    struct sfx_buf back = {0};
    int i;

    (void)state;
    for (i = 0; i < 0x80 * 0x80; i++) {
        char pair[2] = {(char)(i & 0x7f), (char)(i >> 7)};

        sfx_buf_clear(&json);
        sfx_buf_clear(&back);
        assert_int_equal(sfx_json_quote(&json, sfx_slice(pair, 2), NULL), 0);
        assert_int_equal(sfx_json_validate(json.data, json.len, NULL), 0);
        assert_int_equal(sfx_json_unescape(&back, sfx_slice(json.data + 1, json.len - 2), NULL), 0);
        assert_int_equal(back.len, 2);
        assert_memory_equal(back.data, pair, 2);
    }
    sfx_buf_done(&json);
    sfx_buf_done(&back);
}

static void writer_places_commas_and_colons(void **state)
{
    struct sfx_buf out = {0};
    struct sfx_json_writer w;

    (void)state;
    sfx_json_writer_init(&w, &out);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "a");
    sfx_json_begin_array(&w);
    sfx_json_int(&w, INT64_MIN);
    sfx_json_uint(&w, UINT64_MAX);
    sfx_json_begin_object(&w);
    sfx_json_end_object(&w);
    sfx_json_begin_array(&w);
    sfx_json_end_array(&w);
    sfx_json_end_array(&w);
    sfx_json_key_slice(&w, SFX_SLICE_LIT("b\n"));
    sfx_json_string(&w, SFX_SLICE_LIT("x"));
    sfx_json_key(&w, "c");
    sfx_json_bool(&w, true);
    sfx_json_key(&w, "d");
    sfx_json_null(&w);
    sfx_json_key(&w, "e");
    sfx_json_raw(&w, SFX_SLICE_LIT("[ 1 ]"));
    sfx_json_end_object(&w);
    assert_int_equal(sfx_json_finish(&w, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL),
                        "{\"a\":[-9223372036854775808,18446744073709551615,{},[]],"
                        "\"b\\n\":\"x\",\"c\":true,\"d\":null,\"e\":[ 1 ]}");
    sfx_buf_done(&out);
}

static void assert_double(double value, const char *want)
{
    struct sfx_buf out = {0};
    struct sfx_json_writer w;

    sfx_json_writer_init(&w, &out);
    sfx_json_double(&w, value);
    assert_int_equal(sfx_json_finish(&w, NULL), 0);
    assert_string_equal(sfx_buf_cstr(&out, NULL), want);
    sfx_buf_done(&out);
}

static void doubles_are_short_and_exact(void **state)
{
    (void)state;
    assert_double(0.1, "0.1");
    assert_double(100, "100");
    assert_double(-0.0, "-0");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(1e22, "1e+22");
    assert_double(DBL_MAX, "1.7976931348623157e+308");
    assert_double(DBL_TRUE_MIN, "4.94065645841247e-324");
    assert_double(NAN, "null");
    assert_double(-INFINITY, "null");
}

/* A locale with a comma for a point, made here: machines have few. */
static bool make_comma_locale(char *folder)
{
    char command[256];

    if (mkdtemp(folder) == NULL)
        return false;
    (void)snprintf(command, sizeof(command),
                   "localedef -c -i de_DE -f UTF-8 --no-archive %s/comma.UTF-8 2>/dev/null",
                   folder);
    return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 &&
           setlocale(LC_NUMERIC, "comma.UTF-8") != NULL;
}

static void doubles_do_not_follow_the_locale(void **state)
{
    char folder[] = "/tmp/sfx-locale-XXXXXX";
    char command[64];
    bool made = make_comma_locale(folder);

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    if (!made)
        skip(); /* no localedef, or nothing for it to read */
    assert_string_equal(localeconv()->decimal_point, ",");
    assert_double(1234.5, "1234.5");
    assert_double(1e-7, "1e-07");
    (void)setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_slices_of_the_text),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(what_is_json_is_accepted),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(strings_are_scanned_to_their_end_and_no_further),
        cmocka_unit_test(skipping_gives_the_raw_value),
        cmocka_unit_test(escapes_become_what_they_stand_for),
        cmocka_unit_test(any_bytes_become_a_string),
        cmocka_unit_test(every_byte_pair_survives_quoting),
        cmocka_unit_test(writer_places_commas_and_colons),
        cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(doubles_do_not_follow_the_locale),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
