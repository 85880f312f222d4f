/* SPDX-License-Identifier: MIT */
/*
 * Aggregates that answer nearly, with a state that does not grow: how many different values
 * (HyperLogLog) and quantiles (merging t-digest).
 *
 * Sources: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal
 * cardinality estimation algorithm", 2007, with linear counting for small ranges; Dunning, Ertl,
 * "Computing extremely accurate quantiles using t-digests", 2019.
 */
#include "query/aggregate_internal.h"

#include "base/hash.h"
#include "base/size.h"
#include "query/sort_key_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- how many different ones ------------------------------------------------------------------ */

#define REGISTER_BITS 12 /* the standard error is 1.04 / sqrt(4096): 1.6 % */
#define NREGISTERS    ((size_t)1 << REGISTER_BITS)
#define FIRST_HASHES  4
#define MOST_HASHES   256 /* half of what the registers take: exact until then */

/* Few values are kept as their hashes, many as registers. */
struct distinct {
    uint64_t *hashes;
    uint8_t *registers; /* NULL: hashes are all there is */
    uint32_t nhashes, cap;
};

static void note_hash(uint8_t *registers, uint64_t hash)
{
    size_t at = hash >> (64 - REGISTER_BITS);
    uint64_t rest = hash << REGISTER_BITS | (uint64_t)1 << (REGISTER_BITS - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);

    if (rank > registers[at])
        registers[at] = rank;
}

static int make_registers(struct sfx_agg_ctx *ctx, struct distinct *d)
{
    uint32_t i;

    d->registers = sfx_arena_calloc(ctx->arena, NREGISTERS, 1, ctx->err);
    for (i = 0; d->registers != NULL && i < d->nhashes; i++)
        note_hash(d->registers, d->hashes[i]);
    return d->registers == NULL ? SFX_E_NOMEM : 0;
}

static int add_hash(struct sfx_agg_ctx *ctx, struct distinct *d, uint64_t hash)
{
    uint32_t i, cap = d->cap == 0 ? FIRST_HASHES : d->cap * 2;
    uint64_t *grown;
    int rc = 0;

    for (i = 0; d->registers == NULL && i < d->nhashes; i++) {
        if (d->hashes[i] == hash)
            return 0;
    }
    if (d->registers == NULL && d->nhashes == MOST_HASHES)
        rc = make_registers(ctx, d);
    if (rc < 0)
        return rc;
    if (d->registers != NULL) {
        note_hash(d->registers, hash);
        return 0;
    }
    if (d->nhashes == d->cap) {
        grown = sfx_arena_calloc(ctx->arena, cap, sizeof(*grown), ctx->err);
        if (grown == NULL)
            return SFX_E_NOMEM;
        if (d->nhashes > 0)
            memcpy(grown, d->hashes, d->nhashes * sizeof(*grown));
        d->hashes = grown;
        d->cap = cap;
    }
    d->hashes[d->nhashes++] = hash;
    return 0;
}

static int distinct_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                        uint32_t nsel, unsigned char *const *states, size_t offset)
{
    struct sfx_buf *key = &ctx->ev->scratch;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        struct distinct *d = (struct distinct *)(states[i] + offset);
        unsigned char small[SFX_DECIMAL_KEY_NBYTES];
        struct sfx_slice text;

        if (sfx_vec_is_blank(arg, sel[i]))
            continue;
        if (arg->type == SFX_TYPE_NUMBER)
            text = sfx_slice((char *)small, sfx_decimal_key(&arg->nums[sel[i]], small));
        else if (sfx_type_in_nums(arg->type))
            text = sfx_slice((const char *)&arg->nums[sel[i]].mant, sizeof(sfx_int128));
        else if (sfx_cell_text(&arg->cells[sel[i]], key, &text, NULL) < 0)
            text = sfx_slice(arg->cells[sel[i]].ptr, arg->cells[sel[i]].len);
        rc = add_hash(ctx, d, sfx_hash64(text.ptr, text.len, 0));
    }
    return rc;
}

/* A part is hashes, or the registers. */
static int distinct_save(struct sfx_agg_ctx *ctx, const unsigned char *state)
{
    const struct distinct *d = (const struct distinct *)state;

    if (d->registers != NULL)
        return sfx_agg_put(ctx, d->registers, NREGISTERS);
    return d->nhashes > 0 ? sfx_agg_put(ctx, d->hashes, d->nhashes * sizeof(*d->hashes)) : 0;
}

static int distinct_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                          size_t from_nbytes)
{
    struct distinct *d = (struct distinct *)state;
    uint64_t hash;
    size_t i;
    int rc = 0;

    for (i = 0; from_nbytes < NREGISTERS && i < from_nbytes && rc == 0; i += sizeof(hash)) {
        memcpy(&hash, from + i, sizeof(hash));
        rc = add_hash(ctx, d, hash);
    }
    if (from_nbytes == NREGISTERS && d->registers == NULL)
        rc = make_registers(ctx, d);
    for (i = 0; rc == 0 && from_nbytes == NREGISTERS && i < NREGISTERS; i++) {
        if (from[i] > d->registers[i])
            d->registers[i] = from[i];
    }
    return rc;
}

static uint64_t estimate(const uint8_t *registers)
{
    double m = (double)NREGISTERS, sum = 0, all;
    size_t i, zeros = 0;

    for (i = 0; i < NREGISTERS; i++) {
        sum += ldexp(1, -registers[i]);
        zeros += registers[i] == 0;
    }
    all = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (all <= 2.5 * m && zeros > 0)
        all = m * log(m / (double)zeros);
    return (uint64_t)(all + 0.5);
}

static int distinct_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                           uint32_t row)
{
    const struct distinct *d = (const struct distinct *)state;

    (void)ctx;
    out->nums[row] = (struct sfx_decimal){
        (int64_t)(d->registers != NULL ? estimate(d->registers) : d->nhashes), 0};
    out->flags[row] = 0;
    return 0;
}

/* --- quantiles -------------------------------------------------------------------------------- */

#define COMPRESSION 200.0 /* centroids, about: ranks in the middle are right to half a percent */
#define MOST_POINTS 1024  /* centroids and what came since they were made */

struct point {
    double mean, weight;
};

struct digest {
    struct point *points; /* the first are centroids in order */
    uint32_t npoints, cap;
    double min, max, weight;
};

static int compare_points(const void *a, const void *b)
{
    double x = ((const struct point *)a)->mean, y = ((const struct point *)b)->mean;

    return (x > y) - (x < y);
}

/* The scale function k1: centroids may be large in the middle and are small at the ends. */
static double scale_of(double q)
{
    return COMPRESSION / (2 * M_PI) * asin(2 * q - 1);
}

/* Makes centroids of all points. */
static void compress(struct digest *d)
{
    double before = 0, from = scale_of(0);
    uint32_t i, n = 0;

    if (d->npoints == 0)
        return;
    qsort(d->points, d->npoints, sizeof(*d->points), compare_points);
    for (i = 1; i < d->npoints; i++) {
        struct point *last = &d->points[n], *next = &d->points[i];
        double q = (before + last->weight + next->weight) / d->weight;

        if (scale_of(q < 1 ? q : 1) - from <= 1) {
            last->weight += next->weight;
            last->mean += (next->mean - last->mean) * next->weight / last->weight;
        } else {
            before += last->weight;
            from = scale_of(before / d->weight);
            d->points[++n] = *next;
        }
    }
    d->npoints = n + 1;
}

static int add_point(struct sfx_agg_ctx *ctx, struct digest *d, double mean, double weight)
{
    uint32_t cap = d->cap == 0 ? 4 : d->cap * 2;
    struct point *grown;

    if (d->npoints == MOST_POINTS)
        compress(d);
    if (d->npoints == d->cap) {
        grown = sfx_arena_calloc(ctx->arena, cap, sizeof(*grown), ctx->err);
        if (grown == NULL)
            return SFX_E_NOMEM;
        if (d->npoints > 0)
            memcpy(grown, d->points, d->npoints * sizeof(*grown));
        d->points = grown;
        d->cap = cap;
    }
    if (d->weight == 0 || mean < d->min)
        d->min = mean;
    if (d->weight == 0 || mean > d->max)
        d->max = mean;
    d->points[d->npoints++] = (struct point){mean, weight};
    d->weight += weight;
    return 0;
}

static int digest_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                      uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        const struct sfx_decimal *x = &arg->nums[sel[i]];

        if (!arg->flags[sel[i]])
            rc = add_point(ctx, (struct digest *)(states[i] + offset),
                           (double)((long double)x->mant / powl(10, x->scale)), 1);
    }
    return rc;
}

/* A part is least and greatest value, then the points. */
static int digest_save(struct sfx_agg_ctx *ctx, const unsigned char *state)
{
    struct digest d = *(const struct digest *)state; /* its points may become centroids */
    struct point all[MOST_POINTS + 1];

    if (d.npoints == 0)
        return 0;
    all[0] = (struct point){d.min, d.max};
    memcpy(all + 1, d.points, d.npoints * sizeof(*all));
    return sfx_agg_put(ctx, all, (d.npoints + 1) * sizeof(*all));
}

static int digest_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                        size_t from_nbytes)
{
    struct digest *d = (struct digest *)state;
    struct point ends, point;
    size_t i;
    int rc = 0;

    memcpy(&ends, from, sizeof(ends));
    for (i = sizeof(ends); i < from_nbytes && rc == 0; i += sizeof(point)) {
        memcpy(&point, from + i, sizeof(point));
        rc = add_point(ctx, d, point.mean, point.weight);
    }
    d->min = ends.mean < d->min ? ends.mean : d->min;
    d->max = ends.weight > d->max ? ends.weight : d->max;
    return rc;
}

/* The value at place (n - 1) * q of the sorted points, none of which stands for several. */
static double exact_at(const struct digest *d, double q)
{
    double place = q * (d->weight - 1);
    uint32_t i = (uint32_t)place;

    return i + 1 < d->npoints
               ? d->points[i].mean + (place - i) * (d->points[i + 1].mean - d->points[i].mean)
               : d->points[i].mean;
}

/* The value at the rank q * weight: in proportion between the middles of centroids. */
static double digest_at(const struct digest *d, double q)
{
    double rank = q * d->weight, before = 0, left = d->min, left_rank = 0;
    uint32_t i;

    for (i = 0; i < d->npoints; i++) {
        double middle = before + d->points[i].weight / 2;

        if (rank <= middle)
            return middle > left_rank ? left + (d->points[i].mean - left) * (rank - left_rank) /
                                                   (middle - left_rank)
                                      : left;
        left = d->points[i].mean;
        left_rank = middle;
        before += d->points[i].weight;
    }
    return d->weight > left_rank
               ? left + (d->max - left) * (rank - left_rank) / (d->weight - left_rank)
               : d->max;
}

static int digest_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                         uint32_t row)
{
    struct digest d = *(const struct digest *)state;
    struct point points[MOST_POINTS];
    const struct sfx_decimal *part = &ctx->call->item->more[0]->number;
    double q = (double)((long double)part->mant / powl(10, part->scale)), value;
    char text[64];
    int n;

    out->flags[row] = d.npoints == 0;
    if (d.npoints == 0)
        return 0;
    memcpy(points, d.points, d.npoints * sizeof(*points));
    d.points = points;
    if (d.weight == d.npoints) {
        qsort(points, d.npoints, sizeof(*points), compare_points);
        value = exact_at(&d, q);
    } else {
        compress(&d);
        value = digest_at(&d, q);
    }
    n = snprintf(text, sizeof(text), "%.15g", value);
    out->flags[row] =
        sfx_decimal_parse(sfx_slice(text, (size_t)n), &out->nums[row]) != SFX_DECIMAL_OK;
    return 0;
}

static const struct sfx_aggregate aggregates[] = {
    {"approx_count_distinct", "approx_count_distinct(x)",
     "how many different x there are: up to 256 exactly, beyond with a standard error of 1.6 % "
     "(HyperLogLog), in at most 6 KiB a group",
     .wants = SFX_TYPE_CELL, .state_nbytes = sizeof(struct distinct), .add = distinct_add,
     .result = SFX_TYPE_NUMBER, .result_at = distinct_result, .merge = distinct_merge,
     .save = distinct_save, .example = "approx_count_distinct(x)", .gives = "3"},
    {"approx_quantile", "approx_quantile(x, q)",
     "a number whose place among the sorted ones is near q, to about half a percent and nearer at "
     "the ends (t-digest), and of up to 1,024 numbers quantile(x, q); in at most 32 KiB a group",
     .wants = SFX_TYPE_NUMBER, .state_nbytes = sizeof(struct digest), .add = digest_add,
     .result = SFX_TYPE_NUMBER, .result_at = digest_result, .merge = digest_merge,
     .save = digest_save, .more = "q", .example = "approx_quantile(x, 0.5)", .gives = "2"},
};

const struct sfx_aggregate_family sfx_aggregate_sketch_family = {aggregates, SFX_COUNT(aggregates)};
