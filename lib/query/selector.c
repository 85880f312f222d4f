/* SPDX-License-Identifier: MIT */
/* Selectors: words of their own in a program, and the columns of a frame that they choose. */
#include "query/selector_internal.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* --- parsing ---------------------------------------------------------------------------------- */

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
        sel->pattern = sel->from.name;
        if (sfx_slice_eq(sel->pattern, SFX_SLICE_LIT("*")))
            sel->kind = SFX_SELECT_REST;
        return 0;
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

/* --- resolving -------------------------------------------------------------------------------- */

/* What becomes of a column. */
enum { FREE, NAMED, EXCLUDED, CHOSEN };

/* The columns that a selector looks at: from begin, step by step, count of them. */
struct span {
    size_t begin, count;
    int step;
    bool missing; /* a name that is not there */
};

struct resolver {
    struct sfx_binder *b;
    const struct sfx_selectors *list;
    unsigned char *state; /* by column */
    struct span *spans;   /* by selector */
    struct sfx_matcher matcher;
    struct sfx_selection *out;
};

/* The column's index: 1; 0 when it is not there, which only open frames allow. */
static int find(struct sfx_binder *b, const struct sfx_column_ref *ref, size_t *index)
{
    if (ref->position == 0)
        return sfx_bind_column(b, ref->name, ref->at, index);
    if (ref->position <= b->ncols) {
        *index = (size_t)ref->position - 1;
        return 1;
    }
    if (b->open)
        return 0;
    return sfx_program_err(b->program, ref->at, b->err,
                           "there is no column %" PRIu64 ": there are %zu", ref->position,
                           b->ncols);
}

static int find_range(struct sfx_binder *b, const struct sfx_selector *sel, struct span *span)
{
    size_t from = 0, to = b->ncols > 0 ? b->ncols - 1 : 0;
    int rc = 1;

    if (sel->from.name.len > 0)
        rc = find(b, &sel->from, &from);
    if (rc > 0 && sel->to.name.len > 0)
        rc = find(b, &sel->to, &to);
    if (rc <= 0 || b->ncols == 0)
        return rc < 0 ? rc : 0;
    *span = from <= to ? (struct span){from, to - from + 1, 1, false}
                       : (struct span){from, from - to + 1, -1, false};
    return 0;
}

static int find_span(struct sfx_binder *b, const struct sfx_selector *sel, struct span *span)
{
    int rc;

    switch (sel->kind) {
    case SFX_SELECT_COLUMN:
        *span = (struct span){.step = 1};
        rc = find(b, &sel->from, &span->begin);
        span->count = rc > 0;
        span->missing = rc == 0 && sel->from.position == 0;
        return rc < 0 ? rc : 0;
    case SFX_SELECT_RANGE: *span = (struct span){.step = 1}; return find_range(b, sel, span);
    case SFX_SELECT_COMPUTED: *span = (struct span){.step = 1}; return 0;
    default: *span = (struct span){.count = b->ncols, .step = 1}; return 0;
    }
}

/* A column's name may hold slashes, which only ** goes over. */
static int double_stars(struct sfx_binder *b, struct sfx_slice glob, struct sfx_slice *out)
{
    char *text = sfx_arena_alloc(b->arena, 2 * glob.len + 1, b->err);
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

/* Whether a column's name is like what the selector asks: 1, 0. Errors: LIMIT, NOMEM. */
static int is_like(struct resolver *r, const struct sfx_selector *sel, struct sfx_slice glob,
                   struct sfx_slice name)
{
    int rc;

    if (sel->kind == SFX_SELECT_GLOB)
        return sfx_text_glob(glob, name);
    if (sel->kind != SFX_SELECT_REGEX)
        return 1;
    rc = sfx_regex_find(sel->regex, &r->matcher, name, 0);
    if (rc < 0)
        return sfx_err_set(r->b->err, rc, "column %.*s: " SFX_REGEX_GAVE_UP, SFX_SLICE_ARG(name));
    return rc;
}

/* Gives the columns that selector i looks at and likes, and that are `from`, the state `to`; adds
 * those that are CHOSEN. */
static int move(struct resolver *r, const struct sfx_selector *sel, const struct span *span,
                unsigned from, unsigned to)
{
    struct sfx_slice glob = {0};
    size_t n, i = span->begin;
    int rc = sel->kind == SFX_SELECT_GLOB ? double_stars(r->b, sel->pattern, &glob) : 0;

    for (n = 0; n < span->count && rc >= 0; n++, i += (size_t)span->step) {
        if (r->state[i] != from)
            continue;
        rc = is_like(r, sel, glob, r->b->cols[i].name);
        if (rc <= 0)
            continue;
        r->state[i] = (unsigned char)to;
        if (to == CHOSEN)
            r->out->cols[r->out->ncols++] = (struct sfx_chosen){(int32_t)i, sel};
    }
    return rc < 0 ? rc : 0;
}

/* Columns that are named, and those that are excluded, whether named or not. */
static int mark(struct resolver *r)
{
    const struct sfx_selectors *list = r->list;
    size_t i;
    int rc = 0;

    for (i = 0; i < list->count && rc == 0; i++) {
        const struct sfx_selector *sel = &list->items[i];

        rc = find_span(r->b, sel, &r->spans[i]);
        if (rc == 0 && !sel->minus && sel->kind != SFX_SELECT_REST)
            rc = move(r, sel, &r->spans[i], FREE, NAMED);
    }
    for (i = 0; i < list->count && rc == 0; i++) {
        const struct sfx_selector *sel = &list->items[i];

        if (!sel->minus)
            continue;
        rc = move(r, sel, &r->spans[i], FREE, EXCLUDED);
        if (rc == 0)
            rc = move(r, sel, &r->spans[i], NAMED, EXCLUDED);
    }
    return rc;
}

/* Whether a name that is not in the frame was in the list before. */
static bool is_repeated(const struct sfx_selection *out, struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < out->ncols; i++) {
        const struct sfx_chosen *col = &out->cols[i];

        if (col->index < 0 && col->by->as.len == 0 && sfx_slice_eq(col->by->from.name, name))
            return true;
    }
    return false;
}

/* Adds what a selector chooses. */
static int choose(struct resolver *r, const struct sfx_selector *sel, const struct span *span)
{
    struct sfx_selection *out = r->out;

    if (sel->as.len > 0) { /* a column of its own, whether or not the other one comes too */
        out->cols[out->ncols++] =
            (struct sfx_chosen){span->count > 0 ? (int32_t)span->begin : -1, sel};
        return 0;
    }
    if (span->missing && !is_repeated(out, sel->from.name))
        out->cols[out->ncols++] = (struct sfx_chosen){-1, sel};
    return move(r, sel, span, sel->kind == SFX_SELECT_REST ? FREE : NAMED, CHOSEN);
}

static int choose_all(struct resolver *r)
{
    static const struct sfx_selector rest = {.kind = SFX_SELECT_REST};
    bool only_minus = true;
    size_t i;
    int rc = mark(r);

    for (i = 0; i < r->list->count && rc == 0; i++) {
        if (r->list->items[i].minus)
            continue;
        only_minus = false;
        rc = choose(r, &r->list->items[i], &r->spans[i]);
    }
    if (rc < 0 || !only_minus)
        return rc;
    return move(r, &rest, &(struct span){.count = r->b->ncols, .step = 1}, FREE, CHOSEN);
}

int sfx_selectors_resolve(const struct sfx_selectors *list, struct sfx_binder *b,
                          struct sfx_selection *out)
{
    struct resolver r = {.b = b, .list = list, .out = out};
    int rc;

    r.state = sfx_arena_calloc(b->arena, b->ncols + 1, 1, b->err);
    r.spans = sfx_arena_calloc(b->arena, list->count + 1, sizeof(*r.spans), b->err);
    out->cols = sfx_arena_calloc(b->arena, b->ncols + list->count + 1, sizeof(*out->cols), b->err);
    out->ncols = 0;
    if (r.state == NULL || r.spans == NULL || out->cols == NULL)
        return SFX_E_NOMEM;
    rc = choose_all(&r);
    sfx_matcher_done(&r.matcher);
    return rc;
}

int sfx_selectors_mark(const struct sfx_selectors *list, struct sfx_binder *b, bool **marks)
{
    struct sfx_selection chosen;
    size_t i;
    int rc = sfx_selectors_resolve(list, b, &chosen);

    if (rc < 0)
        return rc;
    *marks = sfx_arena_calloc(b->arena, b->ncols + 1, sizeof(**marks), b->err);
    if (*marks == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < chosen.ncols; i++) {
        if (chosen.cols[i].index >= 0)
            (*marks)[chosen.cols[i].index] = true;
    }
    return 0;
}
