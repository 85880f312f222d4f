/* SPDX-License-Identifier: MIT */
/* The rejects file. */
#include "run/rejects.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_NBYTES 65536

struct sfx_rejects {
    struct sfx_reject_sink sink;
    const char *program; /* borrowed */
    char *path;          /* owned; for messages */
    int fd;
    bool wrote;
    char *part;          /* owned; what is written instead of path; or NULL */
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

    while (rejects->part == NULL && flock(rejects->fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    known = fstat(rejects->fd, &before) == 0 && S_ISREG(before.st_mode);
    rc = sfx_io_write(rejects->fd, rejects->line.data, rejects->line.len, err);
    /* Where taking back fails too, the failed write says more. */
    if (rc < 0 && known)
        (void)!ftruncate(rejects->fd, before.st_size);
    if (rejects->part == NULL)
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

/* Fills the part, which is empty, with what path holds. */
static int copy_before(struct sfx_rejects *rejects, struct sfx_err *err)
{
    char block[COPY_NBYTES];
    ssize_t n = 0;
    int rc = 0, fd = open(rejects->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : sfx_err_errno(err, errno, "%s", rejects->path);
    while (rc == 0 && (n = sfx_io_read(fd, block, sizeof(block), err)) > 0)
        rc = sfx_io_write(rejects->fd, block, (size_t)n, err);
    (void)sfx_io_close(&fd, NULL);
    return n < 0 ? (int)n : rc;
}

/* Makes path.part the file that is written, if it is nobody else's. */
static int take_part(struct sfx_rejects *rejects, bool *left, struct sfx_err *err)
{
    struct stat st;

    if (asprintf(&rejects->part, "%s.part", rejects->path) < 0) {
        rejects->part = NULL;
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the rejects file");
    }
    rejects->fd = open(rejects->part, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (rejects->fd < 0)
        return sfx_err_errno(err, errno, "%s: cannot open the rejects file", rejects->part);
    if (flock(rejects->fd, LOCK_EX | LOCK_NB) != 0)
        return sfx_err_set(err, SFX_E_TEMPORARY, "%s: another process writes it", rejects->part);
    if (fstat(rejects->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s", rejects->part);
    *left = st.st_size > 0;
    return *left ? 0 : copy_before(rejects, err);
}

struct sfx_rejects *sfx_rejects_new_part(const char *path, const char *program, bool *left,
                                         struct sfx_err *err)
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
    rejects->fd = -1;
    if (take_part(rejects, left, err) == 0)
        return rejects;
    (void)sfx_rejects_close(rejects, NULL);
    return NULL;
}

int sfx_rejects_sync(void *ctx, uint64_t *nbytes, struct sfx_err *err)
{
    struct sfx_rejects *rejects = ctx;
    struct stat st;

    if ((rejects->wrote && fdatasync(rejects->fd) != 0) || fstat(rejects->fd, &st) != 0)
        return sfx_err_errno(err, errno, "%s: cannot sync", rejects->path);
    rejects->wrote = false;
    *nbytes = (uint64_t)st.st_size;
    return 0;
}

int sfx_rejects_cut(void *ctx, uint64_t nbytes, struct sfx_err *err)
{
    struct sfx_rejects *rejects = ctx;
    struct stat st;

    if (fstat(rejects->fd, &st) == 0 && (uint64_t)st.st_size <= nbytes)
        return 0;
    rejects->wrote = true;
    return ftruncate(rejects->fd, (off_t)nbytes) == 0
               ? 0
               : sfx_err_errno(err, errno, "%s: cannot cut", rejects->part);
}

int sfx_rejects_finish(struct sfx_rejects *rejects, struct sfx_err *err)
{
    uint64_t nbytes;
    int rc = sfx_rejects_sync(rejects, &nbytes, err);

    if (rc == 0 && rename(rejects->part, rejects->path) != 0)
        rc = sfx_err_errno(err, errno, "%s", rejects->path);
    return rc;
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
    if (rc == 0 && rejects->fd >= 0 && (rc = sfx_io_close(&rejects->fd, err)) < 0)
        (void)sfx_err_wrap(err, rc, "%s", rejects->path);
    if (rejects->fd >= 0)
        (void)sfx_io_close(&rejects->fd, NULL);
    sfx_buf_done(&rejects->line);
    free(rejects->part);
    free(rejects->path);
    free(rejects);
    return rc;
}
