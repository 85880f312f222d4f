/* SPDX-License-Identifier: MIT */
/* What the tables show of verbs, functions and aggregates is true, and nothing goes without it. */
#include "query/aggregate_internal.h"
#include "query/running_internal.h"
#include "query/stage_internal.h"
#include "query_run.h"

#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Material that begins with a brace is JSON Lines. */
static const char *format_of(const char *text)
{
    return text[0] == '{' ? "jsonl" : "csv";
}

/* Runs program over input and wants the output, from batches of any size. */
static void wants_with(const char *what, const char *program, const char *input, const char *output,
                       struct query_file file)
{
    static const size_t pieces[] = {0, 1, 7};
    size_t i;

    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct query_run run = {
            .program = program,
            .from = format_of(input),
            .to = format_of(output),
            .input = sfx_slice_str(input),
            .piece = pieces[i],
            .files = {file},
        };

        if (query_run(&run) < 0)
            fail_msg("%s: %s: %s", what, program, run.err.text);
        if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_slice_str(output)))
            fail_msg("%s: %s gives \"%.*s\", not \"%s\"", what, program, (int)run.output.len,
                     run.output.data, output);
        sfx_buf_done(&run.output);
    }
}

static void wants(const char *what, const char *program, const char *input, const char *output)
{
    wants_with(what, program, input, output, (struct query_file){0});
}

static void every_verb_has_an_example_that_is_true(void **state)
{
    const struct sfx_verb *verb;
    size_t i;

    (void)state;
    for (i = 0; (verb = sfx_verb_at(i)) != NULL; i++) {
        assert_non_null(verb->help);
        assert_non_null(verb->plan);
        if (verb->example.program == NULL)
            fail_msg("%s has no example", verb->name);
        assert_non_null(
            strstr(verb->example.program, strcmp(verb->name, "derive") == 0 ? "=" : verb->name));
        wants_with(verb->name, verb->example.program, verb->example.input, verb->example.output,
                   (struct query_file){
                       verb->example.file_name,
                       sfx_slice_str(verb->example.file != NULL ? verb->example.file : "")});
    }
}

/* A value as a field of CSV, after the line of a header. */
static void csv_of(char *out, size_t out_nbytes, const char *name, const char *value)
{
    size_t n = (size_t)snprintf(out, out_nbytes, "%s\n", name);
    bool quote = strpbrk(value, ",\"\r\n") != NULL;

    if (quote)
        out[n++] = '"';
    for (; *value != '\0' && n + 4 < out_nbytes; value++) {
        if (*value == '"')
            out[n++] = '"';
        out[n++] = *value;
    }
    if (quote)
        out[n++] = '"';
    out[n++] = '\n';
    out[n] = '\0';
}

static void every_function_has_an_example_that_is_true(void **state)
{
    const struct sfx_fn_family *family;
    char program[1024], output[1024];
    size_t f, i;

    (void)state;
    for (f = 0; (family = sfx_fn_family_at(f)) != NULL; f++) {
        for (i = 0; i < family->count; i++) {
            const struct sfx_fn *fn = &family->fns[i];

            assert_non_null(fn->help);
            if (fn->example == NULL || fn->gives == NULL)
                fail_msg("%s() has no example", fn->name);
            if (strstr(fn->example, fn->name) == NULL)
                fail_msg("%s() is not in its example", fn->name);
            (void)snprintf(program, sizeof(program), "y = %s | select y", fn->example);
            csv_of(output, sizeof(output), "y", fn->gives);
            wants(fn->name, program, "x\n1\n", output);
        }
    }
}

static void every_aggregate_has_an_example_that_is_true(void **state)
{
    const struct sfx_aggregate *agg;
    char program[1024], output[1024];
    size_t i;

    (void)state;
    for (i = 0; (agg = sfx_aggregate_at(i)) != NULL; i++) {
        if (agg->example == NULL || agg->gives == NULL)
            fail_msg("%s() has no example", agg->name);
        (void)snprintf(program, sizeof(program), "group k: y = %s | select y", agg->example);
        csv_of(output, sizeof(output), "y", agg->gives);
        wants(agg->name, program, "k,x\na,3\na,1\na,\na,2\na,2\n", output);
    }
}

static void every_running_function_has_an_example_that_is_true(void **state)
{
    const struct sfx_running *fn;
    char program[1024], output[1024];
    const char *value;
    size_t i, n;

    (void)state;
    for (i = 0; (fn = sfx_running_at(i)) != NULL; i++) {
        assert_non_null(fn->help);
        if (fn->example == NULL || fn->gives == NULL)
            fail_msg("%s() has no example", fn->name);
        (void)snprintf(program, sizeof(program), "over k%s: y = %s | select k, y",
                       fn->ordered ? " sort num(x)" : "", fn->example);
        n = (size_t)snprintf(output, sizeof(output), "k,y\n");
        for (value = fn->gives; value != NULL; value = *value == ',' ? value + 1 : NULL) {
            int len = (int)strcspn(value, ",");

            n += (size_t)snprintf(output + n, sizeof(output) - n, "a,%.*s\n", len, value);
            value += len;
        }
        wants(fn->name, program, "k,x\na,3\na,1\na,\na,2\na,2\n", output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_has_an_example_that_is_true),
        cmocka_unit_test(every_function_has_an_example_that_is_true),
        cmocka_unit_test(every_aggregate_has_an_example_that_is_true),
        cmocka_unit_test(every_running_function_has_an_example_that_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
