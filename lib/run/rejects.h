/* SPDX-License-Identifier: MIT */
/*
 * The rejects file: JSON Lines, appended to, one write a line, so that several processes can share
 * it; used by programs with and without events. Not safe for two threads at once.
 */
#ifndef SFX_RUN_REJECTS_H
#define SFX_RUN_REJECTS_H

#include "record/reject.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_rejects;

/* Opens path for appending (made if missing). program (borrowed until _close) is noted in each line
 * that names none. Errors: NULL; IO, NOMEM. */
struct sfx_rejects *sfx_rejects_new(const char *path, const char *program, struct sfx_err *err);

/*
 * The same, but writes to path.part, which begins as a copy of what path holds, alone, and becomes
 * path by _finish: for programs that go on after a crash. What a run before this one has left there
 * is kept, and *left set then. Errors: as _new; TEMPORARY when another process has it.
 */
struct sfx_rejects *sfx_rejects_new_part(const char *path, const char *program, bool *left,
                                         struct sfx_err *err);

/* Makes what was written durable; *nbytes: the length of the file. ctx: the rejects. Errors: IO. */
int sfx_rejects_sync(void *ctx, uint64_t *nbytes, struct sfx_err *err);

/* Cuts off what is behind nbytes; a file that is shorter stays as it is. ctx: the rejects. Errors:
 * IO. */
int sfx_rejects_cut(void *ctx, uint64_t nbytes, struct sfx_err *err);

/* Syncs path.part and names it path. Errors: IO. */
int sfx_rejects_finish(struct sfx_rejects *rejects, struct sfx_err *err);

/* The sink to hand to readers and queries; each put is appended at once. Valid until _close. */
const struct sfx_reject_sink *sfx_rejects_sink(struct sfx_rejects *rejects);

/* Syncs the file and closes it. rejects is freed even on failure; NULL gives 0. Errors: IO. */
int sfx_rejects_close(struct sfx_rejects *rejects, struct sfx_err *err);

#endif
