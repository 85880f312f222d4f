/* SPDX-License-Identifier: MIT */
/* Stages that choose and order columns: select, drop, reorder. All is decided when they are bound.
 */
#include "query/selector_internal.h"

static int push_columns(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

/* --- select ----------------------------------------------------------------------------------- */

struct select {
    struct sfx_operator op;
    struct sfx_node **computed;
    size_t ncomputed;
};

static const struct sfx_verb select_by_pattern, select_and_compute;

/* Whether "name =" begins here. What else follows a name here need not be a token (a glob). */
static bool sees_name(const struct sfx_parser *p)
{
    const char *at = p->next, *end = p->program->text.ptr + p->program->text.len;

    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return p->token.kind == SFX_TOKEN_NAME && at < end && *at == '=';
}

/* "new = old" or "new = expression" */
static int parse_named(struct sfx_parser *p, struct sfx_selectors *list)
{
    struct sfx_selector *sel = sfx_selectors_add(p, list);
    struct sfx_expr *expr = NULL;
    int rc;

    if (sel == NULL)
        return SFX_E_NOMEM;
    rc = sfx_parse_name(p, "a column name", &sel->as, &sel->at);
    if (rc == 0)
        rc = sfx_parse_expect(p, "=");
    if (rc == 0)
        rc = sfx_parse_expr(p, &expr);
    if (rc < 0)
        return rc;
    if (expr->kind == SFX_EXPR_COLUMN) {
        sel->kind = SFX_SELECT_COLUMN;
        sel->from = (struct sfx_column_ref){.name = expr->text, .at = expr->at};
    } else {
        sel->kind = SFX_SELECT_COMPUTED;
        sel->expr = expr;
    }
    return 0;
}

/*
 * Which kind of select it is: stages before it want to know whether records can be bad in it, and a
 * writer whether the program names the columns.
 */
static const struct sfx_verb *kind_of(const struct sfx_selectors *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (list->items[i].kind == SFX_SELECT_COMPUTED)
            return &select_and_compute;
    }
    return sfx_selectors_are_names(list) ? &sfx_verb_select : &select_by_pattern;
}

static int parse_select(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_selectors *list = sfx_arena_calloc(&p->program->arena, 1, sizeof(*list), p->err);
    int rc;

    if (list == NULL)
        return SFX_E_NOMEM;
    do {
        rc = sees_name(p) ? parse_named(p, list) : sfx_parse_selector(p, list);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    stage->detail = list;
    stage->verb = kind_of(list);
    return rc;
}

/* A chosen column as it comes out; one that is not there (JSON) is a column of nothing. */
static int make_column(struct select *select, struct sfx_binder *b, const struct sfx_chosen *chosen,
                       struct sfx_qcolumn *col)
{
    const struct sfx_selector *by = chosen->by;

    if (chosen->index >= 0) {
        *col = b->cols[chosen->index];
    } else if (by->kind == SFX_SELECT_COMPUTED) {
        struct sfx_node *node;
        int rc = sfx_bind_expr(b, by->expr, &node);

        if (rc < 0)
            return rc;
        select->computed[select->ncomputed++] = node;
        col->vec = node->vec;
    } else {
        col->name = by->from.name;
        col->vec = sfx_vec_new(b->arena, SFX_TYPE_CELL, b->err);
    }
    if (by->as.len > 0)
        col->name = by->as;
    return col->vec == NULL ? SFX_E_NOMEM : 0;
}

/* Refuses a second column of a name that the stage gives. */
static int check_names(const struct sfx_binder *b, const struct sfx_qcolumn *cols,
                       const struct sfx_selection *chosen)
{
    size_t i, j;

    for (i = 0; i < chosen->ncols; i++) {
        for (j = 0; j < chosen->ncols && chosen->cols[i].by->as.len > 0; j++) {
            if (j != i && sfx_slice_eq(cols[i].name, cols[j].name))
                return sfx_program_err(b->program, chosen->cols[i].by->at, b->err,
                                       "select gives two columns the name %.*s",
                                       SFX_SLICE_ARG(cols[i].name));
        }
    }
    return 0;
}

/* Whether the list says more of the order than that columns stay as they are. */
static bool gives_order(const struct sfx_selectors *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (!list->items[i].minus && list->items[i].kind != SFX_SELECT_REST)
            return true;
    }
    return false;
}

static int bind_select(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct select *select = (struct select *)op;
    const struct sfx_selectors *list = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_selection chosen;
    size_t i;
    int rc = sfx_selectors_resolve(list, &binder, &chosen);

    if (rc < 0)
        return rc;
    if (chosen.ncols == 0 && !in->open)
        return sfx_program_err(binder.program, op->ast->at, err, "select leaves no column");
    rc = sfx_operator_start_columns(op, in, chosen.ncols, err);
    select->computed =
        sfx_arena_calloc(&op->arena, list->count + 1, sizeof(struct sfx_node *), err);
    select->ncomputed = 0;
    if (rc < 0 || select->computed == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < chosen.ncols && rc == 0; i++)
        rc = make_column(select, &binder, &chosen.cols[i], &op->out.cols[i]);
    op->out.ncols = chosen.ncols;
    op->out.open = in->open && !sfx_selectors_are_names(list);
    op->out.ordered = gives_order(list);
    return rc < 0 ? rc : check_names(&binder, op->out.cols, &chosen);
}

static enum sfx_rest select_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                 enum sfx_rest rest)
{
    return sfx_selectors_use(ast->detail, uses, rest);
}

static int push_computed(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct select *select = (struct select *)op;
    size_t i;
    int rc;

    for (i = 0; i < select->ncomputed; i++)
        sfx_eval_node(sfx_operator_eval(op), select->computed[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    return rc < 0 ? rc : push_columns(op, in, err);
}

#define SELECT_ROW                                                                                 \
    .name = "select", .usage = "select COLUMNS | NEW = OLD | NEW = EXPRESSION[, …]",               \
    .help = "keeps the columns of the list, in its order, under new names where it gives them",    \
    .plan = "streaming",                                                                           \
    .rules = "Each column comes once, at its first mention, unless it is given a name. "           \
             "Expressions see the columns that come in. A pattern may match nothing, but a "       \
             "column must be left. In JSON, a record without a named column stays without it.",    \
    .example = {.program = "select b, x = a, t_*",                                                 \
                .input = "a,b,c,t_1,t_2\n1,2,3,4,5\n",                                             \
                .output = "b,x,t_1,t_2\n2,1,4,5\n"},                                               \
    .state_nbytes = sizeof(struct select), .uses = select_uses, .parse = parse_select,             \
    .bind = bind_select, .stateless = true, .parallel = true

const struct sfx_verb sfx_verb_select = {SELECT_ROW, .fixes_columns = true, .push = push_columns};

static const struct sfx_verb select_by_pattern = {SELECT_ROW, .push = push_columns};

static const struct sfx_verb select_and_compute = {SELECT_ROW, .can_fail = true,
                                                   .push = push_computed};

/* --- drop ------------------------------------------------------------------------------------- */

static int bind_drop(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    bool *dropped;
    size_t i;
    int rc = sfx_selectors_mark(op->ast->detail, &binder, &dropped);

    if (rc == 0)
        rc = sfx_operator_start_columns(op, in, in->ncols, err);
    for (i = 0; i < in->ncols && rc == 0; i++) {
        if (!dropped[i])
            out->cols[out->ncols++] = in->cols[i];
    }
    if (rc == 0 && out->ncols == 0 && !in->open)
        return sfx_program_err(binder.program, op->ast->at, err, "drop leaves no column");
    return rc;
}

static enum sfx_rest drop_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                               enum sfx_rest rest)
{
    return sfx_selectors_use_others(ast->detail, uses, rest);
}

const struct sfx_verb sfx_verb_drop = {
    .name = "drop",
    .usage = "drop COLUMNS",
    .help = "leaves the columns of the list out",
    .plan = "streaming",
    .rules = "A pattern may match nothing; a name must be there, but in JSON.",
    .example = {.program = "drop b, t_*",
                .input = "a,b,c,t_1,t_2\n1,2,3,4,5\n",
                .output = "a,c\n1,3\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct sfx_operator),
    .uses = drop_uses,
    .parse = sfx_parse_selector_stage,
    .bind = bind_drop,
    .push = push_columns,
};

/* --- reorder ---------------------------------------------------------------------------------- */

enum place { PLACE_FIRST, PLACE_LAST, PLACE_BEFORE, PLACE_AFTER };

struct reorder {
    struct sfx_selectors columns, target; /* target: one column, for before and after */
    enum place place;
};

static int parse_reorder(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    static const char *const places[] = {"first", "last", "before", "after"};
    struct reorder *reorder = sfx_arena_calloc(&p->program->arena, 1, sizeof(*reorder), p->err);
    const struct sfx_selector *target;
    int rc, place;

    if (reorder == NULL)
        return SFX_E_NOMEM;
    stage->detail = reorder;
    rc = sfx_parse_selectors(p, &reorder->columns);
    for (place = PLACE_FIRST; rc == 0 && place <= PLACE_AFTER; place++) {
        rc = sfx_parse_accept(p, places[place]);
        if (rc > 0)
            reorder->place = (enum place)place;
    }
    if (rc <= 0 || reorder->place < PLACE_BEFORE)
        return rc < 0 ? rc : 0;
    rc = sfx_parse_selector(p, &reorder->target);
    target = reorder->target.items;
    if (rc == 0 && (target->kind != SFX_SELECT_COLUMN || target->minus))
        rc = sfx_program_err(p->program, target->at, p->err, "%s is followed by one column",
                             places[reorder->place]);
    return rc;
}

static void add_moved(struct sfx_frame *out, const struct sfx_frame *in,
                      const struct sfx_selection *moved)
{
    size_t i;

    for (i = 0; i < moved->ncols; i++) {
        if (moved->cols[i].index >= 0)
            out->cols[out->ncols++] = in->cols[moved->cols[i].index];
    }
}

/* Where columns are moved to: 1; 0 when that column is not there (JSON), which moves nothing. */
static int find_target(const struct reorder *reorder, struct sfx_binder *b, const bool *moves,
                       size_t *target)
{
    struct sfx_selection found;
    int rc;

    *target = reorder->place == PLACE_FIRST ? 0 : b->ncols;
    if (reorder->place < PLACE_BEFORE)
        return 1;
    rc = sfx_selectors_resolve(&reorder->target, b, &found);
    if (rc < 0 || found.ncols == 0 || found.cols[0].index < 0)
        return rc;
    *target = (size_t)found.cols[0].index;
    if (moves[*target])
        return sfx_program_err(b->program, found.cols[0].by->at, b->err,
                               "a column is not moved beside itself");
    *target += reorder->place == PLACE_AFTER;
    return 1;
}

static int bind_reorder(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct reorder *reorder = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_selection moved;
    size_t i, target = 0;
    bool *moves;
    int rc = sfx_selectors_resolve(&reorder->columns, &binder, &moved);

    if (rc == 0)
        rc = sfx_selectors_mark(&reorder->columns, &binder, &moves);
    if (rc == 0)
        rc = sfx_operator_start_columns(op, in, in->ncols, err);
    if (rc == 0)
        rc = find_target(reorder, &binder, moves, &target);
    if (rc < 0)
        return rc;
    op->out.ordered = rc > 0;
    if (rc == 0)
        moved.ncols = 0;
    for (i = 0; i <= in->ncols; i++) {
        if (i == target)
            add_moved(&op->out, in, &moved);
        if (i < in->ncols && (moved.ncols == 0 || !moves[i]))
            op->out.cols[op->out.ncols++] = in->cols[i];
    }
    return 0;
}

const struct sfx_verb sfx_verb_reorder = {
    .name = "reorder",
    .usage = "reorder COLUMNS [first | last | before COLUMN | after COLUMN]",
    .help = "moves the columns of the list, in its order, to the front or where it says",
    .plan = "streaming",
    .rules = "Columns that are not in the list keep their order. In JSON, where the column to move "
             "to is not there, nothing moves.",
    .example = {.program = "reorder c, a after d",
                .input = "a,b,c,d,e\n1,2,3,4,5\n",
                .output = "b,d,c,a,e\n2,4,3,1,5\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = parse_reorder,
    .bind = bind_reorder,
    .push = push_columns,
};
