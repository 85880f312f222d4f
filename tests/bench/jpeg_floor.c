/* SPDX-License-Identifier: MIT */
/*
 * What libjpeg alone takes for what sfx-resize does: decodes an image to its planes and encodes
 * those of a smaller one, without resampling, conversion or files.
 *
 * usage: jpeg_floor COUNT EIGHTHS IMAGE SMALLER
 *
 * SMALLER is what IMAGE is made to, by sfx-resize: its planes are encoded as it was, so that both
 * encode the same. libjpeg decodes to so many EIGHTHS of the size. Does so COUNT times.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#define MAX_PLANES 3
#define QUALITY    80

static void fail(const char *text)
{
    (void)fprintf(stderr, "jpeg_floor: %s\n", text);
    exit(1);
}

struct file {
    unsigned char *data;
    size_t nbytes;
};

/* Planes in whole MCU rows, as raw data goes in and out. */
struct planes {
    unsigned width_px, height_px;
    int h[MAX_PLANES], v[MAX_PLANES]; /* sampling factors */
    size_t stride[MAX_PLANES], mcu_rows[MAX_PLANES];
    unsigned char *data[MAX_PLANES];
    int held; /* else only one MCU row is */
};

static struct file read_file(const char *name)
{
    struct file file = {0};
    FILE *f = fopen(name, "rb");
    long size = -1;

    if (f != NULL && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    file.data = size > 0 ? malloc((size_t)size) : NULL;
    if (file.data == NULL || fseek(f, 0, SEEK_SET) != 0 ||
        fread(file.data, 1, (size_t)size, f) != (size_t)size || fclose(f) != 0)
        fail("no such image");
    file.nbytes = (size_t)size;
    return file;
}

struct rows {
    JSAMPROW row[MAX_PLANES][2 * DCTSIZE];
    JSAMPARRAY all[MAX_PLANES];
};

/* The rows of an MCU row; of planes that are not held, the same ones again and again. */
static void point_at(const struct planes *p, size_t mcu, struct rows *rows)
{
    size_t k;
    int i;

    for (i = 0; i < MAX_PLANES; i++) {
        const size_t first = p->held ? mcu * p->mcu_rows[i] : 0;

        rows->all[i] = rows->row[i];
        for (k = 0; k < p->mcu_rows[i]; k++)
            rows->row[i][k] = p->data[i] + (first + k) * p->stride[i];
    }
}

/* Makes p when it has no planes yet. */
static void decode(const struct file *file, unsigned eighths, struct planes *p, struct rows *rows)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr err;
    size_t mcu;
    int i;

    d.err = jpeg_std_error(&err);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, file->data, file->nbytes);
    (void)jpeg_read_header(&d, TRUE);
    if (d.num_components != MAX_PLANES || d.max_v_samp_factor > 2)
        fail("an image of other planes");
    d.raw_data_out = TRUE;
    d.scale_num = eighths;
    d.scale_denom = 8;
    (void)jpeg_start_decompress(&d);
    p->width_px = d.output_width;
    p->height_px = d.output_height;
    for (i = 0; i < MAX_PLANES && p->data[i] == NULL; i++) {
        const jpeg_component_info *plane = &d.comp_info[i];

        p->h[i] = plane->h_samp_factor;
        p->v[i] = plane->v_samp_factor;
        p->stride[i] = (size_t)plane->width_in_blocks * (size_t)plane->DCT_scaled_size;
        p->mcu_rows[i] = (size_t)p->v[i] * (size_t)plane->DCT_scaled_size;
        p->data[i] = malloc(p->stride[i] * p->mcu_rows[i] * (p->held ? d.total_iMCU_rows : 1));
        if (p->data[i] == NULL)
            fail("no memory");
    }
    for (mcu = 0; mcu < d.total_iMCU_rows; mcu++) {
        point_at(p, mcu, rows);
        if (jpeg_read_raw_data(&d, rows->all,
                               (JDIMENSION)(d.max_v_samp_factor * d.min_DCT_scaled_size)) == 0)
            fail("an image that ends early");
    }
    (void)jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
}

static void encode(const struct planes *p, struct rows *rows)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr err;
    unsigned char *out = NULL;
    unsigned long nbytes = 0;
    size_t mcu;
    int i;

    c.err = jpeg_std_error(&err);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &nbytes);
    c.image_width = p->width_px;
    c.image_height = p->height_px;
    c.input_components = MAX_PLANES;
    c.in_color_space = JCS_YCbCr;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, QUALITY, TRUE);
    c.raw_data_in = TRUE;
    for (i = 0; i < MAX_PLANES; i++) {
        c.comp_info[i].h_samp_factor = p->h[i];
        c.comp_info[i].v_samp_factor = p->v[i];
    }
    jpeg_start_compress(&c, TRUE);
    for (mcu = 0; c.next_scanline < c.image_height; mcu++) {
        point_at(p, mcu, rows);
        (void)jpeg_write_raw_data(&c, rows->all, (JDIMENSION)p->v[0] * DCTSIZE);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(out);
}

static void free_planes(struct planes *p)
{
    int i;

    for (i = 0; i < MAX_PLANES; i++)
        free(p->data[i]);
}

int main(int argc, char **argv)
{
    struct planes smaller = {.held = 1}, planes = {0};
    struct rows rows;
    struct file image, made;
    long i, count;

    if (argc != 5)
        fail("usage: jpeg_floor COUNT EIGHTHS IMAGE SMALLER");
    count = strtol(argv[1], NULL, 10);
    made = read_file(argv[4]);
    decode(&made, 8, &smaller, &rows);
    free(made.data);
    image = read_file(argv[3]);
    for (i = 0; i < count; i++) {
        decode(&image, (unsigned)strtol(argv[2], NULL, 10), &planes, &rows);
        encode(&smaller, &rows);
    }
    free_planes(&smaller);
    free_planes(&planes);
    free(image.data);
    return 0;
}
