/* SPDX-License-Identifier: MIT */
/* No record is lost from the counts: in and made is out, rejected, skipped and filtered. */
#include "query/stage_internal.h"

#include "base/size.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "query_run.h"

#define DIRTY "a,b\n1,x\nabc,y\n3,z\n,w\n5,2\n5,2\n7,3\n"

static int keep(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    (void)r;
    (void)err;
    (*(uint64_t *)ctx)++;
    return 0;
}

static int put_nowhere(void *ctx, struct sfx_slice name, struct sfx_batch *batch,
                       struct sfx_err *err)
{
    (void)ctx;
    (void)name;
    (void)batch;
    (void)err;
    return 0;
}

/* Runs the program as on_error says and checks the sum. */
static void balances(const char *program, struct sfx_slice input, const char *from,
                     enum sfx_on_error on_error, size_t piece, struct query_file file)
{
    uint64_t kept = 0;
    const struct sfx_reject_sink sink = {keep, &kept};
    const struct sfx_side_outputs side = {put_nowhere, NULL};
    struct query_run run = {
        .program = program,
        .input = input,
        .piece = piece,
        .from = from,
        .files = {file},
        .to = "jsonl",
        .opts = {.on_error = on_error, .rejects = &sink, .side = &side},
    };
    const struct sfx_query_counts *c = &run.counts;
    uint64_t lines = 0;
    size_t i;
    int rc = query_run(&run);

    if (rc < 0)
        fail_msg("%s: %s", program, run.err.text);
    for (i = 0; i < run.output.len; i++)
        lines += run.output.data[i] == '\n';
    assert_int_equal(c->out, lines);
    assert_int_equal(c->rejected, kept);
    if (c->in + c->made != c->out + c->rejected + c->skipped + c->filtered)
        fail_msg("%s: %d in, %d made, %d out, %d rejected, %d skipped, %d filtered", program,
                 (int)c->in, (int)c->made, (int)c->out, (int)c->rejected, (int)c->skipped,
                 (int)c->filtered);
    sfx_buf_done(&run.output);
}

static void every_pair_of_stages_balances(void **state)
{
    static const char *const stages[] = {
        "where a > 2",
        "where b",
        "c = a * 2",
        "c = num(b)?",
        "select a, b",
        "drop b | b = a",
        "head 2",
        "head 0",
        "sort num(a)",
        "sort b",
        "distinct a",
        "distinct",
        "distinct num(b)",
        "group b, a: n = count()",
        "group b: a = sum(a)",
        "group b, a: max(num(b))",
        "rename a = b, b = a",
        "expect r: a > 1 skip",
        "expect r: num(b) > 1 reject",
        "expect r: a > 3 warn",
    };
    static const enum sfx_on_error modes[] = {SFX_ON_ERROR_SKIP, SFX_ON_ERROR_REJECT,
                                              SFX_ON_ERROR_NULL};
    static const size_t pieces[] = {0, 1, 12};
    char program[128];
    size_t i, k, m, p;

    (void)state;
    for (i = 0; i < SFX_COUNT(stages); i++) {
        for (k = 0; k < SFX_COUNT(stages); k++) {
            (void)snprintf(program, sizeof(program), "%s | %s", stages[i], stages[k]);
            for (m = 0; m < SFX_COUNT(modes); m++) {
                for (p = 0; p < SFX_COUNT(pieces); p++)
                    balances(program, SFX_SLICE_LIT(DIRTY), NULL, modes[m], pieces[p],
                             (struct query_file){0});
            }
        }
    }
}

static void every_verb_balances(void **state)
{
    const struct sfx_verb *verb;
    size_t i;

    (void)state;
    for (i = 0; (verb = sfx_verb_at(i)) != NULL; i++) {
        const char *input = verb->example.input;

        if (verb->example.program != NULL && input != NULL)
            balances(verb->example.program, sfx_slice_str(input), input[0] == '{' ? "jsonl" : "csv",
                     SFX_ON_ERROR_SKIP, 0,
                     (struct query_file){
                         verb->example.file_name,
                         sfx_slice_str(verb->example.file != NULL ? verb->example.file : "")});
    }
}

static void what_stages_leave_out_and_make_is_told_apart(void **state)
{
    uint64_t kept = 0;
    const struct sfx_reject_sink sink = {keep, &kept};
    struct query_run run = {.program = "where a > 1 | c = num(b)",
                            .input = SFX_SLICE_LIT(DIRTY),
                            .opts = {.on_error = SFX_ON_ERROR_REJECT, .rejects = &sink}};
    struct query_run group = {.program = "group: n = count()", .input = SFX_SLICE_LIT("a\n")};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_int_equal(run.counts.in, 7);
    assert_int_equal(run.counts.rejected, 2); /* abc, z */
    assert_int_equal(run.counts.filtered, 2); /* 1, empty */
    assert_int_equal(run.counts.out, 3);
    assert_int_equal(run.counts.made, 0);
    sfx_buf_done(&run.output);
    assert_int_equal(query_run(&group), 0);
    assert_int_equal(group.counts.made, 1);
    sfx_buf_done(&group.output);
}

static void a_bad_cell_becomes_null_and_its_record_goes_on(void **state)
{
    struct query_run run = {.program = "c = a * 2, d = num(b) | where c = null or c > 2",
                            .input = SFX_SLICE_LIT("a,b\n1,x\nabc,y\n3,4\n"),
                            .opts = {.on_error = SFX_ON_ERROR_NULL}};

    (void)state;
    assert_int_equal(query_run(&run), 0);
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), "a,b,c,d\nabc,y,,\n3,4,6,4\n");
    assert_int_equal(run.counts.nulled, 3);
    assert_int_equal(run.counts.rejected + run.counts.skipped, 0);
    sfx_buf_done(&run.output);
}

/* Runs a program over the dirty records with room for two errors; the third ends it. */
static void ends_with_the_third(enum sfx_on_error on_error, const char *output)
{
    uint64_t kept = 0;
    const struct sfx_reject_sink sink = {keep, &kept};
    struct sfx_error_count errors = {.fatal = 3};
    struct query_run run = {.program = "c = num(b)",
                            .input = SFX_SLICE_LIT(DIRTY),
                            .opts = {.on_error = on_error, .rejects = &sink, .errors = &errors}};

    assert_int_equal(query_run(&run), SFX_E_INPUT);
    assert_string_equal(run.err.text,
                        "more than 2 errors: in: line 4, offset 14: column b: \"z\" is "
                        "not a number");
    assert_string_equal(sfx_buf_cstr(&run.output, NULL), output);
    if (on_error != SFX_ON_ERROR_SKIP)
        assert_int_equal(kept, on_error == SFX_ON_ERROR_REJECT ? 3 : 1);
    sfx_buf_done(&run.output);
}

static void the_error_that_is_too_much_ends_the_run(void **state)
{
    (void)state;
    ends_with_the_third(SFX_ON_ERROR_SKIP, "a,b,c\n");
    ends_with_the_third(SFX_ON_ERROR_REJECT, "a,b,c\n");
    ends_with_the_third(SFX_ON_ERROR_NULL, "a,b,c\n1,x,\nabc,y,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_stages_balances),
        cmocka_unit_test(every_verb_balances),
        cmocka_unit_test(what_stages_leave_out_and_make_is_told_apart),
        cmocka_unit_test(a_bad_cell_becomes_null_and_its_record_goes_on),
        cmocka_unit_test(the_error_that_is_too_much_ends_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
