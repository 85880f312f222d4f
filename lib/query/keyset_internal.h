/* SPDX-License-Identifier: MIT */
/*
 * Sets of keys, for group and distinct: the key columns of a batch become canonical bytes, equal
 * for what counts as equal, and are looked up a batch at a time in a hash table that keeps them in
 * the order of their first appearance.
 */
#ifndef SFX_QUERY_KEYSET_INTERNAL_H
#define SFX_QUERY_KEYSET_INTERNAL_H

#include "query/stage_internal.h"

/* The canonical keys of a batch's rows. */
struct sfx_keys {
    struct sfx_buf bytes;
    uint32_t ends[SFX_BATCH_ROWS]; /* by position in the selection */
    uint64_t hashes[SFX_BATCH_ROWS];
};

/*
 * Makes the keys of the selected rows from ncols vectors. ids: NULL, or a number for each column
 * that stands in the key, so that columns that are null can be left out of it. Errors: NOMEM, LIMIT
 * (keys of more than 4 GiB in a batch).
 */
int sfx_keys_make(struct sfx_keys *keys, struct sfx_eval *ev, struct sfx_vec *const *cols,
                  const uint32_t *ids, size_t ncols, const uint16_t *sel, uint32_t nsel,
                  struct sfx_err *err);

void sfx_keys_done(struct sfx_keys *keys);

/* Reads the value of the next column of a key (made without ids) at *at into row of out. */
int sfx_key_decode(struct sfx_eval *ev, const unsigned char **at, uint32_t scale,
                   struct sfx_vec *out, uint32_t row);

struct sfx_key {
    struct sfx_key *next; /* in order of appearance */
    uint32_t len;
    unsigned char *data; /* the key's bytes */
    _Alignas(16) unsigned char payload[];
};

struct sfx_keyset {
    struct sfx_operator *op; /* whose memory it is */
    size_t payload_nbytes;   /* zeroed memory that each key carries */
    struct sfx_arena arena;
    struct sfx_key_slot *slots;
    size_t cap, count;
    struct sfx_key *first, **last;
    uint64_t charged; /* bytes accounted for */
};

void sfx_keyset_init(struct sfx_keyset *set, struct sfx_operator *op, size_t payload_nbytes);

/*
 * Finds or adds the keys of n rows: entries[i] is filled, fresh[i] is true where the key is new.
 * Errors: NOMEM, LIMIT (more than the query's memory).
 */
int sfx_keyset_add(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t n,
                   struct sfx_key **entries, bool *fresh, struct sfx_err *err);

void sfx_keyset_done(struct sfx_keyset *set);

#endif
