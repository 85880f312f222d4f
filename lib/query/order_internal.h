/* SPDX-License-Identifier: MIT */
/* "[-]KEY [nulls first|last], …": the order that records are brought in, as bytes to compare. */
#ifndef SFX_QUERY_ORDER_INTERNAL_H
#define SFX_QUERY_ORDER_INTERNAL_H

#include "query/sort_key_internal.h"
#include "query/stage_internal.h"

struct sfx_order {
    const struct sfx_items *items; /* as parsed */
    struct sfx_node **nodes;       /* bound to the frames that come in */
};

/* Parses the list to items, of at least one key. Errors: USAGE, NOMEM. */
int sfx_parse_order(struct sfx_parser *p, struct sfx_items *items);

/* Errors: USAGE, NOMEM. */
int sfx_order_bind(struct sfx_order *order, struct sfx_operator *op, const struct sfx_items *items,
                   const struct sfx_frame *in, struct sfx_err *err);

/* Evaluates the keys of the selected rows; sfx_operator_settle is to follow. */
void sfx_order_eval(const struct sfx_order *order, struct sfx_eval *ev, const struct sfx_frame *in);

/* An upper bound of the bytes that row's keys take. */
size_t sfx_order_max_nbytes(const struct sfx_order *order, uint32_t row);

/* Writes row's keys, see sort_key_internal.h; returns the bytes written. */
size_t sfx_order_put(const struct sfx_order *order, struct sfx_eval *ev, uint32_t row,
                     unsigned char *out);

#endif
