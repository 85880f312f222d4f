/* SPDX-License-Identifier: MIT */
/*
 * Aggregates of squares and products: variance, standard deviation, covariance, correlation, and
 * the geometric mean. Sums of squares are exact decimals; only roots and logarithms are binary.
 */
#include "query/aggregate_internal.h"

#include "base/size.h"

#include <math.h>
#include <stdio.h>

/* Sums over the records where x (and y) are known. */
struct moments {
    uint64_t count;
    struct sfx_decimal x, xx;
    struct sfx_decimal y, yy, xy;
};

static int too_large(struct sfx_agg_ctx *ctx)
{
    return sfx_err_set(ctx->err, SFX_E_INPUT, "a sum of squares has more than %d digits",
                       SFX_DECIMAL_MAX_DIGITS);
}

/* *sum += a * b */
static bool add_product(const struct sfx_decimal *a, const struct sfx_decimal *b,
                        struct sfx_decimal *sum)
{
    struct sfx_decimal product;

    return sfx_decimal_mul(a, b, &product) == SFX_DECIMAL_OK &&
           sfx_decimal_add(sum, &product, sum) == SFX_DECIMAL_OK;
}

static int moments_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                       uint32_t nsel, unsigned char *const *states, size_t offset)
{
    const struct sfx_vec *other =
        ctx->call->item->nmore > 0 ? ctx->call->more[0]->vec : NULL; /* of covariances */
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        struct moments *m = (struct moments *)(states[i] + offset);
        const struct sfx_decimal *x = &arg->nums[sel[i]], *y;

        if (arg->flags[sel[i]] || (other != NULL && other->flags[sel[i]]))
            continue;
        m->count++;
        if (sfx_decimal_add(&m->x, x, &m->x) != SFX_DECIMAL_OK || !add_product(x, x, &m->xx))
            return too_large(ctx);
        if (other == NULL)
            continue;
        y = &other->nums[sel[i]];
        if (sfx_decimal_add(&m->y, y, &m->y) != SFX_DECIMAL_OK || !add_product(y, y, &m->yy) ||
            !add_product(x, y, &m->xy))
            return too_large(ctx);
    }
    return 0;
}

static int moments_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         size_t from_nbytes)
{
    struct moments *m = (struct moments *)state;
    const struct moments *o = (const struct moments *)from;

    (void)from_nbytes;
    m->count += o->count;
    if (sfx_decimal_add(&m->x, &o->x, &m->x) != SFX_DECIMAL_OK ||
        sfx_decimal_add(&m->xx, &o->xx, &m->xx) != SFX_DECIMAL_OK ||
        sfx_decimal_add(&m->y, &o->y, &m->y) != SFX_DECIMAL_OK ||
        sfx_decimal_add(&m->yy, &o->yy, &m->yy) != SFX_DECIMAL_OK ||
        sfx_decimal_add(&m->xy, &o->xy, &m->xy) != SFX_DECIMAL_OK)
        return too_large(ctx);
    return 0;
}

/* count * sum(ab) - sum(a) * sum(b): count^2 times the covariance of the population. */
static bool spread(uint64_t count, const struct sfx_decimal *ab, const struct sfx_decimal *a,
                   const struct sfx_decimal *b, struct sfx_decimal *out)
{
    struct sfx_decimal n = {(int64_t)count, 0}, left, right;

    return sfx_decimal_mul(&n, ab, &left) == SFX_DECIMAL_OK &&
           sfx_decimal_mul(a, b, &right) == SFX_DECIMAL_OK &&
           sfx_decimal_sub(&left, &right, out) == SFX_DECIMAL_OK;
}

/* The spread divided by count * (count - less): less is 1 for samples, 0 for populations. */
static int put_covariance(struct sfx_agg_ctx *ctx, const struct moments *m,
                          const struct sfx_decimal *ab, const struct sfx_decimal *a,
                          const struct sfx_decimal *b, unsigned less, struct sfx_vec *out,
                          uint32_t row)
{
    struct sfx_decimal n = {(int64_t)m->count, 0}, rest = {(int64_t)m->count - (int64_t)less, 0};

    out->flags[row] = m->count <= less;
    if (m->count <= less)
        return 0;
    if (!spread(m->count, ab, a, b, &out->nums[row]) ||
        sfx_decimal_mul(&n, &rest, &n) != SFX_DECIMAL_OK ||
        sfx_decimal_div(&out->nums[row], &n, &out->nums[row]) != SFX_DECIMAL_OK)
        return too_large(ctx);
    return 0;
}

static int var_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                      uint32_t row)
{
    const struct moments *m = (const struct moments *)state;

    return put_covariance(ctx, m, &m->xx, &m->x, &m->x, 1, out, row);
}

static int var_pop_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                          uint32_t row)
{
    const struct moments *m = (const struct moments *)state;

    return put_covariance(ctx, m, &m->xx, &m->x, &m->x, 0, out, row);
}

static int covar_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                        uint32_t row)
{
    const struct moments *m = (const struct moments *)state;

    return put_covariance(ctx, m, &m->xy, &m->x, &m->y, 1, out, row);
}

static int covar_pop_result(struct sfx_agg_ctx *ctx, const unsigned char *state,
                            struct sfx_vec *out, uint32_t row)
{
    const struct moments *m = (const struct moments *)state;

    return put_covariance(ctx, m, &m->xy, &m->x, &m->y, 0, out, row);
}

/* --- binary numbers --------------------------------------------------------------------------- */

static long double to_binary(const struct sfx_decimal *value)
{
    return (long double)value->mant / powl(10, value->scale);
}

/* Writes a binary number with 15 digits, which are those that are sure; null: it is none. */
static void put_binary(long double value, struct sfx_vec *out, uint32_t row)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%.15Lg", value);

    out->flags[row] = !isfinite(value) || sfx_decimal_parse(sfx_slice(text, (size_t)n),
                                                            &out->nums[row]) != SFX_DECIMAL_OK;
}

/* The root of the number in row. */
static void put_root(struct sfx_vec *out, uint32_t row)
{
    if (!out->flags[row])
        put_binary(sqrtl(to_binary(&out->nums[row])), out, row);
}

static int stddev_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                         uint32_t row)
{
    int rc = var_result(ctx, state, out, row);

    if (rc == 0)
        put_root(out, row);
    return rc;
}

static int stddev_pop_result(struct sfx_agg_ctx *ctx, const unsigned char *state,
                             struct sfx_vec *out, uint32_t row)
{
    int rc = var_pop_result(ctx, state, out, row);

    if (rc == 0)
        put_root(out, row);
    return rc;
}

static int corr_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                       uint32_t row)
{
    const struct moments *m = (const struct moments *)state;
    struct sfx_decimal xx, yy, xy;

    if (!spread(m->count, &m->xx, &m->x, &m->x, &xx) ||
        !spread(m->count, &m->yy, &m->y, &m->y, &yy) ||
        !spread(m->count, &m->xy, &m->x, &m->y, &xy))
        return too_large(ctx);
    out->flags[row] = 1; /* of a single record, or where one of them never changes */
    if (xx.mant != 0 && yy.mant != 0)
        put_binary(to_binary(&xy) / sqrtl(to_binary(&xx)) / sqrtl(to_binary(&yy)), out, row);
    return 0;
}

struct logs {
    uint64_t count;
    bool none; /* a number was not above zero */
    long double sum;
};

static int geomean_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                       uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;

    (void)ctx;
    for (i = 0; i < nsel; i++) {
        struct logs logs;

        if (arg->flags[sel[i]])
            continue;
        __builtin_memcpy(&logs, states[i] + offset, sizeof(logs)); /* its place is not aligned */
        logs.count++;
        if (arg->nums[sel[i]].mant > 0)
            logs.sum += logl(to_binary(&arg->nums[sel[i]]));
        else
            logs.none = true;
        __builtin_memcpy(states[i] + offset, &logs, sizeof(logs));
    }
    return 0;
}

static int geomean_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         size_t from_nbytes)
{
    struct logs logs, other;

    (void)ctx, (void)from_nbytes;
    __builtin_memcpy(&logs, state, sizeof(logs));
    __builtin_memcpy(&other, from, sizeof(other));
    logs.count += other.count;
    logs.sum += other.sum;
    logs.none = logs.none || other.none;
    __builtin_memcpy(state, &logs, sizeof(logs));
    return 0;
}

static int geomean_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                          uint32_t row)
{
    struct logs logs;

    (void)ctx;
    __builtin_memcpy(&logs, state, sizeof(logs));
    out->flags[row] = 1;
    if (logs.count > 0 && !logs.none)
        put_binary(expl(logs.sum / (long double)logs.count), out, row);
    return 0;
}

#define MOMENTS                                                                                    \
    .wants = SFX_TYPE_NUMBER, .state_nbytes = sizeof(struct moments), .add = moments_add,          \
    .result = SFX_TYPE_NUMBER, .merge = moments_merge

static const struct sfx_aggregate aggregates[] = {
    {"var", "var(x)",
     "the variance of a sample, over n - 1, from exact sums of squares; null for one number",
     MOMENTS, .result_at = var_result, .example = "var(x)", .gives = "0.666666666666666667"},
    {"var_pop", "var_pop(x)", "the variance of the whole population, over n", MOMENTS,
     .result_at = var_pop_result, .example = "var_pop(x)", .gives = "0.5"},
    {"stddev", "stddev(x)", "the root of var(x), to 15 digits", MOMENTS, .result_at = stddev_result,
     .example = "stddev(x)", .gives = "0.816496580927726"},
    {"stddev_pop", "stddev_pop(x)", "the root of var_pop(x), to 15 digits", MOMENTS,
     .result_at = stddev_pop_result, .example = "stddev_pop(x)", .gives = "0.707106781186548"},
    {"covar", "covar(x, y)",
     "the covariance of a sample, over n - 1, of the records where both are known", MOMENTS,
     .result_at = covar_result, .more = "n", .example = "covar(x, 10 - x)",
     .gives = "-0.666666666666666667"},
    {"covar_pop", "covar_pop(x, y)", "the covariance of the whole population, over n", MOMENTS,
     .result_at = covar_pop_result, .more = "n", .example = "covar_pop(x, 10 - x)",
     .gives = "-0.5"},
    {"corr", "corr(x, y)",
     "the correlation from -1 to 1, to 15 digits; null where one of them is the same throughout",
     MOMENTS, .result_at = corr_result, .more = "n", .example = "corr(x, 10 - x)", .gives = "-1"},
    {"geomean", "geomean(x)",
     "the n-th root of the product, to 15 digits; null when a number is not above zero",
     .wants = SFX_TYPE_NUMBER, .state_nbytes = sizeof(struct logs), .add = geomean_add,
     .result = SFX_TYPE_NUMBER, .result_at = geomean_result, .merge = geomean_merge,
     .example = "geomean(x)", .gives = "1.8612097182042"},
};

const struct sfx_aggregate_family sfx_aggregate_moment_family = {aggregates, SFX_COUNT(aggregates)};
