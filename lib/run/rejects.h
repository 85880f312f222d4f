/* SPDX-License-Identifier: MIT */
/* The rejects file: JSON Lines, appended to, one write a line; shared by programs with and without
 * events. */
#ifndef SFX_RUN_REJECTS_H
#define SFX_RUN_REJECTS_H

#include "record/reject.h"

#include <stdint.h>

struct sfx_rejects;

/* Opens path for appending (made if missing). program (borrowed) is noted in each line. Errors:
 * NULL; IO, NOMEM. */
struct sfx_rejects *sfx_rejects_new(const char *path, const char *program, struct sfx_err *err);

/* The sink to hand to readers and queries; each put is appended at once. Valid until _free. */
const struct sfx_reject_sink *sfx_rejects_sink(struct sfx_rejects *rejects);

/* How many were put. */
uint64_t sfx_rejects_count(const struct sfx_rejects *rejects);

/* fsyncs and closes. rejects is freed even on failure; NULL gives 0. Errors: IO. */
int sfx_rejects_close(struct sfx_rejects *rejects, struct sfx_err *err);

#endif
