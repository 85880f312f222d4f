/* SPDX-License-Identifier: MIT */
/* parse: takes a text apart into columns, by a regular expression, a template, or a notation. */
#include "query/parse_internal.h"

#include "base/size.h"

#include <string.h>

static const struct sfx_parse_kind *const kinds[] = {
    &sfx_parse_with,  &sfx_parse_as,     &sfx_parse_json, &sfx_parse_url,
    &sfx_parse_query, &sfx_parse_logfmt, &sfx_parse_clf,  &sfx_parse_combined,
};

struct parse {
    struct sfx_operator op;
    struct sfx_node *source;
    struct sfx_node failed; /* what a row's error is noted with */
    struct sfx_vec **vecs;  /* of the columns */
    struct sfx_cell *cells; /* of a row */
};

const struct sfx_parse_kind *sfx_parse_kind_at(size_t index)
{
    return index < SFX_COUNT(kinds) ? kinds[index] : NULL;
}

/* --- parsing --------------------------------------------------------------------------------- */

struct sfx_parse_column *sfx_parse_add_column(struct sfx_parser *p, struct sfx_parse_plan *plan,
                                              struct sfx_slice name, uint32_t at)
{
    size_t i, cap = plan->ncols;
    struct sfx_parse_column *grown;

    for (i = 0; i < plan->ncols; i++) {
        if (sfx_slice_eq(plan->cols[i].name, name)) {
            (void)sfx_program_err(p->program, at, p->err, "%.*s is named twice",
                                  SFX_SLICE_ARG(name));
            return NULL;
        }
    }
    if ((cap & (cap - 1)) == 0) { /* a power of two: full */
        grown =
            sfx_arena_calloc(&p->program->arena, cap == 0 ? 1 : cap * 2, sizeof(*grown), p->err);
        if (grown == NULL)
            return NULL;
        if (cap > 0)
            memcpy(grown, plan->cols, cap * sizeof(*grown));
        plan->cols = grown;
    }
    plan->cols[plan->ncols] =
        (struct sfx_parse_column){.name = name, .at = at, .path = name, .path_at = at};
    return &plan->cols[plan->ncols++];
}

/* "[name =] path": a path is a name or a string. */
static int parse_column(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    struct sfx_token first = p->token;
    struct sfx_parse_column *column;
    int rc = sfx_parse_sees_assignment(p);
    bool renamed = rc > 0;

    if (renamed) {
        rc = sfx_lex(p);
        if (rc == 0)
            rc = sfx_parse_expect(p, "=");
    }
    if (rc < 0)
        return rc;
    if (p->token.kind != SFX_TOKEN_NAME && (p->token.kind != SFX_TOKEN_STRING || !renamed))
        return sfx_program_err(p->program, p->token.at, p->err, "%s is expected here",
                               renamed ? "a name in the text, or a string"
                                       : "a column, or column = name in the text,");
    column = sfx_parse_add_column(p, plan, first.value, first.at);
    if (column == NULL)
        return p->err != NULL ? (int)p->err->code : SFX_E_USAGE;
    column->path = p->token.value;
    column->path_at = p->token.at;
    return sfx_lex(p);
}

int sfx_parse_columns(struct sfx_parser *p, struct sfx_parse_plan *plan, bool must)
{
    int rc = must ? sfx_parse_expect(p, ":") : sfx_parse_accept(p, ":");

    if (rc < 0 || (!must && rc == 0))
        return rc;
    do {
        rc = parse_column(p, plan);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

static int unknown_kind(struct sfx_parser *p)
{
    struct sfx_slice known[SFX_COUNT(kinds)];
    char suggestion[128];
    size_t i;

    for (i = 0; i < SFX_COUNT(kinds); i++)
        known[i] = sfx_slice_str(kinds[i]->name);
    sfx_suggest(p->token.value, known, SFX_COUNT(known), suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, p->token.at, p->err,
                           "with, as, json, url, query, logfmt, clf or combined is expected "
                           "here%s",
                           suggestion);
}

static int parse_parse(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_parse_plan *plan = sfx_arena_calloc(&p->program->arena, 1, sizeof(*plan), p->err);
    size_t i;
    int rc;

    if (plan == NULL)
        return SFX_E_NOMEM;
    rc = sfx_parse_accept(p, "?");
    plan->optional = rc > 0;
    if (rc >= 0)
        rc = sfx_parse_condition(p, stage); /* one expression: the text */
    if (rc < 0)
        return rc;
    for (i = 0; i < SFX_COUNT(kinds) && !sfx_token_is(&p->token, kinds[i]->name); i++)
        ;
    if (i == SFX_COUNT(kinds))
        return unknown_kind(p);
    plan->kind = kinds[i];
    stage->detail = plan;
    rc = sfx_lex(p);
    return rc < 0 ? rc : plan->kind->parse(p, plan);
}

/* --- running --------------------------------------------------------------------------------- */

/* Whether the stage makes a column of that name. */
static bool makes(const struct sfx_parse_plan *plan, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < plan->ncols; i++) {
        if (sfx_slice_eq(plan->cols[i].name, name))
            return true;
    }
    return false;
}

static void put_column(struct sfx_frame *out, struct sfx_slice name, struct sfx_vec *vec)
{
    size_t i;

    for (i = 0; i < out->ncols && !sfx_slice_eq(out->cols[i].name, name); i++)
        ;
    out->cols[i] = (struct sfx_qcolumn){.name = name, .vec = vec};
    out->ncols += i == out->ncols;
}

static int bind_parse(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct parse *parse = (struct parse *)op;
    const struct sfx_parse_plan *plan = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    size_t i;
    int rc = sfx_bind_as(&binder, op->ast->items.items[0].expr, SFX_TYPE_TEXT, &parse->source);

    if (rc < 0)
        return rc;
    parse->vecs = sfx_arena_calloc(&op->arena, plan->ncols, sizeof(*parse->vecs), err);
    parse->cells = sfx_arena_calloc(&op->arena, plan->ncols, sizeof(*parse->cells), err);
    if (parse->vecs == NULL || parse->cells == NULL ||
        sfx_operator_keep_columns(op, in, plan->ncols, err) < 0)
        return SFX_E_NOMEM;
    out->nraw = in->nraw;
    for (i = 0; i < in->nraw; i++) {
        if (makes(plan, in->cols[i].name))
            out->nraw = 0;
    }
    for (i = 0; i < plan->ncols; i++) {
        parse->vecs[i] = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);
        if (parse->vecs[i] == NULL)
            return SFX_E_NOMEM;
        put_column(out, plan->cols[i].name, parse->vecs[i]);
    }
    parse->failed = (struct sfx_node){.vec = parse->vecs[0], .column = parse->source->column};
    return 0;
}

static void parse_row(struct parse *parse, struct sfx_eval *ev, uint32_t row)
{
    const struct sfx_parse_plan *plan = parse->op.ast->detail;
    const struct sfx_cell *cell = &parse->source->vec->cells[row];
    struct sfx_slice text = sfx_eval_cell_text(ev, cell);
    size_t i;
    int rc = 0;

    for (i = 0; i < plan->ncols; i++)
        parse->cells[i] = (struct sfx_cell){.kind = SFX_CELL_NULL};
    if (text.len > 0 && !sfx_cell_is_null(cell)) {
        rc = plan->kind->split(ev, plan, text, parse->cells);
        if (rc == SFX_E_NOMEM)
            ev->rc = rc;
        else if (rc <= 0 && !plan->optional)
            sfx_eval_fail(ev, &parse->failed, row, &text,
                          rc == SFX_E_LIMIT ? SFX_REGEX_GAVE_UP : plan->kind->reason);
    }
    for (i = 0; i < plan->ncols; i++)
        parse->vecs[i]->cells[row] =
            rc > 0 ? parse->cells[i] : (struct sfx_cell){.kind = SFX_CELL_NULL};
}

static int push_parse(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct parse *parse = (struct parse *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    int rc;

    sfx_eval_node(ev, parse->source, in->sel, in->nsel);
    for (i = 0; i < in->nsel && ev->rc == 0; i++) {
        if (!ev->bad[in->sel[i]])
            parse_row(parse, ev, in->sel[i]);
    }
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0)
        return rc;
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

static enum sfx_rest parse_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                enum sfx_rest rest)
{
    size_t i;

    sfx_uses_items(uses, &ast->items);
    for (i = 0; i < uses->ncols && rest == SFX_REST_RECORD; i++) {
        if (makes(ast->detail, uses->cols[i].name))
            rest = SFX_REST_CELLS;
    }
    return rest;
}

const struct sfx_verb sfx_verb_parse = {
    .name = "parse",
    .usage = "parse[?] TEXT with \"REGEX\" or as \"TEMPLATE\" or "
             "json|url|query|logfmt|clf|combined[: [NAME =] PATH, …]",
    .help = "takes a text apart into columns",
    .plan = "streaming",
    .rules =
        "with: the named groups of a regular expression that matches somewhere in the text. "
        "as: a template as \"{user}@{host}\", in which a field goes up to the bytes behind it; "
        "{} is dropped, {{ and }} are braces. json: members by paths as user.name or "
        "\"items[0].id\", with their JSON types. url: scheme, user, host, port, path, query, "
        "fragment, and query.NAME. query: the names of a form. logfmt: the names of "
        "NAME=VALUE. clf, combined: the fields of web logs, of which - is null. New columns "
        "come last, existing ones stay in their place. A text that is null or empty gives "
        "nulls; one that does not match makes the record bad, or gives nulls with parse?.",
    .example = {.program = "parse line with \"(?<level>[A-Z]+): (?<what>.*)\" | drop line",
                .input = "id,line\n1,WARN: disk full\n",
                .output = "id,level,what\n1,WARN,disk full\n"},
    .can_fail = true,
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct parse),
    .parse = parse_parse,
    .uses = parse_uses,
    .bind = bind_parse,
    .push = push_parse,
};
