/* SPDX-License-Identifier: MIT */
/*
 * How far growing files were read: what --state keeps from run to run.
 *
 * Contract: a file is known by its inode and by the bytes at its head and before the place that was
 * reached, whatever its name is now; one that does not fit is read from its beginning. The state is
 * a file that is replaced in one step. With an output that is a file the new state is written
 * beside it first, with the output's inode: whoever opens the state after a crash sees whether the
 * output has its name, and so whether the new state counts. What stages carry from run to run
 * (sfx_query_carry) is kept in the same file. One run at a time may use a state.
 */
#ifndef SFX_RUN_STATE_H
#define SFX_RUN_STATE_H

#include "run/carried.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct sfx_state;

struct sfx_state_place {
    uint64_t head, head_line; /* byte and line of the first record */
    uint64_t offset, line;    /* of the next record */
};

/* Reads the state kept in path (borrowed until _free); a file that is not there is an empty state.
 * Errors: NULL; INPUT (not a state), IO, NOMEM. */
struct sfx_state *sfx_state_new(const char *path, struct sfx_err *err);

/* Finds the place reached in the file fd, whose status is st: false when it is not known. */
bool sfx_state_find(const struct sfx_state *state, int fd, const struct stat *st, const char *name,
                    struct sfx_state_place *place);

/* Sets the place reached in the file. name: as it is called now. Errors: IO, NOMEM. */
int sfx_state_set(struct sfx_state *state, int fd, const struct stat *st, const char *name,
                  const struct sfx_state_place *place, struct sfx_err *err);

/* Checks that the state is of a program that carries as this one does. Errors: INPUT. */
int sfx_state_check(const struct sfx_state *state, bool carries, struct sfx_err *err);

/* What stages carry; what they carry on counts when the state is written. */
struct sfx_carried_bytes *sfx_state_carried(struct sfx_state *state);

/* Writes the state for good. Errors: IO, NOMEM. */
int sfx_state_save(struct sfx_state *state, struct sfx_err *err);

/* Writes the state that counts when output (a name) is the file with status st. Errors: as above.
 */
int sfx_state_prepare(struct sfx_state *state, const char *output, const struct stat *st,
                      struct sfx_err *err);

/* After that output has its name. Errors: IO. */
int sfx_state_commit(struct sfx_state *state, struct sfx_err *err);

void sfx_state_free(struct sfx_state *state);

#endif
