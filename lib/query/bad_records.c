/* SPDX-License-Identifier: MIT */
/* What becomes of records that cannot be what is asked of them: told, counted or kept. */
#include "query/query_internal.h"

#include "json/json.h"

#include <inttypes.h>

#define SHOWN_VALUE_NBYTES 80 /* of a value in a message */

/* Whether there were too many errors. */
static bool is_fatal(const struct sfx_query *q)
{
    return q->opts.errors->fatal > 0 && q->opts.errors->seen >= q->opts.errors->fatal;
}

const char *sfx_on_error_word(enum sfx_on_error on_error)
{
    static const char *const words[] = {
        [SFX_ON_ERROR_FAIL] = "fail",
        [SFX_ON_ERROR_SKIP] = "skip",
        [SFX_ON_ERROR_REJECT] = "reject",
        [SFX_ON_ERROR_NULL] = "null",
    };

    return words[on_error];
}

/* "orders.csv: line 17, offset 208: column price: "abc" is not a number". Keeps the first in row
 * order. */
static void note_failure(struct sfx_query *q, const struct sfx_frame *frame,
                         const struct sfx_row_error *bad)
{
    const struct sfx_row_origin *origin = &frame->rows[bad->row];
    int shown = (int)(bad->value.len > SHOWN_VALUE_NBYTES ? SHOWN_VALUE_NBYTES : bad->value.len);
    struct sfx_err *err = &q->failure;

    if (bad->has_value)
        q->failed =
            sfx_err_set(err, SFX_E_INPUT, "\"%.*s%s\" %s", shown, shown > 0 ? bad->value.ptr : "",
                        (size_t)shown < bad->value.len ? "…" : "", bad->reason);
    else
        q->failed = sfx_err_set(err, SFX_E_INPUT, "%s", bad->reason);
    if (bad->column.len > 0)
        q->failed = sfx_err_wrap(err, q->failed, "column %.*s", SFX_SLICE_ARG(bad->column));
    if (origin->line > 0)
        q->failed = sfx_err_wrap(err, q->failed, "line %" PRIu64 ", offset %" PRIu64, origin->line,
                                 origin->offset);
    if (frame->member != NULL)
        q->failed = sfx_err_wrap(err, q->failed, "%s", frame->member);
    if (frame->input != NULL)
        q->failed = sfx_err_wrap(err, q->failed, "%s", frame->input);
    if (is_fatal(q))
        q->failed =
            sfx_err_wrap(err, q->failed, "more than %" PRIu64 " errors", q->opts.errors->fatal - 1);
}

/* Appends the row as a JSON object: what is kept of a record that no input has. */
static int render(struct sfx_query *q, const struct sfx_frame *frame, uint32_t row,
                  struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    struct sfx_slice text;
    size_t i;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    for (i = 0; i < frame->ncols; i++) {
        struct sfx_vec *vec = frame->cols[i].vec;

        sfx_vec_make_cells(&q->eval, vec, frame->sel, frame->nsel);
        if (sfx_vec_is_null(vec, row))
            continue;
        text = sfx_eval_cell_text(&q->eval, &vec->cells[row]);
        sfx_json_key_slice(&w, frame->cols[i].name);
        if (vec->type == SFX_TYPE_NUMBER || vec->type == SFX_TYPE_BOOL ||
            vec->type == SFX_TYPE_FLOAT)
            sfx_json_raw(&w, text);
        else
            sfx_json_string(&w, text);
    }
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}

static int reject(struct sfx_operator *op, struct sfx_frame *frame, const struct sfx_row_error *bad,
                  struct sfx_err *err)
{
    struct sfx_query *q = op->query;
    const struct sfx_row_origin *origin = &frame->rows[bad->row];
    struct sfx_buf rendered = {0};
    int rc = 0;
    struct sfx_reject r = {
        .input = frame->input,
        .member = frame->member,
        .line = origin->line,
        .offset = origin->offset,
        .column = bad->column,
        .value = bad->value,
        .code = sfx_code_name(SFX_E_INPUT),
        .reason = bad->reason,
        .rule = bad->rule.len > 0 ? bad->rule : op->ast->text,
        .raw = origin->raw,
    };

    q->counts.rejected++;
    if (q->opts.rejects == NULL)
        return 0;
    if (origin->line == 0) { /* made by a stage */
        rc = render(q, frame, bad->row, &rendered, err);
        r.raw = sfx_buf_slice(&rendered);
    }
    if (rc == 0)
        rc = q->opts.rejects->put(q->opts.rejects->ctx, &r, err);
    sfx_buf_done(&rendered);
    return rc;
}

/* The note about a bad row. */
static const struct sfx_row_error *find_error(const struct sfx_eval *ev, uint16_t row)
{
    uint32_t i;

    for (i = 0; ev->errors[i].row != row; i++)
        ;
    return &ev->errors[i];
}

/* Counts the bad record and keeps it where that was asked for. */
static int refuse(struct sfx_operator *op, struct sfx_frame *frame, const struct sfx_row_error *bad,
                  enum sfx_on_error on_error, struct sfx_err *err)
{
    op->refused++;
    (void)sfx_error_count_allows(op->query->opts.errors); /* is_fatal is asked next */
    if (on_error == SFX_ON_ERROR_REJECT)
        return reject(op, frame, bad, err);
    op->query->counts.skipped++;
    return 0;
}

enum sfx_on_error sfx_operator_refusal(const struct sfx_operator *op)
{
    const struct sfx_query_opts *opts = &op->query->opts;

    if (opts->on_error != SFX_ON_ERROR_NULL)
        return opts->on_error;
    return opts->rejects != NULL ? SFX_ON_ERROR_REJECT : SFX_ON_ERROR_FAIL;
}

int sfx_operator_settle(struct sfx_operator *op, struct sfx_frame *frame, struct sfx_err *err)
{
    return sfx_operator_settle_as(op, frame, op->query->opts.on_error, err);
}

int sfx_operator_settle_as(struct sfx_operator *op, struct sfx_frame *frame,
                           enum sfx_on_error on_error, struct sfx_err *err)
{
    struct sfx_query *q = op->query;
    struct sfx_eval *ev = &q->eval;
    uint32_t i, n = 0;
    int rc = 0;

    if (ev->rc < 0)
        return sfx_err_set(err, ev->rc, "no memory for computed values");
    if (ev->nerrors == 0)
        return 0;
    if (on_error == SFX_ON_ERROR_NULL) /* a rule, or a cell beyond the limit */
        on_error = sfx_operator_refusal(op);
    for (i = 0; i < frame->nsel && rc == 0; i++) {
        uint16_t row = frame->sel[i];

        if (!ev->bad[row]) {
            frame->sel[n++] = row;
            continue;
        }
        if (on_error != SFX_ON_ERROR_FAIL)
            rc = refuse(op, frame, find_error(ev, row), on_error, err);
        if (on_error == SFX_ON_ERROR_FAIL || is_fatal(q)) {
            note_failure(q, frame, find_error(ev, row));
            q->failed_at = op->index;
            break;
        }
    }
    frame->nsel = n;
    sfx_eval_forget(ev);
    return rc;
}

int sfx_operator_failure(const struct sfx_operator *op, struct sfx_err *err)
{
    if (op->query->failed < 0 && err != NULL)
        *err = op->query->failure;
    return op->query->failed;
}
