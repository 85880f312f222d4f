/* SPDX-License-Identifier: MIT */
/* Any content: the signatures read within it and name types that have a form. */
#include "media/media.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_slice type = sfx_media_signature(sfx_slice((const char *)data, size));

    if (type.len > 0 && memchr(type.ptr, '/', type.len) == NULL)
        abort();
    return 0;
}
