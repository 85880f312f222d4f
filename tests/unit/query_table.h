/* SPDX-License-Identifier: MIT */
/* Tables of programs with what they make of an input, or how they fail: run by tests of lib/query.
 */
#ifndef TESTS_UNIT_QUERY_TABLE_H
#define TESTS_UNIT_QUERY_TABLE_H

#include "base/size.h"
#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct query_example {
    const char *program, *input; /* CSV, or JSON Lines when it begins with a brace */
    const char *output;          /* likewise; "!text": it fails, and the reason holds text */
};

/* Runs the examples, each from input in pieces of several sizes. */
static inline void query_check(const struct query_example *examples, size_t count,
                               const struct sfx_program_opts *opts)
{
    static const size_t pieces[] = {0, 1, 5};
    size_t i, p;

    for (i = 0; i < count; i++) {
        for (p = 0; p < SFX_COUNT(pieces); p++) {
            const struct query_example *e = &examples[i];
            bool fails = e->output[0] == '!';
            struct query_run run = {
                .program = e->program,
                .from = e->input[0] == '{' ? "jsonl" : "csv",
                .to = e->output[0] == '{' ? "jsonl" : "csv",
                .input = sfx_slice_str(e->input),
                .piece = pieces[p],
                .program_opts = *opts,
            };
            int rc = query_run(&run);

            if (fails && (rc == 0 || strstr(run.err.text, e->output + 1) == NULL))
                fail_msg("%s: \"%s\", not \"%s\"", e->program, rc < 0 ? run.err.text : "it ran",
                         e->output + 1);
            if (!fails && rc < 0)
                fail_msg("%s: %s", e->program, run.err.text);
            if (!fails && !sfx_slice_eq(sfx_buf_slice(&run.output), sfx_slice_str(e->output)))
                fail_msg("%s gives \"%.*s\", not \"%s\"", e->program, (int)run.output.len,
                         run.output.data, e->output);
            sfx_buf_done(&run.output);
        }
    }
}

#endif
