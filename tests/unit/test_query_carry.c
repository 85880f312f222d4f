/* SPDX-License-Identifier: MIT */
/*
 * What stages carry from run to run: an input that is cut into runs gives what one run over all of
 * it gives, within little memory, too; what is another program's or damaged is refused.
 */
#include "query_assert.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LITTLE_NBYTES 400000

/* What is kept between two runs. */
struct keep {
    struct sfx_buf was, next;
    size_t at;
};

static ssize_t read_kept(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct keep *keep = ctx;
    size_t n = keep->was.len - keep->at;

    (void)err;
    n = n < cap ? n : cap;
    n = n > 0 ? 1 + draw((uint32_t)n) : 0; /* as pipes do */
    if (n > 0)
        memcpy(ptr, keep->was.data + keep->at, n);
    keep->at += n;
    return (ssize_t)n;
}

static int write_kept(void *ctx, const void *ptr, size_t nbytes, struct sfx_err *err)
{
    return sfx_buf_append(&((struct keep *)ctx)->next, ptr, nbytes, err);
}

static void keep_done(struct keep *keep)
{
    sfx_buf_done(&keep->was);
    sfx_buf_done(&keep->next);
}

/* One run that goes on where the one before ended. */
static int run_on(struct keep *keep, const char *program, struct sfx_slice input, uint64_t memory,
                  struct sfx_buf *output, struct sfx_err *err)
{
    struct sfx_query_carry carry = {keep->was.len > 0 ? read_kept : NULL, write_kept, keep};
    struct query_run run = {.program = program,
                            .from = input.len > 0 && input.ptr[0] == '{' ? "jsonl" : "csv",
                            .input = input,
                            .opts = {.memory_nbytes = memory, .carry = &carry}};
    int rc;

    keep->at = 0;
    sfx_buf_clear(&keep->next);
    rc = query_run(&run);
    if (rc == 0) {
        struct sfx_buf was = keep->was;

        assert_int_equal(keep->at, was.len);
        keep->was = keep->next;
        keep->next = was;
    }
    *err = run.err;
    *output = run.output;
    return rc;
}

static struct sfx_buf run_once(const char *program, struct sfx_slice input)
{
    struct query_run run = {.program = program, .input = input};

    if (query_run(&run) != 0)
        fail_msg("%s: %s", program, run.err.text);
    return run.output;
}

static const char header[] = "k,x,t\n";

/* nrows records with about ngroups keys. */
static void make_rows(struct sfx_buf *out, uint32_t nrows, uint32_t ngroups)
{
    uint32_t i;

    for (i = 0; i < nrows; i++) {
        (void)sfx_buf_printf(out, NULL, "key%u,", draw(ngroups));
        if (draw(8) > 0)
            (void)sfx_buf_printf(out, NULL, "%u.%u", draw(100), draw(10));
        (void)sfx_buf_printf(out, NULL, draw(9) > 0 ? ",t%u\n" : ",\"t,%u\"\n", draw(20));
    }
}

/*
 * Cuts rows into runs: what comes out of the last (concatenate: of all, below one header) is what
 * one run gives.
 */
static void assert_runs(const char *program, const struct sfx_buf *rows, uint32_t nruns,
                        uint64_t memory, bool concatenate)
{
    struct sfx_buf whole = {0}, input = {0}, output = {0}, all = {0}, expected;
    struct keep keep = {0};
    struct sfx_err err;
    size_t at = 0;
    uint32_t i;

    (void)sfx_buf_printf(&whole, NULL, "%s%.*s", header, (int)rows->len, rows->data);
    expected = run_once(program, sfx_buf_slice(&whole));
    for (i = 0; i < nruns; i++) {
        size_t end = i + 1 == nruns ? rows->len : at + draw((uint32_t)(rows->len - at) + 1);

        while (end > at && rows->data[end - 1] != '\n')
            end--;
        sfx_buf_clear(&input);
        (void)sfx_buf_printf(&input, NULL, "%s%.*s", header, (int)(end - at), rows->data + at);
        if (run_on(&keep, program, sfx_buf_slice(&input), memory, &output, &err) != 0)
            fail_msg("%s, run %u: %s", program, i, err.text);
        if (!concatenate)
            sfx_buf_clear(&all);
        if (all.len == 0)
            (void)sfx_buf_append(&all, output.data, output.len, NULL);
        else
            (void)sfx_buf_puts(&all, strchr(sfx_buf_cstr(&output, NULL), '\n') + 1, NULL);
        sfx_buf_done(&output);
        at = end;
    }
    if (!sfx_slice_eq(sfx_buf_slice(&all), sfx_buf_slice(&expected)))
        fail_msg("%s, %u runs:\n%.2000s\nand not\n%.2000s", program, nruns,
                 sfx_buf_cstr(&all, NULL), sfx_buf_cstr(&expected, NULL));
    sfx_buf_done(&whole);
    sfx_buf_done(&input);
    sfx_buf_done(&all);
    sfx_buf_done(&expected);
    keep_done(&keep);
}

static const char *const aggregates[] = {
    "count()",
    "count(x)",
    "sum(x)",
    "sum(float(x))",
    "mean(x)",
    "min(x)",
    "max(text(t))",
    "first(t)",
    "last(x)",
    "any(x)",
    "min_by(t, x)",
    "max_by(t, num(x))",
    "var(x)",
    "stddev_pop(x)",
    "median(x)",
    "quantile(x, 0.9)",
    "mode(t)",
    "count_distinct(t)",
    "count_distinct(x)",
    "list(t)",
    "string_agg(t, \"-\")",
    "approx_count_distinct(t)",
    "count() where x > 50",
    "list(x) where t = \"t1\"",
    "sum(num(x)) where t ~ \"1\"",
};

static void test_groups_are_those_of_all_runs(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < 3 * SFX_COUNT(aggregates); i++) {
        const uint32_t ngroups = draw(3) == 0 ? 3000 : 1 + draw(40);
        struct sfx_buf rows = {0};
        char program[256];

        make_rows(&rows, draw(4000), ngroups);
        (void)snprintf(program, sizeof(program), "group %s: a = %s, b = %s, c = %s",
                       draw(4) > 0   ? "k"
                       : draw(2) > 0 ? "num(x), k"
                                     : "",
                       aggregates[i % SFX_COUNT(aggregates)],
                       aggregates[draw(SFX_COUNT(aggregates))],
                       aggregates[draw(SFX_COUNT(aggregates))]);
        assert_runs(program, &rows, 1 + draw(5), 0, false);
        sfx_buf_done(&rows);
    }
}

static void test_groups_beyond_memory_are_carried_on_too(void **state)
{
    static const char *const programs[] = {
        "group k: n = count(), s = sum(x), f = first(t), m = max(text(t))",
        "group k: m = median(x), d = count_distinct(t), l = list(t)",
        "frequency k",
    };
    struct sfx_buf rows = {0};
    size_t i;

    (void)state;
    make_rows(&rows, 20000, 9000);
    for (i = 0; i < SFX_COUNT(programs); i++)
        assert_runs(programs[i], &rows, 5, LITTLE_NBYTES, false);
    sfx_buf_done(&rows);
}

static void test_what_is_carried_in_little_memory_comes_in_order_in_much(void **state)
{
    static const char program[] = "group k: n = count(), d = count_distinct(t)";
    struct sfx_buf input = {0}, output, expected;
    struct keep keep = {0};
    struct sfx_err err;

    (void)state;
    (void)sfx_buf_puts(&input, header, NULL);
    make_rows(&input, 20000, 9000);
    expected = run_once(program, sfx_buf_slice(&input));
    assert_int_equal(run_on(&keep, program, sfx_buf_slice(&input), LITTLE_NBYTES, &output, &err),
                     0);
    sfx_buf_done(&output);
    assert_int_equal(run_on(&keep, program, sfx_slice_str(header), 0, &output, &err), 0);
    assert_true(sfx_slice_eq(sfx_buf_slice(&output), sfx_buf_slice(&expected)));
    sfx_buf_done(&output);
    sfx_buf_done(&input);
    sfx_buf_done(&expected);
    keep_done(&keep);
}

static void test_stages_behind_a_group_see_all_of_it_in_each_run(void **state)
{
    static const char *const programs[] = {
        "group k, t: n = count() | group k: n = sum(n) | sort -n, k | head 7",
        "where num(x) > 20 | group k: n = count() | distinct n",
        "distinct k, t | group k: n = count(), l = list(t)",
        "derive y = num(x) * 2 | frequency y | where n > 1",
    };
    struct sfx_buf rows = {0};
    size_t i;

    (void)state;
    make_rows(&rows, 3000, 30);
    for (i = 0; i < SFX_COUNT(programs); i++)
        assert_runs(programs[i], &rows, 4, 0, false);
    sfx_buf_done(&rows);
}

static void test_distinct_lets_through_what_no_run_has_seen(void **state)
{
    static const char *const programs[] = {"distinct k",    "distinct",
                                           "distinct k, t", "distinct num(x) | derive y = 1",
                                           "dedup k",       "distinct k | distinct t"};
    size_t i;

    (void)state;
    for (i = 0; i < 4 * SFX_COUNT(programs); i++) {
        struct sfx_buf rows = {0};

        make_rows(&rows, draw(4000), 1 + draw(3000));
        assert_runs(programs[i % SFX_COUNT(programs)], &rows, 1 + draw(5), 0, true);
        sfx_buf_done(&rows);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of text in byte order. */
static void sort_lines(struct sfx_buf *text)
{
    char *copy = strdup(sfx_buf_cstr(text, NULL)), **lines = calloc(text->len + 1, sizeof(*lines));
    char *line, *rest = NULL;
    size_t n = 0, i;

    for (line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        lines[n++] = line;
    qsort(lines, n, sizeof(*lines), compare_lines);
    sfx_buf_clear(text);
    for (i = 0; i < n; i++)
        (void)sfx_buf_printf(text, NULL, "%s\n", lines[i]);
    free(lines);
    free(copy);
}

static void test_distinct_beyond_memory_knows_all_keys(void **state)
{
    struct sfx_buf all = {0}, expected = {0}, output;
    struct keep keep = {0};
    struct sfx_err err;
    uint32_t i, run;

    (void)state;
    for (run = 0; run < 4; run++) { /* each run has half of the keys of the one before */
        struct sfx_buf input = {0};

        (void)sfx_buf_puts(&input, "k\n", NULL);
        for (i = 0; i < 12000; i++)
            (void)sfx_buf_printf(&input, NULL, "a key of some length %u\n", run * 6000 + i);
        if (run_on(&keep, "distinct k", sfx_buf_slice(&input), LITTLE_NBYTES, &output, &err) != 0)
            fail_msg("run %u: %s", run, err.text);
        (void)sfx_buf_append(&all, output.data + 2, output.len - 2, NULL);
        sfx_buf_done(&output);
        sfx_buf_done(&input);
    }
    for (i = 0; i < 3 * 6000 + 12000; i++)
        (void)sfx_buf_printf(&expected, NULL, "a key of some length %u\n", i);
    sort_lines(&all);
    sort_lines(&expected);
    assert_true(sfx_slice_eq(sfx_buf_slice(&all), sfx_buf_slice(&expected)));
    sfx_buf_done(&all);
    sfx_buf_done(&expected);
    keep_done(&keep);
}

static void test_whole_records_are_known_whatever_the_order_of_columns(void **state)
{
    static const struct {
        const char *input, *output;
    } runs[] = {
        {"a,b\n1,x\n", "a,b\n1,x\n"},
        {"b,a\nx,1\n1,x\n", "b,a\n1,x\n"},
        {"{\"c\":3}\n{\"b\":\"x\",\"a\":\"1\"}\n", "c\n3\n"},
    };
    struct keep keep = {0};
    struct sfx_buf output;
    struct sfx_err err;
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(runs); i++) {
        if (run_on(&keep, "distinct", sfx_slice_str(runs[i].input), 0, &output, &err) != 0)
            fail_msg("%s", err.text);
        assert_string_equal(sfx_buf_cstr(&output, NULL), runs[i].output);
        sfx_buf_done(&output);
    }
    keep_done(&keep);
}

static void assert_refused(const struct keep *keep, const char *program, const char *message)
{
    struct keep copy = {0};
    struct sfx_buf output;
    struct sfx_err err;

    (void)sfx_buf_append(&copy.was, keep->was.data, keep->was.len, NULL);
    assert_int_equal(run_on(&copy, program, sfx_slice_str("k,x\na,2\n"), 0, &output, &err),
                     SFX_E_INPUT);
    if (strstr(err.text, message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", message, err.text);
    sfx_buf_done(&output);
    keep_done(&copy);
}

static void test_another_state_is_refused(void **state)
{
    static const char program[] = "group k: n = count(), m = median(x) | sort k";
    struct keep keep = {0}, bad = {0};
    struct sfx_buf output;
    struct sfx_err err;
    size_t i;

    (void)state;
    assert_int_equal(run_on(&keep, program, sfx_slice_str("k,x\na,1\nb,2\n"), 0, &output, &err), 0);
    sfx_buf_done(&output);
    assert_refused(&keep, "group k: n = count()", "another program: group k: n = count(), m");
    assert_refused(&keep, "where k = 1 | group k: n = count(), m = median(x)", "another program");
    for (i = 0; i < keep.was.len; i++) {
        sfx_buf_clear(&bad.was);
        (void)sfx_buf_append(&bad.was, keep.was.data, i, NULL);
        if (i > 0)
            assert_refused(&bad, program, "ends early");
        (void)sfx_buf_append(&bad.was, keep.was.data + i, keep.was.len - i, NULL);
        bad.was.data[i] ^= (char)(1 << draw(8));
        assert_refused(&bad, program, "");
    }
    /* What stands behind the group may change. */
    assert_int_equal(run_on(&keep, "group k: n = count(), m = median(x) | where n > 1",
                            sfx_slice_str("k,x\na,2\n"), 0, &output, &err),
                     0);
    assert_string_equal(sfx_buf_cstr(&output, NULL), "k,n,m\na,2,1.5\n");
    sfx_buf_done(&output);
    keep_done(&keep);
    keep_done(&bad);
}

static void test_a_program_says_whether_it_carries(void **state)
{
    static const struct {
        const char *program, *stateful;
        bool carries;
    } cases[] = {
        {"where a > 1", NULL, false},
        {"distinct a", NULL, true},
        {"where a > 1 | group a: n = count() | sort n | head 3", NULL, true},
        {"sort a | group a: n = count()", "sort", true},
        {"distinct a | head 3", "head", true},
        {"dedup a keep last", "dedup", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++) {
        struct sfx_program *program =
            sfx_program_new(cases[i].program, strlen(cases[i].program), NULL, NULL);
        const char *verb = sfx_program_stateful_verb(program);

        assert_int_equal(sfx_program_carries(program), cases[i].carries);
        assert_int_equal(verb == NULL, cases[i].stateful == NULL);
        if (verb != NULL)
            assert_string_equal(verb, cases[i].stateful);
        sfx_program_free(program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_are_those_of_all_runs),
        cmocka_unit_test(test_groups_beyond_memory_are_carried_on_too),
        cmocka_unit_test(test_what_is_carried_in_little_memory_comes_in_order_in_much),
        cmocka_unit_test(test_stages_behind_a_group_see_all_of_it_in_each_run),
        cmocka_unit_test(test_distinct_lets_through_what_no_run_has_seen),
        cmocka_unit_test(test_distinct_beyond_memory_knows_all_keys),
        cmocka_unit_test(test_whole_records_are_known_whatever_the_order_of_columns),
        cmocka_unit_test(test_another_state_is_refused),
        cmocka_unit_test(test_a_program_says_whether_it_carries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
