/* SPDX-License-Identifier: MIT */
/* Names of formats and the limits that every decoder checks. */
#include "image/image.h"

#include "base/size.h"

#include <inttypes.h>
#include <strings.h>

static const struct format_names {
    const char *name, *extension, *media_type;
} format_names[] = {
    [SFX_IMAGE_ANY] = {"", "", ""},
    [SFX_IMAGE_JPEG] = {"jpeg", "jpg", "image/jpeg"},
    [SFX_IMAGE_PNG] = {"png", "png", "image/png"},
    [SFX_IMAGE_WEBP] = {"webp", "webp", "image/webp"},
    [SFX_IMAGE_AVIF] = {"avif", "avif", "image/avif"},
    [SFX_IMAGE_HEIF] = {"heif", "heic", "image/heic"},
};

/* What names say JPEG beside "jpeg" and "jpg". */
static const char *const jpeg_aliases[] = {"jpe", "jfif"};

static bool same_word(struct sfx_slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

enum sfx_image_format sfx_image_format_named(struct sfx_slice name)
{
    size_t i;

    if (name.len == 0)
        return SFX_IMAGE_ANY;
    for (i = SFX_IMAGE_JPEG; i < SFX_COUNT(format_names); i++)
        if (same_word(name, format_names[i].name) || same_word(name, format_names[i].extension))
            return (enum sfx_image_format)i;
    for (i = 0; i < SFX_COUNT(jpeg_aliases); i++)
        if (same_word(name, jpeg_aliases[i]))
            return SFX_IMAGE_JPEG;
    return SFX_IMAGE_ANY;
}

bool sfx_image_format_is_known(unsigned format)
{
    return format != SFX_IMAGE_ANY && format < SFX_COUNT(format_names);
}

const char *sfx_image_format_name(enum sfx_image_format format)
{
    return format_names[format].name;
}

const char *sfx_image_format_extension(enum sfx_image_format format)
{
    return format_names[format].extension;
}

const char *sfx_image_format_media_type(enum sfx_image_format format)
{
    return format_names[format].media_type;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20; /* lower case */
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The basic colours of CSS. */
static const struct {
    const char *name;
    uint8_t rgb[3];
} colours[] = {
    {"white", {255, 255, 255}}, {"black", {0, 0, 0}},      {"silver", {192, 192, 192}},
    {"gray", {128, 128, 128}},  {"grey", {128, 128, 128}}, {"maroon", {128, 0, 0}},
    {"red", {255, 0, 0}},       {"purple", {128, 0, 128}}, {"fuchsia", {255, 0, 255}},
    {"green", {0, 128, 0}},     {"lime", {0, 255, 0}},     {"olive", {128, 128, 0}},
    {"yellow", {255, 255, 0}},  {"navy", {0, 0, 128}},     {"blue", {0, 0, 255}},
    {"teal", {0, 128, 128}},    {"aqua", {0, 255, 255}},
};

/* "#rgb" or "#rrggbb". */
static bool parse_digits(struct sfx_slice text, uint8_t out[3])
{
    const size_t each = text.len == 4 ? 1 : 2;
    size_t i;

    if ((text.len != 4 && text.len != 7) || text.ptr[0] != '#')
        return false;
    for (i = 0; i < 3; i++) {
        const char *digits = text.ptr + 1 + i * each;
        int hi = hex_digit(digits[0]), lo = hex_digit(digits[each - 1]);

        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

int sfx_image_colour_parse(struct sfx_slice text, uint8_t out[3], struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(colours); i++) {
        if (same_word(text, colours[i].name)) {
            memcpy(out, colours[i].rgb, 3);
            return 0;
        }
    }
    if (parse_digits(text, out))
        return 0;
    return sfx_err_set(err, SFX_E_USAGE, "colour '%.*s': write #rgb, #rrggbb or a name as white",
                       SFX_SLICE_ARG(text));
}

struct sfx_image_limits sfx_image_limits_resolve(const struct sfx_image_limits *limits)
{
    struct sfx_image_limits out = {0};

    if (limits != NULL)
        out = *limits;
    if (out.max_pixels == 0)
        out.max_pixels = 100000000;
    if (out.max_side_px == 0 || out.max_side_px > SFX_IMAGE_MAX_SIDE)
        out.max_side_px = SFX_IMAGE_MAX_SIDE;
    if (out.max_decoded_nbytes == 0)
        out.max_decoded_nbytes = UINT64_C(1) << 30;
    if (out.max_header_nbytes == 0)
        out.max_header_nbytes = UINT64_C(32) << 20;
    if (out.max_scans == 0)
        out.max_scans = 100;
    return out;
}

int sfx_image_limits_check(const struct sfx_image_limits *limits, uint64_t width_px,
                           uint64_t height_px, struct sfx_err *err)
{
    if (width_px == 0 || height_px == 0)
        return sfx_err_set(err, SFX_E_INPUT, "the image has no pixels");
    if (width_px > limits->max_side_px || height_px > limits->max_side_px)
        return sfx_err_set(err, SFX_E_LIMIT,
                           "%" PRIu64 "x%" PRIu64 " pixels: a side may have %" PRIu64, width_px,
                           height_px, limits->max_side_px);
    if (width_px * height_px > limits->max_pixels)
        return sfx_err_set(err, SFX_E_LIMIT,
                           "%" PRIu64 "x%" PRIu64 " is more than the limit of %" PRIu64 " pixels",
                           width_px, height_px, limits->max_pixels);
    return 0;
}
