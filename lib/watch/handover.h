/* SPDX-License-Identifier: MIT */
/*
 * The durable hand-over of events to a queue.
 *
 * Contract: events are put in groups, each in one transaction, and are known there by their ids.
 * So a watcher that is killed and started again, which tells of everything that is there once more,
 * neither loses a file nor hands one over twice while the queue remembers the ids. The events of
 * one path are one lane: consumers get them in order, and never two at once. One thread at a time.
 */
#ifndef SFX_WATCH_HANDOVER_H
#define SFX_WATCH_HANDOVER_H

#include "event/event.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct sfx_handover;

struct sfx_handover_opts {
    const char *uri; /* of the queue, which is made where there is none; borrowed */
    bool durable;    /* what was handed over survives the loss of power */
    const volatile sig_atomic_t *stop; /* ends waiting for a locked queue; may be NULL */
};

/* Opens the queue. Errors: NULL; as sfx_queue_open. */
struct sfx_handover *sfx_handover_new(const struct sfx_handover_opts *opts, struct sfx_err *err);

/* Takes a copy of ev. Puts what it has when that is a full group, or has waited for 20 ms.
 * Errors: as sfx_queue_put; nothing of the group is in the queue then. */
int sfx_handover_add(struct sfx_handover *h, const struct sfx_event *ev, struct sfx_err *err);

/* Adds n to the queue's counter `name` with what is put next, or at the end (see sfx_queue_count).
 * Errors: LIMIT. */
int sfx_handover_count(struct sfx_handover *h, const char *name, uint64_t n, struct sfx_err *err);

/* Puts what it has. Errors: as above. */
int sfx_handover_flush(struct sfx_handover *h, struct sfx_err *err);

/* True when all that was added has been put. */
bool sfx_handover_is_empty(const struct sfx_handover *h);

/* How many events were new to the queue, and how many it knew. Filled. */
void sfx_handover_counts(const struct sfx_handover *h, uint64_t *put, uint64_t *known);

/* Closes the queue; what was not flushed is dropped. NULL does nothing. */
void sfx_handover_free(struct sfx_handover *h);

#endif
