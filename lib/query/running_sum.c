/* SPDX-License-Identifier: MIT */
/* Running functions that add up: over all rows so far, or over the last n. Nulls add nothing. */
#include "query/running_internal.h"

#include "base/size.h"

static int overflow(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b)
{
    return sfx_err_set(ctx->err, SFX_E_INPUT, "%s: a result of more than %d digits",
                       b->call->fn->name, SFX_DECIMAL_MAX_DIGITS);
}

struct so_far {
    uint64_t count; /* of known values */
    struct sfx_decimal value;
};

static void give(const struct sfx_running_bound *b, uint32_t row, bool known,
                 const struct sfx_decimal *value)
{
    b->out->flags[row] = !known;
    b->out->nums[row] = *value;
}

static int cumsum(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                  const struct sfx_running_row *row)
{
    const struct sfx_vec *arg = b->arg->vec;
    struct so_far *s = state;

    if (!arg->flags[row->row]) {
        s->count++;
        if (sfx_decimal_add(&s->value, &arg->nums[row->row], &s->value) != SFX_DECIMAL_OK)
            return overflow(ctx, b);
    }
    give(b, row->row, s->count > 0, &s->value);
    return 0;
}

static int extreme(const struct sfx_running_bound *b, struct so_far *s,
                   const struct sfx_running_row *row, int sign)
{
    const struct sfx_vec *arg = b->arg->vec;

    if (!arg->flags[row->row] &&
        (s->count++ == 0 || sign * sfx_decimal_cmp(&arg->nums[row->row], &s->value) > 0))
        s->value = arg->nums[row->row];
    give(b, row->row, s->count > 0, &s->value);
    return 0;
}

static int cummin(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                  const struct sfx_running_row *row)
{
    (void)ctx;
    return extreme(b, state, row, -1);
}

static int cummax(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                  const struct sfx_running_row *row)
{
    (void)ctx;
    return extreme(b, state, row, 1);
}

static int cumcount(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                    const struct sfx_running_row *row)
{
    uint64_t *count = state;
    struct sfx_decimal value;

    (void)ctx;
    *count += b->arg == NULL || !sfx_vec_is_blank(b->arg->vec, row->row);
    value = (struct sfx_decimal){(sfx_int128)*count, 0};
    give(b, row->row, true, &value);
    return 0;
}

/* --- over the last n rows --------------------------------------------------------------------- */

struct entry {
    uint64_t index;
    struct sfx_decimal value;
};

/* A queue of the known values among the last n rows: entries first … first + count - 1 of ring. */
struct moving {
    struct entry *ring;
    uint64_t first, count;
    struct sfx_decimal sum;
};

static struct entry *entry_at(const struct moving *m, uint64_t n, uint64_t i)
{
    return &m->ring[(m->first + i) % n];
}

static int moving_start(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b,
                        struct moving *m)
{
    if (m->ring == NULL)
        m->ring = sfx_arena_calloc(ctx->arena, b->n, sizeof(*m->ring), ctx->err);
    return m->ring == NULL ? SFX_E_NOMEM : 0;
}

/* Takes the value that is n rows old out. */
static bool takes_oldest(struct moving *m, uint64_t n, uint64_t index, struct sfx_decimal *value)
{
    if (m->count == 0 || entry_at(m, n, 0)->index + n > index)
        return false;
    *value = entry_at(m, n, 0)->value;
    m->first = (m->first + 1) % n;
    m->count--;
    return true;
}

static int moving_add(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b,
                      struct moving *m, const struct sfx_running_row *row)
{
    const struct sfx_vec *arg = b->arg->vec;
    struct sfx_decimal old;
    int rc = moving_start(ctx, b, m);

    if (rc < 0)
        return rc;
    if (takes_oldest(m, b->n, row->index, &old) &&
        sfx_decimal_sub(&m->sum, &old, &m->sum) != SFX_DECIMAL_OK)
        return overflow(ctx, b);
    if (m->count == 0)
        m->sum = (struct sfx_decimal){0};
    if (arg->flags[row->row])
        return 0;
    *entry_at(m, b->n, m->count++) = (struct entry){row->index, arg->nums[row->row]};
    return sfx_decimal_add(&m->sum, &arg->nums[row->row], &m->sum) != SFX_DECIMAL_OK
               ? overflow(ctx, b)
               : 0;
}

static int moving_sum(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    struct moving *m = state;
    int rc = moving_add(ctx, b, m, row);

    give(b, row->row, m->count > 0, &m->sum);
    return rc;
}

static int moving_mean(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                       const struct sfx_running_row *row)
{
    struct moving *m = state;
    struct sfx_decimal count, mean = {0};
    int rc = moving_add(ctx, b, m, row);

    count = (struct sfx_decimal){(sfx_int128)m->count, 0};
    if (rc == 0 && m->count > 0 && sfx_decimal_div(&m->sum, &count, &mean) != SFX_DECIMAL_OK)
        rc = overflow(ctx, b);
    give(b, row->row, m->count > 0, &mean);
    return rc;
}

/* The queue holds only values that can still become the extreme: the first one is it. */
static int moving_extreme(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b,
                          struct moving *m, const struct sfx_running_row *row, int sign)
{
    const struct sfx_decimal *value = &b->arg->vec->nums[row->row];
    struct sfx_decimal old;
    int rc = moving_start(ctx, b, m);

    if (rc < 0)
        return rc;
    (void)takes_oldest(m, b->n, row->index, &old);
    if (!b->arg->vec->flags[row->row]) {
        while (m->count > 0 &&
               sign * sfx_decimal_cmp(value, &entry_at(m, b->n, m->count - 1)->value) > 0)
            m->count--;
        *entry_at(m, b->n, m->count++) = (struct entry){row->index, *value};
    }
    give(b, row->row, m->count > 0, &entry_at(m, b->n, 0)->value);
    return 0;
}

static int moving_min(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    return moving_extreme(ctx, b, state, row, -1);
}

static int moving_max(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    return moving_extreme(ctx, b, state, row, 1);
}

struct ewma {
    bool known;
    double value;
};

static int ewma_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                     const struct sfx_running_row *row)
{
    const struct sfx_vec *arg = b->arg->vec;
    struct ewma *e = state;

    (void)ctx;
    if (!arg->flags[row->row]) {
        double x = sfx_slot_float(&arg->nums[row->row]);

        e->value = e->known ? b->factor * x + (1 - b->factor) * e->value : x;
        e->known = true;
    }
    b->out->flags[row->row] = !e->known;
    b->out->nums[row->row] = sfx_float_slot(e->value);
    return 0;
}

#define NUMBER SFX_TYPE_NUMBER
#define ONE    .min_args = 1, .max_args = 1, .arg = 'n', .result = NUMBER
#define LAST_N .min_args = 2, .max_args = 2, .arg = 'n', .counts = true, .result = NUMBER

static const struct sfx_running functions[] = {
    {.name = "cumsum",
     .usage = "cumsum(x)",
     .help = "the sum so far",
     ONE,
     .state_nbytes = sizeof(struct so_far),
     .step = cumsum,
     .example = "cumsum(x)",
     .gives = "3,4,4,6,8"},
    {.name = "cumcount",
     .usage = "cumcount([x])",
     .help = "the records so far, or those whose x is known",
     .max_args = 1,
     .arg = 'c',
     .result = NUMBER,
     .state_nbytes = sizeof(uint64_t),
     .step = cumcount,
     .example = "cumcount(x)",
     .gives = "1,2,2,3,4"},
    {.name = "cummin",
     .usage = "cummin(x)",
     .help = "the smallest number so far",
     ONE,
     .state_nbytes = sizeof(struct so_far),
     .step = cummin,
     .example = "cummin(x)",
     .gives = "3,1,1,1,1"},
    {.name = "cummax",
     .usage = "cummax(x)",
     .help = "the largest number so far",
     ONE,
     .state_nbytes = sizeof(struct so_far),
     .step = cummax,
     .example = "cummax(x)",
     .gives = "3,3,3,3,3"},
    {.name = "moving_sum",
     .usage = "moving_sum(x, n)",
     .help = "the sum over this record and the n - 1 before it",
     LAST_N,
     .state_nbytes = sizeof(struct moving),
     .step = moving_sum,
     .example = "moving_sum(x, 2)",
     .gives = "3,4,1,2,4"},
    {.name = "moving_mean",
     .usage = "moving_mean(x, n)",
     .help = "the mean over this record and the n - 1 before it",
     LAST_N,
     .state_nbytes = sizeof(struct moving),
     .step = moving_mean,
     .example = "moving_mean(x, 2)",
     .gives = "3,2,1,2,2"},
    {.name = "moving_min",
     .usage = "moving_min(x, n)",
     .help = "the smallest number in this record and the n - 1 before it",
     LAST_N,
     .state_nbytes = sizeof(struct moving),
     .step = moving_min,
     .example = "moving_min(x, 2)",
     .gives = "3,1,1,2,2"},
    {.name = "moving_max",
     .usage = "moving_max(x, n)",
     .help = "the largest number in this record and the n - 1 before it",
     LAST_N,
     .state_nbytes = sizeof(struct moving),
     .step = moving_max,
     .example = "moving_max(x, 2)",
     .gives = "3,3,1,2,2"},
    {.name = "ewma",
     .usage = "ewma(x, alpha)",
     .help = "the mean so far in which each x has the part alpha and what was before the rest; a "
             "float",
     .min_args = 2,
     .max_args = 2,
     .arg = 'f',
     .result = SFX_TYPE_FLOAT,
     .state_nbytes = sizeof(struct ewma),
     .step = ewma_step,
     .example = "ewma(x, 0.5)",
     .gives = "3,2,2,2,2"},
};

const struct sfx_running_family sfx_running_sum_family = {functions, SFX_COUNT(functions)};
