/* SPDX-License-Identifier: MIT */
/* What the JSON reader and writer share: how far a string's bytes stand for themselves. */
#ifndef SFX_JSON_JSON_INTERNAL_H
#define SFX_JSON_JSON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The first byte of [ptr, end) that is not plain, or end. Plain is printable ASCII but '"' and
 * '\\'. The reference: eight bytes at a time, on any machine.
 */
const char *sfx_json_scan_portable(const char *ptr, const char *end);

#ifdef __SSE2__
/* A bit for each of the sixteen bytes at ptr that is not plain. */
static inline unsigned sfx_json_special16(const char *ptr)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)ptr);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    /* The comparison is signed: bytes from 0x80 on are negative, below a space like controls. */
    __m128i outside = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), outside));
}
#endif

/*
 * The same, as fast as the build's baseline allows. Sixteen bytes at a time are enough: most
 * strings are shorter, and choosing a wider variant at run time would cost each of them a call.
 */
static inline const char *sfx_json_scan(const char *ptr, const char *end)
{
#ifdef __SSE2__
    bool long_enough = end - ptr >= 16;

    for (; end - ptr >= 16; ptr += 16) {
        unsigned mask = sfx_json_special16(ptr);

        if (mask != 0)
            return ptr + __builtin_ctz(mask);
    }
    if (ptr == end)
        return end;
    if (long_enough) { /* the last sixteen bytes, of which the first are plain */
        unsigned mask = sfx_json_special16(end - 16);

        return mask != 0 ? end - 16 + __builtin_ctz(mask) : end;
    }
#endif
    return sfx_json_scan_portable(ptr, end);
}

/* Length (2 to 4) of the UTF-8 sequence at ptr, which begins with a byte >= 0x80; 0: not valid. */
size_t sfx_json_utf8_len(const char *ptr, const char *end);

#endif
