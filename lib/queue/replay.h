/* SPDX-License-Identifier: MIT */
/* What is needed to run a function again as it ran: its event and the environment of that run. */
#ifndef SFX_QUEUE_REPLAY_H
#define SFX_QUEUE_REPLAY_H

#include "queue/queue.h"

/* Memory is of the arena that was given; {0} before. */
struct sfx_queue_replay {
    char **argv;     /* ended by NULL */
    char **envp;     /* ended by NULL */
    const char *cwd; /* NULL: the caller's */
    int event_fd;    /* reads the event's line; the caller's to close */
};

/* Fills plan from the last run of the event id whose command is recorded. ours: the environment
 * from which it takes what that run inherited, borrowed. Errors: INPUT (no such event; no run is
 * recorded). */
int sfx_queue_replay_plan(struct sfx_queue *q, struct sfx_slice id, char *const *ours,
                          struct sfx_arena *arena, struct sfx_queue_replay *plan,
                          struct sfx_err *err);

#endif
