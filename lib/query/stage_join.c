/* SPDX-License-Identifier: MIT */
/* join: records get the columns of the file's records that have their key. */
#include "query/join_internal.h"

#include <string.h>

static int bind_join(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join *join = (struct sfx_join *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t nkeys;
    int rc;

    join->plan = op->ast->detail;
    nkeys = join->plan->npairs;
    join->keys = sfx_arena_calloc(&op->arena, nkeys + 1, sizeof(struct sfx_node *), err);
    if (join->keys == NULL)
        return SFX_E_NOMEM;
    if (join->side.op == NULL) { /* some is left for moving it to disk */
        sfx_side_init(&join->side, op, sfx_operator_available(op) / 4 * 3);
        join->types = sfx_arena_calloc(&join->names.arena, nkeys + 1, sizeof(*join->types), err);
        if (join->types == NULL)
            return SFX_E_NOMEM;
    }
    rc = sfx_join_bind_keys(join, &binder, false, join->keys);
    if (rc == 0 && join->plan->kind == SFX_JOIN_ASOF) {
        rc = sfx_asof_bind(join, &binder, false, &join->by);
        if (rc == 0)
            rc = sfx_asof_bind_within(join, &binder);
    }
    if (rc == 0 && !join->loaded)
        rc = sfx_join_load(join, in, err);
    if (rc == 0)
        rc = sfx_join_bind_keys(join, &binder, false, join->keys);
    if (rc == 0 && join->plan->kind == SFX_JOIN_ASOF)
        rc = sfx_asof_bind(join, &binder, false, &join->by);
    if (rc == 0 && join->spill != NULL)
        return sfx_join_spill_bind(join, in, err);
    if (rc < 0 || sfx_join_is_bare(join))
        return rc;
    join->wide = join->side.has_duplicates && join->plan->kind != SFX_JOIN_ASOF;
    return sfx_join_bind_columns(join, in, err);
}

/* --- what comes out --------------------------------------------------------------------------- */

/* What a record without a counterpart has in the file's columns. */
static struct sfx_cell absent(bool open)
{
    return (struct sfx_cell){.kind = open ? SFX_CELL_MISSING : SFX_CELL_NULL};
}

/* Writes a column of the file for n rows: row at[i] of what comes out is of rows[i]. */
static void gather(const struct sfx_join *join, const struct sfx_join_column *col,
                   struct sfx_side_row *const *rows, const uint16_t *at, uint32_t n)
{
    const struct sfx_cell none = absent(join->open), missing = {0};
    struct sfx_cell *cells = col->vec->cells;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct sfx_side_row *row = rows[i];

        cells[at[i]] = row == NULL               ? none
                       : col->cell < row->ncells ? row->cells[col->cell]
                                                 : missing;
    }
}

/* Puts the file's cells where the records have none, theirs elsewhere. from: rows of theirs. */
static void merge_column(const struct sfx_join_column *col, const uint16_t *at,
                         const uint16_t *from, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct sfx_cell *theirs = &col->theirs->cells[from[i]];

        if (theirs->kind == SFX_CELL_MISSING) {
            col->merged->cells[at[i]] = col->vec->cells[at[i]];
            col->vec->cells[at[i]].kind = SFX_CELL_MISSING;
        } else {
            col->merged->cells[at[i]] = *theirs;
        }
    }
}

static void copy_column(const struct sfx_vec *from, struct sfx_vec *to, const uint16_t *rows,
                        uint32_t n)
{
    uint32_t i;

    to->has_cells = false;
    for (i = 0; i < n; i++) {
        if (sfx_type_in_nums(to->type))
            to->nums[i] = from->nums[rows[i]];
        if (sfx_type_makes_cells(to->type))
            to->flags[i] = from->flags[rows[i]];
        else
            to->cells[i] = from->cells[rows[i]];
    }
}

/* Hands on the selected rows of frame, row r being of row left[r] of the input's (NULL: r). */
static int emit(struct sfx_join *join, struct sfx_frame *frame, const uint16_t *left,
                struct sfx_err *err)
{
    return join->spill != NULL ? sfx_join_spill_keep(join, frame, left, err)
                               : sfx_operator_pass(&join->op, frame, err);
}

/* Hands on copies of the pairs' rows. */
static int pass_pairs(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join_rows *pairs = &join->pairs;
    struct sfx_frame *out = &join->op.out;
    size_t c;
    uint32_t i, n = pairs->n;

    for (i = 0; i < n; i++) {
        out->sel[i] = pairs->at[i] = (uint16_t)i;
        out->rows[i] = in->rows[pairs->left[i]];
    }
    for (c = 0; c < join->nleft; c++)
        copy_column(in->cols[c].vec, join->copies[c], pairs->left, n);
    for (c = 0; c < join->ncols; c++) {
        gather(join, &join->cols[c], pairs->right, pairs->at, n);
        if (join->cols[c].merged != NULL)
            merge_column(&join->cols[c], pairs->at, pairs->left, n);
    }
    out->nrows = out->nsel = n;
    out->input = in->input;
    out->member = in->member;
    out->eol = in->eol;
    pairs->n = 0;
    return emit(join, out, pairs->left, err);
}

/* Rows multiply: each record once for each row of the file with its key, in the file's order. */
static int push_wide(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join_rows *pairs = &join->pairs;
    bool keeps_all = join->plan->kind == SFX_JOIN_LEFT || join->plan->kind == SFX_JOIN_FULL ||
                     join->plan->kind == SFX_JOIN_ASOF;
    size_t c;
    uint32_t i;
    int rc = 0;

    pairs->n = 0;
    for (c = 0; c < join->nleft; c++) { /* a condition that is not there is null: a cell */
        if (in->cols[c].vec->type == SFX_TYPE_BOOL && join->copies[c]->type != SFX_TYPE_BOOL)
            sfx_vec_make_cells(sfx_operator_eval(&join->op), in->cols[c].vec, in->sel, in->nsel);
    }
    for (i = 0; i < in->nsel && rc == 0; i++) {
        struct sfx_side_row *row = join->rows[i];

        if (row == NULL && !keeps_all)
            continue;
        do {
            pairs->left[pairs->n] = in->sel[i];
            pairs->right[pairs->n++] = row;
            if (pairs->n == SFX_BATCH_ROWS)
                rc = pass_pairs(join, in, err);
            row = row != NULL && join->plan->kind != SFX_JOIN_ASOF ? row->same : NULL;
        } while (row != NULL && rc == 0 && !sfx_operator_is_done(&join->op));
    }
    return rc == 0 ? pass_pairs(join, in, err) : rc; /* none is a frame, too */
}

/* Keeps the selected rows that have a counterpart (or have none), and their counterparts. */
static void keep_matched(struct sfx_join *join, struct sfx_frame *in, bool matched)
{
    uint32_t i, n = 0;

    for (i = 0; i < in->nsel; i++) {
        in->sel[n] = in->sel[i];
        join->rows[n] = join->rows[i];
        n += (join->rows[i] != NULL) == matched;
    }
    in->nsel = n;
}

/* Each record has one counterpart at most: its columns stay where they are. */
static int push_narrow(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err)
{
    size_t c;

    if (join->plan->kind == SFX_JOIN_INNER || join->plan->kind == SFX_JOIN_RIGHT)
        keep_matched(join, in, true);
    for (c = 0; c < join->ncols; c++) {
        gather(join, &join->cols[c], join->rows, in->sel, in->nsel);
        if (join->cols[c].merged != NULL)
            merge_column(&join->cols[c], in->sel, in->sel, in->nsel);
    }
    sfx_frame_take_rows(&join->op.out, in);
    return emit(join, &join->op.out, NULL, err);
}

static void mark_matched(struct sfx_join *join, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (join->rows[i] != NULL) /* the first of its key stands for all */
            join->rows[i]->matched = true;
    }
}

int sfx_join_probe(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_side_find(&join->side, &join->batch, in->nsel, join->rows);
    if (join->plan->kind == SFX_JOIN_ASOF)
        sfx_asof_choose(join, in);
    if (sfx_join_is_bare(join)) {
        keep_matched(join, in, join->plan->kind == SFX_JOIN_SEMI);
        return emit(join, in, NULL, err);
    }
    if (sfx_join_keeps_file(join))
        mark_matched(join, in->nsel);
    return join->wide ? push_wide(join, in, err) : push_narrow(join, in, err);
}

static int push_join(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join *join = (struct sfx_join *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t i;
    int rc;

    for (i = 0; i < join->plan->npairs; i++)
        sfx_eval_node(ev, join->keys[i], in->sel, in->nsel);
    if (join->by != NULL)
        sfx_eval_node(ev, join->by, in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_join_keys_make(&join->batch, ev, join->keys, join->plan->npairs, in->sel, in->nsel,
                                err);
    if (rc < 0)
        return rc;
    return join->spill != NULL ? sfx_join_spill_input(join, in, err)
                               : sfx_join_probe(join, in, err);
}

/* --- the file's rows without a counterpart ---------------------------------------------------- */

/* Gives the frame that goes out columns of its own. */
static int bind_rest(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_frame *out = &join->op.out;
    struct sfx_frame in = {
        .cols = (struct sfx_qcolumn *)join->left,
        .ncols = join->nleft,
        .open = join->left_open,
        .ordered = out->ordered,
        .eol = out->eol,
    };

    join->wide = true;
    out->input = out->member = NULL;
    return sfx_join_bind_columns(join, &in, err);
}

/* Sets row of a computed vector to what text spells, or null. */
static void set_text(struct sfx_vec *vec, uint32_t row, struct sfx_slice text,
                     const struct sfx_zone *zone)
{
    struct sfx_timestamp time = {0};
    double number = 0;

    if (vec->type == SFX_TYPE_TIME) {
        vec->flags[row] = sfx_timestamp_parse(text, zone, &time) != NULL;
        vec->nums[row] = sfx_time_slot(time);
    } else if (vec->type == SFX_TYPE_FLOAT) {
        vec->flags[row] = sfx_float_parse(text, &number) != SFX_DECIMAL_OK;
        vec->nums[row] = sfx_float_slot(number);
    } else {
        vec->flags[row] = sfx_decimal_parse(text, &vec->nums[row]) != SFX_DECIMAL_OK;
    }
}

/* The file's key stands in the column of the other side. */
static void fill_key(const struct sfx_join *join, size_t cell, struct sfx_vec *vec,
                     struct sfx_side_row *const *rows, uint32_t n)
{
    struct sfx_eval *ev = sfx_operator_eval(&join->op);
    uint32_t k;

    for (k = 0; k < n; k++) {
        struct sfx_cell key = cell < rows[k]->ncells ? rows[k]->cells[cell] : (struct sfx_cell){0};

        if (sfx_type_in_nums(vec->type))
            set_text(vec, k, sfx_eval_cell_text(ev, &key), ev->zone);
        else
            vec->cells[k] = key;
    }
}

static void fill_rest(struct sfx_join *join, struct sfx_side_row *const *rows, uint32_t n)
{
    struct sfx_frame *out = &join->op.out;
    size_t i, c;
    uint32_t k;

    for (i = 0; i < out->ncols; i++) {
        out->cols[i].vec->has_cells = false;
        for (k = 0; k < n; k++) {
            sfx_vec_set_null(out->cols[i].vec, k);
            if (join->left_open && out->cols[i].vec->type == SFX_TYPE_CELL)
                out->cols[i].vec->cells[k].kind = SFX_CELL_MISSING;
        }
    }
    for (i = 0; i < join->names.ncols; i++) {
        int pair = sfx_join_pair_of(join, join->names.cols[i].name);

        if (pair >= 0)
            fill_key(join, i,
                     out->cols[sfx_join_find(out->cols, out->ncols,
                                             sfx_expr_column(join->plan->pairs[pair].left))]
                         .vec,
                     rows, n);
    }
    for (c = 0; c < join->ncols; c++) {
        struct sfx_join_column *col = &join->cols[c];

        gather(join, col, rows, join->pairs.at, n);
        for (k = 0; col->merged != NULL && k < n; k++) {
            col->merged->cells[k] = col->vec->cells[k];
            col->vec->cells[k].kind = SFX_CELL_MISSING;
        }
    }
}

/* Whether some record had the row's key; rows of a key follow their first in the file's order. */
static bool is_matched(const struct sfx_side *side, const struct sfx_side_row *row)
{
    const struct sfx_side_row *first = row->key != NULL ? sfx_side_first(side, row) : NULL;

    return first != NULL && first->matched;
}

int sfx_join_pass_rest(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_side_row *row = join->side.first;
    struct sfx_frame *out = &join->op.out;
    uint32_t n, i;
    int rc = 0;

    out->nraw = 0;
    while (rc == 0 && row != NULL && !sfx_operator_is_done(&join->op)) {
        if (join->spill == NULL)
            sfx_eval_reset(sfx_operator_eval(&join->op));
        for (n = 0; row != NULL && n < SFX_BATCH_ROWS; row = row->next) {
            if (!is_matched(&join->side, row))
                join->rows[n++] = row;
        }
        for (i = 0; i < n; i++) {
            out->sel[i] = join->pairs.at[i] = (uint16_t)i;
            out->rows[i] = (struct sfx_row_origin){0};
        }
        fill_rest(join, join->rows, n);
        out->nrows = out->nsel = n;
        if (join->spill != NULL)
            sfx_join_spill_number_rest(join, join->rows, n);
        rc = emit(join, out, NULL, err);
    }
    return rc;
}

static int finish_join(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_join *join = (struct sfx_join *)op;
    int rc;

    if (join->spill != NULL)
        return sfx_join_spill_finish(join, err);
    if (!sfx_join_keeps_file(join))
        return 0;
    rc = bind_rest(join, err);
    return rc < 0 ? rc : sfx_join_pass_rest(join, err);
}

/* What the keys need; records are copied whole, their columns in front. */
static enum sfx_rest join_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                               enum sfx_rest rest)
{
    const struct sfx_join_plan *plan = ast->detail;
    size_t i;

    for (i = 0; i < plan->npairs; i++)
        sfx_uses_expr(uses, plan->pairs[i].left);
    sfx_uses_expr(uses, plan->by.left);
    return rest;
}

/* Records that are kept are kept cell by cell. */
static bool join_blocks(const struct sfx_operator *op)
{
    return ((const struct sfx_join *)op)->spill != NULL;
}

static void destroy_join(struct sfx_operator *op)
{
    struct sfx_join *join = (struct sfx_join *)op;

    sfx_join_spill_free(join);
    sfx_side_clear(&join->side);
    sfx_join_keys_done(&join->batch);
    sfx_buf_done(&join->by_key);
    sfx_rowstore_done(&join->names);
}

const struct sfx_verb sfx_verb_join = {
    .name = "join",
    .usage = "join [inner|left|right|full|semi|anti] FILE on KEY[ = KEY of FILE][, …] [prefix "
             "\"TEXT\"] or join asof FILE [on KEY…] by X[ = X of FILE] [within DISTANCE] "
             "[backward|forward|nearest] [prefix \"TEXT\"]",
    .help = "adds the columns of the records of FILE that have the same key",
    .plan = "streaming; the records of FILE are kept; where they exceed --memory: blocking, on "
            "disk; keys compare by bytes unless they are numbers or times",
    .rules =
        "inner, the default, keeps records with a counterpart in FILE, left keeps all; right is "
        "inner and full is left with the records of FILE that have no counterpart at the end. semi "
        "keeps records with a counterpart and anti those without, neither adds columns. Several "
        "records of FILE with a key multiply the record, in their order. A key that is null or "
        "empty is equal to none. Keys are numbers when one side is: on num(id). The columns of the "
        "key come once, under their name on the left; another column of FILE whose name is taken "
        "gets _right behind it, with prefix all of them get that in front. What is not there is "
        "null, or left out where records need not have it. asof keeps all records, each with the "
        "last one of FILE with its key whose X is not larger (backward, the default), the first "
        "whose X is not smaller, or the nearest; X is compared by bytes unless it is a number or a "
        "time, within and nearest need one.",
    .example = {.program = "join left names.csv on id",
                .input = "id,n\n1,5\n2,6\n",
                .output = "id,n,name\n1,5,Ann\n2,6,\n",
                .file_name = "names.csv",
                .file = "id,name\n1,Ann\n"},
    .can_fail = true,
    .state_nbytes = sizeof(struct sfx_join),
    .uses = join_uses,
    .wants_cells = join_blocks,
    .parse = sfx_join_parse,
    .bind = bind_join,
    .push = push_join,
    .finish = finish_join,
    .blocks = join_blocks,
    .destroy = destroy_join,
};
