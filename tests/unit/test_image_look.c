/* SPDX-License-Identifier: MIT */
/*
 * What outputs look like: fits and gravities, crops and canvases, turns, kernels, linear light,
 * filters; compared with what double arithmetic, written down here once more, makes of the same
 * samples.
 */
#include "image_memory.h"

#include "base/size.h"
#include "image/content.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- by the rules, in doubles ----------------------------------------------------------------- */

static double kernel_at(enum sfx_kernel kernel, double x)
{
    const double a = fabs(x), pi = acos(-1);

    switch (kernel) {
    case SFX_KERNEL_LANCZOS3:
        return a == 0 ? 1 : a < 3 ? sin(pi * a) / (pi * a) * sin(pi * a / 3) / (pi * a / 3) : 0;
    case SFX_KERNEL_LANCZOS2:
        return a == 0 ? 1 : a < 2 ? sin(pi * a) / (pi * a) * sin(pi * a / 2) / (pi * a / 2) : 0;
    case SFX_KERNEL_MITCHELL:
        return a < 1   ? (7 * a * a * a - 12 * a * a + 16 / 3.0) / 6
               : a < 2 ? (-7 / 3.0 * a * a * a + 12 * a * a - 20 * a + 32 / 3.0) / 6
                       : 0;
    case SFX_KERNEL_CATROM:
        return a < 1   ? 1.5 * a * a * a - 2.5 * a * a + 1
               : a < 2 ? -0.5 * a * a * a + 2.5 * a * a - 4 * a + 2
                       : 0;
    case SFX_KERNEL_LINEAR: return a < 1 ? 1 - a : 0;
    case SFX_KERNEL_BOX: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case SFX_KERNEL_NEAREST: break;
    }
    return 0;
}

/* Sample at of `to` samples over n of them, `step` apart. */
static double mix(const double *v, size_t n, size_t step, size_t at, size_t to,
                  enum sfx_kernel kernel)
{
    const double ratio = (double)n / (double)to, scale = ratio > 1 ? ratio : 1;
    const double centre = ((double)at + 0.5) * ratio - 0.5;
    double sum = 0, weights = 0;
    size_t i;

    if (kernel == SFX_KERNEL_NEAREST)
        return v[(size_t)fmin(floor(centre + 0.5), (double)n - 1) * step];
    for (i = 0; i < n; i++) {
        const double w = kernel_at(kernel, ((double)i - centre) / scale);

        sum += w * v[i * step];
        weights += w;
    }
    return sum / weights;
}

static double to_light(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double from_light(double v)
{
    return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* r, of one channel or more, as w x h. */
static struct raster reference(const struct raster *r, uint32_t w, uint32_t h,
                               enum sfx_kernel kernel, bool linear)
{
    const size_t channels = sfx_layout_channels(r->layout);
    struct raster out = {.width_px = w,
                         .height_px = h,
                         .layout = r->layout,
                         .depth = 8,
                         .row_nbytes = w * channels,
                         .data = malloc(w * channels * h)};
    double *in = malloc(sizeof(double) * r->height_px * r->width_px * channels);
    double *half = malloc(sizeof(double) * h * r->width_px * channels);
    size_t x, y, c;

    for (x = 0; x < r->height_px * r->width_px * channels; x++)
        in[x] = linear ? to_light(r->data[x] / 255.0) : r->data[x] / 255.0;
    for (y = 0; y < h; y++)
        for (x = 0; x < r->width_px * channels; x++)
            half[y * r->width_px * channels + x] =
                mix(in + x, r->height_px, r->width_px * channels, y, h, kernel);
    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++)
            for (c = 0; c < channels; c++) {
                double v =
                    mix(half + y * r->width_px * channels + c, r->width_px, channels, x, w, kernel);

                v = v < 0 ? 0 : v > 1 ? 1 : v;
                out.data[(y * w + x) * channels + c] =
                    (uint8_t)(255 * (linear ? from_light(v) : v) + 0.5);
            }
    free(in);
    free(half);
    return out;
}

/* The part of r at x, y. */
static struct raster part(const struct raster *r, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    const size_t px = r->row_nbytes / r->width_px;
    struct raster out = *r;
    uint32_t row;

    out.width_px = w;
    out.height_px = h;
    out.row_nbytes = w * px;
    out.data = malloc(out.row_nbytes * h);
    for (row = 0; row < h; row++)
        memcpy(out.data + row * out.row_nbytes, r->data + (y + row) * r->row_nbytes + x * px,
               out.row_nbytes);
    return out;
}

/* --- through the engine ----------------------------------------------------------------------- */

static struct raster make(const struct raster *in, const char *size,
                          const struct sfx_look_words *words, enum sfx_image_format format)
{
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
    struct sfx_buf encoded = {0}, out = {0};
    struct raster result;
    struct sfx_err err;

    opts.background[0] = 10;
    opts.background[1] = 20;
    opts.background[2] = 30;
    if (sfx_look_parse(words, &opts.look, &err) < 0)
        fail_msg("%s", err.text);
    raster_encode(in, SFX_IMAGE_PNG, &encoded);
    if (resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, &err) < 0)
        fail_msg("%s", err.text);
    result = raster_decode(sfx_buf_slice(&out));
    sfx_buf_done(&encoded);
    sfx_buf_done(&out);
    return result;
}

static void check_near(struct raster *got, struct raster *want, double least)
{
    const double psnr = raster_psnr(got, want);

    assert_int_equal(got->width_px, want->width_px);
    assert_int_equal(got->height_px, want->height_px);
    if (psnr < least)
        fail_msg("%ux%u: %.1f dB", got->width_px, got->height_px, psnr);
    raster_done(got);
    raster_done(want);
}

static void every_kernel_is_the_one_of_its_name(void **state)
{
    static const enum sfx_layout layouts[] = {SFX_LAYOUT_GRAY, SFX_LAYOUT_RGB};
    static const uint32_t sizes[][2] = {{37, 29}, {130, 90}, {1, 1}, {97, 5}};
    char size[32];
    int kernel;
    size_t i, l;

    (void)state;
    for (l = 0; l < 2; l++) {
        struct raster in = raster_draw(101, 67, layouts[l], 8);

        for (kernel = SFX_KERNEL_LANCZOS3; kernel <= SFX_KERNEL_NEAREST; kernel++)
            for (i = 0; i < 4; i++) {
                const struct sfx_look_words words = {.kernel = kernel};
                struct raster want, got;

                (void)snprintf(size, sizeof(size), "%ux%u!", sizes[i][0], sizes[i][1]);
                got = make(&in, size, &words, SFX_IMAGE_PNG);
                want = reference(&in, sizes[i][0], sizes[i][1], (enum sfx_kernel)kernel, false);
                check_near(&got, &want, 58);
            }
        raster_done(&in);
    }
}

static void linear_light_adds_up(void **state)
{
    const struct sfx_look_words words = {.linear = true};
    struct raster in = raster_draw(101, 67, SFX_LAYOUT_RGB, 8);
    struct raster want = reference(&in, 40, 27, SFX_KERNEL_LANCZOS3, true);
    struct raster got = make(&in, "40x27!", &words, SFX_IMAGE_PNG);

    (void)state;
    check_near(&got, &want, 58);
    raster_done(&in);
}

static void fits_are_parts_and_canvases_of_the_box(void **state)
{
    static const struct {
        enum sfx_fit fit;
        const char *size;
        uint32_t w, h; /* what 120x80 becomes */
    } cases[] = {
        {SFX_FIT_INSIDE, "60x60", 60, 40},  {SFX_FIT_OUTSIDE, "60x60", 90, 60},
        {SFX_FIT_COVER, "60x60", 60, 60},   {SFX_FIT_CONTAIN, "60x60", 60, 60},
        {SFX_FIT_FILL, "60x60", 60, 60},    {SFX_FIT_NONE, "60x60", 60, 60},
        {SFX_FIT_INSIDE, "60x60^", 90, 60}, {SFX_FIT_COVER, "200x200", 120, 80},
        {SFX_FIT_COVER, "200x50", 120, 50}, {SFX_FIT_CONTAIN, "200x200", 200, 200},
        {SFX_FIT_COVER, "60", 60, 40},      {SFX_FIT_NONE, "200x50", 120, 50},
    };
    struct raster in = raster_draw(120, 80, SFX_LAYOUT_RGB, 8);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sfx_look_words words = {.fit = cases[i].fit};
        struct raster got = make(&in, cases[i].size, &words, SFX_IMAGE_PNG);
        struct raster jpeg = make(&in, cases[i].size, &words, SFX_IMAGE_JPEG);

        if (got.width_px != cases[i].w || got.height_px != cases[i].h)
            fail_msg("case %zu: %ux%u", i, got.width_px, got.height_px);
        assert_int_equal(jpeg.width_px, cases[i].w);
        assert_int_equal(jpeg.height_px, cases[i].h);
        raster_done(&got);
        raster_done(&jpeg);
    }
    raster_done(&in);
}

static void what_is_cut_off_is_what_gravity_says(void **state)
{
    static const struct {
        enum sfx_gravity gravity;
        uint32_t x;
    } cases[] = {{SFX_GRAVITY_WEST, 0},
                 {SFX_GRAVITY_NORTH, 15},
                 {SFX_GRAVITY_CENTER, 15},
                 {SFX_GRAVITY_NORTHEAST, 30},
                 {SFX_GRAVITY_SOUTHEAST, 30}};
    struct raster in = raster_draw(120, 80, SFX_LAYOUT_RGB, 8);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sfx_look_words words = {.fit = SFX_FIT_COVER, .gravity = cases[i].gravity};
        struct raster whole = reference(&in, 90, 60, SFX_KERNEL_LANCZOS3, false);
        struct raster want = part(&whole, cases[i].x, 0, 60, 60);
        struct raster got = make(&in, "60x60", &words, SFX_IMAGE_PNG);

        check_near(&got, &want, 58);
        raster_done(&whole);
    }
    raster_done(&in);
}

static void content_decides_where_gravity_asks_it(void **state)
{
    const int gravities[] = {SFX_GRAVITY_ENTROPY, SFX_GRAVITY_ATTENTION};
    struct raster in = raster_draw(200, 50, SFX_LAYOUT_RGB, 8);
    size_t i;
    uint32_t y;

    (void)state;
    /* Nothing but gray, except on the right. */
    for (y = 0; y < in.height_px; y++)
        memset(in.data + y * in.row_nbytes, 128, 140 * 3);
    for (i = 0; i < 2; i++) {
        struct sfx_look_words words = {.fit = SFX_FIT_COVER, .gravity = gravities[i]};
        struct raster want = part(&in, 145, 0, 50, 50);
        struct raster got = make(&in, "50x50", &words, SFX_IMAGE_PNG);
        size_t x, textured = 0;

        for (x = 0; x < got.width_px; x++)
            textured += memcmp(got.data + 25 * got.row_nbytes + x * 3, "\x80\x80\x80", 3) != 0;
        assert_true(textured > 45);
        raster_done(&got);
        raster_done(&want);
        words.rotate = "90"; /* the same part, turned */
        got = make(&in, "50x50", &words, SFX_IMAGE_PNG);
        for (x = 0, textured = 0; x < got.height_px; x++)
            textured += memcmp(got.data + x * got.row_nbytes + 75, "\x80\x80\x80", 3) != 0;
        assert_true(textured > 45);
        raster_done(&got);
    }
    raster_done(&in);
}

/* The pixel of an 8-bit RGB or RGBA raster. */
static const uint8_t *at(const struct raster *r, uint32_t x, uint32_t y)
{
    return r->data + y * r->row_nbytes + x * sfx_layout_channels(r->layout);
}

static void colours_have_digits_or_names(void **state)
{
    static const struct {
        const char *text;
        uint8_t rgb[3];
    } colours[] = {{"#fff", {255, 255, 255}},
                   {"#1aF", {0x11, 0xaa, 0xff}},
                   {"#102030", {16, 32, 48}},
                   {"White", {255, 255, 255}},
                   {"teal", {0, 128, 128}}};
    static const char *const wrong[] = {"",        "#",   "#12",  "#1234",
                                        "#gggggg", "fff", "bleu", "#12345"};
    struct sfx_err err;
    uint8_t rgb[3];
    size_t i;

    (void)state;
    for (i = 0; i < SFX_COUNT(colours); i++) {
        assert_int_equal(sfx_image_colour_parse(sfx_slice_str(colours[i].text), rgb, &err), 0);
        assert_memory_equal(rgb, colours[i].rgb, 3);
    }
    for (i = 0; i < SFX_COUNT(wrong); i++)
        assert_int_equal(sfx_image_colour_parse(sfx_slice_str(wrong[i]), rgb, &err), SFX_E_USAGE);
}

static void a_canvas_shows_the_background_around_the_image(void **state)
{
    const struct sfx_look_words words = {
        .fit = SFX_FIT_CONTAIN, .gravity = SFX_GRAVITY_NORTHWEST, .pad = "1,2,3,4"};
    static const enum sfx_layout layouts[] = {SFX_LAYOUT_RGB, SFX_LAYOUT_RGBA};
    static const uint8_t fills[2][4] = {{10, 20, 30}, {0, 0, 0, 0}};
    size_t l;

    (void)state;
    for (l = 0; l < 2; l++) {
        struct raster in = raster_draw(60, 40, layouts[l], 8);
        struct raster got = make(&in, "60x60", &words, SFX_IMAGE_PNG);
        struct raster shown = part(&got, 4, 1, 60, 40);
        const size_t px = sfx_layout_channels(got.layout);

        assert_int_equal(got.width_px, 66);
        assert_int_equal(got.height_px, 64);
        assert_memory_equal(at(&got, 3, 1), fills[l], px);
        assert_memory_equal(at(&got, 64, 20), fills[l], px);
        assert_memory_equal(at(&got, 30, 0), fills[l], px);
        assert_memory_equal(at(&got, 30, 41), fills[l], px);
        assert_true(raster_psnr(&shown, &in) > 50);
        raster_done(&shown);
        raster_done(&got);
        raster_done(&in);
    }
}

static void turns_and_flips_lose_nothing(void **state)
{
    struct raster in = raster_draw(31, 17, SFX_LAYOUT_RGB, 8);
    struct sfx_look_words words = {.rotate = "90"};
    struct raster got = make(&in, NULL, &words, SFX_IMAGE_PNG);
    uint32_t x, y;

    (void)state;
    assert_int_equal(got.width_px, 17);
    for (y = 0; y < 17; y++)
        for (x = 0; x < 31; x++)
            assert_memory_equal(at(&got, 16 - y, x), at(&in, x, y), 3);
    raster_done(&got);
    words = (struct sfx_look_words){.rotate = "270", .flip = SFX_FLIP_VERTICAL};
    got = make(&in, NULL, &words, SFX_IMAGE_PNG);
    for (y = 0; y < 17; y++)
        for (x = 0; x < 31; x++)
            assert_memory_equal(at(&got, y, x), at(&in, x, y), 3);
    raster_done(&got);
    words = (struct sfx_look_words){.rotate = "180", .flip = SFX_FLIP_HORIZONTAL};
    got = make(&in, NULL, &words, SFX_IMAGE_PNG);
    for (y = 0; y < 17; y++)
        for (x = 0; x < 31; x++)
            assert_memory_equal(at(&got, x, 16 - y), at(&in, x, y), 3);
    raster_done(&got);
    raster_done(&in);
}

static void a_crop_is_a_part_of_the_upright_image(void **state)
{
    struct sfx_look_words words = {.crop = "20x10+5+7"};
    struct raster in = raster_draw(60, 40, SFX_LAYOUT_RGB, 8);
    struct raster got = make(&in, NULL, &words, SFX_IMAGE_PNG), want = part(&in, 5, 7, 20, 10);
    struct sfx_look look;
    struct sfx_frame frame;
    struct sfx_err err;

    (void)state;
    check_near(&got, &want, 900); /* the same samples */
    words.rotate = "180";
    got = make(&in, NULL, &words, SFX_IMAGE_PNG);
    assert_memory_equal(at(&got, 0, 0), at(&in, 59 - 5, 39 - 7), 3);
    raster_done(&got);
    words = (struct sfx_look_words){.crop = "20x10", .gravity = SFX_GRAVITY_SOUTHEAST};
    got = make(&in, NULL, &words, SFX_IMAGE_PNG);
    want = part(&in, 40, 30, 20, 10);
    check_near(&got, &want, 900);
    words.crop = "20x10+50+0";
    assert_int_equal(sfx_look_parse(&words, &look, &err), 0);
    assert_int_equal(sfx_look_frame(&look, &(struct sfx_geometry){0}, 60, 40, &frame, &err),
                     SFX_E_INPUT);
    raster_done(&in);
}

/* Pixels that are not of the colour around them. */
static size_t busy_pixels(const struct raster *r)
{
    size_t n = 0, i;

    for (i = 0; i < (size_t)r->width_px * r->height_px; i++)
        n += abs(r->data[i * sfx_layout_channels(r->layout)] - 100) > 20;
    return n;
}

static void content_places_a_crop_too(void **state)
{
    static const int by[] = {SFX_GRAVITY_ENTROPY, SFX_GRAVITY_ATTENTION};
    static const char *const turns[] = {"0", "90", "180", "270"};
    struct raster in = raster_draw(120, 80, SFX_LAYOUT_GRAY, 8), got;
    uint32_t x, y;
    size_t i, turn;

    (void)state;
    for (y = 0; y < 80; y++)
        for (x = 0; x < 120; x++) {
            const bool inside = x >= 85 && x < 105 && y >= 52 && y < 72;

            in.data[y * in.row_nbytes + x] = !inside ? 100 : (x * 7 + y * 13) % 5 < 2 ? 250 : 170;
        }
    for (i = 0; i < 2; i++)
        for (turn = 0; turn < 4; turn++) {
            struct sfx_look_words words = {
                .crop = "30x30", .gravity = by[i], .rotate = turns[turn]};

            got = make(&in, NULL, &words, SFX_IMAGE_PNG);
            assert_int_equal(got.width_px, 30);
            assert_int_equal(got.height_px, 30);
            assert_int_equal(busy_pixels(&got), 400);
            raster_done(&got);
            /* The box is filled from the crop. */
            words.crop = "60x30";
            words.fit = SFX_FIT_COVER;
            got = make(&in, "30x30", &words, SFX_IMAGE_PNG);
            assert_int_equal(got.width_px, 30);
            assert_int_equal(got.height_px, 30);
            assert_int_equal(busy_pixels(&got), 400);
            raster_done(&got);
            words.fit = SFX_FIT_INSIDE;
            got = make(&in, "20", &words, SFX_IMAGE_PNG);
            assert_int_equal(got.width_px, 20);
            assert_int_equal(got.height_px, 10);
            assert_true(busy_pixels(&got) > 25);
            raster_done(&got);
        }
    raster_done(&in);
}

static void nothing_beyond_a_crop_shows_in_it(void **state)
{
    const struct sfx_look_words words = {.crop = "30x20+7+5", .rotate = "270"};
    const struct sfx_look_words plain = {.rotate = "270"};
    struct raster in = raster_draw(60, 40, SFX_LAYOUT_RGB, 8);
    /* The upright image is a quarter turn counter-clockwise: its x is the stored y, its y the
     * stored x from the right. */
    struct raster cut = part(&in, 60 - 5 - 20, 7, 20, 30);
    struct raster got = make(&in, "13x9!", &words, SFX_IMAGE_PNG);
    struct raster want = make(&cut, "13x9!", &plain, SFX_IMAGE_PNG);

    (void)state;
    check_near(&got, &want, 55);
    raster_done(&cut);
    raster_done(&in);
}

static void gray_and_flat_outputs_have_fewer_channels(void **state)
{
    struct raster in = raster_draw(40, 30, SFX_LAYOUT_RGBA, 8);
    struct sfx_look_words words = {.grayscale = true};
    struct raster got = make(&in, "20", &words, SFX_IMAGE_PNG);

    (void)state;
    assert_int_equal(got.layout, SFX_LAYOUT_GRAY_ALPHA);
    raster_done(&got);
    words.flatten = true;
    got = make(&in, "20", &words, SFX_IMAGE_PNG);
    assert_int_equal(got.layout, SFX_LAYOUT_GRAY);
    raster_done(&got);
    got = make(&in, "20", &words, SFX_IMAGE_JPEG);
    assert_int_equal(got.layout, SFX_LAYOUT_GRAY);
    raster_done(&got);
    words.grayscale = false;
    got = make(&in, "20", &words, SFX_IMAGE_PNG);
    assert_int_equal(got.layout, SFX_LAYOUT_RGB);
    raster_done(&got);
    raster_done(&in);
}

/* How rough a raster is: the mean step between neighbours. */
static double roughness(const struct raster *r)
{
    const size_t channels = sfx_layout_channels(r->layout), n = r->row_nbytes;
    double sum = 0;
    size_t y, i;

    for (y = 0; y < r->height_px; y++)
        for (i = channels; i < n; i++)
            sum += abs(r->data[y * n + i] - r->data[y * n + i - channels]);
    return sum / ((double)r->height_px * (double)(n - channels));
}

static void blur_smooths_and_sharpening_roughens(void **state)
{
    struct raster in = raster_draw(60, 40, SFX_LAYOUT_RGB, 8);
    struct sfx_look_words words = {.blur = "2"};
    struct raster plain = make(&in, "30", &(struct sfx_look_words){0}, SFX_IMAGE_PNG);
    struct raster blurred = make(&in, "30", &words, SFX_IMAGE_PNG);
    struct raster sharp = make(&in, "30", &(struct sfx_look_words){.sharpen = "1"}, SFX_IMAGE_PNG);
    struct raster jpeg = make(&in, "30", &words, SFX_IMAGE_JPEG);

    (void)state;
    assert_true(roughness(&blurred) < 0.7 * roughness(&plain));
    assert_true(roughness(&sharp) > 1.2 * roughness(&plain));
    assert_true(roughness(&jpeg) < 0.8 * roughness(&plain));
    raster_done(&in);
    raster_done(&plain);
    raster_done(&blurred);
    raster_done(&sharp);
    raster_done(&jpeg);
    /* What is all one colour stays it, to the border. */
    in = raster_draw(20, 20, SFX_LAYOUT_RGB, 8);
    memset(in.data, 77, in.row_nbytes * in.height_px);
    blurred = make(&in, NULL, &words, SFX_IMAGE_PNG);
    assert_memory_equal(blurred.data, in.data, in.row_nbytes * in.height_px);
    raster_done(&blurred);
    raster_done(&in);
}

static void device_pixels_multiply_sizes(void **state)
{
    struct raster in = raster_draw(60, 40, SFX_LAYOUT_RGB, 8);
    struct raster got = make(&in, "20x20", &(struct sfx_look_words){.dpr = "1.5"}, SFX_IMAGE_PNG);

    (void)state;
    assert_int_equal(got.width_px, 30);
    assert_int_equal(got.height_px, 20);
    raster_done(&got);
    raster_done(&in);
}

/* Sizes of one decode, of which the smaller ones are made of the larger ones. */
static void smaller_sizes_come_from_larger_ones_as_good(void **state)
{
    static const struct {
        enum sfx_layout layout;
        unsigned depth;
        enum sfx_image_format format;
    } cases[] = {
        {SFX_LAYOUT_RGB, 8, SFX_IMAGE_JPEG},
        {SFX_LAYOUT_RGB, 8, SFX_IMAGE_PNG},
        {SFX_LAYOUT_RGBA, 8, SFX_IMAGE_PNG},
        {SFX_LAYOUT_GRAY, 16, SFX_IMAGE_PNG},
    };
    static const char *const sizes[] = {"40", "200", "160", "18", "80", "100x20!"};
    static const char *const turns[] = {"0", "90", "180", "270"};
    struct sfx_resize_output outputs[6];
    struct sfx_resize_opts opts;
    size_t i, k, t;

    (void)state;
    for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct raster in = raster_draw(301, 200, cases[k].layout, cases[k].depth);
        struct sfx_buf encoded = {0};

        raster_encode(&in, cases[k].format, &encoded);
        for (t = 0; t < 4; t++) {
            /* Where little is left of a colour, it may be any. */
            const struct sfx_look_words words = {.rotate = turns[t], .flatten = true};
            struct sfx_buf together[6] = {{0}};

            opts = resize_opts(outputs, sizes, 6, SFX_IMAGE_PNG);
            assert_int_equal(sfx_look_parse(&words, &opts.look, NULL), 0);
            assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, together, NULL), 0);
            for (i = 0; i < 6; i++) {
                struct sfx_buf one = {0};
                struct raster got = raster_decode(sfx_buf_slice(&together[i])), alone;

                opts = resize_opts(outputs, &sizes[i], 1, SFX_IMAGE_PNG);
                assert_int_equal(sfx_look_parse(&words, &opts.look, NULL), 0);
                assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &one, NULL), 0);
                alone = raster_decode(sfx_buf_slice(&one));
                check_near(&got, &alone, 45);
                sfx_buf_done(&one);
                sfx_buf_done(&together[i]);
            }
        }
        sfx_buf_done(&encoded);
        raster_done(&in);
    }
}

static void wrong_words_are_refused(void **state)
{
    static const struct sfx_look_words wrong[] = {
        {.crop = "20"},  {.crop = "0x5"},    {.crop = "5x5+1"},    {.crop = "5x5+1+2x"},
        {.pad = ""},     {.pad = "1,2,3"},   {.pad = "1,"},        {.pad = "x"},
        {.blur = "0"},   {.blur = "-1"},     {.blur = "200"},      {.sharpen = "1x"},
        {.dpr = "0"},    {.dpr = "nan"},     {.pad = "1,2,3,4,5"}, {.rotate = ""},
        {.rotate = "x"}, {.rotate = "3601"}, {.rotate = "nan"},    {.trim = "256"},
        {.trim = "-1"},  {.trim = "x"},      {.trim = "nan"},
    };
    struct sfx_look look;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (sfx_look_parse(&wrong[i], &look, NULL) != SFX_E_USAGE)
            fail_msg("case %zu is taken", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_is_the_one_of_its_name),
        cmocka_unit_test(linear_light_adds_up),
        cmocka_unit_test(fits_are_parts_and_canvases_of_the_box),
        cmocka_unit_test(what_is_cut_off_is_what_gravity_says),
        cmocka_unit_test(content_decides_where_gravity_asks_it),
        cmocka_unit_test(colours_have_digits_or_names),
        cmocka_unit_test(a_canvas_shows_the_background_around_the_image),
        cmocka_unit_test(turns_and_flips_lose_nothing),
        cmocka_unit_test(a_crop_is_a_part_of_the_upright_image),
        cmocka_unit_test(content_places_a_crop_too),
        cmocka_unit_test(nothing_beyond_a_crop_shows_in_it),
        cmocka_unit_test(gray_and_flat_outputs_have_fewer_channels),
        cmocka_unit_test(blur_smooths_and_sharpening_roughens),
        cmocka_unit_test(device_pixels_multiply_sizes),
        cmocka_unit_test(smaller_sizes_come_from_larger_ones_as_good),
        cmocka_unit_test(wrong_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
