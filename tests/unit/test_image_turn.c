/* SPDX-License-Identifier: MIT */
/*
 * Images that are held whole: turned by any angle, compared with a smooth function that is known
 * everywhere, and trimmed of what is background.
 */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define W 120
#define H 80

static const uint8_t background[3] = {10, 20, 30};

static int try_make(const struct raster *in, const char *size, const struct sfx_look_words *words,
                    enum sfx_image_format format, bool opaque, uint64_t max_nbytes,
                    struct raster *result, struct sfx_err *err)
{
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
    struct sfx_buf encoded = {0}, out = {0};
    int rc = sfx_look_parse(words, &opts.look, err);

    memcpy(opts.background, background, sizeof(background));
    opts.opaque = opaque;
    opts.limits.max_decoded_nbytes = max_nbytes;
    raster_encode(in, SFX_IMAGE_PNG, &encoded);
    if (rc == 0)
        rc = resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, err);
    if (rc == 0)
        *result = raster_decode(sfx_buf_slice(&out));
    sfx_buf_done(&encoded);
    sfx_buf_done(&out);
    return rc;
}

static struct raster make(const struct raster *in, const char *size,
                          const struct sfx_look_words *words)
{
    struct raster result;
    struct sfx_err err;

    if (try_make(in, size, words, SFX_IMAGE_PNG, false, 0, &result, &err) < 0)
        fail_msg("%s", err.text);
    return result;
}

static double sample(const struct raster *r, uint32_t x, uint32_t y, unsigned channel)
{
    const size_t at = (size_t)x * sfx_layout_channels(r->layout) + channel;
    const uint8_t *row = r->data + y * r->row_nbytes;
    uint16_t wide;

    if (r->depth == 8)
        return row[at];
    memcpy(&wide, row + 2 * at, sizeof(wide));
    return wide / 257.0;
}

static void set_sample(struct raster *r, uint32_t x, uint32_t y, unsigned channel, double value)
{
    const size_t at = (size_t)x * sfx_layout_channels(r->layout) + channel;
    uint8_t *row = r->data + y * r->row_nbytes;
    const uint16_t wide = (uint16_t)(value * 257 + 0.5);

    if (r->depth == 8)
        row[at] = (uint8_t)(value + 0.5);
    else
        memcpy(row + 2 * at, &wide, sizeof(wide));
}

/* --- turns ------------------------------------------------------------------------------------ */

/* What the drawing is at a place, 0 … 255. */
static double drawn(double x, double y, unsigned channel)
{
    return 127.5 + 100 * sin(x / (7 + channel)) * cos(y / 9);
}

static struct raster draw(enum sfx_layout layout, unsigned depth)
{
    struct raster r = raster_draw(W, H, layout, depth);
    uint32_t x, y;
    unsigned c;

    for (y = 0; y < H; y++)
        for (x = 0; x < W; x++)
            for (c = 0; c < sfx_layout_channels(layout); c++)
                set_sample(&r, x, y, c, drawn(x + 0.5, y + 0.5, c));
    return r;
}

/* Every pixel of got, which shows the drawing turned at `scale`, is near what it is to be: well
 * within the drawing the drawing, well beyond it the background. */
static void check_turned(const struct raster *got, double degrees, double scale, bool mirrored,
                         double most)
{
    const double c = cos(degrees * acos(-1) / 180), s = sin(degrees * acos(-1) / 180);
    const double margin = 3 / scale;
    uint32_t x, y, inside = 0, outside = 0;
    unsigned ch;

    for (y = 0; y < got->height_px; y++)
        for (x = 0; x < got->width_px; x++) {
            const double turned_x = (mirrored ? got->width_px - x - 0.5 : x + 0.5) / scale;
            const double dx = turned_x - got->width_px / scale / 2;
            const double dy = (y + 0.5) / scale - got->height_px / scale / 2;
            const double from_x = c * dx + s * dy + W / 2.0, from_y = c * dy - s * dx + H / 2.0;
            const bool in =
                from_x > margin && from_x < W - margin && from_y > margin && from_y < H - margin;
            const bool out =
                from_x < -margin || from_x > W + margin || from_y < -margin || from_y > H + margin;

            inside += in;
            outside += out;
            for (ch = 0; (in || out) && ch < sfx_layout_channels(got->layout); ch++) {
                const double want = in ? drawn(from_x, from_y, ch) : background[ch];

                if (fabs(sample(got, x, y, ch) - want) > most)
                    fail_msg("%g degrees: %g at %u,%u, not %g", degrees, sample(got, x, y, ch), x,
                             y, want);
            }
        }
    assert_true(inside > W * H * scale * scale / 2);
    assert_true(outside > 0);
}

static void a_turn_shows_the_image_by_its_angle(void **state)
{
    static const struct {
        const char *rotate;
        double degrees;
        uint32_t width_px, height_px;
    } cases[] = {
        {"17.5", 17.5, 139, 113}, {"45", 45, 142, 142},   {"100", 100, 100, 133},
        {"-30", -30, 144, 130},   {"565", 205, 143, 124},
    };
    size_t i, k;

    (void)state;
    for (k = 0; k < 2; k++) {
        struct raster in = draw(SFX_LAYOUT_RGB, k == 0 ? 8 : 16);

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct sfx_look_words words = {.rotate = cases[i].rotate};
            struct raster got = make(&in, NULL, &words);

            assert_int_equal(got.width_px, cases[i].width_px);
            assert_int_equal(got.height_px, cases[i].height_px);
            check_turned(&got, cases[i].degrees, 1, false, 1.5);
            raster_done(&got);
            words.flip = SFX_FLIP_HORIZONTAL;
            got = make(&in, NULL, &words);
            check_turned(&got, cases[i].degrees, 1, true, 1.5);
            raster_done(&got);
        }
        raster_done(&in);
    }
}

static void a_turned_image_is_resized_like_any_other(void **state)
{
    struct raster in = draw(SFX_LAYOUT_RGB, 8);
    struct sfx_look_words words = {.rotate = "-30"};
    struct raster got = make(&in, "72", &words);

    (void)state;
    assert_int_equal(got.height_px, 65);
    check_turned(&got, -30, 0.5, false, 4);
    raster_done(&got);
    words.crop = "40x30+52+50"; /* of the turned image */
    got = make(&in, NULL, &words);
    assert_int_equal(got.width_px, 40);
    assert_int_equal(got.height_px, 30);
    raster_done(&got);
    raster_done(&in);
}

static void corners_are_transparent_where_the_image_may_be(void **state)
{
    struct raster in = draw(SFX_LAYOUT_RGBA, 8), got;
    struct sfx_err err;

    (void)state;
    got = make(&in, NULL, &(struct sfx_look_words){.rotate = "30"});
    assert_int_equal(got.layout, SFX_LAYOUT_RGBA);
    assert_true(sample(&got, 0, 0, 3) == 0);
    assert_true(sample(&got, got.width_px - 1, got.height_px - 1, 3) == 0);
    raster_done(&got);
    assert_int_equal(try_make(&in, NULL, &(struct sfx_look_words){.rotate = "30"}, SFX_IMAGE_PNG,
                              true, 0, &got, &err),
                     0);
    assert_true(sample(&got, 0, 0, 0) == background[0]);
    assert_true(sample(&got, 0, 0, 2) == background[2]);
    raster_done(&got);
    raster_done(&in);
}

/* --- trimming --------------------------------------------------------------------------------- */

/* A box of colour on an even ground, which may be noisy. */
static struct raster boxed(enum sfx_layout layout, unsigned depth, uint32_t noise)
{
    struct raster r = raster_draw(W, H, layout, depth);
    uint32_t x, y;
    unsigned c;

    for (y = 0; y < H; y++)
        for (x = 0; x < W; x++) {
            const bool in = x >= 30 && x < 70 && y >= 20 && y < 65;

            for (c = 0; c < sfx_layout_channels(layout); c++)
                set_sample(&r, x, y, c,
                           in ? 90 + (x * 5 + y * 3 + c * 7) % 50
                              : 200 + (x * 31 + y * 17) % (noise + 1));
        }
    return r;
}

/* Depth and alpha may have gone where nothing is lost by it. */
static void check_box(struct raster *got, const struct raster *in)
{
    uint32_t x, y;
    unsigned c;

    assert_int_equal(got->width_px, 40);
    assert_int_equal(got->height_px, 45);
    for (y = 0; y < 45; y++)
        for (x = 0; x < 40; x++)
            for (c = 0; c < sfx_layout_channels(got->layout); c++)
                assert_true(sample(got, x, y, c) == sample(in, x + 30, y + 20, c));
    raster_done(got);
}

static void what_is_even_at_the_edges_is_cut_off(void **state)
{
    static const struct {
        enum sfx_layout layout;
        unsigned depth;
    } kinds[] = {{SFX_LAYOUT_GRAY, 8}, {SFX_LAYOUT_RGB, 8}, {SFX_LAYOUT_RGB, 16}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct raster in = boxed(kinds[i].layout, kinds[i].depth, 9), got;

        got = make(&in, NULL, &(struct sfx_look_words){.trim = ""});
        check_box(&got, &in);
        got = make(&in, NULL, &(struct sfx_look_words){.trim = "60"});
        check_box(&got, &in);
        got = make(&in, NULL, &(struct sfx_look_words){.trim = "3"});
        assert_int_equal(got.width_px, W);
        raster_done(&got);
        /* All of it is background. */
        got = make(&in, NULL, &(struct sfx_look_words){.trim = "150"});
        assert_int_equal(got.width_px, W);
        assert_int_equal(got.height_px, H);
        raster_done(&got);
        raster_done(&in);
    }
}

static void what_is_transparent_has_no_colour(void **state)
{
    struct raster in = boxed(SFX_LAYOUT_RGBA, 8, 50), got;
    uint32_t x, y;

    (void)state;
    for (y = 0; y < H; y++)
        for (x = 0; x < W; x++)
            set_sample(&in, x, y, 3, x >= 30 && x < 70 && y >= 20 && y < 65 ? 255 : 0);
    got = make(&in, NULL, &(struct sfx_look_words){.trim = "0"});
    check_box(&got, &in);
    raster_done(&in);
}

static void the_background_may_be_named(void **state)
{
    struct raster in = boxed(SFX_LAYOUT_RGB, 8, 0), got;
    struct sfx_err err;

    (void)state;
    assert_int_equal(try_make(&in, NULL, &(struct sfx_look_words){.trim = ""}, SFX_IMAGE_PNG, true,
                              0, &got, &err),
                     0);
    assert_int_equal(got.width_px, W); /* nothing is of the background's colour */
    raster_done(&got);
    raster_done(&in);
}

static void a_trimmed_image_is_cropped_turned_and_resized(void **state)
{
    struct raster in = boxed(SFX_LAYOUT_RGB, 8, 0), got;

    (void)state;
    got = make(&in, "20", &(struct sfx_look_words){.trim = "", .rotate = "90"});
    assert_int_equal(got.width_px, 20);
    assert_int_equal(got.height_px, 18);
    raster_done(&got);
    got = make(&in, NULL, &(struct sfx_look_words){.trim = "", .crop = "10x5+30+40"});
    assert_int_equal(got.width_px, 10);
    assert_true(sample(&got, 0, 0, 0) == sample(&in, 60, 60, 0));
    raster_done(&got);
    got = make(&in, NULL, &(struct sfx_look_words){.trim = "", .rotate = "45"});
    assert_int_equal(got.width_px, 61);
    assert_int_equal(got.height_px, 61);
    raster_done(&got);
    raster_done(&in);
}

static void what_is_held_whole_is_limited(void **state)
{
    static const struct sfx_look_words words[] = {{.trim = ""}, {.rotate = "5"}};
    struct raster in = draw(SFX_LAYOUT_RGB, 8), got;
    struct sfx_err err;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        assert_int_equal(try_make(&in, NULL, &words[i], SFX_IMAGE_PNG, false,
                                  (uint64_t)W * H * 3 - 1, &got, &err),
                         SFX_E_LIMIT);
        assert_int_equal(
            try_make(&in, NULL, &words[i], SFX_IMAGE_PNG, false, (uint64_t)W * H * 3, &got, &err),
            0);
        raster_done(&got);
    }
    raster_done(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_shows_the_image_by_its_angle),
        cmocka_unit_test(a_turned_image_is_resized_like_any_other),
        cmocka_unit_test(corners_are_transparent_where_the_image_may_be),
        cmocka_unit_test(what_is_even_at_the_edges_is_cut_off),
        cmocka_unit_test(what_is_transparent_has_no_colour),
        cmocka_unit_test(the_background_may_be_named),
        cmocka_unit_test(a_trimmed_image_is_cropped_turned_and_resized),
        cmocka_unit_test(what_is_held_whole_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
