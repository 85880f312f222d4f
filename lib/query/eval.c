/* SPDX-License-Identifier: MIT */
/* The evaluator: walks the nodes, keeps computed text, and notes which rows went wrong. */
#include "query/eval_internal.h"

#include "query/query.h"
#include "value/unicode.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BLOCK_NBYTES ((size_t)256 * 1024)

int sfx_eval_init(struct sfx_eval *ev, struct sfx_err *err)
{
    *ev = (struct sfx_eval){0};
    ev->bad = calloc(SFX_BATCH_ROWS, 1);
    ev->errors = calloc(SFX_BATCH_ROWS, sizeof(*ev->errors));
    if (ev->bad == NULL || ev->errors == NULL) {
        sfx_eval_done(ev);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the evaluator");
    }
    return 0;
}

void sfx_eval_done(struct sfx_eval *ev)
{
    while (ev->sels != NULL) {
        struct sfx_sel *older = ev->sels->older;

        free(ev->sels);
        ev->sels = older;
    }
    while (ev->free_sels != NULL) {
        struct sfx_sel *older = ev->free_sels->older;

        free(ev->free_sels);
        ev->free_sels = older;
    }
    sfx_arena_done(&ev->text);
    sfx_buf_done(&ev->scratch);
    sfx_buf_done(&ev->made);
    sfx_unicode_free(ev->unicode);
    sfx_matcher_done(&ev->matcher);
    while (ev->collations != NULL) {
        struct sfx_collation *older = ev->collations->older;

        freelocale(ev->collations->locale);
        free(ev->collations);
        ev->collations = older;
    }
    free(ev->bad);
    free(ev->errors);
    sfx_zones_done(&ev->zones);
    *ev = (struct sfx_eval){0};
}

void sfx_eval_reset(struct sfx_eval *ev)
{
    sfx_arena_reset(&ev->text);
    ev->text_at = ev->text_end = NULL;
}

char *sfx_eval_text(struct sfx_eval *ev, size_t len)
{
    char *at;

    if (len > UINT32_MAX) { /* a cell is smaller */
        ev->rc = SFX_E_NOMEM;
        return NULL;
    }
    if (ev->text_at == NULL || (size_t)(ev->text_end - ev->text_at) < len) {
        size_t block = len > TEXT_BLOCK_NBYTES ? len : TEXT_BLOCK_NBYTES;

        at = sfx_arena_alloc(&ev->text, block, NULL);
        if (at == NULL) {
            ev->rc = SFX_E_NOMEM;
            return NULL;
        }
        ev->text_at = at;
        ev->text_end = at + block;
    }
    at = ev->text_at;
    ev->text_at += len;
    return at;
}

struct sfx_slice sfx_eval_unescape(struct sfx_eval *ev, const struct sfx_cell *cell)
{
    struct sfx_slice text = {0};
    char *copy;
    int rc = sfx_cell_text(cell, &ev->scratch, &text, NULL);

    if (rc == SFX_E_NOMEM)
        ev->rc = rc;
    if (rc < 0) /* a reader lets no broken escape through */
        return sfx_slice(cell->ptr, cell->len);
    copy = sfx_eval_text(ev, text.len);
    if (copy == NULL)
        return sfx_slice(NULL, 0);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return sfx_slice(copy, text.len);
}

uint16_t *sfx_eval_push_sel(struct sfx_eval *ev)
{
    struct sfx_sel *sel = ev->free_sels;

    if (sel != NULL) {
        ev->free_sels = sel->older;
    } else {
        sel = malloc(sizeof(*sel));
        if (sel == NULL) {
            ev->rc = SFX_E_NOMEM;
            return NULL;
        }
    }
    sel->older = ev->sels;
    ev->sels = sel;
    return sel->rows;
}

void sfx_eval_pop_sel(struct sfx_eval *ev)
{
    struct sfx_sel *sel = ev->sels;

    ev->sels = sel->older;
    sel->older = ev->free_sels;
    ev->free_sels = sel;
}

void sfx_vec_set_null(struct sfx_vec *vec, uint32_t row)
{
    if (sfx_type_in_nums(vec->type))
        vec->flags[row] = 1;
    else if (vec->type == SFX_TYPE_BOOL)
        vec->flags[row] = 0;
    else
        vec->cells[row] = (struct sfx_cell){.kind = SFX_CELL_NULL};
}

void sfx_eval_fail(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                   const struct sfx_slice *value, const char *reason)
{
    sfx_vec_set_null(node->vec, row);
    if (ev->soft > 0 || ev->bad[row])
        return;
    if (ev->nulls != NULL && sfx_error_count_allows(ev->nulls)) {
        ev->nnulls++;
        return;
    }
    ev->bad[row] = 1;
    ev->errors[ev->nerrors++] = (struct sfx_row_error){
        .row = (uint16_t)row,
        .column = node->column,
        .value = value != NULL ? *value : sfx_slice(NULL, 0),
        .has_value = value != NULL,
        .reason = reason,
    };
}

bool sfx_eval_match(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                    struct sfx_slice text, struct sfx_regex_walk *walk)
{
    const struct sfx_regex *regex = node->expr->regex;
    int rc = walk != NULL ? sfx_regex_walk(regex, &ev->matcher, text, walk)
                          : sfx_regex_find(regex, &ev->matcher, text, 0);

    if (rc == SFX_E_NOMEM)
        ev->rc = rc;
    else if (rc < 0)
        sfx_eval_fail(ev, node, row, NULL, SFX_REGEX_GAVE_UP);
    return rc > 0;
}

void sfx_eval_note(struct sfx_eval *ev, const struct sfx_row_error *error)
{
    if (ev->bad[error->row])
        return;
    ev->bad[error->row] = 1;
    ev->errors[ev->nerrors++] = *error;
}

void sfx_eval_forget(struct sfx_eval *ev)
{
    uint32_t i;

    for (i = 0; i < ev->nerrors; i++)
        ev->bad[ev->errors[i].row] = 0;
    ev->nerrors = 0;
}

/* Calls a row function for the rows where no argument is null. */
static void run_rows(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                     uint32_t nsel)
{
    uint32_t i;
    size_t a;

    for (i = 0; i < nsel && ev->rc == 0; i++) {
        uint32_t row = sel[i];

        for (a = 0; a < node->nargs && !sfx_vec_is_null(node->args[a]->vec, row); a++)
            ;
        if (a < node->nargs)
            sfx_vec_set_null(node->vec, row);
        else
            node->fn->row(ev, node, row);
    }
}

void sfx_eval_node(struct sfx_eval *ev, const struct sfx_node *node, const uint16_t *sel,
                   uint32_t nsel)
{
    size_t a;

    if (node->fn == NULL || ev->rc < 0 || nsel == 0)
        return;
    node->vec->has_cells = false;
    if (node->fn->lazy != NULL) {
        node->fn->lazy(ev, node, sel, nsel);
        return;
    }
    for (a = 0; a < node->nargs; a++)
        sfx_eval_node(ev, node->args[a], sel, nsel);
    if (ev->rc < 0)
        return;
    if (node->fn->kernel != NULL)
        node->fn->kernel(ev, node, sel, nsel);
    else
        run_rows(ev, node, sel, nsel);
}

size_t sfx_slot_format(enum sfx_type type, const struct sfx_decimal *slot,
                       char out[SFX_SLOT_TEXT_NBYTES])
{
    struct sfx_timestamp time;

    switch (type) {
    case SFX_TYPE_TIME: time = sfx_slot_time(slot); return sfx_timestamp_format(&time, out);
    case SFX_TYPE_FLOAT: return sfx_float_format(sfx_slot_float(slot), out);
    default: return sfx_decimal_format(slot, out);
    }
}

static void slot_cells(struct sfx_eval *ev, const struct sfx_vec *vec, struct sfx_cell *cells,
                       const uint16_t *sel, uint32_t nsel)
{
    uint8_t kind = vec->type == SFX_TYPE_TIME ? SFX_CELL_STRING : SFX_CELL_NUMBER;
    uint32_t i;

    for (i = 0; i < nsel; i++) {
        uint32_t row = sel[i];
        struct sfx_cell *cell = &cells[row];
        char *text;

        if (vec->flags[row]) {
            *cell = (struct sfx_cell){.kind = SFX_CELL_NULL};
            continue;
        }
        text = sfx_eval_text(ev, SFX_SLOT_TEXT_NBYTES);
        if (text == NULL)
            return;
        *cell = (struct sfx_cell){.ptr = text, .kind = kind};
        cell->len = vec->type == SFX_TYPE_NUMBER
                        ? (uint32_t)sfx_decimal_format(&vec->nums[row], text)
                        : (uint32_t)sfx_slot_format(vec->type, &vec->nums[row], text);
        ev->text_at = text + cell->len; /* the rest of the room is for the next */
    }
}

static void bool_cells(const struct sfx_vec *vec, struct sfx_cell *cells, const uint16_t *sel,
                       uint32_t nsel)
{
    static const struct sfx_cell yes = {"true", 4, SFX_CELL_BOOL, 0, 0},
                                 no = {"false", 5, SFX_CELL_BOOL, 0, 0};
    uint32_t i;

    for (i = 0; i < nsel; i++)
        cells[sel[i]] = vec->flags[sel[i]] ? yes : no;
}

void sfx_vec_write_cells(struct sfx_eval *ev, const struct sfx_vec *vec, struct sfx_cell *cells,
                         const uint16_t *sel, uint32_t nsel)
{
    if (sfx_type_in_nums(vec->type))
        slot_cells(ev, vec, cells, sel, nsel);
    else
        bool_cells(vec, cells, sel, nsel);
}

void sfx_vec_make_cells(struct sfx_eval *ev, struct sfx_vec *vec, const uint16_t *sel,
                        uint32_t nsel)
{
    if (vec->has_cells || !sfx_type_makes_cells(vec->type))
        return;
    sfx_vec_write_cells(ev, vec, vec->cells, sel, nsel);
    vec->has_cells = true;
}
