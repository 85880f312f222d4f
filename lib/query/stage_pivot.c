/* SPDX-License-Identifier: MIT */
/* pivot: names of columns become values (longer), or values become names of columns (wider). */
#include "query/pivot_internal.h"

struct longer {
    struct sfx_operator op;
    struct sfx_selection chosen;
    size_t *kept; /* the columns that are repeated, nkept of them */
    size_t nkept;
    uint32_t n; /* rows of the frame that is being filled */
};

/* --- the words -------------------------------------------------------------------------------- */

/* "[names to NAME] [values to NAME]" */
static int parse_longer(struct sfx_parser *p, struct sfx_pivot_plan *plan)
{
    uint32_t at;
    int rc = sfx_parse_selectors(p, &plan->columns);

    plan->names_to = SFX_SLICE_LIT("name");
    plan->values_to = SFX_SLICE_LIT("value");
    if (rc == 0)
        rc = sfx_parse_accept(p, "names");
    if (rc > 0) {
        rc = sfx_parse_expect(p, "to");
        if (rc == 0)
            rc = sfx_parse_name(p, "a column name", &plan->names_to, &at);
    }
    if (rc == 0)
        rc = sfx_parse_accept(p, "values");
    if (rc > 0) {
        rc = sfx_parse_expect(p, "to");
        if (rc == 0)
            rc = sfx_parse_name(p, "a column name", &plan->values_to, &at);
    }
    return rc;
}

/* "[agg NAME]" */
static int parse_aggregate(struct sfx_parser *p, struct sfx_pivot_plan *plan,
                           struct sfx_expr *value)
{
    struct sfx_item *item = sfx_items_add(p, &plan->aggs);
    struct sfx_slice name = SFX_SLICE_LIT("first");
    int rc;

    if (item == NULL)
        return SFX_E_NOMEM;
    item->at = p->token.at;
    item->expr = value;
    item->name = plan->value;
    rc = sfx_parse_accept(p, "agg");
    if (rc > 0)
        rc = sfx_parse_name(p, "an aggregate", &name, &item->at);
    if (rc < 0)
        return rc;
    item->agg = sfx_aggregate_find(name);
    if (item->agg == NULL || (item->agg->more != NULL && !item->agg->more_optional))
        return sfx_program_err(p->program, item->at, p->err, "%.*s is no aggregate of one argument",
                               SFX_SLICE_ARG(name));
    return 0;
}

/* "NAME VALUE [by KEY, …] [agg NAME]" */
static int parse_wider(struct sfx_parser *p, struct sfx_stage_ast *stage,
                       struct sfx_pivot_plan *plan)
{
    struct sfx_expr *value = NULL;
    int rc = sfx_parse_name(p, "the column of names", &plan->name, &plan->name_at);

    if (rc == 0 && p->token.kind != SFX_TOKEN_NAME)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "the column of values is expected here");
    plan->value = p->token.value;
    if (rc == 0)
        rc = sfx_parse_expr(p, &value);
    if (rc == 0 && value->kind != SFX_EXPR_COLUMN)
        return sfx_program_err(p->program, value->at, p->err,
                               "the column of values is expected here");
    if (rc == 0)
        rc = sfx_parse_accept(p, "by");
    while (rc > 0) {
        rc = sfx_parse_key(p, &stage->items);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    }
    return rc < 0 ? rc : parse_aggregate(p, plan, value);
}

static int parse_pivot(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_pivot_plan *plan = sfx_arena_calloc(&p->program->arena, 1, sizeof(*plan), p->err);
    int rc;

    if (plan == NULL)
        return SFX_E_NOMEM;
    stage->detail = plan;
    rc = sfx_parse_accept(p, "longer");
    if (rc != 0) {
        stage->verb = &sfx_pivot_longer;
        return rc < 0 ? rc : parse_longer(p, plan);
    }
    stage->verb = &sfx_pivot_wider;
    rc = sfx_parse_expect(p, sfx_token_is(&p->token, "wider") ? "wider" : "longer or wider");
    return rc < 0 ? rc : parse_wider(p, stage, plan);
}

/* --- longer ----------------------------------------------------------------------------------- */

static int bind_kept(struct longer *longer, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_frame *out = &longer->op.out;
    size_t i, c;

    longer->nkept = 0;
    for (i = 0; i < in->ncols; i++) {
        for (c = 0; c < longer->chosen.ncols && longer->chosen.cols[c].index != (int32_t)i; c++)
            ;
        if (c < longer->chosen.ncols)
            continue;
        longer->kept[longer->nkept++] = i;
        out->cols[out->ncols] = in->cols[i];
        out->cols[out->ncols].vec = sfx_vec_new(&longer->op.arena, in->cols[i].vec->type, err);
        if (out->cols[out->ncols++].vec == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

static int bind_longer(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct longer *longer = (struct longer *)op;
    const struct sfx_pivot_plan *plan = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    size_t i;
    int rc = sfx_selectors_resolve(&plan->columns, &binder, &longer->chosen);

    if (rc < 0)
        return rc;
    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 2, sizeof(*out->cols), err);
    longer->kept = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*longer->kept), err);
    if (out->cols == NULL || longer->kept == NULL || sfx_frame_make_rows(out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    out->ncols = 0;
    if (bind_kept(longer, in, err) < 0)
        return SFX_E_NOMEM;
    for (i = 0; i < out->ncols; i++) {
        if (sfx_slice_eq(out->cols[i].name, plan->names_to) ||
            sfx_slice_eq(out->cols[i].name, plan->values_to))
            return sfx_program_err(binder.program, op->ast->at, err,
                                   "there is a column %.*s already: names to NAME, values to NAME",
                                   SFX_SLICE_ARG(out->cols[i].name));
    }
    out->cols[out->ncols++] = (struct sfx_qcolumn){
        .name = plan->names_to, .vec = sfx_vec_new(&op->arena, SFX_TYPE_TEXT, err)};
    out->cols[out->ncols++] = (struct sfx_qcolumn){
        .name = plan->values_to, .vec = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err)};
    if (out->cols[out->ncols - 2].vec == NULL || out->cols[out->ncols - 1].vec == NULL)
        return SFX_E_NOMEM;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    return 0;
}

static void copy_value(const struct sfx_vec *from, uint32_t row, struct sfx_vec *to, uint32_t at)
{
    if (sfx_type_in_nums(from->type))
        to->nums[at] = from->nums[row];
    if (sfx_type_makes_cells(from->type))
        to->flags[at] = from->flags[row];
    else
        to->cells[at] = from->cells[row];
}

static int pass_longer(struct longer *longer, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_frame *out = &longer->op.out;
    size_t i;

    for (i = 0; i < out->ncols; i++)
        out->cols[i].vec->has_cells = false;
    out->nrows = out->nsel = longer->n;
    out->input = in->input;
    out->member = in->member;
    out->eol = in->eol;
    longer->n = 0;
    return sfx_operator_pass(&longer->op, out, err);
}

/* Adds a record for one cell. */
static void add_row(struct longer *longer, const struct sfx_frame *in, uint32_t row,
                    const struct sfx_qcolumn *col)
{
    struct sfx_frame *out = &longer->op.out;
    uint32_t at = longer->n++;
    size_t i;

    for (i = 0; i < longer->nkept; i++)
        copy_value(in->cols[longer->kept[i]].vec, row, out->cols[i].vec, at);
    out->cols[longer->nkept].vec->cells[at] = sfx_cell_string(col->name);
    out->cols[longer->nkept + 1].vec->cells[at] = col->vec->cells[row];
    out->rows[at] = in->rows[row];
    out->sel[at] = (uint16_t)at;
}

static int push_longer(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct longer *longer = (struct longer *)op;
    size_t c;
    uint32_t i;
    int rc = 0;

    longer->n = 0;
    for (c = 0; c < longer->chosen.ncols; c++) {
        if (longer->chosen.cols[c].index >= 0)
            sfx_vec_make_cells(sfx_operator_eval(op), in->cols[longer->chosen.cols[c].index].vec,
                               in->sel, in->nsel);
    }
    for (i = 0; i < in->nsel && rc == 0 && !sfx_operator_is_done(op); i++) {
        for (c = 0; c < longer->chosen.ncols && rc == 0; c++) {
            int32_t index = longer->chosen.cols[c].index;

            if (index < 0 || in->cols[index].vec->cells[in->sel[i]].kind == SFX_CELL_MISSING)
                continue;
            add_row(longer, in, in->sel[i], &in->cols[index]);
            if (longer->n == SFX_BATCH_ROWS)
                rc = pass_longer(longer, in, err);
        }
    }
    return rc == 0 ? pass_longer(longer, in, err) : rc; /* none is a frame, too */
}

#define PIVOT_ROWS                                                                                 \
    .name = "pivot",                                                                               \
    .usage = "pivot longer COLUMNS [names to NAME] [values to NAME] or pivot wider NAMES VALUES "  \
             "[by KEY[, …]] [agg AGGREGATE]",                                                      \
    .help = "longer makes a record of each selected cell; wider makes columns of the values of "   \
            "the column NAMES, with those of VALUES",                                              \
    .plan = "longer: streaming; wider: blocking, what exceeds --memory waits on disk",             \
    .rules = "longer puts the name of the cell's column in name and its value in value, or in "    \
             "what is named; a member that a record of JSON does not have makes no record. wider " \
             "makes a record for each combination of the keys, or of all other columns, in the "   \
             "order of their first appearance; the new columns come in that order, too, at most "  \
             "10000. Several values for one place: the first one, or what the aggregate says. A "  \
             "null or empty name adds no column.",                                                 \
    .example = {.program = "pivot wider m v",                                                      \
                .input = "id,m,v\n1,jan,5\n1,feb,6\n2,feb,7\n",                                    \
                .output = "id,jan,feb\n1,5,6\n2,,7\n"}

const struct sfx_verb sfx_pivot_longer = {
    PIVOT_ROWS,           .state_nbytes = sizeof(struct longer),
    .parse = parse_pivot, .bind = bind_longer,
    .push = push_longer,
};

const struct sfx_verb sfx_verb_pivot = {
    PIVOT_ROWS,           .state_nbytes = sizeof(struct longer),
    .parse = parse_pivot, .bind = bind_longer,
    .push = push_longer,
};
