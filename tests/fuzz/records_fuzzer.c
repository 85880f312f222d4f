/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as one of the formats whose records are lines or tables, the first two bytes choosing
 * which and how they come: the pieces they come in make no difference, and what was written once
 * is written again the same.
 */
#include "base/size.h"

#include "../unit/record_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What cannot be read again is at least written. */
static void check_looks(const struct record_opts *opts, const struct record_source *source)
{
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)record_convert(opts, "box", source, &out, &err);
    sfx_buf_clear(&out);
    (void)record_convert(opts, "fixed", source, &out, &err);
    sfx_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formats[] = {"lines",    "logfmt", "syslog",  "clf",
                                          "combined", "fixed",  "markdown"};
    const unsigned how = size > 0 ? data[0] : 0;
    const unsigned which = size > 1 ? data[1] : 0;
    const size_t skip = size < 2 ? size : 2;
    const struct record_opts opts = {.format = formats[which % SFX_COUNT(formats)],
                                     .rejects = (how & 32) != 0};
    const struct record_source source = {.text = sfx_slice((const char *)data + skip, size - skip),
                                         .chunk = how & 15,
                                         .pauses = (how & 16) != 0};

    (void)sfx_format_detect(NULL, source.text);
    record_check_pieces(&opts, &source);
    record_check_stable(&opts, "csv", true, &source);
    record_check_stable(&opts, "jsonl", true, &source);
    record_check_stable(&opts, "logfmt", true, &source);
    record_check_stable(&opts, "markdown", true, &source);
    check_looks(&opts, &source);
    return 0;
}
