/* SPDX-License-Identifier: MIT */
/* The structural index with AVX2 (and BMI, PCLMUL): 64 bytes a step in two registers. */
#include "record/csv_internal.h"

#if defined(__x86_64__)
#include "record/csv_step_internal.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,pclmul")))

struct patterns {
    __m256i delimiter, quote, newline, cr;
    uint64_t cr_mask; /* 0 where CR is the line end: there is none before it */
};

TARGET static inline uint64_t match64(__m256i lo, __m256i hi, __m256i pattern)
{
    const uint32_t l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(lo, pattern));
    const uint32_t h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hi, pattern));

    return (uint64_t)h << 32 | l;
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
    const __m256i lo = _mm256_loadu_si256((const __m256i *)ptr);
    const __m256i hi = _mm256_loadu_si256((const __m256i *)(ptr + 32));
    struct sfx_csv_masks m;

    m.delimiter = match64(lo, hi, p->delimiter) & valid;
    m.quote = match64(lo, hi, p->quote) & valid;
    m.newline = match64(lo, hi, p->newline) & valid;
    m.cr = match64(lo, hi, p->cr) & valid & p->cr_mask;
    m.parity = m.quote != 0 ? prefix_xor(m.quote) : 0;
    return m;
}

/*
 * Appends separators without a branch for each: eight are written whether there are so many or
 * not, what is too much is overwritten by the next step (SFX_CSV_SEPS leaves room for 64).
 */
TARGET static inline void emit(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    const uint32_t count = (uint32_t)_mm_popcnt_u64(seps);
    uint32_t *out = ix->seps + ix->nseps;
    uint32_t done;

    for (done = 0; done < count; done += 8) {
        unsigned i;

        for (i = 0; i < 8; i++) {
            out[done + i] = base + (uint32_t)_tzcnt_u64(seps);
            seps = _blsr_u64(seps);
        }
    }
    ix->nseps += count;
}

TARGET static inline struct patterns make_patterns(const struct sfx_csv_chars *chars)
{
    return (struct patterns){_mm256_set1_epi8(chars->delimiter), _mm256_set1_epi8(chars->quote),
                             _mm256_set1_epi8(chars->newline), _mm256_set1_epi8('\r'),
                             chars->newline == '\r' ? 0 : ~UINT64_C(0)};
}

#define SFX_CSV_INDEX sfx_csv_index_avx2
#include "record/csv_index_loop_internal.h"
#endif
