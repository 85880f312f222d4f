/* SPDX-License-Identifier: MIT */
/* Rejects that are held back until it is their turn. */
#include "record/reject.h"

#include <string.h>

struct sfx_held_reject {
    struct sfx_reject reject; /* its slices point into the arena */
    struct sfx_held_reject *next;
};

static int copy(struct sfx_arena *arena, struct sfx_slice *slice, struct sfx_err *err)
{
    if (slice->ptr == NULL)
        return 0;
    slice->ptr = sfx_arena_strndup(arena, slice->ptr, slice->len, err);
    return slice->ptr == NULL ? SFX_E_NOMEM : 0;
}

int sfx_held_rejects_put(void *held, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_held_rejects *all = held;
    struct sfx_held_reject *kept = sfx_arena_calloc(&all->arena, 1, sizeof(*kept), err);

    if (kept == NULL)
        return SFX_E_NOMEM;
    kept->reject = *r;
    if (copy(&all->arena, &kept->reject.column, err) < 0 ||
        copy(&all->arena, &kept->reject.value, err) < 0 ||
        copy(&all->arena, &kept->reject.raw, err) < 0)
        return SFX_E_NOMEM;
    if (r->reason != NULL) {
        kept->reject.reason = sfx_arena_strndup(&all->arena, r->reason, strlen(r->reason), err);
        if (kept->reject.reason == NULL)
            return SFX_E_NOMEM;
    }
    if (all->first == NULL)
        all->last = &all->first;
    *all->last = kept;
    all->last = &kept->next;
    return 0;
}

void sfx_held_rejects_clear(struct sfx_held_rejects *held)
{
    held->first = NULL;
    sfx_arena_reset(&held->arena);
}

int sfx_held_rejects_hand_on(struct sfx_held_rejects *held, const struct sfx_reject_sink *sink,
                             struct sfx_err *err)
{
    const struct sfx_held_reject *kept;
    int rc = 0;

    for (kept = held->first; kept != NULL && rc == 0; kept = kept->next)
        rc = sink->put(sink->ctx, &kept->reject, err);
    sfx_held_rejects_clear(held);
    return rc;
}

void sfx_held_rejects_done(struct sfx_held_rejects *held)
{
    sfx_arena_done(&held->arena);
    held->first = NULL;
}
