/* SPDX-License-Identifier: MIT */
/*
 * Tells whether one JPEG is another one in a smaller size.
 *
 * usage: check_photo ORIGINAL RESIZED WIDTHxHEIGHT
 *
 * RESIZED must have that size, and the mean of each ninth of it (3 x 3, each channel) must be that
 * of the original's within 3 of 255: wrong colours, a wrong orientation, lost or shifted parts are
 * told; how good the filter is, is not measured here. Exit code 1 and a line on stderr when not.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#define GRID      3
#define TOLERANCE 3.0

struct photo {
    unsigned width, height;
    double sum[GRID][GRID][3];
    double count[GRID][GRID];
};

static void add_row(struct photo *photo, const unsigned char *row, unsigned y)
{
    unsigned gy = y * GRID / photo->height;
    unsigned x;
    int c;

    for (x = 0; x < photo->width; x++) {
        unsigned gx = x * GRID / photo->width;

        for (c = 0; c < 3; c++)
            photo->sum[gy][gx][c] += row[3 * x + (unsigned)c];
        photo->count[gy][gx]++;
    }
}

/* libjpeg's default error handler prints and exits: what this program wants. */
static int read_photo(const char *path, struct photo *photo)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "rb");
    unsigned char *row;

    if (f == NULL) {
        perror(path);
        return -1;
    }
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, f);
    (void)jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&jpeg);
    *photo = (struct photo){.width = jpeg.output_width, .height = jpeg.output_height};
    row = malloc((size_t)3 * photo->width);
    while (row != NULL && jpeg.output_scanline < photo->height) {
        unsigned y = jpeg.output_scanline;

        (void)jpeg_read_scanlines(&jpeg, &row, 1);
        add_row(photo, row, y);
    }
    free(row);
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    (void)fclose(f);
    return 0;
}

static int compare(const struct photo *a, const struct photo *b)
{
    int i;

    for (i = 0; i < GRID * GRID * 3; i++) {
        int y = i / (GRID * 3);
        int x = i / 3 % GRID;
        double mean_a = a->sum[y][x][i % 3] / a->count[y][x];
        double mean_b = b->sum[y][x][i % 3] / b->count[y][x];

        if (mean_a - mean_b > TOLERANCE || mean_b - mean_a > TOLERANCE) {
            (void)fprintf(stderr, "part %d,%d channel %d: mean %.1f instead of %.1f\n", x, y, i % 3,
                          mean_b, mean_a);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct photo original;
    struct photo resized;
    unsigned width;
    unsigned height;

    if (argc != 4 || sscanf(argv[3], "%ux%u", &width, &height) != 2) {
        (void)fprintf(stderr, "usage: check_photo ORIGINAL RESIZED WIDTHxHEIGHT\n");
        return 2;
    }
    if (read_photo(argv[1], &original) < 0 || read_photo(argv[2], &resized) < 0)
        return 1;
    if (resized.width != width || resized.height != height) {
        (void)fprintf(stderr, "%ux%u instead of %ux%u\n", resized.width, resized.height, width,
                      height);
        return 1;
    }
    return compare(&original, &resized);
}
