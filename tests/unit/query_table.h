/* SPDX-License-Identifier: MIT */
/* Tables of programs with what they make of an input, or how they fail: run by tests of lib/query.
 */
#ifndef TESTS_UNIT_QUERY_TABLE_H
#define TESTS_UNIT_QUERY_TABLE_H

#include "query_assert.h"

struct query_example {
    const char *program, *input; /* CSV, or JSON Lines when it begins with a brace */
    const char *output;          /* likewise; "!text": it fails, and the reason holds text */
};

static inline void query_check(const struct query_example *examples, size_t count,
                               const struct sfx_program_opts *opts)
{
    const struct query_example *e;

    for (e = examples; e < examples + count; e++) {
        const struct query_run run = {.program = e->program,
                                      .from = query_format(e->input),
                                      .to = query_format(e->output),
                                      .input = sfx_slice_str(e->input),
                                      .program_opts = *opts};

        if (e->output[0] == '!')
            query_fails(&run, 0, e->output + 1);
        else
            query_gives(&run, e->output);
    }
}

#endif
