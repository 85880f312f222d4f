/* SPDX-License-Identifier: MIT */
/*
 * States by key, for blocking stages: in a hash table as long as memory reaches. When it is full,
 * all states are written to disk as a run sorted by the keys' hashes, and the table begins again;
 * at the end the runs are merged, the parts of each key are put together in the order they were
 * written, and the results are brought in the order of the keys' first appearance.
 *
 * States can be carried on to the next run in the same parts.
 */
#ifndef SFX_QUERY_GROUPS_INTERNAL_H
#define SFX_QUERY_GROUPS_INTERNAL_H

#include "query/keyset_internal.h"
#include "query/sorter_internal.h"

struct sfx_groups;

/* What a stage does with its states; ctx is the stage's. Zeroed memory is a fresh state. */
struct sfx_groups_ops {
    /* Writes what stands for state with sfx_groups_put, in one part or several. */
    int (*save)(void *ctx, unsigned char *state, struct sfx_err *err);
    /* Adds a part to state; the parts come in the order of time. */
    int (*merge)(void *ctx, unsigned char *state, const unsigned char *part, size_t part_nbytes,
                 struct sfx_err *err);
    /* To be done when all parts of a state from disk are in it; NULL: nothing. */
    int (*settle)(void *ctx, unsigned char *state, struct sfx_err *err);
};

struct sfx_groups {
    struct sfx_operator *op;
    const struct sfx_groups_ops *ops;
    void *ctx;
    size_t state_nbytes;
    struct sfx_keyset set;
    uint64_t nrows; /* that were added */
    struct sfx_key *entries[SFX_BATCH_ROWS];
    /* What is on disk. */
    struct sfx_runs runs;
    struct sfx_arena rows; /* of states that come back from disk */
    struct sfx_sorter results;
    bool merging;               /* the runs are being merged */
    bool carrying;              /* what is put is carried on to the next run */
    struct sfx_slice put_key;   /* of the state that is being saved, */
    uint64_t put_hash, put_seq; /* its hash, and its row of first appearance */
    struct sfx_buf put;
    /* Handing on. */
    const struct sfx_key *at;     /* in memory */
    const unsigned char *pending; /* the record that is next */
};

/* state_nbytes: of each key's state. */
void sfx_groups_init(struct sfx_groups *groups, struct sfx_operator *op, size_t state_nbytes,
                     const struct sfx_groups_ops *ops, void *ctx);

/*
 * Finds or makes the states of the rows begin … n - 1 as far as memory reaches, which is not less
 * than a row: returns their end. states and fresh are indexed like the rows; states stay where they
 * are until the next _add or _account. Errors: LIMIT (a key alone is too large), IO, NOMEM.
 */
int64_t sfx_groups_add(struct sfx_groups *groups, const struct sfx_keys *keys, uint32_t begin,
                       uint32_t n, unsigned char **states, bool *fresh, struct sfx_err *err);

/* Accounts for what states have taken of _arena; writes all to disk when that is too much. */
int sfx_groups_account(struct sfx_groups *groups, struct sfx_err *err);

/* Memory that lives as long as the states at hand. */
struct sfx_arena *sfx_groups_arena(struct sfx_groups *groups);

/* Writes a part of the state that is being saved: head, then rest. */
int sfx_groups_put(struct sfx_groups *groups, const void *head, size_t head_nbytes,
                   const void *rest, size_t rest_nbytes, struct sfx_err *err);

/*
 * Carries all states on to the next run, behind what the stage carries itself; to be called before
 * _finish. Errors: IO, NOMEM, what ops returned.
 */
int sfx_groups_carry(struct sfx_groups *groups, struct sfx_err *err);

/* Takes up what _carry wrote, to the end of what the stage carries. Errors: as of _add, INPUT (it
 * is damaged). */
int sfx_groups_restore(struct sfx_groups *groups, struct sfx_err *err);

/* Ends the input. Errors: IO, NOMEM, what ops returned. */
int sfx_groups_finish(struct sfx_groups *groups, struct sfx_err *err);

/*
 * The next group in order of first appearance: 1 with its key's bytes and its state, which stay
 * until _release; 0 at the end. Errors: IO, NOMEM, what ops returned.
 */
int sfx_groups_next(struct sfx_groups *groups, const unsigned char **key, unsigned char **state,
                    struct sfx_err *err);

/* Gives the memory of groups handed out back. */
void sfx_groups_release(struct sfx_groups *groups);

/* Frees all; {0} is taken, too. */
void sfx_groups_done(struct sfx_groups *groups);

#endif
