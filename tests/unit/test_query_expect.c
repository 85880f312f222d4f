/* SPDX-License-Identifier: MIT */
/* Rules of data quality: what each word does to a record, and what is counted. */
#include "base/size.h"
#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define STOCK "id,qty,unit\n1,2,kg\n2,-5,\n3,,kg\n4,many,l\n"

/* Keeps the rejects' lines. */
static int keep(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    return sfx_reject_write(r, ctx, err);
}

static void assert_rule(const char *program, const char *output, const char *counts)
{
    static const size_t pieces[] = {0, 1};
    size_t i;

    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct sfx_buf rejects = {0}, seen = {0};
        struct sfx_reject_sink sink = {keep, &rejects};
        struct sfx_rules rules = {0};
        struct query_run run = {.program = program,
                                .input = SFX_SLICE_LIT(STOCK),
                                .piece = pieces[i],
                                .opts = {.rules = &rules, .rejects = &sink}};

        if (query_run(&run) != 0)
            fail_msg("%s: %s", program, run.err.text);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), output);
        assert_int_equal(sfx_rules_write(&rules, &seen, NULL), 0);
        assert_string_equal(sfx_buf_cstr(&seen, NULL), counts);
        sfx_buf_done(&run.output);
        sfx_buf_done(&rejects);
        sfx_buf_done(&seen);
        sfx_rules_done(&rules);
    }
}

static void each_word_does_what_it_says_and_is_counted(void **state)
{
    (void)state;
    assert_rule("expect pos: qty > 0 warn", STOCK,
                "[{\"name\":\"pos\",\"action\":\"warn\",\"checked\":4,\"failed\":3,\"fixed\":0}]");
    assert_rule("expect pos: qty > 0 skip", "id,qty,unit\n1,2,kg\n",
                "[{\"name\":\"pos\",\"action\":\"skip\",\"checked\":4,\"failed\":3,\"fixed\":0}]");
    assert_rule("expect pos: qty > 0 reject", "id,qty,unit\n1,2,kg\n",
                "[{\"name\":\"pos\",\"action\":\"reject\",\"checked\":4,\"failed\":3,"
                "\"fixed\":0}]");
    assert_rule("expect `has unit`: unit != null fix unit = \"kg\", qty = abs(qty)",
                "id,qty,unit\n1,2,kg\n2,5,kg\n3,,kg\n4,many,l\n",
                "[{\"name\":\"has unit\",\"action\":\"fix\",\"checked\":4,\"failed\":1,"
                "\"fixed\":1}]");
}

static void a_condition_that_cannot_be_evaluated_is_broken_whatever_stands_around_it(void **state)
{
    (void)state;
    assert_rule("expect small: not (qty > 5) skip | select id", "id\n1\n2\n3\n",
                "[{\"name\":\"small\",\"action\":\"skip\",\"checked\":4,\"failed\":1,"
                "\"fixed\":0}]");
}

static void a_fixed_column_is_seen_by_what_follows_and_the_others_keep_their_bytes(void **state)
{
    (void)state;
    assert_rule("expect known: unit in (\"kg\", \"l\") fix unit = \"?\", id = \"<\" | "
                "select unit, id | where text(id) != \"3\"",
                "unit,id\nkg,1\n?,<\nl,4\n",
                "[{\"name\":\"known\",\"action\":\"fix\",\"checked\":4,\"failed\":1,"
                "\"fixed\":1}]");
}

static void what_cannot_be_fixed_is_a_bad_record(void **state)
{
    struct query_run run = {.program = "expect p: qty > 0 fix qty = qty + 1",
                            .input = SFX_SLICE_LIT(STOCK),
                            .opts = {.on_error = SFX_ON_ERROR_SKIP}};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "id,qty,unit\n1,2,kg\n2,-4,\n3,,kg\n");
    assert_int_equal(run.counts.skipped, 1);
    sfx_buf_done(&run.output);
}

static void a_broken_rule_ends_the_run_at_the_record_by_default(void **state)
{
    static const char *const programs[] = {"expect pos: qty > 0", "expect pos: qty > 0 fail"};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run run = {.program = programs[i], .input = SFX_SLICE_LIT(STOCK)};

        if (i == 1) /* a word of its own is stronger than --on-error */
            run.opts.on_error = SFX_ON_ERROR_SKIP;
        assert_int_equal(query_run(&run), SFX_E_INPUT);
        assert_string_equal(run.err.text, "in: line 3, offset 19: column qty: \"-5\" breaks the "
                                          "rule pos: qty > 0");
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), "id,qty,unit\n1,2,kg\n");
        sfx_buf_done(&run.output);
    }
}

static void a_reject_names_its_rule(void **state)
{
    struct sfx_buf rejects = {0};
    struct sfx_reject_sink sink = {keep, &rejects};
    struct query_run run = {.program = "total = qty * 2 | expect low: total < 0 reject",
                            .input = SFX_SLICE_LIT("qty\n-1\n3\n"),
                            .opts = {.rejects = &sink}};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&rejects, NULL),
                        "{\"input\":\"in\",\"line\":3,\"offset\":7,\"column\":\"total\","
                        "\"value\":\"6\",\"code\":\"input\",\"reason\":\"breaks the rule low: "
                        "total < 0\",\"rule\":\"low\",\"raw\":\"3\"}\n");
    assert_int_equal(run.counts.rejected, 1);
    sfx_buf_done(&rejects);
    sfx_buf_done(&run.output);
}

static void misuse_is_told_where_it_stands(void **state)
{
    static const char *const cases[][2] = {
        {"expect qty > 0", "\":\" is expected before >"},
        {"expect a: qty > 0 perhaps", "fail, skip, reject, warn or fix, not perhaps"},
        {"expect a: qty > 0 fix", "a column name is expected here"},
        {"expect a: qty > 0 fix qtyy = 1", "no column qtyy"},
        {"expect a: qty > 0 reject", "no file for rejects"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i][0], .input = SFX_SLICE_LIT(STOCK)};

        assert_int_equal(query_run(&run), SFX_E_USAGE);
        if (strstr(run.err.text, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], run.err.text);
        sfx_buf_done(&run.output);
    }
}

static void rules_count_over_many_batches(void **state)
{
    struct sfx_rules rules = {0};
    struct sfx_buf input = {0};
    struct query_run run = {.program = "expect even: n % 2 = 0 warn | group: n = count()",
                            .opts = {.rules = &rules}};
    int i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&input, "n\n", NULL), 0);
    for (i = 0; i < 5000; i++)
        assert_int_equal(sfx_buf_printf(&input, NULL, "%d\n", i), 0);
    run.input = sfx_buf_slice(&input);
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "n\n5000\n");
    assert_int_equal(rules.items[0]->checked, 5000);
    assert_int_equal(rules.items[0]->failed, 2500);
    sfx_rules_done(&rules);
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_does_what_it_says_and_is_counted),
        cmocka_unit_test(a_condition_that_cannot_be_evaluated_is_broken_whatever_stands_around_it),
        cmocka_unit_test(a_fixed_column_is_seen_by_what_follows_and_the_others_keep_their_bytes),
        cmocka_unit_test(what_cannot_be_fixed_is_a_bad_record),
        cmocka_unit_test(a_broken_rule_ends_the_run_at_the_record_by_default),
        cmocka_unit_test(a_reject_names_its_rule),
        cmocka_unit_test(misuse_is_told_where_it_stands),
        cmocka_unit_test(rules_count_over_many_batches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
