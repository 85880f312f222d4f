/* SPDX-License-Identifier: MIT */
/* Picked records: places in memory that grow with the records, and are used again. */
#include "query/picked_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PICKS       8
#define MALLOC_NBYTES     16 /* what an allocation costs beside its size */
#define PICK_ALIGN_NBYTES 64 /* records of like size do not make a place grow again and again */

static int add_pick(struct sfx_picked *lot, struct sfx_kept *kept, struct sfx_err *err)
{
    uint64_t cap = lot->cap == 0 ? FIRST_PICKS : lot->cap * 2;
    struct sfx_pick *picks;

    if (lot->count < lot->cap)
        return 0;
    if (!sfx_operator_charge(kept->op, (int64_t)((cap - lot->cap) * sizeof(*picks))))
        return sfx_operator_over_limit(kept->op, err);
    picks = realloc(lot->picks, cap * sizeof(*picks));
    if (picks == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %llu records", (unsigned long long)cap);
    memset(picks + lot->cap, 0, (cap - lot->cap) * sizeof(*picks));
    lot->picks = picks;
    lot->cap = cap;
    return 0;
}

int sfx_picked_reserve(struct sfx_picked *lot, struct sfx_kept *kept, uint64_t at,
                       const struct sfx_frame *in, uint32_t row, size_t nkey_max,
                       unsigned char **key, struct sfx_err *err)
{
    size_t nbytes = nkey_max + sfx_row_max_nbytes(&kept->store, in, row);
    struct sfx_pick *pick;
    int rc = at == lot->count ? add_pick(lot, kept, err) : 0;

    if (rc < 0)
        return rc;
    if (nbytes > UINT32_MAX - PICK_ALIGN_NBYTES)
        return sfx_err_set(err, SFX_E_LIMIT, "%s: a row of more than 4 GiB", kept->op->verb->name);
    pick = &lot->picks[at];
    if (pick->cap < nbytes) {
        size_t cap = (nbytes + PICK_ALIGN_NBYTES - 1) / PICK_ALIGN_NBYTES * PICK_ALIGN_NBYTES;
        unsigned char *data;

        if (!sfx_operator_charge(kept->op,
                                 (int64_t)(cap - pick->cap) + (pick->cap == 0 ? MALLOC_NBYTES : 0)))
            return sfx_operator_over_limit(kept->op, err);
        data = realloc(pick->data, cap);
        if (data == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row of %zu bytes", nbytes);
        pick->data = data;
        pick->cap = (uint32_t)cap;
    }
    *key = pick->data;
    return 0;
}

void sfx_picked_commit(struct sfx_picked *lot, struct sfx_kept *kept, uint64_t at,
                       const struct sfx_frame *in, uint32_t row, size_t nkey, uint64_t seq)
{
    struct sfx_pick *pick = &lot->picks[at];

    (void)sfx_row_encode(&kept->store, in, row, pick->data + nkey);
    pick->nkey = (uint32_t)nkey;
    pick->seq = seq;
    lot->count += at == lot->count;
}

int sfx_pick_by_seq(const struct sfx_pick *a, const struct sfx_pick *b)
{
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

int sfx_pick_by_key(const struct sfx_pick *a, const struct sfx_pick *b)
{
    int order = memcmp(a->data, b->data, a->nkey < b->nkey ? a->nkey : b->nkey);

    if (order == 0)
        order = (a->nkey > b->nkey) - (a->nkey < b->nkey);
    return order != 0 ? order : sfx_pick_by_seq(a, b);
}

static int cmp_picks(const void *a, const void *b, void *cmp)
{
    const struct sfx_pick *const *left = a, *const *right = b;

    return (*(sfx_pick_cmp **)cmp)(*left, *right);
}

/* The lots of a set's keys, and one that is of no key. */
static size_t count_picks(const struct sfx_picked *all, const struct sfx_keyset *set)
{
    const struct sfx_key *key;
    size_t n = (size_t)all->count;

    for (key = set->first; key != NULL; key = key->next)
        n += (size_t)((const struct sfx_picked *)key->payload)->count;
    return n;
}

static size_t add_picks(const struct sfx_picked *lot, const struct sfx_pick **to)
{
    uint64_t i;

    for (i = 0; i < lot->count; i++)
        to[i] = &lot->picks[i];
    return (size_t)lot->count;
}

int sfx_picked_pass(const struct sfx_picked *all, const struct sfx_keyset *set,
                    struct sfx_kept *kept, sfx_pick_cmp *cmp, struct sfx_err *err)
{
    const struct sfx_pick **picks;
    const struct sfx_key *key;
    size_t i, n = count_picks(all, set);
    int rc = sfx_kept_start(kept, err);

    if (rc < 0)
        return rc;
    picks = malloc((n + 1) * sizeof(struct sfx_pick *));
    if (picks == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu records", n);
    n = add_picks(all, picks);
    for (key = set->first; key != NULL; key = key->next)
        n += add_picks((const struct sfx_picked *)key->payload, picks + n);
    qsort_r(picks, n, sizeof(struct sfx_pick *), cmp_picks, &cmp);
    for (i = 0, rc = 1; i < n && rc > 0; i++)
        rc = sfx_kept_put(kept, picks[i]->data + picks[i]->nkey, 0, true, err);
    free(picks);
    return rc <= 0 ? rc : sfx_kept_end(kept, err);
}

static void free_lot(struct sfx_picked *lot)
{
    uint64_t i;

    for (i = 0; i < lot->cap; i++)
        free(lot->picks[i].data);
    free(lot->picks);
}

void sfx_picked_done(struct sfx_picked *all, struct sfx_keyset *set)
{
    struct sfx_key *key;

    for (key = set->first; key != NULL; key = key->next)
        free_lot((struct sfx_picked *)key->payload);
    free_lot(all);
}
