/* SPDX-License-Identifier: MIT */
/* flatten and nest: which columns there are, whatever the batches, and what cannot be. */
#include "query_assert.h"

#include <stdio.h>

struct nest_case {
    const char *program, *from, *to, *input, *output;
};

static void gives(const struct nest_case *c)
{
    query_gives(
        &(struct query_run){
            .program = c->program, .from = c->from, .to = c->to, .input = sfx_slice_str(c->input)},
        c->output);
}

#define CHECK(cases)                                                                               \
    do {                                                                                           \
        size_t i_;                                                                                 \
                                                                                                   \
        for (i_ = 0; i_ < SFX_COUNT(cases); i_++)                                                  \
            gives(&(cases)[i_]);                                                                   \
    } while (0)

static void members_become_columns(void **state)
{
    static const struct nest_case cases[] = {
        {"flatten", "jsonl", "jsonl", "{\"a\":{\"x\":1.50,\"y\":{\"z\":\"q\\n\"}},\"b\":2}\n",
         "{\"a.x\":1.50,\"a.y.z\":\"q\\n\",\"b\":2}\n"},
        {"flatten a sep \"_\"", "jsonl", "jsonl", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}\n",
         "{\"a_x\":1,\"b\":{\"x\":2}}\n"},
        /* What is no object stays: arrays, null, {} and plain values. */
        {"flatten", "jsonl", "jsonl",
         "{\"a\":[{\"x\":1}]}\n{\"a\":null}\n{\"a\":{}}\n{\"a\":5}\n{\"a\":{\"x\":{}}}\n{\"a\":"
         "\"t\"}\n",
         "{\"a\":[{\"x\":1}]}\n{\"a\":null}\n{\"a\":{}}\n{\"a\":5}\n{\"a.x\":{}}\n{\"a\":\"t\"}\n"},
        /* A record has its own members only, in the order in which records brought them. */
        {"flatten", "jsonl", "jsonl",
         "{\"a\":{\"x\":1},\"b\":1}\n{\"a\":{\"y\":2},\"b\":2}\n{\"a\":{\"y\":4,\"x\":3},\"b\":3}"
         "\n",
         "{\"a.x\":1,\"b\":1}\n{\"b\":2,\"a.y\":2}\n{\"a.x\":3,\"b\":3,\"a.y\":4}\n"},
        {"flatten", "jsonl", "jsonl", "{\"a\":{\"k\\u0065y\":1,\"\":2}}\n",
         "{\"a.key\":1,\"a.\":2}\n"},
        {"flatten | where a.x > 1 | select a.x", "jsonl", "csv",
         "{\"a\":{\"x\":1}}\n{\"a\":{\"y\":5}}\n{\"a\":{\"x\":2}}\n", "a.x\n2\n"},
        {"flatten | group: n = count(a.y)", "jsonl", "csv",
         "{\"a\":{\"x\":1}}\n{\"a\":{\"y\":5}}\n", "n\n1\n"},
        {"where b = 2 | flatten", "jsonl", "jsonl",
         "{\"b\":1,\"a\":{\"x\":1}}\n{\"b\":2,\"a\":{\"y\":1}}\n", "{\"b\":2,\"a.y\":1}\n"},
        {"flatten | head 2", "jsonl", "jsonl",
         "{\"a\":{\"x\":1}}\n{\"a\":{\"y\":1}}\n{\"a\":{\"z\":1}}\n", "{\"a.x\":1}\n{\"a.y\":1}\n"},
        /* CSV has no objects but those made by json(). */
        {"flatten", "csv", "csv", "a,b\n\"{\"\"x\"\":1}\",2\n", "a,b\n\"{\"\"x\"\":1}\",2\n"},
        {"a = json(a) | flatten a", "csv", "csv", "a,b\n\"{\"\"x\"\":1,\"\"y\"\":\"\"z\"\"}\",2\n",
         "a.x,a.y,b\n1,z,2\n"},
        {"flatten", "csv", "csv", "a,b\n", "a,b\n"},
        {"n = 1 + 1 | flatten", "jsonl", "jsonl", "{\"a\":{\"x\":1}}\n", "{\"a.x\":1,\"n\":2}\n"},
    };

    (void)state;
    CHECK(cases);
}

static void columns_become_members(void **state)
{
    static const struct nest_case cases[] = {
        {"nest", "jsonl", "jsonl", "{\"id\":1,\"a.x\":1.50,\"b\":2,\"a.y.z\":null}\n",
         "{\"id\":1,\"a\":{\"x\":1.50,\"y\":{\"z\":null}},\"b\":2}\n"},
        {"nest a", "csv", "jsonl", "a.x,b.x\n1,2\n", "{\"a\":{\"x\":\"1\"},\"b.x\":\"2\"}\n"},
        {"nest sep \"_\"", "csv", "jsonl", "a_x,a_y,b\n\"say \"\"hi\"\"\",,3\n",
         "{\"a\":{\"x\":\"say \\\"hi\\\"\",\"y\":\"\"},\"b\":\"3\"}\n"},
        {"a.n = 1 + 1, a.t = 1 = 1, a.e = null | nest", "csv", "jsonl", "b\n1\n",
         "{\"b\":\"1\",\"a\":{\"n\":2,\"t\":true,\"e\":null}}\n"},
        /* Members that a record does not have; a value instead of members. */
        {"nest", "jsonl", "jsonl",
         "{\"a.x\":1}\n{\"a.y\":2}\n{\"b\":3}\n{\"a\":4}\n{\"a\":null,\"a.x\":5}\n",
         "{\"a\":{\"x\":1}}\n{\"a\":{\"y\":2}}\n{\"b\":3}\n{\"a\":4}\n{\"a\":{\"x\":5}}\n"},
        {"nest", "jsonl", "jsonl", "{\".x\":1,\"a.\":2}\n", "{\".x\":1,\"a\":{\"\":2}}\n"},
        {"flatten | nest", "jsonl", "jsonl", "{\"a\":{\"x\":{\"y\":1},\"z\":[]},\"b\":{}}\n",
         "{\"a\":{\"x\":{\"y\":1},\"z\":[]},\"b\":{}}\n"},
        {"nest", "csv", "jsonl", "a.x\n", ""},
    };

    (void)state;
    CHECK(cases);
}

static void fails(const char *program, const char *input, int code, const char *message)
{
    query_fails(
        &(struct query_run){
            .program = program, .from = "jsonl", .to = "jsonl", .input = sfx_slice_str(input)},
        code, message);
}

static void what_cannot_be_is_told(void **state)
{
    (void)state;
    fails("flatten", "{\"a.x\":1,\"a\":{\"x\":2}}\n", SFX_E_USAGE, "a.x, which is there already");
    fails("flatten", "{\"a\":{\"x\":2}}\n{\"a.x\":1}\n", SFX_E_USAGE, "which is there already");
    fails("nest", "{\"a\":1,\"a.x\":2}\n", SFX_E_INPUT, "column a: has a value and members");
    fails("nest", "{\"a.b\":1,\"a.b.c\":2}\n", SFX_E_INPUT, "column a: has a value and members");
    fails("flatten sep 5", "{}\n", SFX_E_USAGE, "sep is followed by a string");
    fails("nest a sep ''", "{}\n", SFX_E_USAGE, "sep is followed by a string");
}

static void names_and_columns_are_bounded(void **state)
{
    struct sfx_buf text = {0};
    struct query_run run = {.program = "nest", .from = "jsonl", .to = "jsonl"};
    size_t i;

    (void)state;
    assert_int_equal(sfx_buf_puts(&text, "{\"a", NULL), 0);
    for (i = 0; i < 20000; i++)
        assert_int_equal(sfx_buf_puts(&text, ".a", NULL), 0);
    assert_int_equal(sfx_buf_puts(&text, "\":1}\n", NULL), 0);
    run.input = sfx_buf_slice(&text);
    assert_int_equal(query_run(&run), 0);
    sfx_buf_done(&run.output);
    sfx_buf_clear(&text);
    assert_int_equal(sfx_buf_puts(&text, "{\"a\":{\"x\":0", NULL), 0);
    for (i = 0; i < 5000; i++)
        assert_int_equal(sfx_buf_printf(&text, NULL, ",\"k%zu\":1", i), 0);
    assert_int_equal(sfx_buf_puts(&text, "}}\n", NULL), 0);
    run.program = "flatten";
    run.input = sfx_buf_slice(&text);
    assert_int_equal(query_run(&run), SFX_E_LIMIT);
    sfx_buf_done(&run.output);
    sfx_buf_done(&text);
}

/* Thousands of records that take turns in what they have; what says the same as it did is copied.
 */
static void many_records_are_flattened_alike(void **state)
{
    struct sfx_buf text = {0}, wanted = {0};
    struct nest_case c = {"flatten", "jsonl", "jsonl", NULL, NULL};
    size_t i;

    (void)state;
    for (i = 0; i < 3000; i++) {
        assert_int_equal(sfx_buf_printf(&text, NULL,
                                        i % 3 == 0   ? "{\"a\":{\"x\":%zu},\"b\":1}\n"
                                        : i % 3 == 1 ? "{\"a\":%zu,\"b\":1}\n"
                                                     : "{\"a\":{\"y\":{\"z\":%zu}},\"b\":1}\n",
                                        i),
                         0);
        assert_int_equal(sfx_buf_printf(&wanted, NULL,
                                        i % 3 == 0   ? "{\"a.x\":%zu,\"b\":1}\n"
                                        : i % 3 == 1 ? "{\"a\":%zu,\"b\":1}\n"
                                                     : "{\"b\":1,\"a.y.z\":%zu}\n",
                                        i),
                         0);
    }
    c.input = sfx_buf_cstr(&text, NULL);
    c.output = sfx_buf_cstr(&wanted, NULL);
    gives(&c);
    sfx_buf_done(&text);
    sfx_buf_done(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_columns),
        cmocka_unit_test(columns_become_members),
        cmocka_unit_test(what_cannot_be_is_told),
        cmocka_unit_test(names_and_columns_are_bounded),
        cmocka_unit_test(many_records_are_flattened_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
