/* SPDX-License-Identifier: MIT */
/* What the JSON reader and writer share: how far a string's bytes stand for themselves. */
#ifndef SFX_JSON_JSON_INTERNAL_H
#define SFX_JSON_JSON_INTERNAL_H

#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * The first byte of [ptr, end) that is not plain, or end. Plain is printable ASCII but '"' and
 * '\\'. The reference: eight bytes at a time, on any machine.
 */
const char *sfx_json_scan_portable(const char *ptr, const char *end);

/*
 * The same, as fast as the build's baseline allows. Sixteen bytes at a time are enough: most
 * strings are shorter, and choosing a wider variant at run time would cost each of them a call.
 */
static inline const char *sfx_json_scan(const char *ptr, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');

    for (; end - ptr >= 16; ptr += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)ptr);
        /* The comparison is signed: bytes from 0x80 on are negative, below a space like controls.
         */
        __m128i special =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                         _mm_cmplt_epi8(v, space));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);

        if (mask != 0)
            return ptr + __builtin_ctz(mask);
    }
#endif
    return sfx_json_scan_portable(ptr, end);
}

/* Length (2 to 4) of the UTF-8 sequence at ptr, which begins with a byte >= 0x80; 0: not valid. */
size_t sfx_json_utf8_len(const char *ptr, const char *end);

#endif
