/* SPDX-License-Identifier: MIT */
/* top: keeps the first N records of an order, or of each key, without sorting the others. */
#include "query/by_internal.h"
#include "query/order_internal.h"
#include "query/picked_internal.h"

struct top {
    struct sfx_operator op;
    struct sfx_order order;
    struct sfx_by by; /* keys carry a lot */
    struct sfx_picked all;
    struct sfx_kept kept;
    struct sfx_buf key; /* of the record in hand */
    uint64_t seq;
};

struct top_detail {
    struct sfx_items by;
};

static int parse_top(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct top_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc = sfx_parse_count(p, stage);

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    if (rc == 0)
        rc = sfx_parse_order(p, &stage->items);
    return rc < 0 ? rc : sfx_parse_by(p, &detail->by);
}

static int bind_top(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct top *top = (struct top *)op;
    const struct top_detail *detail = op->ast->detail;
    int rc = sfx_order_bind(&top->order, op, &op->ast->items, in, err);

    if (rc == 0)
        rc = sfx_by_bind(&top->by, op, &detail->by, in, sizeof(struct sfx_picked), err);
    return rc < 0 ? rc : sfx_kept_bind(&top->kept, op, in, 0, err);
}

/* --- a lot is a heap, the last of its order on top -------------------------------------------- */

static void swap(struct sfx_picked *lot, uint64_t a, uint64_t b)
{
    struct sfx_pick moved = lot->picks[a];

    lot->picks[a] = lot->picks[b];
    lot->picks[b] = moved;
}

static void sift_up(struct sfx_picked *lot, uint64_t at)
{
    while (at > 0 && sfx_pick_by_key(&lot->picks[(at - 1) / 2], &lot->picks[at]) < 0) {
        swap(lot, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct sfx_picked *lot)
{
    uint64_t at = 0, child;

    while ((child = 2 * at + 1) < lot->count) {
        if (child + 1 < lot->count &&
            sfx_pick_by_key(&lot->picks[child], &lot->picks[child + 1]) < 0)
            child++;
        if (sfx_pick_by_key(&lot->picks[at], &lot->picks[child]) >= 0)
            return;
        swap(lot, at, child);
        at = child;
    }
}

/* Keeps the record when fewer than N are, or when it comes before the last of them. */
static int offer(struct top *top, struct sfx_picked *lot, const struct sfx_frame *in, uint32_t row,
                 struct sfx_err *err)
{
    uint64_t limit = top->op.ast->limit, at = lot->count < limit ? lot->count : 0;
    struct sfx_pick candidate = {.seq = ++top->seq};
    unsigned char *key;
    int rc;

    sfx_buf_clear(&top->key);
    rc = sfx_buf_reserve(&top->key, sfx_order_max_nbytes(&top->order, row), err);
    if (rc < 0 || limit == 0)
        return rc;
    candidate.data = (unsigned char *)top->key.data;
    candidate.nkey =
        (uint32_t)sfx_order_put(&top->order, sfx_operator_eval(&top->op), row, candidate.data);
    if (lot->count == limit && sfx_pick_by_key(&candidate, &lot->picks[0]) > 0)
        return 0;
    rc = sfx_picked_reserve(lot, &top->kept, at, in, row, candidate.nkey, &key, err);
    if (rc < 0)
        return rc;
    __builtin_memcpy(key, candidate.data, candidate.nkey);
    sfx_picked_commit(lot, &top->kept, at, in, row, candidate.nkey, candidate.seq);
    if (at > 0 || lot->count == 1)
        sift_up(lot, at);
    else
        sift_down(lot);
    return 0;
}

static int push_top(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct top *top = (struct top *)op;
    bool by = top->by.items->count > 0;
    uint32_t i;
    int rc;

    sfx_order_eval(&top->order, sfx_operator_eval(op), in);
    sfx_by_eval(&top->by, in);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0 && by)
        rc = sfx_by_find(&top->by, in, err);
    if (rc == 0)
        rc = sfx_kept_begin(&top->kept, in, err);
    for (i = 0; i < in->nsel && rc == 0; i++)
        rc = offer(top, by ? (struct sfx_picked *)top->by.entries[i]->payload : &top->all, in,
                   in->sel[i], err);
    return rc;
}

static int finish_top(struct sfx_operator *op, struct sfx_err *err)
{
    struct top *top = (struct top *)op;

    return sfx_picked_pass(&top->all, &top->by.set, &top->kept, sfx_pick_by_key, err);
}

static void destroy_top(struct sfx_operator *op)
{
    struct top *top = (struct top *)op;

    sfx_picked_done(&top->all, &top->by.set);
    sfx_by_done(&top->by);
    sfx_kept_done(&top->kept);
    sfx_buf_done(&top->key);
}

const struct sfx_verb sfx_verb_top = {
    .name = "top",
    .usage = "top N [-]KEY [nulls first|last][, …] [by KEY[, …]]",
    .help = "keeps the first N records in the order of the keys, or the first N of each by-key",
    .plan = "blocking; memory for N records (by: of each key), within --memory",
    .rules = "top N KEYS gives what sort KEYS | head N gives, and with by what sort KEYS | head N "
             "by gives: the largest come with -KEY.",
    .example = {.program = "top 1 -num(n) by k",
                .input = "k,n\na,9\nb,1\na,10\nb,2\n",
                .output = "k,n\na,10\nb,2\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct top),
    .parse = parse_top,
    .bind = bind_top,
    .push = push_top,
    .finish = finish_top,
    .destroy = destroy_top,
};
