/* SPDX-License-Identifier: MIT */
/* JPEG: scans that are left out change nothing; damaged images as far as they go. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "image/jpeg_scans.h"

/* The same coefficients, baseline or progressive. */
static void encode(const struct raster *r, bool progressive, struct sfx_buf *out)
{
    const struct sfx_encode_opts opts = {.quality = 90, .progressive = progressive};

    raster_encode_with(r, SFX_IMAGE_JPEG, &opts, NULL, out);
}

static void a_progressive_thumbnail_is_that_of_the_baseline_image(void **state)
{
    static const enum sfx_layout layouts[] = {SFX_LAYOUT_GRAY, SFX_LAYOUT_RGB};
    static const enum sfx_image_format formats[] = {SFX_IMAGE_JPEG, SFX_IMAGE_PNG};
    static const char *const sizes[] = {"20x", "31x", "60x", NULL}; /* 1/8, 1/8, 1/4, 1/1 */
    size_t i, k, f, at_once;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct raster drawn = raster_draw(541, 437, layouts[i], 8);
        struct sfx_buf encoded[2] = {{0}};

        encode(&drawn, false, &encoded[0]);
        encode(&drawn, true, &encoded[1]);
        for (k = 0; k < 4; k++)
            for (f = 0; f < 2; f++)
                for (at_once = 0; at_once < 2; at_once++) {
                    struct sfx_resize_output output;
                    struct sfx_resize_opts opts = resize_opts(&output, &sizes[k], 1, formats[f]);
                    struct sfx_buf out[2] = {{0}};

                    assert_int_equal(
                        resize_memory(sfx_buf_slice(&encoded[0]), 0, &opts, &out[0], NULL), 0);
                    assert_int_equal(resize_memory(sfx_buf_slice(&encoded[1]), at_once * 7, &opts,
                                                   &out[1], NULL),
                                     0);
                    assert_int_equal(out[0].len, out[1].len);
                    assert_memory_equal(out[0].data, out[1].data, out[0].len);
                    sfx_buf_done(&out[0]);
                    sfx_buf_done(&out[1]);
                }
        sfx_buf_done(&encoded[0]);
        sfx_buf_done(&encoded[1]);
        raster_done(&drawn);
    }
}

/* Where the entropy-coded data of the first scan begins. */
static size_t first_scan(const struct sfx_buf *encoded)
{
    const uint8_t *p = (const uint8_t *)encoded->data;
    size_t at = 2;

    while (p[at + 1] != 0xda)
        at += 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
    return at + 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
}

static void scans_are_left_out_in_any_pieces(void **state)
{
    struct raster drawn = raster_draw(160, 120, SFX_LAYOUT_RGB, 8);
    struct sfx_buf encoded = {0};
    uint8_t *out = malloc(65536), *pieces = malloc(65536);
    struct sfx_jpeg_scans scans = {.drops = {[1] = true}};
    size_t n, got, piece, begin, at;

    (void)state;
    assert_true(out != NULL && pieces != NULL);
    encode(&drawn, true, &encoded);
    begin = first_scan(&encoded);
    n = encoded.len - begin;
    got = sfx_jpeg_scans_filter(&scans, (const uint8_t *)encoded.data + begin, n, out);
    assert_int_equal(scans.dropped, 4); /* of ten: Y's, as jpeg_simple_progression has them */
    assert_true(got < n * 2 / 3);
    assert_memory_equal(out + got - 2, "\xff\xd9", 2);
    for (piece = 1; piece < 40; piece += 3) {
        struct sfx_jpeg_scans again = {.drops = {[1] = true}};
        size_t len = 0;

        for (at = 0; at < n; at += piece)
            len += sfx_jpeg_scans_filter(&again, (const uint8_t *)encoded.data + begin + at,
                                         n - at < piece ? n - at : piece, pieces + len);
        assert_int_equal(len, got);
        assert_memory_equal(pieces, out, got);
    }
    free(out);
    free(pieces);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

/* Cut off: an error by default; else what came is as it is in the whole image, the rest gray. */
static void a_part_is_made_when_it_is_welcome(void **state)
{
    struct raster drawn = raster_draw(64, 256, SFX_LAYOUT_GRAY, 8), whole, part;
    const char *size = NULL;
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    struct sfx_buf encoded = {0}, out = {0};
    struct sfx_slice cut;
    struct sfx_err err;

    (void)state;
    encode(&drawn, false, &encoded);
    whole = raster_decode(sfx_buf_slice(&encoded));
    cut = sfx_slice(encoded.data, encoded.len * 6 / 10);
    assert_int_equal(resize_memory(cut, 0, &opts, &out, &err), SFX_E_INPUT);
    sfx_buf_clear(&out);
    opts.partial = true;
    assert_int_equal(resize_memory(cut, 0, &opts, &out, &err), 1);
    assert_non_null(strstr(err.text, "of 256: data ends early"));
    part = raster_decode(sfx_buf_slice(&out));
    assert_memory_equal(part.data, whole.data, (size_t)64 * 128);
    assert_int_equal(part.data[64 * 250], part.data[64 * 250 + 63]); /* nothing came */
    /* What is whole is whole. */
    sfx_buf_clear(&out);
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, &err), 0);
    sfx_buf_done(&out);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
    raster_done(&whole);
    raster_done(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_progressive_thumbnail_is_that_of_the_baseline_image),
        cmocka_unit_test(scans_are_left_out_in_any_pieces),
        cmocka_unit_test(a_part_is_made_when_it_is_welcome),
    };

    return cmocka_run_group_tests_name("image_jpeg", tests, NULL, NULL);
}
