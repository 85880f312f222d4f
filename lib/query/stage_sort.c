/* SPDX-License-Identifier: MIT */
/* sort: keeps rows with their keys in memory; what does not fit goes to disk as sorted runs. */
#include "query/kept_internal.h"

struct sort {
    struct sfx_operator op;
    struct sfx_node **keys; /* bound to the frames that come in */
    struct sfx_kept kept;
};

static int bind_sort(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    sort->keys = sfx_arena_calloc(&op->arena, op->ast->items.count, sizeof(*sort->keys), err);
    if (sort->keys == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < op->ast->items.count && rc == 0; i++)
        rc = sfx_bind_key(&binder, &op->ast->items.items[i], &sort->keys[i]);
    return rc < 0 ? rc : sfx_kept_bind(&sort->kept, op, in, 0, err);
}

static int keep_row(struct sort *sort, const struct sfx_frame *in, uint32_t row,
                    struct sfx_err *err)
{
    const struct sfx_items *keys = &sort->op.ast->items;
    struct sfx_eval *ev = sfx_operator_eval(&sort->op);
    unsigned char *key = NULL;
    size_t i, nkey = 0;
    int rc;

    for (i = 0; i < keys->count; i++)
        nkey += sfx_sort_key_max_nbytes(sort->keys[i]->vec, row);
    rc = sfx_kept_reserve(&sort->kept, in, row, nkey, &key, err);
    if (rc < 0)
        return rc;
    for (i = 0, nkey = 0; i < keys->count; i++)
        nkey += sfx_sort_key_put(ev, sort->keys[i]->vec, row, keys->items[i].minus, key + nkey);
    sfx_kept_commit(&sort->kept, in, row, key, nkey);
    return 0;
}

static int push_sort(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    size_t k;
    uint32_t i;
    int rc;

    for (k = 0; k < op->ast->items.count; k++)
        sfx_eval_node(sfx_operator_eval(op), sort->keys[k], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_kept_begin(&sort->kept, in, err);
    for (i = 0; i < in->nsel && rc == 0; i++)
        rc = keep_row(sort, in, in->sel[i], err);
    return rc;
}

static int finish_sort(struct sfx_operator *op, struct sfx_err *err)
{
    return sfx_kept_pass_all(&((struct sort *)op)->kept, err);
}

static void destroy_sort(struct sfx_operator *op)
{
    sfx_kept_done(&((struct sort *)op)->kept);
}

const struct sfx_verb sfx_verb_sort = {
    .name = "sort",
    .usage = "sort [-]KEY[, …]",
    .help = "orders records by keys, - descending; equal keys keep their order, nulls come last",
    .plan = "blocking; keys compare by bytes unless they are numbers; what exceeds --memory is "
            "sorted on disk",
    .example = {"sort -num(n)", "n\n9\n10\n007\n", "n\n10\n9\n007\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct sort),
    .parse = sfx_parse_sort_keys,
    .bind = bind_sort,
    .push = push_sort,
    .finish = finish_sort,
    .destroy = destroy_sort,
};

/* Sorting by nothing keeps the order. */
const struct sfx_verb sfx_verb_all_columns = {
    .name = "all columns",
    .usage = "",
    .help = "gives all records the columns of all",
    .plan = "blocking; what exceeds --memory waits on disk",
    .state_nbytes = sizeof(struct sort),
    .bind = bind_sort,
    .push = push_sort,
    .finish = finish_sort,
    .destroy = destroy_sort,
};
