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
    record_check_stable(&opts, "csv", false, &source);
    record_check_stable(&opts, "jsonl", false, &source);
    record_check_stable(&opts, "json", false, &source);
    return 0;
}
