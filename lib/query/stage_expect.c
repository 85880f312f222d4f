/* SPDX-License-Identifier: MIT */
/* expect: a named rule that records keep, and what becomes of those that do not. */
#include "query/expect_internal.h"

#include "base/size.h"

#include <string.h>

static const char *const action_words[] = {
    [SFX_EXPECT_FAIL] = "fail", [SFX_EXPECT_SKIP] = "skip", [SFX_EXPECT_REJECT] = "reject",
    [SFX_EXPECT_WARN] = "warn", [SFX_EXPECT_FIX] = "fix",
};

/* --- the text ------------------------------------------------------------------------------- */

static int parse_action(struct sfx_parser *p, struct sfx_expect_detail *detail)
{
    size_t i;
    int rc;

    for (i = SFX_EXPECT_FAIL; i < SFX_COUNT(action_words); i++) {
        detail->action_at = p->token.at;
        rc = sfx_parse_accept(p, action_words[i]);
        if (rc != 0) {
            detail->action = (enum sfx_expect_action)i;
            return rc < 0 ? rc : 0;
        }
    }
    if (sfx_parse_at_end(p))
        return 0;
    return sfx_program_err(p->program, p->token.at, p->err,
                           "after the condition stands fail, skip, reject, warn or fix, not %.*s",
                           SFX_SLICE_ARG(p->token.raw));
}

static int make_reason(struct sfx_parser *p, struct sfx_expect_detail *detail,
                       struct sfx_slice condition)
{
    struct sfx_buf text = {0};
    int rc = sfx_buf_printf(&text, p->err, "breaks the rule %.*s: %.*s",
                            SFX_SLICE_ARG(detail->name), SFX_SLICE_ARG(condition));

    if (rc == 0)
        detail->reason = sfx_arena_strndup(&p->program->arena, text.data, text.len, p->err);
    sfx_buf_done(&text);
    return rc < 0 || detail->reason == NULL ? SFX_E_NOMEM : 0;
}

/* The tree of if(true, COLUMN, EXPRESSION). */
static int make_choice(struct sfx_parser *p, const struct sfx_item *fix, struct sfx_expr *choice)
{
    struct sfx_expr *parts = sfx_arena_calloc(&p->program->arena, 2, sizeof(*parts), p->err);

    choice->args = sfx_arena_calloc(&p->program->arena, 3, sizeof(*choice->args), p->err);
    if (parts == NULL || choice->args == NULL)
        return SFX_E_NOMEM;
    parts[0] = (struct sfx_expr){.kind = SFX_EXPR_BOOL, .at = fix->at, .truth = true};
    parts[1] = (struct sfx_expr){.kind = SFX_EXPR_COLUMN, .at = fix->at, .text = fix->name};
    choice->kind = SFX_EXPR_CALL;
    choice->at = fix->at;
    choice->fn = sfx_fn_find(SFX_SLICE_LIT("if"));
    choice->nargs = 3;
    choice->args[0] = &parts[0];
    choice->args[1] = &parts[1];
    choice->args[2] = fix->expr;
    return 0;
}

static int parse_fixes(struct sfx_parser *p, struct sfx_stage_ast *stage,
                       struct sfx_expect_detail *detail)
{
    size_t i;
    int rc = sfx_parse_assignments(p, stage);

    if (rc < 0)
        return rc;
    detail->choices =
        sfx_arena_calloc(&p->program->arena, stage->items.count, sizeof(*detail->choices), p->err);
    if (detail->choices == NULL)
        return SFX_E_NOMEM;
    for (i = 1; i < stage->items.count && rc == 0; i++)
        rc = make_choice(p, &stage->items.items[i], &detail->choices[i - 1]);
    return rc;
}

/* "unique KEY, …", or a condition. */
static int parse_rule(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc = sfx_parse_accept(p, "unique");

    if (rc <= 0)
        return rc < 0 ? rc : sfx_parse_condition(p, stage);
    stage->verb = &sfx_verb_expect_unique;
    return sfx_parse_keys(p, &stage->items);
}

static int parse_expect(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_expect_detail *detail =
        sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    const char *begin, *end;
    uint32_t at;
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = sfx_parse_name(p, "the name of a rule", &detail->name, &at);
    if (rc == 0)
        rc = sfx_parse_expect(p, ":");
    begin = p->program->text.ptr + p->token.at;
    if (rc == 0)
        rc = parse_rule(p, stage);
    if (rc < 0)
        return rc;
    end = p->program->text.ptr + p->token.at;
    while (end > begin && memchr(" \t\r\n", end[-1], 4) != NULL)
        end--;
    rc = make_reason(p, detail, sfx_slice(begin, (size_t)(end - begin)));
    if (rc == 0)
        rc = parse_action(p, detail);
    if (rc < 0 || detail->action != SFX_EXPECT_FIX)
        return rc;
    if (stage->verb == &sfx_verb_expect_unique)
        return sfx_program_err(p->program, detail->action_at, p->err,
                               "a value that was there before is not fixed by another one: fail, "
                               "skip, reject or warn");
    return parse_fixes(p, stage, detail);
}

/* --- the work ------------------------------------------------------------------------------- */

static enum sfx_on_error refusal(const struct sfx_expect *expect)
{
    const struct sfx_expect_detail *detail = expect->op.ast->detail;

    switch (detail->action) {
    case SFX_EXPECT_FAIL: return SFX_ON_ERROR_FAIL;
    case SFX_EXPECT_SKIP: return SFX_ON_ERROR_SKIP;
    case SFX_EXPECT_REJECT: return SFX_ON_ERROR_REJECT;
    default: return sfx_operator_refusal(&expect->op);
    }
}

static const char *action_word(const struct sfx_expect *expect)
{
    const struct sfx_expect_detail *detail = expect->op.ast->detail;

    return detail->action >= SFX_EXPECT_WARN ? action_words[detail->action]
                                             : sfx_on_error_word(refusal(expect));
}

static int start(struct sfx_expect *expect, struct sfx_err *err)
{
    const struct sfx_expect_detail *detail = expect->op.ast->detail;
    const struct sfx_query_opts *opts = sfx_operator_opts(&expect->op);

    if (expect->rule != NULL || opts->rules == NULL)
        return 0;
    expect->rule = sfx_rules_add(opts->rules, detail->name, action_word(expect), err);
    return expect->rule == NULL ? SFX_E_NOMEM : 0;
}

/* Binds the assignments of fix; the frame that goes out has their columns in the place of the old
 * ones. */
static int bind_fixes(struct sfx_expect *expect, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_operator *op = &expect->op;
    const struct sfx_expect_detail *detail = op->ast->detail;
    struct sfx_frame *out = &op->out;
    size_t i, c, nfixes = op->ast->items.count - 1;

    expect->fixes = sfx_arena_calloc(&op->arena, nfixes, sizeof(*expect->fixes), err);
    if (expect->fixes == NULL || sfx_operator_keep_columns(op, in, nfixes, err) < 0)
        return SFX_E_NOMEM;
    for (i = 0; i < nfixes; i++) {
        struct sfx_slice name = op->ast->items.items[i + 1].name;
        struct sfx_binder binder = sfx_operator_binder(op, out, err);
        int rc = sfx_bind_expr(&binder, &detail->choices[i], &expect->fixes[i]);

        if (rc < 0)
            return rc;
        for (c = 0; c < out->ncols && !sfx_slice_eq(out->cols[c].name, name); c++)
            ;
        out->cols[c].name = name;
        out->cols[c].vec = expect->fixes[i]->vec;
        out->ncols += c == out->ncols;
    }
    return 0;
}

int sfx_expect_begin_bind(struct sfx_expect *expect, const struct sfx_binder *binder,
                          struct sfx_err *err)
{
    const struct sfx_expect_detail *detail = expect->op.ast->detail;
    int rc = start(expect, err);

    if (rc == 0 && detail->action == SFX_EXPECT_REJECT &&
        sfx_operator_opts(&expect->op)->rejects == NULL)
        return sfx_program_err(binder->program, detail->action_at, err,
                               "there is no file for rejects: --rejects names one");
    return rc;
}

static int bind_expect(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;
    const struct sfx_expect_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    int rc = sfx_expect_begin_bind(expect, &binder, err);

    if (rc == 0)
        rc = sfx_bind_as(&binder, op->ast->items.items[0].expr, SFX_TYPE_BOOL, &expect->condition);
    return rc == 0 && detail->action == SFX_EXPECT_FIX ? bind_fixes(expect, in, err) : rc;
}

/* The first column that the condition names, as the frame has it; NULL: it names none. */
static struct sfx_vec *named_column(const struct sfx_expect *expect, const struct sfx_frame *in)
{
    size_t i;

    for (i = 0; i < in->ncols; i++) {
        if (sfx_slice_eq(in->cols[i].name, expect->condition->column))
            return in->cols[i].vec;
    }
    return NULL;
}

/* Makes the rows where the rule does not hold bad, each with the value of the column it names. */
static void refuse(struct sfx_expect *expect, const struct sfx_frame *in)
{
    const struct sfx_expect_detail *detail = expect->op.ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(&expect->op);
    struct sfx_vec *vec = named_column(expect, in);
    uint32_t i;

    for (i = 0; i < ev->nerrors; i++)
        ev->errors[i].rule = detail->name;
    if (vec != NULL)
        sfx_vec_make_cells(ev, vec, in->sel, in->nsel);
    for (i = 0; i < in->nsel; i++) {
        uint16_t row = in->sel[i];
        struct sfx_row_error error = {
            .row = row,
            .column = expect->condition->column,
            .reason = detail->reason,
            .rule = detail->name,
        };

        if (expect->kept[row])
            continue;
        error.has_value = vec != NULL && !sfx_cell_is_null(&vec->cells[row]);
        if (error.has_value)
            error.value = sfx_eval_cell_text(ev, &vec->cells[row]);
        sfx_eval_note(ev, &error);
    }
}

/* Evaluates the rule; a record that it cannot be asked about does not keep it. Returns how many do
 * not. */
static uint32_t check(struct sfx_expect *expect, const struct sfx_frame *in)
{
    struct sfx_eval *ev = sfx_operator_eval(&expect->op);
    uint32_t i, failed = 0;

    sfx_eval_node(ev, expect->condition, in->sel, in->nsel);
    for (i = 0; i < in->nsel; i++) {
        uint16_t row = in->sel[i];

        expect->kept[row] = expect->condition->vec->flags[row] && !ev->bad[row];
        failed += !expect->kept[row];
    }
    return failed;
}

/* The assignments, for the rows where the rule does not hold. */
static int fix(struct sfx_expect *expect, struct sfx_frame *in, uint32_t failed,
               struct sfx_err *err)
{
    struct sfx_operator *op = &expect->op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    size_t f;
    int rc;

    for (f = 0; f < op->ast->items.count - 1; f++) {
        struct sfx_vec *kept = expect->fixes[f]->args[0]->vec;

        for (i = 0; i < in->nsel; i++)
            kept->flags[in->sel[i]] = expect->kept[in->sel[i]];
        sfx_eval_node(ev, expect->fixes[f], in->sel, in->nsel);
    }
    if (expect->rule != NULL)
        expect->rule->fixed += failed - ev->nerrors;
    rc = sfx_operator_settle(op, in, err);
    sfx_frame_take_rows(&op->out, in);
    return rc;
}

int sfx_expect_act(struct sfx_expect *expect, struct sfx_frame *in, uint32_t failed,
                   struct sfx_err *err)
{
    struct sfx_operator *op = &expect->op;
    const struct sfx_expect_detail *detail = op->ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(op);
    int rc = 0;

    if (expect->rule != NULL) {
        expect->rule->checked += in->nsel;
        expect->rule->failed += failed;
    }
    if (detail->action < SFX_EXPECT_WARN) {
        if (failed > 0)
            refuse(expect, in);
        rc = sfx_operator_settle_as(op, in, refusal(expect), err);
        return rc < 0 ? rc : sfx_operator_pass(op, in, err);
    }
    sfx_eval_forget(ev);
    if (detail->action == SFX_EXPECT_FIX) {
        rc = fix(expect, in, failed, err);
        return rc < 0 ? rc : sfx_operator_pass(op, &op->out, err);
    }
    rc = sfx_operator_settle(op, in, err); /* memory may have run out */
    return rc < 0 ? rc : sfx_operator_pass(op, in, err);
}

static int push_expect(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;

    return sfx_expect_act(expect, in, check(expect, in), err);
}

/* fix puts columns of its own in the place of those that came. */
static enum sfx_rest uses_of_expect(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                    enum sfx_rest rest)
{
    const struct sfx_expect_detail *detail = ast->detail;

    return detail->action == SFX_EXPECT_FIX ? SFX_REST_CELLS : sfx_uses_filter(ast, uses, rest);
}

const struct sfx_verb sfx_verb_expect = {
    .name = "expect",
    .usage = "expect NAME: {CONDITION | unique KEY[, …]} [fail | skip | reject | warn | fix NAME = "
             "EXPRESSION[, …]]",
    .help = "a rule that each record keeps: one that does not ends the run (fail), is left out and "
            "counted (skip), goes to the rejects under the rule's name (reject), is counted and "
            "passed on (warn), or is changed by assignments (fix)",
    .plan = "streaming",
    .rules = "Without a word at the end a record that breaks the rule is treated as --on-error "
             "says. A condition that is null, or that cannot be evaluated for a record, is broken. "
             "fix changes existing columns, and does not ask the rule again; what an assignment "
             "cannot compute is a bad record. unique is broken by each record whose key a record "
             "before it had; a key with a null or an empty field in it is like no other, and fix "
             "does not stand behind it; it takes memory for each key, and when half of --memory is "
             "full, records wait on disk until the input ends; a column of that name is `unique` "
             "in a condition. How many "
             "records each rule has seen, found wrong and "
             "fixed is said at the end of the run when any was wrong, and stands in --stats.",
    .example = {.program = "expect positive: qty > 0 fix qty = 1",
                .input = "id,qty\n1,2\n2,-5\n3,\n",
                .output = "id,qty\n1,2\n2,1\n3,1\n"},
    .can_fail = true,
    .uses = uses_of_expect,
    .stateless = true,
    .state_nbytes = sizeof(struct sfx_expect),
    .parse = parse_expect,
    .bind = bind_expect,
    .push = push_expect,
};
