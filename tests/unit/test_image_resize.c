/* SPDX-License-Identifier: MIT */
/* The engine from memory to memory: what comes out of whole, damaged and hostile images. */
#include "image/verbatim.h"
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static const enum sfx_layout layouts[] = {SFX_LAYOUT_GRAY, SFX_LAYOUT_GRAY_ALPHA, SFX_LAYOUT_RGB,
                                          SFX_LAYOUT_RGBA};

/* One output of `encoded` at size (NULL: as it is) in format, decoded. */
static struct raster resized(struct sfx_slice encoded, const char *size,
                             enum sfx_image_format format)
{
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
    struct sfx_buf out = {0};
    struct raster r;
    struct sfx_err err;

    if (resize_memory(encoded, 0, &opts, &out, &err) < 0)
        fail_msg("%s", err.text);
    r = raster_decode(sfx_buf_slice(&out));
    sfx_buf_done(&out);
    return r;
}

static void a_png_of_its_own_size_keeps_every_sample(void **state)
{
    size_t i;
    unsigned depth;

    (void)state;
    for (i = 0; i < 4; i++)
        for (depth = 8; depth <= 16; depth += 8) {
            struct raster before = raster_draw(61, 23, layouts[i], depth), after;
            struct sfx_buf encoded = {0};

            /* A wholly transparent pixel has a colour, too. */
            if (sfx_layout_has_alpha(layouts[i]))
                memset(before.data + (before.row_nbytes / 61) * 5 - depth / 8, 0, depth / 8);
            raster_encode(&before, SFX_IMAGE_PNG, &encoded);
            after = resized(sfx_buf_slice(&encoded), NULL, SFX_IMAGE_ANY);
            assert_true(raster_psnr(&before, &after) > 900);
            sfx_buf_done(&encoded);
            raster_done(&before);
            raster_done(&after);
        }
}

static void sizes_come_out_as_asked_in_both_formats(void **state)
{
    static const char *const sizes[] = {"40x30!", "7x5!", "1x1!", "200x150!", "33x90!", "97x61!"};
    size_t i, k;

    (void)state;
    for (k = 0; k < 4; k++) {
        struct raster drawn = raster_draw(97, 61, layouts[k], 8);
        struct sfx_buf encoded = {0};

        raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
        for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct sfx_geometry g;
            struct raster jpeg = resized(sfx_buf_slice(&encoded), sizes[i], SFX_IMAGE_JPEG);
            struct raster png = resized(sfx_buf_slice(&encoded), sizes[i], SFX_IMAGE_PNG);

            assert_int_equal(sfx_geometry_parse(sfx_slice_str(sizes[i]), &g, NULL), 0);
            assert_int_equal(jpeg.width_px, g.width_px);
            assert_int_equal(jpeg.height_px, g.height_px);
            assert_int_equal(png.width_px, g.width_px);
            assert_int_equal(png.height_px, g.height_px);
            assert_int_equal(png.layout, layouts[k]);
            raster_done(&jpeg);
            raster_done(&png);
        }
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
}

/* The same picture through planes (JPEG to JPEG) and through RGB rows (JPEG to PNG). */
static void planes_and_rows_give_the_same_picture(void **state)
{
    static const char *const sizes[] = {"161x103!", "80x50!", "40x25!", "20x13!", NULL};
    struct raster drawn = raster_draw(323, 209, SFX_LAYOUT_RGB, 8);
    struct sfx_buf encoded = {0};
    size_t i;

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_JPEG, &encoded);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct raster planar = resized(sfx_buf_slice(&encoded), sizes[i], SFX_IMAGE_JPEG);
        struct raster rows = resized(sfx_buf_slice(&encoded), sizes[i], SFX_IMAGE_PNG);

        if (raster_psnr(&planar, &rows) < 32)
            fail_msg("%s: %.1f dB", sizes[i] != NULL ? sizes[i] : "own size",
                     raster_psnr(&planar, &rows));
        raster_done(&planar);
        raster_done(&rows);
    }
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

/*
 * A JPEG that is decoded at a quarter of its size shows the same picture in the same place as one
 * that is decoded whole, though 541 / 4 is no whole number: a shift of the rounding costs 10 dB and
 * more.
 */
static void shrinking_decoders_keep_the_geometry(void **state)
{
    static const char *const sizes[] = {"60x48!", "31x48!", "100x80!", "33x"};
    struct raster drawn = raster_draw(541, 437, SFX_LAYOUT_GRAY, 8), whole;
    struct sfx_buf jpeg = {0}, png = {0};
    size_t i;

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_JPEG, &jpeg);
    whole = raster_decode(sfx_buf_slice(&jpeg));
    raster_encode(&whole, SFX_IMAGE_PNG, &png);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct raster shrunk = resized(sfx_buf_slice(&jpeg), sizes[i], SFX_IMAGE_PNG);
        struct raster full = resized(sfx_buf_slice(&png), sizes[i], SFX_IMAGE_PNG);

        if (raster_psnr(&shrunk, &full) < 46)
            fail_msg("%s: %.1f dB", sizes[i], raster_psnr(&shrunk, &full));
        raster_done(&shrunk);
        raster_done(&full);
    }
    sfx_buf_done(&jpeg);
    sfx_buf_done(&png);
    raster_done(&drawn);
    raster_done(&whole);
}

/*
 * Each of several sizes is what it is alone; the second, at most half of the first, is what that
 * one gives.
 */
static void check_many_sizes(enum sfx_layout layout)
{
    static const char *const sizes[] = {"90x", "31x20!", "150%", NULL};
    struct raster drawn = raster_draw(123, 77, layout, 8);
    struct sfx_resize_output outputs[4];
    struct sfx_resize_opts opts = resize_opts(outputs, sizes, 4, SFX_IMAGE_PNG);
    struct sfx_buf encoded = {0}, together[4] = {{0}};
    size_t i;

    raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, together, NULL), 0);
    for (i = 0; i < 4; i++) {
        struct sfx_slice in = i == 1 ? sfx_buf_slice(&together[0]) : sfx_buf_slice(&encoded);
        struct sfx_buf alone = {0};

        opts = resize_opts(outputs, &sizes[i], 1, SFX_IMAGE_PNG);
        assert_int_equal(resize_memory(in, 0, &opts, &alone, NULL), 0);
        if (i == 1 && sfx_layout_has_alpha(layout)) { /* its floats were never rounded between */
            struct raster one = raster_decode(sfx_buf_slice(&alone));
            struct raster of_many = raster_decode(sfx_buf_slice(&together[i]));

            assert_true(raster_psnr(&one, &of_many) > 50);
            raster_done(&one);
            raster_done(&of_many);
        } else {
            assert_int_equal(alone.len, together[i].len);
            assert_memory_equal(alone.data, together[i].data, alone.len);
        }
        sfx_buf_done(&alone);
    }
    for (i = 0; i < 4; i++)
        sfx_buf_done(&together[i]);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

static void many_sizes_of_one_decode_are_as_each_alone(void **state)
{
    (void)state;
    check_many_sizes(SFX_LAYOUT_RGB);
    check_many_sizes(SFX_LAYOUT_GRAY);
    check_many_sizes(SFX_LAYOUT_RGBA);
}

static void reads_of_single_bytes_change_nothing(void **state)
{
    enum sfx_image_format format;

    (void)state;
    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct raster drawn = raster_draw(64, 48, SFX_LAYOUT_RGB, 8);
        const char *size = "20x";
        struct sfx_resize_output output;
        struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
        struct sfx_buf encoded = {0}, whole = {0}, bytes = {0};

        raster_encode(&drawn, format, &encoded);
        assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &whole, NULL), 0);
        assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 1, &opts, &bytes, NULL), 0);
        assert_int_equal(whole.len, bytes.len);
        assert_memory_equal(whole.data, bytes.data, whole.len);
        sfx_buf_done(&encoded);
        sfx_buf_done(&whole);
        sfx_buf_done(&bytes);
        raster_done(&drawn);
    }
}

/* Left half opaque red, right half green that nobody sees. */
static void invisible_colour_does_not_bleed(void **state)
{
    struct raster drawn = raster_draw(64, 16, SFX_LAYOUT_RGBA, 8), png, jpeg;
    struct sfx_buf encoded = {0};
    size_t i;

    (void)state;
    for (i = 0; i < 64 * 16; i++)
        memcpy(drawn.data + i * 4, i % 64 < 32 ? "\xff\0\0\xff" : "\0\xff\0\0", 4);
    raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
    png = resized(sfx_buf_slice(&encoded), "13x", SFX_IMAGE_PNG);
    for (i = 0; i < (size_t)png.width_px * png.height_px; i++)
        if (png.data[i * 4 + 3] > 0)
            assert_memory_equal(png.data + i * 4, "\xff\0\0", 3);
    jpeg = resized(sfx_buf_slice(&encoded), "13x", SFX_IMAGE_JPEG);
    assert_in_range(jpeg.data[0], 250, 255);
    assert_in_range(jpeg.data[1], 0, 6);
    for (i = 0; i < 3; i++) /* white behind what is transparent */
        assert_in_range(jpeg.data[12 * 3 + i], 250, 255);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
    raster_done(&png);
    raster_done(&jpeg);
}

/* Inserts an EXIF segment with that orientation behind SOI. */
static void orient_jpeg(struct sfx_buf *jpeg, unsigned orientation)
{
    static const uint8_t app1[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,  'M', 'M',
                                   0,    42,   0, 0,  0,   8,   0,   1,   1, 18, 0,   3,
                                   0,    0,    0, 1,  0,   0,   0,   0,   0, 0,  0,   0};

    assert_int_equal(sfx_buf_reserve(jpeg, sizeof(app1), NULL), 0);
    memmove(jpeg->data + 2 + sizeof(app1), jpeg->data + 2, jpeg->len - 2);
    memcpy(jpeg->data + 2, app1, sizeof(app1));
    jpeg->data[2 + 29] = (char)orientation;
    jpeg->len += sizeof(app1);
}

/* How the picture is stored by a camera held in that way: the inverse of turning it upright. */
static struct raster stored_as(const struct raster *upright, unsigned orientation)
{
    bool turned = orientation >= 5;
    uint32_t w = turned ? upright->height_px : upright->width_px;
    uint32_t h = turned ? upright->width_px : upright->height_px, x, y;
    struct raster r = raster_draw(w, h, upright->layout, 8);
    size_t px = sfx_layout_channels(upright->layout);

    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++) {
            /* Where the stored pixel is seen: EXIF 2.32, figure of the eight orientations. */
            uint32_t right = w - 1 - x, below = h - 1 - y;
            uint32_t at_x[9] = {0, x, right, right, x, y, below, below, y};
            uint32_t at_y[9] = {0, y, y, below, below, x, x, right, right};

            memcpy(r.data + y * r.row_nbytes + x * px,
                   upright->data + at_y[orientation] * upright->row_nbytes + at_x[orientation] * px,
                   px);
        }
    return r;
}

static void all_eight_orientations_come_out_upright(void **state)
{
    static const char *const sizes[] = {NULL, "43x31!", "21x", "150x110!"};
    static const enum sfx_image_format formats[] = {SFX_IMAGE_PNG, SFX_IMAGE_JPEG};
    struct raster upright = raster_draw(99, 71, SFX_LAYOUT_RGB, 8);
    size_t i, f;
    unsigned o;

    (void)state;
    for (i = 0; i < 4; i++)
        for (f = 0; f < 2; f++) {
            struct raster first = {0};

            for (o = 1; o <= 8; o++) {
                struct raster stored = stored_as(&upright, o), got;
                struct sfx_buf encoded = {0};

                raster_encode(&stored, SFX_IMAGE_JPEG, &encoded);
                orient_jpeg(&encoded, o);
                got = resized(sfx_buf_slice(&encoded), sizes[i], formats[f]);
                if (o == 1)
                    first = got;
                else if (raster_psnr(&first, &got) < 30)
                    fail_msg("orientation %u, size %zu: %.1f dB", o, i, raster_psnr(&first, &got));
                else
                    raster_done(&got);
                sfx_buf_done(&encoded);
                raster_done(&stored);
            }
            raster_done(&first);
        }
    raster_done(&upright);
}

#define PROFILE_NBYTES 400

/* A profile of a header and one tag of noise (libpng takes none that is packed small). */
static struct sfx_slice make_profile(const char *space, char out[PROFILE_NBYTES])
{
    size_t i;

    memset(out, 0, PROFILE_NBYTES);
    memcpy(out, "\0\0\x01\x90\0\0\0\0\x02\x10\0\0mntr", 16);
    memcpy(out + 16, space, 4);
    memcpy(out + 20, "XYZ ", 4);
    memcpy(out + 36, "acsp", 4);
    memcpy(out + 68, "\0\0\xf6\xd6\0\x01\0\0\0\0\xd3\x2d", 12);  /* D50 */
    memcpy(out + 128, "\0\0\0\x01zzzz\0\0\0\x90\0\0\x01\0", 16); /* 256 bytes from 144 on */
    for (i = 144; i < PROFILE_NBYTES; i++)
        out[i] = (char)(i * i * 31 >> 4);
    return sfx_slice(out, PROFILE_NBYTES);
}

static bool has_profile(struct sfx_slice encoded, struct sfx_slice profile)
{
    struct sfx_buf found = {0};
    bool has = image_profile(encoded, &found) == 0 && sfx_slice_eq(sfx_buf_slice(&found), profile);

    sfx_buf_done(&found);
    return has;
}

static void profiles_travel_when_they_fit(void **state)
{
    static const char *const spaces[] = {"RGB ", "GRAY", "CMYK"};
    enum sfx_image_format from, to;
    size_t i, strip;

    (void)state;
    for (from = SFX_IMAGE_JPEG; from <= SFX_IMAGE_PNG; from++)
        for (to = SFX_IMAGE_JPEG; to <= SFX_IMAGE_PNG; to++)
            for (i = 0; i < 3; i++)
                for (strip = 0; strip < 2; strip++) {
                    struct raster drawn =
                        raster_draw(20, 20, i == 1 ? SFX_LAYOUT_GRAY : SFX_LAYOUT_RGB, 8);
                    char bytes[PROFILE_NBYTES];
                    struct sfx_slice profile = make_profile(spaces[i], bytes);
                    const char *size = "10x";
                    struct sfx_resize_output output;
                    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, to);
                    struct sfx_buf encoded = {0}, out = {0};

                    if (strip == 1)
                        opts.keep = 0;
                    raster_encode_profile(&drawn, from, profile, &encoded);
                    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, NULL),
                                     0);
                    if (has_profile(sfx_buf_slice(&out), profile) != (strip == 0 && i < 2))
                        fail_msg("%s profile, format %d to %d, strip %zu", spaces[i], (int)from,
                                 (int)to, strip);
                    sfx_buf_done(&encoded);
                    sfx_buf_done(&out);
                    raster_done(&drawn);
                }
}

/* rc of resizing bytes to 9 pixels; what came out is thrown away. */
static int attempt(struct sfx_slice bytes, struct sfx_err *err)
{
    const char *size = "9x";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_ANY);
    struct sfx_buf out = {0};
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1); /* so that reads beyond it are seen */
    int rc;

    assert_non_null(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    rc = resize_memory(sfx_slice(copy, bytes.len), 0, &opts, &out, err);
    free(copy);
    sfx_buf_done(&out);
    return rc;
}

static void cut_off_images_are_errors_that_name_the_place(void **state)
{
    enum sfx_image_format format;
    size_t len;

    (void)state;
    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct raster drawn = raster_draw(40, 32, SFX_LAYOUT_RGB, 8);
        struct sfx_buf encoded = {0};
        struct sfx_err err;
        /* A JPEG that lacks nothing but its end marker is whole. */
        size_t needed;

        raster_encode(&drawn, format, &encoded);
        needed = encoded.len - (format == SFX_IMAGE_JPEG ? 3 : 1);
        for (len = 0; len <= needed; len += len < needed - 8 ? 7 : 1) {
            int rc = attempt(sfx_slice(encoded.data, len), &err);

            if (rc != SFX_E_INPUT)
                fail_msg("%zu of %zu bytes: %d", len, encoded.len, rc);
            if (len > 700 && len < needed - 100 && strstr(err.text, "row ") == NULL)
                fail_msg("%zu of %zu bytes: %s", len, encoded.len, err.text);
        }
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
}

static void a_jpeg_without_its_end_marker_is_whole(void **state)
{
    struct raster drawn = raster_draw(40, 32, SFX_LAYOUT_RGB, 8);
    struct sfx_buf encoded = {0};

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_JPEG, &encoded);
    assert_int_equal(attempt(sfx_slice(encoded.data, encoded.len - 2), NULL), 0);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

static void flipped_bytes_never_pass_in_a_png_and_never_crash(void **state)
{
    enum sfx_image_format format;
    size_t i;

    (void)state;
    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct raster drawn = raster_draw(24, 16, SFX_LAYOUT_RGB, 8);
        struct sfx_buf encoded = {0};

        raster_encode(&drawn, format, &encoded);
        for (i = 0; i < encoded.len; i++) {
            int rc;

            encoded.data[i] = (char)(encoded.data[i] ^ (1 << i % 8));
            rc = attempt(sfx_buf_slice(&encoded), NULL);
            encoded.data[i] = (char)(encoded.data[i] ^ (1 << i % 8));
            if (format == SFX_IMAGE_PNG && rc == 0)
                fail_msg("byte %zu of the PNG was flipped and nobody noticed", i);
        }
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
}

/* The checksum of PNG chunks. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    size_t i;
    int bit;

    for (i = 0; i < n; i++)
        for (crc ^= p[i], bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return ~crc;
}

/* Writes a 16-bit number into SOF0 of a JPEG, or a 32-bit one into IHDR: its sides. */
static void lie_about_sides(struct sfx_buf *encoded, enum sfx_image_format format, uint16_t side)
{
    char *at = encoded->data;
    uint32_t crc;

    if (format == SFX_IMAGE_JPEG) {
        while (memcmp(at, "\xff\xc0", 2) != 0)
            at++;
        at[5] = at[7] = (char)(side >> 8);
        at[6] = at[8] = (char)side;
        return;
    }
    at[18] = at[22] = (char)(side >> 8);
    at[19] = at[23] = (char)side;
    crc = __builtin_bswap32(crc32_of((uint8_t *)at + 12, 17));
    memcpy(at + 29, &crc, 4);
}

static void bombs_are_refused_from_their_header(void **state)
{
    enum sfx_image_format format;

    (void)state;
    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct raster drawn = raster_draw(16, 16, SFX_LAYOUT_RGB, 8);
        struct sfx_buf encoded = {0};
        struct sfx_err err;

        raster_encode(&drawn, format, &encoded);
        lie_about_sides(&encoded, format, 65500);
        assert_int_equal(attempt(sfx_buf_slice(&encoded), &err), SFX_E_LIMIT);
        assert_non_null(strstr(err.text, "65500x65500"));
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
}

static void outputs_beyond_the_limits_are_refused(void **state)
{
    struct raster drawn = raster_draw(100, 100, SFX_LAYOUT_GRAY, 8);
    const char *size = "200x200!";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    struct sfx_buf encoded = {0}, out = {0};

    (void)state;
    raster_encode(&drawn, SFX_IMAGE_PNG, &encoded);
    opts.limits.max_pixels = 39999;
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, NULL), SFX_E_LIMIT);
    opts.limits.max_pixels = 40000;
    assert_int_equal(resize_memory(sfx_buf_slice(&encoded), 0, &opts, &out, NULL), 0);
    sfx_buf_done(&encoded);
    sfx_buf_done(&out);
    raster_done(&drawn);
}

static void what_is_no_image_is_said_to_be_none(void **state)
{
    struct sfx_err err;

    (void)state;
    assert_int_equal(attempt(SFX_SLICE_LIT(""), &err), SFX_E_INPUT);
    assert_string_equal(err.text, "the file is empty");
    assert_int_equal(attempt(SFX_SLICE_LIT("id,name\n1,photo.jpg\n"), &err), SFX_E_INPUT);
    assert_string_equal(err.text, "this is no JPEG, PNG, WebP, AVIF or HEIF image");
    assert_int_equal(attempt(SFX_SLICE_LIT("\xff\xd8\xff"), &err), SFX_E_INPUT);
}

static ssize_t failing_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *left = ctx;
    size_t n = left->len < cap ? left->len : cap;

    if (n == 0)
        return sfx_err_set(err, SFX_E_TEMPORARY, "the line broke");
    memcpy(ptr, left->ptr, n);
    left->ptr += n;
    left->len -= n;
    return (ssize_t)n;
}

static int failing_write(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)len;
    return sfx_err_set(err, SFX_E_IO, "the disk is full");
}

static int open_failing(void *ctx, const struct sfx_resize_facts *facts,
                        struct sfx_image_sink *sink, struct sfx_err *err)
{
    (void)facts;
    (void)err;
    *sink = (struct sfx_image_sink){failing_write, ctx};
    return 0;
}

static void failures_of_source_and_sink_come_through(void **state)
{
    enum sfx_image_format format;

    (void)state;
    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct raster drawn = raster_draw(64, 64, SFX_LAYOUT_RGB, 8);
        struct sfx_resize_output output;
        const char *size = NULL;
        struct sfx_resize_opts opts = resize_opts(&output, &size, 1, format);
        struct sfx_buf encoded = {0};
        struct sfx_slice left;
        struct sfx_image_source source = {failing_read, &left};
        struct sfx_resize_target target = {open_failing, NULL};
        struct sfx_err err;

        raster_encode(&drawn, format, &encoded);
        left = sfx_slice(encoded.data, encoded.len / 2);
        assert_int_equal(sfx_resize(&source, &opts, &target, &err), SFX_E_TEMPORARY);
        assert_non_null(strstr(err.text, "the line broke"));
        left = sfx_buf_slice(&encoded);
        assert_int_equal(sfx_resize(&source, &opts, &target, &err), SFX_E_IO);
        assert_non_null(strstr(err.text, "the disk is full"));
        sfx_buf_done(&encoded);
        raster_done(&drawn);
    }
}

struct weighed {
    struct sfx_slice left;
    size_t most; /* bytes of the heap in use, at any read */
};

static ssize_t weighing_read(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct weighed *w = ctx;
    struct mallinfo2 heap = mallinfo2();
    size_t n = cap < w->left.len ? cap : w->left.len, used = heap.uordblks + heap.hblkhd;

    (void)err;
    w->most = used > w->most ? used : w->most;
    memcpy(ptr, w->left.ptr, n);
    w->left = sfx_slice(w->left.ptr + n, w->left.len - n);
    return (ssize_t)n;
}

static int write_nowhere(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)len;
    (void)err;
    return 0;
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

static void an_input_is_not_held_for_outputs_of_other_sizes(void **state)
{
    static const char *const size = "100x75";
    const struct sfx_resize_target target = {open_nowhere, NULL};
    struct raster drawn = raster_draw(2000, 1500, SFX_LAYOUT_RGB, 8);
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_JPEG);
    struct sfx_buf encoded = {0};
    struct weighed w = {.most = 0};
    const struct sfx_image_source source = {weighing_read, &w};
    struct mallinfo2 heap;
    struct sfx_err err;

    (void)state;
    opts.encode.compression = SFX_COMPRESSION_AUTO;
    raster_encode(&drawn, SFX_IMAGE_JPEG, &encoded);
    w.left = sfx_buf_slice(&encoded);
    heap = mallinfo2();
    assert_int_equal(sfx_resize_smallest(&source, &opts, &target, &err), 0);
    /* What holds a sample of every eighth row is less than what the rows are encoded in. */
    assert_true(encoded.len > 1000000);
    assert_true(w.most <= heap.uordblks + heap.hblkhd + encoded.len * 3 / 4);
    sfx_buf_done(&encoded);
    raster_done(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_png_of_its_own_size_keeps_every_sample),
        cmocka_unit_test(sizes_come_out_as_asked_in_both_formats),
        cmocka_unit_test(planes_and_rows_give_the_same_picture),
        cmocka_unit_test(shrinking_decoders_keep_the_geometry),
        cmocka_unit_test(many_sizes_of_one_decode_are_as_each_alone),
        cmocka_unit_test(reads_of_single_bytes_change_nothing),
        cmocka_unit_test(invisible_colour_does_not_bleed),
        cmocka_unit_test(all_eight_orientations_come_out_upright),
        cmocka_unit_test(profiles_travel_when_they_fit),
        cmocka_unit_test(cut_off_images_are_errors_that_name_the_place),
        cmocka_unit_test(a_jpeg_without_its_end_marker_is_whole),
        cmocka_unit_test(flipped_bytes_never_pass_in_a_png_and_never_crash),
        cmocka_unit_test(bombs_are_refused_from_their_header),
        cmocka_unit_test(outputs_beyond_the_limits_are_refused),
        cmocka_unit_test(what_is_no_image_is_said_to_be_none),
        cmocka_unit_test(failures_of_source_and_sink_come_through),
        cmocka_unit_test(an_input_is_not_held_for_outputs_of_other_sizes),
    };

    return cmocka_run_group_tests_name("image_resize", tests, NULL, NULL);
}
