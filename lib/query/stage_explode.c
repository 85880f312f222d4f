/* SPDX-License-Identifier: MIT */
/* explode: a record for each part of a cell, of a text or of a JSON array. */
#include "query/pieces_internal.h"

#include "json/json.h"

struct explode_detail {
    struct sfx_slice column;
    uint32_t at;
    struct sfx_separator separator;
    bool separates;
};

struct explode {
    struct sfx_operator op;
    struct sfx_row_origin *rows; /* of what it hands on */
    uint16_t *sel;
    struct sfx_vec **from; /* the columns that come in */
    size_t target;         /* the one that is taken apart */
    bool has_target;
};

static int parse_explode(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct explode_detail *detail =
        sfx_arena_calloc(&p->program->arena, 1, sizeof(*detail), p->err);
    int rc;

    if (detail == NULL)
        return SFX_E_NOMEM;
    stage->detail = detail;
    rc = sfx_parse_name(p, "a column", &detail->column, &detail->at);
    if (rc == 0)
        rc = sfx_parse_separator(p, &detail->separator);
    detail->separates = rc > 0;
    return rc < 0 ? rc : 0;
}

static int bind_explode(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct explode *explode = (struct explode *)op;
    const struct explode_detail *detail = op->ast->detail;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    struct sfx_frame *out = &op->out;
    size_t i;
    int rc = sfx_bind_column(&binder, detail->column, detail->at, &explode->target);

    if (rc < 0)
        return rc;
    explode->has_target = rc > 0;
    out->cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*out->cols), err);
    explode->from = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*explode->from), err);
    if (out->cols == NULL || explode->from == NULL || sfx_frame_make_rows(out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    explode->rows = out->rows;
    explode->sel = out->sel;
    out->ncols = in->ncols;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    for (i = 0; i < in->ncols; i++) {
        bool taken_apart = explode->has_target && i == explode->target;

        explode->from[i] = in->cols[i].vec;
        out->cols[i] = in->cols[i];
        out->cols[i].vec =
            sfx_vec_new(&op->arena, taken_apart ? SFX_TYPE_CELL : in->cols[i].vec->type, err);
        if (out->cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

/* --- the parts of a cell ---------------------------------------------------------------------- */

struct parts {
    const struct sfx_cell *whole; /* NULL: it was given, or is in parts */
    bool is_json;
    struct sfx_pieces pieces;
    struct sfx_json_reader json;
    bool none_yet; /* an array of nothing gives a null */
};

/* Whether a text is a JSON array; of JSON's own values the kind says so. */
static bool is_array(const struct sfx_cell *cell, struct sfx_slice text)
{
    if (text.len == 0 || text.ptr[0] != '[')
        return false;
    if (cell->kind == SFX_CELL_JSON_NESTED)
        return true;
    return (cell->kind == SFX_CELL_TEXT || cell->kind == SFX_CELL_STRING) &&
           sfx_json_validate(text.ptr, text.len, NULL) == 0;
}

static void begin_parts(struct explode *explode, const struct sfx_cell *cell, struct parts *parts)
{
    const struct explode_detail *detail = explode->op.ast->detail;
    struct sfx_json_token bracket;
    struct sfx_slice text;

    *parts = (struct parts){.whole = cell};
    if (sfx_cell_is_null(cell))
        return;
    text = sfx_eval_cell_text(sfx_operator_eval(&explode->op), cell);
    if (is_array(cell, text) && (!detail->separates || cell->kind == SFX_CELL_JSON_NESTED)) {
        sfx_json_reader_init(&parts->json, text.ptr, text.len);
        if (sfx_json_next(&parts->json, &bracket, NULL) <= 0)
            return;
        parts->is_json = parts->none_yet = true;
        parts->whole = NULL;
    } else if (detail->separates && cell->kind != SFX_CELL_JSON_NESTED) {
        sfx_pieces_init(&parts->pieces, &detail->separator, text);
    }
}

static int next_element(struct parts *parts, struct sfx_cell *cell, struct sfx_err *err)
{
    struct sfx_json_token token;
    bool none_yet = parts->none_yet;
    int rc = sfx_json_next(&parts->json, &token, err);

    parts->none_yet = false;
    if (rc <= 0)
        return rc;
    if (token.type != SFX_JSON_ARRAY_END) {
        rc = sfx_cell_read_json(&parts->json, &token, cell, err);
        return rc < 0 ? rc : 1;
    }
    *cell = (struct sfx_cell){.kind = SFX_CELL_NULL};
    return none_yet;
}

/* The next part: 1; 0 behind the last. */
static int next_part(struct explode *explode, struct parts *parts, struct sfx_cell *cell,
                     struct sfx_err *err)
{
    struct sfx_slice piece;
    int rc;

    if (parts->is_json)
        return next_element(parts, cell, err);
    if (parts->pieces.separator == NULL) {
        if (parts->whole == NULL)
            return 0;
        *cell = *parts->whole;
        parts->whole = NULL;
        return 1;
    }
    rc = sfx_pieces_next(&parts->pieces, sfx_operator_eval(&explode->op), &piece);
    if (rc < 0)
        return sfx_err_set(err, rc, "explode: " SFX_REGEX_GAVE_UP);
    if (rc > 0) /* a cell of one part keeps its bytes */
        *cell = parts->pieces.ended && piece.len == parts->pieces.text.len ? *parts->whole
                                                                           : sfx_cell_string(piece);
    return rc;
}

/* --- records ---------------------------------------------------------------------------------- */

static void begin_frame(struct explode *explode)
{
    struct sfx_frame *out = &explode->op.out;
    size_t i;

    out->nrows = 0;
    for (i = 0; i < out->ncols; i++)
        out->cols[i].vec->has_cells = explode->from[i]->has_cells;
}

static void add_record(struct explode *explode, const struct sfx_frame *in, uint32_t row,
                       const struct sfx_cell *part)
{
    struct sfx_frame *out = &explode->op.out;
    uint32_t at = out->nrows++;
    size_t i;

    for (i = 0; i < out->ncols; i++) {
        if (i == explode->target && explode->has_target)
            out->cols[i].vec->cells[at] = *part;
        else
            sfx_vec_copy_row(out->cols[i].vec, at, explode->from[i], row);
    }
    out->rows[at] = in->rows[row];
}

static int pass_frame(struct explode *explode, struct sfx_err *err)
{
    struct sfx_frame *out = &explode->op.out;
    uint32_t i;
    int rc;

    for (i = 0; i < out->nrows; i++)
        out->sel[i] = (uint16_t)i;
    out->nsel = out->nrows;
    rc = sfx_operator_pass(&explode->op, out, err);
    begin_frame(explode);
    return rc;
}

static int explode_record(struct explode *explode, const struct sfx_frame *in, uint32_t row,
                          struct sfx_err *err)
{
    static const struct sfx_cell none = {.kind = SFX_CELL_MISSING};
    const struct sfx_cell *cell =
        explode->has_target ? &explode->from[explode->target]->cells[row] : &none;
    struct sfx_cell part;
    struct parts parts;
    int rc;

    begin_parts(explode, cell, &parts);
    while ((rc = next_part(explode, &parts, &part, err)) > 0) {
        if (explode->op.out.nrows == SFX_BATCH_ROWS) {
            rc = pass_frame(explode, err);
            if (rc < 0 || sfx_operator_is_done(&explode->op))
                return rc;
        }
        add_record(explode, in, row, &part);
    }
    return rc;
}

static int push_explode(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct explode *explode = (struct explode *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    int rc = 0;

    if (explode->has_target)
        sfx_vec_make_cells(ev, explode->from[explode->target], in->sel, in->nsel);
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    sfx_frame_take_rows(&op->out, in);
    op->out.rows = explode->rows;
    op->out.sel = explode->sel;
    begin_frame(explode);
    for (i = 0; i < in->nsel && rc == 0 && !sfx_operator_is_done(op); i++)
        rc = explode_record(explode, in, in->sel[i], err);
    return rc < 0 ? rc : pass_frame(explode, err);
}

const struct sfx_verb sfx_verb_explode = {
    .name = "explode",
    .usage = "explode COLUMN [by SEPARATOR]",
    .help = "hands on a record for each part of a column's text, or each element of a JSON array",
    .plan = "streaming",
    .rules = "SEPARATOR is a string or a /regex/; without one only arrays are taken apart, also "
             "those that are the text of a cell. What is not in parts stays as it is, and so does "
             "null; an empty text is one part, an empty array a null.",
    .example = {.program = "explode tag by \";\"",
                .input = "id,tag\n1,a;b\n2,c\n",
                .output = "id,tag\n1,a\n1,b\n2,c\n"},
    .stateless = true,
    .state_nbytes = sizeof(struct explode),
    .parse = parse_explode,
    .bind = bind_explode,
    .push = push_explode,
};
