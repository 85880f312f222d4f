/* SPDX-License-Identifier: MIT */
/*
 * A join whose file does not fit the memory. Rows of both sides lie on disk under their key and
 * their number; they are met in the order of keys, as many keys at once as fit; what comes out lies
 * under the number of the input's row, those of the file's rows without a counterpart behind.
 * Between key and number of an as-of join stands what its rows are ordered by, so that a key's rows
 * need not be there all at once.
 */
#include "query/join_internal.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_NBYTES 8
#define HEAD_NBYTES   (8 + 1 + 4) /* hash, whether there is a key, its length */
#define OF_THE_FILE   ((uint64_t)1 << 63)

struct sfx_join_spill {
    struct sfx_kept file, input, out;
    uint64_t side_nbytes; /* for the rows met at once */
    uint64_t ninput;
    struct sfx_frame probe, load;                /* rows read back */
    struct sfx_node *by;                         /* ASOF: of load */
    int32_t *from;                               /* columns of load: 0, 1, 2 … */
    const unsigned char *next_file, *next_input; /* records; NULL: no more */
    uint64_t numbers[SFX_BATCH_ROWS];            /* of the rows in hand */
    struct sfx_buf last;                         /* record that was read into side last */
};

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    number = __builtin_bswap64(number);
    memcpy(at, &number, NUMBER_NBYTES);
    return at + NUMBER_NBYTES;
}

static uint64_t get_number(const unsigned char *at)
{
    uint64_t number;

    memcpy(&number, at, NUMBER_NBYTES);
    return __builtin_bswap64(number);
}

/* A row to be kept. */
struct placed {
    const struct sfx_frame *frame;
    uint32_t row;
    struct sfx_slice key; /* ptr NULL: none */
    struct sfx_slice when;
    uint64_t hash, number;
};

/* Keeps a row under hash, key, what it is ordered by, and number. */
static int keep(struct sfx_kept *kept, const struct placed *placed, struct sfx_err *err)
{
    struct sfx_slice key = placed->key, when = placed->when;
    uint32_t len = __builtin_bswap32((uint32_t)key.len);
    unsigned char *begin = NULL, *at;
    int rc = sfx_kept_reserve(kept, placed->frame, placed->row,
                              HEAD_NBYTES + key.len + when.len + NUMBER_NBYTES, &begin, err);

    if (rc < 0)
        return rc;
    at = put_number(begin, placed->hash);
    *at++ = key.ptr != NULL;
    memcpy(at, &len, sizeof(len));
    at += sizeof(len);
    if (key.len > 0)
        memcpy(at, key.ptr, key.len);
    at += key.len;
    if (when.len > 0)
        memcpy(at, when.ptr, when.len);
    at = put_number(at + when.len, placed->number);
    sfx_kept_commit(kept, placed->frame, placed->row, begin, (size_t)(at - begin));
    return 0;
}

/* What of the record's key is the same in rows of one key. */
static struct sfx_slice record_group(const unsigned char *record)
{
    const char *key = (const char *)record + SFX_RECORD_HEAD_NBYTES;
    uint32_t len;

    memcpy(&len, key + HEAD_NBYTES - sizeof(len), sizeof(len));
    return sfx_slice(key, HEAD_NBYTES + (size_t)__builtin_bswap32(len));
}

static struct sfx_slice record_key(const unsigned char *record)
{
    struct sfx_slice group = record_group(record);

    return group.ptr[NUMBER_NBYTES] != 0
               ? sfx_slice(group.ptr + HEAD_NBYTES, group.len - HEAD_NBYTES)
               : sfx_slice(NULL, 0);
}

/* What the record is ordered by within its key. */
static struct sfx_slice record_when(const unsigned char *record)
{
    size_t len = record_group(record).len;

    return sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES + len,
                     sfx_record_key_nbytes(record) - len - NUMBER_NBYTES);
}

static uint64_t record_number(const unsigned char *record)
{
    return get_number(record + SFX_RECORD_HEAD_NBYTES + sfx_record_key_nbytes(record) -
                      NUMBER_NBYTES);
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* The rows of side as a frame of the file's columns, in memory of arena. */
static int make_side_frame(const struct sfx_join *join, struct sfx_frame *frame,
                           struct sfx_arena *arena, struct sfx_err *err)
{
    size_t i;

    *frame = (struct sfx_frame){.open = join->open};
    frame->ncols = sfx_join_is_bare(join) ? 0 : join->names.ncols;
    frame->cols = sfx_arena_calloc(arena, frame->ncols + 1, sizeof(*frame->cols), err);
    if (frame->cols == NULL || sfx_frame_make_rows(frame, arena, err) < 0)
        return SFX_E_NOMEM;
    for (i = 0; i < frame->ncols; i++) {
        frame->cols[i] = join->names.cols[i];
        frame->cols[i].vec = sfx_vec_new(arena, SFX_TYPE_CELL, err);
        if (frame->cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    return 0;
}

static int move_rows(struct sfx_join *join, struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    const struct sfx_side_row *row;
    size_t i;
    int rc = sfx_kept_begin(&sp->file, frame, err);

    for (row = join->side.first; row != NULL && rc == 0; row = row->next) {
        for (i = 0; i < frame->ncols; i++)
            frame->cols[i].vec->cells[0] = i < row->ncells ? row->cells[i] : (struct sfx_cell){0};
        rc = keep(
            &sp->file,
            &(struct placed){
                .frame = frame,
                .key = row->key != NULL ? sfx_slice(row->key, row->key_len) : sfx_slice(NULL, 0),
                .when = row->when != NULL ? row->when->key : sfx_slice(NULL, 0),
                .hash = row->hash,
                .number = row->number,
            },
            err);
    }
    return rc;
}

int sfx_join_spill_start(struct sfx_join *join, struct sfx_err *err)
{
    uint64_t memory = sfx_operator_available(&join->op) + join->side.charged;
    struct sfx_arena arena = {0};
    struct sfx_frame frame;
    int rc;

    join->spill = calloc(1, sizeof(*join->spill));
    if (join->spill == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a join");
    join->spill->side_nbytes = memory / 8;
    rc = make_side_frame(join, &frame, &arena, err);
    if (rc == 0)
        rc = sfx_kept_bind(&join->spill->file, &join->op, &frame, memory / 2, err);
    join->spill->file.store.keep_origin = false;
    if (rc == 0)
        rc = move_rows(join, &frame, err);
    sfx_side_clear(&join->side);
    sfx_arena_done(&arena);
    return rc;
}

/* Keeps the selected rows, whose keys are in join->batch; by: what they are ordered by, or NULL. */
static int keep_rows(struct sfx_join *join, struct sfx_kept *kept, const struct sfx_frame *frame,
                     const struct sfx_node *by, uint64_t *number, struct sfx_err *err)
{
    const bool of_file = kept == &join->spill->file;
    uint32_t i;
    int rc = sfx_kept_begin(kept, frame, err);

    for (i = 0; i < frame->nsel && rc == 0; i++) {
        struct placed placed = {.frame = frame,
                                .row = frame->sel[i],
                                .key = join->batch.key[i],
                                .hash = join->batch.hash[i],
                                .number = *number};
        struct sfx_side_when when;

        if (by != NULL && sfx_asof_when(join, by, frame->sel[i], &when))
            placed.when = when.key;
        else if (by != NULL && of_file)
            continue; /* near to none */
        rc = keep(kept, &placed, err);
        ++*number;
    }
    return rc;
}

int sfx_join_spill_file(struct sfx_join *join, const struct sfx_frame *in,
                        const struct sfx_node *by, struct sfx_err *err)
{
    struct sfx_kept *file = &join->spill->file;
    struct sfx_frame frame = *in;
    int rc;

    if (sfx_join_is_bare(join))
        frame.ncols = 0;
    rc = sfx_kept_bind(file, &join->op, &frame, 0, err);
    return rc == 0 ? keep_rows(join, file, &frame, by, &join->nfile, err) : rc;
}

int sfx_join_spill_file_end(struct sfx_join *join, struct sfx_err *err)
{
    return sfx_sorter_sort(&join->spill->file.sorter, err);
}

int sfx_join_spill_bind(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    return sfx_kept_bind(&join->spill->input, &join->op, in, join->spill->side_nbytes * 2, err);
}

int sfx_join_spill_input(struct sfx_join *join, struct sfx_frame *in, struct sfx_err *err)
{
    return keep_rows(join, &join->spill->input, in, join->by, &join->spill->ninput, err);
}

int sfx_join_spill_keep(struct sfx_join *join, const struct sfx_frame *frame, const uint16_t *left,
                        struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    unsigned char *key = NULL;
    uint32_t i;
    int rc = sfx_kept_begin(&sp->out, frame, err);

    for (i = 0; i < frame->nsel && rc == 0; i++) {
        uint32_t row = frame->sel[i];

        rc = sfx_kept_reserve(&sp->out, frame, row, NUMBER_NBYTES, &key, err);
        if (rc < 0)
            break;
        (void)put_number(key, sp->numbers[left != NULL ? left[row] : row]);
        sfx_kept_commit(&sp->out, frame, row, key, NUMBER_NBYTES);
    }
    return rc;
}

void sfx_join_spill_number_rest(struct sfx_join *join, struct sfx_side_row *const *rows, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        join->spill->numbers[i] = OF_THE_FILE | rows[i]->number;
}

/* --- meeting ---------------------------------------------------------------------------------- */

static int advance(struct sfx_kept *kept, const unsigned char **record, struct sfx_err *err)
{
    int rc = sfx_sorter_next(&kept->sorter, record, err);

    *record = rc == 0 ? NULL : *record;
    return rc < 0 ? rc : 0;
}

/* Where an as-of join finds the row in load; rows that it never finds are not kept. */
static const struct sfx_side_when *find_when(struct sfx_join *join, struct sfx_side_when *when)
{
    static const uint16_t first = 0;
    struct sfx_join_spill *sp = join->spill;
    struct sfx_eval *ev = sfx_operator_eval(&join->op);

    if (sp->by == NULL)
        return NULL;
    sfx_eval_reset(ev);
    ev->soft++; /* what is bad was refused when it was read */
    sfx_eval_node(ev, sp->by, &first, 1);
    ev->soft--;
    return sfx_asof_when(join, sp->by, 0, when) ? when : NULL;
}

/* Reads a record of the file into side. */
static int load_row(struct sfx_join *join, const unsigned char *record, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    struct sfx_side_source source = {.frame = &sp->load,
                                     .from = sp->from,
                                     .ncells = sp->load.ncols,
                                     .key = record_key(record),
                                     .hash = get_number(record + SFX_RECORD_HEAD_NBYTES),
                                     .number = record_number(record)};
    struct sfx_side_when when;
    int rc;

    sfx_row_decode(sfx_record_row(record), &sp->load, 0);
    source.when = find_when(join, &when);
    if (sp->by != NULL && source.when == NULL)
        return 0;
    rc = sfx_side_add(&join->side, &source, err);
    return rc == 0 ? sfx_operator_over_limit(&join->op, err) : rc < 0 ? rc : 0;
}

/* Whether the record of the file in hand is of the key of the one before. */
static bool goes_on(const struct sfx_join_spill *sp)
{
    const unsigned char *last = (const unsigned char *)sp->last.data;

    return last != NULL && sp->next_file != NULL &&
           sfx_slice_eq(record_group(last), record_group(sp->next_file));
}

/* Reads rows of the file into side until it is half full: all of a key or none, but for as-of joins
 * as many as fit, behind the last one before. */
static int load_keys(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    const bool asof = join->plan->kind == SFX_JOIN_ASOF;
    bool any = false;
    int rc = 0;

    sfx_side_clear(&join->side);
    if (asof && goes_on(sp))
        rc = load_row(join, (const unsigned char *)sp->last.data, err);
    while (rc == 0 && sp->next_file != NULL) {
        if (join->side.charged > sp->side_nbytes / 2 && (asof ? any : !goes_on(sp)))
            break;
        rc = load_row(join, sp->next_file, err);
        any = true;
        sfx_buf_clear(&sp->last);
        if (rc == 0)
            rc = sfx_buf_append(&sp->last, sp->next_file, sfx_record_nbytes(sp->next_file), err);
        if (rc == 0)
            rc = advance(&sp->file, &sp->next_file, err);
    }
    if (rc == 0 && asof) {
        rc = sfx_asof_sort(&join->side, err);
        rc = rc == 0 ? sfx_operator_over_limit(&join->op, err) : rc < 0 ? rc : 0;
    }
    return rc;
}

/*
 * Whether all that the next row of the input could meet is in side: the key's rows, or when the key
 * goes on, those on both sides of it; of equal ones forward finds the first, other ways the last.
 */
static bool is_due(const struct sfx_join *join)
{
    const struct sfx_join_spill *sp = join->spill;
    int order;

    if (sp->next_input == NULL || sp->next_file == NULL)
        return sp->next_input != NULL;
    order = sfx_slice_cmp(record_group(sp->next_input), record_group(sp->next_file));
    if (order != 0 || join->plan->kind != SFX_JOIN_ASOF || !goes_on(sp))
        return order < 0;
    order = sfx_slice_cmp(record_when(sp->next_input),
                          record_when((const unsigned char *)sp->last.data));
    return order < 0 || (order == 0 && join->plan->way == SFX_ASOF_FORWARD);
}

/* Reads the next row of the input into row n of the frame; its bytes stay until the frame is done.
 */
static int take_input(struct sfx_join *join, uint32_t n, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    const unsigned char *record = sp->next_input;
    uint32_t len = sfx_record_nbytes(record);

    if (!sfx_sorter_keeps_records(&sp->input.sorter)) {
        char *copy = sfx_eval_text(sfx_operator_eval(&join->op), len);

        if (copy == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        memcpy(copy, record, len);
        record = (const unsigned char *)copy;
    }
    sfx_row_decode(sfx_record_row(record), &sp->probe, n);
    sp->probe.sel[n] = (uint16_t)n;
    sp->numbers[n] = record_number(record);
    join->batch.key[n] = record_key(record);
    join->batch.hash[n] = get_number(record + SFX_RECORD_HEAD_NBYTES);
    return advance(&sp->input, &sp->next_input, err);
}

/* Joins the rows of the input that the keys in side are for. */
static int probe_keys(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    const struct sfx_rowstore *store = &sp->input.store;
    int rc = 0;

    while (rc == 0 && is_due(join)) {
        uint32_t n = 0, source = sfx_row_source(store, sfx_record_row(sp->next_input));

        sfx_eval_reset(sfx_operator_eval(&join->op));
        while (rc == 0 && n < SFX_BATCH_ROWS && is_due(join) &&
               sfx_row_source(store, sfx_record_row(sp->next_input)) == source)
            rc = take_input(join, n++, err);
        if (rc < 0)
            return rc;
        if (source < store->nsources) {
            sp->probe.input = store->sources[source].input;
            sp->probe.member = store->sources[source].member;
        }
        sp->probe.nrows = sp->probe.nsel = n;
        if (join->by != NULL) {
            sfx_operator_eval(&join->op)->soft++;
            sfx_eval_node(sfx_operator_eval(&join->op), join->by, sp->probe.sel, n);
            sfx_operator_eval(&join->op)->soft--;
        }
        rc = sfx_join_probe(join, &sp->probe, err);
    }
    return rc;
}

/* Binds what an as-of join is ordered by to the rows that are read back. */
static int bind_by(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    struct sfx_binder left = sfx_operator_binder(&join->op, &sp->probe, err);
    struct sfx_binder right = sfx_operator_binder(&join->op, &sp->load, err);
    int rc;

    if (join->plan->kind != SFX_JOIN_ASOF)
        return 0;
    rc = sfx_asof_bind(join, &left, false, &join->by);
    return rc < 0 ? rc : sfx_asof_bind(join, &right, true, &sp->by);
}

/* Makes the frames that rows are read back into, and what comes out of them. */
static int make_frames(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    struct sfx_operator *op = &join->op;
    size_t i;

    if (sfx_rowstore_make_frame(&sp->input.store, &sp->probe, &op->arena, err) < 0 ||
        sfx_rowstore_make_frame(&sp->file.store, &sp->load, &op->arena, err) < 0)
        return SFX_E_NOMEM;
    sp->from = sfx_arena_calloc(&op->arena, sp->load.ncols + 1, sizeof(*sp->from), err);
    if (sp->from == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < sp->load.ncols; i++)
        sp->from[i] = (int32_t)i;
    if (sfx_join_is_bare(join))
        return sfx_kept_bind(&sp->out, op, &sp->probe, sp->side_nbytes, err);
    if (bind_by(join, err) < 0)
        return SFX_E_NOMEM;
    join->wide = true;
    return sfx_join_bind_columns(join, &sp->probe, err) < 0
               ? SFX_E_NOMEM
               : sfx_kept_bind(&sp->out, op, &op->out, sp->side_nbytes, err);
}

int sfx_join_spill_finish(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    int rc = sfx_sorter_sort(&sp->input.sorter, err);

    if (rc == 0)
        rc = make_frames(join, err);
    sfx_side_clear(&join->side);
    sfx_side_init(&join->side, &join->op, sp->side_nbytes);
    if (rc == 0)
        rc = advance(&sp->file, &sp->next_file, err);
    if (rc == 0)
        rc = advance(&sp->input, &sp->next_input, err);
    while (rc == 0 && (sp->next_file != NULL || sp->next_input != NULL)) {
        rc = load_keys(join, err);
        if (rc == 0)
            rc = probe_keys(join, err);
        if (rc == 0 && sfx_join_keeps_file(join))
            rc = sfx_join_pass_rest(join, err);
    }
    sfx_side_clear(&join->side);
    sfx_kept_done(&sp->file);
    sfx_kept_done(&sp->input);
    return rc < 0 ? rc : sfx_kept_pass_all(&sp->out, err);
}

void sfx_join_spill_free(struct sfx_join *join)
{
    if (join->spill == NULL)
        return;
    sfx_kept_done(&join->spill->file);
    sfx_kept_done(&join->spill->input);
    sfx_kept_done(&join->spill->out);
    sfx_buf_done(&join->spill->last);
    free(join->spill);
    join->spill = NULL;
}
