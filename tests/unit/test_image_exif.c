/* SPDX-License-Identifier: MIT */
/* The orientation in EXIF data, whole and damaged, and what it asks for. */
#include "image/exif.h"
#include "image/orient.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* A directory of two entries, the orientation second. */
static const uint8_t little[] = {'I', 'I', 42, 0,  8, 0, 0, 0, 2, 0, 0, 1, 4, 0, 1, 0, 0, 0, 9,
                                 0,   0,   0,  18, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t big[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1,
                              18,  0,   3, 0,  0, 0, 1, 0, 8, 0, 0};

static void both_byte_orders_are_read(void **state)
{
    (void)state;
    assert_int_equal(sfx_exif_orientation(little, sizeof(little)), 6);
    assert_int_equal(sfx_exif_orientation(big, sizeof(big)), 8);
}

/* In memory of its own, so that a sanitizer sees every read beyond. */
static unsigned orientation_of_copy(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    unsigned got;

    assert_non_null(copy);
    memcpy(copy, data, len);
    got = sfx_exif_orientation(copy, len);
    free(copy);
    return got;
}

static void damaged_data_has_no_orientation(void **state)
{
    uint8_t data[sizeof(little)];
    size_t len, i;

    (void)state;
    for (len = 0; len < sizeof(little) - 4; len++)
        assert_in_range(orientation_of_copy(little, len), 1, len < 34 ? 1 : 6);
    for (i = 0; i < sizeof(little); i++) {
        memcpy(data, little, sizeof(data));
        data[i] ^= 0xff;
        assert_in_range(orientation_of_copy(data, sizeof(data)), 1, 8);
    }
    memcpy(data, little, sizeof(data));
    data[30] = 9; /* no such orientation */
    assert_int_equal(orientation_of_copy(data, sizeof(data)), 1);
    memcpy(data, little, sizeof(data));
    memset(data + 4, 0xff, 4); /* a directory far outside */
    assert_int_equal(orientation_of_copy(data, sizeof(data)), 1);
}

/* The eight ways "AB/CD/EF" may be stored, and all come out the same. */
static void every_orientation_comes_out_upright(void **state)
{
    static const struct {
        size_t width, height;
        const char *stored;
    } cases[9] = {
        [1] = {2, 3, "ABCDEF"}, [2] = {2, 3, "BADCFE"}, [3] = {2, 3, "FEDCBA"},
        [4] = {2, 3, "EFCDAB"}, [5] = {3, 2, "ACEBDF"}, [6] = {3, 2, "BDFACE"},
        [7] = {3, 2, "FDBECA"}, [8] = {3, 2, "ECAFDB"},
    };
    unsigned o;

    (void)state;
    for (o = 1; o <= 8; o++) {
        struct sfx_orient orient = sfx_orient_of(o);
        size_t w = cases[o].width, h = cases[o].height, x, y;
        uint8_t flipped[6], upright[3][2], *rows[3] = {upright[0], upright[1], upright[2]};

        for (y = 0; y < h; y++)
            for (x = 0; x < w; x++)
                flipped[y * w + x] = (uint8_t)cases[o].stored[(orient.flip_y ? h - 1 - y : y) * w +
                                                              (orient.flip_x ? w - 1 - x : x)];
        if (orient.transpose)
            sfx_orient_columns(flipped, w, h, 1, 0, w, rows);
        else
            memcpy(upright, flipped, sizeof(flipped));
        assert_memory_equal(upright, "ABCDEF", 6);
    }
    assert_false(sfx_orient_of(0).transpose || sfx_orient_of(9).transpose);
}

static void columns_of_wide_pixels_become_rows(void **state)
{
    static const uint8_t src[] = "aaabbbccc"
                                 "dddeeefff";
    uint8_t out[2][6], *rows[2] = {out[0], out[1]};

    (void)state;
    sfx_orient_columns(src, 9, 2, 3, 1, 2, rows);
    assert_memory_equal(out[0], "bbbeee", 6);
    assert_memory_equal(out[1], "cccfff", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(damaged_data_has_no_orientation),
        cmocka_unit_test(every_orientation_comes_out_upright),
        cmocka_unit_test(columns_of_wide_pixels_become_rows),
    };

    return cmocka_run_group_tests_name("image_exif", tests, NULL, NULL);
}
