/* SPDX-License-Identifier: MIT */
/* The table of verbs, in the groups and the order of the manual. */
#include "query/stage_internal.h"

#include "base/size.h"

static const struct {
    const char *group; /* what begins with this verb; NULL: it goes with the one before */
    const struct sfx_verb *verb;
} rows[] = {
    {"records", &sfx_verb_where},  {NULL, &sfx_verb_head},        {NULL, &sfx_verb_tail},
    {NULL, &sfx_verb_nth},         {NULL, &sfx_verb_sample},      {NULL, &sfx_verb_sort},
    {NULL, &sfx_verb_top},         {NULL, &sfx_verb_reverse},     {NULL, &sfx_verb_shuffle},
    {NULL, &sfx_verb_distinct},    {NULL, &sfx_verb_dedup},       {NULL, &sfx_verb_explode},
    {NULL, &sfx_verb_tee},         {"columns", &sfx_verb_select}, {NULL, &sfx_verb_drop},
    {NULL, &sfx_verb_rename},      {NULL, &sfx_verb_reorder},     {NULL, &sfx_verb_number},
    {NULL, &sfx_verb_split},       {NULL, &sfx_verb_merge},       {NULL, &sfx_verb_parse},
    {NULL, &sfx_verb_flatten},     {NULL, &sfx_verb_nest},        {"values", &sfx_verb_derive},
    {NULL, &sfx_verb_cast},        {NULL, &sfx_verb_fill},        {NULL, &sfx_verb_redact},
    {NULL, &sfx_verb_hash},        {"groups", &sfx_verb_group},   {NULL, &sfx_verb_over},
    {NULL, &sfx_verb_window},      {NULL, &sfx_verb_frequency},   {NULL, &sfx_verb_profile},
    {"tables", &sfx_verb_join},    {NULL, &sfx_verb_union},       {NULL, &sfx_verb_pivot},
    {"quality", &sfx_verb_expect},
};

const struct sfx_verb *sfx_verb_at(size_t index)
{
    return index < SFX_COUNT(rows) ? rows[index].verb : NULL;
}

const char *sfx_verb_group_at(size_t index)
{
    return rows[index].group;
}

const struct sfx_verb *sfx_verb_find(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(rows); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(rows[i].verb->name)))
            return rows[i].verb;
    }
    return NULL;
}
