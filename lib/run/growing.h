/* SPDX-License-Identifier: MIT */
/*
 * Inputs that grow, for a transformation: followed (tail.h), and read on from where the last run
 * came to (state.h).
 *
 * Contract: {0} with the options set; _open for each stream, _note and _refused for what its reader
 * gave and refused, _close at its end. One thread.
 */
#ifndef SFX_RUN_GROWING_H
#define SFX_RUN_GROWING_H

#include "query/records.h"
#include "run/state.h"
#include "run/tail.h"

struct sfx_growing {
    bool follow; /* set by the owner: the last operand is waited on at its end */
    const volatile sig_atomic_t *stop;           /* may be NULL */
    struct sfx_state *state;                     /* NULL: no state */
    int (*tick)(void *ctx, struct sfx_err *err); /* called while a file has no more; may be NULL */
    void *tick_ctx;
    /* Private: */
    struct sfx_tail tail;
    bool active; /* tail is at work */
    struct sfx_state_place place;
    bool has_head;          /* place's head is known */
    uint64_t end, end_line; /* of the last record, without its line end; 0: there was none */
    int64_t saved_ns;
};

/* Puts itself between the stream and its reader if there is something to do. last: the operand is
 * the one to follow. Errors: USAGE (a state of what is no plain file or of no lines), IO. */
int sfx_growing_open(struct sfx_growing *g, struct sfx_records *records, bool last,
                     struct sfx_err *err);

/* What the reader gave. */
void sfx_growing_note(struct sfx_growing *g, const struct sfx_batch *batch);

/* A record that it refused. */
void sfx_growing_refused(struct sfx_growing *g, const struct sfx_reject *r);

/* True when the reader's failure is none: the stream has ended here for this run. */
bool sfx_growing_has_ended(const struct sfx_growing *g);

/* True when the operand is to be opened again: another file has its name. */
bool sfx_growing_is_rotated(const struct sfx_growing *g);

/* True when the run was asked to end. */
bool sfx_growing_is_stopped(const struct sfx_growing *g);

/* Sets the place reached; what was read up to it has been written. Errors: IO, NOMEM. */
int sfx_growing_set(struct sfx_growing *g, struct sfx_err *err);

/* The same, and saves it when the last time is a second ago. */
int sfx_growing_save(struct sfx_growing *g, struct sfx_err *err);

/* Ends the stream. */
void sfx_growing_close(struct sfx_growing *g);

#endif
