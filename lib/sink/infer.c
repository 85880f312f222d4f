/* SPDX-License-Identifier: MIT */
/*
 * Inference is elimination: a column starts with every form, each value takes away what it does not
 * have, and the narrowest form that is left is the type. A column that is down to text costs
 * nothing more.
 */
#include "sink/infer.h"

#include "sink/exact.h"
#include "value/timestamp.h"

#include <stdlib.h>
#include <string.h>

enum infer_form { /* the first four are enum sfx_exact_form */
                  FORM_BOOLEAN = 16,
                  FORM_JSON = 32,
                  FORM_TIME = 64, /* a date or a time: the column's style tells which */
                  FORM_ALL = 127,
                  FORM_NUMBERS =
                      SFX_EXACT_INTEGER | SFX_EXACT_DECIMAL | SFX_EXACT_REAL | SFX_EXACT_NUMERIC,
};

void sfx_infer_reset(struct sfx_infer *infer)
{
    infer->schema.ncols = 0;
    infer->mapped = false;
    infer->nrecords = 0;
    sfx_arena_reset(&infer->names);
}

static int grow(struct sfx_infer *infer, size_t ncols, struct sfx_err *err)
{
    size_t cap = infer->cap_cols;
    void *columns, *schema, *map;

    if (ncols <= cap)
        return 0;
    cap = cap * 2 > ncols ? cap * 2 : ncols;
    columns = reallocarray(infer->columns, cap, sizeof(*infer->columns));
    if (columns != NULL)
        infer->columns = columns;
    schema = reallocarray(infer->schema.columns, cap, sizeof(*infer->schema.columns));
    if (schema != NULL)
        infer->schema.columns = schema;
    map = reallocarray(infer->map, cap, sizeof(*infer->map));
    if (map != NULL)
        infer->map = map;
    if (columns == NULL || schema == NULL || map == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    infer->cap_cols = cap;
    return 0;
}

static int add_column(struct sfx_infer *infer, struct sfx_slice name, struct sfx_err *err)
{
    size_t at = infer->schema.ncols;
    char *copy;
    int rc = grow(infer, at + 1, err);

    if (rc < 0)
        return rc;
    copy = sfx_arena_strndup(&infer->names, name.ptr, name.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    infer->columns[at] = (struct sfx_infer_column){.forms = infer->text_only ? 0 : FORM_ALL};
    infer->schema.columns[at] = (struct sfx_sink_column){.name = sfx_slice(copy, name.len)};
    infer->schema.ncols++;
    return 0;
}

static bool is_known(const struct sfx_infer *infer, size_t at, struct sfx_slice name)
{
    size_t i;

    /* Readers add columns at the end, so a known one nearly always stands where it stood. */
    if (at < infer->schema.ncols && sfx_slice_eq(infer->schema.columns[at].name, name))
        return true;
    for (i = 0; i < infer->schema.ncols; i++) {
        if (sfx_slice_eq(infer->schema.columns[i].name, name))
            return true;
    }
    return false;
}

static int remap(struct sfx_infer *infer, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < batch->ncols; i++) {
        if (!is_known(infer, i, batch->columns[i].name))
            rc = add_column(infer, batch->columns[i].name, err);
    }
    if (rc < 0)
        return rc;
    sfx_sink_map(&infer->schema, batch, infer->map);
    infer->schema_id = batch->schema_id;
    infer->mapped = true;
    return 0;
}

/*
 * What a number can be stored as. by_value: it is a number by its kind (JSON, computed), so 3.00, 3
 * and 2.5 may share a DECIMAL of the largest scale; fields of text only share the scale they all
 * have.
 */
static unsigned number_forms(struct sfx_infer_column *col, const struct sfx_cell *cell,
                             bool by_value)
{
    struct sfx_exact num;

    sfx_exact_scan(sfx_slice(cell->ptr, cell->len), &num);
    if (by_value && (num.forms & SFX_EXACT_INTEGER) != 0)
        num.forms |= SFX_EXACT_DECIMAL;
    if ((num.forms & SFX_EXACT_DECIMAL) != 0 && (col->forms & SFX_EXACT_DECIMAL) != 0) {
        if (num.scale != col->scale && col->seen)
            col->scales_differ = true;
        if (num.scale > col->scale || !col->seen)
            col->scale = num.scale;
        if (num.int_len > col->int_len)
            col->int_len = num.int_len;
        if ((col->scales_differ && !by_value) || col->int_len + col->scale > 15)
            num.forms &= ~(unsigned)SFX_EXACT_DECIMAL;
    }
    return num.forms;
}

/* A time of any spelling that parsing takes: whether it is written back so. */
static bool comes_back(struct sfx_slice text, uint32_t *style)
{
    char back[SFX_TIMESTAMP_TEXT_NBYTES];
    struct sfx_timestamp t;

    if (sfx_timestamp_parse(text, NULL, &t) != NULL ||
        !sfx_slice_eq(sfx_slice(back, sfx_timestamp_format(&t, back)), text))
        return false;
    *style = t.style;
    return true;
}

/* Dates and times that are written back as they stand, in the style of the column's first. */
static unsigned time_forms(struct sfx_infer_column *col, const struct sfx_cell *cell)
{
    const struct sfx_slice text = sfx_slice(cell->ptr, cell->len);
    struct sfx_time_style style;
    uint32_t packed;

    /* Databases write seconds, and have no year 0. */
    if ((col->forms & FORM_TIME) == 0 || text.len < sizeof("2026-01-05") - 1 ||
        text.ptr[4] != '-' || memcmp(text.ptr, "0000", 4) == 0 ||
        (cell->flags & SFX_CELL_ESCAPED) != 0)
        return 0;
    if (!sfx_timestamp_is_plain(text, &packed) && !comes_back(text, &packed))
        return 0;
    if (col->seen)
        return col->style == packed ? FORM_TIME : 0;
    style = sfx_time_style_unpack(packed);
    col->style = packed;
    return style.offset_s == 0 && !style.minutes ? FORM_TIME : 0;
}

static void look(struct sfx_infer_column *col, const struct sfx_cell *cell)
{
    unsigned forms = 0;

    switch (cell->kind) {
    case SFX_CELL_MISSING:
    case SFX_CELL_NULL: return;
    case SFX_CELL_TEXT:
        if (cell->len == 0)
            return;
        if ((col->forms & FORM_NUMBERS) != 0)
            forms = number_forms(col, cell, false);
        if (forms == 0)
            forms = time_forms(col, cell);
        break;
    case SFX_CELL_JSON_STRING:
    case SFX_CELL_STRING: forms = time_forms(col, cell); break;
    case SFX_CELL_JSON_NUMBER:
    case SFX_CELL_NUMBER: forms = number_forms(col, cell, true); break;
    case SFX_CELL_JSON_BOOL:
    case SFX_CELL_BOOL: forms = FORM_BOOLEAN; break;
    case SFX_CELL_JSON_NESTED: forms = FORM_JSON; break;
    default: break;
    }
    col->forms &= (uint8_t)forms;
    col->seen = true;
}

int sfx_infer_batch(struct sfx_infer *infer, const struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;
    uint32_t k;
    int rc;

    if (!infer->mapped || infer->schema_id != batch->schema_id) {
        rc = remap(infer, batch, err);
        if (rc < 0)
            return rc;
    }
    for (i = 0; i < infer->schema.ncols; i++) {
        struct sfx_infer_column *col = &infer->columns[i];
        const struct sfx_cell *cells;

        if (infer->map[i] < 0)
            continue;
        cells = batch->columns[infer->map[i]].cells;
        for (k = 0; k < batch->nsel && col->forms != 0; k++)
            look(col, &cells[batch->sel[k]]);
    }
    infer->nrecords += batch->nsel;
    return 0;
}

int sfx_infer_add(struct sfx_infer *infer, const struct sfx_sink_column *column,
                  struct sfx_err *err)
{
    int rc = grow(infer, infer->schema.ncols + 1, err);

    if (rc < 0)
        return rc;
    if (is_known(infer, 0, column->name))
        return sfx_err_set(err, SFX_E_INPUT, "the input has a column %.*s itself",
                           SFX_SLICE_ARG(column->name));
    infer->schema.columns[infer->schema.ncols++] = *column;
    return 0;
}

static enum sfx_type type_of_style(struct sfx_time_style style)
{
    switch (style.form) {
    case SFX_TIME_DATE: return SFX_TYPE_DATE;
    case SFX_TIME_LOCAL: return SFX_TYPE_TIMESTAMP;
    case SFX_TIME_INSTANT: break;
    }
    return SFX_TYPE_TIMESTAMPTZ;
}

static enum sfx_type narrowest(const struct sfx_infer_column *col)
{
    if (!col->seen || col->forms == 0)
        return SFX_TYPE_TEXT;
    if (col->forms & SFX_EXACT_INTEGER)
        return SFX_TYPE_INTEGER;
    if ((col->forms & SFX_EXACT_DECIMAL) != 0 && !col->scales_differ)
        return SFX_TYPE_DECIMAL;
    if (col->forms & SFX_EXACT_REAL)
        return SFX_TYPE_REAL;
    if (col->forms & SFX_EXACT_NUMERIC)
        return SFX_TYPE_NUMERIC;
    if (col->forms & SFX_EXACT_DECIMAL)
        return SFX_TYPE_DECIMAL;
    if (col->forms & FORM_TIME)
        return type_of_style(sfx_time_style_unpack(col->style));
    return col->forms & FORM_BOOLEAN ? SFX_TYPE_BOOLEAN : SFX_TYPE_JSON;
}

void sfx_infer_finish(struct sfx_infer *infer)
{
    size_t i;

    for (i = 0; i < infer->schema.ncols; i++) {
        struct sfx_sink_column *col = &infer->schema.columns[i];

        col->type = narrowest(&infer->columns[i]);
        col->empty = !infer->columns[i].seen;
        col->scale = col->type == SFX_TYPE_DECIMAL
                         ? infer->columns[i].scale
                         : sfx_time_style_unpack(infer->columns[i].style).digits;
    }
}

void sfx_infer_done(struct sfx_infer *infer)
{
    free(infer->columns);
    free(infer->schema.columns);
    free(infer->map);
    sfx_arena_done(&infer->names);
    *infer = (struct sfx_infer){.text_only = infer->text_only};
}
