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

    record_check_pieces(&opts, &source);
    record_check_stable(&opts, "jsonl", false, &source);
    record_check_stable(&opts, "json", false, &source);
    /* The reader of CSV gives columns without a name one. */
    record_check_stable(&opts, "csv", true, &source);
    check_verdict(source.text);
    return 0;
}
