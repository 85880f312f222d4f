/* SPDX-License-Identifier: MIT */
/* The parse verb: each kind of text, what is not in it, and what does not match. */
#include "query_run.h"

#include "base/size.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct parse_case {
    const char *stage, *text, *json; /* json: the record without the text */
};

/* A record with the text as JSON, so that any text can stand in it. */
static void record_of(char *out, size_t out_nbytes, const char *text)
{
    struct sfx_buf buf = {0};

    assert_int_equal(sfx_json_quote(&buf, sfx_slice_str(text), NULL), 0);
    (void)snprintf(out, out_nbytes, "{\"t\":%.*s}\n", (int)buf.len, buf.data);
    sfx_buf_done(&buf);
}

static void gives(const struct parse_case *c)
{
    char program[512], input[1024], wanted[1024];
    struct query_run run = {.program = program, .from = "jsonl", .to = "jsonl"};

    (void)snprintf(program, sizeof(program), "%s | drop t", c->stage);
    (void)snprintf(wanted, sizeof(wanted), "%s\n", c->json);
    record_of(input, sizeof(input), c->text);
    run.input = sfx_slice_str(input);
    if (query_run(&run) < 0)
        fail_msg("%s over %s: %s", c->stage, c->text, run.err.text);
    if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_slice_str(wanted)))
        fail_msg("%s over %s gives %.*s", c->stage, c->text, (int)run.output.len, run.output.data);
    sfx_buf_done(&run.output);
}

#define CHECK(cases)                                                                               \
    do {                                                                                           \
        size_t i_;                                                                                 \
                                                                                                   \
        for (i_ = 0; i_ < SFX_COUNT(cases); i_++)                                                  \
            gives(&(cases)[i_]);                                                                   \
    } while (0)

static void groups_of_an_expression_are_columns(void **state)
{
    static const struct parse_case cases[] = {
        {"parse t with '(?<a>\\w+)-(?:x|y)-(?<b>\\d+)'", "<k-y-12>", "{\"a\":\"k\",\"b\":\"12\"}"},
        {"parse t with '(?<a>a)|(?<b>b)'", "b", "{\"a\":null,\"b\":\"b\"}"},
        {"parse t with '(?<a>a)(?<b>x*)'", "a", "{\"a\":\"a\",\"b\":\"\"}"},
        {"parse? t with '(?<a>\\d)'", "none", "{\"a\":null}"},
        {"parse t with '(?<a>\\d)'", "", "{\"a\":null}"},
        {"parse lower(t) with '(?<a>.*)'", "ABC", "{\"a\":\"abc\"}"},
    };

    (void)state;
    CHECK(cases);
}

static void templates_cut_at_what_stands_between(void **state)
{
    static const struct parse_case cases[] = {
        {"parse t as '{user}@{host}'", "me@x@y", "{\"user\":\"me\",\"host\":\"x@y\"}"},
        {"parse t as '<{a}>'", "<x>y>", "{\"a\":\"x>y\"}"}, /* the literal is the end */
        {"parse t as '{a}, {}, {b}'", "1, 2, 3", "{\"a\":\"1\",\"b\":\"3\"}"},
        {"parse t as '{{{a}}}'", "{x}", "{\"a\":\"x\"}"},
        {"parse t as '{a} '", " ", "{\"a\":\"\"}"},
        {"parse? t as '{a}-{b}'", "x", "{\"a\":null,\"b\":null}"},
        {"parse? t as 'x{a}'", "yx", "{\"a\":null}"},
        {"parse t clf", "::1 - me [05/Nov/2026:10:00:00 +0100] \"GET / HTTP/1.1\" 200 -",
         "{\"host\":\"::1\",\"ident\":null,\"user\":\"me\",\"time\":\"05/Nov/2026:10:00:00 "
         "+0100\",\"request\":\"GET / HTTP/1.1\",\"status\":\"200\",\"bytes\":null}"},
        {"parse t combined | select status, referer, agent, t",
         "h - - [t] \"GET /\" 200 5 \"-\" \"A \\\"q\\\" (b)\"",
         "{\"status\":\"200\",\"referer\":null,\"agent\":\"A \\\\\\\"q\\\\\\\" (b)\"}"},
    };

    (void)state;
    CHECK(cases);
}

static void members_of_json_keep_their_types(void **state)
{
    static const struct parse_case cases[] = {
        {"parse t json: a, n = b.c, i = \"l[1].k\", last = \"l[-1]\"",
         "{\"a\":1.50,\"b\":{\"c\":\"x\\ny\"},\"l\":[0,{\"k\":true},[]]}",
         "{\"a\":1.50,\"n\":\"x\\ny\",\"i\":true,\"last\":[]}"},
        {"parse t json: a, b, b.c", "{\"b\":null,\"a\":{\"z\":[1]}}",
         "{\"a\":{\"z\":[1]},\"b\":null,\"b.c\":null}"},
        {"parse t json: a", "{\"a\":1,\"a\":2}", "{\"a\":1}"}, /* the first of a name */
        {"parse t json: a = \"/x~1y/0\"", "{\"x/y\":[7]}", "{\"a\":7}"},
        {"parse t json: `a b` = \"\"\"a.b\"\"\"", "{\"a.b\":7}", "{\"a b\":7}"},
        {"parse t json: a = \"[0]\", b = \"$[1].x\"", "[5,{\"x\":6}]", "{\"a\":5,\"b\":6}"},
        {"parse t json: a = \"\\u00e9\", \xC3\xA9", "{\"\\u00e9\":1}",
         "{\"a\":null,\"\xC3\xA9\":1}"},
        {"parse t json: a", "5", "{\"a\":null}"},
        {"parse? t json: a", "{\"a\":1", "{\"a\":null}"},
        {"parse? t json: a", "{\"a\":1}x", "{\"a\":null}"},
        {"parse t json: whole = \"$\"", "[1,2]", "{\"whole\":[1,2]}"},
    };

    (void)state;
    CHECK(cases);
}

static void urls_and_forms_are_taken_apart(void **state)
{
    static const struct parse_case cases[] = {
        {"parse t url", "https://me:pw@example.com:8080/a/b?x=1&y=2#top",
         "{\"scheme\":\"https\",\"user\":\"me:pw\",\"host\":\"example.com\",\"port\":\"8080\","
         "\"path\":\"/a/b\",\"query\":\"x=1&y=2\",\"fragment\":\"top\"}"},
        {"parse t url: host, q = query.search, z = query.none",
         "http://[2001:db8::1]/?search=caf%C3%A9+x&search=2",
         "{\"host\":\"2001:db8::1\",\"q\":\"caf\xC3\xA9 x\",\"z\":null}"},
        {"parse t url: host, port, path", "/only?x#y",
         "{\"host\":null,\"port\":null,\"path\":\"/only\"}"},
        {"parse t url: scheme, path", "mailto:a@b.c", "{\"scheme\":\"mailto\",\"path\":\"a@b.c\"}"},
        {"parse? t url: host", "two words", "{\"host\":null}"},
        {"parse t query: a, b, c", "a=1&b&c=%zz%4", "{\"a\":\"1\",\"b\":\"\",\"c\":\"%zz%4\"}"},
        {"parse t logfmt: level, msg, ok, none",
         "level=info msg=\"a \\\"b\\\"\\n=c\" level=x ok empty=",
         "{\"level\":\"info\",\"msg\":\"a \\\"b\\\"\\n=c\",\"ok\":\"true\",\"none\":null}"},
        {"parse t logfmt: a, b", "a= b=2", "{\"a\":\"\",\"b\":\"2\"}"},
        {"parse? t logfmt: a", "a=\"open", "{\"a\":null}"},
    };

    (void)state;
    CHECK(cases);
}

static void what_does_not_match_is_a_bad_record(void **state)
{
    static const char *const cases[][2] = {
        {"parse a with '(?<x>\\d)'", "does not match the regular expression"},
        {"parse a as '{x}-{y}'", "does not match the template"},
        {"parse a json: x", "is not JSON"},
        {"parse a url", "is not a URL"},
        {"parse a logfmt: x", "has a quote that is not closed"},
        {"parse a clf", "is not a line in the common log format"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i][0],
                                .input = SFX_SLICE_LIT("a\n\"x=\"\" y\"\n")};

        assert_int_equal(query_run(&run), SFX_E_INPUT);
        if (strstr(run.err.text, cases[i][1]) == NULL || strstr(run.err.text, "column a") == NULL)
            fail_msg("%s: %s", cases[i][0], run.err.text);
        sfx_buf_done(&run.output);
    }
}

static void mistakes_in_the_program_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"parse a", "with, as, json"},
        {"parse a jsn: x", "did you mean json?"},
        {"parse a with '(a)'", "named groups"},
        {"parse a with '('", "missing closing parenthesis"},
        {"parse a with '(?<x>a)(?<y>b)' extra", "not expected here"},
        {"parse a as '{x}{y}'", "something must stand between"},
        {"parse a as '{x'", "is not closed"},
        {"parse a as 'x}'", "closes nothing"},
        {"parse a as 'x'", "there is none"},
        {"parse a as '{x}-{x}'", "x is named twice"},
        {"parse a json", "\":\" is expected"},
        {"parse a json: x = \"a..b\"", "is not a path"},
        {"parse a json: x = \"a[z]\"", "is not a path"},
        {"parse a json: x, x", "x is named twice"},
        {"parse a url: hots", "a URL has scheme"},
        {"parse b with '(?<x>.)'", "there is no column b"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i][0], .input = SFX_SLICE_LIT("a\nx\n")};

        assert_int_equal(query_run(&run), SFX_E_USAGE);
        if (strstr(run.err.text, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], run.err.text);
        sfx_buf_done(&run.output);
    }
}

static void new_columns_come_last_and_old_ones_stay(void **state)
{
    struct query_run run = {
        .program = "parse b as '{a}/{c}'",
        .input = SFX_SLICE_LIT("a,b\n1,x/y\n2,\"p/\"\"q\"\n"),
    };

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&run.output),
                             SFX_SLICE_LIT("a,b,c\nx,x/y,y\np,\"p/\"\"q\",\"\"\"q\"\n")));
    sfx_buf_done(&run.output);
}

/* More records than a batch has, some bad, whatever the pieces they come in. */
static void records_come_in_any_pieces(void **state)
{
    static const size_t pieces[] = {0, 1, 4093};
    struct sfx_buf input = {0}, wanted = {0};
    size_t i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&input, "t\n", NULL), 0);
    assert_int_equal(sfx_buf_puts(&wanted, "k,v\n", NULL), 0);
    for (i = 0; i < 2500; i++) {
        assert_int_equal(sfx_buf_printf(&input, NULL, i % 7 == 3 ? "bad\n" : "k%zu=v%zu\n", i, i),
                         0);
        if (i % 7 != 3)
            assert_int_equal(sfx_buf_printf(&wanted, NULL, "k%zu,v%zu\n", i, i), 0);
    }
    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct query_run run = {.program = "parse t as '{k}={v}' | drop t",
                                .input = sfx_buf_slice(&input),
                                .piece = pieces[i],
                                .opts = {.on_error = SFX_ON_ERROR_SKIP}};

        assert_int_equal(query_run(&run), 0);
        assert_true(sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&wanted)));
        assert_int_equal(run.counts.skipped, 357);
        sfx_buf_done(&run.output);
    }
    sfx_buf_done(&input);
    sfx_buf_done(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_an_expression_are_columns),
        cmocka_unit_test(templates_cut_at_what_stands_between),
        cmocka_unit_test(members_of_json_keep_their_types),
        cmocka_unit_test(urls_and_forms_are_taken_apart),
        cmocka_unit_test(what_does_not_match_is_a_bad_record),
        cmocka_unit_test(mistakes_in_the_program_are_told),
        cmocka_unit_test(new_columns_come_last_and_old_ones_stay),
        cmocka_unit_test(records_come_in_any_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
