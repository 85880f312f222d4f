/* SPDX-License-Identifier: MIT */
/* The inner loops for AVX-512: the vertical one takes 64 samples a step, all else is AVX2's. */
#include "image/resample_internal.h"

#if defined(__x86_64__)
#include "image/resample_avx2.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

#define STEP 64
#define ROWS 2

struct sums {
    __m512i s[4];
};

AVX512 static inline struct sums sums_start(void)
{
    const __m512i half = _mm512_set1_epi32(1 << (SFX_RESAMPLE_V_SHIFT - 1));

    return (struct sums){{half, half, half, half}};
}

/* Two rows are interleaved, so that one multiply-add takes a pair of samples. */
AVX512 static inline void sums_add(struct sums *sums, const uint8_t *const *rows, const int16_t *w,
                                   size_t at)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i a = _mm512_loadu_si512(rows[0] + at), b = _mm512_loadu_si512(rows[1] + at);
    const __m512i pair = _mm512_set1_epi32(sfx_resample_pair(w));
    const __m512i lo = _mm512_unpacklo_epi8(a, b), hi = _mm512_unpackhi_epi8(a, b);
    __m512i *s = sums->s;

    s[0] = _mm512_add_epi32(s[0], _mm512_madd_epi16(_mm512_unpacklo_epi8(lo, zero), pair));
    s[1] = _mm512_add_epi32(s[1], _mm512_madd_epi16(_mm512_unpackhi_epi8(lo, zero), pair));
    s[2] = _mm512_add_epi32(s[2], _mm512_madd_epi16(_mm512_unpacklo_epi8(hi, zero), pair));
    s[3] = _mm512_add_epi32(s[3], _mm512_madd_epi16(_mm512_unpackhi_epi8(hi, zero), pair));
}

AVX512 static inline __m512i shift_pack(__m512i lo, __m512i hi)
{
    return _mm512_packs_epi32(_mm512_srai_epi32(lo, SFX_RESAMPLE_V_SHIFT),
                              _mm512_srai_epi32(hi, SFX_RESAMPLE_V_SHIFT));
}

/* The unpacks work within 128-bit quarters, a holds the first and b the second half of each; the
 * permutes put the quarters in order. */
AVX512 static inline void sums_store(const struct sums *sums, int16_t *dst)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i a = shift_pack(sums->s[0], sums->s[1]), b = shift_pack(sums->s[2], sums->s[3]);

    _mm512_storeu_si512(dst, _mm512_permutex2var_epi64(a, first, b));
    _mm512_storeu_si512(dst + 32, _mm512_permutex2var_epi64(a, second, b));
}

#define LOOPS      AVX512
#define REAL_LOOPS AVX2 /* which has no fused multiply-add to be used unasked */
#define REAL_LANES 8
#define NEEDS      (SFX_CPU_AVX2 | SFX_CPU_AVX512)
#define VARIANT    sfx_resample_avx512
#include "image/resample_loops.h"

#endif
