/* SPDX-License-Identifier: MIT */
/* WebP in and out: lossless and lossy, animated, cut off, hostile. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#ifdef SFX_WITH_WEBP

static const struct sfx_encode_opts lossless = {.quality = 80, .lossless = true};

static void put32(struct sfx_buf *out, uint32_t value, size_t nbytes)
{
    while (nbytes-- > 0) {
        assert_int_equal(sfx_buf_putc(out, (char)value, NULL), 0);
        value >>= 8;
    }
}

/* What lossless keeps, gray as RGB. */
static void check_round_trip(enum sfx_layout layout)
{
    struct raster before = raster_draw(37, 21, layout, 8), after;
    unsigned channels = sfx_layout_channels(layout), alpha = sfx_layout_has_alpha(layout), c;
    struct sfx_buf encoded = {0};
    size_t i;

    before.data[channels - 1] = 0; /* the first pixel is transparent, its colour stays */
    raster_encode_with(&before, SFX_IMAGE_WEBP, &lossless, NULL, &encoded);
    after = raster_decode(sfx_buf_slice(&encoded));
    assert_int_equal(after.layout, alpha ? SFX_LAYOUT_RGBA : SFX_LAYOUT_RGB);
    for (i = 0; i < (size_t)37 * 21; i++)
        for (c = 0; c < 3 + alpha; c++)
            assert_int_equal(after.data[i * (3 + alpha) + c],
                             before.data[i * channels + (channels >= 3 ? c : c == 3)]);
    sfx_buf_done(&encoded);
    raster_done(&before);
    raster_done(&after);
}

static void lossless_keeps_every_sample(void **state)
{
    (void)state;
    check_round_trip(SFX_LAYOUT_GRAY);
    check_round_trip(SFX_LAYOUT_GRAY_ALPHA);
    check_round_trip(SFX_LAYOUT_RGB);
    check_round_trip(SFX_LAYOUT_RGBA);
}

static void quality_decides_on_size_and_likeness(void **state)
{
    static const unsigned qualities[] = {20, 60, 95};
    struct raster before = raster_draw(160, 120, SFX_LAYOUT_RGB, 8);
    double likeness = 0;
    size_t nbytes = 0, i;

    (void)state;
    for (i = 0; i < 3; i++) {
        const struct sfx_encode_opts opts = {.quality = qualities[i]};
        struct sfx_buf encoded = {0};
        struct raster after;

        raster_encode_with(&before, SFX_IMAGE_WEBP, &opts, NULL, &encoded);
        after = raster_decode(sfx_buf_slice(&encoded));
        assert_true(raster_psnr(&before, &after) > likeness);
        assert_true(encoded.len > nbytes);
        likeness = raster_psnr(&before, &after);
        nbytes = encoded.len;
        raster_done(&after);
        sfx_buf_done(&encoded);
    }
    raster_done(&before);
}

/* The chunks of a still image without the container. */
static struct sfx_slice chunks_of(const struct sfx_buf *encoded)
{
    return sfx_slice(encoded->data + 12, encoded->len - 12);
}

/* An animation of two frames of w x h at (x, y) on a canvas of 40 x 30. */
static void animate(struct sfx_slice frame, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                    struct sfx_buf *out)
{
    int i;

    assert_int_equal(sfx_buf_append(out, "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0", 24, NULL), 0);
    put32(out, 39, 3);
    put32(out, 29, 3);
    assert_int_equal(sfx_buf_append(out, "ANIM\x06\0\0\0\xff\xff\xff\xff\0\0", 14, NULL), 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(sfx_buf_append(out, "ANMF", 4, NULL), 0);
        put32(out, (uint32_t)frame.len + 16, 4);
        put32(out, x / 2, 3);
        put32(out, y / 2, 3);
        put32(out, w - 1, 3);
        put32(out, h - 1, 3);
        put32(out, 100, 4); /* duration, flags */
        assert_int_equal(sfx_buf_append(out, frame.ptr, frame.len, NULL), 0);
    }
    out->data[4] = (char)(out->len - 8);
    out->data[5] = (char)((out->len - 8) >> 8);
    out->data[6] = (char)((out->len - 8) >> 16);
}

static void the_first_frame_of_an_animation_lies_on_its_canvas(void **state)
{
    struct raster frame = raster_draw(20, 12, SFX_LAYOUT_RGB, 8), got;
    struct sfx_buf still = {0}, animation = {0}, outside = {0};
    struct image_header header;
    uint32_t x, y;

    (void)state;
    raster_encode_with(&frame, SFX_IMAGE_WEBP, &lossless, NULL, &still);
    animate(chunks_of(&still), 8, 4, 20, 12, &animation);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&animation)), 0);
    assert_int_equal(header.info->frames, 2);
    image_header_done(&header);
    got = raster_decode(sfx_buf_slice(&animation));
    assert_int_equal(got.width_px, 40);
    assert_int_equal(got.height_px, 30);
    assert_int_equal(got.layout, SFX_LAYOUT_RGBA);
    for (y = 0; y < 30; y++)
        for (x = 0; x < 40; x++) {
            const uint8_t *pixel = got.data + y * got.row_nbytes + (size_t)x * 4;
            bool inside = x >= 8 && x < 28 && y >= 4 && y < 16;

            assert_int_equal(pixel[3], inside ? 255 : 0);
            if (inside)
                assert_memory_equal(
                    pixel, frame.data + (y - 4) * frame.row_nbytes + (size_t)(x - 8) * 3, 3);
        }
    /* A frame that leaves the canvas is no image. */
    animate(chunks_of(&still), 24, 4, 20, 12, &outside);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&outside)), -1);
    image_header_done(&header);
    sfx_buf_done(&outside);
    sfx_buf_done(&animation);
    sfx_buf_done(&still);
    raster_done(&frame);
    raster_done(&got);
}

/* Cut off anywhere, in memory of its own: an error, which names the row once there are rows. */
static void what_is_cut_off_is_an_error(void **state)
{
    struct raster drawn = raster_draw(48, 64, SFX_LAYOUT_RGBA, 8);
    const char *size = "10x";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    unsigned kind;

    (void)state;
    for (kind = 0; kind < 2; kind++) {
        const struct sfx_encode_opts encode = {.quality = 80, .lossless = kind == 1};
        struct sfx_buf encoded = {0};
        size_t len;
        bool rows = false;

        raster_encode_with(&drawn, SFX_IMAGE_WEBP, &encode, NULL, &encoded);
        for (len = 0; len < encoded.len - 1; len += 1 + encoded.len / 97) {
            char *copy = malloc(len + 1);
            struct sfx_buf out = {0};
            struct sfx_err err;

            assert_non_null(copy);
            memcpy(copy, encoded.data, len);
            assert_int_equal(resize_memory(sfx_slice(copy, len), 0, &opts, &out, &err),
                             SFX_E_INPUT);
            rows = rows || strstr(err.text, "of 64: data ends early") != NULL;
            sfx_buf_done(&out);
            free(copy);
        }
        assert_true(rows);
        sfx_buf_done(&encoded);
    }
    raster_done(&drawn);
}

static void a_bomb_is_refused_by_its_header(void **state)
{
    static const uint8_t bomb[30] =
        "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff";
    struct sfx_resize_output output;
    const char *size = "10x";
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    struct sfx_buf out = {0};
    struct sfx_err err;

    (void)state;
    assert_int_equal(
        resize_memory(sfx_slice((const char *)bomb, sizeof(bomb)), 1, &opts, &out, &err),
        SFX_E_LIMIT);
    /* Within the limit of sides, but more than may be held. */
    opts.limits.max_decoded_nbytes = 1000;
    {
        struct raster drawn = raster_draw(48, 64, SFX_LAYOUT_RGB, 8);
        struct sfx_buf encoded = {0};

        raster_encode_with(&drawn, SFX_IMAGE_WEBP, &lossless, NULL, &encoded);
        assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, &err), SFX_E_LIMIT);
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
    sfx_buf_done(&out);
}

static void a_side_too_long_for_webp_is_refused(void **state)
{
    struct raster drawn = raster_draw(8, 8, SFX_LAYOUT_GRAY, 8);
    const char *size = "16384x2!";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_WEBP);
    struct sfx_buf encoded = {0}, out = {0};
    struct sfx_err err;

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, &err),
                     SFX_E_UNSUPPORTED);
    sfx_buf_done(&encoded);
    sfx_buf_done(&out);
    raster_done(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_keeps_every_sample),
        cmocka_unit_test(quality_decides_on_size_and_likeness),
        cmocka_unit_test(the_first_frame_of_an_animation_lies_on_its_canvas),
        cmocka_unit_test(what_is_cut_off_is_an_error),
        cmocka_unit_test(a_bomb_is_refused_by_its_header),
        cmocka_unit_test(a_side_too_long_for_webp_is_refused),
    };

    return cmocka_run_group_tests_name("image_webp", tests, NULL, NULL);
}

#else

static void refused(void **state)
{
    struct image_header header;

    (void)state;
    assert_int_equal(image_header_init(&header, SFX_SLICE_LIT("RIFF\x10\0\0\0WEBPVP8 ")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused)};

    return cmocka_run_group_tests_name("image_webp", tests, NULL, NULL);
}
#endif
