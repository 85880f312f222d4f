/* SPDX-License-Identifier: MIT */
/* Program text to tokens; and messages that point into the text. */
#include "query/syntax_internal.h"

#include "base/size.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longest first. */
static const char *const marks[] = {"==", "!=", "<=", ">=", "??", "||", "&&", "=", "..",
                                    "<",  ">",  "~",  "?",  "+",  "-",  "*",  "/", "%",
                                    "(",  ")",  ",",  ":",  "!",  ";",  "."};

static bool starts_name(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool sfx_is_name_byte(unsigned char c)
{
    return starts_name(c) || is_digit((char)c);
}

bool sfx_token_is(const struct sfx_token *token, const char *text)
{
    size_t len = strlen(text);

    if (token->kind != SFX_TOKEN_MARK && (token->kind != SFX_TOKEN_NAME || token->quoted))
        return false;
    return token->raw.len == len && memcmp(token->raw.ptr, text, len) == 0;
}

/* A quoted name or string; the quote doubled stands for itself. */
static int lex_quoted(struct sfx_parser *p, const char *end)
{
    const char *at = p->next, quote = *at;
    size_t len = 0;
    char *value;

    for (at++; at < end; at++) {
        if (*at == quote && (at + 1 == end || at[1] != quote))
            break;
        at += *at == quote;
        len++;
    }
    if (at >= end)
        return sfx_program_err(p->program, p->token.at, p->err, "%s is not closed",
                               quote == '`' ? "a name in backticks" : "a string");
    value = sfx_arena_alloc(&p->program->arena, len + 1, p->err);
    if (value == NULL)
        return SFX_E_NOMEM;
    p->token.raw = sfx_slice(p->next, (size_t)(at + 1 - p->next));
    p->token.value = sfx_slice(value, len);
    for (at = p->next + 1; len > 0; len--, at++) {
        at += *at == quote;
        *value++ = *at;
    }
    p->token.kind = quote == '`' ? SFX_TOKEN_NAME : SFX_TOKEN_STRING;
    p->token.quoted = true;
    p->next += p->token.raw.len;
    return 0;
}

/* Digits, '.', exponent or units (1h30m); what letters follow is a mistake, not a second token. */
static int lex_number(struct sfx_parser *p, const char *end)
{
    const char *at = p->next;

    while (at < end && (is_digit(*at) || *at == '.'))
        at++;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        while (at < end && is_digit(*at))
            at++;
    }
    while (at < end && sfx_is_name_byte((unsigned char)*at))
        at++;
    p->token.raw = sfx_slice(p->next, (size_t)(at - p->next));
    p->token.kind = SFX_TOKEN_NUMBER;
    p->next = at;
    return 0;
}

/*
 * '@' and a time: what can stand in one. An offset's sign belongs to it behind the T of a time of
 * day, so that @2026-01-05+1h is a sum.
 */
static void lex_time(struct sfx_parser *p, const char *end)
{
    const char *at = p->next + 1, *date_end = at + sizeof("2026-01-05") - 1;
    bool clock = false;

    for (; at < end; at++) {
        bool digit_follows = at + 1 < end && is_digit(at[1]);

        if (*at == 'T' || *at == 't')
            clock = true;
        else if (!is_digit(*at) && *at != 'Z' && *at != 'z' &&
                 !((*at == ':' || *at == '.') && clock && digit_follows) &&
                 !((*at == '+' || *at == '-') && (clock || at < date_end) && digit_follows))
            break;
    }
    p->token.raw = sfx_slice(p->next, (size_t)(at - p->next));
    p->token.value = sfx_slice(p->next + 1, p->token.raw.len - 1);
    p->token.kind = SFX_TOKEN_TIME;
    p->next = at;
}

/* A bare name; a dot belongs to it when another part of a name follows. */
static void lex_name(struct sfx_parser *p, const char *end)
{
    const char *at = p->next;

    while (at < end && (sfx_is_name_byte((unsigned char)*at) ||
                        (*at == '.' && at + 1 < end && starts_name((unsigned char)at[1]))))
        at++;
    p->token.raw = p->token.value = sfx_slice(p->next, (size_t)(at - p->next));
    p->token.kind = SFX_TOKEN_NAME;
    p->next = at;
}

static int lex_mark(struct sfx_parser *p, const char *end)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(marks); i++) {
        size_t len = strlen(marks[i]);

        if ((size_t)(end - p->next) < len || memcmp(p->next, marks[i], len) != 0)
            continue;
        if (strcmp(marks[i], "||") == 0 || strcmp(marks[i], "&&") == 0)
            return sfx_program_err(p->program, p->token.at, p->err, "write %s instead of %s",
                                   marks[i][0] == '|' ? "or" : "and", marks[i]);
        p->token.kind = SFX_TOKEN_MARK;
        p->token.raw = sfx_slice(p->next, len);
        p->next += len;
        if (marks[i][0] == '(')
            p->nesting++;
        else if (marks[i][0] == ')' && p->nesting > 0)
            p->nesting--;
        return 0;
    }
    return sfx_program_err(p->program, p->token.at, p->err,
                           "'%c' means nothing here; odd column names stand in backticks",
                           *p->next);
}

/* Goes past white space and comments; true when a newline was among them. */
static bool skip_space(struct sfx_parser *p, const char *end)
{
    bool newline = false;

    while (p->next < end) {
        char c = *p->next;

        if (c == '#') {
            while (p->next < end && *p->next != '\n')
                p->next++;
            continue;
        }
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            break;
        newline = newline || c == '\n';
        p->next++;
    }
    return newline;
}

/* A newline ends a stage only between what can end one and what can begin one. */
static bool newline_counts(const struct sfx_parser *p, bool after_value)
{
    static const char *const infix[] = {"and", "or", "in"};
    const struct sfx_token *token = &p->token;
    size_t i;

    if (p->nesting > 0 || !after_value || token->kind != SFX_TOKEN_NAME)
        return false;
    for (i = 0; i < SFX_COUNT(infix); i++) {
        if (sfx_token_is(token, infix[i]))
            return false;
    }
    return true;
}

/* Words after which an expression must go on. */
static bool is_open_word(const struct sfx_token *token)
{
    static const char *const words[] = {"and", "or", "not", "in"};
    size_t i;

    for (i = 0; i < SFX_COUNT(words); i++) {
        if (sfx_token_is(token, words[i]))
            return true;
    }
    return false;
}

static int lex_token(struct sfx_parser *p, const char *end)
{
    char c;

    p->token = (struct sfx_token){.at = (uint32_t)(p->next - p->program->text.ptr)};
    if (p->next == end) {
        p->token.kind = SFX_TOKEN_END;
        return 0;
    }
    c = *p->next;
    if (c == '|' && (p->next + 1 == end || p->next[1] != '|')) {
        p->token.kind = SFX_TOKEN_STAGE;
        p->token.raw = sfx_slice(p->next++, 1);
        return 0;
    }
    if (c == '"' || c == '\'' || c == '`')
        return lex_quoted(p, end);
    if (is_digit(c) || (c == '.' && p->next + 1 < end && is_digit(p->next[1])))
        return lex_number(p, end);
    if (c == '@') {
        lex_time(p, end);
        return 0;
    }
    if (starts_name((unsigned char)c)) {
        lex_name(p, end);
        return 0;
    }
    return lex_mark(p, end);
}

int sfx_lex(struct sfx_parser *p)
{
    const char *end = p->program->text.ptr + p->program->text.len, *before;
    bool newline, after_value = p->ended_value;
    int rc;

    newline = skip_space(p, end);
    before = p->next;
    rc = lex_token(p, end);
    if (rc < 0)
        return rc;
    if (newline && newline_counts(p, after_value)) {
        p->next = before;
        p->token = (struct sfx_token){.kind = SFX_TOKEN_STAGE, .at = p->token.at};
    }
    p->ended_value = (p->token.kind >= SFX_TOKEN_NAME && p->token.kind <= SFX_TOKEN_NUMBER &&
                      !is_open_word(&p->token)) ||
                     sfx_token_is(&p->token, ")") || sfx_token_is(&p->token, "?");
    return 0;
}

#define NOTE_BEFORE 60 /* columns of a long line shown before and after the place */
#define NOTE_AFTER  40

int sfx_program_err(const struct sfx_program *program, uint32_t at, struct sfx_err *err,
                    const char *fmt, ...)
{
    const char *text = program->text.ptr, *end = text + program->text.len, *place, *from, *to, *c;
    char message[SFX_ERR_TEXT_NBYTES], note[SFX_ERR_NOTE_NBYTES];
    size_t len;
    va_list ap;
    int rc;

    if (err == NULL)
        return SFX_E_USAGE;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    rc = sfx_err_set(err, SFX_E_USAGE, "%s", message);
    place = at < program->text.len ? text + at : end;
    for (from = place; from > text && from[-1] != '\n' && place - from < NOTE_BEFORE; from--)
        ;
    for (to = place; to < end && *to != '\n' && to - place < NOTE_AFTER; to++)
        ;
    while (from < place && ((unsigned char)*from & 0xC0) == 0x80) /* do not cut a character */
        from++;
    len = (size_t)snprintf(note, sizeof(note), "  %.*s\n  ", (int)(to - from), from);
    for (c = from; c < place && len + 2 < sizeof(note); c++) {
        if (((unsigned char)*c & 0xC0) != 0x80) /* a character is one column */
            note[len++] = *c == '\t' ? '\t' : ' ';
    }
    note[len++] = '^';
    note[len] = '\0';
    sfx_err_note(err, note);
    return rc;
}

void sfx_suggest(struct sfx_slice word, const struct sfx_slice *known, size_t nknown, char *out,
                 size_t out_nbytes)
{
    int nearest = sfx_text_nearest(word, known, nknown);

    out[0] = '\0';
    if (nearest >= 0)
        (void)snprintf(out, out_nbytes, ": did you mean %.*s?", SFX_SLICE_ARG(known[nearest]));
}
