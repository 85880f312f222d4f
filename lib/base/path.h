/* SPDX-License-Identifier: MIT */
/*
 * Paths: taking names apart, and opening names from outside without leaving a folder.
 *
 * Contract: names are bytes, not text. "Beneath" means that no absolute name, no ".." (wherever it
 * stands) and no symbolic link below the folder is followed: openat2 with RESOLVE_BENEATH,
 * RESOLVE_NO_MAGICLINKS and RESOLVE_NO_SYMLINKS, or a walk with the same result where the kernel
 * has no openat2.
 */
#ifndef SFX_BASE_PATH_H
#define SFX_BASE_PATH_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/types.h>

/*
 * The parts of a path, all borrowed from it. Slashes at the end count for nothing. A dot starts an
 * extension unless it is the first or the last of the name: ".profile" and "a." have none.
 */
struct sfx_path_parts {
    struct sfx_slice dir;  /* "in/2026" of "in/2026/a.tar.gz"; "." for none; "/" for "/x" */
    struct sfx_slice base; /* "a.tar.gz"; empty for "/" */
    struct sfx_slice stem; /* "a.tar": base without its extension */
    struct sfx_slice ext;  /* "gz", empty when there is none */
};

/* Splits path (borrowed; not empty). Never fails. */
void sfx_path_split(struct sfx_slice path, struct sfx_path_parts *out);

/*
 * Opens rel (terminated, relative) beneath the folder dirfd with open(2) flags and mode.
 * Returns the descriptor (close-on-exec). Errors: IO; INPUT when rel would lead outside.
 */
int sfx_path_open_beneath(int dirfd, const char *rel, int flags, mode_t mode, struct sfx_err *err);

/* Makes the folders of path that are missing (mode 0777 & ~umask). Errors: IO. */
int sfx_path_mkdirs(const char *path, struct sfx_err *err);

/*
 * Makes the folders of rel that are missing beneath dirfd, never through a link, and opens the last
 * one. Returns the descriptor of rel's folder ("." gives a duplicate of dirfd). Errors: as above.
 */
int sfx_path_mkdirs_beneath(int dirfd, const char *rel, struct sfx_err *err);

#endif
