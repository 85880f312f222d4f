/* SPDX-License-Identifier: MIT */
/* "over [KEY, …] [sort [-]KEY, …]: [NAME =] FUNCTION, …": from text to a plan. */
#include "query/over_internal.h"

#include "base/size.h"

#include <string.h>

/* Room for one more element of size bytes. */
static void *grow(struct sfx_parser *p, void *old, size_t count, size_t *cap, size_t size)
{
    void *grown = old;

    if (count < *cap)
        return old;
    *cap = *cap == 0 ? 8 : *cap * 2;
    grown = sfx_arena_calloc(&p->program->arena, *cap, size, p->err);
    if (grown != NULL && count > 0)
        memcpy(grown, old, count * size);
    return grown;
}

static int add_column(struct sfx_parser *p, struct sfx_over_plan *plan, struct sfx_slice name,
                      bool aggregate, size_t index)
{
    plan->columns =
        grow(p, plan->columns, plan->ncolumns, &plan->cap_columns, sizeof(*plan->columns));
    if (plan->columns == NULL)
        return SFX_E_NOMEM;
    plan->columns[plan->ncolumns++] = (struct sfx_over_column){name, aggregate, index};
    return 0;
}

/* Looks past "NAME =" at the function's name; nothing is gone past. */
static int look_at_function(struct sfx_parser *p, struct sfx_token *name)
{
    struct sfx_parser saved = *p;
    int rc = sfx_parse_sees_assignment(p);

    if (rc > 0) {
        rc = sfx_lex(p);
        if (rc == 0)
            rc = sfx_lex(p); /* past the '=' */
    }
    *name = p->token;
    *p = saved;
    return rc;
}

/* "cumsum_price" of cumsum(price), "row_number" of row_number(). */
static int name_call(struct sfx_parser *p, struct sfx_running_call *call)
{
    const char *fn = call->fn->name;
    size_t len = strlen(fn);
    struct sfx_slice column = {0};
    char *name;

    if (call->nargs > 0 && call->fn->arg != 0)
        column = sfx_expr_column(call->args[0]);
    if (call->nargs > 0 && call->fn->arg != 0 && column.len == 0)
        return sfx_program_err(p->program, call->at, p->err,
                               "a function of an expression needs a name: name = %s(…)", fn);
    call->name = sfx_slice(fn, len);
    if (column.len == 0)
        return 0;
    name = sfx_arena_alloc(&p->program->arena, len + 1 + column.len, p->err);
    if (name == NULL)
        return SFX_E_NOMEM;
    memcpy(name, fn, len);
    name[len] = '_';
    memcpy(name + len + 1, column.ptr, column.len);
    call->name = sfx_slice(name, len + 1 + column.len);
    return 0;
}

static int parse_arguments(struct sfx_parser *p, struct sfx_running_call *call)
{
    struct sfx_expr *expr;
    int rc = sfx_parse_expect(p, "(");

    while (rc == 0 && !sfx_token_is(&p->token, ")")) {
        rc = sfx_parse_expr(p, &expr);
        if (rc < 0)
            return rc;
        if (call->nargs == call->fn->max_args)
            return sfx_program_err(p->program, expr->at, p->err, "%s takes other arguments: %s",
                                   call->fn->name, call->fn->usage);
        call->args[call->nargs++] = expr;
        rc = sfx_parse_accept(p, ",");
        if (rc <= 0)
            break;
        rc = 0;
    }
    if (rc == 0)
        rc = sfx_parse_expect(p, ")");
    if (rc == 0 && call->nargs < call->fn->min_args)
        rc = sfx_program_err(p->program, call->at, p->err, "%s takes other arguments: %s",
                             call->fn->name, call->fn->usage);
    return rc;
}

static int parse_call(struct sfx_parser *p, struct sfx_over_plan *plan)
{
    struct sfx_running_call *call;
    struct sfx_slice function;
    int rc = sfx_parse_sees_assignment(p);

    plan->calls = grow(p, plan->calls, plan->ncalls, &plan->cap_calls, sizeof(*plan->calls));
    if (plan->calls == NULL)
        return SFX_E_NOMEM;
    call = &plan->calls[plan->ncalls++];
    *call = (struct sfx_running_call){.at = p->token.at};
    if (rc > 0) {
        rc = sfx_parse_name(p, "a column name", &call->name, &call->at);
        if (rc == 0)
            rc = sfx_parse_expect(p, "=");
    }
    if (rc == 0)
        rc = sfx_parse_name(p, "a function", &function, &call->at);
    if (rc < 0)
        return rc;
    call->fn = sfx_running_find(function);
    if (call->fn->ordered && plan->sort.count == 0)
        return sfx_program_err(p->program, call->at, p->err,
                               "%s() needs an order: over … sort KEY: …", call->fn->name);
    rc = parse_arguments(p, call);
    if (rc == 0 && call->name.len == 0)
        rc = name_call(p, call);
    plan->blocks = plan->blocks || call->fn->needs_group || call->fn->leads;
    plan->needs_groups = plan->needs_groups || call->fn->needs_group;
    plan->leads = plan->leads || call->fn->leads;
    return rc < 0 ? rc : add_column(p, plan, call->name, false, plan->ncalls - 1);
}

/* What is neither a running function nor an aggregate. */
static int unknown_function(struct sfx_parser *p, const struct sfx_token *name)
{
    struct sfx_slice known[256];
    char suggestion[128];
    const struct sfx_running *running;
    const struct sfx_aggregate *agg;
    size_t i, n = 0;

    for (i = 0; n < SFX_COUNT(known) && (running = sfx_running_at(i)) != NULL; i++)
        known[n++] = sfx_slice_str(running->name);
    for (i = 0; n < SFX_COUNT(known) && (agg = sfx_aggregate_at(i)) != NULL; i++)
        known[n++] = sfx_slice_str(agg->name);
    sfx_suggest(name->value, known, n, suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, name->at, p->err, "%.*s is no running function%s",
                           SFX_SLICE_ARG(name->value), suggestion);
}

static int parse_aggregate(struct sfx_parser *p, struct sfx_stage_ast *stage,
                           struct sfx_over_plan *plan)
{
    int rc = sfx_parse_aggregate(p, &stage->aggs);

    plan->blocks = plan->needs_groups = true;
    return rc < 0 ? rc
                  : add_column(p, plan, stage->aggs.items[stage->aggs.count - 1].name, true,
                               stage->aggs.count - 1);
}

/* "[NAME =] FUNCTION(…)" */
static int parse_column(struct sfx_parser *p, struct sfx_stage_ast *stage,
                        struct sfx_over_plan *plan)
{
    struct sfx_token name;
    int rc = look_at_function(p, &name);

    if (rc < 0)
        return rc;
    if (name.kind != SFX_TOKEN_NAME || sfx_aggregate_find(name.value) != NULL)
        return parse_aggregate(p, stage, plan);
    return sfx_running_find(name.value) != NULL ? parse_call(p, plan) : unknown_function(p, &name);
}

static int parse_order(struct sfx_parser *p, struct sfx_over_plan *plan)
{
    struct sfx_stage_ast sort = {0};
    int rc = sfx_parse_accept(p, "sort");

    if (rc > 0)
        rc = sfx_parse_sort_keys(p, &sort);
    plan->sort = sort.items;
    plan->blocks = plan->sort.count > 0;
    return rc;
}

int sfx_over_parse(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_over_plan *plan = sfx_arena_calloc(&p->program->arena, 1, sizeof(*plan), p->err);
    int rc = plan == NULL ? SFX_E_NOMEM : 0;

    stage->detail = plan;
    while (rc == 0 && !sfx_token_is(&p->token, ":") && !sfx_token_is(&p->token, "sort") &&
           !sfx_parse_at_end(p)) {
        rc = sfx_parse_key(p, &stage->items);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
        if (rc <= 0)
            break;
        rc = 0;
    }
    if (rc == 0)
        rc = parse_order(p, plan);
    if (rc == 0)
        rc = sfx_parse_expect(p, ":");
    if (rc < 0)
        return rc;
    do {
        rc = parse_column(p, stage, plan);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}
