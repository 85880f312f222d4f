/* SPDX-License-Identifier: MIT */
/* Text from outside is taken for what it is: UTF-8, base64, numbers, names, patterns, times. */
#include "base/clock.h"
#include "base/path.h"
#include "base/size.h"
#include "base/text.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct sfx_slice str(const char *text)
{
    return sfx_slice_str(text);
}

static void utf8_ends_where_it_is_broken(void **state)
{
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"", 0},
        {"plain", 5},
        {"gr\xc3\xbc\xc3\x9f", 6},
        {"\xe2\x82\xac \xf0\x9f\x98\x80", 8},
        {"\xf4\x8f\xbf\xbf", 4},            /* U+10FFFF */
        {"a\x80", 1},                       /* a tail without a lead */
        {"ab\xc3", 2},                      /* cut */
        {"ab\xf0\x9f\x98", 2},              /* cut */
        {"a\xc0\xaf", 1},                   /* overlong '/' */
        {"a\xe0\x80\xaf", 1},               /* overlong '/' */
        {"a\xf0\x80\x80\xaf", 1},           /* overlong '/' */
        {"a\xed\xa0\x80", 1},               /* surrogate */
        {"a\xf4\x90\x80\x80", 1},           /* above U+10FFFF */
        {"a\xfe", 1},                       /* never a lead */
        {"0123456789012345678901234567\xff" /* behind whole words of ASCII */
         "89012345678901234567890123456789",
         28},
        {"01234567890123456789012345678901234567\xc3\xa4", 40},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        assert_int_equal(sfx_utf8_valid_prefix(str(cases[i].text)), cases[i].valid);
}

/* Every code point there is goes through both ways; every surrogate is refused. */
static void utf8_of_every_code_point_reads_back(void **state)
{
    struct sfx_buf buf = {0};
    uint32_t cp;

    (void)state;
    for (cp = 0; cp <= 0x10ffff; cp++) {
        uint32_t back = 0;

        sfx_buf_clear(&buf);
        if (sfx_utf8_append(&buf, cp, NULL) != 0)
            fail();
        if (cp >= 0xd800 && cp <= 0xdfff) {
            if (sfx_utf8_valid(sfx_buf_slice(&buf)))
                fail_msg("surrogate U+%04X was accepted", (unsigned)cp);
        } else if (sfx_utf8_decode(sfx_buf_slice(&buf), &back) != buf.len || back != cp ||
                   !sfx_utf8_valid(sfx_buf_slice(&buf))) {
            fail_msg("U+%04X did not read back", (unsigned)cp);
        }
    }
    sfx_buf_done(&buf);
}

static void base64_has_the_values_of_rfc_4648(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };
    struct sfx_buf buf = {0};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(pairs); i++) {
        sfx_buf_clear(&buf);
        assert_int_equal(sfx_base64_encode(&buf, str(pairs[i][0]), NULL), 0);
        assert_string_equal(sfx_buf_cstr(&buf, NULL), pairs[i][1]);
        sfx_buf_clear(&buf);
        assert_int_equal(sfx_base64_decode(&buf, str(pairs[i][1]), NULL), 0);
        assert_string_equal(sfx_buf_cstr(&buf, NULL), pairs[i][0]);
    }
    sfx_buf_done(&buf);
}

static void base64_that_is_not_strict_is_refused_and_leaves_nothing(void **state)
{
    static const char *const bad[] = {"Zg",   "Zg=",      "Zg==Zg==", "Z===", "====", "Zm9v\n",
                                      "Zm 9", "Zm9vZ-==", "Zh==",     "Zm9=", "=m9v"};
    struct sfx_buf buf = {0};
    size_t i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&buf, "kept", NULL), 0);
    for (i = 0; i < SFX_COUNT(bad); i++) {
        struct sfx_err err;

        assert_int_equal(sfx_base64_decode(&buf, str(bad[i]), &err), SFX_E_INPUT);
        assert_string_equal(sfx_buf_cstr(&buf, NULL), "kept");
    }
    sfx_buf_done(&buf);
}

static void whole_numbers_are_exact_or_refused(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x10", "18446744073709551616", "99999999999999999999"};
    uint64_t value;
    size_t i;

    (void)state;
    assert_int_equal(sfx_text_u64(str("18446744073709551615"), &value, NULL), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(sfx_text_u64(str("007"), &value, NULL), 0);
    assert_true(value == 7);
    for (i = 0; i < SFX_COUNT(bad); i++)
        assert_int_equal(sfx_text_u64(str(bad[i]), &value, NULL), SFX_E_INPUT);
}

static void sizes_have_units_of_1024(void **state)
{
    static const struct {
        const char *text;
        uint64_t nbytes;
    } good[] = {{"0", 0},
                {"512", 512},
                {"1K", 1024},
                {"1k", 1024},
                {"3MB", 3u << 20},
                {"2GiB", UINT64_C(2) << 30},
                {"5T", UINT64_C(5) << 40}};
    static const char *const bad[] = {"",    "K",    "1X",  "1.5M",     "-1K",
                                      "1Ki", "1KBs", "1 K", "16777216T"};
    uint64_t value;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(good); i++) {
        assert_int_equal(sfx_text_size(str(good[i].text), &value, NULL), 0);
        assert_true(value == good[i].nbytes);
    }
    for (i = 0; i < SFX_COUNT(bad); i++)
        assert_int_equal(sfx_text_size(str(bad[i]), &value, NULL), SFX_E_INPUT);
}

static void durations_are_exact_to_the_nanosecond(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"10", INT64_C(10000000000)},
        {"250ms", 250000000},
        {"1.5s", 1500000000},
        {"0.000000001s", 1},
        {"7us", 7000},
        {"3ns", 3},
        {"2.25m", INT64_C(135000000000)},
        {"1h", INT64_C(3600000000000)},
        {"1.5d", INT64_C(129600000000000)},
        {"0.3333333333333333333333333s", 333333333},
        {"1.999999999999999999999ns", 1},
        {"9223372036854775807ns", INT64_MAX},
    };
    static const char *const bad[] = {
        "",        "s",    ".5s", "1.s", "1.5.5s", "-1s", "1w", "1 s", "9223372036854775808ns",
        "106752d", "1h30m"};
    int64_t value;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(good); i++) {
        assert_int_equal(sfx_text_duration_ns(str(good[i].text), &value, NULL), 0);
        assert_true(value == good[i].ns);
    }
    for (i = 0; i < SFX_COUNT(bad); i++)
        assert_int_equal(sfx_text_duration_ns(str(bad[i]), &value, NULL), SFX_E_INPUT);
}

static void the_name_that_was_meant_is_found(void **state)
{
    static const struct sfx_slice names[] = {
        {"where", 5}, {"derive", 6}, {"select", 6}, {"sort", 4}, {"distinct", 8}, {"rows", 4},
    };
    char longest[200];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(sfx_text_nearest(str("wher"), names, SFX_COUNT(names)), 0);
    assert_int_equal(sfx_text_nearest(str("drive"), names, SFX_COUNT(names)), 1);
    assert_int_equal(sfx_text_nearest(str("srot"), names, SFX_COUNT(names)), 3);
    assert_int_equal(sfx_text_nearest(str("distnict"), names, SFX_COUNT(names)), 4);
    assert_int_equal(sfx_text_nearest(str("banana"), names, SFX_COUNT(names)), -1);
    assert_int_equal(sfx_text_nearest(str(""), names, SFX_COUNT(names)), -1);
    assert_int_equal(sfx_text_nearest(sfx_slice(longest, 200), names, SFX_COUNT(names)), -1);
}

static void globs_match_whole_names(void **state)
{
    static const char *const hits[][2] = {
        {"*.csv", "a.csv"},
        {"*.csv", ".csv"},
        {"*", ""},
        {"a?c", "abc"},
        {"a?c", "a\xc3\xbc"
                "c"}, /* one character, not one byte */
        {"a?c", "a\xff"
                "c"}, /* a stray byte is one */
        {"[a-c]x[!0-9]", "bxy"},
        {"[]]", "]"},
        {"[!]]", "a"},
        {"[\xc3\xa4-\xc3\xbc]", "\xc3\xb6"},
        {"[", "["},
        {"*.{jpg,png}", "x.png"},
        {"{a,b{c,d}}e", "bde"},
        {"{,x}y", "y"},
        {"{a", "{a"},
        {"**", "a/b/c"},
        {"**/*.jpg", "a.jpg"},
        {"**/*.jpg", "x/y/a.jpg"},
        {"in/**/a", "in/a"},
        {"in/**/a", "in/x/y/a"},
        {"{in,out}/**/*.csv", "out/2026/01/a.csv"},
        {"a**b", "a/x/b"},
        {"*a*b*c*", "xxaxxbxxcxx"},
        {"\\*", "*"},
        {"\\{a\\}", "{a}"},
        {"*/b", "a/b"},
    };
    static const char *const misses[][2] = {
        {"*.csv", "a.csv.gz"},
        {"*.csv", "in/a.csv"},
        {"", "a"},
        {"a", ""},
        {"a?c", "ac"},
        {"a?c", "a/c"},
        {"[!a]", "/"},
        {"[a-c]", "d"},
        {"{a,b}", "c"},
        {"{a,b}", "{a,b}"},
        {"\\*", "a"},
        {"in/**/a", "in/xa"},
        {"**/a", "xa"},
        {"*a*b*c*", "xxaxxbxx"},
        {"*/b", "a/x/b"},
        {"a*", "ba"},
        {"?", ""},
        {"?", "\xc3\xbc\xc3\xbc"},
        {"{a,b}c", "abc"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(hits); i++) {
        if (!sfx_text_glob(str(hits[i][0]), str(hits[i][1])))
            fail_msg("%s did not match %s", hits[i][0], hits[i][1]);
    }
    for (i = 0; i < SFX_COUNT(misses); i++) {
        if (sfx_text_glob(str(misses[i][0]), str(misses[i][1])))
            fail_msg("%s matched %s", misses[i][0], misses[i][1]);
    }
}

/* A pattern of many stars over a long name that almost matches ends before the test's patience. */
static void globs_do_not_explode(void **state)
{
    char name[4096];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_false(
        sfx_text_glob(str("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), sfx_slice(name, sizeof(name))));
    assert_false(sfx_text_glob(str("**a**a*a**a*a**a*a**a**a*b"), sfx_slice(name, sizeof(name))));
}

static void paths_come_apart(void **state)
{
    static const char *const cases[][5] = {
        /* path, dir, base, stem, ext */
        {"in/2026/a.tar.gz", "in/2026", "a.tar.gz", "a.tar", "gz"},
        {"a", ".", "a", "a", ""},
        {"a.b", ".", "a.b", "a", "b"},
        {".profile", ".", ".profile", ".profile", ""},
        {".a.b", ".", ".a.b", ".a", "b"},
        {"a.", ".", "a.", "a.", ""},
        {"/x", "/", "x", "x", ""},
        {"x/", ".", "x", "x", ""},
        {"a//b", "a", "b", "b", ""},
        {"/", "/", "", "", ""},
        {"a.d/b", "a.d", "b", "b", ""},
        {"..", ".", "..", "..", ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct sfx_path_parts parts;

        sfx_path_split(str(cases[i][0]), &parts);
        assert_true(sfx_slice_eq(parts.dir, str(cases[i][1])));
        assert_true(sfx_slice_eq(parts.base, str(cases[i][2])));
        assert_true(sfx_slice_eq(parts.stem, str(cases[i][3])));
        assert_true(sfx_slice_eq(parts.ext, str(cases[i][4])));
    }
}

static void times_are_written_as_rfc_3339(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {INT64_C(1795442709250000000), "2026-11-23T14:05:09.250Z"},
        {INT64_C(1795442709000001000), "2026-11-23T14:05:09.000001Z"},
        {INT64_C(1795442709000000001), "2026-11-23T14:05:09.000000001Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {-INT64_C(1000000000), "1969-12-31T23:59:59Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    char text[SFX_CLOCK_TEXT_NBYTES];
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        assert_int_equal(sfx_clock_format(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void clocks_do_not_step_back(void **state)
{
    int64_t mono = sfx_clock_mono_ns();
    int64_t cpu = sfx_clock_cpu_ns();

    (void)state;
    assert_true(sfx_clock_mono_ns() >= mono);
    assert_true(sfx_clock_cpu_ns() >= cpu);
    assert_true(sfx_clock_wall_ns() > INT64_C(1700000000000000000)); /* this was written later */
}

static void a_short_text_is_found_wherever_it_stands(void **state)
{
    char text[64];
    size_t at, len;

    (void)state;
    for (len = 1; len < 6; len++) {
        for (at = 0; at + len <= sizeof(text); at++) {
            struct sfx_slice part = SFX_SLICE_LIT("ababc");

            part = sfx_slice(part.ptr + part.len - len, len);
            memset(text, 'a', sizeof(text)); /* many places that begin like it */
            memcpy(text + at, part.ptr, len);
            assert_ptr_equal(sfx_text_find(sfx_slice(text, sizeof(text)), part), text + at);
            assert_null(sfx_text_find(sfx_slice(text, at + len - 1), part));
        }
    }
    assert_ptr_equal(sfx_text_find(sfx_slice(text, 3), sfx_slice(NULL, 0)), text);
    assert_null(sfx_text_find(sfx_slice(NULL, 0), SFX_SLICE_LIT("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_ends_where_it_is_broken),
        cmocka_unit_test(utf8_of_every_code_point_reads_back),
        cmocka_unit_test(base64_has_the_values_of_rfc_4648),
        cmocka_unit_test(base64_that_is_not_strict_is_refused_and_leaves_nothing),
        cmocka_unit_test(whole_numbers_are_exact_or_refused),
        cmocka_unit_test(sizes_have_units_of_1024),
        cmocka_unit_test(durations_are_exact_to_the_nanosecond),
        cmocka_unit_test(the_name_that_was_meant_is_found),
        cmocka_unit_test(globs_match_whole_names),
        cmocka_unit_test(globs_do_not_explode),
        cmocka_unit_test(paths_come_apart),
        cmocka_unit_test(times_are_written_as_rfc_3339),
        cmocka_unit_test(clocks_do_not_step_back),
        cmocka_unit_test(a_short_text_is_found_wherever_it_stands),
    };

    return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
