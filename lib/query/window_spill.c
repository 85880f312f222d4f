/* SPDX-License-Identifier: MIT */
/*
 * Windows beyond the memory: a log by key. It takes the states of the open windows when memory is
 * used up; of sessions it takes every record from then on, as a state of its own, for only all
 * that came before says what a record joins. A pass goes through the log, a key at a time, does
 * what would have been done in memory, hands on what is over, and keeps the rest as a new log, or
 * takes it back into memory when it is little. Windows come out in the one order of their ends and
 * first appearance, however seldom there is a pass.
 *
 * A record of the log: the pane's hash, the key; then an entry, then a part of a state. One of the
 * results: end and order of appearance; then an entry, the length of the key, the key, a part.
 */
#include "query/window_log_internal.h"

#include "base/clock.h"

#include <string.h>

#define HASH_NBYTES sizeof(uint64_t)
#define SHARES      8  /* of the memory, for each of the two logs and the results */
#define TICK_FACTOR 10 /* a pass for the clock's sake waits that many times as long as it took */
#define NO_END      (~SFX_NO_WATERMARK)

/* A window of the key in hand. */
struct open {
    struct open *next;
    struct sfx_window_entry is;
    unsigned char *state;
};

/* --- into the log ----------------------------------------------------------------------------- */

int sfx_window_log_init(struct sfx_window *w, struct sfx_err *err)
{
    struct sfx_window_log *log = &w->log;
    uint64_t share = sfx_operator_available(&w->op) / SHARES;
    int rc = sfx_sorter_init_paid(&log->sorter, &w->op, share, err);

    if (rc == 0)
        rc = sfx_sorter_init_paid(&log->kept, &w->op, share, err);
    if (rc == 0)
        rc = sfx_sorter_init_paid(&log->results, &w->op, share, err);
    log->first_end = NO_END;
    return rc;
}

void sfx_window_log_done(struct sfx_window *w)
{
    sfx_sorter_done(&w->log.sorter);
    sfx_sorter_done(&w->log.kept);
    sfx_sorter_done(&w->log.results);
    sfx_arena_done(&w->log.span.arena);
}

/* An sfx_agg_ctx.put: a record of a log. */
static int put_logged(void *to, uint16_t index, const void *part, size_t part_nbytes,
                      struct sfx_err *err)
{
    const struct sfx_window_put_to *p = to;
    const uint64_t hash = __builtin_bswap64(p->hash);
    size_t nbytes = sizeof(p->entry) + sizeof(index) + part_nbytes;
    unsigned char *at;
    int rc = sfx_sorter_reserve(p->to, HASH_NBYTES + p->key.len + nbytes, &at, err);

    if (rc < 0)
        return rc;
    at = sfx_window_append(sfx_window_append(at, &hash, HASH_NBYTES), p->key.ptr, p->key.len);
    at = sfx_window_append(sfx_window_append(at, &p->entry, sizeof(p->entry)), &index,
                           sizeof(index));
    (void)sfx_window_append(at, part, part_nbytes);
    sfx_sorter_commit(p->to, HASH_NBYTES + p->key.len, nbytes);
    p->w->log.nbytes += HASH_NBYTES + p->key.len + nbytes;
    return 0;
}

static int save(struct sfx_window_put_to *p, const unsigned char *state,
                int (*fn)(void *, uint16_t, const void *, size_t, struct sfx_err *),
                struct sfx_err *err)
{
    struct sfx_window *w = p->w;
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, &w->log.span, err);

    ctx.put = fn;
    ctx.put_to = p;
    return sfx_agg_save(&ctx, w->calls, w->op.ast->aggs.count, state, w->state_nbytes);
}

static void note_end(struct sfx_window_log *log, sfx_int128 end)
{
    if (end < log->first_end)
        log->first_end = end;
}

int sfx_window_spill(struct sfx_window *w, struct sfx_err *err)
{
    struct sfx_pane *pane;
    int rc = 0;

    w->log.in_use = true;
    while (rc == 0 && (pane = sfx_panes_last(&w->panes)) != NULL) {
        struct sfx_window_put_to p = {
            w,
            &w->log.sorter,
            pane->hash,
            sfx_slice((const char *)pane->key, pane->key_len),
            {pane->span->start, pane->span->end, SFX_NO_WATERMARK, pane->order}};

        rc = save(&p, pane->state, put_logged, err);
        note_end(&w->log, pane->span->end);
        sfx_panes_remove(&w->panes, pane);
    }
    return rc == 0 ? sfx_panes_charge(&w->panes, err) : rc;
}

int sfx_window_log_row(struct sfx_window *w, uint16_t row, uint64_t hash, struct sfx_slice key,
                       sfx_int128 start, sfx_int128 end, struct sfx_err *err)
{
    struct sfx_window_put_to p = {w, &w->log.sorter, hash, key, {start, end, w->watermark, 0}};
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, &w->log.span, err);
    unsigned char *state = sfx_arena_calloc(&w->log.span.arena, 1, w->state_nbytes + 1, err);
    size_t a;
    int rc = state == NULL ? SFX_E_NOMEM : 0;

    p.entry.order = w->panes.next_order++;
    if (rc == 0)
        sfx_window_note_spelling(w, row, state);
    for (a = 0; a < w->op.ast->aggs.count && rc == 0; a++)
        rc = sfx_agg_add(&ctx, &w->calls[a], &row, 1, &state);
    if (rc == 0)
        rc = save(&p, state, put_logged, err);
    note_end(&w->log, end);
    sfx_arena_reset(&w->log.span.arena);
    return rc;
}

/* --- a key at a time -------------------------------------------------------------------------- */

struct pass {
    struct sfx_window *w;
    bool all;             /* whatever is open is over */
    uint64_t kept_nbytes; /* of what goes on */
    /* Whether a window is open that this record of this key joins. */
    const struct sfx_window_row *asked;
    bool found;
    /* The key in hand. */
    struct sfx_buf key; /* its hash in front */
    struct open *first;
    struct open *current; /* that the parts of the entry in hand go to */
};

/* Hands w's window to the results if it is over at watermark, and to the new log if not. */
static int end_or_keep(struct pass *pass, struct open *open, bool over, struct sfx_err *err)
{
    struct sfx_window *w = pass->w;
    struct sfx_window_put_to p = {
        .w = w, .to = over ? &w->log.results : &w->log.kept, .entry = open->is};
    uint64_t hash;

    memcpy(&hash, pass->key.data, HASH_NBYTES);
    p.hash = __builtin_bswap64(hash);
    p.key = sfx_slice(pass->key.data + HASH_NBYTES, pass->key.len - HASH_NBYTES);
    p.entry.watermark = SFX_NO_WATERMARK;
    if (over)
        return save(&p, open->state, sfx_window_put_result, err);
    note_end(&w->log, open->is.end);
    if (pass->asked != NULL && pass->asked->hash == p.hash &&
        sfx_slice_eq(pass->asked->key, p.key) && pass->asked->start < open->is.end &&
        pass->asked->end > open->is.start)
        pass->found = true;
    return save(&p, open->state, put_logged, err);
}

/* What was over when the record of an entry came. */
static int end_before(struct pass *pass, sfx_int128 watermark, struct sfx_err *err)
{
    struct open **link = &pass->first;
    int rc = 0;

    while (rc == 0 && *link != NULL) {
        if ((*link)->is.end > watermark) {
            link = &(*link)->next;
            continue;
        }
        rc = end_or_keep(pass, *link, true, err);
        *link = (*link)->next;
    }
    return rc;
}

static int end_key(struct pass *pass, struct sfx_err *err)
{
    struct sfx_window *w = pass->w;
    int rc = 0;

    for (; pass->first != NULL && rc == 0; pass->first = pass->first->next)
        rc = end_or_keep(pass, pass->first, pass->all || pass->first->is.end <= w->watermark, err);
    pass->current = NULL;
    sfx_arena_reset(&w->log.span.arena);
    return rc;
}

static bool joins(const struct sfx_window *w, const struct open *open,
                  const struct sfx_window_entry *entry)
{
    if (!w->spec->session)
        return open->is.start == entry->start;
    return entry->start < open->is.end && entry->end > open->is.start;
}

static int merge_into(struct sfx_window *w, struct open *into, const struct open *from,
                      struct sfx_err *err)
{
    struct sfx_window_merge merge = {w, into->state, &w->log.span};
    struct sfx_agg_ctx ctx = sfx_window_ctx(w, &w->log.span, err);

    ctx.put = sfx_window_merge_part;
    ctx.put_to = &merge;
    return sfx_agg_save(&ctx, w->calls, w->op.ast->aggs.count, from->state, w->state_nbytes);
}

static struct open *new_open(struct pass *pass, const struct sfx_window_entry *entry,
                             struct sfx_err *err)
{
    struct sfx_arena *arena = &pass->w->log.span.arena;
    struct open *open = sfx_arena_calloc(arena, 1, sizeof(*open), err);

    if (open == NULL)
        return NULL;
    open->state = sfx_arena_calloc(arena, 1, pass->w->state_nbytes + 1, err);
    if (open->state == NULL)
        return NULL;
    open->is = *entry;
    open->next = pass->first;
    pass->first = open;
    return open;
}

/* Finds or makes the window that an entry belongs to; a record may make one of two sessions, the
 * one that began first. */
static int begin_entry(struct pass *pass, const struct sfx_window_entry *entry, struct sfx_err *err)
{
    struct open **link, *into = NULL, *other;
    int rc = end_before(pass, entry->watermark, err);

    for (link = &pass->first; rc == 0 && *link != NULL;) {
        other = *link;
        if (!joins(pass->w, other, entry)) {
            link = &other->next;
        } else if (into == NULL) {
            into = other;
            link = &other->next;
        } else {
            bool in_order = into->is.start < other->is.start;
            struct open *first = in_order ? into : other, *second = in_order ? other : into;
            struct open *rest = other->next;

            rc = merge_into(pass->w, first, second, err);
            if (second->is.end > first->is.end)
                first->is.end = second->is.end;
            if (second->is.order < first->is.order)
                first->is.order = second->is.order;
            into->is = first->is;
            into->state = first->state;
            *link = rest;
        }
    }
    if (rc < 0)
        return rc;
    if (into == NULL)
        into = new_open(pass, entry, err);
    if (into == NULL)
        return SFX_E_NOMEM;
    if (entry->start < into->is.start)
        into->is.start = entry->start;
    if (entry->end > into->is.end)
        into->is.end = entry->end;
    if (entry->order < into->is.order)
        into->is.order = entry->order;
    pass->current = into;
    return 0;
}

static int take_record(struct pass *pass, const unsigned char *record, struct sfx_err *err)
{
    struct sfx_window *w = pass->w;
    struct sfx_slice key =
        sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES, sfx_record_key_nbytes(record));
    const unsigned char *at = sfx_record_row(record);
    struct sfx_window_merge merge = {w, NULL, &w->log.span};
    struct sfx_window_entry entry;
    uint16_t index;
    int rc = 0;

    if (!sfx_slice_eq(key, sfx_buf_slice(&pass->key))) {
        rc = pass->key.len > 0 ? end_key(pass, err) : 0;
        sfx_buf_clear(&pass->key);
        if (rc == 0)
            rc = sfx_buf_append(&pass->key, key.ptr, key.len, err);
    }
    memcpy(&entry, at, sizeof(entry));
    at += sizeof(entry);
    memcpy(&index, at, sizeof(index));
    at += sizeof(index);
    if (rc == 0 && index == SFX_AGG_PLAIN) /* the first part of a state */
        rc = begin_entry(pass, &entry, err);
    if (rc < 0)
        return rc;
    merge.state = pass->current->state;
    rc = sfx_window_merge_part(&merge, index, at, sfx_record_nbytes(record) - (size_t)(at - record),
                               err);
    if (rc == 0 && w->log.span.arena.total_nbytes > sfx_operator_opts(&w->op)->memory_nbytes)
        rc = sfx_operator_over_limit(&w->op, err);
    return rc;
}

/* --- the pass --------------------------------------------------------------------------------- */

static int take_back_record(struct sfx_window *w, const unsigned char *record,
                            struct sfx_pane **pane, struct sfx_err *err)
{
    const unsigned char *key = record + SFX_RECORD_HEAD_NBYTES, *at = sfx_record_row(record);
    struct sfx_span *span = NULL;
    struct sfx_window_entry entry;
    uint64_t hash;
    uint16_t index;

    memcpy(&hash, key, HASH_NBYTES);
    memcpy(&entry, at, sizeof(entry));
    at += sizeof(entry);
    memcpy(&index, at, sizeof(index));
    at += sizeof(index);
    if (index == SFX_AGG_PLAIN) {
        if (!w->spec->session) {
            span = sfx_panes_span(&w->panes, entry.start, entry.end, err);
            if (span == NULL)
                return SFX_E_NOMEM;
        }
        *pane = sfx_panes_add(
            &w->panes, __builtin_bswap64(hash),
            sfx_slice((const char *)key + HASH_NBYTES, sfx_record_key_nbytes(record) - HASH_NBYTES),
            span, entry.start, entry.end, err);
        if (*pane == NULL)
            return SFX_E_NOMEM;
        (*pane)->order = entry.order;
        sfx_panes_moved(&w->panes, *pane);
    }
    return sfx_window_merge_part(&(struct sfx_window_merge){w, (*pane)->state, (*pane)->span},
                                 index, at, sfx_record_nbytes(record) - (size_t)(at - record), err);
}

/* What was kept goes back into memory. */
static int take_back(struct sfx_window *w, struct sfx_err *err)
{
    const unsigned char *record;
    struct sfx_pane *pane = NULL;
    int rc = sfx_sorter_sort(&w->log.kept, err);

    while (rc >= 0 && (rc = sfx_sorter_next(&w->log.kept, &record, err)) > 0)
        rc = take_back_record(w, record, &pane, err);
    sfx_sorter_clear(&w->log.kept);
    w->log.in_use = false;
    w->log.first_end = NO_END;
    w->log.nbytes = 0;
    if (rc < 0 || sfx_panes_fit(&w->panes))
        return rc;
    return sfx_window_spill(w, err); /* others have taken the memory meanwhile */
}

static int read_log(struct pass *pass, struct sfx_err *err)
{
    struct sfx_window_log *log = &pass->w->log;
    const unsigned char *record;
    int rc = sfx_sorter_sort(&log->sorter, err);

    while (rc >= 0 && (rc = sfx_sorter_next(&log->sorter, &record, err)) > 0)
        rc = take_record(pass, record, err);
    if (rc == 0 && pass->key.len > 0)
        rc = end_key(pass, err);
    sfx_sorter_clear(&log->sorter);
    return rc;
}

static int run_pass(struct sfx_window *w, bool all, const struct sfx_window_row *asked,
                    struct sfx_err *err)
{
    struct sfx_window_log *log = &w->log;
    struct pass pass = {.w = w, .all = all, .asked = asked};
    int64_t began_ns = sfx_clock_mono_ns();
    struct sfx_sorter swap;
    int rc = sfx_window_spill(w, err);

    log->first_end = NO_END;
    log->nbytes = 0; /* grows by what is kept */
    if (rc == 0)
        rc = read_log(&pass, err);
    if (rc == 0)
        rc = sfx_window_pass_results(w, err);
    sfx_buf_done(&pass.key);
    log->kept_nbytes = log->nbytes;
    log->nbytes = 0;
    if (rc == 0 && log->kept_nbytes < log->sorter.budget_nbytes / 2) {
        rc = take_back(w, err);
    } else {
        swap = log->sorter;
        log->sorter = log->kept;
        log->kept = swap;
    }
    log->pass_at_ns = sfx_clock_mono_ns();
    log->pass_at_ns += (log->pass_at_ns - began_ns) * TICK_FACTOR;
    return rc < 0 ? rc : pass.found;
}

int sfx_window_pass(struct sfx_window *w, bool all, struct sfx_err *err)
{
    int rc = run_pass(w, all, NULL, err);

    return rc < 0 ? rc : 0;
}

int sfx_window_ask(struct sfx_window *w, const struct sfx_window_row *row, struct sfx_err *err)
{
    return run_pass(w, false, row, err);
}

bool sfx_window_log_is_due(const struct sfx_window *w)
{
    return w->log.in_use && w->any && w->log.first_end <= w->watermark;
}
