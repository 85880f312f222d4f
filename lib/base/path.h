/* SPDX-License-Identifier: MIT */
/*
 * Paths: taking names apart, and opening names from outside without leaving a folder.
 *
 * Contract: names are bytes, not text. "Beneath" means that neither "..", an absolute name nor a
 * symbolic link leads out of the folder (openat2 RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, and no
 * link is followed at all below the folder: RESOLVE_NO_SYMLINKS).
 */
#ifndef SFX_BASE_PATH_H
#define SFX_BASE_PATH_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/types.h>

/* The parts of a path, all borrowed from it. */
struct sfx_path_parts {
    struct sfx_slice
        dir; /* "in/2026" of "in/2026/a.tar.gz"; "." when there is none; "/" for "/x" */
    struct sfx_slice base; /* "a.tar.gz" */
    struct sfx_slice stem; /* "a.tar": base without its last extension; a leading dot starts none */
    struct sfx_slice ext;  /* "gz", empty when there is none */
};

/* Splits path (borrowed; not empty). Never fails: "a", ".profile" and "x/" have their rules above.
 */
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
