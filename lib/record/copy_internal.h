/* SPDX-License-Identifier: MIT */
/*
 * Copying a field while looking for bytes that must not be copied as they are: most fields are
 * short and have none, so that one pass over a word or two is all they cost.
 */
#ifndef SFX_RECORD_COPY_INTERNAL_H
#define SFX_RECORD_COPY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SFX_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Nonzero when one of the eight bytes is zero (Hacker's Delight, 6-1). */
static inline uint64_t sfx_has_zero(uint64_t word)
{
    return (word - SFX_EACH_BYTE(0x01)) & ~word & SFX_EACH_BYTE(0x80);
}

static inline uint64_t sfx_load8(const char *ptr)
{
    uint64_t word;

    memcpy(&word, ptr, sizeof(word));
    return word;
}

static inline uint32_t sfx_load4(const char *ptr)
{
    uint32_t word;

    memcpy(&word, ptr, sizeof(word));
    return word;
}

/* Tells (nonzero) whether a word of eight bytes has a byte that is not plain. */
typedef uint64_t sfx_special_fn(uint64_t word, const void *ctx);

/*
 * Copies len bytes to `to`. False: some are not plain by `special` (a constant, to be inlined), and
 * what is at `to` is of no use. Neither reads nor writes beyond len.
 */
static inline __attribute__((always_inline)) bool
sfx_copy_plain(char *to, const char *from, size_t len, sfx_special_fn *special, const void *ctx)
{
    uint64_t found = 0;
    size_t i;

    if (len >= 8) {
        for (i = 0; i + 8 <= len; i += 8) {
            found |= special(sfx_load8(from + i), ctx);
            memcpy(to + i, from + i, 8);
        }
        found |= special(sfx_load8(from + len - 8), ctx); /* overlaps what is done */
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        found = special((uint64_t)sfx_load4(from + len - 4) << 32 | sfx_load4(from), ctx);
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else if (len > 0) {
        const uint64_t first = SFX_EACH_BYTE((uint64_t)(unsigned char)from[0]);
        const uint64_t mid = (unsigned char)from[len / 2];
        const uint64_t last = (unsigned char)from[len - 1];

        found = special((first & ~UINT64_C(0xffff)) | mid << 8 | last, ctx);
        to[0] = from[0];
        to[len / 2] = from[len / 2];
        to[len - 1] = from[len - 1];
    }
    return found == 0;
}

#endif
