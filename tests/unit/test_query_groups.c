/* SPDX-License-Identifier: MIT */
/*
 * group and distinct within little memory: the same bytes as with much, whatever the batches, and
 * aggregates that are right.
 */
#include "query_assert.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_output(const char *program, const char *input, const char *expected)
{
    query_gives(&(struct query_run){.program = program,
                                    .from = query_format(input),
                                    .to = query_format(expected),
                                    .input = sfx_slice_str(input)},
                expected);
}

static void assert_fails(const char *program, const char *input, const char *message)
{
    query_fails(&(struct query_run){.program = program, .input = sfx_slice_str(input)}, 0, message);
}

/* nrows records k,x,t with ngroups keys of up to key_nbytes bytes. */
static struct sfx_buf make_records(uint32_t nrows, uint32_t ngroups, uint32_t key_nbytes)
{
    struct sfx_buf out = {0};
    uint32_t i, k;

    assert_int_equal(sfx_buf_puts(&out, "k,x,t\n", NULL), 0);
    for (i = 0; i < nrows; i++) {
        uint32_t group = draw(ngroups), len = key_nbytes > 0 ? group * 7919u % key_nbytes : 0;

        for (k = 0; k < len; k++)
            assert_int_equal(sfx_buf_putc(&out, (char)('a' + (group + k) % 26), NULL), 0);
        assert_int_equal(sfx_buf_printf(&out, NULL, "%.*s%u,%s%d.%02u,\"t \"\"%u\"\"\"\n",
                                        key_nbytes > 0 ? 9 : 0, "         ", group,
                                        draw(9) == 0 ? "-" : "", (int)draw(500), draw(100),
                                        draw(700)),
                         0);
    }
    return out;
}

static struct sfx_buf run_with(const char *program, struct sfx_slice input, uint64_t memory_nbytes,
                               size_t piece)
{
    struct query_run run = {.program = program,
                            .input = input,
                            .piece = piece,
                            .opts = {.memory_nbytes = memory_nbytes}};

    if (query_run(&run) != 0)
        fail_msg("%s with %llu bytes: %s", program, (unsigned long long)memory_nbytes,
                 run.err.text);
    return run.output;
}

static void little_memory_gives_the_same_bytes(void **state)
{
    static const char *const programs[] = {
        "group k: n = count(), s = sum(x), mean(x), min(x), max(text(t)), first(t), last(t)",
        "group k: var(x), stddev(x), a = min_by(t, num(x)), b = max_by(x, t), geomean(x), "
        "c = covar(x, x * 2), any(t)",
        "group k: median(x), p9 = quantile(x, 0.9), mode(t), d = count_distinct(t), "
        "l = list(x) where x > 490, s = string_agg(t, \"; \") where x > 480",
        "group k: approx_count_distinct(t), n = count() where x > 100, m = median(x) where x < 50",
        "group : median(x), d = count_distinct(x), mode(x), n = count()",
        "group n = num(x): c = count(), u = count_distinct(k)",
        "group k, t: c = count() | sort -c",
        "group k | group : n = count()",
        "distinct k",
        "distinct k, t",
        "distinct",
        "distinct num(x) | sort t",
        "distinct k | head 70",
        "head 1 by k",
        "head 3 by k, t",
        "head 2 by num(x) | sort t",
        "dedup k keep first",
        "dedup k keep last",
        "dedup k keep max num(x)",
        "dedup k keep min t | sort k",
        "dedup k, t keep min x",
        "frequency k",
        "frequency t, v = x > 50",
    };
    static const struct {
        uint32_t nrows, ngroups, key_nbytes;
    } shapes[] = {{5000, 1, 0}, {5000, 40, 300}, {6000, 3000, 0}, {20000, 50000, 20}};
    size_t p, s;

    (void)state;
    for (s = 0; s < SFX_COUNT(shapes); s++) {
        struct sfx_buf input =
            make_records(shapes[s].nrows, shapes[s].ngroups, shapes[s].key_nbytes);

        for (p = 0; p < SFX_COUNT(programs); p++) {
            struct sfx_buf much = run_with(programs[p], sfx_buf_slice(&input), 0, 0);
            size_t piece = draw(2) == 0 ? 0 : 100 + draw(5000);
            struct sfx_buf little =
                run_with(programs[p], sfx_buf_slice(&input), 200000 + (draw(3) * 100000), piece);

            if (!sfx_slice_eq(sfx_buf_slice(&much), sfx_buf_slice(&little)))
                fail_msg("%s: shape %zu, pieces of %zu: other bytes:\n%.300s\n%.300s", programs[p],
                         s, piece, sfx_buf_cstr(&much, NULL), sfx_buf_cstr(&little, NULL));
            sfx_buf_done(&much);
            sfx_buf_done(&little);
        }
        sfx_buf_done(&input);
    }
}

static void quantiles_are_exact(void **state)
{
    (void)state;
    assert_output(
        "group : median(x), a = quantile(x, 0), b = quantile(x, 0.25), c = quantile(x, 1)",
        "x\n10\n1.5\n\n3\n4\n", "median_x,a,b,c\n3.5,1.5,2.625,10\n");
    assert_output("group : median(x)", "x\n\n\n", "median_x\n\"\"\n");
    assert_output("group : median(x)", "x\n0.10\n0.30\n", "median_x\n0.20\n");
    assert_output("group : m = median(x) where x > 2", "x\n1\n2\n3\n4\n5\n", "m\n4\n");
    assert_fails("group : q = quantile(x, 1.5)", "x\n1\n", "a number from 0 to 1");
    assert_fails("group : q = quantile(x, x)", "x\n1\n", "a constant number");
    assert_fails("group : q = quantile(x)", "x\n1\n", "more arguments");
    assert_fails("group : median(x)", "x\nabc\n", "is not a number");
}

static void a_condition_says_which_records_count(void **state)
{
    static const char input[] = "s,v\npaid,1\nopen,bad\npaid,2\nopen,\n";

    (void)state;
    assert_output("group : n = count(), p = count() where s = \"paid\", "
                  "t = sum(v) where s = \"paid\"",
                  input, "n,p,t\n4,2,3\n");
    assert_output("group s: n = count() where v = \"1\"", input, "s,n\npaid,1\nopen,0\n");
    assert_fails("group : t = sum(v)", input, "is not a number");
    assert_fails("group : t = sum(v) where nosuch > 1", input, "there is no column nosuch");
}

static void lists_keep_what_was_there(void **state)
{
    (void)state;
    assert_output("group k: l = list(v)",
                  "{\"k\":1,\"v\":\"a\\u00e9\"}\n{\"k\":1,\"v\":[1, 2]}\n{\"k\":1,\"v\":null}\n"
                  "{\"k\":2}\n{\"k\":1,\"v\":1.50}\n{\"k\":1,\"v\":true}\n",
                  "{\"k\":1,\"l\":[\"a\\u00e9\",[1,2],1.50,true]}\n{\"k\":2,\"l\":null}\n");
    assert_output("group : l = list(v)", "v\n007\n\"a\"\"b\"\n",
                  "l\n\"[\"\"007\"\",\"\"a\\\"\"b\"\"]\"\n");
    assert_output("group : l = string_agg(v, \" / \"), m = string_agg(v)", "v\nb\n\na\n",
                  "l,m\nb / a,\"b,a\"\n");
}

static void of_equal_values_the_first_stands(void **state)
{
    (void)state;
    assert_output("group : mode(x), n = mode(num(x)), c = count_distinct(x), d = "
                  "count_distinct(num(x))",
                  "x\n2\n1\n1.0\n2\n", "mode_x,n,c,d\n2,2,3,2\n");
    assert_output("group : a = min_by(t, num(x)), b = max_by(t, num(x)), c = max_by(t, t)",
                  "t,x\np,1\nq,1\nr,3\n,3\nz,\n", "a,b,c\np,r,z\n");
}

static void variances_are_exact(void **state)
{
    (void)state;
    assert_output("group : var(x), var_pop(x), stddev(x), n = stddev_pop(x)",
                  "x\n1000000000000.1\n1000000000000.2\n1000000000000.3\n",
                  "var_x,var_pop_x,stddev_x,n\n0.01,0.006666666666666667,0.1,0.0816496580927726\n");
    assert_output("group : var(x), corr(x, y), geomean(x)", "x,y\n5,1\n",
                  "var_x,corr_x,geomean_x\n,,5\n");
    assert_output("group : c = corr(x, y), v = covar(x, y)", "x,y\n1,2\n2,4\n,9\n3,\n3,6\n",
                  "c,v\n1,2\n");
    assert_output("group : geomean(x)", "x\n0\n4\n", "geomean_x\n\"\"\n");
}

static void dedup_keeps_the_record_that_is_asked_for(void **state)
{
    static const char input[] = "k,v,n\nb,9,1\na,2,2\nb,10,3\na,,4\nb,9,5\na,2,6\nc,,7\n";

    (void)state;
    assert_output("dedup k", input, "k,v,n\nb,9,1\na,2,2\nc,,7\n");
    assert_output("dedup k keep first", input, "k,v,n\nb,9,1\na,2,2\nc,,7\n");
    assert_output("dedup k keep last", input, "k,v,n\nb,9,5\na,2,6\nc,,7\n");
    assert_output("dedup k keep max num(v)", input, "k,v,n\nb,10,3\na,2,2\nc,,7\n");
    assert_output("dedup k keep min num(v)", input, "k,v,n\nb,9,1\na,2,2\nc,,7\n");
    assert_output("dedup k keep max v", input, "k,v,n\nb,9,1\na,2,2\nc,,7\n");
    assert_output("dedup substr(k, 1, 1), v keep max num(n) | select n", input,
                  "n\n5\n6\n3\n4\n7\n");
    assert_output("dedup k keep max n",
                  "{\"k\":1,\"n\":1}\n{\"n\":3,\"z\":[1],\"k\":1}\n{\"k\":2}\n",
                  "{\"n\":3,\"z\":[1],\"k\":1}\n{\"k\":2}\n");
    assert_output("where false | dedup k keep last", input, "k,v,n\n");
    assert_fails("dedup k keep", input, "is expected behind keep");
    assert_fails("dedup -k", input, "no direction");
    assert_fails("dedup k keep max num(k)", input, "is not a number");
}

static void the_most_frequent_come_first(void **state)
{
    (void)state;
    assert_output("frequency k", "k\nb\na\n\na\n\n",
                  "k,n,share\na,2,0.400000\n,2,0.400000\nb,1,0.200000\n");
    assert_output("frequency v = num(k), big = num(k) > 2", "k\n1.50\n3\n1.5\n",
                  "v,big,n,share\n1.50,false,2,0.666667\n3,true,1,0.333333\n");
    assert_output("where false | frequency k", "k\n1\n", "k,n,share\n");
}

static void a_profile_says_what_is_in_columns(void **state)
{
    static const char input[] = "n,d,t,z,b,m,e\n1,1.5,2026-01-05,007,true,1,\n"
                                "-3,2,2026-01-06T10:00:00Z,010,false,x,\n10,,,5,true,,\n";

    (void)state;
    assert_output("profile | select column, type, count, blank, distinct, min, max", input,
                  "column,type,count,blank,distinct,min,max\n"
                  "n,integer,3,0,3,-3,10\nd,decimal,2,1,2,1.5,2\n"
                  "t,time,2,1,2,2026-01-05,2026-01-06T10:00:00Z\nz,text,3,0,3,007,5\n"
                  "b,bool,3,0,2,false,true\nm,text,2,1,2,1,x\ne,null,0,3,0,,\n");
    assert_output("profile n, z | select mean, stddev, p25, median, min_length, max_length, top, "
                  "histogram",
                  input,
                  "mean,stddev,p25,median,min_length,max_length,top,histogram\n"
                  "2.666667,6.658328,-1,1,1,2,,█·█····█\n,,,,1,3,,\n");
    assert_output("profile -n | head 1 | select column", input, "column\nd\n");
    assert_output("profile | select column, type, count, blank, max_length, top",
                  "{\"a\":\"é\"}\n{\"b\":[1],\"a\":\"é\"}\n{\"b\":{\"x\":1}}\n",
                  "column,type,count,blank,max_length,top\na,text,2,1,1,é (2)\nb,json,2,1,7,\n");
    assert_output("where false | profile | select column, type", input,
                  "column,type\nn,null\nd,null\nt,null\nz,null\nb,null\nm,null\ne,null\n");
    assert_fails("profile nosuch", input, "there is no column nosuch");
}

static void a_profile_within_little_memory_estimates(void **state)
{
    struct sfx_buf input = make_records(20000, 10000, 0), out;
    const char *k;

    (void)state;
    out = run_with("profile k, t | select distinct, top", sfx_buf_slice(&input), 300000, 0);
    k = strchr(sfx_buf_cstr(&out, NULL), '~');
    assert_non_null(k);
    assert_in_range(atoi(k + 1), 8000, 9400); /* of 8,650: 10,000 drawn from 20,000 times */
    sfx_buf_done(&out);
    sfx_buf_done(&input);
}

static double number_of(struct sfx_buf *out)
{
    return atof(strchr(sfx_buf_cstr(out, NULL), '\n') + 1);
}

static void sketches_keep_their_bounds(void **state)
{
    static const double ns[] = {200, 5000, 60000};
    size_t i;
    uint32_t k;

    (void)state;
    for (i = 0; i < SFX_COUNT(ns); i++) {
        struct sfx_buf input = {0}, out;

        assert_int_equal(sfx_buf_puts(&input, "x\n", NULL), 0);
        for (k = 0; k < (uint32_t)ns[i]; k++)
            assert_int_equal(sfx_buf_printf(&input, NULL, "%u\n", k * 7919u % (uint32_t)ns[i]), 0);
        out = run_with("group : n = approx_count_distinct(x)", sfx_buf_slice(&input), 0, 0);
        assert_true(fabs(number_of(&out) - ns[i]) <= (ns[i] <= 256 ? 0 : 4 * 0.016 * ns[i]));
        sfx_buf_done(&out);
        out = run_with("group : q = approx_quantile(x, 0.5)", sfx_buf_slice(&input), 0, 0);
        assert_true(fabs(number_of(&out) / ns[i] - 0.5) <= 0.01);
        sfx_buf_done(&out);
        out = run_with("group : q = approx_quantile(x, 0.99)", sfx_buf_slice(&input), 0, 0);
        assert_true(fabs(number_of(&out) / ns[i] - 0.99) <= 0.005);
        sfx_buf_done(&out);
        sfx_buf_done(&input);
    }
}

static void a_list_too_long_is_refused(void **state)
{
    struct sfx_buf input = make_records(20000, 1, 0);
    struct query_run run = {.program = "group : l = list(t)",
                            .input = sfx_buf_slice(&input),
                            .opts = {.memory_nbytes = 400000}};

    (void)state;
    assert_int_equal(query_run(&run), SFX_E_LIMIT);
    assert_non_null(strstr(run.err.text, "an eighth of --memory"));
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_memory_gives_the_same_bytes),
        cmocka_unit_test(quantiles_are_exact),
        cmocka_unit_test(a_condition_says_which_records_count),
        cmocka_unit_test(lists_keep_what_was_there),
        cmocka_unit_test(of_equal_values_the_first_stands),
        cmocka_unit_test(variances_are_exact),
        cmocka_unit_test(dedup_keeps_the_record_that_is_asked_for),
        cmocka_unit_test(the_most_frequent_come_first),
        cmocka_unit_test(a_profile_says_what_is_in_columns),
        cmocka_unit_test(a_profile_within_little_memory_estimates),
        cmocka_unit_test(sketches_keep_their_bounds),
        cmocka_unit_test(a_list_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
