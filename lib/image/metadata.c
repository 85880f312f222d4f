/* SPDX-License-Identifier: MIT */
/* Which metadata of an input goes along to an output. */
#include "image/metadata.h"

#include "base/size.h"

#include <string.h>

/* Offset of the data colour space in a profile's header; ICC.1:2010, 7.2. */
#define ICC_SPACE_OFFSET 16

static bool profile_fits(struct sfx_slice icc, enum sfx_layout layout)
{
    bool gray = layout == SFX_LAYOUT_GRAY || layout == SFX_LAYOUT_GRAY_ALPHA;

    return icc.len >= ICC_SPACE_OFFSET + 4 &&
           memcmp(icc.ptr + ICC_SPACE_OFFSET, gray ? "GRAY" : "RGB ", 4) == 0;
}

struct sfx_metadata sfx_metadata_keep(const struct sfx_image_info *info, unsigned keep,
                                      enum sfx_layout layout)
{
    struct sfx_metadata kept = info->metadata;
    const struct sfx_slice none = sfx_slice(NULL, 0);

    if ((keep & SFX_KEEP_ICC) == 0 || !profile_fits(kept.icc, layout))
        kept.icc = none;
    if ((keep & SFX_KEEP_EXIF) == 0)
        kept.exif = none;
    if ((keep & SFX_KEEP_XMP) == 0)
        kept.xmp = none;
    if ((keep & SFX_KEEP_IPTC) == 0)
        kept.iptc = none;
    return kept;
}

int sfx_keep_parse(struct sfx_slice text, unsigned *keep, struct sfx_err *err)
{
    static const struct {
        const char *name;
        unsigned bits;
    } kinds[] = {
        {"icc", SFX_KEEP_ICC},   {"exif", SFX_KEEP_EXIF}, {"xmp", SFX_KEEP_XMP},
        {"iptc", SFX_KEEP_IPTC}, {"all", SFX_KEEP_ALL},   {"none", 0},
    };
    size_t at = 0, i;

    *keep = 0;
    while (at <= text.len) {
        const char *comma = memchr(text.ptr + at, ',', text.len - at);
        size_t len = comma != NULL ? (size_t)(comma - text.ptr) - at : text.len - at;
        struct sfx_slice word = sfx_slice(text.ptr + at, len);

        for (i = 0; i < SFX_COUNT(kinds); i++)
            if (sfx_slice_eq(word, sfx_slice_str(kinds[i].name)))
                break;
        if (i == SFX_COUNT(kinds))
            return sfx_err_set(err, SFX_E_USAGE,
                               "metadata '%.*s': one of icc, exif, xmp, iptc, all and none",
                               SFX_SLICE_ARG(word));
        *keep |= kinds[i].bits;
        at += len + 1;
    }
    return 0;
}
