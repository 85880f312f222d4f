/* SPDX-License-Identifier: MIT */
/* Metadata: what of it is kept, in which formats, and what is changed in it. */
#include "image_memory.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "image/exif.h"
#include "image/metadata.h"

/* Orientation 6, a second directory with a thumbnail of 4 bytes at the end. */
static const char exif[] = "II\x2a\0\x08\0\0\0"
                           "\x01\0"
                           "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
                           "\x1a\0\0\0"
                           "\x02\0"
                           "\x01\x02\x04\0\x01\0\0\0\x38\0\0\0"
                           "\x02\x02\x04\0\x01\0\0\0\x04\0\0\0"
                           "\0\0\0\0"
                           "THUMB!";
static const char xmp[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
static const char iptc[] = "8BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\x05\0\0";

static struct sfx_metadata everything(char icc[132])
{
    memset(icc, 0, 132);
    icc[2] = 0;
    icc[3] = (char)132;             /* size */
    memcpy(icc + 8, "\x02\x10", 2); /* version */
    memcpy(icc + 12, "mntrRGB XYZ ", 12);
    memcpy(icc + 36, "acsp", 4);
    return (struct sfx_metadata){
        .icc = {icc, 132},
        .exif = {exif, 0x38 + 4},
        .xmp = {xmp, sizeof(xmp) - 1},
        .iptc = {iptc, sizeof(iptc) - 1},
    };
}

static void encode_with(const struct sfx_metadata *metadata, enum sfx_image_format format,
                        struct sfx_buf *out)
{
    struct raster drawn = raster_draw(24, 16, SFX_LAYOUT_RGB, 8);

    raster_encode_metadata(&drawn, format, metadata, out);
    raster_done(&drawn);
}

static bool has(struct sfx_slice got, struct sfx_slice want)
{
    return sfx_slice_eq(got, want);
}

/* Every kind that `keep` names comes through, and no other. */
static void check_kept(struct sfx_slice encoded, enum sfx_image_format to, unsigned keep)
{
    static char icc[132];
    const struct sfx_metadata all = everything(icc);
    const char *size = "12x";
    struct sfx_resize_output output;
    struct sfx_resize_opts opts = resize_opts(&output, &size, 1, to);
    struct sfx_buf out = {0};
    struct image_header header;

    opts.keep = keep;
    assert_int_equal(resize_memory(encoded, 0, &opts, &out, NULL), 0);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&out)), 0);
    assert_int_equal(header.info->orientation, 1);
    assert_true(
        has(header.info->metadata.xmp, (keep & SFX_KEEP_XMP) != 0 ? all.xmp : sfx_slice(NULL, 0)));
    assert_int_equal(header.info->metadata.exif.len, (keep & SFX_KEEP_EXIF) != 0 ? 0x38 : 0);
    if (to == SFX_IMAGE_JPEG)
        assert_true(has(header.info->metadata.iptc,
                        (keep & SFX_KEEP_IPTC) != 0 ? all.iptc : sfx_slice(NULL, 0)));
    image_header_done(&header);
    sfx_buf_done(&out);
}

#ifdef SFX_WITH_WEBP
#define LAST_FORMAT SFX_IMAGE_WEBP
#else
#define LAST_FORMAT SFX_IMAGE_PNG
#endif

static void only_what_is_asked_for_is_kept(void **state)
{
    static char icc[132];
    const struct sfx_metadata all = everything(icc);
    struct sfx_buf encoded = {0};
    enum sfx_image_format to;
    unsigned keep;

    (void)state;
    encode_with(&all, SFX_IMAGE_JPEG, &encoded);
    for (to = SFX_IMAGE_JPEG; to <= LAST_FORMAT; to++)
        for (keep = 0; keep <= SFX_KEEP_ALL; keep++)
            check_kept(sfx_buf_slice(&encoded), to, keep);
    sfx_buf_done(&encoded);
}

/* The picture is upright: viewers that turned it again would be wrong. */
static void kept_exif_says_upright_and_has_no_thumbnail(void **state)
{
    uint8_t data[sizeof(exif)];

    (void)state;
    memcpy(data, exif, sizeof(exif));
    assert_int_equal(sfx_exif_orientation(data, 0x3c), 6);
    assert_int_equal(sfx_exif_reset(data, 0x3c), 0x38);
    assert_int_equal(sfx_exif_orientation(data, 0x38), 1);
    assert_memory_equal(data + 0x16, "\0\0\0\0", 4);   /* no second directory */
    assert_memory_equal(data + 0x38, "\0\0\0\0B!", 6); /* nothing of the thumbnail, no more */
    /* Where something follows the thumbnail, that stays. */
    memcpy(data, exif, sizeof(exif));
    assert_int_equal(sfx_exif_reset(data, 0x3e), 0x3e);
    assert_memory_equal(data + 0x38, "\0\0\0\0B!", 6);
}

/* Cut off and mutated anywhere: nothing outside is touched (a sanitizer looks on). */
static void damaged_exif_is_not_read_or_written_outside(void **state)
{
    size_t len, i;

    (void)state;
    for (len = 0; len < 0x3c; len++)
        for (i = 0; i < len; i++) {
            uint8_t *data = malloc(len);

            assert_non_null(data);
            memcpy(data, exif, len);
            data[i] ^= 0xff;
            assert_true(sfx_exif_reset(data, len) <= len);
            free(data);
        }
}

static void a_segment_too_large_for_jpeg_is_left_out(void **state)
{
    struct sfx_metadata large = {.xmp = {calloc(1, 70000), 70000}};
    struct sfx_buf encoded = {0};
    struct image_header header;

    (void)state;
    assert_non_null(large.xmp.ptr);
    encode_with(&large, SFX_IMAGE_JPEG, &encoded);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&encoded)), 0);
    assert_int_equal(header.info->metadata.xmp.len, 0);
    image_header_done(&header);
    sfx_buf_clear(&encoded);
    encode_with(&large, SFX_IMAGE_PNG, &encoded);
    assert_int_equal(image_header_init(&header, sfx_buf_slice(&encoded)), 0);
    assert_int_equal(header.info->metadata.xmp.len, 70000);
    image_header_done(&header);
    sfx_buf_done(&encoded);
    free((void *)large.xmp.ptr);
}

static void kinds_are_named(void **state)
{
    struct sfx_err err;
    unsigned keep;

    (void)state;
    assert_int_equal(sfx_keep_parse(SFX_SLICE_LIT("exif,icc"), &keep, &err), 0);
    assert_int_equal(keep, SFX_KEEP_EXIF | SFX_KEEP_ICC);
    assert_int_equal(sfx_keep_parse(SFX_SLICE_LIT("all"), &keep, &err), 0);
    assert_int_equal(keep, SFX_KEEP_ALL);
    assert_int_equal(sfx_keep_parse(SFX_SLICE_LIT("none"), &keep, &err), 0);
    assert_int_equal(keep, 0);
    assert_int_equal(sfx_keep_parse(SFX_SLICE_LIT("exif,gps"), &keep, &err), SFX_E_USAGE);
    assert_int_equal(sfx_keep_parse(SFX_SLICE_LIT(""), &keep, &err), SFX_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_asked_for_is_kept),
        cmocka_unit_test(kept_exif_says_upright_and_has_no_thumbnail),
        cmocka_unit_test(damaged_exif_is_not_read_or_written_outside),
        cmocka_unit_test(a_segment_too_large_for_jpeg_is_left_out),
        cmocka_unit_test(kinds_are_named),
    };

    return cmocka_run_group_tests_name("image_metadata", tests, NULL, NULL);
}
