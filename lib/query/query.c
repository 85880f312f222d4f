/* SPDX-License-Identifier: MIT */
/* Queries: batches become frames, frames flow through the operators, batches come out. */
#include "query/carry_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_NBYTES ((uint64_t)256 << 20)

bool sfx_query_satisfied_from(const struct sfx_query *q, size_t first)
{
    size_t i;

    for (i = first; i < q->noperators; i++) {
        const struct sfx_operator *op = q->operators[i];

        if (op->verb->satisfied != NULL && op->verb->satisfied(op))
            return true;
        if (op->verb->takes_all)
            return false;
        if (op->verb->finish != NULL && (op->verb->blocks == NULL || op->verb->blocks(op)))
            return false; /* it has more to give than it was given */
    }
    return false;
}

bool sfx_query_satisfied(const struct sfx_query *q)
{
    return sfx_query_satisfied_from(q, 0);
}

/* What the operator at index does: the schema's is in front, that for union_columns behind. */
static const struct sfx_stage_ast *stage_at(const struct sfx_query *q, size_t index)
{
    size_t first = q->opts.schema != NULL;

    if (index < first)
        return &q->schema_stage;
    return index - first < q->nstages ? &q->program->stages[index - first] : &q->union_stage;
}

struct sfx_query *sfx_query_new(const struct sfx_program *program,
                                const struct sfx_query_opts *opts, sfx_query_emit *emit, void *ctx,
                                struct sfx_err *err)
{
    return sfx_query_new_of(program, program->nstages, opts, emit, ctx, err);
}

struct sfx_query *sfx_query_new_of(const struct sfx_program *program, size_t nstages,
                                   const struct sfx_query_opts *opts, sfx_query_emit *emit,
                                   void *ctx, struct sfx_err *err)
{
    struct sfx_query *q = calloc(1, sizeof(*q));
    size_t i, first;

    if (q == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a query");
        return NULL;
    }
    q->program = program;
    q->nstages = nstages;
    if (opts != NULL)
        q->opts = *opts;
    if (q->opts.memory_nbytes == 0)
        q->opts.memory_nbytes = DEFAULT_MEMORY_NBYTES;
    if (q->opts.errors == NULL)
        q->opts.errors = &q->errors;
    if (q->opts.tmp_dir == NULL)
        q->opts.tmp_dir = "/tmp";
    q->emit = emit;
    q->emit_ctx = ctx;
    first = q->opts.schema != NULL;
    q->noperators = first + nstages + q->opts.union_columns;
    q->schema_stage = (struct sfx_stage_ast){.verb = &sfx_verb_schema, .detail = q->opts.schema};
    q->union_stage.verb = &sfx_verb_all_columns;
    q->operators = calloc(q->noperators + 1, sizeof(struct sfx_operator *));
    if (q->operators == NULL || sfx_eval_init(&q->eval, err) < 0)
        goto fail;
    q->eval.zone = program->zone;
    if (q->opts.on_error == SFX_ON_ERROR_NULL)
        q->eval.nulls = q->opts.errors;
    q->eval.now_ns = q->opts.now_ns != 0 ? q->opts.now_ns : sfx_clock_wall_ns();
    for (i = q->noperators; i-- > 0;) {
        const struct sfx_stage_ast *ast = stage_at(q, i);
        struct sfx_operator *op = calloc(1, ast->verb->state_nbytes);

        if (op == NULL)
            goto fail;
        q->operators[i] = op;
        op->verb = ast->verb;
        op->ast = ast;
        op->index = i;
        op->query = q;
        op->next = q->operators[i + 1];
    }
    return q;
fail:
    (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a query");
    sfx_query_free(q);
    return NULL;
}

void sfx_query_free(struct sfx_query *q)
{
    size_t i;

    if (q == NULL)
        return;
    sfx_query_free_lanes(q);
    for (i = 0; q->operators != NULL && i < q->noperators; i++) {
        struct sfx_operator *op = q->operators[i];

        if (op == NULL)
            continue;
        if (op->verb->destroy != NULL)
            op->verb->destroy(op);
        sfx_arena_done(&op->arena);
        free(op);
    }
    free(q->operators);
    sfx_eval_done(&q->eval);
    sfx_arena_done(&q->source_arena);
    sfx_buf_done(&q->carried.bytes);
    sfx_query_sink_done(&q->sink);
    sfx_query_sink_done(&q->aside);
    free(q);
}

/* --- the chain ------------------------------------------------------------------------------ */

int sfx_operator_push(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err)
{
    int rc;

    if (op->bound_schema != frame->schema_id) {
        sfx_arena_reset(&op->arena);
        op->bound_schema = 0;
        rc = op->verb->bind(op, frame, err);
        if (rc < 0)
            return rc;
        op->bound_schema = frame->schema_id;
        if (op->query->plan != NULL && !op->explained) {
            sfx_plan_columns(op->query->plan, frame);
            sfx_plan_stage(op->query->plan, op);
            op->explained = true;
        }
    }
    op->taken += frame->nsel;
    return op->verb->push(op, frame, err);
}

int sfx_operator_pass(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err)
{
    op->given += frame->nsel;
    if (sfx_operator_ends_lane(op))
        return sfx_query_enter(op->query, frame, err);
    return op->next != NULL ? sfx_operator_push(op->next, frame, err)
                            : sfx_query_emit_frame(op->query, frame, err);
}

int sfx_qcolumn_copy(struct sfx_arena *arena, struct sfx_slice name, const struct sfx_cell *spelled,
                     struct sfx_qcolumn *to, struct sfx_err *err)
{
    struct sfx_slice head = sfx_cell_spelling(spelled);
    char *copy = sfx_arena_strndup(arena, name.ptr, name.len, err);

    if (copy == NULL)
        return SFX_E_NOMEM;
    to->name = sfx_slice(copy, name.len);
    to->head = *spelled;
    if (spelled->kind == SFX_CELL_MISSING)
        return 0;
    copy = sfx_arena_strndup(arena, head.ptr, head.len, err);
    if (copy != NULL)
        to->head.ptr = copy + (spelled->ptr - head.ptr);
    return copy == NULL ? SFX_E_NOMEM : 0;
}

/* Makes the source frame's columns those of batch. */
static int bind_source(struct sfx_query *q, const struct sfx_batch *batch, struct sfx_err *err)
{
    struct sfx_frame *source = &q->source;
    size_t i;

    sfx_arena_reset(&q->source_arena);
    q->has_source = false;
    q->provenance = NULL;
    source->cols = sfx_arena_calloc(&q->source_arena, batch->ncols + SFX_PROVENANCE_COLUMNS + 1,
                                    sizeof(*source->cols), err);
    q->source_vecs =
        sfx_arena_calloc(&q->source_arena, batch->ncols + 1, sizeof(*q->source_vecs), err);
    if (source->cols == NULL || q->source_vecs == NULL)
        return SFX_E_NOMEM;
    source->ncols = batch->ncols;
    source->nraw = batch->nraw;
    for (i = 0; i < batch->ncols; i++) {
        q->source_vecs[i].type = SFX_TYPE_CELL;
        source->cols[i].vec = &q->source_vecs[i];
        if (sfx_qcolumn_copy(&q->source_arena, batch->columns[i].name, &batch->columns[i].head,
                             &source->cols[i], err) < 0)
            return SFX_E_NOMEM;
    }
    if (q->opts.provenance && batch->ncols > 0 && sfx_provenance_bind(q, err) < 0)
        return SFX_E_NOMEM;
    source->schema_id = ++q->next_schema;
    source->open = batch->open_schema || batch->ncols == 0;
    q->batch_schema = batch->schema_id;
    q->batch_ncols = batch->ncols;
    q->has_source = true;
    return 0;
}

void sfx_query_note_first(struct sfx_query *q, const struct sfx_batch *batch)
{
    if (q->has_first)
        return;
    q->first_eol = batch->eol;
    q->first_dialect = batch->dialect;
    q->has_first = true;
}

/* Points the source frame to batch and runs it. */
static int run_batch(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;

    if (!q->has_source || q->batch_schema != batch->schema_id || q->batch_ncols != batch->ncols ||
        q->source.nraw != batch->nraw) {
        int rc = bind_source(q, batch, err);

        if (rc < 0)
            return rc;
    }
    for (i = 0; i < batch->ncols; i++)
        q->source_vecs[i].cells = batch->columns[i].cells;
    q->source.rows = batch->rows;
    q->source.nrows = batch->nrows;
    q->source.sel = batch->sel;
    q->source.nsel = batch->nsel;
    q->source.input = batch->input;
    q->source.member = batch->member;
    sfx_query_note_first(q, batch);
    q->source.eol = batch->eol;
    q->source.raw_dialect = batch->raw_dialect;
    sfx_eval_reset(&q->eval);
    if (q->provenance != NULL)
        sfx_provenance_fill(q);
    return q->noperators > 0 ? sfx_operator_push(q->operators[0], &q->source, err)
                             : sfx_query_emit_frame(q, &q->source, err);
}

/* A bad record does not matter when a stage behind the one that met it had enough before. */
static bool failure_counts(const struct sfx_query *q)
{
    return q->failed < 0 && !sfx_query_satisfied_from(q, q->failed_at + 1);
}

int sfx_query_settle(struct sfx_query *q, int rc, struct sfx_err *err)
{
    if (rc == 0 && failure_counts(q)) {
        if (err != NULL)
            *err = q->failure;
        return q->failed;
    }
    q->failed = 0; /* a stage had enough before the bad record */
    return rc;
}

int sfx_query_push(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err)
{
    int rc;

    q->counts.in += batch->nsel;
    rc = run_batch(q, batch, err);
    return sfx_query_settle(q, rc, err);
}

int64_t sfx_query_wait_ns(const struct sfx_query *q)
{
    int64_t least = -1, ns;
    size_t i;

    for (i = 0; i < q->noperators; i++) {
        const struct sfx_operator *op = q->operators[i];

        ns = op->verb->waits != NULL ? op->verb->waits(op) : -1;
        if (ns >= 0 && (least < 0 || ns < least))
            least = ns;
    }
    return least;
}

int sfx_query_tick(struct sfx_query *q, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < q->noperators && rc == 0; i++) {
        struct sfx_operator *op = q->operators[i];

        if (op->verb->waits == NULL || op->verb->waits(op) != 0)
            continue;
        sfx_eval_reset(&q->eval);
        rc = op->verb->tick(op, err);
    }
    return sfx_query_settle(q, rc, err);
}

int sfx_query_prepare(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;

    for (i = 0; i < q->noperators && q->operators[i]->verb->wants_cells == NULL &&
                q->operators[i]->verb->takes_records == NULL;
         i++)
        ;
    return i < q->noperators ? run_batch(q, batch, err) : 0;
}

/* Binds stages that have not seen a record yet; an input of nothing has no columns to bind to. */
static int bind_all(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err)
{
    if (q->took)
        return sfx_query_enter_nothing(q, err);
    if (batch->ncols > 0 || !q->has_source) {
        sfx_batch_clear(batch);
        return run_batch(q, batch, err);
    }
    q->source.nrows = q->source.nsel = 0;
    sfx_eval_reset(&q->eval);
    return q->noperators > 0 ? sfx_operator_push(q->operators[0], &q->source, err)
                             : sfx_query_emit_frame(q, &q->source, err);
}

int sfx_query_finish(struct sfx_query *q, struct sfx_batch *batch, struct sfx_err *err)
{
    size_t i;
    int rc;

    rc = bind_all(q, batch, err);
    if (rc == 0)
        rc = sfx_carry_begin(q, err);
    for (i = 0; i < q->noperators && rc == 0; i++) {
        struct sfx_operator *op = q->operators[i];

        if (op->verb->finish == NULL)
            continue;
        rc = op->verb->finish(op, err);
        if (rc == 0)
            rc = sfx_carry_end_stage(op, err);
        if (rc == 0 && failure_counts(q)) {
            if (err != NULL)
                *err = q->failure;
            return q->failed;
        }
        q->failed = 0;
    }
    return rc == 0 ? sfx_carry_end(q, err) : rc;
}

struct sfx_query_counts sfx_query_counts(const struct sfx_query *q)
{
    struct sfx_query_counts counts = q->counts;
    size_t i;

    counts.nulled = q->eval.nnulls;
    for (i = 0; i < q->noperators; i++) {
        const struct sfx_operator *op = q->operators[i];
        const uint64_t kept = op->given + op->refused;

        counts.filtered += op->taken > kept ? op->taken - kept : 0;
        counts.made += kept > op->taken ? kept - op->taken : 0;
    }
    return counts;
}
