/* SPDX-License-Identifier: MIT */
/*
 * What outputs look like beside their size: which part of the image they show and how it lies in
 * them, how samples are mixed, what is done to them after.
 *
 * Contract: operations have one order, whatever the order of the options: the image is turned
 * upright (EXIF), trimmed, rotated, flipped, cropped, resampled to its fit, blurred, sharpened,
 * laid on its canvas and padded, made gray, flattened. All-zero is "as it is".
 */
#ifndef SFX_IMAGE_LOOK_H
#define SFX_IMAGE_LOOK_H

#include "image/geometry.h"
#include "image/orient.h"
#include "image/weights.h"

/* Names for options; their order is that of the enumerations. */
#define SFX_FIT_NAMES "inside|outside|cover|contain|fill|none"
#define SFX_GRAVITY_NAMES                                                                          \
    "center|north|northeast|east|southeast|south|southwest|west|northwest|entropy|attention"
#define SFX_KERNEL_NAMES "lanczos3|lanczos2|mitchell|catrom|linear|box|nearest"
#define SFX_FLIP_NAMES   "none|horizontal|vertical"

enum sfx_flip { SFX_FLIP_NONE, SFX_FLIP_HORIZONTAL, SFX_FLIP_VERTICAL };

/* As a user says it; strings may be NULL. */
struct sfx_look_words {
    int fit, gravity, kernel; /* the enumerations of geometry.h and weights.h */
    const char *rotate;       /* degrees clockwise */
    const char *trim;         /* how much the background may differ, 0 to 255; empty: the default */
    int flip;                 /* enum sfx_flip */
    const char *crop;         /* WxH+X+Y of the upright image, or WxH, which gravity places */
    const char *pad;          /* pixels: of all sides, "v,h" or "top,right,bottom,left" */
    const char *blur;         /* sigma in pixels of the output */
    const char *sharpen;      /* how much: 1 is strong */
    const char *dpr;          /* sizes are of so many device pixels a pixel */
    bool linear, grayscale, flatten;
};

struct sfx_look {
    enum sfx_fit fit;
    enum sfx_gravity gravity;
    enum sfx_kernel kernel;
    unsigned quarter_turns; /* clockwise */
    double turn;            /* degrees clockwise that are no quarter turns; 0: none */
    bool trim;              /* cut off what is background at the edges, */
    double trim_threshold;  /* which differs by at most so much, 0 to 255 */
    enum sfx_flip flip;
    uint32_t crop_w, crop_h, crop_x, crop_y; /* crop_w 0: none */
    bool crop_placed;                        /* crop_x and crop_y count, not gravity */
    uint32_t pad[4];                         /* top, right, bottom, left */
    double blur, sharpen, dpr;               /* dpr 0: 1 */
    bool linear, grayscale, flatten;
};

/* Reads words. Errors: USAGE. */
int sfx_look_parse(const struct sfx_look_words *words, struct sfx_look *look, struct sfx_err *err);

/* How the upright output lies in a stored image of that EXIF orientation. */
struct sfx_orient sfx_look_orient(const struct sfx_look *look, unsigned orientation);

/* True when samples must be mixed one by one, as float: linear light, gray of colour, any angle. */
bool sfx_look_is_real(const struct sfx_look *look);

/* True when an image of its own size is as it was. */
bool sfx_look_is_plain(const struct sfx_look *look);

/* Where an output's image comes from and how it lies on the output. */
struct sfx_frame {
    double x, y, w, h; /* the part of the upright image that is resampled, in its pixels */
    double crop_x, crop_y, crop_w, crop_h; /* beyond this nothing counts */
    uint64_t image_w, image_h;             /* to this size */
    uint64_t canvas_w, canvas_h;           /* the output's size */
    uint64_t left, top;                    /* where on it the image lies */
    bool chosen; /* the canvas shows a part of the image, which its content decides */
};

/*
 * Fills frame for an upright image of width_px by height_px (> 0) that is to be of size. Errors:
 * INPUT for a crop that is not within the image.
 */
int sfx_look_frame(const struct sfx_look *look, const struct sfx_geometry *size, uint32_t width_px,
                   uint32_t height_px, struct sfx_frame *frame, struct sfx_err *err);

#endif
