/* SPDX-License-Identifier: MIT */
/* Stages: the verbs' lists, and the program as a whole. */
#include "query/aggregate_internal.h"
#include "query/stage_internal.h"

#include "base/size.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool sfx_parse_at_end(const struct sfx_parser *p)
{
    return p->token.kind == SFX_TOKEN_END || p->token.kind == SFX_TOKEN_STAGE;
}

int sfx_parse_accept(struct sfx_parser *p, const char *text)
{
    int rc;

    if (!sfx_token_is(&p->token, text))
        return 0;
    rc = sfx_lex(p);
    return rc < 0 ? rc : 1;
}

int sfx_parse_expect(struct sfx_parser *p, const char *text)
{
    const char *quote = *text >= 'a' && *text <= 'z' ? "" : "\""; /* signs are easily overlooked */

    if (sfx_token_is(&p->token, text))
        return sfx_lex(p);
    if (sfx_parse_at_end(p)) {
        const struct sfx_program *program = p->program;
        /* Within parentheses it is the expression's, not the stage's. */
        const struct sfx_verb *verb = p->nesting == 0 && program->nstages > 0
                                          ? program->stages[program->nstages - 1].verb
                                          : NULL;

        return sfx_program_err(
            program, p->token.at, p->err, "%s%s%s is expected before the stage ends%s%s%s%s", quote,
            text, quote, verb != NULL ? "; " : "", verb != NULL ? verb->name : "",
            verb != NULL ? " is written: " : "", verb != NULL ? verb->usage : "");
    }
    return sfx_program_err(p->program, p->token.at, p->err, "%s%s%s is expected before %.*s", quote,
                           text, quote, SFX_SLICE_ARG(p->token.raw));
}

int sfx_parse_name(struct sfx_parser *p, const char *what, struct sfx_slice *name, uint32_t *at)
{
    if (p->token.kind != SFX_TOKEN_NAME)
        return sfx_program_err(p->program, p->token.at, p->err, "%s is expected here", what);
    *name = p->token.value;
    *at = p->token.at;
    return sfx_lex(p);
}

struct sfx_item *sfx_items_add(struct sfx_parser *p, struct sfx_items *items)
{
    if (items->count == items->cap) {
        size_t cap = items->cap == 0 ? 4 : items->cap * 2;
        struct sfx_item *grown =
            sfx_arena_calloc(&p->program->arena, cap, sizeof(struct sfx_item), p->err);

        if (grown == NULL)
            return NULL;
        if (items->count > 0)
            memcpy(grown, items->items, items->count * sizeof(struct sfx_item));
        items->items = grown;
        items->cap = cap;
    }
    return &items->items[items->count++];
}

/* True when the next token is a comma, which is gone past; <0 an error. */
static int more(struct sfx_parser *p)
{
    return sfx_parse_accept(p, ",");
}

int sfx_parse_sees_assignment(struct sfx_parser *p)
{
    struct sfx_parser saved = *p;
    bool yes;
    int rc;

    if (p->token.kind != SFX_TOKEN_NAME)
        return 0;
    rc = sfx_lex(p);
    yes = rc == 0 && sfx_token_is(&p->token, "=");
    *p = saved;
    return rc < 0 ? rc : yes;
}

int sfx_parse_assignment(struct sfx_parser *p, struct sfx_items *items)
{
    struct sfx_item *item = sfx_items_add(p, items);
    int rc;

    if (item == NULL)
        return SFX_E_NOMEM;
    rc = sfx_parse_name(p, "a column name", &item->name, &item->at);
    if (rc == 0)
        rc = sfx_parse_expect(p, "=");
    return rc < 0 ? rc : sfx_parse_expr(p, &item->expr);
}

int sfx_parse_assignments(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc;

    do {
        rc = sfx_parse_assignment(p, &stage->items);
        if (rc == 0)
            rc = more(p);
    } while (rc > 0);
    return rc;
}

int sfx_parse_condition(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_item *item = sfx_items_add(p, &stage->items);

    if (item == NULL)
        return SFX_E_NOMEM;
    item->at = p->token.at;
    return sfx_parse_expr(p, &item->expr);
}

int sfx_parse_names(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc;

    do {
        struct sfx_item *item = sfx_items_add(p, &stage->items);

        if (item == NULL)
            return SFX_E_NOMEM;
        rc = sfx_parse_accept(p, "-");
        item->minus = rc > 0;
        if (rc >= 0)
            rc = sfx_parse_name(p, "a column name", &item->name, &item->at);
        if (rc == 0)
            rc = more(p);
    } while (rc > 0);
    return rc;
}

int sfx_parse_renames(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc;

    do {
        struct sfx_items *items = &stage->items;

        rc = sfx_parse_assignment(p, items);
        if (rc == 0 && items->items[items->count - 1].expr->kind != SFX_EXPR_COLUMN)
            return sfx_program_err(p->program, items->items[items->count - 1].expr->at, p->err,
                                   "rename is written new = old, with two column names");
        if (rc == 0)
            rc = more(p);
    } while (rc > 0);
    return rc;
}

int sfx_parse_sort_keys(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc;

    do {
        struct sfx_item *item = sfx_items_add(p, &stage->items);

        if (item == NULL)
            return SFX_E_NOMEM;
        item->at = p->token.at;
        rc = sfx_parse_accept(p, "-");
        item->minus = rc > 0;
        if (rc >= 0)
            rc = sfx_parse_expr(p, &item->expr);
        if (rc == 0)
            rc = more(p);
    } while (rc > 0);
    return rc;
}

int sfx_parse_key(struct sfx_parser *p, struct sfx_items *keys)
{
    struct sfx_item *key;
    int rc = sfx_parse_sees_assignment(p);

    if (rc != 0)
        return rc < 0 ? rc : sfx_parse_assignment(p, keys);
    key = sfx_items_add(p, keys);
    if (key == NULL)
        return SFX_E_NOMEM;
    key->at = p->token.at;
    rc = sfx_parse_expr(p, &key->expr);
    if (rc < 0)
        return rc;
    if (key->expr->kind == SFX_EXPR_COLUMN)
        key->name = key->expr->text;
    else if (key->expr->kind == SFX_EXPR_CALL && sfx_fn_find(sfx_slice_str(key->expr->fn->name)))
        key->name = sfx_slice_str(key->expr->fn->name);
    else
        return sfx_program_err(p->program, key->at, p->err,
                               "a computed key needs a name: name = expression");
    return 0;
}

static int unknown_aggregate(struct sfx_parser *p, const struct sfx_token *name)
{
    struct sfx_slice known[64];
    const struct sfx_aggregate *agg;
    char suggestion[128];
    size_t i;

    for (i = 0; i < SFX_COUNT(known) && (agg = sfx_aggregate_at(i)) != NULL; i++)
        known[i] = sfx_slice_str(agg->name);
    sfx_suggest(name->value, known, i, suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, name->at, p->err, "%.*s is no aggregate%s",
                           SFX_SLICE_ARG(name->value), suggestion);
}

struct sfx_slice sfx_expr_column(const struct sfx_expr *expr)
{
    static const char *const views[] = {"num", "text", "time", "float"};
    size_t i;

    for (i = 0; i < SFX_COUNT(views) && expr->kind == SFX_EXPR_CALL; i++) {
        if (strcmp(expr->fn->name, views[i]) == 0)
            expr = expr->args[0];
    }
    return expr->kind == SFX_EXPR_COLUMN ? expr->text : sfx_slice(NULL, 0);
}

/* "sum_price" of sum(price), "count" of count(). */
static int default_name(struct sfx_parser *p, struct sfx_item *item)
{
    const char *agg = item->agg->name;
    struct sfx_slice column;
    size_t len = strlen(agg);
    char *name;

    if (item->expr == NULL) {
        item->name = sfx_slice(agg, len);
        return 0;
    }
    column = sfx_expr_column(item->expr);
    if (column.len == 0)
        return sfx_program_err(p->program, item->at, p->err,
                               "an aggregate of an expression needs a name: name = %s(…)", agg);
    name = sfx_arena_alloc(&p->program->arena, len + 1 + column.len, p->err);
    if (name == NULL)
        return SFX_E_NOMEM;
    memcpy(name, agg, len);
    name[len] = '_';
    memcpy(name + len + 1, column.ptr, column.len);
    item->name = sfx_slice(name, len + 1 + column.len);
    return 0;
}

/* Whether an argument is what its letter asks for: q a number, s a text, both constant. */
static int check_constant(struct sfx_parser *p, const struct sfx_item *item, size_t i)
{
    static const struct sfx_decimal zero = {0, 0}, one = {1, 0};
    char letter = item->agg->more[i];
    enum sfx_expr_kind kind = item->more[i]->kind;

    if ((letter == 'q' && kind != SFX_EXPR_NUMBER) || (letter == 's' && kind != SFX_EXPR_TEXT))
        return sfx_program_err(p->program, item->more[i]->at, p->err,
                               "%s() takes a constant %s here: %s", item->agg->name,
                               letter == 'q' ? "number" : "text", item->agg->usage);
    if (letter == 'q' && (sfx_decimal_cmp(&item->more[i]->number, &zero) < 0 ||
                          sfx_decimal_cmp(&item->more[i]->number, &one) > 0))
        return sfx_program_err(p->program, item->more[i]->at, p->err,
                               "a number from 0 to 1 is expected here");
    return 0;
}

/* "(x, …)", as many as the aggregate takes. */
static int parse_arguments(struct sfx_parser *p, struct sfx_item *item, uint32_t at)
{
    const struct sfx_aggregate *agg = item->agg;
    size_t most = agg->more != NULL ? strlen(agg->more) : 0;
    int rc = sfx_parse_expect(p, "(");

    if (rc == 0 && !sfx_token_is(&p->token, ")"))
        rc = sfx_parse_expr(p, &item->expr);
    while (rc == 0 && item->expr != NULL && item->nmore < most && (rc = more(p)) > 0) {
        rc = sfx_parse_expr(p, &item->more[item->nmore]);
        if (rc == 0)
            rc = check_constant(p, item, item->nmore++);
    }
    if (rc == 0)
        rc = sfx_parse_expect(p, ")");
    if (rc < 0)
        return rc;
    if ((item->expr == NULL && !agg->bare) || (item->nmore < most && !agg->more_optional))
        return sfx_program_err(p->program, at, p->err, "%s() takes %s: %s", agg->name,
                               most > 0 ? "more arguments" : "an expression", agg->usage);
    return 0;
}

int sfx_parse_aggregate(struct sfx_parser *p, struct sfx_items *aggs)
{
    struct sfx_item *item = sfx_items_add(p, aggs);
    struct sfx_token name;
    int rc = sfx_parse_sees_assignment(p);

    if (item == NULL)
        return SFX_E_NOMEM;
    item->at = p->token.at;
    if (rc > 0)
        rc = sfx_parse_name(p, "a column name", &item->name, &item->at);
    if (rc == 0 && item->name.len > 0)
        rc = sfx_parse_expect(p, "=");
    name = p->token;
    if (rc == 0)
        rc = sfx_parse_name(p, "an aggregate", &name.value, &name.at);
    if (rc < 0)
        return rc;
    item->agg = sfx_aggregate_find(name.value);
    if (item->agg == NULL)
        return unknown_aggregate(p, &name);
    rc = parse_arguments(p, item, name.at);
    if (rc == 0)
        rc = sfx_parse_accept(p, "where");
    if (rc > 0)
        rc = sfx_parse_expr(p, &item->filter);
    if (rc < 0)
        return rc;
    return item->name.len > 0 ? 0 : default_name(p, item);
}

int sfx_parse_optional_by(struct sfx_parser *p)
{
    static const char *const goes_on[] = {"and", "or", "in", "not", "keep", "nulls"};
    struct sfx_parser ahead = *p;
    size_t i;
    int rc;

    if (!sfx_token_is(&p->token, "by"))
        return 0;
    rc = sfx_lex(&ahead);
    if (rc < 0 || ahead.token.kind != SFX_TOKEN_NAME)
        return rc; /* by is a column */
    for (i = 0; i < SFX_COUNT(goes_on); i++) {
        if (sfx_token_is(&ahead.token, goes_on[i]))
            return 0;
    }
    return sfx_lex(p);
}

int sfx_parse_group(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc = sfx_parse_optional_by(p);

    while (rc >= 0 && !sfx_token_is(&p->token, ":") && !sfx_parse_at_end(p)) {
        rc = sfx_parse_key(p, &stage->items);
        if (rc == 0)
            rc = more(p);
        if (rc <= 0)
            break;
    }
    if (rc < 0)
        return rc;
    rc = sfx_parse_accept(p, ":");
    if (rc <= 0)
        return rc < 0 || stage->items.count > 0 ? rc : sfx_parse_expect(p, ":");
    do {
        rc = sfx_parse_aggregate(p, &stage->aggs);
        if (rc == 0)
            rc = more(p);
    } while (rc > 0);
    return rc;
}

int sfx_parse_count(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    if (p->token.kind != SFX_TOKEN_NUMBER || sfx_text_u64(p->token.raw, &stage->limit, NULL) < 0)
        return sfx_program_err(p->program, p->token.at, p->err, "a whole number is expected here");
    return sfx_lex(p);
}

/* The verb that others call by name, or the same in other letters; NULL: none is known. */
static const char *other_name(struct sfx_slice name)
{
    static const char *const names[][2] = {
        {"filter", "where"},      {"limit", "head"},           {"take", "head"},
        {"uniq", "distinct"},     {"unique", "distinct"},      {"order", "sort"},
        {"mutate", "derive"},     {"put", "derive"},           {"extend", "derive"},
        {"cut", "select"},        {"project", "select"},       {"summarize", "group"},
        {"aggregate", "group"},   {"stats", "profile"},        {"describe", "profile"},
        {"melt", "pivot longer"}, {"unpivot", "pivot longer"}, {"unnest", "flatten"},
        {"concat", "union"},      {"tac", "reverse"},
    };
    size_t i;

    for (i = 0; i < SFX_COUNT(names); i++) {
        if (name.len == strlen(names[i][0]) && strncasecmp(name.ptr, names[i][0], name.len) == 0)
            return names[i][1];
    }
    for (i = 0; sfx_verb_at(i) != NULL; i++) {
        const char *verb = sfx_verb_at(i)->name;

        if (name.len == strlen(verb) && strncasecmp(name.ptr, verb, name.len) == 0)
            return verb;
    }
    return NULL;
}

static int unknown_verb(struct sfx_parser *p)
{
    struct sfx_slice known[64];
    char suggestion[128];
    size_t i;

    if (p->token.kind != SFX_TOKEN_NAME)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "a stage begins with a verb, or with name =");
    for (i = 0; i < SFX_COUNT(known) && sfx_verb_at(i) != NULL; i++)
        known[i] = sfx_slice_str(sfx_verb_at(i)->name);
    if (other_name(p->token.value) != NULL)
        (void)snprintf(suggestion, sizeof(suggestion), ": did you mean %s?",
                       other_name(p->token.value));
    else
        sfx_suggest(p->token.value, known, i, suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, p->token.at, p->err, "there is no verb %.*s%s",
                           SFX_SLICE_ARG(p->token.value), suggestion);
}

static struct sfx_stage_ast *add_stage(struct sfx_parser *p)
{
    struct sfx_program *program = p->program;

    if (program->nstages == program->cap_stages) {
        size_t cap = program->cap_stages == 0 ? 8 : program->cap_stages * 2;
        struct sfx_stage_ast *grown =
            sfx_arena_calloc(&program->arena, cap, sizeof(struct sfx_stage_ast), p->err);

        if (grown == NULL)
            return NULL;
        if (program->nstages > 0)
            memcpy(grown, program->stages, program->nstages * sizeof(struct sfx_stage_ast));
        program->stages = grown;
        program->cap_stages = cap;
    }
    return &program->stages[program->nstages++];
}

static int parse_stage(struct sfx_parser *p)
{
    struct sfx_stage_ast *stage = add_stage(p);
    int rc = sfx_parse_sees_assignment(p);

    if (stage == NULL)
        return SFX_E_NOMEM;
    stage->at = p->token.at;
    if (rc < 0)
        return rc;
    if (rc > 0) {
        stage->verb = &sfx_verb_derive;
        rc = 0;
    } else {
        if (p->token.kind == SFX_TOKEN_NAME && !p->token.quoted)
            stage->verb = sfx_verb_find(p->token.value);
        if (stage->verb == NULL)
            return unknown_verb(p);
        rc = sfx_lex(p);
    }
    if (rc == 0)
        rc = stage->verb->parse(p, stage);
    if (rc < 0)
        return rc;
    if (!sfx_parse_at_end(p))
        return sfx_program_err(p->program, p->token.at, p->err,
                               "%.*s is not expected here; %s is written: %s",
                               SFX_SLICE_ARG(p->token.raw), stage->verb->name, stage->verb->usage);
    stage->text = sfx_slice(p->program->text.ptr + stage->at, p->token.at - (size_t)stage->at);
    while (stage->text.len > 0 && memchr(" \t\r\n", stage->text.ptr[stage->text.len - 1], 4))
        stage->text.len--;
    return 0;
}

int sfx_parse_program(struct sfx_parser *p)
{
    int rc;

    p->next = p->program->text.ptr;
    rc = sfx_lex(p);
    while (rc == 0 && p->token.kind != SFX_TOKEN_END)
        rc = p->token.kind == SFX_TOKEN_STAGE ? sfx_lex(p) : parse_stage(p);
    return rc;
}
