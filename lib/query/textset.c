/* SPDX-License-Identifier: MIT */
/* Sets of texts: open addressing over hashes, the texts in an arena. */
#include "query/textset_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct sfx_textset_slot {
    uint64_t hash;
    const char *text; /* NULL: free */
    size_t len;
};

#define FIRST_CAP ((size_t)64)

/* The slot that has text, or the free one where it belongs. The table is never full. */
static struct sfx_textset_slot *find(struct sfx_textset_slot *slots, size_t cap, uint64_t hash,
                                     struct sfx_slice text)
{
    size_t i = hash & (cap - 1);

    while (slots[i].text != NULL &&
           !(slots[i].hash == hash && sfx_slice_eq(sfx_slice(slots[i].text, slots[i].len), text)))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static int grow(struct sfx_textset *set, struct sfx_err *err)
{
    size_t cap = set->cap == 0 ? FIRST_CAP : set->cap * 2, i;
    struct sfx_textset_slot *slots = calloc(cap, sizeof(*slots));

    if (slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu values", set->count);
    for (i = 0; i < set->cap; i++) {
        struct sfx_slice text = sfx_slice(set->slots[i].text, set->slots[i].len);

        if (text.ptr != NULL)
            *find(slots, cap, set->slots[i].hash, text) = set->slots[i];
    }
    free(set->slots);
    set->slots = slots;
    set->cap = cap;
    return 0;
}

int sfx_textset_add(struct sfx_textset *set, struct sfx_slice text, struct sfx_err *err)
{
    uint64_t hash = sfx_hash64(text.ptr, text.len, 0);
    struct sfx_textset_slot *slot;
    char *copy;

    if (set->count * 4 >= set->cap * 3 && grow(set, err) < 0)
        return SFX_E_NOMEM;
    slot = find(set->slots, set->cap, hash, text);
    if (slot->text != NULL)
        return 0;
    copy = sfx_arena_strndup(&set->arena, text.ptr, text.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    *slot = (struct sfx_textset_slot){hash, copy, text.len};
    set->count++;
    return 1;
}

bool sfx_textset_has(const struct sfx_textset *set, struct sfx_slice text)
{
    return set->count > 0 &&
           find(set->slots, set->cap, sfx_hash64(text.ptr, text.len, 0), text)->text != NULL;
}

uint64_t sfx_textset_nbytes(const struct sfx_textset *set)
{
    return set->arena.total_nbytes + set->cap * sizeof(*set->slots);
}

void sfx_textset_done(struct sfx_textset *set)
{
    free(set->slots);
    sfx_arena_done(&set->arena);
    *set = (struct sfx_textset){0};
}
