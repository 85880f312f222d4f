/* SPDX-License-Identifier: MIT */
/*
 * Records sorted by key, in memory and, beyond that, in runs on disk. Equal keys come out in the
 * order they came in. Records: see sort_key_internal.h.
 *
 * Use: _init, then for each record _reserve, write key and body, _commit; then _sort, _next until
 * it gives 0; then _clear for the next lot, or _done.
 */
#ifndef SFX_QUERY_SORTER_INTERNAL_H
#define SFX_QUERY_SORTER_INTERNAL_H

#include "query/runs_internal.h"
#include "query/stage_internal.h"

struct sfx_sorter {
    struct sfx_operator *op; /* whose memory it is; NULL: nothing goes to disk */
    bool ready;
    bool paid;              /* its budget was set aside, or is nobody's: nothing is charged */
    uint64_t budget_nbytes; /* it takes no more than that */
    struct sfx_runs runs;
    /* The records in memory. */
    struct sfx_sorter_chunk *chunks, *spare; /* newest first; emptied ones */
    struct sfx_sort_item *items;
    size_t nitems, cap_items; /* there is as much room again, for sorting */
    bool long_keys;
    uint64_t charged;
    /* Reading. */
    size_t at;
    struct sfx_merge *merge; /* NULL: all are in memory */
};

/* budget_nbytes: 0 for what the query's limit leaves. op NULL: for little that is not accounted. */
void sfx_sorter_init(struct sfx_sorter *sorter, struct sfx_operator *op, uint64_t budget_nbytes);

/* The same with a budget that is set aside now, so that it is there whenever it is needed. Errors:
 * LIMIT. */
int sfx_sorter_init_paid(struct sfx_sorter *sorter, struct sfx_operator *op, uint64_t budget_nbytes,
                         struct sfx_err *err);

/*
 * Makes room for key and body of at most nbytes, on disk if need be: *key is where the key is to be
 * written, the body right behind it. Errors: LIMIT (the record alone is too large), IO, NOMEM.
 */
int sfx_sorter_reserve(struct sfx_sorter *sorter, size_t nbytes, unsigned char **key,
                       struct sfx_err *err);

/* Adds what was written to the room that was reserved. */
void sfx_sorter_commit(struct sfx_sorter *sorter, size_t key_nbytes, size_t body_nbytes);

/* Ends the writing. Errors: IO, NOMEM. */
int sfx_sorter_sort(struct sfx_sorter *sorter, struct sfx_err *err);

/* The next record in order: 1, valid until the next call (in memory: until _clear); 0 at the end.
 * Errors: IO, NOMEM. */
int sfx_sorter_next(struct sfx_sorter *sorter, const unsigned char **record, struct sfx_err *err);

/* Goes back to the first record. Errors: IO, NOMEM. */
int sfx_sorter_rewind(struct sfx_sorter *sorter, struct sfx_err *err);

/* Whether records stay where they are after the next _next. */
static inline bool sfx_sorter_keeps_records(const struct sfx_sorter *sorter)
{
    return sorter->merge == NULL;
}

/* Forgets all records; memory is kept for the next. */
void sfx_sorter_clear(struct sfx_sorter *sorter);

/* Frees all; {0} is taken, too. */
void sfx_sorter_done(struct sfx_sorter *sorter);

#endif
