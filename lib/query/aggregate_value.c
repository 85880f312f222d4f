/* SPDX-License-Identifier: MIT */
/*
 * Aggregates that need all values, or all in order: what comes in is kept in pieces, and sorted
 * when the result is asked for. Groups that went to disk are settled one at a time, from a sorter
 * that goes to disk itself, so that one group may be larger than memory.
 */
#include "query/aggregate_work_internal.h"

#include "base/size.h"
#include "query/value_internal.h"
#include "json/json.h"

#include <inttypes.h>
#include <string.h>

#define LIST_NBYTES ((uint64_t)16 << 20) /* of one list or text, when there is no --memory */

/* Makes the result of values in order in row of out. */
typedef int fold_fn(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                    const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row);

static int values_add(struct sfx_agg_ctx *ctx, const struct sfx_vec *arg, const uint16_t *sel,
                      uint32_t nsel, unsigned char *const *states, size_t offset)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < nsel && rc == 0; i++) {
        if (!sfx_vec_is_blank(arg, sel[i]))
            rc =
                sfx_agg_values_add(ctx, (struct sfx_agg_values *)(states[i] + offset), arg, sel[i]);
    }
    return rc;
}

static int by_value_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                          size_t from_nbytes)
{
    return sfx_agg_values_merge(ctx, state, from, from_nbytes, true);
}

static int by_time_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                         size_t from_nbytes)
{
    return sfx_agg_values_merge(ctx, state, from, from_nbytes, false);
}

/* Sorts the values of a state and folds them. */
static int fold(struct sfx_agg_ctx *ctx, const unsigned char *state, bool by_value, fold_fn *fn,
                struct sfx_vec *out, uint32_t row)
{
    const struct sfx_agg_values *values = (const struct sfx_agg_values *)state;
    struct sfx_agg_work own, *work = ctx->work;
    int rc;

    if (values->settled != NULL)
        return sfx_value_get(ctx->ev, values->settled, out, row) != NULL ? 0 : SFX_E_NOMEM;
    if (work == NULL) {
        (void)sfx_agg_work_init(&own, NULL, NULL); /* nothing in it can fail */
        work = &own;
    }
    rc = sfx_agg_values_sort(ctx, work, values, by_value);
    if (rc == 0)
        rc = fn(ctx, work, values, out, row);
    if (work == &own)
        sfx_agg_work_done(&own);
    return rc < 0 && ctx->ev->rc < 0 ? sfx_err_set(ctx->err, rc, "no memory for a result") : rc;
}

/* Makes the result while the group's values are at hand, and keeps it. */
static int settle(struct sfx_agg_ctx *ctx, unsigned char *state, bool by_value, fold_fn *fn)
{
    struct sfx_agg_values *values = (struct sfx_agg_values *)state;
    struct sfx_decimal number;
    struct sfx_cell cell;
    uint8_t flag = 0;
    struct sfx_vec out = {.type = ctx->call->type, .cells = &cell, .nums = &number, .flags = &flag};
    unsigned char *kept;
    int rc = values->settled == NULL ? fold(ctx, state, by_value, fn, &out, 0) : 0;

    if (rc < 0 || values->settled != NULL)
        return rc;
    if (flag) { /* a number that is null */
        cell = (struct sfx_cell){.kind = SFX_CELL_NULL};
        out.type = SFX_TYPE_CELL;
    }
    kept = sfx_arena_alloc(ctx->arena, sfx_value_max_nbytes(&out, 0), ctx->err);
    if (kept == NULL)
        return SFX_E_NOMEM;
    (void)sfx_value_put(&out, 0, kept);
    values->settled = kept;
    return 0;
}

/* Writes a value to row of out; it may be gone after this. */
static int put_result(struct sfx_agg_ctx *ctx, const void *value, size_t nbytes,
                      struct sfx_vec *out, uint32_t row)
{
    char *copy = sfx_eval_text(ctx->ev, nbytes);

    if (copy == NULL)
        return SFX_E_NOMEM;
    memcpy(copy, value, nbytes);
    return sfx_value_get(ctx->ev, (unsigned char *)copy, out, row) != NULL ? 0 : SFX_E_NOMEM;
}

static void put_count(struct sfx_vec *out, uint32_t row, uint64_t count)
{
    out->nums[row] = (struct sfx_decimal){(int64_t)count, 0};
    out->flags[row] = 0;
}

/* --- quantiles -------------------------------------------------------------------------------- */

/* a + part * (b - a), exactly. */
static enum sfx_decimal_result between(const struct sfx_decimal *a, const struct sfx_decimal *b,
                                       const struct sfx_decimal *part, struct sfx_decimal *out)
{
    struct sfx_decimal step;

    if (sfx_decimal_sub(b, a, &step) != SFX_DECIMAL_OK ||
        sfx_decimal_mul(&step, part, &step) != SFX_DECIMAL_OK ||
        sfx_decimal_add(a, &step, out) != SFX_DECIMAL_OK)
        return SFX_DECIMAL_OVERFLOW;
    sfx_decimal_trim(out, a->scale > b->scale ? a->scale : b->scale);
    return SFX_DECIMAL_OK;
}

/* The number at place (count - 1) * q, between two of them where that is not whole. */
static int quantile(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work, uint64_t count,
                    const struct sfx_decimal *q, struct sfx_vec *out, uint32_t row)
{
    struct sfx_decimal place = {(int64_t)count - 1, 0}, whole, part, at[2] = {{0}, {0}};
    struct sfx_agg_value value = {0};
    uint64_t i;
    int rc = 0;

    out->flags[row] = count == 0;
    if (count == 0)
        return 0;
    if (sfx_decimal_mul(&place, q, &place) != SFX_DECIMAL_OK ||
        sfx_decimal_round(&place, 0, SFX_ROUND_FLOOR, &whole) != SFX_DECIMAL_OK ||
        sfx_decimal_sub(&place, &whole, &part) != SFX_DECIMAL_OK)
        goto overflow;
    for (i = 0; (rc = sfx_agg_values_next(ctx, work, &value)) > 0; i++) {
        if (i == (uint64_t)whole.mant)
            (void)sfx_value_number(value.value, &at[0]);
        if (i == (uint64_t)whole.mant + (part.mant != 0)) {
            (void)sfx_value_number(value.value, &at[1]);
            if (!work->merging) /* else the rest has to be gone past */
                break;
        }
    }
    if (rc < 0)
        return rc;
    if (between(&at[0], &at[1], &part, &out->nums[row]) == SFX_DECIMAL_OK)
        return 0;
overflow:
    return sfx_err_set(ctx->err, SFX_E_INPUT, "a quantile has more than %d digits",
                       SFX_DECIMAL_MAX_DIGITS);
}

static int median_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                       const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    static const struct sfx_decimal half = {5, 1};

    return quantile(ctx, work, values->count, &half, out, row);
}

static int median_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                         uint32_t row)
{
    return fold(ctx, state, true, median_fold, out, row);
}

static int median_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, true, median_fold);
}

static int quantile_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                         const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    return quantile(ctx, work, values->count, &ctx->call->item->more[0]->number, out, row);
}

static int quantile_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                           uint32_t row)
{
    return fold(ctx, state, true, quantile_fold, out, row);
}

static int quantile_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, true, quantile_fold);
}

/* --- the most frequent ------------------------------------------------------------------------ */

/* What stands for a run of equal values: the first of them in time. */
struct run {
    struct sfx_buf value, key;
    uint64_t count, number;
};

static int begin_run(struct sfx_agg_ctx *ctx, struct run *run, const struct sfx_agg_value *value)
{
    size_t nbytes = (size_t)(sfx_value_end(value->value) - value->value);

    sfx_buf_clear(&run->value);
    sfx_buf_clear(&run->key);
    run->count = 0;
    run->number = value->number;
    return sfx_buf_append(&run->value, value->value, nbytes, ctx->err) < 0 ||
                   sfx_buf_append(&run->key, value->key.ptr, value->key.len, ctx->err) < 0
               ? SFX_E_NOMEM
               : 0;
}

/* Swaps the runs when the one in hand is longer, or as long and was there earlier. */
static void note_run(struct run *now, struct run *best)
{
    struct run swap = *best;

    if (now->count > best->count || (now->count == best->count && now->number < best->number)) {
        *best = *now;
        *now = swap;
    }
}

static int mode_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                     const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    struct run now = {0}, best = {0};
    struct sfx_agg_value value = {0};
    int rc;

    (void)values;
    while ((rc = sfx_agg_values_next(ctx, work, &value)) > 0) {
        if (now.count == 0 || !sfx_slice_eq(value.key, sfx_buf_slice(&now.key))) {
            note_run(&now, &best);
            rc = begin_run(ctx, &now, &value);
            if (rc < 0)
                break;
        }
        now.count++;
    }
    note_run(&now, &best);
    if (rc == 0 && best.count == 0)
        sfx_vec_set_null(out, row);
    else if (rc == 0)
        rc = put_result(ctx, best.value.data, best.value.len, out, row);
    sfx_buf_done(&now.value);
    sfx_buf_done(&now.key);
    sfx_buf_done(&best.value);
    sfx_buf_done(&best.key);
    return rc;
}

static int mode_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                       uint32_t row)
{
    return fold(ctx, state, true, mode_fold, out, row);
}

static int mode_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, true, mode_fold);
}

/* --- how many different ones ------------------------------------------------------------------ */

static int distinct_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                         const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    struct sfx_agg_value value = {0};
    struct sfx_buf key = {0};
    uint64_t count = 0;
    int rc;

    (void)values;
    while ((rc = sfx_agg_values_next(ctx, work, &value)) > 0) {
        if (count > 0 && sfx_slice_eq(value.key, sfx_buf_slice(&key)))
            continue;
        count++;
        sfx_buf_clear(&key);
        rc = sfx_buf_append(&key, value.key.ptr, value.key.len, ctx->err);
        if (rc < 0)
            break;
    }
    sfx_buf_done(&key);
    put_count(out, row, count);
    return rc;
}

static int distinct_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                           uint32_t row)
{
    const struct sfx_agg_values *values = (const struct sfx_agg_values *)state;
    const struct sfx_agg_work *work = ctx->work;

    if (values->settled == NULL && work != NULL && work->has_seen && !work->forgot) {
        put_count(out, row, values->count);
        return 0;
    }
    return fold(ctx, state, true, distinct_fold, out, row);
}

/* Values from the run before are told from those to come; those from disk are sorted, anyway. */
static int distinct_merge(struct sfx_agg_ctx *ctx, unsigned char *state, const unsigned char *from,
                          size_t from_nbytes)
{
    const struct sfx_agg_work *work = ctx->work;

    return work != NULL && work->has_seen && !work->merging
               ? sfx_agg_values_merge_new(ctx, state, from, from_nbytes)
               : sfx_agg_values_merge(ctx, state, from, from_nbytes, true);
}

static int distinct_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, true, distinct_fold);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Appends what a value stands for, as text or as JSON. */
static int append_value(struct sfx_agg_ctx *ctx, const unsigned char *at, bool json,
                        struct sfx_buf *out)
{
    char digits[SFX_SLOT_TEXT_NBYTES];
    struct sfx_decimal slot;
    struct sfx_cell cell;
    uint8_t flag;
    struct sfx_vec vec = {
        .type = sfx_value_type(at), .cells = &cell, .nums = &slot, .flags = &flag};
    struct sfx_slice text;

    (void)sfx_value_get(ctx->ev, at, &vec, 0); /* to its own type, which takes no memory */
    if (sfx_type_in_nums(vec.type)) {
        text = sfx_slice(digits, sfx_slot_format(vec.type, &slot, digits));
        return json && vec.type == SFX_TYPE_TIME
                   ? sfx_json_quote(out, text, ctx->err)
                   : sfx_buf_append(out, text.ptr, text.len, ctx->err);
    }
    if (json && cell.kind != SFX_CELL_TEXT && cell.kind != SFX_CELL_STRING) {
        text = sfx_cell_spelling(&cell);
        return sfx_buf_append(out, text.ptr, text.len, ctx->err);
    }
    if (sfx_cell_text(&cell, &ctx->ev->scratch, &text, NULL) < 0)
        text = sfx_slice(cell.ptr, cell.len);
    return json ? sfx_json_quote(out, text, ctx->err)
                : sfx_buf_append(out, text.ptr, text.len, ctx->err);
}

/* Joins the values; kind: of the cell that comes out. */
static int join(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work, struct sfx_slice separator,
                enum sfx_cell_kind kind, struct sfx_vec *out, uint32_t row)
{
    uint64_t most = work->op != NULL ? sfx_operator_opts(work->op)->memory_nbytes / 8 : LIST_NBYTES;
    bool json = kind == SFX_CELL_JSON_NESTED;
    struct sfx_agg_value value = {0};
    struct sfx_buf text = {0};
    size_t n = 0;
    int rc = json ? sfx_buf_putc(&text, '[', ctx->err) : 0;

    while (rc == 0 && (rc = sfx_agg_values_next(ctx, work, &value)) > 0) {
        rc = n++ > 0 ? sfx_buf_append(&text, separator.ptr, separator.len, ctx->err) : 0;
        if (rc == 0)
            rc = append_value(ctx, value.value, json, &text);
        if (rc == 0 && text.len > most)
            rc = sfx_err_set(ctx->err, SFX_E_LIMIT,
                             "the values of a group are more than %" PRIu64
                             " bytes, an eighth of --memory",
                             most);
    }
    if (rc == 0 && json)
        rc = sfx_buf_putc(&text, ']', ctx->err);
    if (rc == 0 && n == 0) {
        sfx_vec_set_null(out, row);
    } else if (rc == 0) {
        char *copy = sfx_eval_text(ctx->ev, text.len);

        rc = copy == NULL ? SFX_E_NOMEM : 0;
        if (rc == 0)
            out->cells[row] =
                sfx_cell_string(sfx_slice(memcpy(copy, text.data, text.len), text.len));
        out->cells[row].kind = (uint8_t)kind;
    }
    sfx_buf_done(&text);
    return rc;
}

static int list_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                     const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    (void)values;
    return join(ctx, work, SFX_SLICE_LIT(","), SFX_CELL_JSON_NESTED, out, row);
}

static int list_result(struct sfx_agg_ctx *ctx, const unsigned char *state, struct sfx_vec *out,
                       uint32_t row)
{
    return fold(ctx, state, false, list_fold, out, row);
}

static int list_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, false, list_fold);
}

static int string_agg_fold(struct sfx_agg_ctx *ctx, struct sfx_agg_work *work,
                           const struct sfx_agg_values *values, struct sfx_vec *out, uint32_t row)
{
    const struct sfx_item *item = ctx->call->item;

    (void)values;
    return join(ctx, work, item->nmore > 0 ? item->more[0]->text : SFX_SLICE_LIT(","),
                SFX_CELL_STRING, out, row);
}

static int string_agg_result(struct sfx_agg_ctx *ctx, const unsigned char *state,
                             struct sfx_vec *out, uint32_t row)
{
    return fold(ctx, state, false, string_agg_fold, out, row);
}

static int string_agg_settle(struct sfx_agg_ctx *ctx, unsigned char *state)
{
    return settle(ctx, state, false, string_agg_fold);
}

#define KEEPS                                                                                      \
    .state_nbytes = sizeof(struct sfx_agg_values), .save = sfx_agg_values_save, .keeps_values = true

static const struct sfx_aggregate aggregates[] = {
    {"median", "median(x)", "the number in the middle, or the mean of the two: quantile(x, 0.5)",
     .wants = SFX_TYPE_NUMBER, .add = values_add, .result = SFX_TYPE_NUMBER,
     .result_at = median_result, .merge = by_value_merge, .settle = median_settle, KEEPS,
     .example = "median(x)", .gives = "2"},
    {"quantile", "quantile(x, q)",
     "the number at place (n - 1) * q of the n sorted numbers, counted from 0; between two places, "
     "between their numbers in proportion; q is a constant from 0 to 1",
     .wants = SFX_TYPE_NUMBER, .add = values_add, .result = SFX_TYPE_NUMBER,
     .result_at = quantile_result, .merge = by_value_merge, .settle = quantile_settle, KEEPS,
     .more = "q", .example = "quantile(x, 0.9)", .gives = "2.7"},
    {"mode", "mode(x)", "the most frequent x; of several, the one that was there first",
     .wants = SFX_TYPE_CELL, .add = values_add, .result = SFX_TYPE_CELL, .result_at = mode_result,
     .merge = by_value_merge, .settle = mode_settle, KEEPS, .example = "mode(x)", .gives = "2"},
    {"count_distinct", "count_distinct(x)", "how many different x there are, exactly",
     .wants = SFX_TYPE_CELL, .add = sfx_agg_values_add_new, .result = SFX_TYPE_NUMBER,
     .result_at = distinct_result, .merge = distinct_merge, .settle = distinct_settle, KEEPS,
     .example = "count_distinct(x)", .gives = "3"},
    {"list", "list(x)", "all x as a JSON array, in order of appearance", .wants = SFX_TYPE_CELL,
     .add = values_add, .result = SFX_TYPE_TEXT, .result_at = list_result, .merge = by_time_merge,
     .settle = list_settle, KEEPS, .example = "list(num(x))", .gives = "[3,1,2,2]"},
    {"string_agg", "string_agg(x[, separator])",
     "all x as one text, in order of appearance; the separator is a constant, a comma if not given",
     .wants = SFX_TYPE_CELL, .add = values_add, .result = SFX_TYPE_TEXT,
     .result_at = string_agg_result, .merge = by_time_merge, .settle = string_agg_settle, KEEPS,
     .more = "s", .more_optional = true, .example = "string_agg(x, \" \")", .gives = "3 1 2 2"},
};

const struct sfx_aggregate_family sfx_aggregate_value_family = {aggregates, SFX_COUNT(aggregates)};
