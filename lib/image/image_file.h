/* SPDX-License-Identifier: MIT */
/*
 * The outputs of one input: their names, whether they may be written, their files. The pixels are a
 * worker's business (image_worker.h).
 *
 * Contract: nothing is visible before _commit, then all outputs of an input or none. An output
 * never replaces its own input, nor another of the run, unless the plan is to do so in place.
 * Threads: one struct each; the options may be shared.
 */
#ifndef SFX_IMAGE_IMAGE_FILE_H
#define SFX_IMAGE_IMAGE_FILE_H

#include "base/claims.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/sha256.h"
#include "cli/template.h"
#include "image/resize.h"

#include <sys/stat.h>

/* What becomes of an output whose name is taken (by no input of the run). */
enum sfx_image_overwrite {
    SFX_IMAGE_ALWAYS = 0, /* it is replaced */
    SFX_IMAGE_OLDER,      /* it is replaced if it is older than the input, else kept */
    SFX_IMAGE_NEVER,      /* it is kept */
};

struct sfx_image_file_opts {
    const struct sfx_resize_opts *resize;
    const struct sfx_template *name; /* NULL: {stem}-{width}x{height}.{ext} beside the input */
    struct sfx_claims *claims;       /* shared by the inputs of a run; may be NULL */
    const int *fd;                   /* when set, the one output is written there, not to a file */
    const char *tmp_dir;             /* when set, outputs are unnamed files there: the caller puts
                                        them where their name belongs, in an archive */
    enum sfx_image_overwrite overwrite;
    bool unclaimed; /* the caller sees to it that no two inputs make the same output */
    bool in_place;  /* the one output replaces the input */
    bool durable;
    bool dry_run; /* read headers, work out names and sizes, write nothing */
};

/* What is known of an input before it is opened as an image. */
struct sfx_image_subject {
    const char *path;          /* for names: of the file, or of the member of an archive; NULL: it
                                  has none. Borrowed */
    const char *label;         /* tells it from other inputs; borrowed */
    struct sfx_slice event_id; /* for {id}, may be empty; borrowed */
    struct stat st;            /* of the file (of the archive), when is_file */
    bool is_file;
    bool is_member; /* of an archive: there is no folder beside it */
};

/* An output. */
struct sfx_image_made {
    size_t index;             /* of its size in the options */
    struct sfx_outfile *file; /* owned; NULL for what follows, or after it was taken */
    int fd;                   /* owned: the unnamed file of tmp_dir; -1: none */
    struct sfx_template_name name;
    enum sfx_image_format format;
    uint32_t width_px, height_px;
    bool kept; /* what stood under the name was kept: nothing is written */
    uint64_t nbytes;
    unsigned char sha256[SFX_SHA256_NBYTES]; /* when hashes are asked for */
};

struct sfx_image_file {
    const struct sfx_image_file_opts *opts;
    struct sfx_image_subject subject;
    struct sfx_path_parts parts; /* of subject.path; all empty without one */
    struct sfx_image_made *made; /* owned; in the order of the options' sizes */
    size_t nmade;
    uint64_t in_nbytes; /* encoded bytes read */
    unsigned char in_sha256[SFX_SHA256_NBYTES];
    struct sfx_image_found found;
    struct sfx_err damage;         /* code 0: the input was whole; else what was wrong with it */
    struct sfx_buf text;           /* JSON: what --info says */
    struct sfx_buf blurhash, lqip; /* placeholders */
    int64_t wall_ns;               /* from the start of the work to its end */
};

/* Starts on an input; opts and what subject borrows must stay. Errors: NOMEM. */
int sfx_image_file_init(struct sfx_image_file *file, const struct sfx_image_file_opts *opts,
                        const struct sfx_image_subject *subject, struct sfx_err *err);

/*
 * An output is to be made, as facts say (their input is not looked at): works out its name. 0: *fd
 * is where it is written to (borrowed); 1: it is not to be written, for it is made already, kept,
 * or this is a dry run. In names {date} and {time} are of the input's modification. Errors: as
 * sfx_outfile_new; USAGE for a name that is taken.
 */
int sfx_image_file_open(struct sfx_image_file *file, const struct sfx_resize_facts *facts, int *fd,
                        struct sfx_err *err);

/* The output of that size of the options, or NULL. */
struct sfx_image_made *sfx_image_file_made(struct sfx_image_file *file, size_t index);

/* Gives all outputs their names. Errors: IO; those named so far stay. */
int sfx_image_file_commit(struct sfx_image_file *file, struct sfx_err *err);

/* Frees; outputs that have no name vanish. An all-zero file is fine. */
void sfx_image_file_done(struct sfx_image_file *file);

#endif
