/* SPDX-License-Identifier: MIT */
/* over: running functions against plain loops, their rules, and the same bytes from little memory.
 */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void gives_as(const char *format, const char *program, const char *input,
                     const char *expected)
{
    query_gives(
        &(struct query_run){
            .program = program, .from = format, .to = format, .input = sfx_slice_str(input)},
        expected);
}

static void gives(const char *program, const char *input, const char *expected)
{
    gives_as("csv", program, input, expected);
}

static void refuses(const char *program, const char *input, int code, const char *message)
{
    query_fails(&(struct query_run){.program = program, .input = sfx_slice_str(input)}, code,
                message);
}

static void rows_keep_their_order_and_their_bytes(void **state)
{
    static const char in[] = "k,x\nb,\"007\"\na,2\nb,1.50\na,1\n";

    (void)state;
    gives("over k: cumsum(x)", in, "k,x,cumsum_x\nb,\"007\",7\na,2,2\nb,1.50,8.50\na,1,3\n");
    gives("over k sort num(x): n = row_number()", in,
          "k,x,n\nb,\"007\",2\na,2,2\nb,1.50,1\na,1,1\n");
    gives("over k sort -num(x): x = row_number()", in, "k,x\nb,1\na,1\nb,2\na,2\n");
    gives("over k: prev = lag(x), next = lead(x)", in,
          "k,x,prev,next\nb,\"007\",,1.50\na,2,,1\nb,1.50,\"007\",\na,1,2,\n");
    gives("over: t = sum(x), n = count() | select t, n | head 1", in, "t,n\n11.50,4\n");
    gives("over k: x = lag(x, 1, \"none\")", in, "k,x\nb,none\na,none\nb,\"007\"\na,2\n");
    gives("over u = upper(k): c = cumcount() | where c = 2 | select k, c", in, "k,c\nb,2\na,2\n");
    gives("over k: cumsum(x), sum(x)", "k,x\n", "k,x,cumsum_x,sum_x\n");
}

static void numbers_and_times_stay_what_they_are(void **state)
{
    static const char in[] = "t,x\n2026-01-01,10\n2026-01-03,9\n2026-01-08,100\n";

    (void)state;
    gives("t = time(t), x = num(x) | over sort -t: later = lag(t), more = lead(x) "
          "| where more < 10 | gap = later - t | select t, later, more, gap",
          in, "t,later,more,gap\n2026-01-08,,9,\n");
    gives("x = num(x) | over: p = lag(x) | sort -p | select x, p", in, "x,p\n9,10\n100,9\n10,\n");
}

static void nulls_have_their_rules(void **state)
{
    static const char in[] = "x\n\n3\n\n5\n";

    (void)state;
    gives("over: s = cumsum(x), c = cumcount(x), d = delta(x), m = moving_mean(x, 2), "
          "e = ewma(x, 0.5) | drop x",
          in, "s,c,d,m,e\n,0,,,\n3,1,,3,3\n3,1,,3,3\n8,2,2,5,4\n");
    gives_as("jsonl", "over: p = lag(a), n = lead(a)", "{\"a\":1}\n{\"b\":2}\n{\"a\":[3]}\n",
             "{\"a\":1,\"p\":null,\"n\":null}\n{\"b\":2,\"p\":1,\"n\":[3]}\n"
             "{\"a\":[3],\"p\":null,\"n\":null}\n");
}

static void mistakes_are_told(void **state)
{
    (void)state;
    refuses("over k: rank()", "k\n", SFX_E_USAGE, "rank() needs an order: over … sort KEY: …");
    refuses("over k: cumsm(k)", "k\n", SFX_E_USAGE,
            "cumsm is no running function: did you mean cumsum?");
    refuses("over k: lag(k, 0)", "k\n", SFX_E_USAGE,
            "lag takes a whole number from 1 to 1000000 here");
    refuses("over k: lag()", "k\n", SFX_E_USAGE, "lag takes other arguments: lag(x[, n[, other]])");
    refuses("over k: ewma(k, 2)", "k\n", SFX_E_USAGE,
            "ewma takes a number above 0 and not above 1 here");
    refuses("over k: cumsum(k + 1)", "k\n", SFX_E_USAGE,
            "a function of an expression needs a name: name = cumsum(…)");
    refuses("over k", "k\n", SFX_E_USAGE, "\":\" is expected before the stage ends");
    refuses("over: cumsum(k)", "k\n1\nx\n", SFX_E_INPUT,
            "in: line 3, offset 4: column k: \"x\" is not a number");
    refuses("over: lead(k), s = cumsum(k)", "k\n1\nx\n", SFX_E_INPUT,
            "in: line 3, offset 4: column k: \"x\" is not a number");
}

/* --- against plain loops ------------------------------------------------------------------------
 */

struct row {
    int group, value;
};

static size_t make_rows(struct row *rows, size_t most, int ngroups, struct sfx_buf *text)
{
    size_t i, n = (size_t)rand() % (most + 1);

    (void)sfx_buf_puts(text, "g,x\n", NULL);
    for (i = 0; i < n; i++) {
        rows[i] = (struct row){rand() % ngroups, rand() % 50};
        (void)sfx_buf_printf(text, NULL, "g%d,%d\n", rows[i].group, rows[i].value);
    }
    return n;
}

/* cumsum, lag 2, lead 2, rank by value, sum, row number by value. */
static void naive(const struct row *rows, size_t n, struct sfx_buf *out)
{
    size_t i, k;

    (void)sfx_buf_puts(out, "g,x,s,b,a,r,t,n\n", NULL);
    for (i = 0; i < n; i++) {
        int sum = 0, total = 0, rank = 1, number = 1, before = -1, after = -1;

        for (k = 0; k < n; k++) {
            int v = rows[k].value, mine = rows[i].value;

            if (rows[k].group != rows[i].group)
                continue;
            total += v;
            sum += v < mine || (v == mine && k <= i) ? v : 0;
            rank += v < mine;
            number += v < mine || (v == mine && k < i);
        }
        for (k = 0; k < n; k++) { /* places of the others in the order */
            size_t j;
            int place = 1;

            if (rows[k].group != rows[i].group)
                continue;
            for (j = 0; j < n; j++)
                place +=
                    rows[j].group == rows[k].group &&
                    (rows[j].value < rows[k].value || (rows[j].value == rows[k].value && j < k));
            if (place == number - 2)
                before = rows[k].value;
            if (place == number + 2)
                after = rows[k].value;
        }
        (void)sfx_buf_printf(out, NULL, "g%d,%d,%d,", rows[i].group, rows[i].value, sum);
        if (before >= 0)
            (void)sfx_buf_printf(out, NULL, "%d", before);
        (void)sfx_buf_puts(out, ",", NULL);
        if (after >= 0)
            (void)sfx_buf_printf(out, NULL, "%d", after);
        (void)sfx_buf_printf(out, NULL, ",%d,%d,%d\n", rank, total, number);
    }
}

#define PROGRAM                                                                                    \
    "over g sort num(x): s = cumsum(x), b = lag(x, 2), a = lead(x, 2), r = rank(), t = sum(x), "   \
    "n = row_number()"

static void random_groups_equal_plain_loops(void **state)
{
    size_t round;

    (void)state;
    srand(17);
    for (round = 0; round < 60; round++) {
        struct row rows[80];
        struct sfx_buf text = {0}, expected = {0};
        size_t n = make_rows(rows, SFX_COUNT(rows), 1 + rand() % 6, &text);
        struct query_run run = {
            .program = PROGRAM,
            .input = sfx_buf_slice(&text),
            .piece = rand() % 2 == 0 ? 1 + (size_t)rand() % 40 : 0,
        };

        naive(rows, n, &expected);
        if (query_run(&run) < 0)
            fail_msg("%s", run.err.text);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), sfx_buf_cstr(&expected, NULL));
        sfx_buf_done(&run.output);
        sfx_buf_done(&text);
        sfx_buf_done(&expected);
    }
}

static void little_memory_gives_the_same_bytes(void **state)
{
    static const char *const programs[] = {
        PROGRAM,
        "over g: l = lead(x, 3, 0), m = moving_min(x, 5), c = count()",
        "over sort -num(x), g: r = rank(), q = ntile(7), p = percent_rank() | drop g",
        "over g: l = lag(x), s = cumsum(x)",
    };
    struct row *rows = calloc(40000, sizeof(*rows));
    struct sfx_buf text = {0};
    size_t i;

    (void)state;
    srand(19);
    while (make_rows(rows, 40000, 300, &text) < 20000)
        sfx_buf_clear(&text);
    for (i = 0; i < SFX_COUNT(programs); i++) {
        struct query_run whole = {.program = programs[i], .input = sfx_buf_slice(&text)};
        struct query_run little = whole;

        little.opts.memory_nbytes = 1 << 20;
        little.piece = 5000;
        query_same(&whole, &little);
    }
    free(rows);
    sfx_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_their_order_and_their_bytes),
        cmocka_unit_test(numbers_and_times_stay_what_they_are),
        cmocka_unit_test(nulls_have_their_rules),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(random_groups_equal_plain_loops),
        cmocka_unit_test(little_memory_gives_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
