/* SPDX-License-Identifier: MIT */
/* What operators ask of their query: the evaluator, binders, memory, rows of their own. */
#include "query/query_internal.h"

#include <inttypes.h>

struct sfx_eval *sfx_operator_eval(const struct sfx_operator *op)
{
    return &op->query->eval;
}

int sfx_bind_key(struct sfx_binder *b, const struct sfx_item *item, struct sfx_node **out)
{
    struct sfx_slice name;
    enum sfx_type type;
    int rc = sfx_bind_expr(b, item->expr, out);

    if (rc < 0)
        return rc;
    name = item->name.len > 0 ? item->name : (*out)->column;
    type = (*out)->vec->type;
    if (name.len > 0)
        sfx_plan_note(b->plan, "key %.*s: by %s", SFX_SLICE_ARG(name),
                      type == SFX_TYPE_CELL || type == SFX_TYPE_TEXT ? "bytes" : "value");
    return 0;
}

uint64_t sfx_operator_new_schema(const struct sfx_operator *op)
{
    return ++op->query->next_schema;
}

int sfx_operator_start_columns(struct sfx_operator *op, const struct sfx_frame *in, size_t room,
                               struct sfx_err *err)
{
    struct sfx_frame *out = &op->out;

    out->cols = sfx_arena_calloc(&op->arena, room + 1, sizeof(*out->cols), err);
    if (out->cols == NULL)
        return SFX_E_NOMEM;
    out->ncols = 0;
    out->open = in->open;
    out->schema_id = sfx_operator_new_schema(op);
    return 0;
}

int sfx_operator_keep_columns(struct sfx_operator *op, const struct sfx_frame *in, size_t more,
                              struct sfx_err *err)
{
    struct sfx_frame *out = &op->out;
    int rc = sfx_operator_start_columns(op, in, in->ncols + more, err);

    if (rc < 0)
        return rc;
    if (in->ncols > 0)
        memcpy(out->cols, in->cols, in->ncols * sizeof(*out->cols));
    out->ncols = in->ncols;
    return 0;
}

int sfx_operator_pass_written(struct sfx_operator *op, uint32_t n, struct sfx_err *err)
{
    struct sfx_frame *out = &op->out;
    uint32_t i;
    size_t c;

    for (i = 0; i < n; i++)
        out->sel[i] = (uint16_t)i;
    for (c = 0; c < out->ncols; c++)
        out->cols[c].vec->has_cells = false;
    out->nrows = out->nsel = n;
    return sfx_operator_pass(op, out, err);
}

const struct sfx_query_opts *sfx_operator_opts(const struct sfx_operator *op)
{
    return &op->query->opts;
}

struct sfx_binder sfx_operator_binder(struct sfx_operator *op, const struct sfx_frame *in,
                                      struct sfx_err *err)
{
    return (struct sfx_binder){
        .program = op->query->program,
        .cols = in->cols,
        .ncols = in->ncols,
        .open = in->open,
        .plan = op->query->plan,
        .arena = &op->arena,
        .err = err,
    };
}

/* What stages may take of the limit: the rest is for buffers of readers and writers, and rows on
 * their way. */
static uint64_t memory_for_stages(const struct sfx_query *q)
{
    return q->opts.memory_nbytes - q->opts.memory_nbytes / 8;
}

/*
 * A blocking stage finds some memory even when another one before it has taken all it could: of a
 * quarter of the memory each has an equal part for itself.
 */
uint64_t sfx_operator_available(const struct sfx_operator *op)
{
    const struct sfx_query *q = op->query;
    uint64_t limit = memory_for_stages(q), taken = q->memory_used, own;
    size_t i, nblocking = 0;

    for (i = 0; i < q->noperators; i++)
        nblocking += q->operators[i]->verb->finish != NULL;
    own = nblocking > 1 ? limit / 4 / nblocking : 0;
    for (i = 0; own > 0 && i < q->noperators; i++) {
        const struct sfx_operator *other = q->operators[i];

        if (other != op && other->verb->finish != NULL && other->charged_nbytes < own)
            taken += own - other->charged_nbytes;
    }
    return taken < limit ? limit - taken : 0;
}

int sfx_operator_set_aside(struct sfx_operator *op, uint64_t nbytes, struct sfx_err *err)
{
    if (nbytes > sfx_operator_available(op))
        return sfx_operator_over_limit(op, err);
    op->query->memory_used += nbytes;
    return 0;
}

bool sfx_operator_charge(struct sfx_operator *op, int64_t nbytes)
{
    if (nbytes > 0 && (uint64_t)nbytes > sfx_operator_available(op))
        return false;
    op->query->memory_used += (uint64_t)nbytes;
    op->charged_nbytes += (uint64_t)nbytes;
    return true;
}

int sfx_operator_over_limit(const struct sfx_operator *op, struct sfx_err *err)
{
    (void)sfx_program_err(op->query->program, op->ast->at, err,
                          "%s needs more than %" PRIu64 " MiB of memory; --memory allows more",
                          op->verb->name, op->query->opts.memory_nbytes >> 20);
    if (err != NULL)
        err->code = SFX_E_LIMIT;
    return SFX_E_LIMIT;
}

bool sfx_operator_next_is_satisfied(const struct sfx_operator *op)
{
    return sfx_query_satisfied_from(op->query, op->index + 1);
}

void sfx_operator_count_skipped(struct sfx_operator *op, uint32_t n)
{
    op->refused += n;
    op->query->counts.skipped += n;
}

bool sfx_operator_is_done(const struct sfx_operator *op)
{
    const struct sfx_query *q = op->query;

    /* What a stage in front failed at comes after all that op is given. */
    return (q->failed < 0 && q->failed_at > op->index) ||
           sfx_query_satisfied_from(q, op->index + 1);
}

bool sfx_operator_is_copied(const struct sfx_operator *op, const struct sfx_frame *frame)
{
    const struct sfx_query *q = op->query;

    return op->next == NULL && q->copies && frame->nraw > 0 && frame->nraw == frame->ncols &&
           frame->raw_dialect == q->first_dialect;
}

bool sfx_operator_gets_records(const struct sfx_operator *op)
{
    return op->next == NULL && op->query->records_only;
}

bool sfx_operator_needs_origin(const struct sfx_operator *op)
{
    do
        op = op->next;
    while (op != NULL && !op->verb->can_fail);
    return op != NULL;
}

int sfx_frame_make_rows(struct sfx_frame *frame, struct sfx_arena *arena, struct sfx_err *err)
{
    frame->rows = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*frame->rows), err);
    frame->sel = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*frame->sel), err);
    return frame->rows == NULL || frame->sel == NULL ? SFX_E_NOMEM : 0;
}

void sfx_frame_take_rows(struct sfx_frame *out, const struct sfx_frame *in)
{
    out->rows = in->rows;
    out->nrows = in->nrows;
    out->sel = in->sel;
    out->nsel = in->nsel;
    out->ordered = out->ordered || in->ordered;
    out->input = in->input;
    out->member = in->member;
    out->eol = in->eol;
    out->raw_dialect = in->raw_dialect;
}
