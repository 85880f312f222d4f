/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as CSV or TSV, the first byte choosing how they come: the pieces they come in and the
 * variant of the index make no difference, and what was written once is written again the same.
 */
#include "base/cpu.h"

#include "../unit/record_fixture.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct record_opts *opts, const struct record_source *source,
                       uint32_t cpu)
{
    const struct record_source whole = {.text = source->text};
    struct sfx_buf a = {0};
    struct sfx_buf b = {0};

    sfx_cpu_force(0);
    (void)record_dump(opts, &whole, &a);
    sfx_cpu_force(cpu);
    (void)record_dump(opts, source, &b);
    assert(sfx_slice_eq(sfx_buf_slice(&a), sfx_buf_slice(&b)));
    sfx_buf_done(&a);
    sfx_buf_done(&b);
}

/* What comes out goes in again and comes out the same. */
static void check_stable(const struct record_opts *opts, const struct record_source *source,
                         const char *to)
{
    const struct record_opts again = {.format = to};
    struct sfx_buf once = {0};
    struct sfx_buf twice = {0};
    struct sfx_err err;

    if (record_convert(opts, to, source, &once, &err) == 0) {
        const struct record_source written = {.text = sfx_buf_slice(&once)};

        assert(record_convert(&again, to, &written, &twice, &err) == 0);
        assert(sfx_slice_eq(sfx_buf_slice(&once), sfx_buf_slice(&twice)));
    }
    sfx_buf_done(&once);
    sfx_buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned how = size > 0 ? data[0] : 0;
    const struct record_opts opts = {.format = how & 64 ? "tsv" : "csv",
                                     .rejects = (how & 32) != 0};
    const struct record_source source = {
        .text = sfx_slice((const char *)data + (size > 0), size - (size > 0)),
        .chunk = how & 15,
        .pauses = (how & 16) != 0};

    check_same(&opts, &source, how & 128 ? ~0u : SFX_CPU_AVX2 | SFX_CPU_PCLMUL);
    check_stable(&opts, &source, "csv");
    check_stable(&opts, &source, "jsonl");
    check_stable(&opts, &source, "json");
    return 0;
}
