/* SPDX-License-Identifier: MIT */
/* What tests of lib/query want of a run: its output however the input comes, its error, or the
 * output of another run. */
#ifndef TESTS_UNIT_QUERY_ASSERT_H
#define TESTS_UNIT_QUERY_ASSERT_H

#include "base/size.h"
#include "query_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* "jsonl" for a text that begins with a brace, else "csv". */
static inline const char *query_format(const char *text)
{
    return text[0] == '{' ? "jsonl" : "csv";
}

/* Runs what is described, its input whole and in pieces, and wants the same output each time. */
static inline void query_gives(const struct query_run *described, const char *expected)
{
    static const size_t pieces[] = {0, 1, 5, 9, 64};
    size_t i;

    for (i = 0; i < SFX_COUNT(pieces); i++) {
        struct query_run run = *described;

        run.piece = pieces[i];
        if (query_run(&run) < 0)
            fail_msg("%s: %s", run.program, run.err.text);
        if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_slice_str(expected)))
            fail_msg("%s, in pieces of %zu, gives:\n%.*s", run.program, pieces[i],
                     (int)run.output.len, run.output.data);
        sfx_buf_done(&run.output);
    }
}

/* Wants the run to fail, with the code unless that is 0, and a reason that holds message. */
static inline void query_fails(const struct query_run *described, int code, const char *message)
{
    struct query_run run = *described;
    const int rc = query_run(&run);

    if (rc >= 0 || (code != 0 && rc != code))
        fail_msg("%s: the result is %d, not %d: %s", run.program, rc, code,
                 rc < 0 ? run.err.text : "it ran");
    if (strstr(run.err.text, message) == NULL)
        fail_msg("%s: \"%s\", not \"%s\"", run.program, run.err.text, message);
    sfx_buf_done(&run.output);
}

/* Wants the same output of both. */
static inline void query_same(const struct query_run *one, const struct query_run *other)
{
    struct query_run a = *one, b = *other;

    if (query_run(&a) < 0)
        fail_msg("%s: %s", a.program, a.err.text);
    if (query_run(&b) < 0)
        fail_msg("%s: %s", b.program, b.err.text);
    if (!sfx_slice_eq(sfx_buf_slice(&a.output), sfx_buf_slice(&b.output)))
        fail_msg("%s: the output differs from that of %s", b.program, a.program);
    sfx_buf_done(&a.output);
    sfx_buf_done(&b.output);
}

#endif
