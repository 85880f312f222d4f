/* SPDX-License-Identifier: MIT */
/* Literals of expressions: numbers, durations, times, strings, words, and arguments. */
#include "query/eval_internal.h"
#include "query/query.h"
#include "query/syntax_internal.h"
#include "value/duration.h"

#include "base/size.h"

/* A number, or a duration, which is a number of seconds. */
static int parse_number(struct sfx_parser *p, struct sfx_expr **out)
{
    struct sfx_expr *e = sfx_expr_new(p, SFX_EXPR_NUMBER, p->token.at, 0);
    enum sfx_decimal_result result;

    if (e == NULL)
        return SFX_E_NOMEM;
    e->text = p->token.raw;
    result = sfx_decimal_parse(e->text, &e->number);
    if (result == SFX_DECIMAL_NOT_A_NUMBER)
        result = sfx_duration_parse(e->text, &e->number);
    switch (result) {
    case SFX_DECIMAL_OK: break;
    case SFX_DECIMAL_OVERFLOW:
        return sfx_program_err(p->program, e->at, p->err, "a number has at most %d digits",
                               SFX_DECIMAL_MAX_DIGITS);
    default:
        return sfx_program_err(p->program, e->at, p->err,
                               "%.*s is not a number; odd column names stand in backticks",
                               SFX_SLICE_ARG(e->text));
    }
    *out = e;
    return sfx_lex(p);
}

/* @2026-01-05, @2026-01-05T10:00:00Z */
static int parse_time(struct sfx_parser *p, struct sfx_expr **out)
{
    struct sfx_expr *e = sfx_expr_new(p, SFX_EXPR_TIME, p->token.at, 0);
    struct sfx_timestamp time;
    const char *reason;

    if (e == NULL)
        return SFX_E_NOMEM;
    e->text = p->token.value;
    reason = sfx_timestamp_parse(e->text, p->program->zone, &time);
    if (reason != NULL)
        return sfx_program_err(p->program, e->at, p->err,
                               "%.*s %s: @2026-01-05, @2026-01-05T10:00:00Z",
                               SFX_SLICE_ARG(p->token.raw), reason);
    e->number = sfx_time_slot(time);
    *out = e;
    return sfx_lex(p);
}

/* The value of an argument called name, or an error with the nearest name. */
static int find_arg(struct sfx_parser *p, struct sfx_expr *e, struct sfx_slice name)
{
    const struct sfx_program_opts *opts = p->opts;
    struct sfx_slice known[64];
    char suggestion[128], *copy;
    size_t i;

    for (i = opts->nargs; i-- > 0;) { /* the last one given */
        if (!sfx_slice_eq(opts->args[i].name, name))
            continue;
        copy = sfx_arena_strndup(&p->program->arena, opts->args[i].value.ptr,
                                 opts->args[i].value.len, p->err);
        e->text = sfx_slice(copy, opts->args[i].value.len);
        return copy == NULL ? SFX_E_NOMEM : 0;
    }
    for (i = 0; i < opts->nargs && i < SFX_COUNT(known); i++)
        known[i] = opts->args[i].name;
    sfx_suggest(name, known, i, suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, e->at, p->err, "no argument %.*s was given%s (--arg %.*s=…)",
                           SFX_SLICE_ARG(name), suggestion, SFX_SLICE_ARG(name));
}

/* :name, with the token on ':' */
static int parse_arg(struct sfx_parser *p, struct sfx_expr **out)
{
    struct sfx_expr *e = sfx_expr_new(p, SFX_EXPR_ARG, p->token.at, 0);
    int rc = e != NULL ? sfx_lex(p) : SFX_E_NOMEM;

    if (rc == 0 && p->token.kind != SFX_TOKEN_NAME)
        rc = sfx_program_err(p->program, e->at, p->err,
                             "':' is followed by the name of an argument");
    if (rc == 0)
        rc = find_arg(p, e, p->token.value);
    if (rc < 0)
        return rc;
    *out = e;
    return sfx_lex(p);
}

/* Words that are values. */
static enum sfx_expr_kind word_kind(const struct sfx_token *token)
{
    if (sfx_token_is(token, "true") || sfx_token_is(token, "false"))
        return SFX_EXPR_BOOL;
    return sfx_token_is(token, "null") ? SFX_EXPR_NULL : SFX_EXPR_COLUMN;
}

static int parse_simple(struct sfx_parser *p, enum sfx_expr_kind kind, struct sfx_expr **out)
{
    *out = sfx_expr_new(p, kind, p->token.at, 0);
    if (*out == NULL)
        return SFX_E_NOMEM;
    (*out)->text = p->token.value;
    (*out)->truth = sfx_token_is(&p->token, "true");
    return sfx_lex(p);
}

int sfx_parse_literal(struct sfx_parser *p, struct sfx_expr **out)
{
    enum sfx_expr_kind word = word_kind(&p->token);
    int rc;

    if (p->token.kind == SFX_TOKEN_NUMBER)
        rc = parse_number(p, out);
    else if (p->token.kind == SFX_TOKEN_TIME)
        rc = parse_time(p, out);
    else if (p->token.kind == SFX_TOKEN_STRING)
        rc = parse_simple(p, SFX_EXPR_TEXT, out);
    else if (word != SFX_EXPR_COLUMN)
        rc = parse_simple(p, word, out);
    else if (sfx_token_is(&p->token, ":"))
        rc = parse_arg(p, out);
    else
        return 0;
    return rc < 0 ? rc : 1;
}
