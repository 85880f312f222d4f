/* SPDX-License-Identifier: MIT */
/* What stages carry from run to run (sfx_query_carry), as the part of a state file that it is. */
#ifndef SFX_RUN_CARRIED_H
#define SFX_RUN_CARRIED_H

#include "base/outfile.h"

#include <sys/types.h>

struct sfx_carried_bytes {
    const char *path;         /* of the state; borrowed */
    int fd;                   /* the state, at what the run before carried on; -1: nothing was */
    struct sfx_outfile *next; /* what this run carries on; never gets a name */
};

/* For sfx_query_carry, with the bytes: read those of the run before, and take those of this one.
 * Errors: IO, NOMEM. */
ssize_t sfx_carried_read(void *carried, void *ptr, size_t cap, struct sfx_err *err);
int sfx_carried_write(void *carried, const void *ptr, size_t nbytes, struct sfx_err *err);

/* Appends what was taken to out. Errors: IO. */
int sfx_carried_copy(const struct sfx_carried_bytes *carried, struct sfx_outfile *out,
                     struct sfx_err *err);

void sfx_carried_done(struct sfx_carried_bytes *carried);

#endif
