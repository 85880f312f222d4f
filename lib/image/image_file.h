/* SPDX-License-Identifier: MIT */
/*
 * One input file to its output files: names from a template, nothing visible before _commit.
 *
 * Contract: _run makes all outputs of an input or none; what it made waits in struct sfx_image_file
 * until _commit gives the names (or the caller takes the files and publishes them itself). An
 * output never replaces its own input. Messages begin with the input's name. Threads: one struct
 * each; the options may be shared.
 */
#ifndef SFX_IMAGE_IMAGE_FILE_H
#define SFX_IMAGE_IMAGE_FILE_H

#include "base/claims.h"
#include "base/outfile.h"
#include "cli/template.h"
#include "image/resize.h"

struct sfx_image_file_opts {
    const struct sfx_resize_opts *resize;
    const struct sfx_template *name; /* NULL: DIR/{stem}-{width}x{height}.{ext} beside the input */
    struct sfx_claims *claims;       /* shared by the inputs of a run; may be NULL */
    const int *fd;                   /* when set, the one output is written there, not to a file */
    bool durable;
    bool dry_run; /* read headers, work out names and sizes, write nothing */
};

/* An output. */
struct sfx_image_made {
    struct sfx_outfile *file; /* owned; NULL for a descriptor, a dry run, or after it was taken */
    struct sfx_template_name name;
    enum sfx_image_format format;
    uint32_t width_px, height_px;
    uint64_t nbytes;
};

struct sfx_image_file {
    struct sfx_image_made *made; /* owned; in the order of the options' sizes */
    size_t nmade;
    uint64_t in_nbytes; /* encoded bytes read */
};

/*
 * Makes the outputs of path ("-": standard input) into file (uninitialised); event_id for {id}, may
 * be empty. Two sizes that come out alike under one name are made once. In names {date} and {time}
 * are of the input's modification. On failure file holds nothing. Errors: as sfx_image_input_init,
 * sfx_resize and sfx_outfile_new; USAGE for a name that is taken.
 */
int sfx_image_file_run(const struct sfx_image_file_opts *opts, const char *path,
                       struct sfx_slice event_id, struct sfx_image_file *file, struct sfx_err *err);

/* Gives all outputs their names. Errors: IO; those named so far stay. */
int sfx_image_file_commit(struct sfx_image_file *file, struct sfx_err *err);

/* Frees; outputs that have no name vanish. */
void sfx_image_file_done(struct sfx_image_file *file);

#endif
