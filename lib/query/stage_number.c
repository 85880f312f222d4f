/* SPDX-License-Identifier: MIT */
/* number: counts the records in a column. */
#include "query/stage_internal.h"

struct number_detail {
    struct sfx_slice name;
    uint32_t at;
    struct sfx_decimal from, step;
};

struct number {
    struct sfx_operator op;
    struct sfx_decimal next;
    bool started;
    struct sfx_vec *vec;
};

static int parse_value(struct sfx_parser *p, struct sfx_decimal *value)
{
    struct sfx_expr *expr = NULL;
    int rc = sfx_parse_expr(p, &expr);

    if (rc < 0)
        return rc;
    if (expr->kind != SFX_EXPR_NUMBER)
        return sfx_program_err(p->program, expr->at, p->err, "a number is expected here");
    *value = expr->number;
    return 0;
}

static int parse_number(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct number_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc = 0;

    if (detail == NULL)
        return SFX_E_NOMEM;
    *detail = (struct number_detail){
        .name = SFX_SLICE_LIT("n"), .at = stage->at, .from.mant = 1, .step.mant = 1};
    stage->detail = detail;
    if (p->token.kind == SFX_TOKEN_NAME && !sfx_token_is(&p->token, "from") &&
        !sfx_token_is(&p->token, "step"))
        rc = sfx_parse_name(p, "a column name", &detail->name, &detail->at);
    if (rc == 0)
        rc = sfx_parse_accept(p, "from");
    if (rc > 0)
        rc = parse_value(p, &detail->from);
    if (rc == 0)
        rc = sfx_parse_accept(p, "step");
    return rc > 0 ? parse_value(p, &detail->step) : rc;
}

static int bind_number(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct number *number = (struct number *)op;
    const struct number_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    size_t i;

    if (!number->started)
        number->next = detail->from;
    number->started = true;
    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*out->cols), err);
    number->vec = sfx_vec_new(&op->arena, SFX_TYPE_NUMBER, err);
    if (out->cols == NULL || number->vec == NULL)
        return SFX_E_NOMEM;
    out->cols[0] = (struct sfx_qcolumn){.name = detail->name, .vec = number->vec};
    out->ncols = in->ncols + 1;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    for (i = 0; i < in->ncols; i++) {
        out->cols[i + 1] = in->cols[i];
        if (sfx_slice_eq(in->cols[i].name, detail->name))
            return sfx_program_err(binder.program, detail->at, err,
                                   "there is a column %.*s already: number NAME gives another name",
                                   SFX_SLICE_ARG(detail->name));
    }
    return 0;
}

static int push_number(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct number *number = (struct number *)op;
    const struct number_detail *detail = op->ast->detail;
    uint32_t i;

    number->vec->has_cells = false;
    for (i = 0; i < in->nsel; i++) {
        number->vec->nums[in->sel[i]] = number->next;
        if (sfx_decimal_add(&number->next, &detail->step, &number->next) != SFX_DECIMAL_OK)
            return sfx_err_set(err, SFX_E_LIMIT, "number: a number of more than %d digits",
                               SFX_DECIMAL_MAX_DIGITS);
    }
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_number = {
    .name = "number",
    .usage = "number [NAME] [from N] [step M]",
    .help = "numbers the records in a new first column, which is called n when it has no NAME",
    .plan = "streaming",
    .rules = "Numbers begin with 1 and go up by 1 unless it is said otherwise; they may have "
             "fractions. They are those of the records that get here.",
    .example = {.program = "number id from 10 step 5",
                .input = "a\nx\ny\n",
                .output = "id,a\n10,x\n15,y\n"},
    .state_nbytes = sizeof(struct number),
    .parse = parse_number,
    .bind = bind_number,
    .push = push_number,
};
