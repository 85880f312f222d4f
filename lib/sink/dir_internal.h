/* SPDX-License-Identifier: MIT */
/*
 * The parts of the sink of folders: sink_dir.c (target, load), dir_put.c (records), dir_ledger.c
 * (what was loaded), dir_publish.c (files get their names). Archives are folders, too, until they
 * are packed: sink_archive.c, see packed_internal.h.
 *
 * A load writes its files, whole, into FOLDER/_sfx_load/stage-N, synced. The rename of the new
 * ledger, which has N as its last line, is the commit; after that only renames and removals are
 * left, which can be done again: by this process, or, if it is killed, by the next one that begins
 * a load. A stage that the ledger does not have never happened.
 */
#ifndef SFX_SINK_DIR_INTERNAL_H
#define SFX_SINK_DIR_INTERNAL_H

#include "archive/input.h"
#include "base/arena.h"
#include "record/format.h"
#include "record/outputs.h"
#include "sink/packed_internal.h"
#include "sink/parquet.h"
#include "sink/typed.h"

#define SFX_DIR_OWN "_sfx_load" /* the folder of ledger and stages, and the name of the ledger */

/* Names of files, beneath the folder. */
struct sfx_dir_names {
    const char **names;
    size_t n, cap;
};

struct sfx_dir {
    struct sfx_sink base;
    struct sfx_sink_opts opts;
    char *template; /* behind the root */
    char *root;     /* "lake/", or "" for the current folder */
    char *shown;    /* what messages call it */
    char *own;      /* root and SFX_DIR_OWN */
    char *ledger;
    char *folder; /* the nearest folder that exists */
    const struct sfx_format *format;
    struct sfx_parquet_shared shared; /* of Parquet's writers */
    const char *filter;               /* of sfx_squeeze; NULL: none */
    struct sfx_reader *reader;        /* of files that get more records; NULL until needed */
    struct sfx_sink_seen seen;
    bool durable;              /* what is written is synced */
    struct sfx_packed *packed; /* the archive that the folder is to become part of; NULL: none */

    /* The load under way. */
    int lock_fd, root_fd; /* -1: none */
    bool begun;
    bool committing; /* the ledger may have the load: its stage is not to be thrown away */
    const struct sfx_sink_source *source;
    const struct sfx_sink_schema *schema;
    enum sfx_sink_mode mode;
    int64_t load_id, started_ns;
    const char *target; /* the template for this table; in the arena, as is: */
    const char *names;  /* the same, for this load */
    char *stage;        /* "lake/_sfx_load/stage-7/", or NULL */
    struct sfx_outputs *outputs;
    struct sfx_outputs_hooks hooks;
    struct sfx_slice route;      /* the template of outputs; in the arena */
    struct sfx_dir_names before; /* of target, that earlier loads made */
    struct sfx_dir_names files;  /* of this load */
    struct sfx_batch view;       /* the records with the schema's columns */
    struct sfx_column *columns;  /* of view; in the arena */
    int32_t *map;                /* schema column -> batch column; in the arena */
    uint64_t map_schema_id, view_schema_id;
    bool mapped, same;            /* same: the batch's columns are the schema's */
    struct sfx_arena arena, line; /* of the load; of a line of the ledger */
    struct sfx_buf scratch, text;
};

/* A target: files of template (with what stands behind root) beneath root, "" or ending in '/'.
 * Errors: NULL; USAGE, NOMEM. */
struct sfx_dir *sfx_dir_new(const struct sfx_sink_ops *ops, struct sfx_slice root,
                            struct sfx_slice shown, const char *template,
                            const struct sfx_sink_opts *opts, struct sfx_err *err);

/* Makes folder if it is missing, and waits until no other process has its lock, which *fd (-1; the
 * caller closes it) holds then. Errors: TEMPORARY, IO. */
int sfx_dir_lock(const struct sfx_dir *s, const char *folder, int *fd, struct sfx_err *err);

/* As ops of sink.h. */
int sfx_dir_begin(struct sfx_sink *sink, const struct sfx_sink_source *source,
                  struct sfx_sink_entry *entry, struct sfx_err *err);
int sfx_dir_prepare(struct sfx_sink *sink, const struct sfx_sink_schema *schema,
                    struct sfx_buf *ddl, struct sfx_err *err);
int sfx_dir_put(struct sfx_sink *sink, const struct sfx_batch *batch,
                const struct sfx_reject_sink *bad, uint64_t *inserted, struct sfx_err *err);
int sfx_dir_commit(struct sfx_sink *sink, const struct sfx_sink_counts *counts,
                   struct sfx_sink_entry *entry, struct sfx_err *err);
void sfx_dir_rollback(struct sfx_sink *sink);
int sfx_dir_undo(struct sfx_sink *sink, int64_t load_id, struct sfx_sink_entry *entry,
                 const char **table, struct sfx_err *err);
void sfx_dir_close(struct sfx_sink *sink);

/* Adds name (borrowed). Errors: NOMEM. */
int sfx_dir_note(struct sfx_dir_names *names, const char *name, struct sfx_err *err);

/*
 * Reads the ledger: 1 and entry filled when it has source for s->target; else 0. s->load_id becomes
 * the next load's, s->before is filled, *last (0: none) is the last load and removes what it was to
 * remove. Errors: INPUT for a ledger that is none; IO; NOMEM.
 */
int sfx_dir_ledger_find(struct sfx_dir *s, struct sfx_sink_entry *entry, int64_t *last,
                        struct sfx_dir_names *removes, struct sfx_err *err);

/* Appends the line of s->source's load: the new ledger takes the old one's place. removes: files of
 * earlier loads that go. Errors: IO, NOMEM. */
int sfx_dir_ledger_write(struct sfx_dir *s, const struct sfx_sink_entry *entry,
                         const struct sfx_dir_names *removes, struct sfx_err *err);

/* Ends or throws away what a killed process has left, by the last load of the ledger. Errors: IO.
 */
int sfx_dir_recover(struct sfx_dir *s, int64_t last, const struct sfx_dir_names *removes,
                    struct sfx_err *err);

/* Gives what stands in s->stage its names, removes what is to be removed. Errors: IO; INPUT for a
 * link on the way. */
int sfx_dir_publish(struct sfx_dir *s, const struct sfx_dir_names *removes, struct sfx_err *err);

/* Removes s->stage with all in it. */
void sfx_dir_discard(struct sfx_dir *s);

/* Fills s->files with what stands in s->stage. Errors: IO, NOMEM. */
int sfx_dir_list(struct sfx_dir *s, struct sfx_err *err);

/* Makes s->stage and s->outputs. Errors: NOMEM. */
int sfx_dir_put_begin(struct sfx_dir *s, struct sfx_err *err);

/* Reads the first records of in's current stream into batch, whose columns are those of the file
 * then; name: for messages. Errors: INPUT, IO, NOMEM. */
int sfx_dir_read_columns(struct sfx_dir *s, struct sfx_input *in, const char *name,
                         struct sfx_batch *batch, struct sfx_err *err);

/* After a load that put nothing: makes the file of a name without columns, which has no records.
 * Errors: as ops->put. */
int sfx_dir_put_none(struct sfx_dir *s, struct sfx_err *err);

#endif
