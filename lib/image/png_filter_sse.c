/* SPDX-License-Identifier: MIT */
/*
 * PNG's row filters with SSE. Undoing goes from pixel to pixel, a pixel's bytes at once; only Up
 * has no such chain. Applying has none at all: sixteen bytes at once.
 */
#include "image/png_filter_internal.h"

#ifdef __x86_64__

#include "base/cpu.h"

#include <immintrin.h>
#include <string.h>

#define SSE __attribute__((target("sse4.2")))

SSE static inline __m128i load_pixel(const uint8_t *p)
{
    int32_t bits;

    memcpy(&bits, p, sizeof(bits));
    return _mm_cvtsi32_si128(bits);
}

/* Of a pixel of 3 bytes the fourth is the next pixel's first: it must stay. */
SSE static inline void store_pixel(uint8_t *p, __m128i pixel, size_t bpp)
{
    int32_t bits = _mm_cvtsi128_si32(pixel);

    memcpy(p, &bits, bpp);
}

/* The average, rounded down: _mm_avg_epu8 rounds up. */
SSE static inline __m128i average(__m128i a, __m128i b)
{
    __m128i odd = _mm_and_si128(_mm_xor_si128(a, b), _mm_set1_epi8(1));

    return _mm_sub_epi8(_mm_avg_epu8(a, b), odd);
}

/* What is nearest of a, b, c. Seven steps lie between a and the result: the chain from pixel to
 * pixel is what undoing costs. */
SSE static inline __m128i paeth_words(__m128i a, __m128i b, __m128i c)
{
    __m128i pa = _mm_sub_epi16(b, c), pb = _mm_sub_epi16(a, c), pc = _mm_add_epi16(pa, pb);

    pa = _mm_abs_epi16(pa);
    pb = _mm_abs_epi16(pb);
    pc = _mm_abs_epi16(pc);
    return _mm_blendv_epi8(a, _mm_blendv_epi8(b, c, _mm_cmpgt_epi16(pb, pc)),
                           _mm_cmpgt_epi16(pa, _mm_min_epi16(pb, pc)));
}

SSE static inline void undo_sub(uint8_t *row, size_t n, size_t bpp)
{
    __m128i left = _mm_setzero_si128();
    size_t i;

    for (i = 0; i < n; i += bpp) {
        left = _mm_add_epi8(left, load_pixel(row + i));
        store_pixel(row + i, left, bpp);
    }
}

/*
 * The average, rounded down, of a and b is ~avg(~a, ~b), and ~(x + ~y) is y - x: with complements
 * only two steps lie between a pixel and the next. Where a pixel has 3 bytes the fourth that is
 * written is the next one's first, which has been read.
 */
SSE static inline void undo_average(uint8_t *row, const uint8_t *above, size_t n, size_t bpp)
{
    const __m128i ones = _mm_set1_epi8(-1);
    __m128i left = ones, x = load_pixel(row); /* left: its complement */
    size_t i;

    for (i = 0; i < n; i += bpp) {
        const __m128i next = load_pixel(row + i + bpp);
        const int32_t up = ~_mm_cvtsi128_si32(load_pixel(above + i));
        int32_t bits;

        left = _mm_sub_epi8(_mm_avg_epu8(left, _mm_cvtsi32_si128(up)), x);
        bits = ~_mm_cvtsi128_si32(left);
        memcpy(row + i, &bits, sizeof(bits));
        x = next;
    }
}

SSE static inline void undo_paeth(uint8_t *row, const uint8_t *above, size_t n, size_t bpp)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i left = zero, corner = zero;
    size_t i;

    for (i = 0; i < n; i += bpp) {
        __m128i up = _mm_unpacklo_epi8(load_pixel(above + i), zero);
        __m128i x = _mm_unpacklo_epi8(load_pixel(row + i), zero);

        /* Bytes: the upper halves of the words stay zero. */
        left = _mm_add_epi8(x, paeth_words(left, up, corner));
        store_pixel(row + i, _mm_packus_epi16(left, left), bpp);
        corner = up;
    }
}

SSE static void undo_up(uint8_t *row, const uint8_t *above, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(row + i));
        __m128i up = _mm_loadu_si128((const __m128i *)(const void *)(above + i));

        _mm_storeu_si128((__m128i *)(void *)(row + i), _mm_add_epi8(x, up));
    }
}

SSE static void undo(enum sfx_png_filter filter, uint8_t *row, const uint8_t *above, size_t n,
                     size_t bpp)
{
    if (filter == SFX_PNG_UP)
        undo_up(row, above, n);
    else if (bpp == 3 && filter == SFX_PNG_SUB)
        undo_sub(row, n, 3);
    else if (bpp == 4 && filter == SFX_PNG_SUB)
        undo_sub(row, n, 4);
    else if (bpp == 3 && filter == SFX_PNG_AVERAGE)
        undo_average(row, above, n, 3);
    else if (bpp == 4 && filter == SFX_PNG_AVERAGE)
        undo_average(row, above, n, 4);
    else if (bpp == 3 && filter == SFX_PNG_PAETH)
        undo_paeth(row, above, n, 3);
    else if (bpp == 4 && filter == SFX_PNG_PAETH)
        undo_paeth(row, above, n, 4);
    else
        sfx_png_filters_portable.undo(filter, row, above, n, bpp);
}

SSE static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

SSE static inline __m128i paeth_bytes(__m128i a, __m128i b, __m128i c)
{
    const __m128i zero = _mm_setzero_si128();

    return _mm_packus_epi16(paeth_words(_mm_unpacklo_epi8(a, zero), _mm_unpacklo_epi8(b, zero),
                                        _mm_unpacklo_epi8(c, zero)),
                            paeth_words(_mm_unpackhi_epi8(a, zero), _mm_unpackhi_epi8(b, zero),
                                        _mm_unpackhi_epi8(c, zero)));
}

SSE static inline __m128i foretell(enum sfx_png_filter filter, const uint8_t *row,
                                   const uint8_t *above, size_t bpp)
{
    switch (filter) {
    case SFX_PNG_SUB: return load(row - bpp);
    case SFX_PNG_UP: return load(above);
    case SFX_PNG_AVERAGE: return average(load(row - bpp), load(above));
    case SFX_PNG_PAETH: return paeth_bytes(load(row - bpp), load(above), load(above - bpp));
    default: return _mm_setzero_si128();
    }
}

/* The filter is known when this is inlined. */
SSE static inline uint64_t apply_one(enum sfx_png_filter filter, const uint8_t *row,
                                     const uint8_t *above, size_t n, size_t bpp, uint8_t *out)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i sum = zero;
    uint64_t total;
    size_t i;

    for (i = 0; i + 16 <= n; i += 16) {
        __m128i v = _mm_sub_epi8(load(row + i), foretell(filter, row + i, above + i, bpp));

        _mm_storeu_si128((__m128i *)(void *)(out + i), v);
        sum = _mm_add_epi64(sum, _mm_sad_epu8(_mm_abs_epi8(v), zero));
    }
    total = (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
    if (i < n) {
        uint8_t last[16];
        size_t k;

        _mm_storeu_si128((__m128i *)(void *)last,
                         _mm_sub_epi8(load(row + i), foretell(filter, row + i, above + i, bpp)));
        for (k = 0; k < n - i; k++) {
            out[i + k] = last[k];
            total += last[k] < 128 ? last[k] : 256u - last[k];
        }
    }
    return total;
}

SSE static uint64_t apply(enum sfx_png_filter filter, const uint8_t *row, const uint8_t *above,
                          size_t n, size_t bpp, uint8_t *out)
{
    switch (filter) {
    case SFX_PNG_SUB: return apply_one(SFX_PNG_SUB, row, above, n, bpp, out);
    case SFX_PNG_UP: return apply_one(SFX_PNG_UP, row, above, n, bpp, out);
    case SFX_PNG_AVERAGE: return apply_one(SFX_PNG_AVERAGE, row, above, n, bpp, out);
    case SFX_PNG_PAETH: return apply_one(SFX_PNG_PAETH, row, above, n, bpp, out);
    default: return apply_one(SFX_PNG_NONE, row, above, n, bpp, out);
    }
}

const struct sfx_png_filters sfx_png_filters_sse = {SFX_CPU_SSE42, undo, apply};

#endif
