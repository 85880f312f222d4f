/* SPDX-License-Identifier: MIT */
/* Encoded images in memory for tests. */
#include "image_memory.h"

#include "image/decoder.h"
#include "image/encoder.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct memory {
    struct sfx_slice left;
    size_t at_once;
};

static ssize_t read_memory(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct memory *m = ctx;
    size_t n = m->left.len < cap ? m->left.len : cap;

    (void)err;
    if (m->at_once > 0 && n > m->at_once)
        n = m->at_once;
    if (n > 0)
        memcpy(ptr, m->left.ptr, n);
    m->left.ptr += n;
    m->left.len -= n;
    return (ssize_t)n;
}

static int write_memory(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

static struct raster raster_new(uint32_t w, uint32_t h, enum sfx_layout layout, unsigned depth)
{
    struct raster r = {w, h, layout, depth, w * sfx_layout_channels(layout) * depth / 8, NULL};

    r.data = calloc(h, r.row_nbytes);
    assert_non_null(r.data);
    return r;
}

struct raster raster_draw(uint32_t w, uint32_t h, enum sfx_layout layout, unsigned depth)
{
    struct raster r = raster_new(w, h, layout, depth);
    unsigned channels = sfx_layout_channels(layout), c;
    uint32_t x, y, noise = 1;

    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++)
            for (c = 0; c < channels; c++) {
                size_t at = ((size_t)y * w + x) * channels + c;
                unsigned value =
                    (x * 200 / w + y * 40 * c / h) % 220 + (x / 9 + y / 7 + c) % 2 * 20;

                noise = noise * 1664525u + 1013904223u;
                value += noise >> 28;
                if (depth == 16)
                    ((uint16_t *)(void *)r.data)[at] = (uint16_t)(value * 256 + (noise >> 24));
                else
                    r.data[at] = (uint8_t)value;
            }
    return r;
}

void raster_done(struct raster *r)
{
    free(r->data);
    r->data = NULL;
}

double raster_psnr(const struct raster *a, const struct raster *b)
{
    size_t n = a->height_px * a->row_nbytes / (a->depth / 8), i;
    double most = a->depth == 16 ? 65535 : 255, sum = 0;

    assert_int_equal(a->width_px, b->width_px);
    assert_int_equal(a->height_px, b->height_px);
    assert_int_equal(a->layout, b->layout);
    assert_int_equal(a->depth, b->depth);
    for (i = 0; i < n; i++) {
        double d = a->depth == 16
                       ? (double)((uint16_t *)(void *)a->data)[i] - ((uint16_t *)(void *)b->data)[i]
                       : (double)a->data[i] - b->data[i];

        sum += d * d;
    }
    return sum > 0 ? 10 * log10(most * most / (sum / (double)n)) : 999;
}

void raster_encode(const struct raster *r, enum sfx_image_format format, struct sfx_buf *out)
{
    raster_encode_profile(r, format, sfx_slice(NULL, 0), out);
}

static ssize_t read_slice(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *left = ctx;
    size_t n = left->len < cap ? left->len : cap;

    (void)err;
    if (n > 0)
        memcpy(ptr, left->ptr, n);
    left->ptr += n;
    left->len -= n;
    return (ssize_t)n;
}

int image_header_init(struct image_header *h, struct sfx_slice encoded)
{
    *h = (struct image_header){.left = encoded, .source = {read_slice, &h->left}};
    h->decoder = sfx_decoder_new(&h->source, NULL, NULL);
    if (h->decoder == NULL)
        return -1;
    h->info = sfx_decoder_info(h->decoder);
    return 0;
}

void image_header_done(struct image_header *h)
{
    sfx_decoder_free(h->decoder);
}

int image_profile(struct sfx_slice encoded, struct sfx_buf *out)
{
    struct image_header header;
    int rc = image_header_init(&header, encoded);

    if (rc == 0 && header.info->metadata.icc.len > 0)
        rc =
            sfx_buf_append(out, header.info->metadata.icc.ptr, header.info->metadata.icc.len, NULL);
    image_header_done(&header);
    return rc;
}

void raster_encode_profile(const struct raster *r, enum sfx_image_format format,
                           struct sfx_slice profile, struct sfx_buf *out)
{
    const struct sfx_metadata metadata = {.icc = profile};

    raster_encode_metadata(r, format, &metadata, out);
}

void raster_encode_metadata(const struct raster *r, enum sfx_image_format format,
                            const struct sfx_metadata *metadata, struct sfx_buf *out)
{
    const struct sfx_encode_opts opts = {.quality = 95, .compression = 1};

    raster_encode_with(r, format, &opts, metadata, out);
}

void raster_encode_with(const struct raster *r, enum sfx_image_format format,
                        const struct sfx_encode_opts *opts, const struct sfx_metadata *metadata,
                        struct sfx_buf *out)
{
    const struct sfx_encode_params params = {
        .format = format,
        .width_px = r->width_px,
        .height_px = r->height_px,
        .layout = r->layout,
        .depth = r->depth,
        .opts = opts,
        .metadata = metadata != NULL ? *metadata : (struct sfx_metadata){.icc = {NULL, 0}},
    };
    struct sfx_image_sink sink = {write_memory, out};
    struct sfx_planes planes;
    struct sfx_encoder *enc = sfx_encoder_new(&params, &sink, &planes, NULL);
    uint8_t *pointers[16];
    uint8_t *const *rows[1] = {pointers};
    uint32_t y, i;

    assert_non_null(enc);
    for (y = 0; y < r->height_px; y += planes.plane[0].band_rows) {
        for (i = 0; i < planes.plane[0].band_rows; i++) {
            uint32_t row = y + i < r->height_px ? y + i : r->height_px - 1;

            pointers[i] = r->data + row * r->row_nbytes;
        }
        assert_int_equal(sfx_encoder_write(enc, rows, NULL), 0);
    }
    assert_int_equal(sfx_encoder_finish(enc, NULL), 0);
    sfx_encoder_free(enc);
}

struct raster raster_decode(struct sfx_slice encoded)
{
    struct memory memory = {encoded, 0};
    struct sfx_image_source source = {read_memory, &memory};
    const struct sfx_decode_wish wish = {0};
    struct sfx_planes planes;
    struct sfx_err err;
    struct sfx_decoder *dec = sfx_decoder_new(&source, NULL, &err);
    struct raster r;
    uint32_t y;

    if (dec == NULL)
        fail_msg("%s", err.text);
    if (sfx_decoder_start(dec, &wish, &planes, &err) < 0)
        fail_msg("%s", err.text);
    r = raster_new(planes.plane[0].width_px, planes.plane[0].height_px, planes.layout,
                   planes.depth);
    for (y = 0; y < r.height_px; y++) {
        uint8_t *row = r.data + y * r.row_nbytes;
        uint8_t *const *rows[1] = {&row};

        if (sfx_decoder_read(dec, rows, &err) < 0)
            fail_msg("%s", err.text);
    }
    sfx_decoder_free(dec);
    return r;
}

static int open_memory(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    struct sfx_buf *outputs = ctx;

    (void)err;
    *sink = (struct sfx_image_sink){write_memory, &outputs[facts->index]};
    return 0;
}

int resize_memory(struct sfx_slice in, size_t at_once, const struct sfx_resize_opts *opts,
                  struct sfx_buf *outputs, struct sfx_err *err)
{
    struct memory memory = {in, at_once};
    struct sfx_image_source source = {read_memory, &memory};
    struct sfx_resize_target target = {open_memory, outputs};

    return sfx_resize(&source, opts, &target, err);
}

struct sfx_resize_opts resize_opts(struct sfx_resize_output *outputs, const char *const *sizes,
                                   size_t n, enum sfx_image_format format)
{
    size_t i;

    for (i = 0; i < n; i++) {
        outputs[i] = (struct sfx_resize_output){.format = format};
        if (sizes[i] != NULL)
            assert_int_equal(sfx_geometry_parse(sfx_slice_str(sizes[i]), &outputs[i].size, NULL),
                             0);
    }
    return (struct sfx_resize_opts){.outputs = outputs,
                                    .noutputs = n,
                                    .encode = {.quality = 95, .compression = 1},
                                    .keep = SFX_KEEP_ICC,
                                    .background = {255, 255, 255}};
}
