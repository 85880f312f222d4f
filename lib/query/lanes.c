/* SPDX-License-Identifier: MIT */
/*
 * Lanes: the first stages of a query many times over, each a query of its own that any thread may
 * run a batch through. What comes out is kept as it is, frame, rejects, counts and error, until the
 * thread that has the query takes it: nothing depends on which lane was first.
 */
#include "query/query_internal.h"

#include <stdlib.h>
#include <string.h>

struct sfx_lane {
    struct sfx_query *query, *owner;
    struct sfx_held_rejects refused;
    struct sfx_reject_sink sink;
    struct sfx_error_count errors;
    /* Of the batch in hand: */
    bool kept;               /* something came out */
    bool rendered;           /* as bytes */
    struct sfx_frame *frame; /* where it goes on to stages; else it is in query's sink */
    uint64_t nrecords;       /* that came out */
    struct sfx_buf bytes;
    int rc;
    struct sfx_err failure;
};

/* The lanes of whole programs hand on records. */
static bool is_whole(const struct sfx_query *owner)
{
    return owner->nlaned == owner->noperators;
}

static int emit_nothing(void *ctx, struct sfx_batch *batch, struct sfx_err *err)
{
    (void)ctx;
    (void)batch;
    (void)err;
    return 0;
}

static int make_lane(struct sfx_query *q, struct sfx_lane *lane, struct sfx_err *err)
{
    struct sfx_query_opts opts = {
        .on_error = q->opts.on_error,
        .memory_nbytes = q->opts.memory_nbytes,
        .tmp_dir = q->opts.tmp_dir,
        .now_ns = q->eval.now_ns,
        .errors = &lane->errors,
        .one_stream = q->opts.one_stream,
    };

    lane->sink = (struct sfx_reject_sink){sfx_held_rejects_put, &lane->refused};
    if (q->opts.rejects != NULL)
        opts.rejects = &lane->sink;
    lane->owner = q;
    lane->query = sfx_query_new_of(q->program, q->nlaned, &opts, emit_nothing, NULL, err);
    if (lane->query == NULL)
        return SFX_E_NOMEM;
    lane->query->in = lane;
    return 0;
}

int sfx_query_make_lanes(struct sfx_query *q, const struct sfx_query_lanes *lanes,
                         struct sfx_err *err)
{
    size_t i, n = 0;
    int rc = 0;

    /* The schema's stage is not among those of the program. */
    while (q->opts.schema == NULL && n < q->nstages && q->operators[n]->verb->parallel)
        n++;
    if (lanes->count == 0 || q->opts.errors->fatal > 0 || q->opts.provenance ||
        (n == 0 && q->noperators > 0))
        return 0;
    q->nlaned = n;
    q->lane = calloc(lanes->count, sizeof(*q->lane));
    if (q->lane == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a query");
    q->lanes = *lanes;
    for (i = 0; i < lanes->count && rc == 0; i++)
        rc = make_lane(q, &q->lane[i], err);
    return rc < 0 ? rc : 1;
}

void sfx_query_free_lanes(struct sfx_query *q)
{
    size_t i;

    for (i = 0; i < q->lanes.count; i++) {
        sfx_query_free(q->lane[i].query);
        sfx_held_rejects_done(&q->lane[i].refused);
        sfx_buf_done(&q->lane[i].bytes);
    }
    free(q->lane);
    sfx_arena_done(&q->entry.arena);
}

/* --- in any thread --------------------------------------------------------------------------- */

int sfx_lane_keep(struct sfx_query *q, struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_lane *lane = q->in;
    const struct sfx_query_lanes *lanes = &lane->owner->lanes;
    int rc;

    lane->kept = true;
    lane->nrecords = frame->nsel;
    if (!is_whole(lane->owner)) {
        lane->frame = frame;
        return 0;
    }
    rc = sfx_query_fill_sink(q, &q->sink, frame, err);
    if (rc == 0 && lanes->render != NULL)
        lane->rendered = lanes->render(lanes->ctx, (size_t)(lane - lane->owner->lane),
                                       &q->sink.batch, &lane->bytes);
    return rc;
}

/* Forgets what was counted of a batch that is not taken. */
static void forget_counts(struct sfx_lane *lane)
{
    size_t i;

    lane->query->counts = (struct sfx_query_counts){0};
    lane->query->eval.nnulls = 0;
    lane->errors.seen = 0;
    for (i = 0; i < lane->owner->nlaned; i++) {
        struct sfx_operator *op = lane->query->operators[i];

        op->taken = op->given = op->refused = 0;
    }
}

void sfx_query_work(struct sfx_query *q, size_t index, struct sfx_batch *batch)
{
    struct sfx_lane *lane = &q->lane[index];

    forget_counts(lane);
    lane->kept = lane->rendered = false;
    sfx_buf_clear(&lane->bytes);
    sfx_held_rejects_clear(&lane->refused);
    lane->rc = sfx_query_push(lane->query, batch, &lane->failure);
}

/* --- in the thread that has the query -------------------------------------------------------- */

static void take_counts(struct sfx_query *q, const struct sfx_lane *lane)
{
    const struct sfx_query_counts *from = &lane->query->counts;
    size_t i;

    q->counts.in += from->in;
    q->counts.rejected += from->rejected;
    q->counts.skipped += from->skipped;
    q->eval.nnulls += lane->query->eval.nnulls;
    q->opts.errors->seen += lane->errors.seen;
    for (i = 0; i < q->nlaned; i++) {
        const struct sfx_operator *op = lane->query->operators[i];
        struct sfx_operator *to = q->operators[i];

        to->taken += op->taken;
        to->given += op->given;
        to->refused += op->refused;
    }
}

/* Hands on what came out. */
static int pass_on(struct sfx_query *q, struct sfx_lane *lane, struct sfx_err *err)
{
    struct sfx_batch *batch = &lane->query->sink.batch;

    if (!is_whole(q)) {
        sfx_eval_reset(&q->eval);
        return sfx_query_enter(q, lane->frame, err);
    }
    q->counts.out += lane->nrecords;
    if (lane->rendered)
        return q->lanes.emit_rendered(q->lanes.ctx, sfx_buf_slice(&lane->bytes), lane->nrecords,
                                      err);
    batch->eol = q->first_eol;
    batch->dialect = q->first_dialect;
    return q->emit(q->emit_ctx, batch, err);
}

int sfx_query_take(struct sfx_query *q, size_t index, uint64_t lines, struct sfx_batch *batch,
                   struct sfx_err *err)
{
    struct sfx_lane *lane = &q->lane[index];
    int rc = 0;

    if (lane->rc < 0 && lines > 0) {
        /* It said so of a line that is not the stream's. */
        sfx_batch_select_all(batch, batch->nrows);
        return sfx_query_push(q, batch, err);
    }
    sfx_query_note_first(q, batch);
    q->took = true;
    take_counts(q, lane);
    if (lane->refused.first != NULL)
        rc = sfx_held_rejects_hand_on(&lane->refused, lines, q->opts.rejects, err);
    if (rc == 0 && lane->kept)
        rc = pass_on(q, lane, err);
    if (rc == 0 && lane->rc < 0 && !sfx_query_satisfied_from(q, q->nlaned)) {
        if (err != NULL)
            *err = lane->failure;
        return lane->rc;
    }
    return sfx_query_settle(q, rc, err);
}

bool sfx_operator_ends_lane(const struct sfx_operator *op)
{
    return op->next != NULL && op->index + 1 == op->query->nlaned;
}

/* True when the entry has the columns of frame. */
static bool fits(const struct sfx_frame *entry, const struct sfx_frame *frame)
{
    size_t i;

    if (entry->cols == NULL || entry->ncols != frame->ncols || entry->nraw != frame->nraw ||
        entry->open != frame->open)
        return false;
    for (i = 0; i < frame->ncols; i++) {
        if (entry->cols[i].vec->type != frame->cols[i].vec->type ||
            !sfx_slice_eq(entry->cols[i].name, frame->cols[i].name))
            return false;
    }
    return true;
}

static int bind_entry(struct sfx_query *q, const struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_entry *entry = &q->entry;
    size_t i;

    sfx_arena_reset(&entry->arena);
    entry->frame = (struct sfx_frame){.nraw = frame->nraw, .open = frame->open};
    entry->vecs = sfx_arena_calloc(&entry->arena, frame->ncols + 1, sizeof(*entry->vecs), err);
    entry->frame.cols =
        sfx_arena_calloc(&entry->arena, frame->ncols + 1, sizeof(*entry->frame.cols), err);
    if (entry->vecs == NULL || entry->frame.cols == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < frame->ncols; i++) {
        struct sfx_qcolumn *col = &entry->frame.cols[i];

        if (sfx_qcolumn_copy(&entry->arena, frame->cols[i].name, &frame->cols[i].head, col, err) <
            0) {
            entry->frame.cols = NULL;
            return SFX_E_NOMEM;
        }
        col->vec = &entry->vecs[i];
    }
    entry->frame.ncols = frame->ncols;
    entry->frame.schema_id = ++q->next_schema;
    return 0;
}

int sfx_query_enter(struct sfx_query *q, const struct sfx_frame *frame, struct sfx_err *err)
{
    struct sfx_entry *entry = &q->entry;
    size_t i;

    if (!fits(&entry->frame, frame)) {
        int rc = bind_entry(q, frame, err);

        if (rc < 0)
            return rc;
    }
    for (i = 0; i < frame->ncols; i++)
        entry->vecs[i] = *frame->cols[i].vec;
    entry->frame.ordered = false;
    sfx_frame_take_rows(&entry->frame, frame);
    return sfx_operator_push(q->operators[q->nlaned], &entry->frame, err);
}

int sfx_query_enter_nothing(struct sfx_query *q, struct sfx_err *err)
{
    if (is_whole(q) || q->entry.frame.cols == NULL)
        return 0;
    sfx_eval_reset(&q->eval);
    q->entry.frame.nsel = q->entry.frame.nrows = 0;
    return sfx_operator_push(q->operators[q->nlaned], &q->entry.frame, err);
}
