/* SPDX-License-Identifier: MIT */
/*
 * The size that is asked for, as users write it: "320", "320x240", "320x", "x240", "50%", with a
 * mark behind it: '!' forces both sides, '<' only enlarges, '>' only shrinks, '^' covers the box.
 *
 * Contract: a size is a box that the upright image is fitted into, its proportions kept, the other
 * side rounded to the nearest pixel and never 0; or as its fit says. Images are not enlarged unless
 * a mark, a percentage above 100 or the caller says so: a box that is larger than the image gives
 * the image's own size.
 */
#ifndef SFX_IMAGE_GEOMETRY_H
#define SFX_IMAGE_GEOMETRY_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum sfx_geometry_mark {
    SFX_GEOMETRY_SHRINK = 0, /* none, or '>' */
    SFX_GEOMETRY_ENLARGE,    /* '<': smaller images grow, others stay */
    SFX_GEOMETRY_FORCE,      /* '!': exactly this size, whatever the proportions */
    SFX_GEOMETRY_BOTH,       /* shrink or enlarge */
};

/* How the image and the box of its size come together. */
enum sfx_fit {
    SFX_FIT_INSIDE = 0, /* whole within the box */
    SFX_FIT_OUTSIDE,    /* as small as it can be while it covers the box; whole */
    SFX_FIT_COVER,      /* the same, and what is outside of the box is cut off */
    SFX_FIT_CONTAIN,    /* INSIDE, on a canvas of the box's size */
    SFX_FIT_FILL,       /* exactly the box, whatever the proportions */
    SFX_FIT_NONE,       /* not resampled, what is outside of the box is cut off */
};

/* Which part stays when something is cut off, where the image lies on a larger canvas. */
enum sfx_gravity {
    SFX_GRAVITY_CENTER = 0,
    SFX_GRAVITY_NORTH,
    SFX_GRAVITY_NORTHEAST,
    SFX_GRAVITY_EAST,
    SFX_GRAVITY_SOUTHEAST,
    SFX_GRAVITY_SOUTH,
    SFX_GRAVITY_SOUTHWEST,
    SFX_GRAVITY_WEST,
    SFX_GRAVITY_NORTHWEST,
    SFX_GRAVITY_ENTROPY,   /* where most differs */
    SFX_GRAVITY_ATTENTION, /* where edges, strong colours and skin are */
};

/* How much of what is left over lies left of and above: 0, 0.5 or 1. */
void sfx_gravity_place(enum sfx_gravity gravity, double *fx, double *fy);

struct sfx_geometry {             /* all zero: the image's own size */
    uint32_t width_px, height_px; /* of the box; 0: free */
    double percent;               /* when not 0: of both sides, the box is not used */
    enum sfx_geometry_mark mark;
    enum sfx_fit fit; /* by the mark: OUTSIDE for '^', FILL for '!'; else the caller's */
};

/* Parses text (the whole of it). Errors: USAGE. */
int sfx_geometry_parse(struct sfx_slice text, struct sfx_geometry *out, struct sfx_err *err);

/*
 * The size that an upright image of width_px by height_px (> 0) becomes, before anything is cut off
 * or laid around it. Filled; at least 1 by 1;
 * may be beyond any limit, which the caller checks.
 */
void sfx_geometry_apply(const struct sfx_geometry *geometry, uint32_t width_px, uint32_t height_px,
                        uint64_t *out_width_px, uint64_t *out_height_px);

#endif
