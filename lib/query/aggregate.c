/* SPDX-License-Identifier: MIT */
/* The table of the families of aggregates. */
#include "query/aggregate_internal.h"

#include "base/size.h"

/* A new family is a new file and a row here. */
static const struct sfx_aggregate_family *const families[] = {
    &sfx_aggregate_basic_family,
};

const struct sfx_aggregate *sfx_aggregate_at(size_t index)
{
    size_t f;

    for (f = 0; f < SFX_COUNT(families); f++) {
        if (index < families[f]->count)
            return &families[f]->aggs[index];
        index -= families[f]->count;
    }
    return NULL;
}

const struct sfx_aggregate *sfx_aggregate_find(struct sfx_slice name)
{
    const struct sfx_aggregate *agg;
    size_t i;

    for (i = 0; (agg = sfx_aggregate_at(i)) != NULL; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(agg->name)))
            return agg;
    }
    return NULL;
}
