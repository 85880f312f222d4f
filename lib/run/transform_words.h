/* SPDX-License-Identifier: MIT */
/* From the words of a command line to a transformation: what goes with what, and its defaults. */
#ifndef SFX_RUN_TRANSFORM_WORDS_H
#define SFX_RUN_TRANSFORM_WORDS_H

#include "run/transform.h"

/* As the options say; all-zero: the defaults. Strings are borrowed while the plan lives. */
struct sfx_transform_words {
    const char *program_file; /* NULL: the first operand is the program */
    const char *const *args;  /* NAME=VALUE, for :NAME in the program */
    size_t nargs;
    const char *zone;      /* of times without an offset; NULL: UTC */
    const char *output;    /* a file, or a template; a folder with split_by; NULL: fd */
    const char *split_by;  /* columns, joined by commas; NULL: none */
    const char *from, *to; /* names of formats */
    const char *delimiter, *quote, *escape, *comment, *null_text;
    const char *encoding; /* of the inputs */
    const char *fields, *table, *sql;
    uint32_t terminal; /* columns of the one that fd is; 0: it is none */
    int ragged;        /* enum sfx_ragged */
    uint64_t skip_lines;
    const char *rejects;
    const char *max_errors; /* "N" or "P%"; NULL: any number */
    const char *schema;     /* a file to check the input against; NULL: none */
    const char *state;      /* a file; NULL: none */
    const char *tmp_dir;
    int on_error; /* enum sfx_on_error */
    int fd;       /* for an output without a name */
    bool provenance, follow;
    bool replay; /* the inputs are rejects: their records are read again */
    bool no_header, events, durable, infer_schema;
    uint64_t max_open, max_outputs; /* see sfx_outputs_opts */
    uint64_t memory_nbytes, max_record_nbytes, max_field_nbytes, max_ratio;
    uint64_t threads; /* 0: as many as there are processors, 2 at most */
};

struct sfx_transform_plan {
    struct sfx_transform_job job;
    struct sfx_transform_target target; /* with events */
    struct sfx_program *program;        /* owned, like what follows */
    struct sfx_table_schema *schema;
    struct sfx_template *name; /* NULL: outputs are split, or there are no events */
    struct sfx_buf split;      /* the template of split outputs */
    struct sfx_outputs_opts outputs;
    struct sfx_state *state;
    const char **paths;
    const char *output, *rejects; /* borrowed from the words; output is NULL when split */
    bool durable;
};

/*
 * Makes the plan: reads and parses the program (operands[0], or the file), finds the formats.
 * Errors: USAGE (with a place in the program), IO, NOMEM; the plan must be freed even then.
 */
int sfx_transform_plan_init(struct sfx_transform_plan *plan,
                            const struct sfx_transform_words *words, char *const *operands,
                            size_t noperands, struct sfx_err *err);

/*
 * Runs the plan without events: the output gets its name when all went well; rejects are appended
 * to their file in the name of program. Errors: as sfx_transform_run.
 */
int sfx_transform_file(struct sfx_transform_plan *plan, const char *program,
                       struct sfx_transform_result *result, struct sfx_err *err);

void sfx_transform_plan_done(struct sfx_transform_plan *plan);

#endif
