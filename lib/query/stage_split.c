/* SPDX-License-Identifier: MIT */
/* Stages that make columns of the text of others: split, merge. */
#include "query/pieces_internal.h"
#include "query/selector_internal.h"

#include <string.h>

/* Refuses a column of a name that the stage gives when another one has it. */
static int check_name(const struct sfx_binder *b, const struct sfx_frame *out, size_t column,
                      uint32_t at)
{
    size_t i;

    for (i = 0; i < out->ncols; i++) {
        if (i != column && sfx_slice_eq(out->cols[i].name, out->cols[column].name))
            return sfx_program_err(b->program, at, b->err, "there is a column %.*s already",
                                   SFX_SLICE_ARG(out->cols[column].name));
    }
    return 0;
}

/* Adds a column of cells that the stage writes. Errors: NULL, NOMEM. */
static struct sfx_vec *add_column(struct sfx_operator *op, struct sfx_slice name,
                                  struct sfx_err *err)
{
    struct sfx_vec *vec = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);

    op->out.cols[op->out.ncols++] = (struct sfx_qcolumn){.name = name, .vec = vec};
    return vec;
}

/* "keep": the columns that the text is of stay. */
static int parse_keep(struct sfx_parser *p, bool *keep)
{
    int rc = sfx_parse_accept(p, "keep");

    *keep = rc > 0;
    return rc < 0 ? rc : 0;
}

/* --- split ------------------------------------------------------------------------------------ */

struct split_detail {
    struct sfx_slice column;
    uint32_t at;
    struct sfx_separator separator;
    struct sfx_items into;
    bool keep;
};

struct split {
    struct sfx_operator op;
    struct sfx_vec *from; /* NULL: it is not there (JSON) */
    struct sfx_vec **into;
};

static int parse_split(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct split_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = sfx_parse_name(p, "a column", &detail->column, &detail->at);
    if (rc == 0)
        rc = sfx_parse_separator(p, &detail->separator);
    if (rc == 0)
        return sfx_parse_expect(p, "by");
    if (rc > 0)
        rc = sfx_parse_expect(p, "into");
    while (rc >= 0) {
        struct sfx_item *item = sfx_items_add(p, &detail->into);

        if (item == NULL)
            return SFX_E_NOMEM;
        rc = sfx_parse_name(p, "a column name", &item->name, &item->at);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
        if (rc == 0)
            break;
    }
    return rc < 0 ? rc : parse_keep(p, &detail->keep);
}

static int add_parts(struct split *split, struct sfx_err *err)
{
    const struct split_detail *detail = split->op.ast->detail;
    size_t i;

    for (i = 0; i < detail->into.count; i++) {
        split->into[i] = add_column(&split->op, detail->into.items[i].name, err);
        if (split->into[i] == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

static int bind_split(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct split *split = (struct split *)op;
    const struct split_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i, source = in->ncols, first = 0;
    int rc = sfx_bind_column(&binder, detail->column, detail->at, &source);

    split->from = rc > 0 ? in->cols[source].vec : NULL;
    split->into = sfx_arena_calloc(&op->arena, detail->into.count, sizeof(*split->into), err);
    if (rc >= 0)
        rc = sfx_operator_start_columns(op, in, in->ncols + detail->into.count, err);
    if (rc < 0 || split->into == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    for (i = 0; i <= in->ncols && rc == 0; i++) {
        if (i < in->ncols && (i != source || detail->keep))
            op->out.cols[op->out.ncols++] = in->cols[i];
        if (i == source) {
            first = op->out.ncols;
            rc = add_parts(split, err);
        }
    }
    for (i = 0; i < detail->into.count && rc == 0; i++)
        rc = check_name(&binder, &op->out, first + i, detail->into.items[i].at);
    return rc;
}

/* Parts that are not there are null; the last column has all that is left. */
static int split_cell(struct split *split, const struct sfx_cell *cell, uint32_t row)
{
    const struct split_detail *detail = split->op.ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(&split->op);
    struct sfx_slice text = sfx_eval_cell_text(ev, cell), piece;
    struct sfx_pieces pieces;
    size_t i, n = detail->into.count;
    int rc = 1;

    sfx_pieces_init(&pieces, &detail->separator, text);
    for (i = 0; i < n; i++) {
        struct sfx_cell *part = &split->into[i]->cells[row];

        if (i + 1 == n && rc > 0 && !pieces.ended) {
            *part = i == 0 ? *cell : sfx_cell_string(sfx_pieces_rest(&pieces));
            break;
        }
        if (rc > 0)
            rc = sfx_pieces_next(&pieces, ev, &piece);
        if (rc < 0)
            return rc;
        if (rc == 0)
            *part = (struct sfx_cell){.kind = SFX_CELL_NULL};
        else
            *part = piece.len == text.len ? *cell : sfx_cell_string(piece);
    }
    return 0;
}

static int push_split(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    static const struct sfx_cell missing = {.kind = SFX_CELL_MISSING};
    struct split *split = (struct split *)op;
    const struct split_detail *detail = op->ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    size_t c;

    if (split->from != NULL)
        sfx_vec_make_cells(ev, split->from, in->sel, in->nsel);
    for (i = 0; i < in->nsel && ev->rc == 0; i++) {
        uint32_t row = in->sel[i];
        const struct sfx_cell *cell = split->from != NULL ? &split->from->cells[row] : &missing;
        int rc = 0;

        if (sfx_cell_is_null(cell)) {
            for (c = 0; c < detail->into.count; c++)
                split->into[c]->cells[row] = *cell;
        } else {
            rc = split_cell(split, cell, row);
        }
        if (rc < 0)
            return sfx_err_set(err, rc, "split: " SFX_REGEX_GAVE_UP);
    }
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_split = {
    .name = "split",
    .usage = "split COLUMN by SEPARATOR into NAME[, …] [keep]",
    .help = "puts the parts of a column's text into columns in its place; keep: behind it",
    .plan = "streaming",
    .rules = "SEPARATOR is a string or a /regex/. Parts that are not there are null; the last "
             "column has all that is left, with its separators. A text of one part keeps its "
             "bytes; null gives nulls.",
    .example = {.program = "split name by \" \" into first, last",
                .input = "id,name,n\n1,Ann Bo Cy,2\n3,Dan,4\n",
                .output = "id,first,last,n\n1,Ann,Bo Cy,2\n3,Dan,,4\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct split),
    .parse = parse_split,
    .bind = bind_split,
    .push = push_split,
};

/* --- merge ------------------------------------------------------------------------------------ */

struct merge_detail {
    struct sfx_selectors columns;
    struct sfx_slice into, separator;
    uint32_t at;
    bool keep;
};

struct merge {
    struct sfx_operator op;
    struct sfx_vec **from;
    size_t nfrom;
    struct sfx_vec *into;
};

static int parse_merge(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct merge_detail *detail = sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = sfx_parse_selectors(p, &detail->columns);
    if (rc == 0)
        rc = sfx_parse_expect(p, "into");
    if (rc == 0)
        rc = sfx_parse_name(p, "a column name", &detail->into, &detail->at);
    if (rc == 0)
        rc = sfx_parse_accept(p, "by");
    if (rc > 0 && p->token.kind != SFX_TOKEN_STRING)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "by is followed by a separator, in quotes");
    if (rc > 0) {
        detail->separator = p->token.value;
        rc = sfx_lex(p);
    }
    return rc < 0 ? rc : parse_keep(p, &detail->keep);
}

/* The columns to merge, in the list's order; *place: of the first of them in the frame. */
static int find_sources(struct merge *merge, const struct sfx_frame *in, struct sfx_binder *b,
                        size_t *place)
{
    const struct merge_detail *detail = merge->op.ast->detail;
    struct sfx_selection chosen;
    size_t i;
    int rc = sfx_selectors_resolve(&detail->columns, b, &chosen);

    if (rc < 0)
        return rc;
    merge->from = sfx_arena_calloc(b->arena, chosen.ncols + 1, sizeof(*merge->from), b->err);
    merge->nfrom = 0;
    *place = in->ncols;
    for (i = 0; i < chosen.ncols && merge->from != NULL; i++) {
        int32_t index = chosen.cols[i].index;

        if (index < 0)
            continue;
        merge->from[merge->nfrom++] = in->cols[index].vec;
        *place = (size_t)index < *place ? (size_t)index : *place;
    }
    return merge->from == NULL ? SFX_E_NOMEM : 0;
}

static int bind_merge(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct merge *merge = (struct merge *)op;
    const struct merge_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    size_t i, place, into = 0;
    bool *merged;
    int rc = find_sources(merge, in, &binder, &place);

    if (rc == 0)
        rc = sfx_selectors_mark(&detail->columns, &binder, &merged);
    if (rc == 0)
        rc = sfx_operator_start_columns(op, in, in->ncols + 1, err);
    for (i = 0; i <= in->ncols && rc == 0; i++) {
        if (i == place) {
            into = op->out.ncols;
            merge->into = add_column(op, detail->into, err);
            rc = merge->into == NULL ? SFX_E_NOMEM : 0;
        }
        if (i < in->ncols && (!merged[i] || detail->keep))
            op->out.cols[op->out.ncols++] = in->cols[i];
    }
    return rc < 0 ? rc : check_name(&binder, &op->out, into, detail->at);
}

/* Blank cells are left out, with their separators; one that is alone keeps its bytes. */
static int merge_row(struct merge *merge, uint32_t row)
{
    const struct merge_detail *detail = merge->op.ast->detail;
    struct sfx_eval *ev = sfx_operator_eval(&merge->op);
    struct sfx_cell *into = &merge->into->cells[row];
    const struct sfx_cell *only = NULL;
    size_t i, n = 0, len = 0;
    char *text, *at;

    for (i = 0; i < merge->nfrom; i++) {
        const struct sfx_cell *cell = &merge->from[i]->cells[row];

        if (sfx_cell_is_blank(cell))
            continue;
        only = cell;
        len += cell->len + (n++ > 0 ? detail->separator.len : 0); /* or less, without escapes */
    }
    *into = only != NULL ? *only : (struct sfx_cell){.kind = SFX_CELL_NULL};
    if (n < 2)
        return 0;
    text = at = sfx_eval_text(ev, len);
    for (i = 0; i < merge->nfrom && at != NULL; i++) {
        const struct sfx_cell *cell = &merge->from[i]->cells[row];
        struct sfx_slice part;

        if (sfx_cell_is_blank(cell))
            continue;
        if (at > text && detail->separator.len > 0)
            at = mempcpy(at, detail->separator.ptr, detail->separator.len);
        part = sfx_eval_cell_text(ev, cell);
        at = mempcpy(at, part.ptr, part.len);
    }
    *into = sfx_cell_string(sfx_slice(text, (size_t)(at - text)));
    return ev->rc;
}

static int push_merge(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct merge *merge = (struct merge *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    size_t c;

    for (c = 0; c < merge->nfrom; c++)
        sfx_vec_make_cells(ev, merge->from[c], in->sel, in->nsel);
    for (i = 0; i < in->nsel && ev->rc == 0; i++)
        ev->rc = merge_row(merge, in->sel[i]);
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    sfx_frame_take_rows(&op->out, in);
    return sfx_operator_pass(op, &op->out, err);
}

const struct sfx_verb sfx_verb_merge = {
    .name = "merge",
    .usage = "merge COLUMNS into NAME [by \"SEPARATOR\"] [keep]",
    .help = "joins the texts of columns in one, in the place of the first; keep: they stay",
    .plan = "streaming",
    .rules = "Without a separator nothing stands between them. Blank cells are left out; of blank "
             "cells only, the result is null.",
    .example = {.program = "merge first, last into name by \" \"",
                .input = "id,first,last\n1,Ann,Bo\n2,,Cy\n",
                .output = "id,name\n1,Ann Bo\n2,Cy\n"},
    .stateless = true,
    .parallel = true,
    .state_nbytes = sizeof(struct merge),
    .parse = parse_merge,
    .bind = bind_merge,
    .push = push_merge,
};
