/* SPDX-License-Identifier: MIT */
/* The structural index with SSE4.2 (and PCLMUL): 64 bytes a step in four registers. */
#include "record/csv_internal.h"

#if defined(__x86_64__)
#include "record/csv_step_internal.h"

#include <immintrin.h>

#define TARGET __attribute__((target("sse4.2,popcnt,pclmul")))

struct patterns {
    __m128i delimiter, quote, newline, cr;
    uint64_t cr_mask; /* 0 where CR is the line end: there is none before it */
};

TARGET static inline uint64_t match64(const __m128i *v, __m128i pattern)
{
    uint64_t mask = 0;
    unsigned i;

    for (i = 0; i < 4; i++)
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], pattern)) << (16 * i);
    return mask;
}

/* Multiplying by all ones without carries sums (xors) every prefix. */
TARGET static inline uint64_t prefix_xor(uint64_t bits)
{
    const __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits), _mm_set1_epi8((char)0xff), 0);

    return (uint64_t)_mm_cvtsi128_si64(product);
}

TARGET static inline struct sfx_csv_masks classify(const char *ptr, const struct patterns *p,
                                                   uint64_t valid)
{
    struct sfx_csv_masks m;
    __m128i v[4];
    unsigned i;

    for (i = 0; i < 4; i++)
        v[i] = _mm_loadu_si128((const __m128i *)(ptr + 16 * (size_t)i));
    m.delimiter = match64(v, p->delimiter) & valid;
    m.quote = match64(v, p->quote) & valid;
    m.newline = match64(v, p->newline) & valid;
    m.cr = match64(v, p->cr) & valid & p->cr_mask;
    m.parity = m.quote != 0 ? prefix_xor(m.quote) : 0;
    return m;
}

TARGET static inline void emit(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    csv_emit_each(ix, seps, base);
}

TARGET static inline struct patterns make_patterns(const struct sfx_csv_chars *chars)
{
    return (struct patterns){_mm_set1_epi8(chars->delimiter), _mm_set1_epi8(chars->quote),
                             _mm_set1_epi8(chars->newline), _mm_set1_epi8('\r'),
                             chars->newline == '\r' ? 0 : ~UINT64_C(0)};
}

#define SFX_CSV_INDEX sfx_csv_index_sse42
#include "record/csv_index_loop_internal.h"
#endif
