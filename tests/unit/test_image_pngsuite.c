/* SPDX-License-Identifier: MIT */
/* PngSuite beside the checkout: every file keeps the pixels that libpng itself reads. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

static char folder[4096];

static void read_all(const char *name, struct sfx_buf *out)
{
    char path[8192];
    int fd;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    do {
        assert_int_equal(sfx_buf_reserve(out, 65536, NULL), 0);
        n = sfx_io_read(fd, out->data + out->len, 65536, NULL);
        assert_true(n >= 0);
        out->len += (size_t)n;
    } while (n > 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

static void read_slice(png_structp png, png_bytep out, size_t len)
{
    struct sfx_slice *left = png_get_io_ptr(png);

    if (left->len < len)
        png_error(png, "short");
    memcpy(out, left->ptr, len);
    left->ptr += len;
    left->len -= len;
}

/* All pixels by libpng alone as RGBA of 16 bits: what a file may be reduced to is the same. */
static void decode_by_libpng(struct sfx_slice encoded, struct sfx_buf *pixels)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    size_t nbytes, nrows, y;
    int passes;

    png_set_read_fn(png, &encoded, read_slice);
    png_read_info(png, info);
    png_set_expand_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xffff, PNG_FILLER_AFTER);
    nrows = png_get_image_height(png, info);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    nbytes = png_get_rowbytes(png, info);
    assert_int_equal(sfx_buf_reserve(pixels, nrows * nbytes, NULL), 0);
    pixels->len = nrows * nbytes;
    for (; passes > 0; passes--)
        for (y = 0; y < nrows; y++)
            png_read_row(png, (png_bytep)pixels->data + y * nbytes, NULL);
    png_destroy_read_struct(&png, &info, NULL);
}

static void check_identity(const char *name, struct sfx_slice encoded)
{
    const char *size = NULL;
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, SFX_IMAGE_PNG);
    struct sfx_buf again = {0}, want = {0}, got = {0};
    struct sfx_err err;

    if (resize_memory(encoded, 0, &opts, &again, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    decode_by_libpng(encoded, &want);
    decode_by_libpng(sfx_buf_slice(&again), &got);
    if (want.len != got.len || memcmp(want.data, got.data, got.len) != 0)
        fail_msg("%s: the pixels are not the same", name);
    sfx_buf_done(&again);
    sfx_buf_done(&want);
    sfx_buf_done(&got);
}

/* Smaller and larger, in both formats: sizes are right, constant parts of the set stay sane. */
static void check_sizes(const char *name, struct sfx_slice encoded)
{
    static const char *const sizes[] = {"7x5!", "50x40!"};
    enum sfx_image_format format;
    size_t i;

    for (format = SFX_IMAGE_JPEG; format <= SFX_IMAGE_PNG; format++) {
        struct sfx_resize_output outputs[2];
        struct sfx_resize_opts opts = resize_opts(outputs, sizes, 2, format);
        struct sfx_buf made[2] = {{0}};
        struct sfx_err err;

        if (resize_memory(encoded, 0, &opts, made, &err) < 0)
            fail_msg("%s: %s", name, err.text);
        for (i = 0; i < 2; i++) {
            struct raster r = raster_decode(sfx_buf_slice(&made[i]));

            assert_int_equal(r.width_px, i == 0 ? 7 : 50);
            assert_int_equal(r.height_px, i == 0 ? 5 : 40);
            raster_done(&r);
            sfx_buf_done(&made[i]);
        }
    }
}

static void every_file_keeps_its_pixels(void **state)
{
    const char *corpus = getenv("SFX_CORPUS");
    struct dirent *entry;
    size_t count = 0;
    DIR *dir;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s/png", corpus != NULL ? corpus : ".");
    dir = opendir(folder);
    if (dir == NULL) {
        print_message("# SKIP: PngSuite is not beside the checkout\n");
        skip();
    }
    while ((entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        struct sfx_buf encoded = {0};

        if (dot == NULL || strcmp(dot, ".png") != 0)
            continue;
        read_all(entry->d_name, &encoded);
        check_identity(entry->d_name, sfx_buf_slice(&encoded));
        check_sizes(entry->d_name, sfx_buf_slice(&encoded));
        sfx_buf_done(&encoded);
        count++;
    }
    (void)closedir(dir);
    assert_true(count >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_file_keeps_its_pixels)};

    return cmocka_run_group_tests_name("image_pngsuite", tests, NULL, NULL);
}
