/* SPDX-License-Identifier: MIT */
/* Makes events of what comes in: events, paths, other lines. Anything can be an event source. */
#ifndef SFX_QUEUE_INTAKE_H
#define SFX_QUEUE_INTAKE_H

#include "queue/queue.h"

enum sfx_intake_kind {
    SFX_INTAKE_AUTO, /* a line that is an event is one; another is a line */
    SFX_INTAKE_EVENTS,
    SFX_INTAKE_PATHS,
    SFX_INTAKE_LINES,
};

/*
 * Fills put's id, line and lane for one line (no line end), with memory of arena. A path gives the
 * event of the file's version, so that the same version is put once; another line an id of its own,
 * of salt (of this run) and number. It becomes what sfx_event_from_line makes of it. key: the
 * attribute that is the lane, such as "subject"; NULL: none. Errors: INPUT (no event; no such
 * file), NOMEM.
 */
int sfx_queue_intake(enum sfx_intake_kind kind, struct sfx_slice line, uint64_t number,
                     const char *salt, const char *key, struct sfx_arena *arena,
                     struct sfx_queue_put *put, struct sfx_err *err);

#endif
