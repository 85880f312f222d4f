/* SPDX-License-Identifier: MIT */
/* libwebp, opened when it is needed. */
#include "base/dl.h"
#include "image/webp_internal.h"

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "WebP" #name, offsetof(struct sfx_webp_lib, name)                                          \
    }

static struct sfx_webp_lib functions;

static const struct sfx_dl_symbol symbols[] = {
    SYMBOL(InitDecoderConfigInternal),
    SYMBOL(IDecode),
    SYMBOL(IUpdate),
    SYMBOL(IDecGetRGB),
    SYMBOL(IDelete),
    SYMBOL(ConfigInitInternal),
    SYMBOL(PictureInitInternal),
    SYMBOL(PictureImportRGB),
    SYMBOL(PictureImportRGBA),
    SYMBOL(Encode),
    SYMBOL(PictureFree),
};

const struct sfx_webp_lib *sfx_webp_lib(struct sfx_err *err)
{
    static struct sfx_dl_lib lib = SFX_DL_LIB(SFX_LIBWEBP_SONAME, symbols, &functions);

    return sfx_dl_need(&lib, err) == 0 ? &functions : NULL;
}
