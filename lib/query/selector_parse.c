/* SPDX-License-Identifier: MIT */
/* Selectors in a program's text: words of their own, read from where the token is. */
#include "query/selector_internal.h"

#include "base/text.h"

#include <string.h>

struct sfx_selector *sfx_selectors_add(struct sfx_parser *p, struct sfx_selectors *list)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        struct sfx_selector *grown =
            sfx_arena_calloc(&p->program->arena, cap, sizeof(*grown), p->err);

        if (grown == NULL)
            return NULL;
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof(*grown));
        list->items = grown;
        list->cap = cap;
    }
    return &list->items[list->count++];
}

static const char *text_end(const struct sfx_parser *p)
{
    return p->program->text.ptr + p->program->text.len;
}

/* The end of a bare name or glob; a dot belongs to it when more of it follows. */
static const char *scan_word(const char *at, const char *end, bool *is_glob)
{
    for (; at < end; at++) {
        if (sfx_is_name_byte((unsigned char)*at))
            continue;
        if (*at == '.' && at + 1 < end &&
            (sfx_is_name_byte((unsigned char)at[1]) || memchr("*?[", at[1], 3) != NULL))
            continue;
        if (*at == '[') {
            const char *close = memchr(at, ']', (size_t)(end - at));

            if (close == NULL || memchr(at, '\n', (size_t)(close - at)) != NULL)
                break;
            at = close;
        } else if (*at != '*' && *at != '?') {
            break;
        }
        *is_glob = true;
    }
    return at;
}

static bool begins_ref(const char *at, const char *end)
{
    return at < end && (*at == '`' || sfx_is_name_byte((unsigned char)*at));
}

/*
 * Reads what stands at p->next: a name in backticks, a bare word, a position. *glob: a word that is
 * a pattern; NULL: none is allowed. p->next is behind it then, and p->token is of no use.
 */
static int scan_ref(struct sfx_parser *p, struct sfx_column_ref *ref, bool *glob)
{
    const char *begin = p->next, *end = text_end(p);
    bool is_glob = false;
    int rc;

    ref->at = (uint32_t)(begin - p->program->text.ptr);
    if (begin < end && *begin == '`') {
        p->ended_value = false;
        rc = sfx_lex(p);
        ref->name = p->token.value;
        return rc;
    }
    p->next = scan_word(begin, end, &is_glob);
    ref->name = sfx_slice(begin, (size_t)(p->next - begin));
    if (glob != NULL)
        *glob = is_glob;
    if (ref->name.len == 0 || (is_glob && glob == NULL))
        return sfx_program_err(p->program, ref->at, p->err, "a column is expected here");
    if (*begin < '0' || *begin > '9' || is_glob)
        return 0;
    if (sfx_text_u64(ref->name, &ref->position, NULL) < 0 || ref->position == 0)
        return sfx_program_err(p->program, ref->at, p->err,
                               "%.*s is no column: positions are whole numbers from 1, odd names "
                               "stand in backticks",
                               SFX_SLICE_ARG(ref->name));
    return 0;
}

/* A column's name may hold slashes, which only ** goes over. */
static int double_stars(struct sfx_parser *p, struct sfx_slice glob, struct sfx_slice *out)
{
    char *text = sfx_arena_alloc(&p->program->arena, 2 * glob.len + 1, p->err);
    size_t i, len = 0;

    if (text == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < glob.len; i++) {
        text[len++] = glob.ptr[i];
        if (glob.ptr[i] == '*' && (i == 0 || glob.ptr[i - 1] != '*'))
            text[len++] = '*';
    }
    *out = sfx_slice(text, len);
    return 0;
}

/* A name, a glob, a position, and ".." with the other end of a range behind it. */
static int parse_columns(struct sfx_parser *p, struct sfx_selector *sel)
{
    const char *end = text_end(p);
    bool glob = false;
    int rc = 0;

    sel->kind = SFX_SELECT_COLUMN;
    if (begins_ref(p->next, end) || (p->next < end && memchr("*?[", *p->next, 3) != NULL))
        rc = scan_ref(p, &sel->from, &glob);
    if (rc < 0)
        return rc;
    if (glob) {
        sel->kind = SFX_SELECT_GLOB;
        if (sfx_slice_eq(sel->from.name, SFX_SLICE_LIT("*")))
            sel->kind = SFX_SELECT_REST;
        return double_stars(p, sel->from.name, &sel->pattern);
    }
    if (end - p->next < 2 || memcmp(p->next, "..", 2) != 0)
        return 0;
    sel->kind = SFX_SELECT_RANGE;
    p->next += 2;
    return begins_ref(p->next, end) ? scan_ref(p, &sel->to, NULL) : 0;
}

/* The slash that ends a regular expression; NULL: none on this line. */
static const char *find_slash(const char *at, const char *end)
{
    for (; at < end && *at != '/' && *at != '\n'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end && *at == '/' ? at : NULL;
}

int sfx_parse_slashed(struct sfx_parser *p, const struct sfx_regex **regex)
{
    static const char fold[] = "(?i)";
    uint32_t begin = p->token.at;
    const char *at = p->program->text.ptr + begin + 1, *slash = find_slash(at, text_end(p));
    size_t len, skip = sizeof(fold) - 1;
    char *text;
    int rc;

    if (slash == NULL)
        return sfx_program_err(p->program, begin, p->err,
                               "a regular expression is not closed: / is missing");
    text = sfx_arena_alloc(&p->program->arena, skip + (size_t)(slash - at), p->err);
    if (text == NULL)
        return SFX_E_NOMEM;
    memcpy(text, fold, skip);
    for (len = skip; at < slash; at++) {
        at += *at == '\\' && at[1] == '/';
        text[len++] = *at;
        if (*at == '\\' && at + 1 < slash)
            text[len++] = *++at;
    }
    p->next = slash + 1;
    if (p->next < text_end(p) && *p->next == 'i') {
        p->next++;
        skip = 0;
    }
    rc = sfx_parse_regex(p, sfx_slice(text + skip, len - skip), begin, regex);
    p->ended_value = true;
    return rc < 0 ? rc : sfx_lex(p);
}

int sfx_parse_selector(struct sfx_parser *p, struct sfx_selectors *list)
{
    struct sfx_selector *sel = sfx_selectors_add(p, list);
    int rc;

    if (sel == NULL)
        return SFX_E_NOMEM;
    rc = sfx_parse_accept(p, "-");
    if (rc < 0)
        return rc;
    sel->minus = rc > 0;
    sel->at = p->token.at;
    if (sfx_parse_at_end(p) || sfx_token_is(&p->token, ","))
        return sfx_program_err(p->program, p->token.at, p->err, "a column is expected here");
    if (sfx_token_is(&p->token, "/")) {
        sel->kind = SFX_SELECT_REGEX;
        return sfx_parse_slashed(p, &sel->regex);
    }
    p->next = p->program->text.ptr + p->token.at; /* read the token again, by other rules */
    rc = parse_columns(p, sel);
    if (rc < 0)
        return rc;
    if (p->next == p->program->text.ptr + sel->at)
        return sfx_program_err(p->program, sel->at, p->err, "a column is expected here");
    p->ended_value = true;
    return sfx_lex(p);
}

int sfx_parse_selectors(struct sfx_parser *p, struct sfx_selectors *list)
{
    int rc;

    do {
        rc = sfx_parse_selector(p, list);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

int sfx_parse_selector_stage(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_selectors *list =
        sfx_arena_calloc(&p->program->arena, 1, sizeof(struct sfx_selectors), p->err);

    stage->detail = list;
    return list == NULL ? SFX_E_NOMEM : sfx_parse_selectors(p, list);
}

bool sfx_selectors_are_names(const struct sfx_selectors *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        const struct sfx_selector *sel = &list->items[i];

        if (sel->kind != SFX_SELECT_COLUMN || sel->minus || sel->from.position > 0)
            return false;
    }
    return true;
}
