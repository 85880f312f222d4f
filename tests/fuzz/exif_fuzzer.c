/* SPDX-License-Identifier: MIT */
/* Any content as EXIF data. */
#include "fuzz_image.h"

#include "image/exif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    size_t len;
    unsigned orientation;

    if (copy == NULL)
        abort();
    len = fuzz_unhex(data, size, copy);
    orientation = sfx_exif_orientation(copy, len);
    if (orientation < 1 || orientation > 8)
        abort();
    free(copy);
    return 0;
}
