/* SPDX-License-Identifier: MIT */
/*
 * An arena: many small allocations that live and die together.
 *
 * Contract: {0} is an empty arena. Pointers stay valid until _reset or _done. _reset keeps the
 * memory of the largest chunk for the next job. Not safe for two threads at once.
 */
#ifndef SFX_BASE_ARENA_H
#define SFX_BASE_ARENA_H

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>

struct sfx_arena_chunk;

struct sfx_arena {
    struct sfx_arena_chunk *chunk; /* newest first; owned */
    size_t used;                   /* bytes in use of the newest chunk */
    size_t total_nbytes;           /* bytes of all chunks: what the arena costs */
    size_t step_nbytes; /* the most it takes at once for small things; 0: 4 MiB. Stays as it is */
};

/* Memory of size bytes, aligned for any type, not zeroed. Errors: NULL, NOMEM in err. */
void *sfx_arena_alloc(struct sfx_arena *arena, size_t size, struct sfx_err *err);

/* The same for count elements of size bytes, zeroed, overflow-checked. Errors: NULL, NOMEM. */
void *sfx_arena_calloc(struct sfx_arena *arena, size_t count, size_t size, struct sfx_err *err);

/* A terminated copy of len bytes at ptr. Errors: NULL, NOMEM in err. */
char *sfx_arena_strndup(struct sfx_arena *arena, const char *ptr, size_t len, struct sfx_err *err);

/* Bytes that can be allocated in all before the arena takes more memory; sizes are rounded up. */
size_t sfx_arena_room(const struct sfx_arena *arena);

/* Makes everything allocated invalid; keeps memory for reuse. */
void sfx_arena_reset(struct sfx_arena *arena);

/* Frees all; the arena is empty and usable again. */
void sfx_arena_done(struct sfx_arena *arena);

#endif
