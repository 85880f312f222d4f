/* SPDX-License-Identifier: MIT */
/* distinct: lets the first record of each key through; without keys the key is the whole record. */
#include "query/keyset_internal.h"
#include "query/rowstore_internal.h"

struct distinct {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_node **nodes; /* keys that are written; NULL: the whole record */
    struct sfx_vec **cols;
    uint32_t *ids; /* of the whole record's columns, in the union of all frames */
    size_t ncols;
    /* Kept over the whole input. */
    struct sfx_rowstore names; /* only for the union of the columns */
    struct sfx_keyset set;
    struct sfx_keys keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
};

static int bind_record(struct distinct *distinct, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &distinct->op;
    size_t u;
    int rc = sfx_rowstore_bind(&distinct->names, in, err);

    if (rc < 0)
        return rc;
    distinct->ids = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*distinct->ids), err);
    distinct->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*distinct->cols), err);
    if (distinct->ids == NULL || distinct->cols == NULL)
        return SFX_E_NOMEM;
    distinct->ncols = 0;
    for (u = 0; u < distinct->names.ncols; u++) { /* in one order, whatever the frame's */
        if (distinct->names.from[u] < 0)
            continue;
        distinct->cols[distinct->ncols] = in->cols[distinct->names.from[u]].vec;
        distinct->ids[distinct->ncols++] = (uint32_t)u;
    }
    return 0;
}

static int bind_distinct(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    size_t i;
    int rc = 0;

    if (distinct->set.op == NULL)
        sfx_keyset_init(&distinct->set, op, 0);
    if (items->count == 0)
        return bind_record(distinct, in, err);
    distinct->nodes = sfx_arena_calloc(&op->arena, items->count, sizeof(*distinct->nodes), err);
    distinct->cols = sfx_arena_calloc(&op->arena, items->count, sizeof(*distinct->cols), err);
    if (distinct->nodes == NULL || distinct->cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++) {
        rc = sfx_bind_key(&binder, &items->items[i], &distinct->nodes[i]);
        if (rc == 0)
            distinct->cols[i] = distinct->nodes[i]->vec;
    }
    distinct->ncols = items->count;
    return rc;
}

static int push_distinct(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct distinct *distinct = (struct distinct *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i, n = 0;
    int rc;

    for (i = 0; i < op->ast->items.count; i++)
        sfx_eval_node(ev, distinct->nodes[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_keys_make(&distinct->keys, ev, distinct->cols, distinct->ids, distinct->ncols,
                           in->sel, in->nsel, err);
    if (rc == 0)
        rc = sfx_keyset_add(&distinct->set, &distinct->keys, in->nsel, distinct->entries,
                            distinct->fresh, err);
    if (rc < 0)
        return rc;
    for (i = 0; i < in->nsel; i++) {
        in->sel[n] = in->sel[i];
        n += distinct->fresh[i];
    }
    in->nsel = n;
    return sfx_operator_pass(op, in, err);
}

static int parse_distinct(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    size_t i;
    int rc = sfx_parse_at_end(p) ? 0 : sfx_parse_sort_keys(p, stage);

    for (i = 0; i < stage->items.count && rc == 0; i++) {
        if (stage->items.items[i].minus)
            rc = sfx_program_err(p->program, stage->items.items[i].at, p->err,
                                 "distinct has no direction");
    }
    return rc;
}

static void destroy_distinct(struct sfx_operator *op)
{
    struct distinct *distinct = (struct distinct *)op;

    sfx_keyset_done(&distinct->set);
    sfx_keys_done(&distinct->keys);
    sfx_rowstore_done(&distinct->names);
}

static enum sfx_rest distinct_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                   enum sfx_rest rest)
{
    return ast->items.count == 0 ? SFX_REST_CELLS : sfx_uses_filter(ast, uses, rest);
}

const struct sfx_verb sfx_verb_distinct = {
    .name = "distinct",
    .usage = "distinct [KEY[, …]]",
    .help = "keeps the first record of each key; without keys, of each whole record",
    .plan = "streaming; keys compare as text unless they are numbers; memory for each key, within "
            "--memory",
    .example = {"distinct a", "a,b\n1,x\n1,y\n2,z\n", "a,b\n1,x\n2,z\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct distinct),
    .uses = distinct_uses,
    .parse = parse_distinct,
    .bind = bind_distinct,
    .push = push_distinct,
    .destroy = destroy_distinct,
};
