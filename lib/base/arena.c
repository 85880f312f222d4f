/* SPDX-License-Identifier: MIT */
/* The arena: chunks of doubling size, bump allocation inside the newest. */
#include "base/arena.h"

#include "base/size.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN       _Alignof(max_align_t)
#define FIRST_CHUNK ((size_t)4096)

/* Doubling stops here: later chunks are equal, so an arena wastes at most this much. */
#define LARGEST_STEP ((size_t)1 << 22)

struct sfx_arena_chunk {
    struct sfx_arena_chunk *next; /* older */
    size_t cap;                   /* bytes of data */
    _Alignas(max_align_t) unsigned char data[];
};

static int add_chunk(struct sfx_arena *arena, size_t need, struct sfx_err *err)
{
    size_t cap = arena->chunk != NULL ? arena->chunk->cap * 2 : FIRST_CHUNK;
    size_t step = arena->step_nbytes > 0 ? arena->step_nbytes : LARGEST_STEP, total;
    struct sfx_arena_chunk *chunk;

    if (cap > step)
        cap = step;
    if (cap < need)
        cap = need;
    if (!sfx_size_add(cap, sizeof(*chunk), &total))
        return sfx_err_set(err, SFX_E_NOMEM, "allocation of %zu bytes", need);
    chunk = malloc(total);
    if (chunk == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu bytes", total);
    chunk->next = arena->chunk;
    chunk->cap = cap;
    arena->chunk = chunk;
    arena->used = 0;
    arena->total_nbytes += cap;
    return 0;
}

void *sfx_arena_alloc(struct sfx_arena *arena, size_t size, struct sfx_err *err)
{
    size_t need;
    void *ptr;

    if (!sfx_size_add(size, ALIGN - 1, &need)) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "allocation of %zu bytes", size);
        return NULL;
    }
    need &= ~(ALIGN - 1);
    if (arena->chunk == NULL || arena->chunk->cap - arena->used < need) {
        if (add_chunk(arena, need, err) < 0)
            return NULL;
    }
    ptr = arena->chunk->data + arena->used;
    arena->used += need;
    return ptr;
}

void *sfx_arena_calloc(struct sfx_arena *arena, size_t count, size_t size, struct sfx_err *err)
{
    size_t total;
    void *ptr;

    if (!sfx_size_mul(count, size, &total)) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "allocation of %zu times %zu bytes", count, size);
        return NULL;
    }
    ptr = sfx_arena_alloc(arena, total, err);
    if (ptr != NULL)
        memset(ptr, 0, total);
    return ptr;
}

char *sfx_arena_strndup(struct sfx_arena *arena, const char *ptr, size_t len, struct sfx_err *err)
{
    size_t need;
    char *copy;

    if (!sfx_size_add(len, 1, &need)) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "allocation of %zu bytes", len);
        return NULL;
    }
    copy = sfx_arena_alloc(arena, need, err);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

size_t sfx_arena_room(const struct sfx_arena *arena)
{
    return arena->chunk != NULL ? arena->chunk->cap - arena->used : 0;
}

static void free_chunks(struct sfx_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct sfx_arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

void sfx_arena_reset(struct sfx_arena *arena)
{
    if (arena->chunk == NULL)
        return;
    free_chunks(arena->chunk->next);
    arena->chunk->next = NULL;
    arena->total_nbytes = arena->chunk->cap;
    arena->used = 0;
}

void sfx_arena_done(struct sfx_arena *arena)
{
    free_chunks(arena->chunk);
    *arena = (struct sfx_arena){.step_nbytes = arena->step_nbytes};
}
