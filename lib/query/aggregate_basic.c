/* SPDX-License-Identifier: MIT */
/* Aggregates that keep a number. All skip what ?? would fill: nulls and empty fields. */
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

static int count_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                       size_t from_nbytes)
{
    (void)ctx, (void)from_nbytes;
    *(uint64_t *)state += *(const uint64_t *)from;
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

static int sum_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                     size_t from_nbytes)
{
    struct sum *sum = (struct sum *)state;
    const struct sum *other = (const struct sum *)from;

    (void)from_nbytes;
    if (sfx_decimal_add(&sum->total, &other->total, &sum->total) != SFX_DECIMAL_OK)
        return sfx_err_set(ctx->err, SFX_E_INPUT, "a sum has more than %d digits",
                           SFX_DECIMAL_MAX_DIGITS);
    sfx_float_sum_add(&sum->floats, other->floats.sum);
    sfx_float_sum_add(&sum->floats, other->floats.rest);
    sum->count += other->count;
    return 0;
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

static const struct sfx_aggregate aggregates[] = {
    {"count", "count([x])", "the number of records, or of those where x is known", true,
     SFX_TYPE_CELL, false, sizeof(uint64_t), count_add, SFX_TYPE_NUMBER, count_result, count_merge,
     .example = "count(x)", .gives = "4"},
    {"sum", "sum(x)", "the sum of the numbers", false, SFX_TYPE_NUMBER, false, sizeof(struct sum),
     sum_add, SFX_TYPE_NUMBER, sum_result, sum_merge, .example = "sum(x)", .gives = "8",
     .takes_float = true},
    {"mean", "mean(x)", "the sum divided by the count, see /", false, SFX_TYPE_NUMBER, false,
     sizeof(struct sum), sum_add, SFX_TYPE_NUMBER, mean_result, sum_merge, .example = "mean(x)",
     .gives = "2", .takes_float = true},
};

const struct sfx_aggregate_family sfx_aggregate_basic_family = {aggregates, SFX_COUNT(aggregates)};
