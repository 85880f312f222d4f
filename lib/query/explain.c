/* SPDX-License-Identifier: MIT */
/* Plans in words: what each stage does, is bound to, compares and refuses. */
#include "query/explain_internal.h"

#include "query/query_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_NBYTES 256

/* Adds text to list, behind `before` when it is not the first, unless it is there. */
static void add_once(struct sfx_plan *plan, struct sfx_buf *list, const char *before,
                     const char *text)
{
    const char *have;

    if (plan->rc < 0)
        return;
    have = sfx_buf_cstr(list, plan->err);
    if (have == NULL)
        plan->rc = SFX_E_NOMEM;
    else if (strstr(have, text) == NULL)
        plan->rc = sfx_buf_printf(list, plan->err, "%s%s", list->len > 0 ? before : "", text);
}

void sfx_plan_refuses(struct sfx_plan *plan, const char *fmt, ...)
{
    char text[NOTE_NBYTES];
    va_list args;

    if (plan == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    add_once(plan, &plan->refused, "; ", text);
}

void sfx_plan_note(struct sfx_plan *plan, const char *fmt, ...)
{
    char text[NOTE_NBYTES];
    va_list args;

    if (plan == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    add_once(plan, &plan->notes, "\n   ", text);
}

static const char *type_name(enum sfx_type type)
{
    switch (type) {
    case SFX_TYPE_NUMBER: return " (number)";
    case SFX_TYPE_BOOL: return " (boolean)";
    case SFX_TYPE_TEXT: return " (text)";
    case SFX_TYPE_TIME: return " (time)";
    case SFX_TYPE_FLOAT: return " (float)";
    default: return "";
    }
}

void sfx_plan_columns(struct sfx_plan *plan, const struct sfx_frame *frame)
{
    struct sfx_buf text = {0};
    size_t i;

    for (i = 0; i < frame->ncols && plan->rc == 0; i++)
        plan->rc =
            sfx_buf_printf(&text, plan->err, "%s%.*s%s", i > 0 ? ", " : "",
                           SFX_SLICE_ARG(frame->cols[i].name), type_name(frame->cols[i].vec->type));
    if (plan->rc == 0 && frame->open)
        plan->rc = sfx_buf_printf(&text, plan->err, "%swhatever the records have",
                                  frame->ncols > 0 ? ", and " : "");
    if (plan->rc == 0 && !sfx_slice_eq(sfx_buf_slice(&text), sfx_buf_slice(&plan->columns))) {
        plan->rc = sfx_buf_printf(plan->out, plan->err, "   columns: %.*s\n", (int)text.len,
                                  text.len > 0 ? text.data : "");
        sfx_buf_done(&plan->columns);
        plan->columns = text;
        return;
    }
    sfx_buf_done(&text);
}

static void put_notes(struct sfx_plan *plan, const char *lead, struct sfx_buf *notes)
{
    if (plan->rc == 0 && notes->len > 0)
        plan->rc =
            sfx_buf_printf(plan->out, plan->err, "   %s%.*s\n", lead, (int)notes->len, notes->data);
    sfx_buf_clear(notes);
}

void sfx_plan_stage(struct sfx_plan *plan, const struct sfx_operator *op)
{
    const struct sfx_stage_ast *ast = op->ast;

    if (plan->rc == 0 && ast->text.len > 0)
        plan->rc = sfx_buf_printf(plan->out, plan->err, "%zu. %.*s\n", op->index + 1,
                                  SFX_SLICE_ARG(ast->text));
    else if (plan->rc == 0)
        plan->rc = sfx_buf_printf(plan->out, plan->err, "%zu. (all inputs: %s)\n", op->index + 1,
                                  op->verb->help);
    if (plan->rc == 0)
        plan->rc = sfx_buf_printf(plan->out, plan->err, "   %s\n", op->verb->plan);
    put_notes(plan, "", &plan->notes);
    put_notes(plan, "refuses a record for: ", &plan->refused);
}

void sfx_plan_done(struct sfx_plan *plan)
{
    sfx_buf_done(&plan->refused);
    sfx_buf_done(&plan->notes);
    sfx_buf_done(&plan->columns);
}

/* Which cells are read: for programs that do not look at all of a record. */
static int explain_uses(struct sfx_query *q, const struct sfx_batch *batch, bool copies,
                        struct sfx_buf *out, struct sfx_err *err)
{
    bool *wanted = calloc(batch->ncols + 1, sizeof(*wanted));
    size_t i, n = 0;
    int rc = 0;

    if (wanted == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", batch->ncols);
    sfx_query_wants(q, batch, copies, wanted);
    for (i = 0; i < batch->ncols; i++)
        n += wanted[i];
    if (n < batch->ncols) {
        rc = sfx_buf_printf(out, err, "   reads %s", n == 0 ? "no cell" : "only the cells of ");
        for (i = 0, n = 0; i < batch->ncols && rc == 0; i++) {
            if (wanted[i])
                rc = sfx_buf_printf(out, err, "%s%.*s", n++ > 0 ? ", " : "",
                                    SFX_SLICE_ARG(batch->columns[i].name));
        }
        if (rc == 0)
            rc = sfx_buf_puts(out, "\n", err);
    }
    free(wanted);
    return rc;
}

int sfx_query_explain(struct sfx_query *q, struct sfx_batch *batch, bool copies,
                      struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_plan plan = {.out = out, .err = err};
    int rc;

    sfx_batch_clear(batch);
    q->plan = &plan;
    rc = batch->open_schema ? 0 : explain_uses(q, batch, copies, out, err);
    if (rc == 0)
        rc = sfx_query_finish(q, batch, err);
    if (rc == 0)
        rc = plan.rc;
    q->plan = NULL;
    if (rc == 0)
        rc = sfx_buf_printf(out, err,
                            "memory of blocking stages: %" PRIu64
                            " MiB together, what exceeds it in %s\n",
                            q->opts.memory_nbytes >> 20, q->opts.tmp_dir);
    sfx_plan_done(&plan);
    return rc;
}
