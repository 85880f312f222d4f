/* SPDX-License-Identifier: MIT */
/* What says how samples look: kept from PNG to PNG, converted to sRGB when asked. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "image/colour.h"

static int write_buf(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

/* A PNG of 16 x 16 pixels of one colour, whose chunks say how it looks. */
static void plain_png(enum sfx_layout layout, unsigned depth, const unsigned *value,
                      const struct sfx_png_colour *png, struct sfx_buf *out)
{
    const struct sfx_encode_opts opts = {.quality = 80};
    const struct sfx_encode_params params = {
        .format = SFX_IMAGE_PNG,
        .opts = &opts,
        .width_px = 16,
        .height_px = 16,
        .layout = layout,
        .depth = depth,
        .png = png,
    };
    struct sfx_image_sink sink = {write_buf, out};
    unsigned channels = sfx_layout_channels(layout), i;
    uint16_t wide[64];
    uint8_t narrow[64], *row = depth == 16 ? (uint8_t *)wide : narrow;
    uint8_t *const *rows[1] = {&row};
    struct sfx_planes planes;
    struct sfx_encoder *enc = sfx_encoder_new(&params, &sink, &planes, NULL);

    assert_non_null(enc);
    for (i = 0; i < 16 * channels; i++) {
        wide[i] = (uint16_t)(value[i % channels] * 257);
        narrow[i] = (uint8_t)value[i % channels];
    }
    for (i = 0; i < 16; i++)
        assert_int_equal(sfx_encoder_write(enc, rows, NULL), 0);
    assert_int_equal(sfx_encoder_finish(enc, NULL), 0);
    sfx_encoder_free(enc);
}

/* The first pixel of what --srgb makes of it, as RGBA of 8 bits. */
static int converted(struct sfx_slice encoded, enum sfx_image_format format, unsigned got[4])
{
    const char *size = "8x";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
    struct sfx_buf out = {0};
    struct image_header header;
    struct raster r;
    struct sfx_err err;
    unsigned channels, c;
    int rc;

    opts.srgb = true;
    rc = resize_memory(encoded, 0, &opts, &out, &err);
    if (rc == 0) {
        assert_int_equal(image_header_init(&header, sfx_buf_slice(&out)), 0);
        /* libpng tells of gamma and primaries where sRGB says it all. */
        assert_true(header.info->png.has_srgb || format == SFX_IMAGE_JPEG);
        assert_false(header.info->png.has_cicp);
        image_header_done(&header);
        r = raster_decode(sfx_buf_slice(&out));
        channels = sfx_layout_channels(r.layout);
        for (c = 0; c < 4; c++) {
            unsigned at = c == 3 ? channels - 1 : channels >= 3 ? c : 0;

            got[c] = r.depth == 16 ? ((uint16_t *)(void *)r.data)[at] / 257u : r.data[at];
        }
        if (channels % 2 == 1)
            got[3] = 255;
        raster_done(&r);
    }
    sfx_buf_done(&out);
    return rc;
}

static void near(unsigned got, unsigned want)
{
    assert_in_range(got, want > 2 ? want - 2 : 0, want + 2);
}

static void codes_of_colour_go_from_png_to_png(void **state)
{
    static const unsigned value[] = {200, 100, 50};
    const struct sfx_png_colour png = {.has_cicp = true, .cicp = {12, 13, 0, 1}};
    const char *size = "8x";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    struct sfx_buf encoded = {0}, out = {0};
    struct image_header header;

    (void)state;
    plain_png(SFX_LAYOUT_RGB, 8, value, &png, &encoded);
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, NULL), 0);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&out)), 0);
    assert_true(header.info->png.has_cicp);
    assert_memory_equal(header.info->png.cicp, png.cicp, 4);
    image_header_done(&header);
    sfx_buf_done(&encoded);
    sfx_buf_done(&out);
}

#ifdef SFX_WITH_LCMS2

/* Linear samples: 55/255 of the light is 128 in sRGB (IEC 61966-2-1). */
static void gamma_is_converted_in_every_layout(void **state)
{
    static const enum sfx_layout layouts[] = {SFX_LAYOUT_GRAY, SFX_LAYOUT_GRAY_ALPHA,
                                              SFX_LAYOUT_RGB, SFX_LAYOUT_RGBA};
    static const unsigned gray[] = {55, 140}, colour[] = {55, 10, 200, 140};
    const struct sfx_png_colour png = {.has_gamma = true, .gamma = 100000};
    unsigned depth, got[4];
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++)
        for (depth = 8; depth <= 16; depth += 8) {
            struct sfx_buf encoded = {0};

            plain_png(layouts[i], depth, i < 2 ? gray : colour, &png, &encoded);
            assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_PNG, got), 0);
            near(got[0], 128);
            near(got[1], i < 2 ? 128 : 56);
            near(got[2], i < 2 ? 128 : 229);
            near(got[3], i % 2 == 1 ? 140 : 255);
            if (i % 2 == 0) {
                assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_JPEG, got), 0);
                near(got[0], 128);
            }
            sfx_buf_done(&encoded);
        }
}

/* Display P3: the same numbers are more colourful; what sRGB cannot show is its nearest edge. */
static void codes_of_colour_go_before_gamma(void **state)
{
    static const unsigned value[] = {200, 100, 100}, red[] = {255, 0, 0};
    const struct sfx_png_colour p3 = {
        .has_cicp = true, .cicp = {12, 13, 0, 1}, .has_gamma = true, .gamma = 100000};
    const struct sfx_png_colour srgb = {.has_cicp = true, .cicp = {1, 13, 0, 1}};
    const struct sfx_png_colour hdr = {.has_cicp = true, .cicp = {9, 16, 0, 1}};
    struct sfx_buf encoded = {0};
    unsigned got[4];

    (void)state;
    plain_png(SFX_LAYOUT_RGB, 8, value, &p3, &encoded);
    assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_PNG, got), 0);
    near(got[0], 216); /* by the matrices of P3 and sRGB */
    near(got[1], 92);
    near(got[2], 97);
    sfx_buf_clear(&encoded);
    plain_png(SFX_LAYOUT_RGB, 8, red, &p3, &encoded);
    assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_PNG, got), 0);
    near(got[0], 255);
    near(got[1], 0);
    sfx_buf_clear(&encoded);
    plain_png(SFX_LAYOUT_RGB, 8, value, &srgb, &encoded);
    assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_PNG, got), 0);
    near(got[0], 200);
    sfx_buf_clear(&encoded);
    plain_png(SFX_LAYOUT_RGB, 8, value, &hdr, &encoded);
    assert_int_equal(converted(sfx_buf_slice(&encoded), SFX_IMAGE_PNG, got), SFX_E_UNSUPPORTED);
    sfx_buf_done(&encoded);
}

static void a_profile_that_is_none_is_told(void **state)
{
    struct sfx_colour *colour;
    char icc[200] = {0};

    (void)state;
    assert_int_equal(
        sfx_colour_new(sfx_slice(icc, sizeof(icc)), NULL, SFX_LAYOUT_RGB, 8, &colour, NULL),
        SFX_E_UNSUPPORTED);
    assert_null(colour);
    assert_int_equal(sfx_colour_new_cmyk(sfx_slice(icc, sizeof(icc)), true, &colour, NULL),
                     SFX_E_UNSUPPORTED);
    /* Nothing said: nothing to do. */
    assert_int_equal(sfx_colour_new(sfx_slice(NULL, 0), NULL, SFX_LAYOUT_RGB, 8, &colour, NULL), 0);
    assert_null(colour);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_colour_go_from_png_to_png),
#ifdef SFX_WITH_LCMS2
        cmocka_unit_test(gamma_is_converted_in_every_layout),
        cmocka_unit_test(codes_of_colour_go_before_gamma),
        cmocka_unit_test(a_profile_that_is_none_is_told),
#endif
    };
#ifndef SFX_WITH_LCMS2
    (void)converted;
    (void)near;
#endif

    return cmocka_run_group_tests_name("image_colour", tests, NULL, NULL);
}
