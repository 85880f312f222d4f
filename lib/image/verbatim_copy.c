/* SPDX-License-Identifier: MIT */
/* Encoded images without the metadata that is not to be kept. */
#include "image/exif.h"
#include "image/jpeg_segments.h"
#include "image/verbatim.h"

#include "base/size.h"

#include <stdint.h>

#define PNG_HEAD_NBYTES  8
#define PNG_CHUNK_NBYTES 12 /* length, name, checksum */

enum { APP0 = 0xe0, APP1 = 0xe1, APP2 = 0xe2, APP13 = 0xed, APP14 = 0xee, APP15 = 0xef };
enum { COM = 0xfe, SOS = 0xda, EOI = 0xd9, RST0 = 0xd0, RST7 = 0xd7 };

static int odd(struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_UNSUPPORTED, "it cannot be copied as it is");
}

static bool begins(struct sfx_slice data, struct sfx_slice head)
{
    return data.len >= head.len && memcmp(data.ptr, head.ptr, head.len) == 0;
}

/* What keep says of a segment. JFIF's and Adobe's say how the samples are to be understood. */
static bool keeps_segment(uint8_t marker, struct sfx_slice data, unsigned keep)
{
    static const struct sfx_slice icc = {"ICC_PROFILE\0", sizeof("ICC_PROFILE\0") - 1};

    switch (marker) {
    case APP1:
        return ((keep & SFX_KEEP_EXIF) != 0 && begins(data, sfx_jpeg_exif_head)) ||
               ((keep & SFX_KEEP_XMP) != 0 && begins(data, sfx_jpeg_xmp_head));
    case APP2: return (keep & SFX_KEEP_ICC) != 0 && begins(data, icc);
    case APP13: return (keep & SFX_KEEP_IPTC) != 0 && begins(data, sfx_jpeg_iptc_head);
    case APP0:
    case APP14: return true;
    default: return (marker < APP0 || marker > APP15) && marker != COM;
    }
}

/* A segment as it stands; EXIF data is made to say upright. */
static int put_segment(struct sfx_slice segment, struct sfx_buf *out, struct sfx_err *err)
{
    size_t at = out->len, head = 4 + sfx_jpeg_exif_head.len, len;
    int rc = sfx_buf_append(out, segment.ptr, segment.len, err);

    if (rc < 0 || (uint8_t)segment.ptr[1] != APP1 || segment.len < head ||
        !begins(sfx_slice(segment.ptr + 4, segment.len - 4), sfx_jpeg_exif_head))
        return rc;
    len = head + sfx_exif_reset((uint8_t *)out->data + at + head, segment.len - head);
    out->len = at + len;
    out->data[at + 2] = (char)((len - 2) >> 8);
    out->data[at + 3] = (char)(len - 2);
    return 0;
}

/* Behind the EOI that ends the scans from `at` on; 0 when there is none. Cameras put videos there.
 */
static size_t end_of_scans(struct sfx_slice file, size_t at)
{
    const uint8_t *p = (const uint8_t *)file.ptr;

    while (file.len - at >= 2) {
        if (p[at] != 0xff || p[at + 1] == 0 || p[at + 1] == 0xff ||
            (p[at + 1] >= RST0 && p[at + 1] <= RST7)) {
            at++;
        } else if (p[at + 1] == EOI) {
            return at + 2;
        } else {
            size_t len = file.len - at >= 4 ? (size_t)p[at + 2] << 8 | p[at + 3] : 0;

            if (len < 2 || len > file.len - at - 2)
                return 0;
            at += 2 + len;
        }
    }
    return 0;
}

static int copy_jpeg(struct sfx_slice file, unsigned keep, struct sfx_buf *out, struct sfx_err *err)
{
    const uint8_t *p = (const uint8_t *)file.ptr;
    size_t at = 2, end;
    int rc = sfx_buf_append(out, file.ptr, 2, err);

    while (rc == 0 && file.len - at >= 4 && p[at] == 0xff && p[at + 1] != SOS) {
        size_t len = 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);

        if (len < 4 || len > file.len - at)
            return odd(err);
        if (keeps_segment(p[at + 1], sfx_slice(file.ptr + at + 4, len - 4), keep))
            rc = put_segment(sfx_slice(file.ptr + at, len), out, err);
        at += len;
    }
    end = rc == 0 ? end_of_scans(file, at) : 0;
    if (rc == 0 && end == 0)
        return odd(err);
    return rc == 0 ? sfx_buf_append(out, file.ptr + at, end - at, err) : rc;
}

static bool keeps_chunk(const char *name, struct sfx_slice data, unsigned keep)
{
    static const char always[][5] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "sBIT"};
    static const char colour[][5] = {"iCCP", "sRGB", "gAMA", "cHRM", "cICP"};
    static const struct sfx_slice xmp = {"XML:com.adobe.xmp\0", sizeof("XML:com.adobe.xmp\0") - 1};
    size_t i;

    for (i = 0; i < SFX_COUNT(always); i++)
        if (memcmp(name, always[i], 4) == 0)
            return true;
    for (i = 0; i < SFX_COUNT(colour); i++)
        if (memcmp(name, colour[i], 4) == 0)
            return (keep & SFX_KEEP_ICC) != 0;
    if (memcmp(name, "eXIf", 4) == 0)
        return (keep & SFX_KEEP_EXIF) != 0;
    return memcmp(name, "iTXt", 4) == 0 && (keep & SFX_KEEP_XMP) != 0 && begins(data, xmp);
}

static void put32(char *p, size_t value)
{
    p[0] = (char)(value >> 24);
    p[1] = (char)(value >> 16);
    p[2] = (char)(value >> 8);
    p[3] = (char)value;
}

/* Bit by bit: only EXIF data that was changed needs it. */
static uint32_t crc32_of(const char *p, size_t n)
{
    uint32_t crc = ~0u;
    int bit;

    while (n-- > 0)
        for (crc ^= (uint8_t)*p++, bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    return ~crc;
}

static int put_chunk(struct sfx_slice chunk, struct sfx_buf *out, struct sfx_err *err)
{
    size_t at = out->len, len;
    int rc = sfx_buf_append(out, chunk.ptr, chunk.len, err);

    if (rc < 0 || memcmp(chunk.ptr + 4, "eXIf", 4) != 0)
        return rc;
    len = sfx_exif_reset((uint8_t *)out->data + at + 8, chunk.len - PNG_CHUNK_NBYTES);
    put32(out->data + at, len);
    put32(out->data + at + 8 + len, crc32_of(out->data + at + 4, 4 + len));
    out->len = at + PNG_CHUNK_NBYTES + len;
    return 0;
}

static int copy_png(struct sfx_slice file, unsigned keep, struct sfx_buf *out, struct sfx_err *err)
{
    const uint8_t *p = (const uint8_t *)file.ptr;
    size_t at = PNG_HEAD_NBYTES;
    int rc = sfx_buf_append(out, file.ptr, PNG_HEAD_NBYTES, err);

    while (rc == 0 && file.len - at >= PNG_CHUNK_NBYTES) {
        size_t len =
            (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3];

        if (len > file.len - at - PNG_CHUNK_NBYTES)
            return odd(err);
        if (keeps_chunk(file.ptr + at + 4, sfx_slice(file.ptr + at + 8, len), keep))
            rc = put_chunk(sfx_slice(file.ptr + at, len + PNG_CHUNK_NBYTES), out, err);
        if (memcmp(p + at + 4, "IEND", 4) == 0)
            return rc;
        at += len + PNG_CHUNK_NBYTES;
    }
    return rc == 0 ? odd(err) : rc;
}

int sfx_verbatim_copy(struct sfx_slice file, enum sfx_image_format format, unsigned keep,
                      struct sfx_buf *out, struct sfx_err *err)
{
    if (file.len < PNG_HEAD_NBYTES)
        return odd(err);
    return format == SFX_IMAGE_JPEG ? copy_jpeg(file, keep, out, err)
                                    : copy_png(file, keep, out, err);
}
