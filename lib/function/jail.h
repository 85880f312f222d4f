/* SPDX-License-Identifier: MIT */
/*
 * What a function may touch: reading and running as it likes, or only what is named and the
 * system's own folders; writing nothing but a folder of its own for temporary files and what is
 * named; no network but local sockets, unless it is allowed.
 *
 * Contract: all of it is given up for good in the new process, see base/sandbox.h. The folder is
 * made for an instance and removed with all that is in it when the instance is gone.
 */
#ifndef SFX_FUNCTION_JAIL_H
#define SFX_FUNCTION_JAIL_H

#include "base/sandbox.h"
#include "function/function.h"
#include "function/process.h"

struct sfx_jail;

/* Reads what opts allows; variables (borrowed, as of environ) has TMPDIR; rules (borrowed) say
 * whose processes they are. Errors: NULL; UNSUPPORTED (the kernel lacks Landlock or seccomp
 * filters), IO (a path that is not there), NOMEM. */
struct sfx_jail *sfx_jail_new(const struct sfx_function_opts *opts, const char *const *variables,
                              const struct sfx_process_rules *rules, struct sfx_err *err);
void sfx_jail_free(struct sfx_jail *jail);

/* Makes the folder of an instance below TMPDIR, or /tmp. *folder: its path, the caller's to
 * give to _leave. Errors: IO, NOMEM. */
int sfx_jail_make(const struct sfx_jail *jail, char **folder, struct sfx_err *err);

/* What a process with this folder enters. Borrowed until the next call. */
const struct sfx_sandbox *sfx_jail_sandbox(struct sfx_jail *jail, const char *folder);

/* Removes the folder, also a half of it, and frees its path. NULL does nothing. */
void sfx_jail_leave(char *folder);

#endif
