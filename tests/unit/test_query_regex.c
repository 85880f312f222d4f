/* SPDX-License-Identifier: MIT */
/* Regular expressions: what matches, where a mistake is, and that no pattern hangs a run. */
#include "query_run.h"
#include "value/regex.h"

#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct sfx_regex *compile(const char *pattern)
{
    struct sfx_err err = {0};
    size_t at;
    struct sfx_regex *regex = sfx_regex_new(sfx_slice_str(pattern), &at, &err);

    if (regex == NULL && err.code == SFX_E_UNSUPPORTED)
        skip();
    if (regex == NULL)
        fail_msg("%s: %s", pattern, err.text);
    return regex;
}

/* Wants the first match to be text's bytes [begin, end), or none with begin > end. */
static void finds(const char *pattern, struct sfx_slice text, size_t begin, size_t end)
{
    struct sfx_regex *regex = compile(pattern);
    struct sfx_matcher m = {0};
    int rc = sfx_regex_find(regex, &m, text, 0);

    if (rc != (begin <= end))
        fail_msg("%s on \"%.*s\": %d", pattern, SFX_SLICE_ARG(text), rc);
    if (rc > 0) {
        assert_int_equal(m.spans[0], begin);
        assert_int_equal(m.spans[1], end);
    }
    sfx_matcher_done(&m);
    sfx_regex_free(regex);
}

static void pieces_of_text_need_no_library(void **state)
{
    (void)state;
    finds("abc", SFX_SLICE_LIT("xxabcabc"), 2, 5);
    finds("^abc", SFX_SLICE_LIT("abcabc"), 0, 3);
    finds("^abc", SFX_SLICE_LIT("xabc"), 1, 0);
    finds("abc$", SFX_SLICE_LIT("abcabc"), 3, 6);
    finds("abc$", SFX_SLICE_LIT("abcx"), 1, 0);
    finds("abc$", SFX_SLICE_LIT("abc\n"), 1, 0);
    finds("^abc$", SFX_SLICE_LIT("abc"), 0, 3);
    finds("^abc$", SFX_SLICE_LIT("abcabc"), 1, 0);
    finds("^$", SFX_SLICE_LIT(""), 0, 0);
    finds("^$", SFX_SLICE_LIT("x"), 1, 0);
    finds("", SFX_SLICE_LIT("x"), 0, 0);
    finds("$", SFX_SLICE_LIT("xyz"), 3, 3);
    finds("^", SFX_SLICE_LIT("xyz"), 0, 0);
    finds("1\\.5", SFX_SLICE_LIT("105 1.5"), 4, 7);
    finds("a\\$", SFX_SLICE_LIT("aa$"), 1, 3);
    finds("\xC3\xA9", SFX_SLICE_LIT("caf\xC3\xA9"), 3, 5);
    finds("b", SFX_SLICE_LIT("a\0b"), 2, 3);
}

static void the_same_with_the_library(void **state)
{
    (void)state;
    finds("(?:)abc", SFX_SLICE_LIT("xxabcabc"), 2, 5);
    finds("(?:)abc$", SFX_SLICE_LIT("abc\n"), 1, 0);
    finds("^(?:)$", SFX_SLICE_LIT(""), 0, 0);
    finds("a\\\\$", SFX_SLICE_LIT("a\\"), 0, 2);
    finds("[b]", SFX_SLICE_LIT("a\0b"), 2, 3);
    finds("a.b", SFX_SLICE_LIT("a\nb"), 1, 0);
    finds("(?s)a.b", SFX_SLICE_LIT("a\nb"), 0, 3);
    finds("^.$", SFX_SLICE_LIT("\xC3\xA9"), 0, 2);
    finds("(?i)STRASSE\xC3\x89", SFX_SLICE_LIT("strasse\xC3\xA9"), 0, 9);
    finds("\\w", SFX_SLICE_LIT("\xC3\xA9"), 1, 0);
    finds("(*UCP)\\w", SFX_SLICE_LIT("\xC3\xA9"), 0, 2);
    finds("\\p{Lu}", SFX_SLICE_LIT("a\xC3\x89"), 1, 3);
}

static void bytes_that_are_no_text_match_nothing(void **state)
{
    (void)state;
    finds("^.", SFX_SLICE_LIT("\xFFz"), 1, 0);
    finds("[a-z]+",
          SFX_SLICE_LIT("\xFF\xFE"
                        "abc\xC3"),
          2, 5);
    finds("\\d+$",
          SFX_SLICE_LIT("\xE2\x82"
                        "12"),
          2, 4);
}

static void groups_have_numbers_and_names(void **state)
{
    struct sfx_regex *regex = compile("(?<year>\\d+)-(\\d+)(?<rest>x)?");
    struct sfx_matcher m = {0};

    (void)state;
    assert_int_equal(sfx_regex_ngroups(regex), 3);
    assert_true(sfx_slice_eq(sfx_regex_group_name(regex, 1), SFX_SLICE_LIT("year")));
    assert_int_equal(sfx_regex_group_name(regex, 2).len, 0);
    assert_int_equal(sfx_regex_group(regex, SFX_SLICE_LIT("rest")), 3);
    assert_int_equal(sfx_regex_group(regex, SFX_SLICE_LIT("2")), 2);
    assert_int_equal(sfx_regex_group(regex, SFX_SLICE_LIT("4")), -1);
    assert_int_equal(sfx_regex_group(regex, SFX_SLICE_LIT("day")), -1);
    assert_int_equal(sfx_regex_find(regex, &m, SFX_SLICE_LIT("in 2026-11"), 0), 1);
    assert_int_equal(m.nspans, 3); /* the last group took no part */
    assert_int_equal(m.spans[2], 3);
    assert_int_equal(m.spans[5], 10);
    sfx_matcher_done(&m);
    sfx_regex_free(regex);
}

static size_t count(const char *pattern, const char *text)
{
    struct sfx_regex *regex = compile(pattern);
    struct sfx_regex_walk walk = {0};
    struct sfx_matcher m = {0};

    while (sfx_regex_walk(regex, &m, sfx_slice_str(text), &walk) > 0)
        ;
    sfx_matcher_done(&m);
    sfx_regex_free(regex);
    return walk.nmatches;
}

static void matches_do_not_overlap(void **state)
{
    (void)state;
    assert_int_equal(count("aa", "aaaaa"), 2);
    assert_int_equal(count("a*", "baac"), 3); /* before b, aa, behind c */
    assert_int_equal(count("", "h\xC3\xA9"), 3);
    assert_int_equal(count("(?:)", "h\xC3\xA9"), 3);
    assert_int_equal(count("\\b", "two words"), 4);
    assert_int_equal(count("^a", "aaa"), 1);
    assert_int_equal(count("a$", "aaa"), 1);
    assert_int_equal(count("(?<=a)b", "abab"), 2);
}

static int gives_up(const char *pattern, char byte, size_t len)
{
    struct sfx_regex *regex = compile(pattern);
    char *text = malloc(len + 1);
    struct sfx_matcher m = {0};
    int rc;

    assert_non_null(text);
    memset(text, byte, len);
    text[len] = '!';
    rc = sfx_regex_find(regex, &m, sfx_slice(text, len + 1), 0);
    free(text);
    sfx_matcher_done(&m);
    sfx_regex_free(regex);
    return rc;
}

static void a_hostile_pattern_does_not_hang(void **state)
{
    (void)state;
    assert_int_equal(gives_up("^(a+)+$", 'a', 40), SFX_E_LIMIT);
    assert_int_equal(gives_up("(a|aa)+$", 'a', 200), SFX_E_LIMIT);
    assert_int_equal(gives_up("(x+x+)+[yz]", 'x', 60), SFX_E_LIMIT);
    assert_int_equal(gives_up("[^!]+!", 'a', 300000), 1); /* long but sane */
    assert_int_equal(gives_up("!$", 'a', 300000), 1);
    assert_int_equal(gives_up("\\d", 'a', 300000), 0);
}

/* Runs program over a record and wants an error with the caret under place. */
static void points_at(const char *program, const char *message, const char *place)
{
    struct sfx_err err = {0};
    struct sfx_program *p = sfx_program_new(program, strlen(program), NULL, &err);
    const char *caret;

    assert_null(p);
    if (err.code == SFX_E_UNSUPPORTED)
        skip();
    assert_int_equal(err.code, SFX_E_USAGE);
    if (strstr(err.text, message) == NULL)
        fail_msg("%s: %s", program, err.text);
    caret = strrchr(err.note, '\n');
    assert_non_null(caret);
    assert_int_equal(strlen(caret + 1) - 3, (size_t)(place - program));
}

static void a_mistake_is_pointed_at(void **state)
{
    static const char paren[] = "where a ~ \"x(y\"", quotes[] = "where a ~ \"\"\"\"\"[z\"",
                      number[] = "where a ~ 5";

    (void)state;
    points_at(paren, "missing closing parenthesis", strchr(paren, 'y') + 1);
    points_at(quotes, "missing terminating ]", strchr(quotes, 'z') + 1);
    points_at(number, "a regular expression", strchr(number, '5'));
}

static void a_search_that_gives_up_is_the_rows_error(void **state)
{
    struct query_run run = {
        .program = "where a ~ \"^(a+)+$\"",
        .input = SFX_SLICE_LIT("a\naa\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\naaa\n"),
        .opts = {.on_error = SFX_ON_ERROR_SKIP},
    };

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&run.output), SFX_SLICE_LIT("a\naa\naaa\n")));
    assert_int_equal(run.counts.skipped, 1);
    sfx_buf_done(&run.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_text_need_no_library),
        cmocka_unit_test(the_same_with_the_library),
        cmocka_unit_test(bytes_that_are_no_text_match_nothing),
        cmocka_unit_test(groups_have_numbers_and_names),
        cmocka_unit_test(matches_do_not_overlap),
        cmocka_unit_test(a_hostile_pattern_does_not_hang),
        cmocka_unit_test(a_mistake_is_pointed_at),
        cmocka_unit_test(a_search_that_gives_up_is_the_rows_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
