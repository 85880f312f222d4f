/* SPDX-License-Identifier: MIT */
/* From the words of a command line to a run over images: what goes with what. */
#ifndef SFX_RUN_IMAGES_WORDS_H
#define SFX_RUN_IMAGES_WORDS_H

#include "cli/opt.h"
#include "run/images.h"

enum sfx_images_sandbox { SFX_IMAGES_SANDBOX_AUTO, SFX_IMAGES_SANDBOX_ON, SFX_IMAGES_SANDBOX_OFF };

/* As the options say, in the types of the option table. Strings are borrowed while the plan lives.
 */
struct sfx_images_words {
    struct sfx_opt_list sizes;
    const char *output, *members, *format, *background, *keep;
    const char *rejects, *ack, *manifest, *list;
    struct sfx_look_words look;
    struct sfx_encode_opts encode;
    struct sfx_image_limits limits;
    uint64_t jobs; /* 0: one for each processor */
    int64_t max_time_ns;
    uint64_t max_in_nbytes;
    int overwrite; /* enum sfx_image_overwrite */
    int sandbox;   /* enum sfx_images_sandbox */
    int on_error;  /* of damaged images: 0 fail, 1 make what is there */
    bool fast, srgb, strip, enlarge, info, events, durable, dry_run, in_place, newer, null;
    bool blurhash, lqip;
    const char *tmp_dir;
    int fd; /* of an output "-" */
};

/*
 * Fills plan (which must stay where it is) and what job takes from the words; paths are the
 * operands. Errors: USAGE for what does not go together; UNSUPPORTED for a sandbox that is insisted
 * on; NOMEM. plan is to be given to sfx_image_plan_done in any case.
 */
int sfx_images_words_plan(const struct sfx_images_words *words, char *const *paths, size_t npaths,
                          struct sfx_image_plan *plan, struct sfx_images_job *job,
                          struct sfx_err *err);

#endif
