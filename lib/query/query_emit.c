/* SPDX-License-Identifier: MIT */
/* What leaves a query: frames as batches, for its output and for what stages put aside. */
#include "query/query_internal.h"

#include <stdlib.h>
#include <string.h>

/* Makes the sink batch's columns those of frame. */
static int bind_sink(struct sfx_query_sink *sink, const struct sfx_frame *frame,
                     struct sfx_err *err)
{
    size_t i;

    free(sink->batch.columns);
    sink->batch.columns = calloc(frame->ncols + 1, sizeof(*sink->batch.columns));
    if (sink->batch.columns == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", frame->ncols);
    sink->batch.ncols = frame->ncols;
    sink->batch.cap_cols = frame->ncols + 1;
    sink->batch.own_used = 0;
    for (i = 0; i < frame->ncols; i++) {
        sink->batch.columns[i].name = frame->cols[i].name;
        sink->batch.columns[i].head = frame->cols[i].head;
    }
    sfx_batch_update_schema_id(&sink->batch);
    sink->schema = frame->schema_id;
    sink->columns = sink->batch.schema_id;
    return 0;
}

int sfx_query_fill_sink(struct sfx_query *q, struct sfx_query_sink *sink, struct sfx_frame *frame,
                        struct sfx_err *err)
{
    size_t i;

    /* Whoever got the last batch may have changed its columns. */
    if (sink->batch.columns == NULL || sink->schema != frame->schema_id ||
        sink->columns != sink->batch.schema_id) {
        int rc = bind_sink(sink, frame, err);

        if (rc < 0)
            return rc;
    }
    for (i = 0; i < frame->ncols; i++) {
        sfx_vec_make_cells(&q->eval, frame->cols[i].vec, frame->sel, frame->nsel);
        sink->batch.columns[i].cells = frame->cols[i].vec->cells;
    }
    if (q->eval.rc < 0)
        return sfx_err_set(err, q->eval.rc, "no memory for computed values");
    sfx_arena_reset(&sink->batch.arena); /* of cells that were added to the last batch */
    sink->batch.rows = frame->rows;
    sink->batch.nrows = frame->nrows;
    sink->batch.sel = frame->sel;
    sink->batch.nsel = frame->nsel;
    sink->batch.input = frame->input;
    sink->batch.member = frame->member;
    sink->batch.eol = q->first_eol;
    sink->batch.dialect = q->first_dialect;
    sink->batch.open_schema = frame->open;
    sink->batch.nraw = frame->nraw;
    sink->batch.raw_dialect = frame->raw_dialect;
    sink->batch.ordered = frame->ordered;
    return 0;
}

void sfx_query_sink_done(struct sfx_query_sink *sink)
{
    sink->batch.rows = NULL; /* the frame's */
    sink->batch.sel = NULL;
    sfx_batch_done(&sink->batch);
}

int sfx_query_emit_frame(struct sfx_query *q, struct sfx_frame *frame, struct sfx_err *err)
{
    int rc;

    if (q->in != NULL)
        return sfx_lane_keep(q, frame, err);
    rc = sfx_query_fill_sink(q, &q->sink, frame, err);
    if (rc < 0)
        return rc;
    if (q->plan != NULL)
        sfx_plan_columns(q->plan, frame);
    q->counts.out += frame->nsel;
    return q->emit(q->emit_ctx, &q->sink.batch, err);
}

int sfx_operator_put_aside(struct sfx_operator *op, struct sfx_slice name, struct sfx_frame *frame,
                           const uint16_t *sel, uint32_t nsel, struct sfx_err *err)
{
    struct sfx_query *q = op->query;
    const struct sfx_side_outputs *side = q->opts.side;
    int rc;

    if (side == NULL)
        return sfx_program_err(q->program, op->ast->at, err, "%s has no other outputs here",
                               op->verb->name);
    rc = sfx_query_fill_sink(q, &q->aside, frame, err);
    if (rc < 0)
        return rc;
    if (nsel > 0)
        memcpy(q->aside_sel, sel, nsel * sizeof(*sel)); /* the callee may change it */
    q->aside.batch.sel = q->aside_sel;
    q->aside.batch.nsel = nsel;
    return side->put(side->ctx, name, &q->aside.batch, err);
}
