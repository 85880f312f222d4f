/* SPDX-License-Identifier: MIT */
/*
 * Running functions over groups that are put together: rows are sorted by group, by the order asked
 * for and by number; read once to learn of whole groups, if need be; read to run the functions; and
 * put back in the order of their numbers. What lead gives a row is met later: it waits under the
 * row's number.
 */
#include "query/kept_internal.h"
#include "query/over_internal.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_NBYTES (8 + 4)           /* in front of the group's key: hash, length */
#define HELD_NBYTES  ((size_t)1 << 20) /* of results: a frame has not much more */

struct sfx_over_sort {
    struct sfx_kept rows, out;
    struct sfx_sorter ahead; /* values of lead: number, call; then the value */
    uint64_t nrows;
    /* The rows in hand. */
    struct sfx_frame in;
    uint64_t numbers[SFX_BATCH_ROWS];
    bool begins[SFX_BATCH_ROWS], peers[SFX_BATCH_ROWS]; /* a group; like the row before */
    const unsigned char *next;                          /* record; NULL: no more */
    struct sfx_buf last_key; /* of the record before, without its number */
    /* Running. */
    struct sfx_arena arena; /* of the group's states */
    unsigned char *run_states;
    uint64_t index;       /* of the row in its group */
    uint64_t group_nrows; /* 0: not known */
    uint64_t **rings;     /* of each lead: the numbers of the last n rows */
};

/* --- keeping ---------------------------------------------------------------------------------- */

int sfx_over_sort_bind(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err)
{
    int rc = 0;

    if (over->sorted == NULL && over->plan->needs_groups)
        rc = sfx_over_groups_init(over, err);
    if (over->sorted == NULL && rc == 0)
        over->sorted = calloc(1, sizeof(*over->sorted));
    if (over->sorted == NULL)
        return rc < 0 ? rc : sfx_err_set(err, SFX_E_NOMEM, "no memory for groups");
    return sfx_kept_bind(&over->sorted->rows, &over->op, in, sfx_operator_available(&over->op) / 2,
                         err);
}

static int keep_row(struct sfx_over *over, const struct sfx_frame *in, uint32_t row,
                    struct sfx_slice group, uint64_t hash, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    const struct sfx_items *sort = &over->plan->sort;
    struct sfx_eval *ev = sfx_operator_eval(&over->op);
    uint32_t len = __builtin_bswap32((uint32_t)group.len);
    size_t i, most = GROUP_NBYTES + group.len + SFX_OVER_NUMBER_NBYTES;
    unsigned char *key = NULL, *at;
    int rc;

    for (i = 0; i < sort->count; i++)
        most += sfx_sort_key_max_nbytes(over->sort[i]->vec, row);
    rc = sfx_kept_reserve(&s->rows, in, row, most, &key, err);
    if (rc < 0)
        return rc;
    at = sfx_over_put_number(key, hash);
    memcpy(at, &len, sizeof(len));
    at += sizeof(len);
    if (group.len > 0)
        memcpy(at, group.ptr, group.len);
    at += group.len;
    for (i = 0; i < sort->count; i++)
        at += sfx_sort_key_put(ev, over->sort[i]->vec, row, sort->items[i].minus, at);
    at = sfx_over_put_number(at, s->nrows++);
    sfx_kept_commit(&s->rows, in, row, key, (size_t)(at - key));
    return 0;
}

/* Keeps row of a frame that comes out under its number. */
static int keep_output(struct sfx_over *over, uint32_t row, uint64_t number, struct sfx_err *err)
{
    struct sfx_kept *out = &over->sorted->out;
    unsigned char *key = NULL;
    int rc = sfx_kept_reserve(out, &over->op.out, row, SFX_OVER_NUMBER_NBYTES, &key, err);

    if (rc < 0)
        return rc;
    (void)sfx_over_put_number(key, number);
    sfx_kept_commit(out, &over->op.out, row, key, SFX_OVER_NUMBER_NBYTES);
    return 0;
}

/* The group of row i of the batch. */
static struct sfx_slice group_of(const struct sfx_over *over, uint32_t i)
{
    uint32_t begin = i > 0 ? over->batch.ends[i - 1] : 0;

    return sfx_slice(over->batch.bytes.data + begin, over->batch.ends[i] - begin);
}

int sfx_over_sort_go_on(struct sfx_over *over, const struct sfx_frame *in, struct sfx_err *err)
{
    int rc = sfx_over_sort_bind(over, in, err);

    over->set.budget_nbytes = UINT64_MAX; /* what the groups in it need, they get */
    return rc < 0 ? rc
                  : sfx_kept_bind(&over->sorted->out, &over->op, &over->op.out,
                                  sfx_operator_available(&over->op) / 2, err);
}

int sfx_over_sort_keep_some(struct sfx_over *over, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    uint32_t i;
    size_t c;
    int rc = sfx_kept_begin(&s->rows, in, err);

    for (i = 0; i < in->nsel; i++) {
        for (c = 0; c < over->plan->ncalls && over->entries[i] == NULL; c++)
            sfx_vec_set_null(over->calls[c].out, in->sel[i]); /* not known yet */
    }
    if (rc == 0)
        rc = sfx_kept_begin(&s->out, &over->op.out, err);
    for (i = 0; i < in->nsel && rc == 0; i++) {
        if (over->entries[i] != NULL)
            rc = keep_output(over, in->sel[i], s->nrows++, err);
        else
            rc = keep_row(over, in, in->sel[i], group_of(over, i), over->batch.hashes[i], err);
    }
    return rc;
}

int sfx_over_sort_keep(struct sfx_over *over, struct sfx_frame *in, struct sfx_err *err)
{
    uint32_t i;
    int rc = sfx_kept_begin(&over->sorted->rows, in, err);

    for (i = 0; i < in->nsel && rc == 0; i++)
        rc = keep_row(over, in, in->sel[i], group_of(over, i), over->batch.hashes[i], err);
    return rc;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The record's key without the row's number. */
static struct sfx_slice record_place(const unsigned char *record)
{
    return sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES,
                     sfx_record_key_nbytes(record) - SFX_OVER_NUMBER_NBYTES);
}

/* The part of it that is the group. */
static struct sfx_slice place_group(struct sfx_slice place)
{
    uint32_t len;

    memcpy(&len, place.ptr + 8, sizeof(len));
    return sfx_slice(place.ptr, GROUP_NBYTES + (size_t)__builtin_bswap32(len));
}

static int advance(struct sfx_over_sort *s, struct sfx_err *err)
{
    int rc = sfx_sorter_next(&s->rows.sorter, &s->next, err);

    if (rc == 0)
        s->next = NULL;
    return rc < 0 ? rc : 0;
}

static int rewind_rows(struct sfx_over_sort *s, struct sfx_err *err)
{
    int rc = sfx_sorter_rewind(&s->rows.sorter, err);

    sfx_buf_clear(&s->last_key);
    return rc < 0 ? rc : advance(s, err);
}

/* Reads the record in hand into row n of the frame. */
static int take_row(struct sfx_over *over, uint32_t n, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    const unsigned char *record = s->next;
    struct sfx_slice place = record_place(record), last = sfx_buf_slice(&s->last_key);
    int rc;

    s->begins[n] = last.len == 0 || !sfx_slice_eq(place_group(place), place_group(last));
    s->peers[n] = !s->begins[n] && sfx_slice_eq(place, last);
    s->numbers[n] = sfx_over_get_number((const unsigned char *)place.ptr + place.len);
    sfx_buf_clear(&s->last_key);
    rc = sfx_buf_append(&s->last_key, place.ptr, place.len, err);
    if (rc < 0)
        return rc;
    if (!sfx_sorter_keeps_records(&s->rows.sorter)) {
        uint32_t len = sfx_record_nbytes(record);
        char *copy = sfx_eval_text(sfx_operator_eval(&over->op), len);

        if (copy == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row");
        memcpy(copy, record, len);
        record = (const unsigned char *)copy;
    }
    sfx_row_decode(sfx_record_row(record), &s->in, n);
    s->in.sel[n] = (uint16_t)n;
    return advance(s, err);
}

/* Whether the frame is to end before the next record: results of its groups fill memory, and a new
 * group begins. */
static bool is_full(const struct sfx_over *over)
{
    const struct sfx_over_sort *s = over->sorted;

    return over->groups != NULL && sfx_over_groups_held_nbytes(over) > HELD_NBYTES &&
           !sfx_slice_eq(place_group(record_place(s->next)),
                         place_group(sfx_buf_slice(&s->last_key)));
}

/* Fills the frame with rows of one input, and evaluates the arguments: 1; 0 at the end. */
static int next_frame(struct sfx_over *over, bool runs, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    struct sfx_eval *ev = sfx_operator_eval(&over->op);
    const struct sfx_rowstore *store = &s->rows.store;
    uint32_t n = 0, source;
    int rc = 0;

    if (s->next == NULL)
        return 0;
    sfx_eval_reset(ev);
    source = sfx_row_source(store, sfx_record_row(s->next));
    while (rc == 0 && n < SFX_BATCH_ROWS && s->next != NULL &&
           sfx_row_source(store, sfx_record_row(s->next)) == source &&
           !(n > 0 && runs && is_full(over)))
        rc = take_row(over, n++, err);
    if (rc < 0)
        return rc;
    if (source < store->nsources) {
        s->in.input = store->sources[source].input;
        s->in.member = store->sources[source].member;
    }
    s->in.nrows = s->in.nsel = n;
    ev->soft++; /* what is bad was refused when it came in */
    sfx_over_eval(over, s->in.sel, n);
    ev->soft--;
    return ev->rc < 0 ? sfx_err_set(err, ev->rc, "no memory for computed values") : 1;
}

static int learn_groups(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    int rc;

    while ((rc = next_frame(over, false, err)) > 0) {
        rc = sfx_over_groups_learn(over, &s->in, s->begins, err);
        if (rc < 0)
            return rc;
    }
    if (rc == 0)
        rc = sfx_over_groups_end(over, err);
    return rc < 0 ? rc : rewind_rows(s, err);
}

/* --- running ---------------------------------------------------------------------------------- */

static int look_ahead(struct sfx_over *over, uint32_t row, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    uint64_t index = s->index - 1; /* the row was counted */
    size_t c;
    int rc = 0;

    for (c = 0; c < over->plan->ncalls && rc == 0; c++) {
        uint64_t n = over->calls[c].n;

        if (!over->plan->calls[c].fn->leads)
            continue;
        if (index >= n)
            rc = sfx_over_put_ahead(over, &s->ahead, c, s->rings[c][index % n], row, err);
        s->rings[c][index % n] = s->numbers[row];
    }
    return rc;
}

static int run_row(struct sfx_over *over, uint32_t n, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    struct sfx_running_row row = {.row = n, .peer = s->peers[n]};
    int rc = 0;

    if (s->begins[n]) {
        s->index = 0;
        memset(s->run_states, 0, over->states_nbytes);
        sfx_arena_reset(&s->arena);
        if (over->groups != NULL)
            rc = sfx_over_groups_next(over, &s->group_nrows, err);
    }
    row.index = s->index++;
    row.group_nrows = s->group_nrows;
    if (rc == 0)
        rc = sfx_over_step(over, &s->arena, s->run_states, &row, err);
    if (rc < 0 || over->groups == NULL)
        return rc;
    if (n > 0 && !s->begins[n])
        sfx_over_groups_repeat(over, n);
    else
        rc = sfx_over_groups_put(over, n, err);
    return rc;
}

static int run_groups(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    uint32_t i;
    int rc;

    while ((rc = next_frame(over, true, err)) > 0) {
        sfx_over_begin(over);
        if (over->groups != NULL && s->begins[0])
            sfx_over_groups_release(over);
        for (i = 0, rc = 0; i < s->in.nsel && rc == 0; i++) {
            rc = run_row(over, i, err);
            if (rc == 0 && over->plan->leads)
                rc = look_ahead(over, i, err);
        }
        sfx_frame_take_rows(&over->op.out, &s->in);
        if (rc == 0)
            rc = sfx_kept_begin(&s->out, &over->op.out, err);
        for (i = 0; i < s->in.nsel && rc == 0; i++)
            rc = keep_output(over, i, s->numbers[i], err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* --- handing on ------------------------------------------------------------------------------- */

static int next_ahead(struct sfx_over_sort *s, const unsigned char **ahead, struct sfx_err *err)
{
    int rc = sfx_sorter_next(&s->ahead, ahead, err);

    if (rc == 0)
        *ahead = NULL;
    return rc < 0 ? rc : 0;
}

static int pass_with_ahead(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    const unsigned char *record = NULL, *ahead = NULL;
    int rc = sfx_kept_start(&s->out, err);

    if (rc == 0)
        rc = sfx_sorter_sort(&s->ahead, err);
    if (rc == 0)
        rc = next_ahead(s, &ahead, err);
    if (rc == 0)
        rc = sfx_sorter_sort(&s->out.sorter, err);
    while (rc == 0 && (rc = sfx_sorter_next(&s->out.sorter, &record, err)) > 0) {
        const unsigned char *row = sfx_record_row(record);
        uint64_t number = sfx_over_get_number(record + SFX_RECORD_HEAD_NBYTES);

        rc = sfx_kept_put(&s->out, row, sfx_record_nbytes(record) - (size_t)(row - record),
                          sfx_sorter_keeps_records(&s->out.sorter), err);
        if (rc <= 0)
            return rc;
        rc = 0;
        while (rc == 0 && ahead != NULL &&
               sfx_over_get_number(ahead + SFX_RECORD_HEAD_NBYTES) <= number) {
            if (sfx_over_get_number(ahead + SFX_RECORD_HEAD_NBYTES) == number)
                rc = sfx_over_give_ahead(over, sfx_kept_frame(&s->out), ahead, s->out.nrows - 1,
                                         err);
            if (rc == 0)
                rc = next_ahead(s, &ahead, err);
        }
    }
    return rc < 0 ? rc : sfx_kept_end(&s->out, err);
}

/* Makes the frames that rows are read back into and run in. */
static int make_frames(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    struct sfx_operator *op = &over->op;
    uint64_t left = sfx_operator_available(op);
    size_t c;
    int rc = sfx_rowstore_make_frame(&s->rows.store, &s->in, &op->arena, err);

    if (rc == 0)
        rc = sfx_over_bind_calls(over, &s->in, err);
    if (rc == 0)
        rc = sfx_over_bind_columns(over, &s->in, err);
    if (rc == 0)
        rc = sfx_kept_bind(&s->out, op, &op->out, left / 2, err);
    sfx_sorter_init(&s->ahead, op, left / 4);
    s->run_states = sfx_arena_calloc(&op->arena, 1, over->states_nbytes, err);
    s->rings = sfx_arena_calloc(&op->arena, over->plan->ncalls + 1, sizeof(uint64_t *), err);
    if (s->run_states == NULL || s->rings == NULL)
        return SFX_E_NOMEM;
    for (c = 0; c < over->plan->ncalls && rc == 0; c++) {
        if (!over->plan->calls[c].fn->leads)
            continue;
        s->rings[c] = sfx_arena_calloc(&op->arena, over->calls[c].n, sizeof(uint64_t), err);
        if (s->rings[c] == NULL)
            return SFX_E_NOMEM;
    }
    return rc;
}

int sfx_over_sort_finish(struct sfx_over *over, struct sfx_err *err)
{
    struct sfx_over_sort *s = over->sorted;
    int rc;

    sfx_keyset_done(&over->set); /* of groups that were in memory */
    rc = sfx_sorter_sort(&s->rows.sorter, err);
    if (rc == 0)
        rc = make_frames(over, err);
    if (rc == 0)
        rc = advance(s, err);
    if (rc == 0 && over->plan->needs_groups)
        rc = learn_groups(over, err);
    if (rc == 0)
        rc = run_groups(over, err);
    if (rc < 0)
        return rc;
    sfx_kept_done(&s->rows);
    sfx_over_groups_free(over);
    return over->plan->leads ? pass_with_ahead(over, err) : sfx_kept_pass_all(&s->out, err);
}

void sfx_over_sort_free(struct sfx_over *over)
{
    struct sfx_over_sort *s = over->sorted;

    if (s == NULL)
        return;
    sfx_kept_done(&s->rows);
    sfx_kept_done(&s->out);
    sfx_sorter_done(&s->ahead);
    sfx_arena_done(&s->arena);
    sfx_buf_done(&s->last_key);
    free(s);
    over->sorted = NULL;
}
