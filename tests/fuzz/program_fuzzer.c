/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a program, over a few records, as CSV and as JSON Lines. What runs must give the
 * same output when the records come in pieces, and must account for every record that it did not
 * keep.
 */
#include "../unit/query_run.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char csv[] =
    "a,b,c,`d\n1,x,\"q \"\"q\"\"\",2026-03-05\n2.50,,\"\",\nabc,1e3,\xC3\xA9,true\n"
    "-7,00501,2,false\n2.5,x,\"q\",2026-03-05T00:00:00Z\n";
static const char jsonl[] = "{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"c\":\"\\u00e9\\n\"}\n"
                            "{\"a\":[1,{}],\"d\":true}\n{\"a\":2.50,\"b\":\"1e3\",\"c\":\"x\"}\n";

static void check(const char *program, const char *format, struct sfx_slice input)
{
    struct query_run whole = {
        .program = program,
        .from = format,
        .to = "jsonl",
        .input = input,
        .opts = {.on_error = SFX_ON_ERROR_SKIP, .memory_nbytes = 1 << 20, .now_ns = 1}};
    struct query_run pieces = whole;
    int rc = query_run(&whole);

    pieces.piece = 7;
    pieces.ahead = pieces.lanes = true;
    assert(query_run(&pieces) == rc);
    if (rc == 0) {
        assert(sfx_slice_eq(sfx_buf_slice(&whole.output), sfx_buf_slice(&pieces.output)));
        assert(whole.counts.in + whole.counts.made ==
               whole.counts.out + whole.counts.skipped + whole.counts.filtered);
    }
    sfx_buf_done(&whole.output);
    sfx_buf_done(&pieces.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *program;

    if (size > 4096)
        return 0;
    program = calloc(size + 1, 1);
    assert(program != NULL);
    if (size > 0)
        memcpy(program, data, size);
    check(program, "csv", sfx_slice(csv, sizeof(csv) - 1));
    check(program, "jsonl", sfx_slice(jsonl, sizeof(jsonl) - 1));
    free(program);
    return 0;
}
