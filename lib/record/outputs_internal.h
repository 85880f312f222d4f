/* SPDX-License-Identifier: MIT */
/* The inside of outputs: files (outputs.c) and which row goes to which (output_rows.c). */
#ifndef SFX_RECORD_OUTPUTS_INTERNAL_H
#define SFX_RECORD_OUTPUTS_INTERNAL_H

#include "base/arena.h"
#include "record/outputs.h"

struct sfx_output {
    char *path;      /* as the template was rendered; in the arena */
    size_t root_len; /* of it, see sfx_template_name */
    const struct sfx_format *format;
    struct sfx_writer *writer;
    struct sfx_outfile *file; /* NULL until the first bytes are written */
    bool onto;                /* what the hooks give is still to be copied into it */
    struct sfx_buf pending;
    uint64_t records;
    bool unfit;                       /* there were records that the format cannot hold */
    bool open;                        /* file is, and stands in the list of open ones */
    struct sfx_output *newer, *older; /* of the open ones */
    uint32_t first, last;             /* positions of this batch's rows; first is valid when … */
    uint64_t batch;                   /* … this is the number of the batch */
};

/* From bytes to outputs. */
struct sfx_output_map {
    struct sfx_output_slot {
        uint64_t hash;
        const char *key; /* NULL: empty */
        uint32_t len;
        struct sfx_output *output;
    } * slots;
    size_t cap, count;
};

/* A template, bound to the columns of the batches. */
struct sfx_output_route {
    char *text; /* in the arena */
    struct sfx_template *name;
    size_t ncolumns;
    int *columns;             /* indices into the batch, -1: null */
    struct sfx_slice *values; /* of a row */
    uint64_t schema;          /* of the batch that columns are of */
    struct sfx_output *only;  /* without columns: the one output */
};

struct sfx_outputs {
    struct sfx_outputs_opts opts;
    const struct sfx_format *format;
    struct sfx_arena arena; /* paths and keys */
    struct sfx_output **outputs;
    size_t count, cap;
    struct sfx_output *newest, *oldest; /* of the open ones */
    size_t nopen;
    size_t pending_nbytes;
    uint64_t nbytes;
    /* Of the call in hand: where unfit records go, or NULL, and the output that is written. */
    const struct sfx_reject_sink *rejects;
    struct sfx_output *writing;
    struct sfx_reject_sink unfit; /* for writers: it counts, and hands on to rejects */
    /* output_rows.c */
    struct sfx_output_route *routes;
    size_t nroutes;
    struct sfx_output_map by_key, by_path;
    struct sfx_template_name name;
    struct sfx_buf key, texts;
    uint64_t batch;
    struct sfx_output *touched[SFX_BATCH_ROWS];
    uint32_t next[SFX_BATCH_ROWS];
};

/* Adds an output under the name in outputs->name. Errors: NULL; USAGE, LIMIT, NOMEM. */
struct sfx_output *sfx_outputs_add(struct sfx_outputs *outputs, struct sfx_err *err);

/* Writes nsel rows of batch to output. Errors: IO, INPUT, NOMEM. */
int sfx_output_write(struct sfx_outputs *outputs, struct sfx_output *output,
                     const struct sfx_batch *batch, uint16_t *sel, uint32_t nsel,
                     struct sfx_err *err);

/* Frees what output_rows.c made. */
void sfx_outputs_free_routes(struct sfx_outputs *outputs);

#endif
