/* SPDX-License-Identifier: MIT */
/* The hash table over canonical keys. */
#include "query/keyset_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_NBYTES      ((size_t)2 << 20) /* a huge page */
#define FIRST_BITS       10                /* of the number of slots */
#define SLOT_AHEAD       48                /* rows: the slot is fetched first, */
#define KEY_AHEAD        24 /* then the key that it leads to; each distance covers a cache miss */
#define ARENA_NBYTES     ((size_t)4 << 20) /* the most that the arena takes at once */
#define MIN_ARENA_NBYTES ((size_t)64 << 10)

void sfx_keyset_init(struct sfx_keyset *set, struct sfx_operator *op, size_t payload_nbytes)
{
    size_t step = sfx_operator_opts(op)->memory_nbytes / 16;

    /* What payloads lead to is charged afterwards: by that much the set may be over the limit. */
    step = step > ARENA_NBYTES ? ARENA_NBYTES : step < MIN_ARENA_NBYTES ? MIN_ARENA_NBYTES : step;
    *set = (struct sfx_keyset){
        .op = op,
        .arena.step_nbytes = step,
        .payload_nbytes = payload_nbytes,
        .budget_nbytes = UINT64_MAX,
        .shift = 64 - FIRST_BITS + 1,
    };
    set->last = &set->first;
}

void sfx_keyset_done(struct sfx_keyset *set)
{
    if (set->op != NULL)
        (void)sfx_operator_charge(set->op, -(int64_t)set->charged);
    free(set->slots);
    sfx_arena_done(&set->arena);
    *set = (struct sfx_keyset){0};
}

/* Accounts for what the set has grown to, and extra more. */
static bool charge(struct sfx_keyset *set, size_t extra)
{
    uint64_t now = set->arena.total_nbytes + set->cap * sizeof(*set->slots) + extra;

    if (now > set->budget_nbytes && now > set->charged)
        return false;
    if (!sfx_operator_charge(set->op, (int64_t)(now - set->charged)))
        return false;
    set->charged = now;
    return true;
}

bool sfx_keyset_charge(struct sfx_keyset *set)
{
    return charge(set, 0);
}

static void place(const struct sfx_keyset *set, struct sfx_key_slot slot)
{
    size_t at = slot.hash >> set->shift;

    while (set->slots[at].key != NULL)
        at = (at + 1) & (set->cap - 1);
    set->slots[at] = slot;
}

/* Free slots; many of them on huge pages, as they are looked up here and there. */
static struct sfx_key_slot *alloc_slots(size_t cap)
{
    size_t nbytes = cap * sizeof(struct sfx_key_slot);
    void *slots = NULL;

    if (nbytes < 2 * HUGE_NBYTES)
        return calloc(cap, sizeof(struct sfx_key_slot));
    if (posix_memalign(&slots, HUGE_NBYTES, nbytes) != 0)
        return NULL;
    (void)madvise(slots, nbytes, MADV_HUGEPAGE); /* only makes it faster */
    memset(slots, 0, nbytes);
    return slots;
}

/* Doubles the slots: 1; 0 when memory is at the limit. */
static int grow(struct sfx_keyset *set, struct sfx_err *err)
{
    struct sfx_key_slot *old = set->slots;
    size_t old_cap = set->cap, cap = (size_t)1 << (64 - (set->shift - 1)), i;
    struct sfx_key_slot *slots;

    if (!charge(set, cap * sizeof(*slots)))
        return 0;
    slots = alloc_slots(cap);
    if (slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu keys", cap);
    set->slots = slots;
    set->cap = cap;
    set->shift--;
    for (i = 0; i < old_cap; i++) {
        if (old[i].key != NULL)
            place(set, old[i]);
    }
    free(old);
    (void)charge(set, 0); /* less than before */
    return 1;
}

static struct sfx_key *new_key(struct sfx_keyset *set, const char *bytes, uint32_t len,
                               struct sfx_err *err)
{
    struct sfx_key *key =
        sfx_arena_alloc(&set->arena, sizeof(*key) + set->payload_nbytes + len, err);

    if (key == NULL)
        return NULL;
    key->next = NULL;
    key->len = len;
    memset(key->payload, 0, set->payload_nbytes);
    if (len > 0)
        memcpy(key->payload + set->payload_nbytes, bytes, len);
    *set->last = key;
    set->last = &key->next;
    set->count++;
    return key;
}

/* Whether len bytes are the same: short ones without a call. */
static inline bool same_bytes(const unsigned char *a, const char *b, uint32_t len)
{
    uint64_t x, y;

    if (len > 16)
        return memcmp(a, b, len) == 0;
    if (len >= 8) { /* two words, which may overlap */
        uint64_t p, q;

        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        memcpy(&p, a + len - 8, 8);
        memcpy(&q, b + len - 8, 8);
        return x == y && p == q;
    }
    for (; len > 0; len--) {
        if (a[len - 1] != (unsigned char)b[len - 1])
            return false;
    }
    return true;
}

/* The slot of that key, or the free one where it belongs. */
static inline struct sfx_key_slot *slot_of(const struct sfx_keyset *set, uint64_t hash,
                                           const char *bytes, uint32_t len)
{
    size_t at = hash >> set->shift;

    for (; set->slots[at].key != NULL; at = (at + 1) & (set->cap - 1)) {
        const struct sfx_key *key = set->slots[at].key;

        if (set->slots[at].hash == hash && key->len == len &&
            same_bytes(sfx_key_data(set, key), bytes, len))
            break;
    }
    return &set->slots[at];
}

static inline void prefetch(const struct sfx_keyset *set, const uint64_t *hashes, uint32_t i,
                            uint32_t n)
{
    if (i + SLOT_AHEAD < n)
        __builtin_prefetch(&set->slots[hashes[i + SLOT_AHEAD] >> set->shift]);
    if (i + KEY_AHEAD < n) {
        uint64_t hash = hashes[i + KEY_AHEAD];
        size_t at = hash >> set->shift;

        while (set->slots[at].key != NULL && set->slots[at].hash != hash)
            at = (at + 1) & (set->cap - 1);
        __builtin_prefetch(set->slots[at].key);
    }
}

/* Bytes that there are for more keys. */
static uint64_t room_for_keys(const struct sfx_keyset *set)
{
    uint64_t available = sfx_operator_available(set->op);
    size_t step = set->arena.total_nbytes + 4096; /* what the arena may take at once */

    step = step < set->arena.step_nbytes ? step : set->arena.step_nbytes;
    if (set->budget_nbytes <= set->charged)
        available = 0;
    else if (available > set->budget_nbytes - set->charged)
        available = set->budget_nbytes - set->charged;
    /* What is left of a chunk counts only when the arena cannot have another one. */
    return available > step ? available - step : sfx_arena_room(&set->arena);
}

/* How many of the keys begin … n - 1 there is memory for. <0: NOMEM. */
static int64_t reserve(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t begin,
                       uint32_t n, struct sfx_err *err)
{
    size_t each = sizeof(struct sfx_key) + set->payload_nbytes + _Alignof(max_align_t) - 1;
    uint32_t at = begin > 0 ? keys->ends[begin - 1] : 0, most = n - begin, i;
    uint64_t room;

    while (set->count + most > set->cap / 4 * 3) { /* at most three quarters full */
        int rc = grow(set, err);

        if (rc < 0)
            return rc;
        if (rc == 0)
            break;
    }
    if (most > set->cap / 4 * 3 - set->count)
        most = (uint32_t)(set->cap / 4 * 3 - set->count);
    room = room_for_keys(set);
    if (most == 0 || keys->ends[begin + most - 1] - at + most * each <= room)
        return most;
    for (i = 0; keys->ends[begin + i] - at + (i + 1) * each <= room; i++)
        ;
    return i;
}

int64_t sfx_keyset_add_some(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t begin,
                            uint32_t n, struct sfx_key **entries, bool *fresh, struct sfx_err *err)
{
    uint32_t i, end, at = begin > 0 ? keys->ends[begin - 1] : 0;
    int64_t room = n > begin ? reserve(set, keys, begin, n, err) : 0;

    if (room < 0)
        return room;
    end = room < n - begin ? begin + (uint32_t)room : n;
    for (i = begin; i < end; i++) {
        uint32_t len = keys->ends[i] - at;
        struct sfx_key_slot *slot;

        prefetch(set, keys->hashes, i, end);
        slot = slot_of(set, keys->hashes[i], keys->bytes.data + at, len);
        fresh[i] = slot->key == NULL;
        if (fresh[i]) {
            struct sfx_key *key = new_key(set, keys->bytes.data + at, len, err);

            if (key == NULL)
                return SFX_E_NOMEM;
            *slot = (struct sfx_key_slot){keys->hashes[i], key};
        }
        entries[i] = slot->key;
        at = keys->ends[i];
    }
    (void)charge(set, 0); /* within what was there */
    return end;
}

int sfx_keyset_add(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t n,
                   struct sfx_key **entries, bool *fresh, struct sfx_err *err)
{
    int64_t end = sfx_keyset_add_some(set, keys, 0, n, entries, fresh, err);

    if (end < 0)
        return (int)end;
    return end < n ? sfx_operator_over_limit(set->op, err) : 0;
}

void sfx_keyset_find(const struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t begin,
                     uint32_t n, struct sfx_key **entries)
{
    uint32_t i, at = begin > 0 ? keys->ends[begin - 1] : 0;

    for (i = begin; i < n; i++) {
        entries[i] = NULL;
        if (set->cap > 0) {
            prefetch(set, keys->hashes, i, n);
            entries[i] =
                slot_of(set, keys->hashes[i], keys->bytes.data + at, keys->ends[i] - at)->key;
        }
        at = keys->ends[i];
    }
}

static bool comes_before(const struct sfx_keyset *set, const struct sfx_key_slot *a,
                         const struct sfx_key_slot *b)
{
    uint32_t n = a->key->len < b->key->len ? a->key->len : b->key->len;
    int order;

    if (a->hash != b->hash)
        return a->hash < b->hash;
    order = n > 0 ? memcmp(sfx_key_data(set, a->key), sfx_key_data(set, b->key), n) : 0;
    return order != 0 ? order < 0 : a->key->len < b->key->len;
}

void sfx_keyset_sort(struct sfx_keyset *set)
{
    struct sfx_key_slot *slots = set->slots;
    size_t i, n = 0, wrapped = 0, moved;

    /* Those that went over the end and around belong behind all others. */
    while (wrapped < set->cap && slots[wrapped].key != NULL &&
           slots[wrapped].hash >> set->shift > wrapped + set->cap / 2)
        wrapped++;
    for (i = wrapped; i < set->cap; i++) {
        if (slots[i].key == NULL)
            continue;
        struct sfx_key_slot slot = slots[i];

        /* Away from their place by a few slots at most, so insertion is all it takes. */
        for (moved = wrapped + n; moved > wrapped && comes_before(set, &slot, &slots[moved - 1]);
             moved--)
            slots[moved] = slots[moved - 1];
        slots[moved] = slot;
        n++;
    }
    for (i = 0; i < wrapped; i++) {
        struct sfx_key_slot slot = slots[0];

        memmove(slots, slots + 1, (set->count - 1) * sizeof(*slots));
        for (moved = set->count - 1; moved > 0 && comes_before(set, &slot, &slots[moved - 1]);
             moved--)
            slots[moved] = slots[moved - 1];
        slots[moved] = slot;
    }
}

void sfx_keyset_clear(struct sfx_keyset *set)
{
    if (set->slots != NULL)
        memset(set->slots, 0, set->cap * sizeof(*set->slots));
    set->count = 0;
    set->first = NULL;
    set->last = &set->first;
    sfx_arena_reset(&set->arena);
    (void)charge(set, 0);
}
