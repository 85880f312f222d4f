/* SPDX-License-Identifier: MIT */
/*
 * fill: gives blank cells the value above, the value below, or one that the program says. What is
 * below is what is above in the records backwards: fill up is two reversals around a fill down.
 */
#include "query/selector_internal.h"

#include <stdlib.h>
#include <string.h>

struct fill_detail {
    struct sfx_selectors columns;
    struct sfx_expr *value; /* NULL: down or up */
};

static const struct sfx_verb fill_with, fill_with_computed, fill_up;

/* "down" or "up" */
static int parse_direction(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc = sfx_parse_accept(p, "down");

    if (rc != 0)
        return rc < 0 ? rc : 0;
    stage->verb = &fill_up;
    rc = sfx_parse_accept(p, "up");
    return rc == 0 ? sfx_parse_expect(p, "down, up or with") : rc < 0 ? rc : 0;
}

static int parse_fill(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct fill_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = sfx_parse_selectors(p, &detail->columns);
    if (rc == 0)
        rc = sfx_parse_accept(p, "with");
    if (rc <= 0)
        return rc < 0 ? rc : parse_direction(p, stage);
    rc = sfx_parse_expr(p, &detail->value);
    if (rc == 0)
        stage->verb = detail->value->kind >= SFX_EXPR_COLUMN ? &fill_with_computed : &fill_with;
    return rc;
}

/* --- with ------------------------------------------------------------------------------------- */

/* A column that is filled. */
struct with_column {
    struct sfx_node *node;      /* column ?? value */
    const struct sfx_vec *from; /* not NULL: what is missing there stays missing */
};

struct with {
    struct sfx_operator op;
    struct with_column *cols;
    size_t ncols;
};

/* Binds "column ?? value". */
static int bind_coalesce(struct sfx_binder *b, struct sfx_slice name, uint32_t at,
                         struct sfx_expr *value, struct sfx_node **node)
{
    struct sfx_expr *exprs = sfx_arena_calloc(b->arena, 2, sizeof(*exprs), b->err);
    struct sfx_expr **args = sfx_arena_calloc(b->arena, 2, sizeof(struct sfx_expr *), b->err);

    if (exprs == NULL || args == NULL)
        return SFX_E_NOMEM;
    args[0] = &exprs[1];
    args[1] = value;
    exprs[0] = (struct sfx_expr){
        .kind = SFX_EXPR_CALL, .at = at, .fn = sfx_fn_operator("??"), .args = args, .nargs = 2};
    exprs[1] = (struct sfx_expr){.kind = SFX_EXPR_COLUMN, .at = at, .text = name};
    return sfx_bind_expr(b, &exprs[0], node);
}

/*
 * In JSON, which columns there are may depend on records that come later. A column that is named is
 * filled in all records; of a pattern's, what a record does not have stays away, so that the result
 * does not depend on what is known when the record comes.
 */
static int bind_with(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct with *with = (struct with *)op;
    const struct fill_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_selection chosen;
    size_t i;
    int rc = sfx_selectors_resolve(&detail->columns, &binder, &chosen);

    if (rc == 0)
        rc = sfx_operator_keep_columns(op, in, chosen.ncols, err);
    op->out.nraw = in->nraw;
    with->cols = sfx_arena_calloc(&op->arena, chosen.ncols + 1, sizeof(*with->cols), err);
    with->ncols = chosen.ncols;
    if (rc < 0 || with->cols == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    for (i = 0; i < chosen.ncols && rc == 0; i++) {
        int32_t index = chosen.cols[i].index;
        struct sfx_qcolumn *col = &op->out.cols[index >= 0 ? (size_t)index : op->out.ncols];

        if (index < 0)
            col->name = chosen.cols[i].by->from.name;
        else if (in->open && chosen.cols[i].by->kind != SFX_SELECT_COLUMN &&
                 in->cols[index].vec->type == SFX_TYPE_CELL)
            with->cols[i].from = in->cols[index].vec;
        op->out.ncols += index < 0;
        rc = bind_coalesce(&binder, col->name, op->ast->at, detail->value, &with->cols[i].node);
        if (rc == 0)
            col->vec = with->cols[i].node->vec;
        if (index >= 0 && (size_t)index < op->out.nraw)
            op->out.nraw = 0;
    }
    return rc;
}

static int push_with(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct with *with = (struct with *)op;
    uint32_t i;
    size_t c;
    int rc;

    for (c = 0; c < with->ncols; c++) {
        const struct with_column *col = &with->cols[c];
        struct sfx_vec *vec = col->node->vec;

        sfx_eval_node(sfx_operator_eval(op), col->node, in->sel, in->nsel);
        for (i = 0; i < in->nsel && col->from != NULL; i++) {
            if (col->from->cells[in->sel[i]].kind == SFX_CELL_MISSING)
                vec->cells[in->sel[i]] = col->from->cells[in->sel[i]];
        }
    }
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0)
        return rc;
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

/* --- down ------------------------------------------------------------------------------------- */

/* The last value of a column, kept from batch to batch, whatever becomes of the frames. */
struct last {
    struct last *next;
    struct sfx_slice name; /* of the column */
    enum sfx_type type;
    struct sfx_vec value; /* of one row; its cell points into bytes */
    struct sfx_cell cell;
    struct sfx_decimal num;
    uint8_t flag;
    bool has;
    struct sfx_buf bytes[2]; /* the newer one: the other may still be in cells */
    unsigned newer;
};

struct down_column {
    struct sfx_vec *from, *to;
    struct last *last;
};

struct down {
    struct sfx_operator op;
    struct down_column *cols; /* bound to the frames that come in */
    size_t ncols;
    struct last *lasts;
    struct sfx_arena names; /* and what belongs to them */
};

/* What is kept of the column called name. Errors: NULL, NOMEM. */
static struct last *find_last(struct down *down, const struct sfx_qcolumn *col, struct sfx_err *err)
{
    struct last *last;
    char *name;

    for (last = down->lasts; last != NULL; last = last->next) {
        if (sfx_slice_eq(last->name, col->name))
            return last;
    }
    last = sfx_arena_calloc(&down->names, 1, sizeof(*last), err);
    name = sfx_arena_strndup(&down->names, col->name.ptr, col->name.len, err);
    if (last == NULL || name == NULL)
        return NULL;
    last->name = sfx_slice(name, col->name.len);
    last->type = col->vec->type;
    last->next = down->lasts;
    down->lasts = last;
    return last;
}

static int bind_down(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct down *down = (struct down *)op;
    const struct fill_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    bool *filled;
    size_t i;
    int rc = sfx_selectors_mark(&detail->columns, &binder, &filled);

    if (rc == 0)
        rc = sfx_operator_keep_columns(op, in, 0, err);
    op->out.nraw = in->nraw;
    down->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*down->cols), err);
    down->ncols = 0;
    if (rc < 0 || down->cols == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    for (i = 0; i < in->ncols; i++) {
        struct down_column *col = &down->cols[down->ncols];

        if (!filled[i])
            continue;
        col->from = in->cols[i].vec;
        col->last = find_last(down, &in->cols[i], err);
        if (col->last == NULL)
            return SFX_E_NOMEM;
        /* Values of two types have only their texts in common. */
        if (col->last->type != col->from->type)
            col->last->type = SFX_TYPE_CELL;
        col->to = sfx_vec_new(&op->arena, col->last->type, err);
        if (col->to == NULL)
            return SFX_E_NOMEM;
        op->out.cols[i].vec = col->to;
        if (i < op->out.nraw)
            op->out.nraw = 0;
        down->ncols++;
    }
    return 0;
}

/* Keeps row of vec for the batches that come. */
static int keep_last(struct last *last, const struct sfx_vec *vec, uint32_t row,
                     struct sfx_err *err)
{
    struct sfx_buf *bytes = &last->bytes[last->newer ^= 1];
    struct sfx_slice spelling = sfx_cell_spelling(&vec->cells[row]);
    int rc;

    sfx_buf_clear(bytes);
    rc = sfx_buf_append(bytes, spelling.ptr, spelling.len, err);
    if (rc < 0)
        return rc;
    last->cell = vec->cells[row];
    if (spelling.len > 0)
        last->cell.ptr = bytes->data + (vec->cells[row].ptr - spelling.ptr);
    if (vec->nums != NULL)
        last->num = vec->nums[row];
    if (vec->flags != NULL)
        last->flag = vec->flags[row];
    last->value = (struct sfx_vec){.type = vec->type,
                                   .has_cells = true,
                                   .cells = &last->cell,
                                   .nums = vec->nums != NULL ? &last->num : NULL,
                                   .flags = vec->flags != NULL ? &last->flag : NULL};
    last->has = true;
    return 0;
}

/* Copies row of from, where the types differ its cell alone. */
static void copy_row(struct sfx_vec *to, uint32_t to_row, const struct sfx_vec *from,
                     uint32_t from_row)
{
    if (to->type == from->type)
        sfx_vec_copy_row(to, to_row, from, from_row);
    else
        to->cells[to_row] = from->cells[from_row];
}

static int fill_column(struct down_column *col, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_vec *above = col->last->has ? &col->last->value : NULL;
    uint32_t i, above_row = 0;

    col->to->has_cells = true;
    for (i = 0; i < in->nsel; i++) {
        uint32_t row = in->sel[i];

        if (!sfx_vec_is_blank(col->from, row)) {
            above = col->from;
            above_row = row;
        }
        if (above != NULL)
            copy_row(col->to, row, above, above_row);
        else
            copy_row(col->to, row, col->from, row);
    }
    return above == col->from ? keep_last(col->last, col->from, above_row, err) : 0;
}

static int push_down(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct down *down = (struct down *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t i;
    int rc = 0;

    for (i = 0; i < down->ncols && rc == 0; i++) {
        sfx_vec_make_cells(ev, down->cols[i].from, in->sel, in->nsel);
        rc = fill_column(&down->cols[i], in, err);
    }
    if (rc < 0 || ev->rc < 0)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a value to fill in");
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

static void destroy_down(struct sfx_operator *op)
{
    struct down *down = (struct down *)op;
    struct last *last;

    for (last = down->lasts; last != NULL; last = last->next) {
        sfx_buf_done(&last->bytes[0]);
        sfx_buf_done(&last->bytes[1]);
    }
    sfx_arena_done(&down->names);
}

/* --- up --------------------------------------------------------------------------------------- */

enum { BACKWARDS, DOWN, FORWARDS, NPARTS };

struct up {
    struct sfx_operator op;
    struct sfx_operator *parts[NPARTS];
    struct sfx_stage_ast reverse_ast;
    struct sfx_verb reverse; /* with the name of this one, for messages */
};

/* Makes the parts, each handing on to the next, the last to the stage behind. Errors: NOMEM. */
static int make_parts(struct up *up, struct sfx_err *err)
{
    struct sfx_operator *next = up->op.next;
    size_t i;

    up->reverse_ast = (struct sfx_stage_ast){.at = up->op.ast->at, .text = up->op.ast->text};
    up->reverse = sfx_verb_reverse;
    up->reverse.name = up->op.verb->name;
    for (i = NPARTS; i-- > 0;) {
        const struct sfx_verb *verb = i == DOWN ? &sfx_verb_fill : &up->reverse;
        struct sfx_operator *part = calloc(1, verb->state_nbytes);

        if (part == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a stage");
        part->verb = verb;
        part->ast = i == DOWN ? up->op.ast : &up->reverse_ast;
        part->index = up->op.index;
        part->query = up->op.query;
        part->next = next;
        part->explained = true; /* in the words of the whole */
        up->parts[i] = next = part;
    }
    return 0;
}

static int bind_up(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct up *up = (struct up *)op;
    const struct fill_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    bool *filled;
    int rc = sfx_selectors_mark(&detail->columns, &binder, &filled); /* an error is told early */

    if (rc == 0 && up->parts[BACKWARDS] == NULL)
        rc = make_parts(up, err);
    if (rc < 0)
        return rc;
    sfx_arena_reset(&up->parts[BACKWARDS]->arena);
    return up->reverse.bind(up->parts[BACKWARDS], in, err);
}

static int push_up(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct up *up = (struct up *)op;

    return up->reverse.push(up->parts[BACKWARDS], in, err);
}

static int finish_up(struct sfx_operator *op, struct sfx_err *err)
{
    struct up *up = (struct up *)op;
    int rc = up->reverse.finish(up->parts[BACKWARDS], err);

    if (rc == 0)
        rc = up->reverse.finish(up->parts[FORWARDS], err);
    op->given = up->parts[FORWARDS]->given;
    return rc;
}

static void destroy_up(struct sfx_operator *op)
{
    struct up *up = (struct up *)op;
    size_t i;

    for (i = 0; i < NPARTS; i++) {
        struct sfx_operator *part = up->parts[i];

        if (part == NULL)
            continue;
        part->verb->destroy(part);
        sfx_arena_done(&part->arena);
        free(part);
    }
}

#define FILL_ROW                                                                                   \
    .name = "fill", .usage = "fill COLUMNS down | up | with VALUE",                                \
    .help = "gives blank cells the value above them, below them, or VALUE",                        \
    .rules =                                                                                       \
        "Blank is null or an empty field; what has nothing above (below) stays blank. A "          \
        "value keeps its bytes. In JSON, with VALUE gives a named column to all records, but "     \
        "those of a pattern only to records that have them.",                                      \
    .example = {.program = "fill day down",                                                        \
                .input = "day,n\nMo,1\n,2\nTu,3\n,4\n",                                            \
                .output = "day,n\nMo,1\nMo,2\nTu,3\nTu,4\n"},                                      \
    .parse = parse_fill

#define WITH_ROW                                                                                   \
    FILL_ROW, .plan = "streaming", .state_nbytes = sizeof(struct with), .bind = bind_with,         \
              .push = push_with

static const struct sfx_verb fill_with = {WITH_ROW};
static const struct sfx_verb fill_with_computed = {WITH_ROW, .can_fail = true};

static const struct sfx_verb fill_up = {
    FILL_ROW,
    .plan = "blocking; what exceeds --memory waits on disk",
    .state_nbytes = sizeof(struct up),
    .bind = bind_up,
    .push = push_up,
    .finish = finish_up,
    .destroy = destroy_up,
};

const struct sfx_verb sfx_verb_fill = {
    FILL_ROW,
    .plan = "streaming; up: blocking, what exceeds --memory waits on disk",
    .state_nbytes = sizeof(struct down),
    .bind = bind_down,
    .push = push_down,
    .destroy = destroy_down,
};
