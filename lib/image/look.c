/* SPDX-License-Identifier: MIT */
/* Words to operations, and where the image lies on an output. */
#include "image/look.h"

#include "image/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIGMA   100.0
#define MAX_SHARPEN 10.0
#define MAX_DPR     16.0
#define MAX_DEGREES 3600

/* What JPEG does to an even background is less. */
#define DEFAULT_TRIM 10

/* --- words ------------------------------------------------------------------------------------ */

static int parse_number(const char *text, const char *option, double most, double *out,
                        struct sfx_err *err)
{
    char *end;

    *out = 0;
    if (text == NULL)
        return 0;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out > 0) || *out > most)
        return sfx_err_set(err, SFX_E_USAGE, "%s '%s': a number above 0, at most %g", option, text,
                           most);
    return 0;
}

/* Quarter turns lose nothing; any other angle is a turn. */
static int parse_rotate(const char *text, struct sfx_look *look, struct sfx_err *err)
{
    double degrees;
    char *end;

    if (text == NULL)
        return 0;
    degrees = strtod(text, &end);
    if (end == text || *end != '\0' || !(fabs(degrees) <= MAX_DEGREES))
        return sfx_err_set(err, SFX_E_USAGE, "--rotate '%s': degrees from -%d to %d", text,
                           MAX_DEGREES, MAX_DEGREES);
    degrees = fmod(degrees, 360);
    degrees += degrees < 0 ? 360 : 0;
    if (fmod(degrees, 90) == 0)
        look->quarter_turns = (unsigned)(degrees / 90) % 4;
    else
        look->turn = degrees;
    return 0;
}

static int parse_trim(const char *text, struct sfx_look *look, struct sfx_err *err)
{
    char *end;

    look->trim = text != NULL;
    look->trim_threshold = DEFAULT_TRIM;
    if (text == NULL || *text == '\0')
        return 0;
    look->trim_threshold = strtod(text, &end);
    if (end == text || *end != '\0' || !(look->trim_threshold >= 0 && look->trim_threshold <= 255))
        return sfx_err_set(err, SFX_E_USAGE, "--trim '%s': a number from 0 to 255", text);
    return 0;
}

static int parse_crop(const char *text, struct sfx_look *look, struct sfx_err *err)
{
    unsigned w, h, x = 0, y = 0;
    int end = 0;

    if (text == NULL)
        return 0;
    if (sscanf(text, "%5ux%5u%n", &w, &h, &end) == 2 && text[end] == '\0') {
        look->crop_placed = false;
    } else if (sscanf(text, "%5ux%5u+%5u+%5u%n", &w, &h, &x, &y, &end) == 4 && text[end] == '\0') {
        look->crop_placed = true;
    } else {
        return sfx_err_set(err, SFX_E_USAGE, "--crop '%s': write WxH+X+Y, or WxH", text);
    }
    if (w == 0 || h == 0)
        return sfx_err_set(err, SFX_E_USAGE, "--crop '%s': nothing would be left", text);
    look->crop_w = w;
    look->crop_h = h;
    look->crop_x = x;
    look->crop_y = y;
    return 0;
}

/* One number for all sides, two for top and bottom, left and right, or four, as CSS has them. */
static int parse_pad(const char *text, struct sfx_look *look, struct sfx_err *err)
{
    unsigned n[4] = {0}, count = 0, side;
    const char *at = text;
    int end = 0;

    if (text == NULL)
        return 0;
    while (count < 4 && sscanf(at, "%5u%n", &n[count], &end) == 1) {
        count++;
        at += end;
        if (*at != ',')
            break;
        at++;
    }
    if (*at != '\0' || (count != 1 && count != 2 && count != 4) || at[-1] == ',')
        return sfx_err_set(err, SFX_E_USAGE,
                           "--pad '%s': write N, TOP,RIGHT,BOTTOM,LEFT or VERTICAL,HORIZONTAL",
                           text);
    for (side = 0; side < 4; side++)
        look->pad[side] = n[side % count];
    return 0;
}

int sfx_look_parse(const struct sfx_look_words *words, struct sfx_look *look, struct sfx_err *err)
{
    int rc;

    *look = (struct sfx_look){
        .fit = (enum sfx_fit)words->fit,
        .gravity = (enum sfx_gravity)words->gravity,
        .kernel = (enum sfx_kernel)words->kernel,
        .flip = (enum sfx_flip)words->flip,
        .linear = words->linear,
        .grayscale = words->grayscale,
        .flatten = words->flatten,
    };
    rc = parse_rotate(words->rotate, look, err);
    if (rc == 0)
        rc = parse_trim(words->trim, look, err);
    if (rc == 0)
        rc = parse_crop(words->crop, look, err);
    if (rc == 0)
        rc = parse_pad(words->pad, look, err);
    if (rc == 0)
        rc = parse_number(words->blur, "--blur", MAX_SIGMA, &look->blur, err);
    if (rc == 0)
        rc = parse_number(words->sharpen, "--sharpen", MAX_SHARPEN, &look->sharpen, err);
    if (rc == 0)
        rc = parse_number(words->dpr, "--dpr", MAX_DPR, &look->dpr, err);
    return rc;
}

/* --- what lies where -------------------------------------------------------------------------- */

struct sfx_orient sfx_look_orient(const struct sfx_look *look, unsigned orientation)
{
    struct sfx_orient orient = sfx_orient_of(orientation);
    unsigned turn;

    for (turn = 0; turn < look->quarter_turns; turn++)
        orient = sfx_orient_turn(orient);
    if (look->flip == SFX_FLIP_NONE)
        return orient;
    return sfx_orient_mirror(orient, look->flip == SFX_FLIP_HORIZONTAL);
}

bool sfx_look_is_real(const struct sfx_look *look)
{
    return look->linear || look->grayscale || look->turn != 0;
}

bool sfx_look_is_plain(const struct sfx_look *look)
{
    return look->quarter_turns == 0 && look->flip == SFX_FLIP_NONE && look->crop_w == 0 &&
           look->turn == 0 && !look->trim && look->blur == 0 && look->sharpen == 0 &&
           !look->grayscale && !look->flatten;
}

/* Cuts frame's part down to w by h of its pixels, where gravity says. */
static void cut(struct sfx_frame *frame, enum sfx_gravity gravity, double w, double h)
{
    double fx, fy;

    sfx_gravity_place(gravity, &fx, &fy);
    frame->x += (frame->w - w) * fx;
    frame->y += (frame->h - h) * fy;
    frame->w = w;
    frame->h = h;
}

static bool by_content(enum sfx_gravity gravity)
{
    return gravity == SFX_GRAVITY_ENTROPY || gravity == SFX_GRAVITY_ATTENTION;
}

/* Whether the content decides where the crop lies: known only when all of the image is there. */
static bool crops_by_content(const struct sfx_look *look)
{
    return look->crop_w > 0 && !look->crop_placed && by_content(look->gravity);
}

static int crop(const struct sfx_look *look, struct sfx_frame *frame, struct sfx_err *err)
{
    char place[32] = "";

    if (look->crop_w == 0)
        return 0;
    if (look->crop_placed)
        (void)snprintf(place, sizeof(place), "+%u+%u", look->crop_x, look->crop_y);
    if ((double)look->crop_x + look->crop_w > frame->w ||
        (double)look->crop_y + look->crop_h > frame->h)
        return sfx_err_set(err, SFX_E_INPUT, "--crop: %ux%u%s is not within the image (%gx%g)",
                           look->crop_w, look->crop_h, place, frame->w, frame->h);
    if (look->crop_placed) {
        frame->x = look->crop_x;
        frame->y = look->crop_y;
        frame->w = look->crop_w;
        frame->h = look->crop_h;
    } else if (!by_content(look->gravity)) {
        cut(frame, look->gravity, look->crop_w, look->crop_h);
    }
    return 0;
}

/* At least a pixel of a side that is asked for. */
static uint64_t device(uint32_t side, double dpr)
{
    const long long scaled = llround(side * (dpr > 0 ? dpr : 1));

    return scaled > 0 || side == 0 ? (uint64_t)scaled : 1;
}

/* The image is image_w by image_h; the canvas shows shown_w by shown_h of it. */
static void show(const struct sfx_look *look, struct sfx_frame *frame, uint64_t shown_w,
                 uint64_t shown_h)
{
    const double part_w = frame->w * (double)shown_w / (double)frame->image_w;
    const double part_h = frame->h * (double)shown_h / (double)frame->image_h;

    frame->canvas_w = shown_w;
    frame->canvas_h = shown_h;
    if (shown_w == frame->image_w && shown_h == frame->image_h)
        return;
    if (by_content(look->gravity)) {
        frame->chosen = true;
        return;
    }
    cut(frame, look->gravity, part_w, part_h);
    frame->image_w = shown_w;
    frame->image_h = shown_h;
}

/* All of the image as large as its crop is to be, which is found in it when it is there. */
static void widen(const struct sfx_look *look, struct sfx_frame *frame)
{
    const double scale_x = (double)frame->image_w / look->crop_w;
    const double scale_y = (double)frame->image_h / look->crop_h;
    const uint64_t whole_w = (uint64_t)llround(frame->w * scale_x);
    const uint64_t whole_h = (uint64_t)llround(frame->h * scale_y);

    frame->image_w = whole_w > frame->image_w ? whole_w : frame->image_w;
    frame->image_h = whole_h > frame->image_h ? whole_h : frame->image_h;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The canvas around the image: of the box for contain, wider by the padding. */
static void lay(const struct sfx_look *look, struct sfx_frame *frame, uint64_t box_w,
                uint64_t box_h)
{
    double fx, fy;

    sfx_gravity_place(look->gravity, &fx, &fy);
    if (look->fit == SFX_FIT_CONTAIN && box_w > 0 && box_h > 0) {
        frame->canvas_w = box_w > frame->canvas_w ? box_w : frame->canvas_w;
        frame->canvas_h = box_h > frame->canvas_h ? box_h : frame->canvas_h;
        frame->left = (uint64_t)((double)(frame->canvas_w - frame->image_w) * fx);
        frame->top = (uint64_t)((double)(frame->canvas_h - frame->image_h) * fy);
    }
    frame->left += look->pad[3];
    frame->top += look->pad[0];
    frame->canvas_w += (uint64_t)look->pad[1] + look->pad[3];
    frame->canvas_h += (uint64_t)look->pad[0] + look->pad[2];
}

int sfx_look_frame(const struct sfx_look *look, const struct sfx_geometry *size, uint32_t width_px,
                   uint32_t height_px, struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_geometry geometry = *size;
    uint64_t box_w = device(size->width_px, look->dpr), box_h = device(size->height_px, look->dpr);
    uint64_t shown_w, shown_h;
    int rc;

    *frame = (struct sfx_frame){.w = width_px, .h = height_px};
    rc = crop(look, frame, err);
    if (rc < 0)
        return rc;
    frame->crop_x = frame->x;
    frame->crop_y = frame->y;
    frame->crop_w = frame->w;
    frame->crop_h = frame->h;
    if (box_w > SFX_IMAGE_MAX_SIDE || box_h > SFX_IMAGE_MAX_SIDE)
        return sfx_err_set(err, SFX_E_LIMIT, "output: a side may have %u pixels",
                           SFX_IMAGE_MAX_SIDE);
    geometry.width_px = (uint32_t)box_w;
    geometry.height_px = (uint32_t)box_h;
    if (geometry.fit == SFX_FIT_INSIDE)
        geometry.fit = look->fit;
    sfx_geometry_apply(&geometry, crops_by_content(look) ? look->crop_w : (uint32_t)frame->w,
                       crops_by_content(look) ? look->crop_h : (uint32_t)frame->h, &frame->image_w,
                       &frame->image_h);
    if ((geometry.fit == SFX_FIT_COVER || geometry.fit == SFX_FIT_NONE) && box_w > 0 && box_h > 0) {
        shown_w = least(box_w, frame->image_w);
        shown_h = least(box_h, frame->image_h);
    } else {
        shown_w = frame->image_w;
        shown_h = frame->image_h;
    }
    if (crops_by_content(look))
        widen(look, frame);
    show(look, frame, shown_w, shown_h);
    lay(look, frame, box_w, box_h);
    return 0;
}
