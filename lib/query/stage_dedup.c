/* SPDX-License-Identifier: MIT */
/*
 * dedup: one record of each key: the last, or the one where an expression is least or greatest.
 * Which is the first is known at once: dedup that keeps the first is distinct.
 */
#include "query/groups_internal.h"
#include "query/kept_internal.h"

#include <string.h>

enum keep { KEEP_FIRST, KEEP_LAST, KEEP_MIN, KEEP_MAX };

struct choice {
    enum keep keep;
    struct sfx_expr *by; /* of MIN and MAX */
};

/* A state is the record kept: the bytes by which it was chosen, then its row. */
struct best {
    unsigned char *bytes;
    uint32_t nkey, nbytes, cap;
};

struct dedup {
    struct sfx_operator op;
    /* Bound to the frames that come in. */
    struct sfx_node **nodes; /* of the keys, and what they are evaluated to */
    struct sfx_vec **cols;
    struct sfx_node *by;
    /* Kept over the whole input. */
    struct sfx_groups groups;
    struct sfx_kept kept; /* the form of rows, and the frames that go out */
    struct sfx_keys keys;
    struct sfx_buf scratch;
    unsigned char *states[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
};

/* --- the record of a key -----------------------------------------------------------------------
 */

/* Whether a record that comes later replaces the one kept. */
static bool is_better(const struct dedup *dedup, const struct best *best, const unsigned char *key,
                      uint32_t nkey)
{
    const struct choice *choice = dedup->op.ast->detail;
    uint32_t n = nkey < best->nkey ? nkey : best->nkey;
    int order;

    if (best->bytes == NULL || choice->keep == KEEP_LAST)
        return true;
    order = memcmp(key, best->bytes, n);
    return order != 0 ? order < 0 : nkey < best->nkey;
}

static int take(struct dedup *dedup, struct best *best, const unsigned char *bytes, uint32_t nkey,
                size_t nbytes, struct sfx_err *err)
{
    if (nbytes > UINT32_MAX / 2)
        return sfx_err_set(err, SFX_E_LIMIT, "dedup: a row of more than 2 GiB");
    if (nbytes > best->cap) {
        uint32_t cap = (uint32_t)(nbytes + nbytes / 4); /* the next one may be a little larger */
        unsigned char *grown = sfx_arena_alloc(sfx_groups_arena(&dedup->groups), cap, err);

        if (grown == NULL)
            return SFX_E_NOMEM;
        best->bytes = grown;
        best->cap = cap;
    }
    memcpy(best->bytes, bytes, nbytes);
    best->nkey = nkey;
    best->nbytes = (uint32_t)nbytes;
    return 0;
}

static int save_best(void *ctx, unsigned char *state, struct sfx_err *err)
{
    struct dedup *dedup = ctx;
    const struct best *best = (const struct best *)state;

    return sfx_groups_put(&dedup->groups, &best->nkey, sizeof(best->nkey), best->bytes,
                          best->nbytes, err);
}

static int merge_best(void *ctx, unsigned char *state, const unsigned char *part,
                      size_t part_nbytes, struct sfx_err *err)
{
    struct best *best = (struct best *)state;
    uint32_t nkey;

    memcpy(&nkey, part, sizeof(nkey));
    part += sizeof(nkey);
    return is_better(ctx, best, part, nkey)
               ? take(ctx, best, part, nkey, part_nbytes - sizeof(nkey), err)
               : 0;
}

static const struct sfx_groups_ops best_ops = {save_best, merge_best, NULL};

/* --- records in --------------------------------------------------------------------------------
 */

static int bind_dedup(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct dedup *dedup = (struct dedup *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    const struct choice *choice = op->ast->detail;
    size_t i;
    int rc = sfx_kept_bind(&dedup->kept, op, in, 0, err);

    if (dedup->groups.op == NULL)
        sfx_groups_init(&dedup->groups, op, sizeof(struct best), &best_ops, dedup);
    dedup->nodes = sfx_arena_calloc(&op->arena, items->count, sizeof(*dedup->nodes), err);
    dedup->cols = sfx_arena_calloc(&op->arena, items->count, sizeof(*dedup->cols), err);
    if (dedup->nodes == NULL || dedup->cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++) {
        rc = sfx_bind_key(&binder, &items->items[i], &dedup->nodes[i]);
        if (rc == 0)
            dedup->cols[i] = dedup->nodes[i]->vec;
    }
    if (rc == 0 && choice->by != NULL)
        rc = sfx_bind_expr(&binder, choice->by, &dedup->by);
    return rc;
}

/* Keeps row in best when it is better than what is there. */
static int offer(struct dedup *dedup, const struct sfx_frame *in, uint32_t row, struct best *best,
                 struct sfx_err *err)
{
    const struct choice *choice = dedup->op.ast->detail;
    const struct sfx_rowstore *store = &dedup->kept.store;
    struct sfx_eval *ev = sfx_operator_eval(&dedup->op);
    struct sfx_buf *scratch = &dedup->scratch;
    size_t nkey = 0, most = choice->by != NULL ? sfx_sort_key_max_nbytes(dedup->by->vec, row) : 0;

    sfx_buf_clear(scratch);
    if (sfx_buf_reserve(scratch, most + sfx_row_max_nbytes(store, in, row), err) < 0)
        return SFX_E_NOMEM;
    if (choice->by != NULL)
        nkey = sfx_sort_key_put(ev, dedup->by->vec, row, choice->keep == KEEP_MAX,
                                (unsigned char *)scratch->data);
    if (!is_better(dedup, best, (unsigned char *)scratch->data, (uint32_t)nkey))
        return 0;
    return take(dedup, best, (unsigned char *)scratch->data, (uint32_t)nkey,
                nkey + sfx_row_encode(store, in, row, (unsigned char *)scratch->data + nkey), err);
}

static int push_dedup(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct dedup *dedup = (struct dedup *)op;
    const struct choice *choice = op->ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(op);
    int64_t i, begin = 0, end;
    size_t k;
    int rc;

    for (k = 0; k < op->ast->items.count; k++)
        sfx_eval_node(ev, dedup->nodes[k], in->sel, in->nsel);
    if (choice->by != NULL)
        sfx_eval_node(ev, dedup->by, in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_kept_begin(&dedup->kept, in, err);
    if (rc == 0)
        rc = sfx_keys_make(&dedup->keys, ev, dedup->cols, NULL, op->ast->items.count, in->sel,
                           in->nsel, err);
    while (rc == 0 && begin < in->nsel) {
        end = sfx_groups_add(&dedup->groups, &dedup->keys, (uint32_t)begin, in->nsel, dedup->states,
                             dedup->fresh, err);
        if (end < 0)
            return (int)end;
        for (i = begin; i < end && rc == 0; i++)
            rc = offer(dedup, in, in->sel[i], (struct best *)dedup->states[i], err);
        if (rc == 0)
            rc = sfx_groups_account(&dedup->groups, err);
        begin = end;
    }
    return rc;
}

/* --- records out -------------------------------------------------------------------------------
 */

static int finish_dedup(struct sfx_operator *op, struct sfx_err *err)
{
    struct dedup *dedup = (struct dedup *)op;
    const unsigned char *key;
    unsigned char *state;
    int rc = sfx_kept_start(&dedup->kept, err);

    if (rc == 0)
        rc = sfx_groups_finish(&dedup->groups, err);
    if (rc < 0)
        return rc;
    while ((rc = sfx_groups_next(&dedup->groups, &key, &state, err)) > 0) {
        const struct best *best = (const struct best *)state;

        rc = sfx_kept_put(&dedup->kept, best->bytes + best->nkey, best->nbytes - best->nkey,
                          !dedup->groups.merging, err);
        if (rc <= 0)
            return rc;
        sfx_groups_release(&dedup->groups);
    }
    return rc < 0 ? rc : sfx_kept_end(&dedup->kept, err);
}

static void destroy_dedup(struct sfx_operator *op)
{
    struct dedup *dedup = (struct dedup *)op;

    sfx_groups_done(&dedup->groups);
    sfx_kept_done(&dedup->kept);
    sfx_keys_done(&dedup->keys);
    sfx_buf_done(&dedup->scratch);
}

static int parse_keep(struct sfx_parser *p, struct choice *choice)
{
    static const char *const words[] = {"first", "last", "min", "max"};
    enum keep keep;
    int rc;

    for (keep = KEEP_FIRST; keep <= KEEP_MAX; keep++) {
        rc = sfx_parse_accept(p, words[keep]);
        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        choice->keep = keep;
        return keep >= KEEP_MIN ? sfx_parse_expr(p, &choice->by) : 0;
    }
    return sfx_program_err(p->program, p->token.at, p->err,
                           "first, last, min EXPR or max EXPR is expected behind keep");
}

static int parse_dedup(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct choice *choice = sfx_arena_calloc(&p->program->arena, 1, sizeof(*choice), p->err);
    size_t i;
    int rc = choice == NULL ? SFX_E_NOMEM : sfx_parse_optional_by(p);

    if (rc == 0)
        rc = sfx_parse_sort_keys(p, stage);
    for (i = 0; i < stage->items.count && rc == 0; i++) {
        if (stage->items.items[i].minus)
            rc = sfx_program_err(p->program, stage->items.items[i].at, p->err,
                                 "a key of dedup has no direction");
    }
    if (rc == 0)
        rc = sfx_parse_accept(p, "keep");
    if (rc > 0)
        rc = parse_keep(p, choice);
    if (rc < 0)
        return rc;
    stage->detail = choice;
    if (choice->keep == KEEP_FIRST)
        stage->verb = &sfx_verb_distinct;
    return 0;
}

const struct sfx_verb sfx_verb_dedup = {
    .name = "dedup",
    .usage = "dedup [by] KEY[, …] [keep first | last | min EXPR | max EXPR]",
    .help = "keeps one record of each key: the first, the last, or that with the least or greatest "
            "value",
    .plan = "blocking, with keep first streaming; keys compare by bytes unless they are numbers or "
            "times; memory for a record of each key; what exceeds --memory is put together on disk",
    .rules = "Records come out in the order in which their keys appeared first. Values compare as "
             "keys do. Of equal values the first record stays; a null is chosen only when there is "
             "nothing else. keep first is distinct.",
    .example = {.program = "dedup k keep max num(v)",
                .input = "k,v\na,9\nb,2\na,10\n",
                .output = "k,v\na,10\nb,2\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct dedup),
    .parse = parse_dedup,
    .bind = bind_dedup,
    .push = push_dedup,
    .finish = finish_dedup,
    .destroy = destroy_dedup,
};
