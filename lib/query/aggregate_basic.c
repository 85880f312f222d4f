/* SPDX-License-Identifier: MIT */
/* Aggregates that keep a number or a value. All skip what ?? would fill: nulls and empty fields. */
#include "query/aggregate_internal.h"

#include "base/size.h"

#include <math.h>
#include <string.h>

static int count_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                     uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;

    (void)ctx;
    for (i = 0; i < nsel; i++)
        *(uint64_t *)(states[i] + offset) += arg == NULL || !sfx_vec_is_blank(arg, sel[i]);
    return 0;
}

static int count_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                        uint32_t row)
{
    (void)ctx;
    out->nums[row] = (struct sfx_decimal){(int64_t) * (const uint64_t *)state, 0};
    out->flags[row] = 0;
    return 0;
}

/* Decimals and floats are added up apart: a column may be one for some inputs, the other for
 * others.
 */
struct sum {
    struct sfx_decimal total;
    struct sfx_float_sum floats;
    uint64_t count;
};

static int sum_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                   uint32_t nsel, unsigned char *const *states, size_t offset)
{
    bool floats = arg->type == SFX_TYPE_FLOAT;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        struct sum *sum = (struct sum *)(states[i] + offset);

        if (arg->flags[sel[i]])
            continue;
        if (floats)
            sfx_float_sum_add(&sum->floats, sfx_slot_float(&arg->nums[sel[i]]));
        else if (sfx_decimal_add(&sum->total, &arg->nums[sel[i]], &sum->total) != SFX_DECIMAL_OK)
            return sfx_err_set(ctx->err, SFX_E_INPUT, "a sum has more than %d digits",
                               SFX_DECIMAL_MAX_DIGITS);
        sum->count++;
    }
    return 0;
}

/* Stores a float result. */
static int put_float(struct sfx_agg_ctx *ctx, double value, struct sfx_vec *out, uint32_t row)
{
    if (!isfinite(value))
        return sfx_err_set(ctx->err, SFX_E_INPUT, "a result is beyond what a float holds");
    out->nums[row] = sfx_float_slot(value);
    return 0;
}

static double float_total(const struct sum *sum)
{
    return sfx_float_sum_total(&sum->floats) + sfx_float_from_decimal(&sum->total);
}

static int sum_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                      uint32_t row)
{
    const struct sum *sum = (const struct sum *)state;

    out->flags[row] = sum->count == 0;
    if (out->type == SFX_TYPE_FLOAT)
        return put_float(ctx, float_total(sum), out, row);
    out->nums[row] = sum->total;
    return 0;
}

static int mean_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                       uint32_t row)
{
    const struct sum *sum = (const struct sum *)state;
    struct sfx_decimal count = {(int64_t)sum->count, 0};

    out->flags[row] = sum->count == 0;
    if (sum->count == 0)
        return 0;
    if (out->type == SFX_TYPE_FLOAT)
        return put_float(ctx, float_total(sum) / (double)sum->count, out, row);
    if (sfx_decimal_div(&sum->total, &count, &out->nums[row]) != SFX_DECIMAL_OK)
        return sfx_err_set(ctx->err, SFX_E_INPUT, "a mean has more than %d digits",
                           SFX_DECIMAL_MAX_DIGITS);
    return 0;
}

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

/* Keeps what is further in the direction of sign. */
static int extreme_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                       uint32_t nsel, unsigned char *const *states, size_t offset, int sign)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        struct kept *kept = (struct kept *)(states[i] + offset);

        if (!sfx_vec_is_blank(arg, sel[i]) &&
            (kept->what == KEPT_NOTHING || sign * order(ctx, arg, sel[i], kept) > 0))
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

static const struct sfx_aggregate aggregates[] = {
    {"count", "count([x])", "the number of records, or of those where x is known", true,
     SFX_TYPE_CELL, false, sizeof(uint64_t), count_add, SFX_TYPE_NUMBER, count_result,
     .example = "count(x)", .gives = "4"},
    {"sum", "sum(x)", "the sum of the numbers", false, SFX_TYPE_NUMBER, false, sizeof(struct sum),
     sum_add, SFX_TYPE_NUMBER, sum_result, .example = "sum(x)", .gives = "8", .takes_float = true},
    {"mean", "mean(x)", "the sum divided by the count, see /", false, SFX_TYPE_NUMBER, false,
     sizeof(struct sum), sum_add, SFX_TYPE_NUMBER, mean_result, .example = "mean(x)", .gives = "2",
     .takes_float = true},
    {"min", "min(x)",
     "the smallest number or time; of a text, min(text(x)), the first in byte order", false,
     SFX_TYPE_NUMBER, true, sizeof(struct kept), min_add, SFX_TYPE_CELL, kept_result,
     .example = "min(x)", .gives = "1", .takes_float = true},
    {"max", "max(x)", "the largest number or time; of a text, max(text(x)), the last in byte order",
     false, SFX_TYPE_NUMBER, true, sizeof(struct kept), max_add, SFX_TYPE_CELL, kept_result,
     .example = "max(x)", .gives = "3", .takes_float = true},
    {"first", "first(x)", "the first known x", false, SFX_TYPE_CELL, false, sizeof(struct kept),
     first_add, SFX_TYPE_CELL, kept_result, .example = "first(x)", .gives = "3"},
    {"last", "last(x)", "the last known x", false, SFX_TYPE_CELL, false, sizeof(struct kept),
     last_add, SFX_TYPE_CELL, kept_result, .example = "last(x)", .gives = "2"},
};

const struct sfx_aggregate_family sfx_aggregate_basic_family = {aggregates, SFX_COUNT(aggregates)};
