/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as JSON Lines or JSON, the first byte choosing how they come: the pieces make no
 * difference, a line is a record just when it is valid JSON and an object, and what was written
 * once is written again the same.
 */
#include "json/json.h"

#include "../unit/record_fixture.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct record_opts *opts, const struct record_source *source)
{
    const struct record_source whole = {.text = source->text};
    struct sfx_buf a = {0};
    struct sfx_buf b = {0};

    (void)record_dump(opts, &whole, &a);
    (void)record_dump(opts, source, &b);
    assert(sfx_slice_eq(sfx_buf_slice(&a), sfx_buf_slice(&b)));
    sfx_buf_done(&a);
    sfx_buf_done(&b);
}

/* What comes out goes in again and comes out the same; CSV needs a second time, because its reader
 * gives columns without a name one. */
static void check_stable(const struct record_opts *opts, const struct record_source *source,
                         const char *to)
{
    const struct record_opts again = {.format = to};
    struct sfx_buf bufs[3] = {{0}, {0}, {0}};
    struct record_source written = {0};
    struct sfx_err err;
    size_t i;

    if (record_convert(opts, to, source, &bufs[0], &err) == 0) {
        for (i = 1; i < 3; i++) {
            written.text = sfx_buf_slice(&bufs[i - 1]);
            assert(record_convert(&again, to, &written, &bufs[i], &err) == 0);
        }
        assert(sfx_slice_eq(sfx_buf_slice(&bufs[1]), sfx_buf_slice(&bufs[2])));
        assert(strcmp(to, "csv") == 0 ||
               sfx_slice_eq(sfx_buf_slice(&bufs[0]), sfx_buf_slice(&bufs[1])));
    }
    for (i = 0; i < 3; i++)
        sfx_buf_done(&bufs[i]);
}

/* The first line by the strict reader of lib/json, and as a record. */
static void check_verdict(struct sfx_slice text)
{
    static const struct record_opts opts = {.format = "jsonl"};
    const char *nl = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;
    struct sfx_buf out = {0};
    struct record_source source;
    size_t i = 0;
    bool is_object;

    if (nl != NULL)
        text.len = (size_t)(nl - text.ptr);
    while (i < text.len && strchr(" \t\r", text.ptr[i]) != NULL && text.ptr[i] != '\0')
        i++;
    if (i == text.len || (unsigned char)text.ptr[0] == 0xef)
        return; /* a blank line, or perhaps a byte order mark */
    is_object = text.ptr[i] == '{' && sfx_json_validate(text.ptr, text.len, NULL) == 0;
    source = (struct record_source){.text = text};
    assert((record_dump(&opts, &source, &out) == 0) == is_object);
    sfx_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned how = size > 0 ? data[0] : 0;
    const struct record_opts opts = {.format = how & 64 ? "json" : "jsonl",
                                     .rejects = (how & 32) != 0};
    const struct record_source source = {
        .text = sfx_slice((const char *)data + (size > 0), size - (size > 0)),
        .chunk = how & 15,
        .pauses = (how & 16) != 0};

    check_same(&opts, &source);
    check_stable(&opts, &source, "jsonl");
    check_stable(&opts, &source, "json");
    check_stable(&opts, &source, "csv");
    check_verdict(source.text);
    return 0;
}
