/* SPDX-License-Identifier: MIT */
/* Any content as an image's header. */
#include "fuzz_image.h"

#include "image/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sfx_slice image;
    uint8_t *copy = fuzz_image(data, size, &image);
    const struct sfx_image_source source = {fuzz_read, &image};
    struct sfx_decoder *dec = sfx_decoder_new(&source, NULL, NULL);

    if (dec != NULL) {
        const struct sfx_image_info *info = sfx_decoder_info(dec);

        if (info->width_px == 0 || info->height_px == 0 || info->orientation < 1 ||
            info->orientation > 8 || info->colour == NULL)
            abort();
    }
    sfx_decoder_free(dec);
    free(copy);
    return 0;
}
