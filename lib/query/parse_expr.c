/* SPDX-License-Identifier: MIT */
/* Expressions: tokens to trees, by precedence; functions and operators are rows of one table. */
#include "query/eval_internal.h"
#include "query/syntax_internal.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

/* Depth of a tree, so that walking it by recursion is bounded; of parentheses, likewise. */
#define MAX_TREE    1000
#define MAX_NESTING 200

#define MIN_PART    3 /* letters that make names akin */
#define MAX_KINDRED 4

/* Binary operators from loose to tight; those of one level group from the left. */
static const char *const levels[][7] = {
    {"or"}, {"and"}, {"==", "=", "!=", "<=", ">=", "<", ">"}, {"??"}, {"+", "-"}, {"*", "/", "%"},
};
#define LEVEL_COMPARE 2

static int parse_level(struct sfx_parser *p, size_t level, struct sfx_expr **out);

struct sfx_expr *sfx_expr_new(struct sfx_parser *p, enum sfx_expr_kind kind, uint32_t at,
                              size_t nargs)
{
    struct sfx_arena *arena = &p->program->arena;
    struct sfx_expr *e = sfx_arena_calloc(arena, 1, sizeof(*e), p->err);

    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->at = at;
    e->nargs = nargs;
    if (nargs > 0) {
        e->args = sfx_arena_calloc(arena, nargs, sizeof(struct sfx_expr *), p->err);
        if (e->args == NULL)
            return NULL;
    }
    return e;
}

/* Notes the depth of e above its arguments; refuses what is too deep to walk. */
static int seal(struct sfx_parser *p, struct sfx_expr *e)
{
    size_t i;

    for (i = 0; i < e->nargs; i++) {
        if (e->args[i]->depth >= e->depth)
            e->depth = e->args[i]->depth + 1;
    }
    if (e->depth > MAX_TREE)
        return sfx_program_err(p->program, e->at, p->err, "the expression is too long");
    return 0;
}

static int new_call(struct sfx_parser *p, const struct sfx_fn *fn, uint32_t at, struct sfx_expr *a,
                    struct sfx_expr *b, struct sfx_expr **out)
{
    struct sfx_expr *e = sfx_expr_new(p, SFX_EXPR_CALL, at, b != NULL ? 2 : 1);

    if (e == NULL)
        return SFX_E_NOMEM;
    e->fn = fn;
    e->args[0] = a;
    if (b != NULL)
        e->args[1] = b;
    *out = e;
    return seal(p, e);
}

/* The comma-separated expressions up to ')', after '('; strip "…" of decimal() among them. */
static int parse_args(struct sfx_parser *p, struct sfx_expr *call, size_t first)
{
    struct sfx_items args = {0};
    size_t i;
    int rc = 0;

    while (!sfx_token_is(&p->token, ")")) {
        struct sfx_item *arg;

        if (sfx_parse_at_end(p))
            return sfx_parse_expect(p, ")");
        if (sfx_token_is(&p->token, "strip") && args.count > 0 && call->fn->strips) {
            rc = sfx_lex(p);
            if (rc == 0 && p->token.kind != SFX_TOKEN_STRING)
                rc = sfx_program_err(p->program, p->token.at, p->err,
                                     "strip is followed by a string: the characters to drop");
            call->strip = p->token.value;
            if (rc == 0)
                rc = sfx_lex(p);
        } else if ((arg = sfx_items_add(p, &args)) == NULL) {
            rc = SFX_E_NOMEM;
        } else {
            rc = sfx_parse_expr(p, &arg->expr);
        }
        if (rc == 0 && !sfx_token_is(&p->token, ")"))
            rc = sfx_parse_expect(p, sfx_parse_at_end(p) ? ")" : ",");
        if (rc < 0)
            return rc;
    }
    rc = sfx_lex(p);
    if (rc < 0)
        return rc;
    call->nargs = first + args.count;
    call->args =
        sfx_arena_calloc(&p->program->arena, call->nargs + 1, sizeof(struct sfx_expr *), p->err);
    if (call->args == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < args.count; i++)
        call->args[first + i] = args.items[i].expr;
    return 0;
}

/* Whether a part of name, between underscores, is in word, or all of word in name. */
static bool is_kindred(struct sfx_slice word, struct sfx_slice name)
{
    const char *at = name.ptr, *end = name.ptr + name.len;

    if (word.len >= MIN_PART && memmem(name.ptr, name.len, word.ptr, word.len) != NULL)
        return true;
    while (at < end) {
        const char *stop = memchr(at, '_', (size_t)(end - at));
        size_t len = (size_t)((stop != NULL ? stop : end) - at);

        if (len >= MIN_PART && memmem(word.ptr, word.len, at, len) != NULL)
            return true;
        at += len + 1;
    }
    return false;
}

/* Other tools call what there is by like names: datediff, human_size, is_integer. */
static void suggest_kindred(struct sfx_slice word, const struct sfx_slice *known, size_t n,
                            char *out, size_t out_nbytes)
{
    size_t i, len = 0, found = 0;

    for (i = 0; i < n && found < MAX_KINDRED; i++) {
        if (!is_kindred(word, known[i]))
            continue;
        len += (size_t)snprintf(out + len, out_nbytes - len, "%s%.*s",
                                found++ == 0 ? "; there is " : ", ", SFX_SLICE_ARG(known[i]));
        if (len >= out_nbytes)
            return;
    }
}

static int unknown_function(struct sfx_parser *p, const struct sfx_token *name)
{
    struct sfx_slice known[512];
    char suggestion[128];
    const struct sfx_fn_family *family;
    size_t f, i, n = 0;

    for (f = 0; (family = sfx_fn_family_at(f)) != NULL; f++) {
        for (i = 0; i < family->count && n < SFX_COUNT(known); i++)
            known[n++] = sfx_slice_str(family->fns[i].name);
    }
    sfx_suggest(name->value, known, n, suggestion, sizeof(suggestion));
    if (suggestion[0] == '\0')
        suggest_kindred(name->value, known, n, suggestion, sizeof(suggestion));
    return sfx_program_err(p->program, name->at, p->err, "there is no function %.*s()%s",
                           SFX_SLICE_ARG(name->value), suggestion);
}

static int check_arity(struct sfx_parser *p, const struct sfx_expr *e)
{
    if (e->nargs >= e->fn->min_args &&
        (e->fn->max_args == SFX_FN_ANY_ARGS || e->nargs <= e->fn->max_args))
        return 0;
    return sfx_program_err(p->program, e->at, p->err, "%s takes other arguments: %s", e->fn->name,
                           e->fn->usage);
}

/* The place in the program of byte n of the string that begins at `at`: doubled quotes count once.
 */
static uint32_t place_in_string(const struct sfx_program *program, uint32_t at, size_t n)
{
    const char *text = program->text.ptr;
    char quote = at < program->text.len ? text[at] : '\0';
    size_t place = (size_t)at + 1;

    if (quote != '"' && quote != '\'') /* the string came from elsewhere */
        return at;
    for (; n > 0 && place < program->text.len; n--)
        place += text[place] == quote ? 2 : 1;
    return (uint32_t)place;
}

int sfx_parse_regex(struct sfx_parser *p, struct sfx_slice pattern, uint32_t at,
                    const struct sfx_regex **out)
{
    struct sfx_program *program = p->program;
    struct sfx_program_regex *own = sfx_arena_calloc(&program->arena, 1, sizeof(*own), p->err);
    struct sfx_err why = {0};
    size_t where;

    if (own == NULL)
        return SFX_E_NOMEM;
    own->regex = sfx_regex_new(pattern, &where, &why);
    if (own->regex == NULL) {
        (void)sfx_program_err(program, place_in_string(program, at, where), p->err, "%s", why.text);
        if (p->err != NULL)
            p->err->code = why.code;
        return (int)why.code;
    }
    own->next = program->regexes;
    program->regexes = own;
    *out = own->regex;
    return 0;
}

/* The argument of call that is its regular expression must be a string. */
static int compile_regex(struct sfx_parser *p, struct sfx_expr *call,
                         const struct sfx_expr *pattern)
{
    if (!sfx_expr_is_text(pattern))
        return sfx_program_err(p->program, pattern->at, p->err,
                               "a string is expected here: a regular expression");
    return sfx_parse_regex(p, pattern->text, pattern->at, &call->regex);
}

/* A call, with the token on '('. */
static int parse_call(struct sfx_parser *p, const struct sfx_token *name, struct sfx_expr **out)
{
    struct sfx_expr *e;
    int rc;

    e = sfx_expr_new(p, SFX_EXPR_CALL, name->at, 0);
    if (e == NULL)
        return SFX_E_NOMEM;
    e->fn = sfx_fn_find(name->value);
    if (e->fn == NULL)
        return unknown_function(p, name);
    rc = sfx_lex(p);
    if (rc == 0)
        rc = parse_args(p, e, 0);
    if (rc == 0)
        rc = check_arity(p, e);
    if (rc == 0 && e->fn->regex_arg > 0)
        rc = compile_regex(p, e, e->args[e->fn->regex_arg]);
    *out = e;
    return rc < 0 ? rc : seal(p, e);
}

static int parse_name_or_call(struct sfx_parser *p, struct sfx_expr **out)
{
    struct sfx_token name = p->token;
    struct sfx_expr *e;
    int rc;

    rc = sfx_lex(p);
    if (rc < 0)
        return rc;
    if (!name.quoted && sfx_token_is(&p->token, "("))
        return parse_call(p, &name, out);
    e = sfx_expr_new(p, SFX_EXPR_COLUMN, name.at, 0);
    if (e == NULL)
        return SFX_E_NOMEM;
    e->text = name.value;
    *out = e;
    return 0;
}

static bool is_reserved(const struct sfx_token *token)
{
    return sfx_token_is(token, "and") || sfx_token_is(token, "or") || sfx_token_is(token, "in") ||
           sfx_token_is(token, "not");
}

static int parse_primary(struct sfx_parser *p, struct sfx_expr **out)
{
    int rc = sfx_parse_literal(p, out);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (p->token.kind == SFX_TOKEN_NAME && !is_reserved(&p->token))
        return parse_name_or_call(p, out);
    rc = sfx_parse_accept(p, "(");
    if (rc < 0)
        return rc;
    if (rc == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "a column, a value or a function is expected here");
    rc = sfx_parse_expr(p, out);
    return rc < 0 ? rc : sfx_parse_expect(p, ")");
}

/* A primary, and "?" behind it. */
static int parse_postfix(struct sfx_parser *p, struct sfx_expr **out)
{
    uint32_t at = p->token.at;
    struct sfx_expr *e;
    int rc;

    rc = parse_primary(p, out);
    if (rc < 0)
        return rc;
    rc = sfx_parse_accept(p, "?");
    if (rc <= 0)
        return rc;
    e = sfx_expr_new(p, SFX_EXPR_TRY, at, 1);
    if (e == NULL)
        return SFX_E_NOMEM;
    e->args[0] = *out;
    *out = e;
    return seal(p, e);
}

static int parse_unary(struct sfx_parser *p, struct sfx_expr **out)
{
    uint32_t at = p->token.at;
    struct sfx_expr *operand;
    int rc;

    rc = sfx_parse_accept(p, "-");
    if (rc <= 0)
        return rc < 0 ? rc : parse_postfix(p, out);
    if (++p->depth > MAX_NESTING)
        return sfx_program_err(p->program, at, p->err, "nested too deep");
    rc = parse_unary(p, &operand);
    p->depth--;
    if (rc < 0)
        return rc;
    if (operand->kind == SFX_EXPR_NUMBER) { /* -5 is a literal */
        operand->number.mant = -operand->number.mant;
        *out = operand;
        return 0;
    }
    return new_call(p, sfx_fn_operator("neg"), at, operand, NULL, out);
}

/* What may follow a value at the level of comparisons beside = and <: ~ and [not] in (…). */
static int parse_match(struct sfx_parser *p, struct sfx_expr *left, struct sfx_expr **out)
{
    uint32_t at = p->token.at;
    struct sfx_expr *e, *pattern;
    int rc, negated;

    *out = left;
    rc = sfx_parse_accept(p, "~");
    if (rc < 0)
        return rc;
    if (rc > 0) {
        rc = parse_level(p, LEVEL_COMPARE + 1, &pattern);
        if (rc == 0)
            rc = new_call(p, sfx_fn_operator("~"), at, left, NULL, out);
        return rc < 0 ? rc : compile_regex(p, *out, pattern);
    }
    negated = sfx_parse_accept(p, "not");
    if (negated < 0)
        return negated;
    if (!sfx_token_is(&p->token, "in"))
        return negated ? sfx_parse_expect(p, "in") : 0;
    e = sfx_expr_new(p, SFX_EXPR_CALL, at, 0);
    if (e == NULL)
        return SFX_E_NOMEM;
    e->fn = sfx_fn_operator("in");
    rc = sfx_lex(p);
    if (rc == 0)
        rc = sfx_parse_expect(p, "(");
    if (rc == 0)
        rc = parse_args(p, e, 1);
    if (rc < 0)
        return rc;
    if (e->nargs == 1)
        return sfx_program_err(p->program, at, p->err, "in () holds at least one value");
    e->args[0] = left;
    *out = e;
    rc = seal(p, e);
    return rc < 0 || !negated ? rc : new_call(p, sfx_fn_operator("not"), at, e, NULL, out);
}

static const char *match_level(const struct sfx_parser *p, size_t level)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(levels[0]) && levels[level][i] != NULL; i++) {
        if (sfx_token_is(&p->token, levels[level][i]))
            return levels[level][i];
    }
    return NULL;
}

/* "not" stands before a comparison. */
static int parse_not(struct sfx_parser *p, struct sfx_expr **out)
{
    uint32_t at = p->token.at;
    struct sfx_expr *operand;
    int rc;

    if (++p->depth > MAX_NESTING)
        return sfx_program_err(p->program, at, p->err, "nested too deep");
    rc = sfx_lex(p);
    if (rc == 0)
        rc = parse_level(p, LEVEL_COMPARE, &operand);
    p->depth--;
    return rc < 0 ? rc : new_call(p, sfx_fn_operator("not"), at, operand, NULL, out);
}

static int parse_level(struct sfx_parser *p, size_t level, struct sfx_expr **out)
{
    struct sfx_expr *left, *right;
    const char *mark;
    int rc;

    if (level == SFX_COUNT(levels))
        return parse_unary(p, out);
    if (level == LEVEL_COMPARE && sfx_token_is(&p->token, "not"))
        return parse_not(p, out);
    rc = parse_level(p, level + 1, &left);
    if (rc == 0 && level == LEVEL_COMPARE)
        rc = parse_match(p, left, &left);
    while (rc == 0 && (mark = match_level(p, level)) != NULL) {
        uint32_t at = p->token.at;

        rc = sfx_lex(p);
        if (rc == 0)
            rc = parse_level(p, level + 1, &right);
        if (rc == 0)
            rc = new_call(p, sfx_fn_operator(mark), at, left, right, &left);
        if (rc == 0 && level == LEVEL_COMPARE && match_level(p, level) != NULL)
            return sfx_program_err(p->program, p->token.at, p->err,
                                   "comparisons do not chain: join them with and");
    }
    *out = left;
    return rc;
}

int sfx_parse_expr(struct sfx_parser *p, struct sfx_expr **out)
{
    int rc;

    if (++p->depth > MAX_NESTING)
        return sfx_program_err(p->program, p->token.at, p->err, "nested too deep");
    rc = parse_level(p, 0, out);
    p->depth--;
    return rc;
}
