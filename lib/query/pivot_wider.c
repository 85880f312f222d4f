/* SPDX-License-Identifier: MIT */
/*
 * pivot wider: rows are sorted by their keys, each with the number of its new column; a group of
 * them becomes one record, kept under the number of its first row.
 */
#include "query/kept_internal.h"
#include "query/keyset_internal.h"
#include "query/pivot_internal.h"
#include "query/running_internal.h"

#include <string.h>

#define MAX_NEW_COLUMNS 10000
#define NUMBER_NBYTES   8
#define COLUMN_NBYTES   4
#define NO_COLUMN       UINT32_MAX

/* What a name carries. */
struct new_column {
    uint32_t index;
};

struct wider {
    struct sfx_operator op;
    const struct sfx_pivot_plan *plan;
    struct sfx_arena arena;
    struct sfx_agg_call *call;
    size_t state_nbytes;
    /* Bound to the frames that come in. */
    struct sfx_node **nodes; /* of the keys that are written */
    struct sfx_frame slim;   /* keys, then the value */
    struct sfx_vec **key_vecs;
    struct sfx_vec *name;
    size_t nkeys;
    /* Kept over the whole input. */
    struct sfx_keyset names;
    size_t nnew; /* new columns */
    struct sfx_kept rows, out;
    uint64_t nrows;
    struct sfx_keys group_keys, name_keys;
    struct sfx_key *entries[SFX_BATCH_ROWS];
    bool fresh[SFX_BATCH_ROWS];
    /* At the end. */
    struct sfx_frame in; /* rows of one group */
    uint32_t columns[SFX_BATCH_ROWS];
    unsigned char *states[SFX_BATCH_ROWS];
    unsigned char *group_states; /* of all new columns */
    struct sfx_arena group_arena, value_arena;
    struct sfx_running_value *keys;
    size_t *key_at;            /* their columns of in */
    const unsigned char *next; /* record; NULL: no more */
    struct sfx_buf group;
};

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    number = __builtin_bswap64(number);
    memcpy(at, &number, NUMBER_NBYTES);
    return at + NUMBER_NBYTES;
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* The keys: what is written, else all columns but those of names and values. */
static int bind_keys(struct wider *w, const struct sfx_frame *in, size_t name, size_t value,
                     struct sfx_err *err)
{
    struct sfx_binder b = sfx_operator_binder(&w->op, in, err);
    const struct sfx_items *items = &w->op.ast->items;
    struct sfx_frame *slim = &w->slim;
    size_t i;
    int rc = 0;

    slim->ncols = 0;
    w->nodes = sfx_arena_calloc(&w->op.arena, items->count + 1, sizeof(struct sfx_node *), err);
    if (w->nodes == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < items->count && rc == 0; i++) {
        rc = sfx_bind_key(&b, &items->items[i], &w->nodes[i]);
        if (rc == 0)
            slim->cols[slim->ncols++] =
                (struct sfx_qcolumn){.name = items->items[i].name, .vec = w->nodes[i]->vec};
    }
    for (i = 0; i < in->ncols && items->count == 0; i++) {
        if (i != name && i != value)
            slim->cols[slim->ncols++] = in->cols[i];
    }
    w->nkeys = slim->ncols;
    for (i = 0; i < w->nkeys; i++)
        w->key_vecs[i] = slim->cols[i].vec;
    return rc;
}

static int start(struct wider *w, struct sfx_err *err)
{
    w->plan = w->op.ast->detail;
    w->call = sfx_agg_calls_new(&w->plan->aggs, &w->arena, &w->state_nbytes, err);
    sfx_keyset_init(&w->names, &w->op, sizeof(struct new_column));
    w->state_nbytes = (w->state_nbytes + 15) & ~(size_t)15;
    return w->call == NULL ? SFX_E_NOMEM : 0;
}

static int bind_wider(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct wider *w = (struct wider *)op;
    struct sfx_binder b = sfx_operator_binder(op, in, err);
    size_t name = in->ncols, value = in->ncols;
    int rc = w->plan == NULL ? start(w, err) : 0;

    if (rc == 0)
        rc = sfx_bind_column(&b, w->plan->name, w->plan->name_at, &name);
    if (rc >= 0)
        rc = sfx_bind_column(&b, w->plan->value, w->plan->aggs.items[0].expr->at, &value);
    if (rc < 0)
        return rc;
    w->slim = (struct sfx_frame){.open = in->open, .eol = in->eol};
    w->slim.cols = sfx_arena_calloc(&op->arena, in->ncols + op->ast->items.count + 2,
                                    sizeof(*w->slim.cols), err);
    w->key_vecs = sfx_arena_calloc(&op->arena, in->ncols + op->ast->items.count + 1,
                                   sizeof(struct sfx_vec *), err);
    if (w->slim.cols == NULL || w->key_vecs == NULL)
        return SFX_E_NOMEM;
    rc = bind_keys(w, in, name, value, err);
    if (rc == 0)
        rc = sfx_agg_bind(&b, w->call);
    if (rc < 0)
        return rc;
    w->name = name < in->ncols ? in->cols[name].vec : NULL;
    if (value < in->ncols)
        w->slim.cols[w->slim.ncols++] = in->cols[value];
    return sfx_kept_bind(&w->rows, op, &w->slim, sfx_operator_available(op) / 2, err);
}

/* Numbers the new columns of the selected rows: columns[i]. */
static int number_columns(struct wider *w, struct sfx_frame *in, struct sfx_err *err)
{
    uint32_t i;
    int rc;

    if (w->name == NULL) {
        for (i = 0; i < in->nsel; i++)
            w->columns[i] = NO_COLUMN;
        return 0;
    }
    sfx_vec_make_cells(sfx_operator_eval(&w->op), w->name, in->sel, in->nsel);
    rc = sfx_keys_make(&w->name_keys, sfx_operator_eval(&w->op), &w->name, NULL, 1, in->sel,
                       in->nsel, err);
    if (rc == 0)
        rc = sfx_keyset_add(&w->names, &w->name_keys, in->nsel, w->entries, w->fresh, err);
    for (i = 0; i < in->nsel && rc == 0; i++) {
        struct new_column *column = (struct new_column *)w->entries[i]->payload;

        if (w->fresh[i]) {
            if (w->names.count > MAX_NEW_COLUMNS)
                return sfx_err_set(err, SFX_E_LIMIT, "pivot: more than %d new columns",
                                   MAX_NEW_COLUMNS);
            column->index = (uint32_t)w->nnew;
            w->nnew += !sfx_vec_is_blank(w->name, in->sel[i]);
        }
        w->columns[i] = sfx_vec_is_blank(w->name, in->sel[i]) ? NO_COLUMN : column->index;
    }
    return rc;
}

static int keep_row(struct wider *w, uint32_t row, struct sfx_slice group, uint64_t hash,
                    uint32_t column, struct sfx_err *err)
{
    unsigned char *key = NULL, *at;
    int rc = sfx_kept_reserve(&w->rows, &w->slim, row,
                              8 + group.len + NUMBER_NBYTES + COLUMN_NBYTES, &key, err);

    if (rc < 0)
        return rc;
    at = put_number(key, hash);
    if (group.len > 0)
        memcpy(at, group.ptr, group.len);
    at = put_number(at + group.len, w->nrows++);
    memcpy(at, &column, COLUMN_NBYTES);
    at += COLUMN_NBYTES;
    sfx_kept_commit(&w->rows, &w->slim, row, key, (size_t)(at - key));
    return 0;
}

static int push_wider(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct wider *w = (struct wider *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i, begin = 0;
    size_t k;
    int rc;

    for (k = 0; k < op->ast->items.count; k++)
        sfx_eval_node(ev, w->nodes[k], in->sel, in->nsel);
    sfx_agg_eval(ev, w->call, in->sel, in->nsel); /* for what is bad */
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_keys_make(&w->group_keys, ev, w->key_vecs, NULL, w->nkeys, in->sel, in->nsel, err);
    if (rc == 0)
        rc = number_columns(w, in, err);
    if (rc < 0)
        return rc;
    sfx_frame_take_rows(&w->slim, in);
    rc = sfx_kept_begin(&w->rows, &w->slim, err);
    for (i = 0; i < in->nsel && rc == 0; i++) {
        struct sfx_slice group =
            sfx_slice(w->group_keys.bytes.data + begin, w->group_keys.ends[i] - begin);

        begin = w->group_keys.ends[i];
        rc = keep_row(w, in->sel[i], group, w->group_keys.hashes[i], w->columns[i], err);
    }
    return rc;
}

/* --- records out ------------------------------------------------------------------------------ */

static struct sfx_slice record_group(const unsigned char *record)
{
    return sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES,
                     sfx_record_key_nbytes(record) - NUMBER_NBYTES - COLUMN_NBYTES);
}

static int advance(struct wider *w, struct sfx_err *err)
{
    int rc = sfx_sorter_next(&w->rows.sorter, &w->next, err);

    if (rc == 0)
        w->next = NULL;
    return rc < 0 ? rc : 0;
}

/* Reads rows of the group in hand and adds their values. */
static int add_rows(struct wider *w, struct sfx_err *err)
{
    struct sfx_eval *ev = sfx_operator_eval(&w->op);
    struct sfx_agg_ctx ctx = {.ev = ev, .arena = &w->group_arena, .err = err};
    uint32_t n = 0, i, nsel = 0, column;
    int rc = 0;

    while (rc == 0 && n < SFX_BATCH_ROWS && w->next != NULL &&
           sfx_slice_eq(record_group(w->next), sfx_buf_slice(&w->group))) {
        uint32_t len = sfx_record_nbytes(w->next);
        char *copy = sfx_eval_text(ev, len);

        if (copy == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        memcpy(copy, w->next, len);
        sfx_row_decode(sfx_record_row((const unsigned char *)copy), &w->in, n);
        memcpy(&column,
               copy + SFX_RECORD_HEAD_NBYTES + sfx_record_key_nbytes(w->next) - COLUMN_NBYTES,
               COLUMN_NBYTES);
        w->columns[n++] = column;
        rc = advance(w, err);
    }
    for (i = 0; i < n && rc == 0; i++) {
        if (w->columns[i] == NO_COLUMN)
            continue;
        w->states[nsel] = w->group_states + w->columns[i] * w->state_nbytes;
        w->in.sel[nsel++] = (uint16_t)i;
    }
    w->in.nrows = n;
    w->in.nsel = nsel;
    ev->soft++;
    sfx_agg_eval(ev, w->call, w->in.sel, nsel);
    ev->soft--;
    return rc < 0 || nsel == 0 ? rc : sfx_agg_add(&ctx, w->call, w->in.sel, nsel, w->states);
}

/* Keeps the group's record under the number of its first row. */
static int keep_record(struct wider *w, uint64_t number, struct sfx_err *err)
{
    struct sfx_frame *out = &w->op.out;
    struct sfx_agg_ctx ctx = {
        .ev = sfx_operator_eval(&w->op), .arena = &w->group_arena, .err = err};
    unsigned char *key = NULL;
    size_t i;
    int rc = 0;

    for (i = 0; i < out->ncols && rc == 0; i++) {
        out->cols[i].vec->has_cells = false;
        if (i < w->nkeys)
            sfx_running_give(&w->keys[i], out->cols[i].vec, 0);
        else
            rc = sfx_agg_result(&ctx, w->call, w->group_states + (i - w->nkeys) * w->state_nbytes,
                                out->cols[i].vec, 0);
    }
    out->sel[0] = 0;
    out->nrows = out->nsel = 1;
    if (rc == 0)
        rc = sfx_kept_begin(&w->out, out, err);
    if (rc == 0)
        rc = sfx_kept_reserve(&w->out, out, 0, NUMBER_NBYTES, &key, err);
    if (rc < 0)
        return rc;
    (void)put_number(key, number);
    sfx_kept_commit(&w->out, out, 0, key, NUMBER_NBYTES);
    return 0;
}

static int make_group(struct wider *w, struct sfx_err *err)
{
    struct sfx_running_ctx ctx = {sfx_operator_eval(&w->op), &w->value_arena, err};
    struct sfx_slice group = record_group(w->next);
    uint64_t number;
    bool first = true;
    size_t i;
    int rc;

    memcpy(&number, group.ptr + group.len, NUMBER_NBYTES);
    sfx_buf_clear(&w->group);
    sfx_arena_reset(&w->group_arena);
    memset(w->group_states, 0, w->nnew * w->state_nbytes);
    rc = sfx_buf_append(&w->group, group.ptr, group.len, err);
    while (rc == 0 && w->next != NULL &&
           sfx_slice_eq(record_group(w->next), sfx_buf_slice(&w->group))) {
        sfx_eval_reset(ctx.ev);
        rc = add_rows(w, err);
        for (i = 0; i < w->nkeys && first && rc == 0; i++)
            rc = sfx_running_keep(&ctx, &w->keys[i], w->in.cols[w->key_at[i]].vec, 0);
        first = false;
    }
    return rc < 0 ? rc : keep_record(w, __builtin_bswap64(number), err);
}

/* The columns that come out: keys, then the new ones in the order of their first appearance. */
static int name_columns(struct wider *w, struct sfx_err *err)
{
    struct sfx_frame *out = &w->op.out;
    struct sfx_vec *name = sfx_vec_new(&w->op.arena, SFX_TYPE_CELL, err);
    const struct sfx_key *key;
    size_t i;

    for (key = w->names.first; name != NULL && key != NULL; key = key->next) {
        const unsigned char *at = sfx_key_data(&w->names, key);
        struct sfx_slice text;
        char *copy;

        if (sfx_key_decode(sfx_operator_eval(&w->op), &at, 0, name, 0) < 0)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a column");
        if (sfx_cell_is_blank(&name->cells[0]))
            continue;
        text = sfx_slice(name->cells[0].ptr, name->cells[0].len);
        for (i = 0; i < out->ncols && !sfx_slice_eq(out->cols[i].name, text); i++)
            ;
        if (i < out->ncols)
            return sfx_err_set(err, SFX_E_INPUT, "pivot: there would be two columns %.*s",
                               SFX_SLICE_ARG(text));
        copy = sfx_arena_strndup(&w->op.arena, text.ptr, text.len, err);
        out->cols[out->ncols] = (struct sfx_qcolumn){
            .name = sfx_slice(copy, text.len),
            .vec = sfx_vec_new(&w->op.arena,
                               w->call->type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : w->call->type, err),
        };
        if (copy == NULL || out->cols[out->ncols++].vec == NULL)
            return SFX_E_NOMEM;
    }
    return name == NULL ? SFX_E_NOMEM : 0;
}

static int make_output(struct wider *w, struct sfx_err *err)
{
    struct sfx_operator *op = &w->op;
    struct sfx_binder b;
    size_t i;
    int rc = sfx_rowstore_make_frame(&w->rows.store, &w->in, &op->arena, err);

    if (rc < 0)
        return rc;
    b = sfx_operator_binder(op, &w->in, err);
    b.open = true; /* an input of nothing has no columns */
    rc = sfx_agg_bind(&b, w->call);
    if (rc < 0)
        return rc;
    op->out = (struct sfx_frame){.eol = w->in.eol};
    op->out.cols =
        sfx_arena_calloc(&op->arena, w->in.ncols + w->nnew + 1, sizeof(*w->in.cols), err);
    w->keys = sfx_arena_calloc(&op->arena, w->in.ncols + 1, sizeof(*w->keys), err);
    w->key_at = sfx_arena_calloc(&op->arena, w->in.ncols + 1, sizeof(*w->key_at), err);
    w->group_states = sfx_arena_calloc(&op->arena, w->nnew + 1, w->state_nbytes, err);
    if (op->out.cols == NULL || w->keys == NULL || w->key_at == NULL || w->group_states == NULL ||
        sfx_frame_make_rows(&op->out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    w->nkeys = 0; /* of all frames: all that is kept but the values */
    for (i = 0; i < w->in.ncols; i++) {
        struct sfx_qcolumn *col = &op->out.cols[w->nkeys];
        enum sfx_type type = w->in.cols[i].vec->type;

        if (sfx_slice_eq(w->in.cols[i].name, w->plan->value))
            continue;
        *col = w->in.cols[i];
        col->vec = sfx_vec_new(&op->arena, type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : type, err);
        if (col->vec == NULL)
            return SFX_E_NOMEM;
        w->key_at[w->nkeys++] = i;
    }
    op->out.ncols = w->nkeys;
    op->out.schema_id = sfx_operator_new_schema(op);
    return name_columns(w, err);
}

static int finish_wider(struct sfx_operator *op, struct sfx_err *err)
{
    struct wider *w = (struct wider *)op;
    int rc;

    if (w->plan == NULL)
        return 0; /* not even columns came */
    rc = sfx_sorter_sort(&w->rows.sorter, err);
    if (rc == 0)
        rc = make_output(w, err);
    if (rc == 0)
        rc = sfx_kept_bind(&w->out, op, &op->out, sfx_operator_available(op) / 2, err);
    if (rc == 0)
        rc = advance(w, err);
    while (rc == 0 && w->next != NULL)
        rc = make_group(w, err);
    sfx_kept_done(&w->rows);
    return rc < 0 ? rc : sfx_kept_pass_all(&w->out, err);
}

static void destroy_wider(struct sfx_operator *op)
{
    struct wider *w = (struct wider *)op;

    sfx_keyset_done(&w->names);
    sfx_kept_done(&w->rows);
    sfx_kept_done(&w->out);
    sfx_keys_done(&w->group_keys);
    sfx_keys_done(&w->name_keys);
    sfx_buf_done(&w->group);
    sfx_arena_done(&w->group_arena);
    sfx_arena_done(&w->value_arena);
    sfx_arena_done(&w->arena);
}

const struct sfx_verb sfx_pivot_wider = {
    .name = "pivot",
    .usage = "pivot wider NAMES VALUES [by KEY[, …]] [agg AGGREGATE]",
    .plan = "blocking; keys and names compare by bytes unless they are numbers or times; what "
            "exceeds --memory waits on disk",
    .can_fail = true,
    .fixes_columns = true,
    .state_nbytes = sizeof(struct wider),
    .bind = bind_wider,
    .push = push_wider,
    .finish = finish_wider,
    .destroy = destroy_wider,
};
