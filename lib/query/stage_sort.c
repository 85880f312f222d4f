/* SPDX-License-Identifier: MIT */
/* sort: keeps rows with their keys in memory; what does not fit goes to disk as sorted runs. */
#include "query/rowstore_internal.h"
#include "query/sorter_internal.h"

struct sort {
    struct sfx_operator op;
    struct sfx_node **keys; /* bound to the frames that come in */
    struct sfx_rowstore store;
    struct sfx_sorter sorter;
};

static int bind_sort(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i;
    int rc = 0;

    if (sort->sorter.op == NULL) {
        sfx_sorter_init(&sort->sorter, op, 0);
        sort->store.keep_origin = sfx_operator_needs_origin(op);
    }
    sort->keys = sfx_arena_calloc(&op->arena, op->ast->items.count, sizeof(*sort->keys), err);
    if (sort->keys == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < op->ast->items.count && rc == 0; i++)
        rc = sfx_bind_expr(&binder, op->ast->items.items[i].expr, &sort->keys[i]);
    return rc < 0 ? rc : sfx_rowstore_bind(&sort->store, in, err);
}

static int keep_row(struct sort *sort, const struct sfx_frame *in, uint32_t row, size_t nkey_max,
                    struct sfx_err *err)
{
    const struct sfx_items *keys = &sort->op.ast->items;
    struct sfx_eval *ev = sfx_operator_eval(&sort->op);
    unsigned char *key;
    size_t i, nkey = 0;
    int rc = sfx_sorter_reserve(&sort->sorter, nkey_max + sfx_row_max_nbytes(&sort->store, in, row),
                                &key, err);

    if (rc < 0)
        return rc;
    for (i = 0; i < keys->count; i++)
        nkey += sfx_sort_key_put(ev, sort->keys[i]->vec, row, keys->items[i].minus, key + nkey);
    sfx_sorter_commit(&sort->sorter, nkey, sfx_row_encode(&sort->store, in, row, key + nkey));
    return 0;
}

static int push_sort(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t k;
    uint32_t i;
    int rc;

    for (k = 0; k < op->ast->items.count; k++)
        sfx_eval_node(ev, sort->keys[k], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_rowstore_begin(&sort->store, ev, in, err);
    for (i = 0; i < in->nsel && rc >= 0; i++) {
        size_t nkey = 0;

        for (k = 0; k < op->ast->items.count; k++)
            nkey += sfx_sort_key_max_nbytes(sort->keys[k]->vec, in->sel[i]);
        rc = keep_row(sort, in, in->sel[i], nkey, err);
    }
    return rc < 0 ? rc : 0;
}

/* --- handing on ---------------------------------------------------------------------------------
 */

/* The record's row, where it stays until the frame was handed on. NULL: no memory. */
static const unsigned char *take_row(struct sort *sort, const unsigned char *record)
{
    const unsigned char *row = sfx_record_row(record);
    size_t len = sfx_record_nbytes(record) - (size_t)(row - record);
    char *copy;

    if (sfx_sorter_keeps_records(&sort->sorter))
        return row;
    copy = sfx_eval_text(sfx_operator_eval(&sort->op), len);
    if (copy != NULL)
        __builtin_memcpy(copy, row, len);
    return (const unsigned char *)copy;
}

static int pass_frame(struct sort *sort, uint32_t n, struct sfx_err *err)
{
    struct sfx_frame *out = &sort->op.out;
    uint32_t i;

    for (i = 0; i < n; i++)
        out->sel[i] = (uint16_t)i;
    out->nrows = out->nsel = n;
    return sfx_operator_pass(&sort->op, out, err);
}

static void set_source(struct sort *sort, uint32_t source)
{
    if (source < sort->store.nsources) {
        sort->op.out.input = sort->store.sources[source].input;
        sort->op.out.member = sort->store.sources[source].member;
    }
}

/* Hands the rows on in frames, each of one input when rows say where they came from. */
static int pass_rows(struct sort *sort, struct sfx_err *err)
{
    const unsigned char *record = NULL, *row;
    uint32_t source = 0, n;
    int rc, more = sfx_sorter_next(&sort->sorter, &record, err);

    do {
        sfx_eval_reset(sfx_operator_eval(&sort->op));
        for (n = 0; more > 0 && n < SFX_BATCH_ROWS; n++) {
            uint32_t its = sfx_row_source(&sort->store, sfx_record_row(record));

            if (n > 0 && its != source)
                break;
            source = its;
            row = take_row(sort, record);
            if (row == NULL)
                return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
            sfx_row_decode(row, &sort->op.out, n);
            more = sfx_sorter_next(&sort->sorter, &record, err);
        }
        if (more < 0)
            return more;
        set_source(sort, source);
        rc = pass_frame(sort, n, err);
    } while (rc == 0 && more > 0 && !sfx_operator_is_done(&sort->op));
    return rc;
}

static int finish_sort(struct sfx_operator *op, struct sfx_err *err)
{
    struct sort *sort = (struct sort *)op;
    int rc = sfx_rowstore_make_frame(&sort->store, &op->out, &op->arena, err);

    op->out.schema_id = sfx_operator_new_schema(op);
    if (rc == 0)
        rc = sfx_sorter_sort(&sort->sorter, err);
    return rc < 0 ? rc : pass_rows(sort, err);
}

static void destroy_sort(struct sfx_operator *op)
{
    struct sort *sort = (struct sort *)op;

    sfx_sorter_done(&sort->sorter);
    sfx_rowstore_done(&sort->store);
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
const struct sfx_verb sfx_verb_union = {
    .name = "union",
    .usage = "",
    .help = "gives all records the columns of all",
    .plan = "blocking; what exceeds --memory waits on disk",
    .state_nbytes = sizeof(struct sort),
    .bind = bind_sort,
    .push = push_sort,
    .finish = finish_sort,
    .destroy = destroy_sort,
};
