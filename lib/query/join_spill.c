/* SPDX-License-Identifier: MIT */
/*
 * A join whose file does not fit the memory. Rows of both sides lie on disk under their key and
 * their number; they are met in the order of keys, as many keys at once as fit; what comes out lies
 * under the number of the input's row, those of the file's rows without a counterpart behind.
 */
#include "query/join_internal.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_NBYTES 8
#define HEAD_NBYTES   (8 + 1) /* hash, whether there is a key */
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

/* Keeps a row under hash, key and number. */
static int keep(struct sfx_kept *kept, const struct sfx_frame *frame, uint32_t row,
                struct sfx_slice key, uint64_t hash, uint64_t number, struct sfx_err *err)
{
    unsigned char *begin = NULL, *at;
    int rc = sfx_kept_reserve(kept, frame, row, HEAD_NBYTES + key.len + NUMBER_NBYTES, &begin, err);

    if (rc < 0)
        return rc;
    at = put_number(begin, hash);
    *at++ = key.ptr != NULL;
    if (key.len > 0)
        memcpy(at, key.ptr, key.len);
    at = put_number(at + key.len, number);
    sfx_kept_commit(kept, frame, row, begin, (size_t)(at - begin));
    return 0;
}

static struct sfx_slice record_key(const unsigned char *record)
{
    const char *key = (const char *)record + SFX_RECORD_HEAD_NBYTES;
    size_t len = sfx_record_key_nbytes(record) - HEAD_NBYTES - NUMBER_NBYTES;

    return key[HEAD_NBYTES - 1] != 0 ? sfx_slice(key + HEAD_NBYTES, len) : sfx_slice(NULL, 0);
}

static uint64_t record_hash(const unsigned char *record)
{
    return get_number(record + SFX_RECORD_HEAD_NBYTES);
}

static uint64_t record_number(const unsigned char *record)
{
    return get_number(record + SFX_RECORD_HEAD_NBYTES + sfx_record_key_nbytes(record) -
                      NUMBER_NBYTES);
}

/* What of the record's key is the same in rows of one key. */
static struct sfx_slice record_group(const unsigned char *record)
{
    return sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES,
                     sfx_record_key_nbytes(record) - NUMBER_NBYTES);
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
        rc = keep(&sp->file, frame, 0,
                  row->key != NULL ? sfx_slice(row->key, row->key_len) : sfx_slice(NULL, 0),
                  row->hash, row->number, err);
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

int sfx_join_spill_file(struct sfx_join *join, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    struct sfx_frame frame = *in;
    uint32_t i;
    int rc;

    if (sfx_join_is_bare(join))
        frame.ncols = 0;
    rc = sfx_kept_bind(&sp->file, &join->op, &frame, 0, err);
    if (rc == 0)
        rc = sfx_kept_begin(&sp->file, &frame, err);
    for (i = 0; i < frame.nsel && rc == 0; i++)
        rc = keep(&sp->file, &frame, frame.sel[i], join->batch.key[i], join->batch.hash[i],
                  join->nfile++, err);
    return rc;
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
    struct sfx_join_spill *sp = join->spill;
    uint32_t i;
    int rc = sfx_kept_begin(&sp->input, in, err);

    for (i = 0; i < in->nsel && rc == 0; i++)
        rc = keep(&sp->input, in, in->sel[i], join->batch.key[i], join->batch.hash[i], sp->ninput++,
                  err);
    return rc;
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

    if (rc == 0)
        *record = NULL;
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

/* Reads rows of the file into side, all of a key or none, until it is half full. */
static int load_keys(struct sfx_join *join, struct sfx_buf *group, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    struct sfx_side_source source = {.frame = &sp->load, .from = sp->from};
    struct sfx_side_when when;
    int rc = 0;

    source.ncells = sp->load.ncols;
    sfx_side_clear(&join->side);
    while (rc == 0 && sp->next_file != NULL) {
        struct sfx_slice next = record_group(sp->next_file);

        if (join->side.charged > sp->side_nbytes / 2 && !sfx_slice_eq(sfx_buf_slice(group), next))
            break;
        sfx_buf_clear(group);
        rc = sfx_buf_append(group, next.ptr, next.len, err);
        if (rc < 0)
            break;
        sfx_row_decode(sfx_record_row(sp->next_file), &sp->load, 0);
        source.key = record_key(sp->next_file);
        source.hash = record_hash(sp->next_file);
        source.number = record_number(sp->next_file);
        source.when = find_when(join, &when);
        if (sp->by == NULL || source.when != NULL)
            rc = sfx_side_add(&join->side, &source, err);
        else
            rc = 1;
        if (rc == 0)
            rc = sfx_operator_over_limit(&join->op, err);
        if (rc > 0)
            rc = advance(&sp->file, &sp->next_file, err);
    }
    if (rc == 0 && join->plan->kind == SFX_JOIN_ASOF) {
        rc = sfx_asof_sort(&join->side, err);
        rc = rc == 0 ? sfx_operator_over_limit(&join->op, err) : rc < 0 ? rc : 0;
    }
    return rc;
}

/* Whether the next row of the input belongs to the keys before the next one of the file. */
static bool is_due(const struct sfx_join_spill *sp)
{
    return sp->next_input != NULL &&
           (sp->next_file == NULL ||
            sfx_slice_cmp(record_group(sp->next_input), record_group(sp->next_file)) < 0);
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
    join->batch.hash[n] = record_hash(record);
    return advance(&sp->input, &sp->next_input, err);
}

/* Joins the rows of the input that the keys in side are for. */
static int probe_keys(struct sfx_join *join, struct sfx_err *err)
{
    struct sfx_join_spill *sp = join->spill;
    const struct sfx_rowstore *store = &sp->input.store;
    int rc = 0;

    while (rc == 0 && is_due(sp)) {
        uint32_t n = 0, source = sfx_row_source(store, sfx_record_row(sp->next_input));

        sfx_eval_reset(sfx_operator_eval(&join->op));
        while (rc == 0 && n < SFX_BATCH_ROWS && is_due(sp) &&
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
    struct sfx_buf group = {0};
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
        rc = load_keys(join, &group, err);
        if (rc == 0)
            rc = probe_keys(join, err);
        if (rc == 0 && sfx_join_keeps_file(join))
            rc = sfx_join_pass_rest(join, err);
    }
    sfx_buf_done(&group);
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
    free(join->spill);
    join->spill = NULL;
}
