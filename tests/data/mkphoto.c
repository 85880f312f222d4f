/* SPDX-License-Identifier: MIT */
/*
 * Draws a photo: sky, sun, hills and water with grain, the same for the same size and seed.
 *
 * usage: mkphoto [-ap] [-o ORIENTATION] [-s SEED] WxH OUT.jpg|OUT.png
 *
 * -a adds an alpha that grows from left to right (PNG), -p writes progressive JPEG.
 *
 * WxH is the size of the picture as people see it. With -o (1-8) the pixels are stored as a camera
 * that was held so would store them, and the EXIF orientation tag says how to turn them upright.
 */
#include <inttypes.h>
#include <stdio.h>

#include <jpeglib.h> /* needs stdio.h before it */
#include <png.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct photo {
    uint32_t width_px, height_px; /* upright */
    uint32_t seed;
    int orientation; /* EXIF 0x0112: 1-8; 0: no tag */
    int alpha, progressive;
};

/* A well mixed number for a place: the grain and the hills' heights. */
static uint32_t noise(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 0x9e3779b1u ^ y * 0x85ebca77u ^ seed * 0xc2b2ae3du;

    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    h *= 0x297a2d39u;
    return h ^ h >> 15;
}

/* Height of a chain of hills at x, in 1/1000 of the picture, between peaks a tenth apart. */
static uint32_t ridge(const struct photo *p, uint32_t x, uint32_t chain)
{
    uint32_t at = x * 10000 / p->width_px, peak = at / 1000, part = at % 1000;
    uint32_t left = noise(peak, chain, p->seed) % 200,
             right = noise(peak + 1, chain, p->seed) % 200;

    return 350 + 150 * chain + (left * (1000 - part) + right * part) / 1000;
}

static uint8_t shade(uint32_t value, uint32_t grain)
{
    uint32_t v = value + grain;

    return (uint8_t)(v < 8 ? 0 : v - 8 > 255 ? 255 : v - 8);
}

/* The colour of the upright picture at (x, y). */
static void draw(const struct photo *p, uint32_t x, uint32_t y, uint8_t rgb[3])
{
    uint32_t fx = x * 1000 / p->width_px, fy = y * 1000 / p->height_px;
    uint32_t grain = noise(x, y, p->seed) % 16, chain;
    int32_t dx = (int32_t)fx - 150 - (int32_t)(p->seed % 5) * 150, dy = (int32_t)fy - 180;
    uint32_t red = 90 + fy / 8, green = 140 + fy / 8, blue = 230;

    if (dx * dx + dy * dy < 90 * 90) {
        red = 255;
        green = 230;
        blue = 120;
    }
    for (chain = 0; chain < 3; chain++) {
        if (fy < ridge(p, x, chain))
            continue;
        red = 120 - 30 * chain + p->seed % 7 * 8;
        green = 130 - 15 * chain;
        blue = 110 - 25 * chain + fy / 30;
    }
    if (fy > 900) {
        red = 30;
        green = 70 + fx / 40;
        blue = 140 + (fy - 900) / 2;
    }
    rgb[0] = shade(red, grain);
    rgb[1] = shade(green, grain);
    rgb[2] = shade(blue, grain);
}

static int is_sideways(const struct photo *p)
{
    return p->orientation >= 5;
}

/* Draws one stored row: the inverse of what EXIF 2.32 (4.6.5.A, Orientation) tells a viewer to do.
 */
static void draw_stored_row(const struct photo *p, uint32_t row, uint8_t *out)
{
    uint32_t w = p->width_px, h = p->height_px, stored_width = is_sideways(p) ? h : w, i;

    for (i = 0; i < stored_width; i++, out += 3) {
        switch (p->orientation) {
        case 2: draw(p, w - 1 - i, row, out); break;
        case 3: draw(p, w - 1 - i, h - 1 - row, out); break;
        case 4: draw(p, i, h - 1 - row, out); break;
        case 5: draw(p, row, i, out); break;
        case 6: draw(p, w - 1 - row, i, out); break;
        case 7: draw(p, w - 1 - row, h - 1 - i, out); break;
        case 8: draw(p, row, h - 1 - i, out); break;
        default: draw(p, i, row, out); break;
        }
    }
}

#define TIFF_AT 6 /* after "Exif\0\0" */

/* An EXIF block with one IFD that has one entry: Orientation, a SHORT. */
static const uint8_t exif[] = {
    'E',  'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, /* big endian, IFD at 8 */
    0,    1,                                                 /* one entry */
    0x01, 0x12, 0,   3,   0, 0, 0,   1,   0, 1,  0, 0,       /* tag, type, count, value */
    0,    0,    0,   0,                                      /* no further IFD */
};
#define EXIF_VALUE_AT 25

static void write_jpeg(const struct photo *p, FILE *f, uint8_t *row)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t block[sizeof(exif)];
    uint32_t y;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, f);
    jpeg.image_width = is_sideways(p) ? p->height_px : p->width_px;
    jpeg.image_height = is_sideways(p) ? p->width_px : p->height_px;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    if (p->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (p->orientation != 0) {
        memcpy(block, exif, sizeof(exif));
        block[EXIF_VALUE_AT] = (uint8_t)p->orientation;
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, block, sizeof(block));
    }
    for (y = 0; y < jpeg.image_height; y++) {
        JSAMPROW rows[] = {row};

        draw_stored_row(p, y, row);
        (void)jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
}

/* RGB to RGBA, from the end on, in place. */
static void add_alpha(uint8_t *row, uint32_t width)
{
    uint32_t i;

    for (i = width; i-- > 0;) {
        memmove(row + 4 * (size_t)i, row + 3 * (size_t)i, 3);
        row[4 * (size_t)i + 3] = (uint8_t)((uint64_t)i * 255 / width);
    }
}

/* Above this size the default level would take minutes. */
#define FAST_PIXELS 20000000

/* libpng ends the program itself (by longjmp to its default handler, abort) when it fails. */
static void write_png(const struct photo *p, FILE *f, uint8_t *row)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    uint32_t stored_width = is_sideways(p) ? p->height_px : p->width_px;
    uint32_t stored_height = is_sideways(p) ? p->width_px : p->height_px, y;
    uint8_t block[sizeof(exif)];

    if (info == NULL)
        exit(70);
    png_init_io(png, f);
    png_set_IHDR(png, info, stored_width, stored_height, 8,
                 p->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (p->orientation != 0) {
        memcpy(block, exif, sizeof(exif));
        block[EXIF_VALUE_AT] = (uint8_t)p->orientation;
        png_set_eXIf_1(png, info, sizeof(block) - TIFF_AT, block + TIFF_AT);
    }
    if ((uint64_t)stored_width * stored_height > FAST_PIXELS)
        png_set_compression_level(png, 1);
    png_write_info(png, info);
    for (y = 0; y < stored_height; y++) {
        draw_stored_row(p, y, row);
        if (p->alpha)
            add_alpha(row, stored_width);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
}

static int misuse(void)
{
    (void)fputs("usage: mkphoto [-ap] [-o 1..8] [-s SEED] WxH OUT.jpg|OUT.png\n", stderr);
    return 2;
}

static int write_photo(const struct photo *p, const char *path)
{
    uint32_t longest = p->width_px > p->height_px ? p->width_px : p->height_px;
    const char *dot = strrchr(path, '.');
    uint8_t *row = malloc((size_t)longest * 4);
    FILE *f = fopen(path, "wb");
    int rc = 74;

    if (row == NULL || f == NULL) {
        perror(path);
        goto out;
    }
    if (dot != NULL && strcmp(dot, ".png") == 0)
        write_png(p, f, row);
    else
        write_jpeg(p, f, row);
    rc = 0;
out:
    free(row);
    if (f != NULL && fclose(f) != 0) {
        perror(path);
        rc = 74;
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct photo photo = {0};
    int c;

    while ((c = getopt(argc, argv, "apo:s:")) != -1) {
        switch (c) {
        case 'a': photo.alpha = 1; break;
        case 'p': photo.progressive = 1; break;
        case 'o': photo.orientation = atoi(optarg); break;
        case 's': photo.seed = (uint32_t)strtoul(optarg, NULL, 10); break;
        default: return misuse();
        }
    }
    /* 65500 is JPEG's limit in libjpeg. */
    if (argc - optind != 2 || photo.orientation < 0 || photo.orientation > 8 ||
        sscanf(argv[optind], "%" SCNu32 "x%" SCNu32, &photo.width_px, &photo.height_px) != 2 ||
        photo.width_px - 1 >= 65500 || photo.height_px - 1 >= 65500)
        return misuse();
    return write_photo(&photo, argv[optind + 1]);
}
