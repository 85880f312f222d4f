/* SPDX-License-Identifier: MIT */
/* The file's rows in memory: cells over bytes of their own, found by key, in the file's order. */
#include "query/join_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct sfx_side_chunk {
    struct sfx_side_chunk *next; /* older */
    size_t used, cap;
    _Alignas(16) unsigned char data[];
};

struct sfx_side_slot {
    uint64_t hash;
    struct sfx_side_row *row; /* the first with the key; NULL: free */
};

#define FIRST_SLOTS      ((size_t)1024)
#define MIN_CHUNK_NBYTES ((size_t)16 * 1024)
#define MAX_CHUNK_NBYTES ((size_t)4 << 20) /* two huge pages */
#define SLOT_AHEAD       24                /* rows: the slot is fetched first, */
#define ROW_AHEAD        12 /* then the row that it leads to; each distance covers a cache miss */

void sfx_side_init(struct sfx_side *side, struct sfx_operator *op, uint64_t budget_nbytes)
{
    *side = (struct sfx_side){.op = op, .budget_nbytes = budget_nbytes};
}

void sfx_side_clear(struct sfx_side *side)
{
    while (side->chunks != NULL) {
        struct sfx_side_chunk *next = side->chunks->next;

        free(side->chunks);
        side->chunks = next;
    }
    free(side->slots);
    if (side->op != NULL)
        (void)sfx_operator_charge(side->op, -(int64_t)side->charged);
    sfx_side_init(side, side->op, side->budget_nbytes);
}

static bool charge(struct sfx_side *side, size_t nbytes)
{
    if (nbytes > side->budget_nbytes - side->charged ||
        !sfx_operator_charge(side->op, (int64_t)nbytes))
        return false;
    side->charged += nbytes;
    return true;
}

/* Chunks grow with what is kept; large ones are on huge pages, as rows are met in no order. */
static int add_chunk(struct sfx_side *side, size_t nbytes, struct sfx_err *err)
{
    size_t cap = side->charged / 4;
    struct sfx_side_chunk *chunk;
    void *memory = NULL;

    if (cap > side->budget_nbytes / 16)
        cap = side->budget_nbytes / 16;
    cap = cap < MIN_CHUNK_NBYTES ? MIN_CHUNK_NBYTES : cap;
    cap = cap > MAX_CHUNK_NBYTES ? MAX_CHUNK_NBYTES : cap;
    if (cap < nbytes + sizeof(*chunk))
        cap = nbytes + sizeof(*chunk);
    if (!charge(side, cap))
        return 0;
    if (cap == MAX_CHUNK_NBYTES) {
        if (posix_memalign(&memory, MAX_CHUNK_NBYTES / 2, cap) == 0)
            (void)madvise(memory, cap, MADV_HUGEPAGE); /* only makes it faster */
    } else {
        memory = malloc(cap);
    }
    chunk = memory;
    if (chunk == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for rows of a file");
    *chunk = (struct sfx_side_chunk){.next = side->chunks, .cap = cap - sizeof(*chunk)};
    side->chunks = chunk;
    return 1;
}

int sfx_side_take(struct sfx_side *side, size_t nbytes, unsigned char **out, struct sfx_err *err)
{
    struct sfx_side_chunk *chunk = side->chunks;
    int rc = 1;

    nbytes = (nbytes + 15) & ~(size_t)15;
    if (chunk == NULL || chunk->cap - chunk->used < nbytes)
        rc = add_chunk(side, nbytes, err);
    if (rc <= 0)
        return rc;
    *out = side->chunks->data + side->chunks->used;
    side->chunks->used += nbytes;
    return 1;
}

/* --- the table -------------------------------------------------------------------------------- */

static void place(struct sfx_side_slot *slots, size_t cap, struct sfx_side_slot slot)
{
    size_t at = slot.hash & (cap - 1);

    while (slots[at].row != NULL)
        at = (at + 1) & (cap - 1);
    slots[at] = slot;
}

/* Room for one more key: 1; 0 when memory is at the limit. */
static int reserve_slot(struct sfx_side *side, struct sfx_err *err)
{
    size_t cap = side->cap == 0 ? FIRST_SLOTS : side->cap * 2, i;
    struct sfx_side_slot *slots;

    if (side->nkeys < side->cap / 2) /* at most half full: most keys are found at once */
        return 1;
    if (!charge(side, cap * sizeof(*slots)))
        return 0;
    slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu keys", cap);
    for (i = 0; i < side->cap; i++) {
        if (side->slots[i].row != NULL)
            place(slots, cap, side->slots[i]);
    }
    free(side->slots);
    (void)sfx_operator_charge(side->op, -(int64_t)(side->cap * sizeof(*slots)));
    side->charged -= side->cap * sizeof(*slots);
    side->slots = slots;
    side->cap = cap;
    return 1;
}

static inline bool has_key(const struct sfx_side_row *row, struct sfx_slice key)
{
    return row->key_len == key.len && (key.len == 0 || memcmp(row->key, key.ptr, key.len) == 0);
}

static inline struct sfx_side_slot *find_slot(const struct sfx_side *side, uint64_t hash,
                                              struct sfx_slice key)
{
    size_t at = hash & (side->cap - 1);

    while (side->slots[at].row != NULL &&
           (side->slots[at].hash != hash || !has_key(side->slots[at].row, key)))
        at = (at + 1) & (side->cap - 1);
    return &side->slots[at];
}

struct sfx_side_row *sfx_side_first(const struct sfx_side *side, const struct sfx_side_row *row)
{
    return find_slot(side, row->hash, sfx_slice(row->key, row->key_len))->row;
}

void sfx_side_find(const struct sfx_side *side, const struct sfx_join_keys *keys, uint32_t n,
                   struct sfx_side_row **rows)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (side->cap == 0 || keys->key[i].ptr == NULL) {
            rows[i] = NULL;
            continue;
        }
        if (i + SLOT_AHEAD < n)
            __builtin_prefetch(&side->slots[keys->hash[i + SLOT_AHEAD] & (side->cap - 1)]);
        if (i + ROW_AHEAD < n) {
            const struct sfx_side_row *ahead =
                side->slots[keys->hash[i + ROW_AHEAD] & (side->cap - 1)].row;

            if (ahead != NULL) {
                __builtin_prefetch(ahead);
                __builtin_prefetch((const char *)ahead + 64);
            }
        }
        rows[i] = find_slot(side, keys->hash[i], keys->key[i])->row;
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct sfx_cell *cell_at(const struct sfx_side_source *source, size_t c)
{
    return source->from[c] >= 0 ? &source->frame->cols[source->from[c]].vec->cells[source->row]
                                : NULL;
}

static bool is_within(struct sfx_slice raw, struct sfx_slice bytes)
{
    uintptr_t begin = (uintptr_t)raw.ptr, at = (uintptr_t)bytes.ptr;

    return raw.len > 0 && at >= begin && at + bytes.len <= begin + raw.len;
}

/* The bytes that a row takes behind its struct: cells' bytes that are not in raw, raw, key. */
static size_t row_nbytes(const struct sfx_side_source *source, struct sfx_slice raw)
{
    size_t c, nbytes = source->ncells * sizeof(struct sfx_cell) + raw.len + source->key.len;

    if (source->when != NULL)
        nbytes += sizeof(*source->when) + source->when->key.len;
    for (c = 0; c < source->ncells; c++) {
        const struct sfx_cell *cell = cell_at(source, c);
        struct sfx_slice bytes = cell != NULL ? sfx_cell_spelling(cell) : sfx_slice(NULL, 0);

        if (!is_within(raw, bytes))
            nbytes += bytes.len;
    }
    return nbytes;
}

static char *put(char **at, struct sfx_slice bytes)
{
    char *copy = *at;

    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    *at += bytes.len;
    return copy;
}

/* Copies the cells; side by side as they stood, so that a writer finds them so. */
static void copy_cells(const struct sfx_side_source *source, struct sfx_slice raw,
                       struct sfx_side_row *row, char **at)
{
    const char *record = put(at, raw);
    size_t c;

    row->ncells = (uint16_t)source->ncells;
    for (c = 0; c < source->ncells; c++) {
        const struct sfx_cell *cell = cell_at(source, c);
        struct sfx_slice bytes;

        row->cells[c] = cell != NULL ? *cell : (struct sfx_cell){0};
        if (cell == NULL || cell->kind == SFX_CELL_MISSING)
            continue;
        bytes = sfx_cell_spelling(cell);
        row->cells[c].ptr = is_within(raw, bytes) ? record + (cell->ptr - raw.ptr)
                                                  : put(at, bytes) + (cell->ptr - bytes.ptr);
    }
}

static void link_row(struct sfx_side *side, struct sfx_side_row *row)
{
    struct sfx_side_slot *slot;

    if (side->final != NULL)
        side->final->next = row;
    else
        side->first = row;
    side->final = row;
    side->nrows++;
    if (row->key == NULL)
        return;
    slot = find_slot(side, row->hash, sfx_slice(row->key, row->key_len));
    if (slot->row != NULL) {
        slot->row->last->same = row;
        slot->row->last = row;
        side->has_duplicates = true;
        return;
    }
    *slot = (struct sfx_side_slot){row->hash, row};
    row->last = row;
    side->nkeys++;
}

int sfx_side_add(struct sfx_side *side, const struct sfx_side_source *source, struct sfx_err *err)
{
    struct sfx_slice raw = source->frame->rows[source->row].raw;
    struct sfx_side_row *row;
    unsigned char *memory;
    char *at;
    int rc;

    if (source->ncells == 0)
        raw.len = 0;
    rc = reserve_slot(side, err);
    if (rc > 0)
        rc = sfx_side_take(side, sizeof(*row) + row_nbytes(source, raw), &memory, err);
    if (rc <= 0)
        return rc;
    row = (struct sfx_side_row *)memory;
    *row = (struct sfx_side_row){
        .hash = source->hash, .number = source->number, .key_len = (uint32_t)source->key.len};
    at = (char *)(row->cells + source->ncells);
    if (source->when != NULL) {
        row->when = (struct sfx_side_when *)(void *)at;
        at += sizeof(*row->when);
        *row->when = *source->when;
        row->when->key.ptr = put(&at, source->when->key);
    }
    copy_cells(source, raw, row, &at);
    if (source->key.ptr != NULL)
        row->key = put(&at, source->key);
    link_row(side, row);
    return 1;
}
