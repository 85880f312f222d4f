/* SPDX-License-Identifier: MIT */
/* From program text to a tree: tokens, expressions, stages. Nothing here knows of data. */
#ifndef SFX_QUERY_SYNTAX_INTERNAL_H
#define SFX_QUERY_SYNTAX_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "value/decimal.h"
#include "value/regex.h"
#include "value/zone.h"

#include <stdbool.h>
#include <stdint.h>

enum sfx_token_kind {
    SFX_TOKEN_END,
    SFX_TOKEN_STAGE, /* '|' or a newline that ends a stage */
    SFX_TOKEN_NAME,
    SFX_TOKEN_STRING,
    SFX_TOKEN_TIME, /* @ and what belongs to it */
    SFX_TOKEN_NUMBER,
    SFX_TOKEN_MARK, /* an operator or a bracket */
};

struct sfx_token {
    enum sfx_token_kind kind;
    uint32_t at;            /* byte of the program where it begins */
    struct sfx_slice raw;   /* as it stands in the program */
    struct sfx_slice value; /* NAME, STRING: without quotes, doubled quotes undone */
    bool quoted;            /* a NAME in backticks is never a word of the language */
};

enum sfx_expr_kind {
    SFX_EXPR_NULL,
    SFX_EXPR_NUMBER,
    SFX_EXPR_TIME,
    SFX_EXPR_ARG, /* :name, given when the program is made: text of which nothing is known */
    SFX_EXPR_TEXT,
    SFX_EXPR_BOOL,
    SFX_EXPR_COLUMN,
    SFX_EXPR_CALL, /* of a function or an operator */
    SFX_EXPR_TRY,  /* args[0]? : errors inside give null */
};

struct sfx_fn;
struct sfx_aggregate;

struct sfx_expr {
    enum sfx_expr_kind kind;
    uint32_t at;               /* place in the program, for messages */
    struct sfx_slice text;     /* COLUMN: the name; TEXT, ARG: the string; NUMBER: its spelling */
    struct sfx_decimal number; /* NUMBER, TIME (its slot) */
    bool truth;                /* BOOL */
    const struct sfx_fn *fn;   /* CALL */
    struct sfx_expr **args;
    size_t nargs;
    uint32_t depth;                /* of the tree below */
    const struct sfx_regex *regex; /* CALL of ~, and of a function with one: compiled once */
    struct sfx_slice strip;        /* CALL of decimal: characters to drop; empty: none */
};

#define SFX_AGG_MAX_MORE 2

/* Where values that are blank come in an order. */
enum sfx_nulls {
    SFX_NULLS_AS_THEY_ARE, /* nulls last, an empty field is a text */
    SFX_NULLS_FIRST,
    SFX_NULLS_LAST,
};

/* One entry of a stage's list: "name = expr", "-expr", "name", "n = sum(expr)". */
struct sfx_item {
    struct sfx_slice name; /* what the result is called; empty when it has no name of its own */
    uint32_t at;
    struct sfx_expr *expr;                   /* NULL for count() */
    bool minus;                              /* descending */
    enum sfx_nulls nulls;                    /* of a sort's key */
    const struct sfx_aggregate *agg;         /* of group's second list, */
    struct sfx_expr *more[SFX_AGG_MAX_MORE]; /* the arguments after expr, */
    size_t nmore;
    struct sfx_expr *filter; /* and the condition behind it; NULL: none */
};

struct sfx_items {
    struct sfx_item *items;
    size_t count, cap;
};

/* A regular expression of the program. */
struct sfx_program_regex {
    struct sfx_regex *regex;
    struct sfx_program_regex *next;
};

struct sfx_verb;

struct sfx_stage_ast {
    const struct sfx_verb *verb;
    uint32_t at;
    struct sfx_slice text;  /* the stage as it was written, for --explain */
    struct sfx_items items; /* conditions, assignments, columns, keys */
    struct sfx_items aggs;  /* group */
    uint64_t limit;         /* head */
    const void *detail;     /* what else the verb's parse made of it, in the program's arena */
};

struct sfx_program {
    struct sfx_arena arena; /* of everything below */
    struct sfx_slice text;  /* a copy, for messages */
    struct sfx_stage_ast *stages;
    size_t nstages, cap_stages;
    struct sfx_program_regex *regexes; /* to be freed with it */
    struct sfx_zone *zone;             /* of times without an offset; NULL: UTC */
};

struct sfx_program_opts;

struct sfx_parser {
    struct sfx_program *program;
    const struct sfx_program_opts *opts;
    const char *next;       /* where the lexer goes on */
    struct sfx_token token; /* the one looked at */
    bool ended_value;       /* the token before it may end an expression */
    unsigned nesting;       /* open parentheses: newlines inside mean nothing */
    unsigned depth;         /* of the recursion, limited */
    struct sfx_err *err;
};

/* Reads the next token into p->token. Errors: USAGE (p->err), NOMEM. */
int sfx_lex(struct sfx_parser *p);

/* Whether a bare name goes on with byte c. */
bool sfx_is_name_byte(unsigned char c);

/* True when the token is that mark, or that unquoted word. */
bool sfx_token_is(const struct sfx_token *token, const char *text);

/* Goes past the token when it is text: 1; 0 when it is another; <0 an error of the lexer. */
int sfx_parse_accept(struct sfx_parser *p, const char *text);

/* Goes past text or fails with "expected …". */
int sfx_parse_expect(struct sfx_parser *p, const char *text);

/* True at the end of a stage. */
bool sfx_parse_at_end(const struct sfx_parser *p);

/* A new node of the tree with room for nargs arguments. Errors: NULL, NOMEM. */
struct sfx_expr *sfx_expr_new(struct sfx_parser *p, enum sfx_expr_kind kind, uint32_t at,
                              size_t nargs);

/* Parses a number, a duration, a time, a string, null, true, false or :argument: 1; 0 when none
 * begins here. Errors: USAGE, NOMEM. */
int sfx_parse_literal(struct sfx_parser *p, struct sfx_expr **out);

/* True for a constant text: a string, or :argument. */
static inline bool sfx_expr_is_text(const struct sfx_expr *expr)
{
    return expr->kind == SFX_EXPR_TEXT || expr->kind == SFX_EXPR_ARG;
}

/* Parses an expression. Errors: USAGE, NOMEM. */
int sfx_parse_expr(struct sfx_parser *p, struct sfx_expr **out);

/*
 * Compiles pattern, a string of the program that begins at byte `at` of it; it lives as long as the
 * program. Errors: USAGE, pointing into the string; as sfx_regex_new.
 */
int sfx_parse_regex(struct sfx_parser *p, struct sfx_slice pattern, uint32_t at,
                    const struct sfx_regex **out);

/* A list that grows in the program's arena. Errors: NULL, NOMEM. */
struct sfx_item *sfx_items_add(struct sfx_parser *p, struct sfx_items *items);

/* Parses all of p->program->text into its stages. Errors: USAGE, NOMEM. */
int sfx_parse_program(struct sfx_parser *p);

/*
 * Describes an error in the program at byte `at`: the text, and the line with a caret in the note.
 * Returns USAGE.
 */
int sfx_program_err(const struct sfx_program *program, uint32_t at, struct sfx_err *err,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The rest of a message about an unknown word: ": did you mean …?", or nothing. Filled. */
void sfx_suggest(struct sfx_slice word, const struct sfx_slice *known, size_t nknown, char *out,
                 size_t out_nbytes);

#endif
