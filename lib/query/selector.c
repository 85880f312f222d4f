/* SPDX-License-Identifier: MIT */
/* Selectors against the columns of a frame: which they choose, in which order. */
#include "query/selector_internal.h"

#include "base/text.h"

#include <inttypes.h>

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

/* An end of a range. What is not there comes behind all columns, where it will be: what stands
 * between must not depend on when a column is met first. */
static int find_end(struct sfx_binder *b, const struct sfx_column_ref *ref, size_t *index)
{
    int rc = ref->name.len > 0 ? find(b, ref, index) : 1;

    if (rc == 0)
        *index = b->ncols;
    return rc < 0 ? rc : 0;
}

static int find_range(struct sfx_binder *b, const struct sfx_selector *sel, struct span *span)
{
    size_t from = 0, to = b->ncols;
    int rc = find_end(b, &sel->from, &from);

    if (rc == 0)
        rc = find_end(b, &sel->to, &to);
    if (rc < 0 || (from >= b->ncols && to >= b->ncols))
        return rc;
    from = from < b->ncols ? from : b->ncols - 1;
    to = to < b->ncols ? to : b->ncols - 1;
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

/* Whether a column's name is like what the selector asks: 1, 0. Errors: LIMIT, NOMEM. */
static int is_like(const struct sfx_selector *sel, struct sfx_matcher *matcher,
                   struct sfx_slice name)
{
    if (sel->kind == SFX_SELECT_GLOB)
        return sfx_text_glob(sel->pattern, name);
    return sel->kind == SFX_SELECT_REGEX ? sfx_regex_find(sel->regex, matcher, name, 0) : 1;
}

/* Gives the columns that selector i looks at and likes, and that are `from`, the state `to`; adds
 * those that are CHOSEN. */
static int move(struct resolver *r, const struct sfx_selector *sel, const struct span *span,
                unsigned from, unsigned to)
{
    size_t n, i = span->begin;
    int rc;

    for (n = 0; n < span->count; n++, i += (size_t)span->step) {
        if (r->state[i] != from)
            continue;
        rc = is_like(sel, &r->matcher, r->b->cols[i].name);
        if (rc < 0)
            return sfx_err_set(r->b->err, rc, "column %.*s: " SFX_REGEX_GAVE_UP,
                               SFX_SLICE_ARG(r->b->cols[i].name));
        if (rc == 0)
            continue;
        r->state[i] = (unsigned char)to;
        if (to == CHOSEN)
            r->out->cols[r->out->ncols++] = (struct sfx_chosen){(int32_t)i, sel};
    }
    return 0;
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

/* --- what is looked at ------------------------------------------------------------------------ */

/* Whether the selector may be about the column, wherever that stands. */
static bool may_match(const struct sfx_selector *sel, struct sfx_matcher *matcher,
                      struct sfx_slice name)
{
    if (sel->kind == SFX_SELECT_COLUMN && sel->from.position == 0)
        return sfx_slice_eq(sel->from.name, name);
    return sel->kind != SFX_SELECT_COMPUTED && is_like(sel, matcher, name) != 0;
}

static bool may_choose(const struct sfx_selectors *list, struct sfx_matcher *matcher,
                       struct sfx_slice name)
{
    bool only_minus = true, chosen = false;
    size_t i;

    for (i = 0; i < list->count; i++) {
        const struct sfx_selector *sel = &list->items[i];
        bool placed = sel->kind == SFX_SELECT_RANGE || sel->from.position > 0;

        if (!sel->minus) {
            only_minus = false;
            chosen = chosen || may_match(sel, matcher, name);
        } else if (!placed && may_match(sel, matcher, name)) {
            return false;
        }
    }
    return only_minus || chosen;
}

enum sfx_rest sfx_selectors_use(const struct sfx_selectors *list, struct sfx_uses *uses,
                                enum sfx_rest rest)
{
    struct sfx_matcher matcher = {0};
    size_t i;

    for (i = 0; i < list->count; i++) {
        const struct sfx_selector *sel = &list->items[i];

        if (sel->kind == SFX_SELECT_COMPUTED)
            sfx_uses_expr(uses, sel->expr);
        else if (sel->as.len > 0)
            sfx_uses_name(uses, sel->from.name);
    }
    if (rest == SFX_REST_NOTHING) /* whoever looks at a column notes it by name */
        return rest;
    for (i = 0; i < uses->ncols; i++)
        uses->wanted[i] = uses->wanted[i] || may_choose(list, &matcher, uses->cols[i].name);
    sfx_matcher_done(&matcher);
    return SFX_REST_NOTHING;
}

enum sfx_rest sfx_selectors_use_others(const struct sfx_selectors *list, struct sfx_uses *uses,
                                       enum sfx_rest rest)
{
    struct sfx_matcher matcher = {0};
    size_t i, c;

    if (rest == SFX_REST_NOTHING)
        return rest;
    for (i = 0; i < list->count; i++) {
        const struct sfx_selector *sel = &list->items[i];

        if (sel->minus || sel->kind == SFX_SELECT_RANGE || sel->from.position > 0)
            return SFX_REST_CELLS;
    }
    for (c = 0; c < uses->ncols; c++) {
        for (i = 0; i < list->count; i++) {
            if (may_match(&list->items[i], &matcher, uses->cols[c].name))
                break;
        }
        uses->wanted[c] = uses->wanted[c] || i == list->count;
    }
    sfx_matcher_done(&matcher);
    return SFX_REST_NOTHING;
}
