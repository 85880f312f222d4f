/* SPDX-License-Identifier: MIT */
/* Orders: a list of keys parsed, bound, and written one behind the other. */
#include "query/order_internal.h"

/* First bytes of a key that nothing else has: values and nulls of their own place are between. */
#define BLANK_FIRST 0x00
#define BLANK_LAST  0xFF

/* "[nulls first|last]" */
static int parse_nulls(struct sfx_parser *p, struct sfx_item *item)
{
    int rc = sfx_parse_accept(p, "nulls");

    if (rc <= 0)
        return rc;
    rc = sfx_parse_accept(p, "first");
    if (rc == 0) {
        rc = sfx_parse_accept(p, "last");
        if (rc == 0)
            return sfx_parse_expect(p, "first or last");
        item->nulls = SFX_NULLS_LAST;
    } else {
        item->nulls = SFX_NULLS_FIRST;
    }
    return rc < 0 ? rc : 0;
}

int sfx_parse_order(struct sfx_parser *p, struct sfx_items *items)
{
    int rc;

    do {
        struct sfx_item *item = sfx_items_add(p, items);

        if (item == NULL)
            return SFX_E_NOMEM;
        item->at = p->token.at;
        rc = sfx_parse_accept(p, "-");
        item->minus = rc > 0;
        if (rc >= 0)
            rc = sfx_parse_expr(p, &item->expr);
        if (rc == 0 && (sfx_token_is(&p->token, "desc") || sfx_token_is(&p->token, "asc")))
            rc = sfx_program_err(p->program, p->token.at, p->err,
                                 "keys ascend; with - in front they descend: -KEY");
        if (rc == 0)
            rc = parse_nulls(p, item);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

int sfx_order_bind(struct sfx_order *order, struct sfx_operator *op, const struct sfx_items *items,
                   const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    order->items = items;
    order->nodes = sfx_arena_calloc(&op->arena, items->count + 1, sizeof(*order->nodes), err);
    if (order->nodes == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++)
        rc = sfx_bind_key(&binder, &items->items[i], &order->nodes[i]);
    return rc;
}

void sfx_order_eval(const struct sfx_order *order, struct sfx_eval *ev, const struct sfx_frame *in)
{
    size_t i;

    for (i = 0; i < order->items->count; i++)
        sfx_eval_node(ev, order->nodes[i], in->sel, in->nsel);
}

size_t sfx_order_max_nbytes(const struct sfx_order *order, uint32_t row)
{
    size_t i, nbytes = 0;

    for (i = 0; i < order->items->count; i++)
        nbytes += sfx_sort_key_max_nbytes(order->nodes[i]->vec, row);
    return nbytes;
}

size_t sfx_order_put(const struct sfx_order *order, struct sfx_eval *ev, uint32_t row,
                     unsigned char *out)
{
    size_t i, nbytes = 0;

    for (i = 0; i < order->items->count; i++) {
        const struct sfx_item *item = &order->items->items[i];
        const struct sfx_vec *vec = order->nodes[i]->vec;

        if (item->nulls != SFX_NULLS_AS_THEY_ARE && sfx_vec_is_blank(vec, row))
            out[nbytes++] = item->nulls == SFX_NULLS_FIRST ? BLANK_FIRST : BLANK_LAST;
        else
            nbytes += sfx_sort_key_put(ev, vec, row, item->minus, out + nbytes);
    }
    return nbytes;
}
