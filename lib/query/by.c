/* SPDX-License-Identifier: MIT */
/* "by KEY, …": parsed, bound, and looked up a batch at a time. */
#include "query/by_internal.h"

int sfx_parse_keys(struct sfx_parser *p, struct sfx_items *items)
{
    int rc;

    do {
        struct sfx_item *item = sfx_items_add(p, items);

        if (item == NULL)
            return SFX_E_NOMEM;
        item->at = p->token.at;
        rc = sfx_parse_expr(p, &item->expr);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

int sfx_parse_by(struct sfx_parser *p, struct sfx_items *items)
{
    int rc = sfx_parse_accept(p, "by");

    return rc > 0 ? sfx_parse_keys(p, items) : rc;
}

int sfx_by_bind(struct sfx_by *by, struct sfx_operator *op, const struct sfx_items *items,
                const struct sfx_frame *in, size_t payload_nbytes, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    if (by->set.op == NULL)
        sfx_keyset_init(&by->set, op, payload_nbytes);
    by->items = items;
    by->nodes = sfx_arena_calloc(&op->arena, items->count + 1, sizeof(*by->nodes), err);
    by->cols = sfx_arena_calloc(&op->arena, items->count + 1, sizeof(*by->cols), err);
    if (by->nodes == NULL || by->cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++) {
        rc = sfx_bind_key(&binder, &items->items[i], &by->nodes[i]);
        if (rc == 0)
            by->cols[i] = by->nodes[i]->vec;
    }
    return rc;
}

void sfx_by_eval(struct sfx_by *by, const struct sfx_frame *in)
{
    size_t i;

    for (i = 0; i < by->items->count; i++)
        sfx_eval_node(sfx_operator_eval(by->set.op), by->nodes[i], in->sel, in->nsel);
}

int sfx_by_make_keys(struct sfx_by *by, const struct sfx_frame *in, struct sfx_err *err)
{
    return sfx_keys_make(&by->keys, sfx_operator_eval(by->set.op), by->cols, NULL, by->items->count,
                         in->sel, in->nsel, err);
}

void sfx_by_done(struct sfx_by *by)
{
    sfx_keyset_done(&by->set);
    sfx_keys_done(&by->keys);
}
