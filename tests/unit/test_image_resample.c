/* SPDX-License-Identifier: MIT */
/* The resampler against a reference in double precision, and its variants against each other. */
#include "base/cpu.h"
#include "image/resample_internal.h"
#include "image/scaler.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static double lanczos3(double x)
{
    x = fabs(x);
    if (x < 1e-9)
        return 1;
    return x < 3 ? 3 * sin(M_PI * x) * sin(M_PI * x / 3) / (M_PI * M_PI * x * x) : 0;
}

/* One axis in double precision: nsrc samples, step apart, spanning span, to ndst. */
static void reference_axis(const double *src, size_t nsrc, size_t step, double span, double *dst,
                           size_t ndst, size_t dst_step)
{
    double ratio = span / (double)ndst, scale = ratio > 1 ? ratio : 1;
    size_t i, k;

    for (i = 0; i < ndst; i++) {
        double centre = ((double)i + 0.5) * ratio - 0.5, sum = 0, weights = 0;

        for (k = 0; k < nsrc; k++) {
            double w = lanczos3(((double)k - centre) / scale);

            sum += w * src[k * step];
            weights += w;
        }
        dst[i * dst_step] = sum / weights;
    }
}

static double *reference(const double *src, size_t w, size_t h, size_t dw, size_t dh)
{
    double *half = calloc(w * dh, sizeof(*half)), *out = calloc(dw * dh, sizeof(*out));
    size_t i;

    assert_true(half != NULL && out != NULL);
    for (i = 0; i < w; i++)
        reference_axis(src + i, h, w, (double)h, half + i, dh, w);
    for (i = 0; i < dh; i++)
        reference_axis(half + i * w, w, 1, (double)w, out + i * dw, dw, 1);
    free(half);
    return out;
}

/* Runs w x h pixels (8 bits or float, interleaved) through a scaler. */
static void scale(const void *src, uint32_t w, uint32_t h, unsigned channels, bool real, void *dst,
                  uint32_t dw, uint32_t dh)
{
    const struct sfx_plane from = {w, h, w, h, w, 1}, to = {dw, dh, dw, dh, dw, 1};
    size_t sample = real ? sizeof(float) : 1, y;
    struct sfx_scaler s = {0};
    struct sfx_ring ring;

    assert_int_equal(
        sfx_scaler_init(&s, &from, &to,
                        &(struct sfx_scaler_part){.shown = {0, 0, 1, 1}, .seen = {0, 0, 1, 1}},
                        channels, real, sfx_orient_of(1), NULL),
        0);
    assert_int_equal(sfx_ring_init(&ring, w * channels * sample, h, NULL), 0);
    for (y = 0; y < h; y++)
        memcpy(sfx_ring_row(&ring, (uint32_t)y), (const char *)src + y * w * channels * sample,
               w * channels * sample);
    ring.rows_in = h;
    assert_int_equal(sfx_scaler_reach(&s, 0, h), dh);
    for (y = 0; y < dh; y++)
        sfx_scaler_row(&s, &ring, (char *)dst + y * dw * channels * sample);
    sfx_ring_done(&ring);
    sfx_scaler_done(&s);
}

/* A picture with edges, slopes and grain. */
static uint8_t *draw(size_t w, size_t h)
{
    uint8_t *px = malloc(w * h);
    size_t x, y;

    assert_non_null(px);
    for (y = 0; y < h; y++)
        for (x = 0; x < w; x++)
            px[y * w + x] = (uint8_t)((x / 17 + y / 11) % 2 ? 230 - x % 40 + next_random() % 20
                                                            : 20 + y % 60 + next_random() % 30);
    return px;
}

/* PSNR of 8-bit output against the reference, which is clipped as pixels are. */
static double psnr(const uint8_t *got, const double *want, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        double w = want[i] < 0 ? 0 : want[i] > 255 ? 255 : floor(want[i] + 0.5);

        sum += (got[i] - w) * (got[i] - w);
    }
    return sum > 0 ? 10 * log10(255.0 * 255.0 / (sum / (double)n)) : 999;
}

static void resampling_is_as_good_as_in_double_precision(void **state)
{
    static const uint32_t sizes[][4] = {
        {301, 203, 80, 59}, {301, 203, 301, 100}, {64, 48, 201, 150},
        {500, 333, 17, 11}, {97, 5, 33, 9},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const uint32_t *s = sizes[i];
        size_t n = (size_t)s[0] * s[1], dn = (size_t)s[2] * s[3];
        uint8_t *px = draw(s[0], s[1]), *got = malloc(dn);
        double *exact = calloc(n, sizeof(*exact)), *want;
        float *real = calloc(n, sizeof(*real)), *real_got = calloc(dn, sizeof(*real_got));

        assert_true(got != NULL && exact != NULL && real != NULL && real_got != NULL);
        for (k = 0; k < n; k++)
            real[k] = (float)(exact[k] = px[k]);
        want = reference(exact, s[0], s[1], s[2], s[3]);
        scale(px, s[0], s[1], 1, false, got, s[2], s[3]);
        if (psnr(got, want, dn) < 65)
            fail_msg("%ux%u to %ux%u: %.1f dB", s[0], s[1], s[2], s[3], psnr(got, want, dn));
        scale(real, s[0], s[1], 1, true, real_got, s[2], s[3]);
        for (k = 0; k < dn; k++)
            assert_true(fabs(real_got[k] - want[k]) < 0.01);
        free(px);
        free(got);
        free(exact);
        free(want);
        free(real);
        free(real_got);
    }
}

static void constant_images_stay_constant(void **state)
{
    static const uint32_t sides[] = {1, 2, 3, 7, 31, 64, 100, 255};
    uint8_t src[255 * 3], dst[255 * 3];
    size_t i, k, c;

    (void)state;
    for (i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        for (k = 0; k < sizeof(sides) / sizeof(sides[0]); k++)
            for (c = 0; c < 3; c++) {
                static const uint8_t values[] = {0, 137, 255};

                memset(src, values[c], sizeof(src));
                scale(src, sides[i], 1, 3, false, dst, sides[k], 1);
                memset(src, values[c], sizeof(src));
                assert_memory_equal(dst, src, sides[k] * 3);
            }
}

static void extreme_shapes_work(void **state)
{
    enum { LONGEST = 65500 };
    uint8_t *row = malloc(LONGEST), one = 0;
    size_t i;

    (void)state;
    assert_non_null(row);
    for (i = 0; i < LONGEST; i++)
        row[i] = (uint8_t)(i % 2 ? 100 : 50);
    scale(row, LONGEST, 1, 1, false, &one, 1, 1);
    assert_in_range(one, 74, 76);
    scale(row, 1, LONGEST, 1, false, &one, 1, 1);
    assert_in_range(one, 74, 76);
    one = 42;
    scale(&one, 1, 1, 1, false, row, LONGEST, 1);
    for (i = 0; i < LONGEST; i++)
        assert_int_equal(row[i], 42);
    free(row);
}

static void equal_sizes_give_the_same_samples(void **state)
{
    uint8_t *px = draw(100, 41), out[100 * 41];

    (void)state;
    scale(px, 100, 41, 1, false, out, 100, 41);
    assert_memory_equal(px, out, sizeof(out));
    scale(px, 25, 41, 4, false, out, 25, 41);
    assert_memory_equal(px, out, sizeof(out));
    free(px);
}

/* A ramp shows where an output sample lies: half of 2725 samples is 1362.5, though 1363 come. */
static void fractional_spans_keep_their_place(void **state)
{
    const struct sfx_axis axis = {
        .src_count = 1363, .src_span = 1362.5, .dst_count = 720, .dst_span = 720};
    struct sfx_weights w;
    uint32_t i, k;

    (void)state;
    assert_int_equal(sfx_weights_init(&w, &axis, true, NULL), 0);
    for (i = 10; i < 710; i++) {
        double at = 0;

        for (k = 0; k < w.ntaps[i]; k++)
            at += (double)w.real[(size_t)i * w.stride + k] * (w.first[i] + k);
        assert_true(fabs(at - ((i + 0.5) * 1362.5 / 720 - 0.5)) < 0.01);
    }
    sfx_weights_done(&w);
}

static void mirrored_axes_are_the_same_backwards(void **state)
{
    struct sfx_axis axis = {.src_count = 77, .src_span = 77, .dst_count = 30, .dst_span = 30};
    struct sfx_weights forth, back;
    uint32_t i, k;

    (void)state;
    assert_int_equal(sfx_weights_init(&forth, &axis, true, NULL), 0);
    axis.mirror = true;
    assert_int_equal(sfx_weights_init(&back, &axis, true, NULL), 0);
    for (i = 0; i < 30; i++) {
        assert_int_equal(back.first[i], forth.first[29 - i]);
        for (k = 0; k < forth.ntaps[29 - i]; k++)
            assert_true(fabsf(back.real[i * back.stride + k] -
                              forth.real[(29 - i) * forth.stride + k]) < 1e-5f);
    }
    sfx_weights_done(&forth);
    sfx_weights_done(&back);
}

static void fixed_weights_add_up_to_one(void **state)
{
    uint32_t n, i, k;

    (void)state;
    for (n = 1; n < 400; n += 13) {
        const struct sfx_axis axis = {
            .src_count = 200, .src_span = 199.5, .dst_count = n, .dst_span = n - 0.5};
        struct sfx_weights w;

        assert_int_equal(sfx_weights_init(&w, &axis, false, NULL), 0);
        for (i = 0; i < n; i++) {
            int sum = 0;

            assert_true(w.first[i] + w.ntaps[i] <= 200);
            for (k = 0; k < w.stride; k++)
                sum += w.fixed[(size_t)i * w.stride + k];
            assert_int_equal(sum, 1 << SFX_WEIGHTS_BITS);
        }
        sfx_weights_done(&w);
    }
}

/* Memory whose last byte is the last that may be touched. */
static void *guarded(size_t nbytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (nbytes + page - 1) / page * page;
    char *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + size, page, PROT_NONE), 0);
    return map + size - nbytes;
}

static void unguard(void *ptr, size_t nbytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (nbytes + page - 1) / page * page;

    assert_int_equal(munmap((char *)ptr + nbytes - size, size + page), 0);
}

/* The best variant and the portable one on n samples and ntaps rows that end at a guard page. */
static void compare_vertical(const struct sfx_resample *best, size_t n, size_t ntaps)
{
    const uint8_t *rows[8];
    const float *real_rows[8];
    int16_t w[8], *a = guarded(n * 2), *b = guarded(n * 2);
    float real_w[8], *ra = guarded(n * 4), *rb = guarded(n * 4);
    size_t i, k;

    for (k = 0; k < ntaps; k++) {
        uint8_t *row = guarded(n);
        float *real_row = guarded(n * 4);

        for (i = 0; i < n; i++)
            real_row[i] = row[i] = (uint8_t)next_random();
        rows[k] = row;
        real_rows[k] = real_row;
        w[k] = (int16_t)(next_random() % 4000 - 1000);
        real_w[k] = w[k] / 16384.0f;
    }
    best->vertical_u8(rows, w, ntaps, a, n);
    sfx_resample_portable.vertical_u8(rows, w, ntaps, b, n);
    assert_memory_equal(a, b, n * 2);
    best->vertical_f32(real_rows, real_w, ntaps, ra, n);
    sfx_resample_portable.vertical_f32(real_rows, real_w, ntaps, rb, n);
    assert_memory_equal(ra, rb, n * 4);
    for (k = 0; k < ntaps; k++) {
        unguard((void *)rows[k], n);
        unguard((void *)real_rows[k], n * 4);
    }
    unguard(a, n * 2);
    unguard(b, n * 2);
    unguard(ra, n * 4);
    unguard(rb, n * 4);
}

/* n outputs of `stride` taps each, `step` apart. */
static void compare_horizontal(const struct sfx_resample *best, size_t n, size_t stride,
                               size_t step)
{
    size_t nsrc = stride + 2 * n, ndst = (n - 1) * step + 1, i;
    int16_t *src = guarded(nsrc * 2), *w = guarded(n * stride * 2);
    float *real_src = guarded(nsrc * 4), *real_w = guarded(n * stride * 4);
    uint8_t *a = guarded(ndst), *b = guarded(ndst);
    float *ra = guarded(ndst * 4), *rb = guarded(ndst * 4);
    uint32_t *first = calloc(n, sizeof(*first));

    assert_non_null(first);
    for (i = 0; i < nsrc; i++)
        real_src[i] = src[i] = (int16_t)(next_random() % 20000 - 2000);
    for (i = 0; i < n * stride; i++)
        real_w[i] = w[i] = (int16_t)(next_random() % 1500 - 500);
    for (i = 0; i < n; i++)
        first[i] = (uint32_t)(2 * i + 2);
    memset(a, 7, ndst);
    memset(b, 7, ndst);
    best->horizontal_u8(src, first, w, stride, a, step, n);
    sfx_resample_portable.horizontal_u8(src, first, w, stride, b, step, n);
    assert_memory_equal(a, b, ndst);
    best->horizontal_f32(real_src, first, real_w, stride / 2, ra, step, n);
    sfx_resample_portable.horizontal_f32(real_src, first, real_w, stride / 2, rb, step, n);
    for (i = 0; i < n; i++)
        assert_memory_equal(&ra[i * step], &rb[i * step], 4);
    free(first);
    unguard(src, nsrc * 2);
    unguard(w, n * stride * 2);
    unguard(real_src, nsrc * 4);
    unguard(real_w, n * stride * 4);
    unguard(a, ndst);
    unguard(b, ndst);
    unguard(ra, ndst * 4);
    unguard(rb, ndst * 4);
}

static void compare_split(const struct sfx_resample *best, size_t n, size_t channels)
{
    int16_t *src = guarded(n * channels * 2), *a[4] = {0}, *b[4] = {0};
    float *real_src = guarded(n * channels * 4), *ra[4] = {0}, *rb[4] = {0};
    size_t i, c;

    for (i = 0; i < n * channels; i++)
        real_src[i] = src[i] = (int16_t)next_random();
    for (c = 0; c < channels; c++) {
        a[c] = guarded(n * 2);
        b[c] = guarded(n * 2);
        ra[c] = guarded(n * 4);
        rb[c] = guarded(n * 4);
    }
    best->split_i16(src, n, channels, a);
    sfx_resample_portable.split_i16(src, n, channels, b);
    best->split_f32(real_src, n, channels, ra);
    sfx_resample_portable.split_f32(real_src, n, channels, rb);
    for (c = 0; c < channels; c++) {
        assert_memory_equal(a[c], b[c], n * 2);
        assert_memory_equal(ra[c], rb[c], n * 4);
        unguard(a[c], n * 2);
        unguard(b[c], n * 2);
        unguard(ra[c], n * 4);
        unguard(rb[c], n * 4);
    }
    unguard(src, n * channels * 2);
    unguard(real_src, n * channels * 4);
}

/* Alphas of all kinds, and float values beyond both ends, as kernels with negative lobes make them.
 */
static void compare_rgba8(const struct sfx_resample *variant, size_t n)
{
    uint8_t *src = guarded(n * 4), *a = guarded(n * 4), *b = guarded(n * 4);
    float *ra = guarded(n * 16), *rb = guarded(n * 16);
    size_t i;

    for (i = 0; i < n * 4; i++)
        src[i] = (uint8_t)(i % 4 == 3 && next_random() % 3 == 0 ? 0 : next_random());
    variant->load_rgba8(src, n, ra);
    sfx_resample_portable.load_rgba8(src, n, rb);
    assert_memory_equal(ra, rb, n * 16);
    variant->store_rgba8(ra, n, a);
    for (i = 0; i < n * 4; i++)
        assert_int_equal(a[i], src[i / 4 * 4 + 3] > 0 ? src[i] : 0);
    for (i = 0; i < n * 4; i++)
        ra[i] = (float)(next_random() % 400) - 50 + (float)(next_random() % 64) / 64;
    variant->store_rgba8(ra, n, a);
    sfx_resample_portable.store_rgba8(ra, n, b);
    assert_memory_equal(a, b, n * 4);
    unguard(src, n * 4);
    unguard(a, n * 4);
    unguard(b, n * 4);
    unguard(ra, n * 16);
    unguard(rb, n * 16);
}

static void compare(const struct sfx_resample *variant)
{
    static const size_t lengths[] = {1,  2,  7,  8,  9,  15,  16,  17,  31,
                                     32, 33, 63, 64, 65, 100, 127, 129, 1000};
    size_t i, k;

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        compare_rgba8(variant, lengths[i]);
        for (k = 1; k <= 8; k++)
            compare_vertical(variant, lengths[i], k);
        for (k = 1; k <= 4; k++) {
            compare_horizontal(variant, lengths[i], 16 * k, k);
            if (k > 1)
                compare_split(variant, lengths[i], k);
        }
    }
}

static void every_variant_gives_the_same_bits(void **state)
{
    const struct sfx_resample *const *v;

    (void)state;
    for (v = sfx_resample_variants; *v != NULL; v++)
        if (((*v)->needs & sfx_cpu_features()) == (*v)->needs)
            compare(*v);
}

static void lesser_processors_get_lesser_loops(void **state)
{
    const struct sfx_resample *const *v;

    (void)state;
    for (v = sfx_resample_variants; *v != NULL; v++) {
        sfx_cpu_force((*v)->needs);
        if (sfx_cpu_features() == (*v)->needs)
            assert_int_equal(sfx_resample_best()->needs, (*v)->needs);
    }
    sfx_cpu_force(~0u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampling_is_as_good_as_in_double_precision),
        cmocka_unit_test(constant_images_stay_constant),
        cmocka_unit_test(extreme_shapes_work),
        cmocka_unit_test(equal_sizes_give_the_same_samples),
        cmocka_unit_test(fractional_spans_keep_their_place),
        cmocka_unit_test(mirrored_axes_are_the_same_backwards),
        cmocka_unit_test(fixed_weights_add_up_to_one),
        cmocka_unit_test(every_variant_gives_the_same_bits),
        cmocka_unit_test(lesser_processors_get_lesser_loops),
    };

    return cmocka_run_group_tests_name("image_resample", tests, NULL, NULL);
}
