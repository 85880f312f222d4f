/* SPDX-License-Identifier: MIT */
/* The table of verbs. */
#include "query/stage_internal.h"

#include "base/size.h"

/* clang-format off */
static const struct sfx_verb *const verbs[] = {
    &sfx_verb_where,
    &sfx_verb_derive,
    &sfx_verb_parse,
    &sfx_verb_cast,
    &sfx_verb_select,
    &sfx_verb_drop,
    &sfx_verb_rename,
    &sfx_verb_reorder,
    &sfx_verb_fill,
    &sfx_verb_number,
    &sfx_verb_split,
    &sfx_verb_merge,
    &sfx_verb_explode,
    &sfx_verb_flatten,
    &sfx_verb_nest,
    &sfx_verb_redact,
    &sfx_verb_hash,
    &sfx_verb_sort,
    &sfx_verb_head,
    &sfx_verb_tail,
    &sfx_verb_top,
    &sfx_verb_nth,
    &sfx_verb_sample,
    &sfx_verb_shuffle,
    &sfx_verb_reverse,
    &sfx_verb_tee,
    &sfx_verb_distinct,
    &sfx_verb_dedup,
    &sfx_verb_group,
    &sfx_verb_frequency,
    &sfx_verb_profile,
    &sfx_verb_window,
    &sfx_verb_expect,
    &sfx_verb_over,
    &sfx_verb_join,
    &sfx_verb_union,
    &sfx_verb_pivot,
};
/* clang-format on */

const struct sfx_verb *sfx_verb_at(size_t index)
{
    return index < SFX_COUNT(verbs) ? verbs[index] : NULL;
}

const struct sfx_verb *sfx_verb_find(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(verbs); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(verbs[i]->name)))
            return verbs[i];
    }
    return NULL;
}
