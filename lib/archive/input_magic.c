/* SPDX-License-Identifier: MIT */
/*
 * What the first bytes of an input say: which compression, which archive. Deciding it here keeps
 * libarchive from bidding, which never ends on a gzip file that decodes to itself, and from finding
 * archives in plain data.
 */
#include "archive/input_internal.h"
#include "base/size.h"

#include <strings.h>

static bool starts_with(struct sfx_slice head, const char *magic, size_t len)
{
    return head.len >= len && memcmp(head.ptr, magic, len) == 0;
}

#define STARTS_WITH(head, magic) starts_with((head), (magic), sizeof(magic) - 1)

/* "BZh9" alone could begin a text: the block's or the end's magic must follow. */
static bool is_bzip2(struct sfx_slice head)
{
    return STARTS_WITH(head, "BZh") && head.len >= 10 && head.ptr[3] >= '1' && head.ptr[3] <= '9' &&
           (memcmp(head.ptr + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
            memcmp(head.ptr + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

static uint32_t le32(const char *ptr)
{
    const unsigned char *p = (const unsigned char *)ptr;

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* zstd and LZ4 share their skippable frames (RFC 8878, 3.1.2): what follows them decides. */
static struct sfx_slice skip_skippable(struct sfx_slice head)
{
    while (head.len >= 8 && (le32(head.ptr) & 0xfffffff0U) == 0x184d2a50U) {
        uint32_t size = le32(head.ptr + 4);

        if (size > head.len - 8)
            return SFX_SLICE_LIT("\x28\xb5\x2f\xfd"); /* out of sight: zstd is the usual one */
        head = sfx_slice(head.ptr + 8 + size, head.len - 8 - size);
        if (head.len == 0)
            return SFX_SLICE_LIT("\x28\xb5\x2f\xfd");
    }
    return head;
}

enum sfx_input_filter sfx_input_filter_of(struct sfx_slice head)
{
    if (STARTS_WITH(head, "\x1f\x8b\x08"))
        return SFX_FILTER_GZIP;
    if (is_bzip2(head))
        return SFX_FILTER_BZIP2;
    if (STARTS_WITH(head, "\xfd\x37\x7a\x58\x5a\x00"))
        return SFX_FILTER_XZ;
    head = skip_skippable(head);
    if (STARTS_WITH(head, "\x28\xb5\x2f\xfd"))
        return SFX_FILTER_ZSTD;
    if (STARTS_WITH(head, "\x04\x22\x4d\x18"))
        return SFX_FILTER_LZ4;
    return SFX_FILTER_NONE;
}

/* The checksum of a tar header: the sum of its bytes, its own field (148..155) taken as spaces. Old
 * writers summed signed bytes. */
static bool is_tar_checksum(struct sfx_slice head)
{
    uint32_t stored = 0, sum = 0;
    int32_t signed_sum = 0;
    size_t i = 148;

    while (i < 156 && head.ptr[i] == ' ')
        i++;
    if (i == 156 || head.ptr[i] < '0' || head.ptr[i] > '7')
        return false;
    for (; i < 156 && head.ptr[i] >= '0' && head.ptr[i] <= '7'; i++)
        stored = stored * 8 + (uint32_t)(head.ptr[i] - '0');
    for (i = 0; i < 512; i++) {
        char c = i >= 148 && i < 156 ? ' ' : head.ptr[i];

        sum += (unsigned char)c;
        signed_sum += (signed char)c;
    }
    return stored == sum || (signed_sum > 0 && stored == (uint32_t)signed_sum);
}

static bool is_tar(struct sfx_slice head)
{
    static const char zeros[512];

    if (head.len < 512)
        return false;
    if (memcmp(head.ptr, zeros, 512) == 0)
        return true; /* an archive without members is nothing but its end mark */
    return memcmp(head.ptr + 257, "ustar", 5) == 0 || is_tar_checksum(head);
}

enum sfx_input_format sfx_input_format_of(struct sfx_slice head)
{
    if (STARTS_WITH(head, "PK\x03\x04") || STARTS_WITH(head, "PK\x05\x06"))
        return SFX_FORMAT_ZIP;
    if (STARTS_WITH(head, "7z\xbc\xaf\x27\x1c"))
        return SFX_FORMAT_7ZIP;
    return is_tar(head) ? SFX_FORMAT_TAR : SFX_FORMAT_STREAM;
}

bool sfx_input_is_packed(struct sfx_slice head)
{
    return sfx_input_filter_of(head) != SFX_FILTER_NONE ||
           sfx_input_format_of(head) != SFX_FORMAT_STREAM;
}

struct sfx_slice sfx_input_strip_suffix(struct sfx_slice name)
{
    static const char *const suffixes[] = {".gz", ".bz2", ".xz", ".zst", ".lz4"};
    size_t i;

    for (i = 0; i < SFX_COUNT(suffixes); i++) {
        size_t len = strlen(suffixes[i]);

        if (name.len > len && strncasecmp(name.ptr + name.len - len, suffixes[i], len) == 0)
            return sfx_slice(name.ptr, name.len - len);
    }
    return name;
}

/* A line end among the bytes of a tar header's name, or before any magic is complete, means text.
 */
bool sfx_input_head_decides(void *ctx, struct sfx_slice head)
{
    (void)ctx;
    return head.len >= SFX_INPUT_HEAD_NBYTES ||
           memchr(head.ptr, '\n', head.len < 100 ? head.len : 100) != NULL;
}
