/* SPDX-License-Identifier: MIT */
/*
 * Atomic output files: the one way to publish an output.
 *
 * Contract: an output is written to an unnamed file in its own folder (O_TMPFILE; where the file
 * system has none, to ".sfx-<random>.tmp") and gets its name in one step by _commit. Until then
 * nothing is visible under the name and what stood there stays; a process that is killed leaves
 * nothing, or at most one ".sfx-*.tmp". _free without _commit throws the output away. What stood
 * under the name is replaced, not written to: a symbolic link there goes, what it led to stays.
 *
 * Many outputs at once: _park closes those that need not be open, _prepare of all and then _commit
 * of all makes them appear together as nearly as renaming can.
 */
#ifndef SFX_BASE_OUTFILE_H
#define SFX_BASE_OUTFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sfx_outfile;

struct sfx_outfile_opts {
    bool durable;     /* fsync the file, then its folder and those made, before _commit returns */
    bool no_clobber;  /* _commit fails with USAGE when the name is taken by then */
    bool make_dirs;   /* make missing folders */
    const char *root; /* when set: path is relative to this folder and must stay beneath it */
};

/*
 * Starts an output that will be named path. opts: NULL for defaults; path and opts are borrowed
 * during the call. Returns NULL with err filled. Errors: IO, NOMEM; INPUT when path leads out of
 * opts->root; USAGE when path names a folder, a device, a pipe or a socket.
 */
struct sfx_outfile *sfx_outfile_new(const char *path, const struct sfx_outfile_opts *opts,
                                    struct sfx_err *err);

/* The descriptor to write to (read-write, seekable); owned by the outfile, -1 after _commit
 * and _park. */
int sfx_outfile_fd(const struct sfx_outfile *out);

/* Appends len bytes: sfx_io_write on the descriptor, with the path in the error. */
int sfx_outfile_write(struct sfx_outfile *out, const void *ptr, size_t len, struct sfx_err *err);

/* Closes the output's descriptors for now; it stands under its temporary name. Nothing if it is
 * parked. Errors: IO. */
int sfx_outfile_park(struct sfx_outfile *out, struct sfx_err *err);

/* Opens a parked output again, at its end. Nothing if it is open. Errors: IO; INPUT when the file
 * under the temporary name is another one. */
int sfx_outfile_resume(struct sfx_outfile *out, struct sfx_err *err);

/* Does what of _commit may fail for want of room or for a bad disk: only a rename is left then.
 * Errors: IO. */
int sfx_outfile_prepare(struct sfx_outfile *out, struct sfx_err *err);

/* Gives the output its name. The output must still be freed. Errors: IO, USAGE (no_clobber). */
int sfx_outfile_commit(struct sfx_outfile *out, struct sfx_err *err);

/* Frees; an output that was not committed vanishes. NULL does nothing. */
void sfx_outfile_free(struct sfx_outfile *out);

#endif
