/* SPDX-License-Identifier: MIT */
/* Sizes as users write them. */
#include "image/geometry.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What an image of w x h becomes, as one number to compare: width * 100000 + height. */
static uint64_t becomes(const char *size, uint32_t w, uint32_t h)
{
    struct sfx_geometry g;
    uint64_t out_w = 0, out_h = 0;

    assert_int_equal(sfx_geometry_parse(sfx_slice_str(size), &g, NULL), 0);
    sfx_geometry_apply(&g, w, h, &out_w, &out_h);
    return out_w * 100000 + out_h;
}

#define SIZE(w, h) ((uint64_t)(w)*100000 + (h))

static void sizes_fit_into_the_box(void **state)
{
    (void)state;
    assert_int_equal(becomes("720x588", 2725, 2225), SIZE(720, 588));
    assert_int_equal(becomes("320x320", 4000, 3000), SIZE(320, 240));
    assert_int_equal(becomes("320x320", 3000, 4000), SIZE(240, 320));
    assert_int_equal(becomes("320", 4000, 3000), SIZE(320, 240));
    assert_int_equal(becomes("320x", 3000, 4000), SIZE(320, 427));
    assert_int_equal(becomes("x240", 4000, 3000), SIZE(320, 240));
    assert_int_equal(becomes("50%", 2725, 2225), SIZE(1363, 1113));
    assert_int_equal(becomes("12.5%", 800, 80), SIZE(100, 10));
}

static void the_other_side_is_rounded_once(void **state)
{
    uint32_t w;

    (void)state;
    /* 80 stays 80 for every width that has that proportion. */
    for (w = 100; w < 5000; w += 100)
        assert_int_equal(becomes("100", w, w / 100 * 80), SIZE(100, 80));
    assert_int_equal(becomes("100", 3, 2000), SIZE(3, 2000));
    assert_int_equal(becomes("x100", 3, 2000), SIZE(1, 100));
}

static void small_images_are_enlarged_only_when_asked(void **state)
{
    struct sfx_geometry g;
    uint64_t w, h;

    (void)state;
    assert_int_equal(becomes("320", 100, 50), SIZE(100, 50));
    assert_int_equal(becomes("320>", 100, 50), SIZE(100, 50));
    assert_int_equal(becomes("320>", 640, 50), SIZE(320, 25));
    assert_int_equal(becomes("320<", 100, 50), SIZE(320, 160));
    assert_int_equal(becomes("320x320<", 640, 320), SIZE(640, 320));
    assert_int_equal(becomes("200%", 100, 50), SIZE(200, 100));
    assert_int_equal(becomes("320x20!", 100, 50), SIZE(320, 20));
    g = (struct sfx_geometry){.width_px = 320, .mark = SFX_GEOMETRY_BOTH};
    sfx_geometry_apply(&g, 100, 50, &w, &h);
    assert_int_equal(w * 100000 + h, SIZE(320, 160));
}

static void nothing_asked_changes_nothing(void **state)
{
    struct sfx_geometry g = {0};
    uint64_t w, h;

    (void)state;
    sfx_geometry_apply(&g, 65500, 1, &w, &h);
    assert_int_equal(w, 65500);
    assert_int_equal(h, 1);
}

static void wrong_sizes_are_refused_with_the_reason(void **state)
{
    static const char *const wrong[] = {
        "",    "x",     "0",       "0x0",           "-1",     "10x10x10", "10px",
        "%",   "0%",    "1.5",     "50%!",          "100!",   "x100!",    "100x!",
        "1e3", "65501", "10 x 10", "9999999999999", "1.2.3%", ".5%",      "!"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct sfx_geometry g;
        struct sfx_err err;

        if (sfx_geometry_parse(sfx_slice_str(wrong[i]), &g, &err) != SFX_E_USAGE)
            fail_msg("'%s' was accepted", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_fit_into_the_box),
        cmocka_unit_test(the_other_side_is_rounded_once),
        cmocka_unit_test(small_images_are_enlarged_only_when_asked),
        cmocka_unit_test(nothing_asked_changes_nothing),
        cmocka_unit_test(wrong_sizes_are_refused_with_the_reason),
    };

    return cmocka_run_group_tests_name("image_geometry", tests, NULL, NULL);
}
