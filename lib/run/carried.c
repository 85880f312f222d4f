/* SPDX-License-Identifier: MIT */
/* The end of a state file: read in place, gathered beside it. */
#include "run/carried.h"

#include "base/io.h"

#include <errno.h>
#include <unistd.h>

#define COPY_NBYTES 65536

ssize_t sfx_carried_read(void *carried, void *ptr, size_t cap, struct sfx_err *err)
{
    return sfx_io_read(((struct sfx_carried_bytes *)carried)->fd, ptr, cap, err);
}

int sfx_carried_write(void *ctx, const void *ptr, size_t nbytes, struct sfx_err *err)
{
    struct sfx_carried_bytes *carried = ctx;

    if (carried->next == NULL)
        carried->next = sfx_outfile_new(carried->path, NULL, err);
    if (carried->next == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    return sfx_outfile_write(carried->next, ptr, nbytes, err);
}

int sfx_carried_copy(const struct sfx_carried_bytes *carried, struct sfx_outfile *out,
                     struct sfx_err *err)
{
    char bytes[COPY_NBYTES];
    off_t at = 0;
    ssize_t n = carried->next != NULL;
    int rc = 0;

    while (rc == 0 && n > 0) {
        n = pread(sfx_outfile_fd(carried->next), bytes, sizeof(bytes), at);
        if (n < 0)
            return sfx_err_errno(err, errno, "%s", carried->path);
        rc = sfx_outfile_write(out, bytes, (size_t)n, err);
        at += n;
    }
    return rc;
}

void sfx_carried_done(struct sfx_carried_bytes *carried)
{
    (void)sfx_io_close(&carried->fd, NULL);
    sfx_outfile_free(carried->next);
}
