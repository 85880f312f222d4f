/* SPDX-License-Identifier: MIT */
/* Selectors, and the verbs that choose, name, order, split and merge columns. */
#include "query_assert.h"

#include <stdio.h>

static void gives(const char *format, const char *program, const char *input, const char *expected)
{
    query_gives(
        &(struct query_run){
            .program = program, .from = format, .to = format, .input = sfx_slice_str(input)},
        expected);
}

/* Wants the error, and the place that the caret shows. */
static void refuses(const char *program, const char *input, const char *message, size_t column)
{
    struct query_run run = {.program = program, .input = sfx_slice_str(input)};
    const char *caret;

    if (query_run(&run) != SFX_E_USAGE)
        fail_msg("%s: is not refused: %s", program, run.err.text);
    assert_string_equal(run.err.text, message);
    caret = strrchr(run.err.note, '\n');
    assert_non_null(caret);
    assert_int_equal(strlen(caret + 1), 2 + column + 1);
    sfx_buf_done(&run.output);
}

#define WIDE "id,price_a,price_b,name,q1,q2,q9,a/b\n1,2,3,4,5,6,7,8\n"

static void selectors_choose_columns(void **state)
{
    static const char *const cases[][2] = {
        {"select price_*", "price_a,price_b\n2,3\n"},
        {"select q[1-4], id", "q1,q2,id\n5,6,1\n"},
        {"select *b", "price_b,a/b\n3,8\n"},
        {"select a*", "a/b\n8\n"},
        {"select q?", "q1,q2,q9\n5,6,7\n"},
        {"select name..q2", "name,q1,q2\n4,5,6\n"},
        {"select q2..name", "q2,q1,name\n6,5,4\n"},
        {"select q2..", "q2,q9,a/b\n6,7,8\n"},
        {"select ..price_a", "id,price_a\n1,2\n"},
        {"select /^p.*b$/, /NAME/i", "price_b,name\n3,4\n"},
        {"select /a\\/b/", "a/b\n8\n"},
        {"select /\\//", "a/b\n8\n"},
        {"select 2, 1", "price_a,id\n2,1\n"},
        {"select 3..4, `a/b`", "price_b,name,a/b\n3,4,8\n"},
        {"select 7..", "q9,a/b\n7,8\n"},
        {"select `a/b`..7", "a/b,q9\n8,7\n"},
        {"select name, *", "name,id,price_a,price_b,q1,q2,q9,a/b\n4,1,2,3,5,6,7,8\n"},
        {"select *, id, name | select 6..", "a/b,id,name\n8,1,4\n"},
        {"select *, -price_*, -/q/", "id,name,a/b\n1,4,8\n"},
        {"select -1, -3..8", "price_a\n2\n"},
        {"select id, name, id", "id,name\n1,4\n"},
        {"select nosuch*, id", "id\n1\n"},
        {"select x = id, id, y = id", "x,id,y\n1,1,1\n"},
        {"select x = id, * | select 1..2", "x,price_a\n1,2\n"},
        {"select id, total = price_a * q9, n = 7", "id,total,n\n1,14,7\n"},
        {"select id = id + 1, q1", "id,q1\n2,5\n"},
        {"select *\nhead 1 | select 1", "id\n1\n"},
        {"drop price_*, q1..", "id,name\n1,4\n"},
        {"drop -id", "id\n1\n"},
        {"drop nosuch* | select 1", "id\n1\n"},
        {"reorder q9, name | select 1..3", "q9,name,id\n7,4,1\n"},
        {"reorder id last | select 7..", "a/b,id\n8,1\n"},
        {"reorder q* after id | select 1..5", "id,q1,q2,q9,price_a\n1,5,6,7,2\n"},
        {"reorder name before 1 | select ..id", "name,id\n4,1\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives("csv", cases[i][0], WIDE, cases[i][1]);
}

static void a_program_that_names_no_column_is_refused(void **state)
{
    (void)state;
    refuses("select id, nmae", WIDE, "there is no column nmae: did you mean name?", 11);
    refuses("drop price_c", WIDE, "there is no column price_c: did you mean price_a?", 5);
    refuses("select 9", WIDE, "there is no column 9: there are 8", 7);
    refuses("select id..nosuch", WIDE, "there is no column nosuch", 11);
    refuses("select nosuch*", WIDE, "select leaves no column", 0);
    refuses("drop *", WIDE, "drop leaves no column", 0);
    refuses("select", WIDE, "a column is expected here", 6);
    refuses("select id, | head 1", WIDE, "a column is expected here", 11);
    refuses("select -", WIDE, "a column is expected here", 8);
    refuses("select (id)", WIDE, "a column is expected here", 7);
    refuses("select /a", WIDE, "a regular expression is not closed: / is missing", 7);
    refuses("select 0", WIDE,
            "0 is no column: positions are whole numbers from 1, odd names stand in backticks", 7);
    refuses("select 1a", WIDE,
            "1a is no column: positions are whole numbers from 1, odd names stand in backticks", 7);
    refuses("select id, x = id, x = name", WIDE, "select gives two columns the name x", 11);
    refuses("reorder id before id", WIDE, "a column is not moved beside itself", 18);
    refuses("reorder id before q*", WIDE, "before is followed by one column", 18);
    refuses("reorder id behind q1", WIDE,
            "behind is not expected here; reorder is written: reorder COLUMNS [first | last | "
            "before COLUMN | after COLUMN]",
            11);
}

static void a_selection_of_json_follows_the_records(void **state)
{
    static const char input[] = "{\"a\":1,\"x_1\":2}\n{\"x_2\":3,\"a\":4}\n{\"b\":5}\n";

    (void)state;
    gives("jsonl", "select x_*", input, "{\"x_1\":2}\n{\"x_2\":3}\n{}\n");
    gives("jsonl", "select b, a", input, "{\"a\":1}\n{\"a\":4}\n{\"b\":5}\n");
    gives("jsonl", "drop a, nosuch", input, "{\"x_1\":2}\n{\"x_2\":3}\n{\"b\":5}\n");
    gives("jsonl", "reorder a last", input,
          "{\"x_1\":2,\"a\":1}\n{\"x_2\":3,\"a\":4}\n{\"b\":5}\n");
    gives("jsonl", "reorder x_2 after nosuch | select *, -b", input,
          "{\"a\":1,\"x_1\":2}\n{\"x_2\":3,\"a\":4}\n{}\n");
    /* Columns come behind those before: whether the end of a range was met does not matter. */
    gives("jsonl", "redact x_1..b", input,
          "{\"a\":1,\"x_1\":\"***\"}\n{\"a\":4,\"x_2\":\"***\"}\n"
          "{\"b\":\"***\"}\n");
    gives("jsonl", "select x_2..x_1", input, "{\"x_1\":2}\n{\"x_2\":3}\n{}\n");
    gives("jsonl", "select ..b, -a", input, "{\"x_1\":2}\n{\"x_2\":3}\n{\"b\":5}\n");
    gives("jsonl", "select x_2..", input, "{}\n{\"x_2\":3}\n{\"b\":5}\n");
    gives("jsonl", "drop 3..4", input, "{\"a\":1,\"x_1\":2}\n{\"a\":4}\n{}\n");
}

static void texts_are_split_and_merged(void **state)
{
    static const char input[] =
        "id,name,n\n1,Ann Bo Cy,2\n2,\"Dan\",\n3,,4\n4,\"E  \"\"F\"\"\",5\n";
    static const char *const cases[][2] = {
        {"split name by \" \" into a, b", "id,a,b,n\n1,Ann,Bo Cy,2\n2,\"Dan\",,\n3,,,4\n"
                                          "4,E,\" \"\"F\"\"\",5\n"},
        {"split name by / +/ into a, b, c keep | head 1",
         "id,name,a,b,c,n\n1,Ann Bo Cy,Ann,Bo,Cy,2\n"},
        {"split name by /x*/ into a, b | tail 1", "id,a,b,n\n4,\"E  \"\"F\"\"\",,5\n"},
        {"split name by \" \" into name | head 2", "id,name,n\n1,Ann Bo Cy,2\n2,\"Dan\",\n"},
        {"split n by \".\" into n, rest | select n | head 2", "n\n2\n\"\"\n"},
        {"x = num(n) | split x by \".\" into y, z | select y | head 1", "y\n2\n"},
        {"merge name, n into m by \"-\"",
         "id,m\n1,Ann Bo Cy-2\n2,\"Dan\"\n3,4\n4,\"E  \"\"F\"\"-5\"\n"},
        {"merge n, id into m | head 1", "m,name\n21,Ann Bo Cy\n"},
        {"merge n, id into k by \"/\" keep | head 1", "k,id,name,n\n2/1,1,Ann Bo Cy,2\n"},
        {"x = num(n) * 2 | merge x, n into x | select x | head 2", "x\n42\n\"\"\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives("csv", cases[i][0], input, cases[i][1]);
    refuses("split name by / +/ into name, b keep", input, "there is a column name already", 24);
    refuses("split name by \" \" into a, id", input, "there is a column id already", 26);
    refuses("split name into a", input, "by is expected before into", 11);
    refuses("merge n, id into n keep", input, "there is a column n already", 17);
    refuses("merge n into m by /x/", input, "by is followed by a separator, in quotes", 18);
    gives("jsonl", "split a by \",\" into b, c", "{\"a\":\"x,\\u0041\"}\n{\"d\":1}\n{\"a\":null}\n",
          "{\"b\":\"x\",\"c\":\"A\"}\n{\"d\":1}\n{\"b\":null,\"c\":null}\n");
    gives("jsonl", "merge a, b into c by \"+\"",
          "{\"a\":\"\\u0041\",\"b\":[1]}\n{\"b\":2}\n{\"x\":1}\n",
          "{\"c\":\"A+[1]\"}\n{\"c\":2}\n{\"c\":null,\"x\":1}\n");
}

static void columns_are_renamed_by_rules(void **state)
{
    static const char input[] = "Order ID,unitPrice,HTTPCode2,x-y\n1,2,3,4\n";
    static const char *const cases[][2] = {
        {"rename snake_case", "order_id,unit_price,http_code2,x_y\n"},
        {"rename upper of 1..2", "ORDER ID,UNITPRICE,HTTPCode2,x-y\n"},
        {"rename prefix \"p_\"", "p_Order ID,p_unitPrice,p_HTTPCode2,p_x-y\n"},
        {"rename suffix \"_s\" of unit*", "Order ID,unitPrice_s,HTTPCode2,x-y\n"},
        {"rename /([A-Z]+)/i \"<$1>\" of -1", "Order ID,<unitPrice>,<HTTPCode>2,<x>-<y>\n"},
        {"rename / / \"\"", "OrderID,unitPrice,HTTPCode2,x-y\n"},
        {"rename with concat(length(name), \":\", name) of 4",
         "Order ID,unitPrice,HTTPCode2,3:x-y\n"},
        {"rename a = unitPrice, unitPrice = HTTPCode2", "Order ID,a,unitPrice,x-y\n"},
        {"rename unitPrice = unitPrice", "Order ID,unitPrice,HTTPCode2,x-y\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        char expected[256];

        (void)snprintf(expected, sizeof(expected), "%s1,2,3,4\n", cases[i][1]);
        gives("csv", cases[i][0], input, expected);
    }
    refuses("rename x = unitPrice, x = HTTPCode2", input, "rename gives two columns the name x", 7);
    refuses("rename with \"q\" of 1..2", input, "rename gives two columns the name q", 7);
    refuses("rename HTTPCode2 = unitPrice", input, "rename gives two columns the name HTTPCode2",
            7);
    refuses("rename /.*/ \"\"", input, "the column Order ID is left without a name", 7);
    refuses("rename with num(name)", input, "the name Order ID: is not a number", 7);
    refuses("rename with nmae", input, "there is no column nmae: did you mean name?", 12);
    refuses("rename /x/ to", input, "what stands instead is expected here, in quotes", 11);
    refuses("rename /x/ \"$2\"", input, "the regular expression has no group 2", 11);
    refuses("rename unitPrice", input,
            "rename is written new = old, or with a rule for names: snake_case, lower, prefix "
            "\"x_\", /regex/ \"to\", with EXPRESSION",
            7);
    gives("jsonl", "rename prefix \"p_\"", "{\"a\":1}\n{\"b\":2,\"a\":\"x\"}\n",
          "{\"p_a\":1}\n{\"p_a\":\"x\",\"p_b\":2}\n");
}

static void more_columns_than_a_batch_has_rows_are_renamed(void **state)
{
    struct sfx_buf input = {0};
    struct query_run run = {.program = "rename with concat(\"c\", num(name) * 2) | select c2998"};
    unsigned i;

    (void)state;
    for (i = 0; i < 3000; i++)
        assert_int_equal(sfx_buf_printf(&input, NULL, "%s%u", i > 0 ? "," : "", i), 0);
    assert_int_equal(sfx_buf_puts(&input, "\n", NULL), 0);
    for (i = 0; i < 3000; i++)
        assert_int_equal(sfx_buf_printf(&input, NULL, "%s%u", i > 0 ? "," : "", i), 0);
    run.input = sfx_buf_slice(&input);
    if (query_run(&run) != 0)
        fail_msg("%s", run.err.text);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "c2998\n1499\n");
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
}

/* Only the cells that come out are read; which those are must not change a byte of the output. */
static void what_is_not_read_is_not_missed(void **state)
{
    static const char *const programs[] = {
        "select *, -/q/ | head 1",
        "select 2.., -name | select x = q9, q1",
        "drop q* | drop /b/",
        "drop name..q2, a* | reorder id",
        "select price_*, y = concat(name, q1) | drop price_a",
        "rename q1 = q2, q2 = q1 | drop q1",
        "drop id | rename upper | select *_A, Q1",
        "x = q1 * 2 | drop q1 | select x, *b",
        "select -2 | sort name | drop name",
        "drop id | group name: n = count()",
        "select w = name, q* | where w = \"4\" | drop -q9",
        "reorder q9, q1 | select 1..2 | drop q1",
        "select *, id | head 1 | select name",
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(programs); i++) {
        const struct query_run some = {.program = programs[i], .input = SFX_SLICE_LIT(WIDE)};
        struct query_run all = some;

        all.all_cells = true;
        query_same(&some, &all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selectors_choose_columns),
        cmocka_unit_test(a_program_that_names_no_column_is_refused),
        cmocka_unit_test(a_selection_of_json_follows_the_records),
        cmocka_unit_test(what_is_not_read_is_not_missed),
        cmocka_unit_test(texts_are_split_and_merged),
        cmocka_unit_test(columns_are_renamed_by_rules),
        cmocka_unit_test(more_columns_than_a_batch_has_rows_are_renamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
