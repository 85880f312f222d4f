/* SPDX-License-Identifier: MIT */
/*
 * Reads the orientation from EXIF data. A library for EXIF would parse maker notes and thumbnails
 * of strangers for one 16-bit number.
 */
#include "image/exif.h"

#include <stdbool.h>

#define TAG_ORIENTATION  0x0112
#define TYPE_SHORT       3
#define ENTRY_NBYTES     12 /* tag 2, type 2, count 4, value 4 */
#define HEADER_NBYTES    8  /* byte order 2, magic 2, offset of the first directory 4 */
#define DIRECTORY_NBYTES 2  /* number of entries */

struct tiff {
    const uint8_t *data;
    bool big_endian;
};

static unsigned get16(const struct tiff *t, size_t at)
{
    const uint8_t *p = t->data + at;

    return t->big_endian ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static uint32_t get32(const struct tiff *t, size_t at)
{
    uint32_t a = get16(t, at), b = get16(t, at + 2);

    return t->big_endian ? a << 16 | b : b << 16 | a;
}

unsigned sfx_exif_orientation(const uint8_t *tiff, size_t len)
{
    struct tiff t = {tiff, false};
    size_t at, count, i;

    if (len < HEADER_NBYTES + DIRECTORY_NBYTES || tiff[0] != tiff[1] ||
        (tiff[0] != 'I' && tiff[0] != 'M'))
        return 1;
    t.big_endian = tiff[0] == 'M';
    if (get16(&t, 2) != 42)
        return 1;
    at = get32(&t, 4);
    if (at < HEADER_NBYTES || at > len - DIRECTORY_NBYTES)
        return 1;
    count = get16(&t, at);
    at += DIRECTORY_NBYTES;
    for (i = 0; i < count && len - at >= ENTRY_NBYTES; i++, at += ENTRY_NBYTES) {
        unsigned value;

        if (get16(&t, at) != TAG_ORIENTATION)
            continue;
        value = get16(&t, at + 8);
        if (get16(&t, at + 2) != TYPE_SHORT || get32(&t, at + 4) != 1 || value < 1 || value > 8)
            return 1;
        return value;
    }
    return 1;
}
