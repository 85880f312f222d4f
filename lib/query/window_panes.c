/* SPDX-License-Identifier: MIT */
/* Open windows: a hash table to find a group's, a heap for the one that closes first. */
#include "query/window_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS ((size_t)64)

/* --- the heap --------------------------------------------------------------------------------- */

static bool closes_before(const struct sfx_pane *a, const struct sfx_pane *b)
{
    return a->span->end != b->span->end ? a->span->end < b->span->end : a->order < b->order;
}

static void put(struct sfx_panes *panes, size_t place, struct sfx_pane *pane)
{
    panes->heap[place] = pane;
    pane->place = place;
}

static void sift_up(struct sfx_panes *panes, struct sfx_pane *pane)
{
    size_t at = pane->place;

    for (; at > 0 && closes_before(pane, panes->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(panes, at, panes->heap[(at - 1) / 2]);
    put(panes, at, pane);
}

static void sift_down(struct sfx_panes *panes, struct sfx_pane *pane)
{
    size_t at = pane->place, child;

    for (; (child = 2 * at + 1) < panes->count; at = child) {
        if (child + 1 < panes->count && closes_before(panes->heap[child + 1], panes->heap[child]))
            child++;
        if (!closes_before(panes->heap[child], pane))
            break;
        put(panes, at, panes->heap[child]);
    }
    put(panes, at, pane);
}

void sfx_panes_moved(struct sfx_panes *panes, struct sfx_pane *pane)
{
    sift_up(panes, pane);
    sift_down(panes, pane);
}

struct sfx_pane *sfx_panes_peek(const struct sfx_panes *panes)
{
    return panes->count > 0 ? panes->heap[0] : NULL;
}

struct sfx_pane *sfx_panes_last(const struct sfx_panes *panes)
{
    return panes->count > 0 ? panes->heap[panes->count - 1] : NULL;
}

/* --- the table -------------------------------------------------------------------------------- */

static int grow(struct sfx_panes *panes, struct sfx_err *err)
{
    size_t n = panes->nbuckets == 0 ? FIRST_BUCKETS : panes->nbuckets * 2, i;
    struct sfx_pane **buckets = calloc(n, sizeof(*buckets));
    struct sfx_pane **heap = reallocarray(panes->heap, n, sizeof(*heap));

    if (heap != NULL)
        panes->heap = heap;
    if (buckets == NULL || heap == NULL) {
        free(buckets);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu windows", n);
    }
    /* Oldest first, so that the newest of a key comes first again. */
    for (i = 0; i < panes->nbuckets; i++) {
        struct sfx_pane *pane = panes->buckets[i], *turned = NULL, *older;

        for (; pane != NULL; pane = older) {
            older = pane->older;
            pane->older = turned;
            turned = pane;
        }
        for (pane = turned; pane != NULL; pane = older) {
            older = pane->older;
            pane->older = buckets[pane->hash & (n - 1)];
            buckets[pane->hash & (n - 1)] = pane;
        }
    }
    panes->nbytes += (n - panes->nbuckets) * (sizeof(*buckets) + sizeof(*heap));
    free(panes->buckets);
    panes->buckets = buckets;
    panes->nbuckets = n;
    return 0;
}

static bool is(const struct sfx_pane *pane, uint64_t hash, struct sfx_slice key)
{
    return pane->hash == hash && pane->key_len == key.len &&
           (key.len == 0 || memcmp(pane->key, key.ptr, key.len) == 0);
}

struct sfx_pane *sfx_panes_first(const struct sfx_panes *panes, uint64_t hash, struct sfx_slice key)
{
    struct sfx_pane *pane =
        panes->nbuckets > 0 ? panes->buckets[hash & (panes->nbuckets - 1)] : NULL;

    while (pane != NULL && !is(pane, hash, key))
        pane = pane->older;
    return pane;
}

struct sfx_pane *sfx_panes_next(const struct sfx_pane *pane)
{
    struct sfx_slice key = sfx_slice((const char *)pane->key, pane->key_len);
    struct sfx_pane *older = pane->older;

    while (older != NULL && !is(older, pane->hash, key))
        older = older->older;
    return older;
}

/* --- spans --------------------------------------------------------------------------------------
 */

static struct sfx_span *new_span(struct sfx_panes *panes, sfx_int128 start, sfx_int128 end,
                                 struct sfx_err *err)
{
    struct sfx_span *span = calloc(1, sizeof(*span));

    if (span == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a window");
        return NULL;
    }
    span->start = start;
    span->end = end;
    panes->nbytes += sizeof(*span);
    return span;
}

static void free_span(struct sfx_panes *panes, struct sfx_span *span)
{
    panes->nbytes -= sizeof(*span) + span->arena.total_nbytes;
    sfx_arena_done(&span->arena);
    free(span);
}

/* Where the shared span with that start is, or would be. */
static size_t place_of(const struct sfx_panes *panes, sfx_int128 start)
{
    size_t low = 0, high = panes->nspans;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (panes->spans[middle]->start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct sfx_span *sfx_panes_span(struct sfx_panes *panes, sfx_int128 start, sfx_int128 end,
                                struct sfx_err *err)
{
    size_t at = place_of(panes, start), cap = panes->cap_spans;
    struct sfx_span **grown, *span;

    if (at < panes->nspans && panes->spans[at]->start == start)
        return panes->spans[at];
    if (panes->nspans == cap) {
        cap = cap == 0 ? 16 : cap * 2;
        grown = reallocarray(panes->spans, cap, sizeof(*grown));
        if (grown == NULL) {
            (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu windows", cap);
            return NULL;
        }
        panes->spans = grown;
        panes->cap_spans = cap;
    }
    span = new_span(panes, start, end, err);
    if (span == NULL)
        return NULL;
    memmove(panes->spans + at + 1, panes->spans + at, (panes->nspans - at) * sizeof(*panes->spans));
    panes->spans[at] = span;
    panes->nspans++;
    return span;
}

/* Ends a span whose last pane is gone. */
static void end_span(struct sfx_panes *panes, struct sfx_span *span)
{
    size_t at = place_of(panes, span->start);

    if (at < panes->nspans && panes->spans[at] == span) {
        panes->nspans--;
        memmove(panes->spans + at, panes->spans + at + 1,
                (panes->nspans - at) * sizeof(*panes->spans));
    }
    free_span(panes, span);
}

/* --- panes --------------------------------------------------------------------------------------
 */

static size_t size_of(const struct sfx_panes *panes, size_t key_len)
{
    return sizeof(struct sfx_pane) + panes->state_nbytes + key_len;
}

struct sfx_pane *sfx_panes_add(struct sfx_panes *panes, uint64_t hash, struct sfx_slice key,
                               struct sfx_span *span, sfx_int128 start, sfx_int128 end,
                               struct sfx_err *err)
{
    struct sfx_pane *pane;

    if (panes->count == panes->nbuckets && grow(panes, err) < 0)
        return NULL;
    pane = calloc(1, size_of(panes, key.len));
    if (pane == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a window");
        return NULL;
    }
    pane->span = span != NULL ? span : new_span(panes, start, end, err);
    if (pane->span == NULL) {
        free(pane);
        return NULL;
    }
    pane->span->npanes++;
    pane->hash = hash;
    pane->order = panes->next_order++;
    pane->key = pane->state + panes->state_nbytes;
    pane->key_len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(pane->key, key.ptr, key.len);
    pane->older = panes->buckets[hash & (panes->nbuckets - 1)];
    panes->buckets[hash & (panes->nbuckets - 1)] = pane;
    pane->place = panes->count++;
    sift_up(panes, pane);
    panes->nbytes += size_of(panes, key.len);
    return pane;
}

void sfx_panes_take(struct sfx_panes *panes, struct sfx_pane *pane)
{
    struct sfx_pane **link = &panes->buckets[pane->hash & (panes->nbuckets - 1)];
    struct sfx_pane *last = panes->heap[--panes->count];

    while (*link != pane)
        link = &(*link)->older;
    *link = pane->older;
    if (last != pane) {
        put(panes, pane->place, last);
        sfx_panes_moved(panes, last);
    }
}

void sfx_panes_free(struct sfx_panes *panes, struct sfx_pane *pane)
{
    if (--pane->span->npanes == 0)
        end_span(panes, pane->span);
    panes->nbytes -= size_of(panes, pane->key_len);
    free(pane);
}

void sfx_panes_remove(struct sfx_panes *panes, struct sfx_pane *pane)
{
    sfx_panes_take(panes, pane);
    sfx_panes_free(panes, pane);
}

bool sfx_panes_fit(struct sfx_panes *panes)
{
    if (!sfx_operator_charge(panes->op, (int64_t)(panes->nbytes - panes->charged)))
        return false;
    panes->charged = panes->nbytes;
    return true;
}

int sfx_panes_charge(struct sfx_panes *panes, struct sfx_err *err)
{
    return sfx_panes_fit(panes) ? 0 : sfx_operator_over_limit(panes->op, err);
}

void sfx_panes_done(struct sfx_panes *panes)
{
    while (panes->count > 0)
        sfx_panes_remove(panes, panes->heap[panes->count - 1]);
    while (panes->nspans > 0)
        end_span(panes, panes->spans[panes->nspans - 1]);
    free(panes->buckets);
    free(panes->heap);
    free(panes->spans);
    *panes = (struct sfx_panes){0};
}
