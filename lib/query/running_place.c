/* SPDX-License-Identifier: MIT */
/* Running functions of places: numbers and ranks, and the rows before and behind. */
#include "query/running_internal.h"

#include "base/size.h"

#include <string.h>

static void give_count(const struct sfx_running_bound *b, uint32_t row, uint64_t n)
{
    b->out->nums[row] = (struct sfx_decimal){(sfx_int128)n, 0};
    b->out->flags[row] = 0;
}

static int row_number(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    (void)ctx;
    (void)state;
    give_count(b, row->row, row->index + 1);
    return 0;
}

static int rank_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                     const struct sfx_running_row *row)
{
    uint64_t *rank = state;

    (void)ctx;
    if (!row->peer)
        *rank = row->index + 1;
    give_count(b, row->row, *rank);
    return 0;
}

static int dense_rank(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    uint64_t *rank = state;

    (void)ctx;
    *rank += !row->peer;
    give_count(b, row->row, *rank);
    return 0;
}

static int percent_rank(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                        const struct sfx_running_row *row)
{
    uint64_t *rank = state;
    struct sfx_decimal above, others = {(sfx_int128)row->group_nrows - 1, 0};

    (void)ctx;
    if (!row->peer)
        *rank = row->index;
    above = (struct sfx_decimal){(sfx_int128)*rank, 0};
    b->out->flags[row->row] = 0;
    b->out->nums[row->row] = (struct sfx_decimal){0};
    if (row->group_nrows > 1) /* whole numbers: it is within 38 digits */
        (void)sfx_decimal_div(&above, &others, &b->out->nums[row->row]);
    return 0;
}

/* Parts of equal size; where that does not go, the first ones have one more. */
static int ntile(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                 const struct sfx_running_row *row)
{
    uint64_t size = row->group_nrows / b->n, larger = row->group_nrows % b->n;
    uint64_t of_larger = larger * (size + 1);

    (void)ctx;
    (void)state;
    give_count(b, row->row,
               row->index < of_larger ? row->index / (size + 1) + 1
                                      : larger + (row->index - of_larger) / size + 1);
    return 0;
}

struct lag {
    struct sfx_running_value *ring; /* the last n rows */
};

static int lag_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                    const struct sfx_running_row *row)
{
    struct lag *lag = state;
    struct sfx_running_value *value;
    char *text;

    if (lag->ring == NULL)
        lag->ring = sfx_arena_calloc(ctx->arena, b->n, sizeof(*lag->ring), ctx->err);
    if (lag->ring == NULL)
        return SFX_E_NOMEM;
    value = &lag->ring[row->index % b->n];
    if (row->index < b->n) {
        sfx_running_give_other(b, row->row);
    } else {
        sfx_running_give(value, b->out, row->row);
        if (!sfx_type_in_nums(b->type) && !sfx_cell_is_null(&value->cell)) { /* it is reused */
            struct sfx_slice bytes = sfx_cell_spelling(&value->cell);

            text = sfx_eval_text(ctx->ev, bytes.len);
            if (text == NULL)
                return sfx_err_set(ctx->err, SFX_E_NOMEM, "no memory for a value");
            memcpy(text, bytes.ptr, bytes.len);
            b->out->cells[row->row].ptr = text + (value->cell.ptr - bytes.ptr);
        }
    }
    return sfx_running_keep(ctx, value, b->arg->vec, row->row);
}

/* The stage writes the others when it meets the row further on. */
static int lead_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                     const struct sfx_running_row *row)
{
    (void)ctx;
    (void)state;
    sfx_running_give_other(b, row->row);
    return 0;
}

struct before {
    bool known;
    struct sfx_decimal value;
};

static int against_before(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b,
                          struct before *before, const struct sfx_running_row *row,
                          enum sfx_decimal_result (*op)(const struct sfx_decimal *,
                                                        const struct sfx_decimal *,
                                                        struct sfx_decimal *))
{
    const struct sfx_vec *arg = b->arg->vec;
    enum sfx_decimal_result result = SFX_DECIMAL_DIV_BY_ZERO;

    sfx_vec_set_null(b->out, row->row);
    if (arg->flags[row->row])
        return 0;
    if (before->known)
        result = op(&arg->nums[row->row], &before->value, &b->out->nums[row->row]);
    if (result == SFX_DECIMAL_OVERFLOW)
        return sfx_err_set(ctx->err, SFX_E_INPUT, "%s: a result of more than %d digits",
                           b->call->fn->name, SFX_DECIMAL_MAX_DIGITS);
    b->out->flags[row->row] = result != SFX_DECIMAL_OK;
    *before = (struct before){true, arg->nums[row->row]};
    return 0;
}

static int delta_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    return against_before(ctx, b, state, row, sfx_decimal_sub);
}

static int ratio_step(struct sfx_running_ctx *ctx, const struct sfx_running_bound *b, void *state,
                      const struct sfx_running_row *row)
{
    return against_before(ctx, b, state, row, sfx_decimal_div);
}

#define NUMBER SFX_TYPE_NUMBER

static const struct sfx_running functions[] = {
    {.name = "row_number",
     .usage = "row_number()",
     .help = "the number of the record, from 1",
     .result = NUMBER,
     .step = row_number,
     .example = "row_number()",
     .gives = "1,2,3,4,5"},
    {.name = "rank",
     .usage = "rank()",
     .help = "the number of the first record at the same place in the order",
     .ordered = true,
     .result = NUMBER,
     .state_nbytes = sizeof(uint64_t),
     .step = rank_step,
     .example = "rank()",
     .gives = "4,1,5,2,2"},
    {.name = "dense_rank",
     .usage = "dense_rank()",
     .help = "the number of the place in the order, without gaps",
     .ordered = true,
     .result = NUMBER,
     .state_nbytes = sizeof(uint64_t),
     .step = dense_rank,
     .example = "dense_rank()",
     .gives = "3,1,4,2,2"},
    {.name = "percent_rank",
     .usage = "percent_rank()",
     .help = "the part of the other records before the first at the same place",
     .ordered = true,
     .needs_group = true,
     .result = NUMBER,
     .state_nbytes = sizeof(uint64_t),
     .step = percent_rank,
     .example = "percent_rank()",
     .gives = "0.75,0,1,0.25,0.25"},
    {.name = "ntile",
     .usage = "ntile(n)",
     .help = "the number of the part, of n parts of one size",
     .min_args = 1,
     .max_args = 1,
     .counts = true,
     .needs_group = true,
     .result = NUMBER,
     .step = ntile,
     .example = "ntile(2)",
     .gives = "1,1,1,2,2"},
    {.name = "lag",
     .usage = "lag(x[, n[, other]])",
     .help = "x of the nth record before (n: 1); other, or null, where there is none",
     .min_args = 1,
     .max_args = 3,
     .arg = 'c',
     .counts = true,
     .result = SFX_TYPE_CELL,
     .state_nbytes = sizeof(struct lag),
     .step = lag_step,
     .example = "lag(x, 1, 0)",
     .gives = "0,3,1,,2"},
    {.name = "lead",
     .usage = "lead(x[, n[, other]])",
     .help = "x of the nth record behind (n: 1); other, or null, where there is none",
     .min_args = 1,
     .max_args = 3,
     .arg = 'c',
     .counts = true,
     .leads = true,
     .result = SFX_TYPE_CELL,
     .step = lead_step,
     .example = "lead(x)",
     .gives = "1,,2,2,"},
    {.name = "delta",
     .usage = "delta(x)",
     .help = "x minus the known x before it; null for the first",
     .min_args = 1,
     .max_args = 1,
     .arg = 'n',
     .result = NUMBER,
     .state_nbytes = sizeof(struct before),
     .step = delta_step,
     .example = "delta(x)",
     .gives = ",-2,,1,0"},
    {.name = "ratio",
     .usage = "ratio(x)",
     .help = "x divided by the known x before it; null for the first and behind 0",
     .min_args = 1,
     .max_args = 1,
     .arg = 'n',
     .result = NUMBER,
     .state_nbytes = sizeof(struct before),
     .step = ratio_step,
     .example = "ratio(x)",
     .gives = ",0.333333333333333333,,2,1"},
};

const struct sfx_running_family sfx_running_place_family = {functions, SFX_COUNT(functions)};
