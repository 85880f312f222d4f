/* SPDX-License-Identifier: MIT */
/* The inner loops for AVX2. */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include "image/resample_avx2.h"

AVX2 static inline __m256i load(const uint8_t *ptr)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)ptr);
}

#define STEP 32
#define ROWS 2

struct sums {
    __m256i s[4];
};

AVX2 static inline struct sums sums_start(void)
{
    const __m256i half = _mm256_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));

    return (struct sums){{half, half, half, half}};
}

/* Two rows are interleaved, so that one multiply-add takes a pair of samples. */
AVX2 static inline void sums_add(struct sums *sums, const uint8_t *const *rows, const int16_t *w,
                                 size_t at)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i a = load(rows[0] + at), b = load(rows[1] + at);
    const __m256i pair = _mm256_set1_epi32(sfx_resample_pair(w));
    const __m256i lo = _mm256_unpacklo_epi8(a, b), hi = _mm256_unpackhi_epi8(a, b);
    __m256i *s = sums->s;

    s[0] = _mm256_add_epi32(s[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(lo, zero), pair));
    s[1] = _mm256_add_epi32(s[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(lo, zero), pair));
    s[2] = _mm256_add_epi32(s[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(hi, zero), pair));
    s[3] = _mm256_add_epi32(s[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(hi, zero), pair));
}

AVX2 static inline __m256i shift_pack(__m256i lo, __m256i hi)
{
    return _mm256_packs_epi32(_mm256_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                              _mm256_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

/* The unpacks work within 128-bit halves; the permutes undo that. */
AVX2 static inline void sums_store(const struct sums *sums, int16_t *dst)
{
    const __m256i a = shift_pack(sums->s[0], sums->s[1]), b = shift_pack(sums->s[2], sums->s[3]);

    _mm256_storeu_si256((__m256i *)(void *)dst, _mm256_permute2x128_si256(a, b, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(dst + 16), _mm256_permute2x128_si256(a, b, 0x31));
}

#define LOOPS      AVX2
#define REAL_LOOPS AVX2
#define REAL_LANES 8
#define NEEDS      SFX_CPU_AVX2
#define VARIANT    sfx_resample_avx2
#include "image/resample_loops.h"

#endif
