/* SPDX-License-Identifier: MIT */
/*
 * The process in which images are decoded: locked down, given open descriptors, asked one file
 * after the other. What it asks for (names and files of outputs) and what it found goes to its
 * parent over a channel (base/child.h), which believes it nothing.
 *
 * The conversation: the parent sends an ORDER with the input's descriptor; the worker sends an OPEN
 * for each output, which is answered by an ANSWER; then an END, whose ends of outputs and text
 * stand behind it. When the channel closes the worker ends.
 */
#ifndef SFX_IMAGE_IMAGE_WORKER_H
#define SFX_IMAGE_IMAGE_WORKER_H

#include "base/sha256.h"
#include "image/resize.h"

#include <limits.h>

/* What is wanted of every file of a run. */
struct sfx_image_task {
    const struct sfx_resize_opts *resize;
    unsigned placeholders; /* enum sfx_placeholder bits; the last output is what they are made of */
    uint64_t max_in_nbytes; /* of an encoded image; 0: no limit */
    bool describe;          /* read the header, make nothing: the text is a line of --info */
    bool hash;              /* SHA-256 of inputs and outputs */
    bool durable;           /* outputs are synced */
    bool sandbox;           /* lock the worker down as far as the kernel can */
};

/* How many outputs fit into an END. */
#define SFX_IMAGE_MAX_OUTPUTS 256

/* Of a description behind an END: what a message has room for beside the rest. */
#define SFX_IMAGE_MAX_TEXT 32768

struct sfx_image_order {
    char path[PATH_MAX]; /* for the text of a description */
    bool is_file;        /* with a size of … */
    uint64_t nbytes;
    unsigned libs; /* enum sfx_codec_lib bits; what the first order names is opened */
};

struct sfx_image_answer {
    int rc;              /* 0: write to the descriptor; 1: it is not wanted; <0: as err says */
    char name[PATH_MAX]; /* of the output, for messages */
    struct sfx_err err;
};

enum sfx_image_report_kind { SFX_IMAGE_OPEN = 1, SFX_IMAGE_END };

struct sfx_image_open {
    uint32_t kind;
    uint32_t index, format, width_px, height_px; /* as struct sfx_resize_facts */
};

struct sfx_image_output_end {
    uint32_t index;
    uint64_t nbytes;
    unsigned char sha256[SFX_SHA256_NBYTES];
};

struct sfx_image_end {
    uint32_t kind;
    int rc;
    uint64_t in_nbytes;
    unsigned char in_sha256[SFX_SHA256_NBYTES];
    /* What stands behind: ends of outputs, a description, a blurhash, an LQIP. */
    uint32_t noutputs, text_nbytes, blurhash_nbytes, lqip_nbytes;
    struct sfx_image_found found;
    struct sfx_err err;
    uint32_t damaged; /* 1: what there is was made; this was damaged: */
    struct sfx_err damage;
};

/* The worker's life, for sfx_child_start; ctx: struct sfx_image_task. */
int sfx_image_worker_serve(void *ctx, int channel);

#endif
