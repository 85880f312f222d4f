/* SPDX-License-Identifier: MIT */
/*
 * The rejects file: JSON Lines, appended to, one write a line, so that several processes can share
 * it; used by programs with and without events. Not safe for two threads at once.
 */
#ifndef SFX_RUN_REJECTS_H
#define SFX_RUN_REJECTS_H

#include "record/reject.h"

#include <stdint.h>

struct sfx_rejects;

/* Opens path for appending (made if missing). program (borrowed until _close) is noted in each line
 * that names none. Errors: NULL; IO, NOMEM. */
struct sfx_rejects *sfx_rejects_new(const char *path, const char *program, struct sfx_err *err);

/* The sink to hand to readers and queries; each put is appended at once. Valid until _close. */
const struct sfx_reject_sink *sfx_rejects_sink(struct sfx_rejects *rejects);

/* Syncs the file and closes it. rejects is freed even on failure; NULL gives 0. Errors: IO. */
int sfx_rejects_close(struct sfx_rejects *rejects, struct sfx_err *err);

#endif
