/* SPDX-License-Identifier: MIT */
/* Blurhashes and tiny JPEGs. */
#include "image/placeholder.h"

#include "base/text.h"
#include "image/decoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_SIDE   32 /* a wave of a blurhash has at most four periods: 32 samples say it well */
#define LQIP_SIDE    16
#define LQIP_QUALITY 50

/* A side of a box, scaled so that the longer one is SMALL_SIDE. */
static uint32_t scaled(uint32_t side, uint32_t longer)
{
    uint32_t px = (uint32_t)(((uint64_t)side * SMALL_SIDE + longer / 2) / longer);

    return px > 0 ? px : 1;
}

struct sfx_resize_output sfx_placeholder_output(const struct sfx_resize_output *like)
{
    struct sfx_resize_output out = *like;
    struct sfx_geometry *size = &out.size;

    out.format = SFX_IMAGE_JPEG;
    if (size->width_px > 0 && size->height_px > 0) {
        uint32_t longer = size->width_px > size->height_px ? size->width_px : size->height_px;

        size->width_px = scaled(size->width_px, longer);
        size->height_px = scaled(size->height_px, longer);
    } else {
        size->width_px = size->height_px = SMALL_SIDE;
    }
    size->percent = 0;
    /* Of what would be larger than the box, or be cut out of it at its own scale. */
    if (size->fit == SFX_FIT_OUTSIDE)
        size->fit = SFX_FIT_INSIDE;
    else if (size->fit == SFX_FIT_NONE)
        size->fit = SFX_FIT_COVER;
    return out;
}

static ssize_t read_slice(void *ctx, void *ptr, size_t cap, struct sfx_err *err)
{
    struct sfx_slice *left = ctx;
    size_t n = left->len < cap ? left->len : cap;

    (void)err;
    if (n > 0)
        memcpy(ptr, left->ptr, n);
    *left = sfx_slice(left->ptr + n, left->len - n);
    return (ssize_t)n;
}

/* --- blurhash */

/* Samples of an image, linear. */
struct samples {
    uint32_t width_px, height_px;
    float *rgb; /* owned: 3 a pixel */
};

static float linear_of(uint8_t value)
{
    float v = (float)value / 255.0F;

    return v <= 0.04045F ? v / 12.92F : powf((v + 0.055F) / 1.055F, 2.4F);
}

static int srgb_of(float value)
{
    float v = value < 0 ? 0 : value > 1 ? 1 : value;

    return (int)((v <= 0.0031308F ? v * 12.92F : 1.055F * powf(v, 1 / 2.4F) - 0.055F) * 255.0F +
                 0.5F);
}

/* Reads interleaved 8-bit rows: gray or RGB, perhaps with alpha, which is left out. */
static int read_rows(struct sfx_decoder *dec, struct samples *s, struct sfx_err *err)
{
    static const struct sfx_decode_wish wish = {.planar = false};
    struct sfx_planes planes;
    uint8_t *rows[SMALL_SIDE], *band, *const *plane_rows[] = {rows};
    unsigned channels;
    uint32_t y, x, r;
    int c, rc = sfx_decoder_start(dec, &wish, &planes, err);

    if (rc < 0)
        return rc;
    channels = sfx_layout_channels(planes.layout);
    if (planes.count != 1 || planes.depth != 8 || planes.plane[0].band_rows > SMALL_SIDE)
        return sfx_err_set(err, SFX_E_UNSUPPORTED, "no placeholder of such samples");
    band = malloc((size_t)planes.plane[0].stride_px * channels * planes.plane[0].band_rows);
    s->rgb = calloc((size_t)s->width_px * s->height_px * 3, sizeof(float));
    if (band == NULL || s->rgb == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a placeholder");
    for (r = 0; r < planes.plane[0].band_rows && rc == 0; r++)
        rows[r] = band + (size_t)r * planes.plane[0].stride_px * channels;
    for (y = 0; y < s->height_px && rc == 0; y += planes.plane[0].band_rows) {
        rc = sfx_decoder_read(dec, plane_rows, err);
        for (r = 0; r < planes.plane[0].band_rows && y + r < s->height_px && rc == 0; r++)
            for (x = 0; x < s->width_px; x++)
                for (c = 0; c < 3; c++)
                    s->rgb[((size_t)(y + r) * s->width_px + x) * 3 + (size_t)c] =
                        linear_of(rows[r][x * channels + (channels >= 3 ? (unsigned)c : 0)]);
    }
    free(band);
    return rc;
}

static int read_samples(struct sfx_slice image, struct samples *s, struct sfx_err *err)
{
    const struct sfx_image_limits limits = {.max_side_px = SMALL_SIDE};
    const struct sfx_image_source source = {.read = read_slice, .ctx = &image};
    struct sfx_decoder *dec = sfx_decoder_new(&source, &limits, err);
    int rc;

    *s = (struct samples){.rgb = NULL};
    if (dec == NULL)
        return err != NULL ? (int)err->code : SFX_E_INPUT;
    s->width_px = sfx_decoder_info(dec)->width_px;
    s->height_px = sfx_decoder_info(dec)->height_px;
    rc = read_rows(dec, s, err);
    sfx_decoder_free(dec);
    return rc;
}

/* The weight of the wave with i periods across and j down. */
static void measure_wave(const struct samples *s, int i, int j, float out[3])
{
    float norm = i == 0 && j == 0 ? 1.0F : 2.0F;
    float per = norm / (float)((size_t)s->width_px * s->height_px);
    uint32_t x, y;
    int c;

    memset(out, 0, 3 * sizeof(*out));
    for (y = 0; y < s->height_px; y++) {
        float down = cosf((float)M_PI * (float)j * (float)y / (float)s->height_px);

        for (x = 0; x < s->width_px; x++) {
            float wave = down * cosf((float)M_PI * (float)i * (float)x / (float)s->width_px);

            for (c = 0; c < 3; c++)
                out[c] += wave * s->rgb[((size_t)y * s->width_px + x) * 3 + (size_t)c];
        }
    }
    for (c = 0; c < 3; c++)
        out[c] *= per;
}

static int put_base83(struct sfx_buf *out, int value, int ndigits, struct sfx_err *err)
{
    static const char digits[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
    char text[4];
    int i;

    for (i = ndigits - 1; i >= 0; i--, value /= 83)
        text[i] = digits[value % 83];
    return sfx_buf_append(out, text, (size_t)ndigits, err);
}

/* -9 to 9 as 0 to 18, finer near 0. */
static int quantise(float value, float most)
{
    int q = (int)floorf(copysignf(sqrtf(fabsf(value) / most), value) * 9.0F + 9.5F);

    return q < 0 ? 0 : q > 18 ? 18 : q;
}

static int put_hash(const struct samples *s, struct sfx_buf *out, struct sfx_err *err)
{
    int nx = s->height_px > s->width_px ? 3 : 4, ny = 7 - nx, n = nx * ny, i, c, q;
    float wave[12][3], most = 0;
    int rc;

    for (i = 0; i < n; i++) {
        measure_wave(s, i % nx, i / nx, wave[i]);
        for (c = 0; c < 3 && i > 0; c++)
            most = fmaxf(most, fabsf(wave[i][c]));
    }
    q = (int)floorf(most * 166.0F - 0.5F);
    q = q < 0 ? 0 : q > 82 ? 82 : q;
    most = (float)(q + 1) / 166.0F;
    rc = put_base83(out, nx - 1 + (ny - 1) * 9, 1, err);
    if (rc == 0)
        rc = put_base83(out, q, 1, err);
    if (rc == 0)
        rc = put_base83(out,
                        srgb_of(wave[0][0]) << 16 | srgb_of(wave[0][1]) << 8 | srgb_of(wave[0][2]),
                        4, err);
    for (i = 1; i < n && rc == 0; i++)
        rc = put_base83(out,
                        (quantise(wave[i][0], most) * 19 + quantise(wave[i][1], most)) * 19 +
                            quantise(wave[i][2], most),
                        2, err);
    return rc;
}

int sfx_placeholder_blurhash(struct sfx_slice image, struct sfx_buf *out, struct sfx_err *err)
{
    struct samples samples;
    int rc = read_samples(image, &samples, err);

    if (rc == 0)
        rc = put_hash(&samples, out, err);
    free(samples.rgb);
    return rc;
}

/* --- LQIP */

static int keep(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    return sfx_buf_append(ctx, ptr, len, err);
}

static int open_buffer(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    (void)facts;
    (void)err;
    *sink = (struct sfx_image_sink){keep, ctx};
    return 0;
}

int sfx_placeholder_lqip(struct sfx_slice image, struct sfx_buf *out, struct sfx_err *err)
{
    const struct sfx_resize_output output = {
        .size = {.width_px = LQIP_SIDE, .height_px = LQIP_SIDE}, .format = SFX_IMAGE_JPEG};
    const struct sfx_resize_opts opts = {
        .outputs = &output, .noutputs = 1, .encode = {.quality = LQIP_QUALITY, .optimize = true}};
    const struct sfx_image_source source = {.read = read_slice, .ctx = &image};
    struct sfx_buf jpeg = {0};
    const struct sfx_resize_target target = {open_buffer, &jpeg};
    int rc = sfx_resize(&source, &opts, &target, err);

    if (rc == 0)
        rc = sfx_buf_puts(out, "data:image/jpeg;base64,", err);
    if (rc == 0)
        rc = sfx_base64_encode(out, sfx_buf_slice(&jpeg), err);
    sfx_buf_done(&jpeg);
    return rc;
}
