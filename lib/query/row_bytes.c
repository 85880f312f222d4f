/* SPDX-License-Identifier: MIT */
/*
 * Rows as bytes: a head, the record as it stood (if it is kept), and for each cell where its
 * spelling is: in the record, or behind its tag. Most rows are a record as it was read, without
 * quotes: they have one tag and the cells' lengths.
 */
#include "query/rowstore_internal.h"

#include <string.h>

/* A cell's first byte: kind, flags, and where its bytes are. */
#define TAG_FLAGS_SHIFT 4
#define TAG_PLACE_SHIFT 6
#define PLACE_OWN       0 /* behind the tag */
#define PLACE_NEXT      1 /* in the record, one byte behind the cell before */
#define PLACE_AT        2 /* in the record, at an offset */
#define PLACE_DIALECT   3 /* behind the tag, with a dialect of its own */

/* A time: its slot stands behind the tag, in front of its text, which does not say its zone. */
#define KIND_TIME   15
#define SLOT_NBYTES (sizeof(sfx_int128) + sizeof(uint32_t))

#define HAS_RAW    1 /* what a row's head says of it */
#define HAS_ORIGIN 2
#define HAS_PLAIN  4 /* cells: one tag for all, and lengths */

#define HEAD_NBYTES   5                         /* cells, dialect, what it has */
#define RAW_NBYTES    (4 + 4)                   /* fields, length */
#define ORIGIN_NBYTES (8 + 8 + 4)               /* line, offset, source */
#define CELL_NBYTES   (1 + SLOT_NBYTES + 5 + 4) /* tag, slot, length, offset or dialect */

/* --- rows to bytes ---------------------------------------------------------------------------- */

size_t sfx_row_max_nbytes(const struct sfx_rowstore *s, const struct sfx_frame *frame, uint32_t row)
{
    size_t i, nbytes = HEAD_NBYTES;

    if (s->keep_origin)
        nbytes += ORIGIN_NBYTES;
    if (s->keep_raw)
        nbytes += RAW_NBYTES + frame->rows[row].raw.len;
    if (s->no_cells)
        return nbytes;
    nbytes += s->ncols * (CELL_NBYTES + 2);
    for (i = 0; i < frame->ncols; i++)
        nbytes += frame->cols[i].vec->cells[row].len;
    return nbytes;
}

static unsigned char *put(unsigned char *at, const void *value, size_t nbytes)
{
    memcpy(at, value, nbytes);
    return at + nbytes;
}

/* Writes a time, which no record holds: its cell was made of it. */
static unsigned char *put_time(const struct sfx_vec *vec, uint32_t row, unsigned char *at)
{
    const struct sfx_cell *cell = &vec->cells[row];

    *at++ = KIND_TIME;
    at = put(at, &vec->nums[row].mant, sizeof(vec->nums[row].mant));
    at = put(at, &vec->nums[row].scale, sizeof(vec->nums[row].scale));
    at = sfx_put_length(at, cell->len);
    return put(at, cell->ptr, cell->len);
}

/* Writes a cell; *end: where the cell before ends in raw, moved on when this one is in it. */
static unsigned char *put_cell(const struct sfx_cell *cell, uint16_t dialect, struct sfx_slice raw,
                               int64_t *end, unsigned char *at)
{
    struct sfx_slice bytes = sfx_cell_spelling(cell);
    unsigned tag = (unsigned)(cell->kind | cell->flags << TAG_FLAGS_SHIFT);
    int64_t place;
    uint32_t offset;

    if (cell->kind == SFX_CELL_MISSING) {
        *at++ = (unsigned char)tag;
        return at;
    }
    place = cell->dialect == dialect ? sfx_row_place_in(raw, bytes) : -1;
    if (place < 0) {
        unsigned where = cell->dialect == 0 ? PLACE_OWN : PLACE_DIALECT;

        *at++ = (unsigned char)(tag | where << TAG_PLACE_SHIFT);
        at = sfx_put_length(at, (uint32_t)bytes.len);
        if (where == PLACE_DIALECT)
            at = put(at, &cell->dialect, 2);
        return bytes.len > 0 ? put(at, bytes.ptr, bytes.len) : at;
    }
    *at++ = (unsigned char)(tag | (place == *end + 1 ? PLACE_NEXT : PLACE_AT) << TAG_PLACE_SHIFT);
    at = sfx_put_length(at, (uint32_t)bytes.len);
    offset = (uint32_t)place;
    if (place != *end + 1)
        at = put(at, &offset, 4);
    *end = place + (int64_t)bytes.len;
    return at;
}

static bool is_spelled_in_quotes(const struct sfx_cell *cell)
{
    return cell->kind == SFX_CELL_JSON_STRING || (cell->flags & SFX_CELL_QUOTED) != 0;
}

/* Writes the cells of a row that is its record, with bytes between them that nothing asks for, all
 * alike and without quotes; NULL: it is not that, and what is at `at` means nothing. */
static unsigned char *put_plain(const struct sfx_rowstore *s, const struct sfx_frame *frame,
                                uint32_t row, struct sfx_slice raw, unsigned char *at)
{
    const struct sfx_cell *first;
    const char *next = raw.ptr;
    size_t i;

    if (raw.len == 0 || s->ncols == 0 || s->from[0] < 0)
        return NULL;
    first = &frame->cols[s->from[0]].vec->cells[row];
    if (first->kind == SFX_CELL_MISSING || is_spelled_in_quotes(first))
        return NULL;
    *at++ = (unsigned char)(first->kind | first->flags << TAG_FLAGS_SHIFT);
    for (i = 0; i < s->ncols; i++) {
        const struct sfx_vec *vec;
        const struct sfx_cell *cell;

        if (s->from[i] < 0)
            return NULL;
        vec = frame->cols[s->from[i]].vec;
        cell = &vec->cells[row];
        if (sfx_type_makes_cells(vec->type) || cell->ptr != next || cell->kind != first->kind ||
            cell->flags != first->flags || cell->dialect != first->dialect)
            return NULL;
        at = sfx_put_length(at, cell->len);
        next += cell->len + 1;
    }
    return next <= raw.ptr + raw.len + 1 ? at : NULL;
}

size_t sfx_row_encode(const struct sfx_rowstore *s, const struct sfx_frame *frame, uint32_t row,
                      unsigned char *out)
{
    static const struct sfx_cell missing = {0};
    const struct sfx_row_origin *origin = &frame->rows[row];
    struct sfx_slice raw = s->keep_raw ? origin->raw : sfx_slice(NULL, 0);
    uint16_t ncells = s->no_cells ? 0 : (uint16_t)s->ncols, dialect;
    uint32_t raw_len = (uint32_t)raw.len;
    unsigned char *at = out + HEAD_NBYTES, *plain;
    int64_t end = -1;
    size_t i;

    dialect = frame->ncols > 0 ? frame->cols[0].vec->cells[row].dialect : 0;
    memcpy(out, &ncells, 2);
    memcpy(out + 2, &dialect, 2);
    out[4] = (s->keep_raw ? HAS_RAW : 0) | (s->keep_origin ? HAS_ORIGIN : 0);
    if (s->keep_origin) {
        at = put(at, &origin->line, 8);
        at = put(at, &origin->offset, 8);
        at = put(at, &s->source, 4);
    }
    if (s->keep_raw) {
        at = put(at, &origin->nfields, 4);
        at = put(at, &raw_len, 4);
        if (raw_len > 0)
            at = put(at, raw.ptr, raw_len);
    }
    if (s->no_cells)
        return (size_t)(at - out);
    plain = put_plain(s, frame, row, raw, at);
    if (plain != NULL) {
        out[4] |= HAS_PLAIN;
        return (size_t)(plain - out);
    }
    for (i = 0; i < s->ncols; i++) {
        const struct sfx_vec *vec = s->from[i] >= 0 ? frame->cols[s->from[i]].vec : NULL;

        if (vec != NULL && vec->type == SFX_TYPE_TIME && !vec->flags[row])
            at = put_time(vec, row, at);
        else
            at = put_cell(vec != NULL ? &vec->cells[row] : &missing, dialect, raw, &end, at);
    }
    return (size_t)(at - out);
}

/* --- bytes to rows ---------------------------------------------------------------------------- */

static const unsigned char *get(const unsigned char *at, void *value, size_t nbytes)
{
    memcpy(value, at, nbytes);
    return at + nbytes;
}

uint32_t sfx_row_source(const struct sfx_rowstore *s, const unsigned char *at)
{
    uint32_t source = 0;

    if (s->keep_origin)
        (void)get(at + HEAD_NBYTES + 8 + 8, &source, 4);
    return source;
}

/* Reads what the row's head says it has. */
static const unsigned char *get_origin(const unsigned char *at, unsigned has,
                                       struct sfx_row_origin *origin)
{
    uint32_t source, raw_len;

    *origin = (struct sfx_row_origin){0};
    if (has & HAS_ORIGIN) {
        at = get(at, &origin->line, 8);
        at = get(at, &origin->offset, 8);
        at = get(at, &source, 4);
    }
    if (has & HAS_RAW) {
        at = get(at, &origin->nfields, 4);
        at = get(at, &raw_len, 4);
        origin->raw = sfx_slice((const char *)at, raw_len);
        at += raw_len;
    }
    return at;
}

static const unsigned char *get_time(const unsigned char *at, struct sfx_vec *vec, uint32_t row)
{
    struct sfx_decimal slot;
    uint32_t len;

    at = get(at + 1, &slot.mant, sizeof(slot.mant));
    at = get(at, &slot.scale, sizeof(slot.scale));
    at = sfx_get_length(at, &len);
    vec->cells[row] = sfx_cell_string(sfx_slice((const char *)at, len));
    if (vec->type == SFX_TYPE_TIME)
        vec->nums[row] = slot;
    return at + len;
}

/* Reads a cell; *next: one byte behind the cell before in the record. */
static const unsigned char *get_cell(const unsigned char *at, uint16_t dialect, const char *raw,
                                     const char **next, struct sfx_cell *cell)
{
    unsigned tag = *at++, place = tag >> TAG_PLACE_SHIFT;
    const char *bytes;
    uint32_t len, offset, quote;

    *cell = (struct sfx_cell){.kind = tag & 15, .flags = tag >> TAG_FLAGS_SHIFT & 3};
    if (cell->kind == SFX_CELL_MISSING)
        return at;
    at = sfx_get_length(at, &len);
    if (place == PLACE_NEXT || place == PLACE_AT) {
        cell->dialect = dialect;
        bytes = *next;
        if (place == PLACE_AT) {
            at = get(at, &offset, 4);
            bytes = raw + offset;
        }
        *next = bytes + len + 1;
    } else {
        if (place == PLACE_DIALECT)
            at = get(at, &cell->dialect, 2);
        bytes = (const char *)at;
        at += len;
    }
    quote = is_spelled_in_quotes(cell);
    cell->ptr = bytes + quote;
    cell->len = len - 2 * quote;
    return at;
}

/* Computed values stand beside their cells; those of times were read with them. */
static void set_value(struct sfx_vec *vec, uint32_t row)
{
    const struct sfx_cell *cell = &vec->cells[row];
    struct sfx_slice text = sfx_slice(cell->ptr, cell->len);

    double value = 0;

    vec->has_cells = true;
    if (vec->type == SFX_TYPE_NUMBER) {
        vec->flags[row] =
            sfx_cell_is_null(cell) || sfx_decimal_parse(text, &vec->nums[row]) != SFX_DECIMAL_OK;
    } else if (vec->type == SFX_TYPE_FLOAT) {
        vec->flags[row] = sfx_cell_is_null(cell) || sfx_float_parse(text, &value) != SFX_DECIMAL_OK;
        vec->nums[row] = sfx_float_slot(value);
    } else if (vec->type == SFX_TYPE_TIME) {
        vec->flags[row] = sfx_cell_is_null(cell);
    } else {
        vec->flags[row] = !sfx_cell_is_null(cell) && sfx_slice_eq(text, SFX_SLICE_LIT("true"));
    }
}

/* Reads what put_plain wrote; columns that came later have no cell. */
static void get_plain(const unsigned char *at, size_t ncells, uint16_t dialect, const char *raw,
                      struct sfx_frame *out, uint32_t row)
{
    struct sfx_cell cell = {
        .kind = *at & 15, .flags = *at >> TAG_FLAGS_SHIFT & 3, .dialect = dialect};
    size_t i;

    at++;
    for (i = 0; i < out->ncols; i++) {
        struct sfx_vec *vec = out->cols[i].vec;

        if (i == ncells)
            cell = (struct sfx_cell){.kind = SFX_CELL_MISSING};
        if (i < ncells) {
            cell.ptr = raw;
            at = sfx_get_length(at, &cell.len);
            raw += cell.len + 1;
        }
        vec->cells[row] = cell;
        if (sfx_type_makes_cells(vec->type))
            set_value(vec, row);
    }
}

void sfx_row_decode_origin(const unsigned char *at, struct sfx_frame *out, uint32_t row)
{
    (void)get_origin(at + HEAD_NBYTES, at[HEAD_NBYTES - 1], &out->rows[row]);
}

void sfx_row_decode(const unsigned char *at, struct sfx_frame *out, uint32_t row)
{
    struct sfx_row_origin *origin = &out->rows[row];
    uint16_t ncells, dialect;
    const char *next;
    unsigned has;
    size_t i;

    at = get(at, &ncells, 2);
    at = get(at, &dialect, 2);
    has = *at++;
    at = get_origin(at, has, origin);
    if (has & HAS_PLAIN) {
        get_plain(at, ncells, dialect, origin->raw.ptr, out, row);
        return;
    }
    next = origin->raw.ptr;
    for (i = 0; i < out->ncols; i++) {
        struct sfx_vec *vec = out->cols[i].vec;

        if (i < ncells && (*at & 15) == KIND_TIME)
            at = get_time(at, vec, row);
        else if (i < ncells)
            at = get_cell(at, dialect, origin->raw.ptr, &next, &vec->cells[row]);
        else
            vec->cells[row] = (struct sfx_cell){.kind = SFX_CELL_MISSING};
        if (sfx_type_makes_cells(vec->type))
            set_value(vec, row);
    }
}
