/* SPDX-License-Identifier: MIT */
/*
 * What a user asks for, in words, as what the engine takes: sizes, format, names of outputs.
 *
 * Contract: everything that can be refused before an image is opened is refused here.
 */
#ifndef SFX_IMAGE_IMAGE_PLAN_H
#define SFX_IMAGE_IMAGE_PLAN_H

#include "image/image_file.h"

struct sfx_image_words {
    const char *const *sizes; /* as sfx_geometry_parse takes them; none: the image's own size */
    size_t nsizes;
    bool enlarge;           /* sizes without a mark enlarge, too */
    const char *output;     /* template; "-": the descriptor fd; an archive (archive/pack.h); NULL:
                               beside the input */
    const char *members;    /* template for the names in an archive; NULL: as the input, or
                               {stem}-{width}x{height}.{ext} beside it when there are several sizes */
    int fd;                 /* of "-" */
    const char *format;     /* "jpeg", "png"; NULL: by the template's extension, else the input's */
    const char *background; /* as sfx_image_colour_parse takes it; NULL: white */
    const char *keep;       /* as sfx_keep_parse takes it; NULL: icc */
    struct sfx_look_words look;
};

struct sfx_image_plan {
    struct sfx_resize_opts resize;     /* the caller may set quality, limits and such */
    struct sfx_image_file_opts file;   /* refers to the plan, which must stay where it is */
    struct sfx_resize_output *outputs; /* owned */
    struct sfx_template *name;         /* owned */
    const char *archive;               /* the output is this archive; NULL: it is none. Borrowed */
    int fd;
};

/* Fills plan (uninitialised) from words (borrowed during the call), quality 80.
 * Errors: USAGE, NOMEM; plan is then empty. */
int sfx_image_plan_init(struct sfx_image_plan *plan, const struct sfx_image_words *words,
                        struct sfx_err *err);

/* Frees; an all-zero plan is fine. */
void sfx_image_plan_done(struct sfx_image_plan *plan);

#endif
