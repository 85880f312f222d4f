/* SPDX-License-Identifier: MIT */
/* The table of the families of running functions, and values that are kept from row to row. */
#include "query/running_internal.h"

#include "base/size.h"

#include <string.h>

/* A new family is a new file and a row here. */
static const struct sfx_running_family *const families[] = {
    &sfx_running_place_family,
    &sfx_running_sum_family,
};

const struct sfx_running *sfx_running_at(size_t index)
{
    size_t f;

    for (f = 0; f < SFX_COUNT(families); f++) {
        if (index < families[f]->count)
            return &families[f]->fns[index];
        index -= families[f]->count;
    }
    return NULL;
}

const struct sfx_running *sfx_running_find(struct sfx_slice name)
{
    const struct sfx_running *fn;
    size_t i;

    for (i = 0; (fn = sfx_running_at(i)) != NULL; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(fn->name)))
            return fn;
    }
    return NULL;
}

int sfx_running_keep(struct sfx_running_ctx *ctx, struct sfx_running_value *value,
                     const struct sfx_vec *vec, uint32_t row)
{
    struct sfx_slice bytes;

    value->known = true;
    if (sfx_type_in_nums(vec->type)) {
        value->known = !vec->flags[row];
        value->slot = vec->nums[row];
        return 0;
    }
    value->known = vec->cells[row].kind != SFX_CELL_MISSING;
    bytes = sfx_cell_spelling(&vec->cells[row]);
    if (bytes.len > value->cap) {
        size_t cap = bytes.len * 2 < UINT32_MAX ? bytes.len * 2 : UINT32_MAX;

        value->base = sfx_arena_alloc(ctx->arena, cap, ctx->err);
        value->cap = value->base != NULL ? (uint32_t)cap : 0;
        if (value->base == NULL)
            return SFX_E_NOMEM;
    }
    if (bytes.len > 0)
        memcpy(value->base, bytes.ptr, bytes.len);
    value->cell = vec->cells[row];
    if (value->base != NULL)
        value->cell.ptr = value->base + (vec->cells[row].ptr - bytes.ptr);
    return 0;
}

void sfx_running_give(const struct sfx_running_value *value, struct sfx_vec *out, uint32_t row)
{
    if (!value->known) {
        sfx_vec_set_null(out, row);
    } else if (sfx_type_in_nums(out->type)) {
        out->nums[row] = value->slot;
        out->flags[row] = 0;
    } else {
        out->cells[row] = value->cell;
    }
}

void sfx_running_give_other(const struct sfx_running_bound *bound, uint32_t row)
{
    const struct sfx_vec *other = bound->other != NULL ? bound->other->vec : NULL;
    struct sfx_vec *out = bound->out;

    if (other == NULL || sfx_vec_is_null(other, 0)) {
        sfx_vec_set_null(out, row);
    } else if (sfx_type_in_nums(out->type)) {
        out->nums[row] = other->nums[0];
        out->flags[row] = 0;
    } else {
        out->cells[row] = other->cells[0];
    }
}
