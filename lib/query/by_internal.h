/* SPDX-License-Identifier: MIT */
/* "by KEY, …": verbs that count or keep records for each key on its own. */
#ifndef SFX_QUERY_BY_INTERNAL_H
#define SFX_QUERY_BY_INTERNAL_H

#include "query/keyset_internal.h"

struct sfx_by {
    const struct sfx_items *items; /* as parsed; none: all records are of one key */
    /* Bound to the frames that come in. */
    struct sfx_node **nodes;
    struct sfx_vec **cols;
    /* Kept over the whole input. */
    struct sfx_keyset set;
    struct sfx_keys keys;
    struct sfx_key *entries[SFX_BATCH_ROWS]; /* by position in the selection */
    bool fresh[SFX_BATCH_ROWS];
};

/* Parses "KEY, …" to items. Errors: USAGE, NOMEM. */
int sfx_parse_keys(struct sfx_parser *p, struct sfx_items *items);

/* Parses "[by KEY, …]" to items. Errors: USAGE, NOMEM. */
int sfx_parse_by(struct sfx_parser *p, struct sfx_items *items);

/* Binds items; each key carries payload_nbytes, zeroed at first. Errors: USAGE, NOMEM. */
int sfx_by_bind(struct sfx_by *by, struct sfx_operator *op, const struct sfx_items *items,
                const struct sfx_frame *in, size_t payload_nbytes, struct sfx_err *err);

/* Evaluates the keys; sfx_operator_settle is to follow. */
void sfx_by_eval(struct sfx_by *by, const struct sfx_frame *in);

/* Makes the selected rows' keys: by->keys. Errors: NOMEM, LIMIT. */
int sfx_by_make_keys(struct sfx_by *by, const struct sfx_frame *in, struct sfx_err *err);

void sfx_by_done(struct sfx_by *by);

#endif
