/* SPDX-License-Identifier: MIT */
/* The structural index with AVX-512 (BW, VBMI2): 64 bytes a step in one register, positions
 * gathered by compression. */
#include "record/csv_internal.h"

#if defined(__x86_64__)
#include "record/csv_step_internal.h"

#include <immintrin.h>

#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt,"      \
                          "pclmul")))

struct patterns {
    __m512i delimiter, quote, newline, cr;
    uint64_t cr_mask; /* 0 where CR is the line end: there is none before it */
};

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
    const __m512i v = _mm512_loadu_si512(ptr);
    struct sfx_csv_masks m;

    m.delimiter = _mm512_mask_cmpeq_epi8_mask(valid, v, p->delimiter);
    m.quote = _mm512_mask_cmpeq_epi8_mask(valid, v, p->quote);
    m.newline = _mm512_mask_cmpeq_epi8_mask(valid, v, p->newline);
    m.cr = _mm512_mask_cmpeq_epi8_mask(valid & p->cr_mask, v, p->cr);
    m.parity = m.quote != 0 ? prefix_xor(m.quote) : 0;
    return m;
}

/*
 * Appends separators sixteen at a time; what is written too much is overwritten by the next step
 * (SFX_CSV_SEPS leaves room for 64).
 */
TARGET static inline void emit(struct sfx_csv_index *ix, uint64_t seps, uint32_t base)
{
    static const uint8_t positions[64] __attribute__((aligned(64))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i first = _mm512_set1_epi32((int)base);
    const __m512i found = _mm512_maskz_compress_epi8(seps, _mm512_load_si512(positions));
    const uint32_t count = (uint32_t)_mm_popcnt_u64(seps);
    uint32_t *out = ix->seps + ix->nseps;

    _mm512_storeu_si512(
        out, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(found))));
    if (count > 16)
        _mm512_storeu_si512(
            out + 16,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 1))));
    if (count > 32) {
        _mm512_storeu_si512(
            out + 32,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 2))));
        _mm512_storeu_si512(
            out + 48,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 3))));
    }
    ix->nseps += count;
}

TARGET static inline struct patterns make_patterns(const struct sfx_csv_chars *chars)
{
    return (struct patterns){_mm512_set1_epi8(chars->delimiter), _mm512_set1_epi8(chars->quote),
                             _mm512_set1_epi8(chars->newline), _mm512_set1_epi8('\r'),
                             chars->newline == '\r' ? 0 : ~UINT64_C(0)};
}

#define SFX_CSV_INDEX sfx_csv_index_avx512
#include "record/csv_index_loop_internal.h"
#endif
