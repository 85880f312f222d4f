/* SPDX-License-Identifier: MIT */
/* The rejects file. */
#include "run/rejects.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct sfx_rejects {
    struct sfx_reject_sink sink;
    const char *program; /* borrowed */
    char *path;          /* owned; for messages */
    int fd;
    bool wrote;
    struct sfx_buf line; /* reused */
};

/*
 * A line that finds no room is taken back: the next one would be glued to its half. The lock keeps
 * that from cutting off a line of another process that shares the file.
 */
static int write_line(struct sfx_rejects *rejects, struct sfx_err *err)
{
    struct stat before;
    bool known;
    int rc;

    while (flock(rejects->fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    known = fstat(rejects->fd, &before) == 0 && S_ISREG(before.st_mode);
    rc = sfx_io_write(rejects->fd, rejects->line.data, rejects->line.len, err);
    /* Where taking back fails too, the failed write says more. */
    if (rc < 0 && known)
        (void)!ftruncate(rejects->fd, before.st_size);
    (void)flock(rejects->fd, LOCK_UN);
    return rc;
}

static int put(void *ctx, const struct sfx_reject *r, struct sfx_err *err)
{
    struct sfx_rejects *rejects = ctx;
    struct sfx_reject named = *r;
    int rc;

    if (named.program == NULL)
        named.program = rejects->program;
    sfx_buf_clear(&rejects->line);
    rc = sfx_reject_write(&named, &rejects->line, err);
    if (rc == 0)
        rc = write_line(rejects, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "%s", rejects->path);
    rejects->wrote = true;
    return 0;
}

struct sfx_rejects *sfx_rejects_new(const char *path, const char *program, struct sfx_err *err)
{
    struct sfx_rejects *rejects = calloc(1, sizeof(*rejects));

    if (rejects != NULL)
        rejects->path = strdup(path);
    if (rejects == NULL || rejects->path == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "%s: no memory for the rejects file", path);
        free(rejects);
        return NULL;
    }
    rejects->sink = (struct sfx_reject_sink){put, rejects};
    rejects->program = program;
    rejects->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (rejects->fd < 0) {
        (void)sfx_err_errno(err, errno, "%s: cannot open the rejects file", path);
        free(rejects->path);
        free(rejects);
        return NULL;
    }
    return rejects;
}

const struct sfx_reject_sink *sfx_rejects_sink(struct sfx_rejects *rejects)
{
    return &rejects->sink;
}

int sfx_rejects_close(struct sfx_rejects *rejects, struct sfx_err *err)
{
    int rc = 0;

    if (rejects == NULL)
        return 0;
    /* A pipe or a terminal has nothing to sync and says EINVAL. */
    if (rejects->wrote && fsync(rejects->fd) != 0 && errno != EINVAL)
        rc = sfx_err_errno(err, errno, "%s: cannot sync", rejects->path);
    if (rc == 0 && (rc = sfx_io_close(&rejects->fd, err)) < 0)
        (void)sfx_err_wrap(err, rc, "%s", rejects->path);
    (void)sfx_io_close(&rejects->fd, NULL);
    sfx_buf_done(&rejects->line);
    free(rejects->path);
    free(rejects);
    return rc;
}
