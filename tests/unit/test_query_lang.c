/* SPDX-License-Identifier: MIT */
/* The language: what programs mean, and what is said of those that mean nothing. */
#include "base/size.h"
#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* The value of an expression over one record. */
static void assert_value(const char *expr, const char *expected)
{
    static const char input[] = "id,zip,price,qty,name,ts,empty,flag,odd name\n"
                                "1,00501,75.24,12,\"O \"\"B\"\"\",2026-03-05T10:00:00Z,,true,x\n";
    char program[512], last[512];
    struct query_run run = {.program = program, .input = {input, sizeof(input) - 1}, .to = "tsv"};
    size_t len;

    (void)snprintf(program, sizeof(program), "result = %s | select result", expr);
    if (query_run(&run) != 0)
        fail_msg("%s: %s", expr, run.err.text);
    len = run.output.len - strlen("result\n") - 1;
    (void)snprintf(last, sizeof(last), "%.*s", (int)len, run.output.data + strlen("result\n"));
    if (strcmp(last, expected) != 0)
        fail_msg("%s is %s, not %s", expr, last, expected);
    sfx_buf_done(&run.output);
}

static void values(void **state, const char *const (*pairs)[2], size_t count)
{
    size_t i;

    (void)state;
    for (i = 0; i < count; i++)
        assert_value(pairs[i][0], pairs[i][1]);
}

static void operators_bind_as_documented(void **state)
{
    static const char *const pairs[][2] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"10 - 2 - 3", "5"},
        {"-2 * -3", "6"},
        {"2 + -price", "-73.24"},
        {"7 % 4 * 2", "6"},
        {"empty ?? 2 + 3", "5"},
        {"1 + 1 ?? 5", "2"},
        {"1 < 2 and 3 < 2 or 2 < 3", "true"},
        {"not 1 < 2 or 1 = 1", "true"},
        {"not (1 < 2 or 1 = 1)", "false"},
        {"qty = 12", "true"},
        {"qty == 12", "true"},
        {"qty in (1, 12.0)", "true"},
        {"qty not in (1, 2)", "true"},
        {"name ~ \"^O\" and name ~ \"B.$\"", "true"},
        {"`odd name` = \"x\"", "true"},
        {"'it''s'", "it's"},
        {"\"say \"\"hi\"\"\"", "say \"hi\""},
        {"1 + # a comment\n2", "3"},
    };

    values(state, pairs, SFX_COUNT(pairs));
}

static void types_follow_the_operator(void **state)
{
    static const char *const pairs[][2] = {
        {"zip = \"00501\"", "true"},
        {"zip = 501", "true"},
        {"zip = \"501\"", "false"},
        {"price > 9", "true"},
        {"price > \"9\"", "false"},   /* bytes: 7 before 9 */
        {"price < qty", "false"},     /* columns: bytes, 7 after 1 */
        {"num(qty) < price", "true"}, /* one side is a number */
        {"price * 1 > qty", "true"},  /* arithmetic makes numbers */
        {"text(qty) < text(price)", "true"},
        {"flag", "true"},
        {"flag and true", "true"},
        {"if(flag, price, 0)", "75.24"},
        {"price ?? 0", "75.24"},
        {"empty ?? 0", "0"},
        {"qty in (\"12\")", "true"},
    };

    values(state, pairs, SFX_COUNT(pairs));
}

static void null_has_its_rules(void **state)
{
    static const char *const pairs[][2] = {
        {"empty + 1", ""},
        {"empty = \"\"", "true"}, /* an empty field is an empty text */
        {"empty = null", "true"},
        {"price != null", "true"},
        {"empty < 5", "false"},
        {"empty != 5", "false"},
        {"not empty < 5", "true"},
        {"coalesce(null, empty, \"x\", \"y\")", "x"},
        {"name? + 1", ""},
        {"(1 / 0)?", ""},
        {"name? > 5", "false"},
        {"num(name)? ?? 7", "7"},
        {"concat(name, null, 1)", "O \"B\"1"},
        {"length(empty)", "0"},
    };

    values(state, pairs, SFX_COUNT(pairs));
}

static void functions_do_what_they_say(void **state)
{
    static const char *const pairs[][2] = {
        {"round(price * qty, 1)", "902.9"},
        {"round(2.5)", "3"},
        {"round(1250, -2)", "1300"},
        {"floor(-1.5)", "-2"},
        {"ceil(1.2)", "2"},
        {"abs(-3.50)", "3.50"},
        {"lower(\"ÄBC\")", "äbc"},
        {"upper(name)", "O \"B\""},
        {"trim(\"  a b\t\")", "a b"},
        {"length(\"größe\")", "5"},
        {"substr(\"größe\", 3)", "öße"},
        {"substr(\"größe\", 3, 2)", "öß"},
        {"substr(\"abc\", 9)", ""},
        {"replace(\"banana\", \"an\", \"<>\")", "b<><>a"},
        {"replace(\"banana\", \"\", \"x\")", "banana"},
        {"concat(zip, \"-\", price * 2)", "00501-150.48"},
        {"contains(name, \"B\")", "true"},
        {"starts_with(name, \"O \")", "true"},
        {"ends_with(name, \"O\")", "false"},
        {"num(\"1e3\")", "1000"},
        {"decimal(\"$1,234.50\", strip \"$,\")", "1234.50"},
        {"if(price > 100, \"big\", \"small\")", "small"},
        {"year(ts)", "2026"},
        {"month(ts)", "2026-03"},
        {"day(ts)", "2026-03-05"},
        {"day(\"2024-02-29 10:00\")", "2024-02-29"},
    };

    values(state, pairs, SFX_COUNT(pairs));
}

static void what_is_not_needed_is_not_evaluated(void **state)
{
    static const char *const pairs[][2] = {
        {"name = \"nobody\" and num(name) > 5", "false"},
        {"flag or num(name) > 5", "true"},
        {"if(flag, 1, num(name))", "1"},
        {"price ?? num(name)", "75.24"},
    };

    values(state, pairs, SFX_COUNT(pairs));
}

static void newlines_end_stages_where_something_can_begin(void **state)
{
    static const char input[] = "a,b\n1,2\n3,4\n";
    struct query_run run = {
        .program =
            "# clean\n\nwhere a > 1\n  and b > 1\nc = a +\n b,\n d = (\n1\n)\n| select c, d\n",
        .input = {input, sizeof(input) - 1},
    };

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "c,d\n7,1\n");
    sfx_buf_done(&run.output);
}

static void an_empty_program_changes_no_byte(void **state)
{
    static const char input[] = "id,\"q\"\r\n007,\"a\"\"b\"\r\n1.50,\"x\ny\"\r\n";
    static const char *const programs[] = {"", " \n# nothing\n", "|", "where true", "head 9"};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run run = {.program = programs[i], .input = {input, sizeof(input) - 1}};

        assert_int_equal(query_run(&run), 0);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), input);
        sfx_buf_done(&run.output);
    }
}

static void errors_point_at_the_place(void **state)
{
    static const struct {
        const char *program, *text, *note;
    } cases[] = {
        {"where pricee > 3", "there is no column pricee: did you mean price?",
         "  where pricee > 3\n        ^"},
        {"where price >", "a column, a value or a function is expected here",
         "  where price >\n               ^"},
        {"x = truncate(price)", "there is no function truncate(); there is trunc, date_trunc",
         "  x = truncate(price)\n      ^"},
        {"x = roudn(price)", "there is no function roudn(): did you mean round?",
         "  x = roudn(price)\n      ^"},
        {"whre price > 1", "there is no verb whre: did you mean where?", "  whre price > 1\n  ^"},
        {"x = 1 |\nsort y | haed 3", "there is no verb haed: did you mean head?",
         "  sort y | haed 3\n           ^"},
        {"x = round(1, 2, 3)", "round takes other arguments: round(x[, n])",
         "  x = round(1, 2, 3)\n      ^"},
        {"where a || b", "write or instead of ||", "  where a || b\n          ^"},
        {"where \"abc", "a string is not closed", "  where \"abc\n        ^"},
        {"where name ~ \"(\"", "regular expression: missing closing parenthesis",
         "  where name ~ \"(\"\n                 ^"},
        {"where 1 < price < 3", "comparisons do not chain: join them with and",
         "  where 1 < price < 3\n                  ^"},
        {"group zip: x = avg(price)", "avg is no aggregate",
         "  group zip: x = avg(price)\n                 ^"},
        {"group zip: maen(price)", "maen is no aggregate: did you mean mean?",
         "  group zip: maen(price)\n             ^"},
        {"group zip: sum(price * 2)", "an aggregate of an expression needs a name: name = sum(…)",
         "  group zip: sum(price * 2)\n             ^"},
        {"where price in (1, \"a\")", "numbers and texts do not mix in one list",
         "  where price in (1, \"a\")\n              ^"},
        {"x = 12abc", "12abc is not a number; odd column names stand in backticks",
         "  x = 12abc\n      ^"},
        {"größe = ün", "there is no column ün", "  größe = ün\n          ^"},
        {"head x", "a whole number is expected here", "  head x\n       ^"},
        {"filter price > 1", "there is no verb filter: did you mean where?",
         "  filter price > 1\n  ^"},
        {"SELECT zip", "there is no verb SELECT: did you mean select?", "  SELECT zip\n  ^"},
        {"sort price desc", "keys ascend; with - in front they descend: -KEY",
         "  sort price desc\n             ^"},
        {"x = lower(name", "\")\" is expected before the stage ends",
         "  x = lower(name\n                ^"},
        {"group",
         "\":\" is expected before the stage ends; group is written: group [[by] KEY[, …]]: "
         "[NAME =] AGGREGATE [where CONDITION][, …]",
         "  group\n       ^"},
    };
    static const char input[] = "price,zip,name\n1,2,3\n";
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i].program, .input = {input, sizeof(input) - 1}};

        assert_int_equal(query_run(&run), SFX_E_USAGE);
        assert_string_equal(run.err.text, cases[i].text);
        assert_string_equal(run.err.note, cases[i].note);
        sfx_buf_done(&run.output);
    }
}

static void a_hostile_program_is_refused_not_followed(void **state)
{
    enum { DEPTH = 100000 };
    static char program[2 * DEPTH + 16];
    struct query_run run = {.program = program};

    (void)state;
    memset(program, '(', DEPTH);
    memcpy(program, "x = ", 4);
    assert_int_equal(query_run(&run), SFX_E_USAGE);
    assert_string_equal(run.err.text, "nested too deep");
    memset(program, '-', DEPTH);
    memcpy(program, "x = ", 4);
    assert_int_equal(query_run(&run), SFX_E_USAGE);
    memset(program, 0, sizeof(program));
    memcpy(program, "x = 1", 5);
    for (size_t i = 5; i < sizeof(program) - 2; i += 2)
        memcpy(program + i, "+1", 2);
    assert_int_equal(query_run(&run), SFX_E_USAGE);
    assert_string_equal(run.err.text, "the expression is too long");
}

static void a_plan_says_what_streams_and_what_blocks(void **state)
{
    static const char text[] = "where a > 1 | sort -num(b) | head 3";
    struct sfx_program *program = sfx_program_new(text, sizeof(text) - 1, NULL, NULL);
    struct sfx_buf plan = {0};

    (void)state;
    assert_non_null(program);
    assert_int_equal(sfx_program_explain(program, &plan, NULL), 0);
    assert_non_null(strstr(sfx_buf_cstr(&plan, NULL), "1. where a > 1\n   streaming"));
    assert_non_null(strstr(plan.data, "2. sort -num(b)\n   blocking"));
    assert_non_null(strstr(plan.data, "3. head 3\n   streaming"));
    sfx_buf_done(&plan);
    sfx_program_free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_documented),
        cmocka_unit_test(types_follow_the_operator),
        cmocka_unit_test(null_has_its_rules),
        cmocka_unit_test(functions_do_what_they_say),
        cmocka_unit_test(what_is_not_needed_is_not_evaluated),
        cmocka_unit_test(newlines_end_stages_where_something_can_begin),
        cmocka_unit_test(an_empty_program_changes_no_byte),
        cmocka_unit_test(errors_point_at_the_place),
        cmocka_unit_test(a_hostile_program_is_refused_not_followed),
        cmocka_unit_test(a_plan_says_what_streams_and_what_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
