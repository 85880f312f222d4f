/* SPDX-License-Identifier: MIT */
/* Windows over event time: what a program says of them, and those that are open. */
#ifndef SFX_QUERY_WINDOW_INTERNAL_H
#define SFX_QUERY_WINDOW_INTERNAL_H

#include "query/aggregate_internal.h"
#include "query/keyset_internal.h"
#include "query/sorter_internal.h"
#include "query/stage_internal.h"

/* What the stage's text says; keys and aggregates are its items and aggs. */
struct sfx_window_spec {
    struct sfx_expr *time;
    bool session;          /* size_ns is the gap that ends one */
    int64_t size_ns;       /* length; */
    int64_t every_ns;      /* from start to start, a part of size_ns */
    int64_t lateness_ns;   /* how far behind the latest time records may come */
    int64_t flush_ns;      /* without input for that long, all windows close; 0: never */
    struct sfx_slice late; /* the output of late records; empty: they are skipped */
};

#define SFX_WINDOW_MAX_OVERLAP 1000 /* windows that a record may be in */

/* Parses a stage; its detail is the spec. Errors: USAGE, NOMEM. */
int sfx_window_parse(struct sfx_parser *p, struct sfx_stage_ast *stage);

/* A stretch of time, and the memory of the aggregates over it. */
struct sfx_span {
    sfx_int128 start, end; /* end is not in it */
    struct sfx_arena arena;
    uint32_t npanes; /* that are of it */
};

/* A group within a span. */
struct sfx_pane {
    struct sfx_pane *older; /* in the bucket of its hash */
    struct sfx_span *span;
    uint64_t hash;
    uint64_t order; /* of appearance */
    size_t place;   /* in the heap */
    uint32_t key_len;
    unsigned char *key;
    _Alignas(16) unsigned char state[];
};

/* The panes that are open; the first to close is that whose span ends first, then the oldest. */
struct sfx_panes {
    struct sfx_operator *op; /* whose memory it is */
    size_t state_nbytes;
    struct sfx_pane **buckets;
    size_t nbuckets, count;
    struct sfx_pane **heap;  /* of nbuckets */
    struct sfx_span **spans; /* shared by panes, by start */
    size_t nspans, cap_spans;
    uint64_t next_order;
    uint64_t nbytes, charged; /* taken; accounted for */
};

/*
 * The shared span that starts at start: the one there is, or a new one without a pane, which the
 * next one that is asked for may replace. Errors: NULL, NOMEM.
 */
struct sfx_span *sfx_panes_span(struct sfx_panes *panes, sfx_int128 start, sfx_int128 end,
                                struct sfx_err *err);

/* The newest pane with that hash and key, and the one before it; NULL: none. */
struct sfx_pane *sfx_panes_first(const struct sfx_panes *panes, uint64_t hash,
                                 struct sfx_slice key);
struct sfx_pane *sfx_panes_next(const struct sfx_pane *pane);

/* Adds a pane with a zeroed state. span: NULL for one of its own from start to end. Errors: NULL,
 * NOMEM. */
struct sfx_pane *sfx_panes_add(struct sfx_panes *panes, uint64_t hash, struct sfx_slice key,
                               struct sfx_span *span, sfx_int128 start, sfx_int128 end,
                               struct sfx_err *err);

/* To be called when the end of a pane's own span, or its order, has changed. */
void sfx_panes_moved(struct sfx_panes *panes, struct sfx_pane *pane);

/* The first pane to close, or NULL. */
struct sfx_pane *sfx_panes_peek(const struct sfx_panes *panes);

/* The pane that is taken out with the least work, or NULL. */
struct sfx_pane *sfx_panes_last(const struct sfx_panes *panes);

/* Takes a pane out and frees it, and its span with the last pane of it. */
void sfx_panes_remove(struct sfx_panes *panes, struct sfx_pane *pane);

/* Takes a pane out of the table, to be freed with _free later: its state stays. */
void sfx_panes_take(struct sfx_panes *panes, struct sfx_pane *pane);
void sfx_panes_free(struct sfx_panes *panes, struct sfx_pane *pane);

/* Whether they have grown by so much that it is to be accounted for. */
#define SFX_PANES_SLACK_NBYTES ((uint64_t)16 << 10)
static inline bool sfx_panes_have_grown(const struct sfx_panes *panes)
{
    return panes->nbytes > panes->charged + SFX_PANES_SLACK_NBYTES;
}

/* Accounts for what panes and their aggregates have grown to: false when that is too much. */
bool sfx_panes_fit(struct sfx_panes *panes);

/* The same. Errors: LIMIT. */
int sfx_panes_charge(struct sfx_panes *panes, struct sfx_err *err);

void sfx_panes_done(struct sfx_panes *panes);

/* --- the stage at work -------------------------------------------------------------------------
 */

/* Windows beyond the memory, see window_spill.c. */
struct sfx_window_log {
    bool in_use;
    struct sfx_sorter sorter, kept, results;
    uint64_t nbytes, kept_nbytes; /* added since the last pass; left by it */
    sfx_int128 first_end;         /* no window of it ends before */
    int64_t pass_at_ns;           /* monotonic: when the clock may have the next pass */
    struct sfx_span span;         /* of the states in hand */
};

/* A pane's state is how its keys were spelled, and then the states of the aggregates. */
struct sfx_window {
    struct sfx_operator op;
    const struct sfx_window_spec *spec;
    /* Bound to the frames that come in. */
    struct sfx_node *time, **keys;
    struct sfx_vec **key_vecs;
    /* Kept over the whole input. */
    bool started;
    struct sfx_arena arena;
    enum sfx_type *types; /* of the keys that come out */
    struct sfx_agg_call *calls;
    size_t head_nbytes, state_nbytes;
    bool keeps_bytes; /* an aggregate has more than its state: spans are added to one by one */
    struct sfx_panes panes;
    struct sfx_window_log log;
    bool any; /* a record came: watermark is known */
    sfx_int128 watermark;
    int64_t input_ns; /* monotonic: when records came last */
    struct sfx_rule *late_rule;
    /* The batch in hand. */
    struct sfx_keys batch_keys;
    uint16_t late[SFX_BATCH_ROWS];
    uint32_t nlate_here;
    /* Rows to be added together, all of one span if keeps_bytes. */
    uint16_t rows[SFX_BATCH_ROWS];
    unsigned char *states[SFX_BATCH_ROWS];
    uint32_t nrows;
    struct sfx_span *span;
    /* On their way out. */
    struct sfx_pane *closing[SFX_BATCH_ROWS];
    struct sfx_arena text; /* of the frame that goes out */
    struct sfx_buf part;   /* of a state that is merged */
};

/* Where the aggregates of a span keep bytes. */
static inline struct sfx_agg_ctx sfx_window_ctx(struct sfx_window *w, struct sfx_span *span,
                                                struct sfx_err *err)
{
    return (struct sfx_agg_ctx){.ev = sfx_operator_eval(&w->op), .arena = &span->arena, .err = err};
}

/* A fresh state notes that it is one, and how its keys were spelled first. */
void sfx_window_note_spelling(const struct sfx_window *w, uint16_t row, unsigned char *state);

/* Where the parts of a state go that is merged into another one: put_to of sfx_window_merge_part.
 * Errors: NOMEM, those of the aggregates. */
struct sfx_window_merge {
    struct sfx_window *w;
    unsigned char *state;
    struct sfx_span *span; /* whose memory it is */
};

int sfx_window_merge_part(void *to, uint16_t index, const void *part, size_t part_nbytes,
                          struct sfx_err *err);

/* The text of a frame that goes out while another one is in hand: between _begin and _end. */
struct sfx_window_text {
    struct sfx_arena arena; /* of the batch in hand */
    char *at, *end;
};

struct sfx_window_text sfx_window_text_begin(struct sfx_window *w);
void sfx_window_text_end(struct sfx_window *w, struct sfx_window_text batch);

/* Writes a window to row of the frame that goes out. Errors: INPUT, NOMEM. */
int sfx_window_put(struct sfx_window *w, struct sfx_span *span, const unsigned char *key,
                   const unsigned char *state, uint32_t row, struct sfx_err *err);

/* Closes the windows that end at the watermark or before; all: every window, which moves it on.
 * Those on disk may wait for more of them. Errors: as sfx_operator_pass, of _spill. */
int sfx_window_close(struct sfx_window *w, bool all, struct sfx_err *err);

/* Puts the selected rows of in, whose times, keys and arguments are evaluated, into their windows;
 * late ones are noted in w->late. Errors: as _close, INPUT, NOMEM. */
int sfx_window_take_rows(struct sfx_window *w, const struct sfx_frame *in, struct sfx_err *err);

/* --- beyond the memory ------------------------------------------------------------------------ */

/* A record on its way to a session. */
struct sfx_window_row {
    uint64_t hash;
    struct sfx_slice key;
    sfx_int128 start, end; /* of the session that it would be alone */
};

/* Sets memory aside. Errors: LIMIT. */
int sfx_window_log_init(struct sfx_window *w, struct sfx_err *err);
void sfx_window_log_done(struct sfx_window *w);

/* Moves all open windows to the log. Errors: LIMIT (a state alone is too large), IO, NOMEM. */
int sfx_window_spill(struct sfx_window *w, struct sfx_err *err);

/* Adds a record that is not late to the log. Errors: as of _spill. */
int sfx_window_log_row(struct sfx_window *w, uint16_t row, uint64_t hash, struct sfx_slice key,
                       sfx_int128 start, sfx_int128 end, struct sfx_err *err);

/* Goes through the log and hands on what is over, or all. Errors: as of _spill, _close. */
int sfx_window_pass(struct sfx_window *w, bool all, struct sfx_err *err);

/* The same, and whether a session is open that the record joins: 1, 0. */
int sfx_window_ask(struct sfx_window *w, const struct sfx_window_row *row, struct sfx_err *err);

/* Whether a window in the log may be over. */
bool sfx_window_log_is_due(const struct sfx_window *w);

#endif
