/* SPDX-License-Identifier: MIT */
/*
 * Giving up rights: what a process that works on bytes from outside can do no more, whatever these
 * bytes make of it. Landlock closes the file system and TCP, a seccomp filter the system calls.
 *
 * Programs that are run in it as root have no capabilities but those over files.
 *
 * Contract: what is given up stays so for the process and its children. Descriptors that are open
 * keep what they can. Libraries that are opened late must have been opened before. To be entered
 * while the process has one thread. Forbidden calls fail with EPERM or EACCES.
 */
#ifndef SFX_BASE_SANDBOX_H
#define SFX_BASE_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sfx_sandbox_path {
    const char *path; /* a file, or a folder with what is beneath it */
    bool writable;    /* else it can be read and run */
};

struct sfx_sandbox {
    /*
     * Nothing but computing: memory, clocks, reading and writing of open descriptors. No name is
     * opened, no thread, process or socket is made, no memory becomes code; paths and network do
     * not count.
     */
    bool compute_only;
    bool network;                         /* sockets but AF_UNIX are allowed */
    const struct sfx_sandbox_path *paths; /* what of the file system stays; borrowed */
    size_t npaths;
};

/* What came to stand: bits of the result of _enter. */
#define SFX_SANDBOX_LANDLOCK 1
#define SFX_SANDBOX_SECCOMP  2

/* What this kernel has: SFX_SANDBOX_… bits. */
int sfx_sandbox_supported(void);

/*
 * Enters the sandbox with what this kernel has. Returns what stands, SFX_SANDBOX_… bits. Errors:
 * UNSUPPORTED when it has neither (or a sanitizer needs the calls), IO for a path that cannot be
 * opened; what was given up by then stays given up.
 */
int sfx_sandbox_enter(const struct sfx_sandbox *sandbox, struct sfx_err *err);

#endif
