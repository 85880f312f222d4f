/* SPDX-License-Identifier: MIT */
/* where: lets records through by what is in them. */
#include "query/stage_internal.h"

struct where {
    struct sfx_operator op;
    struct sfx_node *condition;
};

static int bind_where(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct where *where = (struct where *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);

    return sfx_bind_as(&binder, op->ast->items.items[0].expr, SFX_TYPE_BOOL, &where->condition);
}

static int push_where(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct where *where = (struct where *)op;
    const uint8_t *keep = where->condition->vec->flags;
    uint32_t i, n = 0;
    int rc;

    sfx_eval_node(sfx_operator_eval(op), where->condition, in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0)
        return rc;
    for (i = 0; i < in->nsel; i++) {
        uint16_t row = in->sel[i];

        in->sel[n] = row;
        n += keep[row];
    }
    in->nsel = n;
    return sfx_operator_pass(op, in, err);
}

const struct sfx_verb sfx_verb_where = {
    .name = "where",
    .usage = "where CONDITION",
    .help = "keeps the records for which the condition is true",
    .plan = "streaming",
    .rules = "A condition that is null is not true. A cell that cannot be what the condition asks "
             "of it makes the record bad.",
    .example = {.program = "where price > 2",
                .input = "id,price\n1,1.50\n2,2.50\n",
                .output = "id,price\n2,2.50\n"},
    .can_fail = true,
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct where),
    .parse = sfx_parse_condition,
    .uses = sfx_uses_filter,
    .bind = bind_where,
    .push = push_where,
};
