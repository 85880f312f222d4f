/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a table schema, over a few records as CSV and as JSON Lines: it is refused, or it
 * accounts for every record, and gives the same output when the records come in pieces.
 */
#include "../unit/query_run.h"
#include "query/table_schema.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char csv[] =
    "a,b,c,d\n1,x,\"q \"\"q\"\"\",2026-03-05\n2.50,,\"\",\nabc,1e3,\xC3\xA9,true\n"
    "1,00501,a@b.de,2026-03-05T00:00:00Z\n";
static const char jsonl[] = "{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"c\":\"\\u00e9\\n\"}\n"
                            "{\"a\":[1,{}],\"d\":true}\n{\"a\":2.50,\"b\":\"1e3\",\"c\":\"x\"}\n";

static void check(const struct sfx_table_schema *schema, const char *format, struct sfx_slice input)
{
    struct query_run whole = {.program = "sort a",
                              .from = format,
                              .to = "jsonl",
                              .input = input,
                              .opts = {.on_error = SFX_ON_ERROR_SKIP, .schema = schema}};
    struct query_run pieces = whole;
    int rc = query_run(&whole);

    pieces.piece = 7;
    assert(query_run(&pieces) == rc);
    if (rc == 0) {
        assert(sfx_slice_eq(sfx_buf_slice(&whole.output), sfx_buf_slice(&pieces.output)));
        assert(whole.counts.skipped + whole.counts.out == whole.counts.in);
    }
    sfx_buf_done(&whole.output);
    sfx_buf_done(&pieces.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_table_schema *schema;
    static const char foreign[] = "oreign";

    /* Files of foreign keys are not the schema's parser. */
    if (size > 8192 || (size > 0 && memmem(data, size, foreign, sizeof(foreign) - 1) != NULL))
        return 0;
    schema = sfx_table_schema_new((const char *)data, size, "schema.json", NULL);
    if (schema == NULL)
        return 0;
    check(schema, "csv", sfx_slice(csv, sizeof(csv) - 1));
    check(schema, "jsonl", sfx_slice(jsonl, sizeof(jsonl) - 1));
    sfx_table_schema_free(schema);
    return 0;
}
