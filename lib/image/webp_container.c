/* SPDX-License-Identifier: MIT */
/* The RIFF container of WebP: which chunk is what, and a container with metadata. */
#include "image/webp_internal.h"

#include <string.h>

#define RIFF_NBYTES  12 /* "RIFF", length, "WEBP" */
#define CHUNK_NBYTES 8  /* name, length */
#define VP8X_NBYTES  10 /* flags 4, width 3, height 3 */
#define ANMF_NBYTES  16 /* x, y, width, height, duration 3 each, flags 1 */

enum vp8x_flag { FLAG_ICC = 0x20, FLAG_ALPHA = 0x10, FLAG_EXIF = 8, FLAG_XMP = 4 };

static uint32_t get24(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t get32(const uint8_t *p)
{
    return get24(p) | (uint32_t)p[3] << 24;
}

/* A key frame of lossy data: 3 bytes, the start code, two sides of 14 bits. RFC 6386, 9.1. */
static bool vp8_size(const uint8_t *p, struct sfx_webp_file *file)
{
    if (memcmp(p + 3, "\x9d\x01\x2a", 3) != 0)
        return false;
    file->width_px = get24(p + 6) & 0x3fff;
    file->height_px = get24(p + 8) & 0x3fff;
    return true;
}

/* Lossless data: a byte of signature, two sides less one of 14 bits, a bit of alpha. */
static bool vp8l_size(const uint8_t *p, struct sfx_webp_file *file)
{
    uint32_t bits = get32(p + 1);

    if (p[0] != 0x2f)
        return false;
    file->width_px = (bits & 0x3fff) + 1;
    file->height_px = (bits >> 14 & 0x3fff) + 1;
    file->alpha = (bits >> 28 & 1) != 0;
    file->lossless = true;
    return true;
}

int sfx_webp_canvas(const uint8_t *head, size_t len, struct sfx_webp_file *file,
                    struct sfx_err *err)
{
    const uint8_t *chunk = head + RIFF_NBYTES, *data = chunk + CHUNK_NBYTES;
    bool known = false;

    *file = (struct sfx_webp_file){.frames = 1};
    if (len < SFX_WEBP_HEAD_NBYTES)
        return sfx_err_set(err, SFX_E_INPUT, "the header ends early");
    if (memcmp(chunk, "VP8 ", 4) == 0) {
        known = vp8_size(data, file);
    } else if (memcmp(chunk, "VP8L", 4) == 0) {
        known = vp8l_size(data, file);
    } else if (memcmp(chunk, "VP8X", 4) == 0 && get32(chunk + 4) >= VP8X_NBYTES) {
        file->alpha = (data[0] & FLAG_ALPHA) != 0;
        file->width_px = get24(data + 4) + 1;
        file->height_px = get24(data + 7) + 1;
        known = true;
    }
    return known ? 0 : sfx_err_set(err, SFX_E_INPUT, "the header is damaged");
}

/* The first frame of an animation: where it lies, its data. */
static void first_frame(struct sfx_slice data, struct sfx_webp_file *file)
{
    const uint8_t *p = (const uint8_t *)data.ptr;

    if (file->frames > 0 || data.len < ANMF_NBYTES + 4) {
        file->frames++;
        return;
    }
    file->frames = 1;
    file->frame_x_px = get24(p) * 2;
    file->frame_y_px = get24(p + 3) * 2;
    file->frame_width_px = get24(p + 6) + 1;
    file->frame_height_px = get24(p + 9) + 1;
    file->image = sfx_slice(data.ptr + ANMF_NBYTES, data.len - ANMF_NBYTES);
    file->lossless = memcmp(file->image.ptr, "VP8L", 4) == 0;
}

/* Notes what a chunk of a file with VP8X is. True for the still image's own data. */
static bool note_chunk(const char *name, struct sfx_slice data, struct sfx_webp_file *file)
{
    static const char exif_head[] = "Exif\0"; /* some writers put JPEG's before it */

    if (memcmp(name, "ICCP", 4) == 0)
        file->metadata.icc = data;
    else if (memcmp(name, "XMP ", 4) == 0)
        file->metadata.xmp = data;
    else if (memcmp(name, "ANMF", 4) == 0)
        first_frame(data, file);
    else if (memcmp(name, "EXIF", 4) == 0)
        file->metadata.exif =
            data.len >= sizeof(exif_head) && memcmp(data.ptr, exif_head, sizeof(exif_head)) == 0
                ? sfx_slice(data.ptr + sizeof(exif_head), data.len - sizeof(exif_head))
                : data;
    else if (memcmp(name, "VP8L", 4) == 0)
        file->lossless = true;
    return memcmp(name, "VP8 ", 4) == 0 || memcmp(name, "VP8L", 4) == 0;
}

int sfx_webp_chunks(struct sfx_slice bytes, struct sfx_webp_file *file, struct sfx_err *err)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t at = RIFF_NBYTES;
    bool still = false;

    file->frames = 0;
    file->cut_off = get32(p + 4) > bytes.len - CHUNK_NBYTES;
    while (bytes.len - at >= CHUNK_NBYTES) {
        size_t len = get32(p + at + 4), left = bytes.len - at - CHUNK_NBYTES;

        if (len > left)
            len = left;
        still = note_chunk(bytes.ptr + at, sfx_slice(bytes.ptr + at + CHUNK_NBYTES, len), file) ||
                still;
        at += CHUNK_NBYTES + len;
        if (len % 2 == 1 && at < bytes.len)
            at++;
    }
    if (still && file->image.len == 0) {
        file->frames = 1;
        file->image = bytes;
        file->frame_width_px = file->width_px;
        file->frame_height_px = file->height_px;
    }
    if (file->image.len == 0)
        return sfx_err_set(err, SFX_E_INPUT,
                           file->cut_off ? "data ends early" : "the file has no image");
    if (file->frame_width_px > file->width_px ||
        file->frame_x_px > file->width_px - file->frame_width_px ||
        file->frame_height_px > file->height_px ||
        file->frame_y_px > file->height_px - file->frame_height_px)
        return sfx_err_set(err, SFX_E_INPUT, "a frame lies outside of the image");
    return 0;
}

static void put24(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
}

static int put_chunk(struct sfx_buf *out, const char *name, struct sfx_slice data,
                     struct sfx_err *err)
{
    uint8_t head[CHUNK_NBYTES];
    int rc;

    if (data.len == 0)
        return 0;
    memcpy(head, name, 4);
    put24(head + 4, (uint32_t)data.len);
    head[7] = (uint8_t)(data.len >> 24);
    rc = sfx_buf_append(out, head, sizeof(head), err);
    if (rc == 0)
        rc = sfx_buf_append(out, data.ptr, data.len, err);
    return rc == 0 && data.len % 2 == 1 ? sfx_buf_putc(out, 0, err) : rc;
}

/* The chunks of what libwebp made, without a VP8X of its own. */
static struct sfx_slice image_chunks(struct sfx_slice encoded)
{
    size_t at = RIFF_NBYTES;

    if (memcmp(encoded.ptr + at, "VP8X", 4) == 0)
        at += CHUNK_NBYTES + VP8X_NBYTES;
    return sfx_slice(encoded.ptr + at, encoded.len - at);
}

int sfx_webp_wrap(struct sfx_slice encoded, const struct sfx_metadata *metadata, uint32_t width_px,
                  uint32_t height_px, bool alpha, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_slice image = image_chunks(encoded);
    uint8_t vp8x[VP8X_NBYTES] = {0};
    int rc;

    vp8x[0] = (uint8_t)((metadata->icc.len > 0 ? FLAG_ICC : 0) | (alpha ? FLAG_ALPHA : 0) |
                        (metadata->exif.len > 0 ? FLAG_EXIF : 0) |
                        (metadata->xmp.len > 0 ? FLAG_XMP : 0));
    put24(vp8x + 4, width_px - 1);
    put24(vp8x + 7, height_px - 1);
    rc = sfx_buf_append(out, "RIFF\0\0\0\0WEBP", RIFF_NBYTES, err);
    if (rc == 0)
        rc = put_chunk(out, "VP8X", sfx_slice((const char *)vp8x, sizeof(vp8x)), err);
    if (rc == 0)
        rc = put_chunk(out, "ICCP", metadata->icc, err);
    if (rc == 0)
        rc = sfx_buf_append(out, image.ptr, image.len, err);
    if (rc == 0)
        rc = put_chunk(out, "EXIF", metadata->exif, err);
    if (rc == 0)
        rc = put_chunk(out, "XMP ", metadata->xmp, err);
    if (rc == 0) {
        put24((uint8_t *)out->data + 4, (uint32_t)(out->len - CHUNK_NBYTES));
        out->data[7] = (char)((out->len - CHUNK_NBYTES) >> 24);
    }
    return rc;
}
