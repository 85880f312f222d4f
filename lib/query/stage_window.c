/* SPDX-License-Identifier: MIT */
/* window: groups of records by stretches of event time, each handed on when it is over. */
#include "query/window_internal.h"

#include "base/clock.h"

#include <string.h>

/* --- binding ---------------------------------------------------------------------------------- */

static int start(struct sfx_window *w, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = w->op.ast;
    const struct sfx_query_opts *opts = sfx_operator_opts(&w->op);
    size_t i;

    w->spec = ast->detail;
    w->types = sfx_arena_calloc(&w->arena, ast->items.count + 1, sizeof(*w->types), err);
    w->head_nbytes = (1 + ast->items.count) * sizeof(uint32_t);
    w->state_nbytes = w->head_nbytes;
    w->calls = sfx_agg_calls_new(&ast->aggs, &w->arena, &w->state_nbytes, err);
    if (w->types == NULL || w->calls == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < ast->aggs.count; i++)
        w->keeps_bytes = w->keeps_bytes || w->calls[i].agg->save != NULL;
    w->panes = (struct sfx_panes){.op = &w->op, .state_nbytes = w->state_nbytes};
    if (sfx_window_log_init(w, err) < 0)
        return SFX_E_LIMIT;
    if (opts->rules != NULL) {
        w->late_rule = sfx_rules_add(opts->rules, SFX_SLICE_LIT("late"),
                                     w->spec->late.len > 0 ? "aside" : "skip", err);
        if (w->late_rule == NULL)
            return SFX_E_NOMEM;
    }
    w->started = true;
    return 0;
}

static const char *const bound_names[] = {"window_start", "window_end"};

/* The frame that goes out: bounds, keys, aggregates. */
static int make_output(struct sfx_window *w, struct sfx_err *err)
{
    const struct sfx_items *keys = &w->op.ast->items, *aggs = &w->op.ast->aggs;
    struct sfx_frame *out = &w->op.out;
    size_t i, n = 2 + keys->count + aggs->count;

    *out = (struct sfx_frame){.ncols = n, .ordered = true};
    out->cols = sfx_arena_calloc(&w->arena, n, sizeof(*out->cols), err);
    if (out->cols == NULL || sfx_frame_make_rows(out, &w->arena, err) < 0)
        return SFX_E_NOMEM;
    for (i = 0; i < n; i++) {
        enum sfx_type type = SFX_TYPE_TIME;

        if (i >= 2 + keys->count) {
            out->cols[i].name = aggs->items[i - 2 - keys->count].name;
            type = w->calls[i - 2 - keys->count].type;
        } else if (i >= 2) {
            out->cols[i].name = keys->items[i - 2].name;
            type = w->types[i - 2];
        } else {
            out->cols[i].name = sfx_slice_str(bound_names[i]);
        }
        out->cols[i].vec =
            sfx_vec_new(&w->arena, type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : type, err);
        if (out->cols[i].vec == NULL)
            return SFX_E_NOMEM;
    }
    out->schema_id = sfx_operator_new_schema(&w->op);
    return 0;
}

/* True when the frame that goes out has not the types of keys and aggregates. */
static bool output_differs(const struct sfx_window *w)
{
    const struct sfx_frame *out = &w->op.out;
    const size_t nkeys = w->op.ast->items.count;
    size_t i;

    for (i = 2; i < out->ncols; i++) {
        enum sfx_type type = i < 2 + nkeys ? w->types[i - 2] : w->calls[i - 2 - nkeys].type;

        if (out->cols[i].vec->type != (type == SFX_TYPE_BOOL ? SFX_TYPE_CELL : type))
            return true;
    }
    return out->cols == NULL;
}

static int bind_window(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_window *w = (struct sfx_window *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    const struct sfx_items *keys = &op->ast->items;
    size_t i;
    int rc = w->started ? 0 : start(w, err);

    if (rc == 0 && w->spec->late.len > 0 && sfx_operator_opts(op)->side == NULL)
        return sfx_program_err(binder.program, op->ast->at, err,
                               "there are no other outputs here for late records");
    if (rc == 0)
        rc = sfx_bind_as(&binder, w->spec->time, SFX_TYPE_TIME, &w->time);
    if (rc < 0)
        return rc;
    w->keys = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*w->keys), err);
    w->key_vecs = sfx_arena_calloc(&op->arena, keys->count + 1, sizeof(*w->key_vecs), err);
    if (w->keys == NULL || w->key_vecs == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < keys->count; i++) {
        rc = sfx_bind_key(&binder, &keys->items[i], &w->keys[i]);
        if (rc < 0)
            return rc;
        w->key_vecs[i] = w->keys[i]->vec;
        /* A key that has another type for other inputs comes out as cells. */
        if (w->types[i] != w->key_vecs[i]->type)
            w->types[i] = w->types[i] == SFX_TYPE_NULL ? w->key_vecs[i]->type : SFX_TYPE_CELL;
    }
    for (i = 0; i < op->ast->aggs.count && rc == 0; i++)
        rc = sfx_agg_bind(&binder, &w->calls[i]);
    return rc == 0 && output_differs(w) ? make_output(w, err) : rc;
}

/* --- windows out --------------------------------------------------------------------------------
 */

static int put_bound(const struct sfx_window *w, sfx_int128 ns, struct sfx_vec *out, uint32_t row,
                     struct sfx_err *err)
{
    static const struct sfx_time_style style = {.form = SFX_TIME_INSTANT, .zulu = true};
    struct sfx_timestamp time;

    if (!sfx_timestamp_set(ns, style, NULL, &time))
        return sfx_err_set(err, SFX_E_INPUT, "%s: a window lies beyond the years 0 to 9999",
                           w->op.verb->name);
    out->nums[row] = sfx_time_slot(time);
    out->flags[row] = 0;
    return 0;
}

int sfx_window_put(struct sfx_window *w, struct sfx_span *span, const unsigned char *key,
                   const unsigned char *state, uint32_t row, struct sfx_err *err)
{
    const struct sfx_stage_ast *ast = w->op.ast;
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, span, err);
    struct sfx_qcolumn *cols = w->op.out.cols;
    const uint32_t *spelling = (const uint32_t *)state;
    size_t i;
    int rc = put_bound(w, span->start, cols[0].vec, row, err);

    if (rc == 0)
        rc = put_bound(w, span->end, cols[1].vec, row, err);
    for (i = 0; i < ast->items.count && rc == 0; i++)
        rc = sfx_key_decode(ctx.ev, &key, spelling[1 + i], cols[2 + i].vec, row);
    for (i = 0; i < ast->aggs.count && rc == 0; i++)
        rc = sfx_agg_result(&ctx, &w->calls[i], state, cols[2 + ast->items.count + i].vec, row);
    return rc < 0 ? sfx_err_wrap(err, rc, "window") : 0;
}

struct sfx_window_text sfx_window_text_begin(struct sfx_window *w)
{
    struct sfx_eval *ev = sfx_operator_eval(&w->op);
    struct sfx_window_text batch = {ev->text, ev->text_at, ev->text_end};

    ev->text = w->text;
    sfx_eval_reset(ev);
    return batch;
}

void sfx_window_text_end(struct sfx_window *w, struct sfx_window_text batch)
{
    struct sfx_eval *ev = sfx_operator_eval(&w->op);

    w->text = ev->text;
    ev->text = batch.arena;
    ev->text_at = batch.at;
    ev->text_end = batch.end;
}

/* Hands on n windows, whose text is not that of the batch in hand: there may be many. */
static int pass_panes(struct sfx_window *w, uint32_t n, struct sfx_err *err)
{
    struct sfx_window_text batch = sfx_window_text_begin(w);
    uint32_t i;
    int rc = 0;

    for (i = 0; i < n && rc == 0; i++)
        rc = sfx_window_put(w, w->closing[i]->span, w->closing[i]->key, w->closing[i]->state, i,
                            err);
    if (rc == 0)
        rc = sfx_operator_pass_written(&w->op, n, err);
    sfx_window_text_end(w, batch);
    for (i = 0; i < n; i++)
        sfx_panes_free(&w->panes, w->closing[i]);
    return rc;
}

int sfx_window_close(struct sfx_window *w, bool all, struct sfx_err *err)
{
    struct sfx_pane *pane;
    uint32_t n = 0;
    int rc = 0;

    /* A pass for each window would read those that stay open again and again. */
    if (w->log.in_use)
        return all || w->log.nbytes >= w->log.kept_nbytes ? sfx_window_pass(w, all, err) : 0;
    while (rc == 0 && (pane = sfx_panes_peek(&w->panes)) != NULL &&
           (all || pane->span->end <= w->watermark)) {
        if (pane->span->end > w->watermark)
            w->watermark = pane->span->end;
        sfx_panes_take(&w->panes, pane);
        w->closing[n++] = pane;
        if (n < SFX_BATCH_ROWS)
            continue;
        rc = pass_panes(w, n, err);
        n = 0;
    }
    if (rc < 0)
        return rc;
    return n > 0 ? pass_panes(w, n, err) : 0;
}

/* --- records in ---------------------------------------------------------------------------------
 */

/* Records without a time are bad. */
static void refuse_timeless(struct sfx_window *w, const struct sfx_frame *in)
{
    uint32_t i;

    for (i = 0; i < in->nsel; i++) {
        struct sfx_row_error error = {
            .row = in->sel[i], .column = w->time->column, .reason = "is no time"};

        if (w->time->vec->flags[in->sel[i]])
            sfx_eval_note(sfx_operator_eval(&w->op), &error);
    }
}

/* Records that came after their windows were closed. */
static int put_late(struct sfx_window *w, struct sfx_frame *in, struct sfx_err *err)
{
    if (w->late_rule != NULL) {
        w->late_rule->checked += in->nsel;
        w->late_rule->failed += w->nlate_here;
    }
    if (w->nlate_here == 0)
        return 0;
    if (w->spec->late.len > 0)
        return sfx_operator_put_aside(&w->op, w->spec->late, in, w->late, w->nlate_here, err);
    sfx_operator_count_skipped(&w->op, w->nlate_here);
    return 0;
}

static int push_window(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_window *w = (struct sfx_window *)op;
    struct sfx_eval *ev = sfx_operator_eval(op);
    size_t i;
    int rc;

    sfx_eval_node(ev, w->time, in->sel, in->nsel);
    refuse_timeless(w, in);
    for (i = 0; i < op->ast->items.count; i++)
        sfx_eval_node(ev, w->keys[i], in->sel, in->nsel);
    for (i = 0; i < op->ast->aggs.count; i++)
        sfx_agg_eval(ev, &w->calls[i], in->sel, in->nsel);
    rc = sfx_operator_settle(op, in, err);
    if (rc < 0 || in->nsel == 0)
        return rc;
    if (w->spec->flush_ns > 0)
        w->input_ns = sfx_clock_mono_ns();
    w->nlate_here = 0;
    rc = sfx_keys_make(&w->batch_keys, ev, w->key_vecs, NULL, op->ast->items.count, in->sel,
                       in->nsel, err);
    if (rc == 0)
        rc = sfx_window_take_rows(w, in, err);
    if (rc == 0)
        rc = put_late(w, in, err);
    return rc;
}

/* Nanoseconds until all windows close for want of input; -1: they do not. */
static int64_t flush_waits(const struct sfx_window *w)
{
    int64_t left;

    if (w->spec->flush_ns == 0 || (w->panes.count == 0 && !w->log.in_use))
        return -1;
    left = w->input_ns + w->spec->flush_ns - sfx_clock_mono_ns();
    return left > 0 ? left : 0;
}

static int64_t window_waits(const struct sfx_operator *op)
{
    const struct sfx_window *w = (const struct sfx_window *)op;
    int64_t left, flush;

    if (!w->started)
        return -1;
    flush = flush_waits(w);
    if (!sfx_window_log_is_due(w))
        return flush;
    left = w->log.pass_at_ns - sfx_clock_mono_ns();
    left = left > 0 ? left : 0;
    return flush >= 0 && flush < left ? flush : left;
}

static int tick_window(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_window *w = (struct sfx_window *)op;
    int rc = flush_waits(w) == 0 ? sfx_window_close(w, true, err) : sfx_window_pass(w, false, err);

    return rc < 0 ? rc : sfx_panes_charge(&w->panes, err);
}

static int finish_window(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_window *w = (struct sfx_window *)op;
    int rc = sfx_window_close(w, true, err);

    return rc < 0 ? rc
                  : sfx_operator_pass_written(&w->op, 0,
                                              err); /* what stands behind is bound even so */
}

static void destroy_window(struct sfx_operator *op)
{
    struct sfx_window *w = (struct sfx_window *)op;

    sfx_panes_done(&w->panes);
    sfx_window_log_done(w);
    sfx_keys_done(&w->batch_keys);
    sfx_buf_done(&w->part);
    sfx_arena_done(&w->text);
    sfx_arena_done(&w->arena);
}

static enum sfx_rest window_uses(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                 enum sfx_rest rest)
{
    const struct sfx_window_spec *spec = ast->detail;

    (void)rest;
    sfx_uses_expr(uses, spec->time);
    sfx_uses_items(uses, &ast->items);
    sfx_uses_items(uses, &ast->aggs);
    return spec->late.len > 0 ? SFX_REST_CELLS : SFX_REST_NOTHING;
}

const struct sfx_verb sfx_verb_window = {
    .name = "window",
    .usage = "window (SIZE | session GAP) on TIME [every STEP] [lateness D] [late \"FILE\"] [flush "
             "D] [group by KEY[, …]]: [NAME =] AGGREGATE[, …]",
    .help = "groups by stretches of event time: of SIZE one after the other, of SIZE that begin "
            "every STEP, or sessions that end when their key is quiet for GAP; each is handed on "
            "when it is over",
    .plan = "streaming; memory for each open window and key; what exceeds --memory waits on disk, "
            "where windows that are over are looked for less often while input comes",
    .rules =
        "The latest time so far less the lateness is the watermark: a window closes when its end "
        "is not above it, at the end of the input, and with flush when no record came for that "
        "long. Windows come in the order of their ends, then of the first appearance of their "
        "keys, with the columns window_start and window_end (in UTC; the end is not in the "
        "window), the keys, the aggregates. Windows of SIZE begin at multiples of SIZE or STEP "
        "since 1970-01-01 in UTC: weeks begin on Thursdays. A record whose windows have all closed "
        "is late: it goes to the file of late records, or is skipped and counted. A record without "
        "a time is bad. SIGTERM, SIGINT and SIGHUP end the input of such a program.",
    .example = {.program = "window 1m on ts group by host: n = count()",
                .input = "ts,host\n2026-01-05T10:00:05Z,a\n2026-01-05T10:00:59Z,b\n"
                         "2026-01-05T10:00:20Z,a\n2026-01-05T10:01:00Z,a\n",
                .output = "window_start,window_end,host,n\n"
                          "2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,a,2\n"
                          "2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,b,1\n"
                          "2026-01-05T10:01:00Z,2026-01-05T10:02:00Z,a,1\n"},
    .can_fail = true,
    .fixes_columns = true,
    .uses = window_uses,
    .state_nbytes = sizeof(struct sfx_window),
    .parse = sfx_window_parse,
    .bind = bind_window,
    .push = push_window,
    .finish = finish_window,
    .satisfied = sfx_operator_next_is_satisfied,
    .waits = window_waits,
    .tick = tick_window,
    .destroy = destroy_window,
};
