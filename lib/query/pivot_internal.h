/* SPDX-License-Identifier: MIT */
/* The parts of pivot: stage_pivot.c (the words, and longer), pivot_wider.c. */
#ifndef SFX_QUERY_PIVOT_INTERNAL_H
#define SFX_QUERY_PIVOT_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/selector_internal.h"
#include "query/stage_internal.h"

/* A pivot stage as it was parsed. */
struct sfx_pivot_plan {
    /* longer */
    struct sfx_selectors columns;
    struct sfx_slice names_to, values_to;
    /* wider; by: the stage's items, empty for all other columns */
    struct sfx_slice name, value;
    uint32_t name_at;
    struct sfx_items aggs; /* one: of the value */
};

extern const struct sfx_verb sfx_pivot_longer, sfx_pivot_wider;

#endif
