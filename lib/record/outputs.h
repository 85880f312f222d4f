/* SPDX-License-Identifier: MIT */
/*
 * Outputs by name: any number of files of records, each with a writer of its own, of which a few
 * are open at a time.
 *
 * Contract: names are templates whose {column}s are those of the records; each row goes to the file
 * that its values name, in the order it came. Rows gather in memory (8 MiB together) and are
 * appended to the file's temporary version when there are enough; the least recently written one is
 * closed when max_open are open. Nothing has its name before _commit. Memory beside the rows: about
 * 1.5 KiB for each output. Not safe for two threads at once.
 */
#ifndef SFX_RECORD_OUTPUTS_H
#define SFX_RECORD_OUTPUTS_H

#include "base/outfile.h"
#include "cli/template.h"
#include "record/format.h"

#include <sys/stat.h>

struct sfx_outputs;

#define SFX_OUTPUTS_MAX_OPEN 128   /* two descriptors each stay below the usual limit of 1024 */
#define SFX_OUTPUTS_MAX      10000 /* 15 MiB */

/* What another owner of the files does to them. */
struct sfx_outputs_hooks {
    /* An output called path begins. *format is that of its extension, or NULL; *onto: records
     * without a header follow what _onto gives. Errors: end the call. */
    int (*begin)(void *ctx, const char *path, const struct sfx_format **format, bool *onto,
                 struct sfx_err *err);
    /* Opens what comes first in path, to be closed by the output. Returns the descriptor. */
    int (*onto)(void *ctx, const char *path, struct sfx_err *err);
    /* What stands in the file for *bytes: they themselves, or what is appended to out, of which
     * *bytes becomes a slice. Pieces that follow each other are encoded one by one. */
    int (*encode)(void *ctx, const char *path, struct sfx_slice *bytes, struct sfx_buf *out,
                  struct sfx_err *err);
    void *ctx;
};

struct sfx_outputs_opts { /* all-zero: the defaults */
    size_t max_open;      /* files open at a time; default SFX_OUTPUTS_MAX_OPEN */
    size_t max_outputs;   /* default SFX_OUTPUTS_MAX */
    bool durable;         /* outputs are synced before they get their names */
    const char *taken;    /* the name of another output, that none may have; may be NULL */
    const struct sfx_template_values *values; /* with events, of their file; NULL: all names are
                                                 columns. Borrowed */
    struct sfx_writer_opts writer;
    const struct sfx_outputs_hooks *hooks; /* borrowed; may be NULL */
};

/* What an output has become. */
struct sfx_outputs_item {
    const char *path; /* borrowed */
    const struct sfx_format *format;
    uint64_t records;
};

/* Errors: NULL, NOMEM. */
struct sfx_outputs *sfx_outputs_new(const struct sfx_outputs_opts *opts, struct sfx_err *err);

/* Sets the format of outputs whose extension says none. To be called before the first _put. */
void sfx_outputs_set_format(struct sfx_outputs *outputs, const struct sfx_format *format);

/*
 * Writes batch's selected rows to the outputs that name (a template) stands for. A name without
 * columns makes its output even of no row. Fits sfx_side_outputs. Errors: USAGE (a template that is
 * none, no such column, a name that is taken), INPUT (a column that the output's header lacks),
 * LIMIT (too many outputs), IO, NOMEM.
 */
int sfx_outputs_put(void *outputs, struct sfx_slice name, struct sfx_batch *batch,
                    struct sfx_err *err);

/* The same, but what an output's format cannot hold is given to rejects (borrowed; NULL: it is an
 * error); an output that is left without a record by that is not made. Errors: as _put, and those
 * of rejects. */
int sfx_outputs_put_fit(struct sfx_outputs *outputs, struct sfx_slice name, struct sfx_batch *batch,
                        const struct sfx_reject_sink *rejects, struct sfx_err *err);

/* Bytes given to outputs so far, and how many outputs there are. */
uint64_t sfx_outputs_nbytes(const struct sfx_outputs *outputs);
size_t sfx_outputs_count(const struct sfx_outputs *outputs);

/* Ends all outputs: what may fail for want of room is done then, only renames are left. Errors: IO,
 * NOMEM. */
int sfx_outputs_finish(struct sfx_outputs *outputs, struct sfx_err *err);

/* The name (borrowed) and status of the output that _commit names last; there must be one. Errors:
 * IO. */
int sfx_outputs_last(const struct sfx_outputs *outputs, const char **name, struct stat *st,
                     struct sfx_err *err);

/* Gives all outputs their names, in the order in which they began. An error leaves those before it
 * in place. Errors: IO. */
int sfx_outputs_commit(struct sfx_outputs *outputs, struct sfx_err *err);

/* Instead of _commit: hands out the i-th output, open, for the caller to commit and free. Errors:
 * IO. */
int sfx_outputs_take(struct sfx_outputs *outputs, size_t i, struct sfx_outfile **file,
                     struct sfx_outputs_item *item, struct sfx_err *err);

/* Frees; what was not committed vanishes. NULL does nothing. */
void sfx_outputs_free(struct sfx_outputs *outputs);

#endif
