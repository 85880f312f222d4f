/* SPDX-License-Identifier: MIT */
/* Verbs that keep, order, repeat, number and fill records. */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>

static void gives(const char *format, const char *program, const char *input, const char *expected)
{
    query_gives(
        &(struct query_run){
            .program = program, .from = format, .to = format, .input = sfx_slice_str(input)},
        expected);
}

static void refuses(const char *program, const char *input, const char *message)
{
    query_fails(&(struct query_run){.program = program, .input = sfx_slice_str(input)}, SFX_E_USAGE,
                message);
}

#define SIX "id,k\n1,a\n2,a\n3,b\n4,\"a\"\n5,b\n6,\n"

static void records_are_kept_by_their_number(void **state)
{
    static const char *const cases[][2] = {
        {"head 2", "id,k\n1,a\n2,a\n"},
        {"head 1 by k", "id,k\n1,a\n3,b\n6,\n"},
        {"head 2 by k | select id", "id\n1\n2\n3\n5\n6\n"},
        {"head 0 by k", "id,k\n"},
        {"head 2 by num(id) > 3, k | select id", "id\n1\n2\n3\n4\n5\n6\n"},
        {"tail 2", "id,k\n5,b\n6,\n"},
        {"tail 0", "id,k\n"},
        {"tail 9 | select id", "id\n1\n2\n3\n4\n5\n6\n"},
        {"tail 1 by k", "id,k\n4,\"a\"\n5,b\n6,\n"},
        {"tail 2 by k | select id", "id\n2\n3\n4\n5\n6\n"},
        {"nth 2 | select id", "id\n2\n4\n6\n"},
        {"nth 2 from 1 | select id", "id\n1\n3\n5\n"},
        {"nth 4 from 5 | select id", "id\n5\n"},
        {"nth 7", "id,k\n"},
        {"where false | tail 3", "id,k\n"},
        {"sample 100%", SIX},
        {"sample 1.0", SIX},
        {"sample 0%", "id,k\n"},
        {"sample 6", SIX},
        {"sample 0", "id,k\n"},
        {"sample 9 by k | where k = \"a\"", "id,k\n1,a\n2,a\n4,\"a\"\n"},
        {"reverse", "id,k\n6,\n5,b\n4,\"a\"\n3,b\n2,a\n1,a\n"},
        {"reverse | head 1", "id,k\n6,\n"},
        {"reverse | reverse", SIX},
        {"shuffle | sort num(id)", SIX},
        {"number | head 1", "n,id,k\n1,1,a\n"},
        {"where k = \"b\" | number nr from 0.5 step -1", "nr,id,k\n0.5,3,b\n-0.5,5,b\n"},
        {"number x | where x > 5 | y = x * 2", "x,id,k,y\n6,6,,12\n"},
        {"tee \"f\" | tail 1", "id,k\n6,\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives("csv", cases[i][0], SIX, cases[i][1]);
}

static void numbers_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    refuses("nth 0", SIX, "a whole number from 1 is expected here");
    refuses("tail -1", SIX, "a whole number is expected here");
    refuses("sample 101%", SIX, "a sample is N records, a fraction below 1, or at most 100%");
    refuses("sample 1.5", SIX, "a sample is N records, a fraction below 1, or at most 100%");
    refuses("sample 0.0000000000000000001", SIX, "a fraction has at most 18 digits");
    refuses("sample x", SIX, "a whole number is expected here");
    refuses("shuffle seed x", SIX, "a whole number is expected here");
    refuses("number id", SIX, "there is a column id already: number NAME gives another name");
    refuses("number x from y", SIX, "a number is expected here");
    refuses("head 1 by nosuch", SIX, "there is no column nosuch");
    refuses("tee", SIX, "tee is followed by the name of a file, in quotes");
}

static void blank_cells_are_filled(void **state)
{
    static const char holes[] = "a,b,c\n,1,\nx,,\n,\"\",2\n\"y\",3,\n,,\n";
    static const char *const cases[][2] = {
        {"fill a down", "a,b,c\n,1,\nx,,\nx,\"\",2\n\"y\",3,\n\"y\",,\n"},
        {"fill a, b down", "a,b,c\n,1,\nx,1,\nx,1,2\n\"y\",3,\n\"y\",3,\n"},
        {"fill * up", "a,b,c\nx,1,2\nx,3,2\n\"y\",3,2\n\"y\",3,\n,,\n"},
        {"fill b..c with 0", "a,b,c\n,1,0\nx,0,0\n,0,2\n\"y\",3,0\n,0,0\n"},
        {"fill a with \"a,b\"", "a,b,c\n\"a,b\",1,\nx,,\n\"a,b\",\"\",2\n\"y\",3,\n\"a,b\",,\n"},
        {"fill c with b", "a,b,c\n,1,1\nx,,\n,\"\",2\n\"y\",3,3\n,,\n"},
        {"n = num(c) | fill n down | select n | where n > 1", "n\n2\n2\n2\n"},
        {"n = num(b) | fill n up | m = n + 1 | select m", "m\n2\n4\n4\n4\n\"\"\n"},
        {"n = num(b) | fill n with 0 | m = n + 1 | select m", "m\n2\n1\n1\n4\n1\n"},
        {"fill nosuch* with 1 | head 1", "a,b,c\n,1,\n"},
        {"fill * up | head 1", "a,b,c\nx,1,2\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives("csv", cases[i][0], holes, cases[i][1]);
    refuses("fill a", holes, "down, up or with is expected before the stage ends");
    refuses("fill nosuch up", holes, "there is no column nosuch");
    refuses("fill nosuch with 1", holes, "there is no column nosuch");
}

static void json_is_filled_record_by_record(void **state)
{
    static const char input[] =
        "{\"a\":1}\n{\"x_1\":null,\"a\":\"\"}\n{\"b\":\"q\\u0041\",\"a\":[]}\n"
        "{\"a\":2}\n";

    (void)state;
    gives("jsonl", "fill b with 0", input,
          "{\"a\":1,\"b\":0}\n{\"a\":\"\",\"x_1\":null,\"b\":0}\n"
          "{\"b\":\"q\\u0041\",\"a\":[]}\n{\"a\":2,\"b\":0}\n");
    gives("jsonl", "fill x_*, a with \"?\"", input,
          "{\"a\":1}\n{\"a\":\"\",\"x_1\":\"?\"}\n{\"b\":\"q\\u0041\",\"a\":[]}\n{\"a\":2}\n");
    gives("jsonl", "fill b down", input,
          "{\"a\":1}\n{\"x_1\":null,\"a\":\"\"}\n{\"b\":\"q\\u0041\",\"a\":[]}\n"
          "{\"a\":2,\"b\":\"q\\u0041\"}\n");
    gives("jsonl", "fill b up | select b", input,
          "{\"b\":\"q\\u0041\"}\n{\"b\":\"q\\u0041\"}\n{\"b\":\"q\\u0041\"}\n{}\n");
}

static void cells_become_records(void **state)
{
    static const char tags[] = "id,tag,n\n1,a;b;,5\n2,\"c\",6\n3,,7\n4,\"d;\"\"e\"\"\",8\n"
                               "5,\"[1, \"\"x\"\"]\",9\n";
    static const char json[] = "{\"a\":[1,\"x\\n\",null,[2]],\"b\":0}\n{\"b\":1}\n{\"a\":[]}\n"
                               "{\"a\":\"p;q\"}\n{\"a\":{\"k\":[1]}}\n";

    (void)state;
    gives("csv", "explode tag by \";\"", tags,
          "id,tag,n\n1,a,5\n1,b,5\n1,,5\n2,\"c\",6\n3,,7\n4,d,8\n4,\"\"\"e\"\"\",8\n"
          "5,\"[1, \"\"x\"\"]\",9\n");
    gives("csv", "explode tag by /[;\"]+/ | where id in (\"1\", \"4\") | select tag", tags,
          "tag\na\nb\n\"\"\nd\ne\n\"\"\n");
    gives("csv", "m = num(n) | explode tag | where id = \"5\" | x = m + 1", tags,
          "id,tag,n,m,x\n5,1,9,9,10\n5,x,9,9,10\n");
    gives("csv", "n = num(n) | explode n by \"0\" | where id = \"3\"", tags, "id,tag,n\n3,,7\n");
    gives("csv", "explode tag by \";\" | head 2 | select tag", tags, "tag\na\nb\n");
    gives("jsonl", "explode a", json,
          "{\"a\":1,\"b\":0}\n{\"a\":\"x\\n\",\"b\":0}\n{\"a\":null,\"b\":0}\n"
          "{\"a\":[2],\"b\":0}\n{\"b\":1}\n{\"a\":null}\n{\"a\":\"p;q\"}\n{\"a\":{\"k\":[1]}}\n");
    gives("jsonl", "explode a by \";\" | tail 3", json,
          "{\"a\":\"p\"}\n{\"a\":\"q\"}\n{\"a\":{\"k\":[1]}}\n");
    gives("jsonl", "explode nosuch | head 1", "{\"b\":1}\n", "{\"b\":1}\n");
    refuses("explode tga by \";\"", tags, "there is no column tga: did you mean tag?");
    refuses("explode tag by \"\"", tags,
            "by is followed by a separator, in quotes, or by a /regex/");
}

static void records_come_in_the_order_asked_for(void **state)
{
    static const char input[] = "id,f,n\n1,b10,2\n2,B9,\n3,b009,10\n4,,2\n5,a,-1\n";
    static const char *const cases[][2] = {
        {"sort natural(f)", "4\n2\n5\n3\n1\n"},
        {"sort natural(casefold(f))", "4\n5\n2\n3\n1\n"},
        {"sort -natural(f) nulls last", "1\n3\n5\n2\n4\n"},
        {"sort f", "4\n2\n5\n3\n1\n"},
        {"sort f nulls last", "2\n5\n3\n1\n4\n"},
        {"sort -f nulls first", "4\n1\n3\n5\n2\n"},
        {"sort num(n)", "5\n1\n4\n3\n2\n"},
        {"sort num(n) nulls first, -f nulls first", "2\n5\n4\n1\n3\n"},
        {"sort -num(n) nulls last, f", "3\n4\n1\n5\n2\n"},
        {"top 2 num(n)", "5\n1\n"},
        {"top 3 -num(n), f", "3\n4\n1\n"},
        {"top 9 f nulls last", "2\n5\n3\n1\n4\n"},
        {"top 0 f", ""},
        {"top 1 -f by n", "1\n3\n5\n2\n"},
        {"top 1 f nulls last, id by num(n)", "2\n5\n3\n1\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        char program[128], expected[64];

        (void)snprintf(program, sizeof(program), "%s | select id", cases[i][0]);
        (void)snprintf(expected, sizeof(expected), "id\n%s", cases[i][1]);
        gives("csv", program, input, expected);
    }
    refuses("sort f nulls", input, "first or last is expected before the stage ends");
    refuses("top f", input, "a whole number is expected here");
    refuses("top 1", input, "a column, a value or a function is expected here");
}

/* --- many records ------------------------------------------------------------------------------
 */

static void make_records(struct sfx_buf *out, unsigned count)
{
    unsigned i;

    srand(7);
    assert_int_equal(sfx_buf_puts(out, "id,n,t\n", NULL), 0);
    for (i = 0; i < count; i++) {
        int n = rand() % 1000;

        assert_int_equal(sfx_buf_printf(out, NULL, "%u,%s,\"t %d;%d\"\n", i,
                                        n % 3 == 0   ? ""
                                        : n % 3 == 1 ? "1.50"
                                                     : "2",
                                        rand() % 30, n),
                         0);
    }
}

static void the_top_is_the_head_of_the_sorted(void **state)
{
    static const char *const pairs[][2] = {
        {"top 100 -num(n), t", "sort -num(n), t | head 100"},
        {"top 7 t by n", "sort t | head 7 by n"},
        {"top 40 n nulls first by substr(t, 1, 4)",
         "sort n nulls first | head 40 by substr(t, 1, 4)"},
        {"reverse | top 2000 n", "reverse | sort n | head 2000"},
    };
    struct sfx_buf input = {0};
    size_t i;

    (void)state;
    make_records(&input, 3000);
    for (i = 0; i < SFX_COUNT(pairs); i++) {
        const struct query_run top = {.program = pairs[i][0], .input = sfx_buf_slice(&input)};
        const struct query_run sort = {.program = pairs[i][1], .input = sfx_buf_slice(&input)};

        query_same(&top, &sort);
    }
    sfx_buf_done(&input);
}

static const char *const programs[] = {
    "tail 1500",
    "top 50 -num(n), t by substr(t, 1, 3)",
    "sort n nulls last, natural(t)",
    "tail 7",
    "tail 3 by t",
    "tail 100 by n",
    "head 2 by n, substr(t, 1, 4)",
    "nth 7 from 3",
    "sample 1200",
    "sample 40 by n",
    "sample 10% seed 5",
    "sample 0.5 | sample 50%",
    "reverse",
    "shuffle",
    "shuffle seed 3 | head 20",
    "number i step 3 | tail 20",
    "fill n down",
    "fill n up",
    "x = num(n) | fill x up | x = x + 1",
    "fill n with id",
    "explode t by \";\"",
    "explode t by /\\D+/ | where t != \"\"",
    "split t by \";\" into a, b | merge b, a, n into c by \"-\"",
    "reverse | x = num(n) | fill x, n down | reverse",
};

static void results_do_not_depend_on_where_batches_end(void **state)
{
    static const size_t pieces[] = {1, 17, 30011};
    struct sfx_buf input = {0};
    size_t i, j;

    (void)state;
    make_records(&input, 3000);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run whole = {.program = programs[i], .input = sfx_buf_slice(&input)};

        if (query_run(&whole) != 0)
            fail_msg("%s: %s", programs[i], whole.err.text);
        for (j = 0; j < SFX_COUNT(pieces); j++) {
            struct query_run run = {
                .program = programs[i], .input = sfx_buf_slice(&input), .piece = pieces[j]};

            assert_int_equal(query_run(&run), 0);
            if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&whole.output)))
                fail_msg("%s: differs for pieces of %zu", programs[i], pieces[j]);
            sfx_buf_done(&run.output);
        }
        sfx_buf_done(&whole.output);
    }
    sfx_buf_done(&input);
}

static void orders_beyond_their_memory_give_the_same_bytes(void **state)
{
    static const char *const blocking[] = {
        "reverse",       "shuffle",       "fill n up",    "reverse | shuffle | y = num(n)",
        "tail 15000",    "tail 1 by id",  "sample 15000", "sample 1 by id | sort id",
        "top 15000 -id", "top 1 n by id", "head 1 by id", "head 2 by n | sort id"};
    struct sfx_buf input = {0};
    size_t i;

    (void)state;
    make_records(&input, 20000);
    for (i = 0; i < SFX_COUNT(blocking); i++) {
        const struct query_run large = {.program = blocking[i], .input = sfx_buf_slice(&input)};
        struct query_run small = large;

        small.opts.memory_nbytes = 600 * 1024;
        query_same(&large, &small);
    }
    sfx_buf_done(&input);
}

static void the_counts_balance(void **state)
{
    static const struct {
        const char *program;
        uint64_t filtered, made;
    } cases[] = {{"fill k up", 0, 0},          {"reverse", 0, 0},  {"tail 2", 4, 0},
                 {"explode k by \"a\"", 0, 3}, {"sample 5", 1, 0}, {"top 1 id by k", 3, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i].program, .input = SFX_SLICE_LIT(SIX)};

        assert_int_equal(query_run(&run), 0);
        if (run.counts.filtered != cases[i].filtered || run.counts.made != cases[i].made)
            fail_msg("%s: %d filtered, %d made", cases[i].program, (int)run.counts.filtered,
                     (int)run.counts.made);
        sfx_buf_done(&run.output);
    }
}

static void a_sample_is_of_the_size_and_differs_by_seed(void **state)
{
    static const char *const cases[] = {"sample 500 | group : n = count()",
                                        "sample 500 seed 1 | group : n = count()"};
    struct sfx_buf input = {0}, first = {0};
    struct query_run run;
    size_t i;

    (void)state;
    make_records(&input, 5000);
    for (i = 0; i < SFX_COUNT(cases); i++) {
        run = (struct query_run){.program = cases[i], .input = sfx_buf_slice(&input)};
        assert_int_equal(query_run(&run), 0);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), "n\n500\n");
        sfx_buf_done(&run.output);
    }
    run = (struct query_run){.program = "sample 20", .input = sfx_buf_slice(&input)};
    assert_int_equal(query_run(&run), 0);
    first = run.output;
    run = (struct query_run){.program = "sample 20 seed 1", .input = sfx_buf_slice(&input)};
    assert_int_equal(query_run(&run), 0);
    assert_false(sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&first)));
    sfx_buf_done(&run.output);
    run = (struct query_run){.program = "sample 20%", .input = sfx_buf_slice(&input)};
    assert_int_equal(query_run(&run), 0);
    assert_in_range(run.counts.out, 900, 1100); /* 1000, and more than 3 sigmas of 28 */
    sfx_buf_done(&run.output);
    sfx_buf_done(&first);
    sfx_buf_done(&input);
}

static void tee_writes_all_when_stages_behind_have_enough(void **state)
{
    struct sfx_buf aside = {0}, input = {0};
    struct query_run run = {.program = "tee \"f.csv\" | head 1", .piece = 1000, .aside = &aside};

    (void)state;
    make_records(&input, 3000);
    run.input = sfx_buf_slice(&input);
    assert_int_equal(query_run(&run), 0);
    assert_int_equal(run.counts.out, 1);
    assert_true(sfx_slice_eq(sfx_buf_slice(&aside), sfx_buf_slice(&input)));
    sfx_buf_done(&run.output);
    sfx_buf_done(&aside);
    sfx_buf_done(&input);
}

static void what_is_put_aside_is_what_passes(void **state)
{
    struct sfx_buf aside = {0};
    struct query_run run = {.program = "where id > 2 | tee \"f.csv\" | where false",
                            .input = SFX_SLICE_LIT(SIX),
                            .piece = 1,
                            .aside = &aside};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&aside, NULL), "id,k\n3,b\n4,\"a\"\n5,b\n6,\n");
    sfx_buf_done(&run.output);
    sfx_buf_done(&aside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_kept_by_their_number),
        cmocka_unit_test(numbers_that_make_no_sense_are_refused),
        cmocka_unit_test(blank_cells_are_filled),
        cmocka_unit_test(json_is_filled_record_by_record),
        cmocka_unit_test(cells_become_records),
        cmocka_unit_test(records_come_in_the_order_asked_for),
        cmocka_unit_test(the_top_is_the_head_of_the_sorted),
        cmocka_unit_test(results_do_not_depend_on_where_batches_end),
        cmocka_unit_test(orders_beyond_their_memory_give_the_same_bytes),
        cmocka_unit_test(the_counts_balance),
        cmocka_unit_test(a_sample_is_of_the_size_and_differs_by_seed),
        cmocka_unit_test(tee_writes_all_when_stages_behind_have_enough),
        cmocka_unit_test(what_is_put_aside_is_what_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
