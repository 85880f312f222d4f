/* SPDX-License-Identifier: MIT */
/* Placeholders: blurhashes as every decoder of them expects, tiny images as data URIs. */
#include "base/text.h"
#include "image/decoder.h"
#include "image/encoder.h"
#include "image/placeholder.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static int keep(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

/* A PNG of which the left half has one colour, the right half another. */
static void make(uint32_t width, uint32_t height, const uint8_t left[3], const uint8_t right[3],
                 struct sfx_buf *out)
{
    static const struct sfx_encode_opts opts = {.compression = 1};
    const struct sfx_encode_params params = {.format = SFX_IMAGE_PNG,
                                             .opts = &opts,
                                             .width_px = width,
                                             .height_px = height,
                                             .layout = SFX_LAYOUT_RGB,
                                             .depth = 8};
    const struct sfx_image_sink sink = {keep, out};
    struct sfx_planes planes;
    struct sfx_encoder *enc = sfx_encoder_new(&params, &sink, &planes, NULL);
    uint8_t row[3 * 64], *rows[64], *const *plane_rows[] = {rows};
    uint32_t x, y;

    assert_non_null(enc);
    assert_true(planes.plane[0].stride_px <= 64 && planes.plane[0].band_rows <= 64);
    for (x = 0; x < 64; x++)
        memcpy(row + 3 * (size_t)x, x < width / 2 ? left : right, 3);
    for (y = 0; y < planes.plane[0].band_rows; y++)
        rows[y] = row;
    for (y = 0; y < height; y += planes.plane[0].band_rows)
        assert_int_equal(sfx_encoder_write(enc, plane_rows, NULL), 0);
    assert_int_equal(sfx_encoder_finish(enc, NULL), 0);
    sfx_encoder_free(enc);
}

static const uint8_t black[3], white[3] = {255, 255, 255}, red[3] = {255, 0, 0};

static void expect_hash(struct sfx_slice image, struct sfx_buf *hash)
{
    struct sfx_err err = {0};

    sfx_buf_clear(hash);
    assert_int_equal(sfx_placeholder_blurhash(image, hash, &err), 0);
    assert_non_null(sfx_buf_cstr(hash, NULL));
}

static void a_blurhash_is_that_of_other_encoders(void **state)
{
    struct sfx_buf image = {0}, hash = {0};

    (void)state;
    /* What every encoder gives for a black image with 4 by 3 components. */
    make(32, 24, black, black, &image);
    expect_hash(sfx_buf_slice(&image), &hash);
    assert_string_equal(hash.data, "L00000fQfQfQfQfQfQfQfQfQfQfQ");
    /* The average of a white one is ffffff: "TSUA" in base 83. */
    sfx_buf_clear(&image);
    make(32, 24, white, white, &image);
    expect_hash(sfx_buf_slice(&image), &hash);
    assert_memory_equal(hash.data + 2, "TSUA", 4);
    sfx_buf_done(&image);
    sfx_buf_done(&hash);
}

static void a_blurhash_knows_left_from_right_and_high_from_wide(void **state)
{
    struct sfx_buf image = {0}, hash = {0}, other = {0};

    (void)state;
    make(32, 24, red, black, &image);
    expect_hash(sfx_buf_slice(&image), &hash);
    sfx_buf_clear(&image);
    make(32, 24, black, red, &image);
    expect_hash(sfx_buf_slice(&image), &other);
    assert_int_equal(hash.len, 28);
    assert_memory_equal(hash.data + 2, other.data + 2, 4); /* the same average */
    assert_memory_not_equal(hash.data + 6, other.data + 6, 2);
    sfx_buf_clear(&image);
    make(12, 32, red, red, &image);
    expect_hash(sfx_buf_slice(&image), &hash);
    assert_int_equal(hash.data[0], 'T'); /* 3 by 4 */
    sfx_buf_done(&image);
    sfx_buf_done(&hash);
    sfx_buf_done(&other);
}

static ssize_t read_slice(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *left = ctx;
    size_t n = left->len < cap ? left->len : cap;

    (void)err;
    memcpy(ptr, left->ptr, n);
    *left = sfx_slice(left->ptr + n, left->len - n);
    return (ssize_t)n;
}

static void an_lqip_is_a_tiny_image_in_an_address(void **state)
{
    static const char prefix[] = "data:image/jpeg;base64,";
    struct sfx_buf image = {0}, uri = {0}, jpeg = {0};
    struct sfx_slice text;
    const struct sfx_image_source source = {.read = read_slice, .ctx = &text};
    struct sfx_decoder *dec;

    (void)state;
    make(32, 24, red, black, &image);
    assert_int_equal(sfx_placeholder_lqip(sfx_buf_slice(&image), &uri, NULL), 0);
    assert_true(uri.len < 1000);
    assert_memory_equal(uri.data, prefix, sizeof(prefix) - 1);
    text = sfx_slice(uri.data + sizeof(prefix) - 1, uri.len - sizeof(prefix) + 1);
    assert_int_equal(sfx_base64_decode(&jpeg, text, NULL), 0);
    text = sfx_buf_slice(&jpeg);
    dec = sfx_decoder_new(&source, NULL, NULL);
    assert_non_null(dec);
    assert_int_equal(sfx_decoder_info(dec)->width_px, 16);
    assert_int_equal(sfx_decoder_info(dec)->height_px, 12);
    sfx_decoder_free(dec);
    sfx_buf_done(&image);
    sfx_buf_done(&uri);
    sfx_buf_done(&jpeg);
}

static void placeholders_are_framed_as_the_first_output(void **state)
{
    static const struct {
        struct sfx_geometry size;
        uint32_t width, height;
    } cases[] = {
        {{.width_px = 0}, 32, 32},
        {{.width_px = 640, .height_px = 480, .mark = SFX_GEOMETRY_FORCE}, 32, 24},
        {{.width_px = 1, .height_px = 3000}, 1, 32},
        {{.width_px = 800}, 32, 32},
        {{.percent = 50}, 32, 32},
        {{.width_px = 300, .height_px = 200, .fit = SFX_FIT_COVER}, 32, 21},
        {{.width_px = 300, .height_px = 200, .fit = SFX_FIT_OUTSIDE}, 32, 21},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sfx_resize_output like = {.size = cases[i].size, .format = SFX_IMAGE_PNG};
        struct sfx_resize_output out = sfx_placeholder_output(&like);

        assert_int_equal(out.format, SFX_IMAGE_JPEG);
        assert_int_equal(out.size.width_px, cases[i].width);
        assert_int_equal(out.size.height_px, cases[i].height);
        assert_int_equal(out.size.mark, like.size.mark);
        assert_true(out.size.percent == 0);
        assert_int_equal(out.size.fit == SFX_FIT_COVER, like.size.fit == SFX_FIT_COVER);
        assert_int_not_equal(out.size.fit, SFX_FIT_OUTSIDE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blurhash_is_that_of_other_encoders),
        cmocka_unit_test(a_blurhash_knows_left_from_right_and_high_from_wide),
        cmocka_unit_test(an_lqip_is_a_tiny_image_in_an_address),
        cmocka_unit_test(placeholders_are_framed_as_the_first_output),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
