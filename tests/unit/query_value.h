/* SPDX-License-Identifier: MIT */
/* Expressions and what they give, for the tests of functions. */
#ifndef TESTS_UNIT_QUERY_VALUE_H
#define TESTS_UNIT_QUERY_VALUE_H

#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* Runs expr over input, CSV with one record, and wants its value as JSON. */
static inline void wants_value(const char *expr, struct sfx_slice input, const char *json)
{
    char program[2048], wanted[2048];
    struct query_run run = {.program = program, .to = "jsonl", .input = input};

    (void)snprintf(program, sizeof(program), "y = %s | select y", expr);
    (void)snprintf(wanted, sizeof(wanted), "{\"y\":%s}\n", json);
    if (query_run(&run) < 0)
        fail_msg("%s: %s", expr, run.err.text);
    if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_slice_str(wanted)))
        fail_msg("%s gives %.*s, not %s", expr, (int)run.output.len, run.output.data, wanted);
    sfx_buf_done(&run.output);
}

/* Runs expr over input and wants an error that says message. */
static inline void wants_error(const char *expr, struct sfx_slice input, const char *message)
{
    char program[2048];
    struct query_run run = {.program = program, .to = "jsonl", .input = input};

    (void)snprintf(program, sizeof(program), "y = %s | select y", expr);
    if (query_run(&run) == 0)
        fail_msg("%s gives %.*s", expr, (int)run.output.len, run.output.data);
    if (strstr(run.err.text, message) == NULL)
        fail_msg("%s: %s", expr, run.err.text);
    sfx_buf_done(&run.output);
}

/* Expressions over one record of input, and their values as JSON. */
static inline void wants_values(struct sfx_slice input, const char *const (*pairs)[2], size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        wants_value(pairs[i][0], input, pairs[i][1]);
}

static inline void wants_errors(struct sfx_slice input, const char *const (*pairs)[2], size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        wants_error(pairs[i][0], input, pairs[i][1]);
}

#endif
