/* SPDX-License-Identifier: MIT */
/*
 * Records to their windows. They are taken one after the other: each moves the watermark, and what
 * it passes is closed before the next one is looked at. So what comes out does not depend on where
 * batches end. Rows of one span are added to their aggregates together.
 */
#include "query/window_internal.h"

#include "base/hash.h"

/* Adds the rows that were gathered to their states. */
static int add_gathered(struct sfx_window *w, struct sfx_err *err)
{
    struct sfx_agg_ctx ctx;
    size_t a, before;
    int rc = 0;

    if (w->nrows == 0)
        return 0;
    ctx = sfx_window_ctx(w, w->span, err);
    before = w->span->arena.total_nbytes;
    for (a = 0; a < w->op.ast->aggs.count && rc == 0; a++)
        rc = sfx_agg_add(&ctx, &w->calls[a], w->rows, w->nrows, w->states);
    w->panes.nbytes += w->span->arena.total_nbytes - before;
    w->nrows = 0;
    return rc < 0 ? sfx_err_wrap(err, rc, "window") : 0;
}

/* Gathers a row for a pane. */
static int gather(struct sfx_window *w, uint16_t row, struct sfx_pane *pane, struct sfx_err *err)
{
    int rc = 0;

    if (w->nrows == SFX_BATCH_ROWS || (w->keeps_bytes && w->span != pane->span))
        rc = add_gathered(w, err);
    w->span = pane->span;
    w->rows[w->nrows] = row;
    w->states[w->nrows++] = pane->state;
    return rc;
}

void sfx_window_note_spelling(const struct sfx_window *w, uint16_t row, unsigned char *state)
{
    uint32_t *spelling = (uint32_t *)state;
    size_t k;

    spelling[0] = 1;
    for (k = 0; k < w->op.ast->items.count; k++) {
        if (sfx_type_in_nums(w->key_vecs[k]->type))
            spelling[1 + k] = w->key_vecs[k]->nums[row].scale;
    }
}

/* Makes a pane for the key of a row; span: NULL for one of its own. */
static struct sfx_pane *add_pane(struct sfx_window *w, uint16_t row, uint64_t hash,
                                 struct sfx_slice key, struct sfx_span *span, sfx_int128 begin,
                                 sfx_int128 end, struct sfx_err *err)
{
    struct sfx_pane *pane = sfx_panes_add(&w->panes, hash, key, span, begin, end, err);

    if (pane != NULL)
        sfx_window_note_spelling(w, row, pane->state);
    return pane;
}

static sfx_int128 time_of(const struct sfx_window *w, uint16_t row)
{
    return w->time->vec->nums[row].mant;
}

static struct sfx_slice key_of(const struct sfx_window *w, uint32_t i)
{
    uint32_t begin = i > 0 ? w->batch_keys.ends[i - 1] : 0;

    return sfx_slice(w->batch_keys.bytes.data + begin, w->batch_keys.ends[i] - begin);
}

static void add_late(struct sfx_window *w, uint16_t row)
{
    w->late[w->nlate_here++] = row;
}

/* A record moves the watermark, and closes what is then over. */
static int move_on(struct sfx_window *w, sfx_int128 time, struct sfx_err *err)
{
    const struct sfx_pane *first;
    int rc;

    if (w->any && time - w->spec->lateness_ns <= w->watermark)
        return 0;
    w->any = true;
    w->watermark = time - w->spec->lateness_ns;
    first = sfx_panes_peek(&w->panes);
    if ((first == NULL || first->span->end > w->watermark) && !sfx_window_log_is_due(w))
        return 0;
    rc = add_gathered(w, err);
    return rc < 0 ? rc : sfx_window_close(w, false, err);
}

/* The last window that time is in begins at the largest multiple of every that is not behind it. */
static sfx_int128 start_of(const struct sfx_window *w, sfx_int128 time)
{
    sfx_int128 rest = time % w->spec->every_ns;

    return time - rest - (rest < 0 ? w->spec->every_ns : 0);
}

/* Puts row i of the selection into the windows of fixed length that are open for it. */
static int take_fixed(struct sfx_window *w, uint32_t i, uint16_t row, struct sfx_err *err)
{
    const struct sfx_window_spec *spec = w->spec;
    sfx_int128 time = time_of(w, row), begin = start_of(w, time);
    struct sfx_slice key = key_of(w, i);
    bool is_late = true;
    int rc = 0;

    for (; begin + spec->size_ns > time && rc == 0; begin -= spec->every_ns) {
        uint64_t hash = w->batch_keys.hashes[i] ^ sfx_hash64_mix((uint64_t)begin + 1);
        struct sfx_span *span;
        struct sfx_pane *pane;

        if (w->any && begin + spec->size_ns <= w->watermark)
            break; /* those before it are closed, too */
        is_late = false;
        pane = sfx_panes_first(&w->panes, hash, key);
        while (pane != NULL && pane->span->start != begin)
            pane = sfx_panes_next(pane);
        if (pane == NULL) {
            span = sfx_panes_span(&w->panes, begin, begin + spec->size_ns, err);
            pane = span != NULL ? add_pane(w, row, hash, key, span, 0, 0, err) : NULL;
        }
        rc = pane == NULL ? SFX_E_NOMEM : gather(w, row, pane, err);
    }
    if (is_late)
        add_late(w, row);
    return rc;
}

int sfx_window_merge_part(void *to, uint16_t index, const void *part, size_t part_nbytes,
                          struct sfx_err *err)
{
    struct sfx_window_merge *merge = to;
    struct sfx_window *w = merge->w;
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, merge->span, err);
    int rc;

    sfx_buf_clear(&w->part);
    rc = sfx_buf_append(&w->part, &index, sizeof(index), err);
    if (rc == 0)
        rc = sfx_buf_append(&w->part, part, part_nbytes, err);
    if (rc < 0)
        return rc;
    return sfx_agg_merge(&ctx, w->calls, w->op.ast->aggs.count, merge->state, w->head_nbytes,
                         (const unsigned char *)w->part.data, w->part.len);
}

/* Two sessions that a record joins become the first one; the second ends. */
static int merge_sessions(struct sfx_window *w, struct sfx_pane *into, struct sfx_pane *from,
                          struct sfx_err *err)
{
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, from->span, err);
    size_t before = into->span->arena.total_nbytes;
    struct sfx_window_merge merge = {w, into->state, into->span};
    int rc = add_gathered(w, err);

    ctx.put = sfx_window_merge_part;
    ctx.put_to = &merge;
    if (rc == 0)
        rc = sfx_agg_save(&ctx, w->calls, w->op.ast->aggs.count, from->state, w->state_nbytes);
    w->panes.nbytes += into->span->arena.total_nbytes - before;
    into->span->end = from->span->end;
    into->order = into->order < from->order ? into->order : from->order;
    sfx_panes_remove(&w->panes, from);
    sfx_panes_moved(&w->panes, into);
    return rc;
}

/* Puts row i of the selection into the session of its key. */
static int take_session(struct sfx_window *w, uint32_t i, uint16_t row, struct sfx_err *err)
{
    const sfx_int128 time = time_of(w, row), end = time + w->spec->size_ns;
    struct sfx_slice key = key_of(w, i);
    struct sfx_pane *pane, *first = NULL, *second = NULL;
    int rc = 0;

    pane = sfx_panes_first(&w->panes, w->batch_keys.hashes[i], key);
    for (; pane != NULL; pane = sfx_panes_next(pane)) {
        if (time >= pane->span->end || end <= pane->span->start)
            continue;
        second = first;
        first = pane;
    }
    if (first == NULL && w->any && end <= w->watermark) {
        add_late(w, row);
        return 0;
    }
    if (second != NULL) {
        bool in_order = first->span->start < second->span->start;

        pane = in_order ? first : second;
        rc = merge_sessions(w, pane, in_order ? second : first, err);
        first = pane;
    }
    if (first == NULL)
        first = add_pane(w, row, w->batch_keys.hashes[i], key, NULL, time, end, err);
    if (rc < 0 || first == NULL)
        return rc < 0 ? rc : SFX_E_NOMEM;
    if (time < first->span->start)
        first->span->start = time;
    if (end > first->span->end) {
        first->span->end = end;
        sfx_panes_moved(&w->panes, first);
    }
    return gather(w, row, first, err);
}

/* The same when sessions are in the log: a record that would be late alone may join one of them,
 * which only a pass tells; few are so late. */
static int log_session(struct sfx_window *w, uint32_t i, uint16_t row, struct sfx_err *err)
{
    const sfx_int128 time = time_of(w, row), end = time + w->spec->size_ns;
    const struct sfx_window_row asked = {w->batch_keys.hashes[i], key_of(w, i), time, end};
    int rc = end > w->watermark ? 1 : sfx_window_ask(w, &asked, err);

    if (rc == 0)
        add_late(w, row);
    if (rc <= 0)
        return rc;
    if (!w->log.in_use) /* all are in memory again */
        return take_session(w, i, row, err);
    return sfx_window_log_row(w, row, asked.hash, asked.key, time, end, err);
}

static int take_row(struct sfx_window *w, uint32_t i, uint16_t row, struct sfx_err *err)
{
    if (!w->spec->session)
        return take_fixed(w, i, row, err);
    return w->log.in_use ? log_session(w, i, row, err) : take_session(w, i, row, err);
}

/* Moves the windows to the log when they are more than the memory allows. */
static int account(struct sfx_window *w, struct sfx_err *err)
{
    int rc;

    if (sfx_panes_fit(&w->panes))
        return 0;
    rc = add_gathered(w, err);
    return rc == 0 ? sfx_window_spill(w, err) : rc;
}

int sfx_window_take_rows(struct sfx_window *w, const struct sfx_frame *in, struct sfx_err *err)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < in->nsel && rc == 0; i++) {
        uint16_t row = in->sel[i];

        rc = take_row(w, i, row, err);
        if (rc == 0)
            rc = move_on(w, time_of(w, row), err);
        if (rc == 0 && sfx_panes_have_grown(&w->panes))
            rc = account(w, err);
    }
    if (rc == 0)
        rc = add_gathered(w, err);
    return rc == 0 ? account(w, err) : rc;
}
