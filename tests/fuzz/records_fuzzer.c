/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as one of the formats whose records are lines or tables, the first two bytes choosing
 * which and how they come: the pieces they come in make no difference, and what was written once
 * is written again the same.
 */
#include "base/size.h"

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

/* What a writer made goes in again, and comes out the same a second time. */
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
    }
    for (i = 0; i < 3; i++)
        sfx_buf_done(&bufs[i]);
}

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
    check_same(&opts, &source);
    check_stable(&opts, &source, "csv");
    check_stable(&opts, &source, "jsonl");
    check_stable(&opts, &source, "logfmt");
    check_stable(&opts, &source, "markdown");
    check_looks(&opts, &source);
    return 0;
}
