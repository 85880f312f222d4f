/* SPDX-License-Identifier: MIT */
/*
 * What a run over several inputs may not do: write over one of its inputs, or make the same output
 * from two of them.
 *
 * Contract: files are known by device and inode, outputs by their path as it is written; both as
 * 64-bit hashes (a false alarm in 10^5 files has a chance of 10^-9). Safe for threads.
 */
#ifndef SFX_BASE_CLAIMS_H
#define SFX_BASE_CLAIMS_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <sys/stat.h>

struct sfx_claims;

/* Errors: NULL, NOMEM. */
struct sfx_claims *sfx_claims_new(struct sfx_err *err);

/* Notes that the file with status st is an input. Errors: NOMEM. */
int sfx_claims_add_input(struct sfx_claims *claims, const struct stat *st, struct sfx_err *err);

/* Claims path (terminated) for an output. Errors: USAGE when it is an input of this run or was
 * claimed before; NOMEM. */
int sfx_claims_take(struct sfx_claims *claims, const char *path, struct sfx_err *err);

/*
 * Claims path for an output of the input named owner, which may do so again: its next version
 * replaces the output. Costs 16 to 64 bytes an output. Errors: INPUT when another owner has it;
 * NOMEM.
 */
int sfx_claims_take_for(struct sfx_claims *claims, const char *path, struct sfx_slice owner,
                        struct sfx_err *err);

/* True when path was claimed for an output, spelled like that. */
bool sfx_claims_has(struct sfx_claims *claims, const char *path);

void sfx_claims_free(struct sfx_claims *claims);

#endif
