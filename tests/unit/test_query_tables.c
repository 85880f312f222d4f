/* SPDX-License-Identifier: MIT */
/* Tables put behind each other and turned: union, pivot. */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table_case {
    const char *program, *from, *to, *input, *f, *g, *output;
};

static void gives(const struct table_case *c)
{
    query_gives(&(struct query_run){.program = c->program,
                                    .from = c->from,
                                    .to = c->to,
                                    .input = sfx_slice_str(c->input),
                                    .files = {{"f", sfx_slice_str(c->f != NULL ? c->f : "")},
                                              {"g", sfx_slice_str(c->g != NULL ? c->g : "")}}},
                c->output);
}

static void refuses(const char *program, const char *input, const char *f, int code,
                    const char *message)
{
    query_fails(&(struct query_run){.program = program,
                                    .input = sfx_slice_str(input),
                                    .files = {{"f", sfx_slice_str(f)}}},
                code, message);
}

static void unions_match_columns_by_name(void **state)
{
    static const struct table_case cases[] = {
        {"union f, g", "csv", "csv", "a,b\n1,2\n", "b,c\n3,4\n", "a,b\n005,\"6\"\n",
         "a,b,c\n1,2,\n,3,4\n005,\"6\",\n"},
        {"union f", "csv", "csv", "a,b\n1,2\n", "a,b\n\"3\",04\n", NULL, "a,b\n1,2\n\"3\",04\n"},
        {"union f", "csv", "csv", "a,b\n", "b,a\n3,4\n", NULL, "a,b\n4,3\n"},
        {"union f", "csv", "csv", "a\n1\n", "b\n", NULL, "a,b\n1,\n"},
        {"union f", "csv", "csv", "a\n1\n", "", NULL, "a\n1\n"},
        {"n = num(a) | union f | where n > 1", "csv", "csv", "a\n1\n2\n", "n\n7\n0\n", NULL,
         "a,n\n2,2\n,7\n"},
        {"union f | group a: n = count()", "csv", "csv", "a\n1\n2\n", "a\n1\n3\n", NULL,
         "a,n\n1,2\n2,1\n3,1\n"},
        {"union f | head 3", "csv", "csv", "a\n1\n2\n", "a\n3\n4\n", NULL, "a\n1\n2\n3\n"},
        {"union f | sort -a", "csv", "csv", "a\n1\n2\n", "b,a\nx,3\n", NULL, "a,b\n3,x\n2,\n1,\n"},
        {"where false | union f", "jsonl", "jsonl", "{\"a\":1}\n",
         "{\"b\":[1]}\n{\"c\":2,\"b\":0}\n", NULL, "{\"b\":[1]}\n{\"c\":2,\"b\":0}\n"},
        {"union f", "jsonl", "jsonl", "{\"a\":1}\n{\"b\":2}\n", "a\n3\n", NULL,
         "{\"a\":1}\n{\"b\":2}\n{\"a\":\"3\",\"b\":null}\n"},
        {"union f", "csv", "jsonl", "a\n1\n", "{\"b\":2}\n", NULL,
         "{\"a\":\"1\",\"b\":null}\n{\"b\":2}\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives(&cases[i]);
    refuses("union g, h", "a\n", "", SFX_E_IO, "g: no such file");
    refuses("union f", "a\n1\n", "a\n1,2\n", SFX_E_INPUT,
            "f: line 2, offset 2: record has 2 fields, header has 1");
    refuses("union", "a\n", "", SFX_E_USAGE, "the name of a file is expected here");
}

static void pivot_makes_columns_and_records(void **state)
{
    static const char in[] = "id,m,v\n1,jan,5\n1,feb,\"06\"\n2,feb,7\n2,feb,8\n3,,9\n";
    static const struct table_case cases[] = {
        {"pivot wider m v", "csv", "csv", in, NULL, NULL, "id,jan,feb\n1,5,\"06\"\n2,,7\n3,,\n"},
        {"pivot wider m v agg sum | where feb > 6", "csv", "csv", in, NULL, NULL,
         "id,jan,feb\n2,,15\n"},
        {"pivot wider m v by odd = id % 2 = 1 agg count", "csv", "csv", in, NULL, NULL,
         "odd,jan,feb\ntrue,1,1\nfalse,0,2\n"},
        {"where false | pivot wider m v", "csv", "csv", in, NULL, NULL, "id\n"},
        {"pivot wider a v by k", "jsonl", "jsonl",
         "{\"k\":1,\"a\":\"x\",\"v\":[1]}\n{\"a\":\"y\",\"k\":1,\"v\":2}\n{\"k\":2}\n", NULL, NULL,
         "{\"k\":1,\"x\":[1],\"y\":2}\n{\"k\":2,\"x\":null,\"y\":null}\n"},
        {"pivot longer m, v", "csv", "csv", "id,m,v\n1,\"x\",\n", NULL, NULL,
         "id,name,value\n1,m,\"x\"\n1,v,\n"},
        {"n = num(a) * 2 | pivot longer -a names to k values to x", "csv", "csv", "a,b\n1,q\n",
         NULL, NULL, "a,k,x\n1,b,q\n1,n,2\n"},
        {"pivot longer b, c", "jsonl", "jsonl", "{\"a\":1,\"b\":2}\n{\"c\":null,\"a\":3}\n", NULL,
         NULL, "{\"a\":1,\"name\":\"b\",\"value\":2}\n{\"a\":3,\"name\":\"c\",\"value\":null}\n"},
        {"pivot wider m v | pivot longer -id names to m values to v | where v != null", "csv",
         "csv", "id,m,v\n1,a,5\n1,b,6\n2,b,7\n", NULL, NULL, "id,m,v\n1,a,5\n1,b,6\n2,b,7\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(cases); i++)
        gives(&cases[i]);
    refuses("pivot wider m v by id agg quantile", in, "", SFX_E_USAGE,
            "quantile is no aggregate of one argument");
    refuses("pivot wider m v", "id,m,v\n1,id,2\n", "", SFX_E_INPUT,
            "pivot: there would be two columns id");
    refuses("pivot longer a", "a,name\n", "", SFX_E_USAGE,
            "there is a column name already: names to NAME, values to NAME");
    refuses("pivot wider m", "a\n", "", SFX_E_USAGE, "the column of values is expected here");
    refuses("pivot", "a\n", "", SFX_E_USAGE, "longer or wider is expected before the stage ends");
}

static void a_pivot_of_more_than_its_memory_gives_the_same_bytes(void **state)
{
    struct sfx_buf text = {0};
    size_t i;

    (void)state;
    srand(23);
    (void)sfx_buf_puts(&text, "id,m,v,w\n", NULL);
    for (i = 0; i < 40000; i++)
        (void)sfx_buf_printf(&text, NULL, "%d,m%d,%zu,some\n", rand() % 9000, rand() % 12, i);
    for (i = 0; i < 2; i++) {
        struct query_run whole = {.program = i == 0 ? "pivot wider m v agg sum"
                                                    : "pivot wider m v by id | sort -id",
                                  .input = sfx_buf_slice(&text)};
        struct query_run little = whole;

        little.opts.memory_nbytes = 1 << 20;
        little.piece = 3000;
        query_same(&whole, &little);
    }
    sfx_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unions_match_columns_by_name),
        cmocka_unit_test(pivot_makes_columns_and_records),
        cmocka_unit_test(a_pivot_of_more_than_its_memory_gives_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
