/* SPDX-License-Identifier: MIT */
/* sort: keeps rows with their keys in memory; what does not fit goes to disk as sorted runs. */
#include "query/kept_internal.h"
#include "query/order_internal.h"

struct sort {
    struct sfx_operator op;
    struct sfx_order order;
    struct sfx_kept kept;
    struct sfx_frame bound; /* what was told of the frames that come in, not their rows */
};

static int parse_sort(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    return sfx_parse_order(p, &stage->items);
}

static int bind_sort(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    int rc = sfx_order_bind(&sort->order, op, &op->ast->items, in, err);

    sort->bound =
        (struct sfx_frame){.ncols = in->ncols, .nraw = in->nraw, .raw_dialect = in->raw_dialect};
    return rc < 0 ? rc : sfx_kept_bind(&sort->kept, op, in, 0, err);
}

static int keep_row(struct sort *sort, const struct sfx_frame *in, uint32_t row,
                    struct sfx_err *err)
{
    unsigned char *key;
    int rc =
        sfx_kept_reserve(&sort->kept, in, row, sfx_order_max_nbytes(&sort->order, row), &key, err);

    if (rc == 0)
        sfx_kept_commit(&sort->kept, in, row, key,
                        sfx_order_put(&sort->order, sfx_operator_eval(&sort->op), row, key));
    return rc;
}

static int push_sort(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    uint32_t i;
    int rc;

    sfx_order_eval(&sort->order, sfx_operator_eval(op), in);
    rc = sfx_operator_settle(op, in, err);
    sort->kept.store.no_cells = sfx_operator_gets_records(op);
    if (rc == 0)
        rc = sfx_kept_begin(&sort->kept, in, err);
    for (i = 0; i < in->nsel && rc == 0; i++)
        rc = keep_row(sort, in, in->sel[i], err);
    return rc;
}

/* Rows of other streams may have to go out beside them, cell by cell. */
static bool takes_records(const struct sfx_operator *op)
{
    return sfx_operator_opts(op)->one_stream &&
           sfx_operator_is_copied(op, &((const struct sort *)op)->bound);
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
    .usage = "sort [-]KEY [nulls first|last][, …]",
    .help = "orders records by keys, - descending; equal keys keep their order, nulls come last",
    .plan = "blocking; keys compare by bytes unless they are numbers or times; what exceeds "
            "--memory is sorted on disk",
    .rules = "num(x) sorts by value, casefold(x) without case, natural(x) file9 before file10, "
             "collate(x, locale) in the order of a language. An empty field is a text, before all "
             "others; nulls "
             "first and nulls last place it, too.",
    .example = {.program = "sort -num(n)", .input = "n\n9\n10\n007\n", .output = "n\n10\n9\n007\n"},
    .can_fail = true,
    .uses = sfx_uses_filter,
    .takes_records = takes_records,
    .state_nbytes = sizeof(struct sort),
    .parse = parse_sort,
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
