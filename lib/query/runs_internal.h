/* SPDX-License-Identifier: MIT */
/*
 * Sorted runs of records in an unnamed temporary file, merged back in order. Equal keys come out in
 * the order of their runs, so the merge is stable. Records: see sort_key_internal.h.
 */
#ifndef SFX_QUERY_RUNS_INTERNAL_H
#define SFX_QUERY_RUNS_INTERNAL_H

#include "query/sort_key_internal.h"

struct sfx_run {
    uint64_t begin, end; /* bytes of the file */
};

struct sfx_runs {
    const char *tmp_dir; /* borrowed */
    int fd;              /* -1: no file yet */
    uint64_t nbytes;     /* written */
    uint64_t begin;      /* of the run in hand */
    struct sfx_run *runs;
    size_t nruns, cap_runs;
    struct sfx_buf out; /* what is not written yet */
};

void sfx_runs_init(struct sfx_runs *runs, const char *tmp_dir);

/* Writes n sorted items as a run of its own. Errors: IO (no room, no such folder), NOMEM. */
int sfx_runs_write(struct sfx_runs *runs, const struct sfx_sort_item *items, size_t n,
                   struct sfx_err *err);

/* A run, written record by record; they must come sorted. Errors: IO, NOMEM. */
int sfx_runs_begin(struct sfx_runs *runs, struct sfx_err *err);
int sfx_runs_add(struct sfx_runs *runs, const unsigned char *record, struct sfx_err *err);
int sfx_runs_end(struct sfx_runs *runs, struct sfx_err *err);

/* Merges runs into larger ones until at most `most` (>= 2) are left; memory_nbytes is for buffers.
 * Errors: IO, NOMEM. */
int sfx_runs_reduce(struct sfx_runs *runs, size_t most, size_t memory_nbytes, struct sfx_err *err);

/* Reads all runs in order. */
struct sfx_merge;

/* Starts a merge of the runs first … first + n - 1. Errors: NULL; IO, NOMEM. */
struct sfx_merge *sfx_merge_new(const struct sfx_runs *runs, size_t first, size_t n,
                                size_t memory_nbytes, struct sfx_err *err);

/* The next record: 1, borrowed until the next call; 0 at the end. Errors: IO, NOMEM. */
int sfx_merge_next(struct sfx_merge *merge, const unsigned char **record, struct sfx_err *err);

void sfx_merge_free(struct sfx_merge *merge);

void sfx_runs_done(struct sfx_runs *runs);

#endif
