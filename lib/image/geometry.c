/* SPDX-License-Identifier: MIT */
/* Sizes as users write them. Integer arithmetic: a side is rounded once, never 79 for 80. */
#include "image/geometry.h"

#include "image/image.h"

#include <math.h>

static int bad_size(struct sfx_slice text, const char *why, struct sfx_err *err)
{
    return sfx_err_set(err, SFX_E_USAGE, "size '%.*s': %s", SFX_SLICE_ARG(text), why);
}

/* Reads digits at *at; *out is 0 when there are none, SFX_IMAGE_MAX_SIDE + 1 for too many. */
static void read_side(struct sfx_slice text, size_t *at, uint32_t *out)
{
    *out = 0;
    for (; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; (*at)++) {
        *out = *out * 10 + (uint32_t)(text.ptr[*at] - '0');
        if (*out > SFX_IMAGE_MAX_SIDE)
            *out = SFX_IMAGE_MAX_SIDE + 1;
    }
}

/* "12.5%": digits, perhaps a fraction of digits. */
static int parse_percent(struct sfx_slice text, struct sfx_geometry *out, struct sfx_err *err)
{
    double value = 0, unit = 1;
    bool fraction = false;
    size_t i;

    for (i = 0; i + 1 < text.len; i++) {
        char c = text.ptr[i];

        if (c == '.' && !fraction && i > 0) {
            fraction = true;
        } else if (c >= '0' && c <= '9') {
            unit = fraction ? unit / 10 : 1;
            value = fraction ? value + (c - '0') * unit : value * 10 + (c - '0');
        } else {
            return bad_size(text, "a percentage is a number and '%', like 50%", err);
        }
    }
    if (!(value > 0) || value > 100.0 * SFX_IMAGE_MAX_SIDE)
        return bad_size(text, "the percentage is out of range", err);
    out->percent = value;
    return 0;
}

static bool take_mark(struct sfx_slice *text, struct sfx_geometry *out)
{
    switch (text->len > 0 ? text->ptr[text->len - 1] : '\0') {
    case '>': out->mark = SFX_GEOMETRY_SHRINK; break;
    case '<': out->mark = SFX_GEOMETRY_ENLARGE; break;
    case '!':
        out->mark = SFX_GEOMETRY_FORCE;
        out->fit = SFX_FIT_FILL;
        break;
    case '^': out->fit = SFX_FIT_OUTSIDE; break;
    default: return false;
    }
    text->len--;
    return true;
}

int sfx_geometry_parse(struct sfx_slice text, struct sfx_geometry *out, struct sfx_err *err)
{
    struct sfx_slice rest = text;
    bool marked, has_x = false;
    size_t at = 0;

    *out = (struct sfx_geometry){0};
    marked = take_mark(&rest, out);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '%')
        return marked ? bad_size(text, "a percentage takes no mark", err)
                      : parse_percent(rest, out, err);
    read_side(rest, &at, &out->width_px);
    if (at < rest.len && (rest.ptr[at] == 'x' || rest.ptr[at] == 'X')) {
        has_x = true;
        at++;
        read_side(rest, &at, &out->height_px);
    }
    if (at != rest.len || (out->width_px == 0 && out->height_px == 0))
        return bad_size(
            text, "write 320, 320x240, 320x, x240 or 50%, then perhaps '!', '^', '<' or '>'", err);
    if (out->width_px > SFX_IMAGE_MAX_SIDE || out->height_px > SFX_IMAGE_MAX_SIDE)
        return bad_size(text, "a side may have 65500 pixels", err);
    if (out->mark == SFX_GEOMETRY_FORCE && (!has_x || out->width_px == 0 || out->height_px == 0))
        return bad_size(text, "'!' needs both sides, like 320x240!", err);
    return 0;
}

void sfx_gravity_place(enum sfx_gravity gravity, double *fx, double *fy)
{
    static const struct {
        double x, y;
    } places[] = {
        [SFX_GRAVITY_CENTER] = {0.5, 0.5},    [SFX_GRAVITY_NORTH] = {0.5, 0},
        [SFX_GRAVITY_NORTHEAST] = {1, 0},     [SFX_GRAVITY_EAST] = {1, 0.5},
        [SFX_GRAVITY_SOUTHEAST] = {1, 1},     [SFX_GRAVITY_SOUTH] = {0.5, 1},
        [SFX_GRAVITY_SOUTHWEST] = {0, 1},     [SFX_GRAVITY_WEST] = {0, 0.5},
        [SFX_GRAVITY_NORTHWEST] = {0, 0},     [SFX_GRAVITY_ENTROPY] = {0.5, 0.5},
        [SFX_GRAVITY_ATTENTION] = {0.5, 0.5},
    };

    *fx = places[gravity].x;
    *fy = places[gravity].y;
}

static uint64_t at_least_one(uint64_t side)
{
    return side > 0 ? side : 1;
}

/* side * numerator / denominator, rounded to nearest, at least 1. */
static uint64_t scaled(uint64_t side, uint64_t numerator, uint64_t denominator)
{
    return at_least_one((side * numerator + denominator / 2) / denominator);
}

void sfx_geometry_apply(const struct sfx_geometry *geometry, uint32_t width_px, uint32_t height_px,
                        uint64_t *out_width_px, uint64_t *out_height_px)
{
    uint64_t box_w = geometry->width_px, box_h = geometry->height_px;
    const bool covers = geometry->fit == SFX_FIT_OUTSIDE || geometry->fit == SFX_FIT_COVER;
    bool by_width, smaller, larger;

    *out_width_px = width_px;
    *out_height_px = height_px;
    if (geometry->percent > 0) {
        *out_width_px = at_least_one((uint64_t)llround(width_px * geometry->percent / 100));
        *out_height_px = at_least_one((uint64_t)llround(height_px * geometry->percent / 100));
        return;
    }
    if ((box_w == 0 && box_h == 0) || geometry->fit == SFX_FIT_NONE)
        return;
    if (box_w > 0 && box_h > 0 &&
        (geometry->mark == SFX_GEOMETRY_FORCE || geometry->fit == SFX_FIT_FILL)) {
        *out_width_px = box_w;
        *out_height_px = box_h;
        return;
    }
    /* The side that reaches the box first decides; last, where the box is to be covered. */
    by_width = box_h == 0 || (box_w != 0 && (width_px * box_h >= height_px * box_w) != covers);
    smaller = by_width ? width_px < box_w : height_px < box_h;
    larger = by_width ? width_px > box_w : height_px > box_h;
    if ((smaller && geometry->mark == SFX_GEOMETRY_SHRINK) ||
        (larger && geometry->mark == SFX_GEOMETRY_ENLARGE))
        return;
    *out_width_px = by_width ? box_w : scaled(width_px, box_h, height_px);
    *out_height_px = by_width ? scaled(height_px, box_w, width_px) : box_h;
}
