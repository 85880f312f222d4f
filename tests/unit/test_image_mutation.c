/* SPDX-License-Identifier: MIT */
/*
 * Damaged images: whatever bytes of an image are changed, cut or repeated, it becomes outputs or an
 * error with a reason: no crash, no hang, and (under a sanitizer) no leak.
 *
 * Each format is mutated SFX_MUTATIONS times (default 1000); the same number gives the same images.
 */
#include "image/resize.h"
#include "tests/fuzz/fuzz_image.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_SEEDS   64
#define SEED_NBYTES 65536
#define HANG_S      30 /* of one image, also under sanitizers on a slow machine */

struct bytes {
    uint8_t data[SEED_NBYTES];
    size_t len;
};

static struct bytes seeds[MAX_SEEDS];
static size_t nseeds;

/* xorshift64* (Vigna 2016): the same sequence everywhere. */
static uint64_t state_of_random = 0x9e3779b97f4a7c15u;

static size_t below(size_t n)
{
    state_of_random ^= state_of_random >> 12;
    state_of_random ^= state_of_random << 25;
    state_of_random ^= state_of_random >> 27;
    return n > 0 ? (size_t)((state_of_random * 0x2545f4914f6cdd1du) >> 33) % n : 0;
}

static void load_seed(const char *path)
{
    static uint8_t text[4 * SEED_NBYTES];
    FILE *f = fopen(path, "rb");
    size_t len;

    assert_non_null(f);
    len = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    if (len > 2 * SEED_NBYTES || nseeds == MAX_SEEDS)
        return;
    seeds[nseeds].len = fuzz_unhex(text, len, seeds[nseeds].data);
    nseeds++;
}

static int load_seeds(void **state)
{
    const char *src = getenv("SFX_SRC") != NULL ? getenv("SFX_SRC") : getenv("srcdir");
    char folder[4096], path[8192];
    struct dirent *entry;
    DIR *dir;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/seeds/image", src);
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        load_seed(path);
    }
    (void)closedir(dir);
    return nseeds > 0 ? 0 : -1;
}

static int keep(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    struct bytes *out = ctx;

    if (len > sizeof(out->data) - out->len)
        return sfx_err_set(err, SFX_E_LIMIT, "too large");
    memcpy(out->data + out->len, ptr, len);
    out->len += len;
    return 0;
}

static int drop(void *ctx, const void *ptr, size_t len, struct sfx_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)len;
    (void)err;
    return 0;
}

static int open_output(void *ctx, const struct sfx_resize_facts *facts, struct sfx_image_sink *sink,
                       struct sfx_err *err)
{
    (void)facts;
    (void)err;
    *sink = (struct sfx_image_sink){ctx != NULL ? keep : drop, ctx};
    return 0;
}

static int resize(const struct bytes *in, const struct sfx_resize_output *outputs, size_t n,
                  struct bytes *out, struct sfx_err *err)
{
    const struct sfx_resize_opts opts = {
        .outputs = outputs,
        .noutputs = n,
        .encode = {.quality = 80, .compression = 1},
        .keep = SFX_KEEP_ALL,
        .limits = {.max_pixels = 1 << 20, .max_decoded_nbytes = 8 << 20, .max_scans = 20},
    };
    const struct sfx_resize_target target = {open_output, out};
    struct sfx_slice left = sfx_slice((const char *)in->data, in->len);
    const struct sfx_image_source source = {.read = fuzz_read, .ctx = &left};

    return sfx_resize(&source, &opts, &target, err);
}

static void change(struct bytes *b)
{
    size_t at = below(b->len), n = below(1 + below(64)), to;

    if (b->len == 0)
        return;
    switch (below(8)) {
    case 0: b->data[at] ^= (uint8_t)(1u << below(8)); break;
    case 1: b->data[at] = (uint8_t)below(256); break;
    case 2: b->data[at] = below(2) != 0 ? 0xff : 0; break;
    case 3: b->len = at; break;
    case 4: /* left out */
        n = n < b->len - at ? n : b->len - at;
        memmove(b->data + at, b->data + at + n, b->len - at - n);
        b->len -= n;
        break;
    case 5: /* said twice */
        to = at + n;
        if (b->len + n > SEED_NBYTES || to > b->len)
            break;
        memmove(b->data + to, b->data + at, b->len - at);
        b->len += n;
        break;
    case 6: /* noise */
        while (n-- > 0 && at < b->len)
            b->data[at++] = (uint8_t)below(256);
        break;
    default: /* the end of another image */
    {
        const struct bytes *other = &seeds[below(nseeds)];
        size_t from = below(other->len);

        n = other->len - from;
        if (at + n > SEED_NBYTES)
            break;
        memcpy(b->data + at, other->data + from, n);
        b->len = at + n;
    }
    }
}

/* One damaged image of those in bases, to each format that can be written. */
static void try_one(const struct bytes *bases, size_t nbases)
{
    static const struct sfx_resize_output outputs[] = {
        {.size = {.width_px = 9, .height_px = 7}, .format = SFX_IMAGE_JPEG},
        {.size = {.width_px = 30, .height_px = 31, .mark = SFX_GEOMETRY_FORCE},
         .format = SFX_IMAGE_PNG},
    };
    static struct bytes damaged;
    struct sfx_err err = {0};
    size_t i, n = 1 + below(4);
    int rc;

    damaged = bases[below(nbases)];
    for (i = 0; i < n; i++)
        change(&damaged);
    /* Checksums that hold let changes get further in. */
    if (below(4) != 0)
        fuzz_mend_png(damaged.data, damaged.len);
    (void)alarm(HANG_S);
    rc = resize(&damaged, outputs, 2, NULL, &err);
    (void)alarm(0);
    if (rc == 0)
        return;
    assert_true(rc == SFX_E_INPUT || rc == SFX_E_LIMIT || rc == SFX_E_UNSUPPORTED);
    assert_int_equal(rc, err.code);
    assert_true(err.text[0] != '\0');
}

/* The images of a format: what of the seeds is of it, and each seed made anew in it. */
static size_t find_bases(enum sfx_image_format format, struct bytes *bases)
{
    const struct sfx_resize_output output = {.format = format};
    size_t i, n = 0;

    for (i = 0; i < nseeds; i++) {
        struct bytes *base = &bases[n];

        base->len = 0;
        if (resize(&seeds[i], &output, 1, base, NULL) == 0)
            n++;
    }
    return n;
}

static void damage(enum sfx_image_format format)
{
    static struct bytes bases[MAX_SEEDS * 2];
    const char *number = getenv("SFX_MUTATIONS");
    long count = number != NULL ? atol(number) : 1000;
    size_t n = find_bases(format, bases), i;

    if (n == 0)
        skip(); /* its library is not there */
    /* Those that no encoder of ours would write: arithmetic, CMYK, palettes, interlaced. */
    for (i = 0; i < nseeds; i++) {
        bool png = seeds[i].len > 1 && seeds[i].data[0] == 0x89;
        bool jpeg = seeds[i].len > 1 && seeds[i].data[0] == 0xff;

        if ((png && format == SFX_IMAGE_PNG) || (jpeg && format == SFX_IMAGE_JPEG))
            bases[n++] = seeds[i];
    }
    while (count-- > 0)
        try_one(bases, n);
}

static void damaged_jpeg_is_an_image_or_an_error(void **state)
{
    (void)state;
    damage(SFX_IMAGE_JPEG);
}

static void damaged_webp_is_an_image_or_an_error(void **state)
{
    (void)state;
    damage(SFX_IMAGE_WEBP);
}

static void damaged_png_is_an_image_or_an_error(void **state)
{
    (void)state;
    damage(SFX_IMAGE_PNG);
}

static void damaged_avif_is_an_image_or_an_error(void **state)
{
    (void)state;
    damage(SFX_IMAGE_AVIF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_jpeg_is_an_image_or_an_error),
        cmocka_unit_test(damaged_png_is_an_image_or_an_error),
        cmocka_unit_test(damaged_webp_is_an_image_or_an_error),
        cmocka_unit_test(damaged_avif_is_an_image_or_an_error),
    };

    return cmocka_run_group_tests(tests, load_seeds, NULL);
}
