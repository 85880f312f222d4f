/* SPDX-License-Identifier: MIT */
/*
 * Picked records: the few of many that a stage keeps (the last N, N by chance, the first N of an
 * order), a lot for each key. A record that is kept takes the place of one that is not any more.
 * When memory is full, all lots go to disk, sorted by key and by rank within it, and new ones
 * begin: at the end the first N of each key's records count, whichever lot they were in.
 *
 * Use: sfx_picks_bind in the stage's bind; for each frame sfx_by_eval, settle, sfx_picks_begin, and
 * for its rows sfx_picks_push; in its finish sfx_picks_pass.
 */
#ifndef SFX_QUERY_PICKED_INTERNAL_H
#define SFX_QUERY_PICKED_INTERNAL_H

#include "query/by_internal.h"
#include "query/kept_internal.h"

/* A record that is kept: a key (which may be empty) and its row, encoded. */
struct sfx_pick {
    unsigned char *data;
    uint32_t cap, nkey, nrow;
    uint64_t seq; /* of the records that came, which one it is */
};

/* A lot; {0} is an empty one. */
struct sfx_picked {
    struct sfx_pick *picks;
    uint64_t count, cap; /* places in use; that there is memory for */
    uint64_t seen;       /* for whoever keeps the lot: records that it might have kept */
};

/* Which records of a lot are kept, and in which order all are handed on. */
enum sfx_picks_rank {
    SFX_PICKS_LAST,     /* the last ones; as they came */
    SFX_PICKS_KEY,      /* the smallest keys; as they came */
    SFX_PICKS_IN_ORDER, /* the smallest keys, in their order */
};

struct sfx_picks {
    enum sfx_picks_rank rank;
    uint64_t most;         /* that a lot keeps */
    struct sfx_by by;      /* whose keys carry a lot */
    struct sfx_picked all; /* the lot when there are no keys */
    struct sfx_kept kept;  /* how rows are encoded, and how they are handed on */
    struct sfx_sorter disk;
    bool spilled;
    uint64_t seq; /* of the record that came last */
};

/* Binds to the frames that come in; rank and most are set. Errors: USAGE, NOMEM, LIMIT (columns).
 */
int sfx_picks_bind(struct sfx_picks *picks, struct sfx_operator *op, const struct sfx_items *by,
                   const struct sfx_frame *in, struct sfx_err *err);

/* To be called for each frame, whose by-keys were evaluated, before its rows. Errors: NOMEM, LIMIT.
 */
int sfx_picks_begin(struct sfx_picks *picks, const struct sfx_frame *in, struct sfx_err *err);

/* Writes the key of a row, the seq-th record, and says where it is and how long. */
typedef int sfx_picks_key(struct sfx_operator *op, uint32_t row, uint64_t seq,
                          struct sfx_slice *key, struct sfx_err *err);

/* Keeps, of the selected rows from begin on, those that count. key: NULL for empty ones. Errors:
 * LIMIT (a row alone is too large), IO, NOMEM. */
int sfx_picks_push(struct sfx_picks *picks, const struct sfx_frame *in, uint32_t begin,
                   sfx_picks_key *key, struct sfx_err *err);

/* Hands on, in order, what was kept. Errors: IO, NOMEM, those of the stages behind. */
int sfx_picks_pass(struct sfx_picks *picks, struct sfx_err *err);

/* Frees all; {0} is taken, too. */
void sfx_picks_done(struct sfx_picks *picks);

#endif
