/* SPDX-License-Identifier: MIT */
/* Known signatures: formats that their first bytes tell for certain, without opening libmagic. */
#include "base/size.h"
#include "media/media.h"

#include <stdint.h>

struct part {
    size_t at;
    const char *bytes;
    size_t len;
};

struct signature {
    const char *type;
    struct part first, second; /* second.len 0: one part is enough */
};

#define AT(at, bytes)                                                                              \
    {                                                                                              \
        (at), (bytes), sizeof(bytes) - 1                                                           \
    }

/* Where two could fit, the longer stands first. */
static const struct signature signatures[] = {
    {"image/jpeg", AT(0, "\xff\xd8\xff"), {0}},
    {"image/png", AT(0, "\x89PNG\r\n\x1a\n"), {0}},
    {"image/gif", AT(0, "GIF87a"), {0}},
    {"image/gif", AT(0, "GIF89a"), {0}},
    {"image/webp", AT(0, "RIFF"), AT(8, "WEBP")},
    {"image/avif", AT(4, "ftypavif"), {0}},
    {"image/avif", AT(4, "ftypavis"), {0}},
    {"image/heic", AT(4, "ftypheic"), {0}},
    {"image/heic", AT(4, "ftypheix"), {0}},
    {"image/heif", AT(4, "ftypmif1"), {0}},
    {"image/tiff", AT(0, "II*\0"), {0}},
    {"image/tiff", AT(0, "MM\0*"), {0}},
    {"image/tiff", AT(0, "II+\0\x08\0\0\0"), {0}}, /* BigTIFF */
    {"image/tiff", AT(0, "MM\0+\0\x08\0\0"), {0}},
    /* "BM" alone could begin a text: the reserved words are 0, the header has a known length. */
    {"image/bmp", AT(0, "BM"), AT(14, "\x28\0\0\0\0")},
    {"image/bmp", AT(0, "BM"), AT(14, "\x6c\0\0\0")},
    {"image/bmp", AT(0, "BM"), AT(14, "\x7c\0\0\0")},
    {"image/bmp", AT(0, "BM"), AT(14, "\x0c\0\0\0")},
    {"image/jxl", AT(0, "\0\0\0\x0cJXL \r\n\x87\n"), {0}},
    {"image/jp2", AT(0, "\0\0\0\x0cjP  \r\n\x87\n"), {0}},
    {"application/pdf", AT(0, "%PDF-"), {0}},
    {"application/gzip", AT(0, "\x1f\x8b\x08"), {0}},
    {"application/zstd", AT(0, "\x28\xb5\x2f\xfd"), {0}},
    {"application/x-xz", AT(0, "\xfd\x37zXZ\0"), {0}},
    {"application/x-bzip2", AT(0, "BZh"), AT(4, "\x31\x41\x59\x26\x53\x59")},
    {"application/x-lz4", AT(0, "\x04\x22\x4d\x18"), {0}},
    {"application/x-7z-compressed", AT(0, "7z\xbc\xaf\x27\x1c"), {0}},
    {"application/x-tar", AT(257, "ustar\0"), {0}},
    {"application/x-tar", AT(257, "ustar  \0"), {0}},
    {"application/vnd.sqlite3", AT(0, "SQLite format 3\0"), {0}},
    {"application/vnd.apache.parquet", AT(0, "PAR1"), {0}},
    {"application/vnd.apache.arrow.file", AT(0, "ARROW1\0\0"), {0}},
};

static bool has(struct sfx_slice head, const struct part *part)
{
    return part->len == 0 || (head.len >= part->at + part->len &&
                              memcmp(head.ptr + part->at, part->bytes, part->len) == 0);
}

/* Many formats are zip inside; those whose first member has a telling name are left to libmagic. */
static bool is_plain_zip(struct sfx_slice head)
{
    static const struct part zip = AT(0, "PK\x03\x04");
    static const struct part telling[] = {
        AT(30, "mimetype"),  AT(30, "[Content_Types].xml"), AT(30, "_rels/"),
        AT(30, "docProps/"), AT(30, "META-INF/"),           AT(30, "AndroidManifest.xml"),
    };
    size_t i;

    if (!has(head, &zip))
        return false;
    for (i = 0; i < SFX_COUNT(telling); i++) {
        if (has(head, &telling[i]))
            return false;
    }
    return true;
}

struct sfx_slice sfx_media_signature(struct sfx_slice head)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(signatures); i++) {
        const struct signature *s = &signatures[i];

        if (has(head, &s->first) && has(head, &s->second))
            return sfx_slice_str(s->type);
    }
    return is_plain_zip(head) ? SFX_SLICE_LIT("application/zip") : sfx_slice(NULL, 0);
}
