/* SPDX-License-Identifier: MIT */
/* The sorter: chunks of records, an array of items over them, runs on disk when they are full. */
#include "query/sorter_internal.h"

#include <stdlib.h>
#include <sys/mman.h>

struct sfx_sorter_chunk {
    struct sfx_sorter_chunk *next; /* older */
    size_t used, cap;
    unsigned char data[];
};

#define FIRST_ITEMS      ((size_t)256)
#define MIN_CHUNK_NBYTES ((size_t)64 * 1024)
#define MAX_CHUNK_NBYTES ((size_t)4 << 20)    /* two huge pages */
#define MERGE_NBYTES     ((uint64_t)64 << 20) /* buffers: more reads no faster */
#define HUGE_MIN_NBYTES  ((size_t)32 << 20)   /* what a huge page rounds up to is little of it */

void sfx_sorter_init(struct sfx_sorter *s, struct sfx_operator *op, uint64_t budget_nbytes)
{
    *s = (struct sfx_sorter){.op = op,
                             .budget_nbytes = budget_nbytes > 0 ? budget_nbytes : UINT64_MAX};
    s->ready = true;
    s->paid = op == NULL;
    sfx_runs_init(&s->runs, op != NULL ? sfx_operator_opts(op)->tmp_dir : "/tmp");
}

int sfx_sorter_init_paid(struct sfx_sorter *s, struct sfx_operator *op, uint64_t budget_nbytes,
                         struct sfx_err *err)
{
    sfx_sorter_init(s, op, budget_nbytes);
    s->paid = true;
    return sfx_operator_set_aside(op, budget_nbytes, err);
}

static bool charge(struct sfx_sorter *s, size_t nbytes)
{
    if (nbytes > s->budget_nbytes - s->charged)
        return false;
    if (!s->paid && !sfx_operator_charge(s->op, (int64_t)nbytes))
        return false;
    s->charged += nbytes;
    return true;
}

static void free_chunks(struct sfx_sorter_chunk **chunks)
{
    while (*chunks != NULL) {
        struct sfx_sorter_chunk *next = (*chunks)->next;

        free(*chunks);
        *chunks = next;
    }
}

static size_t items_nbytes(size_t cap)
{
    return cap * 2 * sizeof(struct sfx_sort_item);
}

/* Gives the memory of records back. */
static void free_memory(struct sfx_sorter *s)
{
    free_chunks(&s->chunks);
    free_chunks(&s->spare);
    if (s->items != NULL)
        (void)munmap(s->items, items_nbytes(s->cap_items));
    s->items = NULL;
    s->nitems = s->cap_items = 0;
    if (!s->paid)
        (void)sfx_operator_charge(s->op, -(int64_t)s->charged);
    s->charged = 0;
}

/* Forgets the records in memory, not their memory. */
static void forget_records(struct sfx_sorter *s)
{
    while (s->chunks != NULL) {
        struct sfx_sorter_chunk *chunk = s->chunks;

        s->chunks = chunk->next;
        chunk->next = s->spare;
        chunk->used = 0;
        s->spare = chunk;
    }
    s->nitems = s->at = 0;
    s->long_keys = false;
}

static void sort_items(struct sfx_sorter *s)
{
    if (s->nitems > 0)
        sfx_sort_items(s->items, s->items + s->cap_items, s->nitems, s->long_keys);
}

/* Writes the records in memory to disk, sorted. */
static int spill(struct sfx_sorter *s, struct sfx_err *err)
{
    int rc;

    sort_items(s);
    rc = sfx_runs_write(&s->runs, s->items, s->nitems, err);
    forget_records(s);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", s->op->verb->name) : 0;
}

/*
 * Room for one more item: 1; 0 when memory is at the limit. The array is mapped, not allocated: it
 * grows by moving pages, so that there are never two of it.
 */
static int reserve_item(struct sfx_sorter *s, struct sfx_err *err)
{
    size_t cap = s->cap_items == 0 ? FIRST_ITEMS : s->cap_items * 2;
    void *items;

    if (s->nitems < s->cap_items)
        return 1;
    if (!charge(s, items_nbytes(cap) - items_nbytes(s->cap_items)))
        return 0;
    items = s->items == NULL
                ? mmap(NULL, items_nbytes(cap), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0)
                : mremap(s->items, items_nbytes(s->cap_items), items_nbytes(cap), MREMAP_MAYMOVE);
    if (items == MAP_FAILED)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu rows", cap);
    if (items_nbytes(cap) >= HUGE_MIN_NBYTES) /* only makes it faster */
        (void)madvise(items, items_nbytes(cap), MADV_HUGEPAGE);
    s->items = items;
    s->cap_items = cap;
    return 1;
}

/*
 * Chunks grow with what is kept, so that little input takes little. Large ones are on huge pages:
 * records are handed on in an order that jumps from page to page.
 */
static size_t next_chunk_nbytes(const struct sfx_sorter *s, size_t nbytes)
{
    uint64_t limit = s->budget_nbytes;
    size_t cap = s->charged / 4;

    if (s->op != NULL && limit > sfx_operator_opts(s->op)->memory_nbytes)
        limit = sfx_operator_opts(s->op)->memory_nbytes;
    cap = cap < MIN_CHUNK_NBYTES ? MIN_CHUNK_NBYTES : cap;
    if (cap > limit / 16)
        cap = limit / 16;
    if (cap >= MAX_CHUNK_NBYTES)
        cap = MAX_CHUNK_NBYTES - sizeof(struct sfx_sorter_chunk);
    return cap < nbytes ? nbytes : cap;
}

static int new_chunk(struct sfx_sorter *s, size_t nbytes, struct sfx_err *err)
{
    size_t cap = next_chunk_nbytes(s, nbytes);
    struct sfx_sorter_chunk *chunk;
    void *memory = NULL;

    if (!charge(s, sizeof(*chunk) + cap)) {
        cap = nbytes; /* the last one is as small as can be */
        if (!charge(s, sizeof(*chunk) + cap))
            return 0;
    }
    if (sizeof(*chunk) + cap == MAX_CHUNK_NBYTES) {
        if (posix_memalign(&memory, MAX_CHUNK_NBYTES / 2, MAX_CHUNK_NBYTES) == 0)
            (void)madvise(memory, MAX_CHUNK_NBYTES, MADV_HUGEPAGE); /* only makes it faster */
    } else {
        memory = malloc(sizeof(*chunk) + cap);
    }
    chunk = memory;
    if (chunk == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row of %zu bytes", nbytes);
    *chunk = (struct sfx_sorter_chunk){.next = s->chunks, .cap = cap};
    s->chunks = chunk;
    return 1;
}

/* Room for a record of at most nbytes: 1; 0 when memory is at the limit. */
static int reserve_bytes(struct sfx_sorter *s, size_t nbytes, struct sfx_err *err)
{
    struct sfx_sorter_chunk *chunk = s->chunks;

    if (chunk != NULL && chunk->cap - chunk->used >= nbytes)
        return 1;
    chunk = s->spare;
    if (chunk != NULL && chunk->cap >= nbytes) {
        s->spare = chunk->next;
        chunk->next = s->chunks;
        s->chunks = chunk;
        return 1;
    }
    return new_chunk(s, nbytes, err);
}

static int reserve(struct sfx_sorter *s, size_t nbytes, struct sfx_err *err)
{
    int rc = reserve_item(s, err);

    return rc <= 0 ? rc : reserve_bytes(s, nbytes, err);
}

int sfx_sorter_reserve(struct sfx_sorter *s, size_t nbytes, unsigned char **key,
                       struct sfx_err *err)
{
    int rc;

    if (nbytes > UINT32_MAX - SFX_RECORD_HEAD_NBYTES)
        return sfx_err_set(err, SFX_E_LIMIT, "a row of more than 4 GiB");
    nbytes += SFX_RECORD_HEAD_NBYTES;
    rc = reserve(s, nbytes, err);
    if (rc == 0 && s->nitems > 0) {
        rc = spill(s, err);
        if (rc == 0)
            rc = reserve(s, nbytes, err);
    }
    if (rc == 0) { /* chunks and items that are there may be of the wrong sizes */
        free_memory(s);
        rc = reserve(s, nbytes, err);
    }
    if (rc <= 0)
        return rc == 0 ? sfx_operator_over_limit(s->op, err) : rc;
    *key = s->chunks->data + s->chunks->used + SFX_RECORD_HEAD_NBYTES;
    return 0;
}

void sfx_sorter_commit(struct sfx_sorter *s, size_t key_nbytes, size_t body_nbytes)
{
    unsigned char *record = s->chunks->data + s->chunks->used;
    uint32_t head[2];

    head[0] = (uint32_t)(SFX_RECORD_HEAD_NBYTES + key_nbytes + body_nbytes);
    head[1] = (uint32_t)key_nbytes;
    __builtin_memcpy(record, head, sizeof(head));
    s->chunks->used += head[0];
    s->long_keys = s->long_keys || key_nbytes > sizeof(s->items->prefix);
    s->items[s->nitems++] = sfx_sort_item(record);
}

/* Runs that a merge reads at once: each wants a buffer. */
static size_t fan_in(uint64_t memory_nbytes)
{
    size_t n = memory_nbytes / MIN_CHUNK_NBYTES;

    return n < 2 ? 2 : n > 512 ? 512 : n;
}

int sfx_sorter_sort(struct sfx_sorter *s, struct sfx_err *err)
{
    uint64_t memory = MERGE_NBYTES;
    int rc = 0;

    s->at = 0;
    if (s->runs.nruns == 0) {
        sort_items(s);
        return 0;
    }
    if (s->nitems > 0)
        rc = spill(s, err);
    free_memory(s);
    if (!s->paid && memory > sfx_operator_available(s->op) / 2)
        memory = sfx_operator_available(s->op) / 2;
    if (memory > s->budget_nbytes / 2)
        memory = s->budget_nbytes / 2;
    if (rc == 0)
        rc = sfx_runs_reduce(&s->runs, fan_in(memory), memory, err);
    if (rc < 0)
        return rc;
    (void)charge(s, memory);
    s->merge = sfx_merge_new(&s->runs, 0, s->runs.nruns, memory, err);
    if (s->merge == NULL)
        return err != NULL ? (int)err->code : SFX_E_NOMEM;
    return 0;
}

int sfx_sorter_next(struct sfx_sorter *s, const unsigned char **record, struct sfx_err *err)
{
    if (s->merge != NULL)
        return sfx_merge_next(s->merge, record, err);
    if (s->at == s->nitems)
        return 0;
    sfx_sort_items_prefetch(s->items, s->at, s->nitems);
    *record = s->items[s->at++].record;
    return 1;
}

int sfx_sorter_rewind(struct sfx_sorter *s, struct sfx_err *err)
{
    s->at = 0;
    if (s->merge == NULL)
        return 0;
    sfx_merge_free(s->merge);
    s->merge = sfx_merge_new(&s->runs, 0, s->runs.nruns, s->charged, err);
    return s->merge != NULL ? 0 : err != NULL ? (int)err->code : SFX_E_NOMEM;
}

void sfx_sorter_clear(struct sfx_sorter *s)
{
    bool spilled = s->runs.nruns > 0;

    sfx_merge_free(s->merge);
    s->merge = NULL;
    if (spilled) {
        const char *tmp_dir = s->runs.tmp_dir;

        free_memory(s);
        sfx_runs_done(&s->runs);
        sfx_runs_init(&s->runs, tmp_dir);
    } else {
        forget_records(s);
    }
}

void sfx_sorter_done(struct sfx_sorter *s)
{
    if (!s->ready)
        return;
    sfx_merge_free(s->merge);
    free_memory(s);
    sfx_runs_done(&s->runs);
    *s = (struct sfx_sorter){0};
}
