/* SPDX-License-Identifier: MIT */
/* What the image targets share: seeds as text, checksums that hold, bytes as a source. */
#ifndef SFX_TESTS_FUZZ_IMAGE_H
#define SFX_TESTS_FUZZ_IMAGE_H

#include "base/slice.h"
#include "image/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* "hex:" and hex digits (white space between them) stand for bytes: binary seeds as text. */
static inline size_t fuzz_unhex(const uint8_t *data, size_t size, uint8_t *out)
{
    size_t i, n = 0;
    int high = -1;

    if (size < 4 || memcmp(data, "hex:", 4) != 0) {
        memcpy(out, data, size);
        return size;
    }
    for (i = 4; i < size; i++) {
        const char *digits = "0123456789abcdef", *at = memchr(digits, data[i], 16);

        if (at == NULL)
            continue;
        if (high < 0) {
            high = (int)(at - digits);
        } else {
            out[n++] = (uint8_t)(high << 4 | (int)(at - digits));
            high = -1;
        }
    }
    return n;
}

static inline uint32_t fuzz_crc32(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    int bit;

    while (n-- > 0)
        for (crc ^= *p++, bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return ~crc;
}

/* Makes the checksums of PNG chunks right: else no change ever gets past them. */
static inline void fuzz_mend_png(uint8_t *data, size_t size)
{
    size_t at = 8;

    if (size < 8 || memcmp(data, "\x89PNG", 4) != 0)
        return;
    while (size - at >= 12) {
        size_t len = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                     (size_t)data[at + 2] << 8 | data[at + 3];
        uint32_t crc;

        if (len > size - at - 12)
            return;
        crc = fuzz_crc32(data + at + 4, len + 4);
        data[at + 8 + len] = (uint8_t)(crc >> 24);
        data[at + 9 + len] = (uint8_t)(crc >> 16);
        data[at + 10 + len] = (uint8_t)(crc >> 8);
        data[at + 11 + len] = (uint8_t)crc;
        at += len + 12;
    }
}

/* A copy of the input as a source gives it, mended. Freed by the caller. */
static inline uint8_t *fuzz_image(const uint8_t *data, size_t size, struct sfx_slice *image)
{
    uint8_t *copy = malloc(size + 1);

    if (copy == NULL)
        abort();
    image->len = fuzz_unhex(data, size, copy);
    image->ptr = (const char *)copy;
    fuzz_mend_png(copy, image->len);
    return copy;
}

static inline ssize_t fuzz_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *left = ctx;
    size_t n = left->len < cap ? left->len : cap;

    (void)err;
    if (n > 0)
        memcpy(ptr, left->ptr, n);
    left->ptr += n;
    left->len -= n;
    return (ssize_t)n;
}

#endif
