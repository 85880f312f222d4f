/* SPDX-License-Identifier: MIT */
/* As-of joins: of the file's rows with a key, the one nearest in time, or by another value. */
#include "query/join_internal.h"

#include <stdlib.h>
#include <string.h>

int sfx_asof_bind(struct sfx_join *join, struct sfx_binder *b, bool right, struct sfx_node **node)
{
    const struct sfx_join_plan *plan = join->plan;
    enum sfx_type type;
    int rc = sfx_bind_expr(b, right ? plan->by.right : plan->by.left, node);

    if (rc < 0)
        return rc;
    type = (*node)->vec->type;
    if (type == SFX_TYPE_BOOL)
        type = SFX_TYPE_CELL;
    join->by_type = join->by_type == SFX_TYPE_NULL ? type : sfx_join_type(join->by_type, type);
    rc = sfx_bind_convert(b, join->by_type, node);
    if (rc == 0 && right && !sfx_type_in_nums(join->by_type) &&
        (plan->within != NULL || plan->way == SFX_ASOF_NEAREST))
        rc = sfx_program_err(b->program, plan->by.left->at, b->err,
                             "within and nearest need numbers or times: by num(x) or by time(x)");
    return rc;
}

/* The distance of a constant expression: "within 5m". */
int sfx_asof_bind_within(struct sfx_join *join, struct sfx_binder *b)
{
    static const uint16_t first = 0;
    struct sfx_eval *ev = sfx_operator_eval(&join->op);
    struct sfx_binder constants = *b;
    struct sfx_node *node;
    int rc;

    if (join->plan->within == NULL)
        return 0;
    constants.ncols = 0;
    constants.open = false;
    rc = sfx_bind_as(&constants, join->plan->within, SFX_TYPE_NUMBER, &node);
    if (rc < 0)
        return rc;
    ev->soft++;
    sfx_eval_node(ev, node, &first, 1);
    ev->soft--;
    if (node->vec->flags[0] || node->vec->nums[0].mant < 0)
        return sfx_program_err(b->program, join->plan->within->at, b->err,
                               "within takes a distance: a number, or a duration as 5m");
    join->within = node->vec->nums[0];
    return 0;
}

bool sfx_asof_when(struct sfx_join *join, const struct sfx_node *node, uint32_t row,
                   struct sfx_side_when *when)
{
    const struct sfx_vec *vec = node->vec;
    struct sfx_buf *key = &join->by_key;

    if (sfx_vec_is_blank(vec, row))
        return false;
    sfx_buf_clear(key);
    if (sfx_buf_reserve(key, sfx_sort_key_max_nbytes(vec, row), NULL) < 0) {
        sfx_operator_eval(&join->op)->rc = SFX_E_NOMEM;
        return false;
    }
    key->len =
        sfx_sort_key_put(sfx_operator_eval(&join->op), vec, row, false, (unsigned char *)key->data);
    when->key = sfx_buf_slice(key);
    when->slot = sfx_type_in_nums(vec->type) ? vec->nums[row] : (struct sfx_decimal){0};
    return true;
}

/* How far two values are from each other; false: too far for a number. */
static bool distance(enum sfx_type type, const struct sfx_decimal *a, const struct sfx_decimal *b,
                     struct sfx_decimal *out)
{
    struct sfx_timestamp ta, tb;
    double d;

    switch (type) {
    case SFX_TYPE_TIME:
        ta = sfx_slot_time(a);
        tb = sfx_slot_time(b);
        *out = (struct sfx_decimal){sfx_timestamp_diff(&ta, &tb), 9};
        break;
    case SFX_TYPE_FLOAT:
        d = sfx_slot_float(a) - sfx_slot_float(b);
        if (sfx_float_to_decimal(d, out) != SFX_DECIMAL_OK)
            return false;
        break;
    default:
        if (sfx_decimal_sub(a, b, out) != SFX_DECIMAL_OK)
            return false;
    }
    if (out->mant < 0)
        out->mant = -out->mant;
    return true;
}

/* --- the rows of a key, in order -------------------------------------------------------------- */

static int by_when(const void *a, const void *b)
{
    const struct sfx_side_row *ra = *(const struct sfx_side_row *const *)a;
    const struct sfx_side_row *rb = *(const struct sfx_side_row *const *)b;
    int order = sfx_slice_cmp(ra->when->key, rb->when->key);

    return order != 0 ? order : (ra->number > rb->number) - (ra->number < rb->number);
}

/* The first row at or behind key; behind: the first behind it. */
static size_t find(const struct sfx_side_order *order, struct sfx_slice key, bool behind)
{
    size_t low = 0, high = order->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int cmp = sfx_slice_cmp(order->rows[middle]->when->key, key);

        if (cmp < 0 || (behind && cmp == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int sfx_asof_sort(struct sfx_side *side, struct sfx_err *err)
{
    struct sfx_side_row *row, *same;

    for (row = side->first; row != NULL; row = row->next) {
        struct sfx_side_order *order;
        size_t n = 0;
        int rc;

        if (row->key == NULL || sfx_side_first(side, row) != row)
            continue;
        for (same = row; same != NULL; same = same->same)
            n++;
        rc = sfx_side_take(side, sizeof(*order) + n * sizeof(same), (unsigned char **)&order, err);
        if (rc <= 0)
            return rc;
        order->count = 0;
        for (same = row; same != NULL; same = same->same)
            order->rows[order->count++] = same;
        qsort(order->rows, n, sizeof(same), by_when);
        row->order = order;
    }
    return 1;
}

/* Of the rows with when's key the one that counts; NULL: none is near enough. */
static struct sfx_side_row *choose(const struct sfx_join *join, const struct sfx_side_order *order,
                                   const struct sfx_side_when *when)
{
    size_t before = find(order, when->key, true), at = find(order, when->key, false);
    struct sfx_side_row *back = before > 0 ? order->rows[before - 1] : NULL;
    struct sfx_side_row *ahead = at < order->count ? order->rows[at] : NULL, *best;
    struct sfx_decimal to_back, to_ahead, to_best;

    best = join->plan->way == SFX_ASOF_FORWARD ? ahead : back;
    if (join->plan->way == SFX_ASOF_NEAREST && ahead != NULL &&
        (back == NULL || (distance(join->by_type, &when->slot, &back->when->slot, &to_back) &&
                          distance(join->by_type, &when->slot, &ahead->when->slot, &to_ahead) &&
                          sfx_decimal_cmp(&to_ahead, &to_back) < 0)))
        best = ahead;
    if (best == NULL || join->plan->within == NULL)
        return best;
    return distance(join->by_type, &when->slot, &best->when->slot, &to_best) &&
                   sfx_decimal_cmp(&to_best, &join->within) <= 0
               ? best
               : NULL;
}

void sfx_asof_choose(struct sfx_join *join, const struct sfx_frame *in)
{
    struct sfx_side_when when;
    uint32_t i;

    for (i = 0; i < in->nsel; i++) {
        if (join->rows[i] == NULL)
            continue;
        join->rows[i] = sfx_asof_when(join, join->by, in->sel[i], &when)
                            ? choose(join, join->rows[i]->order, &when)
                            : NULL;
    }
}
