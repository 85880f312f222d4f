/* SPDX-License-Identifier: MIT */
/* Aggregates that keep a value: the first, the last, the smallest, the largest, or one beside it.
 */
#include "query/aggregate_internal.h"

#include "base/size.h"
#include "query/value_internal.h"
#include "value/float64.h"

#include <string.h>

/* One kept value: a slot of some type, or a cell with its bytes in memory of its own. */
struct kept {
    enum { KEPT_NOTHING, KEPT_SLOT, KEPT_CELL } what;
    enum sfx_type type; /* of a slot */
    uint32_t cap;       /* bytes at base */
    char *base;
    struct sfx_cell cell;
    struct sfx_decimal slot;
};

static int keep(struct sfx_agg_ctx *ctx, struct kept *kept, const struct sfx_vec *arg, uint32_t row)
{
    struct sfx_slice bytes;

    if (sfx_type_in_nums(arg->type)) {
        kept->what = KEPT_SLOT;
        kept->type = arg->type;
        kept->slot = arg->nums[row];
        return 0;
    }
    bytes = sfx_cell_spelling(&arg->cells[row]);
    if (bytes.len > kept->cap) {
        size_t cap = bytes.len * 2 < UINT32_MAX ? bytes.len * 2 : UINT32_MAX;
        char *base = sfx_arena_alloc(ctx->arena, cap, ctx->err);

        if (base == NULL)
            return SFX_E_NOMEM;
        kept->base = base;
        kept->cap = (uint32_t)cap;
    }
    if (bytes.len > 0)
        memcpy(kept->base, bytes.ptr, bytes.len);
    kept->what = KEPT_CELL;
    kept->cell = arg->cells[row];
    if (kept->base != NULL)
        kept->cell.ptr = kept->base + (arg->cells[row].ptr - bytes.ptr);
    return 0;
}

/* A kept slot for a column of its type, of floats, or of cells. */
static int put_slot(struct sfx_agg_ctx *ctx, const struct kept *kept, struct sfx_vec *out,
                    uint32_t row)
{
    char *text;

    if (sfx_type_in_nums(out->type)) {
        out->flags[row] = 0;
        out->nums[row] = out->type == SFX_TYPE_FLOAT && kept->type == SFX_TYPE_NUMBER
                             ? sfx_float_slot(sfx_float_from_decimal(&kept->slot))
                             : kept->slot;
        return 0;
    }
    text = sfx_eval_text(ctx->ev, SFX_SLOT_TEXT_NBYTES);
    if (text == NULL)
        return sfx_err_set(ctx->err, SFX_E_NOMEM, "no memory for a value");
    out->cells[row] =
        sfx_cell_string(sfx_slice(text, sfx_slot_format(kept->type, &kept->slot, text)));
    if (kept->type != SFX_TYPE_TIME)
        out->cells[row].kind = SFX_CELL_NUMBER;
    return 0;
}

static int kept_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                       uint32_t row)
{
    const struct kept *kept = (const struct kept *)state;

    if (kept->what == KEPT_SLOT)
        return put_slot(ctx, kept, out, row);
    if (kept->what == KEPT_CELL && !sfx_type_in_nums(out->type))
        out->cells[row] = kept->cell;
    else
        sfx_vec_set_null(out, row);
    return 0;
}

static int kept_save(struct sfx_agg_ctx *ctx, const unsigned char *state)
{
    struct kept kept = *(const struct kept *)state;
    struct sfx_buf *scratch = &ctx->ev->scratch;
    uint8_t known = 0;
    struct sfx_vec vec = {.type = SFX_TYPE_CELL, .cells = &kept.cell};

    if (kept.what == KEPT_NOTHING)
        return 0;
    if (kept.what == KEPT_SLOT)
        vec = (struct sfx_vec){.type = kept.type, .nums = &kept.slot, .flags = &known};
    sfx_buf_clear(scratch);
    if (sfx_buf_reserve(scratch, sfx_value_max_nbytes(&vec, 0), ctx->err) < 0)
        return SFX_E_NOMEM;
    return sfx_agg_put(ctx, scratch->data, sfx_value_put(&vec, 0, (unsigned char *)scratch->data));
}

/* A saved value as a vector of one row. */
struct loaded {
    struct sfx_vec vec;
    struct sfx_cell cell;
    struct sfx_decimal slot;
    uint8_t flag;
};

static const struct sfx_vec *load(struct sfx_agg_ctx *ctx, const unsigned char *from,
                                  struct loaded *loaded)
{
    *loaded = (struct loaded){0};
    loaded->vec = (struct sfx_vec){
        .type = sfx_value_type(from),
        .cells = &loaded->cell,
        .nums = &loaded->slot,
        .flags = &loaded->flag,
    };
    (void)sfx_value_get(ctx->ev, from, &loaded->vec, 0);
    return &loaded->vec;
}

static int first_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                     uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        struct kept *kept = (struct kept *)(states[i] + offset);

        if (kept->what == KEPT_NOTHING && !sfx_vec_is_blank(arg, sel[i]))
            rc = keep(ctx, kept, arg, sel[i]);
    }
    return rc;
}

static int first_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                       size_t from_nbytes)
{
    struct kept *kept = (struct kept *)state;
    struct loaded loaded;

    (void)from_nbytes;
    return kept->what == KEPT_NOTHING ? keep(ctx, kept, load(ctx, from, &loaded), 0) : 0;
}

static int last_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                      size_t from_nbytes)
{
    struct loaded loaded;

    (void)from_nbytes;
    return keep(ctx, (struct kept *)state, load(ctx, from, &loaded), 0);
}

static int last_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                    uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        if (!sfx_vec_is_blank(arg, sel[i]))
            rc = keep(ctx, (struct kept *)(states[i] + offset), arg, sel[i]);
    }
    return rc;
}

/* <0, 0, >0: the row's value against the kept one. Of other types than before, when inputs differ:
 * numbers and floats compare by value, the rest by the order of the types. */
static int order(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, uint32_t row,
                 const struct kept *kept)
{
    enum sfx_type type = kept->what == KEPT_SLOT ? kept->type : SFX_TYPE_TEXT;
    struct sfx_decimal a, b;

    if (sfx_type_in_nums(arg->type) && type != SFX_TYPE_TEXT) {
        a = arg->nums[row];
        b = kept->slot;
        if (arg->type == type)
            return sfx_slot_cmp(type, &a, &b);
        if (arg->type == SFX_TYPE_NUMBER)
            a = sfx_float_slot(sfx_float_from_decimal(&a));
        if (type == SFX_TYPE_NUMBER)
            b = sfx_float_slot(sfx_float_from_decimal(&b));
        if (arg->type != SFX_TYPE_TIME && type != SFX_TYPE_TIME)
            return sfx_slot_cmp(SFX_TYPE_FLOAT, &a, &b);
    }
    if (sfx_type_in_nums(arg->type) || type != SFX_TYPE_TEXT)
        return (int)arg->type - (int)type;
    return sfx_slice_cmp(sfx_eval_cell_text(ctx->ev, &arg->cells[row]),
                         sfx_eval_cell_text(ctx->ev, &kept->cell));
}

/* Whether the row's value is to be kept: it is the first, or further in the direction of sign. */
static bool is_further(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, uint32_t row,
                       const struct kept *kept, int sign)
{
    return kept->what == KEPT_NOTHING || sign * order(ctx, arg, row, kept) > 0;
}

static int extreme_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                       uint32_t nsel, unsigned char *const *states, size_t offset, int sign)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        struct kept *kept = (struct kept *)(states[i] + offset);

        if (!sfx_vec_is_blank(arg, sel[i]) && is_further(ctx, arg, sel[i], kept, sign))
            rc = keep(ctx, kept, arg, sel[i]);
    }
    return rc;
}

static int min_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                   uint32_t nsel, unsigned char *const *states, size_t offset)
{
    return extreme_add(ctx, arg, sel, nsel, states, offset, -1);
}

static int max_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                   uint32_t nsel, unsigned char *const *states, size_t offset)
{
    return extreme_add(ctx, arg, sel, nsel, states, offset, 1);
}

static int extreme_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         int sign)
{
    struct kept *kept = (struct kept *)state;
    struct loaded loaded;
    const struct sfx_vec *value = load(ctx, from, &loaded);

    return is_further(ctx, value, 0, kept, sign) ? keep(ctx, kept, value, 0) : 0;
}

static int min_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                     size_t from_nbytes)
{
    (void)from_nbytes;
    return extreme_merge(ctx, state, from, -1);
}

static int max_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                     size_t from_nbytes)
{
    (void)from_nbytes;
    return extreme_merge(ctx, state, from, 1);
}

/* --- x where another value is least or greatest ------------------------------------------------
 */

struct pair {
    struct kept by, value;
};

static int by_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                  uint32_t nsel, unsigned char *const *states, size_t offset, int sign)
{
    const struct sfx_vec *by = ctx->call->more[0]->vec;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        struct pair *pair = (struct pair *)(states[i] + offset);

        if (sfx_vec_is_blank(by, sel[i]) || !is_further(ctx, by, sel[i], &pair->by, sign))
            continue;
        rc = keep(ctx, &pair->by, by, sel[i]);
        if (rc == 0 && sfx_vec_is_blank(arg, sel[i]))
            pair->value.what = KEPT_NOTHING;
        else if (rc == 0)
            rc = keep(ctx, &pair->value, arg, sel[i]);
    }
    return rc;
}

static int min_by_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                      uint32_t nsel, unsigned char *const *states, size_t offset)
{
    return by_add(ctx, arg, sel, nsel, states, offset, -1);
}

static int max_by_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                      uint32_t nsel, unsigned char *const *states, size_t offset)
{
    return by_add(ctx, arg, sel, nsel, states, offset, 1);
}

static int by_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                     uint32_t row)
{
    return kept_result(ctx, (const unsigned char *)&((const struct pair *)state)->value, out, row);
}

/* Two values behind each other; the second is missing when it is blank. */
static int by_save(struct sfx_agg_ctx *ctx, const unsigned char *state)
{
    const struct pair *pair = (const struct pair *)state;
    struct sfx_buf *scratch = &ctx->ev->scratch;
    const struct kept *both[] = {&pair->by, &pair->value};
    size_t i;

    if (pair->by.what == KEPT_NOTHING)
        return 0;
    sfx_buf_clear(scratch);
    for (i = 0; i < SFX_COUNT(both) && both[i]->what != KEPT_NOTHING; i++) {
        struct kept kept = *both[i];
        uint8_t known = 0;
        struct sfx_vec vec = {
            .type = kept.what == KEPT_SLOT ? kept.type : SFX_TYPE_CELL,
            .cells = &kept.cell,
            .nums = &kept.slot,
            .flags = &known,
        };

        if (sfx_buf_reserve(scratch, sfx_value_max_nbytes(&vec, 0), ctx->err) < 0)
            return SFX_E_NOMEM;
        scratch->len += sfx_value_put(&vec, 0, (unsigned char *)scratch->data + scratch->len);
    }
    return sfx_agg_put(ctx, scratch->data, scratch->len);
}

static int by_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                    size_t from_nbytes, int sign)
{
    struct pair *pair = (struct pair *)state;
    const unsigned char *value = sfx_value_end(from);
    struct loaded loaded;
    int rc;

    if (!is_further(ctx, load(ctx, from, &loaded), 0, &pair->by, sign))
        return 0;
    rc = keep(ctx, &pair->by, &loaded.vec, 0);
    pair->value.what = KEPT_NOTHING;
    if (rc == 0 && value < from + from_nbytes)
        rc = keep(ctx, &pair->value, load(ctx, value, &loaded), 0);
    return rc;
}

static int min_by_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                        size_t from_nbytes)
{
    return by_merge(ctx, state, from, from_nbytes, -1);
}

static int max_by_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                        size_t from_nbytes)
{
    return by_merge(ctx, state, from, from_nbytes, 1);
}

static const struct sfx_aggregate aggregates[] = {
    {"min", "min(x)",
     "the smallest number or time; of a text, min(text(x)), the first in byte order", false,
     SFX_TYPE_NUMBER, true, sizeof(struct kept), min_add, SFX_TYPE_CELL, kept_result, min_merge,
     kept_save, .example = "min(x)", .gives = "1", .takes_float = true},
    {"max", "max(x)", "the largest number or time; of a text, max(text(x)), the last in byte order",
     false, SFX_TYPE_NUMBER, true, sizeof(struct kept), max_add, SFX_TYPE_CELL, kept_result,
     max_merge, kept_save, .example = "max(x)", .gives = "3", .takes_float = true},
    {"first", "first(x)", "the first known x", false, SFX_TYPE_CELL, false, sizeof(struct kept),
     first_add, SFX_TYPE_CELL, kept_result, first_merge, kept_save, .example = "first(x)",
     .gives = "3"},
    {"last", "last(x)", "the last known x", false, SFX_TYPE_CELL, false, sizeof(struct kept),
     last_add, SFX_TYPE_CELL, kept_result, last_merge, kept_save, .example = "last(x)",
     .gives = "2"},
    {"any", "any(x)", "a known x: the first", false, SFX_TYPE_CELL, false, sizeof(struct kept),
     first_add, SFX_TYPE_CELL, kept_result, first_merge, kept_save, .example = "any(x)",
     .gives = "3"},
    {"min_by", "min_by(x, by)", "x of the first record with the smallest by", false, SFX_TYPE_CELL,
     false, sizeof(struct pair), min_by_add, SFX_TYPE_CELL, by_result, min_by_merge, by_save,
     .more = "c", .example = "min_by(x, num(x))", .gives = "1"},
    {"max_by", "max_by(x, by)", "x of the first record with the largest by", false, SFX_TYPE_CELL,
     false, sizeof(struct pair), max_by_add, SFX_TYPE_CELL, by_result, max_by_merge, by_save,
     .more = "c", .example = "max_by(x, num(x))", .gives = "3"},
};

const struct sfx_aggregate_family sfx_aggregate_kept_family = {aggregates, SFX_COUNT(aggregates)};
