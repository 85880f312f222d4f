/* SPDX-License-Identifier: MIT */
/* Finding the end of what stands for itself in a string: the portable reference, and UTF-8. */
#include "json/json_internal.h"

#include <stdint.h>
#include <string.h>

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Where bytes are zero, their high bits; above the first of them, more may be set (Hacker's
 * Delight, 6-1: a borrow runs upwards). */
static uint64_t zeros(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

/* The number of plain bytes before the first one in memory that is not, 8 when all are. */
static size_t count_plain(uint64_t word)
{
    uint64_t special;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    special = (((word - EACH_BYTE(0x20)) & ~word) | word) & EACH_BYTE(0x80);
    special |= zeros(word ^ EACH_BYTE('"')) | zeros(word ^ EACH_BYTE('\\'));
    return special != 0 ? (size_t)__builtin_ctzll(special) / 8 : 8;
}

static uint64_t load8(const char *ptr)
{
    uint64_t word;

    memcpy(&word, ptr, sizeof(word));
    return word;
}

const char *sfx_json_scan_portable(const char *ptr, const char *end)
{
    char last[8] = "        ";
    size_t len = (size_t)(end - ptr);
    size_t plain;

    for (; end - ptr >= 8; ptr += 8) {
        plain = count_plain(load8(ptr));
        if (plain < 8)
            return ptr + plain;
    }
    if (ptr == end)
        return end;
    /* The rest: the last eight bytes, of which the first are plain; or all there are, and spaces.
     */
    if (len >= 8)
        return end - 8 + count_plain(load8(end - 8));
    switch (len) {
    case 7: last[6] = ptr[6]; __attribute__((fallthrough));
    case 6: last[5] = ptr[5]; __attribute__((fallthrough));
    case 5: last[4] = ptr[4]; __attribute__((fallthrough));
    case 4: last[3] = ptr[3]; __attribute__((fallthrough));
    case 3: last[2] = ptr[2]; __attribute__((fallthrough));
    case 2: last[1] = ptr[1]; __attribute__((fallthrough));
    default: last[0] = ptr[0];
    }
    plain = count_plain(load8(last));
    return plain < len ? ptr + plain : end;
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
