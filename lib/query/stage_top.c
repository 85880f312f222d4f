/* SPDX-License-Identifier: MIT */
/* top: keeps the first N records of an order, or of each key, without sorting the others. */
#include "query/order_internal.h"
#include "query/picked_internal.h"

struct top {
    struct sfx_operator op;
    struct sfx_order order;
    struct sfx_picks picks;
    struct sfx_buf key; /* of the record in hand */
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

    top->picks.rank = SFX_PICKS_IN_ORDER;
    top->picks.most = op->ast->limit;
    return rc < 0 ? rc : sfx_picks_bind(&top->picks, op, &detail->by, in, err);
}

static int order_key(struct sfx_operator *op, uint32_t row, uint64_t seq, struct sfx_slice *key,
                     struct sfx_err *err)
{
    struct top *top = (struct top *)op;
    int rc;

    (void)seq;
    sfx_buf_clear(&top->key);
    rc = sfx_buf_reserve(&top->key, sfx_order_max_nbytes(&top->order, row), err);
    if (rc == 0)
        top->key.len =
            sfx_order_put(&top->order, sfx_operator_eval(op), row, (unsigned char *)top->key.data);
    *key = sfx_buf_slice(&top->key);
    return rc;
}

static int push_top(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct top *top = (struct top *)op;
    int rc;

    sfx_order_eval(&top->order, sfx_operator_eval(op), in);
    sfx_by_eval(&top->picks.by, in);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_picks_begin(&top->picks, in, err);
    return rc == 0 ? sfx_picks_push(&top->picks, in, 0, order_key, err) : rc;
}

static int finish_top(struct sfx_operator *op, struct sfx_err *err)
{
    return sfx_picks_pass(&((struct top *)op)->picks, err);
}

static void destroy_top(struct sfx_operator *op)
{
    struct top *top = (struct top *)op;

    sfx_picks_done(&top->picks);
    sfx_buf_done(&top->key);
}

static enum sfx_rest top_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                              enum sfx_rest rest)
{
    const struct top_detail *detail = ast->detail;

    sfx_uses_items(uses, &detail->by);
    return sfx_uses_keep(ast, uses, rest);
}

const struct sfx_verb sfx_verb_top = {
    .name = "top",
    .usage = "top N [-]KEY [nulls first|last][, …] [by KEY[, …]]",
    .help = "keeps the first N records in the order of the keys, or the first N of each by-key",
    .plan = "blocking; memory for N records (by: of each key), what exceeds --memory waits on disk",
    .rules = "top N KEYS gives what sort KEYS | head N gives, and with by what sort KEYS | head N "
             "by gives: the largest come with -KEY.",
    .example = {.program = "top 1 -num(n) by k",
                .input = "k,n\na,9\nb,1\na,10\nb,2\n",
                .output = "k,n\na,10\nb,2\n"},
    .can_fail = true,
    .uses = top_uses,
    .state_nbytes = sizeof(struct top),
    .parse = parse_top,
    .bind = bind_top,
    .push = push_top,
    .finish = finish_top,
    .destroy = destroy_top,
};
