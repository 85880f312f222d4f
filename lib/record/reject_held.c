/* SPDX-License-Identifier: MIT */
/* Rejects that are held back until it is their turn. */
#include "record/reject.h"

#include <stdbool.h>
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

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Copies a name, unless it is that of the reject before. */
static int copy_name(struct sfx_arena *arena, const char **name, const char *before,
                     struct sfx_err *err)
{
    if (*name == NULL)
        return 0;
    *name = same_name(*name, before) ? before : sfx_arena_strndup(arena, *name, strlen(*name), err);
    return *name == NULL ? SFX_E_NOMEM : 0;
}

int sfx_held_rejects_put(void *held, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_held_rejects *all = held;
    struct sfx_held_reject *kept = sfx_arena_calloc(&all->arena, 1, sizeof(*kept), err);

    if (kept == NULL)
        return SFX_E_NOMEM;
    kept->reject = *r;
    if (copy_name(&all->arena, &kept->reject.input, all->input, err) < 0 ||
        copy_name(&all->arena, &kept->reject.member, all->member, err) < 0 ||
        copy_name(&all->arena, &kept->reject.format, all->format, err) < 0)
        return SFX_E_NOMEM;
    all->input = kept->reject.input;
    all->member = kept->reject.member;
    all->format = kept->reject.format;
    if (copy(&all->arena, &kept->reject.column, err) < 0 ||
        copy(&all->arena, &kept->reject.value, err) < 0 ||
        copy(&all->arena, &kept->reject.raw, err) < 0 ||
        copy(&all->arena, &kept->reject.header, err) < 0 ||
        copy(&all->arena, &kept->reject.event, err) < 0)
        return SFX_E_NOMEM;
    if (r->reason != NULL) {
        kept->reject.reason = sfx_arena_strndup(&all->arena, r->reason, strlen(r->reason), err);
        if (kept->reject.reason == NULL)
            return SFX_E_NOMEM;
    }
    all->nbytes += sizeof(*kept) + r->raw.len + r->value.len;
    if (all->first == NULL)
        all->last = &all->first;
    *all->last = kept;
    all->last = &kept->next;
    return 0;
}

size_t sfx_held_rejects_nbytes(const struct sfx_held_rejects *held)
{
    return held->nbytes;
}

/* Merges two lists in order; what is equal comes from a first. */
static struct sfx_held_reject *merge(struct sfx_held_reject *a, struct sfx_held_reject *b)
{
    struct sfx_held_reject *merged = NULL, **last = &merged;

    while (a != NULL && b != NULL) {
        struct sfx_held_reject **least = a->reject.offset <= b->reject.offset ? &a : &b;

        *last = *least;
        last = &(*least)->next;
        *least = *last;
    }
    *last = a != NULL ? a : b;
    return merged;
}

/* Whether places of all tell their order. */
static bool can_sort(const struct sfx_held_rejects *held)
{
    const struct sfx_held_reject *kept = held->first;

    while (kept != NULL && kept->reject.line > 0 &&
           same_name(kept->reject.input, held->first->reject.input) &&
           same_name(kept->reject.member, held->first->reject.member))
        kept = kept->next;
    return kept == NULL;
}

void sfx_held_rejects_sort(struct sfx_held_rejects *held)
{
    struct sfx_held_reject *runs[64] = {NULL}, *kept, *sorted = NULL; /* run i: 2^i rejects */
    size_t i;

    if (!can_sort(held))
        return;
    while ((kept = held->first) != NULL) {
        held->first = kept->next;
        kept->next = NULL;
        for (i = 0; runs[i] != NULL; i++) {
            kept = merge(runs[i], kept);
            runs[i] = NULL;
        }
        runs[i] = kept;
    }
    for (i = 0; i < 64; i++)
        sorted = runs[i] != NULL ? merge(runs[i], sorted) : sorted;
    held->first = sorted;
    for (held->last = &held->first; *held->last != NULL; held->last = &(*held->last)->next)
        ;
}

void sfx_held_rejects_clear(struct sfx_held_rejects *held)
{
    held->first = NULL;
    held->nbytes = 0;
    held->input = held->member = held->format = NULL;
    sfx_arena_reset(&held->arena);
}

int sfx_held_rejects_hand_on(struct sfx_held_rejects *held, uint64_t lines,
                             const struct sfx_reject_sink *sink, struct sfx_err *err)
{
    struct sfx_held_reject *kept;
    int rc = 0;

    for (kept = held->first; kept != NULL && rc == 0; kept = kept->next) {
        kept->reject.line += kept->reject.line > 0 ? lines : 0;
        rc = sink->put(sink->ctx, &kept->reject, err);
    }
    sfx_held_rejects_clear(held);
    return rc;
}

void sfx_held_rejects_done(struct sfx_held_rejects *held)
{
    sfx_arena_done(&held->arena);
    held->first = NULL;
}
