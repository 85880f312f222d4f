/* SPDX-License-Identifier: MIT */
/*
 * Picked records: the few of many that a stage keeps (the last N, N by chance, the first N of an
 * order), in memory; a lot for each key. A record that is kept takes the place of one that is not
 * any more.
 */
#ifndef SFX_QUERY_PICKED_INTERNAL_H
#define SFX_QUERY_PICKED_INTERNAL_H

#include "query/kept_internal.h"
#include "query/keyset_internal.h"

/* A record that is kept: a key (which may be empty) and its row, encoded. */
struct sfx_pick {
    unsigned char *data;
    uint32_t cap, nkey;
    uint64_t seq; /* of the records that came, which one it is */
};

/* A lot; {0} is an empty one. */
struct sfx_picked {
    struct sfx_pick *picks;
    uint64_t count, cap; /* places in use; that there is memory for */
    uint64_t seen;       /* for whoever keeps the lot: records that it might have kept */
};

/*
 * Room for a key of at most nkey_max bytes and row in place `at` of lot (at most its count:
 * then one is added): *key is where the key is to be written; sfx_picked_commit is to follow. kept:
 * whose store, and whose stage's memory it is. Errors: LIMIT (memory), NOMEM.
 */
int sfx_picked_reserve(struct sfx_picked *lot, struct sfx_kept *kept, uint64_t at,
                       const struct sfx_frame *in, uint32_t row, size_t nkey_max,
                       unsigned char **key, struct sfx_err *err);

/* Writes row behind its key of nkey bytes. seq: see sfx_pick. */
void sfx_picked_commit(struct sfx_picked *lot, struct sfx_kept *kept, uint64_t at,
                       const struct sfx_frame *in, uint32_t row, size_t nkey, uint64_t seq);

/* How records of all lots are brought in order. */
typedef int sfx_pick_cmp(const struct sfx_pick *a, const struct sfx_pick *b);
sfx_pick_cmp sfx_pick_by_seq, sfx_pick_by_key; /* in input order; by key, then in input order */

/* Hands on, in order, the records of a lot and of those that set's keys carry. Errors: NOMEM, those
 * of the stages behind. */
int sfx_picked_pass(const struct sfx_picked *all, const struct sfx_keyset *set,
                    struct sfx_kept *kept, sfx_pick_cmp *cmp, struct sfx_err *err);

/* Frees the same lots' records; to be called before set's memory goes. */
void sfx_picked_done(struct sfx_picked *all, struct sfx_keyset *set);

#endif
