/* SPDX-License-Identifier: MIT */
/* The records of profile: one for each column. */
#include "query/profile_internal.h"

#include "base/size.h"

#include <inttypes.h>
#include <string.h>

enum {
    OUT_COLUMN,
    OUT_TYPE,
    OUT_COUNT,
    OUT_BLANK,
    OUT_DISTINCT,
    OUT_MIN,
    OUT_MAX,
    OUT_MEAN,
    OUT_STDDEV,
    OUT_P25,
    OUT_MEDIAN,
    OUT_P75,
    OUT_MIN_LENGTH,
    OUT_MAX_LENGTH,
    OUT_TOP,
    OUT_HISTOGRAM,
    OUT_NCOLS
};

static const char *const out_names[OUT_NCOLS] = {
    "column", "type", "count",  "blank", "distinct",   "min",        "max", "mean",
    "stddev", "p25",  "median", "p75",   "min_length", "max_length", "top", "histogram"};

#define NTOP         5
#define VALUE_NBYTES 40 /* of a value among the top ones */
#define NBARS        8
#define NPOINTS      128 /* of the distribution, which the bars are made of */

/* A row of the frame that goes out, being written. */
struct out_row {
    struct sfx_profile *profile;
    const struct sfx_profile_column *col;
    uint32_t row;
    struct sfx_buf text;
    int rc;
};

/* Puts text to a column of the row; nothing is null. */
static void put(struct out_row *out, size_t column, struct sfx_slice text, enum sfx_cell_kind kind)
{
    struct sfx_cell *cell = &out->profile->op.out.cols[column].vec->cells[out->row];
    char *copy =
        text.len > 0 ? sfx_eval_text(sfx_operator_eval(&out->profile->op), text.len) : NULL;

    *cell = (struct sfx_cell){.kind = SFX_CELL_NULL};
    if (text.len > 0 && copy == NULL)
        out->rc = SFX_E_NOMEM;
    if (copy == NULL)
        return;
    memcpy(copy, text.ptr, text.len);
    *cell = sfx_cell_string(sfx_slice(copy, text.len));
    cell->kind = (uint8_t)kind;
}

static void put_count(struct out_row *out, size_t column, uint64_t count)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];
    struct sfx_decimal number = {(int64_t)count, 0};

    put(out, column, sfx_slice(digits, sfx_decimal_format(&number, digits)), SFX_CELL_NUMBER);
}

static void put_number(struct out_row *out, size_t column, const struct sfx_decimal *number)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];

    put(out, column, sfx_slice(digits, sfx_decimal_format(number, digits)), SFX_CELL_NUMBER);
}

/* The narrowest type that fits what the column has. */
static const char *type_of(const struct sfx_profile_column *col)
{
    static const char *const names[] = {"integer", "decimal", "bool", "date",
                                        "time",    "json",    "text"};
    const uint64_t *kinds = col->kinds;
    size_t k;

    if (col->known == 0)
        return "null";
    for (k = 0; k < SFX_PROFILE_NKINDS; k++) {
        if (kinds[k] == col->known)
            return names[k];
    }
    if (kinds[SFX_PROFILE_INTEGER] + kinds[SFX_PROFILE_DECIMAL] == col->known)
        return "decimal";
    if (kinds[SFX_PROFILE_DATE] + kinds[SFX_PROFILE_TIME] == col->known)
        return "time";
    return "text";
}

/* The result of an aggregate: false when there is none. */
static bool result_of(struct out_row *out, size_t call, const struct sfx_decimal *q,
                      struct sfx_decimal *number)
{
    struct sfx_profile *profile = out->profile;
    struct sfx_agg_ctx ctx = {.ev = sfx_operator_eval(&profile->op), .arena = &profile->arena};
    uint8_t null = 0;
    struct sfx_vec vec = {.type = SFX_TYPE_NUMBER, .nums = number, .flags = &null};

    if (out->col->lacks & 1u << call)
        return false;
    if (q != NULL)
        profile->q.number = *q;
    return sfx_agg_result(&ctx, &profile->calls[call], out->col->states, &vec, 0) == 0 && !null;
}

static uint64_t count_of(const struct sfx_key *key)
{
    uint64_t count;

    memcpy(&count, key->payload, sizeof(count));
    return count;
}

/* The value of a key. False: no memory. */
static bool decode(struct out_row *out, const struct sfx_key *key, struct sfx_cell *cell)
{
    const unsigned char *at = sfx_key_data(&out->col->values, key);
    struct sfx_vec vec = {.type = SFX_TYPE_CELL, .cells = cell};

    if (sfx_key_decode(sfx_operator_eval(&out->profile->op), &at, 0, &vec, 0) == 0)
        return true;
    out->rc = SFX_E_NOMEM;
    return false;
}

/* --- numbers -----------------------------------------------------------------------------------
 */

/* Which of the bars the number belongs to. */
static size_t bar_of(const struct sfx_profile_column *col, const struct sfx_decimal *number)
{
    struct sfx_decimal range, offset, bars = {NBARS, 0}, place;

    if (sfx_decimal_sub(&col->max, &col->min, &range) != SFX_DECIMAL_OK ||
        sfx_decimal_sub(number, &col->min, &offset) != SFX_DECIMAL_OK ||
        sfx_decimal_mul(&offset, &bars, &offset) != SFX_DECIMAL_OK ||
        sfx_decimal_div(&offset, &range, &place) != SFX_DECIMAL_OK ||
        sfx_decimal_round(&place, 0, SFX_ROUND_FLOOR, &place) != SFX_DECIMAL_OK)
        return 0;
    return place.mant < 0 ? 0 : place.mant >= NBARS ? NBARS - 1 : (size_t)place.mant;
}

/* Counts the numbers of each bar: all of them where all values are in the table, else points of the
 * distribution. */
static void count_bars(struct out_row *out, uint64_t counts[NBARS])
{
    const struct sfx_profile_column *col = out->col;
    const struct sfx_key *key;
    struct sfx_decimal number;
    struct sfx_cell cell;
    size_t i;

    for (key = col->values.first; key != NULL && !col->full; key = key->next) {
        if (decode(out, key, &cell) &&
            sfx_decimal_parse(sfx_slice(cell.ptr, cell.len), &number) == SFX_DECIMAL_OK)
            counts[bar_of(col, &number)] += count_of(key);
    }
    for (i = 0; i < NPOINTS && col->full; i++) {
        struct sfx_decimal q = {(int64_t)(2 * i + 1), 0}, all = {2 * NPOINTS, 0};

        (void)sfx_decimal_div(&q, &all, &q);
        if (result_of(out, SFX_PROFILE_QUANTILE, &q, &number))
            counts[bar_of(col, &number)]++;
    }
}

/* Bars as high as there are numbers in each eighth of the range. */
static void put_histogram(struct out_row *out)
{
    static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t counts[NBARS] = {0}, most = 1;
    size_t i;

    count_bars(out, counts);
    for (i = 0; i < NBARS; i++)
        most = counts[i] > most ? counts[i] : most;
    sfx_buf_clear(&out->text);
    for (i = 0; i < NBARS; i++) {
        uint64_t height = (counts[i] * (SFX_COUNT(bars) - 1) + most - 1) / most;

        if (sfx_buf_puts(&out->text, bars[height], NULL) < 0)
            out->rc = SFX_E_NOMEM;
    }
    put(out, OUT_HISTOGRAM, sfx_buf_slice(&out->text), SFX_CELL_STRING);
}

static void put_numbers(struct out_row *out)
{
    static const struct {
        size_t column, call;
        struct sfx_decimal q;
    } figures[] = {
        {OUT_MEAN, SFX_PROFILE_MEAN, {0, 0}},     {OUT_STDDEV, SFX_PROFILE_STDDEV, {0, 0}},
        {OUT_P25, SFX_PROFILE_QUANTILE, {25, 2}}, {OUT_MEDIAN, SFX_PROFILE_QUANTILE, {50, 2}},
        {OUT_P75, SFX_PROFILE_QUANTILE, {75, 2}},
    };
    uint32_t digits =
        out->col->min.scale > out->col->max.scale ? out->col->min.scale : out->col->max.scale;
    struct sfx_decimal number;
    size_t i;

    digits = digits + 2 < 6 ? 6 : digits + 2; /* of what is computed */
    put_number(out, OUT_MIN, &out->col->min);
    put_number(out, OUT_MAX, &out->col->max);
    for (i = 0; i < SFX_COUNT(figures); i++) {
        if (!result_of(out, figures[i].call, &figures[i].q, &number))
            continue;
        if (number.scale > digits)
            (void)sfx_decimal_round(&number, (int)digits, SFX_ROUND_HALF_AWAY, &number);
        sfx_decimal_trim(&number, 0);
        put_number(out, figures[i].column, &number);
    }
    if (sfx_decimal_cmp(&out->col->min, &out->col->max) != 0)
        put_histogram(out);
}

/* --- values ------------------------------------------------------------------------------------
 */

/* The values that are there most often, the first of equals first; how many. */
static size_t find_top(const struct sfx_profile_column *col, const struct sfx_key *top[NTOP])
{
    const struct sfx_key *key;
    size_t n = 0, i;

    for (key = col->values.first; key != NULL; key = key->next) {
        if (n == NTOP && count_of(key) <= count_of(top[n - 1]))
            continue;
        for (i = n < NTOP ? n++ : n - 1; i > 0 && count_of(key) > count_of(top[i - 1]); i--)
            top[i] = top[i - 1];
        top[i] = key;
    }
    return n;
}

/* Not more than VALUE_NBYTES of a text, and no half character. */
static struct sfx_slice cut(struct sfx_slice text)
{
    if (text.len <= VALUE_NBYTES)
        return text;
    text.len = VALUE_NBYTES;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
        text.len--;
    return text;
}

/* "DE (120), FR (90)"; nothing when no value is there twice. */
static void put_top(struct out_row *out)
{
    const struct sfx_profile_column *col = out->col;
    const struct sfx_key *top[NTOP];
    size_t n = find_top(col, top), i;
    struct sfx_cell cell;

    if (n == 0 || count_of(top[0]) < 2)
        return;
    sfx_buf_clear(&out->text);
    for (i = 0; i < n; i++) {
        struct sfx_slice text;

        if (!decode(out, top[i], &cell))
            return;
        text = cut(sfx_slice(cell.ptr, cell.len));
        if (sfx_buf_printf(&out->text, NULL, "%s%.*s%s (%" PRIu64 ")",
                           i > 0       ? ", "
                           : col->full ? "~"
                                       : "",
                           SFX_SLICE_ARG(text), text.len < cell.len ? "…" : "",
                           count_of(top[i])) < 0)
            out->rc = SFX_E_NOMEM;
    }
    put(out, OUT_TOP, sfx_buf_slice(&out->text), SFX_CELL_STRING);
}

static void put_distinct(struct out_row *out)
{
    struct sfx_decimal number;
    char text[1 + SFX_DECIMAL_TEXT_NBYTES];

    if (!out->col->full) {
        put_count(out, OUT_DISTINCT, out->col->values.count);
    } else if (result_of(out, SFX_PROFILE_DISTINCT, NULL, &number)) {
        text[0] = '~';
        put(out, OUT_DISTINCT, sfx_slice(text, 1 + sfx_decimal_format(&number, text + 1)),
            SFX_CELL_STRING);
    }
}

/* --- records -----------------------------------------------------------------------------------
 */

static void put_column(struct out_row *out)
{
    const struct sfx_profile_column *col = out->col;
    size_t i;

    for (i = 0; i < OUT_NCOLS; i++)
        put(out, i, sfx_slice(NULL, 0), SFX_CELL_NULL);
    put(out, OUT_COLUMN, col->name, SFX_CELL_STRING);
    put(out, OUT_TYPE, sfx_slice_str(type_of(col)), SFX_CELL_STRING);
    put_count(out, OUT_COUNT, col->known);
    put_count(out, OUT_BLANK, out->profile->nrecords - col->known);
    put_distinct(out);
    if (col->known == 0)
        return;
    put_count(out, OUT_MIN_LENGTH, col->min_length);
    put_count(out, OUT_MAX_LENGTH, col->max_length);
    put_top(out);
    if (col->nnumbers == col->known) {
        put_numbers(out);
    } else {
        put(out, OUT_MIN, sfx_buf_slice(&col->min_text), SFX_CELL_STRING);
        put(out, OUT_MAX, sfx_buf_slice(&col->max_text), SFX_CELL_STRING);
    }
}

static int make_output(struct sfx_operator *op, struct sfx_err *err)
{
    size_t i;

    op->out.cols = sfx_arena_calloc(&op->arena, OUT_NCOLS, sizeof(*op->out.cols), err);
    if (op->out.cols == NULL || sfx_frame_make_rows(&op->out, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    for (i = 0; i < OUT_NCOLS; i++) {
        op->out.cols[i].name = sfx_slice_str(out_names[i]);
        op->out.cols[i].vec = sfx_vec_new(&op->arena, SFX_TYPE_CELL, err);
        if (op->out.cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    op->out.ncols = OUT_NCOLS;
    op->out.schema_id = sfx_operator_new_schema(op);
    return 0;
}

int sfx_profile_finish(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_profile *profile = (struct sfx_profile *)op;
    struct out_row out = {.profile = profile, .col = profile->columns};
    uint32_t n;
    int rc = make_output(op, err);

    while (rc == 0) {
        sfx_eval_reset(sfx_operator_eval(op));
        for (n = 0; out.col != NULL && n < SFX_BATCH_ROWS; n++, out.col = out.col->next) {
            out.row = n;
            op->out.sel[n] = (uint16_t)n;
            put_column(&out);
        }
        op->out.nrows = op->out.nsel = n;
        rc = out.rc < 0 ? sfx_err_set(err, out.rc, "no memory for a profile")
                        : sfx_operator_pass(op, &op->out, err);
        if (out.col == NULL || sfx_operator_is_done(op))
            break;
    }
    sfx_buf_done(&out.text);
    return rc;
}
