/* SPDX-License-Identifier: MIT */
/*
 * rename: gives columns other names. A rule for many names is an expression over a table of its
 * own: one column, `name`, whose records are the names of the columns.
 */
#include "query/selector_internal.h"

#include <stdlib.h>
#include <string.h>

struct rename_detail {
    struct sfx_expr *rule;   /* of `name`; NULL: the stage's items are pairs */
    struct sfx_selectors of; /* the columns it is for; none: all */
    uint32_t at;             /* of the rule, for messages */
};

/* --- parsing ---------------------------------------------------------------------------------- */

/* A call of the function over nargs arguments, which are to be set. Errors: NULL, NOMEM. */
static struct sfx_expr *new_call(struct sfx_parser *p, const char *fn, size_t nargs)
{
    struct sfx_expr *call = sfx_arena_calloc(&p->program->arena, 1 + nargs, sizeof(*call), p->err);
    size_t i;

    if (call == NULL)
        return NULL;
    call->args = sfx_arena_calloc(&p->program->arena, nargs + 1, sizeof(struct sfx_expr *), p->err);
    if (call->args == NULL)
        return NULL;
    call->kind = SFX_EXPR_CALL;
    call->at = p->token.at;
    call->fn = sfx_fn_find(sfx_slice_str(fn));
    call->nargs = nargs;
    for (i = 0; i < nargs; i++) {
        call->args[i] = &call[1 + i];
        call[1 + i].at = p->token.at;
    }
    return call;
}

static void set_name(struct sfx_expr *arg)
{
    arg->kind = SFX_EXPR_COLUMN;
    arg->text = SFX_SLICE_LIT("name");
}

/* A string, which becomes arg. */
static int parse_string(struct sfx_parser *p, const char *what, struct sfx_expr *arg)
{
    if (p->token.kind != SFX_TOKEN_STRING)
        return sfx_program_err(p->program, p->token.at, p->err, "%s is expected here, in quotes",
                               what);
    arg->kind = SFX_EXPR_TEXT;
    arg->text = p->token.value;
    arg->at = p->token.at;
    return sfx_lex(p);
}

/* /regex/ "TO" is regex_replace(name, "regex", "TO") */
static int parse_replacement(struct sfx_parser *p, struct rename_detail *detail)
{
    struct sfx_expr *call = new_call(p, "regex_replace", 3);
    int rc;

    if (call == NULL)
        return SFX_E_NOMEM;
    detail->rule = call;
    set_name(call->args[0]);
    call->args[1]->kind = SFX_EXPR_TEXT;
    rc = sfx_parse_slashed(p, &call->regex);
    return rc < 0 ? rc : parse_string(p, "what stands instead", call->args[2]);
}

/* prefix "TEXT" is concat("TEXT", name), suffix "TEXT" the other way round */
static int parse_affix(struct sfx_parser *p, struct rename_detail *detail, bool prefix)
{
    struct sfx_expr *call = new_call(p, "concat", 2);

    if (call == NULL)
        return SFX_E_NOMEM;
    detail->rule = call;
    set_name(call->args[prefix]);
    return parse_string(p, "a text", call->args[!prefix]);
}

/* FUNCTION is FUNCTION(name) */
static int parse_function(struct sfx_parser *p, struct rename_detail *detail)
{
    const struct sfx_fn *fn =
        p->token.kind == SFX_TOKEN_NAME && !p->token.quoted ? sfx_fn_find(p->token.value) : NULL;

    if (fn == NULL || fn->min_args != 1 || fn->args[0] != 't')
        return sfx_program_err(p->program, p->token.at, p->err,
                               "rename is written new = old, or with a rule for names: snake_case, "
                               "lower, prefix \"x_\", /regex/ \"to\", with EXPRESSION");
    detail->rule = new_call(p, fn->name, 1);
    if (detail->rule == NULL)
        return SFX_E_NOMEM;
    set_name(detail->rule->args[0]);
    return sfx_lex(p);
}

static int parse_rule(struct sfx_parser *p, struct rename_detail *detail)
{
    int rc;

    if (sfx_token_is(&p->token, "/"))
        return parse_replacement(p, detail);
    rc = sfx_parse_accept(p, "prefix");
    if (rc != 0)
        return rc < 0 ? rc : parse_affix(p, detail, true);
    rc = sfx_parse_accept(p, "suffix");
    if (rc != 0)
        return rc < 0 ? rc : parse_affix(p, detail, false);
    rc = sfx_parse_accept(p, "with");
    if (rc != 0)
        return rc < 0 ? rc : sfx_parse_expr(p, &detail->rule);
    return parse_function(p, detail);
}

static int parse_rename(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct rename_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc = sfx_parse_sees_assignment(p);

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    detail->at = p->token.at;
    if (rc != 0)
        return rc < 0 ? rc : sfx_parse_renames(p, stage);
    rc = parse_rule(p, detail);
    if (rc == 0)
        rc = sfx_parse_accept(p, "of");
    return rc > 0 ? sfx_parse_selectors(p, &detail->of) : rc;
}

/* --- names by a rule -------------------------------------------------------------------------- */

struct rule {
    struct sfx_operator *op;
    struct sfx_vec *names; /* the column `name` */
    struct sfx_node *node;
    struct sfx_err *err;
};

static int bind_rule(struct rule *rule)
{
    const struct rename_detail *detail = rule->op->ast->detail;
    struct sfx_qcolumn name = {.name = SFX_SLICE_LIT("name")};
    struct sfx_frame table = {.cols = &name, .ncols = 1};
    struct sfx_binder binder = sfx_operator_binder(rule->op, &table, rule->err);

    binder.plan = NULL; /* no record is refused here */
    name.vec = rule->names = sfx_vec_new(&rule->op->arena, SFX_TYPE_TEXT, rule->err);
    return rule->names == NULL ? SFX_E_NOMEM
                               : sfx_bind_as(&binder, detail->rule, SFX_TYPE_TEXT, &rule->node);
}

/* Takes the evaluator's notes of what went wrong back, and tells the first. */
static int check_names(const struct rule *rule)
{
    const struct rename_detail *detail = rule->op->ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(rule->op);
    struct sfx_binder binder = sfx_operator_binder(rule->op, &rule->op->out, rule->err);
    struct sfx_row_error first;

    if (ev->rc < 0)
        return sfx_err_set(rule->err, ev->rc, "no memory for names");
    if (ev->nerrors == 0)
        return 0;
    first = ev->errors[0];
    while (ev->nerrors > 0)
        ev->bad[ev->errors[--ev->nerrors].row] = 0;
    return sfx_program_err(binder.program, detail->at, rule->err, "the name %.*s: %s",
                           SFX_SLICE_ARG(sfx_slice(rule->names->cells[first.row].ptr,
                                                   rule->names->cells[first.row].len)),
                           first.reason);
}

/* Gives the n columns, at most SFX_BATCH_ROWS, the names that the rule makes of theirs. */
static int apply_rule(const struct rule *rule, struct sfx_qcolumn *const *cols, uint32_t n)
{
    const struct rename_detail *detail = rule->op->ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(rule->op);
    struct sfx_binder binder = sfx_operator_binder(rule->op, &rule->op->out, rule->err);
    uint16_t *sel = sfx_eval_push_sel(ev);
    uint32_t i;
    int rc = sel == NULL ? SFX_E_NOMEM : 0;

    for (i = 0; i < n && rc == 0; i++) {
        sel[i] = (uint16_t)i;
        rule->names->cells[i] = sfx_cell_string(cols[i]->name);
    }
    if (rc == 0) {
        sfx_eval_node(ev, rule->node, sel, n);
        rc = check_names(rule);
        sfx_eval_pop_sel(ev);
    }
    for (i = 0; i < n && rc == 0; i++) {
        const struct sfx_cell *cell = &rule->node->vec->cells[i];
        struct sfx_slice name = sfx_eval_cell_text(ev, cell);
        char *copy = sfx_arena_strndup(&rule->op->arena, name.ptr, name.len, rule->err);

        if (sfx_cell_is_blank(cell))
            return sfx_program_err(binder.program, detail->at, rule->err,
                                   "the column %.*s is left without a name",
                                   SFX_SLICE_ARG(cols[i]->name));
        cols[i]->name = sfx_slice(copy, name.len);
        rc = copy == NULL ? SFX_E_NOMEM : 0;
    }
    return rc;
}

static int rename_by_rule(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct rename_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct rule rule = {.op = op, .err = err};
    struct sfx_qcolumn **cols;
    size_t i, n = 0;
    bool *marks;
    int rc = sfx_selectors_mark(&detail->of, &binder, &marks);

    if (rc == 0)
        rc = bind_rule(&rule);
    cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(struct sfx_qcolumn *), err);
    if (rc < 0 || cols == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    for (i = 0; i < in->ncols; i++) {
        if (marks[i])
            cols[n++] = &op->out.cols[i];
    }
    for (i = 0; i < n && rc == 0; i += SFX_BATCH_ROWS)
        rc = apply_rule(&rule, cols + i,
                        (uint32_t)(n - i < SFX_BATCH_ROWS ? n - i : SFX_BATCH_ROWS));
    return rc;
}

/* --- binding ---------------------------------------------------------------------------------- */

/* All at once: a = b, b = a swaps. */
static int rename_pairs(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *items = &op->ast->items;
    size_t i, index;
    int rc = 0;

    for (i = 0; i < items->count && rc >= 0; i++) {
        rc = sfx_bind_column(&binder, items->items[i].expr->text, items->items[i].expr->at, &index);
        if (rc > 0)
            op->out.cols[index].name = items->items[i].name;
    }
    return rc < 0 ? rc : 0;
}

static int cmp_names(const void *a, const void *b)
{
    const struct sfx_qcolumn *const *left = a, *const *right = b;
    int order = sfx_slice_cmp((*left)->name, (*right)->name);

    return order != 0 ? order : *left < *right ? -1 : *left > *right;
}

/* Whether the stage gave the column its name. */
static bool is_renamed(const struct sfx_frame *in, const struct sfx_frame *out,
                       const struct sfx_qcolumn *col)
{
    return col->name.ptr != in->cols[col - out->cols].name.ptr;
}

/* Refuses a name that two columns would have. */
static int check_unique(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct rename_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_frame *out = &op->out;
    const struct sfx_qcolumn **sorted =
        sfx_arena_calloc(&op->arena, out->ncols + 1, sizeof(struct sfx_qcolumn *), err);
    size_t i;

    if (sorted == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < out->ncols; i++)
        sorted[i] = &out->cols[i];
    qsort(sorted, out->ncols, sizeof(struct sfx_qcolumn *), cmp_names);
    for (i = 1; i < out->ncols; i++) {
        if (sfx_slice_eq(sorted[i - 1]->name, sorted[i]->name) &&
            (is_renamed(in, out, sorted[i - 1]) || is_renamed(in, out, sorted[i])))
            return sfx_program_err(binder.program, detail->at, err,
                                   "rename gives two columns the name %.*s",
                                   SFX_SLICE_ARG(sorted[i]->name));
    }
    return 0;
}

static int bind_rename(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct rename_detail *detail = op->ast->detail;
    int rc = sfx_operator_keep_columns(op, in, 0, err);

    if (rc < 0)
        return rc;
    rc = detail->rule != NULL ? rename_by_rule(op, in, err) : rename_pairs(op, in, err);
    return rc < 0 ? rc : check_unique(op, in, err);
}

static int push_rename(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_rename = {
    .name = "rename",
    .usage = "rename NEW = OLD[, …] | RULE [of COLUMNS]",
    .help = "gives columns other names, one by one or by a rule",
    .plan = "streaming",
    .rules = "A RULE is a function of a text (snake_case, lower, trim), prefix \"TEXT\", suffix "
             "\"TEXT\", /regex/ \"TO\" as in regex_replace(), or with EXPRESSION, in which name is "
             "the column's name. A name that two columns would have is refused.",
    .example = {.program = "rename x = a | rename snake_case | rename prefix \"t_\" of /2/",
                .input = "a,Day 1,Day 2\n1,2,3\n",
                .output = "x,day_1,t_day_2\n1,2,3\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = parse_rename,
    .bind = bind_rename,
    .push = push_rename,
};
