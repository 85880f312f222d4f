/* SPDX-License-Identifier: MIT */
/* PNG by the fast libraries against libpng: the same pixels in and out, the same damage found. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/png_filter_internal.h"
#include "image/png_inflate.h"
#include "image/png_reduce.h"

static const enum sfx_layout layouts[] = {SFX_LAYOUT_GRAY, SFX_LAYOUT_GRAY_ALPHA, SFX_LAYOUT_RGB,
                                          SFX_LAYOUT_RGBA};

/* n bytes that end at a page that cannot be touched; SFX_PNG_SLACK of them are slack. */
static uint8_t *guarded(size_t n, uint8_t **memory, size_t *nbytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    *nbytes = (n + page - 1) / page * page + page;
    *memory = mmap(NULL, *nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(*memory != MAP_FAILED);
    assert_int_equal(mprotect(*memory + *nbytes - page, page, PROT_NONE), 0);
    return *memory + *nbytes - page - n;
}

/* Every variant filters and undoes like the reference, and undoing gives the row back. */
static void filters_are_the_reference_s(void **state)
{
    const struct sfx_png_filters *best = sfx_png_filters_best(), *plain = &sfx_png_filters_portable;
    enum sfx_png_filter filter;
    size_t n, bpp, i;

    (void)state;
    for (n = 1; n < 70; n++)
        for (bpp = 1; bpp <= 8; bpp++)
            for (filter = SFX_PNG_NONE; filter <= SFX_PNG_PAETH; filter++) {
                uint8_t row[2][128] = {{0}}, above[128] = {0}, out[2][128], *memory, *tail;
                size_t nbytes, pixels = (n + bpp - 1) / bpp * bpp;

                for (i = 0; i < pixels; i++) {
                    row[0][16 + i] = (uint8_t)(i * i * 37 + n * 11 + bpp);
                    above[16 + i] = (uint8_t)(i * 91 + (n ^ i) * 5);
                }
                assert_int_equal(plain->apply(filter, row[0] + 16, above + 16, pixels, bpp, out[0]),
                                 best->apply(filter, row[0] + 16, above + 16, pixels, bpp, out[1]));
                assert_memory_equal(out[0], out[1], pixels);
                if (filter == SFX_PNG_NONE)
                    continue;
                tail = guarded(pixels + SFX_PNG_SLACK, &memory, &nbytes);
                memcpy(tail, out[0], pixels);
                best->undo(filter, tail, above + 16, pixels, bpp);
                assert_memory_equal(tail, row[0] + 16, pixels);
                plain->undo(filter, out[0], above + 16, pixels, bpp);
                assert_memory_equal(out[0], row[0] + 16, pixels);
                assert_int_equal(munmap(memory, nbytes), 0);
            }
}

static void both_ways_write_and_read_the_same_pixels(void **state)
{
    size_t i, way;
    unsigned depth;

    (void)state;
    for (i = 0; i < 4; i++)
        for (depth = 8; depth <= 16; depth += 8)
            for (way = 0; way < 4; way++) {
                struct raster before = raster_draw(301, 83, layouts[i], depth), after;
                struct sfx_buf encoded = {0};

                sfx_png_plain = way % 2 == 1;
                raster_encode(&before, SFX_IMAGE_PNG, &encoded);
                sfx_png_plain = way / 2 == 1;
                after = raster_decode(sfx_buf_slice(&encoded));
                sfx_png_plain = false;
                assert_true(raster_psnr(&before, &after) > 900);
                sfx_buf_done(&encoded);
                raster_done(&before);
                raster_done(&after);
            }
}

/* Every byte changed: the fast way fails where libpng does, or gives the same pixels. */
static void damage_is_found_both_ways(void **state)
{
    struct raster drawn = raster_draw(40, 30, SFX_LAYOUT_RGB, 8);
    struct sfx_buf encoded = {0};
    const char *size = NULL;
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    size_t i;

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
    for (i = 8; i < encoded.len; i++) {
        struct sfx_buf out[2] = {{0}};
        int rc[2], way;

        encoded.data[i] ^= 0x10;
        for (way = 0; way < 2; way++) {
            sfx_png_plain = way == 1;
            rc[way] = resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out[way], NULL);
            sfx_png_plain = false;
        }
        encoded.data[i] ^= 0x10;
        if ((rc[0] < 0) != (rc[1] < 0))
            fail_msg("byte %zu: %d by ISA-L, %d by libpng", i, rc[0], rc[1]);
        sfx_buf_done(&out[0]);
        sfx_buf_done(&out[1]);
    }
    /* Cut off anywhere. */
    for (i = 1; i < encoded.len; i += 7) {
        struct sfx_buf out = {0};

        assert_true(resize_memory(sfx_slice(encoded.data, encoded.len - i), 0, &opts, &out, NULL) <
                    0);
        sfx_buf_done(&out);
    }
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

/* Colour type and depth in the header of what was made of w x h pixels. */
static void form_of(const struct raster *r, struct sfx_slice icc, int *type, int *depth)
{
    const struct sfx_metadata metadata = {.icc = icc};
    const struct sfx_encode_opts opts = {.quality = 80};
    struct sfx_buf encoded = {0};

    raster_encode_with(r, SFX_IMAGE_PNG, &opts, &metadata, &encoded);
    assert_true(encoded.len > 26);
    *depth = encoded.data[24];
    *type = encoded.data[25];
    sfx_buf_done(&encoded);
}

static void check_form(uint8_t (*pixel)(uint32_t x, uint32_t y, unsigned c), enum sfx_layout layout,
                       unsigned depth_in, int type, int depth)
{
    struct raster r = raster_draw(64, 64, layout, depth_in);
    unsigned channels = sfx_layout_channels(layout), c;
    int got_type, got_depth;
    uint32_t x, y;

    for (y = 0; y < 64; y++)
        for (x = 0; x < 64; x++)
            for (c = 0; c < channels; c++) {
                size_t at = ((size_t)y * 64 + x) * channels + c;
                bool alpha = c == channels - 1 && sfx_layout_has_alpha(layout);

                if (depth_in == 16)
                    ((uint16_t *)(void *)r.data)[at] =
                        (uint16_t)((alpha ? 255 : pixel(x, y, c)) * 257);
                else
                    r.data[at] = alpha ? 255 : pixel(x, y, c);
            }
    form_of(&r, sfx_slice(NULL, 0), &got_type, &got_depth);
    if (got_type != type || got_depth != depth)
        fail_msg("layout %d of %u bits: type %d of %d bits, not %d of %d", (int)layout, depth_in,
                 got_type, got_depth, type, depth);
    {
        struct sfx_buf encoded = {0};
        struct raster again;
        const struct sfx_encode_opts opts = {.quality = 80};

        raster_encode_with(&r, SFX_IMAGE_PNG, &opts, NULL, &encoded);
        again = raster_decode(sfx_buf_slice(&encoded));
        for (c = 0; c < 3; c++)
            assert_int_equal(
                again.data[sfx_layout_channels(again.layout) * 65 * (again.depth / 8) +
                           (sfx_layout_channels(again.layout) >= 3 ? c : 0) * (again.depth / 8)],
                pixel(1, 1, sfx_layout_channels(again.layout) >= 3 ? c : 0));
        raster_done(&again);
        sfx_buf_done(&encoded);
    }
    raster_done(&r);
}

static uint8_t black_or_white(uint32_t x, uint32_t y, unsigned c)
{
    (void)c;
    return (x / 3 + y / 5) % 2 == 0 ? 0 : 255;
}

static uint8_t sixteen_grays(uint32_t x, uint32_t y, unsigned c)
{
    (void)c;
    return (uint8_t)((x + y) % 16 * 17);
}

static uint8_t all_grays(uint32_t x, uint32_t y, unsigned c)
{
    (void)c;
    return (uint8_t)(x * 4 + y);
}

static uint8_t ten_colours(uint32_t x, uint32_t y, unsigned c)
{
    return (uint8_t)((x + y) % 10 * 20 + c * 7);
}

static uint8_t all_colours(uint32_t x, uint32_t y, unsigned c)
{
    return (uint8_t)(c == 0 ? x * 4 : c == 1 ? y * 4 : x ^ y);
}

static void the_smallest_exact_form_is_written(void **state)
{
    unsigned depth;
    size_t i;

    (void)state;
    for (depth = 8; depth <= 16; depth += 8)
        for (i = 0; i < 4; i++) {
            check_form(black_or_white, layouts[i], depth, PNG_COLOR_TYPE_GRAY, 1);
            check_form(sixteen_grays, layouts[i], depth, PNG_COLOR_TYPE_GRAY, 4);
            check_form(all_grays, layouts[i], depth, PNG_COLOR_TYPE_GRAY, 8);
            if (i >= 2) {
                check_form(ten_colours, layouts[i], depth, PNG_COLOR_TYPE_PALETTE, 4);
                check_form(all_colours, layouts[i], depth, PNG_COLOR_TYPE_RGB, 8);
            }
        }
}

/* A profile of RGB says nothing about gray samples. */
static void a_profile_keeps_its_colour_model(void **state)
{
    struct raster r = raster_draw(64, 64, SFX_LAYOUT_RGB, 8);
    char icc[132] = {0};
    int type, depth;
    size_t i;

    (void)state;
    memcpy(icc + 12, "mntrRGB XYZ ", 12);
    for (i = 0; i < (size_t)64 * 64; i++)
        memset(r.data + 3 * i, (int)(i % 251), 3);
    form_of(&r, sfx_slice(icc, sizeof(icc)), &type, &depth);
    assert_true(type != PNG_COLOR_TYPE_GRAY);
    form_of(&r, sfx_slice(NULL, 0), &type, &depth);
    assert_int_equal(type, PNG_COLOR_TYPE_GRAY);
    raster_done(&r);
}

static void more_effort_is_smaller(void **state)
{
    struct raster r = raster_draw(400, 300, SFX_LAYOUT_RGB, 8);
    size_t before = SIZE_MAX;
    int effort;

    (void)state;
    for (effort = 1; effort <= SFX_COMPRESSION_BEST; effort += 5) { /* 0, 5, best */
        const struct sfx_encode_opts opts = {.compression = effort};
        struct sfx_buf encoded = {0};

        raster_encode_with(&r, SFX_IMAGE_PNG, &opts, NULL, &encoded);
        /* With zlib alone the best may be what 5 found. */
        assert_true(encoded.len < before || (effort > 6 && encoded.len == before));
        before = encoded.len;
        sfx_buf_done(&encoded);
    }
    raster_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_the_reference_s),
        cmocka_unit_test(both_ways_write_and_read_the_same_pixels),
        cmocka_unit_test(damage_is_found_both_ways),
        cmocka_unit_test(the_smallest_exact_form_is_written),
        cmocka_unit_test(a_profile_keeps_its_colour_model),
        cmocka_unit_test(more_effort_is_smaller),
    };

    return cmocka_run_group_tests_name("image_png", tests, NULL, NULL);
}
