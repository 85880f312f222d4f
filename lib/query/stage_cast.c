/* SPDX-License-Identifier: MIT */
/* cast: says of columns what they are; from there on they compare, sort and group as that. */
#include "query/stage_internal.h"

#include "base/size.h"

/* A type and the function that makes it. */
static const char *const types[][2] = {
    {"decimal", "decimal"}, {"number", "num"}, {"int", "int"},   {"float", "float"},
    {"text", "text"},       {"bool", "bool"},  {"time", "time"}, {"date", "date"},
};

/* The function of the type that stands here; goes past it. */
static int parse_type(struct sfx_parser *p, const struct sfx_fn **fn)
{
    struct sfx_slice known[SFX_COUNT(types)], name;
    char suggestion[128];
    uint32_t at = p->token.at;
    size_t i;
    int rc = sfx_parse_name(p, "a type (decimal, int, float, text, bool, time, date)", &name, &at);

    for (i = 0; rc == 0 && i < SFX_COUNT(types); i++) {
        known[i] = sfx_slice_str(types[i][0]);
        if (sfx_slice_eq(name, known[i])) {
            *fn = sfx_fn_find(sfx_slice_str(types[i][1]));
            return 0;
        }
    }
    if (rc < 0)
        return rc;
    sfx_suggest(name, known, SFX_COUNT(types), suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, at, p->err, "there is no type %.*s%s", SFX_SLICE_ARG(name),
                           suggestion);
}

/* The format behind time or date; strptime's. */
static int parse_format(struct sfx_parser *p, struct sfx_expr *call)
{
    int rc;

    if (p->token.kind != SFX_TOKEN_STRING)
        return 0;
    if (call->fn->max_args < 2)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "only time and date are followed by a format");
    call->args[1] = sfx_expr_new(p, SFX_EXPR_TEXT, p->token.at, 0);
    if (call->args[1] == NULL)
        return SFX_E_NOMEM;
    call->args[1]->text = p->token.value;
    call->nargs = 2;
    rc = sfx_lex(p);
    return rc;
}

/* "name[?] type" as name = type(name) */
static int parse_cast(struct sfx_parser *p, struct sfx_items *items)
{
    struct sfx_item *item = sfx_items_add(p, items);
    struct sfx_expr *call, *try;
    int rc, soft;

    if (item == NULL)
        return SFX_E_NOMEM;
    rc = sfx_parse_name(p, "a column name", &item->name, &item->at);
    if (rc < 0)
        return rc;
    soft = sfx_parse_accept(p, "?");
    call = sfx_expr_new(p, SFX_EXPR_CALL, p->token.at, 2);
    try = sfx_expr_new(p, SFX_EXPR_TRY, item->at, 1);
    if (soft < 0)
        return soft;
    if (call == NULL || try == NULL)
        return SFX_E_NOMEM;
    call->args[0] = sfx_expr_new(p, SFX_EXPR_COLUMN, item->at, 0);
    if (call->args[0] == NULL)
        return SFX_E_NOMEM;
    call->args[0]->text = item->name;
    call->nargs = 1;
    call->depth = 1;
    try->args[0] = call;
    try->depth = 2;
    item->expr = soft ?
    try : call
        ;
    rc = parse_type(p, &call->fn);
    return rc < 0 ? rc : parse_format(p, call);
}

static int parse_casts(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc;

    do {
        rc = parse_cast(p, &stage->items);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

const struct sfx_verb sfx_verb_cast = {
    .name = "cast",
    .usage = "cast NAME[?] TYPE[, …]",
    .help =
        "says what columns are: decimal, int, float, text, bool, date, time; the last two may be "
        "followed by a format of strptime",
    .plan = "streaming",
    .rules =
        "A column that is cast is written as its type is, and compares, sorts and groups as it "
        "in later stages. Empty fields and nulls become null. A cell that is not what it is "
        "cast to makes its record bad, with NAME? it becomes null.",
    .example = {.program = "cast day date \"%d/%m/%Y\", qty? int | sort day",
                .input = "day,qty\n05/02/2026,1\n31/01/2026,x\n",
                .output = "day,qty\n2026-01-31,\n2026-02-05,1\n"},
    .can_fail = true,
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct sfx_derive),
    .parse = parse_casts,
    .uses = sfx_derive_uses,
    .bind = sfx_derive_bind,
    .push = sfx_derive_push,
};
