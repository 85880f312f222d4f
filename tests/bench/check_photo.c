/* SPDX-License-Identifier: MIT */
/*
 * Tells whether one image (JPEG or PNG) is another one in a smaller size.
 *
 * usage: check_photo ORIGINAL RESIZED WIDTHxHEIGHT|SIDE|any
 *        check_photo --psnr ORIGINAL RESIZED
 *
 * RESIZED must have that size, or that longer side, and the mean of each ninth of it (3 x 3, each
 * channel, colour times alpha) must be that of the original's within 3 of 255: wrong colours, a
 * wrong orientation, lost or shifted parts are told. Exit code 1 and a line on stderr when not.
 *
 * --psnr prints how near RESIZED, a PNG, is to the original resampled with Lanczos (three lobes) in
 * double precision and then rounded, which is the best that 8 bits can hold: the peak signal to
 * noise ratio in dB.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#define GRID      3
#define TOLERANCE 3.0
#define CHANNELS  4 /* red, green, blue, each times alpha; alpha */

/* Takes rows from top to bottom: RGBA. */
struct taker {
    void (*start)(struct taker *taker, unsigned width, unsigned height);
    void (*row)(struct taker *taker, const uint8_t *rgba, unsigned y);
    unsigned width, height;
};

/* libjpeg's default error handler prints and exits: what this program wants. */
static void read_jpeg(FILE *f, struct taker *taker)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t *row, *rgba;
    unsigned x;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, f);
    (void)jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&jpeg);
    taker->start(taker, jpeg.output_width, jpeg.output_height);
    row = malloc((size_t)3 * jpeg.output_width);
    rgba = malloc((size_t)4 * jpeg.output_width);
    while (row != NULL && rgba != NULL && jpeg.output_scanline < jpeg.output_height) {
        unsigned y = jpeg.output_scanline;

        (void)jpeg_read_scanlines(&jpeg, &row, 1);
        for (x = 0; x < jpeg.output_width; x++) {
            memcpy(rgba + 4 * (size_t)x, row + 3 * (size_t)x, 3);
            rgba[4 * (size_t)x + 3] = 255;
        }
        taker->row(taker, rgba, y);
    }
    free(row);
    free(rgba);
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

/* libpng ends the program itself when it fails. */
static void read_png(FILE *f, struct taker *taker)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    unsigned width, height, y;
    uint8_t *row;

    png_init_io(png, f);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    png_read_update_info(png, info);
    width = png_get_image_width(png, info);
    height = png_get_image_height(png, info);
    taker->start(taker, width, height);
    row = malloc(png_get_rowbytes(png, info));
    for (y = 0; y < height && row != NULL; y++) {
        png_read_row(png, row, NULL);
        taker->row(taker, row, y);
    }
    free(row);
    png_destroy_read_struct(&png, &info, NULL);
}

static void read_image(const char *path, struct taker *taker)
{
    FILE *f = fopen(path, "rb");
    int first = f != NULL ? getc(f) : EOF;

    if (first == EOF) {
        perror(path);
        exit(1);
    }
    rewind(f);
    if (first == 0x89)
        read_png(f, taker);
    else
        read_jpeg(f, taker);
    (void)fclose(f);
}

/* --- means of parts */

struct means {
    struct taker taker;
    double sum[GRID][GRID][CHANNELS];
    double count[GRID][GRID];
};

static void start_means(struct taker *taker, unsigned width, unsigned height)
{
    taker->width = width;
    taker->height = height;
}

static void add_means(struct taker *taker, const uint8_t *rgba, unsigned y)
{
    struct means *means = (struct means *)taker;
    unsigned gy = y * GRID / taker->height, x;
    int c;

    for (x = 0; x < taker->width; x++, rgba += 4) {
        unsigned gx = x * GRID / taker->width;

        for (c = 0; c < 3; c++)
            means->sum[gy][gx][c] += rgba[c] * rgba[3] / 255.0;
        means->sum[gy][gx][3] += rgba[3];
        means->count[gy][gx]++;
    }
}

static struct means means_of(const char *path)
{
    struct means means = {.taker = {start_means, add_means, 0, 0}};

    read_image(path, &means.taker);
    return means;
}

static int compare(const struct means *a, const struct means *b)
{
    int i;

    for (i = 0; i < GRID * GRID * CHANNELS; i++) {
        int y = i / (GRID * CHANNELS), x = i / CHANNELS % GRID, c = i % CHANNELS;
        double mean_a = a->sum[y][x][c] / a->count[y][x];
        double mean_b = b->sum[y][x][c] / b->count[y][x];

        if (fabs(mean_a - mean_b) > TOLERANCE) {
            (void)fprintf(stderr, "part %d,%d channel %d: mean %.1f instead of %.1f\n", x, y, c,
                          mean_b, mean_a);
            return 1;
        }
    }
    return 0;
}

static int check(const char *original_path, const char *resized_path, const char *size)
{
    struct means original = means_of(original_path), resized = means_of(resized_path);
    unsigned width, height, got_width = resized.taker.width, got_height = resized.taker.height;
    int n = sscanf(size, "%ux%u", &width, &height);

    if ((n == 2 && (got_width != width || got_height != height)) ||
        (n == 1 && got_width != width && got_height != width)) {
        (void)fprintf(stderr, "%ux%u instead of %s\n", got_width, got_height, size);
        return 1;
    }
    return compare(&original, &resized);
}

/* --- against the reference */

struct raster {
    struct taker taker;
    double *rgb;        /* 3 a pixel */
    unsigned out_width; /* rows are resampled to this width as they come; 0: they are kept */
};

static double lanczos(double x)
{
    double px = M_PI * x;

    if (x == 0)
        return 1;
    return fabs(x) < 3 ? 3 * sin(px) * sin(px / 3) / (px * px) : 0;
}

/* Resamples n samples, `step` apart, to n_out: `out_step` apart. */
static void resample(const double *in, unsigned n, size_t step, double *out, unsigned n_out,
                     size_t out_step)
{
    double scale = (double)n / n_out, support = 3 * (scale > 1 ? scale : 1);
    unsigned i;

    for (i = 0; i < n_out; i++) {
        double centre = (i + 0.5) * scale, sum = 0, weights = 0;
        long first = (long)floor(centre - support), last = (long)ceil(centre + support), at;

        for (at = first < 0 ? 0 : first; at <= last && at < (long)n; at++) {
            double weight = lanczos((at + 0.5 - centre) / (scale > 1 ? scale : 1));

            sum += weight * in[(size_t)at * step];
            weights += weight;
        }
        out[i * out_step] = sum / weights;
    }
}

static void start_raster(struct taker *taker, unsigned width, unsigned height)
{
    struct raster *raster = (struct raster *)taker;

    taker->width = width;
    taker->height = height;
    if (raster->out_width == 0)
        raster->out_width = width;
    raster->rgb = malloc((size_t)3 * sizeof(double) * raster->out_width * height);
    if (raster->rgb == NULL)
        exit(70);
}

static void add_raster(struct taker *taker, const uint8_t *rgba, unsigned y)
{
    struct raster *raster = (struct raster *)taker;
    double *row = malloc(sizeof(double) * 3 * taker->width);
    double *out = raster->rgb + (size_t)y * 3 * raster->out_width;
    unsigned x, c;

    if (row == NULL)
        exit(70);
    for (x = 0; x < taker->width; x++)
        for (c = 0; c < 3; c++)
            row[3 * x + c] = rgba[4 * x + c];
    if (raster->out_width == taker->width)
        memcpy(out, row, sizeof(double) * 3 * taker->width);
    else
        for (c = 0; c < 3; c++)
            resample(row + c, taker->width, 3, out + c, raster->out_width, 3);
    free(row);
}

static int print_psnr(const char *original_path, const char *resized_path)
{
    struct raster resized = {.taker = {start_raster, add_raster, 0, 0}}, original = resized;
    double *want, sum = 0;
    unsigned w, h;
    size_t i, n;

    read_image(resized_path, &resized.taker);
    w = resized.taker.width;
    h = resized.taker.height;
    original.out_width = w;
    read_image(original_path, &original.taker);
    n = (size_t)3 * w * h;
    want = malloc(n * sizeof(*want));
    if (want == NULL)
        return 70;
    for (i = 0; i < (size_t)3 * w; i++)
        resample(original.rgb + i, original.taker.height, (size_t)3 * w, want + i, h,
                 (size_t)3 * w);
    for (i = 0; i < n; i++) {
        const double best = rint(want[i] < 0 ? 0 : want[i] > 255 ? 255 : want[i]);

        sum += (best - resized.rgb[i]) * (best - resized.rgb[i]);
    }
    (void)printf("%.1f\n", 10 * log10(255.0 * 255.0 * (double)n / (sum > 0 ? sum : 1e-9)));
    free(want);
    free(original.rgb);
    free(resized.rgb);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--psnr") == 0)
        return print_psnr(argv[2], argv[3]);
    if (argc == 4)
        return check(argv[1], argv[2], argv[3]);
    (void)fprintf(stderr, "usage: check_photo ORIGINAL RESIZED WIDTHxHEIGHT|SIDE|any\n"
                          "       check_photo --psnr ORIGINAL RESIZED\n");
    return 2;
}
