/* SPDX-License-Identifier: MIT */
/* One line of progress on a terminal, rewritten in place at most ten times a second. */
#ifndef SFX_CLI_PROGRESS_H
#define SFX_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the line away: back to the first column, clear to the end of the line (ECMA-48 EL). */
#define SFX_PROGRESS_CLEAR "\r\033[K"

struct sfx_progress {
    int fd;             /* -1: off */
    int64_t started_ns; /* monotonic */
    int64_t shown_ns;   /* monotonic, of the last rewrite */
    bool visible;
};

/* Starts; shows nothing in the first second. on: false makes every call a no-op. */
void sfx_progress_init(struct sfx_progress *p, int fd, bool on);

/* Shows done of total (0: unknown) units of what ("rows", "files") and bytes read. Cheap when it is
 * too early. */
void sfx_progress_update(struct sfx_progress *p, const char *what, uint64_t done, uint64_t total,
                         uint64_t nbytes);

/* Takes the line away. */
void sfx_progress_done(struct sfx_progress *p);

#endif
