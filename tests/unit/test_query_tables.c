/* SPDX-License-Identifier: MIT */
/* Tables put behind each other and turned: union, pivot. */
#include "base/size.h"
#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table_case {
    const char *program, *from, *to, *input, *f, *g, *output;
};

static void gives(const struct table_case *c)
{
    static const size_t pieces[] = {0, 1, 9};
    size_t i;

    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct query_run run = {
            .program = c->program,
            .from = c->from,
            .to = c->to,
            .input = sfx_slice_str(c->input),
            .piece = pieces[i],
            .files = {{"f", sfx_slice_str(c->f != NULL ? c->f : "")},
                      {"g", sfx_slice_str(c->g != NULL ? c->g : "")}},
        };

        if (query_run(&run) < 0)
            fail_msg("%s: %s", c->program, run.err.text);
        assert_string_equal(sfx_buf_cstr(&run.output, NULL), c->output);
        sfx_buf_done(&run.output);
    }
}

static void refuses(const char *program, const char *input, const char *f, int code,
                    const char *message)
{
    struct query_run run = {
        .program = program,
        .input = sfx_slice_str(input),
        .files = {{"f", sfx_slice_str(f)}},
    };

    assert_int_equal(query_run(&run), code);
    assert_string_equal(run.err.text, message);
    sfx_buf_done(&run.output);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unions_match_columns_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
