/* SPDX-License-Identifier: MIT */
/* Any content as an image that becomes two small ones: planes, rows, float, every orientation. */
#include "fuzz_image.h"

#include "image/resize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_nowhere(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)err;
    return len > 0 ? 0 : -1;
}

static int open_nowhere(void *ctx, const struct sfx_resize_facts *facts,
                        struct sfx_image_sink *sink, struct sfx_err *err)
{
    (void)ctx;
    (void)facts;
    (void)err;
    *sink = (struct sfx_image_sink){write_nowhere, NULL};
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sfx_resize_target target = {open_nowhere, NULL};
    enum sfx_image_format format;

    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_WEBP; format++) {
        const struct sfx_resize_output outputs[] = {
            {.size = {.width_px = 9, .height_px = 7}, .format = format},
            {.size = {.width_px = 30, .height_px = 31, .mark = SFX_GEOMETRY_FORCE},
             .format = format},
        };
        /* Small limits: the fuzzer shall find faults, not patience. */
        const struct sfx_resize_opts opts = {
            .outputs = outputs,
            .noutputs = 2,
            .encode = {.quality = 80, .compression = 1},
            .keep = SFX_KEEP_ALL,
            .limits = {.max_pixels = 1 << 16, .max_decoded_nbytes = 1 << 20, .max_scans = 10},
        };
        struct sfx_slice image;
        uint8_t *copy = fuzz_image(data, size, &image);
        const struct sfx_image_source source = {fuzz_read, &image};
        struct sfx_err err;

        if (sfx_resize(&source, &opts, &target, &err) < 0 && err.text[0] == '\0')
            abort();
        free(copy);
    }
    return 0;
}
