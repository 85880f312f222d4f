/* SPDX-License-Identifier: MIT */
/*
 * profile: a record for each column that says what is in it. What needs memory is bounded for each
 * column: sketches for quantiles and many different values, a table of values until it is full.
 */
#include "query/profile_internal.h"

#include "base/size.h"

#include <string.h>

static int start(struct sfx_profile *profile, struct sfx_err *err)
{
    static const char *const names[SFX_PROFILE_NCALLS] = {
        [SFX_PROFILE_MEAN] = "mean",
        [SFX_PROFILE_STDDEV] = "stddev",
        [SFX_PROFILE_DISTINCT] = "approx_count_distinct",
        [SFX_PROFILE_QUANTILE] = "approx_quantile",
    };
    size_t i;

    for (i = 0; i < SFX_PROFILE_NCALLS; i++)
        profile->items[i].agg = sfx_aggregate_find(sfx_slice_str(names[i]));
    profile->items[SFX_PROFILE_QUANTILE].nmore = 1;
    profile->items[SFX_PROFILE_QUANTILE].more[0] = &profile->q;
    profile->numbers = sfx_vec_new(&profile->arena, SFX_TYPE_NUMBER, err);
    profile->calls = sfx_agg_calls_new(&(struct sfx_items){profile->items, SFX_PROFILE_NCALLS, 0},
                                       &profile->arena, &profile->state_nbytes, err);
    return profile->numbers == NULL || profile->calls == NULL ? SFX_E_NOMEM : 0;
}

/* The column of that name, found or made. */
static struct sfx_profile_column *column_of(struct sfx_profile *profile, struct sfx_slice name,
                                            size_t nframe, struct sfx_err *err)
{
    struct sfx_profile_column *col, **last = &profile->columns;
    char *copy;

    for (; *last != NULL; last = &(*last)->next) {
        if (sfx_slice_eq((*last)->name, name))
            return *last;
    }
    col = sfx_arena_calloc(&profile->arena, 1, sizeof(*col), err);
    copy = sfx_arena_strndup(&profile->arena, name.ptr, name.len, err);
    if (col == NULL || copy == NULL)
        return NULL;
    col->states = sfx_arena_calloc(&profile->arena, 1, profile->state_nbytes, err);
    if (col->states == NULL)
        return NULL;
    col->name = sfx_slice(copy, name.len);
    sfx_keyset_init(&col->values, &profile->op, sizeof(uint64_t));
    col->values.budget_nbytes = sfx_operator_opts(&profile->op)->memory_nbytes / 4 / nframe;
    *last = col;
    return col;
}

static int bind_profile(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_profile *profile = (struct sfx_profile *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_selectors *list = op->ast->detail;
    bool *chosen = NULL;
    size_t i;
    int rc = profile->calls == NULL ? start(profile, err) : 0;

    if (rc == 0 && list != NULL)
        rc = sfx_selectors_mark(list, &binder, &chosen);
    profile->of = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*profile->of), err);
    if (rc < 0 || profile->of == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    profile->vecs = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*profile->vecs), err);
    if (profile->vecs == NULL)
        return SFX_E_NOMEM;
    profile->ncols = 0;
    for (i = 0; i < in->ncols; i++) {
        if (chosen != NULL && !chosen[i])
            continue;
        profile->vecs[profile->ncols] = in->cols[i].vec;
        profile->of[profile->ncols] = column_of(profile, in->cols[i].name, in->ncols, err);
        if (profile->of[profile->ncols++] == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

/* --- what a cell is ----------------------------------------------------------------------------
 */

/* 007 and +1 are texts that look like numbers. */
static bool is_plain_number(struct sfx_slice text)
{
    size_t i = text.len > 0 && text.ptr[0] == '-';

    return text.len > i && text.ptr[i] != '+' &&
           !(text.len > i + 1 && text.ptr[i] == '0' && text.ptr[i + 1] >= '0' &&
             text.ptr[i + 1] <= '9');
}

static enum sfx_profile_kind kind_of(const struct sfx_cell *cell, struct sfx_slice text,
                                     struct sfx_decimal *number)
{
    struct sfx_timestamp time;

    if (cell->kind == SFX_CELL_JSON_NESTED)
        return SFX_PROFILE_JSON;
    if (sfx_slice_eq(text, SFX_SLICE_LIT("true")) || sfx_slice_eq(text, SFX_SLICE_LIT("false")))
        return SFX_PROFILE_BOOL;
    if (is_plain_number(text) && sfx_decimal_parse(text, number) == SFX_DECIMAL_OK)
        return number->scale == 0 ? SFX_PROFILE_INTEGER : SFX_PROFILE_DECIMAL;
    if (text.len >= 10 && text.ptr[4] == '-' && sfx_timestamp_parse(text, NULL, &time) == NULL)
        return text.len == 10 ? SFX_PROFILE_DATE : SFX_PROFILE_TIME;
    return SFX_PROFILE_TEXT;
}

static uint64_t length_of(struct sfx_slice text)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xC0) != 0x80; /* not inside a character of UTF-8 */
    return n;
}

static int note_text(struct sfx_profile_column *col, struct sfx_slice text, struct sfx_err *err)
{
    uint64_t length = length_of(text);
    struct sfx_buf *const ends[] = {&col->min_text, &col->max_text};
    size_t i;

    if (col->known == 0 || length < col->min_length)
        col->min_length = length;
    if (length > col->max_length)
        col->max_length = length;
    for (i = 0; i < SFX_COUNT(ends); i++) {
        int order = sfx_slice_cmp(text, sfx_buf_slice(ends[i]));

        if (col->known > 0 && (i == 0 ? order >= 0 : order <= 0))
            continue;
        sfx_buf_clear(ends[i]);
        if (sfx_buf_append(ends[i], text.ptr, text.len, err) < 0)
            return SFX_E_NOMEM;
    }
    return 0;
}

static void note_number(struct sfx_profile_column *col, const struct sfx_decimal *number)
{
    if (col->nnumbers == 0 || sfx_decimal_cmp(number, &col->min) < 0)
        col->min = *number;
    if (col->nnumbers == 0 || sfx_decimal_cmp(number, &col->max) > 0)
        col->max = *number;
    col->nnumbers++;
}

/* Looks at the cells of a column; those that are known become its selection. */
static int note_cells(struct sfx_profile *profile, struct sfx_profile_column *col,
                      const struct sfx_vec *vec, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_eval *ev = sfx_operator_eval(&profile->op);
    struct sfx_vec *numbers = profile->numbers;
    uint32_t i;
    int rc = 0;

    profile->nsel = 0;
    for (i = 0; i < in->nsel && rc == 0; i++) {
        uint16_t row = in->sel[i];
        const struct sfx_cell *cell = &vec->cells[row];
        struct sfx_slice text;
        enum sfx_profile_kind kind;

        if (sfx_cell_is_blank(cell))
            continue;
        text = sfx_eval_cell_text(ev, cell);
        kind = kind_of(cell, text, &numbers->nums[row]);
        numbers->flags[row] = kind > SFX_PROFILE_DECIMAL;
        if (kind <= SFX_PROFILE_DECIMAL)
            note_number(col, &numbers->nums[row]);
        rc = note_text(col, text, err);
        col->kinds[kind]++;
        col->known++;
        profile->sel[profile->nsel++] = row;
    }
    return rc;
}

/* Counts the values until the table is full; then those that are in it. */
static int count_values(struct sfx_profile *profile, struct sfx_profile_column *col,
                        struct sfx_vec *vec, struct sfx_err *err)
{
    int64_t end = 0;
    uint32_t i;
    int rc = sfx_keys_make(&profile->keys, sfx_operator_eval(&profile->op), &vec, NULL, 1,
                           profile->sel, profile->nsel, err);

    if (rc == 0 && !col->full)
        end = sfx_keyset_add_some(&col->values, &profile->keys, 0, profile->nsel, profile->entries,
                                  profile->fresh, err);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : (int)end;
    col->full = col->full || end < profile->nsel;
    sfx_keyset_find(&col->values, &profile->keys, (uint32_t)end, profile->nsel, profile->entries);
    for (i = 0; i < profile->nsel; i++) {
        if (profile->entries[i] != NULL)
            ++*(uint64_t *)profile->entries[i]->payload;
    }
    return 0;
}

/* Adds the known cells, or the numbers among them, to the states of a column. */
static int add_to_states(struct sfx_profile *profile, struct sfx_profile_column *col,
                         const struct sfx_vec *vec, struct sfx_err *err)
{
    struct sfx_agg_ctx ctx = {.ev = sfx_operator_eval(&profile->op), .arena = &profile->arena};
    uint32_t i;
    size_t c;

    for (i = 0; i < profile->nsel; i++)
        profile->states[i] = col->states;
    for (c = 0; c < SFX_PROFILE_NCALLS; c++) {
        const struct sfx_agg_call *call = &profile->calls[c];
        const struct sfx_vec *arg = c == SFX_PROFILE_DISTINCT ? vec : profile->numbers;
        int rc;

        ctx.call = call;
        rc = call->agg->add(&ctx, arg, profile->sel, profile->nsel, profile->states, call->offset);
        if (rc == SFX_E_INPUT) /* a sum of too many digits: there is no such figure */
            col->lacks |= 1u << c;
        else if (rc < 0)
            return sfx_err_set(err, rc, "no memory for a profile");
    }
    return 0;
}

static int push_profile(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_profile *profile = (struct sfx_profile *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t i;
    int rc = 0;

    profile->nrecords += in->nsel;
    for (i = 0; i < profile->ncols && rc == 0; i++) {
        struct sfx_profile_column *col = profile->of[i];

        sfx_vec_make_cells(ev, profile->vecs[i], in->sel, in->nsel);
        rc = ev->rc < 0 ? sfx_err_set(err, ev->rc, "no memory for computed values")
                        : note_cells(profile, col, profile->vecs[i], in, err);
        if (rc == 0 && profile->nsel > 0)
            rc = count_values(profile, col, profile->vecs[i], err);
        if (rc == 0 && profile->nsel > 0)
            rc = add_to_states(profile, col, profile->vecs[i], err);
    }
    return rc;
}

static int parse_profile(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    return sfx_parse_at_end(p) ? 0 : sfx_parse_selector_stage(p, stage);
}

static void destroy_profile(struct sfx_operator *op)
{
    struct sfx_profile *profile = (struct sfx_profile *)op;
    struct sfx_profile_column *col;

    for (col = profile->columns; col != NULL; col = col->next) {
        sfx_keyset_done(&col->values);
        sfx_buf_done(&col->min_text);
        sfx_buf_done(&col->max_text);
    }
    sfx_keys_done(&profile->keys);
    sfx_arena_done(&profile->arena);
}

const struct sfx_verb sfx_verb_profile = {
    .name = "profile",
    .usage = "profile [COLUMNS]",
    .help = "a record for each column: its type, how many cells are known, blank and different, "
            "least and greatest, quantiles, lengths, most frequent values, histogram",
    .plan = "blocking; a quarter of --memory for counting values, 40 KiB a column for sketches",
    .rules = "The type is the narrowest that fits all cells: integer, decimal, bool, date, time, "
             "json, else text; 007 is a text. Numbers are ordered by value, all else by bytes; "
             "lengths are in characters. Quantiles are approximate. Where a ~ stands in front, "
             "the values were too many to count: distinct is estimated, top is of those seen "
             "first. The bars of the histogram part the range from min to max in eight.",
    .example =
        {.program =
             "profile | select column, type, count, blank, distinct, min, max, mean, median, top",
         .input = "k,v\na,1\nb,2.5\na,\n",
         .output = "column,type,count,blank,distinct,min,max,mean,median,top\n"
                   "k,text,3,0,2,a,b,,,\"a (2), b (1)\"\nv,decimal,2,1,2,1,2.5,1.75,1.75,\n"},
    .fixes_columns = true,
    .state_nbytes = sizeof(struct sfx_profile),
    .parse = parse_profile,
    .bind = bind_profile,
    .push = push_profile,
    .finish = sfx_profile_finish,
    .destroy = destroy_profile,
};
