/* SPDX-License-Identifier: MIT */
/* Whether anybody still writes to a file: fcntl(2) gives a read lease only when nobody does. */
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>

enum sfx_probe sfx_watch_probe(int fd)
{
    /* A writer that comes while the lease is held (for a microsecond) has us signalled: by one that
     * is ignored unless caught, instead of SIGIO, which would end the process. */
    if (fcntl(fd, F_SETSIG, SIGURG) != 0)
        return SFX_PROBE_UNKNOWN;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        return SFX_PROBE_FREE;
    }
    return errno == EAGAIN ? SFX_PROBE_BUSY : SFX_PROBE_UNKNOWN;
}
