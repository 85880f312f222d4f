/* SPDX-License-Identifier: MIT */
/* Finding the end of what stands for itself in a string: the portable reference, and UTF-8. */
#include "json/json_internal.h"

#include <stdint.h>
#include <string.h>

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Nonzero when one of the eight bytes is zero (Hacker's Delight, 6-1). */
static uint64_t has_zero(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

/* Nonzero when one of the eight bytes is not plain. */
static uint64_t has_special(uint64_t word)
{
    uint64_t control = (word - EACH_BYTE(0x20)) & ~word;

    return ((control | word) & EACH_BYTE(0x80)) | has_zero(word ^ EACH_BYTE('"')) |
           has_zero(word ^ EACH_BYTE('\\'));
}

const char *sfx_json_scan_portable(const char *ptr, const char *end)
{
    for (; end - ptr >= 8; ptr += 8) {
        uint64_t word;

        memcpy(&word, ptr, sizeof(word));
        if (has_special(word) != 0)
            break;
    }
    for (; ptr < end; ptr++) {
        unsigned char c = (unsigned char)*ptr;

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return ptr;
}

size_t sfx_json_utf8_len(const char *ptr, const char *end)
{
    const unsigned char *p = (const unsigned char *)ptr;
    size_t avail = (size_t)(end - ptr);
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t len;
    size_t i;

    /* RFC 3629, section 4: the second byte's range rules out overlong forms, surrogates and what
     * lies above U+10FFFF. */
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (avail < len || p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}
