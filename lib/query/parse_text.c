/* SPDX-License-Identifier: MIT */
/* parse with a regular expression, as a template, and the templates of web logs. */
#include "query/parse_internal.h"

#include "base/size.h"
#include "base/text.h"

#include <string.h>

/* --- with --------------------------------------------------------------------------------------
 */

/* A string, or :argument. */
static int parse_string(struct sfx_parser *p, const char *what, struct sfx_slice *text,
                        uint32_t *at)
{
    struct sfx_expr *expr;
    int rc;

    *at = p->token.at;
    rc = sfx_parse_expr(p, &expr);
    if (rc == 0 && !sfx_expr_is_text(expr))
        rc = sfx_program_err(p->program, *at, p->err, "a string is expected here: %s", what);
    if (rc == 0)
        *text = expr->text;
    return rc;
}

static int parse_with(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    struct sfx_slice pattern;
    uint32_t at;
    size_t i;
    int rc = parse_string(p, "a regular expression", &pattern, &at);

    if (rc == 0)
        rc = sfx_parse_regex(p, pattern, at, &plan->regex);
    for (i = 1; rc == 0 && i <= sfx_regex_ngroups(plan->regex); i++) {
        struct sfx_slice name = sfx_regex_group_name(plan->regex, i);
        struct sfx_parse_column *column;

        if (name.len == 0)
            continue;
        column = sfx_parse_add_column(p, plan, name, at);
        if (column == NULL)
            return p->err != NULL ? (int)p->err->code : SFX_E_USAGE;
        column->number = i;
    }
    if (rc == 0 && plan->ncols == 0)
        rc = sfx_program_err(p->program, at, p->err,
                             "the columns are the named groups, as (?<name>…): there is none");
    return rc;
}

static int split_with(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                      struct sfx_cell *cells)
{
    const struct sfx_matcher *m = &ev->matcher;
    int rc = sfx_regex_find(plan->regex, &ev->matcher, text, 0);
    size_t i;

    for (i = 0; rc > 0 && i < plan->ncols; i++) {
        size_t group = plan->cols[i].number;

        if (group < m->nspans && m->spans[2 * group] != SFX_REGEX_NO_SPAN)
            cells[i] = sfx_cell_string(sfx_slice(text.ptr + m->spans[2 * group],
                                                 m->spans[2 * group + 1] - m->spans[2 * group]));
    }
    return rc;
}

const struct sfx_parse_kind sfx_parse_with = {
    .name = "with",
    .reason = "does not match the regular expression",
    .parse = parse_with,
    .split = split_with,
};

/* --- templates ---------------------------------------------------------------------------------
 */

#define ENDS  (-2)
#define DROPS (-1)

/* Reads the literal at the front of *text, with {{ and }} as braces, into to. */
static int read_literal(struct sfx_parser *p, struct sfx_slice *text, uint32_t at, char *to,
                        struct sfx_slice *literal)
{
    size_t len = 0;

    while (text->len > 0) {
        bool brace = *text->ptr == '{' || *text->ptr == '}';
        bool doubled = brace && text->len > 1 && text->ptr[1] == *text->ptr;

        if (brace && !doubled && *text->ptr == '{')
            break;
        if (brace && !doubled)
            return sfx_program_err(p->program, at, p->err,
                                   "a } in the template closes nothing; a brace itself is }}");
        to[len++] = *text->ptr;
        text->ptr += 1 + doubled;
        text->len -= 1 + doubled;
    }
    *literal = sfx_slice(to, len);
    return 0;
}

/* Reads "{name}" at the front of *text. */
static int read_field(struct sfx_parser *p, struct sfx_parse_plan *plan, struct sfx_slice *text,
                      uint32_t at, int *column)
{
    const char *end = memchr(text->ptr, '}', text->len);
    struct sfx_slice name;

    if (end == NULL)
        return sfx_program_err(p->program, at, p->err,
                               "a { in the template is not closed; a brace itself is {{");
    name = sfx_slice(text->ptr + 1, (size_t)(end - text->ptr) - 1);
    *column = DROPS;
    if (name.len > 0) {
        if (sfx_parse_add_column(p, plan, name, at) == NULL)
            return p->err != NULL ? (int)p->err->code : SFX_E_USAGE;
        *column = (int)plan->ncols - 1;
    }
    text->ptr += name.len + 2;
    text->len -= name.len + 2;
    return 0;
}

int sfx_parse_template(struct sfx_parser *p, struct sfx_parse_plan *plan, struct sfx_slice text,
                       uint32_t at)
{
    struct sfx_arena *arena = &p->program->arena;
    char *to = sfx_arena_alloc(arena, text.len + 1, p->err);
    bool more = true;
    int rc = 0;

    /* A piece takes two bytes at least, but for the last one. */
    plan->pieces = sfx_arena_calloc(arena, text.len / 2 + 1, sizeof(*plan->pieces), p->err);
    if (to == NULL || plan->pieces == NULL)
        return SFX_E_NOMEM;
    while (more && rc == 0) {
        struct sfx_parse_piece *piece = &plan->pieces[plan->npieces];

        piece->column = ENDS;
        rc = read_literal(p, &text, at, to, &piece->literal);
        to += piece->literal.len;
        more = text.len > 0;
        if (rc == 0 && plan->npieces > 0 && more && piece->literal.len == 0)
            rc = sfx_program_err(p->program, at, p->err,
                                 "something must stand between two fields of the template");
        if (rc == 0 && more)
            rc = read_field(p, plan, &text, at, &piece->column);
        plan->npieces++;
    }
    if (rc == 0 && plan->ncols == 0)
        rc =
            sfx_program_err(p->program, at, p->err,
                            "the columns are the fields of the template, as {name}: there is none");
    return rc;
}

static int parse_as(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    struct sfx_slice text;
    uint32_t at;
    int rc = parse_string(p, "a template", &text, &at);

    return rc < 0 ? rc : sfx_parse_template(p, plan, text, at);
}

/* Where the field in front of text ends: before next's literal, or at the end of text. */
static bool field_length(struct sfx_slice text, const struct sfx_parse_piece *next, size_t *len)
{
    struct sfx_slice literal = next->literal;
    const char *hit;

    *len = text.len;
    if (next->column == ENDS) { /* the literal is the end of the text */
        *len -= literal.len;
        return literal.len <= text.len &&
               (literal.len == 0 || memcmp(text.ptr + *len, literal.ptr, literal.len) == 0);
    }
    hit = text.len > 0 ? sfx_text_find(text, literal) : NULL;
    if (hit != NULL)
        *len = (size_t)(hit - text.ptr);
    return hit != NULL;
}

static int split_as(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                    struct sfx_cell *cells)
{
    const struct sfx_parse_piece *piece = plan->pieces, *end = piece + plan->npieces;
    size_t len = piece->literal.len;

    (void)ev;
    if (text.len < len || (len > 0 && memcmp(text.ptr, piece->literal.ptr, len) != 0))
        return 0;
    text = sfx_slice(text.ptr + len, text.len - len);
    for (; piece + 1 < end; piece++) {
        if (!field_length(text, piece + 1, &len))
            return 0;
        if (piece->column >= 0)
            cells[piece->column] = sfx_cell_string(sfx_slice(text.ptr, len));
        len += piece[1].literal.len;
        text = sfx_slice(text.ptr + len, text.len - len);
    }
    return 1;
}

const struct sfx_parse_kind sfx_parse_as = {
    .name = "as",
    .reason = "does not match the template",
    .parse = parse_as,
    .split = split_as,
};

/* --- web logs ------------------------------------------------------------------------------------
 */

#define CLF "{host} {ident} {user} [{time}] \"{request}\" {status} {bytes}"

static int parse_clf(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    return sfx_parse_template(p, plan, SFX_SLICE_LIT(CLF), p->token.at);
}

static int parse_combined(struct sfx_parser *p, struct sfx_parse_plan *plan)
{
    return sfx_parse_template(p, plan, SFX_SLICE_LIT(CLF " \"{referer}\" \"{agent}\""),
                              p->token.at);
}

static int split_log(struct sfx_eval *ev, const struct sfx_parse_plan *plan, struct sfx_slice text,
                     struct sfx_cell *cells)
{
    int rc = split_as(ev, plan, text, cells);
    size_t i;

    for (i = 0; i < plan->ncols; i++) {
        if (cells[i].len == 1 && *cells[i].ptr == '-')
            cells[i] = (struct sfx_cell){.kind = SFX_CELL_NULL};
    }
    return rc;
}

const struct sfx_parse_kind sfx_parse_clf = {
    .name = "clf",
    .reason = "is not a line in the common log format",
    .parse = parse_clf,
    .split = split_log,
};

const struct sfx_parse_kind sfx_parse_combined = {
    .name = "combined",
    .reason = "is not a line in the combined log format",
    .parse = parse_combined,
    .split = split_log,
};
