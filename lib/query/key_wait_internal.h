/* SPDX-License-Identifier: MIT */
/*
 * Records that wait for what becomes of their keys: those that come when the keys seen fill the
 * memory that is for them. Records and keys go to sorters, on disk if need be; in the end the keys
 * are put side by side, and the records come back in their order with the keys that they break.
 *
 * Use: _bind in the stage's bind; for a record that waits _row, then _key or _broken for its keys;
 * in its finish _resolve, then _next until it gives 0. A key is of a kind, a number of the
 * caller's: equal bytes of two kinds are two keys.
 */
#ifndef SFX_QUERY_KEY_WAIT_INTERNAL_H
#define SFX_QUERY_KEY_WAIT_INTERNAL_H

#include "query/kept_internal.h"

struct sfx_key_wait {
    struct sfx_kept rows;                 /* by their number */
    struct sfx_sorter keys;               /* by kind and bytes: the record's number; 0: known */
    struct sfx_sorter broken;             /* by the record's number: a kind */
    uint64_t nrows;                       /* numbers begin with 1 */
    const unsigned char *row, *complaint; /* those that are next; NULL: there are no more */
};

/* What a record breaks: row of the frame that _next is filling. */
typedef void sfx_key_broken(void *ctx, uint16_t row, size_t kind);

/* Binds to the frames that come in; the first time it sets 5 of 64 parts of the memory aside.
 * Errors: NOMEM, LIMIT. */
int sfx_key_wait_bind(struct sfx_key_wait *wait, struct sfx_operator *op,
                      const struct sfx_frame *in, struct sfx_err *err);

/* A key that is there without a record. Before all records. Errors: IO, LIMIT, NOMEM. */
int sfx_key_wait_known(struct sfx_key_wait *wait, size_t kind, struct sfx_slice key,
                       struct sfx_err *err);

/* Keeps a row of in, for which sfx_kept_begin was called with &wait->rows. Errors: IO, LIMIT,
 * NOMEM.
 */
int sfx_key_wait_row(struct sfx_key_wait *wait, const struct sfx_frame *in, uint16_t row,
                     struct sfx_err *err);

/* A key of the row kept last. Errors: IO, LIMIT, NOMEM. */
int sfx_key_wait_key(struct sfx_key_wait *wait, size_t kind, struct sfx_slice key,
                     struct sfx_err *err);

/* The row kept last breaks its key of that kind. Errors: IO, LIMIT, NOMEM. */
int sfx_key_wait_broken(struct sfx_key_wait *wait, size_t kind, struct sfx_err *err);

/* Finds out which keys are broken: of a kind that is foreign those that were not known, of another
 * one those that a record before had. Errors: IO, LIMIT, NOMEM. */
int sfx_key_wait_resolve(struct sfx_key_wait *wait,
                         bool (*is_foreign)(const void *ctx, size_t kind), const void *ctx,
                         struct sfx_err *err);

/* Makes the operator's out the next frame of records, all selected, and tells what they break: 1; 0
 * at the end. Errors: IO, NOMEM. */
int sfx_key_wait_next(struct sfx_key_wait *wait, sfx_key_broken *broken, void *ctx,
                      struct sfx_err *err);

void sfx_key_wait_done(struct sfx_key_wait *wait);

#endif
