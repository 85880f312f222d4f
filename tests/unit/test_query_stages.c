/* SPDX-License-Identifier: MIT */
/* Stages over records: results, bad records, memory limits, and nothing that depends on batches. */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS                                                                                     \
    "id,country,price,qty\n"                                                                       \
    "1,DE,75.24,12\n"                                                                              \
    "2,FR,10.00,3\n"                                                                               \
    "3,DE,,3\n"                                                                                    \
    "007,\"US\",1e2,2\n"

static struct sfx_slice orders(void)
{
    return SFX_SLICE_LIT(ORDERS);
}

static void assert_output(const char *program, struct sfx_slice input, const char *expected)
{
    struct query_run run = {.program = program, .input = input};

    if (query_run(&run) != 0)
        fail_msg("%s: %s", program, run.err.text);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), expected);
    sfx_buf_done(&run.output);
}

static void rows_and_columns_are_chosen(void **state)
{
    (void)state;
    assert_output("where price > 10 | select id, price", orders(), "id,price\n1,75.24\n007,1e2\n");
    assert_output("select -price, -qty | head 2", orders(), "id,country\n1,DE\n2,FR\n");
    assert_output("drop country, price, qty", orders(), "id\n1\n2\n3\n007\n");
    assert_output("rename land = country, n = qty | select n, land | head 1", orders(),
                  "n,land\n12,DE\n");
    assert_output("rename price = qty, qty = price | head 1", orders(),
                  "id,country,qty,price\n1,DE,75.24,12\n");
    assert_output("head 0", orders(), "id,country,price,qty\n");
    assert_output("where false", orders(), "id,country,price,qty\n");
}

static void columns_are_computed_in_place_or_added(void **state)
{
    (void)state;
    assert_output("total = price * qty, tax = total * 0.19 | select id, total, tax", orders(),
                  "id,total,tax\n1,902.88,171.5472\n2,30.00,5.70\n3,,\n007,200,38.00\n");
    assert_output("derive qty = qty + 1 | select qty, id | head 2", orders(),
                  "qty,id\n13,1\n4,2\n");
    assert_output("x = country, country = \"?\" | head 1", orders(),
                  "id,country,price,qty,x\n1,?,75.24,12,DE\n");
}

static void untouched_cells_keep_their_bytes_through_every_stage(void **state)
{
    static const char input[] = "a,b\n007,\"x\"\n1.50,\"a\"\"b\"\n1e5,\" \"\n";

    (void)state;
    assert_output("sort -text(b) | sort b | distinct | head 9", SFX_SLICE_LIT(input),
                  "a,b\n1e5,\" \"\n1.50,\"a\"\"b\"\n007,\"x\"\n");
}

static void sorting_is_stable_and_by_bytes_unless_asked(void **state)
{
    static const char input[] = "k,v\n10,a\n9,b\n,c\n10.0,d\n-1,e\n9,f\n";

    (void)state;
    assert_output("sort k", SFX_SLICE_LIT(input), "k,v\n,c\n-1,e\n10,a\n10.0,d\n9,b\n9,f\n");
    assert_output("sort num(k)", SFX_SLICE_LIT(input), "k,v\n-1,e\n9,b\n9,f\n10,a\n10.0,d\n,c\n");
    assert_output("sort -num(k)", SFX_SLICE_LIT(input), "k,v\n10,a\n10.0,d\n9,b\n9,f\n-1,e\n,c\n");
    assert_output("n = num(k) | sort n, -v | drop n", SFX_SLICE_LIT(input),
                  "k,v\n-1,e\n9,f\n9,b\n10.0,d\n10,a\n,c\n");
}

static void numbers_stay_numbers_behind_a_sort(void **state)
{
    static const char input[] = "a,b\n9,10\n10,9\n";

    (void)state;
    assert_output("n = num(a), m = num(b) | sort a | where n > m", SFX_SLICE_LIT(input),
                  "a,b,n,m\n10,9,10,9\n");
}

static void distinct_keeps_the_first(void **state)
{
    static const char input[] = "a,b\n1,x\n1.0,y\n1,x\n\"1\",z\n2,x\n";

    (void)state;
    assert_output("distinct", SFX_SLICE_LIT(input), "a,b\n1,x\n1.0,y\n\"1\",z\n2,x\n");
    assert_output("distinct a", SFX_SLICE_LIT(input), "a,b\n1,x\n1.0,y\n2,x\n");
    assert_output("distinct num(a)", SFX_SLICE_LIT(input), "a,b\n1,x\n2,x\n");
    assert_output("distinct a, b", SFX_SLICE_LIT(input), "a,b\n1,x\n1.0,y\n\"1\",z\n2,x\n");
}

static void groups_come_in_order_of_appearance(void **state)
{
    (void)state;
    assert_output("group country: n = count(), count(price), sum(price), mean(qty), first(id), "
                  "last(id), min(price), max(price), min(text(id))",
                  orders(),
                  "country,n,count_price,sum_price,mean_qty,first_id,last_id,min_price,max_price,"
                  "min_id\n"
                  "DE,2,1,75.24,7.5,1,3,75.24,75.24,1\n"
                  "FR,1,1,10.00,3,2,2,10.00,10.00,2\n"
                  "US,1,1,100,2,007,007,100,100,007\n");
    assert_output("group country", orders(), "country\nDE\nFR\nUS\n");
    assert_output("group : n = count(), s = sum(price * qty)", orders(), "n,s\n4,1132.88\n");
    assert_output("where false | group : n = count(), sum(price)", orders(), "n,sum_price\n0,\n");
    assert_output("where false | group country: n = count()", orders(), "country,n\n");
    assert_output("group big = qty > 3, k = substr(country, 1, 1): count()", orders(),
                  "big,k,count\ntrue,D,1\nfalse,F,1\nfalse,D,1\nfalse,U,1\n");
}

static void equal_numbers_are_one_group(void **state)
{
    static const char input[] = "a\n1.50\n1.5\n2\n01.5\n";

    (void)state;
    assert_output("group n = num(a): count()", SFX_SLICE_LIT(input), "n,count\n1.50,3\n2,1\n");
    assert_output("group a: count()", SFX_SLICE_LIT(input),
                  "a,count\n1.50,1\n1.5,1\n2,1\n01.5,1\n");
}

static void json_columns_may_come_late_and_keep_their_spelling(void **state)
{
    static const char input[] =
        "{\"a\":1.50}\n{\"b\":\"x\\u00e9\",\"a\":2}\n{\"c\":[1], \"a\":null}\n";
    static const char *const pairs[][2] = {
        {"where b = \"x\xC3\xA9\"", "{\"b\":\"x\\u00e9\",\"a\":2}\n"},
        {"sort -num(a)", "{\"b\":\"x\\u00e9\",\"a\":2}\n{\"a\":1.50}\n{\"c\":[1], \"a\":null}\n"},
        {"where nosuch = null | select a | head 1", "{\"a\":1.50}\n"},
        {"n = b ?? \"none\" | select n",
         "{\"n\":\"none\"}\n{\"n\":\"x\\u00e9\"}\n{\"n\":\"none\"}\n"},
        {"group a: n = count() | where n > 0 | select n", "{\"n\":1}\n{\"n\":1}\n{\"n\":1}\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(pairs); i++) {
        struct query_run run = {
            .program = pairs[i][0], .from = "jsonl", .to = "jsonl", .input = SFX_SLICE_LIT(input)};

        if (query_run(&run) != 0)
            fail_msg("%s: %s", pairs[i][0], run.err.text);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), pairs[i][1]);
        sfx_buf_done(&run.output);
    }
}

/* --- bad records --------------------------------------------------------------------------------
 */

#define DIRTY "a,b\n1,x\nabc,y\n3,z\n,w\n"

static void a_bad_record_ends_the_run_and_says_where_it_is(void **state)
{
    struct query_run run = {.program = "c = a * 2", .input = SFX_SLICE_LIT(DIRTY)};

    (void)state;
    assert_int_equal(query_run(&run), SFX_E_INPUT);
    assert_string_equal(run.err.text, "in: line 3, offset 8: column a: \"abc\" is not a number");
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "a,b,c\n1,x,2\n");
    sfx_buf_done(&run.output);
}

struct kept {
    unsigned count;
    char text[1024];
};

static int keep(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct kept *kept = ctx;
    size_t len = strlen(kept->text);

    (void)err;
    kept->count++;
    (void)snprintf(kept->text + len, sizeof(kept->text) - len, "%s:%d:%.*s:%.*s:%s:%.*s\n",
                   r->input != NULL ? r->input : "(null)", (int)r->line, SFX_SLICE_ARG(r->column),
                   SFX_SLICE_ARG(r->value), r->reason, SFX_SLICE_ARG(r->raw));
    return 0;
}

static void nothing_is_lost(void **state)
{
    static const char *const programs[] = {"c = a * 2", "sort num(a)", "c = a * 2 | sort c, b",
                                           "sort b | c = a * 2"};
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct kept kept = {0};
        struct sfx_reject_sink sink = {keep, &kept};
        struct query_run run = {.program = programs[i],
                                .input = SFX_SLICE_LIT(DIRTY),
                                .opts = {.on_error = SFX_ON_ERROR_REJECT, .rejects = &sink}};

        assert_int_equal(query_run(&run), 0);
        assert_string_equal(kept.text, "in:3:a:abc:is not a number:abc,y\n");
        assert_int_equal(run.counts.in, 4);
        assert_int_equal(run.counts.out, 3);
        assert_int_equal(run.counts.rejected, 1);
        sfx_buf_done(&run.output);
        run.opts.on_error = SFX_ON_ERROR_SKIP;
        assert_int_equal(query_run(&run), 0);
        assert_int_equal(run.counts.skipped, 1);
        assert_int_equal(run.counts.out, 3);
        sfx_buf_done(&run.output);
    }
}

static void a_record_that_a_stage_made_is_kept_as_json(void **state)
{
    struct kept kept = {0};
    struct sfx_reject_sink sink = {keep, &kept};
    struct query_run run = {.program = "group b: n = count(), m = max(a?) | x = num(b)",
                            .input = SFX_SLICE_LIT("a,b\n1,2\n3,y\n,y\n"),
                            .opts = {.on_error = SFX_ON_ERROR_REJECT, .rejects = &sink}};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "b,n,m,x\n2,1,1,2\n");
    assert_string_equal(kept.text, "(null):0:b:y:is not a number:{\"b\":\"y\",\"n\":2,\"m\":3}\n");
    sfx_buf_done(&run.output);
}

static void what_a_record_is_refused_for_is_said(void **state)
{
    static const char *const cases[][2] = {
        {"x = b + 1", "in: line 2, offset 4: column b: \"x\" is not a number"},
        {"x = a / 0", "in: line 2, offset 4: column a: division by zero"},
        {"x = a * 99999999999999999999999999999999999999 * 10",
         "in: line 2, offset 4: column a: a result has more than 38 digits"},
        {"where b", "in: line 2, offset 4: column b: \"x\" is neither true nor false"},
        {"x = month(b)", "in: line 2, offset 4: column b: \"x\" is not an ISO 8601 date"},
        {"x = substr(b, 0)",
         "in: line 2, offset 4: column b: substr() starts at a whole number from 1"},
        {"sort num(b)", "in: line 2, offset 4: column b: \"x\" is not a number"},
        {"group b: sum(b)", "in: line 2, offset 4: column b: \"x\" is not a number"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct query_run run = {.program = cases[i][0], .input = SFX_SLICE_LIT(DIRTY)};

        assert_int_equal(query_run(&run), SFX_E_INPUT);
        assert_string_equal(run.err.text, cases[i][1]);
        sfx_buf_done(&run.output);
    }
}

static void the_first_bad_record_is_told_whatever_stage_met_it(void **state)
{
    /* The second stage fails at an earlier record than the first one does. */
    static const char input[] = "a,b\n1,bad\nbad,2\n";
    struct query_run run = {.program = "x = num(a) | y = num(b)", .input = SFX_SLICE_LIT(input)};

    (void)state;
    assert_int_equal(query_run(&run), SFX_E_INPUT);
    assert_string_equal(run.err.text, "in: line 2, offset 4: column b: \"bad\" is not a number");
    sfx_buf_done(&run.output);
    run.program = "x = num(b)? | head 1 | y = 1";
    run.input = SFX_SLICE_LIT("a,b\n1,2\nbad,2\n");
    assert_int_equal(query_run(&run), 0);
    sfx_buf_done(&run.output);
    run.program = "x = num(a) | head 1"; /* enough, before the bad one */
    assert_int_equal(query_run(&run), 0);
    sfx_buf_done(&run.output);
}

/* --- memory and batches -------------------------------------------------------------------------
 */

/* Records with few and many digits, quotes, empty cells. */
static void make_records(struct sfx_buf *out, unsigned count)
{
    unsigned i;

    srand(11);
    assert_int_equal(sfx_buf_puts(out, "id,n,t\n", NULL), 0);
    for (i = 0; i < count; i++) {
        int n = rand() % 1000;

        assert_int_equal(
            sfx_buf_printf(out, NULL, "%u,%d.%02d,\"t %d\"\n", i, n - 500, n % 100, rand() % 300),
            0);
    }
}

static void results_do_not_depend_on_where_batches_end(void **state)
{
    static const char *const programs[] = {
        "where n > 0 | x = n * 2 | select x, id",
        "sort t, -num(n)",
        "group t: c = count(), sum(n), min(n), max(n), first(id), last(id)",
        "distinct t",
        "head 1500 | sort -num(n) | head 7",
        "x = if(n > 0, n, t) | sort x | distinct x",
    };
    static const size_t pieces[] = {17, 1000, 30011};
    struct sfx_buf input = {0};
    size_t i, j;

    (void)state;
    make_records(&input, 3000);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run whole = {.program = programs[i], .input = sfx_buf_slice(&input)};

        assert_int_equal(query_run(&whole), 0);
        for (j = 0; j < SFX_COUNT(pieces); j++) {
            struct query_run run = {
                .program = programs[i], .input = sfx_buf_slice(&input), .piece = pieces[j]};

            assert_int_equal(query_run(&run), 0);
            assert_true(sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&whole.output)));
            sfx_buf_done(&run.output);
        }
        sfx_buf_done(&whole.output);
    }
    sfx_buf_done(&input);
}

/* A stage in front may have all it wants: what it handed on must still be good. */
static void a_bad_record_behind_a_head_ends_the_run(void **state)
{
    struct query_run run = {
        .program = "head 2 | b = a + 1",
        .input = SFX_SLICE_LIT("a\n1\nx\n3\n"),
    };
    struct query_run enough = {
        .program = "b = a + 1 | head 1",
        .input = SFX_SLICE_LIT("a\n1\nx\n3\n"),
    };

    (void)state;
    assert_int_equal(query_run(&run), SFX_E_INPUT);
    assert_string_equal(run.err.text, "in: line 3, offset 4: column a: \"x\" is not a number");
    assert_int_equal(query_run(&enough), 0);
    assert_int_equal(enough.counts.out, 1);
    sfx_buf_done(&run.output);
    sfx_buf_done(&enough.output);
}

static void what_is_not_looked_at_does_not_matter(void **state)
{
    static const char *const programs[] = {
        "",
        "where a > 1",
        "head 2",
        "distinct b",
        "n = a * 2",
        "a = a * 2",
        "n = a * 2, b = upper(b) | where n > 2",
        "select c, a",
        "select -b",
        "drop a",
        "rename x = a | where x > 1",
        "where a > 1 | n = c | select n, b | head 3",
        "sort b | head 2",
        "group b: count(), sum(a)",
        "x = 1 | where b ~ \"x\" | distinct",
    };
    static const char *const inputs[] = {
        "a,b,c\n1,x,u\n2,\"y\",v\n3,\"x, \"\"z\"\"\",\n2,x,w",
        "a,b,c\r\n1,x,u\r\n2,y,\"v\r\nv\"\r\n3,x,w\r\r\n",
        "\xef\xbb\xbf\"a\",b,c\n\n1,x,\n2,,\n\n",
        "a,b,c\r1,x,u\r2,y,v\r",
        "a,b,c\n",
    };
    static const char *const formats[] = {"csv", "tsv", "jsonl"};
    size_t p, i, f, piece;

    (void)state;
    for (p = 0; p < SFX_COUNT(programs); p++)
        for (i = 0; i < SFX_COUNT(inputs); i++)
            for (f = 0; f < SFX_COUNT(formats); f++)
                for (piece = 0; piece < 3; piece++) {
                    struct query_run some = {.program = programs[p],
                                             .to = formats[f],
                                             .input = sfx_slice_str(inputs[i]),
                                             .piece = piece * 5};
                    struct query_run all = some;

                    all.all_cells = true;
                    assert_int_equal(query_run(&some), query_run(&all));
                    assert_string_equal(some.err.text, all.err.text);
                    assert_int_equal(some.output.len, all.output.len);
                    if (all.output.len > 0)
                        assert_memory_equal(some.output.data, all.output.data, all.output.len);
                    sfx_buf_done(&some.output);
                    sfx_buf_done(&all.output);
                }
}

static void a_sort_beyond_its_memory_gives_the_same_bytes(void **state)
{
    static const char *const programs[] = {"sort num(n)", "sort -t, n", "sort t | head 100",
                                           "sort num(n) | x = n * 1 | where x > 0"};
    struct sfx_buf input = {0};
    size_t i;

    (void)state;
    make_records(&input, 20000);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        const struct query_run large = {.program = programs[i], .input = sfx_buf_slice(&input)};
        struct query_run small = large;

        small.opts.memory_nbytes = 260 * 1024;
        query_same(&large, &small);
    }
    sfx_buf_done(&input);
}

static void a_row_larger_than_the_memory_is_told(void **state)
{
    static const char *const programs[] = {"sort t", "reverse", "dedup id keep last",
                                           "over t: n = row_number()"};
    struct sfx_buf input = {0};
    size_t i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&input, "id,t\n1,", NULL), 0);
    for (i = 0; i < 2 << 20; i++)
        assert_int_equal(sfx_buf_putc(&input, 'x', NULL), 0);
    assert_int_equal(sfx_buf_puts(&input, "\n2,y\n", NULL), 0);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        const struct query_run run = {.program = programs[i],
                                      .input = sfx_buf_slice(&input),
                                      .opts = {.memory_nbytes = 1 << 20}};

        query_fails(&run, SFX_E_LIMIT, "needs more than 1 MiB of memory; --memory allows more");
    }
    sfx_buf_done(&input);
}

static void a_missing_folder_for_spilling_is_told(void **state)
{
    struct sfx_buf input = {0};
    struct query_run run = {.program = "sort t",
                            .opts = {.memory_nbytes = 256 * 1024, .tmp_dir = "/nonexistent"}};

    (void)state;
    make_records(&input, 20000);
    run.input = sfx_buf_slice(&input);
    assert_int_equal(query_run(&run), SFX_E_IO);
    assert_non_null(strstr(run.err.text, "/nonexistent"));
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_columns_are_chosen),
        cmocka_unit_test(columns_are_computed_in_place_or_added),
        cmocka_unit_test(untouched_cells_keep_their_bytes_through_every_stage),
        cmocka_unit_test(sorting_is_stable_and_by_bytes_unless_asked),
        cmocka_unit_test(numbers_stay_numbers_behind_a_sort),
        cmocka_unit_test(distinct_keeps_the_first),
        cmocka_unit_test(groups_come_in_order_of_appearance),
        cmocka_unit_test(equal_numbers_are_one_group),
        cmocka_unit_test(json_columns_may_come_late_and_keep_their_spelling),
        cmocka_unit_test(a_bad_record_ends_the_run_and_says_where_it_is),
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(a_record_that_a_stage_made_is_kept_as_json),
        cmocka_unit_test(what_a_record_is_refused_for_is_said),
        cmocka_unit_test(the_first_bad_record_is_told_whatever_stage_met_it),
        cmocka_unit_test(results_do_not_depend_on_where_batches_end),
        cmocka_unit_test(a_bad_record_behind_a_head_ends_the_run),
        cmocka_unit_test(what_is_not_looked_at_does_not_matter),
        cmocka_unit_test(a_sort_beyond_its_memory_gives_the_same_bytes),
        cmocka_unit_test(a_row_larger_than_the_memory_is_told),
        cmocka_unit_test(a_missing_folder_for_spilling_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
