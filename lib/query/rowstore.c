/* SPDX-License-Identifier: MIT */
/*
 * Rows as bytes: a head, the record as it stood (if it is kept), and for each cell where its
 * spelling is: in the record, or behind its tag.
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

#define HEAD_NBYTES   5                         /* cells, dialect, what it has */
#define RAW_NBYTES    (4 + 4)                   /* fields, length */
#define ORIGIN_NBYTES (8 + 8 + 4)               /* line, offset, source */
#define CELL_NBYTES   (1 + SLOT_NBYTES + 5 + 4) /* tag, slot, length, offset or dialect */

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

/* Where the cell's spelling begins in raw, or -1. */
static int64_t place_in(struct sfx_slice raw, struct sfx_slice bytes)
{
    uintptr_t begin = (uintptr_t)raw.ptr, at = (uintptr_t)bytes.ptr;

    return raw.len > 0 && at >= begin && at + bytes.len <= begin + raw.len ? (int64_t)(at - begin)
                                                                           : -1;
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

        inside += place_in(origin->raw, sfx_cell_spelling(cell)) >= 0;
    }
    return inside > 0 && 2 * inside >= origin->nfields;
}

int sfx_rowstore_begin(struct sfx_rowstore *s, struct sfx_eval *ev, const struct sfx_frame *frame,
                       struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < frame->ncols; i++)
        sfx_vec_make_cells(ev, frame->cols[i].vec, frame->sel, frame->nsel);
    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    s->keep_raw = s->keep_origin || most_is_in_cells(frame);
    return s->keep_origin ? note_source(s, frame, err) : 0;
}

/* --- rows to bytes ---------------------------------------------------------------------------- */

size_t sfx_row_max_nbytes(const struct sfx_rowstore *s, const struct sfx_frame *frame, uint32_t row)
{
    size_t i, nbytes = HEAD_NBYTES + s->ncols * (CELL_NBYTES + 2);

    if (s->keep_origin)
        nbytes += ORIGIN_NBYTES;
    if (s->keep_raw)
        nbytes += RAW_NBYTES + frame->rows[row].raw.len;
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
    place = cell->dialect == dialect ? place_in(raw, bytes) : -1;
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

size_t sfx_row_encode(const struct sfx_rowstore *s, const struct sfx_frame *frame, uint32_t row,
                      unsigned char *out)
{
    static const struct sfx_cell missing = {0};
    const struct sfx_row_origin *origin = &frame->rows[row];
    struct sfx_slice raw = s->keep_raw ? origin->raw : sfx_slice(NULL, 0);
    uint16_t ncells = (uint16_t)s->ncols, dialect;
    uint32_t raw_len = (uint32_t)raw.len;
    unsigned char *at = out + HEAD_NBYTES;
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
    quote = cell->kind == SFX_CELL_JSON_STRING || (cell->flags & SFX_CELL_QUOTED) != 0;
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

void sfx_row_decode(const unsigned char *at, struct sfx_frame *out, uint32_t row)
{
    struct sfx_row_origin *origin = &out->rows[row];
    uint16_t ncells, dialect;
    const char *next;
    size_t i;

    at = get(at, &ncells, 2);
    at = get(at, &dialect, 2);
    at = get_origin(at + 1, *at, origin);
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

void sfx_rowstore_done(struct sfx_rowstore *s)
{
    sfx_arena_done(&s->arena);
    *s = (struct sfx_rowstore){0};
}
