/* SPDX-License-Identifier: MIT */
/* The store's columns, the inputs that rows came from, and the frames they come out in. */
#include "query/rowstore_internal.h"

#include <string.h>

/* --- the union of columns ------------------------------------------------------------------- */

static int grow_columns(struct sfx_rowstore *s, struct sfx_err *err)
{
    size_t cap = s->cap_cols == 0 ? 32 : s->cap_cols * 2;
    struct sfx_qcolumn *cols = sfx_arena_calloc(&s->arena, cap, sizeof(*cols), err);
    enum sfx_type *types = sfx_arena_calloc(&s->arena, cap, sizeof(*types), err);
    int32_t *from = sfx_arena_calloc(&s->arena, cap, sizeof(*from), err);

    if (cols == NULL || types == NULL || from == NULL)
        return SFX_E_NOMEM;
    if (s->ncols > 0) {
        memcpy(cols, s->cols, s->ncols * sizeof(*cols));
        memcpy(types, s->types, s->ncols * sizeof(*types));
        memcpy(from, s->from, s->ncols * sizeof(*from));
    }
    s->cols = cols;
    s->types = types;
    s->from = from;
    s->cap_cols = cap;
    return 0;
}

/* The union's column of that name, looked for from where the one before was found. */
static size_t find_column(const struct sfx_rowstore *s, struct sfx_slice name, size_t guess)
{
    size_t i;

    if (guess < s->ncols && sfx_slice_eq(s->cols[guess].name, name))
        return guess;
    for (i = 0; i < s->ncols && !sfx_slice_eq(s->cols[i].name, name); i++)
        ;
    return i;
}

static int add_column(struct sfx_rowstore *s, const struct sfx_qcolumn *col, struct sfx_err *err)
{
    struct sfx_slice head = sfx_cell_spelling(&col->head);
    struct sfx_qcolumn *own;
    char *name, *spelled;

    if (s->ncols == SFX_BATCH_MAX_COLS)
        return sfx_err_set(err, SFX_E_LIMIT, "more than %d columns", SFX_BATCH_MAX_COLS);
    if (s->ncols == s->cap_cols && grow_columns(s, err) < 0)
        return SFX_E_NOMEM;
    name = sfx_arena_strndup(&s->arena, col->name.ptr, col->name.len, err);
    spelled = sfx_arena_strndup(&s->arena, head.ptr, head.len, err);
    if (name == NULL || spelled == NULL)
        return SFX_E_NOMEM;
    own = &s->cols[s->ncols];
    own->name = sfx_slice(name, col->name.len);
    own->head = col->head;
    own->head.ptr = spelled + (col->head.ptr - head.ptr);
    s->ncols++;
    return 0;
}

int sfx_rowstore_bind(struct sfx_rowstore *s, const struct sfx_frame *frame, struct sfx_err *err)
{
    size_t i, at = 0;

    if (s->ncols == 0)
        s->eol = frame->eol;
    s->open = s->open || frame->open;
    s->ordered = s->ordered || frame->ordered;
    for (i = 0; i < s->ncols; i++)
        s->from[i] = -1;
    for (i = 0; i < frame->ncols; i++) {
        enum sfx_type type = frame->cols[i].vec->type;

        at = find_column(s, frame->cols[i].name, i == 0 ? 0 : at + 1);
        if (at == s->ncols && add_column(s, &frame->cols[i], err) < 0)
            return err != NULL ? (int)err->code : SFX_E_NOMEM;
        s->from[at] = (int32_t)i;
        s->types[at] = s->types[at] == SFX_TYPE_NULL || s->types[at] == type ? type : SFX_TYPE_CELL;
    }
    return 0;
}

/* --- inputs ----------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int copy_text(struct sfx_arena *arena, const char *text, const char **out,
                     struct sfx_err *err)
{
    *out = text != NULL ? sfx_arena_strndup(arena, text, strlen(text), err) : NULL;
    return *out == NULL && text != NULL ? SFX_E_NOMEM : 0;
}

static int note_source(struct sfx_rowstore *s, const struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_row_source *source = s->nsources > 0 ? &s->sources[s->nsources - 1] : NULL;

    if (source != NULL && same_text(source->input, frame->input) &&
        same_text(source->member, frame->member))
        return 0;
    if (s->nsources == s->cap_sources) {
        uint32_t cap = s->cap_sources == 0 ? 16 : s->cap_sources * 2;
        struct sfx_row_source *grown = sfx_arena_calloc(&s->arena, cap, sizeof(*grown), err);

        if (grown == NULL)
            return SFX_E_NOMEM;
        if (s->nsources > 0)
            memcpy(grown, s->sources, s->nsources * sizeof(*grown));
        s->sources = grown;
        s->cap_sources = cap;
    }
    source = &s->sources[s->nsources];
    if (copy_text(&s->arena, frame->input, &source->input, err) < 0 ||
        copy_text(&s->arena, frame->member, &source->member, err) < 0)
        return SFX_E_NOMEM;
    s->source = s->nsources++;
    return 0;
}

/* Whether most fields of the record are still in cells; the first row speaks for its frame. */
static bool most_is_in_cells(const struct sfx_frame *frame)
{
    const struct sfx_row_origin *origin;
    size_t i, inside = 0;

    if (frame->nsel == 0)
        return false;
    origin = &frame->rows[frame->sel[0]];
    for (i = 0; i < frame->ncols; i++) {
        const struct sfx_cell *cell = &frame->cols[i].vec->cells[frame->sel[0]];

        inside += sfx_row_place_in(origin->raw, sfx_cell_spelling(cell)) >= 0;
    }
    return inside > 0 && 2 * inside >= origin->nfields;
}

/* Notes whether the frame's rows are their records, in the columns of those before. */
static void note_raw(struct sfx_rowstore *s, const struct sfx_frame *frame)
{
    size_t i;

    if (frame->nsel == 0 || s->none_raw)
        return;
    if (s->nraw == 0) {
        s->nraw = frame->nraw;
        s->raw_dialect = frame->raw_dialect;
    }
    s->none_raw = !s->keep_raw || s->open || frame->nraw != s->nraw || s->nraw != s->ncols ||
                  frame->ncols != s->ncols || frame->raw_dialect != s->raw_dialect;
    for (i = 0; i < s->ncols && !s->none_raw; i++)
        s->none_raw = s->from[i] != (int32_t)i;
}

int sfx_rowstore_begin(struct sfx_rowstore *s, struct sfx_eval *ev, const struct sfx_frame *frame,
                       struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < frame->ncols && !s->no_cells; i++)
        sfx_vec_make_cells(ev, frame->cols[i].vec, frame->sel, frame->nsel);
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    s->keep_raw = s->keep_origin || s->no_cells || most_is_in_cells(frame);
    note_raw(s, frame);
    return s->keep_origin ? note_source(s, frame, err) : 0;
}

/* --- frames ---------------------------------------------------------------------------------- */

int sfx_rowstore_make_frame(const struct sfx_rowstore *s, struct sfx_frame *out,
                            struct sfx_arena *arena, struct sfx_err *err)
{
    size_t i;

    out->cols = sfx_arena_calloc(arena, s->ncols + 1, sizeof(*out->cols), err);
    if (out->cols == NULL || sfx_frame_make_rows(out, arena, err) < 0)
        return SFX_E_NOMEM;
    out->ncols = s->ncols;
    out->open = s->open;
    out->ordered = s->ordered;
    out->eol = s->eol;
    out->input = out->member = NULL;
    for (i = 0; i < s->ncols; i++) {
        out->cols[i] = s->cols[i];
        out->cols[i].vec = sfx_vec_new(arena, s->types[i], err);
        if (out->cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

void sfx_rowstore_done(struct sfx_rowstore *s)
{
    sfx_arena_done(&s->arena);
    *s = (struct sfx_rowstore){0};
}
