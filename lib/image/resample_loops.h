/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of a variant, written once. A file defines its operations, then includes this.
 *
 *   LOOPS, REAL_LOOPS  function attributes: the targets of the loops over integers and over float
 *   REAL_LANES         float in a register of REAL_LOOPS: 4 or 8
 *   NEEDS, VARIANT     what the variant is in the table of variants
 *   STEP, ROWS         samples that struct sums adds up, a power of two, and rows at once, 1 or 2
 *   struct sums        STEP 32-bit sums: sums_start(), all half of the last bit;
 *                      sums_add(sums, rows, w, at): adds the samples at column at of ROWS rows,
 *                      each times its w; sums_store(sums, dst): to 6 fractional bits
 *   PARTS, parts       32-bit parts of one sum, of PARTS taps at once (8 or 16): parts_start(),
 *                      zero; parts_add(parts, samples, w): with PARTS products more;
 *                      parts_join(a, b, c, d): four sums, rounded, clipped, a byte each
 *   split_three(src, n, dst): takes three channels apart, as many pixels as it likes; returns how
 *                      many
 *
 * What works on float needs no operations: it is written in vectors as compilers know them.
 */
#include "image/resample_internal.h"

typedef float reals __attribute__((vector_size(4 * REAL_LANES)));
typedef float reals_at __attribute__((vector_size(4 * REAL_LANES), aligned(4), may_alias));
typedef float four __attribute__((vector_size(16)));
typedef float four_at __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(16)));
typedef uint16_t words __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint8_t bytes_at __attribute__((vector_size(16), aligned(1), may_alias));

#define LOAD_REALS(ptr)     (*(const reals_at *)(const void *)(ptr))
#define STORE_REALS(ptr, v) (*(reals_at *)(void *)(ptr) = (v))
#define LOAD_FOUR(ptr)      (*(const four_at *)(const void *)(ptr))
#define STORE_FOUR(ptr, v)  (*(four_at *)(void *)(ptr) = (v))

/* Makes columns of four rows of four. */
#define TRANSPOSE(row)                                                                             \
    do {                                                                                           \
        const four ab02_ = __builtin_shufflevector((row)[0], (row)[1], 0, 4, 1, 5);                \
        const four ab13_ = __builtin_shufflevector((row)[0], (row)[1], 2, 6, 3, 7);                \
        const four cd02_ = __builtin_shufflevector((row)[2], (row)[3], 0, 4, 1, 5);                \
        const four cd13_ = __builtin_shufflevector((row)[2], (row)[3], 2, 6, 3, 7);                \
        (row)[0] = __builtin_shufflevector(ab02_, cd02_, 0, 1, 4, 5);                              \
        (row)[1] = __builtin_shufflevector(ab02_, cd02_, 2, 3, 6, 7);                              \
        (row)[2] = __builtin_shufflevector(ab13_, cd13_, 0, 1, 4, 5);                              \
        (row)[3] = __builtin_shufflevector(ab13_, cd13_, 2, 3, 6, 7);                              \
    } while (0)

LOOPS static void vertical_u8_step(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                                   size_t at, int16_t *restrict dst)
{
    struct sums sums = sums_start();
    size_t k;

    for (k = 0; k + ROWS <= ntaps; k += ROWS)
        sums_add(&sums, rows + k, w + k, at);
    if (k < ntaps) {
        const uint8_t *const last[2] = {rows[k], rows[k]};
        const int16_t last_w[2] = {w[k], 0};

        sums_add(&sums, last, last_w, at);
    }
    sums_store(&sums, dst + at);
}

LOOPS static void vertical_u8(const uint8_t *const *rows, const int16_t *w, size_t ntaps,
                              int16_t *restrict dst, size_t n)
{
    size_t i;

    if (n < STEP) {
        sfx_resample_portable.vertical_u8(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + STEP <= n; i += STEP)
        vertical_u8_step(rows, w, ntaps, i, dst);
    /* The rest, by a step that overlaps what is done. */
    if (i < n)
        vertical_u8_step(rows, w, ntaps, n - STEP, dst);
}

#define REAL_STEP (4 * REAL_LANES)

/* REAL_STEP samples at column `at`. */
REAL_LOOPS static void vertical_f32_step(const float *const *rows, const float *w, size_t ntaps,
                                         size_t at, float *restrict dst)
{
    reals s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    size_t k;

    for (k = 0; k < ntaps; k++) {
        const float *row = rows[k] + at;

        s0 += LOAD_REALS(row) * w[k];
        s1 += LOAD_REALS(row + REAL_LANES) * w[k];
        s2 += LOAD_REALS(row + 2 * REAL_LANES) * w[k];
        s3 += LOAD_REALS(row + 3 * REAL_LANES) * w[k];
    }
    STORE_REALS(dst + at, s0);
    STORE_REALS(dst + at + REAL_LANES, s1);
    STORE_REALS(dst + at + 2 * REAL_LANES, s2);
    STORE_REALS(dst + at + 3 * REAL_LANES, s3);
}

REAL_LOOPS static void vertical_f32(const float *const *rows, const float *w, size_t ntaps,
                                    float *restrict dst, size_t n)
{
    size_t i;

    if (n < REAL_STEP) {
        sfx_resample_portable.vertical_f32(rows, w, ntaps, dst, n);
        return;
    }
    for (i = 0; i + REAL_STEP <= n; i += REAL_STEP)
        vertical_f32_step(rows, w, ntaps, i, dst);
    if (i < n)
        vertical_f32_step(rows, w, ntaps, n - REAL_STEP, dst);
}

LOOPS static inline parts parts_of(const int16_t *at, const int16_t *w, size_t stride)
{
    parts sum = parts_start();
    size_t k;

    for (k = 0; k < stride; k += PARTS)
        sum = parts_add(sum, at + k, w + k);
    return sum;
}

LOOPS static inline void horizontal_u8_of(const int16_t *restrict src, const uint32_t *first,
                                          const int16_t *w, size_t stride, uint8_t *restrict dst,
                                          size_t step, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4, w += 4 * stride, dst += 4 * step) {
        const uint32_t joined = parts_join(parts_of(src + first[i], w, stride),
                                           parts_of(src + first[i + 1], w + stride, stride),
                                           parts_of(src + first[i + 2], w + 2 * stride, stride),
                                           parts_of(src + first[i + 3], w + 3 * stride, stride));

        dst[0] = (uint8_t)joined;
        dst[step] = (uint8_t)(joined >> 8);
        dst[2 * step] = (uint8_t)(joined >> 16);
        dst[3 * step] = (uint8_t)(joined >> 24);
    }
    if (i < n)
        sfx_resample_portable.horizontal_u8(src, first + i, w, stride, dst, step, n - i);
}

/* Sums of few taps are unrolled: most images become smaller by less than 5. */
LOOPS static void horizontal_u8(const int16_t *restrict src, const uint32_t *first,
                                const int16_t *w, size_t stride, uint8_t *restrict dst, size_t step,
                                size_t n)
{
    if (stride == 16)
        horizontal_u8_of(src, first, w, 16, dst, step, n);
    else if (stride == 32)
        horizontal_u8_of(src, first, w, 32, dst, step, n);
    else
        horizontal_u8_of(src, first, w, stride, dst, step, n);
}

/* Of the eight lanes in which a sum is made, those of n and n + 4 together. */
REAL_LOOPS static inline four halves_of(const float *at, const float *w, size_t stride)
{
    size_t k;
#if REAL_LANES == 8
    reals sum = {0};

    for (k = 0; k < stride; k += 8)
        sum += LOAD_REALS(at + k) * LOAD_REALS(w + k);
    return __builtin_shufflevector(sum, sum, 0, 1, 2, 3) +
           __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
#else
    four low = {0}, high = {0};

    for (k = 0; k < stride; k += 8) {
        low += LOAD_FOUR(at + k) * LOAD_FOUR(w + k);
        high += LOAD_FOUR(at + k + 4) * LOAD_FOUR(w + k + 4);
    }
    return low + high;
#endif
}

REAL_LOOPS static void horizontal_f32(const float *restrict src, const uint32_t *first,
                                      const float *w, size_t stride, float *restrict dst,
                                      size_t step, size_t n)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4, w += 4 * stride, dst += 4 * step) {
        four sums[4] = {halves_of(src + first[i], w, stride),
                        halves_of(src + first[i + 1], w + stride, stride),
                        halves_of(src + first[i + 2], w + 2 * stride, stride),
                        halves_of(src + first[i + 3], w + 3 * stride, stride)};

        TRANSPOSE(sums);
        sums[0] = (sums[0] + sums[2]) + (sums[1] + sums[3]);
        dst[0] = sums[0][0];
        dst[step] = sums[0][1];
        dst[2 * step] = sums[0][2];
        dst[3 * step] = sums[0][3];
    }
    if (i < n)
        sfx_resample_portable.horizontal_f32(src, first + i, w, stride, dst, step, n - i);
}

LOOPS static void split_i16(const int16_t *restrict src, size_t n, size_t channels,
                            int16_t *const *dst)
{
    size_t done = channels == 3 ? split_three(src, n, dst) : 0;
    int16_t *rest[4] = {0};
    size_t c;

    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + done;
    sfx_resample_portable.split_i16(src + done * channels, n - done, channels, rest);
}

REAL_LOOPS static void split_f32(const float *restrict src, size_t n, size_t channels,
                                 float *const *dst)
{
    size_t i, c;
    float *rest[4] = {0};

    for (i = 0; channels == 4 && i + 4 <= n; i += 4) {
        const float *at = src + 4 * i;
        four row[4] = {LOAD_FOUR(at), LOAD_FOUR(at + 4), LOAD_FOUR(at + 8), LOAD_FOUR(at + 12)};

        TRANSPOSE(row);
        for (c = 0; c < 4; c++)
            STORE_FOUR(dst[c] + i, row[c]);
    }
    for (c = 0; c < channels; c++)
        rest[c] = dst[c] + i;
    sfx_resample_portable.split_f32(src + i * channels, n - i, channels, rest);
}

/* A pixel: its alpha in all lanes; `other` in the lane of alpha. */
#define ALPHA(v)             __builtin_shufflevector(v, v, 3, 3, 3, 3)
#define WITH_ALPHA(v, other) __builtin_shufflevector(v, other, 0, 1, 2, 7)

/* Halves of two vectors in turns, and what stands at even places in both. */
#define LOW_BYTES(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_BYTES(a, b)                                                                           \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN_BYTES(a, b)                                                                           \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define LOW_WORDS(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_WORDS(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN_WORDS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)

REAL_LOOPS static inline void load_pixel(words pixel, float *dst)
{
    const four ones = {1, 1, 1, 1}, value = __builtin_convertvector((ints)pixel, four);

    STORE_FOUR(dst, value * WITH_ALPHA(ALPHA(value) * (1 / 255.0f), ones));
}

/* Zeros are laid between the bytes of four pixels, twice. */
REAL_LOOPS static void load_rgba8(const uint8_t *restrict src, size_t n, float *restrict dst)
{
    const words zero = {0};
    size_t i;

    for (i = 0; i + 4 <= n; i += 4, dst += 16) {
        const bytes b = *(const bytes_at *)(const void *)(src + 4 * i);
        const words low = (words)LOW_BYTES(b, (bytes)zero),
                    high = (words)HIGH_BYTES(b, (bytes)zero);

        load_pixel(LOW_WORDS(low, zero), dst);
        load_pixel(HIGH_WORDS(low, zero), dst + 4);
        load_pixel(LOW_WORDS(high, zero), dst + 8);
        load_pixel(HIGH_WORDS(high, zero), dst + 12);
    }
    sfx_resample_portable.load_rgba8(src + 4 * i, n - i, dst);
}

/* To 0 … 255, as the reference compares. */
REAL_LOOPS static inline four clip(four v)
{
    const four most = {255, 255, 255, 255};
    const ints above = v > most;

    v = (four)((ints)v & ~(v < 0));
    return (four)(((ints)most & above) | ((ints)v & ~above));
}

/* A pixel's samples, each in the lower half of its lane. */
REAL_LOOPS static inline words store_pixel(const float *src)
{
    const four v = LOAD_FOUR(src), alpha = clip(ALPHA(v)) / 255;
    const four straight = v * (four)((ints)(1 / alpha) & (alpha > 0));
    const four value = clip(WITH_ALPHA(straight, alpha * 255)) + 0.5f;

    return (words) __builtin_convertvector(value, ints);
}

REAL_LOOPS static void store_rgba8(const float *restrict src, size_t n, uint8_t *restrict dst)
{
    size_t i;

    for (i = 0; i + 4 <= n; i += 4, src += 16) {
        const words low = EVEN_WORDS(store_pixel(src), store_pixel(src + 4));
        const words high = EVEN_WORDS(store_pixel(src + 8), store_pixel(src + 12));

        *(bytes_at *)(void *)(dst + 4 * i) = EVEN_BYTES((bytes)low, (bytes)high);
    }
    sfx_resample_portable.store_rgba8(src, n - i, dst + 4 * i);
}

const struct sfx_resample VARIANT = {
    .needs = NEEDS,
    .vertical_u8 = vertical_u8,
    .vertical_f32 = vertical_f32,
    .split_i16 = split_i16,
    .split_f32 = split_f32,
    .horizontal_u8 = horizontal_u8,
    .horizontal_f32 = horizontal_f32,
    .load_rgba8 = load_rgba8,
    .store_rgba8 = store_rgba8,
};
