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

/* The end of the next column of a key (made without ids) at `at`. */
static inline const unsigned char *sfx_key_end(const unsigned char *at)
{
    uint32_t len;

    at = sfx_get_length(at + 1, &len);
    return at + len;
}

/* A key with what it carries; the key's bytes stand behind the payload. */
struct sfx_key {
    struct sfx_key *next; /* in order of appearance */
    uint32_t len;
    _Alignas(8) unsigned char payload[];
};

struct sfx_key_slot {
    uint64_t hash;
    struct sfx_key *key; /* NULL: free */
};

/* Slots are in the order of the hashes' high bits, so that growing and sorting go straight through.
 */
struct sfx_keyset {
    struct sfx_operator *op; /* whose memory it is */
    uint64_t budget_nbytes;  /* it takes no more than that; whoever has the set may change it */
    size_t payload_nbytes;   /* zeroed memory that each key carries */
    struct sfx_arena arena;  /* of keys, and of what their payloads lead to */
    struct sfx_key_slot *slots;
    size_t cap, count;
    unsigned shift; /* of hashes */
    struct sfx_key *first, **last;
    uint64_t charged; /* bytes accounted for */
};

void sfx_keyset_init(struct sfx_keyset *set, struct sfx_operator *op, size_t payload_nbytes);

static inline const unsigned char *sfx_key_data(const struct sfx_keyset *set,
                                                const struct sfx_key *key)
{
    return key->payload + set->payload_nbytes;
}

/*
 * Finds or adds the keys of n rows: entries[i] is filled, fresh[i] is true where the key is new.
 * Errors: NOMEM, LIMIT (more than the query's memory).
 */
int sfx_keyset_add(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t n,
                   struct sfx_key **entries, bool *fresh, struct sfx_err *err);

/*
 * The same for the rows begin … n - 1 as far as memory reaches: returns the end of those that were
 * added. entries and fresh are indexed like the rows. Errors: NOMEM.
 */
int64_t sfx_keyset_add_some(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t begin,
                            uint32_t n, struct sfx_key **entries, bool *fresh, struct sfx_err *err);

/* Looks up the keys of the rows begin … n - 1: entries[i] is NULL where the key is not there. */
void sfx_keyset_find(const struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t begin,
                     uint32_t n, struct sfx_key **entries);

/* Accounts for what payloads lead to, allocated from the set's arena: false when that is over the
 * limit; it is then accounted at the next occasion. */
bool sfx_keyset_charge(struct sfx_keyset *set);

/*
 * Brings the slots in order of hash, then bytes: slots[0 … count - 1]. Nothing can be looked up
 * any more; then _clear.
 */
void sfx_keyset_sort(struct sfx_keyset *set);

/* Forgets all keys; some memory is kept for the next. */
void sfx_keyset_clear(struct sfx_keyset *set);

void sfx_keyset_done(struct sfx_keyset *set);

#endif
