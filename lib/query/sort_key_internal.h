/* SPDX-License-Identifier: MIT */
/*
 * Sort keys as bytes whose memcmp order is the order asked for, and a stable sort of records by
 * them. A record is its length (32 bits, itself included), its key's length (32 bits), the key, and
 * what belongs to it.
 */
#ifndef SFX_QUERY_SORT_KEY_INTERNAL_H
#define SFX_QUERY_SORT_KEY_INTERNAL_H

#include "query/eval_internal.h"

#define SFX_RECORD_HEAD_NBYTES 8

struct sfx_sort_item {
    uint64_t prefix; /* the key's first 8 bytes, big end first */
    unsigned char *record;
};

/* An upper bound of the bytes that row's key takes in one column. */
size_t sfx_sort_key_max_nbytes(const struct sfx_vec *vec, uint32_t row);

/* Appends the key of one column: by value for numbers and times, by bytes for the others, nulls
 * last; returns the bytes written. */
size_t sfx_sort_key_put(struct sfx_eval *ev, const struct sfx_vec *vec, uint32_t row, bool minus,
                        unsigned char *out);

static inline uint32_t sfx_record_nbytes(const unsigned char *record)
{
    uint32_t n;

    __builtin_memcpy(&n, record, 4);
    return n;
}

static inline uint32_t sfx_record_key_nbytes(const unsigned char *record)
{
    uint32_t n;

    __builtin_memcpy(&n, record + 4, 4);
    return n;
}

static inline const unsigned char *sfx_record_row(const unsigned char *record)
{
    return record + SFX_RECORD_HEAD_NBYTES + sfx_record_key_nbytes(record);
}

#define SFX_PREFETCH_RECORDS 16 /* ahead */
#define SFX_PREFETCH_STEP    64 /* a cache line */

/* To be called when record `at` of n items is handed on: records lie anywhere in memory. Inlined
 * by force: gcc drops calls of a function that does nothing but prefetch. */
static inline __attribute__((always_inline)) void
sfx_sort_items_prefetch(const struct sfx_sort_item *items, size_t at, size_t n)
{
    if (at + SFX_PREFETCH_RECORDS < n) {
        const unsigned char *ahead = items[at + SFX_PREFETCH_RECORDS].record;

        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + SFX_PREFETCH_STEP);
        __builtin_prefetch(ahead + 2 * (size_t)SFX_PREFETCH_STEP);
    }
}

/* An item for a record. */
struct sfx_sort_item sfx_sort_item(unsigned char *record);

/* <0, 0, >0 by key. */
int sfx_sort_item_cmp(const struct sfx_sort_item *a, const struct sfx_sort_item *b);

/* Sorts n items, equal keys keep their order. spare: room for n more. long_keys: some key has more
 * than 8 bytes. */
void sfx_sort_items(struct sfx_sort_item *items, struct sfx_sort_item *spare, size_t n,
                    bool long_keys);

#endif
