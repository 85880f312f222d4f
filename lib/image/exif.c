/* SPDX-License-Identifier: MIT */
/*
 * Reads and resets the orientation in EXIF data. A library for EXIF would parse maker notes and
 * thumbnails of strangers for one 16-bit number.
 */
#include "image/exif.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION      0x0112
#define TAG_THUMBNAIL        0x0201 /* JPEGInterchangeFormat: offset; the next: bytes */
#define TAG_THUMBNAIL_NBYTES 0x0202
#define TYPE_SHORT           3
#define ENTRY_NBYTES         12 /* tag 2, type 2, count 4, value 4 */
#define HEADER_NBYTES        8  /* byte order 2, magic 2, offset of the first directory 4 */
#define DIRECTORY_NBYTES     2  /* number of entries */

struct tiff {
    const uint8_t *data;
    size_t len;
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

/* Begins to read len bytes. False when they are no TIFF structure. */
static bool start(struct tiff *t, const uint8_t *data, size_t len)
{
    if (len < HEADER_NBYTES + DIRECTORY_NBYTES || data[0] != data[1] ||
        (data[0] != 'I' && data[0] != 'M'))
        return false;
    *t = (struct tiff){data, len, data[0] == 'M'};
    return get16(t, 2) == 42;
}

/* The offset of the first of count entries of the directory at `at`; 0 when there is none. */
static size_t directory(const struct tiff *t, size_t at, size_t *count)
{
    if (at < HEADER_NBYTES || at > t->len - DIRECTORY_NBYTES)
        return 0;
    *count = get16(t, at);
    at += DIRECTORY_NBYTES;
    if (*count > (t->len - at) / ENTRY_NBYTES)
        *count = (t->len - at) / ENTRY_NBYTES;
    return at;
}

/* The offset of a tag's entry among count entries at `at`; 0 when there is none. */
static size_t find_entry(const struct tiff *t, size_t at, size_t count, unsigned tag)
{
    size_t i;

    for (i = 0; at != 0 && i < count; i++)
        if (get16(t, at + i * ENTRY_NBYTES) == tag)
            return at + i * ENTRY_NBYTES;
    return 0;
}

unsigned sfx_exif_orientation(const uint8_t *tiff, size_t len)
{
    struct tiff t;
    size_t at, count = 0, entry;
    unsigned value;

    if (!start(&t, tiff, len))
        return 1;
    at = directory(&t, get32(&t, 4), &count);
    entry = find_entry(&t, at, count, TAG_ORIENTATION);
    if (entry == 0 || get16(&t, entry + 2) != TYPE_SHORT || get32(&t, entry + 4) != 1)
        return 1;
    value = get16(&t, entry + 8);
    return value >= 1 && value <= 8 ? value : 1;
}

/* Blanks the thumbnail that the directory at `at` points to, and its entries. */
static size_t blank_thumbnail(const struct tiff *t, size_t at, uint8_t *data)
{
    size_t count = 0, entries = directory(t, at, &count), len = t->len;
    size_t where = find_entry(t, entries, count, TAG_THUMBNAIL);
    size_t size = find_entry(t, entries, count, TAG_THUMBNAIL_NBYTES);

    if (where != 0 && size != 0) {
        size_t from = get32(t, where + 8), n = get32(t, size + 8);

        if (from < len && n <= len - from) {
            memset(data + from, 0, n);
            if (from + n == len && from > entries + count * ENTRY_NBYTES)
                len = from;
        }
    }
    memset(data + entries, 0, count * ENTRY_NBYTES);
    return len;
}

size_t sfx_exif_reset(uint8_t *tiff, size_t len)
{
    struct tiff t;
    size_t at, count = 0, entry, next;

    if (!start(&t, tiff, len))
        return len;
    at = directory(&t, get32(&t, 4), &count);
    entry = find_entry(&t, at, count, TAG_ORIENTATION);
    if (entry != 0) { /* one SHORT, whatever stood there */
        memset(tiff + entry + 2, 0, ENTRY_NBYTES - 2);
        tiff[entry + (t.big_endian ? 3 : 2)] = TYPE_SHORT;
        tiff[entry + (t.big_endian ? 7 : 4)] = 1;
        tiff[entry + (t.big_endian ? 9 : 8)] = 1;
    }
    next = at + count * ENTRY_NBYTES; /* where the offset of the next directory stands */
    if (at == 0 || len - next < sizeof(uint32_t) || get32(&t, next) == 0)
        return len;
    if (get32(&t, next) > next)
        len = blank_thumbnail(&t, get32(&t, next), tiff);
    memset(tiff + next, 0, sizeof(uint32_t));
    return len;
}
