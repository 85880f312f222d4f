/* SPDX-License-Identifier: MIT */
/* One pair of a logfmt line: for its reader, and for those who ask whether a line is one. */
#ifndef SFX_RECORD_LOGFMT_INTERNAL_H
#define SFX_RECORD_LOGFMT_INTERNAL_H

#include "record/batch.h"

/*
 * Takes the next pair of *rest, which goes behind it: 1; 0 at the end of the line; -1: it is
 * wrong, *reason (static) says why. A key alone has the value true.
 */
int sfx_logfmt_next(struct sfx_slice *rest, struct sfx_slice *key, struct sfx_cell *value,
                    const char **reason);

#endif
