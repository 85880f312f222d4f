/* SPDX-License-Identifier: MIT */
/* The structural index: choice of the variant. */
#include "record/csv_internal.h"

#include "base/cpu.h"
#include "base/size.h"

static const struct {
    uint32_t needs; /* enum sfx_cpu_feature */
    sfx_csv_index_fn *index;
} variants[] = {
#if defined(__x86_64__)
    {SFX_CPU_AVX512 | SFX_CPU_PCLMUL, sfx_csv_index_avx512},
    {SFX_CPU_AVX2 | SFX_CPU_PCLMUL, sfx_csv_index_avx2},
    {SFX_CPU_SSE42 | SFX_CPU_PCLMUL, sfx_csv_index_sse42},
#elif defined(__aarch64__)
    {SFX_CPU_NEON, sfx_csv_index_neon},
#endif
    {0, sfx_csv_index_portable},
};

sfx_csv_index_fn *sfx_csv_index_choose(void)
{
    const uint32_t have = sfx_cpu_features();
    size_t i = 0;

    while ((variants[i].needs & ~have) != 0)
        i++;
    return variants[i].index;
}

size_t sfx_csv_index_none(const struct sfx_csv_chars *chars, struct sfx_csv_index *ix,
                          const char *data, size_t from, size_t to)
{
    (void)chars;
    (void)data;
    ix->dirty = from < to;
    return from;
}

void sfx_csv_index_reset(struct sfx_csv_index *ix)
{
    ix->nseps = 0;
    ix->nrows = 0;
    ix->inside = 0;
    ix->may_open = 1;
    ix->after_close = 0;
    ix->after_cr = 0;
    ix->escape = false;
    ix->inner_newline = false;
    ix->spelled = false;
    ix->dirty = false;
}
